//! What is wrong with a form, in words its author understands.
//!
//! An author works in a spreadsheet and wants to know three things: which cell,
//! what is wrong with it, what to write instead. All problems of a workbook are
//! reported together, so that one round of corrections is enough.

use serde::{Deserialize, Serialize};

/// Whether a form with this problem can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The form cannot be used until this is corrected.
    Error,
    /// The form works, but this is probably not what its author meant.
    Warning,
}

/// One thing wrong with a workbook, an attachment or an expression in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthoringProblem {
    /// Whether the form can be used all the same.
    pub severity: Severity,
    /// Sheet of the workbook, or file name of an attachment.
    pub sheet: String,
    /// Row as the spreadsheet shows it: the first row is 1.
    pub row: Option<u32>,
    /// Column as the author knows it: `F (relevant)`, or only the header when
    /// the column is missing from the sheet.
    pub column: Option<String>,
    /// The text that caused the problem; empty when something is missing.
    pub found: String,
    /// What is wrong and what is expected.
    pub message: String,
    /// A likely correction.
    pub suggestion: Option<String>,
}

impl AuthoringProblem {
    /// A problem that makes the form unusable.
    pub fn error(sheet: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            sheet: sheet.into(),
            row: None,
            column: None,
            found: String::new(),
            message: message.into(),
            suggestion: None,
        }
    }

    /// A problem that leaves the form usable.
    pub fn warning(sheet: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(sheet, message) }
    }

    /// In this row, counted as the spreadsheet shows it; 0 stands for none.
    #[must_use]
    pub fn at_row(mut self, row: u32) -> Self {
        self.row = (row > 0).then_some(row);
        self
    }

    /// In this column. `letter` may be empty: then the sheet lacks it.
    #[must_use]
    pub fn at_column(mut self, letter: &str, header: &str) -> Self {
        self.column =
            Some(if letter.is_empty() { header.to_owned() } else { format!("{letter} ({header})") });
        self
    }

    /// Caused by this text.
    #[must_use]
    pub fn finding(mut self, found: impl Into<String>) -> Self {
        self.found = found.into();
        self
    }

    /// With a likely correction.
    #[must_use]
    pub fn suggesting(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }
}

impl std::fmt::Display for AuthoringProblem {
    /// `survey!F12 (relevant): unknown name "ag"; did you mean "age"?`
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.sheet)?;
        let (letter, header) = match self.column.as_deref() {
            None => ("", None),
            Some(column) => match column.split_once(" (") {
                Some((letter, header)) => (letter, Some(header.trim_end_matches(')'))),
                None => ("", Some(column)),
            },
        };
        match (letter, self.row) {
            ("", None) => {}
            ("", Some(row)) => write!(formatter, "!{row}")?,
            (letter, None) => write!(formatter, "!{letter}")?,
            (letter, Some(row)) => write!(formatter, "!{letter}{row}")?,
        }
        if let Some(header) = header {
            write!(formatter, " ({header})")?;
        }
        write!(formatter, ": {}", self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(formatter, "; {suggestion}")?;
        }
        Ok(())
    }
}

/// The candidate that a writer most likely meant, as a sentence for
/// [`AuthoringProblem::suggestion`]. `None` when nothing is close.
pub fn did_you_mean<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let length = written.chars().count();
    if length == 0 || length > 64 {
        return None;
    }
    let limit = (length / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .map(|candidate| (edit_distance(written, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| format!("did you mean \"{candidate}\"?"))
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from
/// one text to the other, ignoring case.
fn edit_distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().flat_map(char::to_lowercase).collect();
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut current = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut cost = (previous[j] + usize::from(a != b)).min(previous[j + 1] + 1).min(current[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                cost = cost.min(before[j - 1] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_cell_the_way_a_spreadsheet_does() {
        let problem = AuthoringProblem::error("survey", "unknown name \"ag\"")
            .at_row(12)
            .at_column("F", "relevant")
            .suggesting(did_you_mean("ag", ["age", "name"]));
        assert_eq!(problem.to_string(), "survey!F12 (relevant): unknown name \"ag\"; did you mean \"age\"?");
    }

    #[test]
    fn suggests_only_what_is_close() {
        assert_eq!(did_you_mean("e_kni", ["e_kin", "e_pay"]).as_deref(), Some("did you mean \"e_kin\"?"));
        assert_eq!(did_you_mean("village", ["met"]), None);
    }
}
