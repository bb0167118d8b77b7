//! Commands that change something and end: accounts, phones, pack, forms.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context;
use doorstep::app::Components;
use doorstep::backup_file::{self, ImportError, Imported};
use doorstep::clock::Clock;
use doorstep::evidence::{self, ExportError};
use doorstep::forms::Enclosed;
use doorstep::pack::PublishError;
use doorstep::terminal::{ask_secret, say};
use doorstep::users::{self, NewUser};
use doorstep::{area, devices, forms, pack as ledger, sync};
use doorstep_core::command::{CommandKind, DeviceRecord};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{SubmissionId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::Role;

use crate::options::{DeviceCommand, EvidenceCommand, FormCommand, PackCommand, StorageOptions, UserCommand};
use crate::{form_tools, log_to_terminal};

async fn open(storage: &StorageOptions) -> anyhow::Result<Components> {
    let config = storage.config()?;
    log_to_terminal(storage.log.as_deref().unwrap_or("warn"), config.log_json)?;
    Ok(Components::open(&config, Clock::system()).await?)
}

pub(crate) async fn user(command: UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::Add { login_name, name, role, area, programme, storage } => {
            let components = open(&storage).await?;
            let role: Role = role.parse()?;
            add_user(&components, &login_name, &name, (role, &area, programme.as_deref())).await?;
            say(format_args!("{login_name} can log in now, as {role} in {area}."));
        }
        UserCommand::Unlock { login_name, storage } => {
            let components = open(&storage).await?;
            let id = find(&components, &login_name).await?;
            components
                .database
                .write(async |transaction| users::unlock(transaction, id).await)
                .await
                .map_err(plain)?;
            say(format_args!("{login_name} can try again."));
        }
        UserCommand::Disable { login_name, storage } => {
            let components = open(&storage).await?;
            set_disabled(&components, &login_name, true).await?;
            say(format_args!("{login_name} is disabled. What their phones captured can still be sent."));
        }
        UserCommand::Enable { login_name, storage } => {
            let components = open(&storage).await?;
            set_disabled(&components, &login_name, false).await?;
            say(format_args!("{login_name} can log in again."));
        }
    }
    Ok(())
}

pub(crate) async fn device(command: DeviceCommand) -> anyhow::Result<()> {
    match command {
        DeviceCommand::List { login_name, storage } => {
            let components = open(&storage).await?;
            let connection = components.database.read();
            let person = users::find_by_login_name(connection, &login_name).await.map_err(plain)?;
            let person = person.with_context(|| unknown(&login_name))?;
            let records = devices::records(connection, &[person]).await.map_err(plain)?;
            if records.is_empty() {
                say(format_args!("{login_name} has not logged in on any phone."));
            }
            for record in records {
                say(format_args!("{}", line_of(&record)));
            }
        }
        DeviceCommand::Ask { device, what, storage } => {
            let components = open(&storage).await?;
            let kind = match what.as_str() {
                "nothing" => None,
                word => Some(word.replace('-', "_").parse::<CommandKind>()?),
            };
            devices::set_command(&components, device, kind, None).await.map_err(plain)?;
            say("Written down. The phone hears of it when it next synchronises.");
        }
        DeviceCommand::Import { files, storage } => {
            let components = open(&storage).await?;
            for file in files {
                let bytes = read(&file)?;
                let imported =
                    backup_file::import(&components, &bytes).await.map_err(|error| match error {
                        ImportError::Server(error) => plain(error),
                        error => anyhow::anyhow!("{}: {error}", file.display()),
                    })?;
                say(format_args!("{}: {}", file.display(), told(&imported)));
            }
        }
    }
    Ok(())
}

/// What became of a backup file, and what is still to be done.
fn told(imported: &Imported) -> String {
    let mut text = format!(
        "{}: {} visits are new here, {} were known; {} files are new, {} were known.",
        imported.login_name,
        imported.visits_new,
        imported.visits_known,
        imported.files_new,
        imported.files_known
    );
    if !imported.parked.is_empty() {
        let count = imported.parked.len();
        let _ = write!(text, "\n  {count} visits wait for something; supervisors see them as parked.");
    }
    if imported.files_early > 0 {
        let count = imported.files_early;
        let _ =
            write!(text, "\n  {count} files belong to them: import this file again after they were applied.");
    }
    for (id, error) in &imported.files_refused {
        let _ = write!(text, "\n  The file {id} was not taken: {}", error.code().message().en);
    }
    if imported.drafts > 0 {
        let count = imported.drafts;
        let _ = write!(
            text,
            "\n  {count} drafts are left in the file: their author can bring it in on a phone (Me)."
        );
    }
    text
}

