//! The draft behind the screen: what waits to be written, the one worker that
//! writes it, and the signals it sets.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use chrono::TimeDelta;
use doorstep_core::phone::draft::FinishError;
use doorstep_core::phone::draft::log::RepeatChange;
use doorstep_core::phone::{DraftRecord, NewFile, OpenDraft};
use doorstep_core::submission::{Place, SubmissionContent};
use doorstep_core::text::{Language, LocalText};
use doorstep_form::{LeftOver, NodePath, PageView, Problem, SummaryEntry};
use futures::channel::oneshot;
use futures::future::{Either, select};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::media::FormFiles;
use super::{FinishFailure, Question, Save, outline, place};
use crate::browser::sleep;
use crate::clock::{new_id, now};
use crate::explain::Explain;
use crate::place::locate;
use crate::session::Session;

/// A person stops typing for this long before the answer is written.
pub(super) const PAUSE: Duration = Duration::from_millis(300);
/// How long finishing waits for a place.
const PLACE_WAIT_MS: u32 = 4_000;
/// A place that was measured for a question serves for the whole visit.
const PLACE_KEEPS_MINUTES: i64 = 10;

thread_local! {
    /// How many drafts are being written.
    static WORKERS: Cell<usize> = const { Cell::new(0) };
}

/// Waits until no draft is being written: a draft that was left a moment ago
/// must not be read before its last answer is there.
pub async fn all_written() {
    while WORKERS.with(Cell::get) > 0 {
        sleep(10).await;
    }
}

/// What is handed over for a question.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Value(String),
    File(Box<NewFile>),
}

/// What the worker does, one after the other.
#[derive(Debug)]
pub(super) enum Job {
    Answer(Question, Given),
    /// Of a repeat, or of an instance of one; says where the new instance is.
    Repeat(Question, RepeatChange, oneshot::Sender<Result<Option<NodePath>, LocalText>>),
    Language(Language),
    /// Says that everything before it is done.
    Settle(oneshot::Sender<()>),
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) phone: Session,
    pub(super) record: DraftRecord,
    pub(super) left_over: Vec<LeftOver>,
    pub(super) renewed: bool,
    pub(super) last_answered: Option<NodePath>,
    pub(super) form_files: FormFiles,
    /// `None` while an answer is being written.
    pub(super) draft: RefCell<Option<OpenDraft>>,
    pub(super) queue: RefCell<VecDeque<Job>>,
    pub(super) working: Cell<bool>,
    /// What is typed and waits for a pause.
    pub(super) typed: RefCell<BTreeMap<u32, (Question, String)>>,
    pub(super) pause: Cell<Option<TimeoutHandle>>,
    pub(super) failed: RefCell<BTreeMap<u32, Given>>,
    pub(super) place: RefCell<Option<Place>>,
    /// By where they are now; groups, repeats and instances too.
    pub(super) questions: RefCell<HashMap<NodePath, Question>>,
    /// How many questions there have been.
    numbered: Cell<u32>,
    pub(super) pages: ArcRwSignal<Vec<PageView>>,
    pub(super) problems: ArcRwSignal<Vec<Problem>>,
    pub(super) summary: ArcRwSignal<Vec<SummaryEntry>>,
    /// How often an answer asked for the next page.
    pub(super) go_on: ArcRwSignal<usize>,
    /// How many answers are on their way.
    pub(super) unsaved: ArcRwSignal<usize>,
}

/// A draft, held by work that goes on after its screen was left: a photo that
/// is still being made small belongs to the draft all the same.
#[derive(Clone, Debug)]
pub struct Kept(pub(super) Rc<State>);

impl Kept {
    /// Takes a picture, a recording or another file and writes it at once.
    pub fn attach(&self, question: &Question, file: NewFile) {
        self.0.give(question, Given::File(Box::new(file)));
    }

    /// Takes a place and writes it at once.
    pub fn located(&self, question: &Question, place: Place) {
        self.0.give(question, Given::Value(place::stored(&place)));
        self.0.place.replace(Some(place));
    }
}

