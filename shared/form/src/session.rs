//! One live instance of a form.
//!
//! The instance is an arena of items: one per question, group and attribute, and
//! one per instance of a repeat (`tree`). An answer puts what depends on it into a
//! queue ordered by the plan (`compute`); expressions look at the tree through
//! `world`; `check` says what is wrong with an answer, `show` turns items into
//! plain data, `json` saves and restores.

mod actions;
mod check;
mod compute;
mod dice;
mod json;
mod show;
mod texts;
mod tree;
mod types;
mod words;
mod world;

use crate::document::XmlDocument;
use crate::expr::date_time_text;
use crate::form::{ActionEvent, NodeKind};
use crate::path::NodePath;
use crate::plan::{Plan, Property};
use crate::view::{AnswerError, Context, LeftOver, Problem};
use compute::Queue;
use dice::Dice;
pub(crate) use json::{Claims, restore};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use tree::{Item, NOTHING, SERIES};

/// Longest value of one question, in bytes.
pub const MAX_VALUE_BYTES: usize = 1 << 20;
/// Most instances of one repeat.
pub const MAX_INSTANCES: usize = 2_000;

/// One live instance of a form. Cheap to clone relative to filling it again;
/// nothing in it is shared with other sessions but the plan.
#[derive(Debug, Clone)]
pub struct Session {
    plan: Arc<Plan>,
    context: Context,
    /// Number of the language in use.
    language: usize,
    /// Item 0 is the root; removed instances leave unused items behind.
    items: Vec<Item>,
    /// The heads of each series.
    series: Vec<Vec<u32>>,
    /// Why a rule of an item could not be computed.
    failures: HashMap<u32, String>,
    /// Items with actions that could not store their values.
    stuck: HashSet<u32>,
    /// Items whose calculation draws lots and did so before this session.
    drawn: HashSet<u32>,
    /// What calculations gave last, where people may answer over them.
    computed: HashMap<u32, String>,
    /// What expressions see of answers that are not offered any more.
    offered: HashMap<u32, String>,
    /// Whether changes set off actions: not while an instance is put together.
    live: bool,
    dice: Dice,
    /// The instance that was saved last, where the form asks for it.
    last_saved: Option<Arc<XmlDocument>>,
    unused_prefill: Vec<String>,
}

impl Session {
    /// Begins an instance: defaults and metadata, then `prefill` (question name
    /// → value) over them, then calculations.
    ///
    /// Of a name that is used more than once, or inside a repeat, the first
    /// question gets the value. Names that the form does not have are listed by
    /// [`Session::unused_prefill`].
    pub fn start(plan: Arc<Plan>, context: Context, prefill: &BTreeMap<String, String>) -> Session {
        let mut session = Self::empty(plan, context);
        let mut queue = Queue::default();
        session.record_metadata();
        session.enqueue_everything(&mut queue);
        session.run(&mut queue);
        queue.fresh.clear();
        for item in session.all_items() {
            session.apply_computed_defaults(&[item], &mut queue);
            session.run(&mut queue);
        }
        session.record_place(&mut queue);
        // What an action changes sets off others (JavaRosa).
        session.live = true;
        session.load_actions(ActionEvent::FirstLoad, &mut queue);
        session.load_actions(ActionEvent::Load, &mut queue);
        session.counted_repeat_actions(&mut queue);
        for (name, value) in prefill {
            let item = session
                .items_named(name)
                .into_iter()
                .find(|&item| session.planned(item).is_some_and(|node| !node.kind.is_container()));
            match item.filter(|_| value.len() <= MAX_VALUE_BYTES) {
                Some(item) => session.set_value(item, session.normalised(item, value), &mut queue),
                None => session.unused_prefill.push(name.clone()),
            }
        }
        session.run(&mut queue);
        session.settle(queue);
        session
    }

    /// Continues a draft made by [`Session::instance`], also by an older version
    /// of the form. What no longer fits is returned, not lost. `start`, `today`
    /// and the other metadata of the draft are kept, calculations are made again
    /// (JavaRosa); an answer that a person gave over one is returned. Questions
    /// that the draft does not know begin with their defaults. Actions that the
    /// form has for whenever an instance is opened run (`odk-instance-load`).
    pub fn resume(
        plan: Arc<Plan>,
        context: Context,
        instance: &serde_json::Value,
    ) -> (Session, Vec<LeftOver>) {
        let (mut session, claims) = json::restore(plan, context, instance, true);
        let mut queue = Queue::default();
        session.load_actions(ActionEvent::Load, &mut queue);
        session.settle(queue);
        (session, claims.left_over)
    }

