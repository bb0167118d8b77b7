//! The survey sheet: rows become a tree of groups, repeats and questions.

use super::question_types::{RowType, understand};
use super::rows;
use super::table::{Languages, Table};
use crate::form::{Choice, ChoiceSource, External, MAX_NESTING, Node, NodeKind};
use crate::problem::AuthoringProblem;
use crate::workbook::{Row, Workbook};
use std::collections::{BTreeMap, HashMap};

pub(super) struct Survey {
    pub(super) nodes: Vec<Node>,
    pub(super) externals: Vec<External>,
    pub(super) columns: BTreeMap<String, String>,
}

const KNOWN: [&str; 20] = [
    "type",
    "name",
    "label",
    "hint",
    "guidance_hint",
    "required",
    "required_message",
    "relevant",
    "constraint",
    "constraint_message",
    "calculation",
    "trigger",
    "default",
    "appearance",
    "parameters",
    "choice_filter",
    "read_only",
    "repeat_count",
    "disabled",
    "note",
];

/// Columns of the specification that the engine does not run yet; `body::…` and
/// the like by their prefix.
const UNSUPPORTED: [&str; 13] = [
    "image",
    "audio",
    "video",
    "big-image",
    "media",
    "body",
    "bind",
    "instance",
    "control",
    "save_to",
    "autoplay",
    "intent",
    "query",
];

/// Columns for the author's own notes.
const HARMLESS: [&str; 4] = ["note", "comment", "comments", "notes"];

pub(super) fn read(
    workbook: &Workbook,
    lists: &BTreeMap<String, Vec<Choice>>,
    languages: &mut Languages,
    problems: &mut Vec<AuthoringProblem>,
) -> Survey {
    let mut survey = Survey { nodes: Vec::new(), externals: Vec::new(), columns: BTreeMap::new() };
    let Some(table) =
        workbook.sheet("survey").and_then(|sheet| Table::new(sheet, "survey", &KNOWN, languages, problems))
    else {
        return survey;
    };
    for column in ["type", "name"] {
        if !table.has(column) {
            problems.push(
                AuthoringProblem::error("survey", format!("the sheet has no column \"{column}\""))
                    .at_row(1)
                    .at_column("", column),
            );
        }
    }
    table.check_columns(&KNOWN, &UNSUPPORTED, &HARMLESS, problems);
    survey.columns = table.letters(languages);
    if table.has("type") && table.has("name") {
        let mut tree = Tree {
            table: &table,
            lists,
            problems,
            open: Vec::new(),
            nodes: Vec::new(),
            externals: Vec::new(),
        };
        for row in table.rows {
            tree.row(row);
        }
        tree.close_all();
        survey.nodes = tree.nodes;
        survey.externals = tree.externals;
        if survey.nodes.is_empty() && problems.is_empty() {
            problems.push(AuthoringProblem::error(
                "survey",
                "the form asks nothing: there is no row below the headers",
            ));
        }
        check_names(&survey.nodes, &table, problems);
    }
    survey
}

struct Tree<'a> {
    table: &'a Table<'a>,
    lists: &'a BTreeMap<String, Vec<Choice>>,
    problems: &'a mut Vec<AuthoringProblem>,
    /// Groups and repeats that have begun and not ended, outermost first.
    open: Vec<Node>,
    nodes: Vec<Node>,
    externals: Vec<External>,
}

