//! One question: its words, its widget, whether it is saved, what is wrong.

use doorstep_core::phone::NewFile;
use doorstep_core::submission::Comment;
use doorstep_form::{NodeKind, NodeView, ProblemKind};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::widget::Widget;
use super::{Filling, Question, Save};
use crate::app::use_settings;
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, FieldProblem, Icon, IconName, Notice, Tone, unique_id};

/// What a widget has of its question. All of it is `Copy`.
#[derive(Clone, Copy, Debug)]
pub struct Handle {
    pub filling: Filling,
    pub question: StoredValue<Question>,
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

    /// Whether there is an answer. Tracks.
    pub fn is_answered(self) -> bool {
        self.given.with(|given| !given.is_empty())
    }

    /// Gives an answer.
    pub fn answer(self, value: String) {
        self.question.with_value(|question| self.filling.answer(question, value));
    }

    /// Takes what is typed so far.
    pub fn typing(self, value: String, composing: bool) {
        self.question.with_value(|question| self.filling.typing(question, value, composing));
    }

    /// Takes what some work will bring, also when the screen is left before.
    pub fn taker(self) -> impl FnOnce(NewFile) + 'static {
        let (kept, question) = (self.filling.kept(), self.question.get_value());
        move |file| kept.attach(&question, file)
    }

    /// A parameter of the form, such as `max-pixels`.
    pub fn parameter<T: std::str::FromStr>(self, name: &str) -> Option<T> {
        self.view.with_untracked(|view| view.parameters.get(name)?.trim().parse().ok())
    }

    /// The longest side of a picture, when the form says.
    pub fn max_pixels(self) -> Option<u32> {
        self.parameter("max-pixels")
    }

    /// Whether the author asked for this appearance.
    pub fn looks(self, appearance: &str) -> bool {
        self.view.with_untracked(|view| view.has_appearance(appearance))
    }

    /// `aria-required`. Tracks.
    pub fn required(self) -> Option<&'static str> {
        self.view.with(|view| view.required).then_some("true")
    }

    /// `aria-invalid`. Tracks.
    pub fn invalid(self) -> Option<&'static str> {
        self.problem.with(Option::is_some).then_some("true")
    }
}

/// A question or a note, while it applies.
#[component]
pub fn QuestionView(filling: Filling, question: Question) -> impl IntoView {
    let relevant = RwSignal::from(question.view.clone());
    let relevant = Memo::new(move |_| relevant.with(|view| view.relevant));
    view! {
        <Show when=move || relevant.get()>
            <Shown filling question=question.clone() />
        </Show>
    }
}

#[component]
fn Shown(filling: Filling, question: Question) -> impl IntoView {
    let view = RwSignal::from(question.view.clone());
    match view.with_untracked(|view| view.kind) {
        NodeKind::Note => view! { <NoteView question /> }.into_any(),
        _ => view! { <Asked filling question /> }.into_any(),
    }
}

/// The web address that a note or a text is, when it is one.
pub(super) fn address(value: &str) -> Option<String> {
    let value = value.trim();
    (value.starts_with("https://") || value.starts_with("http://")).then(|| value.to_owned())
}

/// Something to read. What its author marks with ⚠ is serious.
#[component]
fn NoteView(question: Question) -> impl IntoView {
    let view = RwSignal::from(question.view.clone());
    let path = RwSignal::from(question.path.clone());
    let words = move || {
        let (label, hint, value, url) = view.with(|view| {
            (view.label.clone(), view.hint.clone(), view.value.clone(), view.has_appearance("url"))
        });
        let serious = label.contains('⚠');
        let label = label.replace(['⚠', '\u{fe0f}'], "").trim().to_owned();
        let link = url.then(|| address(&value)).flatten();
        view! {
            <Notice tone=if serious { Tone::Bad } else { Tone::Warning }>
                <p class="question__note">{label}</p>
                {(!hint.is_empty()).then(|| view! { <p>{hint}</p> })}
                {link
                    .map(|link| {
                        let words = link.clone();
                        view! {
                            <a href=link target="_blank" rel="noopener noreferrer">
                                {words}
                            </a>
                        }
                    })}
            </Notice>
        }
    };
    view! { <div data-path=move || path.get().to_string()>{words}</div> }
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
fn Asked(filling: Filling, question: Question) -> impl IntoView {
    let i18n = use_i18n();
    let view = RwSignal::from(question.view.clone());
    let save = RwSignal::from(question.save.clone());
    let judged = RwSignal::from(question.judged.clone());
    let composing = RwSignal::from(question.composing.clone());
    let path = RwSignal::from(question.path.clone());
    let comments = path.with_untracked(|path| filling.comments_on(path));
    let id = unique_id("question");
    let (label_id, hint_id, problem_id) =
        (format!("{id}-label"), format!("{id}-hint"), format!("{id}-problem"));
    let problem = Signal::derive(move || {
        (judged.get() && !composing.get()).then(|| view.with(problem_in_words)).flatten()
    });
    let handle = Handle {
        filling,
        view,
        given: RwSignal::from(question.given.clone()),
        question: StoredValue::new(question),
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
            data-path=move || path.get().to_string()
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
                    on_press=move || handle.question.with_value(|question| handle.filling.retry(question))
                >
                    {t!(i18n, common.try_again)}
                </Button>
            </Notice>
        }
        .into_any()
    }
}
