//! Photos, signatures, recordings and other files: received, looked at, kept
//! by content, shown.
//!
//! A file is taken only from the author of a submission that announced it,
//! and only if its bytes have the announced hash. It is an image by what it
//! holds, never by its name. [`picture`] decodes it under limits. Sound, film
//! and other files are kept unseen, and a browser gets them under a type that
//! it plays or saves, never one that it runs. The bytes
//! are stored as they came, under their hash, before the database says that
//! they are there: a failure in between leaves a file that nobody asks for,
//! never a promise without a file.

use std::sync::Arc;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH, VARY,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use chrono::{DateTime, Utc};
use doorstep_core::api::MediaStored;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{MediaId, SubmissionId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::sync::{StreamName, item_kind};
use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path as StoreKey;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::app::Components;
use crate::auth::permit::{HandOver, LoggedIn, Permit};
use crate::db::Transaction;
use crate::db::entity::{media, submission, submission_media};
use crate::error::{Error, Result};
use crate::streams::Changes;
use crate::submissions;

mod picture;

pub use doorstep_core::submission::FILE_BYTES_MAX;
use picture::Picture;
pub use picture::{PIXELS_MAX, THUMBNAIL_SIDE_PX};

/// A stored file never changes under its identifier; an hour is how long a
/// browser may show it without asking whether its person still may.
const CACHING: &str = "private, max-age=3600";

/// Turns at decoding pictures. Each may need [`picture::MEMORY_BYTES_MAX`].
#[derive(Clone, Debug)]
pub struct Decoding(Arc<Semaphore>);

impl Default for Decoding {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self(Arc::new(Semaphore::new(cores.min(4))))
    }
}

impl Decoding {
    async fn examine(&self, bytes: web::Bytes) -> Result<Picture> {
        let _turn = self.0.acquire().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(move || picture::examine(&bytes)).await.map_err(Error::internal)?
    }
}

/// `PUT /files/{media id}`: the bytes of a file that a submission announced.
pub(crate) async fn put(
    request: HttpRequest,
    components: web::Data<Components>,
    permit: Permit<HandOver>,
    id: web::Path<MediaId>,
    body: web::Payload,
) -> Result<web::Json<MediaStored>> {
    let id = id.into_inner();
    let expected = expected(&components, permit.user_id(), id).await?;
    let answer = MediaStored {
        media_id: id,
        sha256: expected.sha256.clone(),
        size_bytes: u64::try_from(expected.size_bytes).unwrap_or_default(),
    };
    let bytes = receive(request.headers(), body).await?;
    if ContentHash::of(&bytes) != expected.sha256 {
        return Err(ProblemCode::MediaHashMismatch.into());
    }
    if expected.stored_at.is_some() && stored(&components, &expected.sha256).await? {
        return Ok(web::Json(answer));
    }
    let file = keep(&components, &expected, bytes).await?;
    let now = components.clock.now();
    let author = permit.user_id();
    components.database.write(async |transaction| enter(transaction, &file, author, now).await).await?;
    Ok(web::Json(answer))
}

/// What the person's own submissions say about the file. Another's are none
/// of their business: the answer is the same as when there is none.
async fn expected(components: &Components, author: UserId, id: MediaId) -> Result<submission_media::Model> {
    let connection = components.database.read();
    let announced = submission_media::Entity::find()
        .filter(submission_media::Column::MediaId.eq(id))
        .all(connection)
        .await?;
    let own: Vec<SubmissionId> = submission::Entity::find()
        .filter(submission::Column::Id.is_in(announced.iter().map(|row| row.submission_id)))
        .filter(submission::Column::AuthorId.eq(author))
        .all(connection)
        .await?
        .into_iter()
        .map(|submission| submission.id)
        .collect();
    let mut own: Vec<submission_media::Model> =
        announced.into_iter().filter(|row| own.contains(&row.submission_id)).collect();
    // A correction names the files that it kept again: any row will do, and
    // one that still waits is the better one.
    own.sort_by_key(|row| row.stored_at.is_some());
    Ok(own.into_iter().next().ok_or(ProblemCode::MediaNotExpected)?)
}

