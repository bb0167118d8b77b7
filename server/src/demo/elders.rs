//! The elders of the demonstration: about three hundred cases, with a history
//! of visits, entered into the ledger as an import would.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, FixedOffset, Months, NaiveDate, NaiveTime, TimeZone, Utc};
use doorstep_core::case::{CaseAction, CaseRecord, CaseStatus, changes_to};
use doorstep_core::ids::CaseId;
use doorstep_core::pack::{Interval, Pack, ScheduleRule};
use doorstep_core::role::Role;
use doorstep_core::schedule;
use doorstep_form::Rule;

use super::accounts::Account;
use super::county::{self, Grid};
use super::people::{Chance, Names, telephone};
use crate::cases::{self, NewEvent};
use crate::db::Transaction;
use crate::error::Result;
use crate::streams::Changes;

const KIND: &str = "elder";
const FORM: &str = "elder_visit";
/// Elders of each grid; the first grid is the one that `grid_worker` has.
const PER_GRID: usize = 15;
const IN_FIRST_GRID: usize = 17;
/// Days from today on which the visits of the first grid are due, person by
/// person: a day's work, with some of it late.
const FIRST_GRID_DUE_DAYS: [i64; IN_FIRST_GRID] = [0, -5, 1, 0, 2, -1, 4, 0, 3, -12, 6, 1, 9, -3, 0, 14, 5];

/// What the elders are made in.
pub(super) struct World<'a> {
    pub(super) pack: &'a Pack,
    pub(super) accounts: &'a [Account],
    pub(super) now: DateTime<Utc>,
    pub(super) today: NaiveDate,
}

type Properties = BTreeMap<String, String>;

/// Makes all of them; answers how many there are.
pub(super) async fn make(transaction: &Transaction, world: &World<'_>, chance: &mut Chance) -> Result<usize> {
    let mut names = Names::new();
    let mut count = 0;
    for (number, grid) in county::grids().iter().enumerate() {
        let first = number == 0;
        for person in 0..if first { IN_FIRST_GRID } else { PER_GRID } {
            let due_in_days = if first { FIRST_GRID_DUE_DAYS.get(person).copied() } else { None };
            let elder = Elder::new(world, grid, &mut names, chance, due_in_days);
            elder.enter(transaction, world, chance).await?;
            count += 1;
        }
    }
    Ok(count)
}

/// Somebody who is visited, and how the visits went.
struct Elder {
    id: CaseId,
    grid_code: String,
    name: String,
    /// As the ledger knows them after the last visit.
    properties: Properties,
    /// When the last visit that counts was; `None`: never visited.
    last_visit: Option<NaiveDate>,
    earlier_visits: u32,
    /// Somebody went there since and met nobody.
    failed_since: bool,
}

impl Elder {
    fn new(
        world: &World<'_>,
        grid: &Grid,
        names: &mut Names,
        chance: &mut Chance,
        due_in_days: Option<i64>,
    ) -> Self {
        let woman = chance.percent(56);
        let name = names.of(chance, woman);
        let age = chance.between(61, 95);
        let visited = due_in_days.is_some() || chance.percent(96);
        let mut properties = facts(chance, names, &name, woman);
        let birth_year = world.today.year() - i32::try_from(age).unwrap_or_default();
        properties.insert("birth_year".to_owned(), birth_year.to_string());
        let in_need = due_in_days.is_some() || chance.percent(88);
        properties.insert("cats".to_owned(), categories(chance, age, in_need));
        condition(chance, age, &mut properties);
        let last_visit = visited.then(|| {
            let due_in_days = due_in_days.unwrap_or_else(|| due_days(chance));
            last_visit(world, &properties, due_in_days, chance)
        });
        Self {
            id: CaseId(chance.identifier(world.now)),
            grid_code: grid.code.clone(),
            name,
            properties,
            earlier_visits: if last_visit.is_some() { chance.below(3) } else { 0 },
            failed_since: last_visit.is_some_and(|last| last < world.today) && chance.percent(4),
            last_visit,
        }
    }

