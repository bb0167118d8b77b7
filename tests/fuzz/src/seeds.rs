//! What inputs begin from: the forms of this repository, and those of a folder
//! that may be named.

use std::fs;
use std::path::Path;

/// Seeds by kind.
#[derive(Debug, Default)]
pub struct Seeds {
    pub(crate) expressions: Vec<Vec<u8>>,
    pub(crate) tables: Vec<Vec<u8>>,
    pub(crate) workbooks: Vec<Vec<u8>>,
    pub(crate) xforms: Vec<Vec<u8>>,
    pub(crate) instances: Vec<Vec<u8>>,
}

/// A larger seed would only be slow.
const BYTES_MAX: u64 = 64 * 1024;

impl Seeds {
    /// The repository's own, and whatever lies in `more`.
    #[must_use]
    pub fn read(more: Option<&Path>) -> Seeds {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut seeds = Seeds::default();
        seeds.add(&here.join("seeds"));
        seeds.add(&here.join("../../pack"));
        if let Some(more) = more {
            seeds.add(more);
        }
        seeds
    }

    /// Every file of a folder and of those within, in the order of their names.
    fn add(&mut self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                self.add(&path);
            } else if fs::metadata(&path).is_ok_and(|facts| facts.len() <= BYTES_MAX) {
                self.add_file(&path);
            }
        }
    }

    fn add_file(&mut self, path: &Path) {
        let Ok(bytes) = fs::read(path) else { return };
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("xlsx") => self.workbooks.push(bytes),
            Some("md") => self.tables.push(bytes),
            Some("xml") => self.xforms.push(bytes),
            Some("json") => self.instances.push(bytes),
            // One on each line.
            Some("txt") => self.expressions.extend(bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec)),
            _ => {}
        }
    }
}
