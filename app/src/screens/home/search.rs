//! Finding one case among all that are on the phone, while the name is typed.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorstep_core::case::CaseRecord;
use doorstep_core::ids::CaseId;
use doorstep_core::phone::{CaseShelf, TodayEntry};
use doorstep_core::pinyin::{Letters, Place, plain};
use doorstep_core::store::StoreError;
use doorstep_form::order;

/// Fewer digits than this are no number that anybody knows a person by.
const DIGITS_MIN: usize = 3;
/// Numbers that are shorter (ages, counts) identify nobody.
const NUMBER_DIGITS_MIN: usize = 7;
/// A single letter begins a syllable of nearly every address.
const ADDRESS_LETTERS_MIN: usize = 2;
/// What ends a name, an address or a number; nobody can type it.
const END: char = '\t';

/// A case, and what is to be done there first.
type Row = (CaseId, Option<Arc<TodayEntry>>);

/// Every case, and what it is found by, in the order in which cases are shown:
/// those with an open task first, as Today has them, then by name.
#[derive(Clone, Debug, Default)]
pub(super) struct CaseIndex {
    rows: Vec<Row>,
    /// As [`plain`] has them.
    names: Lines,
    addresses: Lines,
    /// Identity and phone numbers, likewise.
    numbers: Lines,
}

/// How well a case fits what was typed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fit {
    /// It has the very characters.
    Text,
    /// The pinyin of the name begins so.
    NameBegins,
    /// There is such pinyin in the name or the address.
    Within,
}

/// The best first.
const FITS: [Fit; 3] = [Fit::Text, Fit::NameBegins, Fit::Within];

/// What a search found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) count: usize,
    /// As many as were asked for.
    pub(super) first: Vec<Row>,
}

impl CaseIndex {
    /// Reads the cases. `entries` are in the order of Today.
    ///
    /// # Errors
    /// When a stored case does not read.
    pub(super) fn new(cases: &CaseShelf, entries: &[Arc<TodayEntry>]) -> Result<Self, StoreError> {
        Ok(Self::of(cases.iter().collect::<Result<_, _>>()?, entries))
    }

    fn of(cases: Vec<CaseRecord>, entries: &[Arc<TodayEntry>]) -> Self {
        let mut tasks: BTreeMap<CaseId, usize> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            tasks.entry(entry.task.case_id).or_insert(at);
        }
        let mut placed: Vec<(usize, CaseRecord)> = cases
            .into_iter()
            .map(|case| (tasks.get(&case.id).copied().unwrap_or(usize::MAX), case))
            .collect();
        order::sort_by(&mut placed, |left, right| (left.0, &left.1.label).cmp(&(right.0, &right.1.label)));
        let mut index = Self::default();
        for (at, case) in placed {
            index.names.add([plain(&case.label)].into_iter());
            index.addresses.add(case.properties.get("address").map(|address| plain(address)).into_iter());
            index.numbers.add(case.properties.values().map(|value| plain(value)).filter(|value| {
                value.chars().count() >= NUMBER_DIGITS_MIN
                    && value.ends_with(|end: char| end.is_ascii_digit() || end == 'x')
            }));
            index.rows.push((case.id, entries.get(at).cloned()));
        }
        index
    }

    /// The cases that `query` finds: by name and address, as they are written
    /// or by their pinyin, or by the last digits of a number.
    pub(super) fn find(&self, query: &str, most: usize) -> Found {
        let query = plain(query);
        let length = query.chars().count();
        let is_number =
            length >= DIGITS_MIN && query.chars().all(|letter| letter.is_ascii_digit() || letter == 'x');
        let mut fits = vec![None; self.rows.len()];
        self.names.find(&query, &mut fits);
        self.addresses.find(&query, &mut fits);
        if is_number {
            self.numbers.find(&format!("{query}{END}"), &mut fits);
        }
        if let Some(letters) = Letters::new(&query) {
            self.names.find_letters(&letters, &mut fits, |place| match place {
                Place::Start => Fit::NameBegins,
                Place::Inside => Fit::Within,
            });
            if length >= ADDRESS_LETTERS_MIN {
                self.addresses.find_letters(&letters, &mut fits, |_| Fit::Within);
            }
        }
        let fitting = |wanted: Fit| {
            self.rows.iter().zip(&fits).filter(move |(_, fit)| **fit == Some(wanted)).map(|(row, _)| row)
        };
        Found {
            count: fits.iter().flatten().count(),
            first: FITS.into_iter().flat_map(fitting).take(most).cloned().collect(),
        }
    }
}

