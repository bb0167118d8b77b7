//! Every function of the ODK XForms specification, by tables of an expression
//! and what it yields.

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use doorstep_form::xpath::{Dialect, Expression, Outcome, World, XmlDocument, Zone};
use std::collections::BTreeMap;

const FORM: &str = "<model>\
    <instance><data version='3'>\
        <a>1</a><b/><c>red blue</c><d>2026-11-20</d><flag>false</flag>\
        <visit><n>5</n><w>x</w><sub><v>1.1</v></sub><sub><v>1.2</v></sub></visit>\
        <visit><n>7</n><w/><sub><v>2.1</v></sub></visit>\
        <visit><n/><w>z</w></visit>\
        <square>0 0 0 0;0 1 0 0;1 1 0 0;1 0 0 0;0 0 0 0</square>\
    </data></instance>\
    <instance id='places'><root>\
        <item><name>p1</name><label>North</label><k>1</k></item>\
        <item code='two'><name>p2</name><at><x>9</x></at><label>South</label><k>2</k></item>\
        <item><name>p3</name><label>East</label><k>2</k></item>\
    </root></instance>\
    <itext>\
        <translation lang='en'><text id='hi'><value form='short'>H</value><value>Hello</value></text></translation>\
        <translation lang='zh' default='true()'><text id='hi'><value>你好</value></text></translation>\
    </itext>\
</model>";

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-24T09:30:00.250+08:00").expect("a moment")
}

fn in_zone(expression: &str, zone: &dyn Zone, language: Option<&str>) -> String {
    let document = XmlDocument::parse(FORM).expect("a document");
    let mut world = World {
        document: &document,
        top: None,
        namespaces: BTreeMap::new(),
        language: language.map(str::to_owned),
        now: now(),
        zone,
        dialect: Dialect::XForms,
        seed: 1,
    };
    let find = |world: &World<'_>, path: &str| match Expression::parse(path)
        .expect("a path")
        .evaluate(world, document.root())
    {
        Ok(Outcome::Nodes(nodes)) => nodes[0],
        other => panic!("{path}: {other:?}"),
    };
    world.top = Some(find(&world, "/model/instance[1]"));
    let at = find(&world, "/data/c");
    let expression = Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    expression.text(&world, at).unwrap_or_else(|error| format!("error: {error}"))
}

fn text(expression: &str) -> String {
    in_zone(expression, now().offset(), None)
}

fn check(table: &[(&str, &str)]) {
    for (expression, expected) in table {
        assert_eq!(text(expression), *expected, "{expression}");
    }
}

#[test]
fn texts() {
    check(&[
        ("string(/data/a)", "1"),
        ("string()", "red blue"),
        ("string(1 div 3)", "0.3333333333333333"),
        ("string(1000000000000000000000)", "1000000000000000000000"),
        ("string(-0)", "0"),
        ("string(0.00000001)", "0.00000001"),
        ("string(true())", "true"),
        ("concat('a', 1, true(), /data/visit/n)", "a1true57"),
        ("concat('only')", "only"),
        ("concat()", ""),
        ("join('-', /data/visit/w)", "x--z"),
        ("join(', ', 'a', /data/visit/n, 'b')", "a, 5, 7, , b"),
        ("join('-')", ""),
        ("substr('hello', 1)", "ello"),
        ("substr('hello', 1, 3)", "el"),
        ("substr('hello', -3, -1)", "ll"),
        ("substr('hello', 3, 1)", ""),
        ("substr('走访记录', 1, 3)", "访记"),
        ("substring('hello', 2, 3)", "ell"),
        ("substring('hello', 1.5, 2.6)", "ell"),
        ("substring('hello', 0 div 0)", ""),
        ("substring-before('1999/04/01', '/')", "1999"),
        ("substring-after('1999/04/01', '/')", "04/01"),
        ("substring-before('abc', 'x')", ""),
        ("substring-after('abc', '')", "abc"),
        ("translate('bar', 'abc', 'AB')", "BAr"),
        ("translate('--aaa--', 'abc-', 'ABC')", "AAA"),
        ("string-length('走访')", "2"),
        ("string-length()", "8"),
        ("normalize-space(' a \n\t b ')", "a b"),
        ("normalize-space('\u{3000}a')", "\u{3000}a"),
        ("contains('abc', 'b')", "true"),
        ("starts-with('abc', 'ab')", "true"),
        ("ends-with('abc', 'bc')", "true"),
        ("ends-with('abc', 'ab')", "false"),
        ("version()", ""),
        ("property('deviceid')", ""),
    ]);
}