    /// Enters the elder and the visits into the ledger, oldest first.
    async fn enter(self, transaction: &Transaction, world: &World<'_>, chance: &mut Chance) -> Result<()> {
        let area_id = county::find(transaction, &self.grid_code, world.today).await?;
        let importer = county::account_of(world.accounts, Role::County)?.id;
        let reviewer = county::account_of(world.accounts, Role::Supervisor)?.id;
        let opened_on =
            self.last_visit.and_then(|last| last.checked_sub_months(Months::new(4))).unwrap_or(world.today);
        let mut case = nobody(self.id);
        let mut record = async |actor, day, action, properties: &Properties| -> Result<()> {
            let event = NewEvent {
                case_id: self.id,
                submission_id: None,
                actor,
                at: moment(day).min(world.now),
                action,
                changes: changes_to(&case, properties),
            };
            // Planned as it was on that day: so the tasks that were done have
            // the dates they would have had.
            case = cases::record(transaction, world.pack, day, event, Changes::new()).await?.case;
            Ok(())
        };

        let mut known = self.properties.clone();
        for visited_only in ["risk", "risk_score", "last_contact", "last_alert_level", "mood"] {
            known.remove(visited_only);
        }
        let opened = CaseAction::Opened {
            kind: KIND.to_owned(),
            parent: None,
            area_id,
            county: county::CODE.to_owned(),
            label: self.name.clone(),
        };
        record(importer, opened_on, opened, &known).await?;
        let Some(last_visit) = self.last_visit else { return Ok(()) };
        for months_before in (1..=self.earlier_visits).rev() {
            let day = last_visit.checked_sub_months(Months::new(months_before)).unwrap_or(opened_on);
            let (risk, score) = risk(chance, 30);
            let earlier = Properties::from([
                ("risk".to_owned(), risk.to_owned()),
                ("risk_score".to_owned(), score.to_string()),
                ("last_contact".to_owned(), "met".to_owned()),
                ("last_alert_level".to_owned(), "0".to_owned()),
            ]);
            record(reviewer, day, visit(day, true), &earlier).await?;
        }
        record(reviewer, last_visit, visit(last_visit, true), &self.properties).await?;
        if self.failed_since {
            let day = last_visit.succ_opt().unwrap_or(last_visit).min(world.today);
            let failed = Properties::from([("last_contact".to_owned(), "noanswer".to_owned())]);
            record(reviewer, day, visit(day, false), &failed).await?;
        }
        Ok(())
    }
}

fn visit(visited_on: NaiveDate, counted: bool) -> CaseAction {
    CaseAction::Visited { form_id: FORM.to_owned(), visited_on, counted, closes: false }
}

/// Ten in the morning at the county's doors.
fn moment(day: NaiveDate) -> DateTime<Utc> {
    let morning = day.and_time(NaiveTime::from_hms_opt(10, 0, 0).unwrap_or_default());
    FixedOffset::east_opt(8 * 3600)
        .and_then(|china| china.from_local_datetime(&morning).single())
        .map_or_else(|| morning.and_utc(), |moment| moment.to_utc())
}

/// A case before its first event.
fn nobody(id: CaseId) -> CaseRecord {
    CaseRecord {
        id,
        kind: KIND.to_owned(),
        parent: None,
        area_id: county::id(),
        county: county::CODE.to_owned(),
        label: String::new(),
        status: CaseStatus::Open,
        properties: Properties::new(),
        last_visits: BTreeMap::new(),
        version: 0,
    }
}

/// Who and where.
fn facts(chance: &mut Chance, names: &mut Names, name: &str, woman: bool) -> Properties {
    let relation = chance.weighted(&[("儿子", 40), ("女儿", 35), ("侄子", 8), ("邻居", 10), ("孙女", 7)]);
    let surname: String = name.chars().take(1).collect();
    let contact = match relation {
        "邻居" => names.of(chance, true),
        relation => names.with_surname(chance, &surname, matches!(relation, "女儿" | "孙女")),
    };
    let group = chance.pick(&["一组", "二组", "三组", "四组", "五组", "六组"]);
    let mut properties: Properties = [
        ("sex", if woman { "2" } else { "1" }.to_owned()),
        ("address", format!("{group}{}号", chance.between(1, 68))),
        ("emergency_contact", format!("{contact}({relation})")),
        ("emergency_phone", telephone(chance)),
    ]
    .into_iter()
    .map(|(property, value)| (property.to_owned(), value))
    .collect();
    if chance.percent(70) {
        properties.insert("phone".to_owned(), telephone(chance));
    }
    properties
}

/// Codes of the list `elder_cat`, in its order.
fn categories(chance: &mut Chance, age: u32, in_need: bool) -> String {
    if !in_need {
        return if age >= 80 { "age80" } else { "none" }.to_owned();
    }
    let household = chance.weighted(&[("alone", 34), ("empty", 34), ("left", 22), ("", 10)]);
    let mut found: Vec<&str> = Vec::new();
    found.extend(Some(household).filter(|code| !code.is_empty()));
    for (code, percent) in [("disab", 9), ("sevdis", 5), ("onlychild", 3)] {
        if chance.percent(percent) {
            found.push(code);
        }
    }
    if found.is_empty() {
        found.push("left");
    }
    if age >= 80 {
        found.push("age80");
    }
    if age >= 75 && chance.percent(7) {
        found.push("dement");
    }
    if chance.percent(5) {
        found.push("tekun");
    }
    found.join(" ")
}

/// A risk as the visit form grades it, with a score of its range; `older`
/// moves it upwards.
fn risk(chance: &mut Chance, older: u32) -> (&'static str, u32) {
    match chance.below(100) + older / 3 {
        0..42 => ("green", chance.between(0, 3) * 5),
        42..80 => ("blue", chance.between(4, 7) * 5),
        80..98 => ("orange", chance.between(8, 11) * 5),
        _ => ("red", chance.between(12, 16) * 5),
    }
}

