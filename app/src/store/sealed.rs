//! The one table of a user's database that is not encrypted for the user but
//! for the server: finished operations, sealed, and the token to send them
//! with. Whoever has the phone sees how many there are and how large.

use doorstep_core::ids::UserId;
use doorstep_core::json;
use doorstep_core::phone::OutboxOperation;
use doorstep_core::sealing::{OPERATION_INFO, SealedOperation, SealingKey, operation_label};
use doorstep_core::store::{Batch, Durability, StoreError, Table, Write, decode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use super::TABLES;
use super::crypto::{CryptoError, seal};
use super::indexed_db::{IndexedDb, KEY, RowWrite};
use crate::browser::{buffer_of, bytes_of, get, object};

pub(super) const SEALED: &str = "sealed";

const VALUE: &str = "v";
const OPERATIONS: &str = "operation|";
const PUSH_TOKEN: &str = "push_token";
const SENT: &str = "sent";

/// Seals one user's operations for the server.
#[derive(Clone, Debug)]
pub struct Sealer {
    pub owner: UserId,
    pub server: SealingKey,
}

impl Sealer {
    async fn seal(&self, entry: &OutboxOperation) -> Result<Vec<u8>, CryptoError> {
        let failed = |error: serde_json::Error| CryptoError::Browser(error.to_string());
        let (operation, label) = (&entry.operation, operation_label(self.owner, entry.operation.op_id));
        let bytes = json::write(operation).map_err(failed)?;
        let envelope = seal(&self.server, OPERATION_INFO, &label, &bytes).await?;
        json::write(&SealedOperation { op_id: operation.op_id, envelope }).map_err(failed)
    }

    /// What belongs beside a batch's writes: a sealed copy of each operation
    /// that waits, and none of one that the server has.
    pub(super) async fn beside(&self, batch: &Batch) -> Vec<RowWrite> {
        let mut writes = Vec::new();
        for write in batch.0.iter().filter(|write| write.table() == Table::Operation) {
            writes.push(match write {
                Write::Put(_, entry) => self.copy_of(entry).await,
                Write::Delete(_, key) => RowWrite::Delete(SEALED, format!("{OPERATIONS}{key}")),
                Write::DeletePrefix(_, prefix) => {
                    RowWrite::DeletePrefix(SEALED, format!("{OPERATIONS}{prefix}"))
                }
            });
        }
        writes
    }

    /// A copy that cannot be made keeps nothing from being written: it waits
    /// for the PIN then.
    async fn copy_of(&self, entry: &doorstep_core::store::Entry) -> RowWrite {
        let key = format!("{OPERATIONS}{}", entry.key);
        let waiting = decode::<OutboxOperation>(entry).ok().filter(|entry| !entry.is_acknowledged());
        let Some(waiting) = waiting else { return RowWrite::Delete(SEALED, key) };
        match self.seal(&waiting).await {
            Ok(sealed) => RowWrite::Put(SEALED, row(&key, &sealed)),
            Err(error) => {
                leptos::logging::log!("no sealed copy: {error}");
                RowWrite::Delete(SEALED, key)
            }
        }
    }
}

fn row(key: &str, value: &[u8]) -> JsValue {
    object(&[(KEY, JsValue::from_str(key)), (VALUE, buffer_of(value))]).into()
}

fn plain<T: Serialize>(key: &str, value: &T) -> Result<RowWrite, StoreError> {
    let value = json::write(value).map_err(|error| StoreError::Unreadable(error.to_string()))?;
    Ok(RowWrite::Put(SEALED, row(key, &value)))
}

/// Keeps the token for the locked phone, or none.
pub(super) async fn keep_push_token(database: &IndexedDb, token: Option<&str>) -> Result<(), StoreError> {
    let write = match token {
        Some(token) => plain(PUSH_TOKEN, &token)?,
        None => RowWrite::Delete(SEALED, PUSH_TOKEN.to_owned()),
    };
    database.write(&[write], Durability::Strict).await
}

/// The person has come in, and sees the outbox itself.
pub(super) async fn forget_sent(database: &IndexedDb) -> Result<(), StoreError> {
    database.write(&[RowWrite::Delete(SEALED, SENT.to_owned())], Durability::Relaxed).await
}

/// A user's sealed outbox, without their key.
pub struct SealedOutbox(IndexedDb);

impl SealedOutbox {
    /// Opens it; `None` when the user has no database here.
    ///
    /// # Errors
    /// When the browser does not let us.
    pub async fn open(name: String) -> Result<Option<Self>, StoreError> {
        let database = IndexedDb::open(name.clone(), TABLES).await?;
        if database.was_created() {
            // Whoever gives the PIN has to find that it is gone.
            database.close();
            IndexedDb::delete(&name).await?;
            return Ok(None);
        }
        Ok(Some(Self(database)))
    }

    /// So that the database can be deleted.
    pub fn close(&self) {
        self.0.close();
    }

    async fn value<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StoreError> {
        let row = self.0.get(SEALED, key).await?;
        Ok(row.and_then(|row| json::read(&bytes_of(&get(&row, VALUE))).ok()))
    }

    /// What the server has not been sent yet, with its key, in order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn waiting(&self) -> Result<Vec<(String, SealedOperation)>, StoreError> {
        let rows = self.0.scan(SEALED, OPERATIONS).await?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                let sealed = json::read(&bytes_of(&get(row, VALUE))).ok()?;
                Some((get(row, KEY).as_string()?, sealed))
            })
            .collect())
    }

    /// The token that can do nothing else.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn push_token(&self) -> Result<Option<String>, StoreError> {
        self.value(PUSH_TOKEN).await
    }

    /// How many were sent since the PIN was last given.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn sent(&self) -> Result<u32, StoreError> {
        Ok(self.value(SENT).await?.unwrap_or_default())
    }

    /// The server has these: their copies go. Their operations stay, and get
    /// their receipts by the next sync.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn mark_sent(&self, keys: &[&str], sent_before: u32) -> Result<(), StoreError> {
        let sent = sent_before.saturating_add(u32::try_from(keys.len()).unwrap_or(u32::MAX));
        let mut writes = vec![plain(SENT, &sent)?];
        writes.extend(keys.iter().map(|key| RowWrite::Delete(SEALED, (*key).to_owned())));
        self.0.write(&writes, Durability::Strict).await
    }
}
