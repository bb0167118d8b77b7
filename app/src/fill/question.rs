//! One question: its words, its widget, whether it is saved, what is wrong.

use doorstep_core::phone::NewFile;
use doorstep_core::submission::Comment;
use doorstep_form::{NodeKind, NodePath, NodeView, ProblemKind};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::media::LabelMedia;
use super::widget::{Widget, is_listed};
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
        NodeKind::Note => view! { <NoteView filling question /> }.into_any(),
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
fn NoteView(filling: Filling, question: Question) -> impl IntoView {
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
    view! {
        <div class="note" data-path=move || path.get().to_string()>
            {words}
            <LabelMedia filling view />
        </div>
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

/// A question on the screen: what its widget has, and what stands around it.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub(super) handle: Handle,
    pub(super) path: RwSignal<NodePath>,
    save: RwSignal<Save>,
    judged: RwSignal<bool>,
    hint_id: StoredValue<String>,
    problem_id: StoredValue<String>,
}

impl Frame {
    pub(super) fn new(filling: Filling, question: Question) -> Self {
        let view = RwSignal::from(question.view.clone());
        let save = RwSignal::from(question.save.clone());
        let judged = RwSignal::from(question.judged.clone());
        let composing = RwSignal::from(question.composing.clone());
        let path = RwSignal::from(question.path.clone());
        let id = unique_id("question");
        let (hint_id, problem_id) = (format!("{id}-hint"), format!("{id}-problem"));
        let problem = Signal::derive(move || {
            (judged.get() && !composing.get()).then(|| view.with(problem_in_words)).flatten()
        });
        let handle = Handle {
            filling,
            view,
            given: RwSignal::from(question.given.clone()),
            question: StoredValue::new(question),
            composing,
            label_id: StoredValue::new(format!("{id}-label")),
            described_by: StoredValue::new(format!("{hint_id} {problem_id}")),
            id: StoredValue::new(id),
            problem,
        };
        Self {
            handle,
            path,
            save,
            judged,
            hint_id: StoredValue::new(hint_id),
            problem_id: StoredValue::new(problem_id),
        }
    }

    /// The focus went: what is typed is written, and what is wrong is said,
    /// unless the focus stays inside.
    pub(super) fn left(self, event: &web_sys::FocusEvent) {
        let stays = event.current_target().zip(event.related_target()).is_some_and(|(here, next)| {
            let (here, next) = (here.dyn_into::<web_sys::Node>(), next.dyn_into::<web_sys::Node>());
            matches!((here, next), (Ok(here), Ok(next)) if here.contains(Some(&next)))
        });
        if !stays {
            self.handle.filling.flush();
            if self.save.with_untracked(|save| *save != Save::Untouched) {
                self.judged.set(true);
            }
        }
    }

    /// Whether it is wrong, and says so. Tracks.
    pub(super) fn is_wrong(self) -> bool {
        self.handle.problem.with(Option::is_some)
    }

    /// `data-saved`. Tracks.
    pub(super) fn saved(self) -> Option<&'static str> {
        self.save.with(|save| *save == Save::Saved).then_some("true")
    }
}

#[component]
fn Asked(filling: Filling, question: Question) -> impl IntoView {
    let frame = Frame::new(filling, question);
    let handle = frame.handle;
    view! {
        <div
            class="question"
            class:question--wrong=move || frame.is_wrong()
            data-path=move || frame.path.get().to_string()
            data-saved=move || frame.saved()
            on:focusout=move |event| frame.left(&event)
        >
            <Words frame can_clear=has_clear(handle) />
            <Widget handle />
            <Trouble frame />
        </div>
    }
}

/// What is asked, and what helps to answer it.
#[component]
pub(super) fn Words(
    frame: Frame,
    /// Whether a button takes the answer away.
    can_clear: bool,
) -> impl IntoView {
    let i18n = use_i18n();
    let handle = frame.handle;
    let view = handle.view;
    let comments = frame.path.with_untracked(|path| handle.filling.comments_on(path));
    let required = move || view.with(|view| view.required && !view.read_only);
    let guidance = Memo::new(move |_| view.with(|view| view.guidance_hint.clone()));
    view! {
        <div class="question__head">
            <label class="question__label" id=handle.label_id.get_value() for=handle.id.get_value()>
                {move || view.with(|view| view.label.clone())}
                <Show when=required>
                    <span class="question__required" aria-hidden="true">
                        "*"
                    </span>
                    <span class="unseen">{t!(i18n, fill.required)}</span>
                </Show>
            </label>
            {can_clear.then(|| view! { <Clear handle /> })}
            <SaveMark save=frame.save />
        </div>
        <div id=frame.hint_id.get_value() class="question__hint">
            {move || view.with(|view| view.hint.clone())}
        </div>
        <Show when=move || !guidance.with(String::is_empty)>
            <details class="question__guidance">
                <summary>{t!(i18n, fill.guidance)}</summary>
                <p>{guidance}</p>
            </details>
        </Show>
        <LabelMedia filling=handle.filling view />
        <Comments comments />
    }
}

/// What is wrong with the answer, and that it is not on the disk.
#[component]
pub(super) fn Trouble(frame: Frame) -> impl IntoView {
    view! {
        <FieldProblem id=frame.problem_id.get_value() problem=frame.handle.problem />
        <SaveFailure handle=frame.handle save=frame.save />
    }
}

/// Whether an answer of this kind is taken away by a button beside the
/// question; the others have a way of their own.
fn has_clear(handle: Handle) -> bool {
    handle.view.with_untracked(|view| {
        !view.read_only
            && match view.kind {
                NodeKind::SelectOne => !is_listed(view) && !view.has_appearance("label"),
                NodeKind::Range => !view.has_appearance("picker"),
                NodeKind::Rank | NodeKind::Geopoint => true,
                _ => false,
            }
    })
}

/// Takes the answer away. It has its place from the beginning, so that
/// nothing moves when there is an answer.
#[component]
fn Clear(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let can = move || handle.view.with(|view| !view.required) && handle.is_answered();
    view! {
        <button
            type="button"
            class="question__clear"
            class:question__clear--idle=move || !can()
            aria-describedby=handle.label_id.get_value()
            on:click=move |_| handle.answer(String::new())
        >
            {t!(i18n, fill.clear)}
        </button>
    }
}

fn problem_in_words(view: &NodeView) -> Option<String> {
    match view.problem.filter(|_| view.relevant)? {
        ProblemKind::Required => view.required_message.clone(),
        _ => view.constraint_message.clone(),
    }
}

/// A small mark when the answer is on the disk. Its place is kept.
#[component]
fn SaveMark(save: RwSignal<Save>) -> impl IntoView {
    let i18n = use_i18n();
    let mark = move || {
        save.with(|save| *save == Save::Saved).then(|| {
            view! {
                <Icon name=IconName::Check />
                <span class="unseen">{t!(i18n, fill.saved)}</span>
            }
        })
    };
    view! { <span class="question__saved">{mark}</span> }
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
