//! The outbox: what was captured on this phone, and where each of it stands.

mod files;
mod stage;

use std::collections::BTreeSet;
use std::sync::Arc;

use doorstep_core::ids::{DraftId, SubmissionId};
use doorstep_core::phone::{DraftRecord, MediaEntry, MediaState, OutboxEntry, PhoneError};
use doorstep_core::store::Table;
use doorstep_core::submission::SubmissionStatus;
use doorstep_core::text::{Language, LocalText};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::case::comment_list;
use super::parts::{Reference, spoken};
use super::words;
use crate::app::{use_device, use_session, use_settings, use_sync};
use crate::clock::{now, today};
use crate::device::Persistence;
use crate::explain::Explain;
use crate::i18n::*;
use crate::session::AppPhone;
use crate::sync::SyncPhase;
use crate::ui::{
    Badge, Button, ButtonKind, Dialog, DialogActions, Empty, Fact, Facts, FailureNotice, IconName, Loaded,
    Notice, Page, Section, Tone,
};
use files::{file_lines, files_held};
use stage::{refusal, stage, uploading};

#[derive(Clone, Debug)]
struct OutboxData {
    entries: Vec<OutboxEntry>,
    drafts: Vec<DraftRecord>,
    media: Vec<MediaEntry>,
    /// What came back and was not corrected yet.
    returned: Vec<SubmissionStatus>,
    reference: Reference,
}

impl OutboxData {
    async fn load(phone: &AppPhone) -> Result<Arc<Self>, PhoneError> {
        Ok(Arc::new(Self {
            entries: phone.outbox().await?,
            drafts: phone.drafts().await?,
            media: phone.media().await?,
            returned: phone.returned().await?,
            reference: Reference::load(phone).await?,
        }))
    }
}

/// `/outbox`.
#[component]
pub fn OutboxScreen() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    // Which lines are open: kept here, so that news does not close them.
    let open = RwSignal::new(BTreeSet::<SubmissionId>::new());
    let discarding = RwSignal::new(None::<DraftRecord>);
    let data = LocalResource::new(move || {
        session.changes().track(&[Table::Record, Table::Draft, Table::Operation, Table::Media]);
        async move { OutboxData::load(&*session.phone()?).await }
    });
    view! {
        <Page title=Signal::derive(move || t_string!(i18n, outbox.title).to_owned())>
            <SyncCard />
            <Loaded
                resource=data
                view=move |data| {
                    move || {
                        let language = spoken(i18n);
                        view! { <OutboxBody data=data.clone() language open discarding /> }
                    }
                }
            />
            <DiscardDialog discarding />
        </Page>
    }
}

/// What is unsent, when sync last worked, why it does not, and the button.
#[component]
fn SyncCard() -> impl IntoView {
    let i18n = use_i18n();
    let sync = use_sync();
    let device = use_device();
    let session = use_session();
    let settings = use_settings();
    let status = Memo::new(move |_| sync.status());
    let unsent = move || {
        let language = spoken(i18n);
        let (visits, files) = status.with(|status| (status.unsent.visits, status.unsent.files));
        words::unsent(language, visits, files)
    };
    let last = move || {
        let language = spoken(i18n);
        match status.with(|status| status.last_success) {
            Some(at) => {
                let at = words::moment_here(language, at, now());
                t_string!(i18n, outbox.last_sync, at = at)
            }
            None => t_string!(i18n, outbox.never_synced).to_owned(),
        }
    };
    let busy = Signal::derive(move || status.with(|status| status.phase != SyncPhase::Idle));
    let failure = Memo::new(move |_| status.with(|status| status.failure.as_ref().map(Explain::explain)));
    view! {
        <div class="card outbox__summary">
            <p class="outbox__unsent" class:outbox__unsent--some=move || unsent().is_some() role="status">
                {move || unsent().unwrap_or_else(|| t_string!(i18n, outbox.all_sent).to_owned())}
            </p>
            <p class="soft small">{last}</p>
            <Button
                kind=ButtonKind::Secondary
                busy
                disabled=Signal::derive(move || !device.online())
                icon=IconName::Sync
                on_press=move || sync.start()
            >
                {move || t_string!(i18n, outbox.sync)}
            </Button>
            {files_held(Signal::derive(move || status.with(|status| status.unsent.files)))}
            {move || {
                let at_risk = matches!(device.persistence(), Persistence::Refused | Persistence::Unsupported);
                (at_risk && unsent().is_some())
                    .then(|| {
                        view! {
                            <Notice tone=Tone::Warning icon=IconName::Storage>
                                <p>{t!(i18n, backup.offer)}</p>
                                <a class="button button--secondary" href="/me#backup">{t!(i18n, backup.offer_link)}</a>
                            </Notice>
                        }
                    })
            }}
            {move || (!device.online()).then(|| view! { <p class="soft small">{t!(i18n, outbox.offline)}</p> })}
            {move || {
                failure
                    .get()
                    .filter(|_| device.online() && !busy.get())
                    .map(|text| {
                        view! {
                            <Notice tone=Tone::Warning>
                                <p>{move || text.get(settings.language()).to_owned()}</p>
                                {session
                                    .login_needed()
                                    .then(|| view! { <a class="button button--secondary" href="/login">{t!(i18n, outbox.log_in)}</a> })}
                            </Notice>
                        }
                    })
            }}
        </div>
    }
}

