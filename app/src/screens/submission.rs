//! One submission, as a reviewer reads and decides on it: alerts and doubts
//! first, then the answers in words, then the decision.

pub mod answers;
pub mod decide;
mod evidence;
mod facts;
pub mod files;
pub mod lightbox;
pub mod photo;
mod reading;
mod rules;
pub mod served;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use doorstep_core::api::{MediaRecord, SubmissionDetail};
use doorstep_core::ids::SubmissionId;
use doorstep_core::phone::Failure;
use doorstep_core::submission::Place;
use doorstep_core::text::Language;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::case::comment_list;
use super::parts::{AtServer, Reference, alert_badges, spoken};
use super::{NotFoundScreen, words};
use crate::app::{use_office, use_session};
use crate::clock::{now, today};
use crate::i18n::*;
use crate::office::Office;
use crate::session::Session;
use crate::ui::{Badge, Card, Fact, Facts, IconName, Notice, Page, Section, Tone};
use answers::AnswersView;
use decide::{DecisionPanel, DecisionState};
use evidence::evidence_view;
use facts::ACCURACY_M_MAX;
use files::{Files, shots};
use lightbox::Lightbox;
pub(super) use reading::Reading;

/// `/submission/:id`.
#[component]
pub fn SubmissionScreen() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id")?.parse::<SubmissionId>().ok()));
    move || match id.get() {
        Some(id) => view! { <OneSubmission id /> }.into_any(),
        None => view! { <NotFoundScreen /> }.into_any(),
    }
}

/// Everything the screen shows, read once: what is being decided on does not
/// change under the reviewer's eyes.
#[derive(Clone, Debug)]
pub struct SubmissionData {
    detail: SubmissionDetail,
    reading: Reading,
    reference: Reference,
}

impl SubmissionData {
    async fn load(office: Office, session: Session, id: SubmissionId) -> Result<Arc<Self>, Failure> {
        let detail = office.submission(id).await?;
        let plan = office.plan(detail.content.form_version_id).await?;
        let before = match &detail.previous {
            Some(previous) => Some((office.plan(previous.form_version_id).await?, previous)),
            None => None,
        };
        let reading = Reading::new(plan, &detail.content, before);
        // Words are a help: without them codes are shown as they are.
        let reference = match session.phone() {
            Ok(phone) => Reference::load(&phone).await.unwrap_or_default(),
            Err(_) => Reference::default(),
        };
        Ok(Arc::new(Self { detail, reading, reference }))
    }
}

/// What the reviewer has written on single questions, and which are open.
#[derive(Clone, Copy, Debug)]
pub struct Remarks {
    texts: RwSignal<BTreeMap<String, String>>,
    open: RwSignal<BTreeSet<String>>,
}

#[component]
fn OneSubmission(id: SubmissionId) -> impl IntoView {
    let i18n = use_i18n();
    let office = use_office();
    let session = use_session();
    let remarks = Remarks { texts: RwSignal::default(), open: RwSignal::default() };
    let decision = DecisionState::new();
    let files = Files::of(id);
    let data = LocalResource::new(move || SubmissionData::load(office, session, id));
    let again = Callback::new(move |()| data.refetch());
    let window_title = Signal::derive(move || t_string!(i18n, submission.title).to_owned());
    let title = Signal::derive(move || {
        data.with(|read| match read {
            Some(Ok(read)) => Some(read.detail.case.label.clone()),
            _ => None,
        })
        .unwrap_or_else(|| t_string!(i18n, submission.title).to_owned())
    });
    view! {
        <Page title window_title=window_title back=true broad=true>
            <AtServer
                resource=data
                view=move |data| {
                    decision.begin(&data.detail);
                    files.take(&data.detail);
                    move || {
                        let language = spoken(i18n);
                        view! { <Review data=data.clone() language remarks decision files again /> }
                    }
                }
            />
        </Page>
    }
}

