//! A form as a typed tree: what a workbook says, free of its layout.
//!
//! This is what the server stores and what the phone receives, as JSON. It
//! keeps the row of every node and the letters of the columns, so that a
//! mistake found later (in an expression, in a list) can still name its cell.
//! Expressions are kept as their authors wrote them; [`Plan`](crate::Plan)
//! parses them.

mod files;
mod kinds;
mod texts;

use crate::problem::AuthoringProblem;
use crate::workbook::Workbook;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use kinds::{DataType, NodeKind};
pub(crate) use texts::{Media, NamedText, Piece, Words};
pub use texts::{MediaKind, Text};

/// What stands before the names of lists of the sheet `external_choices`.
pub(crate) const EXTERNAL_CHOICES: &str = "external_choices/";

/// What the name of the note begins with that has the words of a `table-list`;
/// every compiler of workbooks writes it so.
pub(crate) const TABLE_TITLE: &str = "generated_table_list_label_";

/// How deep groups and repeats may lie inside each other.
pub const MAX_NESTING: usize = 32;

/// A form, read from a workbook and checked for everything that can be checked
/// without parsing expressions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Form {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) version: String,
    /// The version is written `orx:version`, as the specification has it, and not
    /// `version`, as most forms have it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) openrosa_version: bool,
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
    /// Attributes of the root element beside `id` and `version`, as nodes of
    /// kind [`NodeKind::Attribute`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) root_attributes: Vec<Node>,
    /// Prefix → namespace, for names and attributes that have one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) namespaces: BTreeMap<String, String>,
    /// The instance: its elements in document order. A form from a workbook has
    /// a group `meta` only for what the workbook puts into it (audit, entities);
    /// `instanceID` and `instanceName` are added for other clients.
    pub(crate) nodes: Vec<Node>,
    /// What is shown in which order, where that is not the order of the
    /// instance: forms that came as XML may say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Vec<BodyItem>>,
    /// Actions of the form as a whole; those of a node are with the node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) actions: Vec<Action>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) lists: BTreeMap<String, Vec<Choice>>,
    /// Secondary instances that the form itself carries, by name: the XML of
    /// their root element.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) documents: BTreeMap<String, String>,
    /// Texts that expressions name by id: `jr:itext('id')`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) texts: BTreeMap<String, NamedText>,
    /// Attributes of the `submission` element: where and how to send.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) submission: BTreeMap<String, String>,
    /// Names of the lists that come from the sheet `external_choices`, with
    /// [`EXTERNAL_CHOICES`] before them: other clients get them as the file
    /// `itemsets.csv` and the select as an input with a query, not as a secondary
    /// instance.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) external_lists: BTreeSet<String>,
    /// Lists that come as files beside the form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) externals: Vec<External>,
    /// Header → column letter, for the sheets that hold expressions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) survey_columns: BTreeMap<String, String>,
    /// The same for the sheet of entities, and list → row of that sheet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) entity_columns: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) entity_rows: BTreeMap<String, u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instance_name_column: Option<String>,
    /// Attributes of the model: versions of the specifications it follows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) model_attributes: BTreeMap<String, String>,
    /// The author wants instances without an identity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) no_instance_id: bool,
}

fn default_root() -> String {
    "data".to_owned()
}

fn is_default_root(root: &String) -> bool {
    root == "data"
}

/// Something the form does by itself when something happens (ODK XForms,
/// "Actions").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Action {
    pub(crate) events: Vec<ActionEvent>,
    /// Expression that leads to the node which gets the value; within a repeat
    /// to the one of the same instance.
    pub(crate) target: String,
    pub(crate) value: ActionValue,
    /// Row in the survey sheet, from 1; 0 when it comes from elsewhere.
    #[serde(default)]
    pub(crate) row: u32,
}

/// When an action runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActionEvent {
    /// `odk-instance-first-load`: a new instance is begun.
    FirstLoad,
    /// `odk-instance-load`: an instance is begun or opened again.
    Load,
    /// `odk-new-repeat`: an instance of the repeat around the action is added.
    NewRepeat,
    /// `xforms-value-changed`: the answer to the question around the action
    /// changes.
    ValueChanged,
}

/// What an action stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActionValue {
    /// This text.
    Literal(String),
    /// The value of this expression.
    Expression(String),
    /// The place of the device, which the host provides.
    Geopoint,
    /// A recording, which the host makes with this quality.
    Audio(String),
}

