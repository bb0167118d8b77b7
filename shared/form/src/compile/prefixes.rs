//! Prefixes of attributes: `bind::odk:length`.

use super::table::{Table, cell_at};
use crate::problem::{AuthoringProblem, did_you_mean};
use std::collections::BTreeMap;

/// Prefixes that every form knows.
const KNOWN: [&str; 7] = ["jr", "orx", "odk", "entities", "xsd", "ev", "xml"];

/// An attribute with a prefix needs a namespace.
pub(super) fn check(
    table: &Table,
    declared: &BTreeMap<String, String>,
    problems: &mut Vec<AuthoringProblem>,
) {
    for (index, base) in table.bases() {
        let Some((group, name)) = base.split_once("::") else { continue };
        let Some((prefix, _)) = name.split_once(':') else { continue };
        if !["bind", "body", "instance"].contains(&group)
            || KNOWN.contains(&prefix)
            || declared.contains_key(prefix)
        {
            continue;
        }
        let Some(row) = table.rows.iter().find(|row| !cell_at(row, index).is_empty()) else { continue };
        let names = KNOWN.into_iter().chain(declared.keys().map(String::as_str));
        problems.push(
            table
                .problem_at(row, index, format!("the prefix \"{prefix}\" stands for no namespace"))
                .suggesting(did_you_mean(prefix, names).or_else(|| {
                    Some(format!("write {prefix}=\"…\" into the column namespaces of the settings"))
                })),
        );
    }
}
