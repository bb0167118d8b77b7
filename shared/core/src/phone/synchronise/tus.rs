//! One request of an upload by tus 1.0, and what its answer says.
//!
//! A file goes in pieces: the first with the request that begins the upload,
//! the others behind what the server says it has. The address holds the file's
//! own identifier, so a lost answer leaves nothing behind that nobody knows.
//! (<https://tus.io/protocols/resumable-upload>: core, creation,
//! creation-with-upload, checksum.)

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::Failure;
use crate::api::FILES;
use crate::ids::MediaId;
use crate::phone::draft::MediaEntry;
use crate::phone::reply::Reply;
use crate::problem::{Problem, ProblemCode};
use crate::text::Language;

/// The header of an answer that says how many bytes are there.
pub const UPLOAD_OFFSET: &str = "upload-offset";
const VERSION: &str = "1.0.0";
const PIECE: &str = "application/offset+octet-stream";

/// One step of sending a file.
#[derive(Clone, Debug, PartialEq)]
pub struct FilePart {
    pub entry: MediaEntry,
    pub act: FileAct,
}

/// One request of an upload: of a file, or of a sealed one
/// ([`crate::sealing::SealedFile`]).
#[derive(Clone, Debug, PartialEq)]
pub struct FileRequest {
    pub media_id: MediaId,
    /// Bytes of the whole upload.
    pub length: u64,
    /// What is said of it as it begins.
    pub metadata: Option<String>,
    pub act: FileAct,
}

/// What a step does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileAct {
    /// Asks how much the server has.
    Ask,
    /// Begins the upload with the first `length` bytes.
    Begin { length: u64 },
    /// Goes on behind what is there.
    Append { from: u64, length: u64 },
}

/// What the server has of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// The upload was never begun here, or is forgotten.
    Unknown,
    /// So many bytes, on its disk. All of them: the file is stored, and its
    /// hash is the announced one.
    At(u64),
}

impl FileAct {
    /// The method of the request.
    pub fn method(self) -> &'static str {
        match self {
            Self::Ask => "HEAD",
            Self::Begin { .. } => "POST",
            Self::Append { .. } => "PATCH",
        }
    }

    /// Where the piece begins and ends in the file.
    pub fn range(self) -> (u64, u64) {
        match self {
            Self::Ask => (0, 0),
            Self::Begin { length } => (0, length),
            Self::Append { from, length } => (from, from.saturating_add(length)),
        }
    }

    /// The piece of the whole file; `None` when the file is shorter than that.
    pub fn piece(self, file: &[u8]) -> Option<&[u8]> {
        let (from, to) = self.range();
        file.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)
    }
}

impl FilePart {
    /// The method of the request.
    pub fn method(&self) -> &'static str {
        self.act.method()
    }

    /// The path of the request.
    pub fn path(&self) -> String {
        self.request().path()
    }

    /// Where the piece begins and ends in the file.
    pub fn range(&self) -> (u64, u64) {
        self.act.range()
    }

    /// The piece of the whole file; `None` when the file is shorter than that.
    pub fn piece<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        self.act.piece(file)
    }

    /// The request.
    pub fn request(&self) -> FileRequest {
        FileRequest {
            media_id: self.entry.media_id,
            length: self.entry.size_bytes,
            metadata: None,
            act: self.act,
        }
    }

    /// The headers of the request, with those of its piece.
    pub fn headers(&self, piece: &[u8]) -> Vec<(&'static str, String)> {
        self.request().headers(piece)
    }

    /// What the answer says.
    ///
    /// # Errors
    /// As [`FileRequest::read`].
    pub fn read(&self, reply: Reply, language: Language) -> Result<Standing, Failure> {
        self.request().read(reply, language)
    }
}

impl FileRequest {
    /// The path of the request.
    pub fn path(&self) -> String {
        format!("{FILES}/{}", self.media_id)
    }

