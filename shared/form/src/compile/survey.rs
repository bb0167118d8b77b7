//! The survey sheet: rows become a tree of groups, repeats and questions.

use super::externals::Externals;
use super::names::is_name;
use super::question_types::{Block, RowType, understand};
use super::table::Table;
use super::{expand, rows};
use crate::form::{
    Choice, ChoiceSource, EXTERNAL_CHOICES, MAX_NESTING, NamedText, Node, NodeKind, TABLE_TITLE,
};
use crate::problem::{AuthoringProblem, did_you_mean};
use crate::workbook::Row;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const KNOWN: &[&str] = &[
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
    "image",
    "audio",
    "video",
    "big-image",
    "save_to",
    "sms_field",
    "sms_option",
];

/// What the other sheets say that the rows of the survey need.
pub(super) struct Surroundings<'a> {
    pub(super) root: &'a str,
    pub(super) external_lists: &'a BTreeSet<String>,
    pub(super) tags: &'a BTreeMap<String, Vec<Choice>>,
    /// How many languages the form has.
    pub(super) languages: usize,
}

pub(super) struct Survey {
    pub(super) nodes: Vec<Node>,
    pub(super) externals: Externals,
    /// Settings that stand in the survey sheet.
    pub(super) settings: Vec<(&'static str, String)>,
    pub(super) texts: BTreeMap<String, NamedText>,
}

/// The sheet and what is wrong with it.
pub(super) struct Reader<'a> {
    pub(super) table: &'a Table,
    pub(super) problems: &'a mut Vec<AuthoringProblem>,
    /// No picture without a size was met yet.
    pub(super) asks_for_size: bool,
    /// Texts in several languages that attributes name.
    pub(super) texts: BTreeMap<String, NamedText>,
}

impl Reader<'_> {
    pub(super) fn error(&mut self, row: &Row, column: &str, message: impl Into<String>) {
        let problem = self.table.problem(row, column, message);
        self.problems.push(problem);
    }

    pub(super) fn warning(&mut self, row: &Row, column: &str, message: &str, suggestion: &str) {
        let problem = self.table.warning(row, column, message).suggesting(Some(suggestion.to_owned()));
        self.problems.push(problem);
    }
}

pub(super) fn read(
    table: &Table,
    surroundings: &Surroundings<'_>,
    lists: &mut BTreeMap<String, Vec<Choice>>,
    problems: &mut Vec<AuthoringProblem>,
) -> Survey {
    let mut tree = Tree {
        reader: Reader { table, problems, asks_for_size: true, texts: BTreeMap::new() },
        surroundings,
        lists,
        open: Vec::new(),
        nodes: Vec::new(),
        meta: Vec::new(),
        externals: Externals::default(),
        settings: Vec::new(),
    };
    for row in &table.rows {
        tree.row(row);
    }
    tree.close_all();
    let mut nodes = tree.nodes;
    if !tree.meta.is_empty() {
        put_into_meta(&mut nodes, tree.meta);
    }
    Survey { nodes, externals: tree.externals, settings: tree.settings, texts: tree.reader.texts }
}

/// Adds to the group `meta` among these nodes; it is made where there is none.
pub(super) fn put_into_meta(nodes: &mut Vec<Node>, inside: Vec<Node>) {
    match nodes.iter_mut().find(|node| node.name == "meta" && node.kind == NodeKind::Group) {
        Some(meta) => meta.children.extend(inside),
        None => {
            let mut meta = Node::new("meta", NodeKind::Group, 0);
            meta.children = inside;
            nodes.push(meta);
        }
    }
}

/// A group, repeat or loop that has begun and not ended.
struct Open {
    node: Node,
    block: Block,
    /// What a loop loops over.
    list: Option<String>,
    /// The group is shown as one table of selects; the list they share, once a
    /// select has named it.
    table: Option<Option<String>>,
}

struct Tree<'a> {
    reader: Reader<'a>,
    surroundings: &'a Surroundings<'a>,
    lists: &'a mut BTreeMap<String, Vec<Choice>>,
    /// Outermost first.
    open: Vec<Open>,
    nodes: Vec<Node>,
    meta: Vec<Node>,
    externals: Externals,
    settings: Vec<(&'static str, String)>,
}

