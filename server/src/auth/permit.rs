//! Permissions, in the type of a handler's argument.
//!
//! A handler that wants to know who asks takes a [`Permit`] and thereby says
//! for what: `permit: Permit<Review>`. Who may not do that anywhere never
//! reaches the handler; whether it is allowed *here* is asked with
//! [`Permit::require`], with the area and programme of the thing. There is no
//! other way to an [`Actor`].

use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use doorstep_core::area::AreaPath;
use doorstep_core::ids::{DeviceId, SessionId, UserId};
use doorstep_core::problem::ProblemCode;
use doorstep_core::role::{self, Action, Actor};
use futures::future::LocalBoxFuture;
use sea_orm::EntityTrait;

use crate::app::Components;
use crate::auth::tokens::Claims;
use crate::db::entity::{device, session, user};
use crate::error::{Error, Result};
use crate::users;

/// What a handler lets people do.
pub trait Purpose: 'static {
    /// What somebody needs to be allowed somewhere. `None`: being logged in.
    const ACTION: Option<Action>;
    /// Whether disabled accounts are let in, to hand over what they captured.
    const DISABLED_TOO: bool = false;
    /// Whether roles are looked up. Where they are not, the permit has none,
    /// and allows nothing that a role would.
    const WITH_ROLES: bool = true;
}

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident: $action:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl Purpose for $name {
            const ACTION: Option<Action> = $action;
        }
    )*};
}

purposes! {
    /// What concerns the person alone: profile, own stream.
    LoggedIn: None;
    /// Hold the cases of an area on the phone.
    HoldCases: Some(Action::HoldCases);
    /// Capture a form about a case.
    Capture: Some(Action::Capture);
    /// See the queue, submissions and their media.
    ReadSubmissions: Some(Action::ReadSubmissions);
    /// Approve, return or reject.
    Review: Some(Action::Review);
    /// See cases and their history.
    ReadCases: Some(Action::ReadCases);
    /// Create and disable accounts and devices.
    ManageUsers: Some(Action::ManageUsers);
    /// Publish forms and the pack.
    Publish: Some(Action::Publish);
    /// Look at parked operations and retry them.
    ReadParked: Some(Action::ReadParked);
}

/// Hand over what was captured. Nothing captured is ever lost, so even a
/// disabled account may; what it sends is parked.
#[derive(Debug)]
pub struct HandOver;

impl Purpose for HandOver {
    const ACTION: Option<Action> = None;
    const DISABLED_TOO: bool = true;
}

/// Send the files that were announced with what was handed over. Who may send
/// which follows from what they announced, not from a role.
#[derive(Debug)]
pub struct SendFiles;

impl Purpose for SendFiles {
    const ACTION: Option<Action> = None;
    const DISABLED_TOO: bool = true;
    const WITH_ROLES: bool = false;
}

/// Somebody who is logged in and may do `P` somewhere.
#[derive(Debug)]
pub struct Permit<P: Purpose> {
    actor: Actor,
    device_id: DeviceId,
    session_id: SessionId,
    user: user::Model,
    purpose: PhantomData<P>,
}

impl<P: Purpose> Permit<P> {
    /// Who asks, with all their memberships.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    pub fn user_id(&self) -> UserId {
        self.actor.user_id
    }

    /// The device that the token belongs to.
    pub fn device_id(&self) -> DeviceId {
        self.device_id
    }

    pub fn session_id(&self) -> SessionId {
        self.session_id
    }

    /// The county whose data the person works with.
    pub fn county(&self) -> &str {
        &self.user.county
    }

    pub fn display_name(&self) -> &str {
        &self.user.display_name
    }

    /// Whether the account is disabled. Only [`HandOver`] lets one in.
    pub fn is_disabled(&self) -> bool {
        self.user.disabled_at.is_some()
    }

    pub(crate) fn user(&self) -> &user::Model {
        &self.user
    }

    /// Whether the person may do `action` in the area at `path`, for
    /// `programme` (`None`: the thing belongs to no programme).
    pub fn may(&self, action: Action, path: &AreaPath, programme: Option<&str>) -> bool {
        !self.is_disabled() && role::can(&self.actor, action, path, programme)
    }

    /// Asks the same, and stops here if not.
    ///
    /// # Errors
    /// `no_permission`.
    pub fn require(&self, action: Action, path: &AreaPath, programme: Option<&str>) -> Result<()> {
        if self.may(action, path, programme) { Ok(()) } else { Err(ProblemCode::NoPermission.into()) }
    }
}

