//! Identifiers. Each is a UUIDv7 made where the thing is made, so that a
//! phone without a network can name what it captures.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[cfg_attr(feature = "ids", derive(sea_orm::DeriveValueType))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        #[cfg(feature = "ids")]
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )*};
}

identifiers! {
    /// A place in the area tree. Never reused, whatever happens to its code.
    AreaId;
    /// A person with an account.
    UserId;
    /// One role of one user in one area.
    MembershipId;
    /// One user's installation on one phone. Two users of one phone have two.
    DeviceId;
    /// One login on one device; its refresh token rotates.
    SessionId;
    /// A subject of the ledger: household, person, enrolment, facility, site.
    CaseId;
    /// One change of the ledger.
    EventId;
    /// A form, in all its versions.
    FormId;
    /// One published version of a form.
    FormVersionId;
    /// One published version of the pack.
    PackVersionId;
    /// One capture of a form: a revision has an identifier of its own.
    SubmissionId;
    /// A remark of a reviewer.
    CommentId;
    /// A photo, signature or recording, as the phone named it.
    MediaId;
    /// Something that is to be done.
    TaskId;
    /// A finding on a submission or a case.
    FlagId;
    /// One operation of a phone's outbox.
    OperationId;
    /// Something that an administrator asks of a phone.
    CommandId;
    /// A draft on a phone; becomes the submission's identifier.
    DraftId;
}
