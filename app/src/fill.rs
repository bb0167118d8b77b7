//! A draft on the screen.
//!
//! [`Filling`] is the deep part: it keeps the form's session, writes each
//! answer to the disk in the order in which they were given, and sets the
//! signals of those questions that changed by it. Below it are the widgets,
//! which show one [`Question`] each and hand over answers.
//!
//! An answer that could not be written stays in its field and in
//! [`Save::Failed`], until it is written or given anew.

pub mod barcode;
mod caption;
pub mod check;
pub mod choice;
pub mod drawing;
pub mod file;
mod lens;
pub mod measure;
pub mod media;
pub mod moment;
pub mod outline;
pub mod photo;
pub mod place;
pub mod question;
pub mod range;
pub mod rank;
pub mod recording;
pub mod search;
pub mod sections;
mod state;
pub mod table;
pub mod text;
pub mod track;
pub mod widget;

pub use check::CheckStep;
pub use question::Comments;
pub use sections::{Sheet, SheetView};
pub use state::{Kept, all_written};

use std::rc::Rc;

use doorstep_core::pack::FormFile;
use doorstep_core::phone::draft::log::RepeatChange;
use doorstep_core::phone::{DraftRecord, OpenDraft, PhoneError};
use doorstep_core::store::Table;
use doorstep_core::submission::{Comment, SubmissionContent};
use doorstep_core::text::{Language, LocalText};
use doorstep_form::{LeftOver, NodePath, NodeView, PageView, Problem, ProblemKind, SummaryEntry};
use futures::channel::oneshot;
use leptos::prelude::*;

use crate::camera::ObjectUrl;
use crate::explain::Explain;
use crate::session::Session;
use media::{FormFiles, FormMedia};
use state::{Given, Job, PAUSE, State};

/// One question, group or repeat on the screen.
#[derive(Clone, Debug)]
pub struct Question {
    /// The same for as long as it is there.
    pub id: u32,
    /// Where it is: another place once an instance before its own is gone.
    pub path: ArcRwSignal<NodePath>,
    pub view: ArcRwSignal<NodeView>,
    /// What the person gave last, also before it is on the disk; else the
    /// value.
    pub given: ArcRwSignal<String>,
    pub save: ArcRwSignal<Save>,
    /// The person has left it or tried to go on: what is wrong is shown.
    pub judged: ArcRwSignal<bool>,
    /// An input method is at work; nothing is judged meanwhile.
    pub composing: ArcRwSignal<bool>,
}

impl Question {
    fn new(id: u32, view: NodeView) -> Self {
        Self {
            id,
            path: ArcRwSignal::new(view.path.clone()),
            given: ArcRwSignal::new(view.value.clone()),
            view: ArcRwSignal::new(view),
            save: ArcRwSignal::default(),
            judged: ArcRwSignal::new(false),
            composing: ArcRwSignal::new(false),
        }
    }
}

/// Whether an answer is on the disk.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Save {
    /// Not answered since the draft began.
    #[default]
    Untouched,
    /// On its way.
    Saving,
    Saved,
    /// Not written, and why; it is still in its field.
    Failed(LocalText),
}

/// Why a visit is not finished.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FinishFailure {
    /// The list on the screen says what is missing.
    Incomplete,
    Failed(LocalText),
}

/// A draft that is being filled in. Copies are the same draft.
#[derive(Clone, Copy, Debug)]
pub struct Filling(StoredValue<Rc<State>, LocalStorage>);

impl Filling {
    /// Shows an opened draft; `files` are those beside the form's words.
    pub fn new(phone: Session, draft: OpenDraft, files: Vec<FormFile>) -> Self {
        let state = State::new(phone, draft, FormFiles::new(files));
        Self(StoredValue::new_local(Rc::new(state)))
    }

    fn state(self) -> Rc<State> {
        self.0.get_value()
    }

    /// What the draft is about.
    pub fn record(self) -> DraftRecord {
        self.0.with_value(|state| state.record.clone())
    }

    /// Whether the draft goes on with a newer version of its form since it was
    /// opened.
    pub fn is_renewed(self) -> bool {
        self.0.with_value(|state| state.renewed)
    }

    /// Answers that have no place in the form any more.
    pub fn left_over(self) -> Vec<LeftOver> {
        self.0.with_value(|state| state.left_over.clone())
    }

    /// The sections. Tracks.
    pub fn pages(self) -> Vec<PageView> {
        self.0.with_value(|state| state.pages.clone()).get()
    }

