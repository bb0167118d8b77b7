//! A real Chromium, driven by the DevTools protocol (CDP).
//!
//! Not WebDriver: a chromedriver drives one version of Chromium, and there is
//! none for the oldest one that the stories have to pass in. The protocol is
//! the same in both, and it is what chromedriver speaks itself. What is pressed
//! and typed is real input that goes through the browser's own hit testing.
//!
//! Things are found as a person finds them, by role and name in the
//! accessibility tree ([`By::role`]), or by a CSS selector.
//!
//! ```ignore
//! let browser = Browser::start(Launch::from_environment()?, profile.path()).await?;
//! let page = browser.open("http://127.0.0.1:8080/").await?;
//! page.viewport(360, 740, true).await?;
//! page.the(By::label("登录名")).await?.type_text("grid_worker").await?;
//! page.click(By::role("button", "登录")).await?;
//! page.the(By::css("input[type=file]")).await?.set_files(&[photo]).await?;
//! ```

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::wait;

mod element;
mod surroundings;
mod wire;

pub use element::{By, Element};
use wire::{Event, Session, Wire};

/// Which Chromium to start, and how.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    arguments: Vec<String>,
}

/// Names the program; the stories take Debian's where nothing is named.
pub const PROGRAM_VARIABLE: &str = "DOORSTEP_TEST_CHROMIUM";
/// More arguments, separated by spaces.
pub const ARGUMENTS_VARIABLE: &str = "DOORSTEP_TEST_CHROMIUM_ARGUMENTS";

/// Everything that would talk to somebody else, or ask the person something,
/// is off; camera and microphone are Chromium's false ones.
const ARGUMENTS: [&str; 16] = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-domain-reliability",
    "--metrics-recording-only",
    "--no-first-run",
    "--hide-scrollbars",
    "--lang=zh-CN",
];

impl Launch {
    /// What the environment names, or the Chromium of this machine.
    ///
    /// # Errors
    /// When there is none.
    pub fn from_environment() -> Result<Self> {
        let named = std::env::var_os(PROGRAM_VARIABLE).map(PathBuf::from);
        let program = named.or_else(in_path).with_context(|| {
            format!("there is no chromium in the path; install it (cargo xtask test does), or name it in {PROGRAM_VARIABLE}")
        })?;
        let arguments = std::env::var(ARGUMENTS_VARIABLE).unwrap_or_default();
        Ok(Self { program, arguments: arguments.split_whitespace().map(str::to_owned).collect() })
    }
}

fn in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

/// A running Chromium. Dropping it ends it; its profile stays.
pub struct Browser {
    process: Child,
    wire: Wire,
}

impl Browser {
    /// Starts Chromium on a profile. Another one on the same profile later
    /// finds everything that was on the disk.
    ///
    /// # Errors
    /// When it does not start or does not answer.
    pub async fn start(launch: Launch, profile: &Path) -> Result<Self> {
        std::fs::create_dir_all(profile)?;
        let mut process = Command::new(&launch.program)
            .args(ARGUMENTS)
            .args(&launch.arguments)
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(["--remote-debugging-port=0", "about:blank"])
            // The phones are where the county is; elsewhere it may be another day.
            .env("TZ", "Asia/Shanghai")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", launch.program.display()))?;
        let stderr = process.stderr.take().context("Chromium has no standard error")?;
        let address = tokio::time::timeout(wait::DEADLINE, debugging_address(BufReader::new(stderr)))
            .await
            .context("Chromium did not say where it listens")??;
        let wire = Wire::connect(&address).await?;
        Ok(Self { process, wire })
    }

    /// What it calls itself, such as `HeadlessChrome/103.0.5058.0`.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn version(&self) -> Result<String> {
        let answer = self.wire.root().call("Browser.getVersion", json!({})).await?;
        Ok(answer["product"].as_str().unwrap_or_default().to_owned())
    }

    /// Opens an address in a new tab and waits until it is loaded.
    ///
    /// # Errors
    /// When it cannot be loaded.
    pub async fn open(&self, address: &str) -> Result<Page> {
        let root = self.wire.root();
        let made = root.call("Target.createTarget", json!({ "url": "about:blank" })).await?;
        let target = made["targetId"].as_str().context("a new tab has no id")?.to_owned();
        let attached =
            root.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true })).await?;
        let session = attached["sessionId"].as_str().context("a tab has no session")?;
        let page = Page { session: self.wire.session(session), root, target };
        for domain in ["Page", "Runtime", "DOM", "Accessibility", "Log"] {
            page.session.call(&format!("{domain}.enable"), json!({})).await?;
        }
        page.go(address).await?;
        Ok(page)
    }

    /// Lets every page of an origin use something without asking, such as
    /// `geolocation`.
    ///
    /// # Errors
    /// When Chromium does not know the permission.
    pub async fn grant(&self, origin: &str, permission: &str) -> Result<()> {
        let what = json!({ "origin": origin, "permissions": [permission] });
        self.wire.root().call("Browser.grantPermissions", what).await.map(drop)
    }

    /// Ends it as a phone without battery does: at once, with everything that
    /// is not on the disk.
    ///
    /// # Errors
    /// When the system does not say that it has ended.
    pub async fn kill(mut self) -> Result<()> {
        self.process.kill().await.context("Chromium cannot be ended")
    }

    /// Ends it as a person does, by closing it.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn close(mut self) -> Result<()> {
        // It may be gone before it answers.
        drop(self.wire.root().call("Browser.close", json!({})).await);
        if tokio::time::timeout(Duration::from_secs(10), self.process.wait()).await.is_err() {
            self.process.kill().await?;
        }
        Ok(())
    }
}

