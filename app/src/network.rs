//! The network that the phone is in, as far as the browser tells.

use wasm_bindgen::JsValue;

use crate::browser::{get, global};

/// What kind of network it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Network {
    /// Wi-Fi or a cable: nobody counts bytes.
    Wifi,
    /// A mobile network.
    Mobile,
    /// The browser does not say; then photos do not wait for Wi-Fi.
    Unknown,
}

impl Network {
    /// The network of now.
    pub fn now() -> Self {
        let kind = connection();
        let kind = if kind.is_undefined() { None } else { get(&kind, "type").as_string() };
        match kind.as_deref() {
            Some("wifi" | "ethernet") => Self::Wifi,
            Some("cellular" | "bluetooth" | "wimax") => Self::Mobile,
            _ => Self::Unknown,
        }
    }
}

/// What tells of another network, or `undefined`.
pub fn connection() -> JsValue {
    get(&global("navigator"), "connection")
}
