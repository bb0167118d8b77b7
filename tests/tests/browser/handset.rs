//! A person with a phone or at a desk: a browser with a profile of its own,
//! and hands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use doorstep_tests::cdp::{Browser, By, Element, Launch, Page};
use doorstep_tests::county::PASSWORD;
use doorstep_tests::pictures;
use doorstep_tests::wait;
use serde_json::json;
use tempfile::TempDir;

/// Everybody's PIN.
pub(super) const PIN: &str = "271828";

/// Backing off after failures may take a while.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

/// Where the phone is: in the county's fictional township.
const PLACE: (f64, f64, f64) = (34.123_45, 108.987_65, 8.0);

/// The size of a screen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Screen {
    /// 360 × 740.
    Phone,
    /// 1280 × 800.
    Desk,
}

/// Somebody's browser.
pub(super) struct Handset {
    profile: TempDir,
    base_url: String,
    screen: Screen,
    browser: Browser,
    pub(super) page: Page,
}

impl Handset {
    /// A new browser, on the app's first page.
    pub(super) async fn unpack(base_url: &str, screen: Screen) -> Result<Self> {
        let profile = tempfile::Builder::new().prefix("doorstep-profile-").tempdir()?;
        let (browser, page) = start(profile.path(), base_url, screen).await?;
        Ok(Self { profile, base_url: base_url.to_owned(), screen, browser, page })
    }

    /// The battery is out, and in again: the browser starts anew with what is
    /// on the disk.
    pub(super) async fn lose_power(self) -> Result<Self> {
        self.browser.kill().await?;
        let (browser, page) = start(self.profile.path(), &self.base_url, self.screen).await?;
        Ok(Self { browser, page, ..self })
    }

    /// The tab is gone at once, with everything that is not on the disk;
    /// another is opened on a page of the app.
    pub(super) async fn lose_tab(mut self, path: &str) -> Result<Self> {
        let fresh = blank_tab(&self.browser, self.screen).await?;
        std::mem::replace(&mut self.page, fresh).close().await?;
        self.page.go(&format!("{}{path}", self.base_url)).await?;
        Ok(self)
    }

    /// Goes on in a second tab, on a page of the app, and leaves the first.
    pub(super) async fn second_tab(&mut self, path: &str) -> Result<Page> {
        let second = blank_tab(&self.browser, self.screen).await?;
        second.go(&format!("{}{path}", self.base_url)).await?;
        Ok(std::mem::replace(&mut self.page, second))
    }

    /// Ends the browser, and leaves the folder with its profile.
    pub(super) async fn put_away(self) -> Result<TempDir> {
        self.browser.close().await?;
        Ok(self.profile)
    }

    /// A file for a file input.
    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.profile.path().with_extension(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    }

    pub(super) async fn press_button(&self, name: &str) -> Result<()> {
        self.page.click(By::role("button", name)).await
    }

    /// A button of one question, by words on it.
    pub(super) async fn press_in(&self, path: &str, words: &str) -> Result<()> {
        let button = format!(
            "Array.from(document.querySelectorAll(\"[data-path='{path}'] button\")).find(button => button.innerText.includes({}))",
            json!(words)
        );
        self.page.until(&button).await?;
        self.page.evaluate::<Option<()>>(&format!("{button}.click()")).await.map(drop)
    }

    /// Follows a link of the navigation.
    pub(super) async fn go_to(&self, name: &str) -> Result<()> {
        let link = format!("nav a[href='{name}']");
        self.page.click(By::css(link)).await
    }

    /// Types login name and password.
    pub(super) async fn type_login(&self, login_name: &str, password: &str) -> Result<()> {
        self.page.the(By::label("账号")).await?.replace_text(login_name).await?;
        self.page
            .the(By::css("input[autocomplete='current-password']"))
            .await?
            .replace_text(password)
            .await?;
        self.press_button("登录").await
    }

    /// Logs in, chooses the PIN, and is in.
    pub(super) async fn log_in(&self, login_name: &str) -> Result<()> {
        self.type_login(login_name, PASSWORD).await?;
        self.page.says("请设置 6 位 PIN 码").await?;
        self.type_pin().await?;
        self.page.says("请再输入一次").await?;
        self.type_pin().await?;
        self.page.the(By::css("nav.nav")).await?;
        Ok(())
    }

    /// Opens the app with the PIN.
    pub(super) async fn unlock(&self) -> Result<()> {
        self.page.says("请输入 6 位 PIN 码").await?;
        self.type_pin().await?;
        self.page.the(By::css("nav.nav")).await?;
        Ok(())
    }

    pub(super) async fn type_pin(&self) -> Result<()> {
        self.type_digits(PIN).await
    }

