//! Who is here: users of this phone, login, PIN, tokens.
//!
//! * [`pin`]: what a PIN has to be, and the waits after wrong ones.
//! * `login`: which device introduces itself.
//! * `idle`: locks what nobody uses.
//! * `backup`: the file with what only this phone has. `choices`: of its photos.
//! * `enter`, `leave`: the ways in and out: PIN, lock, sign out, a forgotten PIN.
//! * `tries`: how many tries a PIN has. `obey`: what is asked from afar.
//!   `sealed`: what a locked phone sends.
//!
//! The device database ([`crate::store::device`]) remembers everybody who uses
//! this phone; each has an encrypted database of their own. Locking only
//! forgets the key: drafts are on the disk with every answer.

mod backup;
mod choices;
mod enter;
mod idle;
mod leave;
mod login;
mod obey;
pub mod pin;
mod sealed;
mod tries;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use chrono::{DateTime, Utc};
use doorstep_core::api::Me;
use doorstep_core::command::Left;
use doorstep_core::ids::UserId;
use doorstep_core::phone::backup::BackupError;
use doorstep_core::phone::outbox::Unsent;
use doorstep_core::phone::{Failure, Phone, PhoneError};
use doorstep_core::store::StoreError;
use doorstep_core::text::LocalText;
use doorstep_form::order;
use futures::lock::Mutex;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::api::Client;
use crate::api::tokens::Tokens;
use crate::app::Gate;
use crate::browser::TabLock;
use crate::clock;
use crate::device::Capability;
use crate::explain::Explain;
use crate::settings::Settings;
use crate::store::crypto::CryptoError;
use crate::store::device::{DeviceStore, UserRow};
use crate::store::{Changes, PhoneStore};
pub use choices::{Choices, Held};
pub use leave::forgotten_pin_text;
use login::Granted;
pub use obey::Wiped;
pub use sealed::SealedCount;

/// The phone of the app: core's phone over the encrypted store.
pub type AppPhone = Phone<PhoneStore>;

/// Somebody who has used Doorstep on this phone.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownUser {
    pub user_id: UserId,
    pub login_name: String,
    /// Wrong PINs so far.
    pub wrong_pins: u32,
    /// No PIN is taken before.
    pub locked_until: Option<DateTime<Utc>>,
    /// No PIN opens it any more: the phone had no contact for a month.
    pub out_of_contact: bool,
    /// An administrator has locked it.
    pub barred: bool,
    /// The server can open the copy of the key.
    pub recoverable: bool,
}

impl KnownUser {
    /// After ten wrong PINs, a month without contact, or an administrator's
    /// lock, an online login is needed before the next try.
    pub fn needs_login(&self) -> bool {
        self.out_of_contact || self.barred || self.wrong_pins >= pin::WRONG_PINS_MAX
    }
}

