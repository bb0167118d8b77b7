//! The ways in: a login, a first PIN, a PIN. Each is passed by one caller at a
//! time.

use std::rc::Rc;

use doorstep_core::api::Me;
use doorstep_core::ids::{DeviceId, UserId};
use doorstep_core::phone::{Owner, Phone};
use doorstep_core::sealing::SealingKey;
use doorstep_core::store::paged::Paged;
use doorstep_core::store::{Batch, Durability, LocalStore, StoreError, Table, decode};
use leptos::prelude::*;

use super::leave::shut;
use super::login::{self, Granted};
use super::tries::{PAINT_MS, check_new_pin};
use super::{KnownUser, LockReason, Opened, Session, SessionError, SessionState};
use crate::api::tokens::Tokens;
use crate::browser::{TabLock, sleep};
use crate::store::device::{Earlier, UserRow, database_name};
use crate::store::sealed::Sealer;
use crate::store::{EncryptedStore, PhoneStore};

const ME_KEY: &str = "me";
/// The device that the operations here are numbered for.
const DEVICE_KEY: &str = "device";
/// The server's key that finished operations are sealed for.
const SEALING_KEY: &str = "sealing_key";

impl Session {
    /// Logs in online. Then the state is `ChoosePin`, `Locked` or `Open`.
    ///
    /// # Errors
    /// What the server said, or that somebody else is in.
    pub async fn log_in(self, login_name: &str, password: &str) -> Result<(), SessionError> {
        let engine = self.engine.get_value();
        let _one_at_a_time = engine.gate.lock().await;
        let device = self.device()?;
        let login_name = login_name.trim();
        let inside = engine.opened.borrow().as_ref().map(|opened| opened.user_id);
        let rows = device.users().await?;
        let known = rows.iter().find(|row| row.login_name.eq_ignore_ascii_case(login_name));
        if inside.is_some() && inside != known.map(|row| row.user_id) {
            return Err(SessionError::OtherUser);
        }
        let language = self.settings.language_untracked();
        let new_pin =
            known.filter(|row| row.envelope.is_none() || engine.forgotten.get() == Some(row.user_id));
        let granted = match new_pin {
            Some(row) => Box::pin(login::log_in_for_new_pin(login_name, password, row, language)).await?,
            None => Box::pin(login::log_in(login_name, password, known, false, language)).await?,
        };
        let new_pin = new_pin.is_some();

        let me = granted.answer.me.clone();
        let Some(row) = rows.into_iter().find(|row| row.user_id == me.user_id).filter(|_| !new_pin) else {
            if inside.is_some() {
                return Err(SessionError::OtherUser);
            }
            engine.granted.replace(Some(granted));
            self.state.set(SessionState::ChoosePin { me });
            return Ok(());
        };
        if inside.is_some_and(|user| user != me.user_id) {
            return Err(SessionError::OtherUser);
        }
        let row = UserRow {
            login_name: me.login_name.clone(),
            device_id: granted.identity.device_id,
            keys: granted.identity.keys.clone(),
            wrong_pins: 0,
            locked_until_ms: 0.0,
            forked: false,
            barred: false,
            ..row
        };
        device.save(&row).await?;
        if inside.is_some() {
            self.enter_again(&row, granted).await?;
        } else {
            engine.granted.replace(Some(granted));
            self.state
                .set(SessionState::Locked { user: KnownUser::from(&row), reason: LockReason::LoginDone });
        }
        Ok(self.refresh_users().await?)
    }

