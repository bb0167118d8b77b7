//! Files beside the words of forms: fetched last of all, because a form can be
//! filled in without them, and what was captured goes first.

use std::collections::BTreeSet;

use super::{Synchronisation, send};
use crate::hash::ContentHash;
use crate::pack::FormFile;
use crate::phone::synchronise::{Failure, Request, Step};
use crate::problem::{Problem, ProblemCode};
use crate::store::{Batch, Durability, Entry, Table, Write};

/// Which files are on the phone, and which the server owes.
#[derive(Debug)]
pub(super) struct FormFiles {
    held: BTreeSet<ContentHash>,
    /// The server named them and does not have them: asked for once a sync.
    lost: BTreeSet<ContentHash>,
}

impl FormFiles {
    pub(super) fn new(held: BTreeSet<ContentHash>) -> Self {
        Self { held, lost: BTreeSet::new() }
    }
}

impl Synchronisation {
    /// The next file of a form that is in use, small ones first; then the end.
    pub(super) fn next_form_file(&mut self, writes: Batch) -> Step {
        let known = &self.form_files;
        let missing =
            |file: &&FormFile| !known.held.contains(&file.sha256) && !known.lost.contains(&file.sha256);
        let in_use = self.forms.values().filter(|form| form.current);
        let missing = in_use.flat_map(|form| form.files.iter().filter(missing).map(|file| (form.id, file)));
        let next = missing.min_by_key(|(_, file)| file.size_bytes);
        match next {
            Some((form, file)) => {
                send(writes, Durability::Relaxed, Request::FetchFormFile(form, file.clone()))
            }
            None => self.finish(writes, None),
        }
    }

    pub(super) fn form_file_fetched(&mut self, file: &FormFile, bytes: Vec<u8>) -> Step {
        if ContentHash::of(&bytes) != file.sha256 {
            // Cut off, or from somebody between.
            return self.finish(Batch::default(), Some(Failure::NoConnection));
        }
        let mut writes = Batch::default();
        let entry = Entry { key: file.sha256.to_string(), revision: 0, value: bytes };
        writes.0.push(Write::Put(Table::FormFile, entry));
        self.form_files.held.insert(file.sha256.clone());
        self.next_form_file(writes)
    }

