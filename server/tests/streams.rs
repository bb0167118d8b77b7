//! Streams under writers that are at it all at once, on SQLite, and on the
//! PostgreSQL that `TEST_DATABASE_URL` names.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use doorstep::db::Database;
use doorstep::db::entity::{change, stream};
use doorstep::streams::Changes;
use doorstep_core::ids::{AreaId, UserId};
use doorstep_core::sync::{StreamHash, StreamName, item_kind};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

mod database;

use database::TestDatabase;

const WRITERS: u128 = 8;
const WRITES: u128 = 40;
const OBJECTS: u128 = 12;
const COUNTY: &str = "610199";

/// What a phone holds of each stream, and how far it has come.
#[derive(Default)]
struct Phone {
    held: BTreeMap<(StreamName, String, Uuid), i64>,
    positions: BTreeMap<StreamName, i64>,
}

impl Phone {
    /// One pull. In every state of the database that it sees, what it holds
    /// has to be exactly what the stream's hash is over.
    async fn pull(&mut self, database: &Database) -> Result<()> {
        let state = database
            .snapshot(async |transaction| {
                let mut state = Vec::new();
                for counter in stream::Entity::find().all(transaction).await? {
                    let position = self.positions.get(&counter.name).copied().unwrap_or(0);
                    let rows = change::Entity::find()
                        .filter(change::Column::Stream.eq(counter.name.clone()))
                        .filter(change::Column::Seq.gt(position))
                        .order_by_asc(change::Column::Seq)
                        .all(transaction)
                        .await?;
                    state.push((counter, rows));
                }
                Ok(state)
            })
            .await?;
        for (counter, rows) in state {
            for row in rows {
                let key = (row.stream, row.kind, row.object_id);
                if row.gone {
                    self.held.remove(&key)
                } else {
                    self.held.insert(key, row.seq)
                };
            }
            let mut hash = StreamHash::default();
            for ((_, kind, id), seq) in self.held.iter().filter(|((name, ..), _)| *name == counter.name) {
                hash.toggle(kind, *id, *seq);
            }
            ensure!(hash.0 == counter.hash.cast_unsigned(), "{} at {}", counter.name, counter.last_seq);
            self.positions.insert(counter.name, counter.last_seq);
        }
        Ok(())
    }
}

fn names() -> [StreamName; 5] {
    let area = |number| AreaId(Uuid::from_u128(number));
    [
        StreamName::Visits(area(2), "elder".into()),
        StreamName::User(UserId(Uuid::from_u128(1))),
        StreamName::Cases(area(2), "elder".into()),
        StreamName::Cases(area(1), "elder".into()),
        StreamName::Reference,
    ]
}

/// A writer's changes: several streams in no particular order, some objects
/// leaving, some entering, and hot ones that everybody writes.
fn changes_of(writer: u128, number: u128) -> Changes {
    let names = names();
    let mut changes = Changes::new();
    // A small generator: the same run after run, whatever the scheduling.
    let mut random = (writer * 1_000_003 + number * 7919 + 17) % 1_000_000_007;
    let mut next = |below: u128| {
        random = (random * 48_271) % 2_147_483_647;
        random % below
    };
    for _ in 0..=next(4) {
        let Some(name) = names.get(usize::try_from(next(5)).unwrap_or(0)) else { continue };
        let object = Uuid::from_u128(next(OBJECTS));
        match next(4) {
            0 => changes.gone(name.clone(), item_kind::CASE, object),
            1 => changes.put(name.clone(), item_kind::TASK, object),
            _ => changes.put(name.clone(), item_kind::CASE, object),
        }
    }
    changes
}

#[tokio::test]
async fn no_reader_ever_misses_a_change() -> Result<()> {
    let database = TestDatabase::create().await?;
    let writing = Cell::new(WRITERS);
    let write = async |writer: u128| -> Result<()> {
        for number in 0..WRITES {
            database
                .database
                .write(async |transaction| changes_of(writer, number).number(transaction, COUNTY).await)
                .await?;
        }
        writing.set(writing.get() - 1);
        Ok(())
    };
    let read = async || -> Result<(Phone, u32)> {
        let (mut phone, mut pulls) = (Phone::default(), 0);
        while writing.get() > 0 {
            phone.pull(&database.database).await?;
            pulls += 1;
            tokio::task::yield_now().await;
        }
        Ok((phone, pulls))
    };
    let (written, (mut phone, pulls), (mut other, _)) =
        futures::try_join!(futures::future::try_join_all((0..WRITERS).map(write)), read(), read(),)?;
    assert_eq!(written.len(), 8);
    assert!(pulls > 1, "the reader read while others wrote");
    phone.pull(&database.database).await?;
    other.pull(&database.database).await?;
    let mut late = Phone::default();
    late.pull(&database.database).await?;
    assert_eq!(phone.held, other.held);
    assert_eq!(phone.held, late.held, "who comes late sees the same");

    // One live row per object and stream, no number given twice or skipped at
    // the top, and something in it at all.
    for counter in stream::Entity::find().all(database.database.read()).await? {
        let rows = change::Entity::find()
            .filter(change::Column::Stream.eq(counter.name.clone()))
            .all(database.database.read())
            .await?;
        let numbers: BTreeSet<i64> = rows.iter().map(|row| row.seq).collect();
        assert_eq!(numbers.len(), rows.len());
        assert_eq!(numbers.last().copied(), Some(counter.last_seq));
        assert!(rows.iter().any(|row| !row.gone));
    }
    database.remove().await
}

#[tokio::test]
async fn what_nobody_has_does_not_leave_and_what_left_can_come_back() -> Result<()> {
    let database = TestDatabase::create().await?;
    let [_, _, cases, ..] = names();
    let object = Uuid::from_u128(5);
    let apply = async |steps: &[bool]| {
        database
            .database
            .write(async |transaction| {
                let mut changes = Changes::new();
                for put in steps {
                    if *put {
                        changes.put(cases.clone(), item_kind::CASE, object);
                    } else {
                        changes.gone(cases.clone(), item_kind::CASE, object);
                    }
                }
                changes.number(transaction, COUNTY).await
            })
            .await?;
        let counter = stream::Entity::find_by_id(cases.clone()).one(database.database.read()).await?;
        let counter = counter.context("the stream has a counter")?;
        anyhow::Ok((counter.last_seq, counter.hash != 0))
    };
    assert_eq!(apply(&[false]).await?, (0, false), "gone from where it never was");
    assert_eq!(apply(&[true]).await?, (1, true));
    assert_eq!(apply(&[true]).await?, (2, true), "a change moves it to the next number");
    assert_eq!(apply(&[true, false]).await?, (3, false), "the last word counts");
    assert_eq!(apply(&[false]).await?, (3, false), "gone once is gone");
    assert_eq!(apply(&[true]).await?, (4, true));
    assert_eq!(change::Entity::find().all(database.database.read()).await?.len(), 1);
    database.remove().await
}
