//! Writes how Chinese characters are read, for `src/pinyin.rs`: from the data
//! of the crate `pinyin`, in a form that is a third of the size after brotli.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;

use pinyin::{Pinyin, ToPinyinMulti};

/// CJK Unified Ideographs, with all of GBK. The rarer ones, beyond, are found
/// as they are written.
const FIRST: char = '\u{4e00}';
const LAST: char = '\u{9fff}';

/// Readings that only surnames have and that the crate lacks: 现代汉语词典.
const SURNAMES: [(char, &str); 3] = [('费', "bi"), ('贠', "yun"), ('黑', "he")];

/// In [`READINGS`](self): another reading of the same character follows.
const MORE: u16 = 1 << 15;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let readings: Vec<Vec<String>> = (FIRST..=LAST).map(readings).collect();
    let numbers = numbers(&readings);
    let mut written = Vec::new();
    for readings in &readings {
        if readings.is_empty() {
            written.push(0);
        }
        for (at, syllable) in readings.iter().enumerate() {
            let more = if at + 1 < readings.len() { MORE } else { 0 };
            written.push(numbers[syllable.as_str()] | more);
        }
    }
    let mut syllables = vec![""; numbers.len() + 1];
    for (syllable, number) in &numbers {
        syllables[usize::from(*number)] = syllable;
    }
    let mut code = String::new();
    writeln!(code, "const FIRST: char = {FIRST:?};")?;
    writeln!(code, "const MORE: u16 = {MORE};")?;
    writeln!(code, "static SYLLABLES: [&str; {}] = {syllables:?};", syllables.len())?;
    writeln!(code, "static READINGS: [u16; {}] = {written:?};", written.len())?;
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo did not set OUT_DIR")?);
    Ok(std::fs::write(folder.join("readings.rs"), code)?)
}

/// Without tones, each once, the commonest first; `v` for ü, as it is typed.
fn readings(character: char) -> Vec<String> {
    let known = character.to_pinyin_multi().into_iter().flatten().map(Pinyin::plain);
    let surname = SURNAMES.iter().filter(|(own, _)| *own == character).map(|(_, syllable)| *syllable);
    let mut readings: Vec<String> = Vec::new();
    for syllable in known.chain(surname) {
        let typed = syllable.replace('ü', "v").replace('ê', "e");
        assert!(typed.bytes().all(|letter| letter.is_ascii_lowercase()), "{character} is read {syllable}");
        if !readings.contains(&typed) {
            readings.push(typed);
        }
    }
    readings
}

/// From 1, small ones for frequent syllables: brotli likes that.
fn numbers(readings: &[Vec<String>]) -> BTreeMap<&str, u16> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for syllable in readings.iter().flatten() {
        *counts.entry(syllable).or_default() += 1;
    }
    let mut frequent: Vec<&str> = counts.keys().copied().collect();
    frequent.sort_by_key(|syllable| std::cmp::Reverse(counts[syllable]));
    frequent.into_iter().zip(1..).collect()
}
