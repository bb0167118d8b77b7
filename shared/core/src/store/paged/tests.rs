//! Pages against rows: the same, whatever was done and however it ended.

use super::*;
use crate::store::{MemoryStore, decode, now};

fn put(key: &str, revision: i64, bytes: usize) -> Write {
    Write::Put(Table::Record, Entry { key: key.to_owned(), revision, value: vec![b'x'; bytes] })
}

fn commit(store: &impl LocalStore, writes: Vec<Write>) -> Result<(), StoreError> {
    now(store.commit(Batch(writes), Durability::Strict))
}

fn pages(store: &MemoryStore) -> Result<usize, StoreError> {
    Ok(now(store.keys(Table::RecordPage, ""))?.len())
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn pages_are_read_as_rows_whatever_was_done() -> Result<(), StoreError> {
    let mut dice = Dice(2026);
    let (beneath, rows) = (Rc::new(MemoryStore::default()), MemoryStore::default());
    let mut paged = Paged::over(Rc::clone(&beneath));
    for round in 0..400 {
        let writes: Vec<Write> = (0..dice.roll(30))
            .map(|_| {
                let key = format!("stream{}|case|{:03}", dice.roll(3), dice.roll(400));
                match dice.roll(40) {
                    0 => {
                        let length = usize::try_from(dice.roll(9)).unwrap_or_default();
                        Write::DeletePrefix(Table::Record, key.get(..length).unwrap_or_default().to_owned())
                    }
                    1..=8 => Write::Delete(Table::Record, key),
                    9 => Write::Put(Table::Meta, Entry { key, revision: 0, value: vec![1] }),
                    _ => {
                        let bytes_max = if dice.roll(10) == 0 { 90_000 } else { 900 };
                        let bytes = dice.roll(bytes_max);
                        put(&key, i64::from(round), usize::try_from(bytes).unwrap_or_default())
                    }
                }
            })
            .collect();
        // Some writes find the disk full, and some lives of the page end.
        beneath.full.set(dice.roll(8) == 0);
        let done = commit(&paged, writes.clone());
        if beneath.full.replace(false) && !writes.is_empty() {
            assert_eq!(done, Err(StoreError::Full), "round {round}");
        } else {
            done?;
            commit(&rows, writes)?;
        }
        if dice.roll(6) == 0 {
            paged = Paged::over(Rc::clone(&beneath));
        }
        for prefix in ["", "stream1|", "stream1|case|12"] {
            assert_eq!(
                now(paged.scan(Table::Record, prefix))?,
                now(rows.scan(Table::Record, prefix))?,
                "round {round}, {prefix}"
            );
            assert_eq!(
                now(paged.keys(Table::Record, prefix))?,
                now(rows.keys(Table::Record, prefix))?,
                "round {round}, {prefix}"
            );
        }
        assert_eq!(now(paged.scan(Table::Meta, ""))?, now(rows.scan(Table::Meta, ""))?);
    }
    assert!(now(beneath.keys(Table::Record, ""))?.is_empty(), "nothing lies outside of the pages");
    Ok(())
}

#[test]
fn thousands_of_records_are_a_few_pages_and_one_change_is_one_page() -> Result<(), StoreError> {
    let beneath = Rc::new(MemoryStore::default());
    let paged = Paged::over(Rc::clone(&beneath));
    commit(&paged, (0..3_000).map(|number| put(&format!("cases:1|case|{number:05}"), 1, 600)).collect())?;
    assert!(pages(&beneath)? <= 32, "{} pages", pages(&beneath)?);
    let before = now(beneath.scan(Table::RecordPage, ""))?;
    commit(&paged, vec![put("cases:1|case|01234", 2, 640)])?;
    let after = now(beneath.scan(Table::RecordPage, ""))?;
    assert_eq!(before.iter().zip(&after).filter(|(before, after)| before != after).count(), 1);
    commit(&paged, vec![Write::DeletePrefix(Table::Record, String::new())])?;
    assert_eq!(pages(&beneath)?, 0);
    Ok(())
}

#[test]
fn rows_of_before_there_were_pages_move_into_them() -> Result<(), StoreError> {
    let beneath = Rc::new(MemoryStore::default());
    commit(&*beneath, vec![put("ref|form|1", 7, 10), put("ref|form|2", 8, 10)])?;
    let expected = now(beneath.scan(Table::Record, ""))?;
    assert_eq!(now(Paged::over(Rc::clone(&beneath)).scan(Table::Record, ""))?, expected);
    assert!(now(beneath.keys(Table::Record, ""))?.is_empty());
    assert_eq!(now(Paged::over(Rc::clone(&beneath)).scan(Table::Record, ""))?, expected);
    Ok(())
}

/// A store some of whose pages do not read.
struct Damaged(MemoryStore, &'static str);

impl LocalStore for Damaged {
    async fn get(&self, table: Table, key: &str) -> Result<Option<Entry>, StoreError> {
        if table == Table::RecordPage && key.ends_with(self.1) {
            return Err(StoreError::Unreadable(key.to_owned()));
        }
        self.0.get(table, key).await
    }

    async fn scan(&self, table: Table, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        for (key, _) in self.0.keys(table, prefix).await? {
            self.get(table, &key).await?;
        }
        self.0.scan(table, prefix).await
    }

    async fn keys(&self, table: Table, prefix: &str) -> Result<Vec<(String, i64)>, StoreError> {
        self.0.keys(table, prefix).await
    }

    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        self.0.commit(batch, durability).await
    }
}

#[test]
fn a_damaged_page_costs_its_own_records_and_goes_with_the_next_write() -> Result<(), StoreError> {
    let beneath = MemoryStore::default();
    let large: Vec<Write> = (0..3).map(|number| put(&format!("ref|area|{number}"), 1, PAGE_BYTES)).collect();
    let beneath = {
        let paged = Paged::over(Damaged(beneath, "never"));
        commit(&paged, large)?;
        Rc::into_inner(paged.0).map(|inner| inner.beneath.0).unwrap_or_default()
    };
    let paged = Paged::over(Damaged(beneath, "1"));
    let left: Vec<String> = now(paged.keys(Table::Record, ""))?.into_iter().map(|(key, _)| key).collect();
    assert_eq!(left, ["ref|area|0", "ref|area|2"]);
    commit(&paged, vec![put("ref|area|1", 2, 5)])?;
    let pages = now(paged.beneath().keys(Table::RecordPage, ""))?;
    assert!(pages.iter().all(|(key, _)| !key.ends_with('1')), "{pages:?}");
    assert_eq!(now(paged.get(Table::Record, "ref|area|1"))?.map(|row| row.revision), Some(2));
    Ok(())
}

#[test]
fn a_closed_store_shows_no_record_and_takes_none() -> Result<(), StoreError> {
    let paged = Paged::over(MemoryStore::default());
    commit(&paged, vec![put("ref|area|0", 1, 5)])?;
    let other = paged.clone();
    other.close();
    assert_eq!(now(paged.get(Table::Record, "ref|area|0")), Err(StoreError::Locked));
    assert_eq!(commit(&paged, vec![put("ref|area|1", 1, 5)]), Err(StoreError::Locked));
    Ok(())
}

#[test]
fn bytes_that_are_no_page_are_no_page() {
    assert_eq!(decode_page(b"short").map(|rows| rows.len()), None);
    let mut page = Vec::new();
    encode_row(&mut page, "key", &Row { page: 0, revision: -3, value: b"\"value\"".to_vec() });
    assert!(decode_page(&page[..page.len() - 1]).is_none());
    let read = decode_page(&page).unwrap_or_default();
    assert_eq!(read.first().map(|row| (row.key.as_str(), row.revision)), Some(("key", -3)));
    assert_eq!(read.first().and_then(|row| decode::<String>(row).ok()).as_deref(), Some("value"));
}
