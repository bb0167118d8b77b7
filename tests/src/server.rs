//! The real server, built as the binary builds it, on a port of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::web;
use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use doorstep::app::{self, Components, StartError};
use doorstep::clock::Clock;
use doorstep::config::Config;
use doorstep_core::sync::Rules;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::bucket;
use crate::database::TestDatabase;

/// When tests happen: 09:30 in China on Monday 23 November 2026.
pub const NOW: &str = "2026-11-23T01:30:00Z";

const WORKERS: usize = 2;

/// What a server leaves behind when it stops: its database, its files, its
/// clock. Another can start from it.
#[derive(Debug)]
pub struct World {
    pub database: TestDatabase,
    folder: TempDir,
    /// Where its files are; nothing for its folder.
    pub media_url: Option<String>,
    pub clock: Clock,
    /// The app to serve, instead of the one inside the binary.
    pub pwa_dir: Option<PathBuf>,
    /// The rules of sync that it goes by: all, but for whom shows what is
    /// lost without one.
    pub rules: Rules,
    /// Another limit than usual of what a person uploads in a day.
    pub upload_megabytes_per_day: Option<u64>,
    /// What to listen on: a restarted server keeps its port.
    listen: SocketAddr,
}

impl World {
    /// An empty database, an empty folder, a clock that stands at [`NOW`].
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub async fn create() -> Result<Self> {
        let now: DateTime<Utc> = NOW.parse()?;
        Ok(Self {
            database: TestDatabase::create().await?,
            folder: tempfile::Builder::new().prefix("doorstep-test-").tempdir()?,
            media_url: bucket::of_a_test(),
            clock: Clock::standing(now),
            pwa_dir: None,
            rules: Rules::ALL,
            upload_megabytes_per_day: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        })
    }

    /// The server's data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The settings of its server.
    pub fn config(&self) -> Config {
        let usual = Config::default();
        Config {
            upload_megabytes_per_day: self.upload_megabytes_per_day.unwrap_or(usual.upload_megabytes_per_day),
            listen: self.listen,
            data: self.folder.path().to_owned(),
            database_url: Some(self.database.url().to_owned()),
            media_url: self.media_url.clone(),
            pwa_dir: self.pwa_dir.clone(),
            workers: Some(WORKERS),
            ..usual
        }
    }
}

/// A server that runs in a thread of its own until it is dropped.
pub struct TestServer {
    /// What it works with, to arrange things and to look at them.
    pub components: web::Data<Components>,
    pub address: SocketAddr,
    running: Option<Running>,
    world: Option<World>,
}

struct Running {
    handle: ServerHandle,
    thread: JoinHandle<()>,
}

struct Started {
    components: web::Data<Components>,
    address: SocketAddr,
    handle: ServerHandle,
}

impl TestServer {
    /// A new server in a new world.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start() -> Result<Self> {
        Self::start_in(World::create().await?).await
    }

    /// A server in a world that may have seen another.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_in(mut world: World) -> Result<Self> {
        let mut server = Self::run(world.config(), world.clock.clone(), world.rules).await?;
        world.listen = server.address;
        server.world = Some(world);
        Ok(server)
    }

    /// Another copy of the server, on a port of its own, with the same
    /// database, files and clock.
    ///
    /// # Errors
    /// When it does not start, or this one was stopped.
    pub async fn another(&self) -> Result<Self> {
        let world = self.world.as_ref().context("stopped before")?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::run(Config { listen, ..world.config() }, world.clock.clone(), world.rules).await
    }

    async fn run(config: Config, clock: Clock, rules: Rules) -> Result<Self> {
        let (sender, receiver) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(run(config, clock, rules, sender));
        });
        let started = receiver.await.context("the server's thread ended before it started")??;
        Ok(Self {
            components: started.components,
            address: started.address,
            running: Some(Running { handle: started.handle, thread }),
            world: None,
        })
    }

    /// Stops and starts again in the same world, on the same port.
    ///
    /// # Errors
    /// When it does not start again.
    pub async fn restart(mut self) -> Result<Self> {
        Self::start_in(self.stop()?).await
    }

    /// Stops, and leaves the world.
    ///
    /// # Errors
    /// When it was stopped before.
    pub fn stop(&mut self) -> Result<World> {
        self.halt();
        self.world.take().context("stopped before")
    }

    fn halt(&mut self) {
        if let Some(running) = self.running.take() {
            // The order is given at once; the thread ends when it is done.
            drop(running.handle.stop(false));
            let _ = running.thread.join();
        }
    }

    /// `http://127.0.0.1:…`
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The clock that the server goes by.
    pub fn clock(&self) -> &Clock {
        &self.components.clock
    }

    /// Moves the clock.
    pub fn advance(&self, by: TimeDelta) {
        self.components.clock.advance(by);
    }

    /// The keys of all files that it keeps, wherever they are.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn files(&self) -> Result<Vec<String>> {
        let objects: Vec<_> = self.components.media.list(None).try_collect().await?;
        Ok(objects.into_iter().map(|object| object.location.to_string()).collect())
    }

    /// Loses every file whose key begins so, as a disk may.
    ///
    /// # Errors
    /// When they cannot be listed or removed.
    pub async fn lose_files(&self, beginning: &str) -> Result<()> {
        for key in self.files().await?.iter().filter(|key| key.starts_with(beginning)) {
            self.components.media.delete(&key.as_str().into()).await?;
        }
        Ok(())
    }

    /// The folder where it keeps files; nothing where they are in a bucket,
    /// or it was stopped.
    pub fn media_folder(&self) -> Option<PathBuf> {
        let world = self.world.as_ref().filter(|world| world.media_url.is_none())?;
        Some(world.folder().join("media"))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.halt();
    }
}

async fn run(
    config: Config,
    clock: Clock,
    rules: Rules,
    sender: oneshot::Sender<Result<Started, StartError>>,
) {
    let built = async {
        let mut components = Components::open(&config, clock).await?;
        components.database = components.database.in_simulation(rules, None);
        app::build(components, app::listen(config.listen)?, None)
    };
    match built.await {
        Err(failure) => {
            let _ = sender.send(Err(failure));
        }
        Ok(server) => {
            let started = Started {
                components: server.components.clone(),
                address: server.address,
                handle: server.handle(),
            };
            // Nobody waits any more: then there is nothing to run for.
            if sender.send(Ok(started)).is_ok() {
                let _ = server.run().await;
            }
        }
    }
}
