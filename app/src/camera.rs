//! From a file of the camera to a photo that is small enough to send.
//!
//! The header says how large the picture is, so that the browser may decode it
//! small at once, and what the camera noted of time and place; `process` then
//! makes a JPEG without the camera's metadata.

mod exif;
mod header;
mod process;

use doorstep_core::phone::draft::NewPreview;
use doorstep_core::phone::{LocalTime, NewFile};
use doorstep_core::submission::{Capture, CaptureSource, Place};
use doorstep_core::text::LocalText;
use js_sys::{Array, Uint8Array};
use leptos::prelude::document;
use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use crate::browser::{bytes_of, call, call_async, construct, get, global, object, set, settle};
use crate::clock;
use crate::explain::Explain;
use header::Size;
use process::process;

/// The longest side of a photo when the form does not say (`max-pixels`).
pub const MAX_PIXELS_DEFAULT: u32 = 1600;

const JPEG_QUALITY: f64 = 0.7;
const PHOTO_TYPE: &str = "image/jpeg";
/// A file of the camera is far smaller; one above this cannot be read into the
/// memory of a small phone.
const BYTES_MAX: f64 = 80.0 * 1024.0 * 1024.0;
/// The size comes after the camera's metadata and its small preview.
const HEADER_BYTES_MAX: u32 = 512 * 1024;
/// 200 megapixels, the largest of today's cameras.
const PIXELS_MAX: u64 = 200_000_000;
/// Why a file does not become a photo.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CameraError {
    NotAnImage,
    /// More than the phone can decode.
    TooLarge,
    /// One colour all over.
    Blank,
    /// Empty, damaged, or of a kind that this browser does not know.
    Unreadable,
}

impl Explain for CameraError {
    fn explain(&self) -> LocalText {
        match self {
            Self::NotAnImage => LocalText::new(
                "这不是图片。请拍照,或从相册选一张照片。",
                "This is not a picture. Take a photo, or choose one.",
            ),
            Self::TooLarge => LocalText::new(
                "图片太大,手机处理不了。请在相机设置中把照片改小,重新拍一张。",
                "The picture is too large for this phone. Set the camera to smaller photos and take it again.",
            ),
            Self::Blank => LocalText::new(
                "图上什么也没有(只有一种颜色)。请检查镜头是否被挡住,再来一次。",
                "There is nothing on it: it is one colour all over. Check the lens and do it again.",
            ),
            Self::Unreadable => LocalText::new(
                "图片打不开,可能已损坏,或浏览器不支持这种格式。请重新拍一张。",
                "The picture does not open. It is damaged, or of a kind that this browser does not know. Take it again.",
            ),
        }
    }
}

/// What is known of the moment in which a picture is taken.
#[derive(Clone, Debug)]
pub struct Moment {
    pub source: CaptureSource,
    pub at: LocalTime,
    pub place: Option<Place>,
    /// What is burned into the picture.
    pub lines: Vec<String>,
}

/// Makes a photo of a file: upright, its longest side at most `max_pixels`, a
/// JPEG without metadata, with the words of the moment at its lower edge, and a
/// small picture of it.
///
/// # Errors
/// When the file is no picture, is empty, or is too large for this phone.
pub async fn take(
    file: &web_sys::Blob,
    max_pixels: Option<u32>,
    moment: Moment,
) -> Result<NewFile, CameraError> {
    let kind = file.type_();
    // A type may be missing; a wrong one is not tried. Vector graphics have no
    // size of their own.
    if !(kind.is_empty() || kind.starts_with("image/")) || kind == "image/svg+xml" {
        return Err(CameraError::NotAnImage);
    }
    if file.size() <= 0.0 {
        return Err(CameraError::Unreadable);
    }
    if file.size() > BYTES_MAX {
        return Err(CameraError::TooLarge);
    }
    let max = max_pixels.filter(|max| *max > 0).unwrap_or(MAX_PIXELS_DEFAULT);
    let range = [JsValue::from(0), JsValue::from(HEADER_BYTES_MAX)];
    let start = call(file, "slice", &range).map_err(|_| CameraError::Unreadable)?;
    let start = call_async(&start, "arrayBuffer", &[]).await.map_err(|_| CameraError::Unreadable)?;
    let start = bytes_of(&start);
    let claimed = header::size_of(&start);
    if claimed.is_some_and(|size| size.pixels() > PIXELS_MAX) {
        return Err(CameraError::TooLarge);
    }
    let said = exif::said(&start, *moment.at.offset());
    let width = claimed.filter(|size| size.longest() > max).map(|size| size.within(max).width);
    let made = process(file, width, max, &moment.lines).await.map_err(|error| match error {
        CameraError::Unreadable if claimed.is_none() => CameraError::NotAnImage,
        // A whole header of more than the phone can hold, or damage behind it.
        CameraError::Unreadable if claimed.is_some_and(|size| size.pixels() > PIXELS_MAX / 4) => {
            CameraError::TooLarge
        }
        error => error,
    })?;
    let photo = NewFile::plain(clock::new_id(), made.photo, PHOTO_TYPE.to_owned());
    let preview =
        NewPreview { media_id: clock::new_id(), bytes: made.preview, content_type: PHOTO_TYPE.to_owned() };
    let capture = Capture {
        source: moment.source,
        at: moment.at,
        place: moment.place,
        original_sha256: made.original_sha256,
        taken_at: said.taken_at,
        taken_where: said.taken_where,
    };
    // A small picture of a picture that is as small helps nobody.
    let preview = (preview.bytes.len() * 2 < photo.bytes.len()).then_some(preview);
    Ok(NewFile { capture: Some(capture), preview, ..photo })
}

