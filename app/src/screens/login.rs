//! Logging in with name and password: the first time, as somebody else, and
//! again when a login has ended.

use doorstep_core::command::Left;
use doorstep_core::text::{Language, LocalText};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use crate::app::{use_device, use_session, use_settings, use_sync};
use crate::clock::now;
use crate::explain::Explain;
use crate::i18n::*;
use crate::ui::{
    FailureNotice, List, Notice, Page, RowButton, Section, Segment, Segments, SubmitButton, TextField,
    TextKind, Tone,
};

/// The face of the product around everything that stands before it.
#[component]
pub fn Gate(
    /// Empty: the content has its own heading.
    #[prop(optional, into)]
    title: Signal<String>,
    children: Children,
) -> impl IntoView {
    let i18n = use_i18n();
    Effect::new(move |_| document().set_title(t_string!(i18n, common.app_name)));
    view! {
        <div class="gate">
            <header class="gate__head">
                <div class="gate__language">
                    <LanguageSwitch />
                </div>
                <p class="gate__brand">{t!(i18n, common.app_name)}</p>
                <p class="gate__tag">{t!(i18n, common.tag_line)}</p>
            </header>
            <main class="gate__body">
                <Show when=move || !title.with(String::is_empty)>
                    <h1 class="gate__title">{title}</h1>
                </Show>
                <WipedNotice />
                {children()}
            </main>
        </div>
    }
}

/// What an administrator had deleted here.
#[component]
fn WipedNotice() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    move || {
        session.wiped().map(|wiped| {
            let at = wiped.at.with_timezone(now().offset()).format("%Y-%m-%d %H:%M").to_string();
            let name = wiped.login_name;
            let Left { visits, files, drafts } = wiped.lost;
            view! {
                <Notice tone=Tone::Warning>
                    <p>{move || t_string!(i18n, gates.wiped, name = name.clone(), at = at.clone())}</p>
                    {(!wiped.lost.is_nothing())
                        .then(|| {
                            view! {
                                <p>
                                    {move || {
                                        t_string!(i18n, gates.wiped_unsent, visits, files, drafts)
                                    }}
                                </p>
                            }
                        })}
                </Notice>
            }
        })
    }
}

/// 中文 or English.
#[component]
pub fn LanguageSwitch() -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    let choice = move |language: Language, name: &'static str| {
        view! {
            <Segment
                chosen=Signal::derive(move || settings.language() == language)
                on_press=move || settings.set_language(language)
            >
                <span lang=language.code()>{name}</span>
            </Segment>
        }
    };
    view! {
        <Segments label=Signal::derive(move || t_string!(i18n, common.language).to_owned())>
            {choice(Language::Zh, "中文")} {choice(Language::En, "English")}
        </Segments>
    }
}

/// Nobody on this phone yet, or another account.
#[component]
pub fn LoginScreen() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let people = move || session.users();
    view! {
        <Gate title=Signal::derive(move || t_string!(i18n, gates.login_title).to_owned())>
            <LoginForm login_name=String::new() on_done=|| ()>
                <p class="soft small">{t!(i18n, gates.login_first_hint)}</p>
            </LoginForm>
            <Show when=move || session.users().iter().any(|user| !user.needs_login())>
                <Section title=Signal::derive(move || t_string!(i18n, gates.open_with_pin).to_owned())>
                    <List>
                        <For
                            each=move || people().into_iter().filter(|user| !user.needs_login())
                            key=|user| user.user_id
                            let:user
                        >
                            <RowButton on_press=move || session.choose_user(user.user_id)>
                                <span class="row__body">
                                    <span class="row__title">{user.login_name}</span>
                                </span>
                            </RowButton>
                        </For>
                    </List>
                </Section>
            </Show>
        </Gate>
    }
}

/// `/login`: the login is over, the work is not.
#[component]
pub fn LoginAgainScreen() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let sync = use_sync();
    let navigate = use_navigate();
    let login_name = session.me().map(|me| me.login_name).unwrap_or_default();
    let done = move || {
        sync.start();
        navigate("/", NavigateOptions { replace: true, ..NavigateOptions::default() });
    };
    view! {
        <Page title=Signal::derive(move || t_string!(i18n, gates.login_again_title).to_owned()) back=true>
            <p>{t!(i18n, gates.login_again_text)}</p>
            <LoginForm login_name=login_name on_done=done />
        </Page>
    }
}

/// Name, password, and what went wrong.
#[component]
fn LoginForm(
    /// Known already: then it stays as it is.
    login_name: String,
    #[prop(into)] on_done: Callback<()>,
    /// Below the button.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let device = use_device();
    let known = !login_name.is_empty();
    let login_name = RwSignal::new(login_name);
    let password = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let empty = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let (name, secret) = (login_name.get_untracked(), password.get_untracked());
        failure.set(None);
        empty.set(name.trim().is_empty() || secret.is_empty());
        if empty.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let answer = session.log_in(name.trim(), &secret).await;
            // A login that is done takes this screen away.
            busy.try_set(false);
            match answer {
                Ok(()) => {
                    password.try_set(String::new());
                    on_done.try_run(());
                }
                Err(error) => {
                    failure.try_set(Some(error.explain()));
                }
            }
        });
    };
    view! {
        <form class="stack" novalidate on:submit=send>
            <Show when=move || !device.online()>
                <Notice tone=Tone::Warning>
                    <p>{t!(i18n, gates.login_no_network)}</p>
                </Notice>
            </Show>
            <Show when=move || empty.get()>
                <Notice tone=Tone::Bad>
                    <p>{t!(i18n, gates.fill_both)}</p>
                </Notice>
            </Show>
            <FailureNotice error=failure />
            <TextField
                label=Signal::derive(move || t_string!(i18n, gates.login_name).to_owned())
                value=login_name
                disabled=known
                autocomplete="username"
            />
            <TextField
                label=Signal::derive(move || t_string!(i18n, gates.password).to_owned())
                value=password
                kind=TextKind::Password
                autocomplete="current-password"
            />
            <SubmitButton busy=busy>{t!(i18n, gates.login_button)}</SubmitButton>
            {children.map(|children| children())}
        </form>
    }
}