#[component]
fn Review(
    data: Arc<SubmissionData>,
    language: Language,
    remarks: Remarks,
    decision: DecisionState,
    files: Files,
    again: Callback<()>,
) -> impl IntoView {
    let answers_data = data.clone();
    let pictures = Arc::new(shots(&data, language));
    let lightbox_data = data.clone();
    view! {
        <div class="review">
            <div class="review__reading">
                <Head data=data.clone() language />
                <Doubts data=data.clone() language files />
                <AnswersView data=answers_data language remarks files />
            </div>
            <div class="review__deciding">
                <DecisionPanel data language remarks decision again />
            </div>
        </div>
        <Lightbox data=lightbox_data shots=pictures files />
    }
}

/// What it is, who captured it, when and where; alerts first.
#[component]
fn Head(data: Arc<SubmissionData>, language: Language) -> impl IntoView {
    let i18n = use_i18n();
    let detail = &data.detail;
    let content = &detail.content;
    let pack = data.reference.pack.as_ref();
    let kind = detail.case.kind.as_str();
    let state = detail.status.state;
    let risk = data.reading.output("risk").map(|code| {
        let tone = words::risk_tone(&code);
        let word = words::value(language, pack, kind, "risk", &code);
        view! { <Badge tone>{t_string!(i18n, submission.risk, risk = word)}</Badge> }
    });
    let no_alert = (detail.alert_level == 0 && detail.alert_codes.is_empty()).then(|| {
        view! { <Badge tone=Tone::Good>{words::alert_level(language, None, "", 0)}</Badge> }
    });
    let zone = *now().offset();
    let started = content.started_at.with_timezone(&zone);
    let finished = content.finished_at.with_timezone(&zone);
    let length = words::duration(language, finished.signed_duration_since(started));
    let times = format!("{} · {length}", words::moment(language, finished, today()));
    let received = words::moment_here(language, detail.status.received_at, now());
    let comments =
        detail.status.comments.iter().filter(|comment| comment.path.is_none()).cloned().collect::<Vec<_>>();
    let comments = (!comments.is_empty()).then(|| {
        view! {
            <Section title=t_string!(i18n, submission.comments).to_owned()>
                <Card>{comment_list(language, &comments, &|_| None)}</Card>
            </Section>
        }
    });
    let alerts = alert_badges(language, pack, kind, detail.alert_level, &detail.alert_codes);
    let form = detail.form_title.get(language).to_owned();
    let (area, author) = (detail.area_name.clone(), detail.author_name.clone());
    let revision = content.revision;
    let place = place_view(i18n, content.place.as_ref());
    let evidence = evidence_view(language, detail.evidence);
    view! {
        <header class="who">
            <p class="cluster">
                {alerts}
                {no_alert}
                {risk}
            </p>
            <p class="cluster">
                <strong>{form}</strong>
                <Badge tone=words::submission_tone(state)>
                    {words::submission_state(state).get(language).to_owned()}
                </Badge>
                {(revision > 1)
                    .then(|| {
                        view! {
                            <Badge tone=Tone::Info>
                                {t_string!(i18n, submission.revision, revision = revision)}
                            </Badge>
                        }
                    })}
            </p>
        </header>
        <Card>
            <Facts>
                <Fact name=t_string!(i18n, submission.area).to_owned()>{area}</Fact>
                <Fact name=t_string!(i18n, submission.author).to_owned()>{author}</Fact>
                <Fact name=t_string!(i18n, submission.finished).to_owned()>
                    <span class="numbers">{times}</span>
                </Fact>
                <Fact name=t_string!(i18n, submission.received).to_owned()>
                    <span class="numbers">{received}</span>
                </Fact>
                <Fact name=t_string!(i18n, submission.place).to_owned()>
                    {place}
                </Fact>
                <Fact name=t_string!(i18n, submission.evidence).to_owned()>
                    {evidence}
                </Fact>
            </Facts>
        </Card>
        {comments}
    }
}

