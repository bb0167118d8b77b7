//! Tries of a PIN: how many there are, until when, and what else asks for one.

use doorstep_core::phone::SyncState;
use doorstep_core::store::StoreError;
use leptos::prelude::*;

use super::{Session, SessionError, pin};
use crate::browser::sleep;
use crate::store::EncryptedStore;
use crate::store::crypto::{CryptoError, DataKey, Envelope};
use crate::store::device::{UserRow, database_name};
use crate::store::indexed_db::IndexedDb;

/// Where there are no workers, stretching a PIN stops the page for about a
/// second: let it say so first.
pub(super) const PAINT_MS: u32 = 50;
/// Contact is written down no more often.
const CONTACT_MS: f64 = 60.0 * 60.0 * 1000.0;

impl Session {
    /// One try, counted before it is made, so that ending the page does not
    /// make it free.
    pub(super) async fn try_pin(
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

    /// A phone that had no contact for a month may be in other hands: the PIN
    /// does not open it any more. The copy that the server can open is left, so
    /// a login brings everything back.
    pub(super) async fn drop_stale_envelope(self, row: &mut UserRow) -> Result<(), SessionError> {
        if row.sealed.is_some()
            && row.envelope.is_some()
            && pin::is_out_of_contact(row.contact_ms, row.contact_skew_ms, js_sys::Date::now())
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
        let opened = engine.opened.borrow().as_ref().map(|opened| (opened.user_id, opened.store.clone()));
        let (Some((user, store)), device) = (opened, self.device()?) else { return Ok(()) };
        let Some(mut row) = device.user(user).await? else { return Ok(()) };
        let now = js_sys::Date::now();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a clock that may be wrong by years")]
        let skew = SyncState::load(&store).await?.skew_ms.unwrap_or_default() as f64;
        let is_news = |new: f64, old: f64| (new - old).abs() >= CONTACT_MS;
        if is_news(now, row.contact_ms) || is_news(skew, row.contact_skew_ms) {
            (row.contact_ms, row.contact_skew_ms) = (now, skew);
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
}

pub(super) fn check_new_pin(pin: &str) -> Result<(), SessionError> {
    if !pin::is_six_digits(pin) {
        return Err(SessionError::NotSixDigits);
    }
    if pin::is_trivial(pin) {
        return Err(SessionError::TrivialPin);
    }
    Ok(())
}
