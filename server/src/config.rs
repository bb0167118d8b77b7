//! Settings: defaults, then one TOML file, then the environment, then flags.
//! Unknown ones are refused, so that a typing mistake is not a silent
//! default.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::media::place::{MediaPlace, PlaceError, S3Settings};

/// Environment variables of ours begin so.
const ENVIRONMENT_PREFIX: &str = "DOORSTEP_";
/// Of these, the ones that are not the server's.
const NOT_SETTINGS: &[&str] =
    &["CONFIG", "SCREENSHOTS", "TEST_CHROMIUM", "TEST_CHROMIUM_ARGUMENTS", "WASM_TOOLCHAIN"];

/// How the server is set up.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Another port than the one in `listen`.
    pub port: Option<u16>,
    /// A certificate chain, PEM: HTTPS instead of HTTP.
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM.
    pub tls_key: Option<PathBuf>,
    /// The data folder: embedded database and media, unless the two addresses
    /// below say otherwise.
    pub data: PathBuf,
    /// `postgres://…` or `sqlite:…`. Left out: `doorstep.db` in the data folder.
    pub database_url: Option<String>,
    /// A folder, `file:///…`, or `s3://bucket/folder`. Left out: `media` in the
    /// data folder.
    pub media_url: Option<String>,
    /// Settings of S3, where the `AWS_…` variables do not say them.
    pub s3: S3Settings,
    /// A folder with the app, instead of the one inside the binary.
    pub pwa_dir: Option<PathBuf>,
    /// Whether a reverse proxy in front sets `Forwarded` or `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Threads that answer requests. Left out: one per core.
    pub workers: Option<usize>,
    /// Most that one person may upload in a day.
    pub upload_megabytes_per_day: u64,
    /// What is logged, as `tracing` filters: `info`, `doorstep=debug,warn`.
    pub log: String,
    /// Logs as JSON, one object a line.
    pub log_json: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            port: None,
            tls_cert: None,
            tls_key: None,
            data: PathBuf::from("doorstep-data"),
            database_url: None,
            media_url: None,
            s3: S3Settings::new(),
            pwa_dir: None,
            behind_proxy: false,
            workers: None,
            upload_megabytes_per_day: 4096,
            log: "info,actix_server=warn".to_owned(),
            log_json: false,
        }
    }
}

/// Settings that cannot be used. Each says what to do.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("a setting cannot be used: {0}; `doorstep serve --help` lists them")]
    Unusable(Box<figment::Error>),
    #[error("the settings file {0} is not there; leave out --config, or name one that is")]
    NoFile(PathBuf),
    #[error(transparent)]
    Media(#[from] PlaceError),
    #[error("TLS needs a certificate and its key; name both with --tls-cert and --tls-key, or neither")]
    HalfTls,
}

impl Config {
    /// Reads the settings; `flags` win.
    ///
    /// # Errors
    /// When a setting is unknown or unusable.
    pub fn read(file: Option<&Path>, flags: impl Serialize) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            if !file.is_file() {
                return Err(ConfigError::NoFile(file.to_owned()));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let config: Self = figment
            .merge(Env::raw().only(&["DATABASE_URL", "MEDIA_URL"]))
            .merge(Env::prefixed(ENVIRONMENT_PREFIX).ignore(NOT_SETTINGS))
            .merge(Serialized::globals(flags))
            .extract()
            .map_err(|cause| ConfigError::Unusable(Box::new(cause)))?;
        config.media_place()?;
        if config.tls_cert.is_some() != config.tls_key.is_some() {
            return Err(ConfigError::HalfTls);
        }
        Ok(config)
    }

    /// Where to listen.
    pub fn address(&self) -> SocketAddr {
        let mut address = self.listen;
        if let Some(port) = self.port {
            address.set_port(port);
        }
        address
    }

    /// Where the database is.
    pub fn database_url(&self) -> String {
        self.database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.data.join("doorstep.db").display()))
    }

    /// Where media are kept.
    ///
    /// # Errors
    /// When the address is none.
    pub fn media_place(&self) -> Result<MediaPlace, ConfigError> {
        match self.media_url.as_deref() {
            None => Ok(MediaPlace::Folder(self.data.join("media"))),
            Some(url) => Ok(MediaPlace::read(url, &self.s3)?),
        }
    }

    /// Whether anything is kept in the data folder at all.
    pub fn uses_data_folder(&self) -> bool {
        self.database_url.is_none() || self.media_url.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Flags {
        #[serde(skip_serializing_if = "Option::is_none")]
        workers: Option<usize>,
    }

    #[test]
    fn defaults_need_nothing_and_unknown_settings_are_refused() -> Result<(), Box<dyn std::error::Error>> {
        let config = Config::read(None, Flags { workers: Some(3) })?;
        assert_eq!(config.workers, Some(3));
        assert_eq!(config.database_url(), "sqlite://doorstep-data/doorstep.db");
        assert_eq!(config.media_place()?.folder(), Some(Path::new("doorstep-data/media")));

        let folder = tempfile_folder("config-unknown")?;
        let file = folder.join("doorstep.toml");
        std::fs::write(&file, "lsten = \"127.0.0.1:1\"\n")?;
        let error = Config::read(Some(&file), Flags { workers: None }).err().map(|error| error.to_string());
        assert!(error.as_deref().is_some_and(|text| text.contains("lsten")), "{error:?}");
        std::fs::remove_dir_all(folder)?;
        Ok(())
    }

    #[test]
    fn keys_of_s3_are_in_the_settings_file() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile_folder("config-s3")?;
        let file = folder.join("doorstep.toml");
        std::fs::write(&file, "media_url = \"s3://photos\"\n[s3]\naccess_key_id = \"me\"\n")?;
        let config = Config::read(Some(&file), Flags { workers: None })?;
        assert_eq!(config.s3.get("access_key_id").map(String::as_str), Some("me"));
        assert_eq!(config.media_place()?.to_string(), "s3://photos");
        std::fs::remove_dir_all(folder)?;
        Ok(())
    }

    fn tempfile_folder(name: &str) -> std::io::Result<PathBuf> {
        let folder = std::env::temp_dir().join(format!("doorstep-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}
