//! What a database error means for the request that met it.

use doorstep_core::problem::ProblemCode;
use sea_orm::{DbErr, RuntimeErr, sqlx};

use crate::error::Error;

/// Kinds of failures that are treated differently.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// Another transaction was in the way; this one can run again.
    MetAnotherWriter,
    /// The database is away, or overloaded.
    Unavailable,
    /// Its disk is full or refuses.
    Disk,
    /// A fault of ours.
    Other,
}

impl Failure {
    pub(crate) fn of(error: &DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(_) => Self::Unavailable,
            DbErr::Conn(RuntimeErr::SqlxError(cause))
            | DbErr::Exec(RuntimeErr::SqlxError(cause))
            | DbErr::Query(RuntimeErr::SqlxError(cause)) => Self::of_driver(cause),
            _ => Self::Other,
        }
    }

    fn of_driver(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable,
            sqlx::Error::Database(cause) => cause.code().map_or(Self::Other, |code| Self::of_code(&code)),
            _ => Self::Other,
        }
    }

    /// PostgreSQL says five characters, SQLite a number whose low byte counts.
    fn of_code(code: &str) -> Self {
        match code {
            "40001" | "40P01" => return Self::MetAnotherWriter,
            "53100" => return Self::Disk,
            "53300" | "57P01" | "57P02" | "57P03" => return Self::Unavailable,
            _ if code.len() == 5 => return Self::Other,
            _ => {}
        }
        match code.parse::<u32>().map(|code| code & 0xff) {
            // SQLITE_BUSY, SQLITE_LOCKED.
            Ok(5 | 6) => Self::MetAnotherWriter,
            // SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN.
            Ok(8 | 10 | 13 | 14) => Self::Disk,
            _ => Self::Other,
        }
    }

    pub(crate) fn into_error(self, cause: DbErr) -> Error {
        match self {
            Self::MetAnotherWriter => Error::problem(ProblemCode::Unavailable)
                .retry_after(std::time::Duration::from_secs(2))
                .another_writer()
                .because(cause),
            Self::Unavailable => Error::problem(ProblemCode::Unavailable)
                .retry_after(std::time::Duration::from_secs(5))
                .because(cause),
            Self::Disk => Error::problem(ProblemCode::StorageFull).because(cause),
            Self::Other => Error::problem(ProblemCode::Internal).because(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_are_told_apart() {
        assert_eq!(Failure::of_code("40P01"), Failure::MetAnotherWriter);
        assert_eq!(Failure::of_code("5"), Failure::MetAnotherWriter);
        assert_eq!(Failure::of_code("517"), Failure::MetAnotherWriter);
        assert_eq!(Failure::of_code("13"), Failure::Disk);
        assert_eq!(Failure::of_code("23505"), Failure::Other);
        assert_eq!(Failure::of_code("2067"), Failure::Other);
    }
}
