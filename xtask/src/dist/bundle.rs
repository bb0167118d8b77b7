//! The files of the app, each with its final name and content.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use super::split::{self, GLUE, LOADER};
use super::{filled, hash, read, read_folder, short};
use crate::toolchain::Made;

/// A file of the result.
#[derive(Debug)]
pub(super) struct Asset {
    pub name: String,
    pub bytes: Vec<u8>,
    /// Whether the first screen waits for it.
    pub first_load: bool,
}

/// All files, by name; `work` is a folder for what stands in between.
///
/// # Errors
/// When a source is missing or does not fit.
pub(super) fn assets(app: &Path, wasm: &Path, work: &Path, made: Made) -> Result<Vec<Asset>> {
    let mut bundle = Bundle::default();
    bundle.code(wasm, work, made)?;
    bundle.template(app, "start.js", true)?;
    bundle.template(app, "stretch.js", true)?;
    bundle.hashed("photo.js", read(&app.join("photo.js"))?, false);
    bundle.hashed("unsupported.js", read(&app.join("unsupported.js"))?, true);
    bundle.hashed("app.css", styles(app)?, true);
    for path in read_folder(&app.join("icons"))? {
        let name = path.file_name().and_then(|name| name.to_str()).context("an icon has a strange name")?;
        bundle.hashed(name, read(&path)?, name == "icon.svg");
    }
    bundle.shell(app, "manifest.webmanifest", true)?;
    bundle.shell(app, "index.html", true)?;
    bundle.service_worker(app)?;
    bundle.assets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(bundle.assets)
}

#[derive(Default)]
struct Bundle {
    assets: Vec<Asset>,
    /// `app.css` → `app-0123456789abcdef.css`
    names: BTreeMap<String, String>,
}

impl Bundle {
    /// Adds a file under a name with its hash.
    fn hashed(&mut self, name: &str, bytes: Vec<u8>, first_load: bool) -> String {
        let hash = hash(&bytes);
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "bin"));
        let with_hash = format!("{stem}-{}.{ending}", short(&hash));
        self.named(name, with_hash.clone(), bytes, first_load);
        with_hash
    }

    fn named(&mut self, plain: &str, with_hash: String, bytes: Vec<u8>, first_load: bool) {
        self.names.insert(plain.to_owned(), with_hash.clone());
        self.assets.push(Asset { name: with_hash, bytes, first_load });
    }

    /// Adds the parts of the app and the JavaScript around them.
    fn code(&mut self, wasm: &Path, work: &Path, made: Made) -> Result<()> {
        let parts = split::split(wasm, work, made)?;
        let code = bindgen(&parts.main, made)?;
        self.hashed("app.wasm", code.wasm, true);
        let mut glue = code.javascript;
        for (path, content) in code.snippets {
            let name = self.hashed("snippet.js", content.into_bytes(), true);
            glue = renamed(&glue, Place::Import, &path, &name).context("the glue of wasm-bindgen")?;
        }
        let mut loader = parts.loader;
        for part in parts.lazy {
            let name = self.hashed(&part.name, part.bytes, false);
            loader = renamed(&loader, Place::Fetch, &part.path, &name).context("the loader of the parts")?;
        }
        // These two name each other, so both are called by the hash of both,
        // made while they name nothing.
        let glue_of = |name: &str| renamed(&glue, Place::Import, LOADER, name);
        let loader_of = |name: &str| renamed(&loader, Place::Import, GLUE, name);
        let both = hash([glue_of("")?, loader_of("")?].concat().as_bytes());
        let glue_name = format!("app-{}.js", short(&both));
        let loader_name = format!("parts-{}.js", short(&both));
        let (glue, loader) = (glue_of(&loader_name)?, loader_of(&glue_name)?);
        self.named("app.js", glue_name, glue.into_bytes(), true);
        self.named("parts.js", loader_name, loader.into_bytes(), true);
        Ok(())
    }

    /// Adds a file that names others, under a name with its hash.
    fn template(&mut self, app: &Path, name: &str, first_load: bool) -> Result<()> {
        let bytes = self.fill(app, name)?.into_bytes();
        self.hashed(name, bytes, first_load);
        Ok(())
    }

    /// Adds a file that names others and keeps its name.
    fn shell(&mut self, app: &Path, name: &str, first_load: bool) -> Result<()> {
        let bytes = self.fill(app, name)?.into_bytes();
        self.assets.push(Asset { name: name.to_owned(), bytes, first_load });
        Ok(())
    }

    /// A source of `app` in which `{{app.css}}` and the like are names.
    fn fill(&self, app: &Path, name: &str) -> Result<String> {
        let mut text = text(&app.join(name))?;
        for (plain, with_hash) in &self.names {
            text = text.replace(&format!("{{{{{plain}}}}}"), with_hash);
        }
        filled(name, text)
    }

    /// Adds the service worker, which knows every other file by its hash.
    fn service_worker(&mut self, app: &Path) -> Result<()> {
        let mut version = Sha256::new();
        let mut precache = String::from("[\n");
        for asset in &self.assets {
            let digest = Sha256::digest(&asset.bytes);
            version.update(asset.name.as_bytes());
            version.update(digest);
            let line = json!({ "url": format!("/{}", asset.name), "integrity": format!("sha256-{}", STANDARD.encode(digest)) });
            writeln!(precache, "  {line},")?;
        }
        precache.push(']');
        let version = super::hex(&version.finalize());
        let text = text(&app.join("sw.js"))?
            .replace("'{{version}}'", &json!(short(&version)).to_string())
            .replace("'{{precache}}'", &precache);
        let bytes = filled("sw.js", text)?.into_bytes();
        self.assets.push(Asset { name: "sw.js".to_owned(), bytes, first_load: false });
        Ok(())
    }
}

