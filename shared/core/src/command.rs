//! What an administrator asks of a phone from afar, and what the phone says it
//! did. The phone hears of it with the next page that it pulls; a phone without
//! a network hears nothing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{CommandId, DeviceId, UserId};

/// `GET` → [`CommandAnswer`], for a phone that may not pull any more;
/// `POST`: [`CommandReport`] → 204.
pub const COMMAND: &str = "/api/v1/command";

/// `GET` → [`DevicesAnswer`];
/// `POST /{device id}/command`: [`CommandRequest`] → [`DeviceRecord`].
pub const DEVICES: &str = "/api/v1/devices";

/// What a phone is asked to do for one of its users.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ids", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub enum CommandKind {
    /// Close, and open again only after an online login.
    Lock,
    /// Send everything; delete the user's data here once nothing is left that
    /// only this phone has.
    DrainThenWipe,
    /// Delete the user's data here at once, also what was not sent.
    WipeNow,
}

/// A word that is no [`CommandKind`].
#[derive(Debug, thiserror::Error)]
#[error("unknown command {0:?}; it is lock, drain_then_wipe or wipe_now")]
pub struct UnknownCommand(String);

impl CommandKind {
    /// The stable word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::DrainThenWipe => "drain_then_wipe",
            Self::WipeNow => "wipe_now",
        }
    }

    /// Whether it is obeyed before anything else is sent or fetched.
    pub fn is_at_once(self) -> bool {
        self != Self::DrainThenWipe
    }

    /// Whether the phone has nothing of the user afterwards.
    pub fn wipes(self) -> bool {
        self != Self::Lock
    }
}

impl std::fmt::Display for CommandKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.code())
    }
}

impl std::str::FromStr for CommandKind {
    type Err = UnknownCommand;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::Lock, Self::DrainThenWipe, Self::WipeNow]
            .into_iter()
            .find(|kind| kind.code() == word)
            .ok_or_else(|| UnknownCommand(word.to_owned()))
    }
}

/// A command, as the phone hears it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeviceCommand {
    pub id: CommandId,
    pub kind: CommandKind,
}

/// What is asked of the device that asks; `None`: nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CommandAnswer {
    pub command: Option<DeviceCommand>,
}

/// What the phone has heard or done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CommandReport {
    pub id: CommandId,
    /// `false`: heard, and still at it.
    pub done: bool,
    /// What only this phone has.
    #[serde(flatten)]
    pub left: Left,
}

/// What only a phone has.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Left {
    pub visits: u32,
    pub files: u32,
    /// Unfinished visits, and databases whose PIN was forgotten.
    pub drafts: u32,
}

impl Left {
    /// From the phone's counts.
    pub fn of(visits: usize, files: usize, drafts: usize) -> Self {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { visits: count(visits), files: count(files), drafts: count(drafts) }
    }

    /// Whether deleting would lose nothing.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// What a phone does about a command now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    Lock,
    Wipe,
    /// Send first, or finish first: nothing is deleted that nobody else has.
    Keep,
}

/// Decides what is done about a command while `left` is only here.
pub fn deed(kind: CommandKind, left: Left) -> Deed {
    match kind {
        CommandKind::Lock => Deed::Lock,
        CommandKind::WipeNow => Deed::Wipe,
        CommandKind::DrainThenWipe if left.is_nothing() => Deed::Wipe,
        CommandKind::DrainThenWipe => Deed::Keep,
    }
}

/// Asks something of a device; `None` takes back what was asked and not done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CommandRequest {
    pub kind: Option<CommandKind>,
}

/// The phones of the people that an administrator looks after.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DevicesAnswer {
    pub devices: Vec<DeviceRecord>,
}

/// One person's Doorstep on one phone.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeviceRecord {
    pub device_id: DeviceId,
    pub user_id: UserId,
    pub login_name: String,
    /// The person's name; empty from a server that did not say it yet.
    #[serde(default)]
    pub display_name: String,
    /// Browser and system, as the phone said.
    pub name: String,
    pub last_seen_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it last began from nothing although it had sent operations: its
    /// browser had lost or damaged its storage, or its PIN was forgotten. What
    /// it had not sent by then may be gone.
    #[serde(default)]
    pub storage_recreated_at: Option<DateTime<Utc>>,
    /// The last that was asked and not taken back.
    pub command: Option<CommandRecord>,
}

/// Where a command stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CommandRecord {
    pub id: CommandId,
    pub kind: CommandKind,
    pub asked_at: DateTime<Utc>,
    /// When the phone said that it has heard.
    pub seen_at: Option<DateTime<Utc>>,
    /// When the phone said that it has obeyed.
    pub done_at: Option<DateTime<Utc>>,
    /// What only the phone had when it last said so.
    pub left: Left,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wipe_now_deletes_what_nobody_else_has() {
        let nothing = Left::default();
        for left in [Left::of(1, 0, 0), Left::of(0, 1, 0), Left::of(0, 0, 1)] {
            assert_eq!(deed(CommandKind::DrainThenWipe, left), Deed::Keep);
            assert_eq!(deed(CommandKind::WipeNow, left), Deed::Wipe);
            assert_eq!(deed(CommandKind::Lock, left), Deed::Lock);
        }
        assert_eq!(deed(CommandKind::DrainThenWipe, nothing), Deed::Wipe);
        assert_eq!(deed(CommandKind::WipeNow, nothing), Deed::Wipe);
        assert_eq!(deed(CommandKind::Lock, nothing), Deed::Lock);
    }

    #[test]
    fn the_words_of_the_wire_are_those_of_the_command_line() -> Result<(), Box<dyn std::error::Error>> {
        for kind in [CommandKind::Lock, CommandKind::DrainThenWipe, CommandKind::WipeNow] {
            assert_eq!(serde_json::to_value(kind)?, kind.code());
            assert_eq!(kind.code().parse::<CommandKind>()?, kind);
        }
        assert!("wipe".parse::<CommandKind>().is_err());
        Ok(())
    }
}
