//! Change streams: what phones must learn, in an order that no reader can get
//! wrong.
//!
//! A stream is a counter row (`stream`) and one live row per object
//! (`change`): a change moves the object's row to the next number, so the log
//! never outgrows the data. Numbers are given out at the very end of the
//! writing transaction, under the lock of the counter row, streams in sorted
//! order: so their order is the order of commits, on SQLite and PostgreSQL
//! alike, a reader can never pass a row that it cannot see yet, and writers of
//! the same streams queue up instead of waiting for each other in a ring.
//!
//! An object that left a stream keeps its row, marked `gone`, for phones that
//! have not heard of it. The counter row also carries the stream's hash: the
//! exclusive-or over what is live in it, with which a phone compares its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use doorstep_core::pack::Pack;
use doorstep_core::role::{self, Action, Actor};
use doorstep_core::sync::{Rule, StreamHash, StreamName};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use uuid::Uuid;

use crate::area;
use crate::db::Transaction;
use crate::db::entity::{change, stream};
use crate::error::{Error, Result};

/// Values bound in one statement; both databases take more.
pub(crate) const BATCH: usize = 500;

/// By stream, then kind and identifier: whether the object is gone from it.
type Wanted = BTreeMap<StreamName, BTreeMap<(&'static str, Uuid), bool>>;

/// What a transaction changes in streams; collected on the way, numbered last.
#[derive(Debug, Default)]
pub struct Changes {
    streams: Wanted,
}

impl Changes {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The object entered the stream, or changed in it. `kind` is one of
    /// [`doorstep_core::sync::item_kind`]; of several words about one object
    /// the last counts.
    pub fn put(&mut self, stream: StreamName, kind: &'static str, object_id: Uuid) {
        self.streams.entry(stream).or_default().insert((kind, object_id), false);
    }

    /// The object left the stream.
    pub fn gone(&mut self, stream: StreamName, kind: &'static str, object_id: Uuid) {
        self.streams.entry(stream).or_default().insert((kind, object_id), true);
    }

    /// Numbers the changes in their streams and keeps the hashes up. Must be
    /// the last thing that a transaction does: from here on it holds the
    /// counters that every writer of these streams needs. It asks the database
    /// as often for sixty streams as for one.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn number(self, transaction: &Transaction, county: &str) -> Result<()> {
        if self.streams.is_empty() {
            return Ok(());
        }
        let mut counters = lock(transaction, &self.streams).await?;
        let live = live(transaction, &self.streams).await?;
        let mut rows = Vec::new();
        for (name, objects) in self.streams {
            let Some(counter) = counters.get_mut(&name) else {
                return Err(Error::internal(anyhow::anyhow!("stream {name} was not created")));
            };
            let mut hash = StreamHash(counter.hash.cast_unsigned());
            for ((kind, object_id), gone) in objects {
                if let Some(seq) = live.get(&(name.clone(), kind.to_owned(), object_id)) {
                    hash.toggle(kind, object_id, *seq);
                } else if gone {
                    // Nobody has it from this stream.
                    continue;
                }
                counter.last_seq += 1;
                if !gone {
                    hash.toggle(kind, object_id, counter.last_seq);
                }
                rows.push(change::ActiveModel {
                    stream: Set(name.clone()),
                    kind: Set(kind.to_owned()),
                    object_id: Set(object_id),
                    seq: Set(counter.last_seq),
                    gone: Set(gone),
                    county: Set(county.to_owned()),
                });
            }
            counter.hash = hash.0.cast_signed();
        }
        write(transaction, rows).await?;
        count(transaction, counters.into_values().collect()).await
    }
}

/// The streams' counter rows, held until the transaction ends.
///
/// Missing ones are begun before the first is held, and both statements take
/// their rows in one order: so whoever begins streams waits only for others
/// that do, and whoever holds counters only for others that hold some, and
/// nobody waits for each other.
async fn lock(transaction: &Transaction, wanted: &Wanted) -> Result<BTreeMap<StreamName, stream::Model>> {
    let of_them = || stream::Entity::find().filter(stream::Column::Name.is_in(wanted.keys().cloned()));
    let known: Vec<StreamName> =
        of_them().select_only().column(stream::Column::Name).into_tuple().all(transaction).await?;
    let known: BTreeSet<StreamName> = known.into_iter().collect();
    let fresh = wanted.keys().filter(|name| !known.contains(*name));
    let fresh: Vec<stream::ActiveModel> = fresh
        .map(|name| stream::ActiveModel { name: Set(name.clone()), last_seq: Set(0), hash: Set(0) })
        .collect();
    if !fresh.is_empty() {
        stream::Entity::insert_many(fresh)
            .on_conflict(OnConflict::column(stream::Column::Name).do_nothing().to_owned())
            .exec_without_returning(transaction)
            .await?;
    }
    let counters = of_them().order_by_asc(stream::Column::Name);
    let counters =
        if transaction.rules().hold(Rule::CounterLast) { counters.lock_exclusive() } else { counters };
    Ok(counters.all(transaction).await?.into_iter().map(|row| (row.name.clone(), row)).collect())
}

