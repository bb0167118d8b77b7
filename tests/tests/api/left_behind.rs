//! What somebody leaves behind who is gone before they are done: a whole file
//! that no database knows, a file that was being looked into.

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use doorstep::db::entity::{media, media_job};
use doorstep::media::{self as files, EXPIRES_AFTER};
use doorstep_core::hash::ContentHash;
use doorstep_tests::caller::Caller;
use doorstep_tests::pictures;
use doorstep_tests::scene::Scene;
use doorstep_tests::wait::until;
use object_store::ObjectStoreExt;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::uploads::{Announced, announced, announced_with, is_whole, originals};

/// A file as a server leaves it that was ended after it had put the file into
/// the store, and before it had entered it.
async fn leave(scene: &Scene, announced: &Announced) -> Result<()> {
    let digits = ContentHash::of(&announced.photo);
    let digits = digits.as_str();
    let folder = digits.get(..2).context("digits")?;
    let key = object_store::path::Path::from(format!("{folder}/{digits}"));
    scene.server.components.media.put(&key, announced.photo.clone().into()).await?;
    Ok(())
}

#[tokio::test]
async fn a_whole_file_that_nobody_knows_is_found_and_expires() -> Result<()> {
    let scene = Scene::start().await?;
    let sweep = || files::sweep(&scene.server.components);
    let (lost, sent_again) = (announced(&scene).await?, announced(&scene).await?);
    for announced in [&lost, &sent_again] {
        leave(&scene, announced).await?;
    }
    // What the database never heard of may be another's.
    scene.server.components.media.put(&"ab/abcd".into(), "another's".into()).await?;
    assert_eq!((sweep().await?, originals(&scene).await?), (0, 3), "they are found");
    scene.server.advance(EXPIRES_AFTER - TimeDelta::seconds(1));
    assert_eq!((sweep().await?, originals(&scene).await?), (0, 3), "they may be sent again");
    let phone = scene.phone("grid_worker").await?;
    let sent_again = Announced {
        uploader: doorstep_tests::tus::Uploader { caller: phone.caller(), id: sent_again.uploader.id },
        ..sent_again
    };
    let length = sent_again.photo.len();
    assert_eq!(sent_again.uploader.create_with(length, &sent_again.photo).await?.status, 201);

    scene.server.advance(TimeDelta::seconds(2));
    assert_eq!((sweep().await?, originals(&scene).await?), (1, 2));
    scene.server.advance(EXPIRES_AFTER + TimeDelta::seconds(2));
    assert_eq!((sweep().await?, originals(&scene).await?), (0, 2), "what was sent again stays");
    Ok(())
}

#[tokio::test]
async fn a_file_that_was_put_back_before_it_expired_begins_anew() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    leave(&scene, &announced).await?;
    files::sweep(&scene.server.components).await?;
    scene.server.advance(EXPIRES_AFTER + TimeDelta::seconds(1));
    // It came again just before the sweep.
    let phone = scene.phone("grid_worker").await?;
    let uploader = doorstep_tests::tus::Uploader { caller: phone.caller(), id: announced.uploader.id };
    assert_eq!(uploader.create_with(announced.photo.len(), &announced.photo).await?.status, 201);
    assert_eq!(files::sweep(&scene.server.components).await?, 0);
    is_whole(&scene, &Announced { uploader, ..announced }).await
}

#[tokio::test]
async fn who_goes_away_while_a_file_is_looked_into_keeps_nobody_waiting() -> Result<()> {
    let scene = Scene::start().await?;
    // So large that looking into it takes a while.
    let announced = announced_with(&scene, pictures::photo(7, 3000, 2000)?, "image/jpeg").await?;
    let sha256 = ContentHash::of(&announced.photo);
    announced.uploader.create_with(announced.photo.len(), &announced.photo).await?;
    scene.all_examined().await?;
    // Again, and not by the server's own worker: the job is not due.
    let due_at = scene.now() + TimeDelta::days(1);
    let (of_job, of_row) = (&sha256, &sha256);
    scene
        .server
        .components
        .database
        .write(async |transaction| {
            media::Entity::update_many()
                .col_expr(
                    media::Column::ExaminedAt,
                    Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None),
                )
                .filter(media::Column::Sha256.eq(of_row.clone()))
                .exec(transaction)
                .await?;
            let job = media_job::ActiveModel {
                sha256: Set(of_job.clone()),
                due_at: Set(due_at),
                attempts: Set(0),
                failures: Set(0),
                worker: Set(None),
                worker_until: Set(None),
            };
            media_job::Entity::insert(job).exec_without_returning(transaction).await?;
            Ok(())
        })
        .await?;
    let supervisor = scene.caller("supervisor").await?;
    let token = supervisor.token.clone().context("logged in")?;
    let address = format!("{}?size=thumbnail", announced.uploader.address());
    let impatient =
        Caller::with_timeout(scene.server.base_url(), Duration::from_millis(30))?.with_token(token.clone());
    // Whether it got an answer or not: it is gone.
    let _ = impatient.get(&address).await;
    // The clock stands still: a claim that nobody works on would never end.
    until("it is shown", async || Ok((supervisor.get(&address).await?.status == 200).then_some(()))).await
}
