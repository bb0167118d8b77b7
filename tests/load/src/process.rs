//! A server as a process of its own: its memory is nobody else's.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use doorstep::app::{self, Components};
use doorstep::clock::Clock;
use doorstep::config::Config;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const STARTS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    child: Child,
    number: u32,
}

impl Process {
    /// This program again, as a server.
    pub(crate) async fn start(arguments: &[&str]) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .args(["--listen", &address.to_string()])
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .spawn()?;
        let number = child.id().context("the server's number")?;
        let began = tokio::time::Instant::now();
        while TcpStream::connect(address).await.is_err() {
            if began.elapsed() > STARTS_WITHIN {
                bail!("the server did not start");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(Self { address, child, number })
    }

    /// What it has in memory now.
    pub(crate) fn memory_kilobytes(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most that it had in memory.
    pub(crate) fn peak_kilobytes(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.number))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a line of its status")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    pub(crate) async fn end(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// What the program does when it is the server: what `doorstep serve` does.
pub(crate) async fn serve(config: &Config) -> Result<()> {
    let listener = app::listen(config.listen)?;
    let components = Components::open(config, Clock::system()).await?;
    Ok(app::build(components, listener, None)?.run().await?)
}
