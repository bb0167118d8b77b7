//! The same protocol with real parallel writers, over real HTTP, on the
//! database that `TEST_DATABASE_URL` names, or on SQLite: phones capture and
//! push, supervisors decide, cases move, and others pull all the while.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use anyhow::{Context, Result};
use doorstep::app::Components;
use doorstep::db::entity::operation;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{DraftId, OperationId, SubmissionId};
use doorstep_core::phone::draft::FinishError;
use doorstep_core::phone::records::record_key;
use doorstep_core::phone::{Failure, SyncReport};
use doorstep_core::problem::ProblemCode;
use doorstep_core::store::{LocalStore, Table};
use doorstep_core::submission::Decision;
use doorstep_core::sync::{PullAnswer, PullRequest, Rules};
use doorstep_tests::caller::Caller;
use doorstep_tests::device::TestDevice;
use doorstep_tests::office::{Office, request};
use doorstep_tests::phone::{TestPhone, pull_path};
use doorstep_tests::server::{TestServer, World};
use futures::future::join_all;
use sea_orm::EntityTrait;
use serde_json::Value;

use crate::county::{self, FORM, GRIDS, PASSWORD, SUPERVISORS, login_name};
use crate::dice::Dice;
use crate::office::{enter, move_to};
use crate::{check, parked};

const WRITERS: usize = 6;
const READERS: usize = 3;
const MOVERS: usize = 3;
const CASES: usize = 8;

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// What must not be. Empty is how it must be.
    pub wrong: Vec<String>,
    pub visits: usize,
    pub pulls: usize,
    pub moves: usize,
    pub decisions: usize,
}

/// Everybody at once, and what they saw.
struct Town<'a> {
    components: &'a Components,
    cases: Vec<doorstep_core::ids::CaseId>,
    at_work: Cell<usize>,
    report: RefCell<Report>,
}

/// Everybody works at once: each writer captures and sends `visits` visits.
///
/// # Errors
/// When the server does not start, or a phone does what it must not.
pub async fn run(seed: u64, visits: usize, rules: Rules) -> Result<Report> {
    let mut world = World::create().await?;
    world.rules = rules;
    let server = TestServer::start_in(world).await?;
    let hash = county::password_hash()?;
    Box::pin(county::found(&server.components, &hash)).await?;
    county::employ(&server.components, WRITERS, &hash).await?;
    let mut dice = Dice::new(seed);
    let mut cases = Vec::new();
    for number in 0..CASES {
        let id = dice.id(server.clock().now()).into();
        enter(&server.components, id, county::grid(number), format!("老人{number}")).await?;
        cases.push(id);
    }
    let log_in =
        async |name: &str| TestPhone::log_in(&server.base_url(), server.clock(), name, PASSWORD).await;
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        writers.push(log_in(&login_name(number)).await?);
    }
    let mut readers = Vec::new();
    for number in 0..READERS {
        let supervisor = SUPERVISORS.get(number % SUPERVISORS.len()).context("a supervisor")?;
        readers.push(log_in(supervisor).await?);
    }
    for phone in writers.iter().chain(&readers) {
        phone.sync().await?;
    }
    let mut desks = Vec::new();
    for name in SUPERVISORS {
        desks.push(Office { caller: caller(&server, name).await? });
    }

    let town = Town {
        components: &server.components,
        cases,
        at_work: Cell::new(WRITERS),
        report: RefCell::default(),
    };
    let writing = join_all(writers.iter().map(|phone| town.write(phone, visits, Dice::new(dice.number()))));
    let reading = join_all(readers.iter().map(|phone| town.read(phone)));
    let moving = join_all((0..MOVERS).map(|_| town.shuffle(Dice::new(dice.number()))));
    let deciding = join_all(desks.iter().map(|desk| town.decide(desk, Dice::new(dice.number()))));
    let done = futures::future::join4(writing, reading, moving, deciding).await;
    for outcome in done.0.into_iter().chain(done.1).chain(done.2).chain(done.3) {
        if let Err(error) = outcome {
            town.wrong(format!("{error:#}"));
        }
    }
    doorstep::sync::retry_everything(&server.components).await?;
    for _ in 0..2 {
        for phone in writers.iter().chain(&readers) {
            town.judge(&phone.try_sync().await?);
        }
    }
    for phone in writers.iter().chain(&readers) {
        town.compare(phone).await?;
    }
    let mut report = town.report.into_inner();
    report.wrong.extend(taken_once(&server.components, &writers).await?);
    report.wrong.extend(parked::applicable(&server.components).await?);
    report.wrong.extend(check::ledger(&server.components).await?);
    report.wrong.extend(check::streams(&server.components).await?);
    Ok(report)
}