fn place_view(i18n: leptos_i18n::I18nContext<Locale>, place: Option<&Place>) -> AnyView {
    let Some(place) = place else {
        return view! { <span class="soft">{t_string!(i18n, submission.no_place)}</span> }.into_any();
    };
    let tone = if place.accuracy_m > ACCURACY_M_MAX { Tone::Warning } else { Tone::Plain };
    let metres = format!("{:.0}", place.accuracy_m);
    view! {
        <span class="cluster">
            <span class="numbers">{words::coordinates(place)}</span>
            <Badge tone>{t_string!(i18n, submission.accuracy, metres = metres)}</Badge>
        </span>
    }
    .into_any()
}

/// What the server's own evaluation finds: rules that the answers break, and
/// values that the phone computed otherwise.
#[component]
fn Doubts(data: Arc<SubmissionData>, language: Language, files: Files) -> impl IntoView {
    let i18n = use_i18n();
    let detail = &data.detail;
    let problems = (!detail.form_problems.is_empty()).then(|| {
        let lines = detail
            .form_problems
            .iter()
            .map(|problem| {
                let question = data.reading.question(language, &problem.path);
                view! { <li>{format!("{question}: {}", problem.message.get(language))}</li> }
            })
            .collect_view();
        view! {
            <Notice tone=Tone::Bad>
                <strong>{t_string!(i18n, submission.form_problems)}</strong>
                <ul class="plain-list">{lines}</ul>
            </Notice>
        }
    });
    let differences = (!detail.differences.is_empty()).then(|| {
        let pack = data.reference.pack.as_ref();
        let lines = detail
            .differences
            .iter()
            .map(|difference| {
                let name = difference.path.rsplit('/').next().unwrap_or(&difference.path);
                let say = |value: &str| {
                    if value.is_empty() {
                        t_string!(i18n, submission.nothing).to_owned()
                    } else {
                        words::value(language, pack, &detail.case.kind, name, value)
                    }
                };
                let what = match pack.and_then(|pack| pack.property(&detail.case.kind, name)) {
                    Some(property) => property.label.get(language).to_owned(),
                    None => data.reading.question(language, &difference.path),
                };
                let text = t_string!(
                    i18n,
                    submission.difference,
                    what = what,
                    claimed = say(&difference.claimed),
                    computed = say(&difference.computed)
                );
                view! { <li>{text}</li> }
            })
            .collect_view();
        view! {
            <Notice tone=Tone::Warning>
                <strong>{t_string!(i18n, submission.differences)}</strong>
                <ul class="plain-list">{lines}</ul>
            </Notice>
        }
    });
    let named = {
        let data = data.clone();
        move |records: &[MediaRecord]| {
            let separator = if language == Language::Zh { "、" } else { ", " };
            let questions = records.iter().map(|record| data.reading.question(language, &record.path));
            questions.collect::<Vec<_>>().join(separator)
        }
    };
    let kept_of = named.clone();
    let missing = move || {
        let missing = files.missing();
        (!missing.is_empty()).then(|| {
            let (count, what) = (missing.len(), named(&missing));
            view! {
                <Notice tone=Tone::Warning icon=IconName::Photo>
                    <p>{t_string!(i18n, submission.photos_missing, count = count, what = what)}</p>
                </Notice>
            }
        })
    };
    let quarantined = move || {
        let kept = files.quarantined();
        (!kept.is_empty()).then(|| {
            let (count, what) = (kept.len(), kept_of(&kept));
            view! {
                <Notice tone=Tone::Bad>
                    <p>{t_string!(i18n, submission.quarantined, count = count, what = what)}</p>
                </Notice>
            }
        })
    };
    let left_over = (!detail.content.left_over.is_empty()).then(|| {
        let lines = detail
            .content
            .left_over
            .iter()
            .map(|left| {
                let value = left.value.as_str().map_or_else(|| left.value.to_string(), str::to_owned);
                view! { <li>{left.path.clone()} ": " {value}</li> }
            })
            .collect_view();
        view! {
            <Notice tone=Tone::Warning>
                <strong>{t_string!(i18n, submission.left_over)}</strong>
                <ul class="plain-list">{lines}</ul>
            </Notice>
        }
    });
    view! {
        {problems}
        {left_over}
        {differences}
        {quarantined}
        {missing}
    }
}
