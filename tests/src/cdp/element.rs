//! Elements of a page: found as a person finds them, pressed and typed into.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::value;
use super::wire::Session;
use crate::wait;

/// How an element is found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum By {
    /// By its role and its name, both as the accessibility tree has them.
    Role { role: &'static str, name: String },
    /// A field by its label, whatever its role.
    Label(String),
    /// By a CSS selector.
    Css(String),
}

/// Roles of what one fills in.
const FIELDS: [&str; 9] =
    ["textbox", "searchbox", "spinbutton", "combobox", "checkbox", "radio", "switch", "slider", "Date"];

impl By {
    /// `By::role("button", "登录")`
    pub fn role(role: &'static str, name: impl Into<String>) -> Self {
        Self::Role { role, name: name.into() }
    }

    /// `By::label("登录名")`
    pub fn label(name: impl Into<String>) -> Self {
        Self::Label(name.into())
    }

    /// `By::css("[data-path='/g_visit/met']")`
    pub fn css(selector: impl Into<String>) -> Self {
        Self::Css(selector.into())
    }

    pub(super) async fn find(&self, session: &Session) -> Result<Vec<Element>> {
        match self {
            Self::Css(selector) => by_css(session, selector).await,
            Self::Role { role, name } => by_name(session, name, Some(role)).await,
            Self::Label(name) => by_name(session, name, None).await,
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role { role, name } => write!(formatter, "the {role} “{name}”"),
            Self::Label(name) => write!(formatter, "the field “{name}”"),
            Self::Css(selector) => write!(formatter, "an element {selector}"),
        }
    }
}

async fn by_css(session: &Session, selector: &str) -> Result<Vec<Element>> {
    let expression = format!("Array.from(document.querySelectorAll({}))", json!(selector));
    let list = session.call("Runtime.evaluate", json!({ "expression": expression })).await?;
    if list["exceptionDetails"].is_object() {
        bail!("the selector {selector} is not one");
    }
    let list = list["result"]["objectId"].as_str().context("a list without an id")?;
    let entries =
        session.call("Runtime.getProperties", json!({ "objectId": list, "ownProperties": true })).await?;
    let entries = entries["result"].as_array().cloned().unwrap_or_default();
    let elements = entries.iter().filter(|entry| entry["value"]["subtype"] == "node");
    Ok(elements.filter_map(|entry| Element::new(session, &entry["value"]["objectId"])).collect())
}

async fn by_name(session: &Session, name: &str, role: Option<&str>) -> Result<Vec<Element>> {
    let document = session.call("Runtime.evaluate", json!({ "expression": "document" })).await?;
    let mut query = json!({ "objectId": document["result"]["objectId"], "accessibleName": name });
    if let Some(role) = role {
        query["role"] = json!(role);
    }
    let tree = session.call("Accessibility.queryAXTree", query).await?;
    let mut elements = Vec::new();
    for node in tree["nodes"].as_array().into_iter().flatten() {
        let is_field = node["role"]["value"].as_str().is_some_and(|role| FIELDS.contains(&role));
        if node["ignored"] == true || (role.is_none() && !is_field) {
            continue;
        }
        let resolved =
            session.call("DOM.resolveNode", json!({ "backendNodeId": node["backendDOMNodeId"] })).await?;
        elements.extend(Element::new(session, &resolved["object"]["objectId"]));
    }
    Ok(elements)
}

/// An element of a page. It may have gone from the page in the meantime; what
/// is done with it then fails.
#[derive(Clone)]
pub struct Element {
    session: Session,
    object: String,
}

/// Where an element can be pressed, or why it cannot.
#[derive(Debug, Deserialize)]
struct Target {
    x: f64,
    y: f64,
    obstacle: Option<String>,
}

/// Scrolls to the element, waits until it has stopped moving, looks what is on
/// top in its middle, and from then on keeps presses from everything else: what
/// arrives meanwhile (an answer of the server, a picture) may move the page
/// under the pointer. `__aim` tells [`LANDED`] where the press went.
const TARGET: &str = "async function () {
    this.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    // A tab that is not shown draws no frames.
    const frame = () => new Promise((done) => { requestAnimationFrame(done); setTimeout(done, 100); });
    const first = this.getBoundingClientRect();
    await frame();
    await frame();
    const box = this.getBoundingClientRect();
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    if (!this.isConnected || box.width === 0 || box.height === 0) return { x, y, obstacle: 'it is not shown' };
    if (this.disabled) return { x, y, obstacle: 'it is disabled' };
    if (first.left !== box.left || first.top !== box.top) return { x, y, obstacle: 'it moves' };
    const top = document.elementFromPoint(x, y);
    const within = (node) => {
        const label = node && node.closest && node.closest('label');
        return node && (this.contains(node) || (label && label.control === this));
    };
    if (!top || !(within(top) || top.contains(this))) {
        return { x, y, obstacle: 'it is covered by ' + (top ? top.outerHTML.slice(0, 200) : 'nothing') };
    }
    const aim = { down: false, pressed: false };
    const kinds = ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click'];
    const look = (event) => {
        if (!event.isTrusted) return;
        if (event.target === top || within(event.target)) {
            if (event.type === 'pointerdown') aim.down = true;
            if (event.type === 'click') aim.pressed = true;
        } else if (!aim.down) {
            event.preventDefault();
            event.stopImmediatePropagation();
        }
    };
    for (const kind of kinds) window.addEventListener(kind, look, true);
    aim.end = () => { for (const kind of kinds) window.removeEventListener(kind, look, true); };
    window.__aim = aim;
    return { x, y, obstacle: null };
}";

