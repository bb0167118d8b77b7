//! What an answer must not do, also when it comes too late: take a phone back
//! to what it had left behind.
//!
//! Nothing would be lost by that for long, because the next sync corrects it.
//! But a person would see yesterday's state of a case again, and a phone that
//! goes back to a life of the server that is over pulls and sends everything
//! twice more.

use std::collections::BTreeMap;

use anyhow::Result;
use doorstep_core::phone::SyncState;
use doorstep_core::phone::synchronise::Request;
use doorstep_core::store::{LocalStore, Table};
use doorstep_core::sync::Epoch;

use crate::world::World;

/// What a phone knows at some moment.
#[derive(Debug)]
pub struct Known {
    epoch: Option<Epoch>,
    /// The revision of each record; nothing where records are not looked at.
    records: BTreeMap<String, i64>,
}

impl World {
    /// What a phone knows before or after an answer; `None` when it is off.
    ///
    /// # Errors
    /// When a phone that is on cannot be read.
    pub async fn known(&mut self, phone: usize, asked: &Request) -> Result<Option<Known>> {
        let handset = self.handset(phone)?;
        if handset.disk().is_off() {
            return Ok(None);
        }
        let epoch = SyncState::load(handset.store()).await?.epoch;
        let mut records = BTreeMap::new();
        if matches!(asked, Request::Pull(_)) {
            for row in handset.store().scan(Table::Record, "").await? {
                records.insert(row.key, row.revision);
            }
        }
        Ok(Some(Known { epoch, records }))
    }

    /// Compares what a phone knows after an answer with what it knew before.
    ///
    /// # Errors
    /// When there is no phone.
    pub fn look_back(&mut self, phone: usize, before: Known, after: &Known) -> Result<()> {
        let left = &mut self.handset(phone)?.left_epochs;
        let mut wrong = None;
        if before.epoch == after.epoch {
            let older = after
                .records
                .iter()
                .find(|(key, revision)| before.records.get(*key).is_some_and(|known| known > *revision));
            wrong = older.map(|(key, revision)| format!("phone {phone} goes back to {revision} of {key}"));
        } else if let Some(epoch) = before.epoch {
            left.insert(epoch);
            if after.epoch.is_some_and(|epoch| left.contains(&epoch)) {
                wrong = Some(format!("phone {phone} goes back to a life of the server that is over"));
            }
        }
        self.wrong.extend(wrong);
        Ok(())
    }
}
