//! Checking a bundle, with nothing but the file.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Cursor, Read};

use doorstep_core::evidence::{Proof, Statement};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::SubmissionId;
use doorstep_core::json;
use doorstep_core::submission::{FILE_BYTES_MAX, MediaReference};
use serde::Deserialize;
use thiserror::Error;
use zip::ZipArchive;

use super::bundle::{FORMAT, Link, MANIFEST, Manifest, Receipt, SUBMISSION, media_name};
use crate::auth::login::is_signed;
use crate::auth::tokens::read_receipt;

/// More than any manifest or submission.
const TEXT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Why a file cannot be checked at all.
#[derive(Debug, Error)]
#[error("this is no evidence bundle: {0}")]
pub struct NoBundle(String);

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Check {
    pub holds: bool,
    /// What it is, and what is wrong with it.
    pub what: String,
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.holds { "ok" } else { "BROKEN" };
        write!(formatter, "{mark:<6}  {}", self.what)
    }
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Verified {
    pub checks: Vec<Check>,
    pub receipt: Option<Receipt>,
    /// SHA-256 of the server's public key in PEM, to be compared with what the
    /// server's operator says it is (`doorstep evidence key`).
    pub server_key: ContentHash,
}

impl Verified {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }

    /// Holds the server's key against the one that its operator named.
    pub fn expect_server_key(&mut self, expected: &ContentHash) {
        let is_it = self.server_key == *expected;
        self.check(is_it, "the receipt's key is the one that was named");
    }

    fn check(&mut self, holds: bool, what: impl Into<String>) {
        self.checks.push(Check { holds, what: what.into() });
    }
}

/// Of a submission, in every version of it: what a bundle has to hold.
#[derive(Deserialize)]
struct Content {
    submission_id: SubmissionId,
    media: Vec<MediaReference>,
}

/// Checks a bundle.
///
/// # Errors
/// When the bytes are no bundle.
pub fn verify(bytes: &[u8]) -> Result<Verified, NoBundle> {
    let mut files = unpack(bytes)?;
    let mut take = |name: &str| files.remove(name).ok_or_else(|| NoBundle(format!("{name} is missing")));
    let manifest: Manifest =
        serde_json::from_slice(&take(MANIFEST)?).map_err(|error| NoBundle(format!("{MANIFEST}: {error}")))?;
    if manifest.format != FORMAT {
        return Err(NoBundle(format!("its format is {:?}, not {FORMAT:?}", manifest.format)));
    }
    let submission = take(SUBMISSION)?;
    let server_key = ContentHash::of(manifest.server_public_key.as_bytes());
    let mut verified = Verified { checks: Vec::new(), receipt: None, server_key };
    verified.look_at_files(&manifest, &submission, files);
    verified.look_at_chain(&manifest);
    verified.look_at_receipt(&manifest);
    Ok(verified)
}

/// What is in the archive, none of it larger than it may be.
fn unpack(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, NoBundle> {
    let unreadable = |error: zip::result::ZipError| NoBundle(error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(unreadable)?;
        let name = file.name().map_err(unreadable)?.into_owned();
        let is_text = name == MANIFEST || name == SUBMISSION;
        let most = if is_text { TEXT_BYTES_MAX } else { FILE_BYTES_MAX };
        let mut content = Vec::new();
        file.take(most as u64 + 1)
            .read_to_end(&mut content)
            .map_err(|error| NoBundle(format!("{name}: {error}")))?;
        if content.len() > most {
            return Err(NoBundle(format!("{name} is larger than any file of a submission")));
        }
        if files.insert(name.clone(), content).is_some() {
            return Err(NoBundle(format!("{name} is in it twice")));
        }
    }
    Ok(files)
}

fn statement(manifest: &Manifest, link: &Link) -> Statement {
    let proof = Proof {
        device_id: manifest.device_id,
        previous: link.previous.clone(),
        signature: link.signature.clone(),
    };
    proof.statement(link.op_id, link.sha256.clone())
}

impl Verified {
    /// The submission is what was signed, and the files are those that it names.
    fn look_at_files(
        &mut self,
        manifest: &Manifest,
        submission: &[u8],
        mut files: BTreeMap<String, Vec<u8>>,
    ) {
        let signed = manifest.chain.last().map(|link| &link.sha256);
        let is_signed = signed == Some(&ContentHash::of(submission));
        self.check(is_signed, "the submission is the one that was signed");
        let Ok(content) = json::read::<Content>(submission) else {
            self.check(false, "the submission reads as one");
            return;
        };
        let is_named = content.submission_id == manifest.submission_id;
        self.check(is_named, format!("it is the submission {}", manifest.submission_id));
        for file in &content.media {
            let what = format!("the file {} ({})", file.file_name, file.media_id);
            match files.remove(&media_name(file.media_id)) {
                Some(bytes) => {
                    let is_whole = ContentHash::of(&bytes) == file.sha256;
                    self.check(is_whole, format!("{what} is the one that was captured"));
                }
                None if manifest.missing.contains(&file.media_id) => {
                    self.check(false, format!("{what} had not arrived when the bundle was written"));
                }
                None => self.check(false, format!("{what} is missing")),
            }
        }
        for name in files.into_keys() {
            self.check(false, format!("{name} is no file of this submission"));
        }
    }

    /// Each statement is signed, and names the one before.
    fn look_at_chain(&mut self, manifest: &Manifest) {
        let chain = &manifest.chain;
        match chain.first() {
            Some(first) if first.previous.is_none() => {
                self.check(true, format!("{} statements, from the device's first on", chain.len()));
            }
            Some(_) => self.check(false, "what the device captured before the first statement is missing"),
            None => self.check(false, "there is a statement"),
        }
        let mut before = chain.first().and_then(|link| link.previous.clone());
        let (mut follows, mut signed) = (Vec::new(), Vec::new());
        for (number, link) in (1..).zip(chain) {
            let statement = statement(manifest, link);
            if link.previous != before {
                follows.push(number);
            }
            if !is_signed(&manifest.device_public_key, &statement.text(), &link.signature) {
                signed.push(number);
            }
            before = Some(statement.hash());
        }
        let told = |what: &str, broken: &[i32]| match broken {
            [] => what.to_owned(),
            some => format!("{what} (not: {some:?})"),
        };
        self.check(follows.is_empty(), told("each statement names the one before it", &follows));
        let what = format!("each statement is signed by the key of the device {}", manifest.device_id);
        self.check(signed.is_empty(), told(&what, &signed));
    }

    /// The server says that it received this very statement from this device.
    fn look_at_receipt(&mut self, manifest: &Manifest) {
        let Some(receipt) = read_receipt(&manifest.receipt, &manifest.server_public_key) else {
            self.check(false, "the receipt is signed by the server's key");
            return;
        };
        let agrees = receipt.submission_id == manifest.submission_id
            && receipt.device_id == manifest.device_id
            && receipt.device_public_key == manifest.device_public_key
            && manifest.chain.last().is_some_and(|link| {
                link.sha256 == receipt.sha256 && statement(manifest, link).hash() == receipt.link
            });
        self.check(agrees, format!("the server received it at {} from this device", receipt.received_at));
        self.receipt = Some(receipt);
    }
}
