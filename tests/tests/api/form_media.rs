//! Pictures, sounds and films beside the words of a form: published with it,
//! fetched by phones, kept there.

use anyhow::{Context, Result, ensure};
use doorstep::forms::{self, Enclosed};
use doorstep::pack::PublishError;
use doorstep_core::api::FORM_VERSIONS;
use doorstep_core::hash::ContentHash;
use doorstep_core::pack::FormVersionRecord;
use doorstep_tests::county::COUNTY;
use doorstep_tests::pictures;
use doorstep_tests::scene::{Scene, lists};
use doorstep_tests::workbook::xlsx;

const FORM: &str = "
    | survey   |              |         |                 |              |              |
    |          | type         | name    | label           | media::image | media::audio |
    |          | note         | n       | 先听说明        |              | 说明.mp3     |
    |          | select_one l | stove   | 用什么取暖?     | 炉子.png     |              |
    | choices  |              |         |                 |              |              |
    |          | list_name    | name    | label           | media::image |              |
    |          | l            | coal    | 煤炉            | coal.jpg     |              |
    |          | l            | gas     | 天然气          | gas.png      |              |
    | settings |              |         |                 |              |              |
    |          | form_id      | form_title | version      |              |              |
    |          | stove        | 取暖    | VERSION         |              |              |
";

fn workbook(version: &str) -> Result<Vec<u8>> {
    xlsx(&FORM.replace("VERSION", version))
}

/// Everything but `gas.png`.
fn enclosed() -> Result<Enclosed> {
    let mut enclosed = Enclosed::from(lists()?);
    for (name, bytes) in [
        ("炉子.png", pictures::signature(3)?),
        ("coal.jpg", pictures::photo(4, 320, 240)?),
        ("说明.mp3", b"ID3\x04 a sound".to_vec()),
        ("unasked.png", pictures::signature(5)?),
    ] {
        enclosed.add(name.to_owned(), bytes)?;
    }
    Ok(enclosed)
}

async fn publish(
    scene: &Scene,
    version: &str,
    enclosed: Enclosed,
) -> Result<FormVersionRecord, PublishError> {
    let workbook = workbook(version).map_err(|_| PublishError::Problems(Vec::new()))?;
    forms::publish(&scene.server.components, COUNTY, &workbook, enclosed).await
}

fn address(form: &FormVersionRecord, sha256: &ContentHash) -> String {
    format!("{FORM_VERSIONS}/{}/files/{sha256}", form.id)
}

#[tokio::test]
async fn files_beside_the_words_reach_the_phone_and_stay() -> Result<()> {
    let scene = Scene::start().await?;
    let phone = scene.phone("grid_worker").await?;
    let form = publish(&scene, "1", enclosed()?).await?;
    let names: Vec<&str> = form.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["coal.jpg", "炉子.png", "说明.mp3"]);
    assert_eq!(phone.phone.form_files(form.id).await?, []);
    phone.sync().await?;
    let files = phone.phone.form_files(form.id).await?;
    assert_eq!(files, form.files);
    let given = enclosed()?.files;
    for file in &files {
        let bytes = phone.phone.form_file(&file.sha256).await?.with_context(|| file.name.clone())?;
        assert_eq!(Some(&bytes), given.get(&file.name), "{}", file.name);
        assert_eq!(file.size_bytes, u64::try_from(bytes.len())?);
    }
    assert_eq!(phone.wire.form_files.get(), 3);

    // A new version with the same files costs nothing.
    let next = publish(&scene, "2", enclosed()?).await?;
    phone.sync().await?;
    assert_eq!(phone.phone.form_files(next.id).await?, form.files);
    assert_eq!(phone.wire.form_files.get(), 3);
    Ok(())
}

#[tokio::test]
async fn a_file_comes_under_its_type_and_never_changes() -> Result<()> {
    let scene = Scene::start().await?;
    let form = publish(&scene, "1", enclosed()?).await?;
    let worker = scene.caller("grid_worker").await?;
    let types = ["image/jpeg", "image/png", "audio/mpeg"];
    for (file, content_type) in form.files.iter().zip(types) {
        let answer = worker.get(&address(&form, &file.sha256)).await?;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some(content_type), "{}", file.name);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        ensure!(answer.header("cache-control").is_some_and(|caching| caching.contains("immutable")));
        assert_eq!(ContentHash::of(&answer.bytes), file.sha256);
    }
    Ok(())
}

#[tokio::test]
async fn files_are_for_the_county_of_their_form() -> Result<()> {
    let scene = Scene::start().await?;
    let form = publish(&scene, "1", enclosed()?).await?;
    let file = form.files.first().context("a file")?;
    let elsewhere = forms::publish(&scene.server.components, "610198", &workbook("1")?, enclosed()?).await?;
    let worker = scene.caller("grid_worker").await?;
    assert_eq!(worker.get(&address(&elsewhere, &file.sha256)).await?.status, 404);
    assert_eq!(worker.stranger().get(&address(&form, &file.sha256)).await?.status, 401);
    // A hash alone is no key: the form has to name it.
    let unasked = ContentHash::of(&pictures::signature(5)?);
    assert_eq!(worker.get(&address(&form, &unasked)).await?.status, 404);
    let visit = FormVersionRecord { id: scene.form, ..form.clone() };
    assert_eq!(worker.get(&address(&visit, &file.sha256)).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn another_picture_is_another_version() -> Result<()> {
    let scene = Scene::start().await?;
    let first = publish(&scene, "1", enclosed()?).await?;
    let again = publish(&scene, "1", enclosed()?).await?;
    assert_eq!(again, first);
    let mut changed = enclosed()?;
    changed.add("coal.jpg".to_owned(), pictures::photo(40, 320, 240)?)?;
    let Err(PublishError::Problems(problems)) = publish(&scene, "1", changed.clone()).await else {
        anyhow::bail!("a version has two pictures of one name");
    };
    ensure!(problems.iter().any(|problem| problem.found == "1"), "{problems:?}");
    let second = publish(&scene, "2", changed).await?;
    assert_ne!(second.files, first.files);
    // Phones that begin now get the new one; who knows the old one keeps it.
    let phone = scene.phone("grid_worker").await?;
    let coal = |form: &FormVersionRecord| form.files.first().map(|file| file.sha256.clone());
    let of = async |form| {
        phone.phone.form_file(&coal(form).context("coal.jpg")?).await.map_err(anyhow::Error::from)
    };
    ensure!(of(&second).await?.is_some());
    ensure!(of(&first).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_file_that_the_server_lost_keeps_no_other_away() -> Result<()> {
    let scene = Scene::start().await?;
    let form = publish(&scene, "1", enclosed()?).await?;
    let lost = form.files.first().context("a file")?;
    let digits = lost.sha256.as_str();
    let (one, two) = (digits.get(..2).context("digits")?, digits.get(2..4).context("digits")?);
    scene.server.lose_files(&format!("forms/{one}/{two}/{digits}")).await?;
    let phone = scene.phone("grid_worker").await?;
    for file in &form.files {
        let there = phone.phone.form_file(&file.sha256).await?.is_some();
        assert_eq!(there, file.sha256 != lost.sha256, "{}", file.name);
    }
    // Published once more, it is there again; nothing else is fetched anew.
    publish(&scene, "1", enclosed()?).await?;
    phone.sync().await?;
    ensure!(phone.phone.form_file(&lost.sha256).await?.is_some());
    assert_eq!(phone.wire.form_files.get(), 3);
    Ok(())
}
