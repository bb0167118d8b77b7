//! Sets of nodes, lists and where an expression stands.

use super::Result;
use crate::expr::EvaluationError;
use crate::expr::ast::{Axis, Call, Expr, Test};
use crate::expr::environment::{Environment, Handle, Nodes};
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;
use std::borrow::Cow;

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn counted<'a>(count: usize) -> Value<'a> {
    Value::Number(count as f64)
}

pub(super) fn last<'a>(_: &mut Evaluator<'a>, _: &'a Call, focus: &Focus) -> Result<'a> {
    Ok(counted(focus.size))
}

/// In a predicate, the position in the set being filtered. With an argument
/// (`position(..)`), the position of that node among its siblings of the same
/// name: which instance of a repeat it is.
pub(super) fn position<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    if call.arguments.is_empty() {
        return Ok(counted(focus.position));
    }
    let nodes = evaluator.nodes_argument(call, 0, focus)?;
    Ok(nodes.first().map_or(Value::Number(f64::NAN), |&node| counted(evaluator.environment.position(node))))
}

pub(super) fn count<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    Ok(counted(evaluator.nodes_argument(call, 0, focus)?.len()))
}

pub(super) fn count_non_empty<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
) -> Result<'a> {
    let nodes = evaluator.nodes_argument(call, 0, focus)?;
    Ok(counted(nodes.iter().filter(|&&node| !evaluator.environment.text(node).is_empty()).count()))
}

fn named_node<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
) -> std::result::Result<Option<Handle>, EvaluationError> {
    match call.arguments.first() {
        None => Ok(Some(focus.node)),
        Some(_) => Ok(evaluator.nodes_argument(call, 0, focus)?.first().copied()),
    }
}

pub(super) fn name<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let node = named_node(evaluator, call, focus)?;
    Ok(Value::text(node.map_or("", |node| evaluator.environment.name(node))))
}

pub(super) fn local_name<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let node = named_node(evaluator, call, focus)?;
    let name = node.map_or("", |node| evaluator.environment.name(node));
    Ok(Value::text(name.rsplit(':').next().unwrap_or_default()))
}

pub(super) fn namespace_uri<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let node = named_node(evaluator, call, focus)?;
    Ok(Value::text(node.map_or("", |node| evaluator.environment.namespace(node))))
}

/// Elements by their id; the ids are separated by white space, or one a node.
pub(super) fn id<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let environment = evaluator.environment;
    let mut found = Nodes::new();
    let mut look = |ids: &str| {
        for id in ids.split_whitespace() {
            environment.with_id(id, focus.node, &mut found);
        }
    };
    match evaluator.argument(call, 0, focus)? {
        Value::Nodes(nodes) => nodes.iter().for_each(|&node| look(&environment.text(node))),
        value => look(&evaluator.to_text(value)),
    }
    Ok(Value::Nodes(evaluator.in_document_order(found)))
}

/// Whether the nearest `xml:lang` is this language or a variety of it.
pub(super) fn lang<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let wanted = evaluator.text_argument(call, 0, focus)?;
    let environment = evaluator.environment;
    let mut at = Some(focus.node);
    let mut attributes = Nodes::new();
    while let Some(node) = at {
        evaluator.spend(1)?;
        environment.attributes(node, &Test::Any, &mut attributes);
        if let Some(&found) = attributes.iter().find(|&&attribute| environment.name(attribute) == "xml:lang")
        {
            let language = environment.text(found);
            let same = language.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(&wanted));
            let ends = matches!(language.as_bytes().get(wanted.len()), None | Some(b'-'));
            return Ok(Value::Boolean(same && ends));
        }
        at = environment.parent(node);
    }
    Ok(Value::Boolean(false))
}

pub(super) fn instance<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let name = evaluator.text_argument(call, 0, focus)?;
    Ok(Value::Nodes(evaluator.environment.list(&name).into_iter().collect()))
}

