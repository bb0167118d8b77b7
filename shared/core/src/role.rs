//! Roles, and the one table of what each may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::area::AreaPath;
use crate::ids::{AreaId, UserId};
use crate::text::LocalText;

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $zh:literal, $en:literal;)*) => {
        /// The roles of DESIGN §2.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[cfg_attr(feature = "ids", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
        pub enum Role { $($(#[$doc])* $name,)* }

        impl Role {
            /// Every role, in the order in which people meet them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable word stored in the database and sent on the wire.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What the role is called on a screen.
            pub fn label(self) -> LocalText {
                match self { $(Self::$name => LocalText::new($zh, $en),)* }
            }
        }
    };
}

roles! {
    /// Own grid: patrols, elder visits, clues.
    GridWorker, "grid_worker", "网格员", "Grid worker";
    /// Own village's children: register, visit, mandatory report.
    ChildDirector, "child_director", "儿童主任", "Child director";
    /// Assigned tasks only; retains nothing after acceptance.
    Investigator, "investigator", "入户调查队", "Investigator";
    /// Township: first review, assign, return.
    Supervisor, "supervisor", "镇街主管", "Township supervisor";
    /// County-wide, own programme: second review, confirm.
    County, "county", "县股室", "County office";
    /// Sampled cases, blind to the first result.
    Inspector, "inspector", "监督检查队", "Inspector";
    /// No case content: users, areas, forms, devices, feeds.
    Admin, "admin", "系统管理员", "Administrator";
    /// Logs only.
    Auditor, "auditor", "审计员", "Auditor";
    /// Aggregates and approved cases, masked.
    Viewer, "viewer", "查看员", "Viewer";
}

/// A role word that is none of [`Role::ALL`].
#[derive(Debug, thiserror::Error)]
#[error("unknown role {0:?}")]
pub struct UnknownRole(pub String);

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|role| role.code() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// What somebody wants to do to something in an area and a programme.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Hold the cases of an area on the phone.
    HoldCases,
    /// Capture a form about a case.
    Capture,
    /// See the queue, submissions and their media.
    ReadSubmissions,
    /// Approve, return or reject.
    Review,
    /// See cases and their history.
    ReadCases,
    /// Create and disable accounts and devices.
    ManageUsers,
    /// Publish forms and the pack.
    Publish,
    /// Look at parked operations and retry them.
    ReadParked,
}

/// One membership of an actor: a role in an area, for one programme or all.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Scope {
    pub role: Role,
    pub area_id: AreaId,
    pub area_path: AreaPath,
    /// `None` means every programme.
    pub programme: Option<String>,
}

/// Somebody who is logged in, with everything a permission depends on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Actor {
    pub user_id: UserId,
    pub scopes: Vec<Scope>,
}

/// Whether `role` may do `action` at all, wherever it is a member.
pub fn allows(role: Role, action: Action) -> bool {
    match action {
        Action::HoldCases => matches!(role, Role::GridWorker | Role::ChildDirector | Role::Supervisor),
        Action::Capture => {
            matches!(
                role,
                Role::GridWorker
                    | Role::ChildDirector
                    | Role::Investigator
                    | Role::Supervisor
                    | Role::County
                    | Role::Inspector
            )
        }
        Action::ReadSubmissions | Action::Review => matches!(role, Role::Supervisor | Role::County),
        Action::ReadCases => {
            matches!(role, Role::GridWorker | Role::ChildDirector | Role::Supervisor | Role::County)
        }
        Action::ManageUsers | Action::Publish => role == Role::Admin,
        Action::ReadParked => matches!(role, Role::Supervisor | Role::County),
    }
}

/// Whether `actor` may do `action` in the area at `path`, for `programme`
/// (`None`: the thing belongs to no programme).
///
/// The surveyor of a submission can never review it; that is checked where
/// the submission is known, in `submission::may_review`.
pub fn can(actor: &Actor, action: Action, path: &AreaPath, programme: Option<&str>) -> bool {
    actor.scopes.iter().any(|scope| {
        allows(scope.role, action)
            && scope.area_path.contains(path)
            && match (&scope.programme, programme) {
                (None, _) | (_, None) => true,
                (Some(own), Some(wanted)) => own == wanted,
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn actor(role: Role, path: &AreaPath, programme: Option<&str>) -> Actor {
        Actor {
            user_id: UserId(Uuid::from_u128(1)),
            scopes: vec![Scope {
                role,
                area_id: AreaId(Uuid::from_u128(2)),
                area_path: path.clone(),
                programme: programme.map(str::to_owned),
            }],
        }
    }

    #[test]
    fn a_permission_is_role_and_area_and_programme() {
        let township = AreaPath::root(AreaId(Uuid::from_u128(10)));
        let village = township.child(AreaId(Uuid::from_u128(11)));
        let elsewhere = AreaPath::root(AreaId(Uuid::from_u128(12)));
        let supervisor = actor(Role::Supervisor, &township, Some("elder"));

        assert!(can(&supervisor, Action::Review, &village, Some("elder")));
        assert!(!can(&supervisor, Action::Review, &village, Some("child")), "another programme");
        assert!(!can(&supervisor, Action::Review, &elsewhere, Some("elder")), "another area");
        assert!(
            !can(&actor(Role::GridWorker, &township, None), Action::Review, &village, None),
            "another role"
        );
        let village_worker = actor(Role::GridWorker, &village, None);
        assert!(!can(&village_worker, Action::Capture, &township, None), "the area above");
        assert!(
            !can(&actor(Role::Admin, &township, None), Action::ReadCases, &village, None),
            "no case content"
        );
    }
}
