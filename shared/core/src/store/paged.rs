//! Pulled records in pages.
//!
//! A phone holds thousands of records, and decrypting them one by one takes a
//! slow phone many seconds. [`Paged`] lies over another store, packs the rows
//! of [`Table::Record`] into pages ([`Table::RecordPage`]) of some tens of
//! kilobytes, and keeps the records in memory from the first look on: opening
//! is a few decryptions, and reading is none. Every other table is the store
//! beneath. A batch is still atomic: its pages and whatever else it has are one
//! batch of that store.
//!
//! A page that cannot be read is dropped; what was in it is missing from its
//! stream's hash, and the next sync brings it again.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::lock::Mutex;

use super::{Batch, Durability, Entry, LocalStore, StoreError, Table, Write};

/// New rows go into a page until it holds so much. Rewriting a page for one
/// changed row has to be cheap, and so has reading all of them.
const PAGE_BYTES: usize = 64 * 1024;

/// A store whose pulled records are in pages. Clones are the same store; there
/// must be no other over the same store beneath.
#[derive(Debug)]
pub struct Paged<S>(Rc<Inner<S>>);

#[derive(Debug)]
struct Inner<S> {
    beneath: S,
    page_bytes: usize,
    /// `None` until somebody looks. Whoever holds the lock is the only one who
    /// reads or changes records.
    records: Mutex<Option<Records>>,
    closed: Cell<bool>,
}

impl<S> Clone for Paged<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<S: LocalStore> Paged<S> {
    /// Lays pages over a store.
    pub fn over(beneath: S) -> Self {
        Self::of(PAGE_BYTES, beneath)
    }

    /// The same with pages that hold so much, for who has few records and wants
    /// to see many pages.
    pub fn of(page_bytes: usize, beneath: S) -> Self {
        Self(Rc::new(Inner { beneath, page_bytes, records: Mutex::new(None), closed: Cell::new(false) }))
    }

    /// The store beneath, which has everything but the records.
    pub fn beneath(&self) -> &S {
        &self.0.beneath
    }

