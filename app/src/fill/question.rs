//! One question: its words, its widget, whether it is saved, what is wrong.

use doorstep_core::submission::Comment;
use doorstep_core::text::Language;
use doorstep_form::{NodeKind, NodePath, NodeView, ProblemKind};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::choice::{AcknowledgeField, ChooseMany, ChooseOne, SearchOne};
use super::photo::PhotoField;
use super::place::PlaceField;
use super::signature::SignatureField;
use super::text::{LineField, LinesField, MomentField};
use super::{Filling, Question, Save};
use crate::app::use_settings;
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, FieldProblem, Icon, IconName, Notice, Tone, unique_id};

/// What a widget has of its question. All of it is `Copy`.
#[derive(Clone, Copy, Debug)]
pub struct Handle {
    pub filling: Filling,
    pub path: StoredValue<NodePath>,
    pub view: RwSignal<NodeView>,
    given: RwSignal<String>,
    pub composing: RwSignal<bool>,
    /// Of the element that is answered.
    pub id: StoredValue<String>,
    /// Of the question's words, for widgets of several elements.
    pub label_id: StoredValue<String>,
    /// Of hint and problem.
    pub described_by: StoredValue<String>,
    pub problem: Signal<Option<String>>,
}

impl Handle {
    /// What was given last, as it is stored. Tracks.
    pub fn value(self) -> String {
        self.given.get()
    }

    /// The same, without tracking.
    pub fn value_untracked(self) -> String {
        self.given.get_untracked()
    }

    /// Whether that is `value`. Tracks.
    pub fn is(self, value: &str) -> bool {
        self.given.with(|given| given == value)
    }

    /// Gives an answer.
    pub fn answer(self, value: String) {
        self.path.with_value(|path| self.filling.answer(path, value));
    }

    /// The longest side of a picture, when the form says.
    pub fn max_pixels(self) -> Option<u32> {
        self.view.with_untracked(|view| view.parameters.get("max-pixels")?.parse().ok())
    }

    /// `aria-invalid`. Tracks.
    pub fn invalid(self) -> Option<&'static str> {
        self.problem.with(Option::is_some).then_some("true")
    }
}

/// A node of the form, while it applies.
#[component]
pub fn QuestionView(filling: Filling, path: NodePath) -> impl IntoView {
    let question = filling.question(&path)?;
    let relevant = RwSignal::from(question.view.clone());
    let relevant = Memo::new(move |_| relevant.with(|view| view.relevant));
    Some(view! {
        <Show when=move || relevant.get()>
            <Shown filling path=path.clone() question=question.clone() />
        </Show>
    })
}

#[component]
fn Shown(filling: Filling, path: NodePath, question: Question) -> impl IntoView {
    let view = RwSignal::from(question.view.clone());
    match view.with_untracked(|view| (view.kind, view.read_only)) {
        (NodeKind::Note, _) => view! { <div data-path=path.to_string()><NoteView view /></div> }.into_any(),
        (NodeKind::Group | NodeKind::Repeat, _) => {
            view! { <h2 class="question__group">{move || view.with(|view| view.label.clone())}</h2> }
                .into_any()
        }
        _ => view! { <Asked filling path question /> }.into_any(),
    }
}

/// Something to read. What its author marks with ⚠ is serious.
#[component]
fn NoteView(view: RwSignal<NodeView>) -> impl IntoView {
    move || {
        let (label, hint) = view.with(|view| (view.label.clone(), view.hint.clone()));
        let serious = label.contains('⚠');
        let label = label.replace(['⚠', '\u{fe0f}'], "").trim().to_owned();
        view! {
            <Notice tone=if serious { Tone::Bad } else { Tone::Warning }>
                <p class="question__note">{label}</p>
                {(!hint.is_empty()).then(|| view! { <p>{hint}</p> })}
            </Notice>
        }
    }
}

/// The reviewer's remarks.
#[component]
pub fn Comments(comments: Vec<Comment>) -> impl IntoView {
    let i18n = use_i18n();
    comments
        .into_iter()
        .map(|comment| {
            view! {
                <Notice tone=Tone::Warning icon=IconName::Comment>
                    <p>
                        <strong>{t!(i18n, fill.reviewer, name = comment.author_name)}</strong>
                        {comment.text}
                    </p>
                </Notice>
            }
        })
        .collect_view()
}

#[component]
fn Asked(filling: Filling, path: NodePath, question: Question) -> impl IntoView {
    let i18n = use_i18n();
    let view = RwSignal::from(question.view.clone());
    let save = RwSignal::from(question.save.clone());
    let judged = RwSignal::from(question.judged.clone());
    let composing = RwSignal::from(question.composing.clone());
    let comments = filling.comments_on(&path);
    let data_path = path.to_string();
    let id = unique_id("question");
    let (label_id, hint_id, problem_id) =
        (format!("{id}-label"), format!("{id}-hint"), format!("{id}-problem"));
    let problem = Signal::derive(move || {
        (judged.get() && !composing.get()).then(|| view.with(problem_in_words)).flatten()
    });
    let handle = Handle {
        filling,
        path: StoredValue::new(path),
        view,
        given: RwSignal::from(question.given.clone()),
        composing,
        id: StoredValue::new(id.clone()),
        label_id: StoredValue::new(label_id.clone()),
        described_by: StoredValue::new(format!("{hint_id} {problem_id}")),
        problem,
    };
    let left = move |event: leptos::ev::FocusEvent| {
        let stays = event.current_target().zip(event.related_target()).is_some_and(|(here, next)| {
            let (here, next) = (here.dyn_into::<web_sys::Node>(), next.dyn_into::<web_sys::Node>());
            matches!((here, next), (Ok(here), Ok(next)) if here.contains(Some(&next)))
        });
        if !stays {
            filling.flush();
            if save.with_untracked(|save| *save != Save::Untouched) {
                judged.set(true);
            }
        }
    };
    let required = move || view.with(|view| view.required && !view.read_only);
    let guidance = Memo::new(move |_| view.with(|view| view.guidance_hint.clone()));
    view! {
        <div
            class="question"
            class:question--wrong=move || problem.with(Option::is_some)
            data-path=data_path
            data-saved=move || save.with(|save| *save == Save::Saved).then_some("true")
            on:focusout=left
        >
            <div class="question__head">
                <label class="question__label" id=label_id for=id>
                    {move || view.with(|view| view.label.clone())}
                    <Show when=required>
                        <span class="question__required" aria-hidden="true">
                            "*"
                        </span>
                        <span class="unseen">{t!(i18n, fill.required)}</span>
                    </Show>
                </label>
                <SaveMark save />
            </div>
            <div id=hint_id class="question__hint">
                {move || view.with(|view| view.hint.clone())}
            </div>
            <Show when=move || !guidance.with(String::is_empty)>
                <details class="question__guidance">
                    <summary>{t!(i18n, fill.guidance)}</summary>
                    <p>{guidance}</p>
                </details>
            </Show>
            <Comments comments />
            <Widget handle />
            <FieldProblem id=problem_id problem />
            <SaveFailure handle save />
        </div>
    }
}

