//! Whether a default is a value or a computation.

use crate::expr;
use crate::form::{Default, NodeKind};

/// A default is computed when it refers to something, calls a function or
/// calculates; a text such as `n/a`, `2-3` or `2026-11-24` is taken as it is.
pub(super) fn default(cell: &str, kind: NodeKind) -> Default {
    // Dates and places are written with hyphens.
    let hyphens = matches!(
        kind,
        NodeKind::Date | NodeKind::DateTime | NodeKind::Geopoint | NodeKind::Geotrace | NodeKind::Geoshape
    );
    if cell.contains("${") || computes(cell, hyphens) && (cell.contains('(') || expr::parse(cell).is_ok()) {
        Default::Expression(cell.to_owned())
    } else {
        Default::Value(cell.to_owned())
    }
}

/// Looks for operators, calls and predicates outside of texts, names and
/// numbers.
fn computes(cell: &str, hyphens: bool) -> bool {
    let characters: Vec<char> = cell.chars().collect();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let rest = characters.get(at..).unwrap_or_default();
        match character {
            '\'' | '"' => match rest.iter().skip(1).position(|&next| next == character) {
                Some(closing) => at += closing + 2,
                None => at += 1,
            },
            '0'..='9' | '.' => at += number_length(rest),
            '-' if rest.get(1).is_some_and(|next| next.is_ascii_digit() || *next == '.') => {
                at += 1 + number_length(rest.get(1..).unwrap_or_default());
            }
            '-' if hyphens => return false,
            '+' | '*' | '|' | '-' => return true,
            _ if starts_name(character) => {
                let length = rest.iter().take_while(|&&next| continues_name(next)).count();
                let name: String = rest.iter().take(length).collect();
                let spaced = at > 0
                    && characters.get(at - 1).is_some_and(|before| *before == ' ')
                    && rest.get(length).is_some_and(|next| *next == ' ');
                if matches!(rest.get(length), Some('(' | '['))
                    || (spaced && matches!(name.as_str(), "mod" | "div"))
                {
                    return true;
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    false
}

/// Digits with a point, or a date or time as a whole.
fn number_length(rest: &[char]) -> usize {
    let digits = |from: usize, count: usize| {
        rest.iter().skip(from).take(count).filter(|digit| digit.is_ascii_digit()).count() == count
    };
    let is = |at: usize, what: char| rest.get(at) == Some(&what);
    if digits(0, 4) && is(4, '-') && digits(5, 2) && is(7, '-') && digits(8, 2) {
        return 10;
    }
    if digits(0, 2) && is(2, ':') && digits(3, 2) && is(5, ':') && digits(6, 2) {
        let zone = matches!(rest.get(8), Some('+' | '-')) && digits(9, 2) && is(11, ':') && digits(12, 2);
        return if zone { 14 } else { 8 };
    }
    rest.iter().take_while(|character| character.is_ascii_digit() || **character == '.').count().max(1)
}

fn starts_name(character: char) -> bool {
    character == '_' || character.is_alphabetic()
}

fn continues_name(character: char) -> bool {
    starts_name(character) || character.is_alphanumeric() || matches!(character, '-' | '.' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_values_from_computations() {
        for value in [
            "n/a",
            "2-3",
            "-1.5",
            "2026-11-24",
            "2026-11-24T10:00:00+08:00",
            "not computed",
            "it's",
            "https://example.org/a",
            "'quoted'",
            "help (me)",
            "co-worker",
        ] {
            assert_eq!(default(value, NodeKind::Text), Default::Value(value.to_owned()), "{value}");
        }
        for expression in
            ["now()", "${a}", "1 + 1", "2 * 3", "7 mod 2", "uuid()", "a | b", "item[1]", "one - two"]
        {
            assert_eq!(
                default(expression, NodeKind::Text),
                Default::Expression(expression.to_owned()),
                "{expression}"
            );
        }
        let place = "1 - 2";
        assert_eq!(default(place, NodeKind::Geopoint), Default::Value(place.to_owned()));
    }
}