fn line_of(record: &DeviceRecord) -> String {
    let mut line = format!("{}  {}, last seen {}", record.device_id, record.name, record.last_seen_at);
    if let Some(command) = &record.command {
        let _ = write!(line, "; {} asked {}", command.kind, command.asked_at);
        if let Some(seen_at) = command.seen_at {
            let left = command.left;
            let _ = write!(
                line,
                ", heard {seen_at} with {} records, {} files and {} drafts unsent",
                left.visits, left.files, left.drafts
            );
        }
        if let Some(done_at) = command.done_at {
            let _ = write!(line, ", done {done_at}");
        }
    }
    if let Some(at) = record.storage_recreated_at {
        let _ = write!(line, "; began from nothing {at}: its storage was lost, ask what had not been sent");
    }
    if let Some(revoked_at) = record.revoked_at {
        let _ = write!(line, "; revoked {revoked_at}");
    }
    line
}

fn unknown(login_name: &str) -> String {
    format!("nobody has the login name {login_name}; check it")
}

async fn add_user(
    components: &Components,
    login_name: &str,
    name: &str,
    (role, code, programme): (Role, &str, Option<&str>),
) -> anyhow::Result<()> {
    let place = area::find_by_code(components.database.read(), code, components.clock.today())
        .await
        .map_err(plain)?
        .with_context(|| format!("no area has the code {code} today; check it"))?;
    if users::find_by_login_name(components.database.read(), login_name).await.map_err(plain)?.is_some() {
        anyhow::bail!("the login name {login_name} is taken; choose another");
    }
    let password = ask_secret(&format!("Password for {login_name}")).map_err(|cause| {
        anyhow::anyhow!("the password could not be read ({cause}); type it, or send it to standard input")
    })?;
    users::check_new_password(&password).map_err(plain)?;
    let password_hash = components.passwords.hash(password).await.map_err(plain)?;
    let new = NewUser {
        id: UserId(uuid::Uuid::now_v7()),
        county: place.county.clone(),
        login_name: login_name.to_owned(),
        display_name: name.to_owned(),
        password_hash,
    };
    let now = components.clock.now();
    components
        .database
        .write(async |transaction| {
            let user = users::add(transaction, new.clone(), now).await?;
            users::grant(transaction, user.id, role, place.id, programme).await
        })
        .await
        .map_err(plain)?;
    Ok(())
}

async fn find(components: &Components, login_name: &str) -> anyhow::Result<UserId> {
    let user = users::find_by_login_name(components.database.read(), login_name).await.map_err(plain)?;
    Ok(user.with_context(|| unknown(login_name))?.id)
}

async fn set_disabled(components: &Components, login_name: &str, disabled: bool) -> anyhow::Result<()> {
    let id = find(components, login_name).await?;
    let at = disabled.then(|| components.clock.now());
    components
        .database
        .write(async |transaction| users::set_disabled(transaction, id, at).await)
        .await
        .map_err(plain)?;
    if !disabled {
        // What their phones sent meanwhile was waiting for this.
        sync::retry_parked(components, &format!("user:{id}")).await.map_err(plain)?;
    }
    Ok(())
}

pub(crate) async fn evidence(command: EvidenceCommand) -> anyhow::Result<()> {
    match command {
        EvidenceCommand::Export { submission, out, storage } => {
            let components = open(&storage).await?;
            let out = out.unwrap_or_else(|| PathBuf::from(format!("evidence-{submission}.zip")));
            let exported = export_evidence(&components, submission, &out).await?;
            say(format_args!(
                "{}: {} statements of the device, {} files, {} of them missing.",
                out.display(),
                exported.statements,
                exported.files + exported.missing,
                exported.missing
            ));
        }
        EvidenceCommand::Verify { file, server_key } => {
            let mut verified = evidence::verify(&read(&file)?)
                .map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
            if let Some(expected) = server_key {
                verified.expect_server_key(&expected);
            }
            for check in &verified.checks {
                say(check);
            }
            say(format_args!("The receipt's key: {}", verified.server_key));
            anyhow::ensure!(verified.holds(), "{} does not hold", file.display());
        }
        EvidenceCommand::Key(storage) => {
            let components = open(&storage).await?;
            say(ContentHash::of(components.tokens.public_key_pem().as_bytes()));
        }
    }
    Ok(())
}