    pub(super) async fn type_digits(&self, pin: &str) -> Result<()> {
        for digit in pin.chars() {
            self.page.press(&digit.to_string()).await?;
        }
        Ok(())
    }

    /// Goes on in English.
    pub(super) async fn speak_english(&self) -> Result<()> {
        self.go_to("/me").await?;
        self.press_button("English").await?;
        self.page.says("Outbox").await
    }

    /// Waits until everything is on the phone and the app would open without
    /// a network.
    pub(super) async fn ready_for_the_field(&self, row: impl std::fmt::Display) -> Result<()> {
        self.page.the(by_id(row)).await?;
        self.page.gone(By::css(".strip")).await?;
        self.page.until("navigator.serviceWorker.ready.then(found => found.active !== null)").await
    }

    /// The question's wrapper.
    fn of(path: &str, inside: &str) -> By {
        let each: Vec<String> =
            inside.split(", ").map(|selector| format!("[data-path='{path}'] {selector}")).collect();
        By::css(each.join(", "))
    }

    /// Waits until the answer is on the phone's disk.
    pub(super) async fn saved(&self, path: &str) -> Result<()> {
        self.page.the(By::css(format!("[data-path='{path}'][data-saved='true']"))).await?;
        Ok(())
    }

    /// Chooses one of the offered answers.
    pub(super) async fn choose(&self, path: &str, value: &str) -> Result<()> {
        let choice = Self::of(path, &format!("input[value='{value}']"));
        self.page.click(choice).await?;
        self.chosen(path, value).await?;
        self.saved(path).await
    }

    /// Waits until an answer is the chosen one.
    pub(super) async fn chosen(&self, path: &str, value: &str) -> Result<()> {
        let input = format!("[data-path=\"{path}\"] input[value=\"{value}\"]");
        self.page.the(By::css(&input)).await?;
        self.page.until(&format!("document.querySelector({}).checked", json!(input))).await
    }

    /// Confirms.
    pub(super) async fn confirm(&self, path: &str) -> Result<()> {
        self.page.click(Self::of(path, "input[type='checkbox']")).await?;
        self.saved(path).await
    }

    /// Writes a text in place of what is there.
    pub(super) async fn write(&self, path: &str, text: &str) -> Result<()> {
        self.try_write(path, text).await?;
        self.saved(path).await
    }

    /// The same, without waiting until it is saved.
    pub(super) async fn try_write(&self, path: &str, text: &str) -> Result<()> {
        self.page.the(Self::of(path, "input, textarea")).await?.replace_text(text).await?;
        self.page.press("Tab").await
    }

    /// What stands in a text question.
    pub(super) async fn written(&self, path: &str) -> Result<String> {
        self.page.the(Self::of(path, "input, textarea")).await?.field_value().await
    }

    /// Measures the place.
    pub(super) async fn locate(&self, path: &str) -> Result<()> {
        self.page.click(Self::of(path, "button:not(.question__clear)")).await?;
        self.saved(path).await
    }

    /// Takes a photo.
    pub(super) async fn photograph(&self, path: &str, photo: &Path) -> Result<()> {
        self.choose_photo(path, photo).await?;
        self.page.the(Self::of(path, "img[src^='blob:']")).await?;
        self.saved(path).await
    }

    /// Gives the camera a photo, and waits for nothing.
    pub(super) async fn choose_photo(&self, path: &str, photo: &Path) -> Result<()> {
        self.page.the(Self::of(path, "input[type='file']")).await?.set_files(&[photo]).await
    }

    /// Signs with a finger.
    pub(super) async fn sign(&self, path: &str) -> Result<()> {
        self.page.click(Self::of(path, "button:not(.question__clear)")).await?;
        self.draw_on("dialog[open] canvas.signature").await?;
        self.press_button("签好了").await?;
        self.page.the(Self::of(path, "img[src^='blob:']")).await?;
        self.saved(path).await
    }

    /// Draws a line with turns on what a selector finds.
    pub(super) async fn draw_on(&self, pad: &str) -> Result<()> {
        let pad = self.page.the(By::css(pad)).await?;
        let [left, top, width, height] = place_of(&pad).await?;
        ensure!(width > 100.0 && height > 50.0, "a pad of {width} × {height} is too small to draw on");
        let stroke = [(0.2, 0.7), (0.3, 0.3), (0.45, 0.7), (0.6, 0.3), (0.8, 0.6)];
        let mut kind = "mousePressed";
        for (x, y) in stroke {
            self.mouse(kind, left + width * x, top + height * y).await?;
            kind = "mouseMoved";
        }
        self.mouse("mouseReleased", left + width * 0.8, top + height * 0.6).await
    }