impl Tree<'_> {
    fn row(&mut self, row: &Row) {
        let table = self.reader.table;
        let written = table.cell(row, "type");
        if matches!(table.cell(row, "disabled").to_lowercase().as_str(), "yes" | "true" | "true()") {
            return;
        }
        if written.is_empty() {
            if !table.cell(row, "name").is_empty() || !table.text(row, "label").is_empty() {
                self.reader.error(row, "type", "this row has no type");
            }
            return;
        }
        match understand(written) {
            Err(error) => {
                let problem = table.problem(row, "type", error.message).suggesting(error.suggestion);
                self.reader.problems.push(problem);
                // Whoever refers to it is not wrong as well.
                let name = table.cell(row, "name");
                if is_name(name) {
                    self.add(Node::new(name, NodeKind::Text, row.number));
                }
            }
            Ok(RowType::Begin(block, list)) => self.begin(row, block, list),
            Ok(RowType::End(block)) => self.end(row, block),
            Ok(RowType::Setting(setting)) => {
                self.settings.push((setting, table.cell(row, "name").to_owned()));
            }
            Ok(RowType::ExternalList(extension)) => self.external_list(row, extension),
            Ok(RowType::Question(plain)) if plain.kind == NodeKind::Audit => {
                let node = rows::audit(&mut self.reader, row, self.lists);
                self.meta.push(node);
            }
            Ok(RowType::Question(plain)) => {
                let mut node = rows::node(&mut self.reader, row, plain.kind, None, self.lists);
                rows::add_type(&mut node, &plain);
                if plain.kind == NodeKind::File && written.trim() == "osm" {
                    node.body_attributes.insert("mediatype".to_owned(), "osm/*".to_owned());
                }
                self.add(node);
            }
            Ok(RowType::Community(bind_type)) => {
                self.reader.warning(
                    row,
                    "type",
                    "this type exists only in the Community Health Toolkit; it is taken as a text",
                    "write text",
                );
                let mut node = rows::node(&mut self.reader, row, NodeKind::Text, None, self.lists);
                node.bind_attributes.insert("type".to_owned(), bind_type);
                self.add(node);
            }
            Ok(RowType::Osm(list)) => {
                let mut node = rows::node(&mut self.reader, row, NodeKind::File, None, self.lists);
                node.body_attributes.insert("mediatype".to_owned(), "osm/*".to_owned());
                node.tags = self.tags(row, &list);
                self.add(node);
            }
            Ok(RowType::Select(kind, list, other)) => self.select(row, kind, list, other),
            Ok(RowType::SelectExternal(list)) => self.select_external(row, list),
            Ok(RowType::SelectFromRepeat(kind, name)) => {
                let source = ChoiceSource::Repeat(name);
                let node = rows::node(&mut self.reader, row, kind, Some(source), self.lists);
                self.add(node);
            }
            Ok(RowType::SelectFromFile(kind, file)) => {
                self.externals.add(&mut self.reader, row, stem(&file), &file);
                let (value, label) =
                    if file.ends_with(".geojson") { ("id", "title") } else { ("name", "label") };
                let source = ChoiceSource::File { value: value.to_owned(), label: label.to_owned(), file };
                let node = rows::node(&mut self.reader, row, kind, Some(source), self.lists);
                self.add(node);
            }
        }
    }

    fn external_list(&mut self, row: &Row, extension: &str) {
        let name = self.reader.table.cell(row, "name");
        if name.is_empty() {
            self.reader.error(row, "name", format!("a {extension}-external row needs the name of the list"));
            return;
        }
        let file = format!("{name}.{extension}");
        self.externals.add_named(&mut self.reader, row, name, &file);
    }

    fn select(&mut self, row: &Row, kind: NodeKind, list: String, other: bool) {
        let choices = self.lists.get(&list);
        if choices.is_none() {
            let problem = match list.rsplit_once('.') {
                Some((_, extension)) if super::question_types::LIST_EXTENSIONS.contains(&extension) => self
                    .reader
                    .table
                    .problem(row, "type", format!("\"{list}\" is a file"))
                    .suggesting(Some("write select_one_from_file".to_owned())),
                _ => self
                    .reader
                    .table
                    .problem(row, "type", format!("the choices sheet has no list \"{list}\""))
                    .suggesting(did_you_mean(&list, self.lists.keys().map(String::as_str))),
            };
            self.reader.problems.push(problem);
        }
        if other {
            if !self.reader.table.cell(row, "choice_filter").is_empty() {
                self.reader.error(row, "choice_filter", "a list with or_other cannot be filtered");
            }
            if self.surroundings.languages > 1 {
                self.reader.warning(
                    row,
                    "type",
                    "or_other adds a choice and a question that are only in English",
                    "add a choice \"other\" to the list and a text question behind it",
                );
            }
            if let Some(choices) = self.lists.get_mut(&list) {
                expand::add_other(choices);
            }
        }
        let source = ChoiceSource::List(list.clone());
        let mut node = rows::node(&mut self.reader, row, kind, Some(source), self.lists);
        self.table_list(row, &list, &mut node);
        let question = other.then(|| expand::specify_other(&node));
        self.add(node);
        if let Some(question) = question {
            self.add(question);
        }
    }

    /// Within a table of selects: the first brings the head of the table, all
    /// lose their labels of choices.
    fn table_list(&mut self, row: &Row, list: &str, select: &mut Node) {
        let Some(table) = self.open.last_mut().and_then(|open| open.table.as_mut()) else { return };
        let Some(shared) = table else {
            *table = Some(list.to_owned());
            if select.choice_filter.is_some() {
                self.reader.error(row, "choice_filter", "choices in a table-list cannot be filtered");
            }
            let head = expand::table_head(select, row.number);
            self.add(head);
            "list-nolabel".clone_into(&mut select.appearance);
            return;
        };
        if shared != list {
            let message = format!("all selects of a table-list have the same list, here \"{shared}\"");
            self.reader.error(row, "type", message);
        }
        "list-nolabel".clone_into(&mut select.appearance);
    }

    fn select_external(&mut self, row: &Row, list: String) {
        let key = external_key(&list);
        if !self.surroundings.external_lists.contains(&key) {
            let known =
                self.surroundings.external_lists.iter().filter_map(|key| key.strip_prefix(EXTERNAL_CHOICES));
            let problem = self
                .reader
                .table
                .problem(row, "type", format!("the external_choices sheet has no list \"{list}\""))
                .suggesting(did_you_mean(&list, known));
            self.reader.problems.push(problem);
        }
        if self.reader.table.cell(row, "choice_filter").is_empty() {
            self.reader.warning(
                row,
                "choice_filter",
                "select_one_external is for lists that are filtered",
                "write a choice_filter, or use select_one",
            );
        }
        let source = ChoiceSource::List(key);
        let node = rows::node(&mut self.reader, row, NodeKind::SelectOne, Some(source), self.lists);
        self.add(node);
    }

    fn tags(&mut self, row: &Row, list: &str) -> Vec<Choice> {
        match self.surroundings.tags.get(list) {
            Some(tags) => tags.clone(),
            None => {
                if !self.surroundings.tags.is_empty() {
                    self.reader.error(row, "type", format!("the osm sheet has no list \"{list}\""));
                }
                Vec::new()
            }
        }
    }

    fn begin(&mut self, row: &Row, block: Block, list: Option<String>) {
        let kind = if block == Block::Repeat { NodeKind::Repeat } else { NodeKind::Group };
        let mut node = rows::node(&mut self.reader, row, kind, None, self.lists);
        if self.open.len() >= MAX_NESTING {
            self.reader.error(
                row,
                "type",
                format!("groups and repeats lie more than {MAX_NESTING} deep inside each other"),
            );
        }
        if kind == NodeKind::Repeat && node.name == self.surroundings.root {
            self.reader.error(
                row,
                "name",
                format!("a repeat cannot be called \"{}\", as the form as a whole is", node.name),
            );
        }
        if kind == NodeKind::Repeat && node.label.is_empty() && node.media.is_empty() {
            self.reader.warning(row, "label", "the repeat has no label", "write what one instance of it is");
        }
        if let Some(list) = &list
            && !self.lists.contains_key(list)
        {
            let problem = self
                .reader
                .table
                .problem(row, "type", format!("the choices sheet has no list \"{list}\""))
                .suggesting(did_you_mean(list, self.lists.keys().map(String::as_str)));
            self.reader.problems.push(problem);
        }
        if let Some(count) = expand::repeat_count(&mut node) {
            self.add(count);
        }
        let is_table = expand::table_appearance(&mut node);
        if is_table && !(node.label.is_empty() && node.hint.is_empty()) {
            let name = format!("{TABLE_TITLE}{}", row.number);
            let mut label = Node::new(&name, NodeKind::Note, row.number);
            label.label = std::mem::take(&mut node.label);
            label.hint = std::mem::take(&mut node.hint);
            label.media = std::mem::take(&mut node.media);
            node.children.push(label);
        }
        self.open.push(Open { node, block, list, table: is_table.then_some(None) });
    }

    fn end(&mut self, row: &Row, block: Block) {
        let word = block.word();
        if !self.reader.table.cell(row, "save_to").is_empty() {
            self.reader.error(row, "save_to", "a group or repeat has no value to save");
        }
        let Some(open) = self.open.pop() else {
            let message = format!("this end_{word} closes nothing: no begin_{word} is open");
            self.reader.error(row, "type", message);
            return;
        };
        if open.block != block {
            self.reader.error(
                row,
                "type",
                format!(
                    "end_{word} does not match the begin_{} of \"{}\" in row {}",
                    open.block.word(),
                    open.node.name,
                    open.node.row
                ),
            );
        }
        self.finish(open);
    }

    fn close_all(&mut self) {
        while let Some(open) = self.open.pop() {
            let word = open.block.word();
            let row = self.reader.table.rows.iter().find(|row| row.number == open.node.row);
            if let Some(row) = row {
                let message = format!("the begin_{word} of \"{}\" has no end_{word}", open.node.name);
                self.reader.error(row, "type", message);
            }
            self.finish(open);
        }
    }

    fn finish(&mut self, open: Open) {
        let mut node = open.node;
        if let Some(choices) = open.list.as_ref().and_then(|list| self.lists.get(list)) {
            node.children = expand::unroll(&node.children, choices);
        }
        self.add(node);
    }

    fn add(&mut self, node: Node) {
        // Too deep was reported already; flat is safe.
        let depth_fits = self.open.len() <= MAX_NESTING;
        match self.open.last_mut().filter(|_| depth_fits) {
            Some(open) => open.node.children.push(node),
            None => self.nodes.push(node),
        }
    }
}

/// Under which name a list of the sheet `external_choices` is found: the choices
/// sheet may have a list of the same name.
pub(super) fn external_key(list: &str) -> String {
    format!("{EXTERNAL_CHOICES}{list}")
}

/// The name of a file without its extension.
pub(super) fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}
