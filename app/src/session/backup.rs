//! The backup file of whoever is in: writing one, and taking one in. What is
//! in it is core's (`doorstep_core::phone::backup`).

use std::rc::Rc;

use doorstep_core::phone::backup::{
    BackupError, BackupFile, BackupList, Header, frame_label, frame_length, write_header, write_row,
};
use doorstep_core::phone::{Failure, PhoneError};
use doorstep_core::problem::ProblemCode;
use doorstep_core::store::{LocalStore, StoreError};
use js_sys::Array;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::{Session, SessionError};
use crate::api;
use crate::browser::{buffer_of, bytes_of, construct, object};
use crate::clock;
use crate::store::crypto::DataKey;

/// A file to be saved.
#[derive(Clone, Debug)]
pub struct WrittenBackup {
    pub header: Header,
    /// A `Blob`.
    pub blob: JsValue,
}

impl Session {
    /// Writes everything that only this phone has into a file. Nothing when
    /// there is nothing.
    ///
    /// # Errors
    /// When something cannot be read, or the copy of the key is missing.
    pub async fn write_backup(self) -> Result<Option<WrittenBackup>, SessionError> {
        let phone = self.phone_untracked()?;
        let list = phone.backup_list().await?;
        if list.is_empty() {
            return Ok(None);
        }
        let owner = phone.owner();
        let row = self.device()?.user(owner.user_id).await?;
        let key = row.and_then(|row| row.sealed).ok_or(SessionError::LoginFirst)?;
        let header = Header {
            backup_id: clock::new_id(),
            user_id: owner.user_id,
            device_id: owner.device_id,
            created_at: clock::utc_now(),
            frames: list.rows.len(),
            visits: list.visits,
            files: list.files,
            drafts: list.drafts,
            key,
        };
        let parts = Array::new();
        parts.push(&buffer_of(&write_header(&header)?));
        let store = phone.store();
        for (number, (table, row_key)) in list.rows.iter().enumerate() {
            let entry = store.get(*table, row_key).await?;
            let entry = entry.ok_or_else(|| StoreError::Unreadable(format!("{}|{row_key}", table.name())))?;
            let row = write_row(*table, &entry)?;
            let frame = store.beneath().key().encrypt(&frame_label(&header, number), &row).await?;
            parts.push(&buffer_of(&frame_length(&bytes_of(&frame))));
            parts.push(&frame);
        }
        let options = object(&[("type", JsValue::from_str("application/octet-stream"))]);
        let blob = construct("Blob", &[parts.into(), options.into()])
            .ok_or_else(|| SessionError::Browser("no Blob".to_owned()))?;
        Ok(Some(WrittenBackup { header, blob }))
    }

    /// Takes in a backup file of the same person. Returns what was new here.
    ///
    /// # Errors
    /// When the file is none, is damaged or another's, when its key is another
    /// phone's and the server does not open it, or the phone is full; nothing
    /// has changed then.
    pub async fn read_backup(self, bytes: &[u8]) -> Result<BackupList, SessionError> {
        let phone = self.phone_untracked()?;
        let file = BackupFile::read(bytes).map_err(PhoneError::from)?;
        if file.header.user_id != phone.owner().user_id {
            return Err(PhoneError::from(BackupError::OtherPerson).into());
        }
        let own = phone.store().beneath().key();
        let rows = match open(own, &file).await {
            Ok(rows) => rows,
            // Written by another phone, or by this one before it lost its key.
            Err(_) => {
                let key = self.key_by_server(&file).await?;
                open(&key, &file).await.map_err(PhoneError::from)?
            }
        };
        Ok(phone.take_backup(&rows).await?)
    }

    async fn key_by_server(self, file: &BackupFile<'_>) -> Result<DataKey, SessionError> {
        let tokens = self.engine.get_value().opened.borrow().as_ref().map(|opened| Rc::clone(&opened.tokens));
        let tokens = tokens.ok_or(SessionError::Store(StoreError::Locked))?;
        let access = tokens.access().await.map_err(SessionError::Failed)?;
        match api::open_sealed_key(&access, &file.header.key, tokens.language()).await {
            Ok(opened) => Ok(DataKey::of_opened(&opened).await?),
            Err(Failure::Problem(problem)) if problem.code == ProblemCode::LoginNotFresh => {
                Err(SessionError::LoginFirst)
            }
            Err(failure) => Err(SessionError::Failed(failure)),
        }
    }
}

async fn open(key: &DataKey, file: &BackupFile<'_>) -> Result<Vec<Vec<u8>>, BackupError> {
    let mut rows = Vec::with_capacity(file.frames.len());
    for (number, frame) in file.frames.iter().enumerate() {
        let label = frame_label(&file.header, number);
        rows.push(key.decrypt(&label, &buffer_of(frame)).await.map_err(|_| BackupError::Damaged)?);
    }
    Ok(rows)
}
