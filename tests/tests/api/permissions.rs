//! Each role at each address: one table.

use anyhow::Result;
use doorstep_core::api::{CASES, FORM_VERSIONS, ME, PARKED_OPERATIONS, QUEUE, SUBMISSIONS, SYNC};
use doorstep_core::ids::MediaId;
use doorstep_core::problem::ProblemCode;
use doorstep_core::submission::Decision;
use doorstep_tests::county::{self, County};
use doorstep_tests::office::request;
use doorstep_tests::scene::Scene;
use doorstep_tests::tus::Uploader;

/// What comes of asking.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Expected {
    /// It is there.
    Yes,
    /// The role may never do that.
    No,
    /// The role may, but not here: it is as if it were not there.
    Hidden,
}

use Expected::{Hidden, No, Yes};

/// Account, then: queue, parked operations, a submission of the township, a
/// decision on it, the case.
const TABLE: &[(&str, [Expected; 5])] = &[
    ("grid_worker", [No, No, No, No, Yes]),
    ("next_worker", [No, No, No, No, Hidden]),
    ("far_worker", [No, No, No, No, Hidden]),
    ("child_director", [No, No, No, No, Hidden]),
    ("investigator", [No, No, No, No, No]),
    ("far_supervisor", [Yes, Yes, Hidden, Hidden, Hidden]),
    ("child_supervisor", [Yes, Yes, Hidden, Hidden, Hidden]),
    ("inspector", [No, No, No, No, No]),
    ("admin", [No, No, No, No, No]),
    ("auditor", [No, No, No, No, No]),
    ("viewer", [No, No, No, No, No]),
    // Last, because what they decide is decided.
    ("county", [Yes, Yes, Yes, Yes, Yes]),
    ("supervisor", [Yes, Yes, Yes, Yes, Yes]),
];

#[tokio::test]
async fn each_role_at_each_address() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let waiting = [phone.visit(scene.elder).await?, phone.visit(scene.elder).await?];
    phone.sync().await?;
    let [first, second] = waiting.map(|content| content.submission_id);
    assert_eq!(TABLE.len(), County::accounts().count(), "every account is in the table");
    let mut next = [first, second].into_iter();
    for (login_name, expected) in TABLE {
        let (device, caller, _) = county::log_in(&scene.server, login_name).await?;
        // Everybody who is logged in has their own profile and stream, and may
        // hand over what they captured.
        for path in [ME.to_owned(), SYNC.to_owned(), format!("{FORM_VERSIONS}/{}", scene.form)] {
            assert_eq!(caller.get(&path).await?.status, 200, "{login_name} {path}");
        }
        let push = serde_json::json!({"device": device.id, "epoch": null, "ops": []});
        assert_eq!(caller.post(SYNC, &push).await?.status, 200, "{login_name}");

        let [queue, parked, submission, decision, case] = *expected;
        let id = if decision == Yes { next.next().unwrap_or(first) } else { first };
        for (path, expected) in [
            (QUEUE.to_owned(), queue),
            (PARKED_OPERATIONS.to_owned(), parked),
            (format!("{SUBMISSIONS}/{id}"), submission),
            (format!("{CASES}/{}", scene.elder), case),
        ] {
            let answer = caller.get(&path).await?;
            check(login_name, &path, expected, &answer)?;
        }
        let path = format!("{SUBMISSIONS}/{id}/decision");
        let returned = request(Decision::Return, 1, &[(None, "再看看")]);
        let answer = caller.post(&path, &returned).await?;
        check(login_name, &path, decision, &answer)?;
    }
    Ok(())
}

fn check(
    login_name: &str,
    path: &str,
    expected: Expected,
    answer: &doorstep_tests::caller::Answer,
) -> Result<()> {
    let found = match answer.status {
        200 => Yes,
        _ => match answer.problem()?.code {
            ProblemCode::NoPermission => No,
            ProblemCode::NotFound => Hidden,
            other => anyhow::bail!("{login_name} {path}: {other:?}"),
        },
    };
    assert_eq!(found, expected, "{login_name} {path}: {}", answer.text());
    Ok(())
}

#[tokio::test]
async fn strangers_get_nowhere() -> Result<()> {
    let scene = Scene::start().await?;
    let stranger = doorstep_tests::caller::Caller::new(scene.server.base_url())?;
    for path in [
        ME.to_owned(),
        SYNC.to_owned(),
        QUEUE.to_owned(),
        PARKED_OPERATIONS.to_owned(),
        format!("{FORM_VERSIONS}/{}", scene.form),
        format!("{CASES}/{}", scene.elder),
        format!("{SUBMISSIONS}/{}", uuid::Uuid::now_v7()),
        format!("/files/{}", uuid::Uuid::now_v7()),
    ] {
        stranger.get(&path).await?.refused(ProblemCode::SessionExpired)?;
    }
    stranger.post(SYNC, &serde_json::json!({})).await?.refused(ProblemCode::SessionExpired)?;
    let upload = Uploader { caller: stranger.clone(), id: MediaId(uuid::Uuid::now_v7()) };
    upload.send_whole(&[0]).await?.refused(ProblemCode::SessionExpired)?;
    Ok(())
}

#[tokio::test]
async fn what_is_nowhere_is_not_there_for_anybody() -> Result<()> {
    let scene = Scene::start().await?;
    let caller = scene.caller("county").await?;
    for address in [CASES, SUBMISSIONS, FORM_VERSIONS, "/files"] {
        let path = format!("{address}/{}", uuid::Uuid::now_v7());
        caller.get(&path).await?.refused(ProblemCode::NotFound)?;
        caller.get(&format!("{address}/not-an-identifier")).await?.refused(ProblemCode::NotFound)?;
    }
    Ok(())
}
