//! Flags. Their words are `doorstep … --help`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use doorstep::config::{Config, ConfigError};
use doorstep::demo;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{DeviceId, SubmissionId};
use doorstep_core::role::Role;
use serde::Serialize;

use crate::inside;

/// Field surveys and home visits for a county civil-affairs bureau (走访).
#[derive(Debug, Parser)]
#[command(name = "doorstep", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve phones and desks.
    Serve(ServeOptions),
    /// Serve a small fictional county to play with.
    Demo(DemoOptions),
    /// Bring the database up to this version, and stop.
    Migrate(StorageOptions),
    /// People with an account.
    #[command(subcommand)]
    User(UserCommand),
    /// Phones: what each is asked from afar, and what it said it did.
    #[command(subcommand)]
    Device(DeviceCommand),
    /// What shows that a submission is what a phone captured, whole and in its place.
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// The ledger workbook: kinds of cases, properties, schedules.
    #[command(subcommand)]
    Pack(PackCommand),
    /// Forms, as XLSForm workbooks.
    #[command(subcommand)]
    Form(FormCommand),
}

/// Where things are kept. Every command takes these.
#[derive(Args, Clone, Debug, Serialize)]
pub(crate) struct StorageOptions {
    /// A TOML file with settings, named as the flags with `_` for `-`. Flags win over the
    /// environment, the environment over the file.
    #[arg(long, env = "DOORSTEP_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// The data folder: embedded database and media [default: doorstep-data]
    #[arg(long, env = "DOORSTEP_DATA", value_name = "FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    /// postgres://user:password@host/name, or sqlite://file [default: doorstep.db in the data folder]
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) database_url: Option<String>,
    /// A folder, file:///folder, or s3://bucket/folder for photos and signatures; for S3 the AWS_…
    /// variables have keys, region and endpoint [default: media in the data folder]
    #[arg(long, env = "MEDIA_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) media_url: Option<String>,
    /// What is logged, e.g. info or doorstep=debug,warn [default: info,actix_server=warn]
    #[arg(long, env = "DOORSTEP_LOG", value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,
    /// Log as JSON, one object a line [default: false]
    #[arg(
        long,
        env = "DOORSTEP_LOG_JSON",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true",
        require_equals = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_json: Option<bool>,
}

impl StorageOptions {
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        Config::read(self.config.as_deref(), self)
    }
}

/// Settings of the server.
#[derive(Args, Clone, Debug, Serialize)]
pub(crate) struct ServeOptions {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) storage: StorageOptions,
    /// The address to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "DOORSTEP_LISTEN", value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<SocketAddr>,
    /// Another port than the one in --listen
    #[arg(long, env = "DOORSTEP_PORT", value_name = "PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    /// A certificate chain (PEM), for HTTPS; with --tls-key
    #[arg(long, env = "DOORSTEP_TLS_CERT", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, env = "DOORSTEP_TLS_KEY", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Trust Forwarded and X-Forwarded-For: only behind a reverse proxy that sets them [default: false]
    #[arg(
        long,
        env = "DOORSTEP_BEHIND_PROXY",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true",
        require_equals = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) behind_proxy: Option<bool>,
    /// Threads that answer requests [default: one per core]
    #[arg(long, env = "DOORSTEP_WORKERS", value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workers: Option<usize>,
    /// Megabytes that one person may upload in a day [default: 4096]
    #[arg(long, env = "DOORSTEP_UPLOAD_MEGABYTES_PER_DAY", value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upload_megabytes_per_day: Option<u64>,
    /// A folder with the app, instead of the one inside the binary
    #[arg(long, env = "DOORSTEP_PWA_DIR", value_name = "FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pwa_dir: Option<PathBuf>,
}

impl ServeOptions {
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        Config::read(self.storage.config.as_deref(), self)
    }
}

/// Settings of the demonstration. It has a database of its own, always.
#[derive(Args, Debug)]
pub(crate) struct DemoOptions {
    /// The port to listen on
    #[arg(long, env = "DOORSTEP_PORT", default_value_t = 8080)]
    port: u16,
    /// The data folder; a second start keeps what is there
    #[arg(long, env = "DOORSTEP_DATA", value_name = "FOLDER", default_value = "data/demo")]
    data: PathBuf,
    /// Serve the local network over HTTPS, with a self-signed certificate, and show a QR code
    #[arg(long)]
    lan: bool,
    /// A folder with the app, instead of the one inside the binary
    #[arg(long, env = "DOORSTEP_PWA_DIR", value_name = "FOLDER")]
    pwa_dir: Option<PathBuf>,
    /// What is logged, e.g. info or doorstep=debug,warn
    #[arg(long, env = "DOORSTEP_LOG", value_name = "FILTER", default_value = "warn")]
    pub(crate) log: String,
}

