//! The Doorstep server: one binary over SQLite or PostgreSQL, a library so
//! that tests start the very same thing. The modules in reading order:
//!
//! * [`db`]: the database, its rows, the one place where writing begins.

pub mod db;
