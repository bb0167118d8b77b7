//! Expressions and documents from a seed: nothing panics, nothing runs away.

use chrono::{DateTime, FixedOffset};
use doorstep_form::xpath::{Dialect, Expression, World, XmlDocument};
use std::collections::BTreeMap;

/// A small generator; the same numbers on every machine.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 8).unwrap_or(0) % limit.max(1)
    }
}

const PARTS: [&str; 48] = [
    "1",
    "0",
    "-",
    "'a'",
    "\"走\"",
    "''",
    "a",
    "b:c",
    "*",
    "@",
    "@id",
    "/",
    "//",
    "..",
    ".",
    "::",
    "child::",
    "preceding::",
    "ancestor::",
    "namespace::",
    "node()",
    "text()",
    "(",
    ")",
    "[",
    "]",
    ",",
    "|",
    "+",
    " div ",
    " mod ",
    " and ",
    "or",
    "=",
    "!=",
    "<",
    ">=",
    "${a}",
    "$v",
    "2026-11-24",
    "'2026-11-24'",
    "999999999999",
    "1e9",
    "’",
    "\u{0}",
    "\u{10ffff}",
    " ",
    "''''",
];

const FUNCTIONS: [&str; 58] = [
    "last",
    "position",
    "count",
    "name",
    "local-name",
    "namespace-uri",
    "id",
    "lang",
    "string",
    "concat",
    "starts-with",
    "substring-before",
    "substring",
    "string-length",
    "normalize-space",
    "translate",
    "boolean",
    "not",
    "number",
    "sum",
    "floor",
    "round",
    "if",
    "coalesce",
    "once",
    "boolean-from-string",
    "checklist",
    "weighted-checklist",
    "selected",
    "selected-at",
    "count-selected",
    "jr:choice-name",
    "jr:itext",
    "instance",
    "current",
    "count-non-empty",
    "join",
    "regex",
    "substr",
    "uuid",
    "digest",
    "base64-decode",
    "extract-signed",
    "pulldata",
    "indexed-repeat",
    "randomize",
    "area",
    "distance",
    "geofence",
    "max",
    "pow",
    "random",
    "today",
    "date",
    "date-time",
    "decimal-date-time",
    "decimal-time",
    "format-date-time",
];

/// An expression that is mostly well-formed.
fn grown(draw: &mut Draw, depth: usize) -> String {
    if depth == 0 {
        return [
            "1",
            "''",
            "//*",
            "//@*",
            "'2026-11-24T10:00:00Z'",
            ".",
            "-1",
            "'0 0;0 1;1 1;0 0'",
            "'a b c'",
            "//text()",
        ][draw.below(10)]
        .to_owned();
    }
    match draw.below(6) {
        0..=2 => {
            let name = FUNCTIONS[draw.below(FUNCTIONS.len())];
            let count = draw.below(5);
            let arguments: Vec<String> = (0..count).map(|_| grown(draw, depth - 1)).collect();
            format!("{name}({})", arguments.join(", "))
        }
        3 => {
            let operator =
                ["+", "-", "*", "div", "mod", "=", "!=", "<", ">=", "and", "or", "|"][draw.below(12)];
            format!("{} {operator} {}", grown(draw, depth - 1), grown(draw, depth - 1))
        }
        4 => {
            let axis = [
                "child",
                "descendant",
                "parent",
                "ancestor",
                "following",
                "preceding",
                "attribute",
                "namespace",
            ][draw.below(8)];
            format!("//{}[{}]", format_args!("{axis}::node()"), grown(draw, depth - 1))
        }
        _ => format!("({})", grown(draw, depth - 1)),
    }
}

fn run(text: &str) -> bool {
    for dialect in [Dialect::XForms, Dialect::XPath1] {
        if !run_in(text, dialect) {
            return false;
        }
    }
    true
}

fn run_in(text: &str, dialect: Dialect) -> bool {
    let xml =
        "<a id='1' xmlns:x='u'>1<b lang='2'>走 访</b><!--c--><x:c><d>2026-11-24</d><d/></x:c><?p q?></a>";
    let document = XmlDocument::parse(xml).expect("a document");
    let now: DateTime<FixedOffset> =
        DateTime::parse_from_rfc3339("2026-11-24T09:30:00+08:00").expect("a moment");
    let Ok(expression) = Expression::parse(text) else { return false };
    let world = World {
        document: &document,
        top: None,
        namespaces: BTreeMap::new(),
        language: None,
        now,
        zone: now.offset(),
        dialect,
        seed: 1,
    };
    let _ = expression.evaluate(&world, document.root_element());
    true
}

#[test]
fn parts_in_any_order() {
    let mut draw = Draw(0x5eed);
    let mut read = 0;
    for _ in 0..20_000 {
        let count = draw.below(12) + 1;
        let text: String = (0..count).map(|_| PARTS[draw.below(PARTS.len())]).collect();
        read += usize::from(run(&text));
    }
    assert!(read > 200, "some of them must be expressions: {read}");
}

#[test]
fn calls_of_anything_with_anything() {
    let mut draw = Draw(0xca11);
    let mut read = 0;
    for _ in 0..2_000 {
        read += usize::from(run(&grown(&mut draw, 4)));
    }
    assert!(read > 400, "most of them must be expressions: {read}");
}

#[test]
fn expressions_with_changed_bytes() {
    let mut draw = Draw(0xb17e);
    for _ in 0..5_000 {
        let mut bytes = grown(&mut draw, 3).into_bytes();
        for _ in 0..draw.below(4) + 1 {
            let at = draw.below(bytes.len());
            match draw.below(3) {
                0 => bytes[at] = u8::try_from(draw.below(256)).unwrap_or(0),
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"()[]'\"/*$\xe8"[draw.below(10)]),
            }
            if bytes.is_empty() {
                break;
            }
        }
        run(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn what_takes_too_long_is_given_up() {
    let nested = format!("{}//*{}", "//*[".repeat(20), "]".repeat(20));
    let crossed = format!("{}[preceding::node()[following::node()]]", "//node()".repeat(20));
    for text in [nested, crossed] {
        assert!(run_in(&text, Dialect::XForms));
    }
}

#[test]
fn documents_with_changed_bytes() {
    let mut draw = Draw(0xd0c5);
    let xml = "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY e 'x'>]><a b='&e;' xmlns='u' xmlns:p='q'><p:c>&e;<![CDATA[z]]></p:c><!-- c --><?t v?></a>";
    for _ in 0..5_000 {
        let mut bytes = xml.as_bytes().to_vec();
        for _ in 0..draw.below(6) {
            let at = draw.below(bytes.len());
            bytes[at] = b"<>/&;'\"=!?-[] a\xe8"[draw.below(16)];
        }
        if let Ok(document) = XmlDocument::parse(&String::from_utf8_lossy(&bytes)) {
            let _ = document.path_of(document.root_element());
            let _ = document.text_of(document.root());
        }
    }
    let deep = format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
    let _ = XmlDocument::parse(&deep);
}
