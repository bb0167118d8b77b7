//! Files beside the words of a form: pictures, sounds and films that phones
//! show while it is filled in.
//!
//! They are kept by content, like captured files but apart from them, so that
//! nothing that is done to a county's captures touches a form. A browser gets
//! them under a type that it shows or plays, never one that it runs: so no
//! SVG.

use std::collections::BTreeMap;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{FormId, FormVersionId};
use doorstep_core::pack::FormFile;
use doorstep_core::problem::ProblemCode;
use doorstep_form::{AuthoringProblem, Form, did_you_mean};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};

use super::NEVER_CHANGES;
use crate::app::Components;
use crate::auth::permit::{LoggedIn, Permit};
use crate::db::entity::{form_media, form_version};
use crate::error::Result;
use crate::media;

/// All files of a form together: every phone keeps them.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// How a file begins: bytes at an offset.
type Beginning = (usize, &'static [u8]);

/// Endings that a form may name, the type that a phone shows or plays, and
/// how such a file may begin.
const KINDS: [(&str, &str, &[Beginning]); 17] = [
    ("jpg", "image/jpeg", &[(0, b"\xff\xd8\xff")]),
    ("jpeg", "image/jpeg", &[(0, b"\xff\xd8\xff")]),
    ("png", "image/png", &[(0, b"\x89PNG\r\n\x1a\n")]),
    ("gif", "image/gif", &[(0, b"GIF8")]),
    ("webp", "image/webp", &[(8, b"WEBP")]),
    ("mp3", "audio/mpeg", &[(0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf2")]),
    ("m4a", "audio/mp4", &[(4, b"ftyp")]),
    ("aac", "audio/aac", &[(0, b"\xff\xf1"), (0, b"\xff\xf9")]),
    ("ogg", "audio/ogg", &[(0, b"OggS")]),
    ("oga", "audio/ogg", &[(0, b"OggS")]),
    ("opus", "audio/ogg", &[(0, b"OggS")]),
    ("wav", "audio/wav", &[(8, b"WAVE")]),
    ("weba", "audio/webm", &[(0, b"\x1a\x45\xdf\xa3")]),
    ("mp4", "video/mp4", &[(4, b"ftyp")]),
    ("m4v", "video/mp4", &[(4, b"ftyp")]),
    ("mov", "video/quicktime", &[(4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide")]),
    ("webm", "video/webm", &[(0, b"\x1a\x45\xdf\xa3")]),
];

/// In small letters, without the dot.
pub(super) fn ending(name: &str) -> String {
    name.rsplit_once('.').map_or_else(String::new, |(_, ending)| ending.to_lowercase())
}

/// The type that a file claims by its name.
pub(super) fn kind_by_name(name: &str) -> Option<&'static str> {
    let ending = ending(name);
    KINDS.iter().find(|(known, ..)| *known == ending).map(|(_, content_type, _)| *content_type)
}

/// The type of a file whose contents are what its name claims.
fn kind(name: &str, bytes: &[u8]) -> Option<&'static str> {
    let ending = ending(name);
    let (_, content_type, beginnings) = KINDS.iter().find(|(known, ..)| *known == ending)?;
    let begins =
        beginnings.iter().any(|(at, with)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(with)));
    begins.then_some(*content_type)
}

/// A file that goes with the form.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) facts: FormFile,
    bytes: Vec<u8>,
}

/// Of the files that were given, those that the form shows. A form whose
/// answers decide which file is shown gets all of them.
///
/// # Errors
/// Files that are not what their name claims, and too many of them.
pub(super) fn choose(
    form: &Form,
    given: BTreeMap<String, Vec<u8>>,
) -> Result<Vec<Chosen>, Vec<AuthoringProblem>> {
    let named = form.media_names();
    let all = form.computes_media_names();
    let (mut chosen, mut problems, mut size) = (Vec::new(), Vec::new(), 0_usize);
    for (name, bytes) in given {
        if !all && !named.contains(&name) {
            continue;
        }
        let Some(content_type) = kind(&name, &bytes) else {
            let message = "this file is not what its name says; save it anew as such, or name it otherwise";
            problems.push(AuthoringProblem::error("survey", message).finding(name));
            continue;
        };
        size = size.saturating_add(bytes.len());
        let facts = FormFile {
            name,
            sha256: ContentHash::of(&bytes),
            size_bytes: bytes.len() as u64,
            content_type: content_type.to_owned(),
        };
        chosen.push(Chosen { facts, bytes });
    }
    if size > BYTES_MAX {
        let message = format!(
            "the files beside the words have {} MB together, of at most {}; make pictures smaller and films shorter",
            size / (1024 * 1024),
            BYTES_MAX / (1024 * 1024)
        );
        problems.push(AuthoringProblem::error("survey", message));
    }
    if problems.is_empty() { Ok(chosen) } else { Err(problems) }
}

/// Warnings about files that the form names and nobody gave: phones show a
/// placeholder in their place.
pub fn absent<'a>(form: &Form, given: impl Iterator<Item = &'a str> + Clone) -> Vec<AuthoringProblem> {
    let warning = |name: String| {
        let close = did_you_mean(&name, given.clone());
        let message = if kind_by_name(&name).is_some() {
            "this file beside the form's words is not there; phones will show a placeholder"
        } else {
            "phones do not show files of this kind; use PNG, JPEG, GIF or WebP, MP3, M4A, OGG or WAV, MP4 or WebM"
        };
        AuthoringProblem::warning("survey", message).finding(name).suggesting(close)
    };
    let names = form.media_names().into_iter();
    names.filter(|name| given.clone().all(|one| one != name)).map(warning).collect()
}

/// Apart from captured files. No row says it, so it never changes.
fn store_key(sha256: &ContentHash) -> String {
    let digits = sha256.as_str();
    let pair = |at: usize| digits.get(at..at + 2).unwrap_or_default();
    format!("forms/{}/{}/{digits}", pair(0), pair(2))
}

/// Puts the files on the disk; what is there already is the same.
pub(super) async fn keep(components: &Components, files: &[Chosen]) -> Result<()> {
    for file in files {
        let bytes = web::Bytes::from(file.bytes.clone());
        media::put_object(components, &store_key(&file.facts.sha256), bytes).await?;
    }
    Ok(())
}

/// Enters the files of a new version.
pub(super) async fn enter(
    transaction: &impl ConnectionTrait,
    version: FormVersionId,
    files: &[Chosen],
) -> Result<()> {
    for Chosen { facts, .. } in files {
        form_media::ActiveModel {
            form_version_id: Set(version),
            file_name: Set(facts.name.clone()),
            sha256: Set(facts.sha256.clone()),
            size_bytes: Set(i64::try_from(facts.size_bytes).map_err(crate::error::Error::internal)?),
            content_type: Set(facts.content_type.clone()),
        }
        .insert(transaction)
        .await?;
    }
    Ok(())
}

/// The files of form versions, each version's by name.
pub(crate) async fn of_versions(
    connection: &impl ConnectionTrait,
    versions: impl IntoIterator<Item = FormVersionId>,
) -> Result<BTreeMap<FormVersionId, Vec<FormFile>>> {
    let rows = form_media::Entity::find()
        .filter(form_media::Column::FormVersionId.is_in(versions))
        .order_by_asc(form_media::Column::FileName)
        .all(connection)
        .await?;
    let mut files: BTreeMap<FormVersionId, Vec<FormFile>> = BTreeMap::new();
    for row in rows {
        files.entry(row.form_version_id).or_default().push(FormFile {
            name: row.file_name,
            sha256: row.sha256,
            size_bytes: u64::try_from(row.size_bytes).unwrap_or_default(),
            content_type: row.content_type,
        });
    }
    // By code points, wherever the database sorts otherwise.
    files.values_mut().for_each(|files| files.sort_by(|left, right| left.name.cmp(&right.name)));
    Ok(files)
}

/// `GET /api/v1/form-versions/{id}/files/{sha256}`: for everybody of the
/// form's county.
pub(crate) async fn file(
    request: HttpRequest,
    components: web::Data<Components>,
    permit: Permit<LoggedIn>,
    address: web::Path<(FormVersionId, ContentHash)>,
) -> Result<HttpResponse> {
    let (version, sha256) = address.into_inner();
    let connection = components.database.read();
    let row = form_media::Entity::find()
        .filter(form_media::Column::FormVersionId.eq(version))
        .filter(form_media::Column::Sha256.eq(sha256.clone()))
        .one(connection)
        .await?
        .ok_or(ProblemCode::NotFound)?;
    let form: Option<FormId> = form_version::Entity::find_by_id(version)
        .select_only()
        .column(form_version::Column::Form)
        .into_tuple()
        .one(connection)
        .await?;
    super::check_county(connection, form.ok_or(ProblemCode::NotFound)?, permit.county()).await?;
    let tag = format!("\"{sha256}\"");
    let unchanged = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.contains(&tag));
    let mut answer = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((CONTENT_TYPE, row.content_type))
        .insert_header((CACHE_CONTROL, NEVER_CHANGES))
        .insert_header((ETAG, tag))
        .insert_header((VARY, "authorization"));
    if unchanged {
        return Ok(answer.finish());
    }
    media::stream(&components, &store_key(&sha256), answer).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorstep_form::Workbook;

    const FORM: &str = "
        | survey |               |      |         |              |                  |
        |        | type          | name | label   | media::image | media::audio::en |
        |        | select_one l  | s    | Stove?  | stove.png    | stove.mp3        |
        | choices |              |      |         |              |                  |
        |        | list_name     | name | label   | media::image |                  |
        |        | l             | a    | Coal    | coal.jpg     |                  |
        |        | l             | b    | Gas     | gas.svg      |                  |
    ";

    fn form() -> Result<Form, Vec<AuthoringProblem>> {
        Form::from_workbook(&Workbook::read_markdown(FORM)?).map(|(form, _)| form)
    }

    fn given(files: &[(&str, &[u8])]) -> BTreeMap<String, Vec<u8>> {
        files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect()
    }

    #[test]
    fn a_form_takes_the_files_that_it_names() -> Result<(), Vec<AuthoringProblem>> {
        let files = given(&[
            ("stove.png", b"\x89PNG\r\n\x1a\n..."),
            ("coal.jpg", b"\xff\xd8\xff\xe0"),
            ("other.png", b"\x89PNG\r\n\x1a\n"),
        ]);
        let chosen = choose(&form()?, files)?;
        let facts: Vec<_> =
            chosen.iter().map(|file| (file.facts.name.as_str(), file.facts.content_type.as_str())).collect();
        assert_eq!(facts, [("coal.jpg", "image/jpeg"), ("stove.png", "image/png")]);
        Ok(())
    }

    #[test]
    fn a_file_is_what_its_name_says() -> Result<(), Vec<AuthoringProblem>> {
        let refused = choose(&form()?, given(&[("coal.jpg", b"<svg onload=alert(1)>")]));
        let problems = refused.err().unwrap_or_default();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].found, "coal.jpg");
        Ok(())
    }

    #[test]
    fn files_that_nobody_gave_are_warned_of() -> Result<(), Vec<AuthoringProblem>> {
        let warnings = absent(&form()?, ["Stove.png", "coal.jpg", "stove.mp3"].into_iter());
        let told: Vec<_> =
            warnings.iter().map(|one| (one.found.as_str(), one.suggestion.as_deref())).collect();
        assert_eq!(told.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["gas.svg", "stove.png"]);
        assert!(told[1].1.is_some_and(|close| close.contains("Stove.png")), "{told:?}");
        assert!(warnings[0].message.contains("of this kind"));
        Ok(())
    }
}
