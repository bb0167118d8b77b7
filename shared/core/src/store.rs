//! What a phone keeps, behind a small trait: IndexedDB in the browser, memory
//! in tests and simulations.
//!
//! Every write is a batch, and a batch is atomic. Keys hold identifiers only;
//! values may hold personal data and are encrypted by the layer that touches
//! the disk.
//!
//! * [`paged`]: many records in few rows.

pub mod paged;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use thiserror::Error;

use crate::json;

/// The tables of a phone's store.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Table {
    /// Small facts by name: sync state, outbox counter.
    Meta,
    /// What was pulled: `{stream}|{kind}|{id}`, its position as revision.
    Record,
    /// Pages of them, see [`paged`].
    RecordPage,
    /// Form definitions by form version.
    FormBundle,
    /// Drafts by draft.
    Draft,
    /// One answer each: `{draft}|{number}`.
    DraftAnswer,
    /// The outbox by sequence number, sixteen digits.
    Operation,
    /// Facts about captured files, by media.
    Media,
    /// Their bytes, by media.
    MediaBytes,
    /// Files beside the words of forms, by their hash.
    FormFile,
}

impl Table {
    /// Every table.
    pub const ALL: &[Self] = &[
        Self::Meta,
        Self::Record,
        Self::RecordPage,
        Self::FormBundle,
        Self::Draft,
        Self::DraftAnswer,
        Self::Operation,
        Self::Media,
        Self::MediaBytes,
        Self::FormFile,
    ];

    /// The name of the object store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Record => "record",
            Self::RecordPage => "record_page",
            Self::FormBundle => "form_bundle",
            Self::Draft => "draft",
            Self::DraftAnswer => "draft_answer",
            Self::Operation => "operation",
            Self::Media => "media",
            Self::MediaBytes => "media_bytes",
            Self::FormFile => "form_file",
        }
    }
}

/// One row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    pub key: String,
    /// The position in the stream for pulled records; 0 elsewhere.
    pub revision: i64,
    pub value: Vec<u8>,
}

/// One change of a batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Write {
    Put(Table, Entry),
    Delete(Table, String),
    /// Every key that begins so; the empty prefix clears the table.
    DeletePrefix(Table, String),
}

impl Write {
    /// The table that it changes.
    pub fn table(&self) -> Table {
        match self {
            Self::Put(table, _) | Self::Delete(table, _) | Self::DeletePrefix(table, _) => *table,
        }
    }
}

/// Changes that happen together or not at all, in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Batch(pub Vec<Write>);

impl Batch {
    /// Puts `value` as JSON.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn put<T: serde::Serialize>(
        &mut self,
        table: Table,
        key: impl Into<String>,
        value: &T,
    ) -> Result<(), StoreError> {
        self.put_revision(table, key, 0, value)
    }

    /// Puts `value` as JSON with its position in a stream.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn put_revision<T: serde::Serialize>(
        &mut self,
        table: Table,
        key: impl Into<String>,
        revision: i64,
        value: &T,
    ) -> Result<(), StoreError> {
        let value = json::write(value).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        self.0.push(Write::Put(table, Entry { key: key.into(), revision, value }));
        Ok(())
    }

    /// Deletes one row.
    pub fn delete(&mut self, table: Table, key: impl Into<String>) {
        self.0.push(Write::Delete(table, key.into()));
    }

    /// Deletes every row whose key begins with `prefix`.
    pub fn delete_prefix(&mut self, table: Table, prefix: impl Into<String>) {
        self.0.push(Write::DeletePrefix(table, prefix.into()));
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How sure the disk has to be before a commit returns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Durability {
    /// Handed to the disk: answers, finished visits, photos, keys.
    Strict,
    /// Handed to the system: pulled pages, which can be pulled again.
    Relaxed,
}

/// Why the store could not do it.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
pub enum StoreError {
    /// The phone's storage is full.
    #[error("the phone's storage is full: free some space, then try again")]
    Full,
    /// The store is locked: the PIN was not given, or is no longer.
    #[error("the store is locked: enter the PIN")]
    Locked,
    /// The browser took the database away or closed it.
    #[error("the browser closed the database: reload the page ({0})")]
    Lost(String),
    /// The browser deleted everything that was stored, as some do when the
    /// disk is full or the site was not opened for long.
    #[error("the browser deleted what was stored: open the page again and log in")]
    Gone,
    /// A stored value does not decrypt or parse.
    #[error("a stored value cannot be read: {0}")]
    Unreadable(String),
}

/// The store of one user on one phone.
#[expect(
    async_fn_in_trait,
    reason = "used with static dispatch on one thread; a browser's futures are not Send"
)]
pub trait LocalStore {
    /// One row.
    async fn get(&self, table: Table, key: &str) -> Result<Option<Entry>, StoreError>;

