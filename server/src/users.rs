//! People with an account, their memberships, and who is responsible where.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use doorstep_core::api::{Me, MembershipRecord};
use doorstep_core::area::AreaPath;
use doorstep_core::ids::{AreaId, MembershipId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::{Actor, Role, Scope};
use doorstep_core::text::LocalText;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, JoinType,
    QueryFilter, QueryOrder, QuerySelect, Set, SqlErr,
};

use crate::area;
use crate::auth::password::{PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MIN};
use crate::db::entity::{self, membership, user};
use crate::error::{Error, Result};
use crate::streams::BATCH;

/// Longest login name and display name.
const NAME_CHARACTERS_MAX: usize = 100;

/// A person to be added.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub id: UserId,
    pub county: String,
    pub login_name: String,
    pub display_name: String,
    /// As [`crate::auth::password::Passwords::hash`] made it.
    pub password_hash: String,
}

/// Checks a password that somebody wants to have.
///
/// # Errors
/// `invalid_request`, saying what is wrong with it.
pub fn check_new_password(password: &str) -> Result<()> {
    if password.chars().count() < PASSWORD_CHARACTERS_MIN || password.len() > PASSWORD_BYTES_MAX {
        return Err(Error::problem(ProblemCode::InvalidRequest).field(
            "/password",
            LocalText::new(
                format!("密码至少 {PASSWORD_CHARACTERS_MIN} 个字符。"),
                format!("A password has at least {PASSWORD_CHARACTERS_MIN} characters."),
            ),
        ));
    }
    Ok(())
}

/// Login names are compared without case and without white space around.
pub fn folded_login_name(login_name: &str) -> String {
    login_name.trim().to_lowercase()
}

/// Adds a person, who can then log in and has no role yet.
///
/// # Errors
/// `invalid_request` when the login name is taken or unusable.
pub async fn add(connection: &impl ConnectionTrait, new: NewUser, now: DateTime<Utc>) -> Result<user::Model> {
    let login_name = folded_login_name(&new.login_name);
    let usable = !login_name.is_empty()
        && login_name.chars().count() <= NAME_CHARACTERS_MAX
        && !login_name.chars().any(|character| character.is_whitespace() || character.is_control());
    if !usable {
        return Err(invalid_login_name(
            "登录名不能为空或含有空格。",
            "A login name has no spaces and is not empty.",
        ));
    }
    if user::Entity::find().filter(user::Column::LoginName.eq(&login_name)).one(connection).await?.is_some() {
        return Err(login_name_taken());
    }
    let row = user::ActiveModel {
        id: Set(new.id),
        county: Set(new.county),
        login_name: Set(login_name),
        display_name: Set(new.display_name.trim().chars().take(NAME_CHARACTERS_MAX).collect()),
        password_hash: Set(new.password_hash),
        failed_logins: Set(0),
        locked_until: Set(None),
        disabled_at: Set(None),
        created_at: Set(now),
    };
    row.insert(connection).await.map_err(|cause| match cause.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => login_name_taken(),
        _ => cause.into(),
    })
}

fn login_name_taken() -> Error {
    invalid_login_name("登录名已被使用。", "The login name is taken.")
}

fn invalid_login_name(zh: &str, en: &str) -> Error {
    Error::problem(ProblemCode::InvalidRequest).field("/login_name", LocalText::new(zh, en))
}

/// Gives somebody a role in an area, for one programme or (`None`) for all.
///
/// # Errors
/// `not_found` when there is no such area.
pub async fn grant(
    connection: &impl ConnectionTrait,
    user: UserId,
    role: Role,
    area: AreaId,
    programme: Option<&str>,
) -> Result<membership::Model> {
    area::find(connection, area).await?;
    Ok(membership::ActiveModel {
        id: Set(MembershipId(uuid::Uuid::now_v7())),
        user_id: Set(user),
        role: Set(role),
        area_id: Set(area),
        programme: Set(programme.map(str::to_owned)),
    }
    .insert(connection)
    .await?)
}

/// Takes a role away.
pub async fn revoke(connection: &impl ConnectionTrait, membership: MembershipId) -> Result<()> {
    membership::Entity::delete_by_id(membership).exec(connection).await?;
    Ok(())
}

/// Disables an account, or enables it again. What its phones captured can
/// still be sent.
///
/// # Errors
/// `not_found` when there is no such account.
pub async fn set_disabled(
    connection: &impl ConnectionTrait,
    user: UserId,
    disabled_at: Option<DateTime<Utc>>,
) -> Result<()> {
    let mut row = find(connection, user).await?.into_active_model();
    row.disabled_at = Set(disabled_at);
    row.update(connection).await?;
    Ok(())
}

/// Lets a person who was locked out try again at once.
///
/// # Errors
/// `not_found` when there is no such account.
pub async fn unlock(connection: &impl ConnectionTrait, user: UserId) -> Result<()> {
    let mut row = find(connection, user).await?.into_active_model();
    row.failed_logins = Set(0);
    row.locked_until = Set(None);
    row.update(connection).await?;
    Ok(())
}

