//! Workbook → form.
use crate::form::Form;
use crate::problem::AuthoringProblem;
use crate::workbook::Workbook;
pub(crate) fn form_from_workbook(
    _workbook: &Workbook,
) -> Result<(Form, Vec<AuthoringProblem>), Vec<AuthoringProblem>> {
    Err(vec![AuthoringProblem::error("workbook", "reading forms is being written")])
}
