//! The ledger workbook, read cell by cell. Nothing stops at the first
//! mistake: each sheet notes what is wrong and goes on with what makes sense.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use doorstep_core::pack::{CaseKind, FormUse, Pack, Prefill, Property, PropertyWrite, ScheduleRule};
use doorstep_form::{AuthoringProblem, Row, Rule, Workbook, did_you_mean};

use super::KnownForms;
use super::cells;
use super::table::{LABELS, Table};

/// Most mistakes that are reported at once.
const PROBLEMS_MAX: usize = 500;

/// What a schedule rule can ask about a case, besides its properties.
const CASE_NAMES: &[&str] = &["label", "last_visit_on", "status"];
/// What prefill can use, besides the case's properties.
const PREFILL_NAMES: &[&str] = &[
    "case_id",
    "grid_code",
    "label",
    "last_visit_on",
    "task_id",
    "township_code",
    "user_name",
    "village_code",
];

type Problems = Vec<AuthoringProblem>;

/// Reads the whole workbook.
pub(super) fn pack(workbook: &Workbook, forms: &KnownForms) -> Result<Pack, Problems> {
    let mut problems = Problems::new();
    let version = settings(workbook, &mut problems);
    let kinds = kinds(workbook, &mut problems);
    let mut properties = properties(workbook, &kinds, &mut problems);
    values(workbook, &mut properties, &mut problems);
    let uses = forms_sheet(workbook, &kinds, forms, &mut problems);
    let known = Known { kinds: &kinds, properties: &properties, uses: &uses, forms };
    let writes = known.writes(workbook, &mut problems);
    let prefill = known.prefill(workbook, &mut problems);
    let schedules = known.schedules(workbook, &mut problems);
    if !problems.is_empty() {
        problems.truncate(PROBLEMS_MAX);
        return Err(problems);
    }
    Ok(Pack { version, kinds, properties, forms: uses, writes, prefill, schedules })
}

fn settings(workbook: &Workbook, problems: &mut Problems) -> String {
    let table = Table::open(workbook, "settings", &["version"], problems);
    let mut rows = table.rows();
    let Some(row) = rows.next() else {
        problems.push(AuthoringProblem::error("settings", "the version is missing below its header"));
        return String::new();
    };
    if let Some(second) = rows.next() {
        problems
            .push(AuthoringProblem::error("settings", "there is one row of settings").at_row(second.number));
    }
    table.filled(row, "version", problems).unwrap_or_default().to_owned()
}

fn kinds(workbook: &Workbook, problems: &mut Problems) -> Vec<CaseKind> {
    let table = Table::open(workbook, "kinds", &["kind", LABELS[0], LABELS[1], "programme"], problems);
    let mut kinds: Vec<CaseKind> = Vec::new();
    for row in table.rows() {
        let (Some(kind), Some(programme)) =
            (table.code(row, "kind", problems), table.code(row, "programme", problems))
        else {
            continue;
        };
        if kinds.iter().any(|known| known.kind == kind) {
            problems.push(table.problem(row, "kind", "this kind is there twice; remove one row"));
            continue;
        }
        let label = table.label(row, problems);
        kinds.push(CaseKind { kind: kind.to_owned(), label, programme: programme.to_owned() });
    }
    kinds
}

fn properties(workbook: &Workbook, kinds: &[CaseKind], problems: &mut Problems) -> Vec<Property> {
    let columns = ["kind", "name", LABELS[0], LABELS[1], "shown"];
    let table = Table::open(workbook, "properties", &columns, problems);
    let mut properties: Vec<Property> = Vec::new();
    for row in table.rows() {
        let kind = known_kind(&table, row, kinds, problems);
        let name = table.code(row, "name", problems);
        let label = table.label(row, problems);
        let shown = match table.filled(row, "shown", problems).unwrap_or("no").to_lowercase().as_str() {
            "yes" | "true" | "1" | "是" => true,
            "no" | "false" | "0" | "否" => false,
            _ => {
                problems.push(table.problem(row, "shown", "write yes or no"));
                false
            }
        };
        let (Some(kind), Some(name)) = (kind, name) else { continue };
        if PREFILL_NAMES.contains(&name) || CASE_NAMES.contains(&name) {
            problems.push(table.problem(
                row,
                "name",
                format!("${{{name}}} means something else already; choose another name"),
            ));
        }
        if properties.iter().any(|known| known.kind == kind && known.name == name) {
            problems.push(table.problem(row, "name", "this property is there twice; remove one row"));
            continue;
        }
        let values = BTreeMap::new();
        properties.push(Property { kind: kind.to_owned(), name: name.to_owned(), label, values, shown });
    }
    properties
}

