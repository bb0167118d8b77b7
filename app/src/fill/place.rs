//! Places: measured by the phone, typed where it cannot.

use std::rc::Rc;

use doorstep_core::submission::Place;
use leptos::prelude::*;

use super::measure::{Measure, TypedPlace};
use super::question::Handle;
use crate::i18n::*;
use crate::ui::{Badge, Tone};

/// Metres beyond which a place is worth measuring again, unless the form says.
const WARNING_ACCURACY_M: f64 = 100.0;

/// "Locate here". A house that satellites do not reach takes a rough place.
#[component]
pub fn PlaceField(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let limit_m = handle.parameter("warning-accuracy").unwrap_or(WARNING_ACCURACY_M);
    let filling = handle.filling;
    let taken: Rc<dyn Fn(Place)> = {
        let (kept, question) = (filling.kept(), handle.question.get_value());
        Rc::new(move |place| kept.located(&question, place))
    };
    let words = Signal::derive(move || {
        if handle.is_answered() {
            t_string!(i18n, fill.locate_again).to_owned()
        } else {
            t_string!(i18n, fill.locate).to_owned()
        }
    });
    let measured = move || match parts(&handle.value()) {
        Some(parts) => view! { <Measured parts limit_m /> }.into_any(),
        None => view! { <p class="place__none soft">{t!(i18n, fill.not_located)}</p> }.into_any(),
    };
    view! {
        <div class="place" id=handle.id.get_value() role="group" aria-labelledby=handle.label_id.get_value()>
            {measured}
            <Measure words enough_m=handle.parameter("capture-accuracy") on_taken=taken />
            <TypedPlace on_typed=move |value| handle.answer(value) />
        </div>
    }
}

#[derive(Clone, PartialEq)]
struct Parts {
    latitude: String,
    longitude: String,
    accuracy_m: Option<f64>,
}

/// The parts of a stored place.
fn parts(value: &str) -> Option<Parts> {
    let mut numbers = value.split_whitespace();
    Some(Parts {
        latitude: numbers.next()?.to_owned(),
        longitude: numbers.next()?.to_owned(),
        // 0 where nobody measured.
        accuracy_m: numbers
            .nth(1)
            .and_then(|accuracy| accuracy.parse().ok())
            .filter(|accuracy| *accuracy > 0.0),
    })
}

/// As the engine wants it: `latitude longitude altitude accuracy`.
pub fn stored(place: &Place) -> String {
    format!(
        "{:.6} {:.6} {:.1} {:.1}",
        place.latitude_degrees,
        place.longitude_degrees,
        place.altitude_m.unwrap_or(0.0),
        place.accuracy_m
    )
}

#[component]
fn Measured(parts: Parts, limit_m: f64) -> impl IntoView {
    let i18n = use_i18n();
    let rough = parts.accuracy_m.is_some_and(|accuracy| accuracy > limit_m);
    view! {
        <p class="place__measured">
            <span class="numbers">{parts.latitude} ", " {parts.longitude}</span>
            {parts
                .accuracy_m
                .map(|accuracy| {
                    let metres = format!("{accuracy:.0}");
                    view! {
                        <Badge tone=if rough { Tone::Warning } else { Tone::Good }>
                            {t!(i18n, fill.accuracy, metres = metres)}
                        </Badge>
                    }
                })}
        </p>
        {rough.then(|| view! { <p class="soft small">{t!(i18n, fill.accuracy_rough)}</p> })}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn a_place_is_stored_as_the_engine_reads_it() -> Result<(), chrono::ParseError> {
        let place = Place {
            latitude_degrees: 34.123_456_7,
            longitude_degrees: 108.9,
            altitude_m: None,
            accuracy_m: 8.04,
            at: DateTime::parse_from_rfc3339("2026-11-23T09:30:00+08:00")?,
        };
        assert_eq!(stored(&place), "34.123457 108.900000 0.0 8.0");
        let read = parts(&stored(&place)).map(|parts| (parts.latitude, parts.accuracy_m));
        assert_eq!(read, Some(("34.123457".to_owned(), Some(8.0))));
        Ok(())
    }
}
