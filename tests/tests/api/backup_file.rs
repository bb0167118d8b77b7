//! Backup files of phones, taken in by whoever runs the server.

use anyhow::{Context, Result};
use doorstep::backup_file::{self, ImportError};
use doorstep_core::ids::UserId;
use doorstep_core::phone::backup::{BackupError, Header, frame_label, frame_length, write_header, write_row};
use doorstep_core::phone::{MediaState, PhoneError};
use doorstep_core::sealing::{self, DATA_KEY_BYTES, NONCE_BYTES};
use doorstep_core::store::LocalStore;
use doorstep_core::submission::SubmissionState;
use doorstep_tests::elder_visit::PHOTO;
use doorstep_tests::phone::TestPhone;
use doorstep_tests::pictures;
use doorstep_tests::scene::Scene;
use doorstep_tests::sealing::seal;
use ring::aead;
use uuid::Uuid;

const DATA_KEY: [u8; DATA_KEY_BYTES] = [7; DATA_KEY_BYTES];

/// Everything that only this phone has, as the app writes it.
async fn write(scene: &Scene, phone: &TestPhone, author: UserId) -> Result<Vec<u8>> {
    let list = phone.phone.backup_list().await?;
    let server = scene.server.components.sealing.public().clone();
    let header = Header {
        backup_id: Uuid::now_v7(),
        user_id: author,
        device_id: phone.phone.owner().device_id,
        created_at: scene.now(),
        frames: list.rows.len(),
        visits: list.visits,
        files: list.files,
        drafts: list.drafts,
        key: seal(&server, sealing::INFO, sealing::label(author), &DATA_KEY)?,
    };
    let unspecified = |_: ring::error::Unspecified| anyhow::anyhow!("ring refuses");
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, &DATA_KEY).map_err(unspecified)?;
    let key = aead::LessSafeKey::new(key);
    let mut file = write_header(&header)?;
    for (number, (table, row_key)) in list.rows.iter().enumerate() {
        let entry = phone.phone.store().get(*table, row_key).await?.context("a listed row")?;
        let nonce = [u8::try_from(number)?; NONCE_BYTES];
        let mut sealed = write_row(*table, &entry)?;
        let label = aead::Aad::from(frame_label(&header, number).into_bytes());
        key.seal_in_place_append_tag(aead::Nonce::assume_unique_for_key(nonce), label, &mut sealed)
            .map_err(unspecified)?;
        let frame = [&nonce[..], &sealed].concat();
        file.extend(frame_length(&frame));
        file.extend(frame);
    }
    Ok(file)
}

#[tokio::test]
async fn what_a_lost_phone_had_is_taken_in_once() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.sync().await?;
    let sent = phone.visit(scene.elder).await?;
    phone.sync().await?;
    let photo = pictures::photo(5, 400, 300)?;
    let (content, _) = phone.visit_with_file(scene.elder, PHOTO, photo, "image/jpeg").await?;
    let _begun = phone.start_visit(scene.elder).await?;
    let file = write(&scene, &phone, phone.phone.owner().user_id).await?;

    let components = &scene.server.components;
    let imported = backup_file::import(components, &file).await?;
    assert_eq!((imported.visits_new, imported.visits_known, imported.files_new), (1, 0, 3));
    assert_eq!((imported.parked.len(), imported.files_early, imported.drafts), (0, 0, 1));
    assert_eq!(imported.login_name, "grid_worker");
    let again = backup_file::import(components, &file).await?;
    assert_eq!((again.visits_new, again.visits_known), (0, 1));
    assert_eq!((again.files_new, again.files_known), (0, 3));

    // A new phone of the same person sees it; so does the old one, if it is
    // found, and sends nothing twice.
    let new = scene.phone("grid_worker").await?;
    new.sync().await?;
    for submission in [sent.submission_id, content.submission_id] {
        assert_eq!(new.state(submission).await?, SubmissionState::Submitted);
        assert!(new.status(submission).await?.media_missing.is_empty());
    }
    phone.sync().await?;
    assert_eq!(phone.phone.unsent().await?.visits, 0);
    assert!(phone.phone.media().await?.iter().all(|file| file.state == MediaState::Stored));
    new.sync().await?;
    assert_eq!(new.phone.submission_statuses().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_applied_waits_with_its_photos_in_the_file() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.sync().await?;
    phone.visit(scene.elder).await?;
    let file = write(&scene, &phone, phone.phone.owner().user_id).await?;
    let author = phone.phone.owner().user_id;
    let components = &scene.server.components;
    let disable = async |at| {
        components
            .database
            .write(async |transaction| doorstep::users::set_disabled(transaction, author, at).await)
            .await
    };
    disable(Some(scene.now())).await?;
    let imported = backup_file::import(components, &file).await?;
    assert_eq!((imported.visits_new, imported.parked.len(), imported.files_early), (1, 1, 3));
    disable(None).await?;
    doorstep::sync::retry_parked(components, &format!("user:{author}")).await?;
    let imported = backup_file::import(components, &file).await?;
    assert_eq!((imported.visits_known, imported.parked.len(), imported.files_new), (1, 0, 3));
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_altered_or_of_elsewhere_changes_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    phone.sync().await?;
    phone.visit(scene.elder).await?;
    let good = write(&scene, &phone, phone.phone.owner().user_id).await?;
    let components = &scene.server.components;
    let refusal = async |bytes: &[u8]| match backup_file::import(components, bytes).await {
        Ok(imported) => anyhow::bail!("it was taken in: {imported:?}"),
        Err(error) => Ok(error),
    };

    let mut altered = good.clone();
    *altered.last_mut().context("a byte")? ^= 1;
    let half = good.get(..good.len() / 2).context("half of it")?;
    for damaged in [altered.as_slice(), half] {
        let error = refusal(damaged).await?;
        let expected = ImportError::File(PhoneError::Backup(BackupError::Damaged));
        assert_eq!(error.to_string(), expected.to_string());
    }
    let stranger = write(&scene, &phone, UserId(Uuid::from_u128(1))).await?;
    assert!(matches!(refusal(&stranger).await?, ImportError::AuthorUnknown));
    let elsewhere = Scene::start().await?;
    // The same person, whose file was sealed for another server.
    let mut file = write(&elsewhere, &phone, phone.phone.owner().user_id).await?;
    let (ours, theirs) =
        (components.sealing.public().id.clone(), elsewhere.server.components.sealing.public().id.clone());
    let text = String::from_utf8_lossy(&file).contains(&theirs);
    assert!(text && ours != theirs);
    assert!(matches!(refusal(&file).await?, ImportError::OtherServer));
    // Even under the name of our key.
    let at = file
        .windows(theirs.len())
        .position(|window| window == theirs.as_bytes())
        .context("the key's name")?;
    file.splice(at..at + theirs.len(), ours.bytes());
    assert!(matches!(refusal(&file).await?, ImportError::OtherServer));

    let other = scene.phone("grid_worker").await?;
    other.sync().await?;
    assert_eq!(other.phone.submission_statuses().await?, []);
    Ok(())
}
