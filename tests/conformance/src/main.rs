//! `doorstep-conformance DIR… [--json] [--only=PREFIX]`: runs the vectors of
//! each folder. `cargo xtask conformance` builds and starts it, also as wasm.

#![forbid(unsafe_code)]
#![cfg_attr(not(target_arch = "wasm32"), expect(clippy::print_stdout, reason = "a command's answer"))]

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod page;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> anyhow::Result<std::process::ExitCode> {
    native::main()
}

#[cfg(target_arch = "wasm32")]
fn main() {
    page::main();
}