    /// The PIN of six digits after the first login. Then the state is `Open`.
    ///
    /// # Errors
    /// When it is no PIN, or the phone cannot keep it.
    pub async fn choose_pin(self, pin: &str) -> Result<(), SessionError> {
        let engine = self.engine.get_value();
        let _one_at_a_time = engine.gate.lock().await;
        check_new_pin(pin)?;
        let granted = engine.granted.borrow().clone().ok_or(SessionError::LoginFirst)?;
        let (me, identity) = (granted.answer.me.clone(), granted.identity.clone());
        let device = self.device()?;
        let before = device.user(me.user_id).await?;
        sleep(PAINT_MS).await;
        if let (Some(opened), Some(before)) = (&granted.opened, &before) {
            let (key, envelope) = Box::pin(identity.keys.wrap_opened(opened, pin, me.user_id)).await?;
            let store = EncryptedStore::open(before.database(), key, self.changes).await?;
            let row = UserRow {
                login_name: me.login_name,
                device_id: identity.device_id,
                keys: identity.keys,
                envelope: Some(envelope),
                wrong_pins: 0,
                locked_until_ms: 0.0,
                signed_out: false,
                forked: false,
                barred: false,
                used_ms: js_sys::Date::now(),
                contact_ms: js_sys::Date::now(),
                contact_skew_ms: 0.0,
                ..before.clone()
            };
            device.save(&row).await?;
            return self.enter(&row, store, Some(granted)).await;
        }
        let (key, envelope, sealed) =
            Box::pin(identity.keys.seal_new(pin, me.user_id, &granted.answer.sealing_key)).await?;
        let mut generation = before.as_ref().map_or(0, |row| row.generation + 1);
        let store = loop {
            let name = database_name(me.user_id, generation);
            let store = EncryptedStore::open(name, key.clone(), self.changes).await?;
            if store.was_created() {
                break store;
            }
            // Left over from a row that the browser lost: nobody has its key.
            store.close();
            generation += 1;
        };
        let mut earlier = Vec::new();
        if let Some(before) = before {
            earlier = before.earlier;
            let kept = before.envelope.map(|envelope| Earlier { generation: before.generation, envelope });
            earlier.extend(kept);
        }
        let row = UserRow {
            user_id: me.user_id,
            login_name: me.login_name,
            device_id: identity.device_id,
            keys: identity.keys,
            envelope: Some(envelope),
            sealed: Some(sealed),
            generation,
            wrong_pins: 0,
            locked_until_ms: 0.0,
            signed_out: false,
            forked: false,
            barred: false,
            obeyed: None,
            used_ms: js_sys::Date::now(),
            contact_ms: js_sys::Date::now(),
            contact_skew_ms: 0.0,
            earlier,
        };
        device.save(&row).await?;
        self.enter(&row, store, Some(granted)).await
    }

    /// Opens a user's phone with their PIN. Then the state is `Open`.
    ///
    /// # Errors
    /// [`SessionError::WrongPin`] with what is left, [`SessionError::Wait`],
    /// [`SessionError::LoginFirst`], or the phone's own trouble.
    pub async fn unlock(self, user: UserId, pin: &str) -> Result<(), SessionError> {
        let engine = self.engine.get_value();
        let _one_at_a_time = engine.gate.lock().await;
        if engine.opened.borrow().is_some() {
            return Ok(());
        }
        let device = self.device()?;
        let mut row = device.user(user).await?.ok_or(SessionError::LoginFirst)?;
        let granted = engine.granted.borrow().clone().filter(|granted| granted.answer.me.user_id == user);
        if granted.is_none() && (row.signed_out || row.barred) {
            return Err(SessionError::LoginFirst);
        }
        self.drop_stale_envelope(&mut row).await?;
        let envelope = row.envelope.clone().ok_or(SessionError::LoginFirst)?;
        let key = self.try_pin(&mut row, &envelope, pin).await?;
        let store = EncryptedStore::open(row.database(), key, self.changes).await?;
        if store.was_created() {
            // The next start finds an empty database and asks for a login.
            store.close();
            self.state.set(SessionState::Broken { error: StoreError::Gone });
            return Err(SessionError::Store(StoreError::Gone));
        }
        row.signed_out = false;
        row.used_ms = js_sys::Date::now();
        device.save(&row).await?;
        self.enter(&row, store, granted).await
    }

