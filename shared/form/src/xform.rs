//! The borders of the engine: forms and instances as the XML that OpenRosa
//! clients speak (ODK XForms).
//!
//! [`read`] makes a [`Form`](crate::Form) of an XForm. What is not an XForm, or
//! says what no client could follow, is reported with line, column and element,
//! all mistakes at once. [`write`] makes an XForm of a form, for clients that read
//! nothing else. [`instance_from_xml`] and [`instance_to_xml`] do the same for
//! drafts and submissions.

mod instance;
mod markup;
mod names;
mod read;
mod write;

pub use instance::{Identity, ReadInstance, WrittenInstance, instance_from_xml, instance_to_xml};
pub use read::{MAX_XFORM_BYTES, MAX_XFORM_NODES, read};
pub use write::write;
