//! The key that a phone signs with, and the words it introduces itself with.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorstep_core::api::{
    DeviceRegistration, LOGIN, LoginAnswer, LoginRequest, TOKEN, TokenRequest, refresh_challenge,
};
use doorstep_core::evidence::Notary;
use doorstep_core::ids::DeviceId;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use uuid::Uuid;

use crate::caller::{Answer, Caller};

/// A device with an ECDSA P-256 key, as WebCrypto makes it.
#[derive(Clone, Debug)]
pub struct TestDevice {
    pub id: DeviceId,
    key: SigningKey,
}

impl TestDevice {
    /// A new device with a new key.
    ///
    /// # Errors
    /// When the random bytes are no key, which happens once in 2³².
    pub fn new() -> Result<Self> {
        let random = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
        Ok(Self { id: DeviceId(Uuid::now_v7()), key: SigningKey::from_slice(&random)? })
    }

    /// What it says at a login.
    pub fn registration(&self) -> DeviceRegistration {
        let point = self.key.verifying_key().to_sec1_point(false);
        DeviceRegistration {
            device_id: self.id,
            name: "Test phone".to_owned(),
            public_key: URL_SAFE_NO_PAD.encode(point.as_bytes()),
        }
    }

    /// The request that trades a refresh token.
    pub fn token_request(&self, refresh_token: &str) -> TokenRequest {
        let signature = self.sign(&refresh_challenge(self.id, refresh_token));
        TokenRequest { device_id: self.id, refresh_token: refresh_token.to_owned(), signature }
    }

    /// Its signature, as it goes over the wire.
    pub fn sign(&self, challenge: &str) -> String {
        let signature: Signature = self.key.sign(challenge.as_bytes());
        URL_SAFE_NO_PAD.encode(signature.to_bytes())
    }

    /// Tries to log in on this device.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn try_log_in(&self, caller: &Caller, login_name: &str, password: &str) -> Result<Answer> {
        let request = LoginRequest {
            login_name: login_name.to_owned(),
            password: password.to_owned(),
            device: self.registration(),
        };
        caller.post(LOGIN, &request).await
    }

    /// Logs in on this device.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn log_in(&self, caller: &Caller, login_name: &str, password: &str) -> Result<LoginAnswer> {
        self.try_log_in(caller, login_name, password).await?.ok()
    }

    /// Tries to trade a refresh token.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn try_refresh(&self, caller: &Caller, refresh_token: &str) -> Result<Answer> {
        caller.post(TOKEN, &self.token_request(refresh_token)).await
    }
}

impl Notary for TestDevice {
    async fn sign(&self, text: &str) -> Option<String> {
        Some(Self::sign(self, text))
    }
}
