//! The ledger is the fold of its events, and nothing is missed, whatever
//! happens at once.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use doorstep::db::entity::{case_event, operation, outbox, stream, submission};
use doorstep_core::ids::SubmissionId;
use doorstep_core::problem::ProblemCode;
use doorstep_core::submission::{Decision, SubmissionState};
use doorstep_core::sync::PullAnswer;
use doorstep_tests::county::{self, Place};
use doorstep_tests::office::{Office, request};
use doorstep_tests::phone::{TestPhone, pull_path};
use doorstep_tests::scene::Scene;
use futures::future::{join_all, try_join_all, try_join3};
use sea_orm::{EntityTrait, PaginatorTrait, QueryOrder};

async fn assert_rebuilt(scene: &Scene) -> Result<()> {
    for (shown, rebuilt) in scene.ledger().await? {
        assert_eq!(shown, rebuilt);
    }
    let connection = scene.server.components.database.read();
    let numbers: Vec<i64> = outbox::Entity::find()
        .order_by_asc(outbox::Column::Number)
        .all(connection)
        .await?
        .into_iter()
        .map(|row| row.number)
        .collect();
    let events = case_event::Entity::find().count(connection).await?;
    assert_eq!(numbers, (1..=i64::try_from(events)?).collect::<Vec<_>>(), "each event once, without a gap");
    Ok(())
}

#[tokio::test]
async fn the_ledger_is_the_fold_of_its_events() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    for (number, changes) in (0..).zip([
        &[][..],
        &[("/g_h/h_move", "bad"), ("/g_h/h_ill", "heart stroke")][..],
        &[("/g_visit/met", "refused"), ("/g_visit/unmet_note", "不愿接受")][..],
        &[("/cats", "alone age80"), ("/g_e/e_abuse", "fraud")][..],
        &[("/g_e/e_abuse", "none")][..],
    ]) {
        phone.sync().await?;
        let office = scene.office("supervisor").await?;
        let content = phone.visit_with(scene.elder, changes).await?;
        phone.sync().await?;
        if number == 1 {
            office.give_back(content.submission_id, "请核对").await?;
            phone.sync().await?;
            let mut draft = phone.start_correction(content.submission_id).await?;
            phone.answer(&mut draft, &[("/g_h/h_ill", "heart")]).await?;
            let corrected = phone.finish(&mut draft).await?;
            phone.sync().await?;
            office.approve(corrected.submission_id).await?;
        } else {
            office.approve(content.submission_id).await?;
        }
        scene.server.advance(TimeDelta::days(9));
    }
    scene.move_case(scene.elder, Place::OtherGrid).await?;
    scene.move_case(scene.elder, Place::Grid).await?;
    phone.sync().await?;
    let last =
        phone.visit_with(scene.elder, &[("/g_visit/met", "moved"), ("/g_visit/unmet_note", "搬走")]).await?;
    phone.sync().await?;
    scene.office("supervisor").await?.approve(last.submission_id).await?;
    assert_rebuilt(&scene).await?;
    let (elder, _) =
        scene.ledger().await?.into_iter().find(|(case, _)| case.id == scene.elder).context("there")?;
    assert_eq!(elder.version, 9, "opened, five visits, two moves, the last visit");
    Ok(())
}

/// A worker's phone makes visits and sends each at once.
async fn capture(phone: &TestPhone, visits: usize) -> Result<Vec<SubmissionId>> {
    let case = phone.phone.cases().await?.first().context("a case")?.id;
    let mut sent = Vec::new();
    for _ in 0..visits {
        sent.push(phone.visit(case).await?.submission_id);
        phone.sync().await?;
    }
    Ok(sent)
}

/// A phone that asks for what changed, again and again.
async fn follow(phone: &TestPhone, times: usize) -> Result<()> {
    for _ in 0..times {
        phone.sync().await?;
    }
    Ok(())
}