    /// Reads an instance that is finished, or that nobody goes on with: as
    /// [`Session::resume`], but answers over calculations stay, and the form does
    /// nothing by itself. Given the moment at which it was finished, it is as it
    /// was then.
    pub fn reread(
        plan: Arc<Plan>,
        context: Context,
        instance: &serde_json::Value,
    ) -> (Session, Vec<LeftOver>) {
        let (session, claims) = json::restore(plan, context, instance, false);
        (session, claims.left_over)
    }

    /// Names given to [`Session::start`] that could not be used.
    pub fn unused_prefill(&self) -> &[String] {
        &self.unused_prefill
    }

    /// The clock moves on; returns what changed by it. Everything computed from
    /// `now()` or `today()` is computed again.
    pub fn set_now(&mut self, now: chrono::DateTime<chrono::FixedOffset>) -> Vec<NodePath> {
        self.context.now = now;
        let plan = Arc::clone(&self.plan);
        let mut queue = Queue::default();
        self.enqueue_watchers(&plan.clock_watchers, &mut queue);
        self.run(&mut queue);
        self.changed_paths(queue)
    }

    /// The host knows where the device is now: actions of the form that record a
    /// place take this one (`latitude longitude altitude accuracy`).
    pub fn set_place(&mut self, place: &str) {
        place.clone_into(&mut self.context.place);
    }

    fn enqueue_watchers(&mut self, watchers: &[(Property, u32)], queue: &mut Queue) {
        for &(property, node) in watchers {
            let mut items = Vec::new();
            self.each_below(0, node, &mut |item| items.push(item));
            for item in items {
                queue.push(self, property, item);
            }
        }
    }

    /// Takes an answer and returns every node that changed by it: in value,
    /// relevance, being required, being read-only, validity, label or choices.
    ///
    /// Values are XForms strings; the empty string clears. A value of the wrong
    /// kind is kept and is a problem, so that nothing typed is lost.
    ///
    /// # Errors
    /// When there is no such question or it cannot be answered by hand.
    pub fn answer(&mut self, path: &NodePath, value: &str) -> Result<Vec<NodePath>, AnswerError> {
        let item = self.find(path).ok_or_else(|| AnswerError::UnknownPath(path.clone()))?;
        let kind = self.planned(item).map_or(NodeKind::Group, |node| node.kind);
        // A log of the filling, and values of the case, come from the host.
        let answerable =
            kind.is_shown() && kind != NodeKind::Note || matches!(kind, NodeKind::Hidden | NodeKind::Audit);
        if !answerable {
            return Err(AnswerError::NotAQuestion(path.clone()));
        }
        if self.is_read_only(item) {
            return Err(AnswerError::ReadOnly(path.clone()));
        }
        if value.len() > MAX_VALUE_BYTES {
            return Err(AnswerError::TooLong(path.clone()));
        }
        let mut queue = Queue::default();
        self.set_value(item, self.normalised(item, value), &mut queue);
        self.run(&mut queue);
        Ok(self.changed_paths(queue))
    }

    /// Adds an instance at the end of a repeat (`/member`), or before the
    /// instance of a path with a position (`/member[2]`); returns what changed,
    /// the new instance included.
    ///
    /// # Errors
    /// When there is no such repeat, the form counts its instances itself, or
    /// there are [`MAX_INSTANCES`].
    pub fn add_repeat(&mut self, path: &NodePath) -> Result<Vec<NodePath>, AnswerError> {
        let item = self.find(path).ok_or_else(|| AnswerError::UnknownPath(path.clone()))?;
        let node = self.planned(item).filter(|node| node.kind == NodeKind::Repeat);
        let fixed = node.map(|node| node.fixed).ok_or_else(|| AnswerError::UnknownPath(path.clone()))?;
        let (series, at) = match self.item(item) {
            Some(found) if !found.is(SERIES) => {
                (found.up, usize::try_from(found.place).unwrap_or(1).saturating_sub(1))
            }
            _ => (item, self.instances_of(item).len()),
        };
        let mut queue = Queue::default();
        if fixed || self.grow(series, at, &mut queue).is_none() {
            return Err(AnswerError::FixedRepeat(path.clone()));
        }
        self.run(&mut queue);
        Ok(self.changed_paths(queue))
    }

