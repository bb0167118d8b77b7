//! tus 1.0.0 (<https://tus.io/protocols/resumable-upload>) at
//! `/files/{media id}`: core, creation, creation-with-upload, checksum,
//! expiration, termination. `docs/media.md` has what a client needs to know.
//!
//! The phone chooses the identifier, in the submission that announces the
//! file: so a lost answer leaves nothing behind, and to create an upload again
//! is harmless. Only the author of that submission may, and only with the
//! length that it announces.
//!
//! A locked phone sends its files sealed (`super::sealed`). An upload is plain
//! or sealed with one key; whoever comes with another kind begins anew.

use actix_web::http::Method;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, HttpDate, LOCATION,
    TRANSFER_ENCODING,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use doorstep_core::api::FILES;
use doorstep_core::ids::{MediaId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::sealing::SEALED_FILE_EXTRA_BYTES;
use ring::digest;

use super::writer::{Checksum, Writer, too_much};
use super::{Announced, FILE_BYTES_MAX, announced, keep, sealed, upload};
use crate::app::Components;
use crate::auth::permit::FileSender;
use crate::db::entity::upload as row;
use crate::error::{Error, Result};

pub(crate) const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,termination,checksum,expiration";
const ALGORITHMS: &str = "sha1,sha256";
const OFFSET_BYTES: &str = "application/offset+octet-stream";
const METADATA_BYTES_MAX: usize = 4096;
const METADATA_PAIRS_MAX: usize = 32;

pub(crate) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const UPLOAD_CHECKSUM: &str = "upload-checksum";
const UPLOAD_DEFER_LENGTH: &str = "upload-defer-length";
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const METHOD_OVERRIDE: &str = "x-http-method-override";

/// `OPTIONS /files` and `/files/{media id}`: what the server can do.
pub(crate) async fn options() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((TUS_VERSION, VERSION))
        .insert_header((TUS_EXTENSION, EXTENSIONS))
        .insert_header((TUS_MAX_SIZE, FILE_BYTES_MAX))
        .insert_header((TUS_CHECKSUM_ALGORITHM, ALGORITHMS))
        .finish()
}

/// `POST`, `HEAD`, `PATCH` and `DELETE /files/{media id}`.
pub(crate) async fn serve(
    request: HttpRequest,
    components: web::Data<Components>,
    sender: FileSender,
    id: web::Path<MediaId>,
    body: web::Payload,
) -> Result<HttpResponse> {
    let method = method(&request)?;
    if method == Method::OPTIONS {
        return Ok(options().await);
    }
    let headers = request.headers();
    if text(headers, TUS_RESUMABLE.as_str())? != Some(VERSION) {
        return Err(Error::from(ProblemCode::UploadVersionUnknown)
            .header(TUS_VERSION, HeaderValue::from_static(VERSION)));
    }
    let author = sender.user_id;
    let announced = announced(&components, author, *id).await?;
    let upload = Upload { components, author, announced, is_sealed: sender.is_locked };
    match method {
        Method::POST => upload.create(headers, body).await,
        Method::PATCH => upload.append(headers, body).await,
        Method::HEAD => upload.state().await,
        Method::DELETE => upload.terminate().await,
        _ => Err(ProblemCode::MethodNotAllowed.into()),
    }
}

/// What the client means by its method: some networks know no `PATCH`.
fn method(request: &HttpRequest) -> Result<Method> {
    match text(request.headers(), METHOD_OVERRIDE)? {
        None => Ok(request.method().clone()),
        Some(meant) => Method::from_bytes(meant.as_bytes()).map_err(|_| wrong_header(METHOD_OVERRIDE)),
    }
}

/// A file that the asker announced.
struct Upload {
    components: web::Data<Components>,
    author: UserId,
    announced: Announced,
    /// A locked phone sends it.
    is_sealed: bool,
}

impl Upload {
    /// Bytes of the file.
    fn file_size(&self) -> u64 {
        u64::try_from(self.announced.expected.size_bytes).unwrap_or_default()
    }

