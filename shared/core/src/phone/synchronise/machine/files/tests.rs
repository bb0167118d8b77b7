//! A server of a few lines, and a network that breaks anywhere.

use super::*;
use crate::hash::ContentHash;
use crate::ids::{CaseId, DeviceId, FormVersionId, MediaId, SubmissionId};
use crate::phone::synchronise::{Answer, Next, Snapshot};
use crate::submission::{SubmissionState, SubmissionStatus};
use crate::sync::{Epoch, PullAnswer, PullItem, StreamName, item_kind};
use crate::text::Language;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use uuid::Uuid;

type Failed = Box<dyn std::error::Error>;

const KIB: u64 = 1024;
const SUBMISSION: SubmissionId = SubmissionId(Uuid::from_u128(7));

fn file(number: u128, size_bytes: u64) -> Result<MediaEntry, Failed> {
    Ok(MediaEntry {
        media_id: MediaId(Uuid::from_u128(number)),
        submission_id: SUBMISSION,
        path: "/photo".parse()?,
        file_name: format!("{number}.jpg"),
        sha256: ContentHash::of(&[]),
        size_bytes,
        content_type: "image/jpeg".to_owned(),
        capture: None,
        preview_of: None,
        sent_bytes: None,
        state: MediaState::Waiting,
    })
}

fn refusal(code: ProblemCode, status: u16) -> Answer {
    Answer::Failed(Failure::Problem(Box::new(Problem { status, ..Problem::new(code, Language::Zh) })))
}

/// The phone's disk, the server's, and all that went over the wire.
struct World {
    disk: BTreeMap<MediaId, MediaEntry>,
    speed: Option<u64>,
    server: BTreeMap<MediaId, u64>,
    asked: Vec<FilePart>,
    now: DateTime<Utc>,
    may_go: bool,
    /// The account is: what the phone was told of missing files stays.
    disabled: bool,
}

impl World {
    fn with(files: Vec<MediaEntry>) -> Self {
        Self {
            disk: files.into_iter().map(|file| (file.media_id, file)).collect(),
            speed: None,
            server: BTreeMap::new(),
            asked: Vec::new(),
            now: DateTime::UNIX_EPOCH,
            may_go: true,
            disabled: false,
        }
    }

    /// What an honest server does.
    fn serve(&mut self, part: &FilePart) -> Answer {
        let id = part.entry.media_id;
        let here = self.server.get(&id).copied();
        match (part.act, here) {
            (FileAct::Ask, Some(offset)) => Answer::Upload(Standing::At(offset)),
            (FileAct::Ask, None) => Answer::Upload(Standing::Unknown),
            (FileAct::Begin { length }, None) => {
                self.server.insert(id, length);
                Answer::Upload(Standing::At(length))
            }
            (FileAct::Append { from, length }, Some(offset)) if offset == from => {
                self.server.insert(id, from + length);
                Answer::Upload(Standing::At(from + length))
            }
            (FileAct::Append { .. }, None) => refusal(ProblemCode::NotFound, 404),
            _ => refusal(ProblemCode::InvalidRequest, 409),
        }
    }

    /// A whole sync; `network` says what becomes of each request, and may let
    /// the server hear it or not.
    fn sync(
        &mut self,
        network: &mut dyn FnMut(&mut Self, &FilePart) -> Answer,
    ) -> Result<Option<Failure>, Failed> {
        let state = crate::phone::SyncState {
            cursor: Some("1".to_owned()),
            upload_bytes_per_s: self.speed,
            ..Default::default()
        };
        let snapshot = Snapshot {
            state,
            media: self.disk.values().cloned().collect(),
            bytes: self.disk.keys().copied().collect(),
            // What it was told before it was.
            statuses: if self.disabled { vec![self.status(self.disk.values())] } else { Vec::new() },
            ..Snapshot::default()
        };
        let (mut machine, mut step) = Synchronisation::begin(DeviceId(Uuid::from_u128(1)), snapshot);
        loop {
            for write in &step.writes.0 {
                let crate::store::Write::Put(table, row) = write else { continue };
                if *table == Table::Media {
                    let entry: MediaEntry = crate::store::decode(row)?;
                    self.disk.insert(entry.media_id, entry);
                } else if row.key == STATE_KEY {
                    self.speed = crate::store::decode::<crate::phone::SyncState>(row)?.upload_bytes_per_s;
                }
            }
            let asked = match step.next {
                Next::Finished(report) => return Ok(report.failure),
                Next::Send(asked) => asked,
            };
            let answer = match &asked {
                Request::Pull(_) if self.disabled => refusal(ProblemCode::AccountDisabled, 403),
                Request::Pull(_) => Answer::Pull(self.news()?),
                Request::Upload(part) => {
                    self.asked.push((**part).clone());
                    network(self, part)
                }
                other => return Err(format!("{other:?}").into()),
            };
            machine.let_files_go(self.may_go);
            step = machine.step(&asked, answer, self.now);
        }
    }

