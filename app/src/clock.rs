//! The phone's clock and new identifiers: the only place that reads either.

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use doorstep_core::phone::LocalTime;
use uuid::Uuid;

/// Now, by the phone's clock and in the phone's zone.
pub fn now() -> LocalTime {
    let zone = js_sys::Date::new_0().get_timezone_offset();
    #[expect(clippy::cast_possible_truncation, reason = "a zone is at most a day of minutes")]
    let seconds_east = -(zone as i32) * 60;
    let offset = FixedOffset::east_opt(seconds_east).or_else(|| FixedOffset::east_opt(0));
    match offset {
        Some(offset) => utc_now().with_timezone(&offset),
        None => utc_now().fixed_offset(),
    }
}

/// Now, by the phone's clock, for the wire.
pub fn utc_now() -> DateTime<Utc> {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit for 290 million years")]
    let milliseconds = js_sys::Date::now() as i64;
    DateTime::from_timestamp_millis(milliseconds).unwrap_or(DateTime::UNIX_EPOCH)
}

/// The date on the phone's calendar.
pub fn today() -> NaiveDate {
    now().date_naive()
}

/// A new identifier: `new_id::<DraftId>()`.
pub fn new_id<T: From<Uuid>>() -> T {
    T::from(Uuid::now_v7())
}
