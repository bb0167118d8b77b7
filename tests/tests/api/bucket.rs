//! Files in a bucket of S3: what keeps the server from starting, and what
//! happens when the bucket is away. `cargo xtask test s3` starts a real S3
//! server for these and for every test of files; elsewhere they do nothing.

use anyhow::{Context, Result, bail};
use doorstep::app::{Components, StartError};
use doorstep::config::Config;
use doorstep::media::place::{PlaceError, S3Settings};
use doorstep_core::problem::ProblemCode;
use doorstep_tests::bucket;
use doorstep_tests::gate::Gate;
use doorstep_tests::scene::Scene;
use doorstep_tests::server::World;

use super::uploads::{announced, is_whole};

async fn refusal(world: &World, config: Config) -> Result<PlaceError> {
    match Components::open(&config, world.clock.clone()).await {
        Ok(_) => bail!("it started"),
        Err(StartError::Media(error)) => Ok(error),
        Err(error) => Err(error.into()),
    }
}

#[tokio::test]
async fn a_bucket_that_cannot_be_used_is_named_with_what_to_do() -> Result<()> {
    let world = World::create().await?;
    let Some(url) = world.media_url.clone() else { return Ok(()) };
    let (_, settings) = url.split_once('?').context("the endpoint")?;
    let at = |media_url: String| Config { media_url: Some(media_url), ..world.config() };

    let error = refusal(&world, at(format!("s3://no-such-bucket/x?{settings}"))).await?;
    assert!(matches!(error, PlaceError::NoBucket { .. }), "{error:?}");
    assert!(error.to_string().contains("s3://no-such-bucket/x"), "{error}");

    for name in ["access_key_id", "secret_access_key"] {
        let s3 = S3Settings::from([(name.to_owned(), "hush-hush".to_owned())]);
        let error = refusal(&world, Config { s3, ..at(url.clone()) }).await?;
        assert!(matches!(error, PlaceError::Refused { .. }), "{name}: {error:?}");
        let sentence = error.to_string();
        assert!(sentence.contains("AWS_SECRET_ACCESS_KEY"), "{sentence}");
        assert!(!sentence.contains("hush-hush"), "{sentence}");
    }

    let error = refusal(&world, at("s3://photos?endpoint=http://127.0.0.1:1".to_owned())).await?;
    assert!(matches!(error, PlaceError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("AWS_ENDPOINT_URL"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_bucket_that_is_away_for_a_while_loses_nothing() -> Result<()> {
    let mut world = World::create().await?;
    let Some(url) = world.media_url.take() else { return Ok(()) };
    let address = bucket::endpoint(&url)?;
    let gate = Gate::before(address)?;
    world.media_url = Some(url.replace(&address.to_string(), &gate.address().to_string()));
    let scene = Scene::start_in(world).await?;
    let announced = announced(&scene).await?;
    let (uploader, photo) = (&announced.uploader, &announced.photo);
    assert_eq!(uploader.create_with(photo.len(), &photo[..10_000]).await?.status, 201);
    gate.cut();
    uploader.send(10_000, &photo[10_000..]).await?.refused(ProblemCode::StorageFull)?;
    assert_eq!(uploader.offset().await?, 10_000);
    gate.open();
    assert_eq!(uploader.send(10_000, &photo[10_000..]).await?.status, 204);
    is_whole(&scene, &announced).await
}
