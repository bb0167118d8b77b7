//! A draft on the screen.
//!
//! [`Filling`] is the deep part: it keeps the form's session, writes each
//! answer to the disk in the order in which they were given, and sets the
//! signals of those questions that changed by it. Below it are the widgets,
//! which show one [`Question`] each and hand over answers.
//!
//! An answer that could not be written stays in its field and in
//! [`Save::Failed`], until it is written or given anew.

pub mod check;
pub mod choice;
pub mod photo;
pub mod place;
pub mod question;
pub mod signature;
pub mod text;

pub use check::CheckStep;
pub use question::{Comments, QuestionView};

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use chrono::TimeDelta;
use doorstep_core::phone::draft::FinishError;
use doorstep_core::phone::{DraftRecord, NewFile, OpenDraft};
use doorstep_core::submission::{Comment, Place, SubmissionContent};
use doorstep_core::text::{Language, LocalText};
use doorstep_form::{LeftOver, NodeKind, NodePath, NodeView, PageView, Problem, SummaryEntry};
use futures::channel::oneshot;
use futures::future::{Either, select};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::browser::sleep;
use crate::camera::ObjectUrl;
use crate::clock::{new_id, now};
use crate::explain::Explain;
use crate::place::locate;
use crate::session::Session;

/// A person stops typing for this long before the answer is written.
const PAUSE: Duration = Duration::from_millis(300);
/// How long finishing waits for a place.
const PLACE_WAIT_MS: u32 = 4_000;
/// A place that was measured for a question serves for the whole visit.
const PLACE_KEEPS_MINUTES: i64 = 10;

/// One question on the screen.
#[derive(Clone, Debug)]
pub struct Question {
    pub view: ArcRwSignal<NodeView>,
    pub save: ArcRwSignal<Save>,
    /// The person has left it or tried to go on: what is wrong is shown.
    pub judged: ArcRwSignal<bool>,
    /// An input method is at work; nothing is judged meanwhile.
    pub composing: ArcRwSignal<bool>,
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

/// What is handed over for a question.
#[derive(Clone, Debug)]
enum Given {
    Value(String),
    File(NewFile),
}

/// What the worker does, one after the other.
#[derive(Debug)]
enum Job {
    Answer(NodePath, Given),
    Language(Language),
    /// Says that everything before it is done.
    Settle(oneshot::Sender<()>),
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

#[derive(Debug)]
struct State {
    phone: Session,
    record: DraftRecord,
    left_over: Vec<LeftOver>,
    last_answered: Option<NodePath>,
    /// `None` while an answer is being written.
    draft: RefCell<Option<OpenDraft>>,
    queue: RefCell<VecDeque<Job>>,
    working: Cell<bool>,
    /// What is typed and waits for a pause.
    typed: RefCell<BTreeMap<NodePath, String>>,
    pause: Cell<Option<TimeoutHandle>>,
    failed: RefCell<BTreeMap<NodePath, Given>>,
    place: RefCell<Option<Place>>,
    questions: RefCell<HashMap<NodePath, Question>>,
    pages: ArcRwSignal<Vec<PageView>>,
    problems: ArcRwSignal<Vec<Problem>>,
    summary: ArcRwSignal<Vec<SummaryEntry>>,
    /// How many answers are on their way.
    unsaved: ArcRwSignal<usize>,
}

impl Filling {
    /// Shows an opened draft.
    pub fn new(phone: Session, draft: OpenDraft) -> Self {
        let state = State {
            phone,
            record: draft.record.clone(),
            left_over: draft.left_over.clone(),
            last_answered: draft.answer_times.iter().max_by_key(|(_, at)| **at).map(|(path, _)| path.clone()),
            draft: RefCell::new(None),
            queue: RefCell::default(),
            working: Cell::new(false),
            typed: RefCell::default(),
            pause: Cell::new(None),
            failed: RefCell::default(),
            place: RefCell::default(),
            questions: RefCell::default(),
            pages: ArcRwSignal::new(Vec::new()),
            problems: ArcRwSignal::new(Vec::new()),
            summary: ArcRwSignal::new(Vec::new()),
            unsaved: ArcRwSignal::new(0),
        };
        state.show_everything(&draft);
        for path in draft.answer_times.keys() {
            if let Some(question) = state.questions.borrow().get(path) {
                question.save.set(Save::Saved);
                question.judged.set(true);
            }
        }
        state.draft.replace(Some(draft));
        Self(StoredValue::new_local(Rc::new(state)))
    }

    fn state(self) -> Rc<State> {
        self.0.get_value()
    }

