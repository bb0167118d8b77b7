//! Makes the module of words from `locales/{language}/{namespace}.json`. A key
//! that one language lacks stops the build.

use std::error::Error;
use std::path::PathBuf;

use leptos_i18n_parser::parse_locales::options::{Config, ParseOptions};
use leptos_i18n_parser::parse_locales::parse_locales;

/// One file a screen, or group of screens.
const NAMESPACES: [&str; 13] = [
    "common",
    "gates",
    "fill",
    "today",
    "case",
    "outbox",
    "me",
    "queue",
    "submission",
    "viewer",
    "ledger",
    "backup",
    "devices",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=locales");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        // What `cargo xtask dist` cuts the app apart by.
        println!("cargo::rustc-link-arg-bins=--emit-relocs");
    }
    // Words with values are needed as texts too: labels, titles.
    let options = ParseOptions::new().interpolate_display(true);
    let config = Config::new("zh")?.add_locale("en")?.add_namespaces(NAMESPACES)?.parse_options(options);
    let words = parse_locales(None, config)?;
    for problem in words.diag.errors().iter() {
        println!("cargo::error={problem}");
    }
    // "Missing key", "present in en but not in zh": as good as an error.
    for problem in words.diag.warnings().iter() {
        println!("cargo::error={problem}");
    }
    let module = leptos_i18n_codegen::gen_code(&words, None, false, None, true)?;
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo did not set OUT_DIR")?);
    Ok(std::fs::write(folder.join("words.rs"), module.to_string())?)
}
