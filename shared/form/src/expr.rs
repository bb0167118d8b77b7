//! The expression language.
/// A number as XPath writes it: no exponent, no `.0`.
pub(crate) fn number_text(number: f64) -> String {
    number.to_string()
}
