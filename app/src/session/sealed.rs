//! The sealed outbox: a phone that is locked sends what was finished, and
//! cannot read it ([`doorstep_core::sealing`]). Files wait for the PIN.

use std::time::Duration;

use doorstep_core::ids::UserId;
use doorstep_core::phone::Failure;
use doorstep_core::sealing::{SealedPush, sealed_push_challenge};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::Session;
use crate::api;
use crate::browser::listen;
use crate::store::device::UserRow;
use crate::store::sealed::SealedOutbox;

/// How often a locked phone looks whether it can send.
const EVERY: Duration = Duration::from_secs(15);
/// Operations of one request.
const AT_ONCE: usize = 10;

/// What the PIN screen says of one user's sealed outbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SealedCount {
    pub user_id: UserId,
    /// Since the PIN was last given.
    pub sent: u32,
    pub waiting: usize,
}

impl Session {
    /// What was sent, and what waits, without a PIN. Tracks.
    pub fn sealed(self, user: UserId) -> Option<SealedCount> {
        self.sealed.with(|counts| counts.iter().find(|count| count.user_id == user).copied())
    }

    /// Sends while nobody is in, for as long as the page lives.
    pub(super) fn watch_sealed(self) {
        listen(&window(), "online", move |_| self.send_sealed());
        // Without a timer the network's return and a lock are left.
        let _ = set_interval_with_handle(move || self.send_sealed(), EVERY);
    }

    /// Sends what every user of this phone has finished, while nobody is in:
    /// otherwise sync sends it.
    pub(super) fn send_sealed(self) {
        let engine = self.engine.get_value();
        if engine.opened.borrow().is_some() || engine.sending.replace(true) {
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
            engine.sending.set(false);
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
        let language = self.settings.language_untracked();
        loop {
            let (sent, waiting) = (outbox.sent().await, outbox.waiting().await);
            let (sent, waiting) = (sent.map_err(Failure::Store)?, waiting.map_err(Failure::Store)?);
            self.show_sealed(SealedCount { user_id: row.user_id, sent, waiting: waiting.len() });
            let push_token = outbox.push_token().await.map_err(Failure::Store)?;
            let (false, Some(push_token)) = (waiting.is_empty(), push_token) else { return Ok(()) };
            let operations: Vec<_> = waiting.iter().take(AT_ONCE).map(|(_, sealed)| sealed.clone()).collect();
            let challenge = sealed_push_challenge(row.device_id, &push_token, &operations);
            // A key that does not sign is as good as a login that is over.
            let signature = row.keys.sign(&challenge).await.map_err(|_| Failure::LoginNeeded)?;
            let push = SealedPush { device_id: row.device_id, push_token, operations, signature };
            let answer = api::push_sealed(&push, language).await?;
            let taken: Vec<&str> = waiting
                .iter()
                .filter(|(_, sealed)| answer.taken.contains(&sealed.op_id))
                .map(|(key, _)| key.as_str())
                .collect();
            // Whoever came in meanwhile has it sent and counted by sync.
            if taken.is_empty() || self.engine.get_value().opened.borrow().is_some() {
                return Ok(());
            }
            outbox.mark_sent(&taken, sent).await.map_err(Failure::Store)?;
        }
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
