//! Dates, durations and codes in words. Pure: *today* and the zone are
//! arguments.

mod measures;

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, TimeDelta, Utc};
use doorstep_core::area::{AreaLevel, AreaRecord};
use doorstep_core::case::{CaseRecord, CaseStatus};
use doorstep_core::ids::AreaId;
use doorstep_core::pack::Pack;
use doorstep_core::phone::records::line_of;
use doorstep_core::submission::{Place, SubmissionState};
use doorstep_core::sync::ParkReason;
use doorstep_core::task::{TaskRecord, TaskState, Urgency};
use doorstep_core::text::{Language, LocalText};

use crate::ui::Tone;
pub(super) use measures::{bytes, distance, exactly, span};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Chooses between the two languages.
fn either(language: Language, zh: impl Into<String>, en: impl Into<String>) -> String {
    match language {
        Language::Zh => zh.into(),
        Language::En => en.into(),
    }
}

/// `1 photo`, `2 photos`: English counts in two forms.
fn counted(number: i64, one: &str, more: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {more}") }
}

/// `11月24日` or `24 Nov`; with the year when it is another than today's.
pub(super) fn day(language: Language, date: NaiveDate, today: NaiveDate) -> String {
    let month = usize::try_from(date.month0()).ok().and_then(|month| MONTHS.get(month)).copied();
    let short = either(
        language,
        format!("{}月{}日", date.month(), date.day()),
        format!("{} {}", date.day(), month.unwrap_or_default()),
    );
    if date.year() == today.year() {
        return short;
    }
    either(language, format!("{}年{short}", date.year()), format!("{short} {}", date.year()))
}

/// `今天 09:30`, `昨天 09:30`, `11月24日 09:30`, in the zone of `at`.
pub(super) fn moment(language: Language, at: DateTime<FixedOffset>, today: NaiveDate) -> String {
    let date = at.date_naive();
    let day = match (today - date).num_days() {
        0 => either(language, "今天", "Today"),
        1 => either(language, "昨天", "Yesterday"),
        _ => day(language, date, today),
    };
    format!("{day} {}", at.format("%H:%M"))
}

/// A server's moment in the phone's zone, as [`moment`].
pub(super) fn moment_here(language: Language, at: DateTime<Utc>, now: DateTime<FixedOffset>) -> String {
    moment(language, at.with_timezone(now.offset()), now.date_naive())
}

/// `刚刚`, `5 分钟前`, `3 小时前`, `2 天前`.
pub(super) fn ago(language: Language, since: TimeDelta) -> String {
    let (minutes, hours, days) = (since.num_minutes(), since.num_hours(), since.num_days());
    if minutes < 1 {
        either(language, "刚刚", "just now")
    } else if hours < 1 {
        either(language, format!("{minutes} 分钟前"), format!("{minutes} min ago"))
    } else if days < 1 {
        either(language, format!("{hours} 小时前"), format!("{hours} h ago"))
    } else {
        either(language, format!("{days} 天前"), format!("{} ago", counted(days, "day", "days")))
    }
}

/// `25 分钟`, `1 小时 5 分钟`.
pub(super) fn duration(language: Language, length: TimeDelta) -> String {
    let minutes = length.num_minutes().max(0);
    match (minutes / 60, minutes % 60) {
        (0, 0) => either(language, "不到 1 分钟", "under 1 min"),
        (0, rest) => either(language, format!("{rest} 分钟"), format!("{rest} min")),
        (hours, 0) => either(language, format!("{hours} 小时"), format!("{hours} h")),
        (hours, rest) => {
            either(language, format!("{hours} 小时 {rest} 分钟"), format!("{hours} h {rest} min"))
        }
    }
}

