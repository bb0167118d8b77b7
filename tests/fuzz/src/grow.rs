//! Expressions grown from a grammar: most of them can be read, so that what
//! comes after reading is tried too.

use fastrand::Rng;

const LEAVES: [&str; 34] = [
    "${a}",
    "${b}",
    "${x}",
    "${y}",
    "${rep}",
    "${rep}[1]/x",
    "${text}",
    ".",
    "..",
    "1",
    "0.5",
    "-3",
    "'p'",
    "''",
    "'2026-11-23'",
    "today()",
    "now()",
    "true()",
    "false()",
    "/data/rep/x",
    "/data/*",
    "//x",
    "../a",
    "*",
    "@k",
    "current()/../x",
    "ancestor::*",
    "following-sibling::node()",
    "preceding::x",
    "instance('l')/root/item[k = ${a}]/label",
    "instance('l')/root/item[2]/name",
    "text()",
    "random()",
    "uuid()",
];

/// Functions with the number of their arguments.
const FUNCTIONS: [(&str, usize); 58] = [
    ("count", 1),
    ("sum", 1),
    ("max", 1),
    ("min", 1),
    ("number", 1),
    ("string", 1),
    ("boolean", 1),
    ("not", 1),
    ("int", 1),
    ("round", 1),
    ("round", 2),
    ("floor", 1),
    ("ceiling", 1),
    ("abs", 1),
    ("sqrt", 1),
    ("exp", 1),
    ("exp10", 1),
    ("log", 1),
    ("log10", 1),
    ("sin", 1),
    ("atan2", 2),
    ("pow", 2),
    ("if", 3),
    ("coalesce", 2),
    ("selected", 2),
    ("selected-at", 2),
    ("count-selected", 1),
    ("concat", 2),
    ("concat", 3),
    ("join", 2),
    ("substr", 2),
    ("substr", 3),
    ("substring", 3),
    ("contains", 2),
    ("starts-with", 2),
    ("ends-with", 2),
    ("translate", 3),
    ("string-length", 1),
    ("normalize-space", 1),
    ("regex", 2),
    ("position", 1),
    ("once", 1),
    ("date", 1),
    ("format-date", 2),
    ("format-date-time", 2),
    ("decimal-date-time", 1),
    ("decimal-time", 1),
    ("area", 1),
    ("distance", 1),
    ("distance", 2),
    ("geofence", 2),
    ("digest", 2),
    ("base64-decode", 1),
    ("indexed-repeat", 3),
    ("randomize", 2),
    ("checklist", 3),
    ("weighted-checklist", 4),
    ("jr:choice-name", 2),
];

const OPERATORS: [&str; 13] = ["+", "-", "*", "div", "mod", "=", "!=", "<", "<=", ">", ">=", "and", "or"];

/// An expression that has the shape of one.
pub(crate) fn expression(random: &mut Rng, depth: usize) -> String {
    let leaf = |random: &mut Rng| random.choice(&LEAVES).copied().unwrap_or_default().to_owned();
    if depth == 0 {
        return leaf(random);
    }
    match random.u8(0..10) {
        0 | 1 => leaf(random),
        2 => {
            let operator = random.choice(&OPERATORS).copied().unwrap_or_default();
            format!("{} {operator} {}", expression(random, depth - 1), expression(random, depth - 1))
        }
        3 => format!("({})", expression(random, depth - 1)),
        4 => format!("{}[{}]", leaf(random), expression(random, depth - 1)),
        5 => format!("-{}", expression(random, depth - 1)),
        6 => format!("{} | {}", leaf(random), leaf(random)),
        _ => {
            let (name, number) = random.choice(&FUNCTIONS).copied().unwrap_or_default();
            let arguments: Vec<String> = (0..number).map(|_| expression(random, depth - 1)).collect();
            format!("{name}({})", arguments.join(", "))
        }
    }
}

/// Words that mutations put in: every function, operator and leaf.
pub(crate) fn words() -> Vec<&'static str> {
    LEAVES
        .into_iter()
        .chain(OPERATORS)
        .chain(FUNCTIONS.map(|(name, _)| name))
        .chain(["(", ")", "[", "]", ",", "::"])
        .collect()
}
