//! Logging in, staying logged in, being locked out.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use doorstep::auth::login::{FAILED_LOGINS_MAX, LOCK, LOST_ANSWER_GRACE, SESSION_LIFE};
use doorstep::auth::tokens::ACCESS_TOKEN_LIFE;
use doorstep::db::entity::device;
use doorstep::users;
use doorstep_core::api::{LOGIN, LOGOUT, ME, Me, TOKEN, TokenAnswer};
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::Role;
use doorstep_core::text::Language;
use doorstep_tests::caller::Caller;
use doorstep_tests::county::{self, County, PASSWORD, Place};
use doorstep_tests::device::TestDevice;
use doorstep_tests::server::TestServer;
use reqwest::Method;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};

async fn start() -> Result<(TestServer, County, Caller)> {
    let server = TestServer::start().await?;
    let county = County::found(&server).await?;
    let caller = Caller::new(server.base_url())?;
    Ok((server, county, caller))
}

#[tokio::test]
async fn who_logs_in_learns_who_they_are() -> Result<()> {
    let (server, county, caller) = start().await?;
    let device = TestDevice::new()?;
    // Case and white space around do not count.
    let answer = device.log_in(&caller, " Grid_Worker ", PASSWORD).await?;
    assert_eq!(answer.me.user_id, county.user("grid_worker")?);
    assert_eq!(answer.me.display_name, "王示例");
    let membership = answer.me.memberships.first().expect("one membership");
    assert_eq!((membership.role, membership.area_id), (Role::GridWorker, county.area(Place::Grid)?));
    assert_eq!(membership.area_name, "河湾镇 上河村 第一网格");
    assert_eq!(answer.tokens.access_expires_at, server.clock().now() + ACCESS_TOKEN_LIFE);
    let me: Me = caller.with_token(answer.tokens.access_token).get(ME).await?.ok()?;
    assert_eq!(me, answer.me);
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_look_the_same() -> Result<()> {
    let (_server, _county, caller) = start().await?;
    let device = TestDevice::new()?;
    let mut wrong = device
        .try_log_in(&caller, "grid_worker", "wrong password")
        .await?
        .refused(ProblemCode::InvalidCredentials)?;
    let mut unknown = device
        .try_log_in(&caller, "nobody", "wrong password")
        .await?
        .refused(ProblemCode::InvalidCredentials)?;
    ensure!(wrong.request_id != unknown.request_id);
    wrong.request_id = None;
    unknown.request_id = None;
    assert_eq!(wrong, unknown);
    // An overlong one is refused before anything is computed, likewise.
    let long = "x".repeat(10_000);
    device.try_log_in(&caller, "grid_worker", &long).await?.refused(ProblemCode::InvalidCredentials)?;
    Ok(())
}

#[tokio::test]
async fn wrong_passwords_lock_the_account_for_a_while() -> Result<()> {
    let (server, _county, caller) = start().await?;
    let device = TestDevice::new()?;
    for _ in 0..FAILED_LOGINS_MAX {
        device.try_log_in(&caller, "grid_worker", "wrong").await?.refused(ProblemCode::InvalidCredentials)?;
    }
    let locked =
        device.try_log_in(&caller, "grid_worker", PASSWORD).await?.refused(ProblemCode::AccountLocked)?;
    assert_eq!(locked.retry_after_s, Some(LOCK.num_seconds().unsigned_abs()));
    // Others are not.
    TestDevice::new()?.log_in(&caller, "supervisor", PASSWORD).await?;

    server.advance(LOCK - TimeDelta::seconds(1));
    device.try_log_in(&caller, "grid_worker", PASSWORD).await?.refused(ProblemCode::AccountLocked)?;
    server.advance(TimeDelta::seconds(1));
    // One more wrong one locks at once, for twice as long.
    device.try_log_in(&caller, "grid_worker", "wrong").await?.refused(ProblemCode::InvalidCredentials)?;
    server.advance(LOCK * 2 - TimeDelta::seconds(1));
    device.try_log_in(&caller, "grid_worker", PASSWORD).await?.refused(ProblemCode::AccountLocked)?;
    server.advance(TimeDelta::seconds(1));
    device.log_in(&caller, "grid_worker", PASSWORD).await?;
    // And the right one begins the count anew.
    device.try_log_in(&caller, "grid_worker", "wrong").await?.refused(ProblemCode::InvalidCredentials)?;
    device.log_in(&caller, "grid_worker", PASSWORD).await?;
    Ok(())
}

#[tokio::test]
async fn guessing_is_slowed_down_before_and_after() -> Result<()> {
    let (server, _county, caller) = start().await?;
    let device = TestDevice::new()?;
    let mut refusals = 0;
    let slowed = loop {
        let answer = device.try_log_in(&caller, "nobody", "guess").await?;
        if answer.status == 429 {
            break answer.refused(ProblemCode::TooManyRequests)?;
        }
        refusals += 1;
        ensure!(refusals < 50, "nothing slows a guesser down");
    };
    let wait_s = slowed.retry_after_s.expect("says when to try again");
    server.advance(TimeDelta::seconds(i64::try_from(wait_s)?));
    device.try_log_in(&caller, "nobody", "guess").await?.refused(ProblemCode::InvalidCredentials)?;
    Ok(())
}

#[tokio::test]
async fn a_disabled_account_is_told_so_and_its_token_stops() -> Result<()> {
    let (server, county, caller) = start().await?;
    let (device, worker, _) = county::log_in(&server, "grid_worker").await?;
    let user = county.user("grid_worker")?;
    let now = server.clock().now();
    server
        .components
        .database
        .write(async |transaction| users::set_disabled(transaction, user, Some(now)).await)
        .await?;
    device.try_log_in(&caller, "grid_worker", PASSWORD).await?.refused(ProblemCode::AccountDisabled)?;
    // Without the password nobody learns that there is such an account.
    device.try_log_in(&caller, "grid_worker", "wrong").await?.refused(ProblemCode::InvalidCredentials)?;
    worker.get(ME).await?.refused(ProblemCode::AccountDisabled)?;
    server
        .components
        .database
        .write(async |transaction| users::set_disabled(transaction, user, None).await)
        .await?;
    worker.get(ME).await?.ok::<Me>()?;
    Ok(())
}

#[tokio::test]
async fn a_device_belongs_to_one_account() -> Result<()> {
    let (_server, _county, caller) = start().await?;
    let device = TestDevice::new()?;
    let first = device.log_in(&caller, "grid_worker", PASSWORD).await?;
    device.try_log_in(&caller, "supervisor", PASSWORD).await?.refused(ProblemCode::DeviceTaken)?;
    // The owner is not disturbed by the attempt.
    caller.with_token(first.tokens.access_token).get(ME).await?.ok::<Me>()?;
    // A new login replaces the session before it.
    let second = device.log_in(&caller, "grid_worker", PASSWORD).await?;
    device.try_refresh(&caller, &first.tokens.refresh_token).await?.refused(ProblemCode::SessionExpired)?;
    device.try_refresh(&caller, &second.tokens.refresh_token).await?.ok::<TokenAnswer>()?;
    Ok(())
}

#[tokio::test]
async fn a_revoked_device_is_out() -> Result<()> {
    let (server, _county, caller) = start().await?;
    let (device, worker, answer) = county::log_in(&server, "grid_worker").await?;
    let row = device::Entity::find_by_id(device.id).one(server.components.database.read()).await?;
    let mut row = row.expect("the device is registered").into_active_model();
    row.revoked_at = Set(Some(server.clock().now()));
    row.update(server.components.database.read()).await?;
    worker.get(ME).await?.refused(ProblemCode::DeviceUnknown)?;
    device.try_refresh(&caller, &answer.tokens.refresh_token).await?.refused(ProblemCode::DeviceUnknown)?;
    device.try_log_in(&caller, "grid_worker", PASSWORD).await?.refused(ProblemCode::DeviceUnknown)?;
    // The person can take another.
    TestDevice::new()?.log_in(&caller, "grid_worker", PASSWORD).await?;
    Ok(())
}

#[tokio::test]
async fn an_unusable_device_key_is_named() -> Result<()> {
    let (_server, _county, caller) = start().await?;
    let device = TestDevice::new()?;
    let mut registration = device.registration();
    registration.public_key = "AAAA".to_owned();
    let body = serde_json::json!({"login_name": "grid_worker", "password": PASSWORD, "device": registration});
    let problem = caller.post(LOGIN, &body).await?.refused(ProblemCode::InvalidRequest)?;
    assert_eq!(problem.errors.first().map(|error| error.pointer.as_str()), Some("/device/public_key"));
    Ok(())
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_lost_answer_is_forgiven() -> Result<()> {
    let (server, _county, caller) = start().await?;
    let (device, _, answer) = county::log_in(&server, "grid_worker").await?;
    let first = answer.tokens.refresh_token;
    let second: TokenAnswer = device.try_refresh(&caller, &first).await?.ok()?;
    ensure!(second.refresh_token != first);
    caller.with_token(&second.access_token).get(ME).await?.ok::<Me>()?;
    // The answer was lost: the phone has the first token still.
    server.advance(LOST_ANSWER_GRACE);
    let third: TokenAnswer = device.try_refresh(&caller, &first).await?.ok()?;
    let fourth: TokenAnswer = device.try_refresh(&caller, &third.refresh_token).await?.ok()?;
    caller.with_token(&fourth.access_token).get(ME).await?.ok::<Me>()?;
    Ok(())
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_ends_the_session() -> Result<()> {
    let (server, _county, caller) = start().await?;
    let (device, _, answer) = county::log_in(&server, "grid_worker").await?;
    let first = answer.tokens.refresh_token;
    let second: TokenAnswer = device.try_refresh(&caller, &first).await?.ok()?;
    server.advance(LOST_ANSWER_GRACE + TimeDelta::seconds(1));
    device.try_refresh(&caller, &first).await?.refused(ProblemCode::SessionExpired)?;
    // Neither the thief nor the owner goes on: the owner logs in again.
    device.try_refresh(&caller, &second.refresh_token).await?.refused(ProblemCode::SessionExpired)?;
    caller.with_token(second.access_token).get(ME).await?.refused(ProblemCode::SessionExpired)?;
    device.log_in(&caller, "grid_worker", PASSWORD).await?;
    Ok(())
}

#[tokio::test]
async fn a_refresh_token_is_worth_nothing_without_the_devices_key() -> Result<()> {
    let (server, _county, caller) = start().await?;
    let (device, _, answer) = county::log_in(&server, "grid_worker").await?;
    let refresh_token = answer.tokens.refresh_token;
    let thief = TestDevice::new()?;
    let mut stolen = thief.token_request(&refresh_token);
    stolen.device_id = device.id;
    caller.post(TOKEN, &stolen).await?.refused(ProblemCode::DeviceUnknown)?;
    // A signature over another token does not do either.
    let mut other = device.token_request("another token");
    other.refresh_token.clone_from(&refresh_token);
    caller.post(TOKEN, &other).await?.refused(ProblemCode::DeviceUnknown)?;
    device.try_refresh(&caller, &refresh_token).await?.ok::<TokenAnswer>()?;
    Ok(())
}

#[tokio::test]
async fn tokens_end_and_so_do_sessions() -> Result<()> {
    let (server, _county, caller) = start().await?;
    let (device, worker, answer) = county::log_in(&server, "grid_worker").await?;
    caller.get(ME).await?.refused(ProblemCode::SessionExpired)?;
    caller.with_token("nonsense").get(ME).await?.refused(ProblemCode::SessionExpired)?;
    server.advance(ACCESS_TOKEN_LIFE);
    worker.get(ME).await?.refused(ProblemCode::SessionExpired)?;
    let renewed: TokenAnswer = device.try_refresh(&caller, &answer.tokens.refresh_token).await?.ok()?;
    caller.with_token(renewed.access_token).get(ME).await?.ok::<Me>()?;
    // Two months without a network are too long.
    server.advance(SESSION_LIFE);
    device.try_refresh(&caller, &renewed.refresh_token).await?.refused(ProblemCode::SessionExpired)?;
    device.log_in(&caller, "grid_worker", PASSWORD).await?;
    Ok(())
}

#[tokio::test]
async fn logging_out_ends_this_session_only() -> Result<()> {
    let (server, _county, caller) = start().await?;
    let (device, worker, answer) = county::log_in(&server, "grid_worker").await?;
    let (_, elsewhere, _) = county::log_in(&server, "grid_worker").await?;
    let answer_to_logout = worker.send(worker.request(Method::POST, LOGOUT)).await?;
    assert_eq!(answer_to_logout.status, 204, "{}", answer_to_logout.text());
    worker.get(ME).await?.refused(ProblemCode::SessionExpired)?;
    device.try_refresh(&caller, &answer.tokens.refresh_token).await?.refused(ProblemCode::SessionExpired)?;
    elsewhere.get(ME).await?.ok::<Me>()?;
    Ok(())
}

#[tokio::test]
async fn a_problem_speaks_the_language_that_was_asked_for_and_carries_both() -> Result<()> {
    let (_server, _county, caller) = start().await?;
    let device = TestDevice::new()?;
    for language in [Language::Zh, Language::En] {
        let caller = caller.in_language(language);
        let problem = device
            .try_log_in(&caller, "grid_worker", "wrong")
            .await?
            .refused(ProblemCode::InvalidCredentials)?;
        assert_eq!(problem.title, ProblemCode::InvalidCredentials.message().get(language));
    }
    Ok(())
}