    /// The rows whose key begins with `prefix`, in key order.
    async fn scan(&self, table: Table, prefix: &str) -> Result<Vec<Entry>, StoreError>;

    /// Looks at key and value of each of these rows, in key order; copies
    /// nothing that is in memory.
    async fn each(
        &self,
        table: Table,
        prefix: &str,
        mut look: impl FnMut(&str, &[u8]),
    ) -> Result<(), StoreError> {
        self.scan(table, prefix).await?.iter().for_each(|entry| look(&entry.key, &entry.value));
        Ok(())
    }

    /// Keys and revisions without the values, in key order.
    async fn keys(&self, table: Table, prefix: &str) -> Result<Vec<(String, i64)>, StoreError>;

    /// Does everything in the batch, or nothing.
    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError>;
}

impl<S: LocalStore> LocalStore for Rc<S> {
    async fn get(&self, table: Table, key: &str) -> Result<Option<Entry>, StoreError> {
        (**self).get(table, key).await
    }

    async fn scan(&self, table: Table, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        (**self).scan(table, prefix).await
    }

    async fn each(
        &self,
        table: Table,
        prefix: &str,
        look: impl FnMut(&str, &[u8]),
    ) -> Result<(), StoreError> {
        (**self).each(table, prefix, look).await
    }

    async fn keys(&self, table: Table, prefix: &str) -> Result<Vec<(String, i64)>, StoreError> {
        (**self).keys(table, prefix).await
    }

    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        (**self).commit(batch, durability).await
    }
}

/// Reads a row's JSON.
///
/// # Errors
/// [`StoreError::Unreadable`], naming the row.
pub fn decode<T: serde::de::DeserializeOwned>(entry: &Entry) -> Result<T, StoreError> {
    json::read(&entry.value).map_err(|error| StoreError::Unreadable(format!("{}: {error}", entry.key)))
}

type Rows = BTreeMap<(Table, String), Entry>;

fn write_all(rows: &mut Rows, batch: Batch) {
    for write in batch.0 {
        match write {
            Write::Put(table, entry) => {
                rows.insert((table, entry.key.clone()), entry);
            }
            Write::Delete(table, key) => {
                rows.remove(&(table, key));
            }
            Write::DeletePrefix(table, prefix) => {
                rows.retain(|(of, key), _| *of != table || !key.starts_with(&prefix));
            }
        }
    }
}

/// A store in memory, for tests and simulations.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    rows: RefCell<Rows>,
    /// Set to make every further commit fail as a full disk does.
    pub full: std::cell::Cell<bool>,
    /// Bytes of values that fit; what would be more is refused as a full disk
    /// refuses it.
    pub quota_bytes: std::cell::Cell<Option<usize>>,
}

impl MemoryStore {
    /// Holds what `other` holds, and nothing else.
    pub fn put_back(&self, other: &Self) {
        self.rows.replace(other.rows.borrow().clone());
    }
}

impl LocalStore for MemoryStore {
    async fn get(&self, table: Table, key: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.rows.borrow().get(&(table, key.to_owned())).cloned())
    }

    async fn scan(&self, table: Table, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        let rows = self.rows.borrow();
        let from = (table, prefix.to_owned());
        Ok(rows
            .range(from..)
            .take_while(|((of, key), _)| *of == table && key.starts_with(prefix))
            .map(|(_, entry)| entry.clone())
            .collect())
    }

    async fn keys(&self, table: Table, prefix: &str) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(self.scan(table, prefix).await?.into_iter().map(|entry| (entry.key, entry.revision)).collect())
    }

    async fn commit(&self, batch: Batch, _: Durability) -> Result<(), StoreError> {
        if self.full.get() {
            return Err(StoreError::Full);
        }
        let Some(quota_bytes) = self.quota_bytes.get() else {
            write_all(&mut self.rows.borrow_mut(), batch);
            return Ok(());
        };
        let bytes = |rows: &Rows| rows.values().map(|entry| entry.value.len()).sum::<usize>();
        let mut rows = self.rows.borrow().clone();
        let before = bytes(&rows);
        write_all(&mut rows, batch);
        let after = bytes(&rows);
        if after > quota_bytes && after > before {
            return Err(StoreError::Full);
        }
        self.rows.replace(rows);
        Ok(())
    }
}

/// What a store in memory answers: it never waits.
#[cfg(test)]
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    use std::task::{Context, Poll, Waker};
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a store in memory never waits"),
    }
}
