//! What a phone signs of what it captures: kept, shown, exported, and broken
//! by whatever is done to it.

use std::io::{Cursor, Read, Write};

use anyhow::{Context, Result, ensure};
use doorstep::db::entity::{evidence as signed, operation, submission, submission_media};
use doorstep::evidence::{self, ExportError, Verified};
use doorstep_core::api::{SUBMISSIONS, SubmissionDetail};
use doorstep_core::evidence::Standing;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::SubmissionId;
use doorstep_core::phone::OutboxOperation;
use doorstep_core::store::{Batch, Durability, LocalStore, Table};
use doorstep_tests::scene::Scene;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

async fn standing(scene: &Scene, id: SubmissionId) -> Result<Standing> {
    let supervisor = scene.caller("supervisor").await?;
    let detail: SubmissionDetail = supervisor.get(&format!("{SUBMISSIONS}/{id}")).await?.ok()?;
    Ok(detail.evidence)
}

/// Changes the phone's outbox behind its back.
async fn change_waiting(
    phone: &doorstep_tests::phone::TestPhone,
    change: impl Fn(&mut OutboxOperation) -> bool,
) -> Result<()> {
    let mut batch = Batch::default();
    for mut entry in phone.phone.operations().await? {
        let key = OutboxOperation::key(entry.operation.seq);
        if change(&mut entry) {
            batch.put(Table::Operation, key, &entry)?;
        } else {
            batch.delete(Table::Operation, key);
        }
    }
    phone.phone.store().commit(batch, Durability::Strict).await?;
    Ok(())
}

#[tokio::test]
async fn what_a_phone_signed_is_whole_and_in_its_place() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.sync().await?;
    let first = phone.visit(scene.elder).await?;
    let second = phone.visit(scene.elder).await?;
    phone.sync().await?;
    let operations = phone.phone.operations().await?;
    let proofs: Vec<_> = operations.iter().map(|entry| entry.operation.proof.clone()).collect();
    let [Some(one), Some(two)] = proofs.as_slice() else { anyhow::bail!("both are signed: {proofs:?}") };
    ensure!(one.previous.is_none() && two.previous.is_some());
    for id in [first.submission_id, second.submission_id] {
        assert_eq!(standing(&scene, id).await?, Standing::Whole);
    }

    // After a login the device is another, and its chain begins anew.
    let other = scene.phone("grid_worker").await?;
    other.sync().await?;
    let third = other.visit(scene.elder).await?;
    other.sync().await?;
    assert_eq!(standing(&scene, third.submission_id).await?, Standing::Whole);
    Ok(())
}

#[tokio::test]
async fn whatever_is_done_on_the_way_is_seen() -> Result<()> {
    let scene = Scene::start().await?;

    // Nothing was signed.
    let phone = scene.phone("grid_worker").await?;
    phone.sync().await?;
    let visit = phone.visit(scene.elder).await?;
    change_waiting(&phone, |entry| {
        entry.operation.proof = None;
        true
    })
    .await?;
    phone.sync().await?;
    assert_eq!(standing(&scene, visit.submission_id).await?, Standing::Unsigned);
    let refused =
        evidence::export(&scene.server.components, visit.submission_id, Cursor::new(Vec::new())).await;
    assert!(matches!(refused, Err(ExportError::Unsigned(_))));

    // A byte was changed.
    let phone = scene.phone("grid_worker").await?;
    phone.sync().await?;
    let visit = phone.visit(scene.elder).await?;
    change_waiting(&phone, |entry| {
        if let Some(version) = entry.operation.body.get_mut("case_version") {
            *version = serde_json::json!(77);
        }
        true
    })
    .await?;
    phone.sync().await?;
    assert_eq!(standing(&scene, visit.submission_id).await?, Standing::Broken);

    // One is missing between two.
    let phone = scene.phone("grid_worker").await?;
    phone.sync().await?;
    phone.visit(scene.elder).await?;
    let lost = phone.visit(scene.elder).await?;
    let after = phone.visit(scene.elder).await?;
    change_waiting(&phone, |entry| {
        let id = entry.content().map(|content| content.submission_id);
        // The numbers close up, as they would if somebody hid it.
        if id == Some(after.submission_id) {
            entry.operation.seq = 2;
        }
        id != Some(lost.submission_id)
    })
    .await?;
    change_waiting(&phone, |_| true).await?;
    phone.sync().await?;
    assert_eq!(standing(&scene, after.submission_id).await?, Standing::Gap);
    Ok(())
}