impl<P: Purpose> FromRequest for Permit<P> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let components = request.app_data::<web::Data<Components>>().cloned();
        let token = bearer(request).map(str::to_owned);
        Box::pin(async move {
            let components =
                components.ok_or_else(|| Error::internal(anyhow::anyhow!("no components on this route")))?;
            permit(&components, &token.ok_or(ProblemCode::SessionExpired)?).await
        })
    }
}

/// Whoever sends files: somebody who is logged in, or a locked phone by the
/// token that only hands over.
#[derive(Debug)]
pub(crate) struct FileSender {
    pub(crate) user_id: UserId,
    /// By that token: files are sealed then.
    pub(crate) is_locked: bool,
}

impl FromRequest for FileSender {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let components = request.app_data::<web::Data<Components>>().cloned();
        let token = bearer(request).map(str::to_owned);
        Box::pin(async move {
            let components =
                components.ok_or_else(|| Error::internal(anyhow::anyhow!("no components on this route")))?;
            let (token, now) = (token.ok_or(ProblemCode::SessionExpired)?, components.clock.now());
            let (claims, is_locked) = match components.tokens.read(&token, now) {
                Ok(claims) => (claims, false),
                Err(refused) => match components.tokens.read_push(&token, now) {
                    Ok(claims) => (claims, true),
                    Err(_) => return Err(refused),
                },
            };
            let permit: Permit<SendFiles> = admit(&components, claims).await?;
            Ok(Self { user_id: permit.user_id(), is_locked })
        })
    }
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

async fn permit<P: Purpose>(components: &Components, token: &str) -> Result<Permit<P>> {
    let claims = components.tokens.read(token, components.clock.now())?;
    admit(components, claims).await
}

/// For whoever holds a token that only hands over.
///
/// # Errors
/// As for any other token: `session_expired`, `device_unknown`.
pub(crate) async fn to_hand_over(components: &Components, claims: Claims) -> Result<Permit<HandOver>> {
    admit(components, claims).await
}

/// For whoever shows something that was signed for a session: as if its person
/// asked now, so that what was taken from them since is taken.
///
/// # Errors
/// As for a token of the session: `session_expired`, `device_unknown`,
/// `account_disabled`.
pub(crate) async fn of_session(components: &Components, id: SessionId) -> Result<Permit<LoggedIn>> {
    let found = session::Entity::find_by_id(id).one(components.database.read()).await?;
    let session = found.ok_or(ProblemCode::SessionExpired)?;
    let claims = Claims { user_id: session.user_id, device_id: session.device_id, session_id: id };
    admit(components, claims).await
}

/// For what whoever runs the server hands over in the name of its author, from
/// a file. There is no session.
///
/// `None`: there is no such account.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn of_author(
    components: &Components,
    author: UserId,
    device_id: DeviceId,
) -> Result<Option<Permit<HandOver>>> {
    let connection = components.database.read();
    let Some(user) = user::Entity::find_by_id(author).one(connection).await? else { return Ok(None) };
    let actor = users::actor(connection, user.id).await?;
    let session_id = SessionId(uuid::Uuid::nil());
    Ok(Some(Permit { actor, device_id, session_id, user, purpose: PhantomData }))
}

async fn admit<P: Purpose>(components: &Components, claims: Claims) -> Result<Permit<P>> {
    let now = components.clock.now();
    let connection = components.database.read();

    // All at once: every request asks this.
    let found = session::Entity::find_by_id(claims.session_id)
        .find_also_related(device::Entity)
        .and_also_related(user::Entity)
        .all(connection)
        .await?;
    let (session, device, user) = found.into_iter().next().ok_or(ProblemCode::SessionExpired)?;
    if session.revoked_at.is_some() || session.expires_at <= now {
        return Err(ProblemCode::SessionExpired.into());
    }
    let device = device.filter(|device| device.id == claims.device_id).ok_or(ProblemCode::DeviceUnknown)?;
    if device.revoked_at.is_some() || device.user_id != claims.user_id {
        return Err(ProblemCode::DeviceUnknown.into());
    }
    let user = user.ok_or(ProblemCode::SessionExpired)?;
    if user.disabled_at.is_some() && !P::DISABLED_TOO {
        return Err(ProblemCode::AccountDisabled.into());
    }
    let actor = match P::WITH_ROLES {
        true => users::actor(connection, user.id).await?,
        false => Actor { user_id: user.id, scopes: Vec::new() },
    };
    if let Some(action) = P::ACTION
        && !actor.scopes.iter().any(|scope| role::allows(scope.role, action))
    {
        return Err(ProblemCode::NoPermission.into());
    }
    Ok(Permit { actor, device_id: device.id, session_id: session.id, user, purpose: PhantomData })
}
