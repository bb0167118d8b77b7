//! The ways out: lock, another person, sign out, a forgotten PIN.

use std::rc::Rc;

use doorstep_core::ids::UserId;
use doorstep_core::store::StoreError;
use doorstep_core::text::LocalText;
use futures::future::{Either, select};
use leptos::prelude::*;

use super::{LockReason, Opened, Session, SessionError, SessionState, SignOut};
use crate::api::Client;
use crate::browser::sleep;
use crate::store::PhoneStore;

/// Signing out does not wait for the server any longer.
const LOGOUT_MS_MAX: u32 = 5_000;

impl Session {
    /// Locks. Nothing is lost: every answer is on the disk.
    pub fn lock(self) {
        let user = self.engine.get_value().opened.borrow().as_ref().map(|opened| opened.user_id);
        if let Some(user) = user {
            self.close_for(user, LockReason::Locked);
        }
    }

    pub(super) fn close_for(self, user: UserId, reason: LockReason) {
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
        self.send_sealed();
    }

    /// Forgets the key. The state is the caller's.
    pub(super) fn close(self) {
        let opened = self.engine.get_value().opened.take();
        if let Some(Opened { store, tab, .. }) = opened {
            shut(&store);
            drop(tab);
        }
        self.phone.set(None);
        self.login_needed.set(false);
        self.earlier.set(0);
        self.ordered.set(None);
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
    /// [`forgotten_pin_text`] first.
    pub fn forget_pin(self, user: UserId) {
        let engine = self.engine.get_value();
        engine.forgotten.set(Some(user));
        engine.granted.replace(None);
        self.state.set(SessionState::LoggedOut);
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
                device.forget(&row, None).await?;
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

/// What happens after a forgotten PIN, to be said before [`Session::forget_pin`].
pub fn forgotten_pin_text(recoverable: bool) -> LocalText {
    if recoverable {
        return LocalText::new(
            "忘记 PIN 码后,需要联网登录一次并设置新的 PIN 码。手机上的内容,包括没有上传的记录和草稿,都会保留。",
            "With a forgotten PIN, log in online once and choose a new one. Everything on this phone stays, also drafts and records that were not sent.",
        );
    }
    LocalText::new(
        "忘记 PIN 码后,需要联网登录并设置新的 PIN 码。已上传的内容会重新下载;没有上传的记录和草稿仍加密保存在这部手机上,但没有旧 PIN 码就无法打开。如果以后想起旧 PIN 码,可以在“我”里找回。请先再试一试旧 PIN 码。",
        "With a forgotten PIN, log in online and choose a new one. What was sent is downloaded again. Drafts and records that were not sent stay on this phone, encrypted, and do not open without the old PIN. If it comes to mind later, they can be brought back under “Me”. Try the old PIN once more first.",
    )
}

/// From now on every call fails.
pub(super) fn shut(store: &PhoneStore) {
    store.close();
    store.beneath().close();
}
