//! Texts as authors write them: `${name}` stands for an answer, and a path into
//! a list (`instance('towns')/root/item[name = ${town}]/label`) for what it
//! finds.

use crate::form::{Piece, Words};

/// Reads a text.
pub(super) fn written(text: &str) -> Words {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = find_call(rest) {
        let (before, path) = rest.split_at(start);
        let length = path_length(path);
        let (path, after) = path.split_at(length);
        pieces.extend(Words::written(before).0);
        pieces.push(Piece::Output(path.to_owned()));
        rest = after;
    }
    pieces.extend(Words::written(rest).0);
    Words(pieces)
}

/// Where a call of `instance('…')/` begins.
fn find_call(text: &str) -> Option<usize> {
    text.match_indices("instance(").map(|(at, _)| at).find(|&at| {
        let whole_word = !text.get(..at).is_some_and(|before| {
            before.ends_with(|last: char| last.is_alphanumeric() || matches!(last, '-' | '_' | ':' | '.'))
        });
        let behind = text.get(at + "instance(".len()..).unwrap_or_default();
        let path = ['\'', '"'].into_iter().find_map(|quote| {
            let (_, behind) = behind.strip_prefix(quote)?.split_once(quote)?;
            behind.strip_prefix(")/")
        });
        whole_word && path.is_some()
    })
}

/// Bytes of the path: up to the first space that is not inside a predicate.
fn path_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 && character.is_whitespace() => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_into_a_list_is_computed() {
        let words = written("In instance('t')/root/item[name = ${town}]/label today, ${who}");
        let output = |text: &str| Piece::Output(text.to_owned());
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(
            words.0,
            [
                text("In "),
                output("instance('t')/root/item[name = ${town}]/label"),
                text(" today, "),
                output("${who}")
            ]
        );
        assert_eq!(written("an instance (of it)").plain(), Some("an instance (of it)"));
    }
}
