//! Patterns.

use super::Result;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;
use crate::expr::{EvaluationError, number_text};
use regex_lite::Regex;

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

/// A pattern that must match from the first character to the last.
pub(crate) fn full_match(pattern: &str) -> std::result::Result<Regex, regex_lite::Error> {
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
