//! Measuring where one is: better and better, until it is good enough, or the
//! person says that it is.

use std::rc::Rc;

use doorstep_core::submission::Place;
use doorstep_core::text::LocalText;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::app::use_settings;
use crate::explain::Explain;
use crate::i18n::*;
use crate::place::{Listening, PlaceError, locate_roughly};
use crate::ui::{Button, ButtonKind, IconName, Notice, Tone};

/// Whoever stands still longer than this gets what there is.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
/// Metres that are good enough, unless the form says.
const GOOD_ENOUGH_M: f64 = 20.0;

/// What is measured, so far.
#[derive(Clone, Copy)]
struct Measuring {
    listening: StoredValue<Option<Listening>, LocalStorage>,
    under_way: RwSignal<bool>,
    /// How often it was begun: the patience of one is not that of the next.
    round: StoredValue<u32>,
    best: RwSignal<Option<Place>>,
    failure: RwSignal<Option<LocalText>>,
    taken: StoredValue<Rc<dyn Fn(Place)>, LocalStorage>,
}

impl Measuring {
    fn begin(self, enough_m: f64) {
        self.failure.set(None);
        self.best.set(None);
        self.under_way.set(true);
        self.round.update_value(|round| *round += 1);
        let round = self.round.get_value();
        let listening = Listening::begin(move |heard| match heard {
            Ok(place) => {
                let better = self.best.with_untracked(|best| {
                    best.as_ref().is_none_or(|best| place.accuracy_m <= best.accuracy_m)
                });
                if better {
                    self.best.try_set(Some(place));
                }
                if self
                    .best
                    .with_untracked(|best| best.as_ref().is_some_and(|best| best.accuracy_m <= enough_m))
                {
                    self.take();
                }
            }
            // What is there already may still become better.
            Err(PlaceError::Timeout) if self.best.with_untracked(Option::is_some) => {}
            Err(error) => {
                self.end();
                self.failure.try_set(Some(error.explain()));
            }
        });
        match listening {
            Some(listening) => self.listening.set_value(Some(listening)),
            None => {
                self.end();
                self.failure.set(Some(PlaceError::Unavailable.explain()));
            }
        }
        set_timeout(
            move || {
                if self.round.try_get_value() == Some(round)
                    && self.under_way.try_get_untracked() == Some(true)
                    && self.best.with_untracked(Option::is_some)
                {
                    self.take();
                }
            },
            PATIENCE,
        );
    }

    fn end(self) {
        self.under_way.try_set(false);
        if let Some(Some(listening)) = self.listening.try_update_value(Option::take) {
            listening.end();
        }
    }

    fn take(self) {
        if let Some(place) = self.best.get_untracked().filter(|_| self.under_way.get_untracked()) {
            self.end();
            self.taken.with_value(|taken| taken(place));
        }
    }

    fn roughly(self) {
        self.failure.set(None);
        self.under_way.set(true);
        let taken = self.taken.get_value();
        spawn_local(async move {
            match locate_roughly().await {
                Ok(place) => taken(place),
                Err(error) => drop(self.failure.try_set(Some(error.explain()))),
            }
            self.under_way.try_set(false);
        });
    }
}