#[component]
fn OutboxBody(
    data: Arc<OutboxData>,
    language: Language,
    open: RwSignal<BTreeSet<SubmissionId>>,
    discarding: RwSignal<Option<DraftRecord>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let drafts = (!data.drafts.is_empty()).then(|| {
        let lines = data
            .drafts
            .iter()
            .map(|draft| draft_line(&data.reference, language, draft, discarding))
            .collect_view();
        view! {
            <Section title=t_string!(i18n, outbox.drafts).to_owned()>
                <ul class="list">{lines}</ul>
            </Section>
        }
    });
    let captured = if data.entries.is_empty() {
        view! {
            <Empty
                icon=IconName::Outbox
                title=t_string!(i18n, outbox.empty).to_owned()
                text=t_string!(i18n, outbox.empty_text).to_owned()
            />
        }
        .into_any()
    } else {
        let lines = data
            .entries
            .iter()
            .map(|entry| {
                let (data, entry) = (data.clone(), entry.clone());
                view! { <EntryLine data entry language open /> }
            })
            .collect_view();
        view! {
            <Section title=t_string!(i18n, outbox.captured).to_owned()>
                <ul class="list">{lines}</ul>
            </Section>
        }
        .into_any()
    };
    view! {
        {drafts}
        {captured}
    }
}

fn draft_line(
    reference: &Reference,
    language: Language,
    draft: &DraftRecord,
    discarding: RwSignal<Option<DraftRecord>>,
) -> AnyView {
    let i18n = use_i18n();
    let age = words::ago(language, now().signed_duration_since(draft.started_at));
    let form = reference.form(language, &draft.form_id);
    let asked = draft.clone();
    let (tone, word) = if draft.root_id.is_some() {
        (Tone::Warning, t_string!(i18n, outbox.correction))
    } else {
        (Tone::Warning, t_string!(i18n, outbox.draft))
    };
    view! {
        <li class="outbox__line" data-id=draft.draft_id.to_string()>
            <p class="outbox__head">
                <strong class="outbox__name">{case_name(i18n, Some(&draft.case_label))}</strong>
                <Badge tone>{word}</Badge>
            </p>
            <p class="soft small">{t_string!(i18n, outbox.draft_age, form = form, age = age)}</p>
            <div class="cluster">
                <a class="button button--secondary" href=format!("/fill/{}", draft.draft_id)>
                    {t_string!(i18n, outbox.go_on)}
                </a>
                <Button kind=ButtonKind::Quiet on_press=move || discarding.set(Some(asked.clone()))>
                    {t_string!(i18n, outbox.discard)}
                </Button>
            </div>
        </li>
    }
    .into_any()
}

fn case_name(i18n: leptos_i18n::I18nContext<Locale>, label: Option<&String>) -> String {
    label
        .filter(|label| !label.is_empty())
        .cloned()
        .unwrap_or_else(|| t_string!(i18n, outbox.case_missing).to_owned())
}

