//! The sealed outbox: a phone that is locked sends what was finished, and its
//! files, and cannot read them ([`doorstep_core::sealing`]).

use std::cell::{Cell, RefCell};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use doorstep_core::ids::{MediaId, UserId};
use doorstep_core::phone::Failure;
use doorstep_core::phone::synchronise::{Pace, SealedStep, SealedUpload};
use doorstep_core::sealing::{SealedFile, SealedPush, sealed_push_challenge};
use doorstep_core::store::StoreError;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::enter::tab_lock;
use super::{Held, Session};
use crate::api;
use crate::browser::{TabLock, listen};
use crate::clock::utc_now;
use crate::network::{Network, connection};
use crate::store::device::UserRow;
use crate::store::sealed::SealedOutbox;

/// How often a locked phone looks whether it can send.
const EVERY: Duration = Duration::from_secs(15);
/// A file that the server does not take now is offered again after this.
const ASK_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);
/// Operations of one request.
const AT_ONCE: usize = 10;

/// What the PIN screen says of one user's sealed outbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SealedCount {
    pub user_id: UserId,
    /// Since the PIN was last given.
    pub sent: u32,
    pub waiting: usize,
    /// Photos and other files, likewise.
    pub files_sent: u32,
    pub files_waiting: usize,
    /// Why files wait.
    pub files_held: Option<Held>,
}

/// How far a locked phone is with sending.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// It is at it.
    is_on: Cell<bool>,
    /// Files that the server did not take, and when it said so.
    asked_lately: RefCell<Vec<(MediaId, DateTime<Utc>)>>,
}

/// Whether the next file may be sent.
enum Onward {
    Next,
    Stop,
}

impl Session {
    /// What was sent, and what waits, without a PIN. Tracks.
    pub fn sealed(self, user: UserId) -> Option<SealedCount> {
        self.sealed.with(|counts| counts.iter().find(|count| count.user_id == user).copied())
    }

    /// Sends while nobody is in, for as long as the page lives.
    pub(super) fn watch_sealed(self) {
        listen(&window(), "online", move |_| self.send_sealed());
        let connection = connection();
        if !connection.is_undefined() {
            listen(&connection, "change", move |_| self.send_sealed());
        }
        // Without a timer the network's return and a lock are left.
        let _ = set_interval_with_handle(move || self.send_sealed(), EVERY);
    }

    /// Sends what every user of this phone has finished, while nobody is in:
    /// otherwise sync sends it.
    pub(super) fn send_sealed(self) {
        let engine = self.engine.get_value();
        if engine.opened.borrow().is_some() || engine.sending.is_on.replace(true) {
            return;
        }
        spawn_local(async move {
            let rows = match self.device() {
                Ok(device) => device.users().await.unwrap_or_default(),
                Err(_) => Vec::new(),
            };
            for row in rows.iter().filter(|row| !row.signed_out) {
                // What failed is tried again; the screen says what waits.
                if let Err(failure) = Box::pin(self.send_sealed_of(row)).await {
                    leptos::logging::log!("the sealed outbox waits: {failure:?}");
                }
            }
            engine.sending.is_on.set(false);
        });
    }

    async fn send_sealed_of(self, row: &UserRow) -> Result<(), Failure> {
        let Some(outbox) = SealedOutbox::open(row.database()).await.map_err(Failure::Store)? else {
            return Ok(());
        };
        let sent = self.send_from(row, &outbox).await;
        outbox.close();
        sent
    }

    async fn send_from(self, row: &UserRow, outbox: &SealedOutbox) -> Result<(), Failure> {
        self.count_sealed(row, outbox).await.map_err(Failure::Store)?;
        let push_token = outbox.push_token().await.map_err(Failure::Store)?;
        let Some(push_token) = push_token else { return Ok(()) };
        self.send_operations(row, outbox, &push_token).await?;
        self.send_files(row, outbox, &push_token).await
    }

    /// Somebody came in: sync sends from now on.
    fn somebody_is_in(self) -> bool {
        self.engine.get_value().opened.borrow().is_some()
    }

    async fn send_operations(
        self,
        row: &UserRow,
        outbox: &SealedOutbox,
        push_token: &str,
    ) -> Result<(), Failure> {
        let language = self.settings.language_untracked();
        loop {
            let (sent, waiting) = (outbox.sent().await, outbox.waiting().await);
            let ((sent, _), waiting) = (sent.map_err(Failure::Store)?, waiting.map_err(Failure::Store)?);
            if waiting.is_empty() || self.somebody_is_in() {
                return Ok(());
            }
            let operations: Vec<_> = waiting.iter().take(AT_ONCE).map(|(_, sealed)| sealed.clone()).collect();
            let challenge = sealed_push_challenge(row.device_id, push_token, &operations);
            // A key that does not sign is as good as a login that is over.
            let signature = row.keys.sign(&challenge).await.map_err(|_| Failure::LoginNeeded)?;
            let push_token = push_token.to_owned();
            let push = SealedPush { device_id: row.device_id, push_token, operations, signature };
            let answer = api::push_sealed(&push, language).await?;
            let taken: Vec<&str> = waiting
                .iter()
                .filter(|(_, sealed)| answer.taken.contains(&sealed.op_id))
                .map(|(key, _)| key.as_str())
                .collect();
            // Whoever came in meanwhile has it sent and counted by sync.
            if taken.is_empty() || self.somebody_is_in() {
                return Ok(());
            }
            outbox.mark_sent(&taken, sent).await.map_err(Failure::Store)?;
            self.count_sealed(row, outbox).await.map_err(Failure::Store)?;
        }
    }

