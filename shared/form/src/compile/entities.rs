//! The entities sheet and the column `save_to`: what a submission creates or
//! updates (ODK Entities).
//!
//! An entity becomes an element `meta/entity` in the group or repeat around its
//! properties; `entity_places` finds which one that is.

use super::entity_places::{Container, Reference, Wish, places};
use super::names::{EXPECTED, is_name};
use super::references::names_in;
use super::survey::put_into_meta;
use super::table::Table;
use crate::form::{Default, Node, NodeKind};
use crate::problem::{AuthoringProblem, Severity, did_you_mean};
use crate::workbook::Row;
use std::collections::BTreeMap;

pub(super) const KNOWN: &[&str] = &["list_name", "label", "entity_id", "create_if", "update_if", "repeat"];

/// A row of the entities sheet.
struct Declaration {
    list: String,
    row: u32,
    entity_id: Option<String>,
    create_if: Option<String>,
    update_if: Option<String>,
    label: Option<String>,
}

impl Declaration {
    fn expressions(&self) -> impl Iterator<Item = &String> {
        [&self.entity_id, &self.create_if, &self.update_if, &self.label].into_iter().flatten()
    }
}

/// Of the names that entities need in a form.
pub(super) const NAMESPACE: &str = "http://www.opendatakit.org/xforms/entities";

/// Reads both and puts the entities into the tree. The version of the
/// specification that the form needs; `None` without entities.
pub(super) fn apply(
    table: Option<&Table>,
    survey: &Table,
    nodes: &mut Vec<Node>,
    problems: &mut Vec<AuthoringProblem>,
) -> Option<&'static str> {
    let errors = |problems: &[AuthoringProblem]| {
        problems.iter().filter(|problem| problem.severity == Severity::Error).count()
    };
    let before = errors(problems);
    let declarations = table.map_or_else(Vec::new, |table| read(table, problems));
    let mut collector = Collector {
        survey,
        declarations: &declarations,
        references: vec![Vec::new(); declarations.len()],
        properties: BTreeMap::new(),
        problems,
    };
    collector.nodes(nodes, &mut Vec::new());
    let references = collector.references;
    let table = table.filter(|_| errors(problems) == before)?;
    let wishes: Vec<Wish> = declarations
        .iter()
        .zip(references)
        .map(|(declaration, references)| Wish {
            list: declaration.list.clone(),
            row: declaration.row,
            references,
        })
        .collect();
    match places(&wishes) {
        Err(found) => {
            for refusal in found {
                let (table, column) =
                    if refusal.in_survey { (survey, "save_to") } else { (table, "list_name") };
                if let Some(row) = table.rows.iter().find(|row| row.number == refusal.row) {
                    problems.push(table.problem(row, column, refusal.message).suggesting(Some(
                        "copy the value with a calculate into one group or repeat".to_owned(),
                    )));
                }
            }
        }
        Ok(places) => {
            let repeats = places.iter().flatten().any(|container| container.repeats);
            let several = places.len() > 1;
            for (declaration, place) in declarations.iter().zip(places) {
                if let Some(children) = descend(nodes, &place) {
                    put_into_meta(children, vec![element(declaration)]);
                }
            }
            return (!declarations.is_empty()).then_some(if repeats || several {
                "2025.1.0"
            } else {
                "2024.1.0"
            });
        }
    }
    None
}

/// List → row that declares its entity.
pub(super) fn rows(table: &Table) -> BTreeMap<String, u32> {
    table.rows.iter().map(|row| (table.cell(row, "list_name").to_owned(), row.number)).collect()
}

fn read(table: &Table, problems: &mut Vec<AuthoringProblem>) -> Vec<Declaration> {
    for (index, base) in table.bases().filter(|(_, base)| !KNOWN.contains(base)) {
        if let Some(row) = table.rows.iter().find(|row| !super::table::cell_at(row, index).is_empty()) {
            problems.push(
                table
                    .problem_at(row, index, format!("the column \"{base}\" means nothing to an entity"))
                    .suggesting(did_you_mean(base, KNOWN.iter().copied())),
            );
        }
    }
    let mut declarations: Vec<Declaration> = Vec::new();
    for row in &table.rows {
        let list = table.cell(row, "list_name").to_owned();
        let declaration = Declaration {
            row: row.number,
            entity_id: table.filled(row, "entity_id"),
            create_if: table.filled(row, "create_if"),
            update_if: table.filled(row, "update_if"),
            label: table.filled(row, "label"),
            list,
        };
        if declaration.list.is_empty() && declaration.expressions().next().is_none() {
            continue;
        }
        check(table, row, &declaration, &declarations, problems);
        declarations.push(declaration);
    }
    declarations
}

