//! Where a captured visit stands, for whoever captured it.

use doorstep_core::ids::{MediaId, SubmissionId};
use doorstep_core::phone::{MediaEntry, MediaState, OperationState, OutboxEntry};
use doorstep_core::problem::ProblemCode;
use doorstep_core::submission::SubmissionState;
use doorstep_core::text::{Language, LocalText};

use crate::screens::words;
use crate::sync::SyncPhase;
use crate::ui::Tone;

/// A state, its words and its colour.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Stage {
    pub(super) words: String,
    pub(super) tone: Tone,
    /// More about it, in a sentence.
    pub(super) more: Option<String>,
}

/// Where `entry` stands while sync does `phase`.
pub(super) fn stage(language: Language, entry: &OutboxEntry, phase: SyncPhase) -> Stage {
    let say = |tone: Tone, text: LocalText| Stage { words: text.get(language).to_owned(), tone, more: None };
    if let Some(status) = &entry.status
        && status.state != SubmissionState::Submitted
    {
        return say(words::submission_tone(status.state), words::submission_state(status.state));
    }
    match &entry.state {
        OperationState::Waiting if matches!(phase, SyncPhase::Sending { .. }) => {
            say(Tone::Info, LocalText::new("上传中", "Sending"))
        }
        OperationState::Waiting => say(Tone::Warning, LocalText::new("仅在手机上", "Only on this phone")),
        OperationState::Parked { reason, .. } => Stage {
            more: Some(words::park_reason(reason).get(language).to_owned()),
            ..say(Tone::Warning, LocalText::new("服务器暂存", "Held at the server"))
        },
        OperationState::Applied { .. } => match &entry.status {
            Some(status) => say(Tone::Info, words::submission_state(status.state)),
            None => say(Tone::Info, LocalText::new("已收到", "Received")),
        },
    }
}

/// The photo of a visit that is on its way now, and how far it is in percent.
pub(super) fn uploading(media: &[MediaEntry], of: SubmissionId, phase: SyncPhase) -> Option<u8> {
    let SyncPhase::SendingFile { media_id, percent, .. } = phase else { return None };
    owner(media, media_id).filter(|owner| *owner == of).map(|_| percent)
}

/// A photo that a correction shares is sent once, for whichever still waits.
fn owner(media: &[MediaEntry], id: MediaId) -> Option<SubmissionId> {
    let mut own = media.iter().filter(|file| file.media_id == id);
    let first = own.clone().next()?;
    Some(own.find(|file| file.state == MediaState::Waiting).unwrap_or(first).submission_id)
}

/// Why the server refused a file, from the code it gave.
pub(super) fn refusal(language: Language, code: &str) -> String {
    ProblemCode::ALL
        .iter()
        .find(|known| known.code() == code)
        .map_or_else(|| code.to_owned(), |known| known.message().get(language).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use doorstep_core::hash::ContentHash;
    use doorstep_core::ids::{CaseId, FormVersionId};
    use doorstep_core::submission::SubmissionStatus;
    use doorstep_core::sync::ParkReason;
    use uuid::Uuid;

    fn submission() -> SubmissionId {
        SubmissionId(Uuid::from_u128(1))
    }

    fn entry(state: OperationState, decided: Option<SubmissionState>) -> OutboxEntry {
        let form_version_id = FormVersionId(Uuid::from_u128(3));
        OutboxEntry {
            submission_id: submission(),
            revision: 1,
            form_id: "elder_visit".into(),
            form_version_id,
            task_id: None,
            case_label: None,
            finished_at: DateTime::UNIX_EPOCH.fixed_offset(),
            state,
            receipt: None,
            media_total: 1,
            media_sent: 0,
            media_set_aside: Vec::new(),
            status: decided.map(|state| SubmissionStatus {
                submission_id: submission(),
                root_id: submission(),
                revision: 1,
                form_id: "elder_visit".into(),
                form_version_id,
                case_id: CaseId(Uuid::from_u128(4)),
                task_id: None,
                state,
                sha256: ContentHash::of(b""),
                received_at: DateTime::UNIX_EPOCH,
                decided_at: None,
                comments: Vec::new(),
                media_missing: Vec::new(),
                media_quarantined: Vec::new(),
                content: None,
            }),
        }
    }

    fn file(id: u128, of: SubmissionId, state: MediaState) -> Result<MediaEntry, doorstep_form::PathError> {
        Ok(MediaEntry {
            media_id: MediaId(Uuid::from_u128(id)),
            submission_id: of,
            path: "/g_n/ph".parse()?,
            file_name: "ph.jpg".into(),
            sha256: ContentHash::of(b""),
            size_bytes: 1,
            content_type: "image/jpeg".into(),
            capture: None,
            preview_of: None,
            sent_bytes: None,
            state,
        })
    }

    #[test]
    fn a_visit_goes_from_the_phone_to_a_decision() {
        let acknowledged_at = DateTime::UNIX_EPOCH;
        let applied = OperationState::Applied { acknowledged_at };
        let words = |entry: OutboxEntry, phase| stage(Language::Zh, &entry, phase).words;
        let idle = SyncPhase::Idle;
        assert_eq!(words(entry(OperationState::Waiting, None), idle), "仅在手机上");
        assert_eq!(
            words(entry(OperationState::Waiting, None), SyncPhase::Sending { operations: 1 }),
            "上传中"
        );
        assert_eq!(words(entry(applied.clone(), None), idle), "已收到");
        assert_eq!(words(entry(applied.clone(), Some(SubmissionState::Submitted)), idle), "待审核");
        assert_eq!(words(entry(applied.clone(), Some(SubmissionState::Approved)), idle), "已通过");
        assert_eq!(words(entry(applied, Some(SubmissionState::Returned)), idle), "已退回");
    }

    #[test]
    fn a_parked_visit_says_why() {
        let parked =
            OperationState::Parked { acknowledged_at: DateTime::UNIX_EPOCH, reason: ParkReason::FormUnknown };
        let said = stage(Language::En, &entry(parked, None), SyncPhase::Idle);
        assert_eq!(said.words, "Held at the server");
        assert!(said.more.is_some_and(|why| why.contains("not published")));
    }

    #[test]
    fn progress_belongs_to_the_visit_whose_photo_is_sent() -> Result<(), doorstep_form::PathError> {
        let other = SubmissionId(Uuid::from_u128(2));
        let phase = SyncPhase::SendingFile { media_id: MediaId(Uuid::from_u128(9)), percent: 43, left: 1 };
        let shared = [file(9, other, MediaState::Stored)?, file(9, submission(), MediaState::Waiting)?];
        assert_eq!(uploading(&shared, submission(), phase), Some(43));
        assert_eq!(uploading(&shared, other, phase), None);
        assert_eq!(uploading(&shared, submission(), SyncPhase::Idle), None);
        Ok(())
    }

    #[test]
    fn a_refusal_is_said_in_words() {
        assert_eq!(refusal(Language::Zh, "media_not_an_image"), ProblemCode::MediaNotAnImage.message().zh);
        assert_eq!(refusal(Language::Zh, "something_new"), "something_new");
    }
}