impl DemoOptions {
    pub(crate) fn into_demo(self) -> demo::Options {
        demo::Options { port: self.port, data: self.data, lan: self.lan, pwa: inside::app(self.pwa_dir) }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a person, with a role in an area. The password is asked for, or read from standard input.
    Add {
        /// The name to log in with
        login_name: String,
        /// What colleagues call them
        #[arg(long, value_name = "NAME")]
        name: String,
        /// Their role
        #[arg(long, value_name = "ROLE", value_parser = clap::builder::PossibleValuesParser::new(
            Role::ALL.iter().map(|role| role.code())
        ))]
        role: String,
        /// The area's code: six digits for a county, nine for a township, twelve for a village,
        /// fifteen for a grid
        #[arg(long, value_name = "CODE")]
        area: String,
        /// Only for this programme, e.g. elder [default: all]
        #[arg(long, value_name = "PROGRAMME")]
        programme: Option<String>,
        #[command(flatten)]
        storage: StorageOptions,
    },
    /// Let a person try again after too many wrong passwords.
    Unlock {
        login_name: String,
        #[command(flatten)]
        storage: StorageOptions,
    },
    /// Take an account out of use. What its phones captured can still be sent.
    Disable {
        login_name: String,
        #[command(flatten)]
        storage: StorageOptions,
    },
    /// Put a disabled account back into use.
    Enable {
        login_name: String,
        #[command(flatten)]
        storage: StorageOptions,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// List a person's phones.
    List {
        login_name: String,
        #[command(flatten)]
        storage: StorageOptions,
    },
    /// Ask something of a phone; it hears of it when it next synchronises.
    Ask {
        /// The phone's identifier, as `device list` prints it
        #[arg(value_name = "DEVICE")]
        device: DeviceId,
        /// lock: open again only after an online login. drain-then-wipe: delete the person's data on the
        /// phone once everything is sent and no draft is left. wipe-now: delete it at once, also what was
        /// not sent. nothing: take back what was asked
        #[arg(value_name = "WHAT", value_parser = clap::builder::PossibleValuesParser::new(
            ["lock", "drain-then-wipe", "wipe-now", "nothing"]
        ))]
        what: String,
        #[command(flatten)]
        storage: StorageOptions,
    },
    /// Take in backup files that phones have written (Me, "save a backup"): the visits and photos in
    /// them, in the name of who captured them. Doing it twice enters nothing twice.
    Import {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        storage: StorageOptions,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Write a submission with its photos, signatures and the server's receipt into a file.
    Export {
        /// The submission's identifier
        #[arg(value_name = "SUBMISSION")]
        submission: SubmissionId,
        /// The file to write [default: evidence-SUBMISSION.zip]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        storage: StorageOptions,
    },
    /// Check such a file, without a database or a network. Ends with an error when something in it does
    /// not hold.
    Verify {
        file: PathBuf,
        /// What `doorstep evidence key` prints on the server that the file came from
        #[arg(long, value_name = "HASH")]
        server_key: Option<ContentHash>,
    },
    /// Print the hash of the key that signs this server's receipts.
    Key(StorageOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PackCommand {
    /// Check a ledger workbook and list every mistake, without a database.
    Check { file: PathBuf },
    /// Check a ledger workbook and put it into force.
    Publish {
        file: PathBuf,
        /// The county's six-digit code [default: the only county there is]
        #[arg(long, value_name = "CODE")]
        county: Option<String>,
        #[command(flatten)]
        storage: StorageOptions,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum FormCommand {
    /// Check form workbooks and publish those without mistakes.
    Publish {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The folder or zip archive with the lists that forms draw on and the pictures, sounds and
        /// films beside their words [default: NAME-media, NAME-media.zip or media beside the workbook]
        #[arg(long, value_name = "FOLDER|ZIP")]
        media: Option<PathBuf>,
        /// The county's six-digit code [default: the only county there is]
        #[arg(long, value_name = "CODE")]
        county: Option<String>,
        #[command(flatten)]
        storage: StorageOptions,
    },
    /// Say everything that is wrong with form files, without a database. Ends with an error when one
    /// cannot be used.
    Check {
        /// XLSForm workbooks (.xlsx), tables in Markdown (.md) or XForms (.xml)
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The folder or zip archive with the lists and files that forms name [default: NAME-media,
        /// NAME-media.zip or media beside the file]
        #[arg(long, value_name = "FOLDER|ZIP")]
        media: Option<PathBuf>,
        /// As JSON: a list with one object for each file
        #[arg(long)]
        json: bool,
    },
    /// Fill a form in the terminal. Answers are lines of standard input, questions go to standard
    /// error, and the instance to standard output, as JSON or as XML.
    Run(RunOptions),
}

/// How a form is filled in the terminal.
#[derive(Args, Debug)]
pub(crate) struct RunOptions {
    /// An XLSForm workbook (.xlsx), tables in Markdown (.md) or an XForm (.xml)
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The folder or zip archive with the lists that the form draws on [default: NAME-media,
    /// NAME-media.zip or media beside the file]
    #[arg(long, value_name = "FOLDER|ZIP")]
    pub(crate) media: Option<PathBuf>,
    /// The language to begin with, e.g. en [default: the form's first]
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) language: Option<String>,
    /// Who fills it, for questions of the type username
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) username: String,
    /// What everything random comes from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The moment that the form takes for now, e.g. 2026-11-23T09:30:00+08:00 [default: now]
    #[arg(long, value_name = "MOMENT")]
    pub(crate) now: Option<chrono::DateTime<chrono::FixedOffset>>,
    /// The file to write the instance to [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The instance as XML, as OpenRosa clients send it, instead of JSON
    #[arg(long)]
    pub(crate) xml: bool,
}
