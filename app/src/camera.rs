//! From a file of the camera to a photo that is small enough to send.
use crate::explain::Explain;
use doorstep_core::phone::NewFile;
use doorstep_core::text::LocalText;

/// The longest side of a photo when the form does not say (`max-pixels`).
pub const MAX_PIXELS_DEFAULT: u32 = 1600;

/// Why a file does not become a photo.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CameraError {
    NotAnImage,
    TooLarge,
    Blank,
    Unreadable,
}
impl Explain for CameraError {
    fn explain(&self) -> LocalText {
        LocalText::default()
    }
}
/// Makes a photo of a file.
///
/// # Errors
/// When the file is no picture, or too large for this phone.
pub async fn take(_file: &web_sys::File, _max_pixels: Option<u32>) -> Result<NewFile, CameraError> {
    Err(CameraError::NotAnImage)
}

/// An address for bytes in memory, for `<img src>`; gone when dropped.
#[derive(Debug)]
pub struct ObjectUrl(String);
impl ObjectUrl {
    pub fn new(_bytes: &[u8], _content_type: &str) -> Option<Self> {
        None
    }
    pub fn address(&self) -> &str {
        &self.0
    }
}
