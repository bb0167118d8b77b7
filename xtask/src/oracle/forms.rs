//! Workbooks made up from a seed: questions whose rules read the questions
//! before them, a group, a cascade and a repeat.

use fastrand::Rng;

/// The workbook of this number as a Markdown table.
pub(super) fn workbook(seed: u64, number: u64) -> String {
    let mut random = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number));
    let mut rows = vec![
        "| survey |".to_owned(),
        "| | type | name | label | relevant | constraint | required | calculation | default | choice_filter |".to_owned(),
        "| | select_one town | town | Town | | | | | | |".to_owned(),
        "| | select_one village | village | Village | | | | | | town = ${town} |".to_owned(),
    ];
    let mut known: Vec<(String, Kind)> = Vec::new();
    questions(&mut random, &mut rows, &mut known, "q", 6);
    let relevant = condition(&mut random, &known);
    rows.push(format!("| | begin_group | part | Part | {relevant} | | | | | |"));
    questions(&mut random, &mut rows, &mut known, "p", 4);
    rows.push("| | end_group | | | | | | | | |".to_owned());
    let outside = known.len();
    rows.push("| | begin_repeat | member | Member | | | | | | |".to_owned());
    questions(&mut random, &mut rows, &mut known, "m", 4);
    rows.push("| | calculate | place | | | | | position(..) | | |".to_owned());
    rows.push("| | end_repeat | | | | | | | | |".to_owned());
    for (name, kind) in known.split_off(outside) {
        let function = if kind == Kind::Number { "sum" } else { "count" };
        rows.push(format!("| | calculate | all_{name} | | | | | {function}(${{{name}}}) | | |"));
    }
    questions(&mut random, &mut rows, &mut known, "z", 3);
    rows.push("| choices |".to_owned());
    rows.push("| | list_name | name | label | town |".to_owned());
    for (list, name, town) in [
        ("town", "t1", ""),
        ("town", "t2", ""),
        ("village", "v1", "t1"),
        ("village", "v2", "t1"),
        ("village", "v3", "t2"),
        ("answer", "yes", ""),
        ("answer", "no", ""),
        ("answer", "other", ""),
    ] {
        rows.push(format!("| | {list} | {name} | {} | {town} |", name.to_uppercase()));
    }
    rows.join("\n")
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Number,
    Text,
    One,
    Many,
}

fn questions(
    random: &mut Rng,
    rows: &mut Vec<String>,
    known: &mut Vec<(String, Kind)>,
    prefix: &str,
    number: usize,
) {
    for index in 0..number {
        let name = format!("{prefix}{index}");
        let relevant = if random.u8(0..3) == 0 { condition(random, known) } else { String::new() };
        let (kind, written) = match random.u8(0..7) {
            0 | 1 => (Kind::Number, "integer"),
            2 => (Kind::Number, "decimal"),
            3 => (Kind::Text, "text"),
            4 => (Kind::One, "select_one answer"),
            5 => (Kind::Many, "select_multiple answer"),
            _ => (Kind::Number, "calculate"),
        };
        let required = if random.u8(0..4) == 0 && written != "calculate" { "yes" } else { "" };
        let constraint = match kind {
            Kind::Number if written != "calculate" && random.bool() => ". >= 0 and . < 50",
            Kind::Many if random.bool() => "count-selected(.) < 3",
            Kind::Text if random.bool() => "string-length(.) < 6",
            _ => "",
        };
        let calculation = if written == "calculate" { number_of(random, known) } else { String::new() };
        let label = match random.choice(known.as_slice()) {
            Some((other, _)) if random.bool() => format!("{name} after ${{{other}}}"),
            _ => format!("Question {name}"),
        };
        rows.push(format!(
            "| | {written} | {name} | {label} | {relevant} | {constraint} | {required} | {calculation} | | |"
        ));
        known.push((name, kind));
    }
}

fn condition(random: &mut Rng, known: &[(String, Kind)]) -> String {
    let Some((name, kind)) = random.choice(known) else { return String::new() };
    let one = match kind {
        Kind::Number => format!("${{{name}}} > {}", random.u8(0..30)),
        Kind::Text => format!("${{{name}}} != ''"),
        Kind::One => format!("${{{name}}} = 'yes'"),
        Kind::Many => format!("selected(${{{name}}}, 'no')"),
    };
    match random.u8(0..4) {
        0 => format!("not({one})"),
        1 => format!("{one} or ${{town}} = 't1'"),
        _ => one,
    }
}

/// A number out of numbers; empty answers count as nothing.
fn number_of(random: &mut Rng, known: &[(String, Kind)]) -> String {
    let numbers: Vec<&String> =
        known.iter().filter(|(_, kind)| *kind == Kind::Number).map(|(name, _)| name).collect();
    let of = |random: &mut Rng| match random.choice(numbers.as_slice()) {
        Some(name) => format!("coalesce(${{{name}}}, 0)"),
        None => "2".to_owned(),
    };
    let (one, other) = (of(random), of(random));
    match random.u8(0..5) {
        0 => format!("{one} + {other}"),
        1 => format!("{one} - {other} * 2"),
        2 => format!("if({one} > {other}, {one}, {other})"),
        3 => format!("round({one} div 3, 2)"),
        _ => format!("int({one} mod 7)"),
    }
}
