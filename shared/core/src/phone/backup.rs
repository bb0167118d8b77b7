//! The backup file: everything that only this phone has, encrypted, for the
//! day when the phone is lost before it could send.
//!
//! A file is [`MAGIC`], a line of JSON ([`Header`]), and frames: each a length
//! (`u32`, little endian) and so many bytes, which are a nonce and AES-256-GCM
//! over one row ([`write_row`]), authenticated with [`frame_label`]. The key is
//! the phone's data key; the header has the copy of it that the server can open
//! ([`crate::sealing`]). So the file opens on any phone where the same person
//! logs in, and nowhere else. A frame that is missing, comes
//! from another file or lies elsewhere does not open.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use doorstep_form::order;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::draft::{DraftRecord, MediaEntry, MediaState};
use super::outbox::OutboxOperation;
use super::{Phone, PhoneError};
use crate::ids::{DeviceId, UserId};
use crate::json;
use crate::sealing::SealedKey;
use crate::store::{Batch, Durability, Entry, LocalStore, MemoryStore, StoreError, Table, Write, decode};
use crate::sync::Operation;

/// The first line of a backup file.
pub const MAGIC: &str = "doorstep-backup 1\n";

/// More than a phone's storage; what says so is no length of a frame.
const FRAME_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What anybody may know of a backup file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Header {
    pub backup_id: Uuid,
    pub user_id: UserId,
    pub device_id: DeviceId,
    /// By the phone's clock.
    pub created_at: DateTime<Utc>,
    /// How many frames follow.
    pub frames: usize,
    /// Finished visits, files and drafts in it.
    pub visits: usize,
    pub files: usize,
    pub drafts: usize,
    /// The key of the frames, sealed for the server.
    pub key: SealedKey,
}

/// Why a file is no backup.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
pub enum BackupError {
    #[error("this is no backup file of Doorstep, or one of a newer version")]
    NoBackup,
    #[error("the backup file is damaged: it ends early or was altered; use another copy of it")]
    Damaged,
    #[error("the backup file belongs to another account: log in as the person who made it")]
    OtherPerson,
}

/// What is authenticated with a frame.
pub fn frame_label(header: &Header, number: usize) -> String {
    format!("doorstep-backup|{}|{number}|{}", header.backup_id, header.frames)
}

/// A row, before it is encrypted: a line of JSON that names it, and its value.
///
/// # Errors
/// When the name cannot be written as JSON.
pub fn write_row(table: Table, entry: &Entry) -> Result<Vec<u8>, StoreError> {
    let mut row = json::write(&(table.name(), &entry.key))
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    row.push(b'\n');
    row.extend(&entry.value);
    Ok(row)
}

/// Reads what [`write_row`] wrote. A table that this build does not know is
/// `None`: it was written by a newer one, and is nothing here.
fn read_row(row: &[u8]) -> Result<Option<(Table, Entry)>, BackupError> {
    let end = row.iter().position(|byte| *byte == b'\n').ok_or(BackupError::Damaged)?;
    let (name, value) = row.split_at(end);
    let (table, key): (String, String) = json::read(name).map_err(|_| BackupError::Damaged)?;
    let value = value.get(1..).unwrap_or_default().to_vec();
    let table = Table::ALL.iter().find(|known| known.name() == table);
    Ok(table.map(|table| (*table, Entry { key, revision: 0, value })))
}

/// What comes before the frames.
///
/// # Errors
/// When the header cannot be written as JSON.
pub fn write_header(header: &Header) -> Result<Vec<u8>, StoreError> {
    let mut bytes = MAGIC.as_bytes().to_vec();
    bytes.extend(json::write(header).map_err(|error| StoreError::Unreadable(error.to_string()))?);
    bytes.push(b'\n');
    Ok(bytes)
}