    /// One that the server has lost does not keep the others away.
    pub(super) fn form_file_refused(&mut self, file: &FormFile, problem: &Problem) -> Step {
        if problem.code != ProblemCode::NotFound {
            return self.finish(Batch::default(), Some(Failure::Problem(Box::new(problem.clone()))));
        }
        self.form_files.lost.insert(file.sha256.clone());
        self.next_form_file(Batch::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{DeviceId, FormVersionId};
    use crate::pack::FormVersionRecord;
    use crate::phone::synchronise::{Answer, Next, Snapshot};
    use crate::sync::{Epoch, PullAnswer};
    use crate::text::{Language, LocalText};
    use chrono::{DateTime, Utc};
    use std::collections::BTreeMap;
    use uuid::Uuid;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn file(name: &str, bytes: &[u8]) -> FormFile {
        FormFile {
            name: name.to_owned(),
            sha256: ContentHash::of(bytes),
            size_bytes: bytes.len() as u64,
            content_type: "image/png".to_owned(),
        }
    }

    fn form(id: u128, current: bool, files: Vec<FormFile>) -> FormVersionRecord {
        FormVersionRecord {
            id: FormVersionId(Uuid::from_u128(id)),
            form_id: "stove".to_owned(),
            version: id.to_string(),
            title: LocalText::new("取暖", "Heating"),
            sha256: ContentHash::of(b"bundle"),
            size_bytes: 6,
            current,
            files,
        }
    }

    /// A sync of these forms, whose bundles are on the phone, after its pull.
    fn pulled(forms: Vec<FormVersionRecord>, held: &[FormFile]) -> (Synchronisation, Step) {
        let snapshot = Snapshot {
            bundles: forms.iter().map(|form| form.id).collect(),
            form_files: held.iter().map(|file| file.sha256.clone()).collect(),
            forms,
            ..Snapshot::default()
        };
        let (mut machine, step) = Synchronisation::begin(DeviceId(Uuid::from_u128(9)), snapshot);
        let Next::Send(asked) = step.next else { return (machine, step) };
        let answer = PullAnswer {
            epoch: Epoch(1),
            server_time: NOW,
            last_seq: 0,
            drop: Vec::new(),
            items: Vec::new(),
            cursor: "1".to_owned(),
            more: false,
            min_app: 1,
            hash: BTreeMap::new(),
            command: None,
        };
        let step = machine.step(&asked, Answer::Pull(answer), NOW);
        (machine, step)
    }

    fn asked(step: &Step) -> Option<&str> {
        match &step.next {
            Next::Send(Request::FetchFormFile(_, file)) => Some(&file.name),
            _ => None,
        }
    }

    /// Answers what a step asks for.
    fn go_on(machine: &mut Synchronisation, step: &Step, answer: Answer) -> Step {
        match &step.next {
            Next::Send(request) => machine.step(request, answer, NOW),
            Next::Finished(_) => Step {
                writes: Batch::default(),
                durability: Durability::Relaxed,
                next: Next::Finished(crate::phone::SyncReport::default()),
            },
        }
    }

    fn failure(step: &Step) -> Option<Option<Failure>> {
        match &step.next {
            Next::Finished(report) => Some(report.failure.clone()),
            Next::Send(_) => None,
        }
    }

    #[test]
    fn what_current_forms_name_is_fetched_once_and_small_files_first() {
        let (large, small, old) = (file("large", b"large"), file("small", b"s"), file("old", b"o"));
        let forms = vec![
            form(1, false, vec![old]),
            form(2, true, vec![large.clone(), small.clone()]),
            // Another name for the same bytes.
            form(3, true, vec![FormFile { name: "again".to_owned(), ..small }]),
        ];
        let (mut machine, step) = pulled(forms, &[]);
        assert_eq!(asked(&step), Some("small"));
        let step = go_on(&mut machine, &step, Answer::FormFile(b"s".to_vec()));
        let expected = Entry { key: ContentHash::of(b"s").to_string(), revision: 0, value: b"s".to_vec() };
        assert_eq!(step.writes.0, [Write::Put(Table::FormFile, expected)]);
        assert_eq!(asked(&step), Some("large"));
        let step = go_on(&mut machine, &step, Answer::FormFile(b"large".to_vec()));
        assert_eq!(failure(&step), Some(None));
    }

    #[test]
    fn what_is_on_the_phone_is_not_asked_for() {
        let held = file("held", b"held");
        let (_, step) = pulled(vec![form(1, true, vec![held.clone()])], &[held]);
        assert_eq!(failure(&step), Some(None));
    }

    #[test]
    fn a_file_that_was_cut_off_is_not_kept() {
        let (mut machine, step) = pulled(vec![form(1, true, vec![file("a", b"whole")])], &[]);
        let step = go_on(&mut machine, &step, Answer::FormFile(b"who".to_vec()));
        assert!(step.writes.is_empty());
        assert_eq!(failure(&step), Some(Some(Failure::NoConnection)));
    }

    #[test]
    fn a_file_that_the_server_lost_is_passed_over() {
        let forms = vec![form(1, true, vec![file("lost", b"l"), file("there", b"there")])];
        let (mut machine, step) = pulled(forms, &[]);
        assert_eq!(asked(&step), Some("lost"));
        let refused = |code| Answer::Failed(Failure::Problem(Box::new(Problem::new(code, Language::Zh))));
        let step = go_on(&mut machine, &step, refused(ProblemCode::NotFound));
        assert_eq!(asked(&step), Some("there"));
        let step = go_on(&mut machine, &step, refused(ProblemCode::Unavailable));
        assert!(matches!(failure(&step), Some(Some(Failure::Problem(_)))));
    }
}