    /// What stands in the way of finishing. Tracks.
    pub fn problems(self) -> Vec<Problem> {
        self.0.with_value(|state| state.problems.clone()).get()
    }

    /// The answers in words. Tracks.
    pub fn summary(self) -> Vec<SummaryEntry> {
        self.0.with_value(|state| state.summary.clone()).get()
    }

    /// Whether every answer is on the disk. Tracks.
    pub fn is_saved(self) -> bool {
        self.0.with_value(|state| state.unsaved.clone()).get() == 0
    }

    /// The question that was answered last, when the draft was opened.
    pub fn last_answered(self) -> Option<NodePath> {
        self.0.with_value(|state| state.last_answered.clone())
    }

    /// The question at this path, if there is one.
    pub fn question(self, path: &NodePath) -> Option<Question> {
        self.0.with_value(|state| state.questions.borrow().get(path).cloned())
    }

    /// What the reviewer said about this question.
    pub fn comments_on(self, path: &NodePath) -> Vec<Comment> {
        let mut comments = self.0.with_value(|state| state.record.comments.clone());
        comments.retain(|comment| comment.path.as_deref() == Some(path.as_str()));
        comments
    }

    /// Takes an answer and writes it at once.
    pub fn answer(self, question: &Question, value: String) {
        let state = self.state();
        state.typed.borrow_mut().remove(&question.id);
        state.give(question, Given::Value(value));
    }

    /// Adds an instance to a repeat; where it is, once it is on the disk.
    ///
    /// # Errors
    /// What to tell the person; the draft is as it was then.
    pub async fn add_instance(self, repeat: &Question) -> Result<Option<NodePath>, LocalText> {
        self.change(repeat, RepeatChange::Added).await
    }

    /// The innermost repeat around a question, where a person may add to it.
    fn growing_repeat(self, question: &Question) -> Option<(Question, String)> {
        let path = question.path.get_untracked();
        let (before, behind) = path.as_str().rsplit_once('[')?;
        let (_, inside) = behind.split_once(']')?;
        let repeat = self.question(&before.parse().ok()?)?;
        let may_grow = repeat.view.with_untracked(|view| view.relevant && !view.read_only);
        may_grow.then(|| (repeat, inside.to_owned()))
    }

    /// Whether [`Self::in_new_instance`] finds a place.
    pub fn may_repeat(self, question: &Question) -> bool {
        self.growing_repeat(question).is_some()
    }

    /// The same question in a new instance of the innermost repeat around it;
    /// none where nobody may add one.
    ///
    /// # Errors
    /// What to tell the person; the draft is as it was then.
    pub async fn in_new_instance(self, question: &Question) -> Result<Option<Question>, LocalText> {
        let Some((repeat, inside)) = self.growing_repeat(question) else { return Ok(None) };
        let added = self.add_instance(&repeat).await?;
        let path = added.and_then(|instance| format!("{instance}{inside}").parse().ok());
        Ok(path.and_then(|path| self.question(&path)))
    }

    /// Removes an instance of a repeat with everything in it.
    ///
    /// # Errors
    /// What to tell the person; the draft is as it was then.
    pub async fn remove_instance(self, instance: &Question) -> Result<(), LocalText> {
        self.change(instance, RepeatChange::Removed).await.map(drop)
    }

    async fn change(self, question: &Question, change: RepeatChange) -> Result<Option<NodePath>, LocalText> {
        let state = self.state();
        state.flush();
        let (done, answer) = oneshot::channel();
        state.enqueue(Job::Repeat(question.clone(), change, done));
        // Cancelled only together with the draft.
        answer.await.unwrap_or(Ok(None))
    }

    /// The same draft for work that may outlive the screen.
    pub fn kept(self) -> Kept {
        Kept(self.state())
    }

    /// Takes what is typed so far; it is written after a pause, or by
    /// [`Self::flush`]. While an input method composes, only by that.
    pub fn typing(self, question: &Question, value: String, composing: bool) {
        let state = self.state();
        state.mark(question, Save::Saving);
        state.typed.borrow_mut().insert(question.id, (question.clone(), value));
        if let Some(pause) = state.pause.take() {
            pause.clear();
        }
        if !composing {
            let after = Rc::clone(&state);
            state.pause.set(set_timeout_with_handle(move || after.flush(), PAUSE).ok());
        }
    }

    /// Writes what is typed, now.
    pub fn flush(self) {
        if let Some(state) = self.0.try_get_value() {
            state.flush();
        }
    }