#[test]
fn truth() {
    check(&[
        ("boolean('false')", "true"),
        ("boolean('')", "false"),
        ("boolean(0)", "false"),
        ("boolean(0 div 0)", "false"),
        ("boolean(-1)", "true"),
        ("boolean(today())", "true"),
        ("boolean(/data/b)", "false"),
        ("boolean(/data/flag)", "true"),
        ("boolean(/data/nothing)", "false"),
        ("not(/data/b)", "true"),
        ("boolean-from-string(/data/flag)", "false"),
        ("boolean-from-string('true')", "true"),
        ("boolean-from-string('TRUE')", "false"),
        ("boolean-from-string(1)", "true"),
        ("boolean-from-string(2)", "false"),
        ("if(/data/a = 1, 'one', 'other')", "one"),
        ("if(/data/b, 'some', 'none')", "none"),
        ("coalesce(/data/b, /data/a)", "1"),
        ("coalesce(0 div 0, '', 'x')", "x"),
        ("coalesce(/data/b, '')", ""),
        ("coalesce(0, 1)", "0"),
        ("once('new')", "red blue"),
        ("regex('2026', '[0-9]{4}')", "true"),
        ("regex('20267', '[0-9]{4}')", "false"),
        ("regex('a', concat('a', '|b'))", "true"),
        ("regex('ab', 'a|b')", "false"),
        ("checklist(1, 2, 'a', '', /data/visit/n)", "false"),
        ("checklist(-1, 3, 'a', '', /data/visit/n)", "true"),
        ("checklist(3, -1, 'a', '', /data/visit/n)", "true"),
        ("checklist(4, -1, 'a', '', /data/visit/n)", "false"),
        ("weighted-checklist(10, 12, 'a', 5, '', 9, /data/visit/n, /data/visit/n)", "false"),
        ("weighted-checklist(17, 17, 'a', 5, '', 9, /data/visit/n, /data/visit/n)", "true"),
        (
            "weighted-checklist(-1, -1, 'a', 1, 'b')",
            "error: weighted-checklist() takes pairs of a value and its weight: its last weight is missing",
        ),
    ]);
}

#[test]
fn numbers() {
    check(&[
        ("number('12.50')", "12.5"),
        ("number(' -3 ')", "-3"),
        ("number('1e3')", "NaN"),
        ("number('+3')", "NaN"),
        ("number('3.')", "3"),
        ("number('.5')", "0.5"),
        ("number('1.2.3')", "NaN"),
        ("number('')", "NaN"),
        ("number(true())", "1"),
        ("number(/data/visit/n)", "5"),
        ("int(2.9)", "2"),
        ("int(-2.9)", "-2"),
        ("int('x')", "NaN"),
        ("round(2.5)", "3"),
        ("round(-2.5)", "-2"),
        ("round(1.005, 2)", "1.01"),
        ("round(1250, -2)", "1300"),
        ("round(2.34, 50)", "NaN"),
        ("round('4,6')", "5"),
        ("floor(-1.5)", "-2"),
        ("ceiling(-1.5)", "-1"),
        ("abs(-3)", "3"),
        ("pow(2, 10)", "1024"),
        ("sqrt(16)", "4"),
        ("exp(0)", "1"),
        ("exp10(3)", "1000"),
        ("log(exp(2))", "2"),
        ("log10(1000)", "3"),
        ("round(pi(), 5)", "3.14159"),
        ("round(sin(pi() div 2), 9)", "1"),
        ("round(cos(pi()), 9)", "-1"),
        ("round(tan(pi() div 4), 9)", "1"),
        ("round(asin(1) * 2, 5)", "3.14159"),
        ("round(acos(-1), 5)", "3.14159"),
        ("round(atan(1) * 4, 5)", "3.14159"),
        ("round(atan2(0, -1), 5)", "3.14159"),
        ("sum(/data/visit/n)", "12"),
        ("sum(/data/visit/w)", "NaN"),
        ("sum(/data/nothing)", "0"),
        ("sum(1)", "error: sum() needs a path as its argument number 1, not a value"),
        ("max(/data/visit[n != '']/n, 6)", "7"),
        ("min(3, 1, 2)", "1"),
        ("min(/data/visit/n)", "NaN"),
        ("max(/data/nothing)", "NaN"),
    ]);
}