    /// Drags from the middle of one element to the middle of another, and so
    /// many pixels to the right of it: by a finger on a phone, by the mouse at
    /// a desk.
    pub(super) async fn drag(&self, from: &str, to: &str, aside: f64) -> Result<()> {
        let (from, to) = (self.page.the(By::css(from)).await?, self.page.the(By::css(to)).await?);
        let [left, top, width, height] = place_of(&from).await?;
        let (x, y) = (left + width / 2.0, top + height / 2.0);
        // Where it is now, without scrolling once more.
        let [left, top, width, height]: [f64; 4] = to.call(PLACE_OF, &[json!(false)]).await?;
        let (to_x, to_y) = (left + width / 2.0 + aside, top + height / 2.0);
        let kinds = match self.screen {
            Screen::Phone => ["touchStart", "touchMove", "touchEnd"],
            Screen::Desk => ["mousePressed", "mouseMoved", "mouseReleased"],
        };
        self.point(kinds[0], x, y).await?;
        for step in 1..=12 {
            let share = f64::from(step) / 12.0;
            self.point(kinds[1], x + (to_x - x) * share, y + (to_y - y) * share).await?;
        }
        self.point(kinds[2], to_x, to_y).await
    }

    async fn point(&self, kind: &str, x: f64, y: f64) -> Result<()> {
        if kind.starts_with("mouse") {
            return self.mouse(kind, x, y).await;
        }
        let points = if kind == "touchEnd" { json!([]) } else { json!([{ "x": x, "y": y }]) };
        let event = json!({ "type": kind, "touchPoints": points });
        self.page.command("Input.dispatchTouchEvent", event).await.map(drop)
    }

    async fn mouse(&self, kind: &str, x: f64, y: f64) -> Result<()> {
        let buttons = u8::from(kind != "mouseReleased");
        let event =
            json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1 });
        self.page.command("Input.dispatchMouseEvent", event).await.map(drop)
    }

    /// Goes on to the page that has this question.
    pub(super) async fn next_to(&self, path: &str) -> Result<()> {
        self.press_button("下一步").await?;
        self.page.the(By::css(format!("[data-path='{path}']"))).await?;
        Ok(())
    }

    /// Waits, with patience, until something can be read.
    pub(super) async fn will_say(&self, what: &str) -> Result<()> {
        wait::until_within(PATIENCE, &format!("“{what}”"), async || {
            Ok(self.page.text().await?.contains(what).then_some(()))
        })
        .await
        .with_context(|| what.to_owned())
    }

    /// Nothing went wrong in the page that nobody expected: what fails for
    /// want of a network says so in the console, and is expected.
    pub(super) fn assert_no_errors(&self) {
        let unexpected: Vec<String> = self
            .page
            .errors()
            .into_iter()
            .filter(|line| !line.contains("net::ERR_") && !line.contains("Failed to load resource"))
            .collect();
        assert_eq!(unexpected, Vec::<String>::new());
    }
}

/// Left, top, width and height in the window; scrolled to first, if wanted.
const PLACE_OF: &str = "function (scroll) { \
    if (scroll) this.scrollIntoView({ block: 'center', behavior: 'instant' }); \
    const box = this.getBoundingClientRect(); \
    return [box.left, box.top, box.width, box.height]; }";

async fn place_of(element: &Element) -> Result<[f64; 4]> {
    element.call(PLACE_OF, &[json!(true)]).await
}

/// What has this identity in a list.
pub(super) fn by_id(id: impl std::fmt::Display) -> By {
    By::css(format!("[data-id='{id}']"))
}

async fn start(profile: &Path, base_url: &str, screen: Screen) -> Result<(Browser, Page)> {
    let browser = Browser::start(Launch::from_environment()?, profile).await?;
    browser.grant(base_url, "geolocation").await?;
    let page = blank_tab(&browser, screen).await?;
    page.go(base_url).await?;
    Ok((browser, page))
}

/// A tab of the person's, without a page.
async fn blank_tab(browser: &Browser, screen: Screen) -> Result<Page> {
    let page = browser.open("about:blank").await?;
    let (width, height, phone) = match screen {
        Screen::Phone => (360, 740, true),
        Screen::Desk => (1280, 800, false),
    };
    page.viewport(width, height, phone).await?;
    // A person who reads Chinese: the app asks the browser.
    let agent: String = page.evaluate("navigator.userAgent").await?;
    let reader = json!({ "userAgent": agent, "acceptLanguage": "zh-CN,zh" });
    page.command("Emulation.setUserAgentOverride", reader).await?;
    let (latitude, longitude, accuracy_m) = PLACE;
    page.place(latitude, longitude, accuracy_m).await?;
    Ok(page)
}

/// A photo as a phone's camera makes it.
pub(super) fn camera_photo(seed: u32) -> Result<Vec<u8>> {
    pictures::photo(seed, 2400, 1800)
}
