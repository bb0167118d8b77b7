//! What the phone keeps: IndexedDB with every value encrypted.
//!
//! * [`crypto`]: keys and encryption.
//! * [`stretch`]: Argon2id for PINs, in a worker.
//! * [`indexed_db`]: the browser's database.
//! * [`sealed`]: what a locked phone can send and not read.
//! * `files`: captured files, each with a key of its own.
//! * [`device`]: what the phone knows without a PIN.

pub mod crypto;
pub mod device;
mod files;
pub mod indexed_db;
pub mod sealed;
pub mod stretch;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use doorstep_core::store::paged::Paged;
use doorstep_core::store::{Batch, Durability, Entry, LocalStore, StoreError, Table, Write};
use futures::future::{join_all, try_join_all};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::browser::{get, object};
use crypto::{DataKey, SCHEMA_VERSION};
use indexed_db::{IndexedDb, KEY, RowWrite};
use sealed::{Sealer, WaitingFile};

const REVISION: &str = "r";
const VALUE: &str = "v";

/// [`Table::ALL`], and the sealed outbox.
const TABLES: &[&str] = &[
    "meta",
    "record",
    "record_page",
    "form_bundle",
    "draft",
    "draft_answer",
    "operation",
    "media",
    "media_bytes",
    "form_file",
    sealed::SEALED,
];

/// The store of whoever is in.
pub type PhoneStore = Paged<EncryptedStore>;

/// Tells readers which tables have changed.
#[derive(Clone, Copy, Debug)]
pub struct Changes {
    triggers: [Trigger; Table::ALL.len()],
    /// While it is held, news of records waits.
    holds: StoredValue<u32>,
    waiting: StoredValue<bool>,
}

/// News of records waits until this is dropped.
#[derive(Debug)]
pub struct Hold(Changes);

impl Drop for Hold {
    fn drop(&mut self) {
        let Changes { holds, waiting, .. } = self.0;
        holds.update_value(|holds| *holds = holds.saturating_sub(1));
        if holds.get_value() == 0 && waiting.get_value() {
            waiting.set_value(false);
            self.0.notify(&[Table::Record]);
        }
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self::new()
    }
}

impl Changes {
    /// Nothing has changed yet.
    pub fn new() -> Self {
        Self {
            triggers: std::array::from_fn(|_| Trigger::new()),
            holds: StoredValue::new(0),
            waiting: StoredValue::new(false),
        }
    }

    /// Runs the reader again when one of `tables` changes.
    pub fn track(self, tables: &[Table]) {
        for (table, trigger) in Table::ALL.iter().zip(self.triggers) {
            if tables.contains(table) {
                trigger.track();
            }
        }
    }

    /// Says that `tables` changed.
    pub fn notify(self, tables: &[Table]) {
        let held = self.holds.get_value() > 0;
        if held && tables.contains(&Table::Record) {
            self.waiting.set_value(true);
        }
        for (table, trigger) in Table::ALL.iter().zip(self.triggers) {
            if tables.contains(table) && !(held && *table == Table::Record) {
                trigger.notify();
            }
        }
    }

    /// Keeps news of records back: a first sync brings them in pages, and
    /// screens that read everything anew at each page would take longer than
    /// the network.
    pub fn hold(self) -> Hold {
        self.holds.update_value(|holds| *holds += 1);
        Hold(self)
    }
}

/// One user's store, unlocked. Clones are the same store.
#[derive(Clone, Debug)]
pub struct EncryptedStore(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    database: IndexedDb,
    key: DataKey,
    changes: Changes,
    sealer: RefCell<Option<Sealer>>,
    closed: Cell<bool>,
}

impl EncryptedStore {
    /// Opens the user's database with its key.
    ///
    /// # Errors
    /// When the browser does not let us.
    pub async fn open(name: String, key: DataKey, changes: Changes) -> Result<Self, StoreError> {
        let database = IndexedDb::open(name, TABLES).await?;
        Ok(Self(Rc::new(Inner {
            database,
            key,
            changes,
            sealer: RefCell::new(None),
            closed: Cell::new(false),
        })))
    }

    /// Its key, for what leaves the store encrypted.
    pub fn key(&self) -> &DataKey {
        &self.0.key
    }

    /// Whether the database was not there before.
    pub fn was_created(&self) -> bool {
        self.0.database.was_created()
    }

    /// From now on every operation that waits has a sealed copy beside it.
    pub fn seal_with(&self, sealer: Sealer) {
        self.0.sealer.replace(Some(sealer));
    }