fn known_kind<'a>(
    table: &Table<'a>,
    row: &'a Row,
    kinds: &[CaseKind],
    problems: &mut Problems,
) -> Option<&'a str> {
    let kind = table.filled(row, "kind", problems)?;
    if kinds.iter().any(|known| known.kind == kind) {
        return Some(kind);
    }
    problems.push(
        table
            .problem(row, "kind", "sheet kinds has no such kind")
            .suggesting(did_you_mean(kind, kinds.iter().map(|known| known.kind.as_str()))),
    );
    None
}

/// Words of coded values, put with their properties.
fn values(workbook: &Workbook, properties: &mut [Property], problems: &mut Problems) {
    let columns = ["kind", "property", "name", LABELS[0], LABELS[1]];
    let table = Table::open(workbook, "values", &columns, problems);
    for row in table.rows() {
        let (Some(kind), Some(name)) =
            (table.filled(row, "kind", problems), table.filled(row, "property", problems))
        else {
            continue;
        };
        let Some(code) = table.filled(row, "name", problems) else { continue };
        let words = table.label(row, problems);
        if code.contains(char::is_whitespace) {
            problems.push(table.problem(row, "name", "a code has no spaces: they separate several codes"));
        }
        let names: Vec<String> =
            properties.iter().filter(|known| known.kind == kind).map(|known| known.name.clone()).collect();
        match properties.iter_mut().find(|known| known.kind == kind && known.name == name) {
            None => problems.push(
                table
                    .problem(row, "property", format!("the kind \"{kind}\" has no such property"))
                    .suggesting(did_you_mean(name, names.iter().map(String::as_str))),
            ),
            Some(property) => {
                if property.values.insert(code.to_owned(), words).is_some() {
                    problems.push(table.problem(row, "name", "this code is there twice; remove one row"));
                }
            }
        }
    }
}

fn forms_sheet(
    workbook: &Workbook,
    kinds: &[CaseKind],
    forms: &KnownForms,
    problems: &mut Problems,
) -> Vec<FormUse> {
    let columns = ["form_id", "kind", LABELS[0], LABELS[1], "counts_when", "closes_when"];
    let table = Table::open(workbook, "forms", &columns, problems);
    let mut uses: Vec<FormUse> = Vec::new();
    for row in table.rows() {
        let (form_id, kind) =
            (table.code(row, "form_id", problems), known_kind(&table, row, kinds, problems));
        let label = table.label(row, problems);
        let (Some(form_id), Some(kind)) = (form_id, kind) else { continue };
        if uses.iter().any(|known| known.form_id == form_id) {
            problems.push(table.problem(row, "form_id", "this form is there twice; remove one row"));
            continue;
        }
        let mut expression = |column: &str| {
            let text = table.cell(row, column);
            if !text.is_empty() {
                check_answers(&table, row, column, forms.get(form_id), problems);
            }
            text.to_owned()
        };
        let (counts_when, closes_when) = (expression("counts_when"), expression("closes_when"));
        uses.push(FormUse {
            form_id: form_id.to_owned(),
            kind: kind.to_owned(),
            label,
            counts_when,
            closes_when,
        });
    }
    uses
}

/// Checks an expression over the answers of a form.
fn check_answers(
    table: &Table<'_>,
    row: &Row,
    column: &str,
    questions: Option<&BTreeSet<String>>,
    problems: &mut Problems,
) {
    let Some(rule) = parsed(table, row, column, problems) else { return };
    let Some(questions) = questions else { return };
    for name in rule.names().filter(|name| !questions.contains(*name)) {
        problems.push(
            table
                .problem(row, column, format!("the form has no question named \"{name}\""))
                .suggesting(did_you_mean(name, questions.iter().map(String::as_str))),
        );
    }
}

