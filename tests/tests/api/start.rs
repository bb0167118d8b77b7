//! What keeps the server from starting, in one clear sentence.

use anyhow::{Context, Result, bail};
use doorstep::app::{self, Components, StartError};
use doorstep::config::Config;
use doorstep::db::DatabaseError;
use doorstep_tests::server::{TestServer, World};
use sea_orm::ConnectionTrait;

async fn refusal(world: &World, config: Config) -> Result<StartError> {
    match Components::open(&config, world.clock.clone()).await {
        Ok(_) => bail!("it started"),
        Err(error) => Ok(error),
    }
}

#[tokio::test]
async fn a_busy_port_is_named_with_what_to_do() -> Result<()> {
    let server = TestServer::start().await?;
    let error = app::listen(server.address).err().context("the port is taken")?;
    let sentence = error.to_string();
    assert!(sentence.contains(&server.address.to_string()), "{sentence}");
    assert!(sentence.contains("--port"), "{sentence}");
    assert!(matches!(error, StartError::Address { .. }));
    Ok(())
}

#[tokio::test]
async fn a_data_folder_that_is_none_is_named_with_what_to_do() -> Result<()> {
    let world = World::create().await?;
    // The tests may run as root, who may read and write everything: so a file
    // is where a folder should be.
    let taken = world.folder().join("taken");
    std::fs::write(&taken, b"a file")?;
    let error = refusal(&world, Config { data: taken.clone(), ..world.config() }).await?;
    assert!(matches!(error, StartError::Folder { .. }), "{error}");
    let sentence = error.to_string();
    assert!(sentence.contains(&taken.display().to_string()) && sentence.contains("--data"), "{sentence}");

    let media_url = Some(taken.display().to_string());
    let error = refusal(&world, Config { media_url, ..world.config() }).await?;
    assert!(matches!(error, StartError::Folder { .. }), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_database_from_the_future_is_left_alone() -> Result<()> {
    let mut server = TestServer::start().await?;
    let world = server.stop()?;
    drop(server);
    let connection = world.database.connect().await?;
    connection
        .execute_unprepared(
            "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_flying_cars', 4102358400)",
        )
        .await?;
    let error = refusal(&world, world.config()).await?;
    assert!(
        matches!(&error, StartError::Database(DatabaseError::Newer { migration }) if migration.contains("flying_cars")),
        "{error}"
    );
    let sentence = error.to_string();
    assert!(sentence.contains("newer") && sentence.contains("m20991231_000001_flying_cars"), "{sentence}");
    connection.execute_unprepared("DELETE FROM seaql_migrations WHERE version LIKE 'm2099%'").await?;
    connection.close().await?;
    TestServer::start_in(world).await?;
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_none_or_does_not_answer_is_named_without_its_password() -> Result<()> {
    let world = World::create().await?;
    let file = world.folder().join("photo.db");
    std::fs::write(&file, b"this is no database, however long one looks at it, it stays a text".repeat(20))?;
    let url = Some(format!("sqlite://{}", file.display()));
    let sentence = refusal(&world, Config { database_url: url, ..world.config() }).await?.to_string();
    assert!(sentence.contains("photo.db"), "{sentence}");

    let url = Some("postgres://me:secret@127.0.0.1:1/doorstep".to_owned());
    let error = refusal(&world, Config { database_url: url, ..world.config() }).await?;
    assert!(matches!(error, StartError::Database(DatabaseError::Unreachable { .. })), "{error}");
    let sentence = error.to_string();
    assert!(sentence.contains("127.0.0.1:1") && !sentence.contains("secret"), "{sentence}");

    let url = Some("mysql://127.0.0.1/doorstep".to_owned());
    let error = refusal(&world, Config { database_url: url, ..world.config() }).await?;
    assert!(matches!(error, StartError::Database(DatabaseError::Address(_))), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_started_again_knows_everybody() -> Result<()> {
    use doorstep_core::api::{ME, Me};
    use doorstep_tests::county::{self, County};
    let server = TestServer::start().await?;
    County::found(&server).await?;
    let caller = county::caller(&server, "grid_worker").await?;
    let epoch = server.components.epoch;
    let server = server.restart().await?;
    assert_eq!(server.components.epoch, epoch);
    // The signing key is in the database, so tokens outlive the process.
    caller.get(ME).await?.ok::<Me>()?;
    Ok(())
}
