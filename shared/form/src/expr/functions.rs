//! The table of functions. Adding one is adding a row here and its
//! implementation in the file whose story it belongs to.

mod logic;
mod moments;
mod nodes;
mod numbers;
mod texts;

use super::EvaluationError;
use super::ast::Call;
use super::evaluate::{Evaluator, Focus};
use super::value::Value;
pub(crate) use texts::full_match;

type Result = std::result::Result<Value, EvaluationError>;

/// A function of the expression language.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// Fewest arguments.
    at_least: usize,
    /// Most arguments; `None` for any number.
    at_most: Option<usize>,
    pub(crate) kind: Kind,
    pub(super) implementation: Implementation,
}

/// What the value of a function depends on besides its arguments; the plan
/// decides by this when to compute it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing else.
    Pure,
    /// The clock.
    Clock,
    /// The language in use.
    Language,
    /// Where the expression stands: the node in focus or its position.
    Focus,
}

/// How a function is computed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Implementation {
    /// From the values of its arguments.
    Eager(fn(&mut Evaluator<'_>, Vec<Value>) -> Result),
    /// From the arguments as they are written: those that may stay unread, or
    /// are names rather than values.
    Lazy(fn(&mut Evaluator<'_>, &Call, &Focus) -> Result),
}

use Implementation::{Eager, Lazy};
use Kind::{Clock, Focus as FocusKind, Language, Pure};

const fn row(
    name: &'static str,
    at_least: usize,
    at_most: Option<usize>,
    kind: Kind,
    implementation: Implementation,
) -> Function {
    Function { name, at_least, at_most, kind, implementation }
}

static TABLE: &[Function] = &[
    // XPath 1.0, section 4.1: node sets.
    row("last", 0, Some(0), FocusKind, Lazy(nodes::last)),
    row("position", 0, Some(1), FocusKind, Lazy(nodes::position)),
    row("count", 1, Some(1), Pure, Eager(nodes::count)),
    row("name", 0, Some(1), FocusKind, Lazy(nodes::name)),
    row("local-name", 0, Some(1), FocusKind, Lazy(nodes::local_name)),
    // XPath 1.0, section 4.2: text.
    row("string", 0, Some(1), FocusKind, Lazy(texts::string)),
    row("concat", 0, None, Pure, Eager(texts::concat)),
    row("starts-with", 2, Some(2), Pure, Eager(texts::starts_with)),
    row("contains", 2, Some(2), Pure, Eager(texts::contains)),
    row("substring-before", 2, Some(2), Pure, Eager(texts::substring_before)),
    row("substring-after", 2, Some(2), Pure, Eager(texts::substring_after)),
    row("substring", 2, Some(3), Pure, Eager(texts::substring)),
    row("string-length", 0, Some(1), FocusKind, Lazy(texts::string_length)),
    row("normalize-space", 0, Some(1), FocusKind, Lazy(texts::normalize_space)),
    row("translate", 3, Some(3), Pure, Eager(texts::translate)),
    // XPath 1.0, section 4.3: truth.
    row("boolean", 1, Some(1), Pure, Eager(logic::boolean)),
    row("not", 1, Some(1), Pure, Eager(logic::not)),
    row("true", 0, Some(0), Pure, Eager(logic::r#true)),
    row("false", 0, Some(0), Pure, Eager(logic::r#false)),
    // XPath 1.0, section 4.4: numbers; round also as ODK extends it.
    row("number", 0, Some(1), FocusKind, Lazy(numbers::number)),
    row("sum", 1, None, Pure, Eager(numbers::sum)),
    row("floor", 1, Some(1), Pure, Eager(numbers::floor)),
    row("ceiling", 1, Some(1), Pure, Eager(numbers::ceiling)),
    row("round", 1, Some(2), Pure, Eager(numbers::round)),
    // ODK XForms: control flow and truth.
    row("if", 3, Some(3), Pure, Lazy(logic::r#if)),
    row("coalesce", 2, None, Pure, Eager(logic::coalesce)),
    row("once", 1, Some(1), FocusKind, Lazy(logic::once)),
    row("boolean-from-string", 1, Some(1), Pure, Eager(logic::boolean_from_string)),
    row("checklist", 3, None, Pure, Eager(logic::checklist)),
    row("weighted-checklist", 4, None, Pure, Eager(logic::weighted_checklist)),
    // ODK XForms: choices.
    row("selected", 2, Some(2), Pure, Eager(texts::selected)),
    row("selected-at", 2, Some(2), Pure, Eager(texts::selected_at)),
    row("count-selected", 1, Some(1), Pure, Eager(texts::count_selected)),
    row("jr:choice-name", 2, Some(2), Language, Lazy(nodes::choice_name)),
    // ODK XForms: node sets and lists.
    row("instance", 1, Some(1), Pure, Eager(nodes::instance)),
    row("current", 0, Some(0), Pure, Lazy(nodes::current)),
    row("count-non-empty", 1, Some(1), Pure, Eager(nodes::count_non_empty)),
    row("join", 1, None, Pure, Eager(texts::join)),
    // ODK XForms: text.
    row("regex", 2, Some(2), Pure, Lazy(texts::regex)),
    row("substr", 2, Some(3), Pure, Eager(texts::substr)),
    row("ends-with", 2, Some(2), Pure, Eager(texts::ends_with)),
    row("version", 0, Some(0), Pure, Eager(nodes::version)),
    // ODK XForms: numbers.
    row("max", 1, None, Pure, Eager(numbers::max)),
    row("min", 1, None, Pure, Eager(numbers::min)),
    row("int", 1, Some(1), Pure, Eager(numbers::int)),
    row("pow", 2, Some(2), Pure, Eager(numbers::pow)),
    row("abs", 1, Some(1), Pure, Eager(numbers::abs)),
    row("sqrt", 1, Some(1), Pure, Eager(numbers::sqrt)),
    row("log", 1, Some(1), Pure, Eager(numbers::log)),
    row("log10", 1, Some(1), Pure, Eager(numbers::log10)),
    row("exp", 1, Some(1), Pure, Eager(numbers::exp)),
    row("exp10", 1, Some(1), Pure, Eager(numbers::exp10)),
    row("pi", 0, Some(0), Pure, Eager(numbers::pi)),
    row("sin", 1, Some(1), Pure, Eager(numbers::sin)),
    row("cos", 1, Some(1), Pure, Eager(numbers::cos)),
    row("tan", 1, Some(1), Pure, Eager(numbers::tan)),
    row("asin", 1, Some(1), Pure, Eager(numbers::asin)),
    row("acos", 1, Some(1), Pure, Eager(numbers::acos)),
    row("atan", 1, Some(1), Pure, Eager(numbers::atan)),
    row("atan2", 2, Some(2), Pure, Eager(numbers::atan2)),
    // ODK XForms: dates.
    row("today", 0, Some(0), Clock, Eager(moments::today)),
    row("now", 0, Some(0), Clock, Eager(moments::now)),
    row("date", 1, Some(1), Pure, Eager(moments::date)),
    row("date-time", 1, Some(1), Pure, Eager(moments::date_time)),
    row("decimal-date-time", 1, Some(1), Pure, Eager(moments::decimal_date_time)),
    row("decimal-time", 1, Some(1), Pure, Eager(moments::decimal_time)),
    row("format-date", 2, Some(2), Pure, Eager(moments::format_date)),
    row("format-date-time", 2, Some(2), Pure, Eager(moments::format_date)),
];

/// Functions of the specification that are not in the table yet. Whoever uses
/// one is told so, rather than that there is no such function.
pub(super) const PLANNED: &[&str] = &[
    "area",
    "base64-decode",
    "digest",
    "distance",
    "geofence",
    "id",
    "indexed-repeat",
    "jr:itext",
    "lang",
    "namespace-uri",
    "property",
    "pulldata",
    "random",
    "randomize",
    "uuid",
];

pub(super) fn find(name: &str) -> Option<&'static Function> {
    TABLE.iter().find(|function| function.name == name)
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|function| function.name)
}

impl Function {
    pub(super) fn takes(&self, arguments: usize) -> bool {
        arguments >= self.at_least && self.at_most.is_none_or(|most| arguments <= most)
    }

    pub(super) fn arity_in_words(&self) -> String {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        match (self.at_least, self.at_most) {
            (0, Some(0)) => "no arguments".to_owned(),
            (least, Some(most)) if least == most => format!("{least} argument{}", plural(least)),
            (least, Some(most)) => format!("{least} to {most} arguments"),
            (least, None) => format!("at least {least} argument{}", plural(least)),
        }
    }
}
