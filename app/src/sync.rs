//! When to synchronise, and what the screens see of it.
//!
//! What a sync does is core's (`doorstep_core::phone::synchronise`); here is
//! when: on entering, when the page becomes visible, when the network is back,
//! two seconds after something was finished, every five minutes, by the
//! button, and again after a failure that waiting may mend. One at a time.

pub mod files;
mod wire;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use doorstep_core::ids::MediaId;
use doorstep_core::phone::outbox::Unsent;
use doorstep_core::phone::{Failure, SyncReport, SyncState, backoff, synchronise};
use doorstep_core::store::{StoreError, Table};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::browser::sleep;
use crate::clock;
use crate::device::Device;
use crate::session::{AppPhone, Session};
use files::Files;
use wire::Wire;

/// So that what is finished in a row goes in one request.
const SAVED_WAIT_MS: u32 = 2_000;
const EVERY: Duration = Duration::from_secs(300);

/// What a sync is doing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SyncPhase {
    #[default]
    Idle,
    /// Finished visits are on their way.
    Sending { operations: usize },
    /// News arrives.
    Receiving { items: usize },
    /// A form definition arrives.
    ReceivingForm,
    /// A photo is on its way.
    SendingFile { media_id: MediaId, percent: u8, left: usize },
}

/// What the screens show of sync.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncStatus {
    pub phase: SyncPhase,
    pub last_success: Option<DateTime<Utc>>,
    pub unsent: Unsent,
    /// Why the last sync ended early.
    pub failure: Option<Failure>,
    /// Server time minus phone time.
    pub skew_ms: Option<i64>,
}

/// The driver of sync.
#[derive(Clone, Copy, Debug)]
pub struct Synchroniser {
    session: Session,
    status: RwSignal<SyncStatus>,
    files: Files,
    engine: StoredValue<Rc<Engine>, LocalStorage>,
}

#[derive(Debug, Default)]
struct Engine {
    running: Cell<bool>,
    /// Somebody asked while one was running.
    asked_again: Cell<bool>,
    failures: Cell<u32>,
    /// Counts what was planned: only the latest plan counts.
    plan: Cell<u64>,
    /// The roles were asked for since somebody came in.
    me_is_fresh: Cell<bool>,
}

impl Synchroniser {
    /// At rest until [`Self::start_for`].
    pub fn new(session: Session) -> Self {
        let files = Files::new(session);
        files.watch();
        Self { session, status: RwSignal::default(), files, engine: StoredValue::new_local(Rc::default()) }
    }

    /// Synchronises for whoever is in, for as long as the caller's owner
    /// lives: until they lock.
    pub fn start_for(self, device: Device) {
        let (sync, session) = (self, self.session);
        device.request_persistence_once();
        sync.start();
        on_cleanup(move || sync.rest());
        let is_waiting_for_login = Memo::new(move |_| session.login_needed());
        Effect::new(move |was_waiting: Option<bool>| {
            let waits = is_waiting_for_login.get();
            if was_waiting == Some(true) && !waits {
                sync.start();
            }
            waits
        });
        Effect::new(move |was_online: Option<bool>| {
            let online = device.online();
            if online && was_online == Some(false) {
                sync.start();
            }
            online
        });
        Effect::new(move |was_held: Option<bool>| {
            let held = sync.files.held().is_some();
            if !held && was_held == Some(true) {
                sync.start();
            }
            held
        });
        Effect::new(move |_| {
            session.changes().track(&[Table::Operation, Table::Media]);
            spawn_local(sync.count());
        });
        let seen = window_event_listener_untyped("visibilitychange", move |_| {
            if !document().hidden() {
                sync.start();
            }
        });
        on_cleanup(move || seen.remove());
        let tick = move || {
            if !document().hidden() {
                sync.go();
            }
        };
        if let Ok(timer) = set_interval_with_handle(tick, EVERY) {
            on_cleanup(move || timer.clear());
        }
    }

    /// Whether photos may leave.
    pub fn files(self) -> Files {
        self.files
    }

    /// What the screens show. Tracks.
    pub fn status(self) -> SyncStatus {
        self.status.get()
    }

    /// The button, and whatever makes success likely: waits no longer for
    /// earlier failures.
    pub fn start(self) {
        self.engine.get_value().failures.set(0);
        self.go();
    }

    /// Something was finished: in two seconds.
    pub fn saved(self) {
        self.plan(SAVED_WAIT_MS);
    }

    /// How far a photo's upload is. Tracks.
    pub fn upload_percent(self, media_id: MediaId) -> Option<u8> {
        self.status.with(|status| match status.phase {
            SyncPhase::SendingFile { media_id: current, percent, .. } if current == media_id => Some(percent),
            _ => None,
        })
    }

