//! Location paths, operators and conversions, over a small document: every
//! rule of XPath 1.0, sections 2 and 3.

use chrono::{DateTime, FixedOffset};
use doorstep_form::xpath::{Dialect, Expression, Outcome, World, XmlDocument};
use std::collections::BTreeMap;

const VILLAGE: &str = "<v:village xmlns:v='urn:village' xmlns='urn:plain' xml:lang='zh-CN' code='7'>\
    <house id='h1' n='1'>Li<!--first--><person age='81'>Li Wei</person></house>\
    <house id='h2' n='2'><person age='9'>Bo</person><person age='70'>Hu</person><?print two?></house>\
    <house id='h3' n='3'/>\
    <v:note>end</v:note>\
</v:village>";

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-24T09:30:00+08:00").expect("a moment")
}

fn world<'a>(document: &'a XmlDocument, zone: &'a FixedOffset, dialect: Dialect) -> World<'a> {
    World {
        document,
        top: None,
        namespaces: BTreeMap::from([("w".to_owned(), "urn:village".to_owned())]),
        language: None,
        now: now(),
        zone,
        dialect,
        seed: 1,
    }
}

/// The paths of the nodes that an expression finds, or its value as text.
fn found(xml: &str, expression: &str, dialect: Dialect) -> String {
    let document = XmlDocument::parse(xml).expect("a document");
    let zone = *now().offset();
    let world = world(&document, &zone, dialect);
    let expression = Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    match expression.evaluate(&world, document.root()) {
        Ok(Outcome::Nodes(nodes)) => {
            nodes.iter().map(|&node| document.path_of(node)).collect::<Vec<_>>().join(" ")
        }
        Ok(_) => expression.text(&world, document.root()).expect("a text"),
        Err(error) => format!("error: {error}"),
    }
}

fn check(table: &[(&str, &str)]) {
    for (expression, expected) in table {
        assert_eq!(found(VILLAGE, expression, Dialect::XForms), *expected, "{expression}");
    }
}

#[test]
fn axes() {
    check(&[
        ("/", "/"),
        ("/*", "/*[1]"),
        ("/*/house", "/*[1]/*[1] /*[1]/*[2] /*[1]/*[3]"),
        ("/*/child::house[2]/person", "/*[1]/*[2]/*[1] /*[1]/*[2]/*[2]"),
        ("//person", "/*[1]/*[1]/*[1] /*[1]/*[2]/*[1] /*[1]/*[2]/*[2]"),
        ("/*/descendant::person[2]", "/*[1]/*[2]/*[1]"),
        ("//person[2]", "/*[1]/*[2]/*[2]"),
        ("//*//person", "/*[1]/*[1]/*[1] /*[1]/*[2]/*[1] /*[1]/*[2]/*[2]"),
        (
            "//house//text()",
            "/*[1]/*[1]/text()[1] /*[1]/*[1]/*[1]/text()[1] /*[1]/*[2]/*[1]/text()[1] /*[1]/*[2]/*[2]/text()[1]",
        ),
        ("/descendant-or-self::node()/self::house[1]", "/*[1]/*[1] /*[1]/*[2] /*[1]/*[3]"),
        ("(//house)[last()]", "/*[1]/*[3]"),
        ("//person/..", "/*[1]/*[1] /*[1]/*[2]"),
        ("//person[1]/parent::house", "/*[1]/*[1] /*[1]/*[2]"),
        ("//person[. = 'Hu']/ancestor::*", "/*[1] /*[1]/*[2]"),
        ("//person[. = 'Hu']/ancestor::*[1]", "/*[1]/*[2]"),
        ("//person[. = 'Hu']/ancestor-or-self::*[1]", "/*[1]/*[2]/*[2]"),
        ("//house[2]/following-sibling::*", "/*[1]/*[3] /*[1]/*[4]"),
        ("//house[3]/preceding-sibling::*[1]", "/*[1]/*[2]"),
        ("//house[3]/preceding-sibling::*", "/*[1]/*[1] /*[1]/*[2]"),
        ("//house[2]/person[1]/following::*", "/*[1]/*[2]/*[2] /*[1]/*[3] /*[1]/*[4]"),
        ("//person[. = 'Bo']/preceding::*", "/*[1]/*[1] /*[1]/*[1]/*[1]"),
        ("//person[. = 'Bo']/preceding::*[1]", "/*[1]/*[1]/*[1]"),
        ("/*/@code", "/*[1]/@code"),
        ("//@age", "/*[1]/*[1]/*[1]/@age /*[1]/*[2]/*[1]/@age /*[1]/*[2]/*[2]/@age"),
        ("//house[1]/attribute::*", "/*[1]/*[1]/@id /*[1]/*[1]/@n"),
        ("//@n/..", "/*[1]/*[1] /*[1]/*[2] /*[1]/*[3]"),
        ("/*/@code/following::house[1]", "/*[1]/*[1]"),
        ("/*/@code/following-sibling::node()", ""),
        ("/*/@code/child::node()", ""),
        ("name(/*/namespace::v)", "v"),
        ("string(/*/namespace::v)", "urn:village"),
        ("count(//house[1]/namespace::*)", "3"),
        ("count(//@n/namespace::*)", "0"),
    ]);
}

