//! The one table of a user's database that is not encrypted for the user but
//! for the server: finished operations and the keys of their files, sealed, and
//! the token to send them with. Whoever has the phone sees how many there are
//! and how large.

use doorstep_core::ids::{MediaId, UserId};
use doorstep_core::json;
use doorstep_core::phone::OutboxOperation;
use doorstep_core::sealing::{
    FILE_INFO, OPERATION_INFO, SealedFile, SealedOperation, SealingKey, file_key_label, operation_label,
};
use doorstep_core::store::{Batch, Durability, Entry, StoreError, Table, Write, decode};
use doorstep_form::order;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use super::crypto::{CryptoError, FileKey, seal};
use super::files::{FileFacts, WRAPPED};
use super::indexed_db::{IndexedDb, KEY, RowWrite};
use super::{TABLES, VALUE};
use crate::browser::{buffer_of, bytes_of, get, object};

pub(super) const SEALED: &str = "sealed";

const OPERATIONS: &str = "operation|";
/// With the key of the file's facts, so that both go together.
const FILES: &str = "file|";
const PUSH_TOKEN: &str = "push_token";
const SENT: &str = "sent";
const FILES_SENT: &str = "files_sent";

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
    /// that waits, and nothing of an operation or a file that the server has.
    pub(super) async fn beside(&self, batch: &Batch) -> Vec<RowWrite> {
        let mut writes = Vec::new();
        for write in &batch.0 {
            let of_table = match write.table() {
                Table::Operation => OPERATIONS,
                Table::Media => FILES,
                _ => continue,
            };
            writes.push(match write {
                Write::Put(Table::Operation, entry) => self.copy_of(entry).await,
                // One that waits gets its copy afterwards, or has it already.
                Write::Put(_, entry)
                    if facts(entry).is_some_and(|facts| facts.waits() && !facts.is_far()) =>
                {
                    continue;
                }
                Write::Put(_, entry) => RowWrite::Delete(SEALED, format!("{FILES}{}", entry.key)),
                Write::Delete(_, key) => RowWrite::Delete(SEALED, format!("{of_table}{key}")),
                Write::DeletePrefix(_, prefix) => {
                    RowWrite::DeletePrefix(SEALED, format!("{of_table}{prefix}"))
                }
            });
        }
        writes
    }

    /// The sealed copy of a file's key.
    pub(super) async fn copy_of_file(&self, file: &WaitingFile, key: &FileKey) -> Option<RowWrite> {
        let facts = &file.facts;
        let label = file_key_label(self.owner, facts.media_id);
        let sealed = match seal(&self.server, FILE_INFO, &label, key.bytes()).await {
            Ok(key) => SealedFile {
                media_id: facts.media_id,
                size_bytes: facts.size_bytes,
                is_preview: facts.preview_of.is_some(),
                key,
            },
            Err(error) => {
                leptos::logging::log!("no sealed copy: {error}");
                return None;
            }
        };
        plain(&format!("{FILES}{}", file.key), &sealed).ok()
    }

    /// A copy that cannot be made keeps nothing from being written: it waits
    /// for the PIN then.
    async fn copy_of(&self, entry: &Entry) -> RowWrite {
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

/// A file that is about to wait.
#[derive(Debug)]
pub(super) struct WaitingFile {
    /// Of its facts.
    key: String,
    pub(super) facts: FileFacts,
}

/// The files of a batch that are to be sent from now on.
pub(super) fn files_in(batch: &Batch) -> Vec<WaitingFile> {
    let file = |write: &Write| match write {
        Write::Put(Table::Media, entry) => {
            let facts = facts(entry).filter(|facts| facts.waits() && !facts.is_begun())?;
            Some(WaitingFile { key: entry.key.clone(), facts })
        }
        _ => None,
    };
    batch.0.iter().filter_map(file).collect()
}

fn facts(entry: &Entry) -> Option<FileFacts> {
    decode(entry).ok()
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
    let writes = [SENT, FILES_SENT].map(|key| RowWrite::Delete(SEALED, key.to_owned()));
    database.write(&writes, Durability::Relaxed).await
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

    /// Rows of a kind that read, with their keys, in order.
    async fn rows<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<(String, T)>, StoreError> {
        let rows = self.0.scan(SEALED, kind).await?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                let sealed = json::read(&bytes_of(&get(row, VALUE))).ok()?;
                Some((get(row, KEY).as_string()?, sealed))
            })
            .collect())
    }

    /// What the server has not been sent yet, with its key, in order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn waiting(&self) -> Result<Vec<(String, SealedOperation)>, StoreError> {
        self.rows(OPERATIONS).await
    }

    /// The files that the server has not been sent yet, small pictures first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn waiting_files(&self) -> Result<Vec<(String, SealedFile)>, StoreError> {
        let mut files: Vec<(String, SealedFile)> = self.rows(FILES).await?;
        order::sort_by_key(&mut files, |(_, file)| !file.is_preview);
        Ok(files)
    }

    /// A file as it is sent; `None` when it is not here, or not sealed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn file(&self, id: MediaId) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.0.get(Table::MediaBytes.name(), &id.to_string()).await?;
        let sealed = row.filter(|row| !get(row, WRAPPED).is_undefined());
        Ok(sealed.map(|row| bytes_of(&get(&row, VALUE))))
    }

    /// The token that can do nothing else.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn push_token(&self) -> Result<Option<String>, StoreError> {
        self.value(PUSH_TOKEN).await
    }

    /// How many records, photos and other files were sent since the PIN was
    /// last given.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn sent(&self) -> Result<(u32, u32), StoreError> {
        let (records, files) = (self.value(SENT).await?, self.value(FILES_SENT).await?);
        Ok((records.unwrap_or_default(), files.unwrap_or_default()))
    }

    /// The server has these: their copies go. Their operations stay, and get
    /// their receipts by the next sync.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn mark_sent(&self, keys: &[&str], sent_before: u32) -> Result<(), StoreError> {
        let sent = sent_before.saturating_add(u32::try_from(keys.len()).unwrap_or(u32::MAX));
        self.forget(keys, plain(SENT, &sent)?).await
    }

    /// The server has this file: the copy of its key goes. The file stays until
    /// the next sync. The small picture of a photo is not counted.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn mark_file_sent(&self, key: &str, file: &SealedFile) -> Result<(), StoreError> {
        let (_, sent_before) = self.sent().await?;
        let sent = sent_before.saturating_add(u32::from(!file.is_preview));
        self.forget(&[key], plain(FILES_SENT, &sent)?).await
    }

    /// The file waits for the PIN.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn leave_file(&self, key: &str) -> Result<(), StoreError> {
        self.0.write(&[RowWrite::Delete(SEALED, key.to_owned())], Durability::Strict).await
    }

    async fn forget(&self, keys: &[&str], count: RowWrite) -> Result<(), StoreError> {
        let mut writes = vec![count];
        writes.extend(keys.iter().map(|key| RowWrite::Delete(SEALED, (*key).to_owned())));
        self.0.write(&writes, Durability::Strict).await
    }
}