fn problem_in_words(view: &NodeView) -> Option<String> {
    match view.problem.filter(|_| view.relevant)? {
        ProblemKind::Required => view.required_message.clone(),
        _ => view.constraint_message.clone(),
    }
}

/// A small mark when the answer is on the disk.
#[component]
fn SaveMark(save: RwSignal<Save>) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        save.with(|save| *save == Save::Saved).then(|| {
            view! {
                <span class="question__saved">
                    <Icon name=IconName::Check />
                    <span class="unseen">{t!(i18n, fill.saved)}</span>
                </span>
            }
        })
    }
}

/// The answer is not on the disk.
#[component]
fn SaveFailure(handle: Handle, save: RwSignal<Save>) -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    move || {
        let Save::Failed(text) = save.get() else { return ().into_any() };
        view! {
            <Notice tone=Tone::Bad icon=IconName::Storage>
                <p>{move || text.get(settings.language()).to_owned()}</p>
                <Button
                    kind=ButtonKind::Secondary
                    on_press=move || handle.path.with_value(|path| handle.filling.retry(path))
                >
                    {t!(i18n, common.try_again)}
                </Button>
            </Notice>
        }
        .into_any()
    }
}

/// What answers this kind of question.
#[component]
fn Widget(handle: Handle) -> impl IntoView {
    let (kind, read_only, signature, multiline, listed, digits) = handle.view.with_untracked(|view| {
        (
            view.kind,
            view.read_only,
            view.has_appearance("signature"),
            view.has_appearance("multiline"),
            view.has_appearance("minimal") || view.has_appearance("autocomplete"),
            view.has_appearance("numbers"),
        )
    });
    match kind {
        _ if read_only => view! { <ReadOnly handle /> }.into_any(),
        NodeKind::Text if multiline => view! { <LinesField handle /> }.into_any(),
        NodeKind::Text | NodeKind::Barcode => {
            view! { <LineField handle keyboard=if digits { "numeric" } else { "text" } /> }.into_any()
        }
        NodeKind::Integer => view! { <LineField handle keyboard="numeric" /> }.into_any(),
        NodeKind::Decimal | NodeKind::Range => view! { <LineField handle keyboard="decimal" /> }.into_any(),
        NodeKind::Date | NodeKind::Time | NodeKind::DateTime => {
            view! { <MomentField handle kind /> }.into_any()
        }
        NodeKind::SelectOne if listed => view! { <SearchOne handle /> }.into_any(),
        NodeKind::SelectOne => view! { <ChooseOne handle /> }.into_any(),
        NodeKind::SelectMultiple => view! { <ChooseMany handle /> }.into_any(),
        NodeKind::Acknowledge => view! { <AcknowledgeField handle /> }.into_any(),
        NodeKind::Image if signature => view! { <SignatureField handle /> }.into_any(),
        NodeKind::Image => view! { <PhotoField handle /> }.into_any(),
        NodeKind::Geopoint => view! { <PlaceField handle /> }.into_any(),
        _ => view! { <Unsupported /> }.into_any(),
    }
}

/// A question that this phone has no widget for.
#[component]
fn Unsupported() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Notice tone=Tone::Warning>
            <p>{t!(i18n, fill.question_unsupported)}</p>
        </Notice>
    }
}

/// A value that is computed or fixed.
#[component]
fn ReadOnly(handle: Handle) -> impl IntoView {
    let settings = use_settings();
    let words = move || handle.view.with(|view| in_words(view, settings.language()));
    view! {
        <output class="question__value" id=handle.id.get_value()>
            {words}
        </output>
    }
}

/// Labels instead of codes.
fn in_words(view: &NodeView, language: Language) -> String {
    match view.kind {
        NodeKind::SelectOne | NodeKind::SelectMultiple | NodeKind::Rank => {
            let label = |value: &str| {
                let found = view.choices.iter().find(|choice| choice.value == value);
                found.map_or_else(|| value.to_owned(), |choice| choice.label.clone())
            };
            let separator = if language == Language::Zh { "、" } else { ", " };
            view.value.split_whitespace().map(label).collect::<Vec<_>>().join(separator)
        }
        NodeKind::DateTime => view.value.chars().take(16).collect::<String>().replace('T', " "),
        NodeKind::Time => view.value.chars().take(5).collect(),
        _ => view.value.clone(),
    }
}