/// The numbers under which the objects are live in the streams now.
async fn live(
    transaction: &Transaction,
    wanted: &Wanted,
) -> Result<HashMap<(StreamName, String, Uuid), i64>> {
    let objects: Vec<(&StreamName, &str, Uuid)> = wanted
        .iter()
        .flat_map(|(name, objects)| objects.keys().map(move |(kind, id)| (name, *kind, *id)))
        .collect();
    let mut live = HashMap::new();
    for objects in objects.chunks(BATCH) {
        // All three columns of the key are named for each stream and kind:
        // the databases would else read whole streams, or the table.
        let mut any = Condition::any();
        for same in objects.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1)) {
            let Some((name, kind, _)) = same.first() else { continue };
            let these = Condition::all()
                .add(change::Column::Stream.eq((*name).clone()))
                .add(change::Column::Kind.eq(*kind))
                .add(change::Column::ObjectId.is_in(same.iter().map(|(_, _, id)| *id)));
            any = any.add(these);
        }
        let rows: Vec<(StreamName, String, Uuid, i64)> = change::Entity::find()
            .select_only()
            .columns([change::Column::Stream, change::Column::Kind, change::Column::ObjectId])
            .column(change::Column::Seq)
            .filter(any)
            .filter(change::Column::Gone.eq(false))
            .into_tuple()
            .all(transaction)
            .await?;
        live.extend(rows.into_iter().map(|(name, kind, id, seq)| ((name, kind, id), seq)));
    }
    Ok(live)
}

async fn write(transaction: &Transaction, rows: Vec<change::ActiveModel>) -> Result<()> {
    for rows in rows.chunks(BATCH) {
        change::Entity::insert_many(rows.iter().cloned())
            .on_conflict(
                OnConflict::columns([change::Column::Stream, change::Column::Kind, change::Column::ObjectId])
                    .update_columns([change::Column::Seq, change::Column::Gone, change::Column::County])
                    .to_owned(),
            )
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// Keeps the counters, all of which are there.
async fn count(transaction: &Transaction, counters: Vec<stream::Model>) -> Result<()> {
    for counters in counters.chunks(BATCH) {
        let rows = counters.iter().cloned().map(|counter| stream::ActiveModel {
            name: Set(counter.name),
            last_seq: Set(counter.last_seq),
            hash: Set(counter.hash),
        });
        stream::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::column(stream::Column::Name)
                    .update_columns([stream::Column::LastSeq, stream::Column::Hash])
                    .to_owned(),
            )
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// The streams that a person's phone follows, with their counters: reference,
/// their own, and for every scope in which they hold cases the cases and
/// visits of its areas and programmes. Streams that nothing was ever in have
/// no row and are left out.
///
/// # Errors
/// When the database refuses.
pub async fn followed(
    connection: &impl ConnectionTrait,
    pack: Option<&Pack>,
    actor: &Actor,
) -> Result<BTreeMap<StreamName, stream::Model>> {
    let programmes: BTreeSet<&str> =
        pack.iter().flat_map(|pack| &pack.kinds).map(|kind| kind.programme.as_str()).collect();
    let mut names = BTreeSet::from([StreamName::Reference, StreamName::User(actor.user_id)]);
    for scope in actor.scopes.iter().filter(|scope| role::allows(scope.role, Action::HoldCases)) {
        let own = scope.programme.as_deref();
        let held = || programmes.iter().filter(|programme| own.is_none_or(|own| own == **programme));
        for area in area::within(connection, &scope.area_path).await? {
            for programme in held() {
                names.insert(StreamName::Cases(area.id, (*programme).to_owned()));
                names.insert(StreamName::Visits(area.id, (*programme).to_owned()));
            }
        }
    }
    let names: Vec<StreamName> = names.into_iter().collect();
    let mut followed = BTreeMap::new();
    for names in names.chunks(BATCH) {
        let rows = stream::Entity::find()
            .filter(stream::Column::Name.is_in(names.iter().cloned()))
            .all(connection)
            .await?;
        followed.extend(rows.into_iter().map(|row| (row.name.clone(), row)));
    }
    Ok(followed)
}
