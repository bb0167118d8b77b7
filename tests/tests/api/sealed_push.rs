//! What a locked phone sends: sealed, by a token that can do nothing else.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use doorstep::auth::tokens::PUSH_TOKEN_LIFE;
use doorstep_core::api::{LOGOUT, LoginAnswer, ME, SYNC, TokenAnswer};
use doorstep_core::ids::UserId;
use doorstep_core::problem::ProblemCode;
use doorstep_core::sealing::{
    SEALED_PUSH, SealedOperation, SealedPush, SealedPushAnswer, sealed_push_challenge,
};
use doorstep_core::sync::{Operation, Outcome, PushAnswer, PushRequest};
use doorstep_tests::caller::{Answer, Caller};
use doorstep_tests::county;
use doorstep_tests::device::TestDevice;
use doorstep_tests::scene::Scene;
use doorstep_tests::sealing;

/// A phone that was locked after a visit was finished.
struct Locked {
    scene: Scene,
    device: TestDevice,
    /// With the token of the login, which a locked phone has not.
    caller: Caller,
    stranger: Caller,
    login: LoginAnswer,
    operation: Operation,
}

impl Locked {
    async fn start() -> Result<Self> {
        let scene = Scene::start().await?;
        let phone = scene.phone("grid_worker").await?;
        phone.visit(scene.elder).await?;
        let operation = phone.waiting().await?.pop().context("an operation")?;
        let (device, caller, login) = county::log_in(&scene.server, "grid_worker").await?;
        let stranger = Caller::new(scene.server.base_url())?;
        Ok(Self { scene, device, caller, stranger, login, operation })
    }

    fn token(&self) -> String {
        self.login.tokens.push_token.clone().unwrap_or_default()
    }

    fn sealed(&self, owner: UserId) -> Result<SealedOperation> {
        sealing::seal_operation(&self.login.sealing_key, owner, &self.operation)
    }

    fn request(&self, by: &TestDevice, token: String, operations: Vec<SealedOperation>) -> SealedPush {
        let device_id = self.device.id;
        let signature = by.sign(&sealed_push_challenge(device_id, &token, &operations));
        SealedPush { device_id, push_token: token, operations, signature }
    }

    async fn send(&self, request: &SealedPush) -> Result<Answer> {
        self.stranger.post(SEALED_PUSH, request).await
    }

    /// What the phone would send.
    fn whole(&self) -> Result<SealedPush> {
        Ok(self.request(&self.device, self.token(), vec![self.sealed(self.login.me.user_id)?]))
    }
}

#[tokio::test]
async fn a_sealed_visit_arrives_and_its_ordinary_push_finds_it_done() -> Result<()> {
    let locked = Locked::start().await?;
    let op_id = locked.operation.op_id;
    for _ in 0..2 {
        let answer: SealedPushAnswer = locked.send(&locked.whole()?).await?.ok()?;
        assert_eq!(answer.taken, [op_id], "also when it is sent again");
    }
    let office = locked.scene.office("supervisor").await?;
    assert_eq!(office.queue().await?.len(), 1);

    let push = PushRequest { device: locked.device.id, epoch: None, ops: vec![locked.operation.clone()] };
    let answer: PushAnswer = locked.caller.post(SYNC, &push).await?.ok()?;
    let result = answer.results.first().context("a receipt")?;
    assert_eq!((result.op_id, &result.outcome), (op_id, &Outcome::Applied));
    assert_eq!(office.queue().await?.len(), 1, "nothing is there twice");
    Ok(())
}

#[tokio::test]
async fn the_token_does_nothing_else() -> Result<()> {
    let locked = Locked::start().await?;
    let holder = locked.stranger.with_token(locked.token());
    for path in [ME, SYNC] {
        holder.get(path).await?.refused(ProblemCode::SessionExpired)?;
    }
    let push = PushRequest { device: locked.device.id, epoch: None, ops: Vec::new() };
    holder.post(SYNC, &push).await?.refused(ProblemCode::SessionExpired)?;
    // Nor is an access token one.
    let access = locked.login.tokens.access_token.clone();
    let request = locked.request(&locked.device, access, Vec::new());
    locked.send(&request).await?.refused(ProblemCode::SessionExpired)?;
    Ok(())
}

#[tokio::test]
async fn it_takes_the_devices_own_signature_over_just_this() -> Result<()> {
    let locked = Locked::start().await?;
    let whole = locked.whole()?;
    let by_another = locked.request(&TestDevice::new()?, locked.token(), whole.operations.clone());
    let altered = SealedPush { operations: Vec::new(), ..whole.clone() };
    let elsewhere = SealedPush { device_id: TestDevice::new()?.id, ..whole.clone() };
    let unsigned = SealedPush { signature: String::new(), ..whole.clone() };
    for request in [by_another, altered, elsewhere, unsigned] {
        locked.send(&request).await?.refused(ProblemCode::DeviceUnknown)?;
    }
    assert_eq!(locked.scene.office("supervisor").await?.queue().await?, []);
    Ok(())
}

#[tokio::test]
async fn what_was_sealed_for_somebody_else_is_left_out() -> Result<()> {
    let locked = Locked::start().await?;
    let theirs = locked.sealed(locked.scene.county.user("next_worker")?)?;
    let mut renamed = locked.sealed(locked.login.me.user_id)?;
    renamed.op_id = uuid::Uuid::now_v7().into();
    let request = locked.request(&locked.device, locked.token(), vec![theirs, renamed]);
    let answer: SealedPushAnswer = locked.send(&request).await?.ok()?;
    assert_eq!(answer.taken, []);
    Ok(())
}

#[tokio::test]
async fn it_ends_with_the_session_and_after_thirty_days() -> Result<()> {
    let locked = Locked::start().await?;
    let whole = locked.whole()?;
    locked.scene.server.advance(PUSH_TOKEN_LIFE - TimeDelta::seconds(1));
    let _: SealedPushAnswer = locked.send(&whole).await?.ok()?;
    locked.scene.server.advance(TimeDelta::seconds(1));
    locked.send(&whole).await?.refused(ProblemCode::SessionExpired)?;

    // A trade of tokens brings another one, which a logout ends.
    let answer = locked.device.try_refresh(&locked.stranger, &locked.login.tokens.refresh_token).await?;
    let tokens: TokenAnswer = answer.ok()?;
    let token = tokens.push_token.context("a push token")?;
    let request = locked.request(&locked.device, token, whole.operations.clone());
    let _: SealedPushAnswer = locked.send(&request).await?.ok()?;
    let caller = locked.stranger.with_token(tokens.access_token);
    assert_eq!(caller.post(LOGOUT, &()).await?.status, 204);
    locked.send(&request).await?.refused(ProblemCode::SessionExpired)?;
    Ok(())
}
