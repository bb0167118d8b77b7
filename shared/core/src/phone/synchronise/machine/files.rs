//! The steps of a sync that send files: piece by piece, each behind what the
//! server says it has. What was cut off goes on from there, in this sync, in
//! the next one, or after the app, the phone or the server was started again.

use chrono::TimeDelta;

use super::{STATE_KEY, Synchronisation, put, send};
use crate::phone::draft::{MediaEntry, MediaState, media_key};
use crate::phone::outbox::OperationState;
use crate::phone::synchronise::{Failure, FileAct, FilePart, Request, Standing, Step};
use crate::problem::{Problem, ProblemCode};
use crate::store::{Batch, Durability, Table};

/// So often a file may fail in a row, without a byte more at the server,
/// before the sync gives up: one cut is asked after at once.
const STUMBLES_MAX: u32 = 2;

impl Synchronisation {
    /// Whether files may leave now. Visits do in any case.
    pub fn let_files_go(&mut self, may_go: bool) {
        self.files_wait = !may_go;
    }

    /// The next file whose submission the server has. A file that the server
    /// does not miss (a correction shares its photos) is done already.
    pub(super) fn next_file(&mut self, mut writes: Batch) -> Step {
        self.stumbles = 0;
        while let Some(mut entry) = self.media.pop_front() {
            let known = self.missing.get(&entry.submission_id);
            // A server that was restored from a backup may lack what it had. Who
            // is not told what it lacks now does not ask for what has arrived.
            let lacking = known.is_some_and(|missing| missing.contains(&entry.media_id));
            if entry.state == MediaState::Stored && (!lacking || self.pull_refused.is_some()) {
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
            if self.bytes.contains(&entry.media_id) && !self.files_wait {
                // What was begun once may be there in part.
                return match entry.sent_bytes {
                    Some(_) => send_part(writes, entry, FileAct::Ask),
                    None => self.begin_file(writes, entry),
                };
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

    /// That it was begun is written down before anything leaves.
    fn begin_file(&mut self, mut writes: Batch, mut entry: MediaEntry) -> Step {
        entry.sent_bytes = Some(0);
        put(&mut writes, Table::Media, &media_key(&entry), 0, &entry);
        let length = self.pace.next(entry.size_bytes);
        send_part(writes, entry, FileAct::Begin { length })
    }

    /// The server says what it has.
    pub(super) fn file_stands(
        &mut self,
        part: &FilePart,
        standing: Standing,
        took: Option<TimeDelta>,
    ) -> Step {
        let (mut entry, mut writes) = (part.entry.clone(), Batch::default());
        let Standing::At(offset) = standing else { return self.begin_file(writes, entry) };
        let (from, to) = part.range();
        let is_question = part.act == FileAct::Ask;
        if !is_question && offset <= from {
            // It took nothing and says that all is well.
            return self.file_stumbled(part, Failure::NoConnection);
        }
        if !is_question && let Some(took) = took {
            // What was there already has not come just now.
            self.pace.measured(offset.min(to) - from, took);
        }
        if offset > entry.sent_bytes.unwrap_or(0) {
            self.stumbles = 0;
            self.report.bytes_sent += offset - entry.sent_bytes.unwrap_or(0);
        }
        entry.sent_bytes = Some(offset);
        if offset == entry.size_bytes {
            entry.state = MediaState::Stored;
            self.report.files_sent += usize::from(entry.preview_of.is_none());
            self.state.upload_bytes_per_s = self.pace.bytes_per_s();
            put(&mut writes, Table::Meta, STATE_KEY, 0, &self.state);
        }
        put(&mut writes, Table::Media, &media_key(&entry), 0, &entry);
        if offset == entry.size_bytes || self.files_wait {
            return self.next_file(writes);
        }
        let length = self.pace.next(entry.size_bytes - offset);
        send_part(writes, entry, FileAct::Append { from: offset, length })
    }

    /// The network broke, or the server stands elsewhere than the phone
    /// thought: it is asked. Not for ever.
    pub(super) fn file_stumbled(&mut self, part: &FilePart, failure: Failure) -> Step {
        self.pace.stumbled();
        self.stumbles += 1;
        self.state.upload_bytes_per_s = self.pace.bytes_per_s();
        let mut writes = Batch::default();
        put(&mut writes, Table::Meta, STATE_KEY, 0, &self.state);
        if part.act == FileAct::Ask || self.stumbles >= STUMBLES_MAX {
            return self.finish(writes, Some(failure));
        }
        send_part(writes, part.entry.clone(), FileAct::Ask)
    }

    /// A file that can never be taken is set aside with its reason; one that
    /// may be taken later waits; neither stops the others.
    pub(super) fn file_refused(&mut self, part: &FilePart, problem: &Problem) -> Step {
        let (mut entry, mut writes) = (part.entry.clone(), Batch::default());
        let failure = || Failure::Problem(Box::new(problem.clone()));
        match (problem.code, problem.status) {
            (ProblemCode::MediaNotExpected, _) => self.next_file(writes),
            (ProblemCode::MediaHashMismatch, _) => {
                // Its pieces are whole and the whole is another: all over again,
                // in the next sync.
                entry.sent_bytes = None;
                put(&mut writes, Table::Media, &media_key(&entry), 0, &entry);
                self.file_waits = Some(Box::new(problem.clone()));
                self.next_file(writes)
            }
            // It can never be taken: too large, no picture, or dangerous.
            (_, 413 | 415 | 422) => {
                entry.state = MediaState::SetAside { problem: problem.code.code().to_owned() };
                put(&mut writes, Table::Media, &media_key(&entry), 0, &entry);
                self.next_file(writes)
            }
            // Another place, or bytes that changed on their way.
            (_, 409 | 460) => self.file_stumbled(part, failure()),
            // Forgotten meanwhile.
            (_, 404 | 410) if part.act != FileAct::Ask => self.file_stumbled(part, failure()),
            // The server still writes what came by a connection that broke.
            (_, 423) => {
                self.file_waits = Some(Box::new(problem.clone()));
                self.next_file(writes)
            }
            _ => self.finish(writes, Some(failure())),
        }
    }
}

fn send_part(writes: Batch, entry: MediaEntry, act: FileAct) -> Step {
    send(writes, Durability::Relaxed, Request::Upload(Box::new(FilePart { entry, act })))
}

#[cfg(test)]
mod tests;
