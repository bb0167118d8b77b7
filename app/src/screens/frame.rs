//! Around every screen of somebody who is in: the strip that says what the
//! phone is up to, the notices, and the navigation of their roles.

use doorstep_core::role::{Action, allows};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::home::begins_with_today;
use crate::app::{use_device, use_session, use_sync};
use crate::device::Persistence;
use crate::i18n::*;
use crate::sync::SyncPhase;
use crate::ui::{Button, ButtonKind, Icon, IconName, Notice, Tone, UnderBar};

/// The bar, the navigation and the notices around a screen.
#[component]
pub fn Frame(children: Children) -> impl IntoView {
    let i18n = use_i18n();
    let path = use_location().pathname;
    // Filling has a bar of its own at the bottom: back and next.
    let filling = Memo::new(move |_| path.with(|path| path.starts_with("/fill/")));
    let strip = strip();
    provide_context(UnderBar(ViewFn::from(move || view! { <Notices filling /> })));
    view! {
        <div
            class="frame"
            class:frame--bare=filling
            class:frame--strip=move || strip.with(Option::is_some)
        >
            <a class="frame__skip" href="#content" rel="external">
                {t!(i18n, common.skip)}
            </a>
            <Navigation filling />
            <div class="frame__main">
                <div class="frame__strip" role="status">
                    {move || {
                        strip
                            .get()
                            .map(|(icon, text)| {
                                view! {
                                    <p class="strip">
                                        <Icon name=icon turning=icon == IconName::Sync />
                                        <span class="strip__text">{text}</span>
                                    </p>
                                }
                            })
                    }}
                </div>
                {children()}
            </div>
        </div>
    }
}

/// What the strip says: sync at work, no network, or work that only this
/// phone has; nothing when all is well.
fn strip() -> Memo<Option<(IconName, String)>> {
    let i18n = use_i18n();
    let device = use_device();
    let sync = use_sync();
    Memo::new(move |_| {
        let status = sync.status();
        let (visits, files) = (status.unsent.visits, status.unsent.files);
        let unsent = visits + files > 0;
        match status.phase {
            _ if !device.online() && unsent => {
                Some((IconName::CloudOff, t_string!(i18n, common.offline_unsent, visits, files)))
            }
            _ if !device.online() => Some((IconName::CloudOff, t_string!(i18n, common.offline).to_owned())),
            SyncPhase::Sending { .. } => Some((IconName::Sync, t_string!(i18n, common.sending).to_owned())),
            SyncPhase::SendingFile { percent, left, .. } => {
                Some((IconName::Sync, t_string!(i18n, common.sending_file, percent, left)))
            }
            SyncPhase::Receiving { .. } | SyncPhase::ReceivingForm => {
                Some((IconName::Sync, t_string!(i18n, common.receiving).to_owned()))
            }
            SyncPhase::Idle if unsent => {
                Some((IconName::Outbox, t_string!(i18n, common.unsent, visits, files)))
            }
            SyncPhase::Idle => None,
        }
    })
}

/// Where the roles of the person can go.
#[component]
fn Navigation(filling: Memo<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let may = move |action: Action| {
        Memo::new(move |_| {
            session
                .me()
                .is_some_and(|me| me.memberships.iter().any(|membership| allows(membership.role, action)))
        })
    };
    let captures = may(Action::Capture);
    let reviews = may(Action::Review);
    let manages = may(Action::ManageUsers);
    // For whoever only reviews, the first screen is the queue.
    let visits = Memo::new(move |_| session.me().is_some_and(|me| begins_with_today(&me)));
    let who = move || session.me().map(|me| me.display_name).unwrap_or_default();
    let where_ =
        move || session.me().and_then(|me| me.memberships.into_iter().next()).map(|first| first.area_name);
    view! {
        <nav class="nav" class:nav--aside=filling aria-label=move || t_string!(i18n, common.navigation)>
            <p class="nav__brand">
                {t!(i18n, common.app_name)} <span class="nav__owner">{who}</span>
                <span class="nav__owner">{where_}</span>
            </p>
            <ul class="nav__list">
                <Show when=move || reviews.get()>
                    <NavigationLink
                        href="/queue"
                        icon=IconName::Queue
                        begins=Signal::derive(move || !visits.get())
                    >
                        {t!(i18n, common.nav_queue)}
                    </NavigationLink>
                </Show>
                <Show when=move || visits.get()>
                    <NavigationLink href="/" icon=IconName::Calendar>
                        {t!(i18n, common.nav_today)}
                    </NavigationLink>
                </Show>
                <Show when=move || manages.get()>
                    <NavigationLink
                        href="/devices"
                        icon=IconName::Phone
                        begins=Signal::derive(move || !visits.get() && !reviews.get())
                    >
                        {t!(i18n, common.nav_devices)}
                    </NavigationLink>
                </Show>
                <Show when=move || !visits.get() && !reviews.get() && !manages.get()>
                    <NavigationLink href="/" icon=IconName::Home>
                        {t!(i18n, common.nav_home)}
                    </NavigationLink>
                </Show>
                <Show when=move || captures.get()>
                    <NavigationLink href="/outbox" icon=IconName::Outbox>
                        {t!(i18n, common.nav_outbox)}
                        <UnsentCount />
                    </NavigationLink>
                </Show>
                <NavigationLink href="/me" icon=IconName::Person>
                    {t!(i18n, common.nav_me)}
                </NavigationLink>
            </ul>
        </nav>
    }
}

