//! Photos, signatures, recordings and other files: received, looked at, kept
//! by content, shown.
//!
//! A file is taken only from the author of a submission that announced it,
//! and only if its bytes have the announced hash. It is an image by what it
//! holds, never by its name: `jobs` looks into it afterwards, under limits
//! (`picture`, `inside`), and what is not what it should be is kept in
//! quarantine. Sound, film and other files are kept unseen, and a browser gets them under a type that
//! it plays or saves, never one that it runs. The bytes
//! are stored as they came, under their hash, before the database says that
//! they are there: a failure in between leaves a file that nobody asks for,
//! never a promise without a file.
//!
//! * `place`: where files are kept. `tus`: how files arrive. `upload`: what is under way. `writer`: a body
//!   becomes durable. `keep`: a whole file is kept and entered, by `entering`
//!   with others at once.
//! * `orphans`: files that a server left behind. `similar`: photos that look
//!   alike.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{MediaId, UserId};
use doorstep_core::problem::ProblemCode;
use object_store::ObjectStoreExt;
use object_store::path::Path as StoreKey;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::Components;
use crate::auth::permit::{LoggedIn, Permit};
use crate::db::entity::{submission, submission_media};
use crate::error::{Error, Result};
use crate::submissions;

mod entering;
mod inside;
pub(crate) mod jobs;
mod keep;
mod orphans;
mod picture;
pub mod place;
mod similar;
pub(crate) mod tus;
mod upload;
mod writer;

use entering::Arrived;
pub use entering::Entering;
pub use jobs::{Examining, next as examine_next};
pub(crate) use keep::{put_object, store_key};
pub use orphans::Search as OrphanSearch;
pub(crate) use similar::similar;
pub use similar::{Index as SimilarIndex, Similar};
pub use upload::{EXPIRES_AFTER, HEARD_OF_WITHIN, UNFINISHED_MAX, sweep};

pub use doorstep_core::submission::FILE_BYTES_MAX;
use inside::JUST_BYTES;
pub use picture::{PIXELS_MAX, PREVIEW_SIDE_PX, THUMBNAIL_SIDE_PX};

/// A stored file never changes under its identifier; an hour is how long a
/// browser may show it without asking whether its person still may.
const CACHING: &str = "private, max-age=3600";

/// Room for whole files in memory, while each is verified and kept.
#[derive(Clone, Debug)]
pub struct Assembling(Arc<Semaphore>);

/// Two of the largest files, or a hundred photos.
const ASSEMBLING_KILOBYTES: usize = 2 * (FILE_BYTES_MAX / 1024 + 1);

impl Default for Assembling {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ASSEMBLING_KILOBYTES)))
    }
}

impl Assembling {
    async fn acquire(&self, size_bytes: u64) -> Result<OwnedSemaphorePermit> {
        let kilobytes = u32::try_from(size_bytes / 1024 + 1).map_err(Error::internal)?;
        Arc::clone(&self.0).acquire_many_owned(kilobytes).await.map_err(Error::internal)
    }
}

/// Takes in the bytes of a file that this person's submission announced, from
/// elsewhere than a request. Returns whether they were new.
///
/// # Errors
/// `media_not_expected`, `media_hash_mismatch`, or what is wrong with the file.
pub(crate) async fn take_in(
    components: &Components,
    author: UserId,
    id: MediaId,
    bytes: web::Bytes,
) -> Result<bool> {
    let expected = expected(components, author, id).await?;
    if ContentHash::of(&bytes) != expected.sha256 {
        return Err(ProblemCode::MediaHashMismatch.into());
    }
    if expected.stored_at.is_some() && keep::stored(components, &expected.sha256).await? {
        return Ok(false);
    }
    keep_and_enter(components, &expected, author, bytes).await?;
    Ok(true)
}

