//! The files of the submission on the screen: which are there, which look like
//! others, and which picture is open. What is being decided on stays as it
//! was read; files arrive meanwhile, and the reviewer sees them come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use doorstep_core::api::{MediaRecord, SimilarPhoto, SubmissionDetail};
use doorstep_core::ids::{MediaId, SubmissionId};
use doorstep_core::submission::MediaReference;
use doorstep_core::text::{Language, LocalText};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::SubmissionData;
use crate::app::{use_device, use_office};
use crate::explain::Explain;
use crate::office::Office;

/// How often it is asked what has arrived, while something is missing.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// A picture among the answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Shot {
    pub(super) question: String,
    pub(super) reference: MediaReference,
    /// What the revision before had in its place, where that is another file.
    pub(super) before: Option<MediaReference>,
}

impl Shot {
    pub(super) fn id(&self) -> MediaId {
        self.reference.media_id
    }
}

/// The pictures of a submission, in the order of the answers.
pub(super) fn shots(data: &SubmissionData, language: Language) -> Vec<Shot> {
    let content = &data.detail.content;
    let before = data.detail.previous.as_ref().map_or(&[][..], |previous| &previous.media);
    let answers = data.reading.pages(language).into_iter().flat_map(|page| page.answers);
    answers
        .filter(|answer| answer.is_picture)
        .filter_map(|answer| {
            let name = answer.file.as_deref()?;
            let reference = reference(&content.media, &answer.path, Some(name))?.clone();
            let before = self::reference(before, &answer.path, None)
                .filter(|before| before.sha256 != reference.sha256)
                .cloned();
            Some(Shot { question: answer.question, reference, before })
        })
        .collect()
}

fn reference<'a>(files: &'a [MediaReference], path: &str, name: Option<&str>) -> Option<&'a MediaReference> {
    files.iter().find(|file| {
        file.path == path && file.preview_of.is_none() && name.is_none_or(|name| file.file_name == name)
    })
}

/// Photos of other submissions that look like one of this.
#[derive(Clone, Debug, PartialEq)]
pub enum Alike {
    Asking,
    Found(Vec<SimilarPhoto>),
    Failed(LocalText),
}

/// What the screen knows of files by now.
#[derive(Clone, Copy)]
pub struct Files {
    records: RwSignal<Vec<MediaRecord>>,
    before: RwSignal<Vec<MediaRecord>>,
    alike: RwSignal<BTreeMap<MediaId, Alike>>,
    /// The picture that is looked at.
    pub(super) open: RwSignal<Option<MediaId>>,
    office: Office,
}

impl Files {
    /// None yet, of this submission. Asks what has arrived for as long as
    /// something is missing and the screen is there.
    pub(super) fn of(id: SubmissionId) -> Self {
        let office = use_office();
        let device = use_device();
        let files = Self {
            records: RwSignal::default(),
            before: RwSignal::default(),
            alike: RwSignal::default(),
            open: RwSignal::new(None),
            office,
        };
        let ask = move || {
            let is_waiting = files.records.with_untracked(|records| records.iter().any(is_awaited));
            if !is_waiting || !device.online() || document().hidden() {
                return;
            }
            spawn_local(async move {
                // What is not heard now is heard next time.
                if let Ok(detail) = office.submission(id).await {
                    files.take(&detail);
                }
            });
        };
        let timer = set_interval_with_handle(move || untrack(ask), ASK_EVERY).ok();
        on_cleanup(move || {
            if let Some(timer) = timer {
                timer.clear();
            }
        });
        files
    }

    /// What the server says now. A picture that is shown keeps its address:
    /// one that has run out is noticed where it is used.
    pub(super) fn take(self, detail: &SubmissionDetail) {
        self.records.try_update(|known| *known = with_known_addresses(&detail.media, known));
        self.before.try_update(|known| *known = with_known_addresses(&detail.previous_media, known));
    }

    /// The facts of a file. Tracks.
    pub(super) fn record(self, id: MediaId) -> Option<MediaRecord> {
        self.records.with(|records| records.iter().find(|record| record.media_id == id).cloned())
    }

    /// The facts of a file of the revision before. Tracks.
    pub(super) fn record_before(self, id: MediaId) -> Option<MediaRecord> {
        self.before.with(|records| records.iter().find(|record| record.media_id == id).cloned())
    }