    /// Keeps the token that a locked phone sends with, readable without the
    /// key; `None`: none any more.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn keep_push_token(&self, token: Option<&str>) -> Result<(), StoreError> {
        self.check()?;
        sealed::keep_push_token(&self.0.database, token).await
    }

    /// The PIN screen need not say any more what was sent while it was locked.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn forget_sent(&self) -> Result<(), StoreError> {
        self.check()?;
        sealed::forget_sent(&self.0.database).await
    }

    /// Locks it: from now on every call fails with [`StoreError::Locked`].
    pub fn close(&self) {
        self.0.closed.set(true);
        self.0.database.close();
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.0.closed.get() { Err(StoreError::Locked) } else { Ok(()) }
    }

    async fn encrypt(&self, write: Write) -> Result<RowWrite, StoreError> {
        Ok(match write {
            Write::Put(table @ Table::MediaBytes, entry) => {
                let (value, wrapped) = files::encrypt(&self.0.key, &entry).await?;
                let members =
                    [(KEY, JsValue::from_str(&entry.key)), (VALUE, value), (files::WRAPPED, wrapped)];
                RowWrite::Put(name(table), object(&members).into())
            }
            Write::Put(table, entry) => {
                let label = label(table, &entry.key, entry.revision);
                let value = self.0.key.encrypt(&label, &entry.value).await?;
                // Positions count changes of one database: far below 2^53.
                #[expect(clippy::cast_precision_loss, reason = "see above")]
                let revision = JsValue::from(entry.revision as f64);
                let row =
                    object(&[(KEY, JsValue::from_str(&entry.key)), (REVISION, revision), (VALUE, value)]);
                RowWrite::Put(name(table), row.into())
            }
            Write::Delete(table, key) => RowWrite::Delete(name(table), key),
            Write::DeletePrefix(table, prefix) => RowWrite::DeletePrefix(name(table), prefix),
        })
    }

    /// The sealed copy of a file's key. As with operations, one that cannot be
    /// made keeps nothing from being written: the file waits for the PIN then.
    async fn seal_file(&self, sealer: &Sealer, file: &WaitingFile, writes: &[RowWrite]) -> Option<RowWrite> {
        let (table, id) = (name(Table::MediaBytes), file.facts.media_id.to_string());
        let of_now = writes.iter().rev().find_map(|write| write.row_of(table, &id)).cloned();
        let row = match of_now {
            Some(row) => row,
            None => self.0.database.get(table, &id).await.ok().flatten()?,
        };
        let key = files::key_of(&self.0.key, &id, &row).await.ok().flatten()?;
        sealer.copy_of_file(file, &key).await
    }

    async fn decrypt(&self, table: Table, row: &JsValue) -> Result<Entry, StoreError> {
        let (key, revision) = key_and_revision(row)?;
        if table == Table::MediaBytes
            && let Some(value) = files::decrypt(&self.0.key, &key, row).await?
        {
            return Ok(Entry { key, revision, value });
        }
        let value = self.0.key.decrypt(&label(table, &key, revision), &get(row, VALUE)).await?;
        Ok(Entry { key, revision, value })
    }
}

/// What is authenticated with a value: it cannot be moved to another row.
fn label(table: Table, key: &str, revision: i64) -> String {
    format!("{}|{key}|{revision}|{SCHEMA_VERSION}", table.name())
}

fn name(table: Table) -> &'static str {
    table.name()
}

fn key_and_revision(row: &JsValue) -> Result<(String, i64), StoreError> {
    let key =
        get(row, KEY).as_string().ok_or_else(|| StoreError::Unreadable("a row without a key".into()))?;
    #[expect(clippy::cast_possible_truncation, reason = "written from an i64 below 2^53")]
    let revision = get(row, REVISION).as_f64().unwrap_or_default() as i64;
    Ok((key, revision))
}

impl LocalStore for EncryptedStore {
    async fn get(&self, table: Table, key: &str) -> Result<Option<Entry>, StoreError> {
        self.check()?;
        match self.0.database.get(name(table), key).await? {
            Some(row) => self.decrypt(table, &row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn scan(&self, table: Table, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        self.check()?;
        let rows = self.0.database.scan(name(table), prefix).await?;
        try_join_all(rows.iter().map(|row| self.decrypt(table, row))).await
    }

    async fn keys(&self, table: Table, prefix: &str) -> Result<Vec<(String, i64)>, StoreError> {
        self.check()?;
        // Only records have revisions, and those lie in pages.
        let keys = self.0.database.keys(name(table), prefix).await?;
        Ok(keys.into_iter().map(|key| (key, 0)).collect())
    }

    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        // Readers ask for records; that they lie in pages is nothing to them.
        let read_as = |table| if table == Table::RecordPage { Table::Record } else { table };
        let tables: Vec<Table> = batch.0.iter().map(|write| read_as(write.table())).collect();
        let sealer = self.0.sealer.borrow().clone();
        let (beside, waiting) = match &sealer {
            Some(sealer) => (sealer.beside(&batch).await, sealed::files_in(&batch)),
            None => Default::default(),
        };
        let mut writes = try_join_all(batch.0.into_iter().map(|write| self.encrypt(write))).await?;
        writes.extend(beside);
        if let Some(sealer) = &sealer {
            let sealed = join_all(waiting.iter().map(|file| self.seal_file(sealer, file, &writes))).await;
            writes.extend(sealed.into_iter().flatten());
        }
        self.check()?;
        self.0.database.write(&writes, durability).await?;
        self.0.changes.notify(&tables);
        Ok(())
    }
}
