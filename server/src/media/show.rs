//! How files are given out: to those who may see the submission, by a token or
//! by a signed address, whole or in part, and never so that a browser runs
//! what is in them.

use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ContentRange, ContentRangeSpec, ETAG, EntityTag, Header,
    HeaderValue, IfNoneMatch, IfRange, Range, VARY,
};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use doorstep_core::api::FileAddress;
use doorstep_core::ids::{MediaId, SessionId};
use doorstep_core::media::QuarantineReason;
use doorstep_core::problem::ProblemCode;
use object_store::path::Path as StoreKey;
use object_store::{GetOptions, GetRange, ObjectStoreExt};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::Deserialize;

use super::inside::JUST_BYTES;
use super::jobs;
use super::signed::{self, Signed};
use crate::app::Components;
use crate::auth::permit::{LoggedIn, Permit};
use crate::db::entity::{media, submission, submission_media};
use crate::error::{Error, Result};
use crate::submissions;

/// A stored file never changes under its identifier; an hour is how long a
/// browser may show it without asking whether its person still may.
const WITH_TOKEN: &str = "private, max-age=3600";

/// Nothing in a file is ever run, also where somebody opens its address as a
/// page.
const NOTHING_RUNS: &str = "sandbox; default-src 'none'";

/// The query of `GET /files/{media id}`.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    size: Option<Size>,
    until: Option<i64>,
    #[serde(rename = "for")]
    session: Option<SessionId>,
    sig: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Size {
    Original,
    Thumbnail,
    Preview,
}

/// What is given out, and as what.
struct Given {
    key: String,
    content_type: String,
    tag: EntityTag,
}

impl Given {
    fn original(row: media::Model) -> Self {
        let tag = EntityTag::new_strong(format!("{}-original", row.sha256));
        Self { key: row.store_key, content_type: row.content_type, tag }
    }

    /// A smaller size; sound and film have none.
    fn small(row: media::Model, key: Option<String>, name: &str) -> Self {
        match key {
            None => Self::original(row),
            Some(key) => {
                // Before they were WebP, they were JPEG.
                let kind = if key.ends_with(".jpg") { "jpeg" } else { "webp" };
                let tag = EntityTag::new_strong(format!("{}-{name}-{kind}", row.sha256));
                Self { key, content_type: format!("image/{kind}"), tag }
            }
        }
    }
}