#[tokio::test]
async fn two_in_one_place_are_a_fork() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.sync().await?;
    let first = phone.visit(scene.elder).await?;
    phone.sync().await?;
    assert_eq!(standing(&scene, first.submission_id).await?, Standing::Whole);
    // The phone forgets what it signed last, as a copy of an older day would.
    let mut batch = Batch::default();
    batch.delete(Table::Meta, "last_statement");
    phone.phone.store().commit(batch, Durability::Strict).await?;
    let slipped_in = phone.visit(scene.elder).await?;
    phone.sync().await?;
    for id in [first.submission_id, slipped_in.submission_id] {
        assert_eq!(standing(&scene, id).await?, Standing::Fork);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_changed_in_the_database_is_seen() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.sync().await?;
    let database = &scene.server.components.database;
    let mut visits = Vec::new();
    for _ in 0..3 {
        visits.push(phone.visit(scene.elder).await?.submission_id);
    }
    phone.sync().await?;
    let [one, two, three] = visits.as_slice() else { anyhow::bail!("three visits") };
    database
        .write(async |transaction| {
            let row = submission::Entity::find_by_id(*one).one(transaction).await?;
            let text = row.map(|row| row.content.replace("\"revision\":1", "\"revision\":1 "));
            submission::Entity::update_many()
                .col_expr(submission::Column::Content, Expr::value(text))
                .filter(submission::Column::Id.eq(*one))
                .exec(transaction)
                .await?;
            // Another photo is shown.
            submission_media::Entity::update_many()
                .col_expr(submission_media::Column::Sha256, Expr::value(ContentHash::of(b"other")))
                .filter(submission_media::Column::SubmissionId.eq(*two))
                .exec(transaction)
                .await?;
            // The signature is lost with the word that it was good.
            let op = operation::Entity::find()
                .filter(operation::Column::SubmissionId.eq(*three))
                .one(transaction)
                .await?;
            signed::Entity::update_many()
                .col_expr(signed::Column::Signature, Expr::value("AAAA"))
                .filter(signed::Column::OpId.eq(op.map(|op| op.op_id)))
                .exec(transaction)
                .await?;
            Ok(())
        })
        .await?;
    for id in visits {
        assert_eq!(standing(&scene, id).await?, Standing::Broken);
    }
    Ok(())
}

/// The files of a bundle, changed, as a bundle again.
fn rewritten(bundle: &[u8], change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> Result<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(bundle))?;
    let mut written = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let name = file.name()?.into_owned();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if let Some(bytes) = change(&name, bytes) {
            written.start_file(name, SimpleFileOptions::default())?;
            written.write_all(&bytes)?;
        }
    }
    Ok(written.finish()?.into_inner())
}

fn broken(bundle: &[u8]) -> Result<Vec<String>> {
    let verified: Verified = evidence::verify(bundle)?;
    Ok(verified.checks.into_iter().filter(|check| !check.holds).map(|check| check.what).collect())
}

#[tokio::test]
async fn a_bundle_shows_it_without_the_server() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.sync().await?;
    phone.visit(scene.elder).await?;
    let visit = phone.visit(scene.elder).await?;
    phone.sync().await?;
    let mut file = Cursor::new(Vec::new());
    let exported = evidence::export(&scene.server.components, visit.submission_id, &mut file).await?;
    assert_eq!((exported.statements, exported.files, exported.missing), (2, 3, 0));
    let bundle = file.into_inner();
    let verified = evidence::verify(&bundle)?;
    assert!(verified.holds(), "{:#?}", verified.checks);
    assert_eq!(verified.receipt.as_ref().map(|receipt| receipt.submission_id), Some(visit.submission_id));
    let key = ContentHash::of(scene.server.components.tokens.public_key_pem().as_bytes());
    assert_eq!(verified.server_key, key);

    type Change = fn(&str, Vec<u8>) -> Option<Vec<u8>>;
    let changes: [(&str, Change); 5] = [
        ("a byte of the visit", |name, mut bytes| {
            if name == "submission.json" {
                let text = String::from_utf8_lossy(&bytes).replace("\"revision\":1", "\"revision\":2");
                bytes = text.into_bytes();
            }
            Some(bytes)
        }),
        ("a photo swapped", |name, bytes| {
            Some(if name.starts_with("media/") { b"x".to_vec() } else { bytes })
        }),
        ("a photo taken away", |name, bytes| (!name.starts_with("media/")).then_some(bytes)),
        ("a statement taken away", |name, bytes| {
            edited(name, bytes, |manifest| {
                if let Some(chain) = manifest.get_mut("chain").and_then(|chain| chain.as_array_mut()) {
                    chain.remove(0);
                }
            })
        }),
        ("another server's key", |name, bytes| {
            edited(name, bytes, |manifest| {
                let other = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
                manifest["server_public_key"] = other.into();
            })
        }),
    ];
    for (what, change) in changes {
        let found = broken(&rewritten(&bundle, change)?)?;
        assert!(!found.is_empty(), "{what} was not seen");
    }
    for no_bundle in [&b"not a zip"[..], bundle.get(..bundle.len() / 2).context("half")?] {
        assert!(evidence::verify(no_bundle).is_err());
    }
    Ok(())
}

fn edited(name: &str, bytes: Vec<u8>, edit: fn(&mut serde_json::Value)) -> Option<Vec<u8>> {
    if name != "evidence.json" {
        return Some(bytes);
    }
    let mut manifest: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    edit(&mut manifest);
    serde_json::to_vec(&manifest).ok()
}
