//! Which conditions an index of a list can answer.

use super::bind::{Binder, Place};
use crate::expr::{self, Axis, Expr, Operator, Start, Test};

impl Binder<'_> {
    /// Whether a comparison is with a column that no row of the list has: as in
    /// XPath, nothing holds for it. JavaRosa, for which a set without nodes is an
    /// empty text, refuses paths that lead nowhere.
    pub(super) fn compares_absent(&self, first: &Expr, rest: &[(Operator, Expr)], from: &[Place]) -> bool {
        let [(operator, second)] = rest else { return false };
        let [Place::Row(list)] = from else { return false };
        let Some(list) = self.plan.list(*list) else { return false };
        let absent = |operand| own_column(operand).is_some_and(|name| list.column(name).is_none());
        // The author of a workbook is told of it.
        operator.compares() && !self.plan.form().is_from_workbook() && (absent(first) || absent(second))
    }

    /// `column = key`, alone or among conditions that all must hold, with a key
    /// that does not depend on the row.
    pub(super) fn lookup(&self, predicate: &Expr, list: u16) -> Option<expr::Lookup> {
        let Expr::Chain(first, rest) = predicate else {
            return None;
        };
        if rest.iter().all(|(operator, _)| *operator == Operator::And) {
            let conditions = std::iter::once(first.as_ref()).chain(rest.iter().map(|(_, operand)| operand));
            return conditions
                .filter_map(|condition| self.lookup(condition, list))
                .next()
                .map(|lookup| expr::Lookup { exact: false, ..lookup });
        }
        let [(Operator::Equal, second)] = rest.as_slice() else {
            return None;
        };
        [(first.as_ref(), second), (second, first.as_ref())].into_iter().find_map(|(column, key)| {
            let column = own_column(column)?;
            let known = self.plan.list(list)?.column(column).is_some();
            (known && !depends_on_row(key)).then(|| expr::Lookup {
                column: column.to_owned(),
                key: Box::new(key.clone()),
                exact: true,
            })
        })
    }
}

/// `false()`
pub(super) fn never() -> Expr {
    expr::parse("false()").unwrap_or(Expr::Number(0.0))
}

/// The name of the column, when the expression is nothing but a column.
pub(super) fn own_column(expression: &Expr) -> Option<&str> {
    let Expr::Path(path) = expression else {
        return None;
    };
    match (&path.start, path.steps.as_slice()) {
        (Start::Focus, [step]) if step.axis == Axis::Child && step.predicates.is_empty() => {
            match &step.test {
                Test::Name(name) => Some(name),
                _ => None,
            }
        }
        _ => None,
    }
}

fn depends_on_row(expression: &Expr) -> bool {
    let mut depends = false;
    expr::visit(expression, true, &mut |part, focused| match part {
        Expr::Path(path) if focused => depends |= matches!(path.start, Start::Focus),
        Expr::Call(call) if focused => {
            depends |= call.function.kind == crate::expr::Kind::Focus
                && (call.arguments.is_empty() || call.function.name == "once");
        }
        _ => {}
    });
    depends
}
