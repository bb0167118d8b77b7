//! What may be a name.

/// What a name looks like, for messages.
pub(super) const EXPECTED: &str = "expected a letter or _, then letters, digits, -, _ and .";

/// A name that can be an element of XML: letters, digits, `-`, `_` and `.`, with
/// at most one prefix (`orx:meta`).
pub(super) fn is_name(text: &str) -> bool {
    match text.split_once(':') {
        Some((prefix, name)) => is_plain_name(prefix) && is_plain_name(name),
        None => is_plain_name(text),
    }
}

/// A name without a prefix.
pub(super) fn is_plain_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
        && characters.all(|next| next.is_alphanumeric() || matches!(next, '_' | '-' | '.') || is_mark(next))
}

/// Vowel signs and accents that follow letters in many scripts.
fn is_mark(character: char) -> bool {
    matches!(character,
        '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}' | '\u{2040}' | '\u{200c}' | '\u{200d}'
        | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{900}'..='\u{1cff}')
}
