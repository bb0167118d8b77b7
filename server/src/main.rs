//! The command line: subcommands, and the settings that each takes. Every
//! setting is a flag, an environment variable and a line of a TOML file.

#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web;
use clap::Parser;
use doorstep::app::{self, Components, Server, StartError};
use doorstep::clock::Clock;
use doorstep::config::Config;
use doorstep::demo;
use doorstep::terminal::say;
use doorstep::tls;
use tracing_subscriber::EnvFilter;

mod admin;
mod form_tools;
mod inside;
mod options;

use options::{Cli, Command, ServeOptions};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match actix_web::rt::System::new().block_on(run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("doorstep: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(options) => serve(options).await,
        Command::Demo(options) => {
            log_to_terminal(&options.log, false)?;
            let server = demo::start(&options.into_demo()).await?;
            run_until_stopped(server).await
        }
        Command::Migrate(options) => {
            let config = options.config()?;
            log_to_terminal(&config.log, config.log_json)?;
            open(&config).await?.database.close().await;
            say("The database is up to date.");
            Ok(())
        }
        Command::User(command) => admin::user(command).await,
        Command::Device(command) => admin::device(command).await,
        Command::Evidence(command) => admin::evidence(command).await,
        Command::Pack(command) => admin::pack(command).await,
        Command::Form(command) => admin::form(command).await,
    }
}

async fn serve(options: ServeOptions) -> anyhow::Result<()> {
    let config = options.config()?;
    log_to_terminal(&config.log, config.log_json)?;
    let tls = match (&config.tls_cert, &config.tls_key) {
        (Some(certificate), Some(key)) => Some(tls::from_files(certificate, key)?),
        _ => None,
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    // First: on a busy port nothing else is touched.
    let listener = app::listen(config.address())?;
    let components = open(&config).await?;
    let server = app::build(components, listener, tls)?;
    say(format_args!("Doorstep: {scheme}://{}", server.address));
    run_until_stopped(server).await
}

/// Everything that a command works with.
async fn open(config: &Config) -> Result<Components, StartError> {
    let mut components = Components::open(config, Clock::system()).await?;
    components.pwa = inside::app(config.pwa_dir.clone());
    Ok(components)
}

/// Serves until the process is told to stop, finishes what it is doing, and
/// closes the database.
async fn run_until_stopped(server: Server) -> anyhow::Result<()> {
    let database = server.components.database.clone();
    let watcher = actix_web::rt::spawn(stop_on_signal(server.handle(), server.components.clone()));
    server.run().await?;
    watcher.abort();
    // Closing waits for connections in use; what still runs has had its time.
    let _ = tokio::time::timeout(Duration::from_secs(5), database.close()).await;
    Ok(())
}

/// The first signal lets requests finish; the second does not.
async fn stop_on_signal(handle: ServerHandle, components: web::Data<Components>) {
    if let Err(failure) = signal().await {
        tracing::warn!(%failure, "signals cannot be heard; stop the process the hard way");
        return;
    }
    tracing::info!("stopping: finishing what is under way");
    components.stop();
    let graceful = handle.stop(true);
    let impatient = async {
        // Without a second signal this waits for ever, and the first wins.
        match signal().await {
            Ok(()) => {}
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = graceful => {}
        () = impatient => handle.stop(false).await,
    }
}

#[cfg(unix)]
async fn signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Logs to standard error: standard output is for what a command answers.
fn log_to_terminal(filter: &str, json: bool) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|cause| {
        anyhow::anyhow!("the log filter {filter:?} cannot be used ({cause}); write for example --log info")
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = if json { log.json().flatten_event(true).try_init() } else { log.try_init() };
    started.map_err(|cause| anyhow::anyhow!("the log could not be started: {cause}"))
}
