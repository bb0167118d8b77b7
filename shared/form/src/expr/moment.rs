//! Dates, moments and times of day.

use super::environment::Zone;
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike};

/// A day, or a moment of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Date(NaiveDate),
    DateTime(DateTime<FixedOffset>),
}

const MILLISECONDS_PER_DAY: f64 = 86_400_000.0;

impl Moment {
    /// Days since 1970-01-01T00:00 UTC. A day begins at its local midnight.
    pub(crate) fn days(self, zone: &dyn Zone) -> f64 {
        let moment = match self {
            Moment::Date(date) => match midnight(date, zone) {
                Some(moment) => moment,
                None => return f64::NAN,
            },
            Moment::DateTime(moment) => moment,
        };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of any date are exact")]
        let milliseconds = moment.timestamp_millis() as f64;
        milliseconds / MILLISECONDS_PER_DAY
    }

    /// The moment this many days after 1970-01-01T00:00 UTC, by the local clock;
    /// a day when that is its midnight.
    pub(crate) fn from_days(days: f64, zone: &dyn Zone) -> Option<Moment> {
        let milliseconds = whole((days * MILLISECONDS_PER_DAY).round())?;
        Some(Moment::DateTime(DateTime::from_timestamp_millis(milliseconds)?.fixed_offset()).local(zone))
    }

    /// The same moment by the local clock; a day when that is its midnight.
    pub(crate) fn local(self, zone: &dyn Zone) -> Moment {
        match self {
            Moment::DateTime(moment) => {
                let moment = local(moment, zone);
                if moment.time() == NaiveTime::MIN {
                    Moment::Date(moment.date_naive())
                } else {
                    Moment::DateTime(moment)
                }
            }
            day => day,
        }
    }

    pub(crate) fn date(self) -> NaiveDate {
        match self {
            Moment::Date(date) => date,
            Moment::DateTime(moment) => moment.date_naive(),
        }
    }

    pub(crate) fn time(self) -> NaiveTime {
        match self {
            Moment::Date(_) => NaiveTime::MIN,
            Moment::DateTime(moment) => moment.time(),
        }
    }

    /// In the form in which answers are stored.
    pub(crate) fn text(self) -> String {
        match self {
            Moment::Date(date) => date.format("%Y-%m-%d").to_string(),
            Moment::DateTime(moment) => date_time_text(moment),
        }
    }

    /// As a pattern of `format-date` says: `%Y` year, `%y` its last two digits,
    /// `%m` `%n` month with and without zero, `%b` its English name, `%d` `%e`
    /// day, `%H` `%h` hour, `%M` minute, `%S` second, `%3` milliseconds, `%a`
    /// English weekday, `%%` a percent sign. Other letters stay as they are.
    pub(crate) fn format(self, pattern: &str) -> String {
        let date = self.date();
        let time = self.time();
        let mut text = String::new();
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                text.push(character);
                continue;
            }
            match characters.next() {
                None => text.push('%'),
                Some('%') => text.push('%'),
                Some('Y') => text.push_str(&format!("{:04}", date.year())),
                Some('y') => text.push_str(&format!("{:02}", date.year().rem_euclid(100))),
                Some('m') => text.push_str(&format!("{:02}", date.month())),
                Some('n') => text.push_str(&date.month().to_string()),
                Some('b') => text.push_str(&date.format("%b").to_string()),
                Some('d') => text.push_str(&format!("{:02}", date.day())),
                Some('e') => text.push_str(&date.day().to_string()),
                Some('H') => text.push_str(&format!("{:02}", time.hour())),
                Some('h') => text.push_str(&time.hour().to_string()),
                Some('M') => text.push_str(&format!("{:02}", time.minute())),
                Some('S') => text.push_str(&format!("{:02}", time.second())),
                Some('3') => text.push_str(&format!("{:03}", time.nanosecond() / 1_000_000 % 1_000)),
                Some('a') => text.push_str(&date.format("%a").to_string()),
                Some(other) => {
                    text.push('%');
                    text.push(other);
                }
            }
        }
        text
    }
}

