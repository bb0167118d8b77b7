//! What a session shows: plain data, ready for a screen or a server.

use crate::form::{MediaKind, NodeKind, TABLE_TITLE};
use crate::path::NodePath;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything a session knows about the world outside the form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// The moment, in the zone whose calendar the person uses.
    pub now: chrono::DateTime<chrono::FixedOffset>,
    /// Seed of everything random, so that it can be repeated.
    pub seed: u64,
    /// Login name of the person, for `username`.
    pub username: String,
    /// Identity of the device, for `deviceid`.
    pub device_id: String,
    /// The person's telephone number, for `phonenumber`; empty when unknown.
    pub phone_number: String,
    /// The person's e-mail address, for `email`; empty when unknown.
    pub email: String,
    /// Where the device is (`latitude longitude altitude accuracy`), for actions
    /// that record a place; empty when unknown.
    pub place: String,
    /// Name of the recording that the host makes, for actions that record one;
    /// empty when it makes none.
    pub recording: String,
    /// The instance that was saved last, as XML, for `last-saved`.
    pub last_saved: Option<String>,
}

/// A node as it stands now, in the language of the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// Where it is.
    pub path: NodePath,
    /// Its name in the form.
    pub name: String,
    /// What it is. One instance of a repeat is a [`NodeKind::Group`]; the
    /// repeat as a whole is a [`NodeKind::Repeat`].
    pub kind: NodeKind,
    /// The value as typed or computed; empty for containers. Kept also while
    /// irrelevant.
    pub value: String,
    /// It and everything around it applies.
    pub relevant: bool,
    /// An answer is needed before the form can be finished.
    pub required: bool,
    /// It cannot be answered by hand.
    pub read_only: bool,
    /// With references filled in. Falls back to another language; empty when
    /// the author gave none.
    pub label: String,
    /// With references filled in; empty when there is none.
    pub hint: String,
    /// Extra help for training, shown on request; empty when there is none.
    pub guidance_hint: String,
    /// What to say when an answer is missing (only for required nodes).
    pub required_message: Option<String>,
    /// What to say about the value, when it breaks a rule.
    pub constraint_message: Option<String>,
    /// What is wrong with the value, while relevant; what of it stands in the way
    /// of finishing says [`ProblemKind::hinders`].
    pub problem: Option<ProblemKind>,
    /// Files beside the label, by kind, in the language of the session.
    pub media: BTreeMap<MediaKind, String>,
    /// What can be chosen now.
    pub choices: Vec<ChoiceView>,
    /// As in the form, separated by spaces.
    pub appearance: String,
    /// As in the form, e.g. `max-pixels` for the host's camera.
    pub parameters: BTreeMap<String, String>,
    /// How many instances there are, for a repeat as a whole.
    pub instances: Option<usize>,
}

impl NodeView {
    /// Whether the author asked for this appearance.
    pub fn has_appearance(&self, appearance: &str) -> bool {
        self.appearance.split_whitespace().any(|word| word == appearance)
    }

    /// Whether it is the note with the words of a `table-list`, which stands
    /// before the table.
    pub fn is_table_title(&self) -> bool {
        self.kind == NodeKind::Note && self.name.starts_with(TABLE_TITLE)
    }
}

/// One thing that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceView {
    /// What is stored.
    pub value: String,
    /// What is shown, in the language of the session.
    pub label: String,
    /// The list's column `py`: pinyin initials of the label, for searching;
    /// empty when the list has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub initials: String,
    /// Files beside the label, by kind, in the language of the session.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub media: BTreeMap<MediaKind, String>,
}

/// One section: a top-level group, or the questions between two groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageView {
    /// Position in the form, from 0. Does not change while filling.
    pub index: usize,
    /// The group's label.
    pub title: Option<String>,
    /// Something on it applies.
    pub relevant: bool,
    /// Questions and notes in order, relevant or not; a repeat is listed
    /// (`/member`), then each instance (`/member[1]`) followed by its questions.
    pub nodes: Vec<NodePath>,
}

/// What kind of thing is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// No answer where one is needed.
    Required,
    /// The form's own rule for this answer does not hold.
    Constraint,
    /// The list (as filtered now) does not offer it.
    NotAChoice,
    /// An order that lacks some of what the list (as filtered now) offers.
    Incomplete,
    /// Not a value of this kind, such as letters in a number.
    WrongType,
    /// A rule of the form could not be computed; the message says why.
    Failed,
    /// An action that the answer set off could not store its value, for example
    /// since several instances are meant. The answer itself is good.
    NotStored,
}

impl ProblemKind {
    /// Whether it stands in the way of finishing. What the author of the form
    /// has to put right does not: whoever answers could do nothing about it.
    pub fn hinders(self) -> bool {
        self != ProblemKind::NotStored
    }
}

/// One thing that stands in the way of finishing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where.
    pub path: NodePath,
    /// Index of the page it is on; 0 for hidden values before any page.
    pub page: usize,
    /// What kind.
    pub kind: ProblemKind,
    /// What to tell the person, in the language of the session.
    pub message: String,
}

/// One answered question in words, for reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryEntry {
    /// Where.
    pub path: NodePath,
    /// Label of the page it is on.
    pub page_title: Option<String>,
    /// The question.
    pub label: String,
    /// What kind of question.
    pub kind: NodeKind,
    /// The value as stored.
    pub value: String,
    /// Choice labels instead of codes; otherwise the value as people write it.
    pub words: String,
}

/// Part of a saved instance that has no place in the form (any more).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOver {
    /// Where it stood in the saved instance.
    pub path: String,
    /// What it was.
    pub value: serde_json::Value,
    /// Why it does not fit.
    pub reason: LeftOverReason,
}

/// Why part of a saved instance does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOverReason {
    /// The form has no node of this name here.
    UnknownName,
    /// An object, an array or a text where the form has another of these.
    WrongShape,
    /// Beyond the bounds of the engine (number of instances, length of a value).
    TooMuch,
    /// An answer over a calculation, which the form made again when the instance
    /// was opened.
    Recomputed,
}

/// A value that the phone claims and the engine computes otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where.
    pub path: NodePath,
    /// What came.
    pub claimed: String,
    /// What the form's rules give; empty for what does not apply.
    pub computed: String,
}

/// An answer could not be taken. The instance is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Nothing lives at this path.
    #[error("there is no question {0}")]
    UnknownPath(NodePath),
    /// A group, a repeat, a note, a computed value or metadata.
    #[error("{0} is not something to answer")]
    NotAQuestion(NodePath),
    /// The form says so, at this moment.
    #[error("{0} cannot be changed")]
    ReadOnly(NodePath),
    /// Longer than [`MAX_VALUE_BYTES`](crate::MAX_VALUE_BYTES).
    #[error("the answer to {0} is too long")]
    TooLong(NodePath),
    /// A repeat whose number the form computes, or one that is full.
    #[error("instances of {0} cannot be added or removed")]
    FixedRepeat(NodePath),
}
