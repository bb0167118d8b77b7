//! What is around a page: its window, where the phone is, and pictures of it.

use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Page;

impl Page {
    /// A screen of that many CSS pixels; a phone has touch and a mobile
    /// viewport.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn viewport(&self, width: u32, height: u32, phone: bool) -> Result<()> {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": if phone { 2 } else { 1 }, "mobile": phone });
        self.session.call("Emulation.setDeviceMetricsOverride", metrics).await?;
        self.session.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": phone })).await.map(drop)
    }

    /// Where the phone is, in degrees and metres. Needs
    /// [`grant`](Browser::grant) of `geolocation`.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn place(&self, latitude: f64, longitude: f64, accuracy_m: f64) -> Result<()> {
        let place = json!({ "latitude": latitude, "longitude": longitude, "accuracy": accuracy_m });
        self.session.call("Emulation.setGeolocationOverride", place).await.map(drop)
    }

    /// A picture of what is on the screen, or of the whole page, as PNG.
    ///
    /// # Errors
    /// When there is none, or the file cannot be written.
    pub async fn screenshot(&self, file: &Path, whole_page: bool) -> Result<()> {
        let what = json!({ "format": "png", "captureBeyondViewport": whole_page, "clip": self.clip(whole_page).await? });
        let what = if whole_page { what } else { json!({ "format": "png" }) };
        let answer = self.session.call("Page.captureScreenshot", what).await?;
        let bytes = STANDARD.decode(answer["data"].as_str().context("a screenshot without data")?)?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, bytes).with_context(|| format!("{} cannot be written", file.display()))
    }

    async fn clip(&self, whole_page: bool) -> Result<Value> {
        if !whole_page {
            return Ok(Value::Null);
        }
        self.evaluate(
            "(() => { const page = document.documentElement; \
             return { x: 0, y: 0, width: page.clientWidth, height: page.scrollHeight, scale: 1 }; })()",
        )
        .await
    }
}