    /// What the server misses of the submission.
    fn news(&self) -> Result<PullAnswer, Failed> {
        let whole = |entry: &MediaEntry| self.server.get(&entry.media_id) == Some(&entry.size_bytes);
        let status = self.status(self.disk.values().filter(|entry| !whole(entry)));
        let stream: StreamName = "user:00000000-0000-0000-0000-000000000005".parse()?;
        let item = PullItem {
            stream,
            seq: 1,
            kind: item_kind::SUBMISSION.to_owned(),
            id: SUBMISSION.0,
            body: Some(serde_json::to_value(status)?),
        };
        Ok(PullAnswer {
            epoch: Epoch(1),
            server_time: self.now,
            last_seq: 0,
            drop: Vec::new(),
            items: vec![item],
            cursor: "1".to_owned(),
            more: false,
            min_app: 1,
            hash: BTreeMap::new(),
            command: None,
        })
    }

    fn status<'a>(&self, missing: impl Iterator<Item = &'a MediaEntry>) -> SubmissionStatus {
        SubmissionStatus {
            submission_id: SUBMISSION,
            root_id: SUBMISSION,
            revision: 1,
            form_id: "visit".to_owned(),
            form_version_id: FormVersionId(Uuid::from_u128(3)),
            case_id: CaseId(Uuid::from_u128(4)),
            task_id: None,
            state: SubmissionState::Submitted,
            sha256: ContentHash::of(&[]),
            received_at: self.now,
            decided_at: None,
            comments: Vec::new(),
            media_missing: missing.map(|entry| entry.media_id).collect(),
            media_quarantined: Vec::new(),
            content: None,
        }
    }

    fn words(&self) -> Vec<String> {
        self.asked
            .iter()
            .map(|part| {
                let (from, to) = part.range();
                format!("{} {}-{}", part.method(), from / KIB, to / KIB)
            })
            .collect()
    }
}

fn works(world: &mut World, part: &FilePart) -> Answer {
    world.serve(part)
}

/// `bytes_per_s`, measured by the clock that the machine is told.
fn at_speed(bytes_per_s: u64) -> impl FnMut(&mut World, &FilePart) -> Answer {
    move |world, part| {
        let (from, to) = part.range();
        world.now += TimeDelta::milliseconds(i64::try_from((to - from) * 1000 / bytes_per_s).unwrap_or(0));
        world.serve(part)
    }
}

const NONE: [&str; 0] = [];

#[test]
fn a_small_file_is_one_request_and_previews_go_first() -> Result<(), Failed> {
    let (first, second) = (file(1, 260 * KIB)?, file(2, 90 * KIB)?);
    let preview = MediaEntry { preview_of: Some(second.media_id), ..file(3, 15 * KIB)? };
    let mut world = World::with(vec![first, second, preview]);
    assert_eq!(world.sync(&mut works)?, None);
    assert_eq!(world.words(), ["POST 0-15", "POST 0-260", "POST 0-90"]);
    assert!(world.disk.values().all(|entry| entry.state == MediaState::Stored));
    world.asked.clear();
    assert_eq!(world.sync(&mut works)?, None);
    assert_eq!(world.words(), NONE, "what is there is not sent again");
    Ok(())
}

#[test]
fn a_large_file_goes_in_pieces_of_about_ten_seconds() -> Result<(), Failed> {
    let mut world = World::with(vec![file(1, 700 * KIB)?]);
    assert_eq!(world.sync(&mut at_speed(10 * KIB))?, None);
    let pieces = ["POST 0-256", "PATCH 256-356", "PATCH 356-456", "PATCH 456-556", "PATCH 556-656"];
    assert_eq!(world.words()[..5], pieces);
    assert_eq!(world.server[&MediaId(Uuid::from_u128(1))], 700 * KIB);
    // The next sync knows the network.
    world.disk.insert(MediaId(Uuid::from_u128(2)), file(2, 700 * KIB)?);
    world.asked.clear();
    assert_eq!(world.sync(&mut at_speed(10 * KIB))?, None);
    assert_eq!(world.words()[0], "POST 0-100");
    Ok(())
}

/// Whatever the network does at whichever request, the file arrives, and the
/// phone sends nothing again that it knows to be there.
#[test]
fn after_any_cut_it_goes_on_where_the_server_stands() -> Result<(), Failed> {
    for broken in 0..6 {
        for heard in [false, true] {
            let mut world = World::with(vec![file(1, 700 * KIB)?]);
            let (mut request, mut failures) = (0, 0);
            for _ in 0..4 {
                let failure = world.sync(&mut |world, part| {
                    request += 1;
                    // Once, whole or with half of the piece at the server.
                    if request - 1 != broken {
                        return world.serve(part);
                    }
                    let (from, to) = part.range();
                    if heard {
                        world.serve(part);
                    } else if from < to {
                        world.server.insert(part.entry.media_id, from + (to - from) / 2);
                    }
                    Answer::Failed(Failure::NoConnection)
                })?;
                failures += usize::from(failure.is_some());
            }
            assert_eq!(world.server[&MediaId(Uuid::from_u128(1))], 700 * KIB, "{broken} {heard}");
            assert!(failures <= 1, "one cut ends at most one sync");
            let mut known = 0;
            for part in world.asked.iter().filter(|part| part.act != FileAct::Ask) {
                assert!(part.range().0 >= known, "{:?}", world.words());
                known = part.range().0;
            }
        }
    }
    Ok(())
}