    /// Small pictures first, then the others. One that the server does not take
    /// now stops no other.
    async fn send_files(self, row: &UserRow, outbox: &SealedOutbox, push_token: &str) -> Result<(), Failure> {
        let mut pace = Pace::default();
        for (key, file) in outbox.waiting_files().await.map_err(Failure::Store)? {
            let onward = self.send_file(row.user_id, (outbox, push_token), (&key, file), &mut pace).await?;
            self.count_sealed(row, outbox).await.map_err(Failure::Store)?;
            if matches!(onward, Onward::Stop) {
                break;
            }
        }
        Ok(())
    }

    async fn send_file(
        self,
        user: UserId,
        (outbox, push_token): (&SealedOutbox, &str),
        (key, file): (&str, SealedFile),
        pace: &mut Pace,
    ) -> Result<Onward, Failure> {
        let language = self.settings.language_untracked();
        if self.was_asked_lately(file.media_id) {
            return Ok(Onward::Next);
        }
        let Some(bytes) = outbox.file(file.media_id).await.map_err(Failure::Store)? else {
            outbox.leave_file(key).await.map_err(Failure::Store)?;
            return Ok(Onward::Next);
        };
        let (mut upload, mut request) = SealedUpload::begin(file.clone());
        loop {
            // In another tab, too: sync sends the file itself there, and each
            // would end what the other has begun.
            let elsewhere = TabLock::is_held(&tab_lock(user)).await;
            if elsewhere || self.somebody_is_in() || self.held_while_locked().is_some() {
                return Ok(Onward::Stop);
            }
            let began = utc_now();
            let answer = match request.act.piece(&bytes) {
                Some(piece) => api::upload_sealed(&request, piece, push_token, language).await,
                // The row is not what its facts say.
                None => {
                    outbox.leave_file(key).await.map_err(Failure::Store)?;
                    return Ok(Onward::Next);
                }
            };
            // Whoever came in meanwhile has it found at the server by sync.
            if self.somebody_is_in() {
                return Ok(Onward::Stop);
            }
            match upload.step(&request, answer, pace, utc_now() - began) {
                SealedStep::Send(next) => request = next,
                SealedStep::Arrived => {
                    outbox.mark_file_sent(key, &file).await.map_err(Failure::Store)?;
                    return Ok(Onward::Next);
                }
                SealedStep::Refused => {
                    leptos::logging::log!("a sealed file waits for the PIN: {}", file.media_id);
                    outbox.leave_file(key).await.map_err(Failure::Store)?;
                    return Ok(Onward::Next);
                }
                SealedStep::Waits(failure) => {
                    leptos::logging::log!("a sealed file waits: {failure:?}");
                    self.engine
                        .get_value()
                        .sending
                        .asked_lately
                        .borrow_mut()
                        .push((file.media_id, utc_now()));
                    return Ok(Onward::Next);
                }
                SealedStep::Ends(failure) => return Err(failure),
            }
        }
    }

    fn was_asked_lately(self, id: MediaId) -> bool {
        let (engine, now) = (self.engine.get_value(), utc_now());
        let mut asked = engine.sending.asked_lately.borrow_mut();
        // A clock that was set keeps nothing waiting.
        asked.retain(|(_, at)| (now - *at).abs() < ASK_AGAIN_AFTER);
        asked.iter().any(|(of, _)| *of == id)
    }

    /// What a person chose for photos counts without the PIN, too.
    fn held_while_locked(self) -> Option<Held> {
        self.choices_untracked().hold(Network::now())
    }

    /// What the PIN screen says.
    async fn count_sealed(self, row: &UserRow, outbox: &SealedOutbox) -> Result<(), StoreError> {
        let (sent, files_sent) = outbox.sent().await?;
        let files = outbox.waiting_files().await?;
        self.show_sealed(SealedCount {
            user_id: row.user_id,
            sent,
            waiting: outbox.waiting().await?.len(),
            files_sent,
            files_waiting: files.iter().filter(|(_, file)| !file.is_preview).count(),
            files_held: self.held_while_locked(),
        });
        Ok(())
    }

    fn show_sealed(self, count: SealedCount) {
        if self.sealed(count.user_id) != Some(count) {
            self.sealed.update(|counts| {
                counts.retain(|known| known.user_id != count.user_id);
                counts.push(count);
            });
        }
    }
}
