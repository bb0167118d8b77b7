//! Days, times of day and moments.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use doorstep_form::NodeKind;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::question::Handle;
use super::text::{field_text, typed_value};
use crate::clock::now;
use crate::i18n::*;

/// A day, a time of day, or a moment, in the phone's zone.
#[component]
pub fn MomentField(handle: Handle, kind: NodeKind) -> impl IntoView {
    let text = field_text(handle, move |value| shown(kind, value));
    let input_type = match kind {
        NodeKind::Date => "date",
        NodeKind::Time => "time",
        _ => "datetime-local",
    };
    let take = move |event: web_sys::Event| {
        let local = typed_value(&event);
        let value = stored(kind, &local);
        // The field is left as it is: setting it would undo a date half typed.
        handle.typing(value, false);
    };
    view! {
        <input
            autocomplete="off"
            class="input"
            type=input_type
            id=handle.id.get_value()
            aria-describedby=handle.described_by.get_value()
            aria-required=move || handle.required()
            aria-invalid=move || handle.invalid()
            prop:value=text
            on:input=move |event| take(event.unchecked_into())
            on:blur=move |_| handle.filling.flush()
        />
    }
}

/// How much of a day is asked.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum PartOfDay {
    Year,
    Month,
    Day,
}

/// A day in figures: the year alone, year and month, or all of it. Quicker
/// than a calendar for a birthday long ago.
#[component]
pub fn DayField(handle: Handle, parts: PartOfDay) -> impl IntoView {
    let i18n = use_i18n();
    let typed = RwSignal::new(Figures::of(&handle.value_untracked()));
    // What comes from elsewhere, such as a calculation.
    Effect::new(move |_| {
        let value = handle.value();
        if typed.with_untracked(|typed| typed.stored(parts)) != value {
            typed.set(Figures::of(&value));
        }
    });
    let figure = move |part: PartOfDay| {
        let first = part == PartOfDay::Year;
        let take = move |event: web_sys::Event| {
            let figures: String = typed_value(&event).chars().filter_map(figure).take(part.width()).collect();
            typed.update(|typed| *typed.part_mut(part) = figures);
            handle.typing(typed.with_untracked(|typed| typed.stored(parts)), false);
        };
        view! {
            <label class="figure">
                <input
                    autocomplete="off"
                    class="input input--number"
                    type="text"
                    inputmode="numeric"
                    size=part.width().to_string()
                    id=first.then(|| handle.id.get_value())
                    aria-describedby=handle.described_by.get_value()
                    aria-required=move || handle.required()
                    aria-invalid=move || handle.invalid()
                    prop:value=move || typed.with(|typed| typed.part(part).to_owned())
                    on:input=move |event| take(event.unchecked_into())
                    on:blur=move |_| handle.filling.flush()
                />
                <span>
                    {move || match part {
                        PartOfDay::Year => t_string!(i18n, fill.year),
                        PartOfDay::Month => t_string!(i18n, fill.month),
                        PartOfDay::Day => t_string!(i18n, fill.day),
                    }}
                </span>
            </label>
        }
    };
    let asked = [PartOfDay::Year, PartOfDay::Month, PartOfDay::Day].into_iter().filter(|part| *part <= parts);
    view! {
        <div class="figures" role="group" aria-labelledby=handle.label_id.get_value()>
            {asked.map(figure).collect_view()}
        </div>
    }
}

impl PartOfDay {
    /// Most figures.
    fn width(self) -> usize {
        if self == Self::Year { 4 } else { 2 }
    }
}

/// A figure, full-width ones too.
fn figure(character: char) -> Option<char> {
    match character {
        '0'..='9' => Some(character),
        '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(character) - 0xff10, 10),
        _ => None,
    }
}

/// A day as it is typed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Figures {
    year: String,
    month: String,
    day: String,
}

impl Figures {
    /// Of a stored day, also of one half typed.
    fn of(value: &str) -> Self {
        let mut parts = value.splitn(3, '-').map(|part| {
            let short = part.trim_start_matches('0');
            if short.is_empty() { part.to_owned() } else { short.to_owned() }
        });
        let mut next = || parts.next().unwrap_or_default();
        Self { year: next(), month: next(), day: next() }
    }

    fn part(&self, part: PartOfDay) -> &str {
        match part {
            PartOfDay::Year => &self.year,
            PartOfDay::Month => &self.month,
            PartOfDay::Day => &self.day,
        }
    }

