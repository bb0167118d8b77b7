//! What phones learn, and how they come to know all of it.

use std::collections::BTreeSet;
use std::io::Read;

use anyhow::{Context, Result, ensure};
use doorstep::users;
use doorstep_core::api::{APP_VERSION_HEADER, SYNC};
use doorstep_core::phone::Failure;
use doorstep_core::phone::synchronise::SyncState;
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::Role;
use doorstep_core::store::{Batch, Durability, LocalStore, Table};
use doorstep_core::sync::{PullAnswer, PullRequest, StreamName};
use doorstep_tests::county::{self, PASSWORD, Place};
use doorstep_tests::gate::{Gate, Mode};
use doorstep_tests::phone::{TestPhone, pull_path};
use doorstep_tests::scene::Scene;
use reqwest::Method;
use reqwest::header::ACCEPT_ENCODING;
use uuid::Uuid;

async fn records(phone: &TestPhone) -> Result<usize> {
    Ok(phone.phone.store().keys(Table::Record, "").await?.len())
}

#[tokio::test]
async fn a_first_sync_goes_on_where_the_network_broke() -> Result<()> {
    let scene = Scene::start().await?;
    for number in 0..30 {
        scene.open_elder(Place::Grid, &format!("示例{number}"), &[]).await?;
    }
    let gate = Gate::before(scene.server.address)?;
    let phone = TestPhone::log_in(&gate.base_url(), scene.server.clock(), "grid_worker", PASSWORD).await?;
    phone.wire.page_items.set(Some(7));

    // Each attempt gets a little further before the network breaks again.
    let (mut attempts, mut received) = (0, 0);
    loop {
        attempts += 1;
        ensure!(attempts < 200, "it never gets to the end");
        gate.set(Mode::CutAfter { answer_bytes: 4000 + 2000 * attempts });
        let before = records(&phone).await?;
        let report = phone.try_sync().await?;
        received += report.items_received;
        ensure!(records(&phone).await? >= before, "what had arrived stays");
        match report.failure {
            None => break,
            Some(Failure::NoConnection) => {
                let state = SyncState::load(phone.phone.store()).await?;
                ensure!(state.synced_at.is_none(), "it is not done, and does not say so");
            }
            Some(other) => anyhow::bail!("{other:?}"),
        }
    }
    assert!(attempts > 3, "the network broke {attempts} times");
    assert_eq!(received, records(&phone).await?, "every item came once");
    assert_eq!(phone.phone.cases().await?.len(), 31);
    assert_eq!(phone.wire.repairs.get(), 0);
    phone.phone.plan(scene.form).await?;
    ensure!(SyncState::load(phone.phone.store()).await?.synced_at.is_some());
    Ok(())
}

#[tokio::test]
async fn a_sync_without_changes_brings_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let held = records(&phone).await?;
    let report = phone.sync().await?;
    assert_eq!((report.items_received, report.operations_sent, report.files_sent), (0, 0, 0));
    assert_eq!(records(&phone).await?, held);
    assert_eq!(phone.wire.repairs.get(), 0);
    Ok(())
}

#[tokio::test]
async fn a_first_sync_comes_in_the_order_in_which_it_is_needed() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let visit = phone.visit(scene.elder).await?;
    phone.sync().await?;
    scene.office("supervisor").await?.approve(visit.submission_id).await?;

    let caller = scene.caller("grid_worker").await?;
    let request = PullRequest { max: Some(1000), ..PullRequest::default() };
    let answer: PullAnswer = caller.get(&pull_path(&request)).await?.ok()?;
    assert!(!answer.more);
    let streams: Vec<&StreamName> = answer.items.iter().map(|item| &item.stream).collect();
    assert!(streams.is_sorted(), "reference, own, cases, visits");
    let kinds: BTreeSet<&str> = answer.items.iter().map(|item| item.kind.as_str()).collect();
    let all = ["area", "case", "form", "pack", "submission", "task", "visit"];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), all);
    assert!(answer.items.iter().all(|item| item.body.is_some()), "a first sync has nothing to take away");
    assert_eq!(answer.server_time, scene.now());
    assert_eq!(answer.hash.keys().collect::<BTreeSet<_>>(), streams.into_iter().collect());
    Ok(())
}

