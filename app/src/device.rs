//! The browser and the phone it runs on: what is missing, whether there is a
//! network, whether a new version waits, and whether storage will be kept.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use crate::browser::{call, call_async, get, global, listen, object};

const SERVICE_WORKER: &str = "/sw.js";
/// A page that stays open asks for a new version at most this often.
const UPDATE_CHECK_MS: f64 = 3_600_000.0;
const PERSISTENCE_KEY: &str = "doorstep-persistence-asked";

/// Something that Doorstep cannot do without.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Capability {
    /// The page came over HTTPS, or from this machine.
    SecureContext,
    /// A database that outlives the page; private windows may lack it.
    IndexedDb,
    WebCrypto,
    /// What opens the app without a network.
    ServiceWorker,
    /// Chromium 99, Safari 16.4 or later.
    RecentBrowser,
}

impl Capability {
    /// What this browser lacks. An insecure page hides the others, so then it
    /// is the only thing named.
    pub fn missing() -> Vec<Self> {
        if !get(&js_sys::global(), "isSecureContext").is_truthy() {
            return vec![Self::SecureContext];
        }
        let has = |name: &str| !global(name).is_undefined();
        let found = [
            (Self::IndexedDb, global("indexedDB").is_truthy()),
            (Self::WebCrypto, get(&global("crypto"), "subtle").is_truthy()),
            (Self::ServiceWorker, service_workers().is_truthy()),
            // Cascade layers and these two arrived everywhere by then.
            (
                Self::RecentBrowser,
                has("CSSLayerBlockRule") && has("structuredClone") && has("createImageBitmap"),
            ),
        ];
        found.into_iter().filter(|(_, here)| !here).map(|(capability, _)| capability).collect()
    }
}

/// Whether the browser promised to keep what is stored.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Persistence {
    /// Not asked yet.
    #[default]
    Unknown,
    Promised,
    /// It may throw everything away when the disk is full.
    Refused,
    /// The browser cannot be asked.
    Unsupported,
}

/// What the screens need to know of the phone.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    online: RwSignal<bool>,
    update: RwSignal<bool>,
    persistence: RwSignal<Persistence>,
    draft_open: RwSignal<bool>,
    worker: StoredValue<Rc<Worker>, LocalStorage>,
}

/// The service worker, as this page sees it.
#[derive(Debug, Default)]
struct Worker {
    registration: RefCell<Option<JsValue>>,
    /// This page asked for the new version.
    asked: Cell<bool>,
    /// Another page asked, and a draft was open here.
    reload_due: Cell<bool>,
    checked_at_ms: Cell<f64>,
}

impl Device {
    /// Watches the network, registers the service worker, and reads whether
    /// storage is kept.
    pub fn watch() -> Self {
        let device = Self {
            online: RwSignal::new(get(&global("navigator"), "onLine").as_bool().unwrap_or(true)),
            update: RwSignal::new(false),
            persistence: RwSignal::default(),
            draft_open: RwSignal::new(false),
            worker: StoredValue::new_local(Rc::default()),
        };
        let page = js_sys::global();
        listen(&page, "online", move |_| device.online.set(true));
        listen(&page, "offline", move |_| device.online.set(false));
        listen(&document(), "visibilitychange", move |_| device.look_for_update());
        spawn_local(async move { device.read_persistence().await });
        // A browser that lacks something is shown what; it needs no worker.
        if Capability::missing().is_empty() {
            spawn_local(async move {
                if let Err(error) = device.register().await {
                    leptos::logging::warn!("no service worker: {}", crate::browser::describe(&error));
                }
            });
        }
        device
    }

    /// Whether the browser believes that there is a network. Tracks.
    pub fn online(self) -> bool {
        self.online.get()
    }

    /// A new version waits. Tracks.
    pub fn update_available(self) -> bool {
        self.update.get()
    }

    /// Whether a form is being filled in: then ask before
    /// [`Self::apply_update`]. Tracks.
    pub fn draft_open(self) -> bool {
        self.draft_open.get()
    }

    /// Starts the new version: the page is loaded again, once. Only when the
    /// person says so; what they have answered is on the disk already.
    pub fn apply_update(self) {
        let worker = self.worker.get_value();
        let waiting = worker.registration.borrow().as_ref().map(|registration| get(registration, "waiting"));
        if worker.reload_due.get() {
            reload();
        } else if let Some(waiting) = waiting.filter(JsValue::is_truthy) {
            worker.asked.set(true);
            let message = object(&[("type", JsValue::from_str("apply-update"))]);
            let _ = call(&waiting, "postMessage", &[message.into()]);
        }
    }

