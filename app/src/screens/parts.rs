//! What several screens are made of, above the primitives of [`crate::ui`].

use std::collections::BTreeMap;

use doorstep_core::area::{AreaLevel, AreaRecord};
use doorstep_core::case::CaseRecord;
use doorstep_core::ids::AreaId;
use doorstep_core::pack::Pack;
use doorstep_core::phone::{Failure, PhoneError};
use doorstep_core::text::{Language, LocalText};
use leptos::prelude::*;
use leptos_i18n::I18nContext;

use super::words;
use crate::app::use_device;
use crate::i18n::*;
use crate::session::AppPhone;
use crate::ui::{Badge, Button, ButtonKind, Empty, Icon, IconName, Loaded, Notice, Tone};

/// What the phone knows of forms, areas and the pack: enough to say codes in
/// words.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    pub(super) pack: Option<Pack>,
    pub(super) areas: BTreeMap<AreaId, AreaRecord>,
    /// Titles by form, of the current version where there is one.
    titles: BTreeMap<String, LocalText>,
}

impl Reference {
    /// Reads it from the phone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn load(phone: &AppPhone) -> Result<Self, PhoneError> {
        let mut forms = phone.form_versions().await?;
        // The current one last, so that its title stays.
        forms.sort_by_key(|form| form.current);
        Ok(Self {
            pack: phone.pack().await?,
            areas: phone.areas().await?,
            titles: forms.into_iter().map(|form| (form.form_id, form.title)).collect(),
        })
    }

    /// Whether nothing of it has arrived on the phone yet.
    pub(super) fn is_empty(&self) -> bool {
        self.pack.is_none() && self.titles.is_empty()
    }

    /// Whether new captures of the form can be begun here.
    pub(super) fn knows_form(&self, form_id: &str) -> bool {
        self.titles.contains_key(form_id)
    }

    /// What a form is called: in the pack's words, else in its own.
    pub(super) fn form(&self, language: Language, form_id: &str) -> String {
        let in_pack = self.pack.as_ref().and_then(|pack| pack.form_use(form_id));
        in_pack
            .map(|form| form.label.get(language))
            .filter(|label| !label.is_empty())
            .or_else(|| self.titles.get(form_id).map(|title| title.get(language)))
            .unwrap_or(form_id)
            .to_owned()
    }

    /// Where a case is: the address where the ledger has one, else the grid.
    pub(super) fn place(&self, case: &CaseRecord) -> String {
        let area = words::area(&self.areas, case.area_id, AreaLevel::Village);
        match case.properties.get("address").filter(|address| !address.is_empty()) {
            Some(address) if area.is_empty() => address.clone(),
            Some(address) => format!("{area} · {address}"),
            None => area,
        }
    }
}

/// The language of the words on the screen. Tracks; what is composed of texts
/// and of [`t_string`] together asks here, so that both change at once.
pub(super) fn spoken(i18n: I18nContext<Locale>) -> Language {
    match i18n.get_locale() {
        Locale::zh => Language::Zh,
        Locale::en => Language::En,
    }
}

/// Shows what the server answered. Reviewing works at the server only: without
/// it this says so, and asks again as soon as there is a network.
#[component]
pub(super) fn AtServer<T, V>(
    resource: LocalResource<Result<T, Failure>>,
    view: impl Fn(T) -> V + Clone + Send + 'static,
) -> impl IntoView
where
    T: Clone + 'static,
    V: IntoView + 'static,
{
    let i18n = use_i18n();
    let device = use_device();
    let unreachable =
        Memo::new(move |_| resource.with(|read| matches!(read, Some(Err(Failure::NoConnection)))));
    Effect::new(move |was: Option<bool>| {
        let online = device.online();
        if online && was == Some(false) && unreachable.get_untracked() {
            resource.refetch();
        }
        online
    });
    move || {
        if unreachable.get() {
            return view! {
                <Empty
                    icon=IconName::CloudOff
                    title=Signal::derive(move || t_string!(i18n, queue.no_server).to_owned())
                    text=Signal::derive(move || t_string!(i18n, queue.no_server_text).to_owned())
                >
                    <Button
                        kind=ButtonKind::Secondary
                        icon=IconName::Sync
                        on_press=move || resource.refetch()
                    >
                        {t!(i18n, common.try_again)}
                    </Button>
                </Empty>
            }
            .into_any();
        }
        let offline = move || {
            (!device.online()).then(|| {
                view! {
                    <Notice tone=Tone::Warning icon=IconName::CloudOff>
                        <p>{t!(i18n, queue.offline)}</p>
                    </Notice>
                }
            })
        };
        view! {
            {offline}
            <Loaded resource view=view.clone() />
        }
        .into_any()
    }
}

/// A part that is shown on request.
#[component]
pub(super) fn Fold(
    #[prop(into)] title: Signal<String>,
    open: RwSignal<bool>,
    children: ChildrenFn,
) -> impl IntoView {
    view! {
        <section class="fold">
            <button
                type="button"
                class="fold__button"
                aria-expanded=move || if open.get() { "true" } else { "false" }
                on:click=move |_| open.update(|open| *open = !*open)
            >
                <span class="fold__title">{title}</span>
                <span class="fold__chevron" class:fold__chevron--open=open>
                    <Icon name=IconName::Chevron />
                </span>
            </button>
            <Show when=move || open.get()>{children()}</Show>
        </section>
    }
}

/// The risk of a case, where the ledger knows it.
pub(super) fn risk_badge(language: Language, pack: Option<&Pack>, case: &CaseRecord) -> AnyView {
    words::risk(language, pack, case).map(|(word, tone)| view! { <Badge tone>{word}</Badge> }).into_any()
}

/// The alert of a submission or visit: its level, and each code in words.
pub(super) fn alert_badges(
    language: Language,
    pack: Option<&Pack>,
    kind: &str,
    level: u8,
    codes: &[String],
) -> AnyView {
    let tone = words::alert_tone(level);
    let level_word = (level > 0).then(|| words::alert_level(language, pack, kind, level)).map(|word| {
        view! {
            <Badge tone strong={level >= 2} icon=IconName::Alert>
                {word}
            </Badge>
        }
    });
    let code_words = words::alerts(language, pack, kind, codes)
        .into_iter()
        .map(|word| view! { <Badge tone>{word}</Badge> })
        .collect_view();
    view! {
        {level_word}
        {code_words}
    }
    .into_any()
}
