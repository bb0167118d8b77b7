//! Tree → text that shows how an expression was read: every step in full, every
//! operator in parentheses.

use super::ast::{Axis, Expr, Operator, Path, Start, Step, Test};
use super::number_text;

pub(crate) fn outline(expression: &Expr) -> String {
    let mut text = String::new();
    write(expression, &mut text);
    text
}

fn write(expression: &Expr, text: &mut String) {
    match expression {
        Expr::Number(number) => text.push_str(&number_text(*number)),
        Expr::Text(value) => {
            let quote = if value.contains('\'') { '"' } else { '\'' };
            text.extend([quote]);
            text.push_str(value);
            text.extend([quote]);
        }
        Expr::Negate(inner) => {
            text.push('-');
            write(inner, text);
        }
        Expr::Chain(first, rest) => {
            // Of `and` and `or` the order does not matter; others go from left
            // to right.
            let flat = rest.iter().all(|(operator, _)| matches!(operator, Operator::And | Operator::Or));
            let inner = if flat { 1 } else { rest.len() };
            text.extend(std::iter::repeat_n('(', inner));
            write(first, text);
            for (operator, operand) in rest {
                text.extend([" ", operator.written(), " "]);
                write(operand, text);
                text.push_str(if flat { "" } else { ")" });
            }
            text.push_str(if flat { ")" } else { "" });
        }
        Expr::Union(parts) => list("(", parts, " | ", ")", text),
        Expr::Call(call) => {
            text.push_str(call.function.name);
            list("(", &call.arguments, ", ", ")", text);
        }
        Expr::Unknown(unknown) => {
            text.push_str(&unknown.name);
            if !unknown.name.starts_with('$') {
                list("(", &unknown.arguments, ", ", ")", text);
            }
        }
        Expr::Path(path) => write_path(path, text),
    }
}

fn list(open: &str, parts: &[Expr], between: &str, close: &str, text: &mut String) {
    text.push_str(open);
    for (place, part) in parts.iter().enumerate() {
        text.push_str(if place == 0 { "" } else { between });
        write(part, text);
    }
    text.push_str(close);
}

fn write_path(path: &Path, text: &mut String) {
    let mut separator = "/";
    match &path.start {
        Start::Root => text.push_str(if path.steps.is_empty() { "/" } else { "" }),
        Start::Focus => separator = "",
        Start::Named(name, _) => text.extend(["${", name, "}"]),
        Start::Node(number) => text.extend(["${#", &number.to_string(), "}"]),
        Start::Expression(start) => {
            text.push('(');
            write(start, text);
            text.push(')');
        }
    }
    predicates(&path.predicates, text);
    for step in &path.steps {
        text.push_str(separator);
        separator = "/";
        write_step(step, text);
    }
}

fn write_step(step: &Step, text: &mut String) {
    text.extend([axis_name(step.axis), "::"]);
    match &step.test {
        Test::Name(name) => text.push_str(name),
        Test::Any => text.push('*'),
        Test::AnyWithPrefix(prefix) => text.extend([prefix, ":*"]),
        Test::Node => text.push_str("node()"),
        Test::Text => text.push_str("text()"),
        Test::Comment => text.push_str("comment()"),
        Test::ProcessingInstruction(target) => {
            let target = target.as_ref().map(|target| format!("'{target}'")).unwrap_or_default();
            text.extend(["processing-instruction(", &target, ")"]);
        }
    }
    predicates(&step.predicates, text);
}

fn predicates(predicates: &[Expr], text: &mut String) {
    for predicate in predicates {
        text.push('[');
        write(predicate, text);
        text.push(']');
    }
}

fn axis_name(axis: Axis) -> &'static str {
    Axis::NAMES.into_iter().find(|name| Axis::from_name(name) == Some(axis)).unwrap_or_default()
}