    /// Whether the browser keeps what is stored. Tracks.
    pub fn persistence(self) -> Persistence {
        self.persistence.get()
    }

    /// After a login: asks once whether the browser keeps what is stored.
    pub fn request_persistence_once(self) {
        if self.persistence.get_untracked() == Persistence::Unknown && !was_asked() {
            self.request_persistence();
        }
    }

    /// Asks the browser to keep what is stored. Some ask the person; some say
    /// yes once the app is on the home screen.
    pub fn request_persistence(self) {
        if matches!(self.persistence.get_untracked(), Persistence::Promised | Persistence::Unsupported) {
            return;
        }
        spawn_local(async move {
            let answer = call_async(&storage_manager(), "persist", &[]).await;
            remember_asked();
            self.persistence.set(match answer {
                Ok(kept) if kept.is_truthy() => Persistence::Promised,
                Ok(_) => Persistence::Refused,
                Err(_) => Persistence::Unsupported,
            });
        });
    }

    /// The Fill screen says so, so that no update comes in between.
    pub fn set_draft_open(self, open: bool) {
        self.draft_open.set(open);
        if !open && self.worker.get_value().reload_due.get() {
            reload();
        }
    }

    async fn read_persistence(self) {
        let storage = storage_manager();
        if get(&storage, "persist").is_undefined() {
            self.persistence.set(Persistence::Unsupported);
            return;
        }
        let kept = call_async(&storage, "persisted", &[]).await.is_ok_and(|kept| kept.is_truthy());
        if kept {
            self.persistence.set(Persistence::Promised);
        } else if was_asked() {
            self.persistence.set(Persistence::Refused);
        }
    }

    async fn register(self) -> Result<(), JsValue> {
        let workers = service_workers();
        // The first worker takes this page over without anything being new.
        let had_worker = get(&workers, "controller").is_truthy();
        listen(&workers, "controllerchange", move |_| self.worker_changed(had_worker));
        let options =
            object(&[("scope", JsValue::from_str("/")), ("updateViaCache", JsValue::from_str("none"))]);
        let arguments = [JsValue::from_str(SERVICE_WORKER), options.into()];
        let registration = call_async(&workers, "register", &arguments).await?;
        let worker = self.worker.get_value();
        worker.registration.replace(Some(registration.clone()));
        worker.checked_at_ms.set(js_sys::Date::now());
        if get(&registration, "waiting").is_truthy() && had_worker {
            self.update.set(true);
        }
        let found = registration.clone();
        listen(&registration, "updatefound", move |_| {
            let arriving = get(&found, "installing");
            let state = arriving.clone();
            listen(&arriving, "statechange", move |_| {
                // Without a worker in charge this is the first, not a new one.
                let in_charge = get(&service_workers(), "controller").is_truthy();
                if get(&state, "state").as_string().as_deref() == Some("installed") && in_charge {
                    self.update.set(true);
                }
            });
        });
        Ok(())
    }

    fn worker_changed(self, had_worker: bool) {
        let worker = self.worker.get_value();
        if worker.asked.replace(false) {
            reload();
        } else if had_worker {
            // Another page of this browser asked for the new version.
            if self.draft_open.get_untracked() {
                worker.reload_due.set(true);
                self.update.set(true);
            } else {
                reload();
            }
        }
    }

    fn look_for_update(self) {
        let worker = self.worker.get_value();
        let due = js_sys::Date::now() - worker.checked_at_ms.get() >= UPDATE_CHECK_MS;
        let registration = worker.registration.borrow().clone();
        if let Some(registration) = registration
            && due
            && !document().hidden()
        {
            worker.checked_at_ms.set(js_sys::Date::now());
            // Without a network there is nothing new.
            spawn_local(async move { drop(call_async(&registration, "update", &[]).await) });
        }
    }
}

fn service_workers() -> JsValue {
    get(&global("navigator"), "serviceWorker")
}

fn storage_manager() -> JsValue {
    get(&global("navigator"), "storage")
}

fn reload() {
    // A page that cannot be loaded again runs on as it is.
    let _ = window().location().reload();
}

fn was_asked() -> bool {
    let storage = window().local_storage().ok().flatten();
    storage.is_some_and(|storage| storage.get_item(PERSISTENCE_KEY).ok().flatten().is_some())
}

fn remember_asked() {
    if let Ok(Some(storage)) = window().local_storage() {
        // Then the person is asked once more next time.
        let _ = storage.set_item(PERSISTENCE_KEY, "1");
    }
}
