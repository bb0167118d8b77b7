//! Inputs that nobody would write, thrown at the form engine.
//!
//! * A [`Target`] is a door of the engine: it takes bytes and says what broke.
//!   A panic, an endless loop and a stack that overflows break too, so the
//!   program (`main`) runs targets in a process of their own and watches it.
//! * Inputs are made by changing seeds ([`Seeds`]) or by growing new ones, from
//!   a seed and a number alone: the same two make the same input again.
//! * What broke something is shrunk and kept in `findings`, and the tests try
//!   it again for ever.
//!
//! No coverage guides the search: that takes a nightly compiler or a libFuzzer
//! that is linked in. `fastrand` draws, since it can be seeded and is here
//! already; `arbitrary` turns bytes into steps of a session, so that shorter
//! bytes are shorter sessions and shrinking works.

#![forbid(unsafe_code)]

mod grow;
mod mutate;
mod seeds;
mod session;
mod targets;

pub use seeds::Seeds;
pub use targets::{TARGETS, Target};

use std::path::{Path, PathBuf};

/// The input of this number: always the same for the same seeds.
#[must_use]
pub fn input(target: &Target, seeds: &Seeds, seed: u64, number: u64) -> Vec<u8> {
    let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03);
    (target.make)(&mut fastrand::Rng::with_seed(mixed), seeds)
}

/// Where findings are kept, and tried again by the tests.
#[must_use]
pub fn findings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("findings")
}
