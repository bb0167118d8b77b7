//! The PIN, for somebody who is in: another one, and work under one that was
//! forgotten.

use doorstep_core::text::LocalText;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::app::use_session;
use crate::explain::Explain;
use crate::i18n::*;
use crate::screens::pin::{PinMessage, PinPad};
use crate::session::SessionError;
use crate::ui::{Button, ButtonKind, Card, Dialog, IconName, Notice, Section, Tone};

/// What is asked for next.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Old,
    New { old: String },
    Again { old: String, new: String },
}

/// The old PIN, then twice the new one.
#[component]
pub fn ChangePin() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let asking = RwSignal::new(false);
    let step = RwSignal::new(Step::Old);
    let digits = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let problem = RwSignal::new(None::<LocalText>);
    let changed = RwSignal::new(false);
    let begin = move || {
        step.set(Step::Old);
        digits.set(String::new());
        problem.set(None);
        changed.set(false);
        asking.set(true);
    };
    let change = move |old: String, new: String| {
        busy.set(true);
        spawn_local(async move {
            let answer = session.change_pin(&old, &new).await;
            busy.try_set(false);
            digits.try_set(String::new());
            match answer {
                Ok(()) => {
                    asking.try_set(false);
                    changed.try_set(true);
                }
                Err(error) => {
                    // What was wrong with the new one does not ask for the old one again.
                    let about_new = matches!(error, SessionError::NotSixDigits | SessionError::TrivialPin);
                    step.try_set(if about_new { Step::New { old } } else { Step::Old });
                    problem.try_set(Some(error.explain()));
                }
            }
        });
    };
    let full = move |pin: String| {
        problem.set(None);
        match step.get_untracked() {
            Step::Old => step.set(Step::New { old: pin }),
            Step::New { old } => step.set(Step::Again { old, new: pin }),
            Step::Again { old, new } if new == pin => return change(old, new),
            Step::Again { old, .. } => {
                problem.set(Some(LocalText::new(
                    td_string!(Locale::zh, gates.pins_differ),
                    td_string!(Locale::en, gates.pins_differ),
                )));
                step.set(Step::New { old });
            }
        }
        digits.set(String::new());
    };
    let prompt = move || match step.get() {
        Step::Old => t_string!(i18n, gates.old_pin),
        Step::New { .. } => t_string!(i18n, gates.new_pin_digits),
        Step::Again { .. } => t_string!(i18n, gates.repeat_pin),
    };
    let hint = Signal::derive(move || match step.get() {
        Step::Old => String::new(),
        _ => t_string!(i18n, gates.choose_pin_hint).to_owned(),
    });
    view! {
        <Section title=Signal::derive(move || t_string!(i18n, gates.pin_section).to_owned())>
            <Card>
                <div class="stack">
                    <Show when=move || changed.get()>
                        <Notice tone=Tone::Good>
                            <p role="status">{t!(i18n, gates.pin_changed)}</p>
                        </Notice>
                    </Show>
                    <Button kind=ButtonKind::Secondary icon=IconName::Lock wide=true on_press=begin>
                        {t!(i18n, gates.change_pin)}
                    </Button>
                </div>
            </Card>
        </Section>
        <Dialog open=asking title=Signal::derive(move || t_string!(i18n, gates.change_pin).to_owned())>
            <p class="pin__prompt">{prompt}</p>
            <PinPad digits busy on_full=full />
            <PinMessage busy problem otherwise=hint />
        </Dialog>
    }
}

/// Work under a forgotten PIN, to be brought back when the PIN comes to mind.
/// Nothing when there is none.
#[component]
pub fn EarlierWork() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let asking = RwSignal::new(false);
    let digits = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let problem = RwSignal::new(None::<LocalText>);
    let full = move |pin: String| {
        problem.set(None);
        busy.set(true);
        spawn_local(async move {
            let answer = session.open_earlier(&pin).await;
            busy.try_set(false);
            digits.try_set(String::new());
            match answer {
                Ok(()) => asking.try_set(false),
                Err(error) => problem.try_set(Some(error.explain())).map(|_| true),
            };
        });
    };
    let no_more = Signal::derive(String::new);
    view! {
        <Show when=move || session.earlier() != 0>
            <Notice tone=Tone::Warning>
                <p>{t!(i18n, gates.earlier_text)}</p>
                <Button kind=ButtonKind::Secondary on_press=move || asking.set(true)>
                    {t!(i18n, gates.earlier_open)}
                </Button>
            </Notice>
        </Show>
        <Dialog open=asking title=Signal::derive(move || t_string!(i18n, gates.earlier_open).to_owned())>
            <PinPad digits busy on_full=full />
            <PinMessage busy problem otherwise=no_more />
        </Dialog>
    }
}
