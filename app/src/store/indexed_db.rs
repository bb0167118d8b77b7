//! IndexedDB: rows by key, read in order, written all at once.
//!
//! Nothing but requests of the same transaction is awaited while one is open,
//! because a transaction ends as soon as the browser has nothing to do for it.
//! A write has happened when the transaction says `complete`, not before. A
//! connection that the browser took away is opened again, once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use doorstep_core::store::{Durability, StoreError};
use indexed_db_futures::database::Database;
use indexed_db_futures::error::{DomException, Error, OpenDbError};
use indexed_db_futures::internals::SystemRepr;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{TransactionDurability, TransactionMode, TransactionOptions};
use indexed_db_futures::{KeyPath, KeyRange};
use wasm_bindgen::{JsCast, JsValue};

use crate::browser::{describe, error_name, get, listen};

/// 2: files beside the words of forms. 3: pages of records. 4: the sealed outbox.
/// 5: what the gates say after a wipe.
const VERSION: u32 = 5;

/// The property of a row that is its key.
pub const KEY: &str = "k";

/// One change of a write. Rows are objects with their key as [`KEY`].
#[derive(Clone, Debug)]
pub enum RowWrite {
    Put(&'static str, JsValue),
    Delete(&'static str, String),
    DeletePrefix(&'static str, String),
}

impl RowWrite {
    fn table(&self) -> &'static str {
        match self {
            Self::Put(table, _) | Self::Delete(table, _) | Self::DeletePrefix(table, _) => table,
        }
    }

    /// The row, if it puts the one of this key.
    pub(super) fn row_of(&self, table: &str, key: &str) -> Option<&JsValue> {
        match self {
            Self::Put(of, row) if *of == table => {
                get(row, KEY).as_string().is_some_and(|of| of == key).then_some(row)
            }
            _ => None,
        }
    }
}

/// One database of the browser.
#[derive(Debug)]
pub struct IndexedDb {
    name: String,
    tables: &'static [&'static str],
    connection: RefCell<Option<Database>>,
    created: Rc<Cell<bool>>,
}

impl IndexedDb {
    /// Opens the database, or makes it.
    ///
    /// # Errors
    /// When the browser does not let us.
    pub async fn open(name: String, tables: &'static [&'static str]) -> Result<Self, StoreError> {
        let database =
            Self { name, tables, connection: RefCell::new(None), created: Rc::new(Cell::new(false)) };
        database.connection().await?;
        Ok(database)
    }

    /// Whether the database was not there when it was opened. When it should
    /// have been, the browser has thrown it away.
    pub fn was_created(&self) -> bool {
        self.created.get()
    }

    async fn connection(&self) -> Result<Database, StoreError> {
        let open = self.connection.borrow().clone();
        if let Some(database) = open {
            return Ok(database);
        }
        let (tables, created) = (self.tables, Rc::clone(&self.created));
        let request = Database::open(self.name.clone()).with_version(VERSION).with_on_upgrade_needed(
            move |event, database| {
                if event.old_version() < 1.0 {
                    created.set(true);
                }
                // What an older Doorstep made stays as it is.
                let there: Vec<String> = database.object_store_names().collect();
                for table in
                    tables.iter().filter(|table| !there.iter().any(|there| there.as_str() == **table))
                {
                    database.create_object_store(*table).with_key_path(KeyPath::One(KEY)).build()?;
                }
                Ok(())
            },
        );
        let database = request.await.map_err(|error| of_open(&error))?;
        // Another tab with a newer Doorstep may want to change the shape.
        let raw: web_sys::IdbDatabase = database.as_sys().clone().unchecked_into();
        let closing = raw.clone();
        listen(&raw, "versionchange", move |_| closing.close());
        self.connection.replace(Some(database.clone()));
        Ok(database)
    }

    /// Closes the connection, so that the database can be deleted.
    pub fn close(&self) {
        if let Some(database) = self.connection.take() {
            database.close();
        }
    }

    /// Deletes a database with everything in it.
    ///
    /// # Errors
    /// When the browser does not let us.
    pub async fn delete(name: &str) -> Result<(), StoreError> {
        let request = Database::delete_by_name(name).map_err(|error| of_open(&error))?;
        request.await.map_err(|error| of_request(&error))
    }

    /// One row.
    ///
    /// # Errors
    /// When the browser cannot read.
    pub async fn get(&self, table: &'static str, key: &str) -> Result<Option<JsValue>, StoreError> {
        match self.try_get(table, key).await {
            Err(error) if is_lost(&error) => {
                self.close();
                self.try_get(table, key).await
            }
            done => done,
        }
        .map_err(Trouble::into_store_error)
    }

    async fn try_get(&self, table: &'static str, key: &str) -> Result<Option<JsValue>, Trouble> {
        let database = self.connection().await?;
        let transaction = database.transaction(table).build()?;
        let store = transaction.object_store(table)?;
        let row: Option<JsValue> = store.get(key.to_owned()).primitive()?.await?;
        Ok(row)
    }