#[test]
fn an_upload_that_the_server_forgot_begins_anew() -> Result<(), Failed> {
    let begun = MediaEntry { sent_bytes: Some(99), ..file(1, 300 * KIB)? };
    let mut world = World::with(vec![begun]);
    assert_eq!(world.sync(&mut works)?, None);
    assert_eq!(world.words(), ["HEAD 0-0", "POST 0-300"]);
    // In the middle, too: a server that is put back from a backup.
    let mut world = World::with(vec![file(1, 700 * KIB)?]);
    let mut forgets = true;
    let failure = world.sync(&mut |world, part| {
        if matches!(part.act, FileAct::Append { .. }) && std::mem::take(&mut forgets) {
            world.server.clear();
        }
        world.serve(part)
    })?;
    assert_eq!(failure, None);
    assert_eq!(world.words()[2..4], ["HEAD 0-0", "POST 0-511"], "half of a MiB, in whole seconds");
    assert_eq!(world.server[&MediaId(Uuid::from_u128(1))], 700 * KIB);
    Ok(())
}

/// Seeds 2991 and 3309 of the simulation: who is not told any more that it has
/// arrived asked in every sync.
#[test]
fn a_disabled_account_sends_its_files_once() -> Result<(), Failed> {
    let mut world = World { disabled: true, ..World::with(vec![file(1, 9 * KIB)?]) };
    for _ in 0..3 {
        let failure = world.sync(&mut works)?;
        assert!(
            matches!(failure, Some(Failure::Problem(problem)) if problem.code == ProblemCode::AccountDisabled)
        );
        assert_eq!(world.words(), ["POST 0-9"]);
    }
    Ok(())
}

#[test]
fn another_writer_is_waited_for_and_does_not_stop_the_next() -> Result<(), Failed> {
    let mut world = World::with(vec![file(1, 9 * KIB)?, file(2, 9 * KIB)?]);
    let first = MediaId(Uuid::from_u128(1));
    let failure = world.sync(&mut |world, part| {
        if part.entry.media_id == first {
            return refusal(ProblemCode::InvalidRequest, 423);
        }
        world.serve(part)
    })?;
    let waits = |failure: &Failure| crate::phone::backoff::wait_ms(failure, 1, 0.5).is_some();
    assert!(failure.as_ref().is_some_and(waits));
    assert_eq!(world.server.len(), 1, "the second is there");
    assert_eq!(world.sync(&mut works)?, None);
    assert_eq!(world.server.len(), 2);
    Ok(())
}

#[test]
fn a_file_that_can_never_be_taken_is_set_aside_with_its_reason() -> Result<(), Failed> {
    for (code, status) in [(ProblemCode::MediaNotAnImage, 415), (ProblemCode::TooLarge, 413)] {
        let mut world = World::with(vec![file(1, 9 * KIB)?, file(2, 9 * KIB)?]);
        let mut first = true;
        let failure = world.sync(&mut |world, part| {
            if std::mem::take(&mut first) { refusal(code, status) } else { world.serve(part) }
        })?;
        assert_eq!(failure, None);
        let state = &world.disk[&MediaId(Uuid::from_u128(1))].state;
        assert_eq!(*state, MediaState::SetAside { problem: code.code().to_owned() });
        assert_eq!(world.server.len(), 1);
    }
    // One whose whole hash was another is sent all over again.
    let mut world = World::with(vec![MediaEntry { sent_bytes: Some(KIB), ..file(1, 9 * KIB)? }]);
    let failure = world.sync(&mut |_, _| refusal(ProblemCode::MediaHashMismatch, 422))?;
    assert!(failure.is_some());
    assert_eq!(world.sync(&mut works)?, None);
    assert_eq!(world.words(), ["HEAD 0-0", "POST 0-9"]);
    Ok(())
}

#[test]
fn files_that_wait_for_a_better_network_stop_between_two_pieces() -> Result<(), Failed> {
    let mut world = World::with(vec![file(1, 700 * KIB)?]);
    world.may_go = false;
    assert_eq!(world.sync(&mut works)?, None);
    assert_eq!(world.words(), NONE);
    world.may_go = true;
    let failure = world.sync(&mut |world, part| {
        world.may_go = false;
        world.serve(part)
    })?;
    assert_eq!((failure, world.words()), (None, vec!["POST 0-256".to_owned()]));
    let entry = &world.disk[&MediaId(Uuid::from_u128(1))];
    assert_eq!((entry.sent_bytes, &entry.state), (Some(256 * KIB), &MediaState::Waiting));
    world.may_go = true;
    assert_eq!(world.sync(&mut works)?, None);
    assert_eq!(world.words()[1..3], ["HEAD 0-0", "PATCH 256-512"]);
    Ok(())
}
