//! The answers of a submission, each with what was said of it and a place to
//! say more.

use std::sync::Arc;

use doorstep_core::submission::SubmissionState;
use doorstep_core::text::Language;
use leptos::prelude::*;

use super::facts::PhotoFacts;
use super::files::Files;
use super::photo::{Attached, Photo};
use super::reading::{Answer, Was};
use super::{Remarks, SubmissionData};
use crate::i18n::*;
use crate::screens::case::comment_list;
use crate::ui::{Badge, Card, IconButton, IconName, Section, TextArea, Tone};

/// Every answered question, page by page.
#[component]
pub(super) fn AnswersView(
    data: Arc<SubmissionData>,
    language: Language,
    remarks: Remarks,
    files: Files,
) -> impl IntoView {
    let i18n = use_i18n();
    let pages = data
        .reading
        .pages(language)
        .into_iter()
        .map(|page| {
            let title = page.title.unwrap_or_else(|| t_string!(i18n, submission.answers).to_owned());
            let answers = page
                .answers
                .into_iter()
                .map(|answer| view! { <AnswerView data=data.clone() answer language remarks files /> })
                .collect_view();
            view! {
                <Section title>
                    <Card>
                        <div class="answers">{answers}</div>
                    </Card>
                </Section>
            }
        })
        .collect_view();
    let withdrawn = data.reading.withdrawn(language);
    let withdrawn = (!withdrawn.is_empty()).then(|| {
        let lines = withdrawn
            .into_iter()
            .map(|(question, words)| {
                view! {
                    <div class="answer">
                        <p class="answer__question">{question}</p>
                        <p>
                            <del>{words}</del>
                        </p>
                    </div>
                }
            })
            .collect_view();
        view! {
            <Section title=t_string!(i18n, submission.withdrawn).to_owned()>
                <Card>
                    <div class="answers">{lines}</div>
                </Card>
            </Section>
        }
    });
    view! {
        {pages}
        {withdrawn}
    }
}

#[component]
fn AnswerView(
    data: Arc<SubmissionData>,
    answer: Answer,
    language: Language,
    remarks: Remarks,
    files: Files,
) -> impl IntoView {
    let i18n = use_i18n();
    let detail = &data.detail;
    let Answer { path, question, words, file, is_picture, was } = answer;
    let value = match &file {
        Some(name) => {
            let media = detail
                .content
                .media
                .iter()
                .find(|file| file.path == path && &file.file_name == name && file.preview_of.is_none());
            let id = media.map(|file| file.media_id);
            if is_picture {
                let capture = media.and_then(|file| file.capture.clone());
                let received_at = detail.status.received_at;
                let case_place = detail.case_place.as_ref();
                let facts = PhotoFacts::of(capture.as_ref(), &detail.content, received_at, case_place);
                let doubtful = facts.is_doubtful();
                view! { <Photo files id capture doubtful label=question.clone() /> }.into_any()
            } else {
                view! { <Attached files id label=question.clone() /> }.into_any()
            }
        }
        None => view! { <p class="answer__words">{words}</p> }.into_any(),
    };
    let changed = match was {
        Was::Same => None,
        Was::Open => Some(t_string!(i18n, submission.was_open).to_owned()),
        Was::Other(_) if is_picture => Some(t_string!(i18n, submission.was_photo).to_owned()),
        Was::Other(_) if file.is_some() => Some(t_string!(i18n, submission.was_file).to_owned()),
        Was::Other(old) => Some(t_string!(i18n, submission.was, old = old)),
    }
    .map(|text| {
        view! {
            <p class="answer__was">
                <Badge tone=Tone::Info icon=IconName::Edit>
                    {t_string!(i18n, submission.changed)}
                </Badge>
                <span class="soft small">{text}</span>
            </p>
        }
    });
    let broken = detail
        .form_problems
        .iter()
        .filter(|problem| problem.path == path)
        .map(|problem| {
            view! { <p class="answer__problem">{problem.message.get(language).to_owned()}</p> }
        })
        .collect_view();
    let said: Vec<_> = detail
        .status
        .comments
        .iter()
        .filter(|comment| comment.path.as_deref() == Some(path.as_str()))
        .cloned()
        .collect();
    let said = (!said.is_empty()).then(|| comment_list(language, &said, &|_| None));
    let decidable = detail.status.state == SubmissionState::Submitted;
    let remark = decidable.then(|| view! { <Remark path=path.clone() question=question.clone() remarks /> });
    view! {
        <div class="answer" data-path=path>
            <p class="answer__question">{question}</p>
            {value}
            {changed}
            {broken}
            {said}
            {remark}
        </div>
    }
}

/// A place to say something about one answer.
#[component]
fn Remark(path: String, question: String, remarks: Remarks) -> impl IntoView {
    let i18n = use_i18n();
    let text =
        RwSignal::new(remarks.texts.with_untracked(|texts| texts.get(&path).cloned().unwrap_or_default()));
    let key = path.clone();
    Effect::new(move |was: Option<String>| {
        let is = text.get();
        if was.is_some_and(|was| was != is) {
            remarks.texts.update(|texts| {
                texts.insert(key.clone(), is.clone());
            });
        }
        is
    });
    let shown = path.clone();
    let open = Memo::new(move |_| remarks.open.with(|open| open.contains(&shown)));
    let label = StoredValue::new(question);
    let show = move || {
        remarks.open.update(|open| {
            open.insert(path.clone());
        });
    };
    let show = Callback::new(move |()| show());
    view! {
        <Show
            when=move || open.get()
            fallback=move || {
                view! {
                    <div class="answer__remark">
                        <IconButton
                            name=IconName::Comment
                            label=Signal::derive(move || {
                                t_string!(i18n, submission.remark_on, question = label.get_value())
                            })
                            on_press=show
                        />
                    </div>
                }
            }
        >
            <TextArea
                label=Signal::derive(move || {
                    t_string!(i18n, submission.remark_on, question = label.get_value())
                })
                value=text
            />
        </Show>
    }
}