    /// Forgets the records: from now on they are [`StoreError::Locked`].
    pub fn close(&self) {
        self.0.closed.set(true);
        if let Some(mut records) = self.0.records.try_lock() {
            *records = None;
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.0.closed.get() { Err(StoreError::Locked) } else { Ok(()) }
    }

    /// What `read` finds in the records.
    async fn read<T>(&self, read: impl FnOnce(&Records) -> T) -> Result<T, StoreError> {
        let mut records = self.0.records.lock().await;
        self.check()?;
        let loaded = match records.take() {
            Some(loaded) => loaded,
            None => self.load().await?,
        };
        self.check()?;
        Ok(read(records.insert(loaded)))
    }

    async fn load(&self) -> Result<Records, StoreError> {
        let beneath = &self.0.beneath;
        let mut records = Records { page_bytes: self.0.page_bytes, ..Records::default() };
        match beneath.scan(Table::RecordPage, "").await {
            Ok(pages) => pages.iter().for_each(|page| records.take_page(page)),
            Err(StoreError::Unreadable(_)) => {
                for (key, _) in beneath.keys(Table::RecordPage, "").await? {
                    match beneath.get(Table::RecordPage, &key).await {
                        Ok(page) => page.iter().for_each(|page| records.take_page(page)),
                        Err(StoreError::Unreadable(_)) => records.damaged.push(key),
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        // Before there were pages, each record was a row of its own.
        let rows = beneath.scan(Table::Record, "").await?;
        if !rows.is_empty() {
            let writes: Vec<Write> = rows.into_iter().map(|row| Write::Put(Table::Record, row)).collect();
            let change = records.change(writes);
            let mut batch = Batch(change.writes.clone());
            batch.delete_prefix(Table::Record, "");
            beneath.commit(batch, Durability::Relaxed).await?;
            records.apply(change);
        }
        Ok(records)
    }
}

impl<S: LocalStore> LocalStore for Paged<S> {
    async fn get(&self, table: Table, key: &str) -> Result<Option<Entry>, StoreError> {
        match table {
            Table::Record => self.read(|records| records.get(key)).await,
            other => self.0.beneath.get(other, key).await,
        }
    }

    async fn scan(&self, table: Table, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        match table {
            Table::Record => {
                self.read(|records| records.beginning(prefix).map(|(key, row)| row.entry(key)).collect())
                    .await
            }
            other => self.0.beneath.scan(other, prefix).await,
        }
    }

    async fn each(
        &self,
        table: Table,
        prefix: &str,
        mut look: impl FnMut(&str, &[u8]),
    ) -> Result<(), StoreError> {
        match table {
            Table::Record => {
                self.read(|records| records.beginning(prefix).for_each(|(key, row)| look(key, &row.value)))
                    .await
            }
            other => self.0.beneath.each(other, prefix, look).await,
        }
    }

    async fn keys(&self, table: Table, prefix: &str) -> Result<Vec<(String, i64)>, StoreError> {
        match table {
            Table::Record => {
                self.read(|records| {
                    records.beginning(prefix).map(|(key, row)| (key.clone(), row.revision)).collect()
                })
                .await
            }
            other => self.0.beneath.keys(other, prefix).await,
        }
    }

    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let (of_records, others): (Vec<Write>, Vec<Write>) =
            batch.0.into_iter().partition(|write| write.table() == Table::Record);
        if of_records.is_empty() {
            return self.0.beneath.commit(Batch(others), durability).await;
        }
        let mut records = self.0.records.lock().await;
        self.check()?;
        let mut loaded = match records.take() {
            Some(loaded) => loaded,
            None => self.load().await?,
        };
        let mut change = loaded.change(of_records);
        let writes = std::mem::take(&mut change.writes).into_iter().chain(others).collect();
        self.0.beneath.commit(Batch(writes), durability).await?;
        // After a failure nobody knows what the disk holds: it is read again.
        loaded.apply(change);
        if !self.0.closed.get() {
            *records = Some(loaded);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Row {
    page: u32,
    revision: i64,
    value: Vec<u8>,
}

impl Row {
    fn entry(&self, key: &str) -> Entry {
        Entry { key: key.to_owned(), revision: self.revision, value: self.value.clone() }
    }
}

#[derive(Debug, Default)]
struct Page {
    rows: usize,
    bytes: usize,
}

/// Every record, and in which page it lies.
#[derive(Debug, Default)]
struct Records {
    page_bytes: usize,
    rows: BTreeMap<String, Row>,
    pages: BTreeMap<u32, Page>,
    /// Keys of pages that could not be read.
    damaged: Vec<String>,
}

/// What a batch does to the records.
#[derive(Debug)]
struct Change {
    /// What each row becomes, and its page; `None` where it goes.
    rows: BTreeMap<String, Option<Row>>,
    /// For the store beneath.
    writes: Vec<Write>,
}

impl Records {
    fn get(&self, key: &str) -> Option<Entry> {
        self.rows.get(key).map(|row| row.entry(key))
    }

    fn beginning<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a Row)> {
        self.rows.range(prefix.to_owned()..).take_while(move |(key, _)| key.starts_with(prefix))
    }

    fn take_page(&mut self, stored: &Entry) {
        let read = stored.key.parse::<u32>().ok().zip(decode_page(&stored.value));
        let Some((number, rows)) = read else {
            self.damaged.push(stored.key.clone());
            return;
        };
        for entry in rows {
            self.put(entry.key, Row { page: number, revision: entry.revision, value: entry.value });
        }
    }

    fn put(&mut self, key: String, row: Row) {
        let key_bytes = key.len();
        let page = self.pages.entry(row.page).or_default();
        page.rows += 1;
        page.bytes += size_of_row(key_bytes, &row.value);
        if let Some(before) = self.rows.insert(key, row) {
            self.leaves(key_bytes, &before);
        }
    }

    fn remove(&mut self, key: &str) {
        if let Some(row) = self.rows.remove(key) {
            self.leaves(key.len(), &row);
        }
    }

    /// A row is no longer in its page.
    fn leaves(&mut self, key_bytes: usize, row: &Row) {
        if let Some(page) = self.pages.get_mut(&row.page) {
            page.rows = page.rows.saturating_sub(1);
            page.bytes = page.bytes.saturating_sub(size_of_row(key_bytes, &row.value));
            if page.rows == 0 {
                self.pages.remove(&row.page);
            }
        }
    }

    /// What `writes` come to, page by page.
    fn change(&self, writes: Vec<Write>) -> Change {
        let mut ends: BTreeMap<String, Option<Entry>> = BTreeMap::new();
        for write in writes {
            match write {
                Write::Put(_, entry) => drop(ends.insert(entry.key.clone(), Some(entry))),
                Write::Delete(_, key) => drop(ends.insert(key, None)),
                Write::DeletePrefix(_, prefix) => {
                    for (_, end) in ends.iter_mut().filter(|(key, _)| key.starts_with(&prefix)) {
                        *end = None;
                    }
                    for (key, _) in self.beginning(&prefix) {
                        ends.insert(key.clone(), None);
                    }
                }
            }
        }
        let mut filling = Filling::after(self);
        let mut rows = BTreeMap::new();
        for (key, end) in ends {
            let here = self.rows.get(&key);
            let row = end.map(|entry| {
                let page = here.map(|row| row.page).filter(|page| self.has_room(*page));
                let page = page.unwrap_or_else(|| filling.page_for(size_of_row(key.len(), &entry.value)));
                Row { page, revision: entry.revision, value: entry.value }
            });
            if here.is_some() || row.is_some() {
                rows.insert(key, row);
            }
        }
        let writes = self.pages_after(&rows);
        Change { rows, writes }
    }

    /// Rows that grow stay in their page as long as it is not far too large.
    fn has_room(&self, page: u32) -> bool {
        self.pages.get(&page).is_some_and(|page| page.bytes < 2 * self.page_bytes)
    }

    /// Every page that is another after the change.
    fn pages_after(&self, changed: &BTreeMap<String, Option<Row>>) -> Vec<Write> {
        let mut touched: BTreeMap<u32, Vec<(&String, &Row)>> = BTreeMap::new();
        for (key, row) in changed {
            for row in [self.rows.get(key), row.as_ref()].into_iter().flatten() {
                touched.entry(row.page).or_default();
            }
        }
        // Looking through all rows once costs less than an index that every
        // start of the app would have to make.
        for (key, row) in &self.rows {
            if let Some(page) = touched.get_mut(&row.page).filter(|_| !changed.contains_key(key)) {
                page.push((key, row));
            }
        }
        for (key, row) in changed {
            if let Some((page, row)) = row.as_ref().and_then(|row| Some((touched.get_mut(&row.page)?, row))) {
                page.push((key, row));
            }
        }
        let damaged = self.damaged.iter().map(|key| Write::Delete(Table::RecordPage, key.clone()));
        let pages = touched.into_iter().map(|(number, rows)| {
            let mut value = Vec::new();
            for (key, row) in rows {
                encode_row(&mut value, key, row);
            }
            if value.is_empty() {
                return Write::Delete(Table::RecordPage, page_key(number));
            }
            Write::Put(Table::RecordPage, Entry { key: page_key(number), revision: 0, value })
        });
        damaged.chain(pages).collect()
    }

    fn apply(&mut self, change: Change) {
        self.damaged.clear();
        for (key, row) in change.rows {
            match row {
                Some(row) => self.put(key, row),
                None => self.remove(&key),
            }
        }
    }
}

/// Where new rows go.
struct Filling {
    page: u32,
    bytes: usize,
    page_bytes: usize,
}

impl Filling {
    fn after(records: &Records) -> Self {
        let (page, bytes) = records.pages.last_key_value().map_or((0, 0), |(page, last)| (*page, last.bytes));
        Self { page, bytes, page_bytes: records.page_bytes }
    }

    fn page_for(&mut self, bytes: usize) -> u32 {
        if self.bytes > 0 && self.bytes + bytes > self.page_bytes {
            (self.page, self.bytes) = (self.page.saturating_add(1), 0);
        }
        self.bytes += bytes;
        self.page
    }
}

fn page_key(number: u32) -> String {
    format!("{number:010}")
}

/// Two lengths and a revision lie before each row.
const ROW_HEAD_BYTES: usize = 16;

fn size_of_row(key_bytes: usize, value: &[u8]) -> usize {
    ROW_HEAD_BYTES + key_bytes + value.len()
}

/// Length of the key, length of the value (`u32`), revision (`i64`), all little
/// endian; key; value.
fn encode_row(page: &mut Vec<u8>, key: &str, row: &Row) {
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    page.extend(length(key.len()));
    page.extend(length(row.value.len()));
    page.extend(row.revision.to_le_bytes());
    page.extend(key.as_bytes());
    page.extend(&row.value);
}

/// `None` when it is no page.
fn decode_page(mut page: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    while !page.is_empty() {
        let (key_bytes, rest) = page.split_first_chunk::<4>()?;
        let (value_bytes, rest) = rest.split_first_chunk::<4>()?;
        let (revision, rest) = rest.split_first_chunk::<8>()?;
        let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*key_bytes) as usize)?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_bytes) as usize)?;
        entries.push(Entry {
            key: std::str::from_utf8(key).ok()?.to_owned(),
            revision: i64::from_le_bytes(*revision),
            value: value.to_vec(),
        });
        page = rest;
    }
    Some(entries)
}

#[cfg(test)]
mod tests;
