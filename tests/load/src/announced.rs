//! A database in which phones have announced their photos and sent none: rows
//! as a push would have written them, without the hour that pushing takes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use doorstep::app::Components;
use doorstep::auth::tokens::Claims;
use doorstep::clock::Clock;
use doorstep::config::Config;
use doorstep::db::Database;
use doorstep::db::entity::{device, media, session, submission, submission_media, user};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{CaseId, DeviceId, FormVersionId, MediaId, SessionId, SubmissionId, UserId};
use doorstep_core::submission::SubmissionState;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Set};
use uuid::Uuid;

use crate::phone::Phone;
use crate::photos::Photo;

const COUNTY: &str = "610199";
/// Rows of one statement.
const ROWS: usize = 200;

/// Makes the database, and tells of each phone what it has to send.
pub(crate) async fn prepare(data: &Path, phones: usize, photos: usize) -> Result<Vec<Phone>> {
    let components =
        Components::open(&Config { data: data.to_owned(), ..Config::default() }, Clock::system()).await?;
    let photo = Arc::new(Photo::make()?);
    let now = components.clock.now();
    let mut made = Vec::new();
    for number in 0..phones {
        made.push(employ(&components, &photo, number, photos, now).await?);
    }
    components.database.close().await;
    Ok(made)
}

async fn employ(
    components: &Components,
    photo: &Arc<Photo>,
    number: usize,
    photos: usize,
    now: DateTime<Utc>,
) -> Result<Phone> {
    let (user_id, device_id, session_id) =
        (UserId(Uuid::now_v7()), DeviceId(Uuid::now_v7()), SessionId(Uuid::now_v7()));
    let mut announced = Vec::new();
    let (mut submissions, mut files) = (Vec::new(), Vec::new());
    for index in 0..photos {
        let which = u32::try_from(number * photos + index)?;
        let (id, media_id) = (SubmissionId(Uuid::now_v7()), MediaId(Uuid::now_v7()));
        let (start, rest) = photo.numbered(which);
        let sha256 = ContentHash::of(&[&start, rest].concat());
        announced.push((which, media_id));
        submissions.push(submission_of(id, user_id, device_id, now));
        files.push(submission_media::ActiveModel {
            submission_id: Set(id),
            media_id: Set(media_id),
            path: Set("/photo".to_owned()),
            file_name: Set(format!("{which}.jpg")),
            sha256: Set(sha256),
            size_bytes: Set(i64::try_from(photo.size_bytes())?),
            content_type: Set("image/jpeg".to_owned()),
            stored_at: Set(None),
            preview_of: Set(None),
        });
    }
    components
        .database
        .write(async |transaction| {
            user::Entity::insert(user_of(user_id, number, now)).exec_without_returning(transaction).await?;
            device::Entity::insert(device_of(device_id, user_id, now))
                .exec_without_returning(transaction)
                .await?;
            let row = session::ActiveModel {
                id: Set(session_id),
                user_id: Set(user_id),
                device_id: Set(device_id),
                refresh_token_hash: Set(number.to_string()),
                previous_token_hash: Set(None),
                created_at: Set(now),
                refreshed_at: Set(now),
                expires_at: Set(now + TimeDelta::days(1)),
                revoked_at: Set(None),
            };
            session::Entity::insert(row).exec_without_returning(transaction).await?;
            for rows in submissions.chunks(ROWS) {
                submission::Entity::insert_many(rows.to_vec()).exec_without_returning(transaction).await?;
            }
            for rows in files.chunks(ROWS) {
                submission_media::Entity::insert_many(rows.to_vec())
                    .exec_without_returning(transaction)
                    .await?;
            }
            Ok(())
        })
        .await?;
    let (token, _) = components.tokens.issue(Claims { user_id, device_id, session_id }, now)?;
    Ok(Phone { token, photo: Arc::clone(photo), announced })
}

fn user_of(id: UserId, number: usize, now: DateTime<Utc>) -> user::ActiveModel {
    user::ActiveModel {
        id: Set(id),
        county: Set(COUNTY.to_owned()),
        login_name: Set(format!("worker{number}")),
        display_name: Set(format!("工作人员{number}")),
        password_hash: Set(String::new()),
        failed_logins: Set(0),
        locked_until: Set(None),
        disabled_at: Set(None),
        created_at: Set(now),
    }
}

fn device_of(id: DeviceId, user_id: UserId, now: DateTime<Utc>) -> device::ActiveModel {
    device::ActiveModel {
        id: Set(id),
        user_id: Set(user_id),
        name: Set("bench".to_owned()),
        public_key: Set(String::new()),
        last_seq: Set(0),
        registered_at: Set(now),
        last_seen_at: Set(now),
        revoked_at: Set(None),
        storage_recreated_at: Set(None),
    }
}

fn submission_of(
    id: SubmissionId,
    author: UserId,
    device_id: DeviceId,
    now: DateTime<Utc>,
) -> submission::ActiveModel {
    submission::ActiveModel {
        id: Set(id),
        county: Set(COUNTY.to_owned()),
        root_id: Set(id),
        revision: Set(1),
        form_version_id: Set(FormVersionId(Uuid::nil())),
        form_id: Set("visit".to_owned()),
        case_id: Set(CaseId(Uuid::now_v7())),
        task_id: Set(None),
        case_version: Set(1),
        author_id: Set(author),
        device_id: Set(device_id),
        state: Set(SubmissionState::Submitted),
        content: Set("{}".to_owned()),
        sha256: Set(ContentHash::of(id.to_string().as_bytes())),
        verified_instance: Set("{}".to_owned()),
        form_problems: Set("[]".to_owned()),
        differences: Set("[]".to_owned()),
        alert_level: Set(0),
        alert_codes: Set("[]".to_owned()),
        finished_at: Set(now),
        received_at: Set(now),
        decided_at: Set(None),
        decided_by: Set(None),
    }
}

/// How many photos the running server looks into in a second.
pub(crate) async fn thumbnails_a_second(data: &Path, counted_for: Duration) -> Result<f64> {
    let database = Database::connect(&format!("sqlite://{}", data.join("doorstep.db").display())).await?;
    let before = examined(&database).await?;
    tokio::time::sleep(counted_for).await;
    let made = examined(&database).await? - before;
    database.close().await;
    Ok(made as f64 / counted_for.as_secs_f64())
}

async fn examined(database: &Database) -> Result<u64> {
    let found = media::Entity::find().filter(media::Column::Fingerprint.is_not_null());
    Ok(found.count(database.read()).await?)
}