    /// Removes one instance of a repeat (`/member[2]`); those behind it move up.
    /// Returns what changed, at the new paths.
    ///
    /// # Errors
    /// When there is no such instance or the form counts them itself.
    pub fn remove_repeat(&mut self, path: &NodePath) -> Result<Vec<NodePath>, AnswerError> {
        let item = self.find(path).ok_or_else(|| AnswerError::UnknownPath(path.clone()))?;
        match self.planned(item) {
            Some(node) if node.kind == NodeKind::Repeat && !self.is(item, SERIES) => {
                if node.fixed {
                    return Err(AnswerError::FixedRepeat(path.clone()));
                }
            }
            Some(node) if node.kind == NodeKind::Repeat => {
                return Err(AnswerError::UnknownPath(path.clone()));
            }
            _ => return Err(AnswerError::NotAQuestion(path.clone())),
        }
        let mut queue = Queue::default();
        self.detach(item, &mut queue);
        self.run(&mut queue);
        Ok(self.changed_paths(queue))
    }

    /// Switches the language of what is shown; stored values stay, until what
    /// they are computed from changes. By full name (`中文 (zh)`) or code (`zh`). Returns
    /// whether the form has it; otherwise nothing changes.
    pub fn set_language(&mut self, language: &str) -> bool {
        let code =
            |name: &str| name.rsplit_once('(').map(|(_, code)| code.trim_end_matches(')').trim().to_owned());
        let found = self
            .plan
            .form()
            .languages()
            .iter()
            .position(|name| name == language || code(name).as_deref() == Some(language));
        if let Some(found) = found {
            self.language = found;
        }
        found.is_some()
    }

    /// Full name of the language in use.
    pub fn language(&self) -> &str {
        self.plan.form().languages().get(self.language).map_or("", String::as_str)
    }

    /// Finishes: sets the clock to `now`, records `end`, and returns the
    /// submission: a nested object keyed by names, groups as objects, repeats as
    /// arrays, answers as strings. What is not relevant is not in it; what was
    /// asked and left open is there as an empty string.
    ///
    /// # Errors
    /// Everything that stands in the way; then `end` stays as it was.
    pub fn finish(
        &mut self,
        now: chrono::DateTime<chrono::FixedOffset>,
    ) -> Result<serde_json::Value, Vec<Problem>> {
        self.set_now(now);
        let mut queue = Queue::default();
        let ends: Vec<(u32, String)> = self
            .all_items()
            .into_iter()
            .filter(|&item| self.planned(item).is_some_and(|node| node.records == Some(NodeKind::End)))
            .map(|item| (item, self.raw_value(item).to_owned()))
            .collect();
        for (item, _) in &ends {
            self.set_value(*item, date_time_text(now), &mut queue);
        }
        self.run(&mut queue);
        let problems = self.problems();
        if problems.is_empty() {
            self.settle(queue);
            return Ok(self.submission());
        }
        for (item, before) in ends {
            self.set_value(item, before, &mut queue);
        }
        self.run(&mut queue);
        self.settle(queue);
        Err(problems)
    }

    /// The plan this runs on.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    fn empty(plan: Arc<Plan>, context: Context) -> Session {
        let dice = Dice::new(context.seed);
        let last_saved = context.last_saved.as_deref();
        let last_saved = last_saved.and_then(|xml| XmlDocument::parse(xml).ok()).map(Arc::new);
        let mut session = Session {
            last_saved,
            plan,
            context,
            language: 0,
            items: Vec::new(),
            series: Vec::new(),
            failures: HashMap::new(),
            stuck: HashSet::new(),
            drawn: HashSet::new(),
            computed: HashMap::new(),
            offered: HashMap::new(),
            live: false,
            dice,
            unused_prefill: Vec::new(),
        };
        session.sprout(0, NOTHING, 1);
        session
    }

    /// What the host knows, where the instance does not say otherwise yet.
    fn record_metadata(&mut self) {
        let now = self.context.now;
        for item in self.all_items() {
            let value = match self.planned(item).and_then(|node| node.records) {
                Some(NodeKind::Start) => date_time_text(now),
                Some(NodeKind::Today) => now.date_naive().format("%Y-%m-%d").to_string(),
                Some(NodeKind::Username) => self.context.username.clone(),
                Some(NodeKind::DeviceId) => self.context.device_id.clone(),
                Some(NodeKind::PhoneNumber) => self.context.phone_number.clone(),
                Some(NodeKind::Email) => self.context.email.clone(),
                Some(NodeKind::InstanceId) => self.dice.uuid(),
                _ => continue,
            };
            if let Some(item) = self.item_mut(item) {
                item.value = value;
            }
        }
    }
}
