//! The rules that no compiler checks: who may depend on whom, what sources
//! look like, and the licences of everything we depend on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::console::{failed, line, step};
use crate::{packages, workspace};

/// A package, and what must not be below it.
const DIRECTIONS: &[(&str, &[&str])] = &[
    // (The store's library brings the channels of tokio, not its runtime.)
    ("doorstep-app", &["doorstep", "doorstep-migrations", "sea-orm", "actix-web", "mio"]),
    ("doorstep-core", &["doorstep", "actix-web", "sea-orm", "tokio", "leptos"]),
    ("doorstep-form", &["doorstep-core", "tokio", "sea-orm", "leptos"]),
    ("doorstep-migrations", &["doorstep", "doorstep-core"]),
];
const WASM: &str = "wasm32-unknown-unknown";

/// Roots of the crates, which forbid unsafe code.
const CRATE_ROOTS: &[&str] = &[
    "shared/form/src/lib.rs",
    "shared/core/src/lib.rs",
    "migrations/src/lib.rs",
    "server/src/lib.rs",
    "server/src/main.rs",
    "app/src/lib.rs",
    "app/src/main.rs",
    "tests/src/lib.rs",
    "tests/bench/src/lib.rs",
    "tests/bench/src/main.rs",
    "tests/conformance/src/lib.rs",
    "tests/conformance/src/main.rs",
    "tests/fuzz/src/lib.rs",
    "tests/fuzz/src/main.rs",
    "xtask/src/main.rs",
];

/// Where sources are.
const SOURCES: &[&str] = &["shared", "migrations", "server", "app", "tests", "xtask"];

/// A file tells one story on so many lines at most.
const LINES_MAX: usize = 500;

/// Files that are longer. The list may only shrink, and so may the numbers.
const LONGER: &[(&str, usize)] =
    &[("shared/form/tests/elder_visit.rs", 506), ("tests/tests/api/review.rs", 551)];

/// How the simulation makes its mutants (docs/sync.md).
const LEAVES_OUT_A_RULE: &str = concat!("Rules::", "without(");

/// Licences that an Apache-2.0 program may carry.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Checks everything.
///
/// # Errors
/// When a rule is broken; each is named with its place.
pub(crate) fn run() -> Result<()> {
    step("tidy: directions, sources, licences");
    let mut broken = directions()?;
    broken.extend(sources()?);
    broken.extend(licences()?);
    for rule in &broken {
        failed(rule);
    }
    ensure!(broken.is_empty(), "{} rules are broken", broken.len());
    advisories()?;
    line("tidy");
    Ok(())
}

/// Who depends on whom.
fn directions() -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for (package, forbidden) in DIRECTIONS {
        let mut tree = workspace::cargo();
        tree.args([
            "tree",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--package",
            package,
        ]);
        if *package == "doorstep-app" {
            tree.args(["--target", WASM]);
        }
        let output = tree.output().context("cargo tree cannot be started")?;
        ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr).trim());
        let text = String::from_utf8_lossy(&output.stdout);
        let below: BTreeSet<&str> = text.lines().skip(1).filter_map(|text| text.split(' ').next()).collect();
        for name in forbidden.iter().filter(|name| below.contains(**name)) {
            broken.push(format!("{package} depends on {name}; ARCHITECTURE.md says why it must not"));
        }
    }
    Ok(broken)
}

/// What sources look like.
fn sources() -> Result<Vec<String>> {
    let root = workspace::root();
    let mut broken = Vec::new();
    for place in CRATE_ROOTS {
        let text = read(&root.join(place))?;
        if !text.contains("#![forbid(unsafe_code)]") {
            broken.push(format!("{place} does not forbid unsafe code; add #![forbid(unsafe_code)]"));
        }
    }
    let mut files = Vec::new();
    for folder in SOURCES {
        collect(&root.join(folder), "rs", &mut files)?;
    }
    for file in &files {
        let place = file.strip_prefix(&root).unwrap_or(file).to_string_lossy().replace('\\', "/");
        let text = read(file)?;
        broken.extend(rules_of_a_source(&place, &text));
    }
    for (place, _) in LONGER {
        if !root.join(place).is_file() {
            broken.push(format!(
                "{place} is in the list of long files of xtask/src/tidy.rs and does not exist"
            ));
        }
    }
    Ok(broken)
}

