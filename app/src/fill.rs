//! Widgets over a form session.
