//! The phone app inside the program: what its build left in `app/dist`. Debug
//! builds read it from the disk.
//!
//! In the program and not in the library, so that another app does not compile
//! the server anew: a fresh `cargo xtask demo` compiles both side by side.

use std::path::PathBuf;

use doorstep::pwa::Pwa;
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "../app/dist"]
#[allow_missing = true]
struct Dist;

/// The app inside, or the one in a folder.
pub(crate) fn app(folder: Option<PathBuf>) -> Pwa {
    folder.map_or(Pwa::Inside(|name| Dist::get(name).map(|file| file.data)), Pwa::Folder)
}
