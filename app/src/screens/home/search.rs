//! Finding one case among all that are on the phone, while the name is typed.

use std::collections::BTreeMap;

use doorstep_core::case::CaseRecord;
use doorstep_core::ids::CaseId;
use doorstep_core::phone::TodayEntry;
use doorstep_form::order;

/// Fewer digits than this are no number that anybody knows a person by.
const DIGITS_MIN: usize = 3;
/// Numbers that are shorter (ages, counts) identify nobody.
const NUMBER_DIGITS_MIN: usize = 7;

/// Every case, and what it is found by.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct CaseIndex(Vec<Indexed>);

#[derive(Clone, Debug, PartialEq)]
struct Indexed {
    case: CaseRecord,
    /// Name and address, as [`plain`] has them.
    words: [String; 2],
    /// Identity and phone numbers, likewise.
    numbers: Vec<String>,
}

impl CaseIndex {
    pub(super) fn new(cases: Vec<CaseRecord>) -> Self {
        Self(cases.into_iter().map(Indexed::new).collect())
    }

    /// The cases that `query` finds: by name, address, or the last digits of a
    /// number. Those with an open task first, in its order.
    pub(super) fn find<'a>(
        &'a self,
        entries: &'a [TodayEntry],
        query: &str,
    ) -> Vec<(&'a CaseRecord, Option<&'a TodayEntry>)> {
        let query = plain(query);
        let is_number = query.chars().count() >= DIGITS_MIN
            && query.chars().all(|letter| letter.is_ascii_digit() || letter == 'x');
        let mut tasks: BTreeMap<CaseId, (usize, &TodayEntry)> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            tasks.entry(entry.task.case_id).or_insert((at, entry));
        }
        let mut found: Vec<(usize, &CaseRecord, Option<&TodayEntry>)> = self
            .0
            .iter()
            .filter(|indexed| indexed.matches(&query, is_number))
            .map(|indexed| match tasks.get(&indexed.case.id) {
                Some((at, entry)) => (*at, &indexed.case, Some(*entry)),
                None => (usize::MAX, &indexed.case, None),
            })
            .collect();
        order::sort_by(&mut found, |left, right| (left.0, &left.1.label).cmp(&(right.0, &right.1.label)));
        found.into_iter().map(|(_, case, entry)| (case, entry)).collect()
    }
}

impl Indexed {
    fn new(case: CaseRecord) -> Self {
        let address = case.properties.get("address").map(|address| plain(address)).unwrap_or_default();
        let numbers = case
            .properties
            .values()
            .map(|value| plain(value))
            .filter(|value| value.chars().count() >= NUMBER_DIGITS_MIN)
            .filter(|value| value.ends_with(|end: char| end.is_ascii_digit() || end == 'x'))
            .collect();
        Self { words: [plain(&case.label), address], numbers, case }
    }

    fn matches(&self, query: &str, is_number: bool) -> bool {
        self.words.iter().any(|words| words.contains(query))
            || (is_number && self.numbers.iter().any(|number| number.ends_with(query)))
    }
}

/// Without spaces and capitals, full-width letters and digits as plain ones.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| match letter {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect()
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

    fn task_of(number: u128) -> TodayEntry {
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
        TodayEntry { urgency: task.urgency(due_on), case: None, task, progress: TaskProgress::ToDo }
    }

    #[test]
    fn a_case_is_found_by_name_address_and_last_digits() {
        let index = CaseIndex::new(vec![
            case(1, "王小明", &[("address", "二组12号"), ("phone", "13800138000")]),
            case(2, "Wang Fang", &[("id_number", "61019919400315001X"), ("beds", "100")]),
        ]);
        let entries = [task_of(2)];
        let names = |query: &str| -> Vec<String> {
            index.find(&entries, query).into_iter().map(|(case, _)| case.label.clone()).collect()
        };
        assert_eq!(names("小明"), ["王小明"]);
        assert_eq!(names("wangf"), ["Wang Fang"], "spaces and capitals do not matter");
        assert_eq!(names("\u{ff11}\u{ff12}号"), ["王小明"], "full-width digits");
        assert_eq!(names("8000"), ["王小明"]);
        assert_eq!(names("001x"), ["Wang Fang"]);
        assert!(names("100").is_empty(), "a small number is no identity");
        assert!(names("李").is_empty());
        assert!(index.find(&entries, "fang").first().is_some_and(|(_, entry)| entry.is_some()));
    }

    #[test]
    fn whoever_is_to_be_visited_comes_first_and_then_by_name() {
        let index = CaseIndex::new(vec![case(1, "李乙", &[]), case(2, "李丙", &[]), case(3, "李丁", &[])]);
        let entries = [task_of(3), task_of(2)];
        let found: Vec<&str> =
            index.find(&entries, "李").into_iter().map(|(case, _)| case.label.as_str()).collect();
        assert_eq!(found, ["李丁", "李丙", "李乙"]);
    }
}
