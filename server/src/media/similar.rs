//! Photos that look alike, across a county: the same picture sent for two
//! visits, or a picture of a picture.
//!
//! The fingerprints of a county are in memory, eight bytes each, and are
//! compared one after the other: a million take a few milliseconds, which no
//! index over Hamming distances beats by enough to be worth it. They are read
//! once; later searches read what was examined since.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::web;
use chrono::{DateTime, TimeDelta, Utc};
use doorstep_core::api::{SimilarAnswer, SimilarPhoto};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{CaseId, MediaId, UserId};
use doorstep_core::problem::ProblemCode;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::Mutex;

use super::show::visible;
use super::{jobs, signed};
use crate::app::Components;
use crate::auth::permit::{LoggedIn, Permit};
use crate::db::entity::{media, submission, submission_media};
use crate::error::Result;
use crate::{cases, submissions, users};

/// Pictures that differ in so few of the 64 bits look alike.
const DIFFERING_BITS_MAX: u32 = 8;
const PHOTOS_MAX: usize = 50;
/// Each photo has a small picture that looks like it, and is kept in each
/// correction of its visit: those fall out afterwards.
const FINGERPRINTS_MAX: usize = 8 * PHOTOS_MAX;
/// Copies of the server have clocks of their own, and a transaction takes
/// time: what was examined shortly before is read again.
const READ_AGAIN: TimeDelta = TimeDelta::minutes(5);
const ROWS_AT_ONCE: u64 = 10_000;

/// The fingerprints of one county.
#[derive(Debug, Default)]
pub struct Similar {
    fingerprints: Vec<u64>,
    hashes: Vec<[u8; 32]>,
    places: HashMap<[u8; 32], usize>,
    read_until: Option<DateTime<Utc>>,
}

impl Similar {
    /// Adds a picture, or what it looks like now.
    pub fn put(&mut self, sha256: [u8; 32], fingerprint: u64) {
        match self.places.get(&sha256).and_then(|place| self.fingerprints.get_mut(*place)) {
            Some(known) => *known = fingerprint,
            None => {
                self.places.insert(sha256, self.fingerprints.len());
                self.fingerprints.push(fingerprint);
                self.hashes.push(sha256);
            }
        }
    }

    /// The pictures that differ in at most `bits_max` bits, the most alike
    /// first.
    pub fn near(&self, fingerprint: u64, bits_max: u32) -> Vec<([u8; 32], u32)> {
        let mut near: Vec<([u8; 32], u32)> = self
            .fingerprints
            .iter()
            .zip(&self.hashes)
            .filter_map(|(other, sha256)| {
                let bits = (other ^ fingerprint).count_ones();
                (bits <= bits_max).then_some((*sha256, bits))
            })
            .collect();
        near.sort_unstable_by_key(|(sha256, bits)| (*bits, *sha256));
        near
    }
}

/// The fingerprints of every county that was asked for.
#[derive(Clone, Debug, Default)]
pub struct Index(Arc<Mutex<HashMap<String, Similar>>>);

impl Index {
    /// What looks like a picture of the county.
    async fn near(
        &self,
        components: &Components,
        county: &str,
        fingerprint: u64,
    ) -> Result<Vec<(ContentHash, u32)>> {
        let mut counties = self.0.lock().await;
        let similar = counties.entry(county.to_owned()).or_default();
        catch_up(components, county, similar).await?;
        let near = similar.near(fingerprint, DIFFERING_BITS_MAX);
        Ok(near.iter().map(|(digest, bits)| (ContentHash::from_digest(digest), *bits)).collect())
    }
}

async fn catch_up(components: &Components, county: &str, similar: &mut Similar) -> Result<()> {
    let mut from = similar.read_until.map(|until| until - READ_AGAIN);
    let now = components.clock.now();
    let mut after: Option<ContentHash> = None;
    loop {
        let mut rows = media::Entity::find()
            .select_only()
            .columns([media::Column::Sha256, media::Column::Fingerprint])
            .filter(media::Column::County.eq(county))
            .filter(media::Column::Fingerprint.is_not_null())
            .filter(media::Column::Quarantine.is_null());
        if let Some(from) = from {
            rows = rows.filter(media::Column::ExaminedAt.gte(from));
        }
        if let Some(after) = &after {
            rows = rows.filter(media::Column::Sha256.gt(after.clone()));
        }
        let rows: Vec<(ContentHash, i64)> = rows
            .order_by_asc(media::Column::Sha256)
            .limit(ROWS_AT_ONCE)
            .into_tuple()
            .all(components.database.read())
            .await?;
        for (sha256, fingerprint) in &rows {
            if let Some(digest) = sha256.digest() {
                similar.put(digest, fingerprint.cast_unsigned());
            }
        }
        match rows.into_iter().last() {
            Some((last, _)) => after = Some(last),
            None => break,
        }
    }
    from.replace(now);
    similar.read_until = from;
    Ok(())
}

