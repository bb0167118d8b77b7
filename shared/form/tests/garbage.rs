//! Nothing that comes in makes the engine panic. Inputs are drawn from fixed
//! seeds, so a failure can be repeated.

mod common;

use common::{context, plan};
use doorstep_form::{Attachments, Form, NodePath, Plan, Rule, Session, Workbook, verify};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A small generator (xorshift): quality does not matter here, repetition does.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const PIECES: [&str; 46] = [
    "${a}",
    "${b}",
    "${rep}",
    "${x}",
    "(",
    ")",
    "[",
    "]",
    "+",
    "-",
    "*",
    "/",
    "//",
    "..",
    ".",
    "@",
    "|",
    "=",
    "!=",
    "<",
    ">=",
    " and ",
    " or ",
    " div ",
    " mod ",
    "'t'",
    "''",
    "1",
    "0.5",
    "99999999999999999999",
    "count(",
    "sum(",
    "if(",
    "regex(",
    "substr(",
    "date(",
    "format-date(",
    "position(",
    "today()",
    "now()",
    "instance('l')",
    "/root/item",
    "once(",
    ",",
    "ancestor::*",
    "selected-at(",
];

#[test]
fn expressions_of_random_pieces() {
    let mut draw = Draw(0x5eed);
    let mut read = 0;
    for _ in 0..60_000 {
        let length = 1 + draw.below(9);
        let text: String = (0..length).map(|_| draw.pick(&PIECES)).collect();
        if let Ok(rule) = Rule::parse(&text) {
            read += 1;
            let _ = rule.evaluate(&|name| Some(name.repeat(3)), context().now);
        }
    }
    assert!(read > 500, "some of it must be expressions: {read}");
}

/// An expression that at least has the shape of one.
fn grown(draw: &mut Draw, depth: usize) -> String {
    let leaves = [
        "${a}",
        "${b}",
        "${x}",
        "${rep}",
        "${rep}[1]/x",
        "${y}",
        "1",
        "'p'",
        "''",
        ".",
        "..",
        "today()",
        "now()",
        "/data/rep/x",
        "//x",
        "../a",
        "instance('l')/root/item[k = ${a}]/label",
        "instance('l')/root/item[2]/name",
        "jr:choice-name(${b}, '${b}')",
        "current()/../x",
        "ancestor::*",
        "preceding::x",
        "k",
        "name",
    ];
    if depth == 0 {
        return draw.pick(&leaves).to_owned();
    }
    let mut inner = || grown(draw, depth - 1);
    let (one, two) = (inner(), inner());
    match draw.below(14) {
        0 => format!("{one} + {two}"),
        1 => format!("{one} = {two}"),
        2 => format!("{one} < {two} or {two}"),
        3 => format!("if({one}, {two}, '')"),
        4 => format!("sum({one})"),
        5 => format!("count({one})"),
        6 => format!("concat({one}, {two})"),
        7 => format!("regex({one}, {two})"),
        8 => format!("substr({one}, {two})"),
        9 => format!("format-date({one}, '%Y-%m-%d')"),
        10 => format!("(-{one}) mod {two}"),
        11 => format!("once({one})"),
        12 => format!("position({one})"),
        _ => one,
    }
}

#[test]
fn forms_with_random_expressions() {
    let mut draw = Draw(0xf0f0);
    let mut ran = 0;
    for _ in 0..6_000 {
        let table = format!(
            "
| survey  |              |      |       |          |             |              |            |
|         | type         | name | label | relevant | calculation | choice_filter | constraint |
|         | integer      | a    | A     |          |             |              | {}         |
|         | select_one l | b    | B     |          |             | {}           |            |
|         | begin_repeat | rep  | R     | {}       |             |              |            |
|         | integer      | x    | X     | {}       |             |              |            |
|         | calculate    | y    |       |          | {}          |              |            |
|         | end_repeat   |      |       |          |             |              |            |
|         | calculate    | z    |       |          | {}          |              |            |
| choices |              |      |       |          |             |              |            |
|         | list_name    | name | label | k        |             |              |            |
|         | l            | p    | P     | 1        |             |              |            |
|         | l            | q    | Q     | 2        |             |              |            |
",
            grown(&mut draw, 3),
            grown(&mut draw, 2),
            grown(&mut draw, 2),
            grown(&mut draw, 2),
            grown(&mut draw, 3),
            grown(&mut draw, 3)
        );
        let read = Workbook::read_markdown(&table).and_then(|workbook| Form::from_workbook(&workbook));
        let Ok((form, _)) = read else { continue };
        let Ok(plan) = Plan::new(form, &Attachments::new()) else { continue };
        ran += 1;
        drive(Session::start(plan.into(), context(), &BTreeMap::new()), &mut draw, 12);
    }
    assert!(ran > 20, "some of the forms must run: {ran}");
}

