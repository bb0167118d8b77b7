//! What is given with a workbook: lists, and files beside its words; from a
//! folder or a zip archive.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use doorstep_form::Attachments;
use thiserror::Error;
use zip::ZipArchive;

use super::files;
use crate::media::FILE_BYTES_MAX;

/// Endings of lists.
const LISTS: [&str; 3] = ["csv", "xml", "geojson"];
/// More files than any form has, and fewer than an archive may claim.
const FILES_MAX: usize = 10_000;

/// Lists and files by name. The form takes what it names and leaves the rest.
#[derive(Clone, Debug, Default)]
pub struct Enclosed {
    /// Texts: `villages.csv`.
    pub lists: Attachments,
    /// Pictures, sounds and films: `stove.png`.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Why what is given with a workbook cannot be read.
#[derive(Debug, Error)]
pub enum EnclosedError {
    #[error("{0} cannot be read ({1}); check it")]
    Unreadable(PathBuf, io::Error),
    #[error("{0} is no zip archive ({1}); pack the files anew")]
    NotAnArchive(PathBuf, zip::result::ZipError),
    #[error("{0} has more than {FILES_MAX} files; give only those of the form")]
    TooMany(PathBuf),
    #[error("{0} is not text in UTF-8; save it again as such")]
    NotText(String),
    #[error("{0} has more than {max} MB; make it smaller", max = FILE_BYTES_MAX / (1024 * 1024))]
    TooLarge(String),
}

impl From<BTreeMap<String, String>> for Enclosed {
    fn from(lists: BTreeMap<String, String>) -> Self {
        Self { lists, files: BTreeMap::new() }
    }
}

impl Enclosed {
    /// What lies in a folder, or in a zip archive at any depth, as other tools
    /// pack it. A folder that is not there has nothing.
    ///
    /// # Errors
    /// When something that a form could use cannot be read.
    pub fn read(place: &Path) -> Result<Self, EnclosedError> {
        let unreadable = |cause| EnclosedError::Unreadable(place.to_owned(), cause);
        if place.is_file() {
            return Self::unpack(place, fs::File::open(place).map_err(unreadable)?);
        }
        let mut enclosed = Self::default();
        if !place.is_dir() {
            return Ok(enclosed);
        }
        for entry in fs::read_dir(place).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_file() && is_of_use(&name) {
                let file = fs::File::open(&path);
                let bytes = file.and_then(some_of);
                let bytes = bytes.map_err(|cause| EnclosedError::Unreadable(path.clone(), cause))?;
                enclosed.add(name, bytes)?;
            }
        }
        Ok(enclosed)
    }

    fn unpack(place: &Path, archive: impl Read + Seek) -> Result<Self, EnclosedError> {
        let broken = |cause| EnclosedError::NotAnArchive(place.to_owned(), cause);
        let mut archive = ZipArchive::new(archive).map_err(broken)?;
        if archive.len() > FILES_MAX {
            return Err(EnclosedError::TooMany(place.to_owned()));
        }
        let mut enclosed = Self::default();
        for number in 0..archive.len() {
            let entry = archive.by_index(number).map_err(broken)?;
            // A name is only a name: it leads nowhere.
            let name = entry.name().map_err(broken)?;
            let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            if entry.is_file() && is_of_use(&name) {
                let bytes = some_of(entry);
                let bytes = bytes.map_err(|cause| EnclosedError::Unreadable(place.to_owned(), cause))?;
                enclosed.add(name, bytes)?;
            }
        }
        Ok(enclosed)
    }

    /// Adds what a form may name; the rest is left.
    ///
    /// # Errors
    /// When it is too large, or a list that is no text.
    pub fn add(&mut self, name: String, bytes: Vec<u8>) -> Result<(), EnclosedError> {
        if !is_of_use(&name) {
            return Ok(());
        }
        if bytes.len() > FILE_BYTES_MAX {
            return Err(EnclosedError::TooLarge(name));
        }
        if files::kind_by_name(&name).is_some() {
            self.files.insert(name, bytes);
        } else {
            let text = String::from_utf8(bytes).map_err(|_| EnclosedError::NotText(name.clone()))?;
            self.lists.insert(name, text);
        }
        Ok(())
    }
}

/// One byte more than a file may have says that it has too many; an archive
/// is not unpacked any further.
fn some_of(file: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_of_use(name: &str) -> bool {
    // What macOS adds to archives, and what is hidden.
    if name.starts_with('.') {
        return false;
    }
    files::kind_by_name(name).is_some() || LISTS.contains(&files::ending(name).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

    #[test]
    fn a_folder_and_an_archive_of_it_give_the_same() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        for (name, bytes) in [
            ("villages.csv", "name,label\n1,上河村".as_bytes()),
            ("炉子.PNG", PICTURE),
            ("readme.txt", b"left"),
            (".hidden.png", PICTURE),
        ] {
            fs::write(folder.path().join(name), bytes)?;
        }
        let of_folder = Enclosed::read(folder.path())?;
        assert_eq!(of_folder.lists.keys().collect::<Vec<_>>(), ["villages.csv"]);
        assert_eq!(of_folder.files.keys().collect::<Vec<_>>(), ["炉子.PNG"]);

        let archive = folder.path().join("form.zip");
        let mut writer = ZipWriter::new(fs::File::create(&archive)?);
        for (name, bytes) in [
            ("form-media/villages.csv", "name,label\n1,上河村".as_bytes()),
            ("form-media/炉子.PNG", PICTURE),
            ("__MACOSX/._炉子.PNG", PICTURE),
            ("../../etc/passwd", b"left"),
        ] {
            writer.start_file(name, SimpleFileOptions::default())?;
            writer.write_all(bytes)?;
        }
        writer.finish()?;
        let of_archive = Enclosed::read(&archive)?;
        assert_eq!(of_archive.lists, of_folder.lists);
        assert_eq!(of_archive.files, of_folder.files);
        assert!(Enclosed::read(&folder.path().join("nowhere"))?.files.is_empty());
        Ok(())
    }

    #[test]
    fn what_cannot_be_used_is_said_by_name() -> Result<(), Box<dyn std::error::Error>> {
        let mut enclosed = Enclosed::default();
        let latin = enclosed.add("villages.csv".to_owned(), vec![0xff, 0xfe, 0xfd]);
        assert!(latin.is_err_and(|error| error.to_string().contains("villages.csv is not text")));
        let large = enclosed.add("film.mp4".to_owned(), vec![0; FILE_BYTES_MAX + 1]);
        assert!(large.is_err_and(|error| error.to_string().contains("film.mp4 has more than")));
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("form.zip");
        fs::write(&file, b"no archive")?;
        assert!(matches!(Enclosed::read(&file), Err(EnclosedError::NotAnArchive(..))));
        Ok(())
    }
}
