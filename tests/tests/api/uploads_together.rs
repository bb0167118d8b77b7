//! Files of many people at once, and where they are kept.

use anyhow::{Context, Result};
use doorstep::db::entity::media;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::SubmissionId;
use doorstep_tests::county::Place;
use doorstep_tests::elder_visit::PHOTO;
use doorstep_tests::phone::TestPhone;
use doorstep_tests::pictures;
use doorstep_tests::scene::Scene;
use doorstep_tests::tus::Uploader;
use futures::future::try_join_all;
use object_store::ObjectStoreExt;
use object_store::path::Path as StoreKey;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::uploads::{announced, arrived, is_whole};

/// A worker with visits whose photos the server waits for.
struct Worker {
    phone: TestPhone,
    visits: Vec<(SubmissionId, Uploader, Vec<u8>)>,
}

const VISITS: u32 = 4;

async fn worker(scene: &Scene, login_name: &str, place: Place, seed: u32) -> Result<Worker> {
    let case = scene.open_elder(place, login_name, &[]).await?;
    let phone = scene.phone(login_name).await?;
    let mut visits = Vec::new();
    for number in 0..VISITS {
        let photo = pictures::photo(seed + number, 320, 240)?;
        let (content, id) = phone.visit_with_file(case, PHOTO, photo.clone(), "image/jpeg").await?;
        phone.push_only().await?;
        visits.push((content.submission_id, Uploader { caller: phone.caller(), id }, photo));
    }
    Ok(Worker { phone, visits })
}

#[tokio::test]
async fn each_of_many_people_hears_of_their_own_files() -> Result<()> {
    let scene = Scene::start().await?;
    let workers = [
        worker(&scene, "grid_worker", Place::Grid, 100).await?,
        worker(&scene, "next_worker", Place::NextGrid, 200).await?,
        worker(&scene, "far_worker", Place::FarGrid, 300).await?,
    ];
    let sent = try_join_all(
        workers
            .iter()
            .flat_map(|worker| &worker.visits)
            .map(|(_, uploader, photo)| uploader.send_whole(photo)),
    );
    for answer in sent.await? {
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    for worker in &workers {
        let report = worker.phone.sync().await?;
        assert_eq!(report.files_sent, 2 * VISITS as usize, "the signatures; the photos are there");
        worker.phone.sync().await?;
        assert_eq!(worker.phone.wire.repairs.get(), 0, "the stream's hash is what is in it");
        for (submission, uploader, photo) in &worker.visits {
            assert_eq!(worker.phone.status(*submission).await?.media_missing, []);
            arrived(&worker.phone.caller(), uploader, photo).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_file_is_where_its_row_says() -> Result<()> {
    let scene = Scene::start().await?;
    let announced = announced(&scene).await?;
    assert_eq!(announced.uploader.send_whole(&announced.photo).await?.status, 201);
    is_whole(&scene, &announced).await?;
    // As another version kept it.
    let (components, sha256) = (&scene.server.components, ContentHash::of(&announced.photo));
    let row = media::Entity::find_by_id(sha256.clone()).one(components.database.read()).await?;
    let now_at = StoreKey::from(row.context("its row")?.store_key);
    let (elsewhere, of_row) = (StoreKey::from(format!("cc/dd/{sha256}")), &sha256);
    components.media.rename(&now_at, &elsewhere).await?;
    components
        .database
        .write(async |transaction| {
            media::Entity::update_many()
                .col_expr(media::Column::StoreKey, Expr::value(format!("cc/dd/{of_row}")))
                .filter(media::Column::Sha256.eq(of_row.clone()))
                .exec(transaction)
                .await?;
            Ok(())
        })
        .await?;
    is_whole(&scene, &announced).await
}
