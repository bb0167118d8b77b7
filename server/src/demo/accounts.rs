//! One account per role, and a grid worker for every grid.

use std::fs;
use std::io;
use std::path::Path;

use doorstep_core::ids::UserId;
use doorstep_core::role::Role;
use serde::{Deserialize, Serialize};

use super::county::{self, Grid};
use super::people::{Chance, Names};
use crate::app::Components;
use crate::error::{Error, Result};
use crate::terminal::{say, table};
use crate::tls::write_private;

/// In the data folder: who can log in.
pub const ACCOUNTS_FILE: &str = "demo-accounts.json";

/// An account as the file lists it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Account {
    pub(super) login_name: String,
    pub(super) password: String,
    pub(super) role: Role,
    /// Both languages: `网格员 Grid worker`.
    pub(super) role_name: String,
    pub(super) name: String,
    /// The area's code and name.
    pub(super) area_code: String,
    pub(super) area: String,
    /// `None`: every programme.
    pub(super) programme: Option<String>,
    #[serde(skip)]
    pub(super) password_hash: String,
    #[serde(skip, default = "nobody")]
    pub(super) id: UserId,
}

fn nobody() -> UserId {
    UserId(uuid::Uuid::nil())
}

/// Makes the accounts, without storing them: names from the seed, one
/// password for all of them from the system's randomness, because the
/// demonstration may be on a network.
pub(super) async fn make(components: &Components) -> Result<Vec<Account>> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(|cause| Error::internal(anyhow::anyhow!("{cause}")))?;
    let password = format!("zoufang-{:08}", u64::from_be_bytes(random) % 100_000_000);
    let mut accounts = planned(&password, components.clock.now());
    // Each with a salt of its own, as many at a time as there are cores.
    let hashes = accounts.iter().map(|_| components.passwords.hash(password.clone()));
    let hashes = futures::future::try_join_all(hashes).await?;
    for (account, hash) in accounts.iter_mut().zip(hashes) {
        account.password_hash = hash;
    }
    say(format_args!("  [2/3] 账号 accounts: {}", accounts.len()));
    Ok(accounts)
}

fn planned(password: &str, now: chrono::DateTime<chrono::Utc>) -> Vec<Account> {
    let (mut chance, mut names) = (Chance::new(county::SEED + 1), Names::new());
    let grids = county::grids();
    let mut account =
        |login_name: String, role: Role, (code, area): (String, String), programme: Option<&str>| {
            let label = role.label();
            let woman = chance.percent(50);
            Account {
                login_name,
                password: password.to_owned(),
                role,
                role_name: format!("{} {}", label.zh, label.en),
                name: names.of(&mut chance, woman),
                area_code: code,
                area,
                programme: programme.map(str::to_owned),
                password_hash: String::new(),
                id: UserId(chance.identifier(now)),
            }
        };
    let mut accounts: Vec<Account> = Role::ALL
        .iter()
        .map(|&role| {
            let first = grids.first();
            let (area, programme) = match role {
                Role::GridWorker => (first.map(Grid::code_and_name), None),
                Role::ChildDirector => (first.map(Grid::village_code_and_name), Some("child")),
                Role::Supervisor | Role::Viewer => (Some(county::township_code_and_name()), None),
                Role::County => (Some(county::code_and_name()), Some("elder")),
                Role::Investigator | Role::Inspector | Role::Admin | Role::Auditor => {
                    (Some(county::code_and_name()), None)
                }
            };
            account(role.code().to_owned(), role, area.unwrap_or_default(), programme)
        })
        .collect();
    for (number, grid) in grids.iter().enumerate().skip(1) {
        let login_name = format!("{}_{:02}", Role::GridWorker, number + 1);
        accounts.push(account(login_name, Role::GridWorker, grid.code_and_name(), None));
    }
    accounts
}

/// Writes the accounts where their owner alone can read them.
pub(super) fn write(data: &Path, accounts: &[Account]) -> io::Result<()> {
    let list = serde_json::json!({
        "county": county::CODE,
        "note": "虚构的演示账号。Fictional accounts of a demonstration.",
        "accounts": accounts,
    });
    write_private(&data.join(ACCOUNTS_FILE), &serde_json::to_vec_pretty(&list)?)
}

#[derive(Deserialize)]
struct Listed {
    accounts: Vec<Account>,
}

/// Says who can log in.
pub(super) fn announce(data: &Path) {
    let file = data.join(ACCOUNTS_FILE);
    let listed: Option<Listed> = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(listed) = listed else {
        say(format_args!(
            "\n  账号文件 {0} 已不在;删除数据文件夹可重新创建。\n  The accounts in {0} are gone; delete the data folder to begin anew.",
            file.display()
        ));
        return;
    };
    let (roles, workers): (Vec<&Account>, Vec<&Account>) =
        listed.accounts.iter().partition(|account| account.login_name == account.role.code());
    let rows: Vec<Vec<String>> = roles
        .iter()
        .map(|account| {
            [&account.login_name, &account.role_name, &account.name, &account.area].map(Clone::clone).to_vec()
        })
        .collect();
    say(format_args!("\n{}", table(&["登录名 login", "角色 role", "姓名 name", "范围 area"], &rows)));
    if let (Some(first), Some(last)) = (workers.first(), workers.last()) {
        say(format_args!("\n  其余网格员 further grid workers: {} … {}", first.login_name, last.login_name));
    }
    if let Some(account) = listed.accounts.first() {
        say(format_args!("  密码(全部相同) password, the same for all: {}", account.password));
    }
    say(format_args!("  {}", file.display()));
    say("\n  数据均为虚构。按 Ctrl+C 停止。All data is fictional. Ctrl+C stops it.\n");
}