    fn part_mut(&mut self, part: PartOfDay) -> &mut String {
        match part {
            PartOfDay::Year => &mut self.year,
            PartOfDay::Month => &mut self.month,
            PartOfDay::Day => &mut self.day,
        }
    }

    /// As the engine wants it, the first month or day for what is not asked.
    /// What is half typed stays half, and the engine says so.
    fn stored(&self, asked: PartOfDay) -> String {
        let (month, day) = match asked {
            PartOfDay::Year => ("1", "1"),
            PartOfDay::Month => (self.month.as_str(), "1"),
            PartOfDay::Day => (self.month.as_str(), self.day.as_str()),
        };
        let typed = [PartOfDay::Year, PartOfDay::Month, PartOfDay::Day];
        let typed = || typed.into_iter().filter(|part| *part <= asked);
        if typed().all(|part| self.part(part).is_empty()) {
            return String::new();
        }
        let date = match (self.year.parse(), month.parse(), day.parse()) {
            (Ok(year), Ok(month), Ok(day)) if self.year.len() == 4 => {
                NaiveDate::from_ymd_opt(year, month, day)
            }
            _ => None,
        };
        date.map_or_else(
            || typed().map(|part| self.part(part)).collect::<Vec<_>>().join("-"),
            |date| date.format("%Y-%m-%d").to_string(),
        )
    }
}

/// As the browser's field wants it: `2026-11-23`, `09:30`, `2026-11-23T09:30`.
fn shown(kind: NodeKind, value: &str) -> String {
    match kind {
        NodeKind::Time => value.chars().take(5).collect(),
        NodeKind::DateTime => DateTime::parse_from_rfc3339(value).map_or_else(
            |_| value.chars().take(16).collect(),
            |moment| moment.with_timezone(now().offset()).format("%Y-%m-%dT%H:%M").to_string(),
        ),
        _ => value.to_owned(),
    }
}

/// As the engine wants it, with the phone's zone. What does not read stays as
/// it is, and the engine says so.
fn stored(kind: NodeKind, local: &str) -> String {
    let zone = *now().offset();
    match kind {
        NodeKind::Time => match NaiveTime::parse_from_str(local, "%H:%M")
            .or_else(|_| NaiveTime::parse_from_str(local, "%H:%M:%S"))
        {
            Ok(time) => format!("{}{zone}", time.format("%H:%M:%S%.3f")),
            Err(_) => local.to_owned(),
        },
        NodeKind::DateTime => {
            let moment = NaiveDateTime::parse_from_str(local, "%Y-%m-%dT%H:%M")
                .or_else(|_| NaiveDateTime::parse_from_str(local, "%Y-%m-%dT%H:%M:%S"))
                .ok()
                .and_then(|moment| moment.and_local_timezone(zone).single());
            moment.map_or_else(
                || local.to_owned(),
                |moment| moment.format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
            )
        }
        _ => local.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(year: &str, month: &str, day: &str) -> Figures {
        Figures { year: year.to_owned(), month: month.to_owned(), day: day.to_owned() }
    }

    #[test]
    fn what_is_typed_becomes_a_day_once_it_is_one() {
        assert_eq!(figures("1941", "", "").stored(PartOfDay::Year), "1941-01-01");
        assert_eq!(figures("194", "", "").stored(PartOfDay::Year), "194");
        assert_eq!(figures("1941", "3", "").stored(PartOfDay::Month), "1941-03-01");
        assert_eq!(figures("1941", "13", "").stored(PartOfDay::Month), "1941-13");
        assert_eq!(figures("1941", "2", "29").stored(PartOfDay::Day), "1941-2-29");
        assert_eq!(figures("1940", "2", "29").stored(PartOfDay::Day), "1940-02-29");
        assert_eq!(figures("", "", "").stored(PartOfDay::Day), "");
    }

    #[test]
    fn what_is_stored_is_shown_as_it_was_typed() {
        for (value, asked) in
            [("1940-02-29", PartOfDay::Day), ("1941-13", PartOfDay::Month), ("194", PartOfDay::Year)]
        {
            assert_eq!(Figures::of(value).stored(asked), value);
        }
        assert_eq!(Figures::of("1940-02-09"), figures("1940", "2", "9"));
    }
}