pub(super) fn current<'a>(_: &mut Evaluator<'a>, _: &'a Call, focus: &Focus) -> Result<'a> {
    Ok(Value::Nodes(Nodes::from_iter([focus.origin])))
}

/// The label of a choice; the plan has turned the second argument, which names
/// the question, into a path.
pub(super) fn choice_name<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let value = evaluator.text_argument(call, 0, focus)?;
    let question = match call.arguments.get(1) {
        Some(question @ Expr::Path(_)) => evaluator.nodes(question, focus)?.first().copied(),
        _ => None,
    };
    let label = question.and_then(|question| evaluator.environment.choice_label(question, &value));
    Ok(Value::Text(label.unwrap_or(Cow::Borrowed(""))))
}

/// The text of an id in the language in use.
pub(super) fn itext<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let id = evaluator.text_argument(call, 0, focus)?;
    evaluator
        .environment
        .itext(&id)
        .ok_or_else(|| EvaluationError::new(format!("jr:itext('{id}'): there is no text of this id")))
}

pub(super) fn version<'a>(evaluator: &mut Evaluator<'a>, _: &'a Call, _: &Focus) -> Result<'a> {
    Ok(Value::text(evaluator.environment.version()))
}

/// What is known of device and user: `property('deviceid')`.
pub(super) fn property<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let name = evaluator.text_argument(call, 0, focus)?;
    Ok(Value::Text(evaluator.environment.property(&name).unwrap_or(Cow::Borrowed(""))))
}

/// `pulldata('list', 'wanted', 'column', key)`: the wanted column of the first
/// row whose column equals the key. A column may be an attribute (`@code`) or
/// further down (`name/short`).
pub(super) fn pulldata<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let list = evaluator.text_argument(call, 0, focus)?;
    let wanted = evaluator.text_argument(call, 1, focus)?;
    let column = evaluator.text_argument(call, 2, focus)?;
    let key = evaluator.text_argument(call, 3, focus)?;
    let environment = evaluator.environment;
    let name = list.strip_suffix(".csv").unwrap_or(&list);
    let Some(document) = environment.list(name) else {
        return Err(EvaluationError::new(format!("pulldata('{list}', …): there is no list of this name")));
    };
    let wanted = Column::new(&wanted);
    let mut roots = Nodes::new();
    environment.children(document, &Test::Any, &mut roots);
    for root in roots {
        let mut rows = Nodes::new();
        let indexed =
            matches!(root, Handle::ListRoot(list) if environment.rows_where(list, &column, &key, &mut rows));
        let mut row = rows.first().copied();
        if !indexed {
            let column = Column::new(&column);
            environment.children(root, &Test::Any, &mut rows);
            evaluator.spend(rows.len())?;
            row = rows.into_iter().find(|&row| {
                column.first(environment, row).is_some_and(|cell| environment.text(cell) == key)
            });
        }
        if let Some(row) = row {
            let cell = wanted.first(environment, row);
            return Ok(cell.map_or_else(Value::empty, |cell| Value::Text(environment.text(cell))));
        }
    }
    Ok(Value::empty())
}

/// The way from a row to one of its columns.
struct Column(Vec<(Axis, Test)>);

impl Column {
    fn new(name: &str) -> Column {
        let step = |name: &str| match name.trim().strip_prefix('@') {
            Some(name) => (Axis::Attribute, Test::Name(name.to_owned())),
            None => (Axis::Child, Test::Name(name.trim().to_owned())),
        };
        Column(name.split('/').map(step).collect())
    }

    fn first(&self, environment: &dyn Environment, row: Handle) -> Option<Handle> {
        let mut at = row;
        let mut found = Nodes::new();
        for (axis, test) in &self.0 {
            found.clear();
            match axis {
                Axis::Attribute => environment.attributes(at, test, &mut found),
                _ => environment.children(at, test, &mut found),
            }
            at = *found.first()?;
        }
        Some(at)
    }
}