/// One captured visit.
#[component]
fn EntryLine(
    data: Arc<OutboxData>,
    entry: OutboxEntry,
    language: Language,
    open: RwSignal<BTreeSet<SubmissionId>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let sync = use_sync();
    let id = entry.submission_id;
    let phase = Memo::new(move |_| sync.status().phase);
    let badge = {
        let entry = entry.clone();
        move || {
            let stage = stage(language, &entry, phase.get());
            view! {
                <Badge tone=stage.tone>{stage.words}</Badge>
                {stage.more.map(|why| view! { <p class="outbox__why small">{why}</p> })}
            }
        }
    };
    let photos = {
        let (data, sent, total) = (data.clone(), entry.media_sent, entry.media_total);
        move || {
            (total > 0).then(|| {
                let percent = uploading(&data.media, id, phase.get());
                let text = t_string!(i18n, outbox.photos, sent = sent, total = total);
                view! {
                    <p class="soft small numbers">{text}</p>
                    {percent
                        .map(|percent| {
                            view! { <progress class="meter" max="100" value=percent.to_string()></progress> }
                        })}
                    {(sent < total)
                        .then(|| file_lines(&data.media, id, phase.get(), sync.files().held()))}
                }
            })
        }
    };
    let refused = entry
        .media_set_aside
        .iter()
        .map(|file| match &file.state {
            MediaState::SetAside { problem } => refusal(language, problem),
            _ => String::new(),
        })
        .map(|why| {
            view! {
                <Notice tone=Tone::Bad>
                    <p>{t_string!(i18n, outbox.photo_refused, why = why)}</p>
                </Notice>
            }
        })
        .collect_view();
    let comments = entry
        .status
        .as_ref()
        .filter(|status| !status.comments.is_empty())
        .map(|status| comment_list(language, &status.comments, &|_| None));
    let correct = data.returned.iter().find(|status| status.submission_id == id).map(|status| {
        view! {
            <a class="button button--secondary" href=format!("/case/{}", status.case_id)>
                {t_string!(i18n, outbox.to_case)}
            </a>
        }
    });
    let form = data.reference.form(language, &entry.form_id);
    let at = words::moment(language, entry.finished_at, today());
    let is_open = Memo::new(move |_| open.with(|open| open.contains(&id)));
    let receipt = entry.receipt.clone();
    let revision = entry.revision;
    let details = move || {
        is_open.get().then(|| {
            let received = receipt.as_ref().map(|receipt| {
                let at = words::moment_here(language, receipt.received_at, now());
                let hash = words::short_hash(&receipt.sha256.to_string());
                view! {
                    <Fact name=t_string!(i18n, outbox.received_at).to_owned()>
                        {at}
                    </Fact>
                    <Fact name=t_string!(i18n, outbox.receipt).to_owned()>
                        <code>{hash}</code>
                    </Fact>
                }
            });
            let none = received.is_none().then(|| {
                view! { <p class="soft small">{t_string!(i18n, outbox.no_receipt)}</p> }
            });
            view! {
                <Facts>
                    {received}
                    <Fact name=t_string!(i18n, outbox.revision).to_owned()>{revision}</Fact>
                </Facts>
                {none}
            }
        })
    };
    let toggle = move |_| {
        open.update(|open| {
            if !open.remove(&id) {
                open.insert(id);
            }
        });
    };
    view! {
        <li class="outbox__line" data-id=id.to_string()>
            <div class="outbox__head">
                <strong class="outbox__name">{case_name(i18n, entry.case_label.as_ref())}</strong>
                {badge}
            </div>
            <p class="soft small">{format!("{form} · {at}")}</p>
            {photos}
            {refused}
            {comments}
            <div class="cluster">
                {correct}
                <button
                    type="button"
                    class="button button--quiet outbox__more"
                    aria-expanded=move || if is_open.get() { "true" } else { "false" }
                    on:click=toggle
                >
                    {t_string!(i18n, outbox.details)}
                </button>
            </div>
            {details}
        </li>
    }
}

/// Asks before a draft is thrown away.
#[component]
fn DiscardDialog(discarding: RwSignal<Option<DraftRecord>>) -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let open = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<LocalText>);
    Effect::new(move |_| {
        if discarding.with(Option::is_some) {
            error.set(None);
            open.set(true);
        }
    });
    // Escape closes the dialog: then the question is answered with no.
    Effect::new(move |was: Option<bool>| {
        let is = open.get();
        if was == Some(true) && !is {
            discarding.set(None);
        }
        is
    });
    let name = move || {
        discarding.with(|draft| draft.as_ref().map(|draft| draft.case_label.clone())).unwrap_or_default()
    };
    let discard = move |draft: DraftId| {
        busy.set(true);
        spawn_local(async move {
            let done = match session.phone_untracked() {
                Ok(phone) => phone.discard_draft(draft).await,
                Err(error) => Err(error),
            };
            let _ = busy.try_set(false);
            match done {
                Ok(()) => {
                    let _ = open.try_set(false);
                }
                Err(failed) => {
                    let _ = error.try_set(Some(failed.explain()));
                }
            }
        });
    };
    let confirm = move || {
        if let Some(draft) = discarding.with_untracked(|draft| draft.as_ref().map(|draft| draft.draft_id)) {
            discard(draft);
        }
    };
    view! {
        <Dialog open title=Signal::derive(move || t_string!(i18n, outbox.discard_title).to_owned())>
            <p>{move || t_string!(i18n, outbox.discard_text, name = name())}</p>
            <FailureNotice error />
            <DialogActions>
                <Button kind=ButtonKind::Danger busy icon=IconName::Trash on_press=confirm>
                    {move || t_string!(i18n, outbox.discard_yes)}
                </Button>
                <Button kind=ButtonKind::Secondary on_press=move || open.set(false)>
                    {move || t_string!(i18n, outbox.discard_no)}
                </Button>
            </DialogActions>
        </Dialog>
    }
}