/// When a task is due, seen from today: `逾期 3 天`, `今天到期`, `还有 5 天`.
pub(super) fn due(language: Language, task: &TaskRecord, today: NaiveDate) -> String {
    let late_days = (today - task.due_on).num_days();
    let left_days = -late_days;
    match task.urgency(today) {
        Urgency::Overdue => either(
            language,
            format!("逾期 {late_days} 天"),
            format!("{} overdue", counted(late_days, "day", "days")),
        ),
        Urgency::Late => either(
            language,
            format!("超期 {late_days} 天"),
            format!("{} late", counted(late_days, "day", "days")),
        ),
        Urgency::DueToday => either(language, "今天到期", "Due today"),
        Urgency::Due if left_days == 1 => either(language, "明天到期", "Due tomorrow"),
        Urgency::Due => either(
            language,
            format!("还有 {left_days} 天"),
            format!("{} left", counted(left_days, "day", "days")),
        ),
        Urgency::Upcoming => {
            let opens = day(language, task.opens_on, today);
            either(language, format!("{opens}起"), format!("From {opens}"))
        }
    }
}

/// How loudly to say [`due`].
pub(super) fn due_tone(urgency: Urgency) -> Tone {
    match urgency {
        Urgency::Overdue => Tone::Bad,
        Urgency::Late | Urgency::DueToday => Tone::Warning,
        Urgency::Due => Tone::Info,
        Urgency::Upcoming => Tone::Plain,
    }
}

/// A property's value in the words of the pack; codes of a list one by one.
/// What the pack has no words for stays as it is.
pub(super) fn value(
    language: Language,
    pack: Option<&Pack>,
    kind: &str,
    property: &str,
    value: &str,
) -> String {
    let Some(known) = pack.and_then(|pack| pack.property(kind, property)) else {
        return value.to_owned();
    };
    if known.values.is_empty() {
        return value.to_owned();
    }
    let separator = match language {
        Language::Zh => "、",
        Language::En => ", ",
    };
    value
        .split_whitespace()
        .map(|code| known.values.get(code).map_or(code, |word| word.get(language)))
        .collect::<Vec<_>>()
        .join(separator)
}

/// What the pack calls a property.
pub(super) fn property(language: Language, pack: Option<&Pack>, kind: &str, name: &str) -> String {
    pack.and_then(|pack| pack.property(kind, name))
        .map_or_else(|| name.to_owned(), |known| known.label.get(language).to_owned())
}

/// What the pack calls a kind of case.
pub(super) fn kind(language: Language, pack: Option<&Pack>, kind: &str) -> String {
    pack.and_then(|pack| pack.kinds.iter().find(|known| known.kind == kind))
        .map_or_else(|| kind.to_owned(), |known| known.label.get(language).to_owned())
}

/// The risk of a case in the pack's words, and its colour; `None` when the
/// ledger does not know it yet.
pub(super) fn risk(language: Language, pack: Option<&Pack>, case: &CaseRecord) -> Option<(String, Tone)> {
    let code = case.properties.get("risk").filter(|code| !code.is_empty())?;
    Some((value(language, pack, &case.kind, "risk", code), risk_tone(code)))
}

/// The colours that risk levels are named after.
pub(super) fn risk_tone(code: &str) -> Tone {
    match code {
        "red" => Tone::Bad,
        "orange" | "yellow" => Tone::Warning,
        "blue" => Tone::Info,
        "green" => Tone::Good,
        _ => Tone::Plain,
    }
}

/// The property whose words say what an alert level means.
const LEVEL_PROPERTY: &str = "last_alert_level";
/// The property whose words say what an alert code means.
const CODES_PROPERTY: &str = "last_alert_codes";

/// An alert level of a form, 0 to 3, in the words of the pack, else in short.
pub(super) fn alert_level(language: Language, pack: Option<&Pack>, kind: &str, level: u8) -> String {
    let written = pack
        .and_then(|pack| pack.property(kind, LEVEL_PROPERTY))
        .and_then(|property| property.values.get(&level.to_string()));
    if let Some(word) = written.filter(|_| level > 0) {
        return word.get(language).to_owned();
    }
    match level {
        0 => either(language, "无预警", "No alert"),
        1 => either(language, "一般预警", "To follow up"),
        2 => either(language, "紧急预警", "Urgent"),
        _ => either(language, "立即报告", "Report at once"),
    }
}

