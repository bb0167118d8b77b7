//! The phone without its screen.