/// What the last visit found.
fn condition(chance: &mut Chance, age: u32, properties: &mut Properties) {
    let (risk, score) = risk(chance, age.saturating_sub(60));
    let badly = matches!(risk, "red" | "orange");
    let illness = chance.weighted(&[
        ("none", 24),
        ("bp", 26),
        ("bp heart", 10),
        ("dm", 10),
        ("bp dm", 9),
        ("heart", 8),
        ("other", 7),
        ("bp stroke", 3),
        ("cancer", 2),
        ("mental", 1),
    ]);
    let hazard = chance.weighted(&[
        ("none", 76),
        ("wire", 7),
        ("fire", 5),
        ("coal", 5),
        ("charge", 3),
        ("house", 2),
        ("gas", 2),
    ]);
    let services = chance.weighted(&[
        ("none", 52),
        ("meal", 12),
        ("clean", 9),
        ("med", 9),
        ("chat", 9),
        ("meal clean", 5),
        ("adapt", 4),
    ]);
    let needs = chance.weighted(&[
        ("none", 68),
        ("medical", 10),
        ("aids", 8),
        ("care", 6),
        ("temp", 4),
        ("house", 4),
    ]);
    let kin = if badly {
        chance.weighted(&[("never", 35), ("nokin", 20), ("year", 30), ("month", 15)])
    } else {
        chance.weighted(&[("week", 30), ("month", 40), ("year", 25), ("never", 5)])
    };
    let mobility = if badly {
        chance.weighted(&[("bad", 45), ("fair", 40), ("good", 15)])
    } else {
        chance.weighted(&[("good", 60), ("fair", 36), ("bad", 4)])
    };
    let level = if services == "none" { "0" } else { "1" };
    let found = [
        ("risk", risk.to_owned()),
        ("risk_score", score.to_string()),
        ("illnesses", illness.to_owned()),
        ("hazards", hazard.to_owned()),
        ("services_wanted", services.to_owned()),
        ("policy_needs", needs.to_owned()),
        ("kin_visits", kin.to_owned()),
        ("mobility", mobility.to_owned()),
        ("mood", chance.weighted(&[("good", 40), ("flat", 50), ("low", 10)]).to_owned()),
        ("last_contact", chance.weighted(&[("met", 88), ("proxy", 12)]).to_owned()),
        ("last_alert_level", level.to_owned()),
    ];
    properties.extend(found.into_iter().map(|(property, value)| (property.to_owned(), value)));
}

/// In how many days a visit is due: mostly still to come.
fn due_days(chance: &mut Chance) -> i64 {
    match chance.below(100) {
        0..8 => -i64::from(chance.between(2, 14)),
        8..14 => -1,
        14..24 => 0,
        24..50 => i64::from(chance.between(1, 5)),
        _ => i64::from(chance.between(6, 28)),
    }
}

/// The day of a last visit after which the next is due in `due_in_days`, by
/// the rule that holds for this elder. Nobody was visited tomorrow.
fn last_visit(
    world: &World<'_>,
    properties: &Properties,
    due_in_days: i64,
    chance: &mut Chance,
) -> NaiveDate {
    let mut case = nobody(CaseId(uuid::Uuid::nil()));
    case.properties = properties.clone();
    let rule = schedule::due_visits(world.pack, &case, world.today, &holds(world.now))
        .ok()
        .and_then(|due| due.into_iter().next())
        .and_then(|due| world.pack.schedules.iter().find(|rule| rule.rule == due.rule));
    let Some(rule) = rule else {
        let days_ago = u64::from(chance.between(20, 150));
        return world.today.checked_sub_days(Days::new(days_ago)).unwrap_or(world.today);
    };
    let longest_days = match rule.interval {
        Interval::Days(days) => i64::from(days),
        Interval::Months(months) => i64::from(months) * 28,
    };
    let shift = chrono::TimeDelta::days(due_in_days.min(longest_days - 1));
    let due_on = world.today.checked_add_signed(shift).unwrap_or(world.today);
    let last = match rule.interval {
        Interval::Days(days) => due_on.checked_sub_days(Days::new(days.into())),
        Interval::Months(months) => due_on.checked_sub_months(Months::new(months)),
    };
    last.unwrap_or(world.today).min(world.today)
}

/// Evaluates a rule's condition over a case's properties.
fn holds(now: DateTime<Utc>) -> impl Fn(&ScheduleRule, &CaseRecord) -> std::result::Result<bool, String> {
    move |rule, case| {
        let rule = Rule::parse(&rule.when).map_err(|error| error.to_string())?;
        let lookup = |name: &str| case.properties.get(name).cloned();
        rule.evaluate(&lookup, now.fixed_offset())
            .map(|value| value.to_boolean())
            .map_err(|error| error.to_string())
    }
}
