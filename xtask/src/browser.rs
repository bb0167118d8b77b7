//! A page in a headless Chromium that does one thing and says what came out.
//!
//! A small server on the loopback address hands the page its files and takes
//! its answer: nothing else is needed to drive a page that drives itself. The
//! page is isolated from all others, so that its clock has fine steps.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::{packages, workspace};

/// Names the program; Debian's is taken where nothing is named.
const PROGRAM_VARIABLE: &str = "DOORSTEP_TEST_CHROMIUM";
const ANSWER: &str = "/answer";
/// Says what `answer()` of the script comes to, or why it does not.
const INDEX: &str = "<!doctype html><meta charset=utf-8><script type=module>
const say = (text) => fetch('/answer', { method: 'POST', body: text });
addEventListener('error', (event) => say(String(event.error?.stack ?? event.message)));
addEventListener('unhandledrejection', (event) => say(String(event.reason?.stack ?? event.reason)));
try {
  const { answer } = await import('/script.js');
  await say('ok ' + await answer());
} catch (cause) {
  await say(String(cause?.stack ?? cause));
}
</script>";
/// Nothing may talk to anybody else or ask the person.
const ARGUMENTS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
];

/// How a script starts a program.
const START: &str = "import load from './program.js';
const start = () => load({ module_or_path: '/program_bg.wasm' });
";

/// The browser that is there.
pub(crate) fn chromium() -> Option<PathBuf> {
    env::var_os(PROGRAM_VARIABLE)
        .map(PathBuf::from)
        .or_else(|| packages::program("chromium"))
        .or_else(|| packages::program("google-chrome"))
}

/// What a page is made of: files by name, and the script that starts.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// A module whose function `answer` comes to a text, waited for.
    pub(crate) script: String,
}

impl Page {
    /// A page with a program in it: `start()` in the script runs it once.
    ///
    /// # Errors
    /// When wasm-bindgen does not take the program.
    pub(crate) fn with_program(wasm: &[u8]) -> Result<Page> {
        let mut bindgen = Bindgen::new();
        bindgen.input_bytes("program", wasm.to_vec()).out_name("program").web(true)?.typescript(false);
        let mut output = bindgen.generate_output().context("wasm-bindgen does not take the program")?;
        let javascript = output.js().as_bytes().to_vec();
        let mut page = Page { script: START.to_owned(), ..Page::default() };
        page.files.insert("/program.js".to_owned(), javascript);
        page.files.insert("/program_bg.wasm".to_owned(), output.wasm_mut().emit_wasm());
        Ok(page)
    }
}

/// Opens the page and waits for what it says.
///
/// # Errors
/// When there is no browser, the page fails, or it says nothing in time.
pub(crate) fn answer(page: &Page, within: Duration) -> Result<String> {
    let program = chromium().with_context(|| {
        format!("there is no chromium in the path; install it (apt-get install chromium), or name it in {PROGRAM_VARIABLE}")
    })?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?;
    listener.set_nonblocking(true).context("a port that cannot be watched")?;
    let address = format!("http://{}/", listener.local_addr().context("a port without a number")?);
    let profile = workspace::target_folder()?.join("doorstep-browser").join(std::process::id().to_string());
    fs::create_dir_all(&profile).with_context(|| format!("{} cannot be created", profile.display()))?;
    let mut browser = Running(
        Command::new(&program)
            .args(ARGUMENTS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(&address)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?,
    );
    let outcome = serve(page, &listener, &mut browser, within);
    drop(browser);
    // What stays behind is only in the way.
    drop(fs::remove_dir_all(&profile));
    outcome
}

/// Ends the browser when it is no longer needed.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn serve(page: &Page, listener: &TcpListener, browser: &mut Running, within: Duration) -> Result<String> {
    let start = Instant::now();
    while start.elapsed() < within {
        match listener.accept() {
            Ok((stream, _)) => {
                if let Some(answer) = one(page, &stream).unwrap_or_default() {
                    return match answer.strip_prefix("ok ") {
                        Some(answer) => Ok(answer.to_owned()),
                        None => bail!("the page fails: {answer}"),
                    };
                }
            }
            Err(_) => {
                ensure!(browser.0.try_wait()?.is_none(), "the browser ended at once");
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
    bail!("the page said nothing within {} seconds", within.as_secs())
}

/// Answers one request; what the page posts is its answer.
fn one(page: &Page, stream: &TcpStream) -> Result<Option<String>> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or("/").to_owned();
    if path == ANSWER {
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body)?;
        reply(stream, "200 OK", "text/plain", b"")?;
        return Ok(Some(String::from_utf8_lossy(&body).into_owned()));
    }
    match (path.as_str(), page.files.get(&path)) {
        ("/", _) => reply(stream, "200 OK", "text/html; charset=utf-8", INDEX.as_bytes())?,
        ("/script.js", _) => reply(stream, "200 OK", "text/javascript", page.script.as_bytes())?,
        (_, Some(bytes)) => reply(stream, "200 OK", kind(&path), bytes)?,
        (_, None) => reply(stream, "404 Not Found", "text/plain", b"")?,
    }
    Ok(None)
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js" | "mjs") => "text/javascript",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

fn reply(mut stream: &TcpStream, status: &str, kind: &str, body: &[u8]) -> Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    Ok(stream.flush()?)
}
