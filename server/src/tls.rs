//! TLS: with a certificate from files, or, for trying things out on a local
//! network, with one that this machine signs for itself. (Cameras, positions
//! and service workers are given to pages over HTTPS only.)

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate};
use doorstep_core::hash::ContentHash;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Phones refuse certificates that are valid for longer than 398 days.
const VALID_DAYS: u64 = 390;
/// A certificate that is about to end is made anew.
const RENEWED_BEFORE_DAYS: u64 = 30;
/// Beside the certificate: what phones install.
const AUTHORITY_FILE: &str = "lan-authority.crt";

/// Why there is no TLS. Each says what to do.
#[derive(Debug, Error)]
pub enum TlsError {
    #[error("the TLS file {file} cannot be read ({cause}); name a PEM file that this user may read")]
    File { file: PathBuf, cause: String },
    #[error("the TLS file {0} holds no certificate; name the PEM file with the whole chain")]
    NoCertificate(PathBuf),
    #[error("certificate and key cannot be used ({0}); check that they belong together")]
    Unusable(#[from] rustls::Error),
    #[error("a certificate could not be made: {0}")]
    Making(#[from] rcgen::Error),
    #[error("the certificate could not be kept in {folder} ({cause}); let this user write there")]
    Keeping { folder: PathBuf, cause: io::Error },
}

/// TLS with a certificate chain and its private key, both PEM.
///
/// # Errors
/// When a file is missing, holds something else, or they do not fit.
pub fn from_files(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let (chain, key) = read(certificate, key)?;
    server_config(chain, key)
}

/// Makes ring what this process does TLS with, where it asks for no provider
/// by name, as `reqwest` does; unless another was chosen before.
pub fn use_ring() {
    // That one is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn read(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let unreadable = |file: &Path| {
        let file = file.to_owned();
        move |cause: rustls::pki_types::pem::Error| TlsError::File { file, cause: cause.to_string() }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable(certificate))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificate.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
    Ok((chain, key))
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?)
}

/// A certificate that this machine signed for itself.
pub struct SelfSigned {
    pub config: ServerConfig,
    /// SHA-256 of the certificate, as browsers show it: `AB:CD:…`.
    pub fingerprint: String,
    /// What a phone installs to trust it: without that a browser shows the
    /// pages, after a warning, but keeps nothing for working offline.
    pub authority: PathBuf,
}

/// What a kept certificate is for.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Purpose {
    addresses: Vec<IpAddr>,
    valid_to: NaiveDate,
}

/// TLS with a certificate for `addresses`, kept in `folder` so that a phone
/// that trusted it once does not have to again; made anew when the addresses
/// change or it is about to end.
///
/// # Errors
/// When the folder refuses.
pub fn self_signed(folder: &Path, addresses: &[IpAddr], today: NaiveDate) -> Result<SelfSigned, TlsError> {
    let keeping = |cause| TlsError::Keeping { folder: folder.to_owned(), cause };
    fs::create_dir_all(folder).map_err(keeping)?;
    let [certificate, key, purpose, authority] =
        ["lan.crt", "lan.key", "lan.json", AUTHORITY_FILE].map(|name| folder.join(name));
    let renewed_from = today.checked_add_days(Days::new(RENEWED_BEFORE_DAYS)).unwrap_or(today);
    let kept: Option<Purpose> = fs::read(&purpose).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if !kept.is_some_and(|kept| kept.addresses == addresses && kept.valid_to > renewed_from) {
        let valid_to = today.checked_add_days(Days::new(VALID_DAYS)).unwrap_or(today);
        let made = make(addresses, today, valid_to)?;
        write_private(&key, made.key.as_bytes()).map_err(keeping)?;
        fs::write(&certificate, format!("{}{}", made.certificate, made.authority)).map_err(keeping)?;
        fs::write(&authority, made.authority).map_err(keeping)?;
        // Last: without it, the next start makes all of it again.
        let written = Purpose { addresses: addresses.to_owned(), valid_to };
        let json = serde_json::to_vec(&written).map_err(|cause| keeping(cause.into()))?;
        fs::write(&purpose, json).map_err(keeping)?;
    }
    let (chain, key) = read(&certificate, &key)?;
    let digits =
        chain.first().map(|certificate| ContentHash::of(certificate).to_string()).unwrap_or_default();
    let pairs: Vec<String> =
        digits.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
    Ok(SelfSigned { config: server_config(chain, key)?, fingerprint: pairs.join(":"), authority })
}

