//! The running server: its components, and the one way of building it, used
//! by the binary and by the tests.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpRequest, HttpServer, web};
use doorstep_core::problem::ProblemCode;
use doorstep_core::sync::Epoch;
use object_store::ObjectStore;
use thiserror::Error;
use tokio::sync::watch;

use crate::auth::limiter::{Limiter, PER_ADDRESS, PER_LOGIN_NAME};
use crate::auth::password::Passwords;
use crate::auth::sealing::SealingKeys;
use crate::auth::tokens::Tokens;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::db::{Database, DatabaseError};
use crate::error::Error as RequestError;
use crate::forms;
use crate::media;
use crate::media::place::PlaceError;
use crate::observe::observe;
use crate::pwa::Pwa;
use crate::routes;
use crate::sync;

/// Largest JSON body, unpacked, where a route does not say otherwise.
pub const JSON_BYTES_MAX: usize = 1024 * 1024;
/// Largest push, unpacked.
pub const PUSH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A slow phone may take so long to send its headers.
const CLIENT_REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
const RETRY_PARKED_EVERY: Duration = Duration::from_secs(600);
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// In-flight requests get so long after a signal.
const SHUTDOWN_TIMEOUT_S: u64 = 30;
/// A little longer than looking into a file may take.
const EXAMINING_ENDS_WITHIN: Duration = Duration::from_secs(40);

/// Everything that handlers work with. One for the whole process; handlers
/// take it as `web::Data<Components>`.
pub struct Components {
    /// Read with `database.read()`, write with `database.write(…)`.
    pub database: Database,
    /// The only way to know the time.
    pub clock: Clock,
    /// Signs and reads access tokens.
    pub tokens: Tokens,
    /// Opens the spare copies of phones' data keys.
    pub sealing: SealingKeys,
    /// Computes and verifies password hashes.
    pub passwords: Passwords,
    /// Compiled forms by version.
    pub forms: forms::Cache,
    /// Files that wait to be entered.
    pub entering: media::Entering,
    /// Turns at looking into files that have arrived.
    pub examining: media::Examining,
    /// What photos look like.
    pub similar: media::SimilarIndex,
    /// How far the search for files that nobody knows came.
    pub orphans: media::OrphanSearch,
    /// Room for whole files in memory.
    pub assembling: media::Assembling,
    /// Most that one person may upload in a day.
    pub upload_bytes_per_day: u64,
    stopping: watch::Sender<bool>,
    /// Files by content.
    pub media: Arc<dyn ObjectStore>,
    /// Which life of the database this is.
    pub epoch: Epoch,
    /// The app for phones.
    pub pwa: Pwa,
    pub(crate) logins_per_address: Limiter,
    pub(crate) logins_per_name: Limiter,
    behind_proxy: bool,
    workers: Option<usize>,
}

/// Why the server does not start: one sentence, with what to do.
#[derive(Debug, Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(
        "the folder {folder} cannot be used ({cause}); create it, or let this user read and write it, or name another with --data"
    )]
    Folder { folder: PathBuf, cause: io::Error },
    #[error("files cannot be kept: {0}")]
    Media(#[from] PlaceError),
    #[error(
        "the address {address} cannot be used ({cause}); stop what is using it, or choose another with --port or --listen"
    )]
    Address { address: SocketAddr, cause: io::Error },
    #[error("the server could not be prepared: {0}")]
    Preparation(#[from] RequestError),
    #[error("the server could not start: {0}")]
    Io(#[from] io::Error),
}

impl Components {
    /// Opens what the settings name: folders, database (brought up to date),
    /// keys.
    ///
    /// # Errors
    /// When something cannot be opened; nothing is half done then.
    pub async fn open(config: &Config, clock: Clock) -> Result<Self, StartError> {
        if config.uses_data_folder() {
            usable_folder(&config.data)?;
        }
        let media_place = config.media_place()?;
        if let Some(folder) = media_place.folder() {
            usable_folder(folder)?;
        }
        let media = media_place.open().await?;
        let database = Database::connect(&config.database_url()).await?;
        database.migrate().await?;
        let epoch = database.epoch(&clock).await?;
        let tokens = Tokens::load(&database, &clock).await?;
        let sealing = SealingKeys::load(&database, &clock).await?;
        Ok(Self {
            database,
            clock,
            tokens,
            sealing,
            passwords: Passwords::default(),
            forms: forms::Cache::default(),
            entering: media::Entering::default(),
            examining: media::Examining::default(),
            similar: media::SimilarIndex::default(),
            orphans: media::OrphanSearch::default(),
            assembling: media::Assembling::default(),
            upload_bytes_per_day: config.upload_megabytes_per_day.saturating_mul(1024 * 1024),
            stopping: watch::Sender::new(false),
            media,
            epoch,
            pwa: config.pwa_dir.clone().map_or(Pwa::Nowhere, Pwa::Folder),
            logins_per_address: Limiter::new(PER_ADDRESS),
            logins_per_name: Limiter::new(PER_LOGIN_NAME),
            behind_proxy: config.behind_proxy,
            workers: config.workers,
        })
    }

    /// Tells uploads under way to save what they have: the server stops.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Becomes true when the server stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// The address that attempts are counted for.
    pub(crate) fn client_address(&self, request: &HttpRequest) -> String {
        let connection = request.connection_info();
        let address =
            if self.behind_proxy { connection.realip_remote_addr() } else { connection.peer_addr() };
        address.unwrap_or_default().to_owned()
    }
}

/// Creates the folder where it is not there, and tries whether files can be
/// written: better now than at the first photo.
fn usable_folder(folder: &Path) -> Result<(), StartError> {
    let attempt = || -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::read_dir(folder)?;
        let trial = folder.join(format!(".doorstep-{}", std::process::id()));
        std::fs::write(&trial, b"")?;
        std::fs::remove_file(trial)
    };
    attempt().map_err(|cause| StartError::Folder { folder: folder.to_owned(), cause })
}

