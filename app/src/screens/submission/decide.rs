//! The decision: what stands in its way, which values hold, and what it did.

use std::sync::Arc;

use doorstep_core::api::{DecisionAnswer, QueueEntry, SubmissionDetail};
use doorstep_core::case::{CaseStatus, PropertyConflict};
use doorstep_core::ids::SubmissionId;
use doorstep_core::phone::Failure;
use doorstep_core::problem::ProblemCode;
use doorstep_core::submission::{Decision, SubmissionState};
use doorstep_core::text::{Language, LocalText};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::rules::{Holds, Settled, next_task, obstacle, request};
use super::{Remarks, SubmissionData};
use crate::app::{use_device, use_office};
use crate::clock::today;
use crate::explain::Explain;
use crate::i18n::*;
use crate::screens::words;
use crate::ui::{
    Button, ButtonKind, Card, Dialog, DialogActions, Fact, Facts, FailureNotice, IconName, Loaded, Notice,
    Section, TextArea, Tone,
};

/// What the reviewer has settled and written so far; outlives a change of the
/// language and a second look at the server.
#[derive(Clone, Copy, Debug)]
pub struct DecisionState {
    case_version: RwSignal<u64>,
    conflicts: RwSignal<Vec<PropertyConflict>>,
    settled: RwSignal<Settled>,
    whole: RwSignal<String>,
    busy: RwSignal<bool>,
    error: RwSignal<Option<LocalText>>,
    done: RwSignal<Option<DecisionAnswer>>,
}

impl DecisionState {
    pub(super) fn new() -> Self {
        Self {
            case_version: RwSignal::new(0),
            conflicts: RwSignal::default(),
            settled: RwSignal::default(),
            whole: RwSignal::default(),
            busy: RwSignal::new(false),
            error: RwSignal::new(None),
            done: RwSignal::new(None),
        }
    }

    /// Takes what the server said now.
    pub(super) fn begin(self, detail: &SubmissionDetail) {
        self.moved(detail.case.version, detail.conflicts.clone());
        self.error.set(None);
    }

    /// The case is at `version`; a conflict that reads otherwise than before
    /// is to be settled again.
    fn moved(self, version: u64, conflicts: Vec<PropertyConflict>) {
        let before = self.conflicts.get_untracked();
        self.settled.update(|settled| {
            settled.retain(|property, _| {
                let of = |list: &[PropertyConflict]| {
                    list.iter().find(|conflict| &conflict.property == property).cloned()
                };
                of(&before).is_some() && of(&before) == of(&conflicts)
            });
        });
        self.case_version.set(version);
        self.conflicts.set(conflicts);
    }
}

/// Everything about deciding; afterwards, what it did.
#[component]
pub(super) fn DecisionPanel(
    data: Arc<SubmissionData>,
    language: Language,
    remarks: Remarks,
    decision: DecisionState,
    again: Callback<()>,
) -> impl IntoView {
    move || match decision.done.get() {
        Some(answer) => view! { <Done data=data.clone() answer language /> }.into_any(),
        None if data.detail.status.state == SubmissionState::Submitted => {
            view! { <Deciding data=data.clone() language remarks decision again /> }.into_any()
        }
        None => view! { <Decided data=data.clone() /> }.into_any(),
    }
}

