//! What was done to a draft, step by step. Each step is one durable write;
//! opening the draft does all of them again, in their order.
//!
//! A step that names an instance of a repeat names it by its position at that
//! moment, so steps mean what they meant only in their order.

use doorstep_form::{LeftOver, LeftOverReason, NodePath, order};
use serde::{Deserialize, Serialize};

use super::{MediaEntry, MediaState, NewFile, OpenDraft, media_key};
use crate::hash::ContentHash;
use crate::ids::{DraftId, SubmissionId};
use crate::phone::room::Gift;
use crate::phone::{LocalTime, Phone, PhoneError};
use crate::store::{Batch, Entry, LocalStore, Table, Write, decode};

/// One line of a draft's log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DraftStep {
    /// The question, the repeat that grew (`/member`), or the instance that
    /// went (`/member[2]`).
    pub path: NodePath,
    #[serde(flatten)]
    pub deed: Deed,
    pub at: LocalTime,
}

/// What was done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// The question got this answer.
    Value(String),
    /// Instances of a repeat changed.
    Repeat(RepeatChange),
}

/// What happened to the instances of a repeat.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatChange {
    /// One more at the end.
    Added,
    /// This one is gone; those behind it moved up.
    Removed,
}

fn step_key(draft: DraftId, number: usize) -> String {
    format!("{draft}|{number:08}")
}

fn refused(path: &NodePath, why: &dyn std::fmt::Display) -> PhoneError {
    PhoneError::Answer { path: path.to_string(), message: why.to_string() }
}

impl OpenDraft {
    /// Does a step of the log again. What the form does not take any more is
    /// left over.
    pub(super) fn repeat_step(&mut self, step: DraftStep) {
        let DraftStep { path, deed, at } = step;
        self.session.set_now(at);
        match deed {
            Deed::Value(value) => {
                if self.session.answer(&path, &value).is_err() {
                    // The last answer counts; one that was taken back is none.
                    self.left_over.retain(|left| left.path != path.to_string());
                    if !value.is_empty() {
                        self.left_over.push(LeftOver {
                            path: path.to_string(),
                            value: value.into(),
                            reason: LeftOverReason::UnknownName,
                        });
                    }
                }
                self.answer_times.insert(path, at);
            }
            // A form that does not take the instance does not take the
            // answers in it either; those are left over.
            Deed::Repeat(RepeatChange::Added) => drop(self.session.add_repeat(&path)),
            Deed::Repeat(RepeatChange::Removed) => {
                if self.session.remove_repeat(&path).is_ok() {
                    self.forget_instance(&path);
                }
            }
        }
    }

    /// Times of answers move with their instances.
    fn forget_instance(&mut self, removed: &NodePath) {
        let times = std::mem::take(&mut self.answer_times).into_iter();
        self.answer_times =
            order::map_of(times.filter_map(|(path, at)| Some((path.after_removal(removed)?, at))));
    }
}

impl<S: LocalStore> Phone<S> {
    /// Takes an answer: into the session, then onto the disk. Returns, once it
    /// is durable, the nodes that changed.
    ///
    /// # Errors
    /// When the form has no such question or the store cannot be written; then
    /// the session has the answer and the disk does not, and the caller shows
    /// the error and asks again.
    pub async fn answer(
        &self,
        draft: &mut OpenDraft,
        path: &NodePath,
        value: &str,
        now: LocalTime,
    ) -> Result<Vec<NodePath>, PhoneError> {
        let mut batch = Batch::default();
        let changed = self.take(draft, path, value, now, &mut batch)?;
        self.keep(batch, Gift::Answer).await?;
        draft.steps += 1;
        Ok(changed)
    }

