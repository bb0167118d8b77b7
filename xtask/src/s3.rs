//! A real S3 server for the tests: `s3s-fs`, as a program of its own, on a
//! loopback port, with its buckets in a temporary folder. It is built into the
//! cache folder once.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context, Result, bail};

use crate::console::step;
use crate::workspace;

const PROGRAM: &str = "s3s-fs";
const VERSION: &str = "0.14.1";
const BUCKET: &str = "doorstep-test";
const ACCESS_KEY: &str = "doorstep-test-key";
const SECRET_KEY: &str = "doorstep-test-secret";
const STARTS_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// A running server with an empty bucket. Dropping it stops the server and
/// removes the folder.
#[derive(Debug)]
pub(crate) struct Server {
    folder: PathBuf,
    address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts one; none where it is not built and cannot be, as without a
    /// network.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start() -> Result<Option<Self>> {
        let Some(program) = program()? else { return Ok(None) };
        step("starting an S3 server for the tests");
        let folder = env::temp_dir().join(format!("doorstep-s3-{}", std::process::id()));
        let bucket = folder.join(BUCKET);
        fs::create_dir_all(&bucket).with_context(|| format!("{} cannot be created", bucket.display()))?;
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .context("no free port")?;
        let child = Command::new(&program)
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let mut server = Self { folder, address, child };
        server.wait_until_ready()?;
        Ok(Some(server))
    }

    /// What tests and servers are told of it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TEST_MEDIA_URL", format!("s3://{BUCKET}?endpoint=http://{}", self.address)),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ]
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let until = Instant::now() + STARTS_WITHIN;
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().context("the S3 server cannot be watched")?;
            if ended.is_some() || Instant::now() > until {
                bail!("{PROGRAM} did not start; it has said why");
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing of it is needed any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Err(cause) = fs::remove_dir_all(&self.folder) {
            step(format_args!("{} could not be removed: {cause}", self.folder.display()));
        }
    }
}

/// The program in the cache folder, built there if it is not.
fn program() -> Result<Option<PathBuf>> {
    let folder = workspace::cache_folder()?.join(PROGRAM);
    let program = folder.join("bin").join(PROGRAM);
    if !program.is_file() {
        step(format_args!("building {PROGRAM} {VERSION}, an S3 server, into {}", folder.display()));
        let mut cargo = workspace::cargo();
        cargo.args(["install", PROGRAM, "--version", VERSION, "--features", "binary", "--locked", "--quiet"]);
        cargo.arg("--root").arg(&folder).arg("--target-dir").arg(folder.join("target"));
        // Nobody measures it, and what it is built of is used once.
        cargo.arg("--debug");
        if let Err(cause) = workspace::run(&mut cargo) {
            step(format_args!("{PROGRAM} cannot be built: {cause:#}"));
            return Ok(None);
        }
        // It has served its purpose, and is large.
        let _ = fs::remove_dir_all(folder.join("target"));
    }
    Ok(Some(program))
}
