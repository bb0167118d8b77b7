//! The PIN: choosing one after the first login, and opening with it.

use chrono::{DateTime, TimeDelta, Utc};
use doorstep_core::text::LocalText;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;

use crate::app::{use_session, use_settings};
use crate::clock::utc_now;
use crate::explain::Explain;
use crate::i18n::*;
use crate::screens::login::Gate;
use crate::session::{Held, KnownUser, LockReason, SessionError, SessionState, forgotten_pin_text};
use crate::ui::{
    Button, ButtonKind, Dialog, DialogActions, Icon, IconName, List, Notice, RowButton, Section, Tone,
};

const DIGITS: usize = 6;

/// Asks for the PIN, or for a new one.
#[component]
pub fn PinScreen() -> impl IntoView {
    let session = use_session();
    // Only another person or another reason makes it another screen; a counted
    // wrong PIN does not.
    let shown = Memo::new(move |_| match session.state() {
        SessionState::ChoosePin { me } => Some(Shown::Choose { name: me.display_name }),
        SessionState::Locked { user, reason } => Some(Shown::Ask { user, reason }),
        _ => None,
    });
    view! {
        <Gate>
            {move || match shown.get() {
                Some(Shown::Choose { name }) => view! { <ChoosePin name /> }.into_any(),
                Some(Shown::Ask { user, reason }) => view! { <AskPin user reason /> }.into_any(),
                None => ().into_any(),
            }}
        </Gate>
    }
}

#[derive(Clone)]
enum Shown {
    Choose { name: String },
    Ask { user: KnownUser, reason: LockReason },
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Choose { name }, Self::Choose { name: other }) => name == other,
            (Self::Ask { user, reason }, Self::Ask { user: other, reason: other_reason }) => {
                user.user_id == other.user_id
                    && reason == other_reason
                    && user.needs_login() == other.needs_login()
            }
            _ => false,
        }
    }
}

/// Twice the same.
#[component]
fn ChoosePin(name: String) -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let digits = RwSignal::new(String::new());
    let first = RwSignal::new(None::<String>);
    let differ = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    let full = move |pin: String| {
        digits.set(String::new());
        match first.get_untracked() {
            None => {
                differ.set(false);
                failure.set(None);
                first.set(Some(pin));
            }
            Some(chosen) if chosen != pin => {
                differ.set(true);
                first.set(None);
            }
            Some(_) => {
                busy.set(true);
                spawn_local(async move {
                    let answer = session.choose_pin(&pin).await;
                    busy.try_set(false);
                    if let Err(error) = answer {
                        first.try_set(None);
                        failure.try_set(Some(error.explain()));
                    }
                });
            }
        }
    };
    let prompt = move || {
        if first.with(Option::is_some) {
            t_string!(i18n, gates.repeat_pin)
        } else {
            t_string!(i18n, gates.choose_pin)
        }
    };
    let problem = Signal::derive(move || {
        if differ.get() {
            let text = |language| match language {
                Locale::zh => td_string!(Locale::zh, gates.pins_differ),
                Locale::en => td_string!(Locale::en, gates.pins_differ),
            };
            Some(LocalText::new(text(Locale::zh), text(Locale::en)))
        } else {
            failure.get()
        }
    });
    view! {
        <div class="pin">
            <div class="pin__who">
                <p class="soft">{t!(i18n, gates.welcome, name = name)}</p>
                <h1 class="pin__name">{prompt}</h1>
            </div>
            <PinPad digits busy on_full=full />
            <PinMessage
                busy
                problem
                otherwise=Signal::derive(move || t_string!(i18n, gates.choose_pin_hint).to_owned())
            />
        </div>
    }
}

