//! Accessible primitives.
