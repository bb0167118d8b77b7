//! Answering with what changed.
//!
//! Everything of one answer is read from one state of the database: positions,
//! rows, bodies and hashes belong together.

use std::collections::BTreeMap;

use doorstep_core::problem::ProblemCode;
use doorstep_core::sync::{
    Cursor, Epoch, PULL_ITEMS_DEFAULT, PULL_ITEMS_MAX, PullAnswer, PullItem, PullRequest, StreamHash,
    StreamName,
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::MIN_APP;
use super::compose::bodies;
use super::push::last_seq;
use crate::app::Components;
use crate::auth::permit::{LoggedIn, Permit};
use crate::db::entity::{change, device, stream};
use crate::error::Result;
use crate::{devices, pack, streams, users};

/// One page for the person and device of `permit`.
pub(super) async fn answer(
    components: &Components,
    permit: &Permit<LoggedIn>,
    request: PullRequest,
) -> Result<PullAnswer> {
    let most = request.max.unwrap_or(PULL_ITEMS_DEFAULT).clamp(1, PULL_ITEMS_MAX) as usize;
    let again: Vec<StreamName> = request
        .again
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let is_from_nothing = request.cursor.is_none() && request.epoch.is_none();
    let answer = components
        .database
        .snapshot(async |transaction| {
            let device = device::Entity::find_by_id(permit.device_id()).one(transaction).await?;
            let pack = pack::current(transaction, permit.county()).await?;
            // The grants of this very state, not of the moment before.
            let actor = users::actor(transaction, permit.user_id()).await?;
            let followed = streams::followed(transaction, pack.as_ref(), &actor).await?;
            let start = start(components.epoch, request.cursor.as_deref(), &again, &followed);
            let page = page(transaction, &followed, start.positions, most).await?;
            let keys = page.rows.iter().filter(|row| !row.gone);
            let bodies = bodies(
                transaction,
                components.clock.today(),
                keys.map(|row| (row.kind.clone(), row.object_id)),
            )
            .await?;
            let items = page.rows.into_iter().map(|row| {
                let body = if row.gone { None } else { bodies.body(&row.stream, &row.kind, row.object_id) };
                PullItem { stream: row.stream, seq: row.seq, kind: row.kind, id: row.object_id, body }
            });
            let hash = if page.more {
                BTreeMap::new()
            } else {
                let hash = |counter: &stream::Model| StreamHash(counter.hash.cast_unsigned());
                followed.iter().map(|(name, counter)| (name.clone(), hash(counter))).collect()
            };
            let last_seq = last_seq(&device.ok_or(ProblemCode::DeviceUnknown)?)?;
            Ok(PullAnswer {
                epoch: components.epoch,
                server_time: components.clock.now(),
                last_seq,
                drop: start.drop,
                items: items.collect(),
                cursor: Cursor { epoch: components.epoch, positions: page.positions }.encode(),
                more: page.more,
                min_app: MIN_APP,
                hash,
                command: devices::asked_of(transaction, permit.device_id()).await?,
            })
        })
        .await?;
    if is_from_nothing && answer.last_seq > 0 {
        devices::note_new_storage(components, permit.device_id()).await?;
    }
    Ok(answer)
}

/// Where an answer begins.
#[derive(Debug, Default, Eq, PartialEq)]
struct Start {
    /// Of every followed stream.
    positions: BTreeMap<StreamName, i64>,
    /// What the phone has to forget first.
    drop: Vec<StreamName>,
}

/// Works out the positions from a cursor. One of another life of the database,
/// or that is none of ours, counts as none: everything comes again, and what
/// the phone holds of these streams goes. The same for a single stream whose
/// position lies ahead of its counter: the database was put back without
/// beginning a new epoch.
fn start(
    epoch: Epoch,
    cursor: Option<&str>,
    again: &[StreamName],
    followed: &BTreeMap<StreamName, stream::Model>,
) -> Start {
    let known = cursor.and_then(|text| Cursor::decode(text).ok()).filter(|cursor| cursor.epoch == epoch);
    let mut start = Start::default();
    for (name, counter) in followed {
        let position = known.as_ref().and_then(|cursor| cursor.positions.get(name).copied());
        let usable = position.filter(|position| (0..=counter.last_seq).contains(position));
        if (cursor.is_some() && known.is_none()) || (position.is_some() && usable.is_none()) {
            start.drop.push(name.clone());
        }
        let position = if again.contains(name) { 0 } else { usable.unwrap_or(0) };
        start.positions.insert(name.clone(), position);
    }
    let lost = known.into_iter().flat_map(|cursor| cursor.positions.into_keys());
    start.drop.extend(lost.filter(|name| !followed.contains_key(name)));
    start
}

struct Page {
    rows: Vec<change::Model>,
    positions: BTreeMap<StreamName, i64>,
    more: bool,
}

/// The next rows, in the order of a first sync. A page has tasks and cases
/// together, as far as there are both: a phone that is cut off has something to
/// go on with, and a task names its case at the price of a few bytes, where
/// both are packed together.
async fn page(
    transaction: &DatabaseTransaction,
    followed: &BTreeMap<StreamName, stream::Model>,
    mut positions: BTreeMap<StreamName, i64>,
    most: usize,
) -> Result<Page> {
    let mut rows: Vec<change::Model> = Vec::new();
    let mut more = false;
    let cases_wait = followed.iter().any(|(name, counter)| {
        matches!(name, StreamName::Cases(..))
            && positions.get(name).copied().unwrap_or_default() < counter.last_seq
    });
    for (name, counter) in followed {
        let position = positions.entry(name.clone()).or_default();
        if *position >= counter.last_seq {
            continue;
        }
        let left = most - rows.len();
        let shares = cases_wait && matches!(name, StreamName::User(_));
        let room = if shares { left.div_ceil(2) } else { left };
        let mut query = change::Entity::find()
            .filter(change::Column::Stream.eq(name.clone()))
            .filter(change::Column::Seq.gt(*position));
        if *position == 0 {
            // Who begins has nothing that could be gone.
            query = query.filter(change::Column::Gone.eq(false));
        }
        let mut found =
            query.order_by_asc(change::Column::Seq).limit(room as u64 + 1).all(transaction).await?;
        if found.len() > room {
            found.truncate(room);
            *position = found.last().map_or(*position, |row| row.seq);
            rows.extend(found);
            more = true;
            if shares {
                continue;
            }
            return Ok(Page { rows, positions, more });
        }
        *position = counter.last_seq;
        rows.extend(found);
    }
    Ok(Page { rows, positions, more })
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorstep_core::ids::UserId;
    use uuid::Uuid;

    fn followed(names: &[(&StreamName, i64)]) -> BTreeMap<StreamName, stream::Model> {
        names
            .iter()
            .map(|(name, last_seq)| {
                let row = stream::Model { name: (*name).clone(), last_seq: *last_seq, hash: 0 };
                ((*name).clone(), row)
            })
            .collect()
    }

    #[test]
    fn a_cursor_is_used_only_for_what_it_says() {
        let (reference, own) = (StreamName::Reference, StreamName::User(UserId(Uuid::from_u128(1))));
        let lost = StreamName::User(UserId(Uuid::from_u128(2)));
        let followed = followed(&[(&reference, 9), (&own, 4)]);
        let at = |epoch: i64, positions: &[(&StreamName, i64)]| {
            let positions = positions.iter().map(|(name, at)| ((*name).clone(), *at)).collect();
            Cursor { epoch: Epoch(epoch), positions }.encode()
        };
        let from = |cursor: Option<&str>, again: &[StreamName]| start(Epoch(5), cursor, again, &followed);
        let positions = |start: &Start| start.positions.values().copied().collect::<Vec<_>>();

        let fresh = from(None, &[]);
        assert_eq!((positions(&fresh), fresh.drop.len()), (vec![0, 0], 0));
        let cursor = at(5, &[(&reference, 9), (&own, 2), (&lost, 7)]);
        let known = from(Some(&cursor), &[]);
        assert_eq!((positions(&known), known.drop), (vec![9, 2], vec![lost]));
        let again = from(Some(&cursor), std::slice::from_ref(&own));
        assert_eq!(positions(&again), [9, 0]);

        let ahead = from(Some(&at(5, &[(&reference, 10), (&own, 2)])), &[]);
        assert_eq!((positions(&ahead), ahead.drop), (vec![0, 2], vec![reference.clone()]));
        for foreign in ["garbage".to_owned(), at(6, &[(&own, 2)]), at(4, &[(&own, 2)])] {
            let anew = from(Some(&foreign), &[]);
            assert_eq!((positions(&anew), anew.drop), (vec![0, 0], vec![reference.clone(), own.clone()]));
        }
    }
}
