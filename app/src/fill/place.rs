//! Places: measured by the phone, never typed.

use doorstep_core::submission::Place;
use doorstep_core::text::LocalText;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::question::Handle;
use crate::app::use_settings;
use crate::explain::Explain;
use crate::i18n::*;
use crate::place::{locate, locate_roughly};
use crate::ui::{Badge, Button, ButtonKind, IconName, Notice, Tone};

/// Metres beyond which a place is worth measuring again, unless the form says.
const WARNING_ACCURACY_M: f64 = 100.0;

/// "Locate here". A house that satellites do not reach takes a rough place.
#[component]
pub fn PlaceField(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    let path = StoredValue::new(handle.path.get_value());
    let filling = handle.filling;
    let measure = move |exactly: bool| {
        failure.set(None);
        busy.set(true);
        let (path, kept) = (path.get_value(), filling.kept());
        spawn_local(async move {
            let place = if exactly { locate().await } else { locate_roughly().await };
            match place {
                Ok(place) => kept.located(&path, place),
                Err(error) => drop(failure.try_set(Some(error.explain()))),
            }
            busy.try_set(false);
        });
    };
    let limit_m = handle.view.with_untracked(|view| {
        view.parameters
            .get("warning-accuracy")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(WARNING_ACCURACY_M)
    });
    let there = Memo::new(move |_| handle.view.with(|view| !view.value.is_empty()));
    view! {
        <div class="place">
            {move || parts(&handle.value()).map(|parts| view! { <Measured parts limit_m /> })}
            <div class="cluster">
                <Button
                    kind=ButtonKind::Secondary
                    icon=IconName::Place
                    busy=busy
                    on_press=move || measure(true)
                >
                    {move || {
                        if busy.get() {
                            t_string!(i18n, fill.locating)
                        } else if there.get() {
                            t_string!(i18n, fill.locate_again)
                        } else {
                            t_string!(i18n, fill.locate)
                        }
                    }}
                </Button>
            </div>
            {move || {
                failure
                    .get()
                    .map(|text| {
                        view! {
                            <Notice tone=Tone::Warning icon=IconName::Place>
                                <p>{move || text.get(settings.language()).to_owned()}</p>
                                <p>{t!(i18n, fill.locate_help)}</p>
                                <Button
                                    kind=ButtonKind::Secondary
                                    busy=busy
                                    on_press=move || measure(false)
                                >
                                    {t!(i18n, fill.locate_roughly)}
                                </Button>
                            </Notice>
                        }
                    })
            }}
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
        accuracy_m: numbers.nth(1).and_then(|accuracy| accuracy.parse().ok()),
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
