//! A number within bounds: a slider with buttons for exact steps, a list, or
//! stars.

use leptos::prelude::*;

use super::question::Handle;
use super::text::typed_value;
use crate::i18n::*;
use crate::ui::{Icon, IconButton, IconName};

/// More marks than this are a smear.
const TICKS_MAX: u32 = 20;
/// More lines than this are no list to look through.
const STEPS_MAX: u32 = 1_000;
const STARS_MAX: u32 = 10;

/// The bounds of a range, and its steps.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bounds {
    start: f64,
    end: f64,
    step: f64,
    /// Digits behind the point.
    digits: usize,
}

impl Bounds {
    /// As the form says; 0 to 10 in steps of 1 where it says nothing that
    /// makes sense.
    fn of(start: Option<&str>, end: Option<&str>, step: Option<&str>) -> Self {
        let number = |text: Option<&str>| {
            text.and_then(|text| text.trim().parse::<f64>().ok()).filter(|number| number.is_finite())
        };
        let digits = |text: Option<&str>| {
            text.and_then(|text| text.trim().split_once('.')).map_or(0, |(_, digits)| digits.len().min(6))
        };
        let (from, to) = (number(start).unwrap_or(0.0), number(end).unwrap_or(10.0));
        let step_size = number(step).map(f64::abs).filter(|step| *step > 0.0).unwrap_or(1.0);
        Self { start: from, end: to, step: step_size, digits: digits(start).max(digits(step)) }
    }

    /// How many steps there are between the bounds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    fn steps(self) -> u32 {
        // A little more, for what binary fractions lose.
        (((self.end - self.start).abs() / self.step) + 1e-9).floor().clamp(0.0, f64::from(STEPS_MAX)) as u32
    }

    fn value_at(self, position: u32) -> String {
        let sign = if self.end < self.start { -1.0 } else { 1.0 };
        let value = self.start + sign * f64::from(position) * self.step;
        format!("{value:.*}", self.digits)
    }

    /// The step that is nearest to a value.
    fn position_of(self, value: &str) -> Option<u32> {
        let value: f64 = value.trim().parse().ok()?;
        (0..=self.steps()).min_by(|left, right| {
            let away = |position: u32| {
                self.value_at(position).parse::<f64>().map_or(f64::MAX, |found| (found - value).abs())
            };
            away(*left).total_cmp(&away(*right))
        })
    }
}

/// The widget of a range.
#[component]
pub fn RangeField(handle: Handle) -> impl IntoView {
    let bounds = handle.view.with_untracked(|view| {
        let parameter = |name: &str| view.parameters.get(name).map(String::as_str);
        Bounds::of(parameter("start"), parameter("end"), parameter("step"))
    });
    if handle.looks("rating") {
        return view! { <Rating handle bounds /> }.into_any();
    }
    if handle.looks("picker") {
        return view! { <PickedNumber handle bounds /> }.into_any();
    }
    view! { <Slider handle bounds /> }.into_any()
}

#[component]
fn Slider(handle: Handle, bounds: Bounds) -> impl IntoView {
    let i18n = use_i18n();
    let vertical = handle.looks("vertical");
    let ticks = !handle.looks("no-ticks") && (1..=TICKS_MAX).contains(&bounds.steps());
    let last = bounds.steps();
    let position = Memo::new(move |_| bounds.position_of(&handle.value()));
    // While a finger slides, before there is an answer.
    let sliding = RwSignal::new(None::<u32>);
    let shown = move || {
        let value = sliding.get().map_or_else(|| handle.value(), |position| bounds.value_at(position));
        if value.is_empty() { t_string!(i18n, fill.not_chosen).to_owned() } else { value }
    };
    let give = move |position: u32| handle.answer(bounds.value_at(position));
    let slid = move |event: leptos::ev::Event, done: bool| {
        let Ok(position) = typed_value(&event).parse::<u32>() else { return };
        if done {
            sliding.set(None);
            give(position);
        } else {
            sliding.set(Some(position));
            handle.typing(bounds.value_at(position), false);
        }
    };
    // The first touch counts too, wherever the thumb of the slider stands.
    let touched = move |event: leptos::ev::PointerEvent| {
        if !handle.is_answered()
            && let Ok(position) = typed_value(&event).parse::<u32>()
        {
            give(position);
        }
    };
    let one_less = move || give(position.get_untracked().map_or(0, |position| position.saturating_sub(1)));
    let one_more = move || give(position.get_untracked().map_or(0, |position| (position + 1).min(last)));
    view! {
        <div class="range" class:range--vertical=vertical>
            <output class="range__value numbers" for=handle.id.get_value() class:soft=move || !handle.is_answered()>
                {shown}
            </output>
            <div class="range__line">
                <IconButton
                    name=IconName::Minus
                    label=Signal::derive(move || t_string!(i18n, fill.less).to_owned())
                    on_press=one_less
                />
                <div class="range__track">
                    <input
                        autocomplete="off"
                        type="range"
                        class="range__input"
                        class:range__input--empty=move || !handle.is_answered()
                        id=handle.id.get_value()
                        min="0"
                        max=last.to_string()
                        step="1"
                        aria-orientation=vertical.then_some("vertical")
                        aria-labelledby=handle.label_id.get_value()
                        aria-describedby=handle.described_by.get_value()
                        aria-valuetext=shown
                        aria-invalid=move || handle.invalid()
                        prop:value=move || position.get().unwrap_or(0).to_string()
                        on:input=move |event| slid(event, false)
                        on:change=move |event| slid(event, true)
                        on:pointerup=touched
                    />
                    {ticks
                        .then(|| {
                            view! {
                                <div class="range__ticks" aria-hidden="true">
                                    {(0..=last).map(|_| view! { <i></i> }).collect_view()}
                                </div>
                            }
                        })}
                    <div class="range__ends soft small numbers" aria-hidden="true">
                        <span>{bounds.value_at(0)}</span>
                        <span>{bounds.value_at(last)}</span>
                    </div>
                </div>
                <IconButton
                    name=IconName::Plus
                    label=Signal::derive(move || t_string!(i18n, fill.more).to_owned())
                    on_press=one_more
                />
            </div>
        </div>
    }
}

