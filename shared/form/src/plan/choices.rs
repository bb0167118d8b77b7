//! Where the choices of a select come from.

use super::Formula;

/// The choices of a select.
#[derive(Debug)]
pub(crate) enum PlanChoices {
    /// Rows of a list.
    List {
        list: u16,
        value_column: u16,
        label: ChoiceText,
        /// `instance('list')/root/item[filter]`; all rows when absent.
        filtered: Option<Formula>,
    },
    /// Whatever nodes an expression finds; value and label are seen from each.
    Nodes { nodeset: Formula, value: Formula, label: Option<Formula> },
}

/// Where the label of a row is.
#[derive(Debug)]
pub(crate) enum ChoiceText {
    Column(u16),
    /// Seen from the row.
    Formula(Formula),
}
