//! The database: placeholder until the connection lands.

pub mod entity;
