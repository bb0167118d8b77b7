//! The table of functions. Adding one is adding a row here and its
//! implementation in the file whose story it belongs to.

mod codes;
mod logic;
mod moments;
mod nodes;
mod numbers;
mod patterns;
mod places;
mod random;
mod repeats;
mod texts;
mod toolkit;

use super::EvaluationError;
use super::ast::Call;
use super::evaluate::{Evaluator, Focus};
use super::value::Value;
pub(crate) use patterns::shared_full_match;
pub(crate) use random::mixed;

type Result<'a> = std::result::Result<Value<'a>, EvaluationError>;

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
    /// The host's seed: computed when it is first needed and when what it reads
    /// changes, like anything else.
    Random,
    /// Where the expression stands: the node in focus or its position.
    Focus,
}

/// How a function is computed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Implementation {
    /// From its arguments as they are written, so that it computes only those
    /// it needs.
    Full(for<'a> fn(&mut Evaluator<'a>, &'a Call, &Focus) -> Result<'a>),
    /// From one number.
    Number(fn(f64) -> f64),
    /// From two numbers.
    Numbers(fn(f64, f64) -> f64),
}

use Implementation::{Full, Number, Numbers};
use Kind::{Clock, Focus as FocusKind, Language, Pure, Random};

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
    row("last", 0, Some(0), FocusKind, Full(nodes::last)),
    row("position", 0, Some(1), FocusKind, Full(nodes::position)),
    row("count", 1, Some(1), Pure, Full(nodes::count)),
    row("name", 0, Some(1), FocusKind, Full(nodes::name)),
    row("local-name", 0, Some(1), FocusKind, Full(nodes::local_name)),
    row("namespace-uri", 0, Some(1), FocusKind, Full(nodes::namespace_uri)),
    row("id", 1, Some(1), FocusKind, Full(nodes::id)),
    // XPath 1.0, section 4.2: text.
    row("string", 0, Some(1), FocusKind, Full(texts::string)),
    row("concat", 0, None, Pure, Full(texts::concat)),
    row("starts-with", 2, Some(2), Pure, Full(texts::starts_with)),
    row("contains", 2, Some(2), Pure, Full(texts::contains)),
    row("substring-before", 2, Some(2), Pure, Full(texts::substring_before)),
    row("substring-after", 2, Some(2), Pure, Full(texts::substring_after)),
    row("substring", 2, Some(3), Pure, Full(texts::substring)),
    row("string-length", 0, Some(1), FocusKind, Full(texts::string_length)),
    row("normalize-space", 0, Some(1), FocusKind, Full(texts::normalize_space)),
    row("translate", 3, Some(3), Pure, Full(texts::translate)),
    // XPath 1.0, section 4.3: truth.
    row("boolean", 1, Some(1), Pure, Full(logic::boolean)),
    row("not", 1, Some(1), Pure, Full(logic::not)),
    row("true", 0, Some(0), Pure, Full(logic::r#true)),
    row("false", 0, Some(0), Pure, Full(logic::r#false)),
    row("lang", 1, Some(1), FocusKind, Full(nodes::lang)),
    // XPath 1.0, section 4.4: numbers; round also as ODK extends it.
    row("number", 0, Some(1), FocusKind, Full(numbers::number)),
    row("sum", 1, Some(1), Pure, Full(numbers::sum)),
    row("floor", 1, Some(1), Pure, Number(f64::floor)),
    row("ceiling", 1, Some(1), Pure, Number(f64::ceil)),
    row("round", 1, Some(2), Pure, Full(numbers::round)),
    // ODK XForms: control flow and truth.
    row("if", 3, Some(3), Pure, Full(logic::r#if)),
    row("coalesce", 2, None, Pure, Full(logic::coalesce)),
    row("once", 1, Some(1), FocusKind, Full(logic::once)),
    row("boolean-from-string", 1, Some(1), Pure, Full(logic::boolean_from_string)),
    row("checklist", 3, None, Pure, Full(logic::checklist)),
    row("weighted-checklist", 4, None, Pure, Full(logic::weighted_checklist)),
    // ODK XForms: choices.
    row("selected", 2, Some(2), Pure, Full(texts::selected)),
    row("selected-at", 2, Some(2), Pure, Full(texts::selected_at)),
    row("count-selected", 1, Some(1), Pure, Full(texts::count_selected)),
    row("jr:choice-name", 2, Some(2), Language, Full(nodes::choice_name)),
    row("jr:itext", 1, Some(1), Language, Full(nodes::itext)),
    row("pulldata", 4, Some(4), Pure, Full(nodes::pulldata)),
    // ODK XForms: node sets and lists.
    row("instance", 1, Some(1), Pure, Full(nodes::instance)),
    row("current", 0, Some(0), Pure, Full(nodes::current)),
    row("randomize", 1, Some(2), Random, Full(random::randomize)),
    row("indexed-repeat", 3, Some(11), Pure, Full(repeats::indexed_repeat)),
    row("count-non-empty", 1, Some(1), Pure, Full(nodes::count_non_empty)),
    row("join", 1, None, Pure, Full(texts::join)),
    // ODK XForms: text.
    row("regex", 2, Some(2), Pure, Full(patterns::regex)),
    row("substr", 2, Some(3), Pure, Full(texts::substr)),
    row("ends-with", 2, Some(2), Pure, Full(texts::ends_with)),
    row("uuid", 0, Some(1), Random, Full(random::uuid)),
    row("digest", 2, Some(3), Pure, Full(codes::digest)),
    row("base64-decode", 1, Some(1), Pure, Full(codes::base64_decode)),
    row("extract-signed", 2, Some(2), Pure, Full(codes::extract_signed)),
    row("version", 0, Some(0), Pure, Full(nodes::version)),
    row("property", 1, Some(1), Pure, Full(nodes::property)),
    // ODK XForms: numbers.
    row("area", 1, Some(1), Pure, Full(places::area)),
    row("distance", 1, None, Pure, Full(places::distance)),
    row("geofence", 2, Some(2), Pure, Full(places::geofence)),
    row("max", 1, None, Pure, Full(numbers::max)),
    row("min", 1, None, Pure, Full(numbers::min)),
    row("int", 1, Some(1), Pure, Number(f64::trunc)),
    row("pow", 2, Some(2), Pure, Numbers(f64::powf)),
    row("abs", 1, Some(1), Pure, Number(f64::abs)),
    row("sqrt", 1, Some(1), Pure, Number(f64::sqrt)),
    row("log", 1, Some(1), Pure, Number(f64::ln)),
    row("log10", 1, Some(1), Pure, Number(f64::log10)),
    row("exp", 1, Some(1), Pure, Number(f64::exp)),
    row("exp10", 1, Some(1), Pure, Number(numbers::exp10)),
    row("pi", 0, Some(0), Pure, Full(numbers::pi)),
    row("sin", 1, Some(1), Pure, Number(f64::sin)),
    row("cos", 1, Some(1), Pure, Number(f64::cos)),
    row("tan", 1, Some(1), Pure, Number(f64::tan)),
    row("asin", 1, Some(1), Pure, Number(f64::asin)),
    row("acos", 1, Some(1), Pure, Number(f64::acos)),
    row("atan", 1, Some(1), Pure, Number(f64::atan)),
    row("atan2", 2, Some(2), Pure, Numbers(f64::atan2)),
    row("random", 0, Some(0), Random, Full(random::random)),
    // ODK XForms: dates.
    row("today", 0, Some(0), Clock, Full(moments::today)),
    row("now", 0, Some(0), Clock, Full(moments::now)),
    row("date", 1, Some(1), Pure, Full(moments::date)),
    row("date-time", 1, Some(1), Pure, Full(moments::date_time)),
    row("decimal-date-time", 1, Some(1), Pure, Full(moments::decimal_date_time)),
    row("decimal-time", 1, Some(1), Pure, Full(moments::decimal_time)),
    row("format-date", 2, Some(2), Pure, Full(moments::format_date)),
    row("format-date-time", 2, Some(2), Pure, Full(moments::format_date)),
    // JavaRosa: other names, and a value that is computed again for others.
    row("is-selected", 2, Some(2), Pure, Full(texts::selected)),
    row("enclosed-area", 1, Some(1), Pure, Full(places::area)),
    row("depend", 1, None, Pure, Full(logic::depend)),
    // Community Health Toolkit.
    row("difference-in-months", 2, Some(2), Pure, Full(toolkit::difference_in_months)),
    row("cht:difference-in-days", 2, Some(2), Pure, Full(toolkit::difference_in_days)),
    row("cht:difference-in-weeks", 2, Some(2), Pure, Full(toolkit::difference_in_weeks)),
    row("cht:difference-in-months", 2, Some(2), Pure, Full(toolkit::difference_in_months)),
    row("cht:difference-in-years", 2, Some(2), Pure, Full(toolkit::difference_in_years)),
    row("add-date", 1, Some(6), Pure, Full(toolkit::add_date)),
    row("parse-timestamp-to-date", 1, Some(1), Pure, Full(toolkit::parse_timestamp_to_date)),
    row("cht:strip-whitespace", 1, Some(1), Pure, Full(toolkit::strip_whitespace)),
    row("cht:validate-luhn", 1, Some(2), Pure, Full(toolkit::validate_luhn)),
    row("to-bikram-sambat", 1, Some(1), Pure, Full(toolkit::elsewhere)),
    row("z-score", 4, Some(4), Pure, Full(toolkit::elsewhere)),
    row("cht:extension-lib", 1, None, Pure, Full(toolkit::elsewhere)),
];

/// Functions that forms may name, but that are not computed here.
pub(crate) const ELSEWHERE: [&str; 3] = ["to-bikram-sambat", "z-score", "cht:extension-lib"];

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
