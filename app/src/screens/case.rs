//! One case: who it is, what is to be done now, and what was done before.

pub mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;

use doorstep_core::case::{CaseRecord, CaseStatus, VisitRecord};
use doorstep_core::ids::{CaseId, DraftId, SubmissionId, TaskId};
use doorstep_core::phone::{CaseView, DraftRecord, PhoneError};
use doorstep_core::role::{Action, allows};
use doorstep_core::store::Table;
use doorstep_core::submission::{Comment, SubmissionStatus};
use doorstep_core::text::{Language, LocalText};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::{use_navigate, use_params_map};

use super::parts::{Reference, alert_badges, risk_badge, spoken};
use super::submission::Reading;
use super::{NotFoundScreen, words};
use crate::app::use_session;
use crate::clock::{new_id, now, today};
use crate::explain::Explain;
use crate::i18n::*;
use crate::session::{AppPhone, Session};
use crate::ui::{
    Actions, Badge, Button, ButtonKind, Card, Empty, Fact, Facts, FailureNotice, Icon, IconName, Loaded,
    Notice, Page, Row, Section, Tone,
};
use steps::{FactLine, Step, StepKind, facts, steps, unasked};

/// `/case/:id`.
#[component]
pub fn CaseScreen() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id")?.parse::<CaseId>().ok()));
    move || match id.get() {
        Some(id) => view! { <OneCase id /> }.into_any(),
        None => view! { <NotFoundScreen /> }.into_any(),
    }
}

#[derive(Clone, Debug)]
struct CaseData {
    view: CaseView,
    drafts: Vec<DraftRecord>,
    returned: Vec<SubmissionStatus>,
    /// The returned answers by form, for the questions that comments are about.
    readings: BTreeMap<String, Reading>,
    reference: Reference,
}

impl CaseData {
    async fn load(phone: &AppPhone, id: CaseId) -> Result<Arc<Self>, PhoneError> {
        let returned = phone.returned().await?;
        let mut readings = BTreeMap::new();
        for status in returned.iter().filter(|status| status.case_id == id) {
            // Without its form a comment is shown without its question.
            let Some(content) = &status.content else { continue };
            if let Ok(plan) = phone.plan(status.form_version_id).await {
                readings.insert(status.form_id.clone(), Reading::new(plan, content, None));
            }
        }
        Ok(Arc::new(Self {
            view: phone.case(id, today()).await?,
            drafts: phone.drafts().await?,
            returned,
            readings,
            reference: Reference::load(phone).await?,
        }))
    }

    fn question(&self, language: Language, form_id: &str, path: &str) -> Option<String> {
        self.readings.get(form_id).map(|reading| reading.question(language, path))
    }
}

#[component]
fn OneCase(id: CaseId) -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let data = LocalResource::new(move || {
        session.changes().track(&[Table::Record, Table::Draft, Table::Operation]);
        async move { CaseData::load(&*session.phone()?, id).await }
    });
    let door = StepDoor::new(session, id);
    // The name, once it is read.
    let window_title = Signal::derive(move || t_string!(i18n, case.title).to_owned());
    let title = Signal::derive(move || {
        data.with(|read| match read {
            Some(Ok(read)) => Some(read.view.case.label.clone()),
            _ => None,
        })
        .unwrap_or_else(|| t_string!(i18n, case.title).to_owned())
    });
    view! {
        <Page title window_title=window_title back=true>
            <Loaded
                resource=data
                view=move |data| {
                    move || {
                        let language = spoken(i18n);
                        view! { <CaseBody data=data.clone() language door /> }
                    }
                }
            />
        </Page>
    }
}

#[component]
fn CaseBody(data: Arc<CaseData>, language: Language, door: StepDoor) -> impl IntoView {
    let i18n = use_i18n();
    let case = &data.view.case;
    let pack = data.reference.pack.as_ref();
    let found = steps(case, &data.view.tasks, &data.drafts, &data.returned);
    let more: Vec<String> = unasked(case, pack, &found)
        .into_iter()
        .filter(|form_id| data.reference.knows_form(form_id))
        .collect();
    let id = case.id;
    let tone = status_tone(case);
    let status = words::case_status(case.status).get(language).to_owned();
    let kind_code = case.kind.clone();
    let kind = words::kind(language, pack, &case.kind);
    let risk = risk_badge(language, pack, case);
    let lines = facts(language, pack, case);
    let visits = data.view.visits.clone();
    let reference = data.reference.clone();
    let place = place(&data);
    // The first thing to do is the one at the thumb.
    let first = found.iter().find(|step| step.kind.is_open()).cloned();
    let nothing = found.is_empty().then(|| {
        view! {
            <Notice tone=Tone::Good>
                <p>{t_string!(i18n, case.nothing_due)}</p>
            </Notice>
        }
    });
    let step_cards = found
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let leading =
                first.as_ref() == Some(step) && found.iter().position(|other| other == step) == Some(at);
            step_card(&data, language, step, leading, door)
        })
        .collect_view();
    let unasked_buttons = more
        .into_iter()
        .map(|form_id| {
            let title = data.reference.form(language, &form_id);
            let step = Step { form_id, entry: None, kind: StepKind::Start { task: None } };
            view! {
                <Button
                    kind=ButtonKind::Secondary
                    busy=door.busy
                    icon=IconName::Plus
                    on_press=move || door.press(&step)
                >
                    {t_string!(i18n, case.unasked, form = title)}
                </Button>
            }
        })
        .collect_view();
    view! {
        <header class="who">
            <p class="cluster">
                <Badge tone>{status}</Badge>
                <Badge tone=Tone::Plain>{kind}</Badge>
                {risk}
            </p>
            <p class="who__place">
                <Icon name=IconName::Place />
                <span>{place}</span>
            </p>
        </header>
        <FailureNotice error=door.error />
        <Section title=t_string!(i18n, case.to_do).to_owned()>
            <div class="stack">
                {nothing}
                {step_cards}
                <div class="cluster">{unasked_buttons}</div>
            </div>
        </Section>
        <Section title=t_string!(i18n, case.facts).to_owned()>
            <FactsCard lines />
        </Section>
        <Section title=t_string!(i18n, case.visits).to_owned()>
            <Visits visits kind=kind_code reference language />
        </Section>
        <LedgerLink id />
        {first
            .map(|step| {
                let label = step_label(i18n, &step);
                view! {
                    <Actions>
                        <Button busy=door.busy on_press=move || door.press(&step)>
                            {label}
                        </Button>
                    </Actions>
                }
            })}
    }
}

