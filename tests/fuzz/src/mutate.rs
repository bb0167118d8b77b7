//! Small damages to bytes and texts.

use fastrand::Rng;

/// Inputs do not grow beyond this.
const BYTES_MAX: usize = 64 * 1024;
const CHANGES_MAX: usize = 8;

/// Numbers, signs and texts at which programs break.
const ODD: [&str; 24] = [
    "0",
    "-1",
    "99999999999999999999",
    "1e308",
    "-0",
    "NaN",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "走访",
    "e\u{301}",
    "''",
    "\"",
    "${",
    "}",
    "((((((((((((((((",
    "]]]]",
    "<",
    "&#0;",
    "&amp;",
    "/",
    "..",
    "\n",
    "|",
];

/// Damages an input in one to eight places; `others` are inputs of the same
/// kind, `words` are words of their language.
pub(crate) fn bytes(random: &mut Rng, input: &mut Vec<u8>, others: &[Vec<u8>], words: &[&str]) {
    for _ in 0..1 + random.usize(0..CHANGES_MAX) {
        change(random, input, others, words);
        input.truncate(BYTES_MAX);
    }
}

fn change(random: &mut Rng, input: &mut Vec<u8>, others: &[Vec<u8>], words: &[&str]) {
    let place = random.usize(0..=input.len());
    let span = place..(place + 1 + length(random)).min(input.len());
    match random.u8(0..10) {
        0 => {
            if let Some(byte) = input.get_mut(place) {
                *byte ^= 1 << random.u8(0..8);
            }
        }
        1 => drop(input.drain(span)),
        2 => {
            let copy: Vec<u8> = input.get(span).unwrap_or_default().to_vec();
            insert(input, place, &copy);
        }
        3 => {
            // A part of another input, or of itself, in the place of a part.
            let other = random.choice(others).cloned().unwrap_or_default();
            let from = random.usize(0..=other.len());
            let part = other.get(from..(from + length(random)).min(other.len())).unwrap_or_default().to_vec();
            drop(input.splice(span, part));
        }
        4 => insert(input, place, ODD.get(random.usize(0..ODD.len())).map_or(&[], |odd| odd.as_bytes())),
        5 | 6 => insert(input, place, random.choice(words).map_or(&[], |word| word.as_bytes())),
        7 => {
            // A word for a word.
            let span = word_at(input, place);
            let word = random.choice(words).map_or(&[][..], |word| word.as_bytes()).to_vec();
            drop(input.splice(span, word));
        }
        8 => {
            let span = word_at(input, place);
            let odd = ODD.get(random.usize(0..ODD.len())).map_or(&[][..], |odd| odd.as_bytes()).to_vec();
            drop(input.splice(span, odd));
        }
        _ => {
            // Many of the same.
            let copy: Vec<u8> = input.get(word_at(input, place)).unwrap_or_default().to_vec();
            let many = copy.repeat(1 + random.usize(0..40));
            insert(input, place, &many);
        }
    }
}

/// Short ones most of the time.
fn length(random: &mut Rng) -> usize {
    let most = 1 << random.usize(1..9);
    random.usize(0..most)
}

fn insert(input: &mut Vec<u8>, place: usize, part: &[u8]) {
    drop(input.splice(place..place, part.iter().copied()));
}

/// The letters and digits around a place.
fn word_at(input: &[u8], place: usize) -> std::ops::Range<usize> {
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':');
    let before = input.iter().take(place).rev().take_while(|byte| in_word(byte)).count();
    let behind = input.iter().skip(place).take_while(|byte| in_word(byte)).count();
    place - before..place + behind
}
