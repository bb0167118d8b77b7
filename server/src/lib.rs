//! The Doorstep server: one binary over SQLite or PostgreSQL, a library so
//! that tests start the very same thing. The modules in reading order:
//!
//! * [`config`], [`app`]: from settings to a running server.
//! * [`routes`]: every address on one page. [`observe`]: what happens around
//!   every request. [`error`]: what a client sees when one fails.
//! * [`auth`], [`users`], [`area`]: who may do what, where. [`devices`]: phones
//!   from afar.
//! * [`pack`], [`forms`], [`cases`], [`streams`]: policy, forms, the ledger, and
//!   what phones learn of it. [`sync`], [`submissions`], [`review`]: the way of
//!   a visit from a phone into the ledger.
//! * [`media`]: photos and signatures.
//! * [`db`]: the database, its rows, the one place where writing begins.
//! * [`clock`]: the one place that knows the time. [`pwa`]: the app for
//!   phones, inside the binary. [`tls`]: HTTPS. [`demo`]: a county to play
//!   with. [`terminal`]: what the command line says.

#![forbid(unsafe_code)]

pub mod app;
pub mod area;
pub mod auth;
pub mod backup_file;
pub mod cases;
pub mod clock;
pub mod config;
pub mod db;
pub mod demo;
pub mod devices;
pub mod error;
pub mod evidence;
pub mod forms;
pub mod media;
pub mod observe;
pub mod pack;
mod packed;
pub mod pwa;
pub mod review;
pub mod routes;
pub mod streams;
pub mod submissions;
pub mod sync;
pub mod terminal;
pub mod tls;
pub mod users;