    /// What the draft is about.
    pub fn record(self) -> DraftRecord {
        self.0.with_value(|state| state.record.clone())
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

    /// The first thing that this phone cannot do with the form.
    pub fn unsupported(self) -> Option<String> {
        self.0.with_value(|state| {
            let pages = state.pages.get_untracked();
            let questions = state.questions.borrow();
            pages.iter().flat_map(|page| &page.nodes).find_map(|path| {
                let view = questions.get(path)?.view.get_untracked();
                // The log of a draft holds answers, not instances that people
                // add; those that the form counts come back by themselves.
                let added_by_hand = view.kind == NodeKind::Repeat && !view.read_only;
                added_by_hand.then_some(if view.label.is_empty() { view.name } else { view.label })
            })
        })
    }

    /// Takes an answer and writes it at once.
    pub fn answer(self, path: &NodePath, value: String) {
        let state = self.state();
        state.typed.borrow_mut().remove(path);
        state.give(path, Given::Value(value));
    }

    /// The same draft for work that may outlive the screen.
    pub fn kept(self) -> Kept {
        Kept(self.state())
    }

    /// Takes what is typed so far; it is written after a pause, or by
    /// [`Self::flush`]. While an input method composes, only by that.
    pub fn typing(self, path: &NodePath, value: String, composing: bool) {
        let state = self.state();
        state.mark(path, Save::Saving);
        state.typed.borrow_mut().insert(path.clone(), value);
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
    pub fn retry(self, path: &NodePath) {
        let state = self.state();
        let failed = state.failed.borrow_mut().remove(path);
        if let Some(given) = failed {
            state.give(path, given);
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
                let wrong = question.view.with_untracked(|view| view.relevant && view.problem.is_some());
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

    /// The bytes behind the answer to a picture question, as an address.
    /// `None` when only the server has them.
    ///
    /// # Errors
    /// What to tell the person.
    pub async fn picture(self, file_name: String) -> Result<Option<Rc<ObjectUrl>>, LocalText> {
        let state = self.state();
        let explained = |error: doorstep_core::phone::PhoneError| error.explain();
        let phone = state.phone.phone().map_err(explained)?;
        let file = phone.draft_file(state.record.draft_id, &file_name).await.map_err(explained)?;
        let Some(file) = file else { return Ok(None) };
        let bytes = phone.media_bytes(file.media_id).await.map_err(explained)?;
        Ok(bytes.and_then(|bytes| ObjectUrl::new(&bytes, &file.content_type)).map(Rc::new))
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

/// A draft, held by work that goes on after its screen was left: a photo that
/// is still being made small belongs to the draft all the same.
#[derive(Clone, Debug)]
pub struct Kept(Rc<State>);

impl Kept {
    /// Takes a picture and writes it at once.
    pub fn attach(&self, path: &NodePath, file: NewFile) {
        self.0.give(path, Given::File(file));
    }

    /// Takes a place and writes it at once.
    pub fn located(&self, path: &NodePath, place: Place) {
        self.0.give(path, Given::Value(place::stored(&place)));
        self.0.place.replace(Some(place));
    }
}

impl State {
    async fn settle(self: &Rc<Self>) {
        self.flush();
        let (done, settled) = oneshot::channel();
        self.enqueue(Job::Settle(done));
        // Cancelled only together with the draft.
        let _ = settled.await;
    }

    fn mark(&self, path: &NodePath, save: Save) {
        if let Some(question) = self.questions.borrow().get(path)
            && question.save.with_untracked(|before| *before != save)
        {
            question.save.set(save);
        }
        let saving = self
            .questions
            .borrow()
            .values()
            .filter(|question| {
                question.save.with_untracked(|save| matches!(save, Save::Saving | Save::Failed(_)))
            })
            .count();
        if self.unsaved.get_untracked() != saving {
            self.unsaved.set(saving);
        }
    }

    fn flush(self: &Rc<Self>) {
        if let Some(pause) = self.pause.take() {
            pause.clear();
        }
        let typed = std::mem::take(&mut *self.typed.borrow_mut());
        for (path, value) in typed {
            self.give(&path, Given::Value(value));
        }
    }

    fn give(self: &Rc<Self>, path: &NodePath, given: Given) {
        self.failed.borrow_mut().remove(path);
        self.mark(path, Save::Saving);
        // What waits and is given anew need not be written.
        self.queue
            .borrow_mut()
            .retain(|job| !matches!(job, Job::Answer(waiting, Given::Value(_)) if waiting == path));
        self.enqueue(Job::Answer(path.clone(), given));
    }

    fn enqueue(self: &Rc<Self>, job: Job) {
        self.queue.borrow_mut().push_back(job);
        self.start_worker();
    }

    fn start_worker(self: &Rc<Self>) {
        if !self.working.replace(true) {
            let state = Rc::clone(self);
            spawn_local(async move { state.work().await });
        }
    }

    /// One job after the other: answers reach the disk in the order in which
    /// they were given.
    async fn work(&self) {
        loop {
            let Some(job) = self.queue.borrow_mut().pop_front() else { break };
            let Some(mut draft) = self.draft.take() else { break };
            match job {
                Job::Answer(path, given) => self.write(&mut draft, path, given).await,
                Job::Language(language) => {
                    draft.session.set_language(language.code());
                    self.show_everything(&draft);
                }
                Job::Settle(done) => {
                    self.summary.set(draft.session.summary());
                    // Nobody waits any more: nothing to tell.
                    let _ = done.send(());
                }
            }
            self.draft.replace(Some(draft));
        }
        self.working.set(false);
    }

    async fn write(&self, draft: &mut OpenDraft, path: NodePath, given: Given) {
        let written = self.try_write(draft, &path, &given).await;
        match written {
            Ok(changed) => {
                self.show(draft, &changed);
                let later = self.typed.borrow().contains_key(&path)
                    || self
                        .queue
                        .borrow()
                        .iter()
                        .any(|job| matches!(job, Job::Answer(next, _) if *next == path));
                if !later {
                    self.mark(&path, Save::Saved);
                }
            }
            Err(text) => {
                // The session may have it; what depends on it is shown so.
                self.show_everything(draft);
                self.failed.borrow_mut().insert(path.clone(), given);
                self.mark(&path, Save::Failed(text));
            }
        }
    }

    async fn try_write(
        &self,
        draft: &mut OpenDraft,
        path: &NodePath,
        given: &Given,
    ) -> Result<Vec<NodePath>, LocalText> {
        let phone = self.phone.phone().map_err(|error| error.explain())?;
        let at = now();
        // What is computed from the clock may have changed since.
        let mut changed = draft.session.set_now(at);
        let by_answer = match given {
            Given::Value(value) => phone.answer(draft, path, value, at).await,
            Given::File(file) => phone.answer_with_file(draft, path, file.clone(), at).await,
        };
        changed.extend(by_answer.map_err(|error| error.explain())?);
        Ok(changed)
    }

    /// Sets the signals of what changed.
    fn show(&self, draft: &OpenDraft, changed: &[NodePath]) {
        for path in changed {
            let question = self.questions.borrow().get(path).cloned();
            if let (Some(question), Some(view)) = (question, draft.session.node(path))
                && question.view.with_untracked(|before| *before != view)
            {
                question.view.set(view);
            }
        }
        self.show_frame(draft);
    }

    fn show_everything(&self, draft: &OpenDraft) {
        let paths: Vec<NodePath> = self.questions.borrow().keys().cloned().collect();
        self.show(draft, &paths);
    }

    /// Pages, problems, and questions that came with a counted repeat.
    fn show_frame(&self, draft: &OpenDraft) {
        let pages = draft.session.pages();
        if self.pages.with_untracked(|before| *before != pages) {
            for path in pages.iter().flat_map(|page| &page.nodes) {
                let known = self.questions.borrow().contains_key(path);
                if let Some(view) = draft.session.node(path).filter(|_| !known) {
                    let question = Question {
                        view: ArcRwSignal::new(view),
                        save: ArcRwSignal::default(),
                        judged: ArcRwSignal::new(false),
                        composing: ArcRwSignal::new(false),
                    };
                    self.questions.borrow_mut().insert(path.clone(), question);
                }
            }
            self.pages.set(pages);
        }
        let problems = draft.session.problems();
        if self.problems.with_untracked(|before| *before != problems) {
            self.problems.set(problems);
        }
    }

    /// Where the visit was, if the phone says so soon.
    async fn place_of_visit(&self) -> Option<Place> {
        let measured = self.place.borrow().clone();
        let fresh = measured.filter(|place| now() - place.at < TimeDelta::minutes(PLACE_KEEPS_MINUTES));
        if fresh.is_some() {
            return fresh;
        }
        match select(Box::pin(locate()), Box::pin(sleep(PLACE_WAIT_MS))).await {
            Either::Left((place, _)) => place.ok(),
            Either::Right(_) => None,
        }
    }

    async fn hand_over(
        &self,
        draft: &mut OpenDraft,
        place: Option<Place>,
    ) -> Result<SubmissionContent, FinishFailure> {
        let phone = self.phone.phone().map_err(|error| FinishFailure::Failed(error.explain()))?;
        match phone.finish_draft(draft, new_id(), place, now()).await {
            Ok(content) => Ok(content),
            Err(FinishError::Incomplete(_)) => Err(FinishFailure::Incomplete),
            Err(FinishError::Phone(error)) => Err(FinishFailure::Failed(error.explain())),
        }
    }
}