const VALUES: [&str; 16] = [
    "",
    "1",
    "-5",
    "９９",
    "abc",
    "p",
    "q",
    "p q",
    "2026-02-30",
    "2026-11-23",
    "1e9",
    "NaN",
    "34 108",
    "\u{0}",
    "走访",
    "1.5",
];

/// Answers at random; returns what stepwise computing made of it and what
/// computing everything anew makes of it.
fn drive(mut session: Session, draw: &mut Draw, steps: usize) -> (Value, Value) {
    for _ in 0..steps {
        let mut paths: Vec<NodePath> = session.pages().into_iter().flat_map(|page| page.nodes).collect();
        paths.extend(["/rep[7]/x", "/z", "/nowhere", "/rep"].map(|text| text.parse().expect("a path")));
        let path = &paths[draw.below(paths.len())];
        match draw.below(8) {
            0 => drop(session.add_repeat(path)),
            1 => drop(session.remove_repeat(path)),
            2 => drop(session.set_now(common::moment("2027-01-01T00:00:00+08:00"))),
            _ => drop(session.answer(path, draw.pick(&VALUES))),
        }
        let _ = session.node(path);
        let _ = session.problems();
    }
    let _ = session.summary();
    let draft = session.instance();
    let plan = std::sync::Arc::clone(session.plan());
    let (again, left_over) = Session::resume(plan, context(), &draft);
    assert_eq!(left_over, [], "a draft of the same form fits");
    let _ = session.finish(context().now);
    (draft, again.instance())
}

const FORM: &str = "
| survey  |                   |      |       |            |                |             |
|         | type              | name | label | relevant   | calculation    | repeat_count |
|         | integer           | a    | A     |            |                |             |
|         | select_multiple l | b    | B     | ${a} > 0   |                |             |
|         | geoshape          | area | Area  |            |                |             |
|         | begin_repeat      | rep  | R     | ${a} != 5  |                |             |
|         | dateTime          | x    | X     |            |                |             |
|         | calculate         | y    |       |            | ${x} + ${a}    |             |
|         | begin_repeat      | in   | In    |            |                | ${a}        |
|         | time              | t    | T     |            |                |             |
|         | end_repeat        |      |       |            |                |             |
|         | end_repeat        |      |       |            |                |             |
|         | calculate         | z    |       |            | sum(${y}) + count(${in}) |   |
| choices |                   |      |       |            |                |             |
|         | list_name         | name | label |            |                |             |
|         | l                 | p    | P     |            |                |             |
|         | l                 | q    | Q     |            |                |             |
";

#[test]
fn random_answers() {
    let plan = plan(FORM);
    for seed in 1..60 {
        let session = Session::start(plan.clone(), context(), &BTreeMap::new());
        let (stepwise, anew) = drive(session, &mut Draw(seed * 7919), 60);
        assert_eq!(stepwise, anew, "seed {seed}");
    }
}

#[test]
fn random_instances() {
    let plan = plan(FORM);
    let mut draw = Draw(0xdead);
    for _ in 0..2_000 {
        let instance = value(&mut draw, 4);
        let (session, _) = Session::resume(plan.clone(), context(), &instance);
        let again = session.instance();
        let (same, left_over) = Session::resume(plan.clone(), context(), &again);
        assert_eq!(left_over, []);
        assert_eq!(same.instance(), again);
        let _ = verify(plan.clone(), context(), &instance);
    }
}

fn value(draw: &mut Draw, depth: usize) -> Value {
    match draw.below(if depth == 0 { 4 } else { 8 }) {
        0 => json!(null),
        1 => json!(draw.pick(&VALUES)),
        2 => json!(draw.below(3)),
        3 => json!(true),
        4 => (0..draw.below(4)).map(|_| value(draw, depth - 1)).collect(),
        _ => {
            let names = ["a", "b", "area", "rep", "x", "y", "in", "t", "z", "other"];
            let mut object = serde_json::Map::new();
            for _ in 0..draw.below(6) {
                object.insert(draw.pick(&names).to_owned(), value(draw, depth - 1));
            }
            Value::Object(object)
        }
    }
}

#[test]
fn random_tables_and_bytes() {
    let mut draw = Draw(0xbeef);
    let cells = [
        "survey",
        "choices",
        "type",
        "name",
        "label",
        "text",
        "begin_group",
        "end_group",
        "begin_repeat",
        "",
        "a",
        "label::x",
        "\\",
        "${",
        "---",
    ];
    for _ in 0..4_000 {
        let lines = draw.below(8);
        let text: String = (0..lines)
            .map(|_| {
                let row: Vec<&str> = (0..draw.below(6)).map(|_| draw.pick(&cells)).collect();
                format!("|{}|\n", row.join("|"))
            })
            .collect();
        if let Ok(workbook) = Workbook::read_markdown(&text)
            && let Ok((form, _)) = Form::from_workbook(&workbook)
        {
            let _ = Plan::new(form, &Attachments::new());
        }
    }
}