fn check(
    table: &Table,
    row: &Row,
    declaration: &Declaration,
    others: &[Declaration],
    problems: &mut Vec<AuthoringProblem>,
) {
    let list = &declaration.list;
    let mut warnings = Vec::new();
    let mut tell = |column: &str, message: String, suggestion: &str| {
        let problem = table.problem(row, column, message);
        problems.push(problem.suggesting(Some(suggestion.to_owned()).filter(|text| !text.is_empty())));
    };
    if list.is_empty() {
        tell("list_name", "the entity belongs to no list: list_name is empty".to_owned(), "");
    } else if list.starts_with("__") || list.contains('.') {
        tell(
            "list_name",
            format!(
                "the name of a list of entities has no point and does not begin with two underscores: \"{list}\""
            ),
            "",
        );
    } else if !is_name(list) {
        tell("list_name", format!("\"{list}\" cannot be a name: {EXPECTED}"), "");
    } else if let Some(other) = others.iter().find(|other| other.list == *list) {
        tell(
            "list_name",
            format!("the list \"{list}\" is there already in row {}", other.row),
            "remove one row",
        );
    }
    for (column, expression) in [("label", &declaration.label), ("entity_id", &declaration.entity_id)] {
        if let Some(word) = expression.as_deref().filter(|expression| is_name(expression)) {
            warnings.push(
                table
                    .warning(row, column, format!("\"{word}\" is an expression here, which finds nothing"))
                    .suggesting(Some(format!("write '{word}' for the word, or ${{{word}}} for an answer"))),
            );
        }
    }
    match (&declaration.entity_id, &declaration.create_if, &declaration.update_if) {
        (None, _, Some(_)) => tell(
            "entity_id",
            "which entity is updated? entity_id is empty".to_owned(),
            "write the id, or write the condition into create_if",
        ),
        (Some(_), Some(_), None) => tell(
            "update_if",
            "with entity_id and create_if, update_if says when the entity is updated".to_owned(),
            "write update_if, or remove entity_id",
        ),
        _ => {}
    }
    if declaration.entity_id.is_none() && declaration.label.is_none() {
        tell(
            "label",
            format!("a new entity of \"{list}\" needs a label"),
            "write an expression such as ${name}",
        );
    }
    problems.extend(warnings);
}

/// Walks through the survey and notes what belongs to which entity.
struct Collector<'a> {
    survey: &'a Table,
    declarations: &'a [Declaration],
    /// By the number of the declaration.
    references: Vec<Vec<Reference>>,
    /// List and property → row that saves to it.
    properties: BTreeMap<(usize, String), u32>,
    problems: &'a mut Vec<AuthoringProblem>,
}