fn status_tone(case: &CaseRecord) -> Tone {
    match case.status {
        CaseStatus::Open => Tone::Good,
        CaseStatus::Closed => Tone::Plain,
    }
}

fn place(data: &CaseData) -> String {
    let areas = data.view.area_names.join(" ");
    match data.view.case.properties.get("address").filter(|address| !address.is_empty()) {
        Some(address) => format!("{areas} · {address}"),
        None => areas,
    }
}

fn step_label(i18n: leptos_i18n::I18nContext<Locale>, step: &Step) -> &'static str {
    match step.kind {
        StepKind::Start { .. } => t_string!(i18n, case.start),
        StepKind::Continue { correction: false, .. } => t_string!(i18n, case.go_on),
        StepKind::Continue { correction: true, .. } => t_string!(i18n, case.go_on_correcting),
        StepKind::Correct { .. } => t_string!(i18n, case.correct),
        StepKind::Unsent => t_string!(i18n, case.unsent),
        StepKind::Sent => t_string!(i18n, case.sent),
    }
}

/// One thing to do. The leading one has its button at the bottom of the screen.
fn step_card(data: &CaseData, language: Language, step: &Step, leading: bool, door: StepDoor) -> AnyView {
    let i18n = use_i18n();
    let due = step.entry.as_ref().map(|entry| {
        let tone = words::due_tone(entry.urgency);
        let by = words::day(language, entry.task.due_on, today());
        let due = words::due(language, &entry.task, today());
        view! {
            <p class="cluster">
                <Badge tone>{due}</Badge>
                <span class="soft small numbers">{t_string!(i18n, case.due_on, date = by)}</span>
            </p>
        }
    });
    let comments = match &step.kind {
        StepKind::Correct { comments, .. } | StepKind::Continue { comments, .. } if !comments.is_empty() => {
            let question = |path: &str| data.question(language, &step.form_id, path);
            Some(comment_list(language, comments, &question))
        }
        _ => None,
    };
    let state = match step.kind {
        StepKind::Unsent => Some((Tone::Plain, t_string!(i18n, case.unsent))),
        StepKind::Sent => Some((Tone::Info, t_string!(i18n, case.sent))),
        StepKind::Correct { .. } => Some((Tone::Warning, t_string!(i18n, case.returned))),
        StepKind::Continue { .. } => Some((Tone::Warning, t_string!(i18n, case.draft))),
        StepKind::Start { .. } => None,
    }
    .map(|(tone, word)| view! { <Badge tone>{word}</Badge> });
    let button = (step.kind.is_open() && !leading).then(|| {
        let pressed = step.clone();
        let label = step_label(i18n, step);
        view! {
            <Button kind=ButtonKind::Secondary busy=door.busy on_press=move || door.press(&pressed)>
                {label}
            </Button>
        }
    });
    let form = data.reference.form(language, &step.form_id);
    view! {
        <Card>
            <div class="stack stack--tight">
                <p class="cluster cluster--apart">
                    <strong>{form}</strong>
                    {state}
                </p>
                {due}
                {comments}
                {button}
            </div>
        </Card>
    }
    .into_any()
}

