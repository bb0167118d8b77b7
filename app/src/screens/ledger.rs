//! A case in the ledger, for reviewers: its facts, what comes next, and every
//! event with who, when and what it changed.

use std::sync::Arc;

use doorstep_core::api::CaseDetail;
use doorstep_core::case::{CaseAction, CaseEvent, PropertyChange};
use doorstep_core::ids::CaseId;
use doorstep_core::phone::Failure;
use doorstep_core::task::{TaskRecord, TaskState};
use doorstep_core::text::Language;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::case::steps::facts;
use super::case::{FactsCard, Visits, comment_list};
use super::parts::{AtServer, Reference, risk_badge, spoken};
use super::{NotFoundScreen, words};
use crate::app::{use_office, use_session};
use crate::clock::{now, today};
use crate::i18n::*;
use crate::office::Office;
use crate::session::Session;
use crate::ui::{Badge, Card, Icon, IconName, Notice, Page, Section, Tone};

/// `/ledger/:case`.
#[component]
pub fn LedgerScreen() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("case")?.parse::<CaseId>().ok()));
    move || match id.get() {
        Some(id) => view! { <OneCase id /> }.into_any(),
        None => view! { <NotFoundScreen /> }.into_any(),
    }
}

#[derive(Clone, Debug)]
struct LedgerData {
    detail: CaseDetail,
    reference: Reference,
}

impl LedgerData {
    async fn load(office: Office, session: Session, id: CaseId) -> Result<Arc<Self>, Failure> {
        let detail = office.case(id).await?;
        // Words are a help: without them codes are shown as they are.
        let reference = match session.phone() {
            Ok(phone) => Reference::load(&phone).await.unwrap_or_default(),
            Err(_) => Reference::default(),
        };
        Ok(Arc::new(Self { detail, reference }))
    }
}

#[component]
fn OneCase(id: CaseId) -> impl IntoView {
    let i18n = use_i18n();
    let office = use_office();
    let session = use_session();
    let data = LocalResource::new(move || LedgerData::load(office, session, id));
    let window_title = Signal::derive(move || t_string!(i18n, ledger.title).to_owned());
    let title = Signal::derive(move || {
        data.with(|read| match read {
            Some(Ok(read)) => Some(read.detail.case.label.clone()),
            _ => None,
        })
        .unwrap_or_else(|| t_string!(i18n, ledger.title).to_owned())
    });
    view! {
        <Page title window_title=window_title back=true broad=true>
            <AtServer
                resource=data
                view=move |data| {
                    move || {
                        let language = spoken(i18n);
                        view! { <LedgerBody data=data.clone() language /> }
                    }
                }
            />
        </Page>
    }
}

#[component]
fn LedgerBody(data: Arc<LedgerData>, language: Language) -> impl IntoView {
    let i18n = use_i18n();
    let CaseDetail { case, area_name, events, visits, tasks, comments, .. } = &data.detail;
    let pack = data.reference.pack.as_ref();
    let mut newest_first = events.clone();
    newest_first.sort_by_key(|event| std::cmp::Reverse(event.version));
    let event_lines = newest_first.iter().map(|event| event_line(&data, language, event)).collect_view();
    let said = (!comments.is_empty()).then(|| {
        let said = comment_list(language, comments, &|_| None);
        view! {
            <Section title=t_string!(i18n, ledger.comments).to_owned()>
                <Card>{said}</Card>
            </Section>
        }
    });
    let status = words::case_status(case.status).get(language).to_owned();
    let kind = words::kind(language, pack, &case.kind);
    let kind_code = case.kind.clone();
    let lines = facts(language, pack, case);
    let (tasks, visits) = (tasks.clone(), visits.clone());
    let (reference, visits_reference) = (data.reference.clone(), data.reference.clone());
    view! {
        <header class="who">
            <p class="cluster">
                <Badge tone=Tone::Plain>{status}</Badge>
                <Badge tone=Tone::Plain>{kind}</Badge>
                {risk_badge(language, pack, case)}
                <span class="soft small numbers">
                    {t_string!(i18n, ledger.version, version = case.version)}
                </span>
            </p>
            <p class="who__place">
                <Icon name=IconName::Place />
                <span>{area_name.clone()}</span>
            </p>
        </header>
        <div class="columns">
            <div class="stack">
                <Section title=t_string!(i18n, ledger.next).to_owned()>
                    <Tasks tasks reference language />
                </Section>
                <Section title=t_string!(i18n, ledger.facts).to_owned()>
                    <FactsCard lines />
                </Section>
                <Section title=t_string!(i18n, ledger.visits).to_owned()>
                    <Visits visits kind=kind_code reference=visits_reference language />
                </Section>
                {said}
            </div>
            <Section title=t_string!(i18n, ledger.events).to_owned()>
                <ol class="list">{event_lines}</ol>
            </Section>
        </div>
    }
}