/// PEM texts.
struct Made {
    certificate: String,
    key: String,
    authority: String,
}

/// Makes an authority, one certificate that it signs, and forgets the
/// authority's key: a phone that trusts it trusts nothing else by it, ever.
fn make(addresses: &[IpAddr], from: NaiveDate, to: NaiveDate) -> Result<Made, TlsError> {
    let parameters = |names: Vec<String>, called: &str| -> Result<CertificateParams, rcgen::Error> {
        let mut parameters = CertificateParams::new(names)?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, called);
        parameters.distinguished_name = name;
        let day = |date: NaiveDate| {
            let [month, day] = [date.month(), date.day()].map(|part| u8::try_from(part).unwrap_or(1));
            rcgen::date_time_ymd(date.year(), month, day)
        };
        // Yesterday: a phone's clock may be behind.
        parameters.not_before = day(from.pred_opt().unwrap_or(from));
        parameters.not_after = day(to);
        Ok(parameters)
    };
    let mut authority = parameters(Vec::new(), "Doorstep demonstration, this machine's own authority")?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;

    let names = addresses.iter().map(ToString::to_string).chain(["localhost".to_owned()]).collect();
    let mut own = parameters(names, "Doorstep demonstration")?;
    own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = own.signed_by(&key, &Issuer::new(authority, authority_key))?;
    Ok(Made {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        authority: authority_certificate.pem(),
    })
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// When the folder refuses.
pub(crate) fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    // A new file, never an old one with an old mode; then into its place.
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let fresh = file.with_file_name(name);
    let attempt = || {
        let mut out = options.open(&fresh)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&fresh, file)
    };
    attempt().inspect_err(|_| drop(fs::remove_file(&fresh)))
}

/// The addresses under which other machines on the local network reach this
/// one. Nothing is sent: connecting a datagram socket only asks the system
/// which of its addresses it would use towards each kind of private network.
pub fn local_addresses() -> Vec<IpAddr> {
    const TOWARDS: [Ipv4Addr; 4] = [
        Ipv4Addr::new(192, 0, 2, 1),
        Ipv4Addr::new(192, 168, 255, 254),
        Ipv4Addr::new(10, 255, 255, 254),
        Ipv4Addr::new(172, 31, 255, 254),
    ];
    let mut found = Vec::new();
    for towards in TOWARDS {
        let own = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
            .and_then(|socket| socket.connect((towards, 9)).and_then(|()| socket.local_addr()));
        if let Ok(own) = own
            && !own.ip().is_loopback()
            && !own.ip().is_unspecified()
            && !found.contains(&own.ip())
        {
            found.push(own.ip());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_kept_until_it_no_longer_fits() -> Result<(), Box<dyn std::error::Error>> {
        let folder = std::env::temp_dir().join(format!("doorstep-tls-{}", std::process::id()));
        let today = NaiveDate::from_ymd_opt(2026, 11, 24).ok_or("a day")?;
        let home: IpAddr = "192.168.1.7".parse()?;
        let first = self_signed(&folder, &[home], today)?.fingerprint;
        assert_eq!(first.len(), 32 * 3 - 1);
        assert_eq!(self_signed(&folder, &[home], today)?.fingerprint, first, "kept");
        let elsewhere = self_signed(&folder, &["10.0.0.7".parse()?], today)?.fingerprint;
        assert_ne!(elsewhere, first, "another address");
        let later = today.checked_add_days(Days::new(365)).ok_or("a day")?;
        assert_ne!(
            self_signed(&folder, &["10.0.0.7".parse()?], later)?.fingerprint,
            elsewhere,
            "about to end"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(folder.join("lan.key"))?.permissions().mode() & 0o777, 0o600);
        }
        assert!(from_files(&folder.join("lan.crt"), &folder.join("lan.key")).is_ok());
        let error = from_files(&folder.join("none.crt"), &folder.join("lan.key")).err();
        assert!(error.is_some_and(|error| error.to_string().contains("none.crt")));
        assert!(matches!(
            from_files(&folder.join("lan.json"), &folder.join("lan.key")),
            Err(TlsError::NoCertificate(_))
        ));
        fs::remove_dir_all(folder)?;
        Ok(())
    }
}
