//! A small fictional county to play with, made through the same functions
//! that production uses, so that what it shows is what there is.
//!
//! It has an embedded database of its own and refuses to work on any other.
//! Everything in it comes from one seed and the day on which it was made: a
//! second start keeps what is there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use rust_embed::Embed;
use sea_orm::{EntityTrait, PaginatorTrait};
use thiserror::Error;

use crate::app::{self, Components, Server, StartError};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::entity;
use crate::error::Error as RequestError;
use crate::forms::Enclosed;
use crate::forms::enclosed::EnclosedError;
use crate::pack::PublishError;
use crate::pwa::Pwa;
use crate::terminal::say;
use crate::tls::{self, TlsError};
use crate::{forms, pack};

mod accounts;
mod county;
mod elders;
mod people;

pub use accounts::ACCOUNTS_FILE;

/// The workbooks of the repository, so that the binary alone suffices. Debug
/// builds read them from the disk.
#[derive(Embed)]
#[folder = "../pack"]
struct PackFiles;

const LEDGER: &str = "ledger.xlsx";

/// How the demonstration is started.
#[derive(Clone, Debug)]
pub struct Options {
    pub port: u16,
    /// Database, photos, accounts and certificate.
    pub data: PathBuf,
    /// HTTPS for the local network instead of HTTP for this machine.
    pub lan: bool,
    /// Where the phone app is.
    pub pwa: Pwa,
}

/// Why the demonstration does not start: one sentence, with what to do.
#[derive(Debug, Error)]
pub enum DemoError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(
        "the database in {0} has data that is not the demonstration's; choose another folder with --data"
    )]
    OtherData(PathBuf),
    #[error("this machine has no address on a local network; connect it to one, or leave out --lan")]
    NoNetwork,
    #[error("the pack has a file that cannot be used: {0}")]
    Pack(#[from] EnclosedError),
    #[error("{file} of the pack cannot be published: {cause}")]
    Publishing { file: String, cause: PublishError },
    #[error("the demonstration's data could not be made ({0}); delete the folder and try again")]
    Making(#[from] RequestError),
    #[error("the accounts could not be written to {file} ({cause}); let this user write there")]
    Accounts { file: PathBuf, cause: io::Error },
}

/// Opens or makes the demonstration and says where it is; the server has its
/// port and is yet to be run.
///
/// # Errors
/// When something stands in the way; nothing of anybody else's is touched.
pub async fn start(options: &Options) -> Result<Server, DemoError> {
    let lan = if options.lan { Some(tls::local_addresses()) } else { None };
    if lan.as_ref().is_some_and(Vec::is_empty) {
        return Err(DemoError::NoNetwork);
    }
    let ip = if options.lan { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
    let listener = app::listen(SocketAddr::new(IpAddr::V4(ip), options.port))?;
    let config = Config { data: options.data.clone(), ..Config::default() };
    let mut components = Components::open(&config, Clock::system()).await?;
    components.pwa = options.pwa.clone();
    prepare(&components, &options.data).await?;
    let tls = match &lan {
        None => None,
        Some(addresses) => {
            Some(tls::self_signed(&options.data.join("tls"), addresses, components.clock.today())?)
        }
    };
    let trust = tls.as_ref().map(|tls| (tls.fingerprint.clone(), tls.authority.clone()));
    let server = app::build(components, listener, tls.map(|tls| tls.config))?;
    announce(&server, lan.as_deref(), trust.as_ref());
    accounts::announce(&options.data);
    Ok(server)
}

/// Makes the county, unless it is there.
///
/// # Errors
/// When the database holds anything else, or refuses.
pub async fn prepare(components: &Components, data: &Path) -> Result<(), DemoError> {
    match found(components).await? {
        Found::Demonstration => return Ok(()),
        Found::Other => return Err(DemoError::OtherData(data.to_owned())),
        Found::Nothing => {}
    }
    say("正在创建演示数据(虚构)……  Making the demonstration's data (fictional):");
    publish(components).await?;
    let accounts = accounts::make(components).await?;
    accounts::write(data, &accounts)
        .map_err(|cause| DemoError::Accounts { file: data.join(ACCOUNTS_FILE), cause })?;
    county::make(components, &accounts).await?;
    Ok(())
}

enum Found {
    Nothing,
    Demonstration,
    Other,
}

/// What the database holds. The county comes last and in one transaction:
/// where it is, everything is.
async fn found(components: &Components) -> Result<Found, DemoError> {
    let connection = components.database.read();
    let read = async {
        if entity::area::Entity::find_by_id(county::id()).one(connection).await?.is_some() {
            return Ok(Found::Demonstration);
        }
        let areas = entity::area::Entity::find().count(connection).await?;
        let users = entity::user::Entity::find().count(connection).await?;
        let cases = entity::case::Entity::find().count(connection).await?;
        let forms = entity::form::Entity::find().all(connection).await?;
        let others = forms.iter().any(|form| form.county != county::CODE);
        Ok::<_, RequestError>(if areas + users + cases > 0 || others { Found::Other } else { Found::Nothing })
    };
    Ok(read.await?)
}

/// Publishes the forms, then the pack, whose names are checked against them.
async fn publish(components: &Components) -> Result<(), DemoError> {
    let mut enclosed = Enclosed::default();
    for file in PackFiles::iter() {
        if let (Some(name), Some(content)) = (file.strip_prefix("media/"), PackFiles::get(&file)) {
            enclosed.add(name.to_owned(), content.data.into_owned())?;
        }
    }
    let failed = |file: &str| {
        let file = file.to_owned();
        move |cause| DemoError::Publishing { file, cause }
    };
    let mut published = 0;
    for file in PackFiles::iter().filter(|file| file.ends_with(".xlsx") && file.as_ref() != LEDGER) {
        if let Some(workbook) = PackFiles::get(&file) {
            forms::publish(components, county::CODE, &workbook.data, enclosed.clone())
                .await
                .map_err(failed(&file))?;
            published += 1;
        }
    }
    say(format_args!("  [1/3] 表单 forms: {published}"));
    if let Some(workbook) = PackFiles::get(LEDGER) {
        pack::publish(components, county::CODE, &workbook.data).await.map_err(failed(LEDGER))?;
    }
    Ok(())
}

fn announce(server: &Server, lan: Option<&[IpAddr]>, trust: Option<&(String, PathBuf)>) {
    let port = server.address.port();
    let addresses: Vec<String> = match lan {
        None => vec![format!("http://127.0.0.1:{port}")],
        Some(addresses) => addresses.iter().map(|ip| format!("https://{ip}:{port}")).collect(),
    };
    say("");
    for address in &addresses {
        say(format_args!("  Doorstep 走访: {address}"));
    }
    if let (Some((fingerprint, authority)), Some(address)) = (trust, addresses.first()) {
        // Light on dark, as most terminals are: the modules that a camera
        // must see as white are drawn.
        if let Ok(code) = QrCode::new(address) {
            let picture =
                code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
            say(format_args!("\n{picture}"));
        }
        say("  手机会提示证书不受信任:这是本机自签名的证书,核对指纹后选择继续。");
        say("  The phone warns of the certificate: this machine signed it itself. Compare its SHA-256:");
        say(format_args!("  {fingerprint}"));
        say("  要离线使用,请先在手机上安装并信任此证书文件:");
        say("  To work offline as well, install this file on the phone and trust it:");
        say(format_args!("  {}", authority.display()));
    }
}