#[component]
fn Deciding(
    data: Arc<SubmissionData>,
    language: Language,
    remarks: Remarks,
    decision: DecisionState,
    again: Callback<()>,
) -> impl IntoView {
    let i18n = use_i18n();
    let office = use_office();
    let device = use_device();
    let id = data.detail.status.submission_id;
    let state = data.detail.status.state;
    let blocked = data.detail.blocked;
    let rejecting = RwSignal::new(false);
    let stopped = move |wanted: Decision| {
        decision.conflicts.with(|conflicts| {
            decision.settled.with(|settled| obstacle(wanted, state, blocked, conflicts, settled))
        })
    };
    let off = move |wanted: Decision| {
        Signal::derive(move || !device.online() || decision.busy.get() || stopped(wanted).is_some())
    };
    let decide = move |wanted: Decision| {
        let asked = request(
            wanted,
            decision.case_version.get_untracked(),
            &decision.settled.get_untracked(),
            &decision.whole.get_untracked(),
            &remarks.texts.get_untracked(),
        );
        let asked = match asked {
            Ok(asked) => asked,
            Err(code) => {
                decision.error.set(Some(code.message()));
                return;
            }
        };
        decision.busy.set(true);
        decision.error.set(None);
        spawn_local(async move {
            let answer = office.decide(id, &asked).await;
            let _ = decision.busy.try_set(false);
            match answer {
                Ok(answer) => {
                    let _ = decision.done.try_set(Some(answer));
                }
                Err(failure) => refused(decision, &failure),
            }
        });
    };
    let reject = move || {
        rejecting.set(false);
        decide(Decision::Reject);
    };
    let ask_reject = move || {
        let nothing = decision.whole.with_untracked(|text| text.trim().is_empty())
            && remarks.texts.with_untracked(|texts| texts.values().all(|text| text.trim().is_empty()));
        if nothing {
            decision.error.set(Some(ProblemCode::CommentRequired.message()));
        } else {
            rejecting.set(true);
        }
    };
    let why = move || {
        stopped(Decision::Approve).map(|code| {
            let waits = code == ProblemCode::MediaMissing;
            view! {
                <Notice tone=Tone::Warning>
                    <p>{code.message().get(language).to_owned()}</p>
                    {waits
                        .then(|| {
                            view! {
                                <Button kind=ButtonKind::Secondary icon=IconName::Sync on_press=again>
                                    {t_string!(i18n, submission.look_again)}
                                </Button>
                            }
                        })}
                </Notice>
            }
        })
    };
    view! {
        <Conflicts data=data.clone() language decision />
        <Section title=t_string!(i18n, submission.decision).to_owned()>
            <Card>
                <div class="stack">
                    <TextArea
                        label=Signal::derive(move || t_string!(i18n, submission.whole).to_owned())
                        hint=Signal::derive(move || t_string!(i18n, submission.whole_hint).to_owned())
                        value=decision.whole
                    />
                    {why}
                    <FailureNotice error=decision.error />
                    <div class="review__buttons">
                        <Button
                            icon=IconName::Check
                            disabled=off(Decision::Approve)
                            on_press=move || decide(Decision::Approve)
                        >
                            {t_string!(i18n, submission.approve)}
                        </Button>
                        <Button
                            kind=ButtonKind::Secondary
                            disabled=off(Decision::Return)
                            on_press=move || decide(Decision::Return)
                        >
                            {t_string!(i18n, submission.send_back)}
                        </Button>
                        <Button kind=ButtonKind::Danger disabled=off(Decision::Reject) on_press=ask_reject>
                            {t_string!(i18n, submission.reject)}
                        </Button>
                    </div>
                </div>
            </Card>
        </Section>
        <Dialog open=rejecting title=t_string!(i18n, submission.reject_title).to_owned()>
            <p>{t_string!(i18n, submission.reject_text)}</p>
            <DialogActions>
                <Button kind=ButtonKind::Danger on_press=reject>
                    {t_string!(i18n, submission.reject_yes)}
                </Button>
                <Button kind=ButtonKind::Secondary on_press=move || rejecting.set(false)>
                    {t_string!(i18n, submission.reject_no)}
                </Button>
            </DialogActions>
        </Dialog>
    }
}

/// The server did not take the decision. Where the case moved on, what
/// conflicts now is to be settled.
fn refused(decision: DecisionState, failure: &Failure) {
    if let Failure::Problem(problem) = failure
        && problem.code == ProblemCode::CaseMovedOn
    {
        let version = problem.case_version.unwrap_or(decision.case_version.get_untracked());
        decision.moved(version, problem.conflicts.clone());
    }
    let _ = decision.error.try_set(Some(failure.explain()));
}

/// Field by field: which value holds, the ledger's or the submission's.
#[component]
fn Conflicts(data: Arc<SubmissionData>, language: Language, decision: DecisionState) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        let conflicts = decision.conflicts.get();
        (!conflicts.is_empty()).then(|| {
            let fields = conflicts
                .into_iter()
                .map(|conflict| conflict_field(&data, language, decision, &conflict))
                .collect_view();
            view! {
                <Section title=t_string!(i18n, submission.conflicts).to_owned()>
                    <Card>
                        <div class="stack">
                            <p>{t_string!(i18n, submission.conflicts_text)}</p>
                            {fields}
                        </div>
                    </Card>
                </Section>
            }
        })
    }
}

