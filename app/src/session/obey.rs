//! What an administrator asks of this phone from afar
//! ([`doorstep_core::command`]): lock, drain then wipe, wipe now.

use std::rc::Rc;

use doorstep_core::command::{CommandReport, Deed, DeviceCommand, Left, deed};
use doorstep_core::json;
use doorstep_core::phone::Failure;
use doorstep_core::problem::ProblemCode;
use doorstep_core::store::StoreError;
use futures::future::{Either, select};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{LockReason, Session, SessionError};
use crate::api::Client;
use crate::browser::sleep;
use crate::clock;
use crate::store::device::{DeviceStore, Note, UserRow};

/// Locking does not wait for the server any longer.
const REPORT_MS_MAX: u32 = 5_000;
/// How long a phone that was wiped tries to say so, after each try.
const REPORT_AGAIN_MS: [u32; 4] = [1_000, 5_000, 20_000, 60_000];

/// What the gates say after a wipe, also when the phone is switched off at once.
/// Nothing personal but the login name, which the PIN screen showed too.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Wiped {
    pub login_name: String,
    pub at: chrono::DateTime<chrono::Utc>,
    /// What was not sent, and is gone.
    pub lost: Left,
}

impl Wiped {
    /// What was wiped last here, until somebody comes in.
    pub(super) async fn remembered(device: &DeviceStore) -> Result<Option<Self>, StoreError> {
        Ok(device.note(Note::Wiped).await?.and_then(|notice| json::read(&notice).ok()))
    }
}

impl Session {
    /// What has to be sent or finished before an administrator's command to
    /// wipe is obeyed. Tracks.
    pub fn ordered(self) -> Option<Left> {
        self.ordered.get()
    }

    /// What an administrator had deleted here last. Tracks.
    pub fn wiped(self) -> Option<Wiped> {
        self.wiped.get()
    }

    /// Somebody has come in: the gates need not say it again.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub(super) async fn forget_wiped(self) -> Result<(), StoreError> {
        if self.wiped.get_untracked().is_some() {
            self.device()?.drop_note(Note::Wiped).await?;
            self.wiped.set(None);
        }
        Ok(())
    }

    /// After each sync: what the server asked in it.
    ///
    /// # Errors
    /// When the phone's own storage refuses; what was asked is asked again then.
    pub async fn heard(
        self,
        command: Option<DeviceCommand>,
        failure: Option<&Failure>,
    ) -> Result<(), SessionError> {
        let command = match failure {
            // Who may not pull any more asks for itself.
            Some(Failure::Problem(problem)) if problem.code == ProblemCode::AccountDisabled => {
                self.client().map_err(SessionError::Failed)?.command().await.unwrap_or(None)
            }
            _ => command,
        };
        match command {
            Some(command) => self.obey(command).await,
            None => {
                // Without an answer nobody knows whether it was taken back.
                if failure.is_none() {
                    self.ordered.set(None);
                }
                Ok(())
            }
        }
    }

    async fn obey(self, command: DeviceCommand) -> Result<(), SessionError> {
        let engine = self.engine.get_value();
        let _one_at_a_time = engine.gate.lock().await;
        let opened =
            engine.opened.borrow().as_ref().map(|opened| (opened.user_id, Rc::clone(&opened.tokens)));
        let (Some((user, tokens)), device) = (opened, self.device()?) else { return Ok(()) };
        let Some(mut row) = device.user(user).await? else { return Ok(()) };
        let phone = self.phone_untracked()?;
        let unsent = phone.unsent().await?;
        let drafts = phone.drafts().await?.len() + row.earlier.len();
        let left = Left::of(unsent.visits, unsent.files, drafts);
        let client = Client::new(tokens);
        if row.obeyed == Some(command.id) {
            // The word of it was lost on the way.
            report(&client, CommandReport { id: command.id, done: true, left }).await;
            return Ok(());
        }
        match deed(command.kind, left) {
            Deed::Keep => {
                self.ordered.set(Some(left));
                report(&client, CommandReport { id: command.id, done: false, left }).await;
            }
            Deed::Lock => {
                row.barred = true;
                row.obeyed = Some(command.id);
                device.save(&row).await?;
                report(&client, CommandReport { id: command.id, done: true, left }).await;
                self.refresh_users().await?;
                self.close_for(user, LockReason::Locked);
            }
            Deed::Wipe => {
                self.wipe(&row, left).await?;
                // The token in memory is all that is left to say it with.
                for again_ms in REPORT_AGAIN_MS {
                    if report(&client, CommandReport { id: command.id, done: true, left }).await {
                        break;
                    }
                    sleep(again_ms).await;
                }
            }
        }
        Ok(())
    }

    /// Deletes a user's keys, then their databases, and shows a gate that says
    /// so.
    async fn wipe(self, row: &UserRow, lost: Left) -> Result<(), SessionError> {
        let wiped = Wiped { login_name: row.login_name.clone(), at: clock::utc_now(), lost };
        let notice = json::write(&wiped).ok();
        self.close();
        let gone = self.device()?.forget(row, notice.as_deref()).await;
        self.refresh_users().await?;
        self.wiped.set(Some(wiped));
        self.state.set(self.resting_state());
        Ok(gone?)
    }
}

/// Whether the server has taken it.
async fn report(client: &Client, report: CommandReport) -> bool {
    let told = Box::pin(client.report(&report));
    match select(told, Box::pin(sleep(REPORT_MS_MAX))).await {
        Either::Left((answer, _)) => answer.is_ok(),
        Either::Right(_) => false,
    }
}