/// Reads what Chromium says until it says where it listens, and goes on
/// reading, so that it never waits for a reader.
async fn debugging_address(mut stderr: BufReader<tokio::process::ChildStderr>) -> Result<String> {
    let mut said = String::new();
    loop {
        let mut line = String::new();
        if stderr.read_line(&mut line).await? == 0 {
            bail!("Chromium ended at once: {said}");
        }
        if let Some(address) = line.trim().strip_prefix("DevTools listening on ") {
            let address = address.to_owned();
            tokio::spawn(async move {
                let mut rest = String::new();
                while stderr.read_line(&mut rest).await.is_ok_and(|length| length > 0) {
                    rest.clear();
                }
            });
            return Ok(address);
        }
        said.push_str(&line);
    }
}

/// A tab.
pub struct Page {
    session: Session,
    root: Session,
    target: String,
}

impl Page {
    /// Goes to an address and waits until it is loaded.
    ///
    /// # Errors
    /// When it cannot be loaded; the cause is what the browser says.
    pub async fn go(&self, address: &str) -> Result<()> {
        let mut events = self.session.events();
        let answer = self.session.call("Page.navigate", json!({ "url": address })).await?;
        if let Some(cause) = answer["errorText"].as_str() {
            bail!("{address}: {cause}");
        }
        // The same document with another fragment is not loaded again.
        if answer["loaderId"].is_string() { self.loaded(&mut events).await } else { Ok(()) }
    }

    /// Loads the page again and waits until it is there.
    ///
    /// # Errors
    /// When it is not.
    pub async fn reload(&self) -> Result<()> {
        let mut events = self.session.events();
        self.session.call("Page.reload", json!({})).await?;
        self.loaded(&mut events).await
    }

    /// Closes the tab at once; nothing in it runs any more.
    ///
    /// # Errors
    /// When the browser does not do so.
    pub async fn close(self) -> Result<()> {
        self.root.call("Target.closeTarget", json!({ "targetId": self.target })).await.map(drop)
    }

    /// What an expression of JavaScript comes to; a promise is waited for.
    ///
    /// # Errors
    /// When it throws, with what it threw.
    pub async fn evaluate<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        let answer = self
            .session
            .call(
                "Runtime.evaluate",
                json!({ "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true }),
            )
            .await?;
        value(answer).with_context(|| format!("evaluating {expression}"))
    }

    /// Waits until an expression, or what it promises, is true.
    ///
    /// # Errors
    /// When it does not become so, or throws.
    pub async fn until(&self, expression: &str) -> Result<()> {
        let expression = format!("(async () => Boolean(await ({expression})))()");
        wait::until(&expression, async || Ok(self.evaluate::<bool>(&expression).await?.then_some(()))).await
    }

    /// All elements that are there now.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn all(&self, by: &By) -> Result<Vec<Element>> {
        by.find(&self.session).await
    }

    /// The first such element, as soon as it is there.
    ///
    /// # Errors
    /// When none comes; the text of the page is in the error.
    pub async fn the(&self, by: By) -> Result<Element> {
        let found = wait::until(&by.to_string(), async || {
            // The page may be about to become another one.
            Ok(self.all(&by).await.unwrap_or_default().into_iter().next())
        })
        .await;
        match found {
            Ok(element) => Ok(element),
            Err(cause) => {
                Err(cause.context(format!("the page says: {}", self.text().await.unwrap_or_default())))
            }
        }
    }

    /// Presses the first such element, as soon as it can be pressed. It is
    /// found again for every try: a list may be drawn anew at any time.
    ///
    /// # Errors
    /// When none comes or something stays in the way; the text of the page is
    /// in the error.
    pub async fn click(&self, by: By) -> Result<()> {
        let mut obstacle = None;
        let what = by.to_string();
        let pressed = wait::until(&what, async || {
            let Some(element) = self.all(&by).await.unwrap_or_default().into_iter().next() else {
                return Ok(None);
            };
            obstacle = element.press().await.unwrap_or_else(|error| Some(error.to_string()));
            Ok(obstacle.is_none().then_some(()))
        });
        let pressed = pressed.await;
        match pressed {
            Ok(()) => Ok(()),
            Err(cause) => {
                let obstacle = obstacle.unwrap_or_default();
                let text = self.text().await.unwrap_or_default();
                Err(cause.context(format!("{obstacle}; the page says: {text}")))
            }
        }
    }