/// What a reviewer said, each with the question that it is about, where
/// `question` knows it.
pub(super) fn comment_list(
    language: Language,
    comments: &[Comment],
    question: &dyn Fn(&str) -> Option<String>,
) -> AnyView {
    let here = now();
    let lines = comments
        .iter()
        .map(|comment| {
            let at = words::moment_here(language, comment.at, here);
            let about = comment.path.as_deref().and_then(question);
            view! {
                <li class="comment">
                    {about.map(|about| view! { <p class="soft small">{about}</p> })}
                    <p>{comment.text.clone()}</p>
                    <p class="soft small">{format!("{} · {at}", comment.author_name)}</p>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="comments">{lines}</ul> }.into_any()
}

/// Begins, continues and corrects; remembers what went wrong. Belongs to the
/// screen, so that news from sync does not take it away at work.
#[derive(Clone, Copy)]
struct StepDoor {
    session: Session,
    case: CaseId,
    busy: RwSignal<bool>,
    error: RwSignal<Option<LocalText>>,
    go: Callback<DraftId>,
}

impl StepDoor {
    fn new(session: Session, case: CaseId) -> Self {
        let navigate = use_navigate();
        Self {
            session,
            case,
            busy: RwSignal::new(false),
            error: RwSignal::new(None),
            go: Callback::new(move |draft: DraftId| {
                navigate(&format!("/fill/{draft}"), leptos_router::NavigateOptions::default());
            }),
        }
    }

    fn press(self, step: &Step) {
        match &step.kind {
            StepKind::Start { task } => self.start(step.form_id.clone(), *task),
            StepKind::Continue { draft, .. } => self.go.run(*draft),
            StepKind::Correct { submission, .. } => self.correct(*submission),
            StepKind::Unsent | StepKind::Sent => {}
        }
    }

    fn start(self, form_id: String, task: Option<TaskId>) {
        let case = self.case;
        self.run(async move |phone: &AppPhone| {
            phone.start_draft(new_id(), case, &form_id, task, now()).await
        });
    }

    fn correct(self, submission: SubmissionId) {
        self.run(async move |phone: &AppPhone| phone.start_correction(new_id(), submission, now()).await);
    }

    fn run(self, begin: impl AsyncFnOnce(&AppPhone) -> Result<DraftRecord, PhoneError> + 'static) {
        self.busy.set(true);
        self.error.set(None);
        spawn_local(async move {
            let begun = match self.session.phone_untracked() {
                Ok(phone) => begin(&phone).await,
                Err(error) => Err(error),
            };
            // The screen may be gone by now.
            let _ = self.busy.try_set(false);
            match begun {
                Ok(draft) => {
                    self.go.try_run(draft.draft_id);
                }
                Err(error) => {
                    let _ = self.error.try_set(Some(error.explain()));
                }
            }
        });
    }
}

/// The facts of a case; a number that can be dialled is a link.
#[component]
pub(super) fn FactsCard(lines: Vec<FactLine>) -> impl IntoView {
    let i18n = use_i18n();
    if lines.is_empty() {
        return view! { <p class="soft">{move || t_string!(i18n, case.no_facts)}</p> }.into_any();
    }
    let facts = lines
        .into_iter()
        .map(|line| {
            let value = match line.phone {
                Some(number) => view! {
                    <a class="dial" href=format!("tel:{number}")>
                        <Icon name=IconName::Phone />
                        <span>{line.words}</span>
                    </a>
                }
                .into_any(),
                None => line.words.into_any(),
            };
            view! { <Fact name=line.name>{value}</Fact> }
        })
        .collect_view();
    view! {
        <Card>
            <Facts>{facts}</Facts>
        </Card>
    }
    .into_any()
}

/// Approved visits, newest first.
#[component]
pub(super) fn Visits(
    visits: Vec<VisitRecord>,
    kind: String,
    reference: Reference,
    language: Language,
) -> impl IntoView {
    let i18n = use_i18n();
    if visits.is_empty() {
        return view! {
            <Empty
                icon=IconName::Calendar
                title=t_string!(i18n, case.no_visits).to_owned()
                text=t_string!(i18n, case.no_visits_text).to_owned()
            />
        }
        .into_any();
    }
    let lines = visits
        .into_iter()
        .map(|visit| {
            let on = words::day(language, visit.visited_on, today());
            let (tone, met) = if visit.counted {
                (Tone::Good, t_string!(i18n, case.counted))
            } else {
                (Tone::Plain, t_string!(i18n, case.not_counted))
            };
            let alerts =
                alert_badges(language, reference.pack.as_ref(), &kind, visit.alert_level, &visit.alert_codes);
            view! {
                <li class="history" data-id=visit.submission_id.to_string()>
                    <p class="cluster cluster--apart">
                        <strong class="numbers">{on}</strong>
                        <Badge tone>{met}</Badge>
                    </p>
                    <p class="soft small">
                        {format!("{} · {}", reference.form(language, &visit.form_id), visit.worker_name)}
                    </p>
                    <p class="cluster">{alerts}</p>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="list">{lines}</ul> }.into_any()
}

/// For reviewers: the case's history at the server.
#[component]
fn LedgerLink(id: CaseId) -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let reviews = move || {
        session
            .me()
            .is_some_and(|me| me.memberships.iter().any(|membership| allows(membership.role, Action::Review)))
    };
    move || {
        reviews().then(|| {
            view! {
                <ul class="list">
                    <Row href=format!("/ledger/{id}")>
                        <span class="row__body">
                            <span class="row__title">{t!(i18n, case.ledger)}</span>
                        </span>
                    </Row>
                </ul>
            }
        })
    }
}