/// The button that measures, and what it has found so far.
#[component]
pub fn Measure(
    #[prop(into)] words: Signal<String>,
    /// Metres that are good enough, when the form says.
    enough_m: Option<f64>,
    on_taken: Rc<dyn Fn(Place)>,
) -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    let measuring = Measuring {
        listening: StoredValue::new_local(None),
        under_way: RwSignal::new(false),
        round: StoredValue::new(0),
        best: RwSignal::new(None),
        failure: RwSignal::new(None),
        taken: StoredValue::new_local(on_taken),
    };
    on_cleanup(move || drop(measuring.listening.try_update_value(Option::take)));
    let enough_m = enough_m.filter(|metres| *metres > 0.0).unwrap_or(GOOD_ENOUGH_M);
    let under_way = measuring.under_way;
    let accuracy = Memo::new(move |_| {
        measuring.best.with(|best| best.as_ref().map(|best| format!("{:.0}", best.accuracy_m)))
    });
    view! {
        <div class="cluster">
            <Button
                kind=ButtonKind::Secondary
                icon=IconName::Place
                busy=under_way
                on_press=move || measuring.begin(enough_m)
            >
                {move || if under_way.get() { t_string!(i18n, fill.locating).to_owned() } else { words.get() }}
            </Button>
            <Show when=move || under_way.get()>
                <Button kind=ButtonKind::Quiet on_press=move || measuring.end()>
                    {t!(i18n, common.cancel)}
                </Button>
            </Show>
        </div>
        <Show when=move || under_way.get() && accuracy.with(Option::is_some)>
            <Notice tone=Tone::Info icon=IconName::Place>
                <p>
                    {move || {
                        t_string!(
                            i18n,
                            fill.locate_so_far,
                            metres = accuracy.get().unwrap_or_default(),
                            wanted = format!("{enough_m:.0}")
                        )
                    }}
                </p>
                <Button kind=ButtonKind::Secondary on_press=move || measuring.take()>
                    {t!(i18n, fill.locate_take)}
                </Button>
            </Notice>
        </Show>
        {move || {
            measuring
                .failure
                .get()
                .map(|text| {
                    view! {
                        <Notice tone=Tone::Warning icon=IconName::Place>
                            <p>{move || text.get(settings.language()).to_owned()}</p>
                            <p>{t!(i18n, fill.locate_help)}</p>
                            <Button
                                kind=ButtonKind::Secondary
                                busy=under_way
                                on_press=move || measuring.roughly()
                            >
                                {t!(i18n, fill.locate_roughly)}
                            </Button>
                        </Notice>
                    }
                })
        }}
    }
}

/// Coordinates in figures, where the phone cannot say.
#[component]
pub fn TypedPlace(#[prop(into)] on_typed: Callback<String>) -> impl IntoView {
    let i18n = use_i18n();
    let (latitude, longitude) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let wrong = RwSignal::new(false);
    let take = move || match typed(&latitude.get_untracked(), &longitude.get_untracked()) {
        Some(value) => {
            wrong.set(false);
            latitude.set(String::new());
            longitude.set(String::new());
            on_typed.run(value);
        }
        None => wrong.set(true),
    };
    let field = move |text: RwSignal<String>, latitude: bool| {
        view! {
            <label class="field">
                <span class="field__hint">
                    {move || if latitude { t_string!(i18n, fill.latitude) } else { t_string!(i18n, fill.longitude) }}
                </span>
                <input
                    autocomplete="off"
                    class="input input--number"
                    type="text"
                    inputmode="text"
                    placeholder=if latitude { "34.123456" } else { "108.987654" }
                    prop:value=text
                    on:input=move |event| text.set(event_target_value(&event))
                />
            </label>
        }
    };
    view! {
        <details class="typed-place">
            <summary>{t!(i18n, fill.locate_typed)}</summary>
            <div class="typed-place__fields">{field(latitude, true)} {field(longitude, false)}</div>
            <Show when=move || wrong.get()>
                <p class="field__problem" role="alert">
                    {t!(i18n, fill.locate_typed_wrong)}
                </p>
            </Show>
            <Button kind=ButtonKind::Secondary on_press=take>
                {t!(i18n, fill.locate_typed_take)}
            </Button>
        </details>
    }
}

/// Latitude and longitude as the engine wants them, when they are such.
fn typed(latitude: &str, longitude: &str) -> Option<String> {
    let number = |text: &str, limit: f64| {
        let text: String = text.trim().chars().map(plain).collect();
        text.trim_end_matches('°').parse::<f64>().ok().filter(|number| number.abs() <= limit)
    };
    let (latitude, longitude) = (number(latitude, 90.0)?, number(longitude, 180.0)?);
    Some(format!("{latitude} {longitude} 0 0"))
}

/// Full-width figures and signs as plain ones.
fn plain(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        '。' => '.',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_coordinates_are_within_the_earth() {
        assert_eq!(typed(" 34.5 ", "108.25°").as_deref(), Some("34.5 108.25 0 0"));
        assert_eq!(typed("\u{ff13}\u{ff14}。5", "-108").as_deref(), Some("34.5 -108 0 0"));
        assert_eq!(typed("134", "20"), None);
        assert_eq!(typed("34", ""), None);
        assert_eq!(typed("NaN", "1"), None);
    }
}