fn conflict_field(
    data: &SubmissionData,
    language: Language,
    decision: DecisionState,
    conflict: &PropertyConflict,
) -> AnyView {
    let i18n = use_i18n();
    let pack = data.reference.pack.as_ref();
    let kind = &data.detail.case.kind;
    let property = conflict.property.clone();
    let say = |value: Option<&String>| match value.filter(|value| !value.is_empty()) {
        Some(value) => words::value(language, pack, kind, &conflict.property, value),
        None => t_string!(i18n, submission.nothing).to_owned(),
    };
    let name = format!("conflict-{property}");
    let choice = |holds: Holds, label: &'static str, value: String| {
        let (read, written) = (property.clone(), property.clone());
        let chosen = move || decision.settled.with(|settled| settled.get(&read) == Some(&holds));
        let choose = move |_| {
            decision.settled.update(|settled| {
                settled.insert(written.clone(), holds);
            });
        };
        view! {
            <label class="conflict__choice">
                <input type="radio" name=name.clone() prop:checked=chosen on:change=choose />
                <span class="conflict__words">
                    <strong>{value}</strong>
                    <span class="soft small">{label}</span>
                </span>
            </label>
        }
    };
    let submitted = choice(
        Holds::Submission,
        t_string!(i18n, submission.take_submission),
        say(conflict.submitted.as_ref()),
    );
    let ledger =
        choice(Holds::Ledger, t_string!(i18n, submission.keep_ledger), say(conflict.ledger.as_ref()));
    let base = t_string!(i18n, submission.base, value = say(conflict.base.as_ref()));
    view! {
        <fieldset class="conflict" data-property=conflict.property.clone()>
            <legend>
                <strong>{words::property(language, pack, kind, &conflict.property)}</strong>
            </legend>
            <p class="soft small">{base}</p>
            {submitted}
            {ledger}
        </fieldset>
    }
    .into_any()
}

/// What the decision did, and what comes next.
#[component]
fn Done(data: Arc<SubmissionData>, answer: DecisionAnswer, language: Language) -> impl IntoView {
    let i18n = use_i18n();
    let (tone, text) = match answer.state {
        SubmissionState::Approved => (Tone::Good, t_string!(i18n, submission.done_approved)),
        SubmissionState::Returned => (Tone::Good, t_string!(i18n, submission.done_returned)),
        SubmissionState::Rejected => (Tone::Good, t_string!(i18n, submission.done_rejected)),
        SubmissionState::Submitted => (Tone::Info, t_string!(i18n, submission.done_submitted)),
    };
    let next = match next_task(&answer.tasks) {
        Some(task) => {
            let form = data.reference.form(language, &task.form_id);
            let on = words::day(language, task.due_on, today());
            format!("{on} · {form} · {}", words::due(language, task, today()))
        }
        None if answer.case.status == CaseStatus::Closed => {
            t_string!(i18n, submission.case_closed).to_owned()
        }
        None => t_string!(i18n, submission.no_next).to_owned(),
    };
    let current = data.detail.status.submission_id;
    view! {
        <Section title=t_string!(i18n, submission.outcome).to_owned()>
            <div class="stack">
                <Notice tone>
                    <p>{text}</p>
                </Notice>
                <Card>
                    <Facts>
                        <Fact name=t_string!(i18n, submission.case_state).to_owned()>
                            {words::case_status(answer.case.status).get(language).to_owned()}
                        </Fact>
                        <Fact name=t_string!(i18n, submission.next_due).to_owned()>{next}</Fact>
                    </Facts>
                    <a href=format!("/ledger/{}", answer.case.id)>{t_string!(i18n, submission.to_ledger)}</a>
                </Card>
                <NextInQueue current language />
            </div>
        </Section>
    }
}

/// The way to the next submission that waits.
#[component]
fn NextInQueue(current: SubmissionId, language: Language) -> impl IntoView {
    let i18n = use_i18n();
    let office = use_office();
    let next = LocalResource::new(move || async move {
        let mut entries = office.queue().await?.entries;
        entries.retain(|entry| entry.submission_id != current);
        crate::screens::queue::sort(&mut entries);
        Ok::<Option<QueueEntry>, Failure>(entries.into_iter().next())
    });
    view! {
        <Loaded
            resource=next
            view=move |next| match next {
                Some(entry) => {
                    let what = format!("{} · {}", entry.case_label, entry.form_title.get(language));
                    view! {
                        <a class="button button--primary" href=format!("/submission/{}", entry.submission_id)>
                            {t_string!(i18n, submission.next_in_queue, what = what)}
                        </a>
                    }
                        .into_any()
                }
                None => {
                    view! {
                        <p>{t_string!(i18n, submission.queue_empty)}</p>
                        <a class="button button--secondary" href="/queue">
                            {t_string!(i18n, submission.to_queue)}
                        </a>
                    }
                        .into_any()
                }
            }
        />
    }
}

/// It was decided before.
#[component]
fn Decided(data: Arc<SubmissionData>) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Notice tone=Tone::Info>
            <p>{move || t_string!(i18n, submission.decided_before)}</p>
            <a href=format!("/ledger/{}", data.detail.case.id)>
                {move || t_string!(i18n, submission.to_ledger)}
            </a>
        </Notice>
    }
}
