//! Other people's engines, out of the public registries: JavaRosa, which the
//! wheel of pyxform carries, and `@getodk/xforms-engine`. They are kept in the
//! cache folder; the scripts that time them lie beside the clone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::compare::{CHROMIUM, JAVAROSA, NODE};
use super::{TIME_MAX, answer_of, read};
use crate::browser::{self, Page};
use crate::console::step;
use crate::{packages, workspace};

const PYXFORM: &str = "pyxform==4.5.0";
const NPM_PACKAGES: [&str; 3] = ["@getodk/xforms-engine@0.22.0", "jsdom@27.4.0", "esbuild@0.28.2"];
const JAR: &str = "ODK_Validate.jar";

/// The engines that are there, and what to do about those that are not.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    /// The JDK's programs are in the path, and this is JavaRosa.
    pub(crate) jar: Option<PathBuf>,
    /// A folder whose `node_modules` has the web engine.
    pub(crate) node: Option<PathBuf>,
    scripts: PathBuf,
    pub(crate) missing: Vec<String>,
}

fn folder() -> Result<PathBuf> {
    Ok(workspace::cache_folder()?.join("peers"))
}

impl Peers {
    /// Fetches them from the registries of Python and npm.
    ///
    /// # Errors
    /// When Python or npm is missing or refuses, with what to install.
    pub(crate) fn install() -> Result<()> {
        let folder = folder()?;
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        ensure!(
            packages::program("python3").is_some(),
            "python3 is missing; apt-get install python3 python3-venv brings it"
        );
        ensure!(packages::program("npm").is_some(), "npm is missing; apt-get install nodejs npm brings it");
        let environment = folder.join("python");
        if !environment.join("bin/pyxform").is_file() && !environment.join("bin/xls2xform").is_file() {
            step(format_args!("installing {PYXFORM}"));
            workspace::run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
            workspace::run(Command::new(environment.join("bin/pip")).args(["install", "--quiet", PYXFORM]))?;
        }
        if !folder.join("node_modules/@getodk/xforms-engine").is_dir() {
            step(format_args!("installing {}", NPM_PACKAGES.join(", ")));
            let manifest = folder.join("package.json");
            fs::write(&manifest, "{ \"private\": true, \"type\": \"module\" }\n")
                .with_context(|| format!("{} cannot be written", manifest.display()))?;
            workspace::run(
                Command::new("npm")
                    .args(["install", "--silent", "--no-fund", "--no-audit"])
                    .args(NPM_PACKAGES)
                    .current_dir(&folder),
            )?;
        }
        Ok(())
    }

    /// Looks for what is installed; `scripts` is where they are timed from.
    pub(crate) fn find(scripts: &Path) -> Peers {
        let mut peers = Peers { scripts: scripts.to_owned(), ..Peers::default() };
        let Ok(folder) = folder() else {
            peers.missing.push("there is no folder to keep other engines in; set XDG_CACHE_HOME".to_owned());
            return peers;
        };
        let jar = jar(&folder);
        let jdk = packages::program("java").is_some() && packages::program("javac").is_some();
        match (jar, jdk) {
            (Some(jar), true) => peers.jar = Some(jar),
            (None, _) => peers.missing.push("JavaRosa is not measured: --install-peers brings it".to_owned()),
            (_, false) => peers
                .missing
                .push("JavaRosa is not measured: apt-get install openjdk-17-jdk-headless".to_owned()),
        }
        let engine = folder.join("node_modules/@getodk/xforms-engine").is_dir();
        match (engine, packages::program("node").is_some()) {
            (true, true) => peers.node = Some(folder),
            (false, _) => {
                peers.missing.push("xforms-engine is not measured: --install-peers brings it".to_owned())
            }
            (_, false) => {
                peers.missing.push("xforms-engine is not measured: apt-get install nodejs".to_owned())
            }
        }
        peers
    }

    /// What each of them makes of a form.
    pub(super) fn measure(&self, xml: &Path) -> Vec<(&'static str, Result<Value>)> {
        let mut outcomes = Vec::new();
        if !self.scripts.join("Bench.java").is_file() {
            return vec![(
                JAVAROSA,
                Err(anyhow::anyhow!("the scripts that time it are not in {}", self.scripts.display())),
            )];
        }
        if let Some(jar) = &self.jar {
            step(format_args!("{}: JavaRosa", xml.display()));
            outcomes.push((JAVAROSA, self.javarosa(jar, xml)));
        }
        if let Some(folder) = &self.node {
            step(format_args!("{}: xforms-engine in node", xml.display()));
            outcomes.push((NODE, self.in_node(folder, xml)));
            if browser::chromium().is_some() {
                step(format_args!("{}: xforms-engine in Chromium", xml.display()));
                outcomes.push((CHROMIUM, self.in_chromium(folder, xml)));
            }
        }
        outcomes
    }

    fn javarosa(&self, jar: &Path, xml: &Path) -> Result<Value> {
        let classes = folder()?.join("classes");
        fs::create_dir_all(&classes).with_context(|| format!("{} cannot be created", classes.display()))?;
        workspace::run(
            Command::new("javac")
                .arg("-cp")
                .arg(jar)
                .arg("-d")
                .arg(&classes)
                .arg(self.scripts.join("Bench.java")),
        )?;
        answer_of(Command::new("java").arg("-cp").arg(class_path(&classes, jar)).arg("Bench").arg(xml))
    }

    fn in_node(&self, folder: &Path, xml: &Path) -> Result<Value> {
        // A script finds packages beside itself.
        for script in ["bench-engine-node.mjs", "bench-lib.mjs", "env.mjs"] {
            let to = folder.join(script);
            fs::write(&to, read(&self.scripts.join(script))?)
                .with_context(|| format!("{} cannot be written", to.display()))?;
        }
        answer_of(
            Command::new("node").args(["--expose-gc", "bench-engine-node.mjs"]).arg(xml).current_dir(folder),
        )
    }

    fn in_chromium(&self, folder: &Path, xml: &Path) -> Result<Value> {
        for script in ["eng-entry.js", "bench-lib.mjs"] {
            let to = folder.join(script);
            fs::write(&to, read(&self.scripts.join(script))?)
                .with_context(|| format!("{} cannot be written", to.display()))?;
        }
        let bundle = folder.join("engine.bundle.js");
        workspace::run(
            Command::new(folder.join("node_modules/.bin/esbuild"))
                .args(["eng-entry.js", "--bundle", "--format=esm", "--log-level=error"])
                .arg(format!("--outfile={}", bundle.display()))
                .current_dir(folder),
        )?;
        let mut page = Page::default();
        page.files.insert("/engine.js".to_owned(), read(&bundle)?);
        page.files.insert("/form.xml".to_owned(), read(xml)?);
        "import '/engine.js';
export async function answer() {
  const xml = await (await fetch('/form.xml')).text();
  const heap = () => { gc(); return performance.memory.usedJSHeapSize; };
  return JSON.stringify(await window.runBench(xml, { heap, members: 10 }));
}
"
        .clone_into(&mut page.script);
        serde_json::from_str(&browser::answer(&page, TIME_MAX)?).context("the page answers no JSON")
    }
}

/// A class path of two.
pub(crate) fn class_path(classes: &Path, jar: &Path) -> String {
    format!("{}:{}", classes.display(), jar.display())
}

/// Where pip has put what the wheel carries.
fn jar(folder: &Path) -> Option<PathBuf> {
    let libraries = fs::read_dir(folder.join("python/lib")).ok()?;
    libraries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .map(|python| python.join("site-packages/pyxform/validators/odk_validate/bin").join(JAR))
        .find(|jar| jar.is_file())
}