/// The body, as far as it may go.
async fn receive(headers: &HeaderMap, mut body: web::Payload) -> Result<web::Bytes> {
    let too_large = || {
        Error::problem(ProblemCode::TooLarge).detail(
            format!("文件不能超过 {} MB。", FILE_BYTES_MAX / (1024 * 1024)),
            format!("A file has at most {} MB.", FILE_BYTES_MAX / (1024 * 1024)),
        )
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > FILE_BYTES_MAX) {
        return Err(too_large());
    }
    let mut bytes = web::BytesMut::with_capacity(announced.unwrap_or_default());
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|cause| {
            Error::problem(ProblemCode::InvalidRequest)
                .detail("上传中断,请重试。", "The upload broke off. Send it again.")
                .because(anyhow::anyhow!("{cause}"))
        })?;
        if bytes.len() + chunk.len() > FILE_BYTES_MAX {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// Whether the file is known and its bytes are where they should be.
async fn stored(components: &Components, sha256: &ContentHash) -> Result<bool> {
    let Some(row) = media::Entity::find_by_id(sha256.clone()).one(components.database.read()).await? else {
        return Ok(false);
    };
    match components.media.head(&StoreKey::from(row.store_key)).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(cause) => Err(store_refuses(cause)),
    }
}

/// A file that is on the disk.
struct Kept {
    sha256: ContentHash,
    size_bytes: i64,
    content_type: &'static str,
    /// Nothing for what is no picture.
    width_px: u32,
    height_px: u32,
    store_key: String,
    thumbnail_key: Option<String>,
}

/// Types of sound and film that browsers play. Everything else that is no
/// picture is just bytes.
const PLAYED: [&str; 9] = [
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "audio/aac",
    "video/mp4",
    "video/quicktime",
    "video/webm",
];
const JUST_BYTES: &str = "application/octet-stream";

/// Looks at the bytes, and puts them and their thumbnail on the disk.
async fn keep(
    components: &Components,
    expected: &submission_media::Model,
    bytes: web::Bytes,
) -> Result<Kept> {
    let size_bytes = i64::try_from(bytes.len()).map_err(Error::internal)?;
    let store_key = store_key(&expected.sha256);
    let mut kept = Kept {
        sha256: expected.sha256.clone(),
        size_bytes,
        content_type: PLAYED
            .into_iter()
            .find(|played| *played == expected.content_type)
            .unwrap_or(JUST_BYTES),
        width_px: 0,
        height_px: 0,
        store_key: store_key.clone(),
        thumbnail_key: None,
    };
    if expected.content_type.starts_with("image/") {
        let Picture { content_type, width_px, height_px, thumbnail } =
            components.decoding.examine(bytes.clone()).await?;
        let key = format!("{store_key}.thumbnail.jpg");
        put_object(components, &key, thumbnail.into()).await?;
        kept = Kept { content_type, width_px, height_px, thumbnail_key: Some(key), ..kept };
    }
    put_object(components, &store_key, bytes).await?;
    Ok(kept)
}

pub(crate) async fn put_object(components: &Components, key: &str, bytes: web::Bytes) -> Result<()> {
    components.media.put(&StoreKey::from(key), bytes.into()).await.map_err(store_refuses).map(drop)
}

/// `aa/bb/{sha256}`: no folder grows without bound.
pub(crate) fn store_key(sha256: &ContentHash) -> String {
    let digits = sha256.as_str();
    let pair = |at: usize| digits.get(at..at + 2).unwrap_or_default();
    format!("{}/{}/{digits}", pair(0), pair(2))
}

fn store_refuses(cause: object_store::Error) -> Error {
    Error::problem(ProblemCode::StorageFull).because(cause)
}

