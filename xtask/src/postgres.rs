//! A PostgreSQL of our own for the tests: in a temporary folder, on a free
//! loopback port, run by a user that is not root, gone at the end.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context, Result, bail, ensure};

use crate::console::step;
use crate::{packages, workspace};

/// PostgreSQL refuses to run as root; Debian's package brings this user.
const USER: &str = "postgres";
const STARTS_WITHIN: Duration = Duration::from_secs(60);
const STOPS_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);

/// Nothing here has to survive a power cut.
const SETTINGS: [&str; 5] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=300",
    "listen_addresses=127.0.0.1",
];

/// What is needed of it.
const PROGRAMS: [&str; 3] = ["initdb", "postgres", "pg_isready"];

/// A running cluster. Dropping it stops the server and removes the folder.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: PathBuf,
    port: u16,
    server: Child,
}

impl Cluster {
    /// Makes and starts one.
    ///
    /// # Errors
    /// When PostgreSQL is missing and cannot be installed, or does not start.
    pub(crate) fn start() -> Result<Self> {
        let programs = programs()?;
        step("starting a PostgreSQL for the tests");
        let folder = env::temp_dir().join(format!("doorstep-postgres-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        if packages::is_root() {
            workspace::run(Command::new("chown").arg(USER).arg(&folder))?;
        }
        let data = folder.join("data");
        let made = as_user(&programs.join("initdb"))
            .args([
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--username",
                USER,
                "--pgdata",
            ])
            .arg(&data)
            .current_dir(&folder)
            .stdout(Stdio::null())
            .status()
            .context("initdb cannot be started")?;
        ensure!(made.success(), "initdb failed ({made})");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .context("no free port")?
            .port();
        let mut server = as_user(&programs.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k"]).arg(&folder).current_dir(&folder);
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        let log = fs::File::create(folder.join("log")).context("the log of PostgreSQL cannot be made")?;
        let errors = log.try_clone().context("the log of PostgreSQL cannot be made")?;
        let server = server.stdout(log).stderr(errors).spawn().context("postgres cannot be started")?;
        let mut cluster = Self { folder, port, server };
        cluster.wait_until_ready(&programs)?;
        Ok(cluster)
    }

    /// Where it is, as `DATABASE_URL` says it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_ready(&mut self, programs: &Path) -> Result<()> {
        let until = Instant::now() + STARTS_WITHIN;
        loop {
            let ready = Command::new(programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .is_ok_and(|status| status.success());
            if ready {
                return Ok(());
            }
            let ended = self.server.try_wait().context("postgres cannot be watched")?;
            if ended.is_some() || Instant::now() > until {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                bail!("PostgreSQL did not start; it says:\n{log}");
            }
            thread::sleep(POLL);
        }
    }

    /// A fast shutdown; after some time, an immediate one.
    fn stop(&mut self) {
        let until = Instant::now() + STOPS_WITHIN;
        let asked = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        while asked.as_ref().is_ok_and(std::process::ExitStatus::success) && Instant::now() < until {
            if matches!(self.server.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(POLL);
        }
        // Whatever is left of it ends here.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
        if let Err(cause) = fs::remove_dir_all(&self.folder) {
            step(format_args!("{} could not be removed: {cause}", self.folder.display()));
        }
    }
}

/// A program run by somebody who is not root. `setpriv` becomes the program,
/// so that the child's number is its own.
fn as_user(program: &Path) -> Command {
    if !packages::is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups", "--"])
        .arg(program);
    command
}

/// The folder of the newest PostgreSQL's programs.
fn programs() -> Result<PathBuf> {
    if let Some(folder) = find_programs() {
        return Ok(folder);
    }
    packages::install(&["postgresql"], "PostgreSQL, for the tests")?;
    find_programs().context(
        "PostgreSQL was installed, but its programs are neither in the path nor in /usr/lib/postgresql",
    )
}

fn find_programs() -> Option<PathBuf> {
    let in_path = packages::program("initdb").and_then(|initdb| initdb.parent().map(Path::to_owned));
    if let Some(folder) = in_path.filter(|folder| is_whole(folder)) {
        return Some(folder);
    }
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| is_whole(folder))
        .collect();
    versions.sort();
    versions.pop().map(|(_, folder)| folder)
}

/// Some machines have one of the programs in a folder, without the others.
fn is_whole(folder: &Path) -> bool {
    PROGRAMS.iter().all(|name| folder.join(name).is_file())
}
