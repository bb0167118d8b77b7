//! Access and refresh tokens. The access token lives in memory, the refresh
//! token in the encrypted store. A new pair needs the device's signature, and
//! is asked for by one request at a time.

use std::cell::RefCell;

use doorstep_core::api::{TOKEN, TokenAnswer, TokenRequest, refresh_challenge};
use doorstep_core::ids::DeviceId;
use doorstep_core::phone::Failure;
use doorstep_core::store::{Batch, Durability, LocalStore, StoreError, Table, decode};
use doorstep_core::text::Language;
use futures::lock::Mutex;
use leptos::prelude::*;

use super::http::{self, Method, Request, is_unauthorized};
use crate::settings::Settings;
use crate::store::EncryptedStore;
use crate::store::crypto::DeviceKeys;

const REFRESH_KEY: &str = "refresh_token";

/// The tokens of an open phone.
#[derive(Debug)]
pub struct Tokens {
    store: EncryptedStore,
    device_id: DeviceId,
    keys: DeviceKeys,
    settings: Settings,
    /// Set when only the person can go on: the login is over.
    login_needed: RwSignal<bool>,
    access: RefCell<Option<String>>,
    renewal: Mutex<()>,
}

impl Tokens {
    /// The tokens of a phone that was opened, read from its store when needed.
    pub fn new(
        store: EncryptedStore,
        device_id: DeviceId,
        keys: DeviceKeys,
        settings: Settings,
        login_needed: RwSignal<bool>,
    ) -> Self {
        Self {
            store,
            device_id,
            keys,
            settings,
            login_needed,
            access: RefCell::new(None),
            renewal: Mutex::new(()),
        }
    }

    /// The language to ask in.
    pub fn language(&self) -> Language {
        self.settings.language_untracked()
    }

    /// The device's signature, if the browser makes one.
    pub async fn sign(&self, text: &str) -> Option<String> {
        self.keys.sign(text).await.ok()
    }

    /// Takes the tokens of a login.
    ///
    /// # Errors
    /// When the refresh token cannot be stored.
    pub async fn adopt(&self, answer: &TokenAnswer) -> Result<(), StoreError> {
        self.access.replace(Some(answer.access_token.clone()));
        self.login_needed.set(false);
        keep(&self.store, answer).await
    }

    /// Forgets both: the person signs out.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn forget(&self) -> Result<(), StoreError> {
        self.access.replace(None);
        let mut batch = Batch::default();
        batch.delete(Table::Meta, REFRESH_KEY);
        self.store.keep_push_token(None).await?;
        self.store.commit(batch, Durability::Strict).await
    }

    /// An access token.
    ///
    /// # Errors
    /// [`Failure::LoginNeeded`], or why no new one could be had.
    pub async fn access(&self) -> Result<String, Failure> {
        let known = self.access.borrow().clone();
        match known {
            Some(token) => Ok(token),
            None => self.renewed("").await,
        }
    }

    /// Another access token than `old`, which the server did not take.
    ///
    /// # Errors
    /// [`Failure::LoginNeeded`], or why no new one could be had.
    pub async fn renewed(&self, old: &str) -> Result<String, Failure> {
        let _one_at_a_time = self.renewal.lock().await;
        // Somebody who waited for the same finds it done.
        let known = self.access.borrow().clone().filter(|token| token != old);
        if let Some(token) = known {
            return Ok(token);
        }
        self.access.replace(None);
        let row = self.store.get(Table::Meta, REFRESH_KEY).await.map_err(Failure::Store)?;
        let Some(row) = row else { return Err(self.over()) };
        let refresh_token: String = decode(&row).map_err(Failure::Store)?;
        let challenge = refresh_challenge(self.device_id, &refresh_token);
        let signature = self.keys.sign(&challenge).await.map_err(|_| self.over())?;
        let body = TokenRequest { device_id: self.device_id, refresh_token, signature };
        let request = Request::json(Method::Post, TOKEN, &body)?;
        let reply = http::send(&request, None, self.language()).await;
        match reply.and_then(|reply| reply.json::<TokenAnswer>()) {
            Ok(answer) => {
                self.access.replace(Some(answer.access_token.clone()));
                keep(&self.store, &answer).await.map_err(Failure::Store)?;
                Ok(answer.access_token)
            }
            Err(failure) if is_unauthorized(&failure) => Err(self.over()),
            Err(failure) => Err(failure),
        }
    }

    /// Says that the login is over. Work goes on; sync waits for the person.
    pub fn over(&self) -> Failure {
        self.login_needed.set(true);
        Failure::LoginNeeded
    }
}

async fn keep(store: &EncryptedStore, answer: &TokenAnswer) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.put(Table::Meta, REFRESH_KEY, &answer.refresh_token)?;
    store.commit(batch, Durability::Strict).await?;
    store.keep_push_token(answer.push_token.as_deref()).await
}