impl State {
    pub(super) fn new(phone: Session, draft: OpenDraft, form_files: FormFiles) -> Self {
        let state = Self {
            phone,
            form_files,
            record: draft.record.clone(),
            left_over: draft.left_over.clone(),
            renewed: draft.renewed,
            last_answered: draft.answer_times.iter().max_by_key(|(_, at)| **at).map(|(path, _)| path.clone()),
            draft: RefCell::new(None),
            queue: RefCell::default(),
            working: Cell::new(false),
            typed: RefCell::default(),
            pause: Cell::new(None),
            failed: RefCell::default(),
            place: RefCell::default(),
            questions: RefCell::default(),
            numbered: Cell::new(0),
            pages: ArcRwSignal::new(Vec::new()),
            problems: ArcRwSignal::new(Vec::new()),
            summary: ArcRwSignal::new(Vec::new()),
            go_on: ArcRwSignal::new(0),
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
        state
    }

    pub(super) async fn settle(self: &Rc<Self>) {
        self.flush();
        let (done, settled) = oneshot::channel();
        self.enqueue(Job::Settle(done));
        // Cancelled only together with the draft.
        let _ = settled.await;
    }

    pub(super) fn mark(&self, question: &Question, save: Save) {
        if question.save.with_untracked(|before| *before != save) {
            question.save.set(save);
        }
        self.count_unsaved();
    }

    fn count_unsaved(&self) {
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

    pub(super) fn flush(self: &Rc<Self>) {
        if let Some(pause) = self.pause.take() {
            pause.clear();
        }
        let typed = std::mem::take(&mut *self.typed.borrow_mut());
        for (question, value) in typed.into_values() {
            self.give(&question, Given::Value(value));
        }
    }

    pub(super) fn give(self: &Rc<Self>, question: &Question, given: Given) {
        self.failed.borrow_mut().remove(&question.id);
        self.mark(question, Save::Saving);
        if let Given::Value(value) = &given {
            question.given.set(value.clone());
        }
        // What waits and is given anew need not be written.
        self.queue
            .borrow_mut()
            .retain(|job| !matches!(job, Job::Answer(waiting, Given::Value(_)) if waiting.id == question.id));
        self.enqueue(Job::Answer(question.clone(), given));
    }

    pub(super) fn enqueue(self: &Rc<Self>, job: Job) {
        self.queue.borrow_mut().push_back(job);
        self.start_worker();
    }

    pub(super) fn start_worker(self: &Rc<Self>) {
        if !self.working.replace(true) {
            let state = Rc::clone(self);
            WORKERS.with(|workers| workers.set(workers.get() + 1));
            spawn_local(async move {
                state.work().await;
                WORKERS.with(|workers| workers.set(workers.get().saturating_sub(1)));
            });
        }
    }

    /// One job after the other: answers reach the disk in the order in which
    /// they were given.
    async fn work(&self) {
        loop {
            let Some(job) = self.queue.borrow_mut().pop_front() else { break };
            let Some(mut draft) = self.draft.take() else { break };
            match job {
                Job::Answer(question, given) => self.write(&mut draft, question, given).await,
                Job::Repeat(question, change, done) => {
                    // Nobody waits any more: nothing to tell.
                    let _ = done.send(self.change(&mut draft, &question, change).await);
                }
                Job::Language(language) => {
                    draft.session.set_language(language.code());
                    self.show_everything(&draft);
                    self.summary.set(draft.session.summary());
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

    /// Where the question is, unless it went with its instance.
    fn whereabouts(&self, question: &Question) -> Option<NodePath> {
        let path = question.path.get_untracked();
        let there = self.questions.borrow().get(&path).is_some_and(|there| there.id == question.id);
        there.then_some(path)
    }

    async fn write(&self, draft: &mut OpenDraft, question: Question, given: Given) {
        let Some(path) = self.whereabouts(&question) else { return };
        let written = self.try_write(draft, &path, &given).await;
        match written {
            Ok(mut changed) => {
                let later = self.typed.borrow().contains_key(&question.id)
                    || self
                        .queue
                        .borrow()
                        .iter()
                        .any(|job| matches!(job, Job::Answer(next, _) if next.id == question.id));
                if !later {
                    self.mark(&question, Save::Saved);
                    changed.push(path);
                }
                self.show(draft, &changed);
            }
            Err(text) => {
                // The session may have it; what depends on it is shown so.
                self.show_everything(draft);
                self.failed.borrow_mut().insert(question.id, given);
                self.mark(&question, Save::Failed(text));
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
            Given::File(file) => phone.answer_with_file(draft, path, (**file).clone(), at).await,
        };
        changed.extend(by_answer.map_err(|error| error.explain())?);
        Ok(changed)
    }

    /// Adds or removes an instance, on the disk and then on the screen.
    async fn change(
        &self,
        draft: &mut OpenDraft,
        question: &Question,
        change: RepeatChange,
    ) -> Result<Option<NodePath>, LocalText> {
        let Some(path) = self.whereabouts(question) else { return Ok(None) };
        let phone = self.phone.phone().map_err(|error| error.explain())?;
        let changed = match change {
            RepeatChange::Added => phone.add_repeat(draft, &path, now()).await,
            RepeatChange::Removed => phone.remove_repeat(draft, &path, now()).await,
        };
        let changed = changed.map_err(|error| error.explain())?;
        match change {
            RepeatChange::Added => {
                self.show(draft, &changed);
                let last = draft.session.node(&path).and_then(|view| view.instances).unwrap_or(0);
                Ok(format!("{path}[{last}]").parse().ok())
            }
            RepeatChange::Removed => {
                self.move_up(&path);
                self.show_everything(draft);
                Ok(None)
            }
        }
    }

    /// Questions behind an instance that is gone are now where it was.
    fn move_up(&self, removed: &NodePath) {
        let mut questions = self.questions.borrow_mut();
        let mut left = HashMap::with_capacity(questions.len());
        for (path, question) in questions.drain() {
            if let Some(now) = path.after_removal(removed) {
                if now != path {
                    question.path.set(now.clone());
                }
                left.insert(now, question);
            }
        }
        *questions = left;
    }

    /// Sets the signals of what changed.
    fn show(&self, draft: &OpenDraft, changed: &[NodePath]) {
        for path in changed {
            let question = self.questions.borrow().get(path).cloned();
            let (Some(question), Some(view)) = (question, draft.session.node(path)) else { continue };
            // Fingers are faster than the disk: what was given since stays.
            let settled = question.save.with_untracked(|save| matches!(save, Save::Untouched | Save::Saved));
            if settled && question.given.with_untracked(|given| *given != view.value) {
                question.given.set(view.value.clone());
            }
            if question.view.with_untracked(|before| *before != view) {
                question.view.set(view);
            }
        }
        self.show_frame(draft);
    }

    pub(super) fn show_everything(&self, draft: &OpenDraft) {
        let paths: Vec<NodePath> = self.questions.borrow().keys().cloned().collect();
        self.show(draft, &paths);
    }

    /// Pages, problems, and questions that came or went with an instance.
    fn show_frame(&self, draft: &OpenDraft) {
        let pages = draft.session.pages();
        if self.pages.with_untracked(|before| *before != pages) {
            self.meet(draft, &pages);
            self.pages.set(pages);
            self.count_unsaved();
        }
        let problems = draft.session.problems();
        if self.problems.with_untracked(|before| *before != problems) {
            self.problems.set(problems);
        }
    }

    fn meet(&self, draft: &OpenDraft, pages: &[PageView]) {
        let there = outline::with_containers(pages.iter().flat_map(|page| &page.nodes));
        let mut questions = self.questions.borrow_mut();
        questions.retain(|path, _| there.contains(path));
        for path in there {
            if questions.contains_key(&path) {
                continue;
            }
            if let Some(view) = draft.session.node(&path) {
                self.numbered.set(self.numbered.get() + 1);
                questions.insert(path, Question::new(self.numbered.get(), view));
            }
        }
    }

    /// Where the visit was, if the phone says so soon.
    pub(super) async fn place_of_visit(&self) -> Option<Place> {
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

    pub(super) async fn hand_over(
        &self,
        draft: &mut OpenDraft,
        place: Option<Place>,
    ) -> Result<SubmissionContent, FinishFailure> {
        let phone = self.phone.phone().map_err(|error| FinishFailure::Failed(error.explain()))?;
        let notary = self.phone.client().map_err(|error| FinishFailure::Failed(error.explain()))?;
        match phone.finish_draft(draft, new_id(), place, now(), &notary).await {
            Ok(content) => Ok(content),
            Err(FinishError::Incomplete(_)) => Err(FinishFailure::Incomplete),
            Err(FinishError::Phone(error)) => Err(FinishFailure::Failed(error.explain())),
        }
    }
}
