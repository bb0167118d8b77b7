//! How much of a file goes in one piece: what is lost when the network breaks
//! is at most that, and each piece costs a round trip.

use chrono::TimeDelta;

const CHUNK_BYTES_MIN: u64 = 32 * 1024;
const CHUNK_BYTES_MAX: u64 = 1024 * 1024;
/// Before anything was measured: most photos are not larger.
const CHUNK_BYTES_FIRST: u64 = 256 * 1024;
/// How long a piece should take.
const CHUNK_SECONDS: u64 = 10;

/// How fast files leave, as measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    bytes_per_s: Option<u64>,
}

impl Pace {
    pub(in crate::phone::synchronise) fn of(bytes_per_s: Option<u64>) -> Self {
        Self { bytes_per_s }
    }

    /// To be remembered until the next sync.
    pub(in crate::phone::synchronise) fn bytes_per_s(self) -> Option<u64> {
        self.bytes_per_s
    }

    fn chunk(self) -> u64 {
        self.bytes_per_s.map_or(CHUNK_BYTES_FIRST, |rate| {
            rate.saturating_mul(CHUNK_SECONDS).clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX)
        })
    }

    /// How many of the `left` bytes go next. A short rest is not worth a
    /// request of its own.
    pub(in crate::phone::synchronise) fn next(self, left: u64) -> u64 {
        let chunk = self.chunk();
        if left <= chunk + chunk / 4 { left } else { chunk }
    }

    /// `bytes` have arrived, `took` after they were sent. A clock that was set
    /// meanwhile is outweighed by the next piece.
    pub(in crate::phone::synchronise) fn measured(&mut self, bytes: u64, took: TimeDelta) {
        let Ok(took_ms) = u64::try_from(took.num_milliseconds()) else { return };
        let rate = bytes.saturating_mul(1000) / took_ms.max(1);
        // Beyond what the largest piece needs, it makes no difference.
        let rate = rate.min(CHUNK_BYTES_MAX);
        self.bytes_per_s = Some(self.bytes_per_s.map_or(rate, |before| before.midpoint(rate)));
    }

    /// A piece did not arrive: the next is half as long.
    pub(in crate::phone::synchronise) fn stumbled(&mut self) {
        self.bytes_per_s = Some(self.chunk() / 2 / CHUNK_SECONDS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1024;

    #[test]
    fn a_piece_takes_about_ten_seconds() {
        let mut pace = Pace::default();
        assert_eq!(pace.next(260 * KIB), 260 * KIB, "a usual photo goes at once");
        assert_eq!(pace.next(5000 * KIB), 256 * KIB);
        pace.measured(250 * KIB, TimeDelta::seconds(50));
        assert_eq!(pace.next(5000 * KIB), 50 * KIB);
        pace.measured(50 * KIB, TimeDelta::seconds(1));
        assert_eq!(pace.next(5000 * KIB), 275 * KIB, "between what was and what is");
        for _ in 0..20 {
            pace.measured(CHUNK_BYTES_MAX, TimeDelta::zero());
        }
        assert_eq!(pace.next(5000 * KIB), 1024 * KIB);
        for _ in 0..20 {
            pace.measured(KIB, TimeDelta::days(4000));
        }
        assert_eq!(pace.next(5000 * KIB), 32 * KIB);
    }

    #[test]
    fn each_cut_halves_the_piece_down_to_the_least() {
        let mut pace = Pace::default();
        let mut pieces = Vec::new();
        for _ in 0..5 {
            pace.stumbled();
            pieces.push(pace.next(u64::MAX) / KIB);
        }
        assert_eq!(pieces, [127, 63, 32, 32, 32]);
        pace.measured(KIB, TimeDelta::seconds(-1));
        assert_eq!(pace.next(u64::MAX), 32 * KIB, "a clock that went back says nothing");
    }
}
