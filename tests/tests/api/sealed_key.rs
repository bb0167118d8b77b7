//! The spare copy of a phone's data key: opened for its owner after a login,
//! and for nobody else.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use doorstep::auth::sealing::FRESH_LOGIN;
use doorstep_core::api::LoginAnswer;
use doorstep_core::ids::UserId;
use doorstep_core::problem::ProblemCode;
use doorstep_core::sealing::{self, OpenedKey, SEALED_KEY, SealedKey, SealingKey};
use doorstep_tests::caller::Caller;
use doorstep_tests::county::{County, PASSWORD};
use doorstep_tests::device::TestDevice;
use doorstep_tests::sealing as sealing_of_tests;
use doorstep_tests::server::TestServer;

const DATA_KEY: [u8; 32] = [7; 32];

fn seal(server: &SealingKey, owner: UserId, data_key: &[u8]) -> Result<SealedKey> {
    sealing_of_tests::seal(server, sealing::INFO, sealing::label(owner), data_key)
}

struct Scene {
    server: TestServer,
    county: County,
    caller: Caller,
}

impl Scene {
    async fn start() -> Result<Self> {
        let server = TestServer::start().await?;
        let county = County::found(&server).await?;
        let caller = Caller::new(server.base_url())?;
        Ok(Self { server, county, caller })
    }

    async fn log_in(&self, name: &str) -> Result<(LoginAnswer, Caller)> {
        let answer = TestDevice::new()?.log_in(&self.caller, name, PASSWORD).await?;
        let caller = self.caller.with_token(answer.tokens.access_token.clone());
        Ok((answer, caller))
    }
}

#[tokio::test]
async fn the_owner_has_it_opened_from_any_device() -> Result<()> {
    let scene = Scene::start().await?;
    let (first, _) = scene.log_in("grid_worker").await?;
    let sealed = seal(&first.sealing_key, first.me.user_id, &DATA_KEY)?;
    let (_, again) = scene.log_in("grid_worker").await?;
    let opened: OpenedKey = again.post(SEALED_KEY, &sealed).await?.ok()?;
    assert_eq!(URL_SAFE_NO_PAD.decode(opened.data_key)?, DATA_KEY);
    Ok(())
}

#[tokio::test]
async fn nobody_else_has_it_opened() -> Result<()> {
    let scene = Scene::start().await?;
    let owner = scene.county.user("grid_worker")?;
    let (answer, other) = scene.log_in("supervisor").await?;
    let sealed = seal(&answer.sealing_key, owner, &DATA_KEY)?;
    other.post(SEALED_KEY, &sealed).await?.refused(ProblemCode::SealedKeyUnknown)?;
    scene.caller.post(SEALED_KEY, &sealed).await?.refused(ProblemCode::SessionExpired)?;
    Ok(())
}

#[tokio::test]
async fn a_running_session_alone_does_not_open_it() -> Result<()> {
    let scene = Scene::start().await?;
    let (answer, caller) = scene.log_in("grid_worker").await?;
    let sealed = seal(&answer.sealing_key, answer.me.user_id, &DATA_KEY)?;
    scene.server.advance(FRESH_LOGIN);
    let _: OpenedKey = caller.post(SEALED_KEY, &sealed).await?.ok()?;
    scene.server.advance(TimeDelta::seconds(1));
    caller.post(SEALED_KEY, &sealed).await?.refused(ProblemCode::LoginNotFresh)?;
    Ok(())
}

#[tokio::test]
async fn what_was_altered_or_is_no_key_is_refused() -> Result<()> {
    let scene = Scene::start().await?;
    let (answer, caller) = scene.log_in("grid_worker").await?;
    let user = answer.me.user_id;
    let good = seal(&answer.sealing_key, user, &DATA_KEY)?;
    let mut bytes = URL_SAFE_NO_PAD.decode(&good.sealed)?;
    *bytes.first_mut().context("sealed bytes")? ^= 1;
    let altered = SealedKey { sealed: URL_SAFE_NO_PAD.encode(bytes), ..good.clone() };
    let nonsense = |text: &str| SealedKey { ephemeral_public_key: text.to_owned(), ..good.clone() };
    let refused = [
        altered,
        nonsense(""),
        nonsense("!"),
        nonsense(&URL_SAFE_NO_PAD.encode([4; 65])),
        SealedKey { key_id: "another".to_owned(), ..good.clone() },
        SealedKey { nonce: "AAAA".to_owned(), ..good.clone() },
        SealedKey { sealed: String::new(), ..good.clone() },
        seal(&answer.sealing_key, user, &[7; 16])?,
    ];
    for sealed in refused {
        caller.post(SEALED_KEY, &sealed).await?.refused(ProblemCode::SealedKeyUnknown)?;
    }
    let _: OpenedKey = caller.post(SEALED_KEY, &good).await?.ok()?;
    Ok(())
}