/// A line of text for each case, all in one: ten thousand are looked through
/// while a finger is still on the key.
#[derive(Clone, Debug, Default)]
struct Lines {
    text: String,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Lines {
    fn add(&mut self, words: impl Iterator<Item = String>) {
        for word in words {
            self.text.push_str(&word);
            self.text.push(END);
        }
        self.ends.push(self.text.len());
    }

    /// Marks the lines that have `wanted` in them.
    fn find(&self, wanted: &str, fits: &mut [Option<Fit>]) {
        let mut lines = self.ends.iter().zip(fits).peekable();
        for (at, _) in self.text.match_indices(wanted) {
            while lines.next_if(|(end, _)| **end <= at).is_some() {}
            if let Some((_, fit)) = lines.peek_mut() {
                **fit = Some(Fit::Text);
            }
        }
    }

    /// Marks those of the other lines in which `letters` can be read.
    fn find_letters(&self, letters: &Letters, fits: &mut [Option<Fit>], fit_at: fn(Place) -> Fit) {
        let mut start = 0;
        for (end, fit) in self.ends.iter().zip(fits) {
            if fit.is_none() {
                *fit = self.text.get(start..*end).and_then(|line| letters.find(line)).map(fit_at);
            }
            start = *end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;
    use doorstep_core::case::CaseStatus;
    use doorstep_core::ids::{AreaId, TaskId};
    use doorstep_core::phone::TaskProgress;
    use doorstep_core::role::Role;
    use doorstep_core::task::{TaskOrigin, TaskRecord, TaskState};
    use uuid::Uuid;

    fn case(number: u128, label: &str, properties: &[(&str, &str)]) -> CaseRecord {
        CaseRecord {
            id: CaseId(Uuid::from_u128(number)),
            kind: "elder".into(),
            parent: None,
            area_id: AreaId(Uuid::from_u128(9)),
            county: "610199".into(),
            label: label.into(),
            status: CaseStatus::Open,
            properties: properties
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            last_visits: BTreeMap::new(),
            version: 1,
        }
    }

    fn task_of(number: u128) -> Arc<TodayEntry> {
        let due_on = NaiveDate::default();
        let task = TaskRecord {
            id: TaskId(Uuid::from_u128(number)),
            case_id: CaseId(Uuid::from_u128(number)),
            form_id: "elder_visit".into(),
            assignee: None,
            role: Role::GridWorker,
            opens_on: due_on,
            due_on,
            grace_until: due_on,
            origin: TaskOrigin::Manual,
            state: TaskState::Open,
        };
        let urgency = task.urgency(due_on);
        Arc::new(TodayEntry { urgency, label: None, task, progress: TaskProgress::ToDo })
    }

    /// The numbers that [`case`] gave the cases that were found.
    fn found(index: &CaseIndex, query: &str) -> Vec<u128> {
        index.find(query, 50).first.into_iter().map(|(id, _)| id.0.as_u128()).collect()
    }

    #[test]
    fn a_case_is_found_by_name_address_and_last_digits() {
        let cases = vec![
            case(1, "王小明", &[("address", "二组12号"), ("phone", "13800138000")]),
            case(2, "Wang Fang", &[("id_number", "61019919400315001X"), ("beds", "100")]),
        ];
        let index = CaseIndex::of(cases, &[task_of(2)]);
        assert_eq!(found(&index, "小明"), [1]);
        assert_eq!(found(&index, "wangf"), [2], "spaces and capitals do not matter");
        assert_eq!(found(&index, "\u{ff11}\u{ff12}号"), [1], "full-width digits");
        assert_eq!(found(&index, "8000"), [1]);
        assert_eq!(found(&index, "001x"), [2]);
        assert_eq!(found(&index, "1380"), [0; 0], "a number is known by its end");
        assert_eq!(found(&index, "明二"), [0; 0], "a name ends before the address");
        assert_eq!(found(&index, "100"), [0; 0], "a small number is no identity");
        assert_eq!(found(&index, "李"), [0; 0]);
        assert!(index.find("fang", 50).first.iter().all(|(_, entry)| entry.is_some()));
    }

    #[test]
    fn a_case_is_found_by_its_pinyin() {
        let cases = vec![
            case(1, "张桂花", &[("address", "东街12号")]),
            case(2, "阿依古丽·买买提", &[("phone", "13800138000")]),
            case(3, "李东", &[]),
        ];
        let index = CaseIndex::of(cases, &[]);
        for query in ["zgh", "ZGH", "zhang gui", "zhang'gui'hua", "\u{ff3a}\u{ff27}\u{ff28}", "gh", "张gh"] {
            assert_eq!(found(&index, query), [1], "{query}");
        }
        assert_eq!(found(&index, "ayglmmt"), [2], "a name of two parts");
        assert_eq!(found(&index, "古丽买"), [2]);
        assert_eq!(found(&index, "dongjie12"), [1]);
        assert_eq!(found(&index, "j"), [0; 0], "one letter is too little for an address");
        assert_eq!(found(&index, "000z"), [0; 0]);
        assert_eq!(found(&index, "hd"), [0; 0], "a name ends before the address");
    }

    #[test]
    fn what_is_written_comes_first_and_then_names_that_begin_so() {
        let cases = vec![
            case(1, "王东", &[("address", "丽都花园")]),
            case(2, "李东", &[]),
            case(3, "王立丹", &[]),
            case(4, "张Lidia", &[]),
        ];
        let index = CaseIndex::of(cases, &[task_of(1), task_of(3)]);
        assert_eq!(found(&index, "lid"), [4, 2, 1, 3]);
        assert_eq!(index.find("lid", 2).count, 4);
    }

    #[test]
    fn whoever_is_to_be_visited_comes_first_and_then_by_name() {
        let cases =
            vec![case(1, "李乙", &[]), case(4, "王甲", &[]), case(2, "李丙", &[]), case(3, "李丁", &[])];
        let index = CaseIndex::of(cases, &[task_of(3), task_of(2), task_of(3)]);
        assert_eq!(found(&index, "李"), [3, 2, 1]);
        let first = index.find("李", 2);
        assert_eq!((first.count, first.first.len()), (3, 2));
    }
}