/// Enters the file, and tells its author's phone that it has arrived. Their
/// other submissions that wait for the same bytes have them too; another
/// person's do not: to know a hash is not to have the file.
async fn enter(transaction: &Transaction, file: &Kept, author: UserId, now: DateTime<Utc>) -> Result<()> {
    let waiting = submission_media::Entity::find()
        .filter(submission_media::Column::Sha256.eq(file.sha256.clone()))
        .filter(submission_media::Column::StoredAt.is_null())
        .all(transaction)
        .await?;
    let submissions = submission::Entity::find()
        .filter(submission::Column::Id.is_in(waiting.iter().map(|row| row.submission_id)))
        .filter(submission::Column::AuthorId.eq(author))
        .all(transaction)
        .await?;
    let county = match submissions.first() {
        Some(submission) => submission.county.clone(),
        // It came twice at once, and the other was quicker.
        None => return Ok(()),
    };
    let row = media::ActiveModel {
        sha256: Set(file.sha256.clone()),
        county: Set(county.clone()),
        size_bytes: Set(file.size_bytes),
        content_type: Set(file.content_type.to_owned()),
        width_px: Set(i32::try_from(file.width_px).map_err(Error::internal)?),
        height_px: Set(i32::try_from(file.height_px).map_err(Error::internal)?),
        store_key: Set(file.store_key.clone()),
        thumbnail_key: Set(file.thumbnail_key.clone()),
        stored_at: Set(now),
    };
    media::Entity::insert(row)
        .on_conflict(OnConflict::column(media::Column::Sha256).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    submission_media::Entity::update_many()
        .col_expr(submission_media::Column::StoredAt, now.into())
        .filter(submission_media::Column::Sha256.eq(file.sha256.clone()))
        .filter(submission_media::Column::StoredAt.is_null())
        .filter(submission_media::Column::SubmissionId.is_in(submissions.iter().map(|row| row.id)))
        .exec(transaction)
        .await?;
    let mut changes = Changes::new();
    for submission in &submissions {
        changes.put(StreamName::User(author), item_kind::SUBMISSION, submission.id.0);
    }
    changes.number(transaction, &county).await
}

/// The query of `GET /files/{media id}`.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    size: Option<Size>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Size {
    Original,
    Thumbnail,
}

/// `GET /files/{media id}[?size=thumbnail]`: for those who may see the
/// submission.
pub(crate) async fn get(
    request: HttpRequest,
    components: web::Data<Components>,
    permit: Permit<LoggedIn>,
    id: web::Path<MediaId>,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse> {
    let connection = components.database.read();
    let announced = visible(connection, &permit, id.into_inner()).await?;
    if announced.stored_at.is_none() {
        return Err(ProblemCode::NotFound.into());
    }
    let row =
        media::Entity::find_by_id(announced.sha256).one(connection).await?.ok_or(ProblemCode::NotFound)?;
    let thumbnail = row.thumbnail_key.filter(|_| wanted.size == Some(Size::Thumbnail));
    let (key, content_type, name) = match thumbnail {
        Some(key) => (key, "image/jpeg".to_owned(), "thumbnail"),
        None => (row.store_key, row.content_type, "original"),
    };
    let disposition = if content_type == JUST_BYTES { "attachment" } else { "inline" };
    let tag = format!("\"{}-{name}\"", row.sha256);
    let unchanged = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.contains(&tag));
    let mut answer = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((CONTENT_TYPE, content_type))
        .insert_header((CONTENT_DISPOSITION, disposition))
        .insert_header((CACHE_CONTROL, CACHING))
        .insert_header((ETAG, tag))
        .insert_header((VARY, "authorization"));
    if unchanged { Ok(answer.finish()) } else { stream(&components, &key, answer).await }
}

/// Goes on with the bytes of a stored object.
pub(crate) async fn stream(
    components: &Components,
    key: &str,
    mut answer: HttpResponseBuilder,
) -> Result<HttpResponse> {
    let object = components.media.get(&StoreKey::from(key)).await.map_err(|cause| match cause {
        object_store::Error::NotFound { .. } => Error::problem(ProblemCode::NotFound).because(cause),
        cause => Error::problem(ProblemCode::Unavailable).because(cause),
    })?;
    Ok(answer.no_chunking(object.meta.size).streaming(object.into_stream()))
}

/// The file as a submission that the person may see announces it.
async fn visible(
    connection: &impl ConnectionTrait,
    permit: &Permit<LoggedIn>,
    id: MediaId,
) -> Result<submission_media::Model> {
    let announced = submission_media::Entity::find()
        .filter(submission_media::Column::MediaId.eq(id))
        .all(connection)
        .await?;
    if announced.is_empty() {
        return Err(ProblemCode::NotFound.into());
    }
    let found = submission::Entity::find()
        .filter(submission::Column::Id.is_in(announced.iter().map(|row| row.submission_id)))
        .all(connection)
        .await?;
    let mut seen = Vec::new();
    for submission in found {
        if submissions::may_see(connection, permit, submission.author_id, submission.case_id).await? {
            seen.push(submission.id);
        }
    }
    let mut seen: Vec<submission_media::Model> =
        announced.into_iter().filter(|row| seen.contains(&row.submission_id)).collect();
    seen.sort_by_key(|row| row.stored_at.is_none());
    Ok(seen.into_iter().next().ok_or(ProblemCode::NoPermission)?)
}
