//! Tells cargo when the files inside the binary have changed. Debug builds
//! read them from the disk, so only release builds need to look.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../app/dist");
        println!("cargo:rerun-if-changed=../pack");
    }
}