#[test]
fn node_tests() {
    check(&[
        ("//house[1]/text()", "/*[1]/*[1]/text()[1]"),
        ("//comment()", "/*[1]/*[1]/comment()[1]"),
        ("//processing-instruction()", "/*[1]/*[2]/processing-instruction()[1]"),
        ("//processing-instruction('print')", "/*[1]/*[2]/processing-instruction()[1]"),
        ("//processing-instruction('other')", ""),
        ("string(//processing-instruction())", "two"),
        ("string(//comment())", "first"),
        ("//house[1]/node()", "/*[1]/*[1]/text()[1] /*[1]/*[1]/comment()[1] /*[1]/*[1]/*[1]"),
        ("/*/*", "/*[1]/*[1] /*[1]/*[2] /*[1]/*[3] /*[1]/*[4]"),
        ("/*/w:*", "/*[1]/*[4]"),
        ("/*/w:note", "/*[1]/*[4]"),
        ("/w:village", "/*[1]"),
        ("/v:village", "/*[1]"),
        ("/x:village", "error: the prefix \"x\" stands for no namespace"),
        ("count(//house[x:*])", "error: the prefix \"x\" stands for no namespace"),
        ("count(/v:*) + count(//w:note)", "2"),
        ("count(//*[@xml:lang])", "1"),
        ("/*/note", ""),
    ]);
    assert_eq!(found(VILLAGE, "//house", Dialect::XPath1), "", "no prefix is no namespace");
    assert_eq!(found("<a><b/></a>", "//b", Dialect::XPath1), "/*[1]/*[1]");
}

#[test]
fn predicates_and_unions() {
    check(&[
        ("//house[person]", "/*[1]/*[1] /*[1]/*[2]"),
        ("//house[not(person)]", "/*[1]/*[3]"),
        ("//house[@n = 2]", "/*[1]/*[2]"),
        ("//house[position() = last() - 1]", "/*[1]/*[2]"),
        ("//house[position() > 1][1]", "/*[1]/*[2]"),
        ("//house[person/@age > 80]", "/*[1]/*[1]"),
        ("//house[person[@age < 10]]", "/*[1]/*[2]"),
        ("//house[0.5]", ""),
        ("/*/house[@id = 'h3'] | /*/house[@id = 'h1'] | //house[1]", "/*[1]/*[1] /*[1]/*[3]"),
        ("(//person | //house)[1]", "/*[1]/*[1]"),
        (
            "//person/@age | //person",
            "/*[1]/*[1]/*[1] /*[1]/*[1]/*[1]/@age /*[1]/*[2]/*[1] /*[1]/*[2]/*[1]/@age /*[1]/*[2]/*[2] /*[1]/*[2]/*[2]/@age",
        ),
        ("concat('text')[1]", "error: only a path can have steps or conditions behind it"),
        ("id('h2 h1')", "/*[1]/*[1] /*[1]/*[2]"),
        ("id(//house[3]/@id)/@n", "/*[1]/*[3]/@n"),
    ]);
}

