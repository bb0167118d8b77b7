//! Sending one sealed file from a locked phone, as a state machine without IO.
//!
//! The first request has no bytes: it says with which key the file is sealed,
//! and the server answers how much it has of just that. So nothing is written
//! down on the way, and what came by another key, or plain, is never gone on
//! with.

use chrono::TimeDelta;

use super::{Failure, FileAct, FileRequest, Pace, Standing};
use crate::problem::ProblemCode;
use crate::sealing::{SealedFile, file_metadata};

/// So often it may fail in a row, without a byte more at the server.
const STUMBLES_MAX: u32 = 2;

/// A sealed file on its way.
#[derive(Debug)]
pub struct SealedUpload {
    file: SealedFile,
    stumbles: u32,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum SealedStep {
    Send(FileRequest),
    /// The server has the file.
    Arrived,
    /// It cannot be taken like this: whoever gives the PIN sends it.
    Refused,
    /// It cannot be taken now; others may be.
    Waits(Failure),
    /// Nothing can be sent now.
    Ends(Failure),
}

impl SealedUpload {
    /// The upload of a file, and its first request.
    pub fn begin(file: SealedFile) -> (Self, FileRequest) {
        let upload = Self { file, stumbles: 0 };
        let request = upload.request(FileAct::Begin { length: 0 });
        (upload, request)
    }

    /// Takes the answer to the last request, which was `took` on its way.
    pub fn step(
        &mut self,
        asked: &FileRequest,
        answer: Result<Standing, Failure>,
        pace: &mut Pace,
        took: TimeDelta,
    ) -> SealedStep {
        let offset = match answer {
            Ok(Standing::At(offset)) => offset,
            Ok(Standing::Unknown) => return self.stumbled(asked, Failure::NoConnection, pace),
            Err(failure) => return self.failed(asked, failure, pace),
        };
        if offset == self.file.sealed_bytes() {
            return SealedStep::Arrived;
        }
        if let FileAct::Append { from, .. } = asked.act {
            if offset <= from {
                // It took nothing and says that all is well.
                return self.stumbled(asked, Failure::NoConnection, pace);
            }
            self.stumbles = 0;
            pace.measured(offset - from, took);
        }
        let length = pace.next(self.file.sealed_bytes() - offset);
        SealedStep::Send(self.request(FileAct::Append { from: offset, length }))
    }

    fn request(&self, act: FileAct) -> FileRequest {
        FileRequest {
            media_id: self.file.media_id,
            length: self.file.sealed_bytes(),
            metadata: Some(file_metadata(&self.file.key)),
            act,
        }
    }

    fn failed(&mut self, asked: &FileRequest, failure: Failure, pace: &mut Pace) -> SealedStep {
        let Failure::Problem(problem) = &failure else {
            return match failure {
                Failure::NoConnection => self.stumbled(asked, failure, pace),
                other => SealedStep::Ends(other),
            };
        };
        match (problem.code, problem.status) {
            // Its visit waits for something at the server.
            (ProblemCode::MediaNotExpected, _) => SealedStep::Waits(failure),
            (_, 413 | 415 | 422) => SealedStep::Refused,
            // Another place, bytes that changed on their way, or forgotten.
            (_, 404 | 409 | 410 | 460) => self.stumbled(asked, failure, pace),
            (_, 423) => SealedStep::Waits(failure),
            _ => SealedStep::Ends(failure),
        }
    }

