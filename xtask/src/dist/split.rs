//! The app's wasm cut in two: what the first screen needs, and what a function
//! marked `wasm_split` alone reaches. The linker has left its relocations in
//! the file (`app/build.rs` asks for them), so every edge is known.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use wasm_split_cli_support::Options;

use super::{read, remove};
use crate::toolchain::Made;

/// How the parts name each other before they have their final names.
pub(super) const GLUE: &str = "./app.js";
pub(super) const LOADER: &str = "./parts.js";

const MAGIC_AND_VERSION_BYTES: usize = 8;
const CUSTOM_SECTION: u8 = 0;

/// The app in parts.
pub(super) struct Parts {
    /// Not yet through wasm-bindgen.
    pub main: Vec<u8>,
    /// JavaScript that fetches the others; names [`GLUE`] and each part.
    pub loader: String,
    pub lazy: Vec<Part>,
}

/// What is fetched later.
pub(super) struct Part {
    /// What the loader calls it: `./split_inside.wasm`.
    pub path: String,
    /// What people call it: `inside.wasm`.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Cuts `wasm`, with `folder` to work in.
///
/// # Errors
/// When the file was linked without relocations, or cannot be cut.
pub(super) fn split(wasm: &Path, folder: &Path, made: Made) -> Result<Parts> {
    if folder.exists() {
        remove(folder)?;
    }
    let input = read(wasm)?;
    let main_path = folder.join("main.wasm");
    let mut options = Options::new(&input);
    options.output_dir = folder;
    options.main_out_path = &main_path;
    options.main_module = GLUE;
    options.link_name = LOADER;
    let written = wasm_split_cli_support::transform(options)
        .map_err(|cause| anyhow!("{cause:#}"))
        .context("the app's wasm cannot be cut into parts")?;
    let loader = fs::read_to_string(folder.join(LOADER)).context("the cut app has no loader")?;
    let mut lazy =
        written.split_modules.iter().map(|path| part(path, &loader, made)).collect::<Result<Vec<_>>>()?;
    lazy.sort_by(|one, other| one.name.cmp(&other.name));
    ensure!(!lazy.is_empty(), "nothing in the app is marked as a part of its own");
    Ok(Parts { main: read(&main_path)?, loader, lazy })
}

fn part(path: &Path, loader: &str, made: Made) -> Result<Part> {
    let file =
        path.file_name().and_then(|name| name.to_str()).context("a part of the app has a strange name")?;
    let called = format!("./{file}");
    ensure!(loader.contains(&called), "the loader does not fetch {file}");
    let mut bytes = read(path)?;
    if made != Made::Named {
        bytes = without_custom_sections(&bytes).with_context(|| format!("{file} is no wasm"))?;
    }
    Ok(Part { path: called, name: file.trim_start_matches("split_").to_owned(), bytes })
}

/// Names and notes of tools, which browsers do not read.
fn without_custom_sections(wasm: &[u8]) -> Option<Vec<u8>> {
    let (head, mut rest) = wasm.split_at_checked(MAGIC_AND_VERSION_BYTES)?;
    let mut kept = head.to_vec();
    while let Some((&id, after_id)) = rest.split_first() {
        let (length, length_bytes) = unsigned_leb128(after_id)?;
        let (section, after) = rest.split_at_checked(1 + length_bytes + length)?;
        if id != CUSTOM_SECTION {
            kept.extend_from_slice(section);
        }
        rest = after;
    }
    Some(kept)
}

/// A number, and how many bytes say it.
fn unsigned_leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0_usize;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [u8; 8] = [0, 97, 115, 109, 1, 0, 0, 0];

    #[test]
    fn custom_sections_go_and_the_others_stay() {
        let custom = [0, 3, 1, b'n', 7];
        // One of 130 bytes has a length of two.
        let mut types = vec![1, 0x82, 0x01];
        types.extend([9; 130]);
        let wasm = [&HEAD[..], &custom, &types, &custom].concat();
        assert_eq!(without_custom_sections(&wasm), Some([&HEAD[..], &types].concat()));
    }

    #[test]
    fn what_is_cut_off_is_no_wasm() {
        assert_eq!(without_custom_sections(&HEAD[..5]), None);
        assert_eq!(without_custom_sections(&[&HEAD[..], &[1, 9, 0]].concat()), None);
        assert_eq!(without_custom_sections(&[&HEAD[..], &[1, 0x80]].concat()), None);
    }
}