/// Whether the press arrived. What goes away when it is touched was touched.
const LANDED: &str = "function () {
    const aim = window.__aim;
    if (!aim) return true;
    aim.end();
    delete window.__aim;
    return aim.pressed || (aim.down && !this.isConnected);
}";

impl Element {
    fn new(session: &Session, object: &Value) -> Option<Self> {
        Some(Self { session: session.clone(), object: object.as_str()?.to_owned() })
    }

    /// What a function of JavaScript returns with this element as `this`; a
    /// promise is waited for.
    ///
    /// # Errors
    /// When it throws.
    pub async fn call<T: DeserializeOwned>(&self, function: &str, arguments: &[Value]) -> Result<T> {
        let arguments: Vec<Value> = arguments.iter().map(|argument| json!({ "value": argument })).collect();
        let answer = self
            .session
            .call(
                "Runtime.callFunctionOn",
                json!({
                    "objectId": self.object, "functionDeclaration": function, "arguments": arguments,
                    "awaitPromise": true, "returnByValue": true, "userGesture": true,
                }),
            )
            .await?;
        value(answer)
    }

    /// Scrolls to it and presses it, as soon as it can be pressed, stands still
    /// and nothing covers it.
    ///
    /// # Errors
    /// When that does not become so, with what is in the way.
    pub async fn click(&self) -> Result<()> {
        let mut obstacle = None;
        let pressed = wait::until("an element that can be pressed", async || {
            obstacle = self.press().await?;
            Ok(obstacle.is_none().then_some(()))
        });
        let pressed = pressed.await;
        pressed.with_context(|| obstacle.unwrap_or_default())
    }

    /// Presses it once, if it can be pressed now; otherwise, why it cannot.
    ///
    /// # Errors
    /// When the page does not answer.
    pub(super) async fn press(&self) -> Result<Option<String>> {
        let target: Target = self.call(TARGET, &[]).await?;
        if target.obstacle.is_some() {
            return Ok(target.obstacle);
        }
        for (kind, buttons) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event = json!({
                "type": kind, "x": target.x, "y": target.y, "button": button, "buttons": buttons, "clickCount": 1,
            });
            self.session.call("Input.dispatchMouseEvent", event).await?;
        }
        // A press that led to another page took the element along.
        let landed = self.call(LANDED, &[]).await.unwrap_or(true);
        Ok((!landed).then(|| "it moved away under the pointer".to_owned()))
    }

    /// Types into it, after what is there.
    ///
    /// # Errors
    /// When it does not take the focus.
    pub async fn type_text(&self, text: &str) -> Result<()> {
        let focused: bool =
            self.call("function () { this.focus(); return document.activeElement === this; }", &[]).await?;
        if !focused {
            bail!("the element does not take the focus");
        }
        self.session.call("Input.insertText", json!({ "text": text })).await.map(drop)
    }

    /// Types into it, in place of what is there.
    ///
    /// # Errors
    /// When it is no text field.
    pub async fn replace_text(&self, text: &str) -> Result<()> {
        self.call::<()>("function () { this.focus(); this.select(); }", &[]).await?;
        self.type_text(text).await
    }

    /// Sets a field that is not typed into (a date, a time, a slider, a
    /// choice), with the events of a person doing so.
    ///
    /// # Errors
    /// When the element has no value.
    pub async fn set_value(&self, new: &str) -> Result<()> {
        let function = "function (value) {
            const kind = this instanceof HTMLSelectElement ? HTMLSelectElement : HTMLInputElement;
            Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(this, value);
            for (const name of ['input', 'change']) this.dispatchEvent(new Event(name, { bubbles: true }));
        }";
        self.call::<Option<()>>(function, &[json!(new)]).await.map(drop)
    }

    /// Gives files to a file input.
    ///
    /// # Errors
    /// When it is none.
    pub async fn set_files(&self, files: &[&Path]) -> Result<()> {
        let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        self.session
            .call("DOM.setFileInputFiles", json!({ "objectId": self.object, "files": files }))
            .await
            .map(drop)
    }

    /// What a person can read in it.
    ///
    /// # Errors
    /// When it has gone.
    pub async fn text(&self) -> Result<String> {
        self.call("function () { return this.innerText ?? this.textContent; }", &[]).await
    }

    /// What stands in a field.
    ///
    /// # Errors
    /// When it is no field.
    pub async fn field_value(&self) -> Result<String> {
        self.call("function () { return this.value; }", &[]).await
    }

    /// An attribute.
    ///
    /// # Errors
    /// When the element has gone.
    pub async fn attribute(&self, name: &str) -> Result<Option<String>> {
        self.call("function (name) { return this.getAttribute(name); }", &[json!(name)]).await
    }

    /// The first element inside by a CSS selector.
    ///
    /// # Errors
    /// When there is none.
    pub async fn inside(&self, selector: &str) -> Result<Element> {
        let found = self
            .session
            .call(
                "Runtime.callFunctionOn",
                json!({
                    "objectId": self.object, "functionDeclaration": "function (s) { return this.querySelector(s); }",
                    "arguments": [{ "value": selector }],
                }),
            )
            .await?;
        Element::new(&self.session, &found["result"]["objectId"])
            .with_context(|| format!("there is no {selector} in the element"))
    }
}