impl From<&UserRow> for KnownUser {
    fn from(row: &UserRow) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970, written as such")]
        let until = DateTime::from_timestamp_millis(row.locked_until_ms as i64);
        Self {
            user_id: row.user_id,
            login_name: row.login_name.clone(),
            wrong_pins: row.wrong_pins,
            locked_until: until.filter(|until| *until > clock::utc_now()),
            out_of_contact: row.envelope.is_none(),
            barred: row.barred,
            recoverable: row.sealed.is_some(),
        }
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
    /// The server was asked and did not.
    Failed(Failure),
    /// The phone's own storage.
    Store(StoreError),
    /// A backup file.
    Backup(BackupError),
    /// Ten wrong PINs in a row need an online login.
    WrongPin {
        tries_left: u32,
        wait_s: u32,
    },
    /// No PIN is taken yet.
    Wait {
        seconds: u32,
    },
    /// The PIN alone does not open it: log in online first.
    LoginFirst,
    NotSixDigits,
    /// Six digits that a stranger would try first.
    TrivialPin,
    /// Signing out would have deleted what was not sent.
    Unsent(Unsent),
    /// Signing out would have deleted unfinished visits.
    UnfinishedDrafts {
        drafts: usize,
    },
    /// Somebody else is in.
    OtherUser,
    /// The browser's cryptography.
    Browser(String),
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PhoneError> for SessionError {
    fn from(error: PhoneError) -> Self {
        match error {
            PhoneError::Store(error) => Self::Store(error),
            PhoneError::Backup(error) => Self::Backup(error),
            other => Self::Store(StoreError::Unreadable(other.to_string())),
        }
    }
}

impl From<CryptoError> for SessionError {
    fn from(error: CryptoError) -> Self {
        Self::Browser(error.to_string())
    }
}

impl Explain for SessionError {
    fn explain(&self) -> LocalText {
        match self {
            Self::Failed(Failure::NoConnection) => LocalText::new(
                "连不上服务器,登录需要网络。请检查网络后再试一次;手机上的内容不受影响。",
                "The server cannot be reached, and logging in needs a network. Check the network and try again. Nothing on the phone is affected.",
            ),
            Self::Failed(failure) => failure.explain(),
            Self::Store(error) => error.explain(),
            Self::Backup(error) => error.explain(),
            Self::WrongPin { tries_left: 0, .. } => LocalText::new(
                "PIN 码已连续输错多次。请联网登录一次,然后再输入 PIN 码;手机上的内容都在。",
                "Too many wrong PINs in a row. Log in online once, then enter the PIN again. Everything on the phone is still there.",
            ),
            Self::WrongPin { tries_left, wait_s: 0 } => LocalText::new(
                format!("PIN 码不正确。再错 {tries_left} 次后需要联网登录。"),
                format!("Wrong PIN. After {tries_left} more, an online login is needed."),
            ),
            Self::WrongPin { tries_left, wait_s } => LocalText::new(
                format!("PIN 码不正确。请等 {wait_s} 秒再试;再错 {tries_left} 次后需要联网登录。"),
                format!(
                    "Wrong PIN. Wait {wait_s} seconds before the next try. After {tries_left} more wrong ones, an online login is needed."
                ),
            ),
            Self::Wait { seconds } => LocalText::new(
                format!("因 PIN 码输错,请等 {seconds} 秒再试。"),
                format!("After wrong PINs, wait {seconds} seconds before the next try."),
            ),
            Self::LoginFirst => LocalText::new(
                "请先联网登录一次,然后输入 PIN 码。手机上未上传的内容都在。",
                "Log in online once, then enter the PIN. What was not sent is still on the phone.",
            ),
            Self::NotSixDigits => LocalText::new("PIN 码应为 6 位数字。", "A PIN has six digits."),
            Self::TrivialPin => LocalText::new(
                "这个 PIN 码太容易猜到(如 000000、123456、121212)。请换一个。",
                "This PIN is too easy to guess (like 000000, 123456 or 121212). Choose another.",
            ),
            Self::Unsent(unsent) => LocalText::new(
                format!(
                    "还有 {} 条记录、{} 个文件没有上传。请联网同步后再退出;也可以选择“仍然退出”(内容保留在手机上),下次用同一账号在这部手机登录后继续上传。",
                    unsent.visits, unsent.files
                ),
                format!(
                    "Not sent yet: {} records, {} files. Go online and sync, then sign out. Or sign out and keep them: they are sent when the same person logs in on this phone again.",
                    unsent.visits, unsent.files
                ),
            ),
            Self::UnfinishedDrafts { drafts } => LocalText::new(
                format!(
                    "还有 {drafts} 份草稿没有填完。请先提交或删除草稿;也可以选择“仍然退出”(内容保留在手机上),下次用同一账号在这部手机登录后继续填写。"
                ),
                format!(
                    "Unfinished drafts: {drafts}. Finish or throw them away first. Or sign out and keep them for when the same person logs in on this phone again."
                ),
            ),
            Self::OtherUser => LocalText::new(
                "这里登录的是另一个账号。请用当前账号登录,或先锁定再换账号。",
                "Somebody else is in here. Log in with the same account, or lock first and change the account.",
            ),
            Self::Browser(_) => LocalText::new(
                "浏览器的加密功能出错。请刷新页面再试一次;如仍不行,请换用最新版浏览器。手机上的内容不受影响。",
                "The browser's cryptography failed. Reload the page and try again, or use a newer browser. Nothing on the phone is affected.",
            ),
        }
    }
}

/// What to do with what was not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignOut {
    /// Refuse while something is unsent; then delete what is on this phone.
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
    earlier: RwSignal<usize>,
    ordered: RwSignal<Option<Left>>,
    wiped: RwSignal<Option<Wiped>>,
    choices: RwSignal<Choices>,
    sealed: RwSignal<Vec<SealedCount>>,
    settings: Settings,
    engine: StoredValue<Rc<Engine>, LocalStorage>,
}

/// What a session holds and no screen sees.
#[derive(Debug, Default)]
struct Engine {
    device: RefCell<Option<Rc<DeviceStore>>>,
    opened: RefCell<Option<Opened>>,
    /// A login that waits for the PIN.
    granted: RefCell<Option<Granted>>,
    /// Whose PIN was forgotten: their next login begins a new database.
    forgotten: Cell<Option<UserId>>,
    /// Of the sealed outbox.
    sending: sealed::Sending,
    /// Gates are passed one at a time.
    gate: Mutex<()>,
}

/// Somebody is in.
#[derive(Debug)]
struct Opened {
    user_id: UserId,
    store: PhoneStore,
    tokens: Rc<Tokens>,
    tab: TabLock,
}

impl Session {
    /// Looks who uses this phone, and shows the first gate.
    pub fn start(settings: Settings) -> Self {
        let session = Self {
            state: RwSignal::new(SessionState::Starting),
            users: RwSignal::new(Vec::new()),
            phone: RwSignal::new_local(None),
            changes: Changes::new(),
            login_needed: RwSignal::new(false),
            earlier: RwSignal::new(0),
            ordered: RwSignal::new(None),
            wiped: RwSignal::new(None),
            choices: RwSignal::new(Choices::default()),
            sealed: RwSignal::new(Vec::new()),
            settings,
            engine: StoredValue::new_local(Rc::default()),
        };
        idle::watch(move || session.lock());
        session.watch_sealed();
        session.begin();
        session
    }

