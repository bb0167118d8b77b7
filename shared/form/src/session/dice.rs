//! Random numbers that a seed determines.

use std::sync::atomic::{AtomicU64, Ordering};

/// A series of numbers that looks random and can be repeated.
#[derive(Debug)]
pub(super) struct Dice(AtomicU64);

impl Clone for Dice {
    fn clone(&self) -> Dice {
        Dice(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(AtomicU64::new(seed))
    }

    /// The next number (SplitMix64).
    pub(super) fn roll(&self) -> u64 {
        let state =
            self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A random identifier: `uuid:` and a version 4 UUID.
    pub(super) fn uuid(&self) -> String {
        let (high, low) = (self.roll(), self.roll());
        format!(
            "uuid:{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            (low >> 48) & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_series_again() {
        let (one, two, other) = (Dice::new(7), Dice::new(7), Dice::new(8));
        assert_eq!((one.roll(), one.roll()), (two.roll(), two.roll()));
        assert_ne!(one.roll(), other.roll());
        let id = one.uuid();
        assert_eq!(id.len(), 41);
        assert_eq!(id.as_bytes().get(19), Some(&b'4'), "{id}");
    }
}
