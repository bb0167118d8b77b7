//! Other people's test cases, run against the form engine through its public
//! doors. The cases are data (formats: the README beside them); nothing of them
//! is kept in this repository.
//!
//! A file is recognised by its name. A case that is known to fail is listed,
//! with the reason, in `known.tsv`; a listed case that passes is a failure too,
//! so the list stays true.

#![forbid(unsafe_code)]

mod conversion;
mod formula;
mod scenarios;
mod structure;
mod workbooks;
mod xpath;
mod xpath_javarosa;
mod xpath_tree;

use serde::Serialize;
use std::collections::BTreeMap;

/// What came out of one file.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How many cases did what they should.
    pub passed: usize,
    /// Cases that did not, and are not known to.
    pub failures: Vec<Failure>,
    /// Cases that are listed as known failures, and did fail.
    pub known: usize,
    /// Cases that the data itself marks as not to be compared.
    pub skipped: usize,
}

/// A case that did not do what it should.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    pub id: String,
    /// What was expected and what came, in one or two readable lines.
    pub why: String,
}

impl Report {
    /// Notes the outcome of a case.
    pub fn note(&mut self, known: &Known, id: &str, outcome: Result<(), String>) {
        match (outcome, known.reason(id)) {
            (Ok(()), None) => self.passed += 1,
            (Err(_), Some(_)) => self.known += 1,
            (Ok(()), Some(reason)) => self.failures.push(Failure {
                id: id.to_owned(),
                why: format!("listed as a known failure, but passes ({reason})"),
            }),
            (Err(why), None) => self.failures.push(Failure { id: id.to_owned(), why }),
        }
    }
}

/// The listed failures, by id.
#[derive(Debug, Default)]
pub struct Known(BTreeMap<String, Listed>);

#[derive(Debug)]
struct Listed {
    reason: String,
    /// What differs, where the list says that everything else is compared.
    differences: Vec<String>,
}

impl Known {
    /// The list of this repository: a line per case, the id, the reason and, if
    /// the rest of a session is to be compared, what differs, separated by
    /// tabs; lines that begin with `#` are remarks.
    #[must_use]
    pub fn listed() -> Known {
        let lines = include_str!("../known.tsv").lines().filter(|line| !line.starts_with('#'));
        let listed = lines.filter_map(|line| {
            let mut cells = line.split('\t');
            let (id, reason) = (cells.next()?, cells.next()?.to_owned());
            let differences = cells.next().unwrap_or_default().split("; ");
            let differences = differences.filter(|one| !one.is_empty()).map(str::to_owned).collect();
            Some((id.to_owned(), Listed { reason, differences }))
        });
        Known(listed.collect())
    }

    fn reason(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(|listed| listed.reason.as_str())
    }

    /// What of a session is known to differ: `/data/question property`, or
    /// `XML: /data/question`.
    /// Everything else in it has to be as recorded.
    fn differences(&self, id: &str) -> &[String] {
        self.0.get(id).map_or(&[], |listed| listed.differences.as_slice())
    }
}

/// The files of a folder of vectors that this program understands, each with
/// the files it needs beside it.
pub const FILES: [&str; 6] = [
    "xpath.json",
    "xpath-javarosa.json",
    "scenarios.json",
    "sessions.json.gz",
    "xlsform-conversion.json",
    "xlsforms/index.json",
];

/// Runs the cases of one file. `read` reads a file by its path within the
/// folder of the vectors.
///
/// # Errors
/// When a file cannot be read or is not what its name says.
pub fn run(
    name: &str,
    known: &Known,
    read: &dyn Fn(&str) -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<Report> {
    match name {
        "xpath.json" => xpath::run(&read(name)?, known),
        "xpath-javarosa.json" => xpath_javarosa::run(&read(name)?, known),
        "scenarios.json" => scenarios::run(&read(name)?, known),
        "sessions.json.gz" => {
            let mut text = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(read(name)?.as_slice()), &mut text)?;
            scenarios::run(&text, known)
        }
        "xlsform-conversion.json" => conversion::run(&read(name)?, known),
        "xlsforms/index.json" => workbooks::run(&read(name)?, known, read),
        other => anyhow::bail!("{other} is not a file of vectors; known are {}", FILES.join(", ")),
    }
}