/// `GET /files/{media id}[?size=thumbnail|preview]`: for those who may see the
/// submission, with their token or by an address that was signed for them.
/// What is in quarantine is given out as it came, to be saved and never shown,
/// with a token and only to those who look after the submission.
pub(crate) async fn get(
    request: HttpRequest,
    components: web::Data<Components>,
    id: web::Path<MediaId>,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse> {
    let id = id.into_inner();
    let (permit, caching) = match (wanted.sig.as_deref(), wanted.until, wanted.session) {
        (None, None, None) => (Permit::<LoggedIn>::extract(&request).await?, WITH_TOKEN.to_owned()),
        (Some(signature), Some(until_s), Some(session)) => {
            let permit = signed::admit(&components, id, &Signed { until_s, session, signature }).await?;
            let left_s = until_s - components.clock.now().timestamp();
            (permit, format!("private, max-age={left_s}, immutable"))
        }
        _ => return Err(ProblemCode::FileAddressOver.into()),
    };
    let (announced, supervises) = visible(components.database.read(), &permit, id).await?;
    if announced.stored_at.is_none() {
        return Err(ProblemCode::NotFound.into());
    }
    let row = jobs::ensure(&components, &announced.sha256).await?;
    let given = match (wanted.size.unwrap_or(Size::Original), row.quarantine) {
        (Size::Original, Some(_)) if supervises && wanted.sig.is_none() => {
            Given { content_type: JUST_BYTES.to_owned(), ..Given::original(row) }
        }
        (_, Some(reason)) => return Err(quarantined(reason)),
        (Size::Original, None) => Given::original(row),
        (Size::Thumbnail, None) => {
            let key = row.thumbnail_key.clone();
            Given::small(row, key, "thumbnail")
        }
        (Size::Preview, None) => {
            let key = row.preview_key.clone();
            Given::small(row, key, "preview")
        }
    };
    answer(&request, &components, &given, caching).await
}

/// `GET /files/{media id}/address`: another signed address, when the one of the
/// submission has run out.
pub(crate) async fn address(
    components: web::Data<Components>,
    permit: Permit<LoggedIn>,
    id: web::Path<MediaId>,
) -> Result<web::Json<FileAddress>> {
    let (announced, _) = visible(components.database.read(), &permit, *id).await?;
    if announced.stored_at.is_none() {
        return Err(ProblemCode::NotFound.into());
    }
    if let Some(reason) = jobs::ensure(&components, &announced.sha256).await?.quarantine {
        return Err(quarantined(reason));
    }
    Ok(web::Json(signed::address_of(&components, permit.session_id(), *id)?))
}

fn quarantined(reason: QuarantineReason) -> Error {
    let message = reason.message();
    Error::problem(ProblemCode::MediaQuarantined).detail(message.zh, message.en)
}

/// The answer by RFC 9110: what the client has already, one part, or all of it.
async fn answer(
    request: &HttpRequest,
    components: &Components,
    given: &Given,
    caching: String,
) -> Result<HttpResponse> {
    let is_shown = ["image/", "audio/", "video/"].iter().any(|kind| given.content_type.starts_with(kind));
    let say = |mut answer: HttpResponseBuilder| {
        answer
            .insert_header((CONTENT_TYPE, given.content_type.as_str()))
            .insert_header((CONTENT_DISPOSITION, if is_shown { "inline" } else { "attachment" }))
            .insert_header((CONTENT_SECURITY_POLICY, NOTHING_RUNS))
            .insert_header((CACHE_CONTROL, caching.as_str()))
            .insert_header((ETAG, given.tag.clone()))
            .insert_header((ACCEPT_RANGES, "bytes"))
            // Compressed, its parts would be others.
            .insert_header((CONTENT_ENCODING, "identity"))
            .insert_header((VARY, "authorization"));
        answer
    };
    let is_known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&given.tag)),
        // What cannot be read asks for nothing.
        Err(_) => false,
    };
    if is_known {
        return Ok(say(HttpResponse::NotModified()).finish());
    }
    let Some(part) = part_wanted(request, &given.tag) else {
        return stream(components, &given.key, say(HttpResponse::Ok())).await;
    };
    let key = StoreKey::from(given.key.as_str());
    let size = components.media.head(&key).await.map_err(unreadable)?.size;
    let Some((from, to)) = part.to_satisfiable_range(size) else {
        let range = HeaderValue::try_from(format!("bytes */{size}")).map_err(Error::internal)?;
        return Err(Error::problem(ProblemCode::RangeNotSatisfiable).header(CONTENT_RANGE, range));
    };
    let range = Some(GetRange::Bounded(from..to + 1));
    let options = GetOptions { range, ..GetOptions::default() };
    let object = components.media.get_opts(&key, options).await.map_err(unreadable)?;
    let mut answer = say(HttpResponse::PartialContent());
    let range = ContentRangeSpec::Bytes { range: Some((from, to)), instance_length: Some(size) };
    answer.insert_header(ContentRange(range));
    Ok(answer.no_chunking(to + 1 - from).streaming(object.into_stream()))
}

/// The one part that is wanted. Who wants several gets everything, as whoever
/// has another file than this one does.
fn part_wanted(request: &HttpRequest, tag: &EntityTag) -> Option<actix_web::http::header::ByteRangeSpec> {
    let Ok(Range::Bytes(parts)) = Range::parse(request) else { return None };
    let [part] = parts.as_slice() else { return None };
    let is_same = match request.headers().get(actix_web::http::header::IF_RANGE) {
        None => true,
        Some(_) => matches!(IfRange::parse(request), Ok(IfRange::EntityTag(has)) if has.strong_eq(tag)),
    };
    is_same.then(|| part.clone())
}

/// Goes on with the bytes of a stored object.
pub(crate) async fn stream(
    components: &Components,
    key: &str,
    mut answer: HttpResponseBuilder,
) -> Result<HttpResponse> {
    let object = components.media.get(&StoreKey::from(key)).await.map_err(unreadable)?;
    Ok(answer.no_chunking(object.meta.size).streaming(object.into_stream()))
}

fn unreadable(cause: object_store::Error) -> Error {
    match cause {
        object_store::Error::NotFound { .. } => Error::problem(ProblemCode::NotFound).because(cause),
        cause => Error::problem(ProblemCode::Unavailable).because(cause),
    }
}

/// The file as a submission that the person may see announces it, and whether
/// they look after that submission: it is not their own.
///
/// # Errors
/// `not_found`, also for what the person may not see: that it exists is none
/// of their business.
pub(super) async fn visible(
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
    Ok(seen.into_iter().next().ok_or(ProblemCode::NotFound)?)
}