impl Collector<'_> {
    fn nodes(&mut self, nodes: &mut [Node], around: &mut Vec<Container>) {
        let saves = self.survey.has("save_to");
        for node in nodes {
            if saves
                && let Some(row) = self.survey.rows.iter().find(|row| row.number == node.row && node.row > 0)
                && self.survey.cell(row, "name") == node.name
            {
                self.save_to(row, node, around);
            }
            for (declaration, references) in self.declarations.iter().zip(&mut self.references) {
                if declaration.expressions().any(|text| names_in(text).contains(&node.name.as_str())) {
                    references.push(Reference { around: around.clone(), row: node.row, saves: false });
                }
            }
            if node.kind.is_container() {
                around.push(Container {
                    name: node.name.clone(),
                    row: node.row,
                    repeats: node.kind == NodeKind::Repeat,
                });
                self.nodes(&mut node.children, around);
                around.pop();
            }
        }
    }

    fn save_to(&mut self, row: &Row, node: &mut Node, around: &[Container]) {
        let written = self.survey.cell(row, "save_to");
        if written.is_empty() {
            return;
        }
        match self.property(written, node) {
            Err((message, suggestion)) => {
                let problem = self.survey.problem(row, "save_to", message).suggesting(suggestion);
                self.problems.push(problem);
            }
            Ok((declaration, property)) => {
                if let Some(references) = self.references.get_mut(declaration) {
                    references.push(Reference { around: around.to_vec(), row: node.row, saves: true });
                }
                if let Some(first) = self.properties.insert((declaration, property.clone()), node.row) {
                    let message = format!("row {first} saves to the property \"{property}\" already");
                    let problem = self.survey.problem(row, "save_to", message);
                    self.problems.push(problem);
                }
                node.save_to = Some(property);
            }
        }
    }

    /// `property`, or `list#property` where there are several lists.
    fn property(&self, written: &str, node: &Node) -> Result<(usize, String), (String, Option<String>)> {
        let lists = || self.declarations.iter().map(|declaration| declaration.list.as_str());
        let (declaration, property) = match written.split('#').collect::<Vec<_>>().as_slice() {
            _ if self.declarations.is_empty() => {
                return Err((
                    "save_to needs an entities sheet that declares the entity".to_owned(),
                    Some("add the sheet entities with list_name and label".to_owned()),
                ));
            }
            [list, property] => match lists().position(|known| known == *list) {
                Some(declaration) => (declaration, *property),
                None => {
                    return Err((
                        format!("the entities sheet has no list \"{list}\""),
                        did_you_mean(list, lists()),
                    ));
                }
            },
            [property] if self.declarations.len() == 1 => (0, *property),
            [property] => {
                return Err((
                    "with several lists of entities, save_to says which one is meant".to_owned(),
                    lists().next().map(|list| format!("write {list}#{property}")),
                ));
            }
            _ => return Err(("save_to has at most one #, between list and property".to_owned(), None)),
        };
        if node.kind.is_container() {
            return Err(("a group or repeat has no value to save".to_owned(), None));
        }
        if matches!(property.to_lowercase().as_str(), "name" | "label") {
            return Err((format!("a property cannot be called \"{property}\""), None));
        }
        if property.starts_with("__") {
            return Err((format!("a property does not begin with two underscores: \"{property}\""), None));
        }
        if !is_name(property) {
            return Err((format!("\"{property}\" cannot be a name: {EXPECTED}"), None));
        }
        Ok((declaration, property.to_owned()))
    }
}

/// The children of the container at the end of this way.
fn descend<'a>(nodes: &'a mut Vec<Node>, way: &[Container]) -> Option<&'a mut Vec<Node>> {
    let mut at = nodes;
    for container in way {
        at = at
            .iter_mut()
            .find(|node| node.row == container.row && node.name == container.name)
            .map(|node| &mut node.children)?;
    }
    Some(at)
}

/// `<entity dataset="…" id="…" create="1"><label/></entity>`
fn element(declaration: &Declaration) -> Node {
    let mut entity = Node::new("entity", NodeKind::Group, 0);
    let attribute = |name: &str| Node::new(name, NodeKind::Attribute, 0);
    let mut dataset = attribute("dataset");
    dataset.default = Some(Default::Value(declaration.list.clone()));
    entity.attributes.push(dataset);
    let flag = |name: &str, condition: &Option<String>| {
        let mut flag = attribute(name);
        flag.default = Some(Default::Value("1".to_owned()));
        flag.calculation.clone_from(condition);
        flag.read_only = condition.as_ref().map(|_| "true()".to_owned());
        flag
    };
    if declaration.entity_id.is_none() || declaration.create_if.is_some() {
        entity.attributes.push(flag("create", &declaration.create_if));
    }
    let mut id = attribute("id");
    id.read_only = Some("true()".to_owned());
    match &declaration.entity_id {
        None => id.default = Some(Default::Expression("uuid()".to_owned())),
        Some(entity_id) => {
            entity.attributes.push(flag("update", &declaration.update_if));
            for (name, column) in
                [("baseVersion", "__version"), ("trunkVersion", "__trunkVersion"), ("branchId", "__branchId")]
            {
                let mut version = attribute(name);
                version.calculation =
                    Some(format!("instance('{}')/root/item[name={entity_id}]/{column}", declaration.list));
                version.read_only = Some("true()".to_owned());
                entity.attributes.push(version);
            }
            id.calculation = Some(entity_id.clone());
        }
    }
    entity.attributes.push(id);
    if let Some(expression) = &declaration.label {
        let mut label = Node::new("label", NodeKind::Calculate, 0);
        label.calculation = Some(expression.clone());
        label.read_only = Some("true()".to_owned());
        entity.children.push(label);
    }
    entity
}