/// What comes before each frame.
pub fn frame_length(frame: &[u8]) -> [u8; 4] {
    u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// A backup file, cut into its frames.
#[derive(Clone, Debug)]
pub struct BackupFile<'a> {
    pub header: Header,
    pub frames: Vec<&'a [u8]>,
}

impl<'a> BackupFile<'a> {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is none, or is not whole.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BackupError> {
        let rest = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(BackupError::NoBackup)?;
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or(BackupError::Damaged)?;
        let (header, rest) = rest.split_at(end);
        let header: Header = json::read(header).map_err(|_| BackupError::NoBackup)?;
        let mut rest = rest.get(1..).unwrap_or_default();
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let (length, more) = rest.split_first_chunk::<4>().ok_or(BackupError::Damaged)?;
            let length = u32::from_le_bytes(*length) as usize;
            if length > FRAME_BYTES_MAX {
                return Err(BackupError::Damaged);
            }
            let (frame, more) = more.split_at_checked(length).ok_or(BackupError::Damaged)?;
            frames.push(frame);
            rest = more;
        }
        if frames.len() != header.frames {
            return Err(BackupError::Damaged);
        }
        Ok(Self { header, frames })
    }
}

/// What a server can take in of a backup file: all but the drafts.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// In the order in which they were finished.
    pub operations: Vec<Operation>,
    /// The files that are in it, each once.
    pub files: Vec<(MediaEntry, Vec<u8>)>,
    /// Unfinished visits. They need a phone and a person.
    pub drafts: usize,
}

impl Contents {
    /// Reads decrypted frames.
    ///
    /// # Errors
    /// [`BackupError::Damaged`], and when a row does not read.
    pub fn read(rows: &[Vec<u8>]) -> Result<Self, PhoneError> {
        let mut contents = Self::default();
        let mut entries: BTreeMap<String, MediaEntry> = BTreeMap::new();
        let mut bytes = Vec::new();
        for row in rows {
            match read_row(row)? {
                Some((Table::Operation, row)) => {
                    contents.operations.push(decode::<OutboxOperation>(&row)?.operation);
                }
                Some((Table::Media, row)) => {
                    let entry: MediaEntry = decode(&row)?;
                    entries.insert(entry.media_id.to_string(), entry);
                }
                Some((Table::MediaBytes, row)) => bytes.push(row),
                Some((Table::Draft, _)) => contents.drafts += 1,
                _ => {}
            }
        }
        order::sort_by_key(&mut contents.operations, |operation| operation.seq);
        // Files of drafts have no entry that a submission announced.
        contents.files = bytes
            .into_iter()
            .filter_map(|row| entries.remove(&row.key).map(|entry| (entry, row.value)))
            .collect();
        Ok(contents)
    }
}

/// The rows that a backup is made of.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BackupList {
    pub rows: Vec<(Table, String)>,
    pub visits: usize,
    pub files: usize,
    pub drafts: usize,
}