/// How loudly to say [`alert_level`].
pub(super) fn alert_tone(level: u8) -> Tone {
    match level {
        0 => Tone::Good,
        1 => Tone::Info,
        2 => Tone::Warning,
        _ => Tone::Bad,
    }
}

/// Alert codes in the words of the pack; one that it has no words for stays.
pub(super) fn alerts(language: Language, pack: Option<&Pack>, kind: &str, codes: &[String]) -> Vec<String> {
    codes.iter().map(|code| value(language, pack, kind, CODES_PROPERTY, code)).collect()
}

/// Where a submission stands.
pub(super) fn submission_state(state: SubmissionState) -> LocalText {
    match state {
        SubmissionState::Submitted => LocalText::new("待审核", "Waits for review"),
        SubmissionState::Approved => LocalText::new("已通过", "Approved"),
        SubmissionState::Returned => LocalText::new("已退回", "Returned"),
        SubmissionState::Rejected => LocalText::new("未通过", "Rejected"),
    }
}

/// The colour of [`submission_state`].
pub(super) fn submission_tone(state: SubmissionState) -> Tone {
    match state {
        SubmissionState::Submitted => Tone::Info,
        SubmissionState::Approved => Tone::Good,
        SubmissionState::Returned => Tone::Warning,
        SubmissionState::Rejected => Tone::Bad,
    }
}

/// Whether a case is still visited.
pub(super) fn case_status(status: CaseStatus) -> LocalText {
    match status {
        CaseStatus::Open => LocalText::new("在册", "Open"),
        CaseStatus::Closed => LocalText::new("已结案", "Closed"),
    }
}

/// Where a task stands.
pub(super) fn task_state(state: TaskState) -> LocalText {
    match state {
        TaskState::Open => LocalText::new("待完成", "To do"),
        TaskState::Submitted => LocalText::new("已提交,待审核", "Sent, waits for review"),
        TaskState::Done => LocalText::new("已完成", "Done"),
        TaskState::Cancelled => LocalText::new("已取消", "Cancelled"),
    }
}

/// What a parked operation waits for.
pub(super) fn park_reason(reason: &ParkReason) -> LocalText {
    match reason {
        ParkReason::CaseUnknown => LocalText::new("台账中还没有该对象", "the case is not in the ledger yet"),
        ParkReason::FormUnknown => {
            LocalText::new("服务器上还没有这个表单版本", "this version of the form is not published yet")
        }
        ParkReason::AuthorRevoked => LocalText::new(
            "填写人的账号已停用或已不负责该片区",
            "the author's account is disabled or no longer covers the area",
        ),
        ParkReason::KindUnknown => {
            LocalText::new("服务器版本较旧,升级后处理", "the server is older and has to be updated first")
        }
        ParkReason::Unreadable => {
            LocalText::new("内容无法读取,请联系管理员", "it cannot be read: ask an administrator")
        }
        ParkReason::PreviousRevisionUnknown => {
            LocalText::new("等待之前的版本到达", "it waits for the revision before it")
        }
    }
}

/// `上河村 第一网格`: the names from `level` down to the area.
pub(super) fn area(areas: &BTreeMap<AreaId, AreaRecord>, id: AreaId, level: AreaLevel) -> String {
    let line = line_of(areas, id);
    let names: Vec<&str> =
        line.iter().filter(|area| area.level >= level).map(|area| area.name.as_str()).collect();
    names.join(" ")
}

/// `34.12345, 108.98765`, to about a metre.
pub(super) fn coordinates(place: &Place) -> String {
    format!("{:.5}, {:.5}", place.latitude_degrees, place.longitude_degrees)
}

