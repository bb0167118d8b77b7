//! The harness of Doorstep's tests: they use the product's public doors and
//! nothing else.
//!
//! * [`cdp`]: a real Chromium, driven by the DevTools protocol.
//! * [`wait`]: waiting without guessing how long something takes.

#![forbid(unsafe_code)]

pub mod cdp;
pub mod wait;
