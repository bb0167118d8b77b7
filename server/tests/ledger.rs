//! The ledger under people who are at it all at once, on SQLite, and on the
//! PostgreSQL that `TEST_DATABASE_URL` names.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use chrono::{DateTime, NaiveDate, Utc};
use doorstep::area::{self, NewArea};
use doorstep::cases::{self, NewCase, NewEvent, Recorded};
use doorstep::db::entity::{change, outbox, task};
use doorstep::streams::Changes;
use doorstep::users::{self, NewUser};
use doorstep_core::area::AreaLevel;
use doorstep_core::case::{CaseAction, PropertyChange};
use doorstep_core::ids::{AreaId, CaseId, UserId};
use doorstep_core::pack::{CaseKind, Interval, Pack, ScheduleRule};
use doorstep_core::role::Role;
use doorstep_core::sync::{StreamName, item_kind};
use doorstep_core::task::TaskState;
use doorstep_core::text::LocalText;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

mod database;

use database::TestDatabase;

const COUNTY: &str = "610199";
const FORM: &str = "elder_visit";
const PEOPLE: u128 = 8;
const EVENTS: u128 = 12;
const CASES: u128 = 3;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap_or_default()
}

fn rule(name: &str, when: &str, days: u32) -> ScheduleRule {
    ScheduleRule {
        rule: name.to_owned(),
        kind: "elder".to_owned(),
        form_id: FORM.to_owned(),
        when: when.to_owned(),
        interval: Interval::Days(days),
        grace_days: 2,
        role: Role::GridWorker,
        valid_from: None,
        valid_to: None,
        basis: "test".to_owned(),
    }
}

fn pack() -> Pack {
    let kind = CaseKind {
        kind: "elder".to_owned(),
        label: LocalText::new("老年人", "Elder"),
        programme: "elder".to_owned(),
    };
    Pack {
        version: "1".to_owned(),
        kinds: vec![kind],
        properties: Vec::new(),
        forms: Vec::new(),
        writes: Vec::new(),
        prefill: Vec::new(),
        schedules: vec![
            rule("red", "${risk} = 'red'", 7),
            rule("all", "${last_visit_on} != '2020-02-02'", 30),
        ],
    }
}

/// A county with two areas, each with a worker, and one elder in the first.
struct Ledger {
    database: TestDatabase,
    pack: Pack,
    areas: [AreaId; 2],
    workers: [UserId; 2],
    elders: Vec<CaseId>,
    now: DateTime<Utc>,
}

impl Ledger {
    async fn open(elders: u128) -> Result<Self> {
        let ledger = Self {
            database: TestDatabase::create().await?,
            pack: pack(),
            areas: [AreaId(Uuid::now_v7()), AreaId(Uuid::now_v7())],
            workers: [UserId(Uuid::now_v7()), UserId(Uuid::now_v7())],
            elders: (0..elders).map(|_| CaseId(Uuid::now_v7())).collect(),
            now: "2026-11-23T01:30:00Z".parse()?,
        };
        ledger
            .database
            .database
            .write(async |transaction| {
                for (number, (area, worker)) in (1..).zip(ledger.areas.iter().zip(&ledger.workers)) {
                    let new = NewArea {
                        id: *area,
                        county: COUNTY.to_owned(),
                        parent: None,
                        level: AreaLevel::Grid,
                        name: format!("第{number}网格"),
                        code: format!("61019910120000{number}"),
                        valid_from: day("2020-01-01"),
                    };
                    area::add(transaction, new).await?;
                    let new = NewUser {
                        id: *worker,
                        county: COUNTY.to_owned(),
                        login_name: format!("worker{number}"),
                        display_name: format!("示例{number}"),
                        password_hash: String::new(),
                    };
                    users::add(transaction, new, ledger.now).await?;
                    users::grant(transaction, *worker, Role::GridWorker, *area, None).await?;
                }
                for id in &ledger.elders {
                    let new = NewCase {
                        id: *id,
                        kind: "elder".to_owned(),
                        parent: None,
                        area_id: ledger.areas[0],
                        county: COUNTY.to_owned(),
                        label: "王示例".to_owned(),
                        properties: BTreeMap::from([("risk".to_owned(), "green".to_owned())]),
                    };
                    let today = day("2026-11-23");
                    let actor = ledger.workers[0];
                    cases::open(transaction, &ledger.pack, today, actor, ledger.now, new).await?;
                }
                Ok(())
            })
            .await?;
        Ok(ledger)
    }

    async fn record(
        &self,
        case_id: CaseId,
        today: &str,
        action: CaseAction,
        changes: Vec<PropertyChange>,
    ) -> Result<Recorded> {
        let event =
            NewEvent { case_id, submission_id: None, actor: self.workers[0], at: self.now, action, changes };
        Ok(self
            .database
            .database
            .write(async |transaction| {
                cases::record(transaction, &self.pack, day(today), event.clone(), Changes::new()).await
            })
            .await?)
    }

    /// The tasks in a person's stream: identifier and whether gone.
    async fn tasks_of(&self, worker: usize) -> Result<BTreeMap<Uuid, bool>> {
        let rows = change::Entity::find()
            .filter(change::Column::Stream.eq(StreamName::User(self.workers[worker])))
            .filter(change::Column::Kind.eq(item_kind::TASK))
            .all(self.database.database.read())
            .await?;
        Ok(rows.into_iter().map(|row| (row.object_id, row.gone)).collect())
    }
}

fn visited(on: &str, counted: bool, closes: bool) -> CaseAction {
    CaseAction::Visited { form_id: FORM.to_owned(), visited_on: day(on), counted, closes }
}

