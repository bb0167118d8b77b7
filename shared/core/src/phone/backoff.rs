//! How long to wait before trying again after a failed sync.

use super::Failure;
use crate::problem::{Problem, ProblemCode};

/// After the first failure.
const FIRST_MS: u32 = 4_000;
/// However often it failed.
const MOST_MS: u32 = 300_000;
/// A server that asks for more than this is asked again nevertheless.
const RETRY_AFTER_S_MAX: u64 = 3_600;

/// Milliseconds to wait after the `failures`th failure in a row; `None` when
/// waiting does not help. `chance` from 0 to 1 spreads a whole town's phones
/// that lost the server in the same moment.
pub fn wait_ms(failure: &Failure, failures: u32, chance: f64) -> Option<u32> {
    let asked_ms = match failure {
        Failure::NoConnection => 0,
        Failure::Problem(problem) if is_mended_by_time(problem) => {
            let seconds = problem.retry_after_s.unwrap_or(0).min(RETRY_AFTER_S_MAX);
            u32::try_from(seconds * 1_000).unwrap_or(MOST_MS)
        }
        Failure::Problem(_) | Failure::LoginNeeded | Failure::Store(_) => return None,
    };
    let doublings = failures.saturating_sub(1).min(16);
    let most = FIRST_MS.saturating_mul(1 << doublings).min(MOST_MS);
    // Half of it is certain, so that no phone asks at once.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 300,000")]
    let wait = (f64::from(most) * (0.5 + chance.clamp(0.0, 1.0) / 2.0)) as u32;
    Some(wait.max(asked_ms))
}

/// Too much at once, a server in trouble, or a file that was damaged or is still
/// being written there.
fn is_mended_by_time(problem: &Problem) -> bool {
    matches!(problem.status, 409 | 423 | 429 | 460 | 500 | 503 | 507)
        && !matches!(problem.code, ProblemCode::OperationGap | ProblemCode::DeviceForked)
        || problem.code == ProblemCode::MediaHashMismatch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;
    use crate::text::Language;

    fn problem(code: ProblemCode, retry_after_s: Option<u64>) -> Failure {
        Failure::Problem(Box::new(Problem { retry_after_s, ..Problem::new(code, Language::Zh) }))
    }

    #[test]
    fn waits_double_up_to_five_minutes_and_spread() {
        let wait = |failures, chance| wait_ms(&Failure::NoConnection, failures, chance);
        assert_eq!(wait(1, 1.0), Some(4_000));
        assert_eq!(wait(1, 0.0), Some(2_000));
        assert_eq!(wait(3, 1.0), Some(16_000));
        assert_eq!(wait(u32::MAX, 1.0), Some(MOST_MS));
        assert_eq!(wait(0, 0.5), Some(3_000));
    }

    #[test]
    fn the_server_may_ask_for_more_time_but_not_for_ever() {
        assert_eq!(wait_ms(&problem(ProblemCode::TooManyRequests, Some(30)), 1, 1.0), Some(30_000));
        assert_eq!(wait_ms(&problem(ProblemCode::Unavailable, Some(1)), 4, 1.0), Some(32_000));
        assert_eq!(wait_ms(&problem(ProblemCode::Unavailable, Some(u64::MAX)), 1, 1.0), Some(3_600_000));
    }

    #[test]
    fn what_waiting_does_not_mend_is_not_repeated() {
        for failure in [
            Failure::LoginNeeded,
            Failure::Store(StoreError::Full),
            problem(ProblemCode::AppTooOld, None),
            problem(ProblemCode::AccountDisabled, Some(5)),
        ] {
            assert_eq!(wait_ms(&failure, 1, 0.5), None, "{failure:?}");
        }
    }
}