    /// The last steps of every way in.
    async fn enter(
        self,
        row: &UserRow,
        store: EncryptedStore,
        granted: Option<Granted>,
    ) -> Result<(), SessionError> {
        let user_id = row.user_id;
        let store = Paged::over(store);
        let tab = TabLock::take(&tab_lock(user_id), move || {
            self.close_for(user_id, LockReason::OtherTab);
        });
        match Box::pin(self.open_phone(row, &store, granted, tab)).await {
            Ok(()) => {
                let engine = self.engine.get_value();
                engine.forgotten.set(None);
                engine.granted.replace(None);
                self.forget_wiped().await?;
                Ok(self.refresh_users().await?)
            }
            Err(error) => {
                shut(&store);
                Err(error)
            }
        }
    }

    /// Logged in again without having been out. A new device numbers the
    /// outbox anew, under a phone of its own.
    async fn enter_again(self, row: &UserRow, granted: Granted) -> Result<(), SessionError> {
        let engine = self.engine.get_value();
        let Some(opened) = engine.opened.take() else { return Err(SessionError::Store(StoreError::Locked)) };
        let Opened { store, tab, .. } = opened;
        let done = Box::pin(self.open_phone(row, &store, Some(granted), tab)).await;
        if done.is_err() {
            shut(&store);
            self.phone.set(None);
            self.state.set(SessionState::Locked { user: KnownUser::from(row), reason: LockReason::Locked });
        }
        done
    }

    async fn open_phone(
        self,
        row: &UserRow,
        store: &PhoneStore,
        granted: Option<Granted>,
        tab: TabLock,
    ) -> Result<(), SessionError> {
        let tokens = Tokens::new(
            store.beneath().clone(),
            row.device_id,
            row.keys.clone(),
            self.settings,
            self.login_needed,
        );
        self.login_needed.set(row.forked);
        let me = match granted {
            Some(granted) => {
                tokens.adopt(&granted.answer.tokens).await?;
                remember(store, SEALING_KEY, &granted.answer.sealing_key).await?;
                remember_me(store, &granted.answer.me).await?;
                granted.answer.me
            }
            // Before the first login here, or after the browser lost everything.
            None => remembered::<Me>(store, ME_KEY).await?.ok_or(SessionError::LoginFirst)?,
        };
        let owner = Owner {
            user_id: me.user_id,
            device_id: row.device_id,
            login_name: me.login_name.clone(),
            display_name: me.display_name.clone(),
        };
        // Before anything is numbered anew: the sealed copies are, too.
        if let Some(server) = remembered::<SealingKey>(store, SEALING_KEY).await? {
            store.beneath().seal_with(Sealer { owner: me.user_id, server });
        }
        store.beneath().forget_sent().await?;
        let mut phone = Phone::new(store.clone(), owner);
        let numbered_for = remembered::<DeviceId>(store, DEVICE_KEY).await?;
        if numbered_for != Some(row.device_id) {
            if numbered_for.is_some() {
                phone.take_new_device(row.device_id).await?;
            }
            remember(store, DEVICE_KEY, &row.device_id).await?;
        }
        let opened = Opened { user_id: me.user_id, store: store.clone(), tokens: Rc::new(tokens), tab };
        self.engine.get_value().opened.replace(Some(opened));
        self.earlier.set(row.earlier.len());
        self.phone.set(Some(Rc::new(phone)));
        self.state.set(SessionState::Open { me });
        Ok(())
    }
}

/// The lock of whichever tab somebody is in.
pub(super) fn tab_lock(user: UserId) -> String {
    format!("doorstep-{user}")
}

async fn remembered<T: serde::de::DeserializeOwned>(
    store: &PhoneStore,
    key: &str,
) -> Result<Option<T>, StoreError> {
    store.get(Table::Meta, key).await?.as_ref().map(decode).transpose()
}

async fn remember<T: serde::Serialize>(store: &PhoneStore, key: &str, value: &T) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.put(Table::Meta, key, value)?;
    store.commit(batch, Durability::Strict).await
}

/// So that the phone knows without a network who has come in.
pub(super) async fn remember_me(store: &PhoneStore, me: &Me) -> Result<(), StoreError> {
    remember(store, ME_KEY, me).await
}
