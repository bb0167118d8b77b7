//! Me: who I am here, how this phone shows things, and leaving.

use doorstep_core::api::MembershipRecord;
use doorstep_core::text::{Language, LocalText};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::parts::spoken;
use super::words;
use crate::app::{use_device, use_session, use_settings, use_sync};
use crate::clock::now;
use crate::device::Persistence;
use crate::explain::Explain;
use crate::i18n::*;
use crate::network::Network;
use crate::session::{SessionError, SignOut};
use crate::ui::{
    Badge, Button, ButtonKind, Card, Dialog, DialogActions, Fact, Facts, FailureNotice, IconName, Notice,
    Page, Section, Segment, Segments, Tone,
};

pub mod backup;
pub mod pin;

use backup::Backup;
use pin::{ChangePin, EarlierWork};

/// A clock that is off by more than this is worth a word.
const SKEW_MS_MAX: u64 = 5 * 60 * 1000;

/// `/me`.
#[component]
pub fn MeScreen() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Page title=Signal::derive(move || t_string!(i18n, me.title).to_owned())>
            <ClockNotice />
            <Person />
            <Display />
            <Phone />
            <Backup />
            <ChangePin />
            <EarlierWork />
            <Leaving />
        </Page>
    }
}

/// Who is logged in, and as what.
#[component]
fn Person() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let name = move || session.me().map(|me| me.display_name).unwrap_or_default();
    let login = move || session.me().map(|me| me.login_name).unwrap_or_default();
    let roles = move || {
        let language = spoken(i18n);
        let memberships = session.me().map(|me| me.memberships).unwrap_or_default();
        if memberships.is_empty() {
            return view! { <p class="soft">{t!(i18n, me.no_role)}</p> }.into_any();
        }
        memberships
            .iter()
            .map(|membership| {
                let place = place_of(membership);
                view! { <Fact name=membership.role.label().get(language).to_owned()>{place}</Fact> }
            })
            .collect_view()
            .into_any()
    };
    view! {
        <Section title=Signal::derive(move || t_string!(i18n, me.who).to_owned())>
            <Card>
                <p class="me__name">{name}</p>
                <p class="soft small">{login}</p>
                <Facts>{roles}</Facts>
            </Card>
        </Section>
    }
}

fn place_of(membership: &MembershipRecord) -> String {
    match &membership.programme {
        Some(programme) => format!("{} · {programme}", membership.area_name),
        None => membership.area_name.clone(),
    }
}

/// Language and text size.
#[component]
fn Display() -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    let speaks = move |language: Language| Signal::derive(move || settings.language() == language);
    let large = move |large: bool| Signal::derive(move || settings.large_text() == large);
    view! {
        <Section title=Signal::derive(move || t_string!(i18n, me.display).to_owned())>
            <Card>
                <div class="stack">
                    <div class="me__choice">
                        <span>{t!(i18n, me.language)}</span>
                        <Segments label=Signal::derive(move || t_string!(i18n, me.language).to_owned())>
                            <Segment
                                chosen=speaks(Language::Zh)
                                on_press=move || settings.set_language(Language::Zh)
                            >
                                <span lang="zh-CN">"中文"</span>
                            </Segment>
                            <Segment
                                chosen=speaks(Language::En)
                                on_press=move || settings.set_language(Language::En)
                            >
                                <span lang="en">"English"</span>
                            </Segment>
                        </Segments>
                    </div>
                    <div class="me__choice">
                        <span>{t!(i18n, me.text_size)}</span>
                        <Segments label=Signal::derive(move || t_string!(i18n, me.text_size).to_owned())>
                            <Segment chosen=large(false) on_press=move || settings.set_large_text(false)>
                                {t!(i18n, me.text_normal)}
                            </Segment>
                            <Segment chosen=large(true) on_press=move || settings.set_large_text(true)>
                                {t!(i18n, me.text_large)}
                            </Segment>
                        </Segments>
                    </div>
                </div>
            </Card>
        </Section>
    }
}

