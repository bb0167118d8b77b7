//! The expression language by itself, through rules over named values.

use doorstep_form::{Rule, Value};

fn now() -> chrono::DateTime<chrono::FixedOffset> {
    chrono::DateTime::parse_from_rfc3339("2026-11-23T09:30:00+08:00").expect("a moment")
}

/// `n` is 5, `empty` is empty, `day` a date, `picked` a selection.
fn text(expression: &str) -> String {
    let lookup = |name: &str| match name {
        "n" => Some("5".to_owned()),
        "day" => Some("2026-11-20".to_owned()),
        "picked" => Some("red green".to_owned()),
        _ => None,
    };
    let rule = Rule::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    match rule.evaluate(&lookup, now()).expect("a value") {
        Value::Number(number) if number.is_nan() => "NaN".to_owned(),
        value => value.to_text(),
    }
}

#[test]
fn arithmetic_and_precedence() {
    for (expression, expected) in [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 div 4", "2.5"),
        ("10 mod 4", "2"),
        ("-7 mod 3", "-1"),
        ("- 2 - -3", "1"),
        ("2 - 1 - 1", "0"),
        ("${n} * ${n}", "25"),
        ("${empty} + 1", "NaN"),
        ("round(14.5)", "15"),
        ("round(-14.5)", "-14"),
        ("round(12345.15, 1)", "12345.2"),
        ("round(1.005, 2)", "1.01"),
        ("round(12345, -3)", "12000"),
        ("int(-3.7)", "-3"),
        ("floor(-3.2)", "-4"),
        ("max(3, 10, 2)", "10"),
        ("min(3, 10, 2)", "2"),
        ("pow(2, 10)", "1024"),
        ("0.1 + 0.2 = 0.3", "true"),
    ] {
        assert_eq!(text(expression), expected, "{expression}");
    }
}

#[test]
fn truth_and_comparison() {
    for (expression, expected) in [
        ("'' = ''", "true"),
        ("${empty} = ''", "true"),
        ("${n} != ''", "true"),
        ("${empty} > 0", "false"),
        ("${empty} <= 0", "false"),
        ("'5' = 5.0", "true"),
        ("${n} = '5'", "true"),
        ("'a' < 'b'", "false"),
        ("true() = 'x'", "true"),
        ("not('false')", "false"),
        ("1 < 2 and 2 < 3 or 1 div 0 = 1", "true"),
        ("if(${n} > 4, 'big', 'small')", "big"),
        ("coalesce(${empty}, ${n})", "5"),
        ("selected(${picked}, 'green')", "true"),
        ("selected(${picked}, 'gre')", "false"),
        ("selected-at(${picked}, 1)", "green"),
        ("count-selected(${picked})", "2"),
        ("regex('610199', '[0-9]{6}')", "true"),
        ("regex('x610199', '[0-9]{6}')", "false"),
    ] {
        assert_eq!(text(expression), expected, "{expression}");
    }
}

#[test]
fn text_functions() {
    for (expression, expected) in [
        ("concat('走', '访', 1)", "走访1"),
        ("substr('走访系统', 1, 3)", "访系"),
        ("substr('hello', -2)", "lo"),
        ("substring('12345', 2, 3)", "234"),
        ("substring('12345', 1.5, 2.6)", "234"),
        ("substring-before('1999/04', '/')", "1999"),
        ("substring-after('1999/04', '/')", "04"),
        ("string-length('走访')", "2"),
        ("normalize-space('  a   b ')", "a b"),
        ("translate('bar', 'abc', 'AB')", "BAr"),
        ("starts-with('abc', 'ab')", "true"),
        ("contains('abc', '')", "true"),
        ("“typed in a spreadsheet”", "typed in a spreadsheet"),
    ] {
        assert_eq!(text(expression), expected, "{expression}");
    }
}

#[test]
fn days_and_moments() {
    for (expression, expected) in [
        ("today()", "2026-11-23"),
        ("now()", "2026-11-23T09:30:00.000+08:00"),
        ("decimal-date-time(today())", "20779.666666666668"),
        ("date(today() + 30)", "2026-12-23"),
        ("date(20780 + 30)", "2026-12-23T08:00:00.000+08:00"),
        ("today() - ${day}", "3"),
        ("${day} < today()", "true"),
        ("format-date(${day}, '%Y年%n月%e日')", "2026年11月20日"),
        ("format-date(${empty}, '%Y')", ""),
        ("date('nonsense')", ""),
        ("decimal-time('06:00:00.000+08:00')", "0.25"),
        ("'2026-11-23T01:00:00Z' < now()", "true"),
        ("date-time(${day})", "2026-11-20"),
    ] {
        assert_eq!(text(expression), expected, "{expression}");
    }
}

#[test]
fn a_rule_names_what_it_needs() {
    let rule = Rule::parse("${risk} = 'red' and ${age} >= 80 or ${risk} = ''").expect("a rule");
    assert_eq!(rule.names().collect::<Vec<_>>(), ["age", "risk"]);
}

#[test]
fn mistakes_have_a_place() {
    for (expression, position) in [
        ("", 1),
        ("1 +", 4),
        ("${a} = = 1", 8),
        ("foo(1)", 1),
        ("/data/x", 1),
        ("instance('x')/root", 1),
        ("1 2", 3),
        ("${a", 1),
    ] {
        let error = Rule::parse(expression).expect_err(expression);
        assert_eq!(error.position, position, "{expression}: {error}");
    }
    let deep = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(Rule::parse(&deep).is_err());
    let long = vec!["1"; 20_000].join("+");
    assert_eq!(text(&long), "20000");
    assert!(Rule::parse(&vec!["1"; 40_000].join("+")).is_err());
}