fn rules_of_a_source(place: &str, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    if !text.trim_start().starts_with("//!") {
        broken.push(format!("{place}:1 does not say what it is for; begin with //!"));
    }
    let lines = text.lines().count();
    let allowed = LONGER.iter().find(|(long, _)| *long == place).map_or(LINES_MAX, |(_, lines)| *lines);
    if lines > allowed {
        broken.push(format!("{place} has {lines} lines, of at most {allowed}; split it by story"));
    }
    if allowed > LINES_MAX && lines < allowed {
        broken.push(format!("{place} has shrunk to {lines} lines; lower its number in xtask/src/tidy.rs"));
    }
    let is_screen =
        ["app/src/screens", "app/src/fill", "app/src/ui"].iter().any(|folder| place.starts_with(folder));
    for (number, text) in (1..).zip(text.lines()) {
        if is_screen && (text.contains("crate::api") || text.contains("web_sys::window().unwrap().fetch")) {
            broken.push(format!("{place}:{number} uses the API; screens see the store and the contexts"));
        }
        if place.starts_with("app/src") && (text.contains(" style=") || text.contains("style:")) {
            broken.push(format!(
                "{place}:{number} has an inline style; the content policy refuses it, use a class"
            ));
        }
        if !place.starts_with("tests/") && text.contains(LEAVES_OUT_A_RULE) {
            broken.push(format!("{place}:{number} leaves out a rule of sync; only tests may"));
        }
        if place.starts_with("migrations/") && text.contains("entity::") {
            broken
                .push(format!("{place}:{number} uses an entity; a migration must not change when one does"));
        }
    }
    broken
}

/// The licences of everything that is linked, compiled or run.
fn licences() -> Result<Vec<String>> {
    let metadata = workspace::metadata(&[])?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let mut broken = Vec::new();
    for package in packages.iter().filter(|package| !package["source"].is_null()) {
        let name = format!(
            "{} {}",
            package["name"].as_str().unwrap_or("?"),
            package["version"].as_str().unwrap_or("?")
        );
        match package["license"].as_str() {
            Some(expression) if may_be_used(expression) => {}
            Some(expression) => broken
                .push(format!("{name} is under {expression}, which is not in the list of xtask/src/tidy.rs")),
            None => broken.push(format!(
                "{name} names no licence; look at its licence file and choose another package"
            )),
        }
    }
    Ok(broken)
}

/// Whether an SPDX expression leaves a choice that is allowed. Old packages
/// write `MIT/Apache-2.0`.
fn may_be_used(expression: &str) -> bool {
    spdx::Expression::parse_mode(expression, spdx::ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|requirement| {
            requirement.license.id().is_some_and(|licence| LICENCES.contains(&licence.name))
        })
    })
}

/// Known holes, where the list of them is at hand.
fn advisories() -> Result<()> {
    let known =
        std::env::home_dir().map(|home| home.join(".cargo/advisory-dbs")).filter(|folder| folder.is_dir());
    if packages::program("cargo-deny").is_none() || known.is_none() {
        line("advisories: not checked, since cargo-deny and its list of advisories are not on this machine");
        return Ok(());
    }
    let mut deny = workspace::cargo();
    workspace::run(deny.args(["deny", "--offline", "check", "--disable-fetch", "advisories"]))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn collect(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("{} cannot be read", folder.display()))?.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target" && name != "dist") {
            collect(&path, ending, into)?;
        } else if path.extension().is_some_and(|found| found == ending) {
            into.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_and_directions_are_tidy() -> Result<()> {
        assert_eq!(sources()?, Vec::<String>::new());
        assert_eq!(directions()?, Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn broken_rules_are_seen() {
        let long = format!("//! Long.\n{}", "// a line\n".repeat(LINES_MAX));
        for (place, text) in [
            ("server/src/x.rs", "use a;\n"),
            ("server/src/x.rs", long.as_str()),
            ("app/src/screens/x.rs", "//! X.\nuse crate::api::Client;\n"),
            ("app/src/ui/x.rs", "//! X.\nview! { <p style=\"color: red\"></p> }\n"),
            ("server/src/x.rs", concat!("//! X.\nlet rules = Rules::", "without(Rule::Parking);\n")),
            ("migrations/src/x.rs", "//! X.\nuse doorstep::db::entity::case;\n"),
        ] {
            assert_eq!(rules_of_a_source(place, text).len(), 1, "{place}");
        }
        assert_eq!(rules_of_a_source("server/src/x.rs", "//! X.\nuse crate::api;\n"), Vec::<String>::new());
    }

    #[test]
    fn a_licence_is_allowed_when_one_choice_is() {
        assert!(may_be_used("MIT OR GPL-3.0-only"));
        assert!(may_be_used("MIT/Apache-2.0"));
        assert!(may_be_used("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!may_be_used("MIT AND GPL-3.0-only"));
        assert!(!may_be_used("nonsense"));
    }
}