    /// Bytes that come.
    fn size(&self) -> u64 {
        self.file_size() + if self.is_sealed { SEALED_FILE_EXTRA_BYTES } else { 0 }
    }

    /// What is under way of the asker's kind.
    fn under_way(&self) -> Option<row::Model> {
        self.announced.upload.clone().filter(|row| row.sealed_key.is_some() == self.is_sealed)
    }

    /// Ends what came in another kind, or by another key: its bytes are of no
    /// use for what comes now.
    async fn make_way(&self, key: Option<&str>) -> Result<()> {
        match &self.announced.upload {
            Some(found) if found.sealed_key.as_deref() != key => {
                upload::take(&self.components, found.id).await?;
                upload::terminate(&self.components, found.id).await
            }
            _ => Ok(()),
        }
    }

    /// What is under way, once nobody writes.
    async fn settled(&self, found: Option<row::Model>) -> Result<Option<row::Model>> {
        let whose = (self.announced.expected.media_id, self.author);
        upload::settled(&self.components, whose, found).await
    }

    /// Whether the server has the file, whoever of the author's submissions
    /// brought it.
    async fn is_stored(&self) -> Result<bool> {
        let expected = &self.announced.expected;
        Ok(expected.stored_at.is_some() && keep::stored(&self.components, &expected.sha256).await?)
    }

    async fn create(self, headers: &HeaderMap, body: web::Payload) -> Result<HttpResponse> {
        let size = self.size();
        if number(headers, UPLOAD_LENGTH.as_str())? != Some(size) {
            let defers = headers.contains_key(UPLOAD_DEFER_LENGTH);
            return Err(if headers.contains_key(UPLOAD_LENGTH) || defers {
                Error::problem(ProblemCode::UploadLengthDiffers)
                    .detail(format!("应为 {size} 字节。"), format!("It announces {size} bytes."))
            } else {
                wrong_header(UPLOAD_LENGTH.as_str())
            });
        }
        if self.file_size() > FILE_BYTES_MAX as u64 {
            return Err(super::too_large());
        }
        let metadata = metadata(headers)?;
        let media_id = self.announced.expected.media_id;
        let key = match self.is_sealed {
            true => Some(sealed::key(&self.components, self.author, media_id, metadata)?),
            false => None,
        };
        let length = content_length(headers)?;
        let checksum = checksum(headers)?;
        let with_body = length != Some(0);
        if with_body {
            of_the_right_type(headers)?;
        }
        if self.is_stored().await? {
            return Ok(self.created(size, None));
        }
        self.make_way(key.as_deref()).await?;
        let same = self.announced.upload.clone().filter(|found| found.sealed_key == key);
        let found = self.settled(same).await?.filter(|found| found.sealed_key == key);
        // A body begins at the beginning; where more is here, it says so.
        if let Some(found) = found.as_ref().filter(|found| !with_body || found.offset_bytes > 0) {
            return Ok(self.created(upload::offset_of(found), Some(found.expires_at)));
        }
        if with_body {
            upload::allow(&self.components, self.announced.sent_today_bytes, length.unwrap_or(size))?;
        }
        let now = self.components.clock.now();
        let what = (size, metadata, key.clone());
        let fresh = upload::fresh(&self.announced.expected, self.author, what, now)?;
        let expires_at = fresh.expires_at;
        // A file without bytes is whole as it begins.
        if !with_body && size > 0 {
            if !upload::begin(&self.components, &fresh).await? {
                let found = upload::find(self.components.database.read(), media_id, self.author).await?;
                let found = self.settled(found).await?;
                if found.as_ref().is_some_and(|found| found.sealed_key != key) {
                    return Err(ProblemCode::UploadBusy.into());
                }
                let offset = found.as_ref().map_or(0, upload::offset_of);
                return Ok(self.created(offset, Some(expires_at)));
            }
            return Ok(self.created(0, Some(expires_at)));
        }
        let (components, announced) = (self.components.clone(), self.announced.clone());
        let offset = detached(async move {
            let writer = match found {
                Some(found) => Writer::take(components, announced, found.id).await?,
                None => Writer::begin(components, announced, fresh),
            };
            if writer.offset() > 0 {
                writer.let_go().await;
                return Ok(writer.offset());
            }
            writer.receive(body, length, checksum).await
        })
        .await?;
        Ok(self.created(offset, (offset < size).then_some(expires_at)))
    }

