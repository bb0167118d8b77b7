//! The words of the screens are read while compiling; the compiler does not
//! know these files by itself.

fn main() {
    println!("cargo::rerun-if-changed=locales");
    println!("cargo::rerun-if-changed=build.rs");
}