#[test]
fn choices_and_lists() {
    check(&[
        ("selected(., 'red')", "true"),
        ("selected(., 'blu')", "false"),
        ("selected(., ' blue ')", "true"),
        ("selected(., '')", "false"),
        ("selected('', '')", "true"),
        ("selected-at(., 1)", "blue"),
        ("selected-at(., 2)", ""),
        ("selected-at(., -1)", ""),
        ("count-selected(.)", "2"),
        ("count-selected('')", "0"),
        ("count(/data/visit)", "3"),
        ("count('x')", "error: count() needs a path as its argument number 1, not a value"),
        ("count-non-empty(/data/visit/n)", "2"),
        ("position(/data/visit[2])", "2"),
        ("position(/data/nothing)", "NaN"),
        ("count(/data/visit[position() < 3])", "2"),
        ("instance('places')/root/item[k = 2]/label", "South"),
        ("instance('places')/root/item[name = 'p1']/label", "North"),
        ("instance('places')/root/item[k = /data/a]/name", "p1"),
        ("count(instance('nowhere')/root)", "0"),
        ("pulldata('places', 'label', 'name', 'p3')", "East"),
        ("pulldata('places', 'label', 'name', 'p4')", ""),
        ("pulldata('places', '@code', 'name', 'p2')", "two"),
        ("pulldata('places', 'label', '@code', 'two')", "South"),
        ("pulldata('places', 'at/x', 'name', 'p2')", "9"),
        ("pulldata('places', 'none', 'name', 'p1')", ""),
        (
            "pulldata('nowhere', 'a', 'b', 'c')",
            "error: pulldata('nowhere', …): there is no list of this name",
        ),
        ("name(current())", "c"),
        ("count(/data/visit[n > current()/../a])", "2"),
    ]);
}

#[test]
fn texts_by_language() {
    let zone = *now().offset();
    assert_eq!(in_zone("jr:itext('hi')", &zone, Some("en")), "Hello");
    assert_eq!(in_zone("jr:itext('hi')", &zone, Some("zh")), "你好");
    assert_eq!(in_zone("jr:itext('hi')", &zone, None), "你好", "the default");
    assert_eq!(in_zone("jr:itext('ho')", &zone, None), "error: jr:itext('ho'): there is no text of this id");
}

#[test]
fn repeats_by_index() {
    check(&[
        ("indexed-repeat(/data/visit/n, /data/visit, 2)", "7"),
        ("indexed-repeat(/data/visit/n, /data/visit, 4)", ""),
        ("indexed-repeat(/data/visit/n, /data/visit, 0)", ""),
        ("indexed-repeat(/data/visit/n, /data/visit, /data/a)", "5"),
        ("indexed-repeat(/data/visit/sub/v, /data/visit, 1, /data/visit/sub, 2)", "1.2"),
        ("indexed-repeat(/data/visit/sub/v, /data/visit, 2, /data/visit/sub, 2)", ""),
        ("indexed-repeat(/data/visit/sub/v, /data/visit/sub, 2, /data/visit, 1)", "1.2"),
        ("count(indexed-repeat(/data/visit/sub/v, /data/visit, 1))", "2"),
        ("indexed-repeat(../visit/n, ../visit, 1)", "5"),
        (
            "indexed-repeat('x', /data/visit, 1)",
            "error: indexed-repeat() needs paths to a node and to its repeats",
        ),
    ]);
}

