//! How long expressions take: `cargo run --release -p doorstep-form --example
//! expressions`.

#![expect(clippy::print_stdout, reason = "a table for a terminal")]

use chrono::{DateTime, FixedOffset};
use doorstep_form::xpath::{Dialect, Expression, World, XmlDocument};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

const READ: [&str; 8] = [
    "/data/group/age > 18 and /data/group/sex = 'female'",
    "selected(/data/group/symptoms, 'fever') or selected(/data/group/symptoms, 'cough')",
    ". >= 0 and . <= 120",
    "if(/data/a + /data/b * 2 > 10, concat(/data/name, ' (', /data/a, ')'), 'none')",
    "instance('villages')/root/item[town = /data/town]",
    "regex(., '[0-9]{11}')",
    "round((/data/weight div (/data/height * /data/height)) * 10000, 1)",
    "decimal-date-time(today()) - decimal-date-time(/data/born) > 365.25 * 60",
];

const COMPUTED: [&str; 8] = [
    "/data/a > 18 and /data/b = 'x'",
    "selected(/data/c, 'blue')",
    ". >= 0 and . <= 120",
    "/data/a + /data/b * 2 - 3",
    "if(/data/a > 1, concat(/data/b, ' (', /data/a, ')'), 'none')",
    "count(/data/row[@n > 500])",
    "/data/row[@n = 700]/v",
    "sum(//v)",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut xml = String::from("<data><a>19</a><b>x</b><c>red blue</c>");
    for number in 0..1_000 {
        write!(xml, "<row n='{number}'><v>{number}</v></row>")?;
    }
    xml.push_str("</data>");
    let start = Instant::now();
    let document = XmlDocument::parse(&xml)?;
    println!("{:>10.2} µs  reading a document of 3,000 elements", start.elapsed().as_secs_f64() * 1e6);
    let now: DateTime<FixedOffset> = DateTime::parse_from_rfc3339("2026-11-24T09:30:00+08:00")?;
    let world = World {
        document: &document,
        top: None,
        namespaces: BTreeMap::new(),
        language: None,
        now,
        zone: now.offset(),
        dialect: Dialect::XForms,
        seed: 1,
    };
    for text in READ {
        let micros = measured(10_000, || black_box(Expression::parse(text)).is_ok())?;
        println!("{micros:>10.2} µs  reading  {text}");
    }
    for text in COMPUTED {
        let expression = Expression::parse(text)?;
        let at = document.root_element();
        let micros = measured(2_000, || black_box(expression.evaluate(&world, at)).is_ok())?;
        println!("{micros:>10.2} µs  computing  {text}");
    }
    Ok(())
}

/// Microseconds of one run, on average.
fn measured(runs: u32, mut run: impl FnMut() -> bool) -> Result<f64, String> {
    let start = Instant::now();
    for _ in 0..runs {
        if !run() {
            return Err("an expression failed".to_owned());
        }
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(runs))
}