impl<'a> Tree<'a> {
    fn row(&mut self, row: &'a Row) {
        let written = self.table.cell(row, "type");
        if self.table.cell(row, "disabled").eq_ignore_ascii_case("yes") {
            return;
        }
        if written.is_empty() {
            if !self.table.cell(row, "name").is_empty() || !self.table.text(row, "label").is_empty() {
                self.problems.push(self.table.problem(row, "type", "this row has no type"));
            }
            return;
        }
        match understand(written) {
            Err(error) => self
                .problems
                .push(self.table.problem(row, "type", error.message).suggesting(error.suggestion)),
            Ok(RowType::BeginGroup) => self.begin(row, NodeKind::Group),
            Ok(RowType::BeginRepeat) => self.begin(row, NodeKind::Repeat),
            Ok(RowType::EndGroup) => self.end(row, NodeKind::Group),
            Ok(RowType::EndRepeat) => self.end(row, NodeKind::Repeat),
            Ok(RowType::Question(kind)) => self.question(row, kind, None),
            Ok(RowType::Select(kind, list)) => self.question(row, kind, Some(ChoiceSource::List(list))),
            Ok(RowType::SelectFromRepeat(kind, name)) => {
                if !self.table.cell(row, "choice_filter").is_empty() {
                    self.problems.push(self.table.problem(
                        row,
                        "choice_filter",
                        "filtering choices that come from a repeat is not supported yet",
                    ));
                }
                self.question(row, kind, Some(ChoiceSource::Repeat(name)));
            }
            Ok(RowType::SelectFromFile(kind, file)) => {
                let stem = file.rsplit_once('.').map_or(file.as_str(), |(stem, _)| stem).to_owned();
                self.external(row, &stem, &file);
                let source = ChoiceSource::File { file, value: "name".to_owned(), label: "label".to_owned() };
                self.question(row, kind, Some(source));
            }
            Ok(RowType::ExternalList) => {
                let name = self.table.cell(row, "name");
                if name.is_empty() {
                    self.problems.push(self.table.problem(
                        row,
                        "name",
                        "a csv-external row needs the name of the list",
                    ));
                } else {
                    self.external(row, name, &format!("{name}.csv"));
                }
            }
        }
    }

    fn external(&mut self, row: &Row, name: &str, file: &str) {
        if self.lists.contains_key(name) {
            self.problems.push(self.table.problem(
                row,
                "type",
                format!(
                    "the list \"{name}\" of the choices sheet and the file \"{file}\" have the same name"
                ),
            ));
        }
        if !self.externals.iter().any(|external| external.name == name) {
            self.externals.push(External { name: name.to_owned(), file: file.to_owned(), row: row.number });
        }
    }

    fn question(&mut self, row: &'a Row, kind: NodeKind, choices: Option<ChoiceSource>) {
        let node = rows::node(self.table, row, kind, self.lists, choices, self.problems);
        self.add(node);
    }

    fn begin(&mut self, row: &'a Row, kind: NodeKind) {
        let node = rows::node(self.table, row, kind, self.lists, None, self.problems);
        if self.open.len() >= MAX_NESTING {
            self.problems.push(self.table.problem(
                row,
                "type",
                format!("groups and repeats lie more than {MAX_NESTING} deep inside each other"),
            ));
        }
        self.open.push(node);
    }

    fn end(&mut self, row: &Row, kind: NodeKind) {
        let word = |kind| if kind == NodeKind::Group { "group" } else { "repeat" };
        let Some(node) = self.open.pop() else {
            self.problems.push(self.table.problem(
                row,
                "type",
                format!("this end_{0} closes nothing: no begin_{0} is open", word(kind)),
            ));
            return;
        };
        if node.kind != kind {
            self.problems.push(self.table.problem(
                row,
                "type",
                format!(
                    "end_{} does not match the begin_{} of \"{}\" in row {}",
                    word(kind),
                    word(node.kind),
                    node.name,
                    node.row
                ),
            ));
        }
        self.add(node);
    }

    fn close_all(&mut self) {
        while let Some(node) = self.open.pop() {
            let word = if node.kind == NodeKind::Group { "group" } else { "repeat" };
            self.problems.push(
                AuthoringProblem::error(
                    "survey",
                    format!("the begin_{word} of \"{}\" has no end_{word}", node.name),
                )
                .at_row(node.row)
                .at_column("", "type")
                .finding(format!("begin_{word}")),
            );
            self.add(node);
        }
    }

    fn add(&mut self, node: Node) {
        // Too deep was reported already; flat is safe.
        let depth_fits = self.open.len() <= MAX_NESTING;
        match self.open.last_mut().filter(|_| depth_fits) {
            Some(container) => container.children.push(node),
            None => self.nodes.push(node),
        }
    }
}

/// Neighbours need different names: they become keys of one object.
fn check_names(nodes: &[Node], table: &Table<'_>, problems: &mut Vec<AuthoringProblem>) {
    let mut rows: HashMap<&str, u32> = HashMap::new();
    for node in nodes {
        if let Some(first) = rows.insert(&node.name, node.row) {
            let row = table.rows.iter().find(|row| row.number == node.row);
            if let Some(row) = row {
                problems.push(table.problem(
                    row,
                    "name",
                    format!("the name \"{}\" is taken by row {first} in the same group", node.name),
                ));
            }
        }
        check_names(&node.children, table, problems);
    }
}