/// Opens the phone of `user`.
#[component]
fn AskPin(user: KnownUser, reason: LockReason) -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let settings = use_settings();
    let asking = RwSignal::new(false);
    let user_id = user.user_id;
    let needs_login = user.needs_login();
    let (recoverable, out_of_contact, barred) = (user.recoverable, user.out_of_contact, user.barred);
    let digits = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    let wait_until = RwSignal::new(user.locked_until);
    let wait_s = countdown(wait_until);
    let full = move |pin: String| {
        failure.set(None);
        busy.set(true);
        spawn_local(async move {
            let answer = session.unlock(user_id, &pin).await;
            busy.try_set(false);
            digits.try_set(String::new());
            let Err(error) = answer else { return };
            let seconds = match &error {
                SessionError::WrongPin { wait_s, .. } => *wait_s,
                SessionError::Wait { seconds } => *seconds,
                _ => 0,
            };
            if seconds > 0 {
                wait_until.try_set(Some(utc_now() + TimeDelta::seconds(i64::from(seconds))));
            }
            failure.try_set(Some(error.explain()));
        });
    };
    let why = move || match reason {
        LockReason::Start => None,
        LockReason::Locked => Some(t_string!(i18n, gates.why_locked)),
        LockReason::OtherTab => Some(t_string!(i18n, gates.why_other_tab)),
        LockReason::LoginDone => Some(t_string!(i18n, gates.why_login_done)),
    };
    let resting = Signal::derive(move || match wait_s.get() {
        0 => String::new(),
        seconds => t_string!(i18n, gates.wait, seconds),
    });
    view! {
        <div class="pin">
            <div class="pin__who">
                <h1 class="pin__name">{user.login_name}</h1>
                <p class="soft">
                    {move || why().map(|why| format!("{why} "))} {t!(i18n, gates.enter_pin)}
                </p>
            </div>
            <SealedMessage user_id />
            {if needs_login {
                view! {
                    <Notice tone=Tone::Warning icon=IconName::Lock>
                        <p>
                            {move || {
                                if barred {
                                    t_string!(i18n, gates.ordered_lock)
                                } else if out_of_contact {
                                    t_string!(i18n, gates.out_of_contact)
                                } else {
                                    t_string!(i18n, gates.needs_login)
                                }
                            }}
                        </p>
                        <Button on_press=move || session.other_account()>
                            {t!(i18n, gates.go_to_login)}
                        </Button>
                    </Notice>
                }
                    .into_any()
            } else {
                view! {
                    <PinPad
                        digits
                        busy=Signal::derive(move || busy.get() || wait_s.get() > 0)
                        on_full=full
                    />
                    <PinMessage busy problem=failure otherwise=resting />
                }
                    .into_any()
            }}
        </div>
        <Dialog open=asking title=Signal::derive(move || t_string!(i18n, gates.forgot_pin).to_owned())>
            <p>{move || forgotten_pin_text(recoverable).get(settings.language()).to_owned()}</p>
            <DialogActions>
                <Button on_press=move || asking.set(false)>{t!(i18n, gates.try_pin_again)}</Button>
                <Button kind=ButtonKind::Secondary on_press=move || session.forget_pin(user_id)>
                    {t!(i18n, gates.new_pin)}
                </Button>
            </DialogActions>
        </Dialog>
        <OtherPeople user_id=user.user_id />
        <div class="gate__foot">
            <Button kind=ButtonKind::Quiet on_press=move || asking.set(true)>
                {t!(i18n, gates.forgot_pin)}
            </Button>
            <Button kind=ButtonKind::Quiet on_press=move || session.other_account()>
                {t!(i18n, gates.other_account)}
            </Button>
        </div>
    }
}

/// What the locked phone sends by itself.
#[component]
fn SealedMessage(user_id: doorstep_core::ids::UserId) -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let count = Memo::new(move |_| session.sealed(user_id));
    let sent = move || count.get().map_or(0, |count| count.sent);
    let waiting = move || count.get().map_or(0, |count| count.waiting);
    let files_sent = move || count.get().map_or(0, |count| count.files_sent);
    let files_waiting = move || count.get().map_or(0, |count| count.files_waiting);
    let held = move || count.get().and_then(|count| count.files_held);
    view! {
        <div role="status">
            <Show when=move || sent() != 0>
                <p class="soft">{t!(i18n, gates.sealed_sent, count = sent)}</p>
            </Show>
            <Show when=move || waiting() != 0>
                <p class="soft">{t!(i18n, gates.sealed_waiting, count = waiting)}</p>
            </Show>
            <Show when=move || files_sent() != 0>
                <p class="soft">{t!(i18n, gates.sealed_files_sent, count = files_sent)}</p>
            </Show>
            <Show when=move || files_waiting() != 0>
                <p class="soft">{move || match held() {
                    None => t!(i18n, gates.sealed_files_waiting, count = files_waiting).into_any(),
                    Some(Held::NoWifi) => t!(i18n, gates.sealed_files_no_wifi, count = files_waiting).into_any(),
                    Some(Held::Paused) => t!(i18n, gates.sealed_files_paused, count = files_waiting).into_any(),
                }}</p>
            </Show>
        </div>
    }
}

