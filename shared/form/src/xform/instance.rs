//! Instances: XML as OpenRosa clients send it ↔ JSON as drafts and submissions
//! of this engine are.
//!
//! The form says what is what. What it does not know is handed back, never
//! dropped in silence.

mod read;
mod write;

use crate::view::LeftOver;
use serde_json::Value;

pub(super) use write::element;
pub use {read::instance_from_xml, write::instance_to_xml};

/// The key of a question's own text, where it has attributes beside it.
const TEXT: &str = "#text";

/// Who an instance is (OpenRosa metadata), for forms that have no nodes for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `uuid:…`, the same for all times.
    pub instance_id: Option<String>,
    /// The identity of the instance that this one corrects.
    pub deprecated_id: Option<String>,
    /// What people call it.
    pub instance_name: Option<String>,
}

/// An instance that came as XML.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadInstance {
    /// The form's identity as the instance says it.
    pub form_id: String,
    /// The form's version as the instance says it.
    pub version: String,
    /// From the group `meta`; what the form has nodes for is in `instance` too.
    pub identity: Identity,
    /// As [`Session::instance`](crate::Session::instance) gives it.
    pub instance: Value,
    /// Names of the files that belong to it, in the order of the questions.
    pub attachments: Vec<String>,
    /// What the form has no place for: XML of elements, values of attributes.
    pub left_over: Vec<LeftOver>,
}

/// An instance as XML.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenInstance {
    /// The document.
    pub xml: String,
    /// Names of the files that belong to it, in the order of the questions.
    pub attachments: Vec<String>,
    /// What the form has no place for, and what XML cannot say.
    pub left_over: Vec<LeftOver>,
}

/// Whether the value of a node names a file.
fn names_file(node: &crate::form::Node) -> bool {
    node.data_type.unwrap_or_else(|| node.kind.data_type()) == crate::DataType::Binary
}

fn add_attachment(attachments: &mut Vec<String>, node: &crate::form::Node, value: &str) {
    let value = value.trim();
    if names_file(node) && !value.is_empty() && !attachments.iter().any(|known| known == value) {
        attachments.push(value.to_owned());
    }
}
