//! Patterns.

use super::Result;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;
use crate::expr::{EvaluationError, number_text};
use regex_lite::Regex;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

/// Whether the whole text matches the pattern, as JavaRosa has it. A pattern
/// that stands in the expression was compiled with it; one that comes as data
/// is compiled when it differs from the last.
pub(super) fn regex<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let text = evaluator.text_argument(call, 0, focus)?;
    evaluator.spend(text.len())?;
    if let Some(pattern) = &call.pattern {
        return Ok(Value::Boolean(pattern.is_match(&text)));
    }
    let pattern = evaluator.text_argument(call, 1, focus)?;
    if let Some((last, regex)) = &evaluator.pattern
        && *last == pattern
    {
        return Ok(Value::Boolean(regex.is_match(&text)));
    }
    evaluator.spend(pattern.len().saturating_mul(100))?;
    match full_match(&pattern) {
        Ok(regex) => {
            let matches = regex.is_match(&text);
            evaluator.pattern = Some((pattern.into_owned(), regex));
            Ok(Value::Boolean(matches))
        }
        Err(error) => Err(EvaluationError::new(format!(
            "the pattern \"{}\" cannot be used: {error}",
            shortened(&pattern)
        ))),
    }
}

/// Most patterns that are remembered.
const REMEMBERED: usize = 32;

thread_local! {
    /// What was compiled last: forms say the same pattern of many questions,
    /// and a compiled one is large.
    static COMPILED: RefCell<VecDeque<(String, Arc<Regex>)>> = const { RefCell::new(VecDeque::new()) };
}

/// As [`full_match`], the same one for the same pattern.
pub(crate) fn shared_full_match(pattern: &str) -> std::result::Result<Arc<Regex>, regex_lite::Error> {
    COMPILED.with_borrow_mut(|compiled| {
        if let Some((_, known)) = compiled.iter().find(|(known, _)| known == pattern) {
            return Ok(Arc::clone(known));
        }
        let regex = Arc::new(full_match(pattern)?);
        if compiled.len() == REMEMBERED {
            compiled.pop_front();
        }
        compiled.push_back((pattern.to_owned(), Arc::clone(&regex)));
        Ok(regex)
    })
}

/// A pattern that must match from the first character to the last.
fn full_match(pattern: &str) -> std::result::Result<Regex, regex_lite::Error> {
    regex_lite::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1 << 20).build()
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
        short.push_str(&number_text(f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX))));
        short.push_str(" bytes");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{REMEMBERED, shared_full_match};
    use std::sync::Arc;

    fn matches(pattern: &str, text: &str) -> bool {
        shared_full_match(pattern).is_ok_and(|regex| regex.is_match(text))
    }

    #[test]
    fn the_same_pattern_is_compiled_once_and_another_is_another() {
        let twice = [(); 2].map(|()| shared_full_match("[a-z]{2}").ok());
        assert!(matches!(&twice, [Some(first), Some(again)] if Arc::ptr_eq(first, again)));
        assert!(!matches("[0-9]{2}", "ab"));
        assert!(shared_full_match("(").is_err());
        for number in 0..=REMEMBERED {
            assert!(matches(&format!("a{{{number}}}"), &"a".repeat(number)));
        }
        assert!(matches("[a-z]{2}", "ab"));
    }
}