#[test]
fn days_and_moments() {
    check(&[
        ("today()", "2026-11-24"),
        ("now()", "2026-11-24T09:30:00.250+08:00"),
        ("today() - date('2026-11-20')", "4"),
        ("today() - /data/d", "4"),
        ("today() - date('1949-10-01')", "28178"),
        ("int('2026-11-24' - '2010-01-01')", "6171"),
        ("today() > /data/d", "true"),
        ("date(today() + 7)", "2026-12-01"),
        ("date(now())", "2026-11-24"),
        ("date('2026-11-24T23:30:00Z')", "2026-11-25T07:30:00.000+08:00"),
        ("date('2026-02-30')", ""),
        ("date('')", ""),
        ("date-time('2026-11-24T01:00:00Z')", "2026-11-24T09:00:00.000+08:00"),
        ("date-time('2026-11-24')", "2026-11-24"),
        ("date-time(0)", "1970-01-01T08:00:00.000+08:00"),
        ("decimal-date-time('1970-01-01T00:00:00Z')", "0"),
        ("decimal-date-time('1970-01-02T12:00:00.000+08:00')", "1.1666666666666667"),
        ("decimal-date-time('x')", "NaN"),
        ("number('1970-01-01T12:00:00Z')", "0.5"),
        ("number(date('1970-01-01')) * 24", "-8"),
        ("decimal-time('18:00:00.000+08:00')", "0.75"),
        ("decimal-time('18:00')", "0.75"),
        ("decimal-time('00:00:00.000+00:00') * 24", "8"),
        ("decimal-time('18:00:00.000-07:60')", "NaN"),
        ("round(decimal-time(now()), 6)", "0.395836"),
        ("format-date('2026-03-05', '%Y|%y|%m|%n|%b|%d|%e|%a|%%')", "2026|26|03|3|Mar|05|5|Thu|%"),
        ("format-date-time('2026-03-05T06:07:08.009+08:00', '%H:%h:%M:%S.%3')", "06:6:07:08.009"),
        ("format-date-time('2026-03-05T23:00:00Z', '%d %H')", "06 07"),
        ("format-date(/data/b, '%Y')", ""),
        ("format-date('2026-03-05', '%Q %')", "%Q %"),
    ]);
}

/// A place that moves its clocks.
struct Moving;

impl Zone for Moving {
    fn at(&self, utc: NaiveDateTime) -> FixedOffset {
        self.at_local(utc)
    }

    fn at_local(&self, local: NaiveDateTime) -> FixedOffset {
        let summer = "2026-04-01T00:00:00".parse().is_ok_and(|first: NaiveDateTime| local >= first);
        FixedOffset::east_opt(if summer { 7_200 } else { 3_600 }).expect("an offset")
    }
}

#[test]
fn days_begin_by_the_clock_of_the_place() {
    assert_eq!(in_zone("date-time('2026-01-15T10:00:00Z')", &Moving, None), "2026-01-15T11:00:00.000+01:00");
    assert_eq!(in_zone("date-time('2026-06-15T10:00:00Z')", &Moving, None), "2026-06-15T12:00:00.000+02:00");
    assert_eq!(in_zone("round((number(date('2026-06-15')) - 20619) * 24, 6)", &Moving, None), "-2");
}

