//! Tells cargo when the files inside the binary have changed. Debug builds
//! read them from the disk, so only release builds need to look.

use std::path::Path;

/// With this one, every file of the app is compiled into the program by its
/// name, so that cargo sees for itself when one changes or goes.
const APP: &str = "../app/dist/index.html";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../pack");
        if !Path::new(APP).exists() {
            println!("cargo:rerun-if-changed={APP}");
        }
    }
}
