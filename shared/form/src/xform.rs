//! The borders of the engine: forms and instances as the XML that OpenRosa
//! clients speak (ODK XForms).
//!
//! [`read`] makes a [`Form`](crate::Form) of an XForm. What is not an XForm, or
//! says what no client could follow, is reported with line, column and element,
//! all mistakes at once.

mod names;
mod read;

pub use read::{MAX_XFORM_BYTES, MAX_XFORM_NODES, read};