#[test]
fn names_and_languages() {
    check(&[
        ("name(/*)", "v:village"),
        ("local-name(/*)", "village"),
        ("namespace-uri(/*)", "urn:village"),
        ("namespace-uri(//house)", "urn:plain"),
        ("namespace-uri(/*/@code)", ""),
        ("name(//@age)", "age"),
        ("name(//comment())", ""),
        ("name(//processing-instruction())", "print"),
        ("name(/)", ""),
        ("name(//nothing)", ""),
        ("count(//house[lang('zh')])", "3"),
        ("count(//house[lang('ZH-cn')])", "3"),
        ("count(//house[lang('z')])", "0"),
        ("count(//house[lang('en')])", "0"),
    ]);
}

#[test]
fn operators() {
    check(&[
        ("1 + 2 * 3 - 4 div 2", "5"),
        ("(1 + 2) * 3", "9"),
        ("7 mod 3", "1"),
        ("-7 mod 3", "-1"),
        ("5 mod2", "1"),
        ("--3", "3"),
        ("- - -3", "-3"),
        ("1 div 0", "Infinity"),
        ("-1 div 0", "-Infinity"),
        ("0 div 0", "NaN"),
        ("0.1 + 0.2 = 0.3", "true"),
        ("1 < 2 = true()", "true"),
        ("2 > 1 and 1 > 2 or 3 = 3", "true"),
        ("'abc' = \"abc\"", "true"),
        ("'1' = 1", "true"),
        ("'1.0' = '1'", "false"),
        ("'b' > 'a'", "false"),
        ("'10' > '9'", "true"),
        ("true() = 'yes'", "true"),
        ("true() = ''", "false"),
        ("//person/@age = 70", "true"),
        ("//person/@age != 70", "true"),
        ("//person/@age > 81", "false"),
        ("//person/@age = //house/@n", "false"),
        ("//house[3]/person = ''", "true"),
        ("*****", "NaN"),
    ]);
    let plain = [
        ("//none = ''", "false"),
        ("//none != ''", "false"),
        ("//none = false()", "true"),
        ("boolean(/a/b)", "true"),
        ("'2026-11-24' + 1", "NaN"),
    ];
    for (expression, expected) in plain {
        assert_eq!(found("<a><b/></a>", expression, Dialect::XPath1), expected, "{expression}");
    }
}

#[test]
fn what_is_never_computed_does_not_matter() {
    check(&[
        ("true() or there-is-none()", "true"),
        ("false() and there-is-none()", "false"),
        ("if(true(), 1, there-is-none())", "1"),
        ("coalesce('a', there-is-none())", "a"),
        ("there-is-none()", "error: there is no function there-is-none()"),
    ]);
}

#[test]
fn documents() {
    let document =
        XmlDocument::parse("  <!DOCTYPE a><a b='&lt;'>x<![CDATA[<y>]]>z<c/></a> ").expect("a document");
    assert_eq!(document.text_of(document.root_element()), "x<y>z");
    assert_eq!(found("<a>x<![CDATA[<y>]]>z</a>", "count(/a/text())", Dialect::XPath1), "1");
    for broken in ["", "<a>", "<a></b>", "<a/><b/>", "<a b=1/>", "text", "<a>&none;</a>"] {
        let error = XmlDocument::parse(broken).expect_err(broken).to_string();
        assert!(error.starts_with("the XML cannot be read: "), "{error}");
    }
}