#[tokio::test]
async fn a_page_has_tasks_together_with_their_cases() -> Result<()> {
    let scene = Scene::start().await?;
    for number in 0..30 {
        scene.open_elder(Place::Grid, &format!("示例{number}"), &[]).await?;
    }
    let caller = scene.caller("grid_worker").await?;
    let mut request = PullRequest { max: Some(20), ..PullRequest::default() };
    let (mut pages, mut tasks, mut cases) = (0, BTreeSet::new(), BTreeSet::new());
    loop {
        let answer: PullAnswer = caller.get(&pull_path(&request)).await?.ok()?;
        pages += 1;
        ensure!(pages < 20 && answer.items.len() <= 20, "it comes to an end, in pages");
        let ids = |kind: &str, seen: &mut BTreeSet<Uuid>| {
            let of_kind = answer.items.iter().filter(|item| item.kind == kind);
            of_kind.filter(|item| seen.insert(item.id)).count()
        };
        let (new_tasks, new_cases) = (ids("task", &mut tasks), ids("case", &mut cases));
        ensure!(new_tasks == 0 || new_cases > 0 || cases.len() == 31, "page {pages} has tasks alone");
        if !answer.more {
            break;
        }
        request = PullRequest { max: Some(20), ..PullRequest::after(&answer) };
    }
    assert_eq!((tasks.len(), cases.len()), (31, 31));
    Ok(())
}

#[tokio::test]
async fn a_page_is_packed_for_who_unpacks_it() -> Result<()> {
    let scene = Scene::start().await?;
    let caller = scene.caller("grid_worker").await?;
    let path = pull_path(&PullRequest::default());
    let ask = async |reads: &str| {
        caller.send(caller.request(Method::GET, &path).header(ACCEPT_ENCODING, reads)).await
    };
    let plain = ask("identity").await?;
    assert_eq!(plain.header("content-encoding"), None);
    let packed = ask("gzip, deflate, br").await?;
    assert_eq!(packed.header("content-encoding"), Some("br"));
    let mut unpacked = Vec::new();
    brotli::Decompressor::new(packed.bytes.as_slice(), 4096).read_to_end(&mut unpacked)?;
    assert!(unpacked == plain.bytes, "it is another page");
    // Whom the middleware serves as before.
    assert_eq!(ask("gzip").await?.header("content-encoding"), Some("gzip"));
    Ok(())
}

