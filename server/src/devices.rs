//! Phones from afar: lock, drain then wipe, wipe now (`doorstep_core::command`).
//! A phone hears with the next page that it pulls, and says what it did.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use doorstep_core::command::{
    CommandAnswer, CommandKind, CommandRecord, CommandReport, CommandRequest, DeviceCommand, DeviceRecord,
    DevicesAnswer, Left,
};
use doorstep_core::ids::{CommandId, DeviceId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::{Action, Actor};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use crate::app::Components;
use crate::auth::permit::{HandOver, ManageUsers, Permit};
use crate::db::Transaction;
use crate::db::entity::{device, device_command, session, user};
use crate::error::Result;
use crate::streams::BATCH;
use crate::users;

/// `GET /api/v1/devices`: the phones of everybody whom the asker manages.
pub(crate) async fn list(
    components: web::Data<Components>,
    permit: Permit<ManageUsers>,
) -> Result<web::Json<DevicesAnswer>> {
    let connection = components.database.read();
    let people =
        user::Entity::find().filter(user::Column::County.eq(permit.county())).all(connection).await?;
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
    let actors = users::actors(connection, &ids).await?;
    let managed: Vec<user::Model> = people
        .into_iter()
        .filter(|person| actors.get(&person.id).is_some_and(|actor| manages(&permit, person, actor)))
        .collect();
    Ok(web::Json(DevicesAnswer { devices: records(connection, &managed).await? }))
}

/// `POST /api/v1/devices/{id}/command`.
pub(crate) async fn ask(
    components: web::Data<Components>,
    permit: Permit<ManageUsers>,
    id: web::Path<DeviceId>,
    body: web::Json<CommandRequest>,
) -> Result<web::Json<DeviceRecord>> {
    let connection = components.database.read();
    let device = device::Entity::find_by_id(*id).one(connection).await?.ok_or(ProblemCode::NotFound)?;
    let person = users::find(connection, device.user_id).await?;
    let actor = users::actor(connection, person.id).await?;
    // One that the asker does not manage is not there.
    if !manages(&permit, &person, &actor) {
        return Err(ProblemCode::NotFound.into());
    }
    set_command(&components, device.id, body.kind, Some(permit.user_id())).await?;
    let records = records(components.database.read(), &[person]).await?;
    let record = records.into_iter().find(|record| record.device_id == device.id);
    Ok(web::Json(record.ok_or(ProblemCode::NotFound)?))
}

/// `GET /api/v1/command`: for a phone whose user may not pull any more.
pub(crate) async fn asked(
    components: web::Data<Components>,
    permit: Permit<HandOver>,
) -> Result<web::Json<CommandAnswer>> {
    let command = asked_of(components.database.read(), permit.device_id()).await?;
    Ok(web::Json(CommandAnswer { command }))
}

/// `POST /api/v1/command`.
pub(crate) async fn report(
    components: web::Data<Components>,
    permit: Permit<HandOver>,
    body: web::Json<CommandReport>,
) -> Result<HttpResponse> {
    let now = components.clock.now();
    let (device, report) = (permit.device_id(), body.into_inner());
    components
        .database
        .write(async |transaction| note_report(transaction, device, report, now).await)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Whether the asker manages a person: wherever that person has a role.
fn manages(permit: &Permit<ManageUsers>, person: &user::Model, actor: &Actor) -> bool {
    person.county == permit.county()
        && actor
            .scopes
            .iter()
            .all(|scope| permit.may(Action::ManageUsers, &scope.area_path, scope.programme.as_deref()))
}

/// What is asked of a device and not done.
///
/// # Errors
/// When the database refuses.
pub async fn asked_of(connection: &impl ConnectionTrait, device: DeviceId) -> Result<Option<DeviceCommand>> {
    let row = device_command::Entity::find()
        .filter(device_command::Column::DeviceId.eq(device))
        .filter(device_command::Column::DoneAt.is_null())
        .filter(device_command::Column::WithdrawnAt.is_null())
        .order_by_desc(device_command::Column::Id)
        .one(connection)
        .await?;
    Ok(row.map(|row| DeviceCommand { id: row.id, kind: row.kind }))
}

/// Asks something of a device in place of what was asked before; `None` only
/// takes that back.
///
/// # Errors
/// `not_found` when there is no such device.
pub async fn set_command(
    components: &Components,
    device: DeviceId,
    kind: Option<CommandKind>,
    asked_by: Option<UserId>,
) -> Result<()> {
    let now = components.clock.now();
    components
        .database
        .write(async |transaction| {
            device::Entity::find_by_id(device)
                .lock_exclusive()
                .one(transaction)
                .await?
                .ok_or(ProblemCode::NotFound)?;
            device_command::Entity::update_many()
                .col_expr(device_command::Column::WithdrawnAt, Expr::value(now))
                .filter(device_command::Column::DeviceId.eq(device))
                .filter(device_command::Column::DoneAt.is_null())
                .filter(device_command::Column::WithdrawnAt.is_null())
                .exec(transaction)
                .await?;
            let Some(kind) = kind else { return Ok(()) };
            device_command::ActiveModel {
                id: Set(CommandId(uuid::Uuid::now_v7())),
                device_id: Set(device),
                kind: Set(kind),
                asked_by: Set(asked_by),
                asked_at: Set(now),
                withdrawn_at: Set(None),
                seen_at: Set(None),
                done_at: Set(None),
                visits_left: Set(0),
                files_left: Set(0),
                drafts_left: Set(0),
            }
            .insert(transaction)
            .await?;
            Ok(())
        })
        .await?;
    tracing::info!(%device, command = kind.map_or("none", CommandKind::code), "a phone is asked from afar");
    Ok(())
}

/// Writes down that a phone which had sent operations begins from nothing, for
/// whoever asks its person what was lost.
///
/// # Errors
/// When the database refuses.
pub async fn note_new_storage(components: &Components, device: DeviceId) -> Result<()> {
    let now = components.clock.now();
    components
        .database
        .write(async |transaction| {
            device::Entity::update_many()
                .col_expr(device::Column::StorageRecreatedAt, Expr::value(now))
                .filter(device::Column::Id.eq(device))
                .exec(transaction)
                .await?;
            Ok(())
        })
        .await?;
    tracing::warn!(%device, "a phone that has sent operations begins from nothing: its storage was lost");
    Ok(())
}

/// Writes down what a phone has heard or done. One that has deleted everything
/// is no device any more: whoever has a copy of its keys cannot use them.
async fn note_report(
    transaction: &Transaction,
    device: DeviceId,
    report: CommandReport,
    now: DateTime<Utc>,
) -> Result<()> {
    let known = device_command::Entity::find_by_id(report.id).lock_exclusive().one(transaction).await?;
    let known = known.filter(|row| row.device_id == device).ok_or(ProblemCode::NotFound)?;
    let (kind, seen_at, done_at) = (known.kind, known.seen_at, known.done_at);
    let mut row = known.into_active_model();
    row.seen_at = Set(seen_at.or(Some(now)));
    row.done_at = Set(done_at.or(report.done.then_some(now)));
    row.visits_left = Set(signed(report.left.visits));
    row.files_left = Set(signed(report.left.files));
    row.drafts_left = Set(signed(report.left.drafts));
    row.update(transaction).await?;
    if report.done && kind.wipes() {
        device::Entity::update_many()
            .col_expr(device::Column::RevokedAt, Expr::value(now))
            .filter(device::Column::Id.eq(device))
            .filter(device::Column::RevokedAt.is_null())
            .exec(transaction)
            .await?;
        session::Entity::update_many()
            .col_expr(session::Column::RevokedAt, Expr::value(now))
            .filter(session::Column::DeviceId.eq(device))
            .filter(session::Column::RevokedAt.is_null())
            .exec(transaction)
            .await?;
    }
    Ok(())
}

fn signed(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// The phones of these people, whichever was seen last first.
///
/// # Errors
/// When the database refuses.
pub async fn records(connection: &impl ConnectionTrait, people: &[user::Model]) -> Result<Vec<DeviceRecord>> {
    let names: HashMap<UserId, (&str, &str)> = people
        .iter()
        .map(|person| (person.id, (person.login_name.as_str(), person.display_name.as_str())))
        .collect();
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
    let mut records = Vec::new();
    for ids in ids.chunks(BATCH) {
        let devices = device::Entity::find()
            .filter(device::Column::UserId.is_in(ids.iter().copied()))
            .all(connection)
            .await?;
        let mut commands = HashMap::new();
        let device_ids: Vec<DeviceId> = devices.iter().map(|device| device.id).collect();
        for device_ids in device_ids.chunks(BATCH) {
            let rows = device_command::Entity::find()
                .filter(device_command::Column::DeviceId.is_in(device_ids.iter().copied()))
                .filter(device_command::Column::WithdrawnAt.is_null())
                .order_by_asc(device_command::Column::Id)
                .all(connection)
                .await?;
            // The last one stays.
            commands.extend(rows.into_iter().map(|row| (row.device_id, record(&row))));
        }
        records.extend(devices.into_iter().map(|device| {
            let (login_name, display_name) = names.get(&device.user_id).copied().unwrap_or_default();
            DeviceRecord {
                device_id: device.id,
                user_id: device.user_id,
                login_name: login_name.to_owned(),
                display_name: display_name.to_owned(),
                name: device.name,
                last_seen_at: device.last_seen_at,
                revoked_at: device.revoked_at,
                storage_recreated_at: device.storage_recreated_at,
                command: commands.get(&device.id).cloned(),
            }
        }));
    }
    records.sort_by_key(|record| (std::cmp::Reverse(record.last_seen_at), record.device_id));
    Ok(records)
}

fn record(row: &device_command::Model) -> CommandRecord {
    CommandRecord {
        id: row.id,
        kind: row.kind,
        asked_at: row.asked_at,
        seen_at: row.seen_at,
        done_at: row.done_at,
        left: Left {
            visits: row.visits_left.unsigned_abs(),
            files: row.files_left.unsigned_abs(),
            drafts: row.drafts_left.unsigned_abs(),
        },
    }
}