fn parsed(table: &Table<'_>, row: &Row, column: &str, problems: &mut Problems) -> Option<Rule> {
    match Rule::parse(table.cell(row, column)) {
        Ok(rule) => Some(rule),
        Err(error) => {
            let message =
                format!("this is not an expression: {} (at character {})", error.message, error.position);
            problems.push(table.problem(row, column, message).suggesting(error.suggestion));
            None
        }
    }
}

/// What the sheets read so far declare.
struct Known<'a> {
    kinds: &'a [CaseKind],
    properties: &'a [Property],
    uses: &'a [FormUse],
    forms: &'a KnownForms,
}

impl Known<'_> {
    /// The kind of case that the row's form is about.
    fn form<'t>(
        &self,
        table: &Table<'t>,
        row: &'t Row,
        problems: &mut Problems,
    ) -> Option<(&'t str, String)> {
        let form_id = table.filled(row, "form_id", problems)?;
        match self.uses.iter().find(|known| known.form_id == form_id) {
            Some(known) => Some((form_id, known.kind.clone())),
            None => {
                problems.push(
                    table
                        .problem(row, "form_id", "sheet forms does not say what this form is about")
                        .suggesting(did_you_mean(
                            form_id,
                            self.uses.iter().map(|known| known.form_id.as_str()),
                        )),
                );
                None
            }
        }
    }

    fn property_names(&self, kind: &str) -> Vec<&str> {
        self.properties.iter().filter(|known| known.kind == kind).map(|known| known.name.as_str()).collect()
    }

    /// Checks an expression over a case: its properties and `others`.
    fn check_case(
        &self,
        table: &Table<'_>,
        row: &Row,
        column: &str,
        (kind, others): (&str, &[&str]),
        problems: &mut Problems,
    ) {
        let Some(rule) = parsed(table, row, column, problems) else { return };
        let mut names = self.property_names(kind);
        names.extend(others);
        for name in rule.names().filter(|name| !names.contains(name)) {
            problems.push(
                table
                    .problem(row, column, format!("a case of kind \"{kind}\" has nothing named \"{name}\""))
                    .suggesting(did_you_mean(name, names.iter().copied())),
            );
        }
    }

    fn writes(&self, workbook: &Workbook, problems: &mut Problems) -> Vec<PropertyWrite> {
        let table = Table::open(workbook, "writes", &["form_id", "property", "value", "when"], problems);
        let mut writes: Vec<PropertyWrite> = Vec::new();
        for row in table.rows() {
            let form = self.form(&table, row, problems);
            let property = table.filled(row, "property", problems);
            let value = table.filled(row, "value", problems);
            let when = table.cell(row, "when");
            let (Some((form_id, kind)), Some(property)) = (form, property) else { continue };
            let names = self.property_names(&kind);
            if !names.contains(&property) {
                problems.push(
                    table
                        .problem(row, "property", format!("the kind \"{kind}\" has no such property"))
                        .suggesting(did_you_mean(property, names)),
                );
            }
            let questions = self.forms.get(form_id);
            if value.is_some() {
                check_answers(&table, row, "value", questions, problems);
            }
            if !when.is_empty() {
                check_answers(&table, row, "when", questions, problems);
            }
            let write = PropertyWrite {
                form_id: form_id.to_owned(),
                property: property.to_owned(),
                value: value.unwrap_or_default().to_owned(),
                when: when.to_owned(),
            };
            let twin = |known: &PropertyWrite| {
                (&known.form_id, &known.property, &known.when)
                    == (&write.form_id, &write.property, &write.when)
            };
            if writes.iter().any(twin) {
                problems.push(table.problem(
                    row,
                    "property",
                    "this property is written twice under the same condition; remove one row",
                ));
            }
            writes.push(write);
        }
        writes
    }

    fn prefill(&self, workbook: &Workbook, problems: &mut Problems) -> Vec<Prefill> {
        let table = Table::open(workbook, "prefill", &["form_id", "question", "value"], problems);
        let mut prefill: Vec<Prefill> = Vec::new();
        for row in table.rows() {
            let form = self.form(&table, row, problems);
            let question = table.filled(row, "question", problems);
            let value = table.filled(row, "value", problems);
            let (Some((form_id, kind)), Some(question)) = (form, question) else { continue };
            if let Some(questions) = self.forms.get(form_id)
                && !questions.contains(question)
            {
                problems.push(
                    table
                        .problem(row, "question", "the form has no such question")
                        .suggesting(did_you_mean(question, questions.iter().map(String::as_str))),
                );
            }
            if value.is_some() {
                self.check_case(&table, row, "value", (&kind, PREFILL_NAMES), problems);
            }
            if prefill.iter().any(|known| known.form_id == form_id && known.question == question) {
                problems.push(table.problem(row, "question", "this question is there twice; remove one row"));
            }
            prefill.push(Prefill {
                form_id: form_id.to_owned(),
                question: question.to_owned(),
                value: value.unwrap_or_default().to_owned(),
            });
        }
        prefill
    }

    fn schedules(&self, workbook: &Workbook, problems: &mut Problems) -> Vec<ScheduleRule> {
        let columns = [
            "rule",
            "kind",
            "form_id",
            "when",
            "interval",
            "grace_days",
            "role",
            "valid_from",
            "valid_to",
            "basis",
        ];
        let table = Table::open(workbook, "schedules", &columns, problems);
        let mut rules: Vec<ScheduleRule> = Vec::new();
        for row in table.rows() {
            if let Some(rule) = self.schedule(&table, row, problems) {
                if rules.iter().any(|known| known.rule == rule.rule && overlap(known, &rule)) {
                    problems.push(table.problem(
                        row,
                        "rule",
                        "a rule of this name is valid on the same days; rename one, or end the older with valid_to",
                    ));
                }
                rules.push(rule);
            }
        }
        rules
    }

    fn schedule<'t>(&self, table: &Table<'t>, row: &'t Row, problems: &mut Problems) -> Option<ScheduleRule> {
        let name = table.code(row, "rule", problems);
        let kind = known_kind(table, row, self.kinds, problems);
        let form = self.form(table, row, problems);
        if let (Some(kind), Some((form_id, about))) = (kind, &form)
            && kind != about
        {
            let message = format!("sheet forms says that \"{form_id}\" is about \"{about}\"");
            problems.push(table.problem(row, "kind", message));
        }
        let when = table.cell(row, "when");
        if let Some(kind) = kind
            && !when.is_empty()
        {
            self.check_case(table, row, "when", (kind, CASE_NAMES), problems);
        }
        let interval = cells::interval(table, row, problems);
        let grace_days = cells::grace_days(table, row, problems);
        let role = cells::role(table, row, problems);
        let valid_from = cells::day(table, row, "valid_from", problems);
        let valid_to = cells::day(table, row, "valid_to", problems);
        if let (Some(from), Some(to)) = (valid_from, valid_to)
            && to < from
        {
            problems.push(table.problem(row, "valid_to", "the last day lies before the first (valid_from)"));
        }
        let basis = table.filled(row, "basis", problems)?;
        Some(ScheduleRule {
            rule: name?.to_owned(),
            kind: kind?.to_owned(),
            form_id: form?.0.to_owned(),
            when: when.to_owned(),
            interval: interval?,
            grace_days: grace_days?,
            role: role?,
            valid_from,
            valid_to,
            basis: basis.to_owned(),
        })
    }
}

fn overlap(left: &ScheduleRule, right: &ScheduleRule) -> bool {
    let begins_in_time = |from: Option<NaiveDate>, to: Option<NaiveDate>| match (from, to) {
        (Some(from), Some(to)) => from <= to,
        _ => true,
    };
    begins_in_time(left.valid_from, right.valid_to) && begins_in_time(right.valid_from, left.valid_to)
}