    /// Tries again to write an answer that could not be written.
    pub fn retry(self, question: &Question) {
        let state = self.state();
        let failed = state.failed.borrow_mut().remove(&question.id);
        if let Some(given) = failed {
            state.give(question, given);
        }
    }

    /// Shows the form in another language.
    pub fn set_language(self, language: Language) {
        self.state().enqueue(Job::Language(language));
    }

    /// From now on says what is wrong with these questions; the first that is.
    pub fn judge(self, paths: &[NodePath]) -> Option<NodePath> {
        let mut first = None;
        for path in paths {
            if let Some(question) = self.question(path) {
                question.judged.set(true);
                let wrong = question
                    .view
                    .with_untracked(|view| view.relevant && view.problem.is_some_and(ProblemKind::hinders));
                if wrong && first.is_none() {
                    first = Some(path.clone());
                }
            }
        }
        first
    }

    /// Writes everything that waits, and waits for it.
    pub async fn settle(self) {
        let state = self.state();
        state.settle().await;
    }

    /// The answer to a question like this one is enough: on to the next page,
    /// if nothing else is asked on this one.
    pub fn ask_to_go_on(self) {
        self.0.with_value(|state| state.go_on.clone()).update(|asked| *asked += 1);
    }

    /// How often going on was asked for. Tracks.
    pub fn asked_to_go_on(self) -> usize {
        self.0.with_value(|state| state.go_on.clone()).get()
    }

    /// The picture behind an answer, as an address. `None` when only the
    /// server has it.
    ///
    /// # Errors
    /// What to tell the person.
    pub async fn picture(self, file_name: String) -> Result<Option<Rc<ObjectUrl>>, LocalText> {
        Ok(self.file(file_name).await?.map(|(address, ..)| address))
    }

    /// The file behind an answer: its address, type and size in bytes. `None`
    /// when only the server has it.
    ///
    /// # Errors
    /// What to tell the person.
    pub async fn file(self, file_name: String) -> Result<Option<(Rc<ObjectUrl>, String, u64)>, LocalText> {
        let state = self.state();
        let explained = |error: PhoneError| error.explain();
        let phone = state.phone.phone().map_err(explained)?;
        let file = phone.draft_file(state.record.draft_id, &file_name).await.map_err(explained)?;
        let Some(file) = file else { return Ok(None) };
        let bytes = phone.media_bytes(file.media_id).await.map_err(explained)?;
        let address = bytes.and_then(|bytes| ObjectUrl::new(&bytes, &file.content_type)).map(Rc::new);
        Ok(address.map(|address| (address, file.content_type, file.size_bytes)))
    }

    /// Runs the reader again when files beside the form's words arrive.
    pub fn track_form_media(self) {
        self.0.with_value(|state| state.phone.changes().track(&[Table::FormFile]));
    }

    /// A file beside the form's words, by its name.
    pub async fn form_media(self, name: &str) -> FormMedia {
        let state = self.state();
        state.form_files.find(state.phone, name).await
    }

    /// Finishes the visit: it moves to the outbox.
    ///
    /// # Errors
    /// When something is missing or cannot be written; the draft stays.
    pub async fn finish(self) -> Result<SubmissionContent, FinishFailure> {
        let state = self.state();
        state.settle().await;
        let place = state.place_of_visit().await;
        // Whatever is given meanwhile waits behind this.
        if state.working.replace(true) {
            return Err(FinishFailure::Failed(LocalText::new("正在保存,请稍等再试。", "Saving; try again.")));
        }
        let draft = state.draft.take();
        let answer = match draft {
            Some(mut draft) => {
                let answer = state.hand_over(&mut draft, place).await;
                if answer.is_err() {
                    state.show_everything(&draft);
                }
                state.draft.replace(Some(draft));
                answer
            }
            None => Err(FinishFailure::Incomplete),
        };
        state.working.set(false);
        if answer.is_err() {
            state.start_worker();
        }
        answer
    }

    /// Throws the draft away.
    ///
    /// # Errors
    /// What to tell the person; the draft is whole then.
    pub async fn discard(self) -> Result<(), LocalText> {
        let state = self.state();
        state.typed.borrow_mut().clear();
        state.queue.borrow_mut().clear();
        state.settle().await;
        let phone = state.phone.phone().map_err(|error| error.explain())?;
        phone.discard_draft(state.record.draft_id).await.map_err(|error| error.explain())
    }
}
