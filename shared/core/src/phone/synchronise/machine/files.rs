//! The steps of a sync that send files.

use super::{Synchronisation, put, send};
use crate::api::MediaStored;
use crate::phone::draft::{MediaEntry, MediaState, media_key};
use crate::phone::outbox::OperationState;
use crate::phone::synchronise::{Failure, Request, Step};
use crate::problem::{Problem, ProblemCode};
use crate::store::{Batch, Durability, Table};

impl Synchronisation {
    /// The next file whose submission the server has. A file that the server
    /// does not miss (a correction shares its photos) is done already.
    pub(super) fn next_file(&mut self, mut writes: Batch) -> Step {
        while let Some(mut entry) = self.media.pop_front() {
            let known = self.missing.get(&entry.submission_id);
            // A server that was restored from a backup may lack what it had.
            let lacking = known.is_some_and(|missing| missing.contains(&entry.media_id));
            if entry.state == MediaState::Stored && !lacking {
                continue;
            }
            // One that was parked says so by its status, once it was applied.
            let acknowledged = known.is_some()
                || self.operations.values().any(|operation| {
                    matches!(operation.state, OperationState::Applied { .. })
                        && operation.receipt.as_ref().and_then(|receipt| receipt.submission_id)
                            == Some(entry.submission_id)
                });
            if !acknowledged {
                continue;
            }
            if known.is_some() && !lacking {
                entry.state = MediaState::Stored;
                put(&mut writes, Table::Media, &media_key(&entry), 0, &entry);
                continue;
            }
            if self.bytes.contains(&entry.media_id) {
                return send(writes, Durability::Strict, Request::Upload(entry));
            }
        }
        if let Some(problem) = self.pull_refused.take() {
            return self.finish(writes, Some(Failure::Problem(problem)));
        }
        if self.report.files_sent > 0 && !self.pulled_after_files {
            self.pulled_after_files = true;
            return self.pull(writes, None);
        }
        self.next_form_file(writes)
    }

    pub(super) fn uploaded(&mut self, mut entry: MediaEntry, stored: &MediaStored) -> Step {
        let mut writes = Batch::default();
        if stored.sha256 == entry.sha256 && stored.media_id == entry.media_id {
            entry.state = MediaState::Stored;
            self.report.files_sent += 1;
            put(&mut writes, Table::Media, &media_key(&entry), 0, &entry);
        }
        self.next_file(writes)
    }

    /// A file that can never be taken is set aside with its reason; one that
    /// may be taken later waits; neither stops the others.
    pub(super) fn upload_refused(&mut self, mut entry: MediaEntry, problem: &Problem) -> Step {
        let mut writes = Batch::default();
        match problem.code {
            ProblemCode::MediaNotAnImage | ProblemCode::MediaTooManyPixels | ProblemCode::TooLarge => {
                entry.state = MediaState::SetAside { problem: problem.code.code().to_owned() };
                put(&mut writes, Table::Media, &media_key(&entry), 0, &entry);
                self.next_file(writes)
            }
            ProblemCode::MediaNotExpected | ProblemCode::MediaHashMismatch => self.next_file(writes),
            _ => self.finish(writes, Some(Failure::Problem(Box::new(problem.clone())))),
        }
    }
}
