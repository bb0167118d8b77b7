//! Small things that the browser's bindings lack.