/// A supervisor who approves what is complete, until so many are decided.
async fn review(offices: &[Office], wanted: usize) -> Result<()> {
    let mut decided = BTreeSet::new();
    doorstep_tests::wait::until("every visit to be decided", async || {
        for office in offices {
            for entry in office.queue().await? {
                if entry.media_stored < entry.media_expected {
                    continue;
                }
                let detail = office.submission(entry.submission_id).await?;
                let decision = request(Decision::Approve, detail.case.version, &[]);
                let answer = office.try_decide(entry.submission_id, &decision).await?;
                match answer.status {
                    200 => {
                        decided.insert(entry.submission_id);
                    }
                    _ => {
                        answer.refused(ProblemCode::CaseMovedOn)?;
                    }
                }
            }
        }
        Ok((decided.len() == wanted).then_some(()))
    })
    .await
}

/// The phone's hash of each stream equals the server's.
async fn assert_nothing_missed(phone: &TestPhone) -> Result<()> {
    phone.sync().await?;
    assert_eq!(phone.wire.repairs.get(), 0, "nothing had to be asked for again");
    let request = doorstep_core::sync::PullRequest { max: Some(1000), ..Default::default() };
    let all: PullAnswer = phone.caller().get(&pull_path(&request)).await?.ok()?;
    assert!(!all.more);
    let held: BTreeSet<(String, i64)> =
        doorstep_core::store::LocalStore::keys(phone.phone.store(), doorstep_core::store::Table::Record, "")
            .await?
            .into_iter()
            .collect();
    let live: BTreeSet<(String, i64)> = all
        .items
        .iter()
        .map(|item| (doorstep_core::phone::records::record_key(&item.stream, &item.kind, item.id), item.seq))
        .collect();
    assert_eq!(held, live, "what the phone holds is what the server has");
    Ok(())
}

#[tokio::test]
async fn eight_phones_push_while_three_pull_and_two_people_review() -> Result<()> {
    const VISITS: usize = 2;
    let scene = Scene::start().await?;
    let workers = ["grid_worker", "next_worker", "far_worker"];
    let names: Vec<&str> = workers.into_iter().cycle().take(8).collect();
    let mut pushing = Vec::new();
    for name in &names {
        pushing.push(scene.phone(name).await?);
    }
    let mut pulling = Vec::new();
    for name in ["supervisor", "far_supervisor", "grid_worker"] {
        let phone = county::phone(&scene.server, name).await?;
        // Small pages: a cursor in the middle while everything moves.
        phone.wire.page_items.set(Some(5));
        pulling.push(phone);
    }
    let offices = [scene.office("supervisor").await?, scene.office("far_supervisor").await?];

    let (sent, _, ()) = try_join3(
        try_join_all(pushing.iter().map(|phone| capture(phone, VISITS))),
        try_join_all(pulling.iter().map(|phone| follow(phone, 12))),
        review(&offices, names.len() * VISITS),
    )
    .await?;

    let sent: BTreeSet<SubmissionId> = sent.into_iter().flatten().collect();
    assert_eq!(sent.len(), names.len() * VISITS);
    let connection = scene.server.components.database.read();
    assert_eq!(submission::Entity::find().count(connection).await?, sent.len() as u64);
    assert_eq!(operation::Entity::find().count(connection).await?, sent.len() as u64);
    for row in submission::Entity::find().all(connection).await? {
        assert!(sent.contains(&row.id));
        assert_eq!(row.state, SubmissionState::Approved);
    }
    for result in join_all(pushing.iter().chain(&pulling).map(assert_nothing_missed)).await {
        result?;
    }
    assert_rebuilt(&scene).await?;
    // A stream's position counts every change, and none of them twice.
    for row in stream::Entity::find().all(connection).await? {
        let last = doorstep::db::entity::change::Entity::find()
            .all(connection)
            .await?
            .into_iter()
            .filter(|change| change.stream == row.name)
            .map(|change| change.seq)
            .max();
        assert_eq!(last, Some(row.last_seq), "{}", row.name);
    }
    Ok(())
}
