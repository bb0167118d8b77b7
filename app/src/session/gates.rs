//! The ways in and out. Each is passed by one caller at a time.

use std::rc::Rc;

use doorstep_core::api::Me;
use doorstep_core::ids::{DeviceId, UserId};
use doorstep_core::phone::{Owner, Phone};
use doorstep_core::store::paged::Paged;
use doorstep_core::store::{Batch, Durability, LocalStore, StoreError, Table, decode};
use futures::future::{Either, select};
use leptos::prelude::*;

use super::login::{self, Granted};
use super::{KnownUser, LockReason, Opened, Session, SessionError, SessionState, SignOut, pin};
use crate::api::Client;
use crate::api::tokens::Tokens;
use crate::browser::{TabLock, sleep};
use crate::store::crypto::{CryptoError, DataKey, Envelope};
use crate::store::device::{Earlier, UserRow, database_name};
use crate::store::indexed_db::IndexedDb;
use crate::store::{EncryptedStore, PhoneStore};

const ME_KEY: &str = "me";
/// The device that the operations here are numbered for.
const DEVICE_KEY: &str = "device";

/// Stretching a PIN stops the page for about a second: let it say so first.
const PAINT_MS: u32 = 50;
/// Contact is written down no more often.
const CONTACT_MS: f64 = 60.0 * 60.0 * 1000.0;
/// Signing out does not wait for the server any longer.
const LOGOUT_MS_MAX: u32 = 5_000;

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
                used_ms: js_sys::Date::now(),
                contact_ms: js_sys::Date::now(),
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
            used_ms: js_sys::Date::now(),
            contact_ms: js_sys::Date::now(),
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
        if granted.is_none() && row.signed_out {
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

    /// A phone that had no contact for a month may be in other hands: the PIN
    /// does not open it any more. The copy that the server can open is left, so
    /// a login brings everything back.
    async fn drop_stale_envelope(self, row: &mut UserRow) -> Result<(), SessionError> {
        if row.sealed.is_some()
            && row.envelope.is_some()
            && pin::is_out_of_contact(row.contact_ms, js_sys::Date::now())
        {
            row.envelope = None;
            self.device()?.save(row).await?;
            self.refresh_users().await?;
        }
        Ok(())
    }

    /// The server answered: the PIN works for another month.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub async fn note_contact(self) -> Result<(), StoreError> {
        let engine = self.engine.get_value();
        let _one_at_a_time = engine.gate.lock().await;
        let user = engine.opened.borrow().as_ref().map(|opened| opened.user_id);
        let (Some(user), device) = (user, self.device()?) else { return Ok(()) };
        let Some(mut row) = device.user(user).await? else { return Ok(()) };
        let now = js_sys::Date::now();
        if (now - row.contact_ms).abs() >= CONTACT_MS {
            row.contact_ms = now;
            device.save(&row).await?;
        }
        Ok(())
    }

    /// Another PIN for what is open.
    ///
    /// # Errors
    /// As [`Self::unlock`] for the old PIN, as [`Self::choose_pin`] for the new
    /// one; the old one works on then.
    pub async fn change_pin(self, old_pin: &str, new_pin: &str) -> Result<(), SessionError> {
        let engine = self.engine.get_value();
        let _one_at_a_time = engine.gate.lock().await;
        check_new_pin(new_pin)?;
        let user = engine.opened.borrow().as_ref().map(|opened| opened.user_id);
        let (Some(user), device) = (user, self.device()?) else {
            return Err(SessionError::Store(StoreError::Locked));
        };
        let mut row = device.user(user).await?.ok_or(SessionError::LoginFirst)?;
        let envelope = row.envelope.clone().ok_or(SessionError::LoginFirst)?;
        self.try_pin(&mut row, &envelope, old_pin).await?;
        let envelope = Box::pin(row.keys.change_pin(old_pin, new_pin, user, &envelope)).await?;
        row.envelope = Some(envelope);
        Ok(device.save(&row).await?)
    }

    /// One try, counted before it is made, so that ending the page does not
    /// make it free.
    async fn try_pin(
        self,
        row: &mut UserRow,
        envelope: &Envelope,
        pin: &str,
    ) -> Result<DataKey, SessionError> {
        if row.wrong_pins >= pin::WRONG_PINS_MAX {
            return Err(SessionError::LoginFirst);
        }
        if !pin::is_six_digits(pin) {
            return Err(SessionError::NotSixDigits);
        }
        let seconds = pin::wait_left_s(row.locked_until_ms, js_sys::Date::now());
        if seconds > 0 {
            return Err(SessionError::Wait { seconds });
        }
        let device = self.device()?;
        let before = (row.wrong_pins, row.locked_until_ms);
        row.wrong_pins += 1;
        let wait_s = pin::wait_after_s(row.wrong_pins);
        row.locked_until_ms = js_sys::Date::now() + f64::from(wait_s) * 1000.0;
        device.save(row).await?;
        sleep(PAINT_MS).await;
        match Box::pin(row.keys.open(pin, row.user_id, envelope)).await {
            Ok(key) => {
                (row.wrong_pins, row.locked_until_ms) = (0, 0.0);
                device.save(row).await?;
                Ok(key)
            }
            Err(CryptoError::WrongPin) => {
                self.refresh_users().await?;
                let tries_left = pin::WRONG_PINS_MAX.saturating_sub(row.wrong_pins);
                Err(SessionError::WrongPin { tries_left, wait_s })
            }
            Err(error) => {
                (row.wrong_pins, row.locked_until_ms) = before;
                device.save(row).await?;
                Err(error.into())
            }
        }
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
        let tab = TabLock::take(&format!("doorstep-{user_id}"), move || {
            self.close_for(user_id, LockReason::OtherTab);
        });
        match Box::pin(self.open_phone(row, &store, granted, tab)).await {
            Ok(()) => {
                let engine = self.engine.get_value();
                engine.forgotten.set(None);
                engine.granted.replace(None);
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

    /// Locks. Nothing is lost: every answer is on the disk.
    pub fn lock(self) {
        let user = self.engine.get_value().opened.borrow().as_ref().map(|opened| opened.user_id);
        if let Some(user) = user {
            self.close_for(user, LockReason::Locked);
        }
    }

    fn close_for(self, user: UserId, reason: LockReason) {
        let engine = self.engine.get_value();
        if engine.opened.borrow().as_ref().is_none_or(|opened| opened.user_id != user) {
            return;
        }
        self.close();
        let known = self.users.get_untracked().into_iter().find(|known| known.user_id == user);
        self.state.set(match known {
            Some(user) => SessionState::Locked { user, reason },
            None => SessionState::LoggedOut,
        });
    }

    /// Forgets the key. The state is the caller's.
    fn close(self) {
        let opened = self.engine.get_value().opened.take();
        if let Some(Opened { store, tab, .. }) = opened {
            shut(&store);
            drop(tab);
        }
        self.phone.set(None);
        self.login_needed.set(false);
        self.earlier.set(0);
    }

    /// The PIN screen of somebody on this phone.
    pub fn choose_user(self, user: UserId) {
        let known = self.users.get_untracked().into_iter().find(|known| known.user_id == user);
        if let Some(user) = known {
            self.close();
            self.engine.get_value().forgotten.set(None);
            self.state.set(SessionState::Locked { user, reason: LockReason::Start });
        }
    }

    /// The login screen, for an account that is not on the PIN screen.
    pub fn other_account(self) {
        self.close();
        self.engine.get_value().granted.replace(None);
        self.state.set(SessionState::LoggedOut);
    }

    /// From the login or the PIN choice back to the PIN screen, if anybody is
    /// there.
    pub fn back_to_pin(self) {
        let engine = self.engine.get_value();
        engine.forgotten.set(None);
        engine.granted.replace(None);
        self.state.set(self.resting_state());
    }

    /// The PIN does not come to mind: the next login of this user chooses a new
    /// one. Where the server cannot open the copy of the key, a new database is
    /// begun and the old one kept, see [`Self::open_earlier`]. Say
    /// [`super::forgotten_pin_text`] first.
    pub fn forget_pin(self, user: UserId) {
        let engine = self.engine.get_value();
        engine.forgotten.set(Some(user));
        engine.granted.replace(None);
        self.state.set(SessionState::LoggedOut);
    }

    /// The forgotten PIN came to mind: what its database holds and was never
    /// sent moves into the one that is open, and the old database goes.
    ///
    /// # Errors
    /// As [`Self::unlock`]; nothing has moved then.
    pub async fn open_earlier(self, pin: &str) -> Result<(), SessionError> {
        let engine = self.engine.get_value();
        let _one_at_a_time = engine.gate.lock().await;
        let user = engine.opened.borrow().as_ref().map(|opened| opened.user_id);
        let (Some(user), device, phone) = (user, self.device()?, self.phone_untracked()?) else {
            return Err(SessionError::Store(StoreError::Locked));
        };
        let mut row = device.user(user).await?.ok_or(SessionError::LoginFirst)?;
        let Some(earlier) = row.earlier.last().cloned() else { return Ok(()) };
        let key = self.try_pin(&mut row, &earlier.envelope, pin).await?;
        let name = database_name(user, earlier.generation);
        let old = EncryptedStore::open(name.clone(), key, self.changes).await?;
        let moved = phone.adopt(&old).await;
        old.close();
        moved?;
        row.earlier.retain(|kept| kept.generation != earlier.generation);
        device.save(&row).await?;
        self.earlier.set(row.earlier.len());
        IndexedDb::delete(&name).await?;
        Ok(())
    }

    /// Signs out of this phone.
    ///
    /// # Errors
    /// [`SessionError::Unsent`] or [`SessionError::UnfinishedDrafts`] when
    /// something would be lost; nothing has happened then.
    pub async fn sign_out(self, how: SignOut) -> Result<(), SessionError> {
        let engine = self.engine.get_value();
        let _one_at_a_time = engine.gate.lock().await;
        let (user, tokens) = match engine.opened.borrow().as_ref() {
            Some(opened) => (opened.user_id, Rc::clone(&opened.tokens)),
            None => return Err(SessionError::Store(StoreError::Locked)),
        };
        let phone = self.phone_untracked()?;
        let unsent = phone.unsent().await?;
        let drafts = phone.drafts().await?.len();
        let device = self.device()?;
        let row = device.user(user).await?;
        let earlier = row.as_ref().map_or(0, |row| row.earlier.len());
        let all_is_sent = unsent.visits == 0 && unsent.files == 0 && drafts == 0 && earlier == 0;
        if how == SignOut::WhenAllIsSent && !all_is_sent {
            return Err(if unsent.visits > 0 || unsent.files > 0 {
                SessionError::Unsent(unsent)
            } else {
                SessionError::UnfinishedDrafts { drafts: drafts + earlier }
            });
        }
        // Without a network the session ends by its age; its token is gone.
        let client = Client::new(Rc::clone(&tokens));
        let told = Box::pin(async move { client.log_out().await.is_ok() });
        if let Either::Right(_) = select(told, Box::pin(sleep(LOGOUT_MS_MAX))).await {
            leptos::logging::log!("signed out without telling the server");
        }
        tokens.forget().await?;
        self.close();
        if let Some(mut row) = row {
            if all_is_sent {
                device.forget(&row).await?;
            } else {
                row.signed_out = true;
                device.save(&row).await?;
            }
        }
        self.refresh_users().await?;
        self.state.set(SessionState::LoggedOut);
        Ok(())
    }
}

fn check_new_pin(pin: &str) -> Result<(), SessionError> {
    if !pin::is_six_digits(pin) {
        return Err(SessionError::NotSixDigits);
    }
    if pin::is_trivial(pin) {
        return Err(SessionError::TrivialPin);
    }
    Ok(())
}

/// From now on every call fails.
fn shut(store: &PhoneStore) {
    store.close();
    store.beneath().close();
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
