//! The simulation of sync: one seed drives the phone's real sync core against
//! the real server, with everything that can go wrong, and checks at rest that
//! nothing was lost (`docs/sync.md`).
//!
//! Nothing here waits for a real network or clock. Requests go through the
//! server's real handlers without a socket, on SQLite; one thing happens after
//! the other, in the order of the plan. Identifiers that the server makes and
//! keys of devices are random: they order things only by when they were made,
//! and are in no trace.
//!
//! * [`dice`], [`plan`]: what a seed does, fixed before anything runs.
//! * [`county`]: the county that every run begins with.
//! * [`server`], [`network`], [`store`]: what can fail. [`handset`]: a phone
//!   on them.
//! * [`person`], [`office`]: what people do. [`truth`]: what they gave.
//! * [`world`]: a plan, step by step. [`rest`]: coming to rest. [`check`] and
//!   [`parked`]: what must hold then. [`late`]: what must hold always.
//! * [`run`], [`shrink`]: a whole run, and the smallest that still fails.
//! * [`parallel`], [`killed`] and [`killed_uploads`] are no simulation: real
//!   parallel writers, and a server that is ended with SIGKILL, on either
//!   database.

#![forbid(unsafe_code)]

pub mod check;
pub mod county;
pub mod dice;
pub mod handset;
pub mod killed;
pub mod killed_uploads;
pub mod late;
pub mod network;
pub mod office;
pub mod parallel;
pub mod parked;
pub mod person;
pub mod plan;
pub mod rest;
pub mod run;
pub mod server;
pub mod shrink;
pub mod store;
pub mod truth;
pub mod world;