impl BackupList {
    /// Whether there is nothing that the server does not have.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<S: LocalStore> Phone<S> {
    /// What only this phone has: visits that were not acknowledged, files that
    /// the server has not, drafts and the forms that they need. Names only: the
    /// rows are read one at a time, because photos are large.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn backup_list(&self) -> Result<BackupList, PhoneError> {
        let mut list = BackupList::default();
        for row in self.store().scan(Table::Operation, "").await? {
            let entry: OutboxOperation = decode(&row)?;
            if !entry.is_acknowledged() {
                list.rows.push((Table::Operation, row.key));
                list.visits += 1;
            }
        }
        let bytes =
            order::set_of(self.store().keys(Table::MediaBytes, "").await?.into_iter().map(|(key, _)| key));
        let mut listed = BTreeSet::new();
        for row in self.store().scan(Table::Media, "").await? {
            let entry: MediaEntry = decode(&row)?;
            if entry.state == MediaState::Stored {
                continue;
            }
            let id = entry.media_id.to_string();
            if bytes.contains(&id) && listed.insert(id.clone()) {
                list.rows.push((Table::MediaBytes, id));
                // People know of the photo, not of its small picture.
                list.files += usize::from(entry.preview_of.is_none());
            }
            list.rows.push((Table::Media, row.key));
        }
        let mut forms = BTreeSet::new();
        for row in self.store().scan(Table::Draft, "").await? {
            let record: DraftRecord = decode(&row)?;
            forms.insert(record.form_version_id.to_string());
            list.rows.push((Table::Draft, row.key));
            list.drafts += 1;
        }
        for (key, _) in self.store().keys(Table::DraftAnswer, "").await? {
            list.rows.push((Table::DraftAnswer, key));
        }
        for (key, _) in self.store().keys(Table::FormBundle, "").await? {
            if forms.contains(&key) {
                list.rows.push((Table::FormBundle, key));
            }
        }
        Ok(list)
    }

    /// Takes over what was in a backup file of the same person; doing it twice
    /// does no harm. Returns how many visits, files and drafts are new here.
    ///
    /// # Errors
    /// [`BackupError`] inside of [`PhoneError::Backup`], or when the store
    /// cannot be written; nothing has changed then.
    pub async fn take_backup(&self, rows: &[Vec<u8>]) -> Result<BackupList, PhoneError> {
        let mut batch = Batch::default();
        for row in rows {
            if let Some((table, entry)) = read_row(row)? {
                batch.0.push(Write::Put(table, entry));
            }
        }
        let file = MemoryStore::default();
        file.commit(batch, Durability::Strict).await?;
        let before = self.backup_list().await?;
        self.adopt(&file).await?;
        let after = self.backup_list().await?;
        Ok(BackupList {
            rows: Vec::new(),
            visits: after.visits.saturating_sub(before.visits),
            files: after.files.saturating_sub(before.files),
            drafts: after.drafts.saturating_sub(before.drafts),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::ContentHash;
    use crate::ids::{MediaId, OperationId, SubmissionId};
    use crate::phone::{OperationState, in_memory};
    use crate::store::now;

    type Failed = Box<dyn std::error::Error>;

    fn operation(batch: &mut Batch, seq: u64, state: OperationState) -> Result<(), StoreError> {
        let operation = Operation {
            seq,
            op_id: OperationId(Uuid::from_u128(seq.into())),
            kind: "submission".to_owned(),
            v: 1,
            at: DateTime::UNIX_EPOCH.fixed_offset(),
            skew_ms: None,
            body: serde_json::json!({ "n": seq }),
            proof: None,
        };
        batch.put(
            Table::Operation,
            OutboxOperation::key(seq),
            &OutboxOperation { operation, state, receipt: None },
        )
    }

    fn photo(batch: &mut Batch, number: u128, state: MediaState) -> Result<(), Failed> {
        let entry = MediaEntry {
            media_id: MediaId(Uuid::from_u128(number)),
            submission_id: SubmissionId(Uuid::from_u128(9)),
            path: "/g/photo".parse()?,
            file_name: format!("{number}.jpg"),
            sha256: ContentHash::of(&[1, 2, 3]),
            size_bytes: 3,
            content_type: "image/jpeg".to_owned(),
            capture: None,
            preview_of: None,
            sent_bytes: None,
            state,
        };
        batch.put(Table::Media, super::super::draft::media_key(&entry), &entry)?;
        let key = entry.media_id.to_string();
        batch.0.push(Write::Put(Table::MediaBytes, Entry { key, revision: 0, value: vec![1, 2, b'\n'] }));
        Ok(())
    }

    /// One visit and one photo unsent, one of each at the server.
    fn busy() -> Result<Phone<MemoryStore>, Failed> {
        let phone = in_memory();
        let mut batch = Batch::default();
        operation(&mut batch, 1, OperationState::Applied { acknowledged_at: DateTime::UNIX_EPOCH })?;
        operation(&mut batch, 2, OperationState::Waiting)?;
        photo(&mut batch, 20, MediaState::Waiting)?;
        photo(&mut batch, 21, MediaState::Stored)?;
        now(phone.store().commit(batch, Durability::Strict))?;
        Ok(phone)
    }

    fn rows(phone: &Phone<MemoryStore>) -> Result<Vec<Vec<u8>>, Failed> {
        let mut rows = Vec::new();
        for (table, key) in now(phone.backup_list())?.rows {
            let entry = now(phone.store().get(table, &key))?.ok_or("a row that is listed is there")?;
            rows.push(write_row(table, &entry)?);
        }
        Ok(rows)
    }

    #[test]
    fn what_the_server_lacks_is_taken_over_by_another_phone_once() -> Result<(), Failed> {
        let rows = rows(&busy()?)?;
        let other = in_memory();
        let new = now(other.take_backup(&rows))?;
        assert_eq!((new.visits, new.files, new.drafts), (1, 1, 0));
        let again = now(other.take_backup(&rows))?;
        assert_eq!((again.visits, again.files, again.drafts), (0, 0, 0));
        let operations = now(other.operations())?;
        assert_eq!(operations.len(), 1);
        assert_eq!(
            operations[0].operation.op_id,
            OperationId(Uuid::from_u128(2)),
            "the server knows it again"
        );
        assert_eq!(operations[0].operation.seq, 1, "numbered as this phone numbers");
        assert_eq!(now(other.media_bytes(MediaId(Uuid::from_u128(20))))?, Some(vec![1, 2, b'\n']));
        assert_eq!(now(other.media_bytes(MediaId(Uuid::from_u128(21))))?, None);
        Ok(())
    }

    fn header(frames: usize) -> Header {
        Header {
            backup_id: Uuid::from_u128(5),
            user_id: UserId(Uuid::from_u128(1)),
            device_id: DeviceId(Uuid::from_u128(2)),
            created_at: DateTime::UNIX_EPOCH,
            frames,
            visits: 1,
            files: 1,
            drafts: 0,
            key: SealedKey {
                key_id: "k".to_owned(),
                ephemeral_public_key: String::new(),
                nonce: String::new(),
                sealed: String::new(),
            },
        }
    }

    fn file(header: &Header, frames: &[&[u8]]) -> Result<Vec<u8>, StoreError> {
        let mut bytes = write_header(header)?;
        for frame in frames {
            bytes.extend(frame_length(frame));
            bytes.extend(*frame);
        }
        Ok(bytes)
    }

    #[test]
    fn a_file_reads_back_and_one_that_is_not_whole_does_not() -> Result<(), Failed> {
        let header = header(2);
        let bytes = file(&header, &[b"first\nframe", b""])?;
        let read = BackupFile::read(&bytes)?;
        assert_eq!((read.header, read.frames), (header.clone(), vec![b"first\nframe".as_slice(), b""]));
        for end in MAGIC.len()..bytes.len() {
            assert!(BackupFile::read(&bytes[..end]).is_err(), "{end} bytes of {}", bytes.len());
        }
        assert_eq!(BackupFile::read(b"{}").err(), Some(BackupError::NoBackup));
        let three = file(&header, &[b"1", b"2", b"3"])?;
        assert_eq!(BackupFile::read(&three).err(), Some(BackupError::Damaged));
        Ok(())
    }

    #[test]
    fn rows_that_are_none_change_nothing() -> Result<(), Failed> {
        let phone = in_memory();
        let broken = now(phone.take_backup(&[b"no row".to_vec()]));
        assert!(matches!(broken, Err(PhoneError::Backup(BackupError::Damaged))), "{broken:?}");
        let newer = b"[\"table_of_a_newer_app\",\"key\"]\nvalue".to_vec();
        assert_eq!(now(phone.take_backup(&[newer]))?, BackupList::default());
        Ok(())
    }
}