#[tokio::test]
async fn each_holds_the_cases_of_their_own_area_and_programme() -> Result<()> {
    let scene = Scene::start().await?;
    let (own, next, far) = ("赵示例", "钱示例", "孙老示例");
    let held: &[(&str, &[&str])] = &[
        ("grid_worker", &[own]),
        ("next_worker", &[next]),
        ("far_worker", &[far]),
        ("supervisor", &[own, next]),
        ("far_supervisor", &[far]),
        ("child_supervisor", &[]),
        ("child_director", &[]),
        ("county", &[]),
        ("investigator", &[]),
        ("inspector", &[]),
        ("admin", &[]),
        ("auditor", &[]),
        ("viewer", &[]),
    ];
    assert_eq!(held.len(), county::County::accounts().count());
    for (login_name, labels) in held {
        let phone = scene.phone(login_name).await?;
        let mut expected = labels.to_vec();
        expected.sort_unstable();
        assert_eq!(phone.case_labels().await?, expected, "{login_name}");
        // Tasks are assigned to grid workers.
        let tasks = phone.phone.tasks().await?.len();
        assert_eq!(tasks, usize::from(login_name.ends_with("_worker")), "{login_name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_case_that_moves_is_gone_here_and_there_at_once() -> Result<()> {
    let scene = Scene::start().await?;
    let (from, to) = (scene.phone("grid_worker").await?, scene.phone("next_worker").await?);
    let above = scene.phone("supervisor").await?;
    scene.move_case(scene.elder, Place::NextGrid).await?;
    for phone in [&from, &to, &above] {
        phone.sync().await?;
        assert_eq!(phone.wire.repairs.get(), 0);
    }
    assert_eq!(from.case_labels().await?, Vec::<String>::new());
    assert_eq!(from.open_task(scene.elder).await?, None, "its task goes with it");
    assert_eq!(to.case_labels().await?, ["赵示例", "钱示例"]);
    assert!(to.open_task(scene.elder).await?.is_some());
    assert_eq!(above.case_labels().await?, ["赵示例", "钱示例"], "once, not twice");
    let moved = above.phone.cases().await?.into_iter().find(|case| case.id == scene.elder);
    assert_eq!(moved.context("there")?.area_id, scene.county.area(Place::NextGrid)?);
    Ok(())
}

#[tokio::test]
async fn a_grant_that_is_taken_away_takes_the_cases_and_leaves_the_outbox() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.visit(scene.elder).await?;
    phone.sync().await?;
    scene.take_roles("grid_worker").await?;
    phone.sync().await?;
    assert_eq!(phone.case_labels().await?, Vec::<String>::new());
    assert_eq!(phone.phone.operations().await?.len(), 1, "what was captured stays");
    let cases = phone.phone.store().keys(Table::Record, "cases:").await?;
    assert_eq!(cases, [], "nothing is left on the disk");

    // And a new one brings them, from the beginning.
    let (user, grid) = (scene.county.user("grid_worker")?, scene.county.area(Place::NextGrid)?);
    let connection = scene.server.components.database.read();
    users::grant(connection, user, Role::GridWorker, grid, None).await?;
    phone.sync().await?;
    assert_eq!(phone.case_labels().await?, ["钱示例"]);
    assert_eq!(phone.wire.repairs.get(), 0);
    Ok(())
}

#[tokio::test]
async fn a_phone_that_lost_or_invented_records_is_put_right() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("supervisor").await?;
    let store = phone.phone.store();
    let cases = store.keys(Table::Record, "cases:").await?;
    let (key, _) = cases.first().context("there are cases")?;
    let mut loss = Batch::default();
    loss.delete(Table::Record, key.clone());
    store.commit(loss, Durability::Strict).await?;
    phone.sync().await?;
    assert_eq!(phone.case_labels().await?, ["赵示例", "钱示例"]);
    assert_eq!(phone.wire.repairs.get(), 1);

    let entry = store.get(Table::Record, key).await?.context("it is back")?;
    let stale = format!("{}|case|{}", key.split('|').next().unwrap_or_default(), uuid::Uuid::now_v7());
    let mut invention = Batch::default();
    invention.put_revision(Table::Record, stale.clone(), entry.revision, &"not a case")?;
    store.commit(invention, Durability::Strict).await?;
    phone.sync().await?;
    assert_eq!(store.get(Table::Record, &stale).await?, None);
    assert_eq!(phone.wire.repairs.get(), 2);
    phone.sync().await?;
    assert_eq!(phone.wire.repairs.get(), 2, "once is enough");
    Ok(())
}

#[tokio::test]
async fn a_foreign_cursor_begins_anew_and_an_impossible_page_is_refused() -> Result<()> {
    let scene = Scene::start().await?;
    let caller = scene.caller("grid_worker").await?;
    let fresh: PullAnswer = caller.get(SYNC).await?.ok()?;
    for cursor in ["nonsense", "bm9wZQ"] {
        let answer: PullAnswer = caller.get(&format!("{SYNC}?cursor={cursor}")).await?.ok()?;
        assert_eq!(answer.items, fresh.items);
        assert_eq!(
            answer.drop,
            fresh.hash.keys().cloned().collect::<Vec<_>>(),
            "whatever was there before goes"
        );
    }
    for query in ["max=many", "max=-1"] {
        caller.get(&format!("{SYNC}?{query}")).await?.refused(ProblemCode::InvalidRequest)?;
    }
    Ok(())
}

#[tokio::test]
async fn an_old_app_may_push_and_not_pull() -> Result<()> {
    let scene = Scene::start().await?;
    let (device, caller, _) = county::log_in(&scene.server, "grid_worker").await?;
    let old = |method: Method| {
        let mut request = caller.request(method, SYNC).build()?;
        request.headers_mut().insert(APP_VERSION_HEADER, "0".parse()?);
        anyhow::Ok(reqwest::RequestBuilder::from_parts(reqwest::Client::new(), request))
    };
    caller.send(old(Method::GET)?).await?.refused(ProblemCode::AppTooOld)?;
    let push = serde_json::json!({"device": device.id, "epoch": null, "ops": []});
    let answer = caller.send(old(Method::POST)?.json(&push)).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Ok(())
}