/// Seconds until `until`, counted down; 0 when it is over.
fn countdown(until: RwSignal<Option<DateTime<Utc>>>) -> Memo<i64> {
    let tick = RwSignal::new(());
    let next = move || {
        tick.try_set(());
    };
    if let Ok(timer) = set_interval_with_handle(next, Duration::from_secs(1)) {
        on_cleanup(move || timer.clear());
    }
    Memo::new(move |_| {
        tick.track();
        until.get().map_or(0, |until| {
            let left_ms = (until - utc_now()).num_milliseconds();
            (left_ms.max(0) + 999) / 1000
        })
    })
}

/// What is happening, what was wrong, or what to know.
#[component]
pub(super) fn PinMessage(
    #[prop(into)] busy: Signal<bool>,
    #[prop(into)] problem: Signal<Option<LocalText>>,
    otherwise: Signal<String>,
) -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    view! {
        <div class="pin__message" class:pin__message--bad=move || problem.with(Option::is_some) role="alert">
            {move || {
                if busy.get() {
                    return view! { <p>{t!(i18n, gates.opening)}</p> }.into_any();
                }
                let problem = problem.get().map(|text| text.get(settings.language()).to_owned());
                view! {
                    {problem.map(|problem| view! { <p>{problem}</p> })}
                    <p>{otherwise}</p>
                }
                    .into_any()
            }}
        </div>
    }
}

/// The others who have used this phone.
#[component]
fn OtherPeople(user_id: doorstep_core::ids::UserId) -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let others = Memo::new(move |_| {
        let mut users = session.users();
        users.retain(|user| user.user_id != user_id);
        users
    });
    view! {
        <Show when=move || !others.with(Vec::is_empty)>
            <Section title=Signal::derive(move || t_string!(i18n, gates.other_people).to_owned())>
                <List>
                    <For each=move || others.get() key=|user| user.user_id let:user>
                        <RowButton on_press=move || session.choose_user(user.user_id)>
                            <Icon name=IconName::Person />
                            <span class="row__body">
                                <span class="row__title">{user.login_name}</span>
                            </span>
                        </RowButton>
                    </For>
                </List>
            </Section>
        </Show>
    }
}

/// Six digits from large keys or from a keyboard.
#[component]
pub(super) fn PinPad(
    digits: RwSignal<String>,
    /// Takes no digits now.
    #[prop(into)]
    busy: Signal<bool>,
    /// With the six digits.
    #[prop(into)]
    on_full: Callback<(String,)>,
) -> impl IntoView {
    let i18n = use_i18n();
    let push = move |digit: char| {
        if busy.get_untracked() || digits.with_untracked(String::len) >= DIGITS {
            return;
        }
        digits.update(|digits| digits.push(digit));
        let entered = digits.get_untracked();
        if entered.len() == DIGITS {
            on_full.run((entered,));
        }
    };
    let pop = move || {
        if !busy.get_untracked() {
            digits.update(|digits| {
                digits.pop();
            });
        }
    };
    let keyboard = window_event_listener(leptos::ev::keydown, move |event| {
        if event.ctrl_key() || event.alt_key() || event.meta_key() {
            return;
        }
        let key = event.key();
        let mut characters = key.chars();
        match (characters.next(), characters.next()) {
            (Some(digit), None) if digit.is_ascii_digit() => push(digit),
            _ if key == "Backspace" => pop(),
            _ => {}
        }
    });
    on_cleanup(move || keyboard.remove());
    let key = move |digit: char| {
        view! {
            <button type="button" class="pin__key" disabled=busy on:click=move |_| push(digit)>
                {digit.to_string()}
            </button>
        }
    };
    view! {
        <p class="unseen" role="status">
            {t!(i18n, gates.pin_entered, count = move || digits.with(String::len))}
        </p>
        <div class="pin__dots" aria-hidden="true">
            {(0..DIGITS)
                .map(|number| {
                    let filled = move || digits.with(String::len) > number;
                    view! { <span class="pin__dot" class:pin__dot--filled=filled></span> }
                })
                .collect_view()}
        </div>
        <div class="pin__keys" role="group" aria-label=move || t_string!(i18n, gates.keypad)>
            {('1'..='9').map(key).collect_view()}
            <span></span>
            {key('0')}
            <button
                type="button"
                class="pin__key pin__key--bare"
                disabled=busy
                aria-label=move || t_string!(i18n, gates.delete_digit)
                on:click=move |_| pop()
            >
                <Icon name=IconName::Backspace />
            </button>
        </div>
    }
}