/// Something in the body of a form that came as XML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BodyItem {
    /// The node at this path of names: `/group/question`.
    Node(String),
    /// A group or a repeat of the instance with what is shown in it.
    Container(String, Vec<BodyItem>),
    /// A group that only the body has.
    Group { label: Text, appearance: String, items: Vec<BodyItem> },
}

/// A group, a repeat, a question or a hidden value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    /// With its prefix, where it has one: `orx:meta`.
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    /// Namespace of an element without prefix, where it is not that around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
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
    /// What a select chooses from. On a range: labels of its ticks (numbers of
    /// the scale); on a place: what its map shows beside it; neither restricts
    /// the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) choices: Option<ChoiceSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) choice_filter: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) appearance: String,
    /// What the cell `parameters` says. `randomize=true` and `seed` (a number or
    /// `${name}`) of a select order its choices. What other clients read from
    /// attributes is in `bind_attributes` and `body_attributes` as well.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parameters: BTreeMap<String, String>,
    /// Where it is not that of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data_type: Option<DataType>,
    #[serde(default, skip_serializing_if = "Media::is_empty")]
    pub(crate) media: Media,
    /// Names of the questions whose answers have the calculation made (again):
    /// the column `trigger`. With triggers, nothing else has it made, and no
    /// action says so again. Without a calculation the value becomes empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) triggers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) actions: Vec<Action>,
    /// Attributes of the element, as nodes of kind [`NodeKind::Attribute`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) attributes: Vec<Node>,
    /// Attributes of the bind and of the control that the engine carries but
    /// does not interpret, by their names with prefix: `odk:quality`, `rows`.
    /// The values may hold `${name}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) bind_attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) body_attributes: BTreeMap<String, String>,
    /// The property of an entity that gets the value (`entities:saveto`). The
    /// entity itself is an element `meta/entity` in the group or repeat around
    /// its properties, with the attributes `dataset`, `id`, `create`, `update`,
    /// `baseVersion`, `trunkVersion`, `branchId` and the child `label`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) save_to: Option<String>,
    /// Of a file from a map editor: the tags to collect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<Choice>,
    /// Of a repeat: people neither add nor remove instances.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) no_add_remove: bool,
    /// Of a repeat: the instances a new form begins with, as in a draft; absent
    /// for one blank instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) initial: Option<Vec<serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) children: Vec<Node>,
}

impl Node {
    /// A node that says nothing but what it is.
    pub(crate) fn new(name: &str, kind: NodeKind, row: u32) -> Node {
        Node {
            name: name.to_owned(),
            kind,
            namespace: None,
            row,
            label: Text::default(),
            hint: Text::default(),
            guidance_hint: Text::default(),
            required: None,
            required_message: Text::default(),
            relevant: None,
            constraint: None,
            constraint_message: Text::default(),
            calculation: None,
            default: None,
            read_only: None,
            repeat_count: None,
            choices: None,
            choice_filter: None,
            appearance: String::new(),
            parameters: BTreeMap::new(),
            data_type: None,
            media: Media::new(),
            triggers: Vec::new(),
            actions: Vec::new(),
            attributes: Vec::new(),
            bind_attributes: BTreeMap::new(),
            body_attributes: BTreeMap::new(),
            save_to: None,
            tags: Vec::new(),
            no_add_remove: false,
            initial: None,
            children: Vec::new(),
        }
    }
}

/// The value a question begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Default {
    /// This value.
    Value(String),
    /// What this expression yields when the instance (or the instance of the
    /// repeat around the question) is created; no action says so again.
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
    /// Whatever nodes an expression finds; value and label are expressions seen
    /// from each of them.
    Nodes { nodeset: String, value: String, label: Option<String> },
}

/// One line of the choices sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Choice {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub(crate) label: Text,
    #[serde(default, skip_serializing_if = "Media::is_empty")]
    pub(crate) media: Media,
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

    /// The attribute that holds the version in XML.
    #[cfg(feature = "xform")]
    pub(crate) fn version_attribute(&self) -> &'static str {
        if self.openrosa_version { "orx:version" } else { "version" }
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

    /// Whether it was written as a workbook, whose authors want to be told of
    /// every name that leads nowhere.
    pub(crate) fn is_from_workbook(&self) -> bool {
        !self.survey_columns.is_empty()
    }

    /// Names of the files that must be given to [`Plan::new`](crate::Plan::new).
    pub fn attachment_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.externals.iter().map(|external| external.file.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
