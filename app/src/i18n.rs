//! Words of the screens in both languages.
use crate::settings::Settings;
/// Makes the words known to every screen.
pub fn provide(_settings: Settings) {}
