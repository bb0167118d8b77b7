//! The backup file: saving what only this phone has, and bringing it in.

use doorstep_core::text::LocalText;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsValue;

use crate::app::{use_session, use_settings, use_sync};
use crate::browser::{bytes_of, call_async, get, save_blob};
use crate::clock;
use crate::explain::Explain;
use crate::i18n::*;
use crate::screens::parts::spoken;
use crate::screens::words;
use crate::session::SessionError;
use crate::ui::{Button, ButtonKind, Card, FailureNotice, Icon, IconName, Notice, Section, Tone};

/// Saves a file, and takes one in.
#[component]
pub fn Backup() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let settings = use_settings();
    let sync = use_sync();
    let busy = RwSignal::new(false);
    let said = RwSignal::new(None::<LocalText>);
    let error = RwSignal::new(None::<LocalText>);
    let done = move |outcome: Result<LocalText, LocalText>| {
        let _ = busy.try_set(false);
        match outcome {
            Ok(text) => drop(said.try_set(Some(text))),
            Err(text) => drop(error.try_set(Some(text))),
        }
    };
    let begin = move || {
        busy.set(true);
        said.set(None);
        error.set(None);
    };
    let save = move || {
        begin();
        spawn_local(async move {
            done(match session.write_backup().await {
                Ok(None) => Ok(LocalText::new(
                    td_string!(Locale::zh, backup.nothing),
                    td_string!(Locale::en, backup.nothing),
                )),
                Ok(Some(written)) => {
                    let day = clock::today().format("%Y-%m-%d");
                    let name = format!("doorstep-{day}.backup");
                    match save_blob(&written.blob, &name) {
                        Some(()) => Ok(saved(
                            &name,
                            (written.header.visits, written.header.files, written.header.drafts),
                        )),
                        None => Err(SessionError::Browser(name).explain()),
                    }
                }
                Err(failed) => Err(failed.explain()),
            });
        });
    };
    let bring = move |event: leptos::ev::Event| {
        let input = event.target().map(JsValue::from).unwrap_or_default();
        let file = get(&get(&input, "files"), "0");
        if !file.is_truthy() {
            return;
        }
        begin();
        spawn_local(async move {
            let bytes = match call_async(&file, "arrayBuffer", &[]).await {
                Ok(buffer) => bytes_of(&buffer),
                Err(_) => {
                    return done(Err(LocalText::new(
                        td_string!(Locale::zh, backup.unreadable),
                        td_string!(Locale::en, backup.unreadable),
                    )));
                }
            };
            // The same file may be chosen again.
            crate::browser::set(&input, "value", &JsValue::from_str(""));
            done(match session.read_backup(&bytes).await {
                Ok(new) => {
                    sync.saved();
                    Ok(brought((new.visits, new.files, new.drafts)))
                }
                Err(failed) => Err(failed.explain()),
            });
        });
    };
    let unsent = move || {
        let language = spoken(i18n);
        let unsent = sync.status().unsent;
        words::unsent(language, unsent.visits, unsent.files)
    };
    view! {
        <Section title=Signal::derive(move || t_string!(i18n, backup.title).to_owned())>
            <Card>
                <div class="stack" id="backup">
                    <p class="soft small">{t!(i18n, backup.text)}</p>
                    {move || unsent().map(|unsent| view! { <p role="status">{unsent}</p> })}
                    <Button kind=ButtonKind::Secondary wide=true busy icon=IconName::Download on_press=save>
                        {t!(i18n, backup.save)}
                    </Button>
                    <label class="button button--quiet button--wide">
                        <Icon name=IconName::File />
                        {t!(i18n, backup.bring)}
                        <input
                            class="unseen"
                            type="file"
                            accept=".backup,application/octet-stream"
                            disabled=busy
                            on:change=bring
                        />
                    </label>
                    {move || {
                        said.get()
                            .map(|text| {
                                view! {
                                    <Notice tone=Tone::Good>
                                        <p role="status">{text.get(settings.language()).to_owned()}</p>
                                    </Notice>
                                }
                            })
                    }}
                    <FailureNotice error />
                </div>
            </Card>
        </Section>
    }
}

fn saved(name: &str, (visits, files, drafts): (usize, usize, usize)) -> LocalText {
    LocalText::new(
        td_string!(Locale::zh, backup.saved, name = name, visits = visits, files = files, drafts = drafts),
        td_string!(Locale::en, backup.saved, name = name, visits = visits, files = files, drafts = drafts),
    )
}

fn brought((visits, files, drafts): (usize, usize, usize)) -> LocalText {
    LocalText::new(
        td_string!(Locale::zh, backup.brought, visits = visits, files = files, drafts = drafts),
        td_string!(Locale::en, backup.brought, visits = visits, files = files, drafts = drafts),
    )
}