fn risk(old: &str, new: &str) -> Vec<PropertyChange> {
    vec![PropertyChange { property: "risk".to_owned(), old: Some(old.to_owned()), new: Some(new.to_owned()) }]
}

#[tokio::test]
async fn the_next_visit_follows_the_rules_and_a_failed_attempt_resets_nothing() -> Result<()> {
    let ledger = Ledger::open(1).await?;
    let elder = ledger.elders[0];
    let first = ledger.tasks_of(0).await?.into_keys().next().context("due at once")?;

    // Never visited: due since the first day, however late somebody tries.
    let tried = ledger.record(elder, "2026-11-26", visited("2026-11-26", false, false), Vec::new()).await?;
    let task = tried.tasks.first().context("still to do")?;
    assert_eq!((task.id.0, task.due_on), (first, day("2026-11-23")));

    let met = ledger.record(elder, "2026-11-27", visited("2026-11-27", true, false), Vec::new()).await?;
    let next = met.tasks.first().context("the next visit")?.clone();
    assert_ne!(next.id.0, first);
    assert_eq!((next.due_on, next.grace_until), (day("2026-12-27"), day("2026-12-29")));
    let done = task::Entity::find_by_id(doorstep_core::ids::TaskId(first));
    let done = done.one(ledger.database.database.read()).await?.context("kept")?;
    assert_eq!(done.state, TaskState::Done);

    // The risk went up by a failed attempt: the same task, sooner.
    let red = ledger.record(elder, "2026-12-01", visited("2026-12-01", false, false), risk("green", "red"));
    let red = red.await?;
    let sooner = red.tasks.first().context("the same visit")?;
    assert_eq!((sooner.id, sooner.due_on), (next.id, day("2026-12-04")));

    // It moved: to the other worker, gone from the first one's phone.
    let moved =
        ledger.record(elder, "2026-12-01", CaseAction::Moved { area_id: ledger.areas[1] }, Vec::new());
    let moved = moved.await?;
    assert_eq!(moved.tasks.first().and_then(|task| task.assignee), Some(ledger.workers[1]));
    assert_eq!(ledger.tasks_of(0).await?.get(&next.id.0), Some(&true));
    assert_eq!(ledger.tasks_of(1).await?.get(&next.id.0), Some(&false));

    let closed = ledger.record(elder, "2026-12-02", visited("2026-12-02", false, true), Vec::new()).await?;
    assert!(closed.tasks.is_empty(), "a closed case is due for nothing");
    assert_eq!(cases::verify(ledger.database.database.read(), COUNTY).await?, []);
    ledger.database.remove().await
}

#[tokio::test]
async fn people_at_it_all_at_once_leave_a_ledger_that_adds_up() -> Result<()> {
    let ledger = Ledger::open(CASES).await?;
    let recorded = Cell::new(0);
    let work = async |person: u128| -> Result<()> {
        for number in 0..EVENTS {
            let chosen = usize::try_from((person * 7 + number * 5) % CASES)?;
            let case = *ledger.elders.get(chosen).context("a case")?;
            let area_id = ledger.areas[usize::try_from((person + number) % 2)?];
            let action = match number % 3 {
                0 => CaseAction::Moved { area_id },
                1 => visited("2026-11-20", true, false),
                _ => visited("2026-11-21", false, false),
            };
            ledger.record(case, "2026-11-23", action, Vec::new()).await?;
            recorded.set(recorded.get() + 1);
        }
        Ok(())
    };
    futures::future::try_join_all((0..PEOPLE).map(work)).await?;
    let read = ledger.database.database.read();

    // The projection is the fold, and no event was lost.
    assert_eq!(cases::verify(read, COUNTY).await?, []);
    let mut versions = 0;
    for elder in &ledger.elders {
        versions += cases::rebuild(read, *elder).await?.context("it has events")?.version;
    }
    assert_eq!(u128::from(versions), CASES + PEOPLE * EVENTS);
    assert_eq!(recorded.get(), PEOPLE * EVENTS);

    // The outbox has every event once, without a gap.
    let numbers: Vec<i64> = outbox::Entity::find()
        .order_by_asc(outbox::Column::Number)
        .all(read)
        .await?
        .into_iter()
        .map(|row| row.number)
        .collect();
    assert!(numbers.iter().copied().eq(1..=i64::try_from(versions)?));

    // Each case is in the stream of the area where it is, and in no other; one
    // task is open for it, with the worker of that area.
    for elder in &ledger.elders {
        let case = cases::rebuild(read, *elder).await?.context("it has events")?;
        let live: BTreeSet<StreamName> = change::Entity::find()
            .filter(change::Column::Kind.eq(item_kind::CASE))
            .filter(change::Column::ObjectId.eq(elder.0))
            .filter(change::Column::Gone.eq(false))
            .all(read)
            .await?
            .into_iter()
            .map(|row| row.stream)
            .collect();
        assert_eq!(live, BTreeSet::from([StreamName::Cases(case.area_id, "elder".to_owned())]));
        let open = task::Entity::find()
            .filter(task::Column::CaseId.eq(*elder))
            .filter(task::Column::State.eq(TaskState::Open))
            .all(read)
            .await?;
        let here = ledger.areas.iter().position(|area| *area == case.area_id).context("an area")?;
        let assignees: Vec<_> = open.iter().map(|task| task.assignee).collect();
        assert_eq!(assignees, [ledger.workers.get(here).copied()]);
    }
    ledger.database.remove().await
}
