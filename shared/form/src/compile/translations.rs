//! Columns that some languages have and others lack.

use super::headers::Header;
use super::languages::UNNAMED;
use crate::problem::AuthoringProblem;
use std::collections::{BTreeMap, BTreeSet};

/// Every translated column should be there in each language of its sheet.
pub(super) fn check(
    sheet: &str,
    headers: &[Header],
    default_language: &str,
    problems: &mut Vec<AuthoringProblem>,
) {
    let mut columns: Vec<&str> = Vec::new();
    let mut languages: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let default_language = if default_language.is_empty() { UNNAMED } else { default_language };
    for header in headers.iter().filter(|header| header.translated && !header.base.contains("::")) {
        if !columns.contains(&header.base.as_str()) {
            columns.push(&header.base);
        }
        let language = if header.language.is_empty() { default_language } else { &header.language };
        languages.entry(language).or_default().insert(&header.base);
    }
    if languages.len() < 2 {
        return;
    }
    for (language, there) in &languages {
        for column in columns.iter().filter(|column| !there.contains(**column)) {
            let header =
                if *language == UNNAMED { (*column).to_owned() } else { format!("{column}::{language}") };
            problems.push(
                AuthoringProblem::warning(
                    sheet,
                    format!("the language \"{language}\" has no column \"{column}\", while others have it"),
                )
                .at_row(1)
                .at_column("", column)
                .suggesting(Some(format!("add the column {header}"))),
            );
        }
    }
}
