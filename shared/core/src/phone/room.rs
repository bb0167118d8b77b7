//! When the phone's storage is full: what goes, and what never does.
//!
//! What a person gave is worth more than what can be fetched again. For an
//! answer or a finished visit the phone gives up, in this order, photos that
//! the server has, and the history of cases; for a photo only other photos: it
//! is refused while there is still room for answers. Nothing that only this
//! phone has ever goes.

use doorstep_form::order;

use super::Phone;
use super::draft::{MediaEntry, MediaState};
use super::synchronise::SyncState;
use crate::ids::MediaId;
use crate::store::{Batch, Durability, LocalStore, StoreError, Table};

/// What has to be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Gift {
    /// An answer, a draft, a finished visit.
    Answer,
    /// A photo or another file.
    File,
}

/// What can be fetched again, in the order in which it goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Spare {
    DeliveredFiles,
    History,
}

impl Gift {
    fn is_worth(self) -> &'static [Spare] {
        match self {
            Self::Answer => &[Spare::DeliveredFiles, Spare::History],
            Self::File => &[Spare::DeliveredFiles],
        }
    }
}

impl<S: LocalStore> Phone<S> {
    /// Writes what a person gave, and makes room for it where there is none.
    pub(super) async fn keep(&self, batch: Batch, gift: Gift) -> Result<(), StoreError> {
        let mut spares = gift.is_worth().iter();
        loop {
            match self.store.commit(batch.clone(), Durability::Strict).await {
                Err(StoreError::Full) => {}
                done => return done,
            }
            loop {
                let Some(spare) = spares.next() else { return Err(StoreError::Full) };
                if self.give_up(*spare).await? {
                    break;
                }
            }
        }
    }

    /// Deletes the bytes of files that the server has and that nothing here
    /// that is unsent or unfinished refers to.
    async fn without_delivered_files(&self) -> Result<Batch, StoreError> {
        let here = self.store.keys(Table::MediaBytes, "").await?;
        let rows = self.store.scan(Table::Media, "").await?;
        let entries: Vec<MediaEntry> =
            rows.iter().map(crate::store::decode).collect::<Result<_, StoreError>>()?;
        let needed = order::set_of(
            entries.iter().filter(|entry| entry.state != MediaState::Stored).map(|entry| entry.media_id),
        );
        let stored = order::set_of(
            entries.iter().filter(|entry| entry.state == MediaState::Stored).map(|entry| entry.media_id),
        );
        let mut batch = Batch::default();
        for (key, _) in here {
            let id: Option<MediaId> = key.parse().ok();
            if id.is_some_and(|id| stored.contains(&id) && !needed.contains(&id)) {
                batch.delete(Table::MediaBytes, key);
            }
        }
        Ok(batch)
    }

    /// Whether something went.
    async fn give_up(&self, spare: Spare) -> Result<bool, StoreError> {
        let batch = match spare {
            Spare::DeliveredFiles => self.without_delivered_files().await?,
            Spare::History => {
                let mut batch = Batch::default();
                if !self.store.keys(Table::Record, HISTORY).await?.is_empty() {
                    batch.delete_prefix(Table::Record, HISTORY);
                    let mut state = SyncState::load(&self.store).await?;
                    state.history_given_up_at = state.server_time;
                    state.keep_in(&mut batch)?;
                }
                batch
            }
        };
        if batch.is_empty() {
            return Ok(false);
        }
        // A browser that has no room at all may not even take a deletion.
        match self.store.commit(batch, Durability::Strict).await {
            Ok(()) => Ok(true),
            Err(StoreError::Full) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The streams of approved visits.
const HISTORY: &str = "visits:";

#[cfg(test)]
mod tests;
