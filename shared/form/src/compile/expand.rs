//! Rows that stand for more than one node: selects with "other", tables of
//! selects, counted repeats, loops.

use crate::form::{Choice, ChoiceSource, Default, Media, Node, NodeKind, Piece, Text, Words};
use std::collections::BTreeMap;

fn in_all(text: &str, languages: usize) -> Text {
    Text(vec![Words(vec![Piece::Text(text.to_owned())]); languages.max(1)])
}

/// Adds the choice "other", unless the list has it.
pub(super) fn add_other(choices: &mut Vec<Choice>) {
    if choices.iter().any(|choice| choice.name == "other") {
        return;
    }
    let languages = choices.iter().map(|choice| choice.label.0.len()).max().unwrap_or(1);
    choices.push(Choice {
        name: "other".to_owned(),
        label: in_all("Other", languages),
        media: Media::new(),
        columns: BTreeMap::new(),
    });
}

/// The question behind a select with "other".
pub(super) fn specify_other(select: &Node) -> Node {
    let mut question = Node::new(&format!("{}_other", select.name), NodeKind::Text, select.row);
    question.label = in_all("Specify other.", 1);
    question.relevant = Some(format!("selected(../{}, 'other')", select.name));
    question
}

/// The head of a table of selects: the labels of the choices, nothing to answer.
pub(super) fn table_head(select: &Node, row: u32) -> Node {
    let mut head = Node::new(&format!("reserved_name_for_field_list_labels_{row}"), select.kind, row);
    head.choices.clone_from(&select.choices);
    "label".clone_into(&mut head.appearance);
    head
}

/// Whether the group is a table of selects; other clients show it as a list of
/// fields.
pub(super) fn table_appearance(group: &mut Node) -> bool {
    let words: Vec<&str> = group.appearance.split_whitespace().collect();
    if !words.contains(&"table-list") {
        return false;
    }
    let shown = std::iter::once("field-list").chain(words.into_iter().filter(|word| *word != "table-list"));
    group.appearance = shown.collect::<Vec<_>>().join(" ");
    true
}

/// A number of instances that is computed gets a node of its own, because other
/// clients take it only from a node.
pub(super) fn repeat_count(repeat: &mut Node) -> Option<Node> {
    let count = repeat.repeat_count.as_mut()?;
    let reference = count.strip_prefix("${").and_then(|name| name.strip_suffix('}'));
    if reference.is_some_and(|name| !name.contains(['{', '}', ' '])) {
        return None;
    }
    let mut node = Node::new(&format!("{}_count", repeat.name), NodeKind::Calculate, repeat.row);
    node.read_only = Some("true()".to_owned());
    node.calculation = Some(std::mem::replace(count, format!("${{{}}}", node.name)));
    Some(node)
}

/// The contents of a loop once per choice, each in a group with the name and
/// the label of the choice. `%(name)s` and `%(label)s` stand for these.
pub(super) fn unroll(children: &[Node], choices: &[Choice]) -> Vec<Node> {
    let mut groups = Vec::new();
    for choice in choices.iter().filter(|choice| choice.name != "none") {
        let mut group = Node::new(&choice.name, NodeKind::Group, children.first().map_or(0, |node| node.row));
        group.label.clone_from(&choice.label);
        group.media.clone_from(&choice.media);
        group.children = children.iter().map(|child| of_choice(child, choice)).collect();
        groups.push(group);
    }
    groups
}

fn of_choice(template: &Node, choice: &Choice) -> Node {
    let mut node = template.clone();
    node.name = filled(&node.name, choice, 0);
    for text in [
        &mut node.label,
        &mut node.hint,
        &mut node.guidance_hint,
        &mut node.required_message,
        &mut node.constraint_message,
    ] {
        for (language, words) in text.0.iter_mut().enumerate() {
            for piece in &mut words.0 {
                let (Piece::Text(text) | Piece::Output(text)) = piece;
                *text = filled(text, choice, language);
            }
        }
    }
    for expression in [
        &mut node.required,
        &mut node.relevant,
        &mut node.constraint,
        &mut node.calculation,
        &mut node.read_only,
        &mut node.choice_filter,
    ]
    .into_iter()
    .flatten()
    {
        *expression = filled(expression, choice, 0);
    }
    if let Some(Default::Value(default) | Default::Expression(default)) = &mut node.default {
        *default = filled(default, choice, 0);
    }
    if let Some(ChoiceSource::List(list)) = &mut node.choices {
        *list = filled(list, choice, 0);
    }
    node.children = node.children.iter().map(|child| of_choice(child, choice)).collect();
    node
}

fn filled(text: &str, choice: &Choice, language: usize) -> String {
    if !text.contains("%(") {
        return text.to_owned();
    }
    let label = choice.label.in_language(language).map(ToString::to_string).unwrap_or_default();
    text.replace("%(name)s", &choice.name).replace("%(label)s", &label)
}

/// Adds the choice "none" to all selects of several answers; it excludes the
/// others.
pub(super) fn add_none(nodes: &mut [Node], lists: &mut BTreeMap<String, Vec<Choice>>) {
    for node in nodes {
        if let (NodeKind::SelectMultiple, Some(ChoiceSource::List(list))) = (node.kind, &node.choices)
            && let Some(choices) = lists.get_mut(list)
        {
            if !choices.iter().any(|choice| choice.name == "none") {
                choices.push(Choice {
                    name: "none".to_owned(),
                    label: in_all("None", 1),
                    media: Media::new(),
                    columns: BTreeMap::new(),
                });
            }
            let alone = "(.='none' or not(selected(., 'none')))";
            node.constraint = Some(match node.constraint.take() {
                Some(constraint) => format!("{constraint} and {alone}"),
                None => alone.to_owned(),
            });
        }
        add_none(&mut node.children, lists);
    }
}