    /// Takes a photo, a recording or another file as the answer: its bytes, its
    /// facts and the answer are one write.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn answer_with_file(
        &self,
        draft: &mut OpenDraft,
        path: &NodePath,
        file: NewFile,
        now: LocalTime,
    ) -> Result<Vec<NodePath>, PhoneError> {
        let entry = MediaEntry {
            media_id: file.media_id,
            submission_id: SubmissionId(draft.record.draft_id.0),
            path: path.clone(),
            file_name: format!("{}.{}", file.media_id, ending(&file)),
            sha256: ContentHash::of(&file.bytes),
            size_bytes: file.bytes.len() as u64,
            content_type: file.content_type,
            capture: file.capture,
            preview_of: None,
            sent_bytes: None,
            state: MediaState::Captured,
        };
        let mut batch = Batch::default();
        if let Some(preview) = file.preview {
            let small = MediaEntry {
                media_id: preview.media_id,
                file_name: format!("{}.jpg", preview.media_id),
                sha256: ContentHash::of(&preview.bytes),
                size_bytes: preview.bytes.len() as u64,
                content_type: preview.content_type,
                capture: None,
                preview_of: Some(entry.media_id),
                ..entry.clone()
            };
            put_file(&mut batch, &small, preview.bytes)?;
        }
        put_file(&mut batch, &entry, file.bytes)?;
        let changed = self.take(draft, path, &entry.file_name, now, &mut batch)?;
        self.keep(batch, Gift::File).await?;
        draft.steps += 1;
        Ok(changed)
    }

    fn take(
        &self,
        draft: &mut OpenDraft,
        path: &NodePath,
        value: &str,
        now: LocalTime,
        batch: &mut Batch,
    ) -> Result<Vec<NodePath>, PhoneError> {
        let step = DraftStep { path: path.clone(), deed: Deed::Value(value.to_owned()), at: now };
        batch.put(Table::DraftAnswer, step_key(draft.record.draft_id, draft.steps), &step)?;
        draft.session.set_now(now);
        let changed = draft.session.answer(path, value).map_err(|error| refused(path, &error))?;
        draft.answer_times.insert(path.clone(), now);
        Ok(changed)
    }

    /// Adds an instance at the end of a repeat (`/member`). Returns what
    /// changed, once it is durable.
    ///
    /// # Errors
    /// When the form does not take it or the store cannot be written; the
    /// draft is as it was then.
    pub async fn add_repeat(
        &self,
        draft: &mut OpenDraft,
        path: &NodePath,
        now: LocalTime,
    ) -> Result<Vec<NodePath>, PhoneError> {
        let mut session = draft.session.clone();
        let mut changed = session.set_now(now);
        changed.extend(session.add_repeat(path).map_err(|error| refused(path, &error))?);
        let mut batch = Batch::default();
        write_change(draft, path, RepeatChange::Added, now, &mut batch)?;
        self.keep(batch, Gift::Answer).await?;
        draft.session = session;
        draft.steps += 1;
        Ok(changed)
    }

    /// Removes an instance of a repeat (`/member[2]`) with everything in it,
    /// files too; those behind it move up, and theirs with them. Returns what
    /// changed, once it is durable.
    ///
    /// # Errors
    /// As [`Self::add_repeat`].
    pub async fn remove_repeat(
        &self,
        draft: &mut OpenDraft,
        path: &NodePath,
        now: LocalTime,
    ) -> Result<Vec<NodePath>, PhoneError> {
        let mut session = draft.session.clone();
        let mut changed = session.set_now(now);
        changed.extend(session.remove_repeat(path).map_err(|error| refused(path, &error))?);
        let mut batch = Batch::default();
        write_change(draft, path, RepeatChange::Removed, now, &mut batch)?;
        for row in self.store.scan(Table::Media, &format!("{}|", draft.record.draft_id)).await? {
            let entry: MediaEntry = decode(&row)?;
            match entry.path.after_removal(path) {
                Some(moved) if moved != entry.path => {
                    batch.put(Table::Media, row.key, &MediaEntry { path: moved, ..entry })?;
                }
                Some(_) => {}
                None => {
                    if !self.is_shared(&entry).await? {
                        batch.delete(Table::MediaBytes, entry.media_id.to_string());
                    }
                    batch.delete(Table::Media, row.key);
                }
            }
        }
        self.keep(batch, Gift::Answer).await?;
        draft.session = session;
        draft.forget_instance(path);
        draft.steps += 1;
        Ok(changed)
    }
}

fn put_file(batch: &mut Batch, entry: &MediaEntry, bytes: Vec<u8>) -> Result<(), PhoneError> {
    batch.put(Table::Media, media_key(entry), entry)?;
    let bytes = Entry { key: entry.media_id.to_string(), revision: 0, value: bytes };
    batch.0.push(Write::Put(Table::MediaBytes, bytes));
    Ok(())
}

fn write_change(
    draft: &OpenDraft,
    path: &NodePath,
    change: RepeatChange,
    at: LocalTime,
    batch: &mut Batch,
) -> Result<(), PhoneError> {
    let step = DraftStep { path: path.clone(), deed: Deed::Repeat(change), at };
    batch.put(Table::DraftAnswer, step_key(draft.record.draft_id, draft.steps), &step)?;
    Ok(())
}

/// Endings by type of content, where the type says it.
const ENDINGS: &[(&str, &str)] = &[
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/webp", "webp"),
    ("audio/mp4", "m4a"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("audio/wav", "wav"),
    ("audio/webm", "webm"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
    ("application/pdf", "pdf"),
];
/// Longest ending that is taken from a name.
const ENDING_BYTES_MAX: usize = 8;

/// The ending of the file's name here: by its type, else as it was called.
fn ending(file: &NewFile) -> String {
    if let Some((_, ending)) = ENDINGS.iter().find(|(content_type, _)| *content_type == file.content_type) {
        return (*ending).to_owned();
    }
    let named = file.name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let fits = (1..=ENDING_BYTES_MAX).contains(&named.len())
        && named.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits { named } else { "bin".to_owned() }
}

#[cfg(test)]
mod tests;
