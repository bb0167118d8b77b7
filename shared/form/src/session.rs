//! One live instance.
use crate::path::NodePath;
use crate::plan::Plan;
use crate::view::*;
use std::collections::BTreeMap;
use std::sync::Arc;
/// Longest value of one question, in bytes.
pub const MAX_VALUE_BYTES: usize = 1 << 20;
/// Most instances of one repeat.
pub const MAX_INSTANCES: usize = 2_000;

/// One live instance of a form.
#[derive(Debug, Clone)]
pub struct Session {
    plan: Arc<Plan>,
    context: Context,
    language: String,
}

impl Session {
    /// Begins an instance: defaults and metadata, then `prefill` (question name
    /// → value) over them, then calculations.
    pub fn start(plan: Arc<Plan>, context: Context, _prefill: &BTreeMap<String, String>) -> Session {
        let language = plan.form().languages().first().cloned().unwrap_or_default();
        Session { plan, context, language }
    }
    /// Continues a draft made by [`Session::instance`], also by an older version of the form.
    pub fn resume(
        plan: Arc<Plan>,
        context: Context,
        _instance: &serde_json::Value,
    ) -> (Session, Vec<LeftOver>) {
        (Self::start(plan, context, &BTreeMap::new()), Vec::new())
    }
    /// The clock moves on; returns what changed by it.
    pub fn set_now(&mut self, now: chrono::DateTime<chrono::FixedOffset>) -> Vec<NodePath> {
        self.context.now = now;
        Vec::new()
    }
    /// Takes an answer and returns every node that changed by it.
    pub fn answer(&mut self, path: &NodePath, _value: &str) -> Result<Vec<NodePath>, AnswerError> {
        Err(AnswerError::UnknownPath(path.clone()))
    }
    /// Adds an instance at the end of a repeat (`/member`).
    pub fn add_repeat(&mut self, path: &NodePath) -> Result<Vec<NodePath>, AnswerError> {
        Err(AnswerError::UnknownPath(path.clone()))
    }
    /// Removes one instance of a repeat (`/member[2]`).
    pub fn remove_repeat(&mut self, path: &NodePath) -> Result<Vec<NodePath>, AnswerError> {
        Err(AnswerError::UnknownPath(path.clone()))
    }
    /// The node at this path.
    pub fn node(&self, _path: &NodePath) -> Option<NodeView> {
        None
    }
    /// One section a page.
    pub fn pages(&self) -> Vec<PageView> {
        Vec::new()
    }
    /// Switches the language: full name (`中文 (zh)`) or code (`zh`). Unknown languages change nothing.
    pub fn set_language(&mut self, language: &str) {
        self.language = language.to_owned();
    }
    /// Full name of the language in use.
    pub fn language(&self) -> &str {
        &self.language
    }
    /// Everything that stands in the way of finishing.
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
    /// The draft: all values, also of what does not apply.
    pub fn instance(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    /// Sets `end`, drops what does not apply.
    pub fn finish(
        &mut self,
        now: chrono::DateTime<chrono::FixedOffset>,
    ) -> Result<serde_json::Value, Vec<Problem>> {
        self.set_now(now);
        Ok(serde_json::Value::Null)
    }
    /// A value by question name, as expressions see it.
    pub fn value(&self, _name: &str) -> Option<String> {
        None
    }
    /// The name of this instance for people.
    pub fn instance_name(&self) -> Option<String> {
        None
    }
    /// Relevant answered questions in words.
    pub fn summary(&self) -> Vec<SummaryEntry> {
        Vec::new()
    }
    /// The plan this runs on.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }
}