/// Under another name until it is whole: half a bundle would look like one
/// that somebody cut.
async fn export_evidence(
    components: &Components,
    submission: SubmissionId,
    out: &Path,
) -> anyhow::Result<evidence::Exported> {
    let unwritable = || format!("{} cannot be written; name another with --out", out.display());
    let part = out.with_added_extension("part");
    let file = fs::File::create(&part).with_context(unwritable)?;
    match evidence::export(components, submission, io::BufWriter::new(file)).await {
        Ok(exported) => {
            fs::rename(&part, out).with_context(unwritable)?;
            Ok(exported)
        }
        Err(error) => {
            // What went wrong counts, not what is left lying about.
            let _ = fs::remove_file(&part);
            Err(match error {
                ExportError::Server(error) => plain(error),
                error => error.into(),
            })
        }
    }
}

/// A failure in words for a terminal: what a client would read, and the cause
/// that a client would not.
fn plain(error: doorstep::error::Error) -> anyhow::Error {
    let document = error.document(doorstep_core::text::Language::En, None);
    let fields: Vec<&str> = document.errors.iter().map(|field| field.detail.en.as_str()).collect();
    let mut text = if fields.is_empty() { document.title.clone() } else { fields.join(" ") };
    if let Some(detail) = document.detail {
        text = detail;
    }
    if error.code() == ProblemCode::Internal || document.status >= 500 {
        text = error.to_string();
    }
    anyhow::anyhow!(text)
}

pub(crate) async fn pack(command: PackCommand) -> anyhow::Result<()> {
    match command {
        PackCommand::Check { file } => {
            let workbook = read(&file)?;
            let pack = ledger::read(&workbook)
                .map_err(|problems| refused(&file, PublishError::Problems(problems)))?;
            say(format_args!(
                "{}: version {}, {} schedule rules, no mistakes.",
                file.display(),
                pack.version,
                pack.schedules.len()
            ));
        }
        PackCommand::Publish { file, county, storage } => {
            let components = open(&storage).await?;
            let county = county_or_only(&components, county).await?;
            let workbook = read(&file)?;
            let id = ledger::publish(&components, &county, &workbook)
                .await
                .map_err(|error| refused(&file, error))?;
            say(format_args!("{} is in force in {county} ({id}).", file.display()));
        }
    }
    Ok(())
}

pub(crate) async fn form(command: FormCommand) -> anyhow::Result<()> {
    match command {
        FormCommand::Check { files, media, json } => form_tools::check::run(&files, media.as_deref(), json),
        FormCommand::Run(options) => form_tools::run::run(&options),
        FormCommand::Publish { files, media, county, storage } => {
            publish_forms(&files, media.as_deref(), county, &storage).await
        }
    }
}

async fn publish_forms(
    files: &[PathBuf],
    media: Option<&Path>,
    county: Option<String>,
    storage: &StorageOptions,
) -> anyhow::Result<()> {
    let components = open(storage).await?;
    let county = county_or_only(&components, county).await?;
    let mut failures = Vec::new();
    for file in files {
        let published = publish_form(&components, &county, file, media).await;
        match published {
            Ok(line) => say(line),
            Err(error) => failures.push(error.to_string()),
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(anyhow::anyhow!(failures.join("\n"))) }
}

async fn publish_form(
    components: &Components,
    county: &str,
    file: &Path,
    media: Option<&Path>,
) -> anyhow::Result<String> {
    let workbook = read(file)?;
    let place = media.map_or_else(|| form_tools::media_beside(file), Path::to_owned);
    let enclosed = Enclosed::read(&place)?;
    let record = forms::publish(components, county, &workbook, enclosed)
        .await
        .map_err(|error| refused(file, error))?;
    Ok(format!("{} {} is published ({}).", record.form_id, record.version, record.id))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).map_err(|cause| anyhow::anyhow!("{} cannot be read ({cause}); check it", file.display()))
}

fn refused(file: &Path, error: PublishError) -> anyhow::Error {
    match error {
        PublishError::Problems(problems) => {
            let count = problems.len();
            let mistakes = if count == 1 { "mistake" } else { "mistakes" };
            let mut lines =
                vec![format!("{} has {count} {mistakes}; nothing was published:", file.display())];
            lines.extend(problems.iter().map(|problem| format!("  {problem}")));
            anyhow::anyhow!(lines.join("\n"))
        }
        PublishError::Failed(error) => plain(error),
    }
}

async fn county_or_only(components: &Components, county: Option<String>) -> anyhow::Result<String> {
    let counties = area::counties(components.database.read()).await.map_err(plain)?;
    match county {
        Some(county) if county.len() == 6 && county.bytes().all(|byte| byte.is_ascii_digit()) => Ok(county),
        Some(county) => anyhow::bail!("{county:?} is no county code; write its six digits"),
        None => match counties.as_slice() {
            [only] => Ok(only.clone()),
            [] => anyhow::bail!("there is no county in this database yet; name one with --county"),
            several => {
                anyhow::bail!("there are several counties ({}); name one with --county", several.join(", "))
            }
        },
    }
}
