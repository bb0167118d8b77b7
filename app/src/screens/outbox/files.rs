//! Where each photo of a visit stands, and why photos wait.

use doorstep_core::ids::SubmissionId;
use doorstep_core::phone::{MediaEntry, MediaState};
use leptos::prelude::*;

use crate::app::use_sync;
use crate::i18n::*;
use crate::session::Held;
use crate::sync::SyncPhase;
use crate::ui::{Button, ButtonKind, Icon, IconName, Notice, Tone};

/// Where one file stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum FileStage {
    Sent,
    /// On its way now.
    Sending(u8),
    /// Begun, and it goes on from there.
    Begun(u8),
    /// Begun, and the line broke before the server said what it has.
    BrokeOff,
    Paused,
    NoWifi,
    Waiting,
    Refused,
}

fn stage(entry: &MediaEntry, phase: SyncPhase, held: Option<Held>) -> FileStage {
    match (&entry.state, phase) {
        (MediaState::Stored, _) => return FileStage::Sent,
        (MediaState::SetAside { .. }, _) => return FileStage::Refused,
        (_, SyncPhase::SendingFile { media_id, percent, .. }) if media_id == entry.media_id => {
            return FileStage::Sending(percent);
        }
        _ => {}
    }
    match held {
        Some(Held::Paused) => FileStage::Paused,
        Some(Held::NoWifi) => FileStage::NoWifi,
        None => match entry.sent_bytes {
            None => FileStage::Waiting,
            Some(sent_bytes) => {
                let percent = sent_bytes.saturating_mul(100) / entry.size_bytes.max(1);
                match u8::try_from(percent.min(99)) {
                    Ok(percent) if percent > 0 => FileStage::Begun(percent),
                    _ => FileStage::BrokeOff,
                }
            }
        },
    }
}

/// A line for each file of a visit. Two of a kind are told apart by number.
pub(super) fn file_lines(
    media: &[MediaEntry],
    of: SubmissionId,
    phase: SyncPhase,
    held: Option<Held>,
) -> impl IntoView + use<> {
    let i18n = use_i18n();
    let mut counts = [0_usize; 4];
    let own = media.iter().filter(|file| file.submission_id == of && file.preview_of.is_none());
    let lines = own.map(|file| {
        let kind = match file.content_type.split('/').next() {
            Some("image") if file.content_type == "image/png" => 1,
            Some("image") => 0,
            Some("audio") => 2,
            _ => 3,
        };
        counts[kind] += 1;
        let number = counts[kind];
        let name = match kind {
            0 => t_string!(i18n, outbox.file_photo, number = number),
            1 => t_string!(i18n, outbox.file_drawing, number = number),
            2 => t_string!(i18n, outbox.file_sound, number = number),
            _ => t_string!(i18n, outbox.file_other, number = number),
        };
        let words = match stage(file, phase, held) {
            FileStage::Sent => t_string!(i18n, outbox.file_sent).to_owned(),
            FileStage::Sending(percent) => t_string!(i18n, outbox.file_sending, percent = percent),
            FileStage::Begun(percent) => t_string!(i18n, outbox.file_begun, percent = percent),
            FileStage::BrokeOff => t_string!(i18n, outbox.file_broke_off).to_owned(),
            FileStage::Paused => t_string!(i18n, outbox.file_paused).to_owned(),
            FileStage::NoWifi => t_string!(i18n, outbox.file_no_wifi).to_owned(),
            FileStage::Waiting => t_string!(i18n, outbox.file_waiting).to_owned(),
            FileStage::Refused => t_string!(i18n, outbox.file_refused).to_owned(),
        };
        view! {
            <li class="outbox__file">
                <span>{name}</span>
                <span class="numbers">{words}</span>
            </li>
        }
    });
    view! { <ul class="outbox__files soft small">{lines.collect_view()}</ul> }
}

/// That photos wait and why, and the buttons that stop them and let them go.
/// `waiting` are only on this phone.
pub(super) fn files_held(waiting: Signal<usize>) -> impl IntoView {
    let i18n = use_i18n();
    let files = use_sync().files();
    move || {
        let some = waiting.get() > 0;
        match files.held() {
            Some(Held::Paused) => view! {
                <Notice tone=Tone::Warning icon=IconName::Photo>
                    <p>{t!(i18n, outbox.paused)}</p>
                    <Button kind=ButtonKind::Secondary on_press=move || files.set_paused(false)>
                        {t!(i18n, outbox.resume)}
                    </Button>
                </Notice>
            }
            .into_any(),
            Some(Held::NoWifi) if some => view! {
                <Notice tone=Tone::Info icon=IconName::Photo>
                    <p>{t!(i18n, outbox.no_wifi)}</p>
                    <Button kind=ButtonKind::Secondary on_press=move || files.set_wifi_only(false)>
                        {t!(i18n, outbox.send_anyway)}
                    </Button>
                </Notice>
            }
            .into_any(),
            None if some => view! {
                <Button kind=ButtonKind::Quiet on_press=move || files.set_paused(true)>
                    <Icon name=IconName::Photo />
                    {t!(i18n, outbox.pause)}
                </Button>
            }
            .into_any(),
            _ => ().into_any(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorstep_core::hash::ContentHash;
    use doorstep_core::ids::MediaId;
    use uuid::Uuid;

    #[test]
    fn a_photo_says_where_it_stands() -> Result<(), doorstep_form::PathError> {
        let entry = MediaEntry {
            media_id: MediaId(Uuid::from_u128(1)),
            submission_id: SubmissionId(Uuid::from_u128(2)),
            path: "/photo".parse()?,
            file_name: "1.jpg".to_owned(),
            sha256: ContentHash::of(b""),
            size_bytes: 200,
            content_type: "image/jpeg".to_owned(),
            capture: None,
            preview_of: None,
            sent_bytes: None,
            state: MediaState::Waiting,
        };
        let begun = MediaEntry { sent_bytes: Some(90), ..entry.clone() };
        let sending = SyncPhase::SendingFile { media_id: entry.media_id, percent: 60, left: 1 };
        assert_eq!(stage(&entry, SyncPhase::Idle, None), FileStage::Waiting);
        assert_eq!(stage(&begun, SyncPhase::Idle, None), FileStage::Begun(45));
        assert_eq!(stage(&begun, sending, None), FileStage::Sending(60));
        assert_eq!(stage(&begun, SyncPhase::Idle, Some(Held::NoWifi)), FileStage::NoWifi);
        let cut = MediaEntry { sent_bytes: Some(0), ..entry.clone() };
        assert_eq!(stage(&cut, SyncPhase::Idle, None), FileStage::BrokeOff);
        let stored = MediaEntry { state: MediaState::Stored, ..begun };
        assert_eq!(stage(&stored, sending, Some(Held::Paused)), FileStage::Sent);
        Ok(())
    }
}
