//! A bucket of attempts for each address and each login name, so that
//! guessing is slow before it locks anybody out. In this process only: each
//! copy of the server allows its own share.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use doorstep_core::problem::ProblemCode;

use crate::error::{Error, Result};

/// Buckets kept at most; full ones are forgotten first.
const BUCKETS_MAX: usize = 20_000;

/// How many attempts at once, and how soon another.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    pub burst: f64,
    pub refill_per_s: f64,
}

/// An office of a hundred phones behind one address may log in at nine.
pub const PER_ADDRESS: Allowance = Allowance { burst: 120.0, refill_per_s: 1.0 };
/// A person mistypes a few times.
pub const PER_LOGIN_NAME: Allowance = Allowance { burst: 10.0, refill_per_s: 0.1 };

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: DateTime<Utc>,
}

impl Bucket {
    fn refilled(self, allowance: Allowance, now: DateTime<Utc>) -> f64 {
        let elapsed_s = (now - self.at).to_std().unwrap_or_default().as_secs_f64();
        (self.left + elapsed_s * allowance.refill_per_s).min(allowance.burst)
    }
}

/// The buckets of one kind.
#[derive(Debug)]
pub struct Limiter {
    allowance: Allowance,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Limiter {
    pub fn new(allowance: Allowance) -> Self {
        Self { allowance, buckets: Mutex::default() }
    }

    /// Takes one attempt.
    ///
    /// # Errors
    /// `too_many_requests`, with the time until the next.
    pub fn take(&self, key: &str, now: DateTime<Utc>) -> Result<()> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_, bucket| bucket.refilled(self.allowance, now) < self.allowance.burst);
        }
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(key) {
            return Err(Error::problem(ProblemCode::TooManyRequests).retry_after(Duration::from_secs(30)));
        }
        let bucket = buckets.entry(key.to_owned()).or_insert(Bucket { left: self.allowance.burst, at: now });
        let left = bucket.refilled(self.allowance, now);
        *bucket = Bucket { left, at: now.max(bucket.at) };
        if left < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - left) / self.allowance.refill_per_s);
            return Err(Error::problem(ProblemCode::TooManyRequests).retry_after(wait));
        }
        bucket.left = left - 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_bucket_empties_and_refills_and_is_nobody_elses() {
        let limiter = Limiter::new(Allowance { burst: 2.0, refill_per_s: 0.1 });
        let now = DateTime::<Utc>::default();
        assert!(limiter.take("a", now).is_ok());
        assert!(limiter.take("a", now).is_ok());
        assert!(limiter.take("a", now).is_err());
        assert!(limiter.take("b", now).is_ok());
        assert!(limiter.take("a", now + TimeDelta::seconds(9)).is_err());
        assert!(limiter.take("a", now + TimeDelta::seconds(19)).is_ok());
        assert!(limiter.take("a", now + TimeDelta::seconds(5)).is_err(), "a clock that goes back");
    }
}