/// What is open or was captured, the earliest first.
#[component]
fn Tasks(tasks: Vec<TaskRecord>, reference: Reference, language: Language) -> impl IntoView {
    let i18n = use_i18n();
    let mut tasks: Vec<TaskRecord> = tasks
        .into_iter()
        .filter(|task| matches!(task.state, TaskState::Open | TaskState::Submitted))
        .collect();
    tasks.sort_by_key(|task| (task.due_on, task.id));
    if tasks.is_empty() {
        return view! {
            <Notice tone=Tone::Info>
                <p>{t_string!(i18n, ledger.no_task)}</p>
            </Notice>
        }
        .into_any();
    }
    let lines = tasks
        .iter()
        .map(|task| {
            let tone = words::due_tone(task.urgency(today()));
            let due = words::due(language, task, today());
            let nobody = task.assignee.is_none().then(|| {
                view! { <Badge tone=Tone::Warning>{t_string!(i18n, ledger.nobody)}</Badge> }
            });
            view! {
                <li class="history" data-id=task.id.to_string()>
                    <p class="cluster cluster--apart">
                        <strong>{reference.form(language, &task.form_id)}</strong>
                        <Badge tone>{due}</Badge>
                    </p>
                    <p class="cluster soft small">
                        <span class="numbers">
                            {t_string!(
                                i18n,
                                ledger.due_on,
                                date = words::day(language, task.due_on, today())
                            )}
                        </span>
                        <span>{task.role.label().get(language).to_owned()}</span>
                        <span>{words::task_state(task.state).get(language).to_owned()}</span>
                        {nobody}
                    </p>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="list">{lines}</ul> }.into_any()
}

/// One event: what happened, who entered it and when, and what it changed.
fn event_line(data: &LedgerData, language: Language, event: &CaseEvent) -> AnyView {
    let i18n = use_i18n();
    let reference = &data.reference;
    let what = match &event.action {
        CaseAction::Opened { .. } => t_string!(i18n, ledger.opened).to_owned(),
        CaseAction::Visited { form_id, visited_on, .. } => {
            let form = reference.form(language, form_id);
            let on = words::day(language, *visited_on, today());
            t_string!(i18n, ledger.visited, form = form, date = on)
        }
        CaseAction::Moved { area_id } => {
            let area = words::area(&reference.areas, *area_id, doorstep_core::area::AreaLevel::Township);
            t_string!(i18n, ledger.moved, area = area)
        }
    };
    let effects = match &event.action {
        CaseAction::Visited { counted, closes, .. } => {
            let (tone, word) = if *counted {
                (Tone::Good, t_string!(i18n, ledger.counted))
            } else {
                (Tone::Plain, t_string!(i18n, ledger.not_counted))
            };
            let closed =
                closes.then(|| view! { <Badge tone=Tone::Info>{t_string!(i18n, ledger.closed)}</Badge> });
            view! {
                <Badge tone>{word}</Badge>
                {closed}
            }
            .into_any()
        }
        _ => ().into_any(),
    };
    let at = words::moment_here(language, event.at, now());
    let who = data.detail.people.get(&event.actor).cloned();
    let by = match (who, worker(&data.detail, event)) {
        (Some(who), Some(worker)) => t_string!(i18n, ledger.by_both, who = who, worker = worker),
        (Some(who), None) => t_string!(i18n, ledger.by, who = who),
        (None, Some(worker)) => t_string!(i18n, ledger.by_worker, worker = worker),
        (None, None) => String::new(),
    };
    let changes = (!event.changes.is_empty()).then(|| {
        let lines = event.changes.iter().map(|change| change_line(data, language, change)).collect_view();
        view! { <dl class="changes">{lines}</dl> }
    });
    let link = event.submission_id.map(|id| {
        view! { <a class="small" href=format!("/submission/{id}")>{t_string!(i18n, ledger.to_submission)}</a> }
    });
    view! {
        <li class="history" data-id=event.id.to_string()>
            <p class="cluster cluster--apart">
                <strong>{what}</strong>
                <span class="cluster">{effects}</span>
            </p>
            <p class="soft small numbers">{[at, by].join(" · ").trim_end_matches([' ', '·']).to_owned()}</p>
            {changes}
            {link}
        </li>
    }
    .into_any()
}

/// Whose visit an event entered.
fn worker(detail: &CaseDetail, event: &CaseEvent) -> Option<String> {
    let submission = event.submission_id?;
    detail
        .visits
        .iter()
        .find(|visit| visit.submission_id == submission)
        .map(|visit| visit.worker_name.clone())
}

/// `风险: 绿 → 红`.
fn change_line(data: &LedgerData, language: Language, change: &PropertyChange) -> AnyView {
    let i18n = use_i18n();
    let pack = data.reference.pack.as_ref();
    let kind = &data.detail.case.kind;
    let say = |value: Option<&String>| match value.filter(|value| !value.is_empty()) {
        Some(value) => words::value(language, pack, kind, &change.property, value),
        None => t_string!(i18n, ledger.nothing).to_owned(),
    };
    view! {
        <div class="changes__line">
            <dt>{words::property(language, pack, kind, &change.property)}</dt>
            <dd>
                <del>{say(change.old.as_ref())}</del>
                <span aria-hidden="true">" → "</span>
                <ins>{say(change.new.as_ref())}</ins>
            </dd>
        </div>
    }
    .into_any()
}