    /// Waits until no such element is there.
    ///
    /// # Errors
    /// When one stays.
    pub async fn gone(&self, by: By) -> Result<()> {
        wait::until(&format!("{by} to go"), async || Ok(self.all(&by).await?.is_empty().then_some(()))).await
    }

    /// What a person can read.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn text(&self) -> Result<String> {
        self.evaluate("document.body ? document.body.innerText : ''").await
    }

    /// Waits until a person can read something.
    ///
    /// # Errors
    /// When it does not come; the text of the page is in the error.
    pub async fn says(&self, what: &str) -> Result<()> {
        let found = wait::until(&format!("“{what}”"), async || {
            Ok(self.text().await.unwrap_or_default().contains(what).then_some(()))
        })
        .await;
        match found {
            Ok(()) => Ok(()),
            Err(cause) => {
                Err(cause.context(format!("the page says: {}", self.text().await.unwrap_or_default())))
            }
        }
    }

    /// The path and what follows it.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn address(&self) -> Result<String> {
        self.evaluate("location.pathname + location.search + location.hash").await
    }

    /// Presses a key, by its name in `KeyboardEvent.key`: `Enter`, `Tab`,
    /// `Escape`, `Backspace`, or a character.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn press(&self, key: &str) -> Result<()> {
        let (code, text) = match key {
            "Enter" => (13, Some("\r")),
            "Tab" => (9, None),
            "Backspace" => (8, None),
            "Escape" => (27, None),
            "PageUp" => (33, None),
            "PageDown" => (34, None),
            "ArrowLeft" => (37, None),
            "ArrowUp" => (38, None),
            "ArrowRight" => (39, None),
            "ArrowDown" => (40, None),
            " " => (32, Some(" ")),
            other => {
                ensure!(other.chars().count() == 1, "the key {other} is not known here");
                (0, Some(other))
            }
        };
        let mut down = json!({
            "type": if text.is_some() { "keyDown" } else { "rawKeyDown" },
            "key": key, "code": key, "windowsVirtualKeyCode": code,
        });
        if let Some(text) = text {
            down["text"] = json!(text);
        }
        self.session.call("Input.dispatchKeyEvent", down).await?;
        let up = json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code });
        self.session.call("Input.dispatchKeyEvent", up).await.map(drop)
    }

    /// What went wrong in the page since it was opened: uncaught errors, and
    /// lines that the console shows as errors.
    pub fn errors(&self) -> Vec<String> {
        self.session.past_events().iter().filter_map(error_in).collect()
    }

    async fn loaded(&self, events: &mut Receiver<Event>) -> Result<()> {
        let wait = async {
            loop {
                match events.recv().await {
                    Ok(event) if self.session.is_mine(&event) && event.method == "Page.loadEventFired" => {
                        return Ok(());
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => bail!("the browser went away"),
                }
            }
        };
        tokio::time::timeout(wait::DEADLINE, wait).await.context("the page is not loaded")?
    }

    /// Any other command of the protocol.
    ///
    /// # Errors
    /// When the browser refuses it.
    pub async fn command(&self, method: &str, parameters: Value) -> Result<Value> {
        self.session.call(method, parameters).await
    }
}

fn error_in(event: &Event) -> Option<String> {
    let parameters = &event.parameters;
    match event.method.as_str() {
        "Runtime.exceptionThrown" => Some(thrown(&parameters["exceptionDetails"])),
        "Runtime.consoleAPICalled" if parameters["type"] == "error" => {
            let words = parameters["args"].as_array()?.iter();
            Some(
                words
                    .map(|word| word["value"].as_str().or(word["description"].as_str()).unwrap_or("?"))
                    .collect(),
            )
        }
        "Log.entryAdded" if parameters["entry"]["level"] == "error" => {
            let entry = &parameters["entry"];
            Some(format!("{} {}", entry["text"].as_str()?, entry["url"].as_str().unwrap_or_default()))
        }
        _ => None,
    }
}

/// What an answer of `Runtime.evaluate` or `Runtime.callFunctionOn` carries.
fn value<T: DeserializeOwned>(mut answer: Value) -> Result<T> {
    if answer["exceptionDetails"].is_object() {
        bail!("{}", thrown(&answer["exceptionDetails"]));
    }
    Ok(serde_json::from_value(answer["result"]["value"].take())?)
}

fn thrown(details: &Value) -> String {
    let exception = &details["exception"];
    exception["description"]
        .as_str()
        .map(str::to_owned)
        .or_else(|| exception["value"].as_str().map(str::to_owned))
        .unwrap_or_else(|| details["text"].as_str().unwrap_or("something was thrown").to_owned())
}