async fn caller(server: &TestServer, name: &str) -> Result<Caller> {
    let caller = Caller::new(server.base_url())?;
    let answer = TestDevice::new()?.log_in(&caller, name, PASSWORD).await?;
    Ok(caller.with_token(answer.tokens.access_token))
}

impl Town<'_> {
    fn wrong(&self, words: String) {
        self.report.borrow_mut().wrong.push(words);
    }

    /// A sync among others may not fail, nor repair anything.
    fn judge(&self, report: &SyncReport) {
        if let Some(failure) = &report.failure {
            let why = match failure {
                Failure::Problem(problem) => problem.code.code().to_owned(),
                other => format!("{other:?}"),
            };
            self.wrong(format!("a sync ended early: {why}"));
        }
    }

    async fn write(&self, phone: &TestPhone, visits: usize, mut dice: Dice) -> Result<()> {
        let outcome = self.write_all(phone, visits, &mut dice).await;
        self.at_work.set(self.at_work.get() - 1);
        outcome
    }

    async fn write_all(&self, phone: &TestPhone, visits: usize, dice: &mut Dice) -> Result<()> {
        for _ in 0..visits {
            if capture(phone, dice).await? {
                self.report.borrow_mut().visits += 1;
            }
            self.judge(&phone.try_sync().await?);
        }
        Ok(())
    }

    async fn read(&self, phone: &TestPhone) -> Result<()> {
        while self.at_work.get() > 0 {
            self.judge(&phone.try_sync().await?);
            self.report.borrow_mut().pulls += 1;
        }
        Ok(())
    }

    async fn shuffle(&self, mut dice: Dice) -> Result<()> {
        while self.at_work.get() > 0 {
            let Some(case) = dice.pick(&self.cases).copied() else { return Ok(()) };
            let area = county::grid(dice.below(GRIDS));
            if Box::pin(move_to(self.components, case, area)).await? {
                self.report.borrow_mut().moves += 1;
            }
            // Everybody else is to have a turn at the case.
            tokio::time::sleep(std::time::Duration::from_millis(dice.below(20) as u64)).await;
        }
        Ok(())
    }

    async fn decide(&self, desk: &Office, mut dice: Dice) -> Result<()> {
        while self.at_work.get() > 0 {
            let queue = desk.queue().await?;
            let Some(id) = dice.pick(&queue).map(|entry| entry.submission_id) else {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                continue;
            };
            self.decide_on(desk, id, &mut dice).await?;
        }
        Ok(())
    }

    async fn decide_on(&self, desk: &Office, id: SubmissionId, dice: &mut Dice) -> Result<()> {
        // It may have moved to the other township since.
        let Ok(detail) = desk.submission(id).await else { return Ok(()) };
        let decision = if dice.chance(80) { Decision::Approve } else { Decision::Return };
        let answer =
            desk.try_decide(id, &request(decision, detail.case.version, &[(None, "请核实。")])).await?;
        if answer.status < 300 {
            self.report.borrow_mut().decisions += 1;
            return Ok(());
        }
        let problem = answer.problem()?;
        let expected = [
            ProblemCode::CaseMovedOn,
            ProblemCode::MediaMissing,
            ProblemCode::NotFound,
            ProblemCode::NotReviewable,
        ];
        if !expected.contains(&problem.code) {
            self.wrong(format!("a decision ended with {}", problem.code.code()));
        }
        Ok(())
    }

    /// What the phone came to hold, change by change, is what it would get
    /// from the beginning.
    async fn compare(&self, phone: &TestPhone) -> Result<()> {
        if phone.wire.repairs.get() > 0 {
            self.wrong(format!(
                "a phone missed changes, and pulled again {} times",
                phone.wire.repairs.get()
            ));
        }
        let mut held: BTreeMap<String, (i64, Value)> = BTreeMap::new();
        for row in phone.phone.store().scan(Table::Record, "").await? {
            held.insert(row.key, (row.revision, serde_json::from_slice(&row.value)?));
        }
        let request = PullRequest { max: Some(1000), ..PullRequest::default() };
        let answer: PullAnswer = phone.caller().get(&pull_path(&request)).await?.ok()?;
        anyhow::ensure!(!answer.more, "the town is larger than a page");
        for item in answer.items {
            let key = record_key(&item.stream, &item.kind, item.id);
            let known = held.remove(&key);
            if known.as_ref().is_none_or(|(seq, body)| *seq != item.seq || Some(body) != item.body.as_ref()) {
                let position = known.map(|(seq, _)| seq);
                self.wrong(format!("a phone has {key} of {position:?}, not of {}", item.seq));
            }
        }
        for key in held.keys() {
            self.wrong(format!("a phone still holds {key}"));
        }
        Ok(())
    }
}

