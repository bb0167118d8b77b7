//! What is wrong with an expression, and where.

use doorstep_form::Rule;
use doorstep_form::xpath::Expression;

#[test]
fn mistakes_are_told_with_their_place() {
    for (expression, position, message) in [
        ("", 1, "something is missing at the end"),
        ("1 +", 4, "something is missing at the end"),
        ("1 2", 3, "2 is out of place: the expression could end before it"),
        ("${a} = ", 8, "something is missing at the end"),
        ("(1", 3, "the opening parenthesis is never closed: ) is missing at the end"),
        ("round(1", 8, "round( is never closed: ) is missing at the end"),
        ("a[1", 4, "the opening bracket is never closed: ] is missing at the end"),
        ("concat('a', )", 13, ") is out of place: a value or a name is expected here"),
        ("'a", 1, "the quotation mark ' is never closed"),
        ("1 + “a", 5, "the quotation mark “ is never closed"),
        ("${a", 1, "${ is never closed by }"),
        ("${ }", 1, "${} needs a question's name in it"),
        ("a & b", 3, "the character & has no meaning here; \"and\" is written as the word"),
        ("a == b", 4, "= is out of place: a value or a name is expected here"),
        ("1 ！= 2", 3, "the character ！ has no meaning here"),
        (
            "年 = 1 ＞ 2",
            7,
            "the character ＞ has no meaning here; it is a full-width character, use the plain one",
        ),
        ("chidl::a", 1, "\"chidl\" is not an axis; expected child, parent, …"),
        (".[1]", 2, "a condition cannot follow here; write self::node()[…]"),
        ("..[1]", 3, "a condition cannot follow here; write parent::node()[…]"),
        ("a/round(1)", 8, "the function round() cannot be a step of a path"),
        ("a//", 4, "something is missing at the end"),
        ("5abc", 2, "\"abc\" is out of place: the expression could end before it"),
        ("node(1)", 6, ") is expected here to close node(, but 1 was found"),
        ("$ a", 1, "the character $ has no meaning here; ${name} means an answer"),
        ("$x:*", 3, "the character : has no meaning here"),
    ] {
        let error = Expression::parse(expression).expect_err(expression);
        assert_eq!((error.position, error.message.as_str()), (position, message), "{expression}");
    }
}

#[test]
fn what_does_not_exist_is_told_with_what_was_meant() {
    for (expression, position, message, suggestion) in [
        ("1 + slected('a', 'b')", 5, "there is no function slected()", Some("did you mean \"selected\"?")),
        ("Concat('a')", 1, "there is no function Concat()", Some("did you mean \"concat\"?")),
        ("qqqqqqqqq()", 1, "there is no function qqqqqqqqq()", None),
        ("round()", 1, "round() takes 1 to 2 arguments, but 0 are given", None),
        ("not(1, 2)", 1, "not() takes 1 argument, but 2 are given", None),
        ("true(1)", 1, "true() takes no arguments, but 1 is given", None),
        ("1 + random()", 5, "random() exists only in forms", None),
        ("pulldata('a', 'b', 'c', 'd')", 1, "pulldata() exists only in forms", None),
        ("$x + 1", 1, "there are no variables: $x means nothing here; ${x} means an answer", None),
    ] {
        let error = Rule::parse(expression).expect_err(expression);
        assert_eq!((error.position, error.message.as_str()), (position, message), "{expression}");
        let meant = suggestion.map(|text| text.trim_start_matches("did you mean ").trim_matches(['"', '?']));
        let suggested = error.suggestion.as_deref().unwrap_or_default();
        assert!(meant.is_none_or(|meant| suggested.contains(meant)), "{expression}: {suggested}");
        assert_eq!(meant.is_none(), error.suggestion.is_none(), "{expression}");
    }
}

#[test]
fn expressions_are_bounded() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&nested(99)).is_ok());
    let error = Expression::parse(&nested(200)).expect_err("too deep");
    assert_eq!(error.message, "more than 100 levels of parentheses");
    let long = format!("1{}", " + 1".repeat(10_000));
    assert!(Expression::parse(&long).is_ok(), "a chain is no nesting");
    assert!(Expression::parse(&format!("{}1", "-".repeat(60_000))).is_ok());
    let error = Expression::parse(&" ".repeat(70_000)).expect_err("too long");
    assert_eq!(error.message, "the expression is longer than 65536 bytes");
}

#[test]
fn how_it_was_read() {
    for (expression, outline) in [
        ("1+2*-3 - 4", "((1 + (2 * -3)) - 4)"),
        ("a and b or c and not(d)", "((child::a and child::b) or (child::c and not(child::d)))"),
        ("//a[@b='c']/..", "/descendant-or-self::node()/child::a[(attribute::b = 'c')]/parent::node()"),
        ("/", "/"),
        (
            ". | x:* | processing-instruction('p')",
            "(self::node() | child::x:* | child::processing-instruction('p'))",
        ),
        ("instance('l')/root/item[1]", "(instance('l'))/child::root/child::item[1]"),
        ("${a}[2] >= $b", "(${a}[2] >= $b)"),
        ("nobody(1, \"it's\")", "nobody(1, \"it's\")"),
        ("--1", "--1"),
        ("div div div mod mod", "((child::div div child::div) mod child::mod)"),
        ("* * *", "(child::* * child::*)"),
    ] {
        assert_eq!(Expression::parse(expression).expect(expression).outline(), outline, "{expression}");
    }
}