    fn plan(self, wait_ms: u32) {
        let engine = self.engine.get_value();
        let plan = engine.plan.get() + 1;
        engine.plan.set(plan);
        spawn_local(async move {
            sleep(wait_ms).await;
            if engine.plan.get() == plan {
                self.go();
            }
        });
    }

    fn go(self) {
        let engine = self.engine.get_value();
        if engine.running.get() {
            engine.asked_again.set(true);
            return;
        }
        let Ok(phone) = self.session.phone_untracked() else { return };
        // Only the person can go on; what is planned would fail alike.
        if self.session.login_needed_untracked() {
            self.status.update(|status| status.failure = Some(Failure::LoginNeeded));
            return;
        }
        engine.running.set(true);
        engine.asked_again.set(false);
        engine.plan.set(engine.plan.get() + 1);
        spawn_local(async move {
            let report = Box::pin(self.run(&phone)).await;
            engine.running.set(false);
            self.finished(report);
        });
    }

    async fn run(self, phone: &Rc<AppPhone>) -> SyncReport {
        let failed = |failure| SyncReport { failure: Some(failure), ..SyncReport::default() };
        let client = match self.session.client() {
            Ok(client) => client,
            Err(failure) => return failed(failure),
        };
        self.count().await;
        let files = self.status.with_untracked(|status| status.unsent.files);
        let wire = Wire::new(client, self.status, self.files, files);
        let device = phone.owner().device_id;
        let is_first = self.status.with_untracked(|status| status.last_success.is_none());
        let _held = is_first.then(|| self.session.changes().hold());
        match synchronise(phone.store(), &wire, device, &clock::utc_now).await {
            Ok(report) => report,
            Err(error) => failed(Failure::Store(error)),
        }
    }

    fn finished(self, report: SyncReport) {
        let engine = self.engine.get_value();
        let command = report.command;
        // Locking ends a sync; that is no failure.
        let failure = report.failure.filter(|failure| *failure != Failure::Store(StoreError::Locked));
        let is_done = failure.is_none();
        self.status.update(|status| {
            status.phase = SyncPhase::Idle;
            status.failure.clone_from(&failure);
        });
        let memory = Rc::clone(&engine);
        let told = failure.clone();
        spawn_local(async move {
            if report.device_forked
                && let Err(error) = self.session.device_was_forked().await
            {
                self.status.update(|status| status.failure = Some(Failure::Store(error)));
            }
            if let Err(error) = self.session.heard(command, told.as_ref()).await {
                leptos::logging::log!("what is asked from afar was not done: {error:?}");
            }
            // Every sync that came through is a contact; a failure to write one
            // down only brings the next login nearer.
            if is_done && let Err(error) = self.session.note_contact().await {
                leptos::logging::log!("the contact was not written down: {error}");
            }
            if is_done && !memory.me_is_fresh.replace(true) {
                // What is remembered holds until the next time.
                memory.me_is_fresh.set(self.session.refresh_me().await.is_ok());
            }
            self.count().await;
        });
        let Some(failure) = failure else {
            engine.failures.set(0);
            if engine.asked_again.replace(false) {
                self.go();
            }
            return;
        };
        // A network that carried something is worth another try soon.
        let before = if report.bytes_sent > 0 { 0 } else { engine.failures.get() };
        let failures = before.saturating_add(1);
        engine.failures.set(failures);
        let asked_again = engine.asked_again.replace(false);
        if let Some(wait_ms) = backoff::wait_ms(&failure, failures, js_sys::Math::random()) {
            // Asked for after this one had begun: perhaps with a network since.
            self.plan(if asked_again { wait_ms.min(SAVED_WAIT_MS) } else { wait_ms });
        }
    }

    /// Nobody is in.
    fn rest(self) {
        let engine = self.engine.get_value();
        engine.plan.set(engine.plan.get() + 1);
        engine.failures.set(0);
        engine.me_is_fresh.set(false);
        self.status.set(SyncStatus::default());
    }

    /// Counts what is only on this phone, and reads when all had arrived.
    async fn count(self) {
        let Ok(phone) = self.session.phone_untracked() else { return };
        let (unsent, state) = (phone.unsent().await, SyncState::load(phone.store()).await);
        if self.session.phone_untracked().is_err() {
            return;
        }
        let shown = self.status.get_untracked();
        let mut now = shown.clone();
        if let Ok(unsent) = unsent {
            now.unsent = unsent;
        }
        if let Ok(state) = state {
            now.last_success = state.synced_at;
            now.skew_ms = state.skew_ms;
        }
        if now != shown {
            self.status.set(now);
        }
    }
}