    fn created(&self, offset: u64, expires_at: Option<DateTime<Utc>>) -> HttpResponse {
        let mut answer = HttpResponse::Created();
        answer.insert_header((LOCATION, format!("{FILES}/{}", self.announced.expected.media_id)));
        at_offset(&mut answer, offset, expires_at).finish()
    }

    async fn append(self, headers: &HeaderMap, body: web::Payload) -> Result<HttpResponse> {
        of_the_right_type(headers)?;
        let offset = number(headers, UPLOAD_OFFSET.as_str())?;
        let offset = offset.ok_or_else(|| wrong_header(UPLOAD_OFFSET.as_str()))?;
        let (length, size) = (content_length(headers)?, self.size());
        let checksum = checksum(headers)?;
        let Some(found) = self.under_way() else {
            if !self.is_stored().await? {
                return Err(ProblemCode::UploadUnknown.into());
            }
            return if offset == size && length == Some(0) {
                Ok(at_offset(&mut HttpResponse::NoContent(), size, None).finish())
            } else {
                Err(elsewhere(size))
            };
        };
        if length.is_some_and(|length| length > size.saturating_sub(offset)) {
            return Err(too_much(size));
        }
        let left = size.saturating_sub(offset);
        upload::allow(&self.components, self.announced.sent_today_bytes, length.unwrap_or(left))?;
        let (components, announced) = (self.components.clone(), self.announced.clone());
        let now_at = detached(async move {
            let writer = Writer::take(components, announced, found.id).await?;
            if writer.offset() != offset {
                writer.let_go().await;
                return Err(elsewhere(writer.offset()));
            }
            writer.receive(body, length, checksum).await
        })
        .await?;
        let expires_at = (now_at < size).then(|| self.components.clock.now() + upload::EXPIRES_AFTER);
        Ok(at_offset(&mut HttpResponse::NoContent(), now_at, expires_at).finish())
    }

    async fn state(self) -> Result<HttpResponse> {
        let size = self.size();
        let (offset, found) = match self.is_stored().await? {
            true => (size, None),
            false => {
                let found = self.settled(self.under_way()).await?;
                let found = found.filter(|found| found.sealed_key.is_some() == self.is_sealed);
                let found: row::Model = found.ok_or(ProblemCode::UploadUnknown)?;
                (upload::offset_of(&found), Some(found))
            }
        };
        let mut answer = HttpResponse::Ok();
        answer.insert_header((UPLOAD_LENGTH, size)).insert_header((CACHE_CONTROL, "no-store"));
        if let Some(found) = found.as_ref().filter(|found| !found.metadata.is_empty()) {
            answer.insert_header((UPLOAD_METADATA, found.metadata.clone()));
        }
        Ok(at_offset(&mut answer, offset, found.map(|found| found.expires_at)).finish())
    }

    /// Ends what is under way. A file that is whole belongs to its submission.
    async fn terminate(self) -> Result<HttpResponse> {
        if self.is_sealed {
            return Err(ProblemCode::NoPermission.into());
        }
        let found = self.announced.upload.ok_or(ProblemCode::UploadUnknown)?;
        upload::take(&self.components, found.id).await?;
        upload::terminate(&self.components, found.id).await?;
        Ok(HttpResponse::NoContent().finish())
    }
}

