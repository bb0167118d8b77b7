//! Passwords: Argon2id with the parameters that OWASP names (19 MiB, two
//! passes), computed off the workers that answer requests.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Longer ones are refused before anything is computed.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// A new password is at least this long.
pub const PASSWORD_CHARACTERS_MIN: usize = 10;

/// A hash of nobody's password: verified for unknown login names, so that the
/// time an answer takes does not tell whether a name exists.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBmaXhlZCBzYWx0IQ$\
     MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";

/// Computes and verifies hashes, a few at a time: each needs 19 MiB.
#[derive(Debug)]
pub struct Passwords {
    turns: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { turns: Semaphore::new(cores) }
    }
}

impl Passwords {
    /// The hash of a new password, as a PHC string.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.off_the_workers(move || {
            let hash: argon2::password_hash::phc::PasswordHash =
                argon2id()?.hash_password(password.as_bytes()).map_err(|cause| anyhow::anyhow!("{cause}"))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` is the one behind `hash`. `None`: nobody's, false
    /// after the same work.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        self.off_the_workers(move || {
            let somebodys = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODYS_HASH.to_owned());
            let parsed =
                PasswordHash::new(&hash).map_err(|cause| anyhow::anyhow!("a stored hash: {cause}"))?;
            Ok(argon2id()?.verify_password(password.as_bytes(), &parsed).is_ok() && somebodys)
        })
        .await
    }

    async fn off_the_workers<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T> {
        let _turn = self.turns.acquire().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?.map_err(Error::internal)
    }
}

fn argon2id() -> anyhow::Result<Argon2<'static>> {
    let parameters =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|cause| anyhow::anyhow!("{cause}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_verifies_its_own_password_only() -> Result<()> {
        let passwords = Passwords::default();
        let hash = passwords.hash("河湾镇 correct horse".to_owned()).await?;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("河湾镇 correct horse".to_owned(), Some(hash.clone())).await?);
        assert!(!passwords.verify("河湾镇 correct hors".to_owned(), Some(hash)).await?);
        assert!(!passwords.verify(String::new(), None).await?, "nobody's");
        Ok(())
    }
}
