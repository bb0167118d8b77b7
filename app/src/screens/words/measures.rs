//! Lengths, sizes and exact moments in words.

use chrono::{DateTime, FixedOffset, TimeDelta};
use doorstep_core::text::Language;

use super::{counted, duration, either};

/// `25 分钟`, `3 小时`, `2 天`: roughly, of what may be long.
pub(in crate::screens) fn span(language: Language, length: TimeDelta) -> String {
    let days = length.num_days();
    if days < 2 {
        return duration(language, length);
    }
    either(language, format!("{days} 天"), counted(days, "day", "days"))
}

/// `2026-11-24 09:30:05`; with the zone where it is another than here.
pub(in crate::screens) fn exactly(at: DateTime<FixedOffset>, here: FixedOffset) -> String {
    let zone = if *at.offset() == here { "" } else { " (UTC%:z)" };
    at.format(&format!("%Y-%m-%d %H:%M:%S{zone}")).to_string()
}

/// `35 米`, `1.2 公里`.
pub(in crate::screens) fn distance(language: Language, metres: f64) -> String {
    if metres < 1000.0 {
        return either(language, format!("{metres:.0} 米"), format!("{metres:.0} m"));
    }
    let kilometres = metres / 1000.0;
    either(language, format!("{kilometres:.1} 公里"), format!("{kilometres:.1} km"))
}

/// `245 KB`, `1.6 MB`.
pub(in crate::screens) fn bytes(size_bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one place behind the point is shown")]
    let kilobytes = size_bytes as f64 / 1024.0;
    if kilobytes < 1000.0 {
        format!("{:.0} KB", kilobytes.max(1.0))
    } else {
        format!("{:.1} MB", kilobytes / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZH: Language = Language::Zh;
    const EN: Language = Language::En;

    #[test]
    fn lengths_and_sizes_are_said_roughly() {
        assert_eq!(distance(ZH, 34.6), "35 米");
        assert_eq!(distance(EN, 1234.0), "1.2 km");
        assert_eq!(bytes(10), "1 KB");
        assert_eq!(bytes(250_880), "245 KB");
        assert_eq!(bytes(1_677_722), "1.6 MB");
        assert_eq!(span(ZH, TimeDelta::minutes(65)), "1 小时 5 分钟");
        assert_eq!(span(EN, TimeDelta::hours(50)), "2 days");
    }

    #[test]
    fn a_moment_names_its_zone_where_it_is_another() {
        let zone = |hours: i32| FixedOffset::east_opt(hours * 3600).unwrap_or_else(|| unreachable!());
        let at = DateTime::UNIX_EPOCH.with_timezone(&zone(8));
        assert_eq!(exactly(at, zone(8)), "1970-01-01 08:00:00");
        assert_eq!(exactly(at, zone(0)), "1970-01-01 08:00:00 (UTC+08:00)");
    }
}
