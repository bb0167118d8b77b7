//! `cargo xtask dist`: the phone app as the files that the server carries.
//!
//! The wasm is cut into what the first screen needs and what is fetched later,
//! the former goes through wasm-bindgen (as a library, of the version that
//! `Cargo.lock` says), everything gets a name with a hash of its content, and
//! what names other files is filled in last: `index.html`, the manifest, and
//! `sw.js` with the list of all of it. Files that compress have `.br` and `.gz`
//! beside them. When nothing has changed, nothing is done.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::console::{line, step};
use crate::toolchain::{Made, Toolchain};
use crate::workspace;

mod bundle;
mod compress;
mod split;

/// What the first screen may cost on the network, in bytes after brotli.
const FIRST_LOAD_BYTES_MAX: usize = 350_000;
const BYTES_PER_KB: f64 = 1000.0;
const APP_PACKAGE: &str = "doorstep-app";
const STAMP: &str = "doorstep-dist.json";

/// What was built from what; kept beside the build, not in the result.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Stamp {
    /// Of everything that goes into the result.
    inputs: String,
    /// Every file of the result, with the hash of its bytes.
    files: BTreeMap<String, String>,
    sizes: Vec<Size>,
}

/// What a file costs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Size {
    name: String,
    raw: usize,
    /// Nothing for files that do not compress.
    brotli: Option<usize>,
    gzip: Option<usize>,
    /// Whether the first screen waits for it.
    first_load: bool,
}

impl Size {
    fn on_the_network(&self) -> usize {
        self.brotli.unwrap_or(self.raw)
    }
}

/// Builds the app into `app/dist` and prints what it costs.
///
/// # Errors
/// When the app does not build, or costs more than it may.
pub(crate) fn run(made: Made) -> Result<()> {
    let wasm = Toolchain::find_or_install()?.build(APP_PACKAGE, "the phone app", made)?;
    let folder = dist_folder();
    let stamp_file = stamp_file(&folder)?;
    let inputs = inputs(&wasm, made)?;
    let stamp = match read_stamp(&stamp_file) {
        Some(stamp) if stamp.inputs == inputs && is_intact(&folder, &stamp.files) => stamp,
        _ => {
            step("putting the phone app together");
            let stamp = build(&wasm, &folder, &stamp_file.with_file_name("parts"), inputs, made)?;
            let text = serde_json::to_vec_pretty(&stamp).context("the stamp cannot be written as JSON")?;
            write(&stamp_file, &text)?;
            stamp
        }
    };
    report(&folder, &stamp.sizes, made)
}

/// Where the result is.
pub(crate) fn dist_folder() -> PathBuf {
    workspace::root().join("app/dist")
}

/// Whether there is one, of whatever sources.
pub(crate) fn is_built() -> bool {
    dist_folder().join("sw.js").exists()
}

/// Clones that share a target folder have a stamp each.
fn stamp_file(folder: &Path) -> Result<PathBuf> {
    let clone = hash(folder.to_string_lossy().as_bytes());
    Ok(workspace::target_folder()?.join("doorstep-dist").join(short(&clone)).join(STAMP))
}

/// Into `folder`, with `work` for what stands in between.
fn build(wasm: &Path, folder: &Path, work: &Path, inputs: String, made: Made) -> Result<Stamp> {
    let assets = bundle::assets(&workspace::root().join("app"), wasm, work, made)?;
    let packed = compress::all(assets, made);
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    let mut files = BTreeMap::new();
    let mut sizes = Vec::new();
    for file in &packed {
        let forms = [
            (file.asset.name.clone(), Some(&file.asset.bytes)),
            (format!("{}.br", file.asset.name), file.brotli.as_ref()),
            (format!("{}.gz", file.asset.name), file.gzip.as_ref()),
        ];
        for (name, bytes) in forms {
            if let Some(bytes) = bytes {
                write(&folder.join(&name), bytes)?;
                files.insert(name, hash(bytes));
            }
        }
        sizes.push(Size {
            name: file.asset.name.clone(),
            raw: file.asset.bytes.len(),
            brotli: file.brotli.as_ref().map(Vec::len),
            gzip: file.gzip.as_ref().map(Vec::len),
            first_load: file.asset.first_load,
        });
    }
    remove_others(folder, &files)?;
    Ok(Stamp { inputs, files, sizes })
}

