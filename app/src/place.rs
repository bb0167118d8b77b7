//! Where the phone is.

use std::cell::RefCell;
use std::rc::Rc;

use doorstep_core::submission::Place;
use doorstep_core::text::LocalText;
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::browser::{call, get, global, object, settle};
use crate::clock;
use crate::explain::Explain;

/// A cold receiver under the open sky needs about this long.
const TIMEOUT_MS: u32 = 20_000;

/// Why there is no place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PlaceError {
    /// The person, or the phone's settings, said no.
    Denied,
    /// The phone does not know, or cannot.
    Unavailable,
    /// Not within twenty seconds.
    Timeout,
}

impl Explain for PlaceError {
    fn explain(&self) -> LocalText {
        match self {
            Self::Denied => LocalText::new(
                "没有定位权限。请在手机设置中允许浏览器使用位置信息,再试一次;也可以先填其他内容。",
                "The browser may not use the location. Allow it in the phone's settings and try again, or fill in the rest first.",
            ),
            Self::Unavailable => LocalText::new(
                "手机无法定位。请打开定位服务,再试一次;也可以先填其他内容。",
                "The phone cannot tell where it is. Switch location on and try again, or fill in the rest first.",
            ),
            Self::Timeout => LocalText::new(
                "20 秒内没有定到位置。请到窗边或室外再试一次;也可以先填其他内容。",
                "No place was found within 20 seconds. Try again at a window or outside, or fill in the rest first.",
            ),
        }
    }
}

/// Asks the phone where it is. Browsers ask the person the first time.
///
/// # Errors
/// When the person or the phone does not say.
pub async fn locate() -> Result<Place, PlaceError> {
    ask(true, 0).await
}

/// Asks where the phone is by what is around it, or was within five minutes:
/// for houses that satellites do not reach. Less exact, and it says so.
///
/// # Errors
/// As [`locate`].
pub async fn locate_roughly() -> Result<Place, PlaceError> {
    ask(false, 300_000).await
}

async fn ask(exactly: bool, oldest_ms: u32) -> Result<Place, PlaceError> {
    let geolocation = get(&global("navigator"), "geolocation");
    if geolocation.is_undefined() {
        return Err(PlaceError::Unavailable);
    }
    let options = object(&[
        ("enableHighAccuracy", JsValue::from(exactly)),
        ("timeout", JsValue::from(TIMEOUT_MS)),
        ("maximumAge", JsValue::from(oldest_ms)),
    ]);
    let refused = Rc::new(RefCell::new(None));
    let found = Promise::new(&mut |resolve, reject| {
        let arguments = [resolve.into(), reject.into(), options.clone().into()];
        if let Err(error) = call(&geolocation, "getCurrentPosition", &arguments) {
            refused.replace(Some(error));
        }
    });
    if refused.take().is_some() {
        return Err(PlaceError::Unavailable);
    }
    let position = settle(&found).await.map_err(|error| of_code(get(&error, "code").as_f64()))?;
    read(&position)
}

/// A place as the browser tells it.
fn read(position: &JsValue) -> Result<Place, PlaceError> {
    let coordinates = get(position, "coords");
    let number = |name| get(&coordinates, name).as_f64().filter(|value| value.is_finite());
    match (number("latitude"), number("longitude"), number("accuracy")) {
        (Some(latitude_degrees), Some(longitude_degrees), Some(accuracy_m)) => Ok(Place {
            latitude_degrees,
            longitude_degrees,
            altitude_m: number("altitude"),
            accuracy_m,
            at: clock::now(),
        }),
        _ => Err(PlaceError::Unavailable),
    }
}

type Handler = Closure<dyn FnMut(JsValue)>;

/// The phone says where it is again and again, ever better, until this is
/// dropped.
#[derive(Debug)]
pub struct Watch {
    geolocation: JsValue,
    number: JsValue,
    _handlers: (Handler, Handler),
}

impl Watch {
    /// Begins. `None` when the browser has no such thing.
    pub fn begin(heard: impl Fn(Result<Place, PlaceError>) + 'static) -> Option<Self> {
        let geolocation = get(&global("navigator"), "geolocation");
        let options = object(&[
            ("enableHighAccuracy", JsValue::TRUE),
            ("timeout", JsValue::from(TIMEOUT_MS)),
            ("maximumAge", JsValue::from(0)),
        ]);
        let heard = Rc::new(heard);
        let failed = Rc::clone(&heard);
        let found = Handler::new(move |position: JsValue| heard(read(&position)));
        let refused = Handler::new(move |error: JsValue| failed(Err(of_code(get(&error, "code").as_f64()))));
        let arguments = [found.as_ref().clone(), refused.as_ref().clone(), options.into()];
        let number = call(&geolocation, "watchPosition", &arguments).ok()?;
        Some(Self { geolocation, number, _handlers: (found, refused) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Fails only where it could not have begun.
        let _ = call(&self.geolocation, "clearWatch", std::slice::from_ref(&self.number));
    }
}

/// The codes of `GeolocationPositionError`.
fn of_code(code: Option<f64>) -> PlaceError {
    match code {
        Some(1.0) => PlaceError::Denied,
        Some(3.0) => PlaceError::Timeout,
        _ => PlaceError::Unavailable,
    }
}