    /// From the beginning: also the button of [`SessionState::Broken`].
    pub fn begin(self) {
        self.state.set(SessionState::Starting);
        spawn_local(async move {
            let state = match self.first_state().await {
                Ok(state) => state,
                Err(error) => SessionState::Broken { error },
            };
            self.state.set(state);
            self.send_sealed();
        });
    }

    async fn first_state(self) -> Result<SessionState, StoreError> {
        let missing = Capability::missing();
        if !missing.is_empty() {
            return Ok(SessionState::Unsupported { missing });
        }
        let store = DeviceStore::open().await?;
        self.wiped.set(Wiped::remembered(&store).await?);
        self.choices.set(Choices::remembered(&store).await?);
        self.engine.get_value().device.replace(Some(Rc::new(store)));
        self.refresh_users().await?;
        Ok(self.resting_state())
    }

    /// The PIN of whoever was here last, or the login.
    fn resting_state(self) -> SessionState {
        match self.users.get_untracked().into_iter().next() {
            Some(user) => SessionState::Locked { user, reason: LockReason::Start },
            None => SessionState::LoggedOut,
        }
    }

    /// Where the session stands. Tracks.
    pub fn state(self) -> SessionState {
        self.state.get()
    }

    /// What may be shown. Tracks.
    pub fn gate(self) -> Gate {
        self.state.with(|state| Gate::from(state))
    }

    /// Everybody whose PIN opens something here, whoever was here last first.
    /// Tracks.
    pub fn users(self) -> Vec<KnownUser> {
        self.users.get()
    }

    /// Who is in. Tracks.
    pub fn me(self) -> Option<Me> {
        self.state.with(|state| match state {
            SessionState::Open { me } => Some(me.clone()),
            _ => None,
        })
    }

    /// The phone of whoever is in. Tracks.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while nobody is in.
    pub fn phone(self) -> Result<Rc<AppPhone>, PhoneError> {
        self.phone.get().ok_or(PhoneError::Store(StoreError::Locked))
    }

    /// As [`Self::phone`], outside of tracking.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while nobody is in.
    pub fn phone_untracked(self) -> Result<Rc<AppPhone>, PhoneError> {
        self.phone.get_untracked().ok_or(PhoneError::Store(StoreError::Locked))
    }

    /// Tells which tables change.
    pub fn changes(self) -> Changes {
        self.changes
    }

    /// The login is over: work goes on, and sync waits for the person. Tracks.
    pub fn login_needed(self) -> bool {
        self.login_needed.get()
    }

    /// As [`Self::login_needed`], outside of tracking.
    pub fn login_needed_untracked(self) -> bool {
        self.login_needed.get_untracked()
    }

    /// How many databases are here whose PIN was forgotten. Tracks.
    pub fn earlier(self) -> usize {
        self.earlier.get()
    }

    /// The server, as whoever is in.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while nobody is in.
    pub fn client(self) -> Result<Client, Failure> {
        match self.engine.get_value().opened.borrow().as_ref() {
            Some(opened) => Ok(Client::new(Rc::clone(&opened.tokens))),
            None => Err(Failure::Store(StoreError::Locked)),
        }
    }

    /// Asks the server who this is now: roles and names change.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn refresh_me(self) -> Result<(), Failure> {
        let me = self.client()?.me().await?;
        let engine = self.engine.get_value();
        let store = engine.opened.borrow().as_ref().map(|opened| (opened.user_id, opened.store.clone()));
        if let Some((user_id, store)) = store
            && user_id == me.user_id
            && self.state.get_untracked() != (SessionState::Open { me: me.clone() })
        {
            enter::remember_me(&store, &me).await.map_err(Failure::Store)?;
            self.state.set(SessionState::Open { me });
        }
        Ok(())
    }

    /// Another copy of this device is sending: only a login gives a new one.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub async fn device_was_forked(self) -> Result<(), StoreError> {
        self.login_needed.set(true);
        let user = self.engine.get_value().opened.borrow().as_ref().map(|opened| opened.user_id);
        let (Some(user), device) = (user, self.device()?) else { return Ok(()) };
        if let Some(mut row) = device.user(user).await? {
            row.forked = true;
            device.save(&row).await?;
        }
        Ok(())
    }

    fn device(self) -> Result<Rc<DeviceStore>, StoreError> {
        let device = self.engine.get_value().device.borrow().clone();
        device.ok_or_else(|| StoreError::Lost("the device database is not open".to_owned()))
    }

    /// Reads who uses this phone; the PIN screen counts along.
    async fn refresh_users(self) -> Result<(), StoreError> {
        let mut rows = self.device()?.users().await?;
        if let SessionState::Locked { user, reason } = self.state.get_untracked()
            && let Some(row) = rows.iter().find(|row| row.user_id == user.user_id)
            && KnownUser::from(row) != user
        {
            self.state.set(SessionState::Locked { user: KnownUser::from(row), reason });
        }
        rows.retain(|row| !row.signed_out);
        order::sort_by(&mut rows, |left, right| right.used_ms.total_cmp(&left.used_ms));
        self.users.set(rows.iter().map(KnownUser::from).collect());
        Ok(())
    }
}