/// A server that has its port.
pub struct Server {
    /// Where it listens; the port is known even if it was asked for as 0.
    pub address: SocketAddr,
    /// What it works with: tests look at the database through it.
    pub components: web::Data<Components>,
    running: actix_web::dev::Server,
}

impl Server {
    /// Stops it from elsewhere.
    pub fn handle(&self) -> ServerHandle {
        self.running.handle()
    }

    /// Runs until the handle stops it.
    ///
    /// # Errors
    /// When the system takes the socket away.
    pub async fn run(self) -> io::Result<()> {
        retry_everything(&self.components).await;
        let retrying = actix_web::rt::spawn(retry_regularly(self.components.clone()));
        let sweeping = actix_web::rt::spawn(sweep_regularly(self.components.clone()));
        let components = self.components.clone();
        let examining_of = components.examining.clone();
        let examining = actix_web::rt::spawn(async move { media::jobs::work(&components).await });
        let ended = self.running.await;
        retrying.abort();
        sweeping.abort();
        examining_of.end();
        if tokio::time::timeout(EXAMINING_ENDS_WITHIN, examining).await.is_err() {
            tracing::warn!(
                "a file was still looked into when the server stopped: another begins anew with it"
            );
        }
        ended
    }
}

/// Whoever should have tried a parked operation again may have been ended
/// just before: so everything that waits is tried now and then.
async fn retry_regularly(components: web::Data<Components>) {
    loop {
        tokio::time::sleep(RETRY_PARKED_EVERY).await;
        retry_everything(&components).await;
    }
}

/// Uploads that nobody goes on with do not stay for ever.
async fn sweep_regularly(components: web::Data<Components>) {
    loop {
        if let Err(error) = media::sweep(&components).await {
            tracing::error!(%error, "old uploads could not be removed");
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

async fn retry_everything(components: &Components) {
    if let Err(error) = sync::retry_everything(components).await {
        tracing::error!(%error, "parked operations could not be tried again");
    }
}

/// Takes an address to listen on.
///
/// # Errors
/// When it is in use or not allowed.
pub fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|cause| StartError::Address { address, cause })
}

/// Builds the server on a socket, with TLS if asked for.
///
/// # Errors
/// When the socket cannot be used.
pub fn build(
    components: Components,
    listener: TcpListener,
    tls: Option<rustls::ServerConfig>,
) -> Result<Server, StartError> {
    let address = listener.local_addr()?;
    let workers = components.workers;
    let components = web::Data::new(components);
    let data = components.clone();
    let mut server = HttpServer::new(move || application(data.clone()))
        .client_request_timeout(CLIENT_REQUEST_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
        // The binary listens to signals; a test stops its server by the handle.
        .disable_signals();
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    let server = match tls {
        None => server.listen(listener)?,
        Some(tls) => server.listen_rustls_0_23(listener, tls)?,
    };
    Ok(Server { address, components, running: server.run() })
}

/// Every address, and what happens around each request: what a worker of the
/// server runs, and a simulation without sockets.
pub fn application(
    components: web::Data<Components>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + 'static>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(components)
        .app_data(json(JSON_BYTES_MAX))
        .app_data(
            web::PathConfig::default().error_handler(|_, _| RequestError::from(ProblemCode::NotFound).into()),
        )
        .app_data(web::QueryConfig::default().error_handler(|cause, _| unreadable(&cause).into()))
        .wrap(from_fn(observe))
        .wrap(Compress::default())
        .configure(routes::configure)
}

/// How JSON bodies are read: gzip is unpacked, and counted unpacked.
pub(crate) fn json(bytes_max: usize) -> web::JsonConfig {
    use actix_web::error::JsonPayloadError as Cause;
    web::JsonConfig::default().limit(bytes_max).error_handler(|cause, _| {
        let too_large = matches!(cause, Cause::Overflow { .. } | Cause::OverflowKnownLength { .. });
        if too_large { RequestError::from(ProblemCode::TooLarge).into() } else { unreadable(&cause).into() }
    })
}

/// A request that does not read as what it should be.
fn unreadable(cause: &impl std::fmt::Display) -> RequestError {
    RequestError::problem(ProblemCode::InvalidRequest).detail(cause.to_string(), cause.to_string())
}