/// Storage, sync, version.
#[component]
fn Phone() -> impl IntoView {
    let i18n = use_i18n();
    let device = use_device();
    let sync = use_sync();
    let status = Memo::new(move |_| sync.status());
    let unsent = move || {
        let language = spoken(i18n);
        let (visits, files) = status.with(|status| (status.unsent.visits, status.unsent.files));
        words::unsent(language, visits, files).unwrap_or_else(|| t_string!(i18n, me.all_sent).to_owned())
    };
    let last = move || {
        let language = spoken(i18n);
        match status.with(|status| status.last_success) {
            Some(at) => words::moment_here(language, at, now()),
            None => t_string!(i18n, me.never).to_owned(),
        }
    };
    let storage = move || {
        let (tone, word) = match device.persistence() {
            Persistence::Promised => (Tone::Good, t_string!(i18n, me.storage_promised)),
            Persistence::Refused => (Tone::Warning, t_string!(i18n, me.storage_refused)),
            Persistence::Unsupported => (Tone::Warning, t_string!(i18n, me.storage_unsupported)),
            Persistence::Unknown => (Tone::Plain, t_string!(i18n, me.storage_unknown)),
        };
        view! { <Badge tone>{word}</Badge> }
    };
    let storage_text = move || match device.persistence() {
        Persistence::Promised => t_string!(i18n, me.storage_promised_text),
        Persistence::Refused => t_string!(i18n, me.storage_refused_text),
        Persistence::Unsupported => t_string!(i18n, me.storage_unsupported_text),
        Persistence::Unknown => t_string!(i18n, me.storage_unknown_text),
    };
    let can_ask = move || matches!(device.persistence(), Persistence::Refused | Persistence::Unknown);
    view! {
        <Section title=Signal::derive(move || t_string!(i18n, me.phone).to_owned())>
            <Card>
                <Facts>
                    <Fact name=Signal::derive(move || t_string!(i18n, me.outbox).to_owned())>
                        <a href="/outbox">{unsent}</a>
                    </Fact>
                    <Fact name=Signal::derive(move || t_string!(i18n, me.last_sync).to_owned())>{last}</Fact>
                    <Fact name=Signal::derive(move || t_string!(i18n, me.photos).to_owned())>
                        <SendPhotos />
                    </Fact>
                    <Fact name=Signal::derive(move || t_string!(i18n, me.storage).to_owned())>
                        {storage}
                        <p class="soft small">{storage_text}</p>
                        <Show when=can_ask>
                            <Button
                                kind=ButtonKind::Secondary
                                icon=IconName::Storage
                                on_press=move || device.request_persistence()
                            >
                                {t!(i18n, me.storage_ask)}
                            </Button>
                        </Show>
                    </Fact>
                    <Fact name=Signal::derive(move || t_string!(i18n, me.version).to_owned())>
                        <span class="numbers">{env!("CARGO_PKG_VERSION")}</span>
                        <Show
                            when=move || device.update_available()
                            fallback=move || view! { <p class="soft small">{t!(i18n, me.up_to_date)}</p> }
                        >
                            <p class="soft small">{t!(i18n, me.update_text)}</p>
                            <Button
                                kind=ButtonKind::Secondary
                                icon=IconName::Download
                                on_press=move || device.apply_update()
                            >
                                {t!(i18n, me.update)}
                            </Button>
                        </Show>
                    </Fact>
                </Facts>
            </Card>
        </Section>
    }
}

/// On which networks photos leave.
#[component]
fn SendPhotos() -> impl IntoView {
    let i18n = use_i18n();
    let files = use_sync().files();
    let chosen = move |wifi_only: bool| Signal::derive(move || files.wifi_only() == wifi_only);
    let in_vain = move || files.wifi_only() && files.network() == Network::Unknown;
    view! {
        <Segments label=Signal::derive(move || t_string!(i18n, me.photos).to_owned())>
            <Segment chosen=chosen(false) on_press=move || files.set_wifi_only(false)>
                {t!(i18n, me.photos_any)}
            </Segment>
            <Segment chosen=chosen(true) on_press=move || files.set_wifi_only(true)>
                {t!(i18n, me.photos_wifi)}
            </Segment>
        </Segments>
        <p class="soft small">
            {move || {
                if in_vain() { t_string!(i18n, me.photos_unknown) } else { t_string!(i18n, me.photos_text) }
            }}
        </p>
    }
}

