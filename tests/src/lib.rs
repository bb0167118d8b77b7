//! The harness of Doorstep's tests: they use the product's public doors and
//! nothing else.
//!
//! * [`database`]: a database for each test, SQLite or PostgreSQL. [`bucket`]:
//!   where its files go.
//! * [`server`]: the real server on a port of its own, under a clock that
//!   stands still.
//! * [`county`]: a small fictional county in it. [`scene`]: its policy and its
//!   elders too.
//! * [`caller`]: one HTTP request and what came back. [`device`]: the key
//!   that a phone signs with. [`sealing`]: what it seals for the server.
//! * [`phone`]: the very code of the phone over real HTTP. [`elder_visit`]:
//!   what a grid worker answers. [`pictures`]: photos, real and hostile.
//! * [`office`]: a reviewer's requests. [`tus`]: uploads, request by request.
//! * [`gate`]: the network between a client and the server, which can be cut.
//! * [`cdp`]: a real Chromium, driven by the DevTools protocol.
//! * [`wait`]: waiting without guessing how long something takes.

#![forbid(unsafe_code)]

pub mod bucket;
pub mod caller;
pub mod cdp;
pub mod county;
pub mod database;
pub mod device;
pub mod elder_visit;
pub mod gate;
pub mod office;
pub mod phone;
pub mod pictures;
pub mod scene;
pub mod sealing;
pub mod server;
pub mod tus;
pub mod wait;
pub mod workbook;
