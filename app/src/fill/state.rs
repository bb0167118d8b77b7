//! The draft behind the screen: what waits to be written, the one worker that
//! writes it, and the signals it sets.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use chrono::TimeDelta;
use doorstep_core::phone::draft::FinishError;
use doorstep_core::phone::{DraftRecord, NewFile, OpenDraft};
use doorstep_core::submission::{Place, SubmissionContent};
use doorstep_core::text::{Language, LocalText};
use doorstep_form::{LeftOver, NodePath, PageView, Problem, SummaryEntry};
use futures::channel::oneshot;
use futures::future::{Either, select};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{FinishFailure, Question, Save, place};
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
    File(NewFile),
}

/// What the worker does, one after the other.
#[derive(Debug)]
pub(super) enum Job {
    Answer(NodePath, Given),
    Language(Language),
    /// Says that everything before it is done.
    Settle(oneshot::Sender<()>),
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) phone: Session,
    pub(super) record: DraftRecord,
    pub(super) left_over: Vec<LeftOver>,
    pub(super) last_answered: Option<NodePath>,
    /// `None` while an answer is being written.
    pub(super) draft: RefCell<Option<OpenDraft>>,
    pub(super) queue: RefCell<VecDeque<Job>>,
    pub(super) working: Cell<bool>,
    /// What is typed and waits for a pause.
    pub(super) typed: RefCell<BTreeMap<NodePath, String>>,
    pub(super) pause: Cell<Option<TimeoutHandle>>,
    pub(super) failed: RefCell<BTreeMap<NodePath, Given>>,
    pub(super) place: RefCell<Option<Place>>,
    pub(super) questions: RefCell<HashMap<NodePath, Question>>,
    pub(super) pages: ArcRwSignal<Vec<PageView>>,
    pub(super) problems: ArcRwSignal<Vec<Problem>>,
    pub(super) summary: ArcRwSignal<Vec<SummaryEntry>>,
    /// How many answers are on their way.
    pub(super) unsaved: ArcRwSignal<usize>,
}

/// A draft, held by work that goes on after its screen was left: a photo that
/// is still being made small belongs to the draft all the same.
#[derive(Clone, Debug)]
pub struct Kept(pub(super) Rc<State>);

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
    pub(super) fn new(phone: Session, draft: OpenDraft) -> Self {
        let state = Self {
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
        state
    }

    pub(super) async fn settle(self: &Rc<Self>) {
        self.flush();
        let (done, settled) = oneshot::channel();
        self.enqueue(Job::Settle(done));
        // Cancelled only together with the draft.
        let _ = settled.await;
    }

    pub(super) fn mark(&self, path: &NodePath, save: Save) {
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

    pub(super) fn flush(self: &Rc<Self>) {
        if let Some(pause) = self.pause.take() {
            pause.clear();
        }
        let typed = std::mem::take(&mut *self.typed.borrow_mut());
        for (path, value) in typed {
            self.give(&path, Given::Value(value));
        }
    }

    pub(super) fn give(self: &Rc<Self>, path: &NodePath, given: Given) {
        self.failed.borrow_mut().remove(path);
        self.mark(path, Save::Saving);
        if let (Given::Value(value), Some(question)) = (&given, self.questions.borrow().get(path)) {
            question.given.set(value.clone());
        }
        // What waits and is given anew need not be written.
        self.queue
            .borrow_mut()
            .retain(|job| !matches!(job, Job::Answer(waiting, Given::Value(_)) if waiting == path));
        self.enqueue(Job::Answer(path.clone(), given));
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
                Job::Answer(path, given) => self.write(&mut draft, path, given).await,
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

    async fn write(&self, draft: &mut OpenDraft, path: NodePath, given: Given) {
        let written = self.try_write(draft, &path, &given).await;
        match written {
            Ok(mut changed) => {
                let later = self.typed.borrow().contains_key(&path)
                    || self
                        .queue
                        .borrow()
                        .iter()
                        .any(|job| matches!(job, Job::Answer(next, _) if *next == path));
                if !later {
                    self.mark(&path, Save::Saved);
                    changed.push(path);
                }
                self.show(draft, &changed);
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

    /// Pages, problems, and questions that came with a counted repeat.
    fn show_frame(&self, draft: &OpenDraft) {
        let pages = draft.session.pages();
        if self.pages.with_untracked(|before| *before != pages) {
            for path in pages.iter().flat_map(|page| &page.nodes) {
                let known = self.questions.borrow().contains_key(path);
                if let Some(view) = draft.session.node(path).filter(|_| !known) {
                    let question = Question {
                        given: ArcRwSignal::new(view.value.clone()),
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
        match phone.finish_draft(draft, new_id(), place, now()).await {
            Ok(content) => Ok(content),
            Err(FinishError::Incomplete(_)) => Err(FinishFailure::Incomplete),
            Err(FinishError::Phone(error)) => Err(FinishFailure::Failed(error.explain())),
        }
    }
}
