//! A form as a typed tree: what a workbook says, free of its layout.
//!
//! This is what the server stores and what the phone receives, as JSON. It
//! keeps the row of every node and the letters of the columns, so that a
//! mistake found later (in an expression, in a list) can still name its cell.
//! Expressions are kept as their authors wrote them; [`Plan`](crate::Plan)
//! parses them.

use crate::problem::AuthoringProblem;
use crate::workbook::Workbook;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How deep groups and repeats may lie inside each other.
pub const MAX_NESTING: usize = 32;

/// A form, read from a workbook and checked for everything that can be checked
/// without parsing expressions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Form {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) version: String,
    pub(crate) title: String,
    /// In the order of their columns; the default language is first.
    pub(crate) languages: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) style: String,
    /// Expression that names an instance for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instance_name: Option<String>,
    /// Name of the root element, as absolute paths in expressions write it.
    #[serde(default = "default_root", skip_serializing_if = "is_default_root")]
    pub(crate) root: String,
    pub(crate) nodes: Vec<Node>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) lists: BTreeMap<String, Vec<Choice>>,
    /// Lists that come as files beside the form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) externals: Vec<External>,
    /// Header → column letter, for the sheets that hold expressions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) survey_columns: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instance_name_column: Option<String>,
}

fn default_root() -> String {
    "data".to_owned()
}

fn is_default_root(root: &String) -> bool {
    root == "data"
}

/// One text in the languages of the form, by the position of the language; an
/// empty string where a language lacks it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub(crate) Vec<String>);

impl Text {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(String::is_empty)
    }

    /// The text in this language, else in the first language that has it.
    pub(crate) fn in_language(&self, language: usize) -> Option<&str> {
        self.0
            .get(language)
            .filter(|text| !text.is_empty())
            .or_else(|| self.0.iter().find(|text| !text.is_empty()))
            .map(String::as_str)
    }
}

/// What a node is. A question's kind decides which values it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Questions that belong together.
    Group,
    /// Questions that are asked once per instance.
    Repeat,
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Decimal,
    /// A day: `2026-11-23`.
    Date,
    /// A time of day: `09:30:00.000+08:00`.
    Time,
    /// A moment: `2026-11-23T09:30:00.000+08:00`.
    DateTime,
    /// One choice of a list.
    SelectOne,
    /// Any number of choices of a list, separated by spaces.
    SelectMultiple,
    /// All choices of a list in an order, separated by spaces.
    Rank,
    /// Something to read; has no value.
    Note,
    /// A box to tick: `OK` or empty.
    Acknowledge,
    /// A value the form computes and never shows.
    Calculate,
    /// A value the host puts in and the form never shows.
    Hidden,
    /// A number on a scale.
    Range,
    /// A picture: name of the attached file. Also signatures and drawings.
    Image,
    /// A sound: name of the attached file.
    Audio,
    /// A film: name of the attached file.
    Video,
    /// Any file: its name.
    File,
    /// A scanned code.
    Barcode,
    /// A place: `latitude longitude altitude accuracy`, in degrees and metres.
    Geopoint,
    /// A line: places separated by `;`.
    Geotrace,
    /// An area: places separated by `;`, the last equal to the first.
    Geoshape,
    /// When the instance was begun.
    Start,
    /// When the instance was finished.
    End,
    /// The day on which the instance was begun.
    Today,
    /// Who fills the form.
    Username,
    /// The device on which it is filled.
    DeviceId,
    /// Asks the host to keep a log of the filling; has no value of its own
    /// unless the host gives one.
    Audit,
}

impl NodeKind {
    /// Groups and repeats.
    pub fn is_container(self) -> bool {
        matches!(self, NodeKind::Group | NodeKind::Repeat)
    }

    /// What a person fills or reads: everything but containers, computed and
    /// hidden values and metadata.
    pub fn is_shown(self) -> bool {
        !self.is_container() && !self.is_metadata() && !matches!(self, NodeKind::Calculate | NodeKind::Hidden)
    }

    /// Values the engine records by itself.
    pub fn is_metadata(self) -> bool {
        matches!(
            self,
            NodeKind::Start
                | NodeKind::End
                | NodeKind::Today
                | NodeKind::Username
                | NodeKind::DeviceId
                | NodeKind::Audit
        )
    }

    /// Takes its values from a list.
    pub fn is_select(self) -> bool {
        matches!(self, NodeKind::SelectOne | NodeKind::SelectMultiple | NodeKind::Rank)
    }

    /// The value names a file that travels beside the instance.
    pub fn is_media(self) -> bool {
        matches!(self, NodeKind::Image | NodeKind::Audio | NodeKind::Video | NodeKind::File)
    }
}

/// A group, a repeat, a question or a hidden value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    /// Row in the survey sheet, from 1; 0 when it comes from elsewhere.
    pub(crate) row: u32,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub(crate) label: Text,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub(crate) hint: Text,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub(crate) guidance_hint: Text,
    /// Expression; `true()` for a plain "yes".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) required: Option<String>,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub(crate) required_message: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) relevant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) constraint: Option<String>,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub(crate) constraint_message: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) calculation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<Default>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read_only: Option<String>,
    /// How many instances a repeat has; absent when people add them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repeat_count: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) choices: Option<ChoiceSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) choice_filter: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) appearance: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parameters: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) children: Vec<Node>,
}

/// The value a question begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Default {
    /// This value.
    Value(String),
    /// What this expression yields when the instance (or the instance of the
    /// repeat around the question) is created.
    Expression(String),
}

/// Where the choices of a select come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChoiceSource {
    /// A list of the choices sheet.
    List(String),
    /// The answers to this question in all instances of its repeat.
    Repeat(String),
    /// An attached file; the columns that hold value and label.
    File { file: String, value: String, label: String },
}

/// One line of the choices sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Choice {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub(crate) label: Text,
    /// The author's own columns, for choice filters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) columns: BTreeMap<String, String>,
}

/// A list in an attached file, under the name by which `instance('…')` finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct External {
    pub(crate) name: String,
    pub(crate) file: String,
    /// Survey row that asks for the file.
    pub(crate) row: u32,
}

impl Form {
    /// Reads a form out of a workbook. Warnings come with the form; if there is
    /// any error, errors and warnings come together instead.
    pub fn from_workbook(
        workbook: &Workbook,
    ) -> Result<(Form, Vec<AuthoringProblem>), Vec<AuthoringProblem>> {
        crate::compile::form_from_workbook(workbook)
    }

    /// The identity of the form across versions (`form_id` in settings).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which edition of the form this is; empty when the author gave none.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The form's name for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Full names of the languages as the columns write them, the default
    /// language first: `中文 (zh)`. A form without languages has one: `default`.
    pub fn languages(&self) -> &[String] {
        &self.languages
    }

    /// Names of the files that must be given to [`Plan::new`](crate::Plan::new).
    pub fn attachment_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.externals.iter().map(|external| external.file.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
