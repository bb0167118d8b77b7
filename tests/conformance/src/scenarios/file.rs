//! The recorded sessions, as the file has them.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

#[derive(Deserialize)]
pub(super) struct File {
    pub(super) forms: HashMap<String, String>,
    pub(super) vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Vector {
    pub(super) id: String,
    pub(super) form: String,
    pub(super) clock: String,
    pub(super) tz: String,
    #[serde(default)]
    pub(super) attachments: Vec<Attachment>,
    #[serde(default)]
    pub(super) preload: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) edit_instance: Option<String>,
    #[serde(default)]
    pub(super) geolocations: Option<Value>,
    /// How a session goes on from another, and with which instance.
    #[serde(default)]
    pub(super) fork: Option<String>,
    #[serde(default, rename = "fork_from_xml")]
    pub(super) fork_from_xml: Option<String>,
    #[serde(default, rename = "expect_fail")]
    pub(super) expect_fail: bool,
    #[serde(default)]
    pub(super) load_error: Option<String>,
    #[serde(default)]
    pub(super) javarosa: Value,
    #[serde(default, rename = "volatile_functions")]
    pub(super) volatile_functions: bool,
    pub(super) steps: Vec<Step>,
}

#[derive(Deserialize)]
pub(super) struct Attachment {
    pub(super) url: String,
    pub(super) text: String,
}

#[derive(Deserialize)]
pub(super) struct Step {
    pub(super) op: String,
    #[serde(default)]
    pub(super) r#ref: Option<String>,
    #[serde(default)]
    pub(super) value: Value,
    #[serde(default)]
    pub(super) range: Option<String>,
    #[serde(default)]
    pub(super) instance: Option<String>,
    #[serde(default)]
    pub(super) language: Option<Value>,
    #[serde(default)]
    pub(super) state: BTreeMap<String, Map<String, Value>>,
    #[serde(default)]
    pub(super) removed: Vec<String>,
    /// What the recorded engine threw.
    #[serde(default)]
    pub(super) error: Option<String>,
    /// A check of the test, where the step is one: what it looks at, what it
    /// expects, and whether that held.
    #[serde(default)]
    pub(super) matcher: Option<String>,
    #[serde(default)]
    pub(super) actual: Value,
    #[serde(default)]
    pub(super) expected: Value,
    #[serde(default)]
    pub(super) pass: Option<bool>,
    #[serde(default)]
    pub(super) xml: Option<String>,
    #[serde(default, rename = "xml_volatile")]
    pub(super) xml_volatile: bool,
    #[serde(default, rename = "javarosa_disagrees")]
    pub(super) javarosa_disagrees: BTreeMap<String, Map<String, Value>>,
}