/// A person's row.
///
/// # Errors
/// `not_found` when there is none.
pub async fn find(connection: &impl ConnectionTrait, id: UserId) -> Result<user::Model> {
    Ok(user::Entity::find_by_id(id).one(connection).await?.ok_or(ProblemCode::NotFound)?)
}

/// What several people are called on screens; unknown ones are left out.
pub async fn display_names(
    connection: &impl ConnectionTrait,
    ids: &[UserId],
) -> Result<HashMap<UserId, String>> {
    let wanted: Vec<UserId> = ids.iter().copied().collect::<HashSet<_>>().into_iter().collect();
    let mut names = HashMap::new();
    for ids in wanted.chunks(BATCH) {
        let rows: Vec<(UserId, String)> = user::Entity::find()
            .select_only()
            .columns([user::Column::Id, user::Column::DisplayName])
            .filter(user::Column::Id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(connection)
            .await?;
        names.extend(rows);
    }
    Ok(names)
}

/// The person with a login name.
pub async fn find_by_login_name(
    connection: &impl ConnectionTrait,
    login_name: &str,
) -> Result<Option<user::Model>> {
    Ok(user::Entity::find()
        .filter(user::Column::LoginName.eq(folded_login_name(login_name)))
        .one(connection)
        .await?)
}

/// A person with everything a permission depends on.
pub async fn actor(connection: &impl ConnectionTrait, id: UserId) -> Result<Actor> {
    let known = actors(connection, &[id]).await?.remove(&id);
    Ok(known.unwrap_or(Actor { user_id: id, scopes: Vec::new() }))
}

/// Several people with everything a permission depends on.
pub async fn actors(connection: &impl ConnectionTrait, ids: &[UserId]) -> Result<HashMap<UserId, Actor>> {
    let mut actors: HashMap<UserId, Actor> =
        ids.iter().map(|id| (*id, Actor { user_id: *id, scopes: Vec::new() })).collect();
    for ids in ids.chunks(BATCH) {
        let scopes: Vec<(UserId, Role, AreaId, AreaPath, Option<String>)> = membership::Entity::find()
            .select_only()
            .columns([membership::Column::UserId, membership::Column::Role, membership::Column::AreaId])
            .column(entity::area::Column::Path)
            .column(membership::Column::Programme)
            .join(
                JoinType::InnerJoin,
                membership::Entity::belongs_to(entity::area::Entity)
                    .from(membership::Column::AreaId)
                    .to(entity::area::Column::Id)
                    .into(),
            )
            .filter(membership::Column::UserId.is_in(ids.iter().copied()))
            .order_by_asc(membership::Column::Id)
            .into_tuple()
            .all(connection)
            .await?;
        for (user_id, role, area_id, area_path, programme) in scopes {
            let Some(actor) = actors.get_mut(&user_id) else { continue };
            actor.scopes.push(Scope { role, area_id, area_path, programme });
        }
    }
    Ok(actors)
}

/// Who does the tasks of `role` for a case in the area at `path`: the person
/// whose area covers it most closely; of several, one who has just this
/// programme, then whoever came first. Disabled people do none.
pub async fn assignee_for(
    connection: &impl ConnectionTrait,
    role: Role,
    path: &AreaPath,
    programme: &str,
) -> Result<Option<UserId>> {
    let covering: Vec<AreaId> = path.areas().collect();
    let candidates = membership::Entity::find()
        .filter(membership::Column::Role.eq(role))
        .filter(membership::Column::AreaId.is_in(covering.iter().copied()))
        .filter(membership::Column::Programme.is_null().or(membership::Column::Programme.eq(programme)))
        .all(connection)
        .await?;
    let enabled: HashSet<UserId> = user::Entity::find()
        .filter(user::Column::Id.is_in(candidates.iter().map(|membership| membership.user_id)))
        .filter(user::Column::DisabledAt.is_null())
        .all(connection)
        .await?
        .into_iter()
        .map(|user| user.id)
        .collect();
    let depth = |area: AreaId| covering.iter().position(|above| *above == area);
    Ok(candidates
        .into_iter()
        .filter(|membership| enabled.contains(&membership.user_id))
        .min_by_key(|membership| {
            (Reverse(depth(membership.area_id)), membership.programme.is_none(), membership.id)
        })
        .map(|membership| membership.user_id))
}

/// What a person's own phone shows of them.
pub async fn me(connection: &impl ConnectionTrait, user: &user::Model) -> Result<Me> {
    let actor = actor(connection, user.id).await?;
    let ids: Vec<AreaId> = actor.scopes.iter().map(|scope| scope.area_id).collect();
    let names = area::names(connection, &ids).await?;
    Ok(Me {
        user_id: user.id,
        login_name: user.login_name.clone(),
        display_name: user.display_name.clone(),
        county: user.county.clone(),
        memberships: actor
            .scopes
            .into_iter()
            .map(|scope| MembershipRecord {
                role: scope.role,
                area_name: names.get(&scope.area_id).cloned().unwrap_or_default(),
                area_id: scope.area_id,
                area_path: scope.area_path,
                programme: scope.programme,
            })
            .collect(),
    })
}