    /// The server is asked where it stands. Not for ever.
    fn stumbled(&mut self, asked: &FileRequest, failure: Failure, pace: &mut Pace) -> SealedStep {
        pace.stumbled();
        self.stumbles += 1;
        let was_question = matches!(asked.act, FileAct::Begin { .. });
        if was_question || self.stumbles >= STUMBLES_MAX {
            return SealedStep::Ends(failure);
        }
        SealedStep::Send(self.request(FileAct::Begin { length: 0 }))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::MediaId;
    use crate::problem::Problem;
    use crate::sealing::{SEALED_FILE_EXTRA_BYTES, Sealed};
    use crate::text::Language;

    const KIB: u64 = 1024;

    fn file(size_bytes: u64) -> SealedFile {
        let key = Sealed {
            key_id: "k".to_owned(),
            ephemeral_public_key: "BA".to_owned(),
            nonce: "AA".to_owned(),
            sealed: "AAAA".to_owned(),
        };
        SealedFile { media_id: MediaId(Uuid::from_u128(1)), size_bytes, is_preview: false, key }
    }

    fn problem(code: ProblemCode) -> Failure {
        Failure::Problem(Box::new(Problem::new(code, Language::En)))
    }

    fn act(step: SealedStep) -> Option<FileAct> {
        match step {
            SealedStep::Send(request) => Some(request.act),
            _ => None,
        }
    }

    #[test]
    fn it_asks_first_and_sends_what_the_server_lacks() {
        let file = file(500 * KIB - SEALED_FILE_EXTRA_BYTES);
        let (mut upload, first) = SealedUpload::begin(file.clone());
        assert_eq!((first.act, first.length), (FileAct::Begin { length: 0 }, 500 * KIB));
        assert_eq!(first.metadata, Some(file_metadata(&file.key)));
        let mut pace = Pace::default();
        let second = upload.step(&first, Ok(Standing::At(0)), &mut pace, TimeDelta::zero());
        let SealedStep::Send(second) = second else { panic!("{second:?}") };
        assert_eq!(second.act, FileAct::Append { from: 0, length: 256 * KIB });
        // Half of it arrived; the network is slow.
        let third = upload.step(&second, Ok(Standing::At(128 * KIB)), &mut pace, TimeDelta::seconds(20));
        let SealedStep::Send(third) = third else { panic!("{third:?}") };
        assert_eq!(third.act, FileAct::Append { from: 128 * KIB, length: 65_530 });
        let end = upload.step(&third, Ok(Standing::At(500 * KIB)), &mut pace, TimeDelta::seconds(5));
        assert_eq!(end, SealedStep::Arrived);
        // One that the server has already costs one request.
        let (mut known, first) = SealedUpload::begin(file);
        let end = known.step(&first, Ok(Standing::At(500 * KIB)), &mut pace, TimeDelta::zero());
        assert_eq!(end, SealedStep::Arrived);
    }

    #[test]
    fn it_asks_again_once_and_gives_up_what_cannot_be_taken() {
        let mut pace = Pace::default();
        let append = |upload: &SealedUpload| upload.request(FileAct::Append { from: 10, length: 20 });
        for failure in [
            Failure::NoConnection,
            problem(ProblemCode::UploadUnknown),
            problem(ProblemCode::UploadOffsetDiffers),
            problem(ProblemCode::UploadChecksumMismatch),
        ] {
            let (mut upload, _) = SealedUpload::begin(file(100));
            let asked = append(&upload);
            let again = upload.step(&asked, Err(failure.clone()), &mut pace, TimeDelta::zero());
            assert_eq!(act(again), Some(FileAct::Begin { length: 0 }), "{failure:?}");
            let end = upload.step(&asked, Err(failure.clone()), &mut pace, TimeDelta::zero());
            assert_eq!(end, SealedStep::Ends(failure));
        }
        let (mut upload, _) = SealedUpload::begin(file(100));
        let asked = append(&upload);
        let step = upload.step(&asked, Ok(Standing::At(10)), &mut pace, TimeDelta::zero());
        assert_eq!(act(step), Some(FileAct::Begin { length: 0 }), "it took nothing");
        let mut ends = |code| {
            let (mut upload, first) = SealedUpload::begin(file(100));
            upload.step(&first, Err(problem(code)), &mut pace, TimeDelta::zero())
        };
        for code in [ProblemCode::SealedFileUnreadable, ProblemCode::MediaHashMismatch, ProblemCode::TooLarge]
        {
            assert_eq!(ends(code), SealedStep::Refused);
        }
        for code in [ProblemCode::MediaNotExpected, ProblemCode::UploadBusy] {
            assert_eq!(ends(code), SealedStep::Waits(problem(code)), "the next file may go");
        }
        for code in [ProblemCode::SessionExpired, ProblemCode::UploadQuotaReached, ProblemCode::StorageFull] {
            assert_eq!(ends(code), SealedStep::Ends(problem(code)));
        }
    }
}
