//! What the phone keeps, encrypted, in IndexedDB.
use doorstep_core::store::{Batch, Durability, Entry, LocalStore, StoreError, Table};
use leptos::prelude::*;

/// Tells readers which tables changed.
#[derive(Clone, Copy, Debug)]
pub struct Changes([Trigger; Table::ALL.len()]);
impl Changes {
    pub fn new() -> Self { Self(std::array::from_fn(|_| Trigger::new())) }
    pub fn track(self, tables: &[Table]) { for (table, trigger) in Table::ALL.iter().zip(self.0) { if tables.contains(table) { trigger.track(); } } }
    pub fn notify(self, tables: &[Table]) { for (table, trigger) in Table::ALL.iter().zip(self.0) { if tables.contains(table) { trigger.notify(); } } }
}
/// The store.
#[derive(Debug)]
pub struct EncryptedStore;
impl LocalStore for EncryptedStore {
    async fn get(&self, _: Table, _: &str) -> Result<Option<Entry>, StoreError> { Err(StoreError::Locked) }
    async fn scan(&self, _: Table, _: &str) -> Result<Vec<Entry>, StoreError> { Err(StoreError::Locked) }
    async fn keys(&self, _: Table, _: &str) -> Result<Vec<(String, i64)>, StoreError> { Err(StoreError::Locked) }
    async fn commit(&self, _: Batch, _: Durability) -> Result<(), StoreError> { Err(StoreError::Locked) }
}