    /// The small picture of a photo, once it is there. Tracks.
    pub(super) fn preview(self, of: MediaId) -> Option<MediaRecord> {
        self.records.with(|records| {
            let is_it = |record: &&MediaRecord| record.preview_of == Some(of) && record.address.is_some();
            records.iter().find(is_it).cloned()
        })
    }

    /// The files that have not arrived, small pictures aside. Tracks.
    pub(super) fn missing(self) -> Vec<MediaRecord> {
        self.records.with(|records| {
            let is_missing = |record: &&MediaRecord| !record.stored && record.preview_of.is_none();
            records.iter().filter(is_missing).cloned().collect()
        })
    }

    /// The files that are kept and not shown, small pictures aside. Tracks.
    pub(super) fn quarantined(self) -> Vec<MediaRecord> {
        self.records.with(|records| {
            let is_kept = |record: &&MediaRecord| record.quarantine.is_some() && record.preview_of.is_none();
            records.iter().filter(is_kept).cloned().collect()
        })
    }

    /// What looks like a photo, as far as it was asked for. Tracks.
    pub(super) fn alike(self, id: MediaId) -> Option<Alike> {
        self.alike.with(|alike| alike.get(&id).cloned())
    }

    /// Asks what looks like a photo; once, unless that failed.
    pub(super) fn ask_alike(self, id: MediaId) {
        let known = self.alike.with_untracked(|alike| alike.get(&id).cloned());
        if !matches!(known, None | Some(Alike::Failed(_))) {
            return;
        }
        self.alike.update(|alike| drop(alike.insert(id, Alike::Asking)));
        spawn_local(async move {
            let found = match self.office.similar(id).await {
                Ok(answer) => Alike::Found(answer.photos),
                Err(failure) => Alike::Failed(failure.explain()),
            };
            self.alike.try_update(|alike| alike.insert(id, found));
        });
    }
}

/// Whether something will be known of the file that is not known yet.
fn is_awaited(record: &MediaRecord) -> bool {
    let is_examined = record.quarantine.is_some()
        || record.width_px.is_some()
        || !record.content_type.starts_with("image/");
    !record.stored || !is_examined
}

fn with_known_addresses(now: &[MediaRecord], known: &[MediaRecord]) -> Vec<MediaRecord> {
    now.iter()
        .map(|record| {
            let before = known.iter().find(|before| before.media_id == record.media_id);
            let address = before
                .and_then(|before| before.address.clone())
                .filter(|_| record.address.is_some())
                .or_else(|| record.address.clone());
            MediaRecord { address, ..record.clone() }
        })
        .collect()
}

/// The pictures of the submission, for those who look at one.
pub type Shots = Arc<Vec<Shot>>;

#[cfg(test)]
mod tests {
    use super::*;
    use doorstep_core::media::QuarantineReason;
    use uuid::Uuid;

    fn record(number: u128, address: Option<&str>) -> MediaRecord {
        MediaRecord {
            media_id: MediaId(Uuid::from_u128(number)),
            path: "/ph".into(),
            file_name: "1.jpg".into(),
            content_type: "image/jpeg".into(),
            stored: address.is_some(),
            stored_at: None,
            address: address.map(str::to_owned),
            quarantine: None,
            preview_of: None,
            width_px: address.map(|_| 40),
            height_px: address.map(|_| 30),
        }
    }

    #[test]
    fn what_is_shown_keeps_its_address_and_what_is_taken_away_has_none() {
        let known = [record(1, Some("/a?1")), record(2, Some("/b?1")), record(3, None)];
        let now = [record(1, Some("/a?2")), record(2, None), record(3, Some("/c?2"))];
        let addresses: Vec<Option<String>> =
            with_known_addresses(&now, &known).into_iter().map(|record| record.address).collect();
        assert_eq!(addresses, [Some("/a?1".to_owned()), None, Some("/c?2".to_owned())]);
    }

    #[test]
    fn what_is_missing_or_unseen_is_awaited() {
        assert!(is_awaited(&record(1, None)));
        assert!(!is_awaited(&record(1, Some("/a"))));
        let unseen = MediaRecord { width_px: None, ..record(1, Some("/a")) };
        assert!(is_awaited(&unseen));
        assert!(!is_awaited(&MediaRecord { quarantine: Some(QuarantineReason::Damaged), ..unseen.clone() }));
        assert!(!is_awaited(&MediaRecord { content_type: "audio/webm".into(), ..unseen }));
    }
}
