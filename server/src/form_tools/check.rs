//! `form check`: every problem of every file, for a terminal or as JSON.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use doorstep::terminal::say;
use doorstep_form::{AuthoringProblem, Severity};
use serde::Serialize;

/// What is known of a file, as `--json` says it.
#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    /// Whether the form can be used.
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<Identity>,
    /// Why nothing could be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    problems: Vec<AuthoringProblem>,
}

#[derive(Debug, Serialize)]
struct Identity {
    id: String,
    version: String,
    title: String,
    languages: Vec<String>,
}

/// Checks the files.
///
/// # Errors
/// When one of them cannot be used.
pub(crate) fn run(files: &[PathBuf], media: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let checked: Vec<Checked> = files.iter().map(|file| check(file, media)).collect();
    if json {
        say(serde_json::to_string_pretty(&checked)?);
    } else {
        for one in &checked {
            say(words(one));
        }
    }
    let unusable = checked.iter().filter(|one| !one.usable).count();
    match (unusable, files.len()) {
        (0, _) => Ok(()),
        (1, 1) => Err(anyhow::anyhow!("the form cannot be used until this is corrected")),
        (unusable, all) => {
            Err(anyhow::anyhow!("{unusable} of {all} forms cannot be used until this is corrected"))
        }
    }
}

fn check(file: &Path, media: Option<&Path>) -> Checked {
    let name = file.display().to_string();
    match super::read(file, media) {
        Err(cause) => Checked {
            file: name,
            usable: false,
            form: None,
            unreadable: Some(cause.to_string()),
            problems: Vec::new(),
        },
        Ok(read) => {
            let form = read.plan.as_ref().map(|plan| Identity {
                id: plan.form().id().to_owned(),
                version: plan.form().version().to_owned(),
                title: plan.form().title().to_owned(),
                languages: plan.form().languages().to_vec(),
            });
            Checked { file: name, usable: form.is_some(), form, unreadable: None, problems: read.problems }
        }
    }
}

fn words(checked: &Checked) -> String {
    if let Some(cause) = &checked.unreadable {
        return cause.clone();
    }
    let count = |severity: Severity, one: &str, more: &str| match checked
        .problems
        .iter()
        .filter(|problem| problem.severity == severity)
        .count()
    {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {more}")),
    };
    let counts = [count(Severity::Error, "error", "errors"), count(Severity::Warning, "warning", "warnings")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let mut text = match &checked.form {
        Some(form) => {
            let version = if form.version.is_empty() { "without a version" } else { &form.version };
            format!("{}: {} ({}, {version})", checked.file, form.title, form.id)
        }
        None => checked.file.clone(),
    };
    text.push_str(if counts.is_empty() { ", no mistakes" } else { ": " });
    text.push_str(&counts.join(", "));
    for problem in &checked.problems {
        describe(&mut text, problem);
    }
    text
}

/// Where, what is wrong and what is expected, what was found, and a way out.
fn describe(text: &mut String, problem: &AuthoringProblem) {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut place = format!("sheet {}", problem.sheet);
    if let Some(row) = problem.row {
        place.push_str(&format!(", row {row}"));
    }
    if let Some(column) = &problem.column {
        place.push_str(&format!(", column {column}"));
    }
    let mut line = |name: &str, words: &str| {
        let indented = words.trim_end().replace('\n', "\n             ");
        // Writing into a text cannot fail.
        let _ = write!(text, "\n    {name:<8} {indented}");
    };
    line(severity, &problem.message);
    line("at", &place);
    if !problem.found.is_empty() {
        line("found", &problem.found);
    }
    if let Some(suggestion) = &problem.suggestion {
        line("fix", suggestion);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_place_and_a_way_out() {
        let problem = AuthoringProblem::error("survey", "unknown name \"ag\"")
            .at_row(12)
            .at_column("F", "relevant")
            .finding("${ag} > 3")
            .suggesting(Some("did you mean \"age\"?".to_owned()));
        let checked = Checked {
            file: "a.xlsx".to_owned(),
            usable: false,
            form: None,
            unreadable: None,
            problems: vec![problem],
        };
        let expected = "a.xlsx: 1 error\n    error    unknown name \"ag\"\n    at       sheet survey, row 12, column F (relevant)\n    \
                        found    ${ag} > 3\n    fix      did you mean \"age\"?";
        assert_eq!(words(&checked), expected);
    }
}
