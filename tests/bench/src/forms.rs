//! Forms of any size, written as tables: sections of questions with relevance,
//! constraints and multiple choice, a running total through all sections, a
//! cascade of three selects, a repeat, and totals over everything.

use std::fmt::Write as _;

/// Questions outside the sections: a cascade, the repeat's, and the totals.
const OUTSIDE: usize = 3 + 10 + 4;
const A_SECTION: usize = 10;
const DISTRICTS: usize = 100;
const VILLAGES: usize = 2_000;

/// A form of about `questions` questions.
#[must_use]
pub fn sections(questions: usize) -> String {
    let mut form = Table::default();
    form.sheet(
        "survey",
        &["type", "name", "label", "relevant", "required", "constraint", "calculation", "choice_filter"],
    );
    form.row(&["select_one province", "province", "Province"]);
    form.row(&["select_one district", "district", "District", "", "", "", "", "province = ${province}"]);
    form.row(&["select_one village", "village", "Village", "", "", "", "", "district = ${district}"]);
    let sections = questions.saturating_sub(OUTSIDE) / A_SECTION;
    for number in 0..sections {
        section(&mut form, number);
    }
    member(&mut form);
    form.row(&["calculate", "n_members", "", "", "", "", "count(${member})"]);
    form.row(&["calculate", "n_adults", "", "", "", "", "sum(${m_adult})"]);
    form.row(&["calculate", "age_total", "", "", "", "", "sum(${m_age})"]);
    let all: Vec<String> = (0..sections).map(|number| format!("coalesce(${{b{number}_bmi}}, 0)")).collect();
    form.row(&["calculate", "grand", "", "", "", "", &all.join(" + ")]);
    form.sheet("choices", &["list_name", "name", "label", "province", "district"]);
    form.row(&["yes_no", "yes", "Yes"]);
    form.row(&["yes_no", "no", "No"]);
    for number in 1..=8 {
        form.row(&["symptom", &format!("s{number}"), &format!("Symptom {number}")]);
    }
    for number in 0..10 {
        form.row(&["province", &format!("p{number}"), &format!("Province {number}")]);
    }
    for number in 0..DISTRICTS {
        let province = format!("p{}", number % 10);
        form.row(&["district", &format!("d{number}"), &format!("District {number}"), &province]);
    }
    for number in 0..VILLAGES {
        let district = format!("d{}", number % DISTRICTS);
        form.row(&["village", &format!("v{number}"), &format!("Village {number}"), "", &district]);
    }
    form.sheet("settings", &["form_title", "form_id", "version"]);
    form.row(&[&format!("Bench {questions}"), &format!("bench{questions}"), "1"]);
    form.text
}

fn section(form: &mut Table, number: usize) {
    let before = number.checked_sub(1);
    let relevant = before.map_or_else(String::new, |before| format!("${{b{before}_age}} != 999"));
    let carried = before.map_or_else(|| "0".to_owned(), |before| format!("${{b{before}_total}}"));
    let own = |name: &str| format!("b{number}_{name}");
    let of = |name: &str| format!("${{b{number}_{name}}}");
    form.row(&["begin group", &format!("g{number}"), &format!("Section {number}"), &relevant]);
    form.row(&["integer", &own("age"), "Age", "", "yes", ". >= 0 and . <= 999"]);
    form.row(&["select_one yes_no", &own("ill"), "Ill?", &format!("{} > 4", of("age")), "yes"]);
    form.row(&[
        "text",
        &own("ill_detail"),
        "Detail",
        &format!("{} = 'yes'", of("ill")),
        "",
        "regex(., '^[A-Za-z ]{0,40}$')",
    ]);
    let weight = format!(". > 0 and . < 300 and (. < 50 or {} > 10)", of("age"));
    form.row(&["decimal", &own("weight"), "Weight", "", "", &weight]);
    let symptoms = format!("{} = 'yes' or {} < 30", of("ill"), of("weight"));
    form.row(&["select_multiple symptom", &own("sym"), "Symptoms", &symptoms]);
    let other = format!("selected({0}, 's3') and count-selected({0}) > 1", of("sym"));
    form.row(&["text", &own("sym_other"), "Other", &other]);
    let bmi = format!("if({0} > 0, round({0} div pow(1.6, 2), 1), 0)", of("weight"));
    form.row(&["calculate", &own("bmi"), "", "", "", "", &bmi]);
    form.row(&["date", &own("visit"), "Visit", "", "", ". <= today()"]);
    let total = format!("coalesce({}, 0) + coalesce({}, 0) + {carried}", of("age"), of("bmi"));
    form.row(&["calculate", &own("total"), "", "", "", "", &total]);
    form.row(&["note", &own("note"), &format!("BMI {}, running total {}", of("bmi"), of("total"))]);
    form.row(&["end group"]);
}

fn member(form: &mut Table) {
    form.row(&["begin repeat", "member", "Member"]);
    form.row(&["text", "m_name", "Name", "", "yes"]);
    form.row(&["integer", "m_age", "Age of ${m_name}", "", "", ". >= 0 and . <= 120"]);
    form.row(&["select_one yes_no", "m_preg", "Pregnant?", "${m_age} > 11 and ${m_age} < 50"]);
    form.row(&["date", "m_dob", "Born on", "", "", ". <= today()"]);
    form.row(&["calculate", "m_pos", "", "", "", "", "position(..)"]);
    form.row(&["calculate", "m_share", "", "", "", "", "${m_age} div sum(${m_age})"]);
    form.row(&["select_multiple symptom", "m_sym", "Symptoms"]);
    form.row(&["text", "m_sym_other", "Other", "selected(${m_sym}, 's3')"]);
    form.row(&["calculate", "m_adult", "", "", "", "", "if(${m_age} >= 18, 1, 0)"]);
    form.row(&["note", "m_note", "${m_name} is member ${m_pos}"]);
    form.row(&["end repeat"]);
}

/// A cascade over an attached list of `rows` rows: 20 towns, 500 villages, and
/// the grids of a village.
#[must_use]
pub fn long_list(rows: usize) -> (String, String) {
    let mut form = Table::default();
    form.sheet("survey", &["type", "name", "label", "choice_filter", "calculation"]);
    form.row(&["select_one town", "town", "Town"]);
    form.row(&["select_one village", "village", "Village", "town = ${town}"]);
    form.row(&["select_one_from_file grids.csv", "grid", "Grid", "village = ${village}"]);
    let looked_up = "instance('grids')/root/item[name = ${grid}]/households";
    form.row(&["calculate", "households", "", "", looked_up]);
    form.sheet("choices", &["list_name", "name", "label", "town"]);
    for town in 0..20 {
        form.row(&["town", &format!("t{town}"), &format!("Town {town}")]);
    }
    for village in 0..500 {
        let town = format!("t{}", village % 20);
        form.row(&["village", &format!("v{village}"), &format!("Village {village}"), &town]);
    }
    form.sheet("settings", &["form_title", "form_id", "version"]);
    form.row(&["A long list", "long_list", "1"]);
    let mut list = String::from("name,label,village,households\n");
    for row in 0..rows {
        // Writing into a text cannot fail.
        let _ = writeln!(list, "g{row},Grid {row},v{},{}", row % 500, row % 300);
    }
    (form.text, list)
}

#[derive(Default)]
struct Table {
    text: String,
}

impl Table {
    fn sheet(&mut self, name: &str, headers: &[&str]) {
        let _ = writeln!(self.text, "| {name} |\n| | {} |", headers.join(" | "));
    }

    fn row(&mut self, cells: &[&str]) {
        let _ = writeln!(self.text, "| | {} |", cells.join(" | "));
    }
}
