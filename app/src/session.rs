//! Who is here: users of this phone, login, PIN, tokens.

use std::rc::Rc;

use chrono::{DateTime, Utc};
use doorstep_core::api::Me;
use doorstep_core::ids::UserId;
use doorstep_core::phone::outbox::Unsent;
use doorstep_core::phone::{Failure, Phone, PhoneError};
use doorstep_core::store::StoreError;
use doorstep_core::text::LocalText;
use leptos::prelude::*;

use crate::app::Gate;
use crate::device::Capability;
use crate::explain::Explain;
use crate::settings::Settings;
use crate::store::{Changes, EncryptedStore};

/// The phone of the app: core's phone over the encrypted store.
pub type AppPhone = Phone<EncryptedStore>;

/// Somebody who has used Doorstep on this phone.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownUser {
    pub user_id: UserId,
    pub login_name: String,
    /// Wrong PINs so far.
    pub wrong_pins: u32,
    /// No PIN is taken before.
    pub locked_until: Option<DateTime<Utc>>,
}

impl KnownUser {
    /// Ten wrong PINs: an online login is needed before the next try.
    pub fn needs_login(&self) -> bool {
        self.wrong_pins >= 10
    }
}

/// Where a session stands.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionState {
    Starting,
    /// The browser lacks something that Doorstep cannot do without.
    Unsupported {
        missing: Vec<Capability>,
    },
    /// The phone's own storage does not open.
    Broken {
        error: StoreError,
    },
    /// The login screen: nobody on this phone yet, or another account.
    LoggedOut,
    /// After the first login: choose a PIN of six digits.
    ChoosePin {
        me: Me,
    },
    /// The PIN screen of one user; [`Session::users`] has the others.
    Locked {
        user: KnownUser,
        reason: LockReason,
    },
    Open {
        me: Me,
    },
}

/// Why the PIN is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LockReason {
    Start,
    /// The person locked it, or it was unused for long.
    Locked,
    /// The same account was opened in another tab.
    OtherTab,
    /// After a login because of wrong PINs.
    LoginDone,
}

/// Why a session did not do it.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionError {
    Failed(Failure),
    Store(StoreError),
    WrongPin { tries_left: u32, wait_s: u32 },
    Wait { seconds: u32 },
    LoginFirst,
    NotSixDigits,
    Unsent(Unsent),
    OtherUser,
    Browser(String),
}

impl Explain for SessionError {
    fn explain(&self) -> LocalText {
        LocalText::default()
    }
}

/// What to do with what was not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignOut {
    /// Refuse while something is unsent.
    WhenAllIsSent,
    /// Sign out; unsent work stays on the phone, encrypted, until the same
    /// person logs in here again.
    KeepUnsent,
}

/// The door to who is here.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    state: RwSignal<SessionState>,
    users: RwSignal<Vec<KnownUser>>,
    phone: RwSignal<Option<Rc<AppPhone>>, LocalStorage>,
    changes: Changes,
    login_needed: RwSignal<bool>,
}

impl Session {
    pub fn start(_settings: Settings) -> Self {
        Self {
            state: RwSignal::new(SessionState::Starting),
            users: RwSignal::new(Vec::new()),
            phone: RwSignal::new_local(None),
            changes: Changes::new(),
            login_needed: RwSignal::new(false),
        }
    }
    pub fn state(self) -> SessionState {
        self.state.get()
    }
    pub fn gate(self) -> Gate {
        self.state.with(|state| Gate::from(state))
    }
    pub fn users(self) -> Vec<KnownUser> {
        self.users.get()
    }
    pub fn me(self) -> Option<Me> {
        match self.state.get() {
            SessionState::Open { me } => Some(me),
            _ => None,
        }
    }
    /// # Errors
    /// [`StoreError::Locked`] while nobody is in.
    pub fn phone(self) -> Result<Rc<AppPhone>, PhoneError> {
        self.phone.get().ok_or(PhoneError::Store(StoreError::Locked))
    }
    pub fn changes(self) -> Changes {
        self.changes
    }
    pub fn login_needed(self) -> bool {
        self.login_needed.get()
    }
    pub async fn log_in(self, _login_name: &str, _password: &str) -> Result<(), SessionError> {
        Ok(())
    }
    pub async fn choose_pin(self, _pin: &str) -> Result<(), SessionError> {
        Ok(())
    }
    pub async fn unlock(self, _user: UserId, _pin: &str) -> Result<(), SessionError> {
        Ok(())
    }
    pub fn choose_user(self, _user: UserId) {}
    pub fn other_account(self) {}
    pub fn lock(self) {}
    pub async fn sign_out(self, _how: SignOut) -> Result<(), SessionError> {
        Ok(())
    }
}
