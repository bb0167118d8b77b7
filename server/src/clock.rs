//! The only way to know the time. Tests put a clock of their own in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};

/// China Standard Time has no daylight saving and covers every county.
const CHINA_STANDARD_TIME_OFFSET_S: i32 = 8 * 3600;

/// Tells the time, in microseconds: PostgreSQL stores no finer ones, and what
/// is written must equal what is read back.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Microseconds since 1970 when it stands still; `None`: the machine's.
    standing_at_us: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { standing_at_us: None }
    }

    /// A clock that stands at `at` until somebody moves it.
    pub fn standing(at: DateTime<Utc>) -> Self {
        Self { standing_at_us: Some(Arc::new(AtomicI64::new(at.timestamp_micros()))) }
    }

    /// Moves a standing clock; the machine's goes its own way.
    pub fn advance(&self, by: TimeDelta) {
        if let (Some(at_us), Some(by_us)) = (&self.standing_at_us, by.num_microseconds()) {
            at_us.fetch_add(by_us, Ordering::SeqCst);
        }
    }

    /// The present instant.
    pub fn now(&self) -> DateTime<Utc> {
        let now_us = self
            .standing_at_us
            .as_ref()
            .map_or_else(|| Utc::now().timestamp_micros(), |at_us| at_us.load(Ordering::SeqCst));
        DateTime::from_timestamp_micros(now_us).unwrap_or_default()
    }

    /// The date at the counties' doors.
    pub fn today(&self) -> NaiveDate {
        date_in_china(self.now())
    }
}

/// The date of an instant at the counties' doors.
pub fn date_in_china(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&china_offset()).date_naive()
}

/// The zone of the counties.
pub fn china_offset() -> FixedOffset {
    FixedOffset::east_opt(CHINA_STANDARD_TIME_OFFSET_S).expect("eight hours are a valid offset")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_when_told_and_changes_date_at_midnight_in_china() {
        let before = DateTime::from_timestamp_micros(1_795_449_599_000_000).unwrap_or_default();
        let clock = Clock::standing(before);
        assert_eq!(clock.now(), before);
        let today = clock.today();
        clock.advance(TimeDelta::seconds(86_400));
        assert_eq!(Some(clock.today()), today.succ_opt());
        assert_eq!(Clock::system().now().timestamp_subsec_nanos() % 1000, 0);
    }
}
