//! Addresses of files that work without a token, for `<img>`, `<video>` and
//! `<audio>`, which cannot send one.
//!
//! An address names the file, the session that it was made for and the moment
//! until which it is good, and is signed by the server's key. It is no more
//! than its session: whoever shows it is let in as that session's person would
//! be now, so a logout, a revoked device or a membership that was taken away
//! end it at once.

use chrono::{DateTime, TimeDelta, Utc};
use doorstep_core::api::{FILES, FileAddress};
use doorstep_core::ids::{MediaId, SessionId};
use doorstep_core::problem::ProblemCode;

use crate::app::Components;
use crate::auth::permit::{self, LoggedIn, Permit};
use crate::error::{Error, Result};

/// Addresses that are asked for in the same ten minutes are the same, so that
/// browsers find what they have. Each is good for ten to twenty minutes.
const ROUND: TimeDelta = TimeDelta::minutes(10);

/// What an address says of itself.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    pub(super) until_s: i64,
    pub(super) session: SessionId,
    pub(super) signature: &'a str,
}

/// The address of a file for a session. Whether its person may see the file is
/// for the caller to know.
///
/// # Errors
/// When the key does not sign.
pub(crate) fn address_of(components: &Components, session: SessionId, id: MediaId) -> Result<FileAddress> {
    let until_s = good_until_s(components.clock.now());
    let until = DateTime::from_timestamp(until_s, 0)
        .ok_or_else(|| Error::internal(anyhow::anyhow!("the clock is beyond the calendar")))?;
    let signature = components.tokens.sign_text(&text(id, session, until_s))?;
    Ok(FileAddress { address: format!("{FILES}/{id}?until={until_s}&for={session}&sig={signature}"), until })
}

/// Whoever shows the address.
///
/// # Errors
/// `file_address_over` whatever is wrong with it: to its holder it is the
/// same. What is wrong with its session.
pub(super) async fn admit(
    components: &Components,
    id: MediaId,
    signed: &Signed<'_>,
) -> Result<Permit<LoggedIn>> {
    let is_over = signed.until_s <= components.clock.now().timestamp();
    if is_over || !components.tokens.has_signed(&text(id, signed.session, signed.until_s), signed.signature) {
        return Err(ProblemCode::FileAddressOver.into());
    }
    permit::of_session(components, signed.session).await
}

fn good_until_s(now: DateTime<Utc>) -> i64 {
    let round = ROUND.num_seconds();
    (now.timestamp().div_euclid(round) + 2) * round
}

/// What is signed: no token, and nothing else that is signed, reads like it.
fn text(id: MediaId, session: SessionId, until_s: i64) -> String {
    format!("doorstep-file\n{id}\n{session}\n{until_s}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stays_the_same_for_a_while_and_is_good_for_ten_minutes_at_least() {
        let at = |second: i64| DateTime::from_timestamp(1_795_000_200 + second, 0).unwrap_or_default();
        assert_eq!(1_795_000_200 % 600, 0);
        assert_eq!(good_until_s(at(0)), good_until_s(at(599)));
        assert_eq!(good_until_s(at(0)), at(1200).timestamp());
        assert_eq!(good_until_s(at(600)), at(1800).timestamp());
    }
}
