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
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    Set,
};
use uuid::Uuid;

use crate::area;
use crate::db::Transaction;
use crate::db::entity::{change, stream};
use crate::error::{Error, Result};

/// Values bound in one statement; both databases take more.
pub(crate) const BATCH: usize = 500;

/// What a transaction changes in streams; collected on the way, numbered last.
#[derive(Debug, Default)]
pub struct Changes {
    /// By stream, then kind and identifier: whether the object is gone from it.
    streams: BTreeMap<StreamName, BTreeMap<(&'static str, Uuid), bool>>,
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
    /// counters that every writer of these streams needs.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn number(self, transaction: &Transaction, county: &str) -> Result<()> {
        for (name, objects) in self.streams {
            let mut counter = lock(transaction, &name).await?;
            let known = known(transaction, &name, objects.keys()).await?;
            let mut hash = StreamHash(counter.hash.cast_unsigned());
            let mut rows = Vec::new();
            for ((kind, object_id), gone) in objects {
                let live = known.get(&(kind.to_owned(), object_id)).filter(|row| !row.gone);
                if let Some(live) = live {
                    hash.toggle(kind, object_id, live.seq);
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
            write(transaction, rows).await?;
            let (last_seq, hash) = (counter.last_seq, hash.0.cast_signed());
            let mut counter = counter.into_active_model();
            counter.last_seq = Set(last_seq);
            counter.hash = Set(hash);
            counter.update(transaction).await?;
        }
        Ok(())
    }
}

/// The stream's counter row, held until the transaction ends.
async fn lock(transaction: &Transaction, name: &StreamName) -> Result<stream::Model> {
    let counter = stream::Entity::find_by_id(name.clone());
    let counter =
        if transaction.rules().hold(Rule::CounterLast) { counter.lock_exclusive() } else { counter };
    let locked = || counter.clone().one(transaction);
    if let Some(counter) = locked().await? {
        return Ok(counter);
    }
    // Of two that begin the same stream the second waits here, then finds it.
    let fresh = stream::ActiveModel { name: Set(name.clone()), last_seq: Set(0), hash: Set(0) };
    stream::Entity::insert(fresh)
        .on_conflict(OnConflict::column(stream::Column::Name).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    locked().await?.ok_or_else(|| Error::internal(anyhow::anyhow!("stream {name} was not created")))
}

/// The rows that the stream already has of these objects.
async fn known(
    transaction: &Transaction,
    name: &StreamName,
    objects: impl Iterator<Item = &(&'static str, Uuid)>,
) -> Result<HashMap<(String, Uuid), change::Model>> {
    let ids: Vec<Uuid> = objects.map(|(_, id)| *id).collect::<BTreeSet<_>>().into_iter().collect();
    let mut known = HashMap::new();
    for ids in ids.chunks(BATCH) {
        let rows = change::Entity::find()
            .filter(change::Column::Stream.eq(name.clone()))
            .filter(change::Column::ObjectId.is_in(ids.iter().copied()))
            .all(transaction)
            .await?;
        known.extend(rows.into_iter().map(|row| ((row.kind.clone(), row.object_id), row)));
    }
    Ok(known)
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