/// Runs in a task of its own: when the connection breaks, the request is
/// dropped, and what has arrived must still be saved.
async fn detached<T: 'static>(work: impl Future<Output = Result<T>> + 'static) -> Result<T> {
    actix_web::rt::spawn(work).await.map_err(Error::internal)?
}

fn elsewhere(offset: u64) -> Error {
    Error::problem(ProblemCode::UploadOffsetDiffers)
        .expect_seq(offset)
        .header(UPLOAD_OFFSET, HeaderValue::from(offset))
}

fn at_offset(
    answer: &mut HttpResponseBuilder,
    offset: u64,
    expires_at: Option<DateTime<Utc>>,
) -> &mut HttpResponseBuilder {
    answer.insert_header((UPLOAD_OFFSET, offset));
    if let Some(expires_at) = expires_at {
        let expires_at = HttpDate::from(std::time::SystemTime::from(expires_at));
        answer.insert_header((UPLOAD_EXPIRES, expires_at.to_string()));
    }
    answer
}

fn of_the_right_type(headers: &HeaderMap) -> Result<()> {
    let matches = text(headers, CONTENT_TYPE.as_str())?
        .is_some_and(|content_type| content_type.trim().eq_ignore_ascii_case(OFFSET_BYTES));
    if matches { Ok(()) } else { Err(ProblemCode::UploadTypeWrong.into()) }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>> {
    headers.get(name).map(|value| value.to_str().map_err(|_| wrong_header(name))).transpose()
}

fn number(headers: &HeaderMap, name: &str) -> Result<Option<u64>> {
    let digits = text(headers, name)?.map(str::trim);
    // `parse` would take a plus sign.
    let plain = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    match digits {
        None => Ok(None),
        Some(digits) if plain(&digits) => digits.parse().map(Some).map_err(|_| wrong_header(name)),
        Some(_) => Err(wrong_header(name)),
    }
}

/// How long the body is, if that is said. Neither a length nor an encoding
/// means that there is none (RFC 9112 §6.3).
fn content_length(headers: &HeaderMap) -> Result<Option<u64>> {
    let said = number(headers, CONTENT_LENGTH.as_str())?;
    Ok(said.or((!headers.contains_key(TRANSFER_ENCODING)).then_some(0)))
}

fn wrong_header(name: &str) -> Error {
    Error::problem(ProblemCode::InvalidRequest).detail(
        format!("请求头 {name} 缺失或无法识别。"),
        format!("The header {name} is missing or does not read."),
    )
}

/// `Upload-Metadata`: keys, each with a value in base64 or none. Nothing is
/// made of it (what the submission announces counts), but a client gets it
/// back. Some clients send it empty.
fn metadata(headers: &HeaderMap) -> Result<&str> {
    let Some(metadata) = text(headers, UPLOAD_METADATA.as_str())? else { return Ok("") };
    let pairs = metadata.split(',').map(str::trim);
    let reads = |pair: &str| {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        !key.is_empty() && key.is_ascii() && STANDARD.decode(value).is_ok()
    };
    let fits = metadata.len() <= METADATA_BYTES_MAX && pairs.clone().count() <= METADATA_PAIRS_MAX;
    if metadata.trim().is_empty() {
        Ok("")
    } else if fits && pairs.clone().all(reads) {
        Ok(metadata)
    } else {
        Err(wrong_header(UPLOAD_METADATA.as_str()))
    }
}

/// `Upload-Checksum: sha256 …`.
fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>> {
    let Some(checksum) = text(headers, UPLOAD_CHECKSUM)? else { return Ok(None) };
    let read = || {
        let (algorithm, expected) = checksum.trim().split_once(' ')?;
        let algorithm = match algorithm {
            "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            "sha256" => &digest::SHA256,
            _ => return None,
        };
        let expected = STANDARD.decode(expected.trim()).ok()?;
        Some(Checksum { algorithm, expected })
    };
    read().map(Some).ok_or_else(|| wrong_header(UPLOAD_CHECKSUM))
}
