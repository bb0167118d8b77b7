//! What looks random and can be repeated: the host's seed determines it.

use super::Result;
use crate::expr::EvaluationError;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::{Value, is_space, plain_number};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Longest text that `uuid(length)` makes.
const MAX_RANDOM_TEXT: f64 = 65_536.0;

/// SplitMix64: makes the next of a series from its state.
pub(crate) fn mixed(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A number from 0 up to, but not including, 1.
pub(super) fn random<'a>(evaluator: &mut Evaluator<'a>, _: &'a Call, _: &Focus) -> Result<'a> {
    Ok(Value::Number(fraction(evaluator.environment.random())))
}

#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn fraction(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// `uuid()`: of version 4. `uuid(length)`: so many random letters and digits.
pub(super) fn uuid<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let environment = evaluator.environment;
    let mut text = String::new();
    if let Some(length) = call.arguments.first() {
        let length = evaluator.number(length, focus)?.trunc();
        if !(0.0..=MAX_RANDOM_TEXT).contains(&length) {
            return Err(EvaluationError::new(format!(
                "uuid() takes a length of 0 to {MAX_RANDOM_TEXT} characters"
            )));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
        let length = length as usize;
        evaluator.spend(length)?;
        const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        while text.len() < length {
            let place = usize::try_from(environment.random() >> 11).unwrap_or(0) % LETTERS.len();
            text.extend(LETTERS.get(place).map(|&letter| char::from(letter)));
        }
        return Ok(Value::text(text));
    }
    let (high, low) = (environment.random(), environment.random());
    // Version 4, variant 1 (RFC 9562).
    let high = high & 0xffff_ffff_ffff_0fff | 0x4000;
    let low = low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    let _ = write!(
        text,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    );
    Ok(Value::text(text))
}

/// `randomize(nodes, seed)`: shuffled by the inside-out form of Fisher and
/// Yates; with a seed always the same way.
pub(super) fn randomize<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let nodes = evaluator.nodes_argument(call, 0, focus)?;
    evaluator.spend(nodes.len())?;
    let mut numbers = match call.arguments.get(1) {
        Some(_) => {
            let seed = evaluator.scalar_argument(call, 1, focus)?;
            ParkMiller::new(seed_of(evaluator, seed))
        }
        None => ParkMiller::new(fraction(evaluator.environment.random()) * ParkMiller::MODULUS),
    };
    let mut shuffled = nodes.clone();
    for (place, &node) in nodes.iter().enumerate() {
        let other = numbers.below(place + 1);
        if other != place {
            let moved = shuffled.get(other).copied();
            if let (Some(here), Some(moved)) = (shuffled.get_mut(place), moved) {
                *here = moved;
            }
        }
        if let Some(there) = shuffled.get_mut(other) {
            *there = node;
        }
    }
    Ok(Value::Nodes(shuffled))
}

/// A number is a seed without its fraction, and 0 when it is none. Any other
/// text is one by the first eight bytes of its SHA-256; an empty text is 0.
fn seed_of<'a>(evaluator: &Evaluator<'a>, seed: Value<'a>) -> f64 {
    let number = match &seed {
        // A text that is written like a date is no number here (JavaRosa).
        Value::Text(text) => plain_number(text.replace(',', ".").trim_matches(is_space)).unwrap_or(f64::NAN),
        value => evaluator.to_number(value),
    };
    if !number.is_nan() {
        // As Java makes a long of a double.
        return number.clamp(-9_223_372_036_854_775_808.0, 9_223_372_036_854_775_807.0).trunc();
    }
    // Only texts are hashed: of a number that is none, Java makes 0.
    if matches!(seed, Value::Number(_)) {
        return 0.0;
    }
    let text = evaluator.to_text(seed);
    if text.is_empty() {
        return 0.0;
    }
    let digest = Sha256::digest(text.as_bytes());
    let mut bytes = [0_u8; 8];
    bytes.iter_mut().zip(digest).for_each(|(byte, found)| *byte = found);
    #[expect(clippy::cast_precision_loss, reason = "as the specification's reference does it")]
    let seed = i64::from_be_bytes(bytes) as f64;
    seed
}

/// The "minimal standard" generator of Park and Miller, as the specification
/// demands it for `randomize()`.
struct ParkMiller(f64);

impl ParkMiller {
    const MODULUS: f64 = 2_147_483_647.0;
    const MULTIPLIER: f64 = 16_807.0;

    fn new(seed: f64) -> ParkMiller {
        let seed = seed % Self::MODULUS;
        ParkMiller(if seed <= 0.0 { seed + Self::MODULUS - 1.0 } else { seed })
    }

    /// A number from 0 up to, but not including, the limit.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a part of the limit, which is the size of a set"
    )]
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0 * Self::MULTIPLIER % Self::MODULUS;
        let part = (self.0 - 1.0) / (Self::MODULUS - 1.0);
        ((part * limit as f64).floor() as usize).min(limit.saturating_sub(1))
    }
}