async fn keep_and_enter(
    components: &Components,
    expected: &submission_media::Model,
    author: UserId,
    bytes: web::Bytes,
) -> Result<()> {
    let file = keep::keep(components, expected, bytes).await?;
    let ended = components.entering.enter(components, Arrived { file, author, received_bytes: 0 }).await?;
    upload::remove_all_pieces(components, ended).await;
    Ok(())
}

/// What the person's own submissions say about the file. Another's are none
/// of their business: the answer is the same as when there is none.
async fn expected(components: &Components, author: UserId, id: MediaId) -> Result<submission_media::Model> {
    let own = submission::Entity::find()
        .select_only()
        .column(submission::Column::Id)
        .filter(submission::Column::AuthorId.eq(author))
        .into_query();
    let mut announced = submission_media::Entity::find()
        .filter(submission_media::Column::MediaId.eq(id))
        .filter(submission_media::Column::SubmissionId.in_subquery(own))
        .all(components.database.read())
        .await?;
    // A correction names the files that it kept again: any row will do, and
    // one that still waits is the better one.
    announced.sort_by_key(|row| row.stored_at.is_some());
    Ok(announced.into_iter().next().ok_or(ProblemCode::MediaNotExpected)?)
}

fn too_large() -> Error {
    Error::problem(ProblemCode::TooLarge).detail(
        format!("文件不能超过 {} MB。", FILE_BYTES_MAX / (1024 * 1024)),
        format!("A file has at most {} MB.", FILE_BYTES_MAX / (1024 * 1024)),
    )
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
    Preview,
}

/// `GET /files/{media id}[?size=thumbnail|preview]`: for those who may see the
/// submission. What is in quarantine is given out as it came, to be saved and
/// never shown, and only to those who look after the submission.
pub(crate) async fn get(
    request: HttpRequest,
    components: web::Data<Components>,
    permit: Permit<LoggedIn>,
    id: web::Path<MediaId>,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse> {
    let (announced, supervises) = visible(components.database.read(), &permit, id.into_inner()).await?;
    if announced.stored_at.is_none() {
        return Err(ProblemCode::NotFound.into());
    }
    let size = wanted.size.unwrap_or(Size::Original);
    let row = jobs::ensure(&components, &announced.sha256).await?;
    let (key, content_type, name) = match (size, row.quarantine) {
        (Size::Original, Some(_)) if supervises => (row.store_key, JUST_BYTES.to_owned(), "original"),
        (_, Some(reason)) => {
            let message = reason.message();
            return Err(Error::problem(ProblemCode::MediaQuarantined).detail(message.zh, message.en));
        }
        (Size::Original, None) => (row.store_key, row.content_type, "original"),
        // Sound and film have no smaller sizes.
        (Size::Thumbnail, None) => {
            small(row.thumbnail_key, "thumbnail").unwrap_or((row.store_key, row.content_type, "original"))
        }
        (Size::Preview, None) => {
            small(row.preview_key, "preview").unwrap_or((row.store_key, row.content_type, "original"))
        }
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

fn small(key: Option<String>, name: &'static str) -> Option<(String, String, &'static str)> {
    // Before they were WebP, they were JPEG.
    key.map(|key| {
        let content_type = if key.ends_with(".jpg") { "image/jpeg" } else { "image/webp" };
        (key, content_type.to_owned(), name)
    })
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

/// The file as a submission that the person may see announces it, and whether
/// they look after that submission: it is not their own.
async fn visible(
    connection: &impl ConnectionTrait,
    permit: &Permit<LoggedIn>,
    id: MediaId,
) -> Result<(submission_media::Model, bool)> {
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
            seen.push((submission.id, submission.author_id != permit.user_id()));
        }
    }
    let mut seen: Vec<(submission_media::Model, bool)> = announced
        .into_iter()
        .filter_map(|row| {
            let (_, supervises) = seen.iter().find(|(id, _)| *id == row.submission_id)?;
            Some((row, *supervises))
        })
        .collect();
    seen.sort_by_key(|(row, supervises)| (row.stored_at.is_none(), !supervises));
    Ok(seen.into_iter().next().ok_or(ProblemCode::NoPermission)?)
}
