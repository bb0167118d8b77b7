//! Where the phone is.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use doorstep_core::submission::Place;
use doorstep_core::text::LocalText;
use futures::StreamExt;
use futures::channel::mpsc;
use js_sys::Promise;
use leptos::prelude::set_timeout;
use wasm_bindgen::prelude::*;

use crate::browser::{call, get, global, object, settle};
use crate::clock;
use crate::explain::Explain;

/// A cold receiver under the open sky needs about this long.
const TIMEOUT_MS: u32 = 20_000;
/// A rough place serves for so long.
const ROUGH_AGE_MAX_MS: u32 = 300_000;

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
    let (say, mut said) = mpsc::unbounded();
    // Nobody waits any more: nothing to tell.
    let listening = Listening::begin(move |heard| drop(say.unbounded_send(heard)));
    let listening = listening.ok_or(PlaceError::Unavailable)?;
    let heard = said.next().await.unwrap_or(Err(PlaceError::Unavailable));
    listening.end();
    heard
}

/// Asks where the phone is by what is around it, or was within five minutes:
/// for houses that satellites do not reach. Less exact, and it says so.
///
/// # Errors
/// As [`locate`].
pub async fn locate_roughly() -> Result<Place, PlaceError> {
    let geolocation = get(&global("navigator"), "geolocation");
    if geolocation.is_undefined() {
        return Err(PlaceError::Unavailable);
    }
    let options = object(&[
        ("enableHighAccuracy", JsValue::FALSE),
        ("timeout", JsValue::from(TIMEOUT_MS)),
        ("maximumAge", JsValue::from(ROUGH_AGE_MAX_MS)),
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
type Listener = Rc<dyn Fn(Result<Place, PlaceError>)>;

/// The browser's one watch, and everybody who listens to it.
///
/// One for all: while a watch goes on, a browser tells a second one nothing
/// until the phone has moved, and a phone that lies on a table never moves.
/// What the watch said last still holds for whoever comes later.
struct Hub {
    geolocation: JsValue,
    number: JsValue,
    last: Option<Place>,
    listeners: BTreeMap<u32, Listener>,
    /// For as long as the browser may call them.
    _handlers: (Handler, Handler),
}

thread_local! {
    static HUB: RefCell<Option<Hub>> = const { RefCell::new(None) };
    /// How many have listened.
    static NUMBERED: Cell<u32> = const { Cell::new(0) };
}

/// Passes on what the browser says.
fn tell(heard: &Result<Place, PlaceError>) {
    let listeners: Vec<Listener> = HUB.with_borrow_mut(|hub| {
        let Some(hub) = hub else { return Vec::new() };
        match heard {
            Ok(place) => hub.last = Some(place.clone()),
            Err(_) => hub.last = None,
        }
        hub.listeners.values().map(Rc::clone).collect()
    });
    for listener in listeners {
        listener(heard.clone());
    }
}

/// Somebody hears where the phone is, again and again and ever better, until
/// this is dropped.
#[derive(Debug)]
pub struct Listening(u32);

impl Listening {
    /// Begins. `None` when the browser has no such thing.
    pub fn begin(heard: impl Fn(Result<Place, PlaceError>) + 'static) -> Option<Self> {
        let number = NUMBERED.with(|numbered| {
            numbered.set(numbered.get().wrapping_add(1));
            numbered.get()
        });
        let listener: Listener = Rc::new(heard);
        let joined = HUB.with_borrow_mut(|hub| {
            let hub = hub.as_mut()?;
            hub.listeners.insert(number, Rc::clone(&listener));
            Some(hub.last.clone())
        });
        match joined {
            // Later, as the browser would.
            Some(Some(place)) => {
                let tell = move || {
                    let listens = HUB.with_borrow(|hub| {
                        hub.as_ref().is_some_and(|hub| hub.listeners.contains_key(&number))
                    });
                    if listens {
                        listener(Ok(place.clone()));
                    }
                };
                set_timeout(tell, Duration::ZERO);
            }
            Some(None) => {}
            None => {
                let mut hub = Hub::begin()?;
                hub.listeners.insert(number, listener);
                HUB.set(Some(hub));
            }
        }
        Some(Self(number))
    }

    /// Ends now.
    pub fn end(self) {
        drop(self);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let idle = HUB.with_borrow_mut(|hub| {
            let found = hub.as_mut()?;
            found.listeners.remove(&self.0);
            if found.listeners.is_empty() { hub.take() } else { None }
        });
        if let Some(idle) = idle {
            // At once: whoever begins next must get a watch of their own.
            // Fails only where it could not have begun.
            let _ = call(&idle.geolocation, "clearWatch", std::slice::from_ref(&idle.number));
            // The handler that led here belongs to it, and goes later.
            set_timeout(move || drop(idle), Duration::ZERO);
        }
    }
}

impl Hub {
    fn begin() -> Option<Self> {
        let geolocation = get(&global("navigator"), "geolocation");
        let options = object(&[
            ("enableHighAccuracy", JsValue::TRUE),
            ("timeout", JsValue::from(TIMEOUT_MS)),
            ("maximumAge", JsValue::from(0)),
        ]);
        let found = Handler::new(move |position: JsValue| tell(&read(&position)));
        let refused = Handler::new(move |error: JsValue| tell(&Err(of_code(get(&error, "code").as_f64()))));
        let arguments = [found.as_ref().clone(), refused.as_ref().clone(), options.into()];
        let number = call(&geolocation, "watchPosition", &arguments).ok()?;
        Some(Self {
            geolocation,
            number,
            last: None,
            listeners: BTreeMap::new(),
            _handlers: (found, refused),
        })
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