#[component]
fn NavigationLink(
    href: &'static str,
    icon: IconName,
    /// Whether `/` shows the same.
    #[prop(optional, into)]
    begins: Signal<bool>,
    children: Children,
) -> impl IntoView {
    let path = use_location().pathname;
    let here = move || path.with(|path| path == href || (path == "/" && begins.get())).then_some("page");
    view! {
        <li>
            <a class="nav__link" href=href aria-current=here>
                <Icon name=icon />
                {children()}
            </a>
        </li>
    }
}

/// How much of the outbox is only on this phone.
#[component]
fn UnsentCount() -> impl IntoView {
    let i18n = use_i18n();
    let sync = use_sync();
    let count = Memo::new(move |_| {
        let unsent = sync.status().unsent;
        unsent.visits + unsent.files
    });
    move || {
        (count.get() > 0).then(|| {
            view! {
                <span class="nav__count">
                    <span aria-hidden="true">{count.get().min(99)}</span>
                    <span class="unseen">{t!(i18n, common.unsent_count, count = count.get())}</span>
                </span>
            }
        })
    }
}

/// What needs the person, but not now: each can be left for later.
#[component]
fn Notices(filling: Memo<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let device = use_device();
    let session = use_session();
    let path = use_location().pathname;
    let dismissed = RwSignal::new(false);
    let at_login = move || path.with(|path| path == "/login");
    let storage_at_risk = move || {
        device.persistence() == Persistence::Refused && !dismissed.get() && path.with(|path| path == "/")
    };
    let query = use_location().query;
    let finished =
        move || path.with(|path| path == "/outbox") && query.with(|query| query.get("finished").is_some());
    view! {
        <Show when=move || !filling.get()>
            <div class="page__notices">
                <Show when=finished>
                    <Notice tone=Tone::Good>
                        <p>{t!(i18n, fill.finished)}</p>
                    </Notice>
                </Show>
                <Show when=move || session.login_needed() && !at_login()>
                    <Notice tone=Tone::Warning icon=IconName::Lock>
                        <p>{t!(i18n, common.login_over)}</p>
                        <a class="button button--secondary" href="/login">
                            {t!(i18n, common.log_in)}
                        </a>
                    </Notice>
                </Show>
                <Show when=move || session.ordered().is_some()>
                    <Notice tone=Tone::Warning>
                        <p>
                            {move || {
                                let left = session.ordered().unwrap_or_default();
                                t_string!(
                                    i18n,
                                    common.ordered_wipe,
                                    visits = left.visits,
                                    files = left.files,
                                    drafts = left.drafts
                                )
                            }}
                        </p>
                    </Notice>
                </Show>
                <Show when=move || device.update_available()>
                    <Notice tone=Tone::Info icon=IconName::Download>
                        <p>{t!(i18n, common.update_available)}</p>
                        <Button kind=ButtonKind::Secondary on_press=move || device.apply_update()>
                            {t!(i18n, common.update_now)}
                        </Button>
                    </Notice>
                </Show>
                <Show when=storage_at_risk>
                    <Notice tone=Tone::Warning icon=IconName::Storage>
                        <p>{t!(i18n, common.storage_not_promised)}</p>
                        <div class="cluster">
                            <Button
                                kind=ButtonKind::Secondary
                                on_press=move || device.request_persistence()
                            >
                                {t!(i18n, common.storage_ask)}
                            </Button>
                            <Button kind=ButtonKind::Quiet on_press=move || dismissed.set(true)>
                                {t!(i18n, common.dismiss)}
                            </Button>
                        </div>
                    </Notice>
                </Show>
            </div>
        </Show>
    }
}