/// That the phone's clock is far from the server's; it changes dates on visits.
#[component]
fn ClockNotice() -> impl IntoView {
    let i18n = use_i18n();
    let sync = use_sync();
    let skew = Memo::new(move |_| sync.status().skew_ms.and_then(worth_saying));
    move || {
        skew.get().map(|(minutes, slow)| {
            let language = spoken(i18n);
            let length = words::duration(language, chrono::TimeDelta::minutes(minutes));
            let text = if slow {
                t_string!(i18n, me.clock_slow, length = length)
            } else {
                t_string!(i18n, me.clock_fast, length = length)
            };
            view! {
                <Notice tone=Tone::Warning icon=IconName::Clock>
                    <p>{text}</p>
                </Notice>
            }
        })
    }
}

/// By how many minutes the phone is off, and whether it is slow; `None` for
/// what nobody would notice. `skew_ms` is server time minus phone time.
fn worth_saying(skew_ms: i64) -> Option<(i64, bool)> {
    (skew_ms.unsigned_abs() > SKEW_MS_MAX)
        .then(|| (i64::try_from(skew_ms.unsigned_abs() / 60_000).unwrap_or(i64::MAX), skew_ms > 0))
}

/// Locking and signing out.
#[component]
fn Leaving() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let sync = use_sync();
    let asking = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<LocalText>);
    let unsent = move || {
        let language = spoken(i18n);
        let unsent = sync.status().unsent;
        words::unsent(language, unsent.visits, unsent.files)
    };
    // The phone still holds what signing out would delete.
    let refused = RwSignal::new(false);
    let keeps = move || refused.get() || unsent().is_some();
    let leave = move |how: SignOut| {
        busy.set(true);
        error.set(None);
        spawn_local(async move {
            let left = session.sign_out(how).await;
            let _ = busy.try_set(false);
            if let Err(failed) = left {
                let unfinished =
                    matches!(failed, SessionError::Unsent(_) | SessionError::UnfinishedDrafts { .. });
                let _ = refused.try_set(unfinished);
                let _ = error.try_set(Some(failed.explain()));
            }
        });
    };
    let sign_out = move || {
        leave(if keeps() { SignOut::KeepUnsent } else { SignOut::WhenAllIsSent });
    };
    view! {
        <div class="me__leaving">
            <Button
                kind=ButtonKind::Secondary
                wide=true
                icon=IconName::Lock
                on_press=move || session.lock()
            >
                {t!(i18n, me.lock)}
            </Button>
            <Button kind=ButtonKind::Quiet wide=true on_press=move || asking.set(true)>
                {t!(i18n, me.sign_out)}
            </Button>
        </div>
        <Dialog open=asking title=Signal::derive(move || t_string!(i18n, me.sign_out_title).to_owned())>
            {move || match unsent() {
                Some(unsent) => {
                    view! {
                        <Notice tone=Tone::Warning>
                            <p>{t_string!(i18n, me.sign_out_unsent, unsent = unsent)}</p>
                        </Notice>
                    }
                        .into_any()
                }
                None => view! { <p>{t!(i18n, me.sign_out_text)}</p> }.into_any(),
            }}
            <FailureNotice error />
            <DialogActions>
                <Show when=move || unsent().is_some()>
                    <Button on_press=move || sync.start() icon=IconName::Sync>
                        {t!(i18n, me.send_first)}
                    </Button>
                </Show>
                <Button kind=ButtonKind::Danger busy on_press=sign_out>
                    {move || {
                        if keeps() {
                            t_string!(i18n, me.sign_out_anyway)
                        } else {
                            t_string!(i18n, me.sign_out)
                        }
                    }}
                </Button>
                <Button kind=ButtonKind::Quiet on_press=move || asking.set(false)>
                    {t!(i18n, me.stay)}
                </Button>
            </DialogActions>
        </Dialog>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_is_far_off_is_mentioned() {
        assert_eq!(worth_saying(0), None);
        assert_eq!(worth_saying(-299_000), None);
        assert_eq!(worth_saying(11 * 60_000), Some((11, true)), "the server is ahead: the phone is slow");
        assert_eq!(worth_saying(-3_600_000), Some((60, false)));
        assert_eq!(worth_saying(i64::MIN).map(|(_, slow)| slow), Some(false));
    }
}