/// The phone's own wheel of numbers.
#[component]
fn PickedNumber(handle: Handle, bounds: Bounds) -> impl IntoView {
    let i18n = use_i18n();
    let choose = move |event: leptos::ev::Event| handle.answer(event_target_value(&event));
    let options = (0..=bounds.steps()).map(|position| {
        let value = bounds.value_at(position);
        let here = value.clone();
        view! {
            <option value=value.clone() prop:selected=move || handle.is(&here)>
                {value.clone()}
            </option>
        }
    });
    view! {
        <select
            class="input select"
            autocomplete="off"
            id=handle.id.get_value()
            aria-describedby=handle.described_by.get_value()
            aria-required=move || handle.required()
            aria-invalid=move || handle.invalid()
            on:change=choose
        >
            <option value="" prop:selected=move || !handle.is_answered()>
                {t!(i18n, fill.choose)}
            </option>
            {options.collect_view()}
        </select>
    }
}

/// Stars, the first of them worth the first step above nothing.
#[component]
fn Rating(handle: Handle, bounds: Bounds) -> impl IntoView {
    let i18n = use_i18n();
    let first = u32::from(bounds.start == 0.0);
    let last = bounds.steps().min(first + STARS_MAX - 1);
    let position = Memo::new(move |_| bounds.position_of(&handle.value()).filter(|_| handle.is_answered()));
    let group = handle.id.get_value();
    let star = move |at: u32| {
        let value = bounds.value_at(at);
        let label = value.clone();
        view! {
            <label class="star" class:star--lit=move || position.get().is_some_and(|position| position >= at)>
                <input
                    autocomplete="off"
                    class="choice__input"
                    type="radio"
                    name=group.clone()
                    value=value.clone()
                    aria-label=move || t_string!(i18n, fill.stars, count = label.clone())
                    prop:checked=move || position.get() == Some(at)
                    on:change=move |_| handle.answer(value.clone())
                />
                <Icon name=IconName::Star />
            </label>
        }
    };
    view! {
        <div
            class="stars"
            role="radiogroup"
            id=handle.id.get_value()
            aria-labelledby=handle.label_id.get_value()
            aria-describedby=handle.described_by.get_value()
            aria-required=move || handle.required()
        >
            {(first..=last).map(star).collect_view()}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_written_as_the_form_writes_them() {
        let tenths = Bounds::of(Some("0.0"), Some("1"), Some("0.1"));
        assert_eq!((tenths.steps(), tenths.value_at(3).as_str()), (10, "0.3"));
        assert_eq!(tenths.position_of("0.7"), Some(7));
        let down = Bounds::of(Some("10"), Some("-10"), Some("5"));
        assert_eq!((down.steps(), down.value_at(4).as_str()), (4, "-10"));
        assert_eq!(down.position_of("-5"), Some(3));
        assert_eq!(down.position_of(""), None);
        let nothing = Bounds::of(None, Some("x"), Some("0"));
        assert_eq!((nothing.steps(), nothing.value_at(10).as_str()), (10, "10"));
    }
}