/// What was drawn on a canvas, on white, its longest side at most
/// `max_pixels`: a signature as `image/png`, a photo with marks as
/// `image/jpeg`.
///
/// # Errors
/// [`CameraError::Blank`] when nothing was drawn; when the browser refuses.
pub async fn from_canvas(
    canvas: &HtmlCanvasElement,
    max_pixels: Option<u32>,
    content_type: &str,
) -> Result<NewFile, CameraError> {
    let drawn = Size { width: canvas.width(), height: canvas.height() };
    let max = max_pixels.filter(|max| *max > 0).unwrap_or(MAX_PIXELS_DEFAULT);
    let sheet = Sheet::of(canvas, drawn.within(max))?;
    if is_one_colour(&sheet.pixels()?) {
        return Err(CameraError::Blank);
    }
    sheet.into_file(content_type).await
}

/// A canvas that nobody sees, with a picture on white.
struct Sheet {
    canvas: JsValue,
    context: JsValue,
    size: Size,
}

impl Sheet {
    fn of(picture: &JsValue, size: Size) -> Result<Self, CameraError> {
        if size.pixels() == 0 {
            return Err(CameraError::Unreadable);
        }
        let (width, height) = (JsValue::from(size.width), JsValue::from(size.height));
        // Tried out, because some browsers have it without the 2D context.
        let off_screen = construct("OffscreenCanvas", &[width.clone(), height.clone()]);
        let tried = off_screen.and_then(|canvas| Some((context_of(&canvas)?, canvas)));
        let (context, canvas) = match tried {
            Some(found) => found,
            None => {
                let canvas: JsValue =
                    document().create_element("canvas").map_err(|_| CameraError::TooLarge)?.into();
                set(&canvas, "width", &width);
                set(&canvas, "height", &height);
                (context_of(&canvas).ok_or(CameraError::TooLarge)?, canvas)
            }
        };
        let origin = JsValue::from(0);
        set(&context, "fillStyle", &JsValue::from_str("#fff"));
        set(&context, "imageSmoothingQuality", &JsValue::from_str("high"));
        let whole = [origin.clone(), origin.clone(), width.clone(), height.clone()];
        let placed = [picture.clone(), origin.clone(), origin, width, height];
        call(&context, "fillRect", &whole)
            .and_then(|_| call(&context, "drawImage", &placed))
            .map_err(|_| CameraError::Unreadable)?;
        Ok(Self { canvas, context, size })
    }

    /// Red, green, blue and opacity of every pixel.
    fn pixels(&self) -> Result<Vec<u8>, CameraError> {
        let area = [0, 0, self.size.width, self.size.height].map(JsValue::from);
        let data = call(&self.context, "getImageData", &area).map_err(|_| CameraError::Unreadable)?;
        Ok(Uint8Array::new(&get(&data, "data")).to_vec())
    }

    async fn into_file(self, content_type: &str) -> Result<NewFile, CameraError> {
        let kind = JsValue::from_str(content_type);
        let quality = JsValue::from_f64(JPEG_QUALITY);
        let blob = if get(&self.canvas, "convertToBlob").is_function() {
            let options = object(&[("type", kind), ("quality", quality)]);
            call_async(&self.canvas, "convertToBlob", &[options.into()]).await
        } else {
            let made = js_sys::Promise::new(&mut |resolve, _| {
                let arguments = [resolve.clone().into(), kind.clone(), quality.clone()];
                if call(&self.canvas, "toBlob", &arguments).is_err() {
                    // As when there is no memory for it.
                    let _ = resolve.call1(&JsValue::UNDEFINED, &JsValue::NULL);
                }
            });
            settle(&made).await
        };
        let blob = blob.ok().filter(JsValue::is_truthy).ok_or(CameraError::TooLarge)?;
        // A browser that cannot make the kind makes a PNG.
        let content_type = get(&blob, "type").as_string().unwrap_or_else(|| content_type.to_owned());
        let buffer = call_async(&blob, "arrayBuffer", &[]).await.map_err(|_| CameraError::TooLarge)?;
        Ok(NewFile::plain(clock::new_id(), bytes_of(&buffer), content_type))
    }
}

fn context_of(canvas: &JsValue) -> Option<JsValue> {
    call(canvas, "getContext", &[JsValue::from_str("2d")]).ok().filter(JsValue::is_truthy)
}

/// Whether no two pixels differ in any colour.
fn is_one_colour(pixels: &[u8]) -> bool {
    (0..3).all(|channel| {
        let mut values = pixels.iter().skip(channel).step_by(4);
        values.next().is_none_or(|first| values.all(|value| value == first))
    })
}

/// An address for bytes in memory, for `<img src>`; gone when dropped.
#[derive(Debug)]
pub struct ObjectUrl(String);

impl ObjectUrl {
    /// `None` when the browser has no memory for it.
    pub fn new(bytes: &[u8], content_type: &str) -> Option<Self> {
        let parts: JsValue = Array::of1(&Uint8Array::from(bytes)).into();
        let options = object(&[("type", JsValue::from_str(content_type))]);
        let blob = construct("Blob", &[parts, options.into()])?;
        call(&global("URL"), "createObjectURL", &[blob]).ok()?.as_string().map(Self)
    }

    /// For `src`.
    pub fn address(&self) -> &str {
        &self.0
    }
}

impl Drop for ObjectUrl {
    fn drop(&mut self) {
        let _ = call(&global("URL"), "revokeObjectURL", &[JsValue::from_str(&self.0)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_colour_is_blank() {
        assert!(is_one_colour(&[]));
        assert!(is_one_colour(&[9, 9, 9, 255, 9, 9, 9, 0]));
        assert!(!is_one_colour(&[255, 255, 255, 255, 254, 255, 255, 255]));
    }
}