/// The styles of the shell, then those of the app in the order of their names.
fn styles(app: &Path) -> Result<Vec<u8>> {
    let mut sheets = vec![app.join("shell.css")];
    let folder = app.join("styles");
    if folder.is_dir() {
        sheets.extend(
            read_folder(&folder)?
                .into_iter()
                .filter(|path| path.extension().is_some_and(|ending| ending == "css")),
        );
    }
    let mut all = Vec::new();
    for sheet in sheets {
        all.extend(read(&sheet)?);
        all.push(b'\n');
    }
    Ok(all)
}

fn text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// What wasm-bindgen makes of the compiler's output.
struct Code {
    wasm: Vec<u8>,
    javascript: String,
    /// What the glue imports, by the path it says.
    snippets: Vec<(String, String)>,
}

/// Where a script says which file it means. Elsewhere the same path may be the
/// name under which the wasm imports from it, which stays.
#[derive(Clone, Copy, Debug)]
enum Place {
    Import,
    Fetch,
}

/// `script` with the final name of a file that it imports or fetches.
fn renamed(script: &str, place: Place, path: &str, name: &str) -> Result<String> {
    let before = match place {
        Place::Import => "from ",
        Place::Fetch => "URL(",
    };
    let mut renamed = script.to_owned();
    for quote in ['"', '\''] {
        renamed = renamed
            .replace(&format!("{before}{quote}{path}{quote}"), &format!("{before}{quote}./{name}{quote}"));
    }
    ensure!(renamed != script, "{path} is not where it should be named");
    Ok(renamed)
}

fn bindgen(wasm: &[u8], made: Made) -> Result<Code> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_bytes("app", wasm.to_vec())
        .out_name("app")
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        // What the parts share are exports that only the linker knows of.
        .keep_lld_exports(true)
        .demangle(made == Made::Named)
        .remove_name_section(made != Made::Named)
        .remove_producers_section(true);
    let mut output = bindgen.generate_output().context("wasm-bindgen does not take the app's wasm")?;
    let mut snippets = Vec::new();
    for (path, content) in output.local_modules() {
        snippets.push((format!("./snippets/{path}"), content.clone()));
    }
    for (identifier, list) in output.snippets() {
        for (index, content) in list.iter().enumerate() {
            snippets.push((format!("./snippets/{identifier}/inline{index}.js"), content.clone()));
        }
    }
    snippets.sort();
    ensure!(
        output.npm_dependencies().is_empty(),
        anyhow!("a dependency of the app wants packages of npm, which this build does not have")
    );
    let javascript = output.js().to_owned();
    Ok(Code { wasm: output.wasm_mut().emit_wasm(), javascript, snippets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_import_is_renamed() -> Result<()> {
        let glue = r#"import * as one from "./parts.js"; const imports = { "./parts.js": one };"#;
        let renamed = renamed(glue, Place::Import, LOADER, "parts-1.js")?;
        assert_eq!(renamed, r#"import * as one from "./parts-1.js"; const imports = { "./parts.js": one };"#);
        Ok(())
    }

    #[test]
    fn a_file_that_is_not_named_is_a_mistake() {
        assert!(
            renamed(r#"fetch(new URL("./one.wasm", base))"#, Place::Fetch, "./two.wasm", "2.wasm").is_err()
        );
    }
}