/// `GET /files/{media id}/similar`: photos of other submissions that the
/// asker may see and that look like this one.
pub(crate) async fn similar(
    components: web::Data<Components>,
    permit: Permit<LoggedIn>,
    id: web::Path<MediaId>,
) -> Result<web::Json<SimilarAnswer>> {
    let connection = components.database.read();
    let (announced, _) = visible(connection, &permit, id.into_inner()).await?;
    if announced.stored_at.is_none() {
        return Err(ProblemCode::NotFound.into());
    }
    let row = jobs::ensure(&components, &announced.sha256).await?;
    let Some(fingerprint) = row.fingerprint.filter(|_| row.quarantine.is_none()) else {
        return Ok(web::Json(SimilarAnswer { photos: Vec::new() }));
    };
    let near = components.similar.near(&components, &row.county, fingerprint.cast_unsigned()).await?;
    let bits: HashMap<ContentHash, u32> = near.into_iter().take(FINGERPRINTS_MAX).collect();
    let named = submission_media::Entity::find()
        .filter(submission_media::Column::Sha256.is_in(bits.keys().cloned()))
        .filter(submission_media::Column::SubmissionId.ne(announced.submission_id))
        .filter(submission_media::Column::StoredAt.is_not_null())
        .filter(submission_media::Column::PreviewOf.is_null())
        .all(connection)
        .await?;
    let found: HashMap<_, _> = submission::Entity::find()
        .filter(submission::Column::Id.is_in(named.iter().map(|row| row.submission_id)))
        .all(connection)
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let own_root = submission::Entity::find_by_id(announced.submission_id).one(connection).await?;
    let own_root = own_root.map(|row| row.root_id);
    let case_ids: Vec<CaseId> = found.values().map(|row| row.case_id).collect();
    let authors: Vec<UserId> = found.values().map(|row| row.author_id).collect();
    let cases = cases::find_many(connection, &case_ids).await?;
    let names = users::display_names(connection, &authors).await?;
    let mut photos = Vec::new();
    for file in named {
        let Some(submission) = found.get(&file.submission_id) else { continue };
        // A correction keeps its photos; that is no finding.
        if Some(submission.root_id) == own_root
            || !submissions::may_see(connection, &permit, submission.author_id, submission.case_id).await?
        {
            continue;
        }
        photos.push(SimilarPhoto {
            submission_id: submission.id,
            media_id: file.media_id,
            case_label: cases.get(&submission.case_id).map(|case| case.label.clone()).unwrap_or_default(),
            author_name: names.get(&submission.author_id).cloned().unwrap_or_default(),
            received_at: submission.received_at,
            address: signed::address_of(&components, permit.session_id(), file.media_id)?.address,
            differing_bits: bits.get(&file.sha256).copied().unwrap_or_default(),
        });
    }
    photos.sort_by_key(|photo| (photo.differing_bits, std::cmp::Reverse(photo.received_at), photo.media_id));
    photos.truncate(PHOTOS_MAX);
    Ok(web::Json(SimilarAnswer { photos }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u32) -> [u8; 32] {
        let mut name = [0; 32];
        name[..4].copy_from_slice(&number.to_be_bytes());
        name
    }

    #[test]
    fn the_most_alike_come_first_and_a_picture_counts_once() {
        let mut similar = Similar::default();
        similar.put(name(1), 0b1111);
        similar.put(name(2), 0b0001);
        similar.put(name(3), u64::MAX);
        similar.put(name(2), 0b0111);
        let near = similar.near(0b1111, 8);
        assert_eq!(near, [(name(1), 0), (name(2), 1)]);
    }
}