/// A visit of some case that the phone knows; `false` when it knows none.
///
/// # Errors
/// When the phone does not take it.
pub async fn capture(phone: &TestPhone, dice: &mut Dice) -> Result<bool> {
    let cases = phone.phone.cases().await?;
    let Some(case) = dice.pick(&cases).map(|case| case.id) else { return Ok(false) };
    let at = phone.now().to_utc();
    let draft_id = DraftId(dice.id(at));
    phone.phone.start_draft(draft_id, case, FORM, None, phone.now()).await?;
    let mut draft = phone.phone.open_draft(draft_id, "zh", phone.now()).await?;
    phone.answer(&mut draft, &[("/met", "yes"), ("/note", "一切正常")]).await?;
    if dice.chance(30) {
        let length = 200 + dice.below(4000);
        phone.attach(&mut draft, "/sound", dice.bytes(length), "audio/webm").await?;
    }
    match phone.phone.finish_draft(&mut draft, OperationId(dice.id(at)), None, phone.now(), &()).await {
        Ok(_) => Ok(true),
        Err(FinishError::Phone(error)) => Err(error.into()),
        Err(FinishError::Incomplete(problems)) => anyhow::bail!("incomplete: {problems:?}"),
    }
}

/// Every operation of the phones is there once, as it was, and acknowledged.
///
/// # Errors
/// When something cannot be looked at.
pub async fn taken_once(components: &Components, phones: &[TestPhone]) -> Result<Vec<String>> {
    let rows = operation::Entity::find().all(components.database.read()).await?;
    let known: BTreeMap<OperationId, &ContentHash> =
        rows.iter().map(|row| (row.op_id, &row.sha256)).collect();
    let (mut wrong, mut made) = (Vec::new(), 0);
    for phone in phones {
        for entry in phone.phone.operations().await? {
            made += 1;
            let sha256 = ContentHash::of_json(&entry.operation.body);
            if known.get(&entry.operation.op_id) != Some(&&sha256) {
                wrong.push(format!("visit {} of a phone is lost", entry.operation.seq));
            }
            if !entry.is_acknowledged() {
                wrong.push(format!("visit {} of a phone was not taken", entry.operation.seq));
            }
        }
    }
    if made != rows.len() {
        wrong.push(format!("{made} visits were made, and {} are there", rows.len()));
    }
    Ok(wrong)
}