fn remove_others(folder: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    for entry in read_folder(folder)? {
        let is_ours =
            entry.file_name().and_then(|name| name.to_str()).is_some_and(|name| files.contains_key(name));
        if !is_ours {
            remove(&entry)?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.with_context(|| format!("{} cannot be removed", path.display()))
}

/// Of the wasm and how it is made, of what stands in `app` beside the sources,
/// and of this program.
fn inputs(wasm: &Path, made: Made) -> Result<String> {
    let app = workspace::root().join("app");
    let mut paths = vec![wasm.to_owned(), std::env::current_exe().context("this program has no path")?];
    for folder in [app.clone(), app.join("styles"), app.join("icons")] {
        if folder.is_dir() {
            paths.extend(read_folder(&folder)?.into_iter().filter(|path| path.is_file()));
        }
    }
    let mut hasher = Sha256::new();
    hasher.update(format!("{made:?}"));
    for path in paths {
        let bytes = read(&path)?;
        hasher.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    Ok(hex(&hasher.finalize()))
}

fn read_stamp(file: &Path) -> Option<Stamp> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

fn is_intact(folder: &Path, files: &BTreeMap<String, String>) -> bool {
    files
        .iter()
        .all(|(name, expected)| fs::read(folder.join(name)).is_ok_and(|bytes| hash(&bytes) == *expected))
}

fn report(folder: &Path, sizes: &[Size], made: Made) -> Result<()> {
    line(format_args!("{:<34}{:>10}{:>10}{:>10}", folder.display(), "KB", "brotli", "gzip"));
    let shown = |bytes: Option<usize>| bytes.map_or_else(|| "-".to_owned(), kilobytes);
    for size in sizes {
        let mark = if size.first_load { '*' } else { ' ' };
        line(format_args!(
            "{mark} {:<32}{:>10}{:>10}{:>10}",
            size.name,
            kilobytes(size.raw),
            shown(size.brotli),
            shown(size.gzip)
        ));
    }
    let first_load: usize = sizes.iter().filter(|size| size.first_load).map(Size::on_the_network).sum();
    let total: usize = sizes.iter().map(Size::on_the_network).sum();
    line(format_args!(
        "first load (*): {} KB brotli, of at most {} KB; with what is fetched later: {} KB",
        kilobytes(first_load),
        kilobytes(FIRST_LOAD_BYTES_MAX),
        kilobytes(total)
    ));
    if made == Made::Small && first_load > FIRST_LOAD_BYTES_MAX {
        bail!(
            "the first load is {} KB over what a slow network can bear; docs/pwa-size.md says what has cost what",
            kilobytes(first_load - FIRST_LOAD_BYTES_MAX)
        );
    }
    Ok(())
}

fn kilobytes(bytes: usize) -> String {
    format!("{:.1}", bytes as f64 / BYTES_PER_KB)
}

/// Files and folders, by name.
fn read_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("{} cannot be read", folder.display());
    let entries = fs::read_dir(folder).with_context(cannot)?;
    let mut paths =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>().with_context(cannot)?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    }
    // A server that runs reads the old file or the new one, never half.
    let new = path.with_added_extension("new");
    fs::write(&new, bytes).with_context(|| format!("{} cannot be written", new.display()))?;
    fs::rename(&new, path).with_context(|| format!("{} cannot be written", path.display()))
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Enough digits for a name. The server takes a name with eight or more, a
/// figure among them, for one that never changes.
fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

/// Checks what a template left.
fn filled(name: &str, text: String) -> Result<String> {
    ensure!(!text.contains("{{"), "app/{name} has a placeholder that nothing fills");
    Ok(text)
}