#[test]
fn places() {
    check(&[
        ("distance('0 0 0 0; 0 1 0 0')", "111318.85"),
        ("distance('0 0', '0 1', '0 0')", "222637.69"),
        ("distance('0 0')", "0"),
        ("distance('nowhere')", "0"),
        ("area('0 0; 0 1; 1 1; 1 0; 0 0')", "12391256135.81"),
        ("area('0 0; 0 1; 1 1; 1 0')", "12391256135.81"),
        ("area('0 0; 0 1')", "0"),
        ("area('')", "0"),
        ("geofence('0.5 0.5 0 0', /data/square)", "true"),
        ("geofence('1.5 0.5 0 0', /data/square)", "false"),
        ("geofence('0.5 -0.5', /data/square)", "false"),
        ("geofence('', /data/square)", "false"),
        ("geofence('0.5 0.5', '0 0; 0 1; 1 1')", "false"),
    ]);
}

#[test]
fn codes() {
    check(&[
        ("digest('abc', 'MD5', 'hex')", "900150983cd24fb0d6963f7d28e17f72"),
        ("digest('abc', 'SHA-1', 'hex')", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "digest('abc', 'SHA-256', 'hex')",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        ("substr(digest('abc', 'SHA-384', 'hex'), 0, 32)", "cb00753f45a35e8bb5a03d699ac65007"),
        ("substr(digest('abc', 'SHA-512', 'hex'), 0, 32)", "ddaf35a193617abacc417349ae204131"),
        ("digest('abc', 'MD5')", "kAFQmDzST7DWlj99KOF/cg=="),
        ("digest('abc', 'md5', 'BASE64')", "kAFQmDzST7DWlj99KOF/cg=="),
        (
            "digest('abc', 'CRC')",
            "error: digest() knows MD5, SHA-1, SHA-256, SHA-384 and SHA-512, not \"CRC\"",
        ),
        ("digest('abc', 'MD5', 'octal')", "error: digest() writes base64 or hex, not \"octal\""),
        ("base64-decode('5L2g5aW9')", "你好"),
        ("base64-decode('aGk')", "hi"),
        ("base64-decode('a G\nk=')", "hi"),
        ("base64-decode('!')", ""),
        ("extract-signed('aGk=', 'aGk=')", ""),
        // The second test of RFC 8032, section 7.1, and the same with another
        // message.
        (
            "extract-signed('kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAHI=', 'PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=')",
            "r",
        ),
        (
            "extract-signed('kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAHM=', 'PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=')",
            "",
        ),
    ]);
}

#[test]
fn chance_is_repeated() {
    check(&[
        ("random() >= 0 and random() < 1", "true"),
        ("random() = random()", "false"),
        ("string-length(uuid())", "36"),
        ("regex(uuid(), '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}')", "true"),
        ("string-length(uuid(9))", "9"),
        ("uuid(-1)", "error: uuid() takes a length of 0 to 65536 characters"),
        ("count(randomize(instance('places')/root/item))", "3"),
        ("randomize('x')", "error: randomize() needs a path as its argument number 1, not a value"),
    ]);
    assert_eq!(text("uuid()"), text("uuid()"), "the seed is the same");
}

#[test]
fn shuffles_are_those_of_the_specification() {
    // By hand: the generator yields 16807 · seed modulo 2147483647.
    let order = |seed: &str| text(&format!("join('', randomize(instance('places')/root/item, {seed})/name)"));
    let shuffled = |seed: &str| {
        (1..=3)
            .map(|place| text(&format!("randomize(instance('places')/root/item, {seed})[{place}]/name")))
            .collect::<String>()
    };
    assert_eq!(order("42"), "p1p2p3", "a step behind it restores the order of the document");
    for (seed, expected) in [("1", "p2p1p3"), ("'1'", "p2p1p3"), ("1.9", "p2p1p3")] {
        assert_eq!(shuffled(seed), expected, "{seed}");
    }
    assert_eq!(shuffled("''"), shuffled("0"), "no text is 0");
    // Only a text is hashed; a number that is none is 0, as Java makes a whole number of it.
    for seed in ["number('x')", "0 div 0", "-Infinity"] {
        assert_eq!(shuffled(seed), shuffled("0"), "{seed}");
    }
    assert_eq!(shuffled("'abc'"), shuffled("'abc'"));
}