/// How many of the expected photos have arrived; `None` when none is expected.
pub(super) fn photos_arrived(language: Language, stored: u32, expected: u32) -> Option<String> {
    (expected > 0).then(|| {
        either(
            language,
            format!("照片 {stored}/{expected} 已到"),
            format!("{stored} of {} arrived", counted(expected.into(), "photo", "photos")),
        )
    })
}

/// The number to dial, where a property holds one: `13800138000`,
/// `029-82720001`. Identity numbers are longer, dates have no such beginning.
pub(super) fn phone_number(value: &str) -> Option<String> {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let others: String = value.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    let mobile = digits.len() == 11 && digits.starts_with('1');
    let landline = (10..=12).contains(&digits.len()) && digits.starts_with('0');
    let plain = others.len() <= 3 && others.chars().all(|letter| "+- ()".contains(letter));
    (plain && (mobile || landline)).then_some(digits)
}

/// The first characters of a hash, enough to compare by eye.
pub(super) fn short_hash(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// `N visits, M photos not sent`; `None` when all is sent.
pub(super) fn unsent(language: Language, visits: usize, files: usize) -> Option<String> {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let (zh, en) = match (visits, files) {
        (0, 0) => return None,
        (visits, 0) => (format!("{visits} 次走访"), counted(number(visits), "visit", "visits")),
        (0, files) => (format!("{files} 张照片"), counted(number(files), "photo", "photos")),
        (visits, files) => (
            format!("{visits} 次走访、{files} 张照片"),
            format!(
                "{}, {}",
                counted(number(visits), "visit", "visits"),
                counted(number(files), "photo", "photos")
            ),
        ),
    };
    Some(either(language, format!("{zh}未上传"), format!("{en} not sent")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorstep_core::ids::{CaseId, TaskId};
    use doorstep_core::pack::Property;
    use doorstep_core::role::Role;
    use doorstep_core::task::TaskOrigin;
    use uuid::Uuid;

    const ZH: Language = Language::Zh;
    const EN: Language = Language::En;

    fn date(month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, month, day).unwrap_or_default()
    }

    fn task() -> TaskRecord {
        TaskRecord {
            id: TaskId(Uuid::from_u128(1)),
            case_id: CaseId(Uuid::from_u128(2)),
            form_id: "elder_visit".into(),
            assignee: None,
            role: Role::GridWorker,
            opens_on: date(11, 18),
            due_on: date(11, 24),
            grace_until: date(11, 26),
            origin: TaskOrigin::Manual,
            state: TaskState::Open,
        }
    }

    #[test]
    fn dates_name_the_year_only_when_it_differs() {
        let last_year = NaiveDate::from_ymd_opt(2025, 12, 31).unwrap_or_default();
        assert_eq!(day(ZH, date(11, 4), date(11, 24)), "11月4日");
        assert_eq!(day(EN, date(11, 4), date(11, 24)), "4 Nov");
        assert_eq!(day(ZH, last_year, date(1, 1)), "2025年12月31日");
        assert_eq!(day(EN, last_year, date(1, 1)), "31 Dec 2025");
    }

    #[test]
    fn moments_are_today_or_yesterday_in_the_phones_zone() -> Result<(), chrono::ParseError> {
        let now = DateTime::parse_from_rfc3339("2026-11-24T08:00:00+08:00")?;
        let late = DateTime::parse_from_rfc3339("2026-11-23T23:30:00+00:00")?.with_timezone(&Utc);
        assert_eq!(moment_here(ZH, late, now), "今天 07:30");
        assert_eq!(moment_here(EN, late - TimeDelta::hours(9), now), "Yesterday 22:30");
        assert_eq!(moment_here(ZH, late - TimeDelta::days(3), now), "11月21日 07:30");
        Ok(())
    }

    #[test]
    fn being_due_is_said_in_days() {
        let task = task();
        for (on, zh, en) in [
            (date(11, 30), "逾期 6 天", "6 days overdue"),
            (date(11, 25), "超期 1 天", "1 day late"),
            (date(11, 24), "今天到期", "Due today"),
            (date(11, 23), "明天到期", "Due tomorrow"),
            (date(11, 20), "还有 4 天", "4 days left"),
            (date(11, 1), "11月18日起", "From 18 Nov"),
        ] {
            assert_eq!(due(ZH, &task, on), zh);
            assert_eq!(due(EN, &task, on), en);
        }
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(ago(ZH, TimeDelta::seconds(20)), "刚刚");
        assert_eq!(ago(ZH, TimeDelta::seconds(-20)), "刚刚", "a clock that was put back");
        assert_eq!(ago(EN, TimeDelta::hours(30)), "1 day ago");
        assert_eq!(duration(ZH, TimeDelta::minutes(65)), "1 小时 5 分钟");
        assert_eq!(duration(EN, TimeDelta::seconds(-5)), "under 1 min");
    }

    /// A pack with one property and its words.
    fn pack(property: &str, words: &[(&str, &str, &str)]) -> Pack {
        Pack {
            version: "1".into(),
            kinds: Vec::new(),
            properties: vec![Property {
                kind: "elder".into(),
                name: property.into(),
                label: LocalText::new("类别", "Category"),
                values: words
                    .iter()
                    .map(|(code, zh, en)| ((*code).to_owned(), LocalText::new(*zh, *en)))
                    .collect(),
                shown: true,
            }],
            forms: Vec::new(),
            writes: Vec::new(),
            prefill: Vec::new(),
            schedules: Vec::new(),
        }
    }

    #[test]
    fn codes_are_said_in_the_words_of_the_pack() {
        let pack = pack("cats", &[("alone", "独居", "Lives alone"), ("age80", "80岁以上", "Over 80")]);
        assert_eq!(value(ZH, Some(&pack), "elder", "cats", "alone age80"), "独居、80岁以上");
        assert_eq!(value(EN, Some(&pack), "elder", "cats", "alone x"), "Lives alone, x");
        assert_eq!(value(EN, Some(&pack), "elder", "address", "二组 12号"), "二组 12号");
        assert_eq!(property(ZH, Some(&pack), "elder", "cats"), "类别");
        assert_eq!(property(ZH, None, "elder", "cats"), "cats");
    }

    #[test]
    fn alerts_are_said_in_the_words_of_the_pack() {
        let pack = pack("last_alert_codes", &[("ABUSE", "疑似遭虐待", "Suspected abuse")]);
        let codes = ["ABUSE".to_owned(), "NEW_CODE".to_owned()];
        assert_eq!(alerts(ZH, Some(&pack), "elder", &codes), ["疑似遭虐待", "NEW_CODE"]);
        let pack = pack_of_levels();
        assert_eq!(alert_level(EN, Some(&pack), "elder", 2), "Within 24 hours");
        assert_eq!(alert_level(ZH, Some(&pack), "elder", 0), "无预警");
        assert_eq!(alert_level(ZH, None, "elder", 3), "立即报告");
    }

    fn pack_of_levels() -> Pack {
        pack("last_alert_level", &[("0", "无", "None"), ("2", "24小时内", "Within 24 hours")])
    }

    #[test]
    fn only_phone_numbers_are_dialled() {
        assert_eq!(phone_number("138 0013 8000").as_deref(), Some("13800138000"));
        assert_eq!(phone_number("029-82720001").as_deref(), Some("02982720001"));
        for other in ["61019919850315001X", "610199198503150017", "二组12号", "", "22345678901", "2026-11-24"]
        {
            assert_eq!(phone_number(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_unsent_is_counted() {
        assert_eq!(unsent(ZH, 0, 0), None);
        assert_eq!(unsent(ZH, 2, 3).as_deref(), Some("2 次走访、3 张照片未上传"));
        assert_eq!(unsent(EN, 1, 0).as_deref(), Some("1 visit not sent"));
        assert_eq!(unsent(EN, 0, 2).as_deref(), Some("2 photos not sent"));
    }
}