    /// The headers of the request, with those of its piece.
    pub fn headers(&self, piece: &[u8]) -> Vec<(&'static str, String)> {
        let mut headers = vec![("tus-resumable", VERSION.to_owned())];
        match self.act {
            FileAct::Ask => return headers,
            FileAct::Begin { .. } => {
                headers.push(("upload-length", self.length.to_string()));
                headers.extend(self.metadata.clone().map(|metadata| ("upload-metadata", metadata)));
            }
            FileAct::Append { from, .. } => headers.push((UPLOAD_OFFSET, from.to_string())),
        }
        headers.push(("content-type", PIECE.to_owned()));
        headers.push(("upload-checksum", format!("sha256 {}", STANDARD.encode(Sha256::digest(piece)))));
        headers
    }

    /// What the answer says.
    ///
    /// # Errors
    /// The server's problem; no connection when the answer is nobody's we know.
    pub fn read(&self, reply: Reply, language: Language) -> Result<Standing, Failure> {
        let is_question = self.act == FileAct::Ask;
        match (reply.status, reply.upload_offset) {
            (200..300, Some(offset)) if offset <= self.length => Ok(Standing::At(offset)),
            // A success that does not say it is a portal's or a proxy's.
            (200..300, _) => Err(Failure::NoConnection),
            // Answers to a question have no body that could say more. Were it
            // a portal's, the next request would not get past it either.
            (404 | 410, _) if is_question => Ok(Standing::Unknown),
            (401, _) if is_question => {
                Err(Failure::Problem(Box::new(Problem::new(ProblemCode::SessionExpired, language))))
            }
            _ => Err(reply.success(language).err().unwrap_or(Failure::NoConnection)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::ContentHash;
    use crate::ids::SubmissionId;
    use crate::phone::draft::MediaState;
    use uuid::Uuid;

    fn part(act: FileAct) -> Result<FilePart, doorstep_form::PathError> {
        let entry = MediaEntry {
            media_id: MediaId(Uuid::from_u128(1)),
            submission_id: SubmissionId(Uuid::from_u128(2)),
            path: "/photo".parse()?,
            file_name: "1.jpg".to_owned(),
            sha256: ContentHash::of(b"0123456789"),
            size_bytes: 10,
            content_type: "image/jpeg".to_owned(),
            capture: None,
            preview_of: None,
            sent_bytes: None,
            state: MediaState::Waiting,
        };
        Ok(FilePart { entry, act })
    }

    fn reply(status: u16, upload_offset: Option<u64>) -> Reply {
        Reply { status, content_type: "text/html".to_owned(), bytes: Vec::new(), upload_offset }
    }

    #[test]
    fn a_piece_says_where_it_begins_and_what_it_hashes_to() -> Result<(), doorstep_form::PathError> {
        let part = part(FileAct::Append { from: 2, length: 3 })?;
        assert_eq!((part.method(), part.piece(b"0123456789")), ("PATCH", Some(b"234".as_slice())));
        assert_eq!(part.piece(b"0123"), None, "the file on the disk is shorter");
        let headers = part.headers(b"abc");
        let header = |name| headers.iter().find(|(header, _)| *header == name).map(|(_, text)| text.as_str());
        assert_eq!(header("upload-offset"), Some("2"));
        // RFC 6234's test vector, in base64.
        assert_eq!(header("upload-checksum"), Some("sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="));
        Ok(())
    }

    #[test]
    fn only_an_answer_that_says_how_much_is_there_counts() -> Result<(), doorstep_form::PathError> {
        let (ask, append) = (part(FileAct::Ask)?, part(FileAct::Append { from: 0, length: 10 })?);
        assert_eq!(ask.read(reply(200, Some(4)), Language::Zh), Ok(Standing::At(4)));
        assert_eq!(append.read(reply(204, Some(10)), Language::Zh), Ok(Standing::At(10)));
        for nobody in [reply(200, None), reply(204, Some(11)), reply(502, None), reply(0, None)] {
            assert_eq!(append.read(nobody, Language::Zh), Err(Failure::NoConnection));
        }
        assert_eq!(ask.read(reply(404, None), Language::Zh), Ok(Standing::Unknown));
        assert_eq!(ask.read(reply(410, None), Language::Zh), Ok(Standing::Unknown));
        // To a question alone: anything else has a body that says who it is.
        assert_eq!(append.read(reply(404, None), Language::Zh), Err(Failure::NoConnection));
        let failure = ask.read(reply(401, None), Language::Zh);
        assert!(matches!(failure, Err(Failure::Problem(problem)) if problem.status == 401));
        Ok(())
    }
}
