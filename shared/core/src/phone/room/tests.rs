//! A phone that is full to the last byte.

use chrono::{DateTime, TimeDelta};
use uuid::Uuid;

use super::*;
use crate::hash::ContentHash;
use crate::ids::{DeviceId, MediaId, SubmissionId};
use crate::phone::in_memory;
use crate::store::{Entry, MemoryStore, Write, now};

const PHOTO_BYTES: usize = 1_000;

/// A photo of submission `of`, and its bytes.
fn photo(number: u128, of: u128, state: MediaState) -> Result<Batch, Box<dyn std::error::Error>> {
    let entry = MediaEntry {
        media_id: MediaId(Uuid::from_u128(number)),
        submission_id: SubmissionId(Uuid::from_u128(of)),
        path: "/g/photo".parse()?,
        file_name: format!("{number}.jpg"),
        sha256: ContentHash::of(b""),
        size_bytes: PHOTO_BYTES as u64,
        content_type: "image/jpeg".to_owned(),
        capture: None,
        preview_of: None,
        sent_bytes: None,
        state,
    };
    let mut batch = Batch::default();
    batch.put(Table::Media, super::super::draft::media_key(&entry), &entry)?;
    batch.0.push(bytes(Table::MediaBytes, &entry.media_id.to_string(), PHOTO_BYTES));
    Ok(batch)
}

fn bytes(table: Table, key: &str, length: usize) -> Write {
    Write::Put(table, Entry { key: key.to_owned(), revision: 0, value: vec![0; length] })
}

fn photos(phone: &Phone<MemoryStore>) -> Result<Vec<u128>, Box<dyn std::error::Error>> {
    let keys = now(phone.store().keys(Table::MediaBytes, ""))?;
    Ok(keys.iter().map(|(key, _)| key.parse::<Uuid>().map(|id| id.as_u128())).collect::<Result<_, _>>()?)
}

/// A phone that is full to the last byte: delivered photos 1 and 2 (2 is part
/// of a correction too), 3 waits, 4 is part of a draft; and some history.
fn full() -> Result<Phone<MemoryStore>, Box<dyn std::error::Error>> {
    let phone = in_memory();
    for (number, of, state) in [
        (1, 10, MediaState::Stored),
        (2, 10, MediaState::Stored),
        (2, 11, MediaState::Captured),
        (3, 12, MediaState::Waiting),
        (4, 13, MediaState::Captured),
    ] {
        now(phone.store().commit(photo(number, of, state)?, Durability::Strict))?;
    }
    let state = SyncState { server_time: Some(DateTime::UNIX_EPOCH), ..SyncState::default() };
    let mut batch = Batch(vec![
        bytes(Table::Record, "visits:1|visit|1", 500),
        bytes(Table::Record, "cases:1|case|1", 500),
    ]);
    state.keep_in(&mut batch)?;
    now(phone.store().commit(batch, Durability::Strict))?;
    let held = |table| {
        now(phone.store().scan(table, "")).map(|rows| rows.iter().map(|row| row.value.len()).sum::<usize>())
    };
    let all: usize = Table::ALL.iter().map(|table| held(*table)).sum::<Result<usize, _>>()?;
    phone.store().quota_bytes.set(Some(all));
    Ok(phone)
}

fn answer(length: usize) -> Batch {
    Batch(vec![bytes(Table::DraftAnswer, "draft|00000000", length)])
}

#[test]
fn delivered_photos_go_first_and_nothing_else_while_that_is_enough() -> Result<(), Box<dyn std::error::Error>>
{
    let phone = full()?;
    now(phone.keep(answer(600), Gift::Answer))?;
    assert_eq!(photos(&phone)?, [2, 3, 4], "what a correction shares stays");
    assert_eq!(now(phone.store().keys(Table::Record, ""))?.len(), 2);
    Ok(())
}

#[test]
fn for_an_answer_the_history_goes_too_and_is_not_fetched_the_same_day()
-> Result<(), Box<dyn std::error::Error>> {
    let phone = full()?;
    now(phone.keep(answer(PHOTO_BYTES + 200), Gift::Answer))?;
    let left: Vec<String> =
        now(phone.store().keys(Table::Record, ""))?.into_iter().map(|(key, _)| key).collect();
    assert_eq!(left, ["cases:1|case|1"]);
    assert_eq!(now(SyncState::load(phone.store()))?.history_given_up_at, Some(DateTime::UNIX_EPOCH));
    Ok(())
}

#[test]
fn a_photo_is_refused_while_there_is_room_for_answers() -> Result<(), Box<dyn std::error::Error>> {
    let phone = full()?;
    // One delivered photo makes room for as many bytes, and not for a word more.
    let new = photo(5, 13, MediaState::Captured)?;
    assert_eq!(now(phone.keep(new, Gift::File)), Err(StoreError::Full));
    assert_eq!(now(phone.store().keys(Table::Record, ""))?.len(), 2, "history is not given up for a photo");
    now(phone.keep(answer(300), Gift::Answer))?;
    Ok(())
}

#[test]
fn what_only_this_phone_has_never_goes() -> Result<(), Box<dyn std::error::Error>> {
    let phone = full()?;
    assert_eq!(now(phone.keep(answer(50_000), Gift::Answer)), Err(StoreError::Full));
    assert_eq!(photos(&phone)?, [2, 3, 4]);
    assert_eq!(now(phone.media())?.len(), 5, "what is known of the files stays");
    Ok(())
}

#[test]
fn given_up_history_is_back_the_next_day() -> Result<(), Box<dyn std::error::Error>> {
    use crate::phone::synchronise::{Answer, Request, Snapshot, Synchronisation};
    use crate::sync::{Epoch, PullAnswer, PullItem, PullRequest, StreamName};

    let stream: StreamName = format!("visits:{}:elder", Uuid::from_u128(7)).parse()?;
    for (hours, expected) in [(1, 0), (25, 1)] {
        let state = SyncState {
            history_given_up_at: Some(DateTime::UNIX_EPOCH),
            server_time: Some(DateTime::UNIX_EPOCH),
            ..SyncState::default()
        };
        let snapshot = Snapshot { state, ..Snapshot::default() };
        let (mut machine, _) = Synchronisation::begin(DeviceId(Uuid::from_u128(2)), snapshot);
        let asked = Request::Pull(PullRequest { cursor: None, max: None, again: None, epoch: None });
        let answer = |items| {
            Answer::Pull(PullAnswer {
                epoch: Epoch(1),
                server_time: DateTime::UNIX_EPOCH + TimeDelta::hours(hours),
                last_seq: 0,
                drop: Vec::new(),
                items,
                cursor: String::new(),
                more: true,
                min_app: 0,
                hash: std::collections::BTreeMap::new(),
                command: None,
            })
        };
        machine.step(&asked, answer(Vec::new()), DateTime::UNIX_EPOCH);
        let item = PullItem {
            stream: stream.clone(),
            seq: 1,
            kind: "visit".to_owned(),
            id: Uuid::from_u128(8),
            body: Some(serde_json::json!({})),
        };
        let asked =
            Request::Pull(PullRequest { cursor: Some(String::new()), max: None, again: None, epoch: None });
        let step = machine.step(&asked, answer(vec![item]), DateTime::UNIX_EPOCH);
        let records = step.writes.0.iter().filter(|write| write.table() == Table::Record).count();
        assert_eq!(records, expected, "after {hours} h");
    }
    Ok(())
}