/// The same moment, by the clock of the zone.
pub(crate) fn local(moment: DateTime<FixedOffset>, zone: &dyn Zone) -> DateTime<FixedOffset> {
    moment.with_timezone(&zone.at(moment.naive_utc()))
}

/// When a day begins, by the clock of the zone.
fn midnight(date: NaiveDate, zone: &dyn Zone) -> Option<DateTime<FixedOffset>> {
    let midnight = date.and_time(NaiveTime::MIN);
    zone.at_local(midnight).from_local_datetime(&midnight).single()
}

/// Milliseconds that a date can have: some 270,000 years.
#[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
fn whole(number: f64) -> Option<i64> {
    (number.is_finite() && number.abs() < 8.64e15).then_some(number as i64)
}

/// `2026-11-23T09:30:00.000+08:00`
pub(crate) fn date_time_text(moment: DateTime<FixedOffset>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// `2026-11-23`, and nothing behind it.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let shaped = year.len() == 4 && (1..=2).contains(&month.len()) && (1..=2).contains(&day.len());
    if !shaped || ![year, month, day].iter().all(|part| is_digits(part)) {
        return None;
    }
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// `2026-11-23T09:30:00.000+08:00`; seconds, fraction and offset may be missing.
/// Without an offset it is local time.
pub(crate) fn parse_date_time(text: &str, zone: &dyn Zone) -> Option<DateTime<FixedOffset>> {
    let (date, time) = text.split_once(['T', ' '])?;
    let date = parse_date(date)?;
    let (time, offset) = split_offset(time)?;
    let time = clock(time)?;
    let local = NaiveDateTime::new(date, time);
    let offset = offset.unwrap_or_else(|| zone.at_local(local));
    offset.from_local_datetime(&local).single()
}

/// `09:30:00.000+08:00` as a fraction of the local day. Without an offset it is
/// local time.
pub(crate) fn parse_time(text: &str, zone: &dyn Zone) -> Option<f64> {
    let (time, offset) = split_offset(text)?;
    let time = clock(time)?;
    let milliseconds =
        f64::from(time.num_seconds_from_midnight()) * 1_000.0 + f64::from(time.nanosecond() / 1_000_000);
    let ahead = offset.map_or(0, |offset| {
        zone.at(NaiveDate::default().and_time(NaiveTime::MIN)).local_minus_utc() - offset.local_minus_utc()
    });
    Some(((milliseconds + f64::from(ahead) * 1_000.0) / MILLISECONDS_PER_DAY).rem_euclid(1.0))
}

fn clock(text: &str) -> Option<NaiveTime> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let (second, fraction) = second.split_once(['.', ',']).unwrap_or((second, "0"));
    let fits = [hour, minute, second].iter().all(|part| is_digits(part) && part.len() <= 2)
        && is_digits(fraction)
        && fraction.len() <= 9;
    if !fits {
        return None;
    }
    let milliseconds: u32 = format!("{fraction:0<3}").chars().take(3).collect::<String>().parse().ok()?;
    NaiveTime::from_hms_milli_opt(
        hour.parse().ok()?,
        minute.parse().ok()?,
        second.parse().ok()?,
        milliseconds,
    )
}

/// The time and its offset (`Z`, `+08:00`, `+0800`, `+08`), if it has one.
fn split_offset(text: &str) -> Option<(&str, Option<FixedOffset>)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, FixedOffset::east_opt(0)));
    }
    let Some(at) = text.find(['+', '-']) else {
        return Some((text, None));
    };
    let (time, offset) = text.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits: String = offset.chars().skip(1).filter(|&character| character != ':').collect();
    if !is_digits(&digits) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let number: i32 = digits.parse().ok()?;
    let (hours, minutes) = if digits.len() == 2 { (number, 0) } else { (number / 100, number % 100) };
    if minutes > 59 {
        return None;
    }
    let offset = FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))?;
    Some((time, Some(offset)))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
