//! Where the phone is.
use crate::explain::Explain;
use doorstep_core::submission::Place;
use doorstep_core::text::LocalText;
/// Why there is no place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PlaceError {
    Denied,
    Unavailable,
    Timeout,
}
impl Explain for PlaceError {
    fn explain(&self) -> LocalText {
        LocalText::default()
    }
}
/// Asks the phone where it is.
///
/// # Errors
/// When the person or the phone does not say.
pub async fn locate() -> Result<Place, PlaceError> {
    Err(PlaceError::Unavailable)
}
