//! What the phone and the server agree on: identifiers, wire types, roles,
//! the ledger, schedules, review, sync.
//!
//! Pure. "Now", "today", randomness and new identifiers are arguments; there
//! is no IO here but behind the traits that [`store`] and [`phone`] declare.
//! The modules in reading order:
//!
//! * [`ids`], [`text`], [`pinyin`], [`hash`], [`code`]: the small words everything else uses.
//! * [`area`], [`role`]: who may do what, where.
//! * [`case`], [`task`], [`submission`], [`media`], [`schedule`], [`pack`]: the work.
//! * [`problem`], [`api`], [`command`], [`sync`]: the wire.
//! * [`store`], [`phone`], [`json`]: the phone without its screen.

#![forbid(unsafe_code)]

pub mod api;
pub mod area;
pub mod case;
pub mod code;
pub mod command;
pub mod evidence;
pub mod hash;
pub mod ids;
pub mod json;
pub mod media;
pub mod pack;
pub mod phone;
pub mod pinyin;
pub mod problem;
pub mod role;
pub mod schedule;
pub mod sealing;
pub mod store;
pub mod submission;
pub mod sync;
pub mod task;
pub mod text;