    /// The rows whose key begins with `prefix`, in key order.
    ///
    /// # Errors
    /// When the browser cannot read.
    pub async fn scan(&self, table: &'static str, prefix: &str) -> Result<Vec<JsValue>, StoreError> {
        match self.try_scan(table, prefix).await {
            Err(error) if is_lost(&error) => {
                self.close();
                self.try_scan(table, prefix).await
            }
            done => done,
        }
        .map_err(Trouble::into_store_error)
    }

    async fn try_scan(&self, table: &'static str, prefix: &str) -> Result<Vec<JsValue>, Trouble> {
        let database = self.connection().await?;
        let transaction = database.transaction(table).build()?;
        let store = transaction.object_store(table)?;
        let rows =
            store.get_all::<JsValue>().with_query::<String, _>(beginning_with(prefix)).primitive()?.await?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The keys that begin with `prefix`, in order, without reading the rows.
    ///
    /// # Errors
    /// When the browser cannot read.
    pub async fn keys(&self, table: &'static str, prefix: &str) -> Result<Vec<String>, StoreError> {
        match self.try_keys(table, prefix).await {
            Err(error) if is_lost(&error) => {
                self.close();
                self.try_keys(table, prefix).await
            }
            done => done,
        }
        .map_err(Trouble::into_store_error)
    }

    async fn try_keys(&self, table: &'static str, prefix: &str) -> Result<Vec<String>, Trouble> {
        let database = self.connection().await?;
        let transaction = database.transaction(table).build()?;
        let store = transaction.object_store(table)?;
        let keys = store
            .get_all_keys::<String>()
            .with_query::<String, _>(beginning_with(prefix))
            .primitive()?
            .await?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    /// Does all of it, in order, or nothing.
    ///
    /// # Errors
    /// [`StoreError::Full`], or when the browser cannot write.
    pub async fn write(&self, writes: &[RowWrite], durability: Durability) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        match self.try_write(writes, durability).await {
            // Doing the same again ends in the same rows, whether or not the
            // first time had arrived.
            Err(error) if is_lost(&error) => {
                self.close();
                self.try_write(writes, durability).await
            }
            done => done,
        }
        .map_err(Trouble::into_store_error)
    }

    async fn try_write(&self, writes: &[RowWrite], durability: Durability) -> Result<(), Trouble> {
        let database = self.connection().await?;
        let mut tables: Vec<&'static str> = writes.iter().map(RowWrite::table).collect();
        tables.sort_unstable();
        tables.dedup();
        let durability = match durability {
            Durability::Strict => TransactionDurability::Strict,
            Durability::Relaxed => TransactionDurability::Relaxed,
        };
        let transaction = database
            .transaction(tables.as_slice())
            .with_mode(TransactionMode::Readwrite)
            .with_options(TransactionOptions::new().with_durability(durability))
            .build()?;
        let raw: web_sys::IdbTransaction = transaction.as_sys().clone().unchecked_into();
        for write in writes {
            let store = transaction.object_store(write.table())?;
            // A request that fails fails the transaction, which is awaited.
            match write {
                RowWrite::Put(_, row) => drop(store.put(row.clone()).primitive()?),
                RowWrite::Delete(_, key) => drop(store.delete(key.clone()).primitive()?),
                RowWrite::DeletePrefix(_, prefix) => {
                    drop(store.delete::<String, _>(beginning_with(prefix)).primitive()?)
                }
            }
        }
        transaction.commit().await.map_err(|error| match raw.error() {
            Some(cause) => Trouble::Request(cause.into()),
            None => error.into(),
        })
    }
}

fn beginning_with(prefix: &str) -> KeyRange<String> {
    KeyRange::Bound(prefix.to_owned(), false, format!("{prefix}\u{ffff}"), false)
}

/// What went wrong, before it is known whether trying again helps.
#[derive(Debug)]
enum Trouble {
    Request(Error),
    Open(StoreError),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Request(error)
    }
}

impl From<indexed_db_futures::error::SimpleValueError> for Trouble {
    fn from(error: indexed_db_futures::error::SimpleValueError) -> Self {
        Self::Request(error.into())
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Open(error)
    }
}

impl Trouble {
    fn into_store_error(self) -> StoreError {
        match self {
            Self::Request(error) => of_request(&error),
            Self::Open(error) => error,
        }
    }
}

/// Whether the connection is gone, so that a new one may help.
fn is_lost(trouble: &Trouble) -> bool {
    let Trouble::Request(Error::DomException(exception)) = trouble else { return false };
    match exception {
        DomException::InvalidStateError(_) | DomException::TransactionInactiveError(_) => true,
        DomException::Other(other) => error_name(other) == "UnknownError",
        _ => false,
    }
}

fn of_request(error: &Error) -> StoreError {
    if let Error::DomException(exception) = error {
        let exception: &JsValue = exception.as_ref();
        return if error_name(exception) == "QuotaExceededError" {
            StoreError::Full
        } else {
            StoreError::Lost(describe(exception))
        };
    }
    StoreError::Lost(error.to_string())
}

fn of_open(error: &OpenDbError) -> StoreError {
    match error {
        OpenDbError::Base(error) => of_request(error),
        other => StoreError::Lost(other.to_string()),
    }
}
