//! Accessible primitives on native elements. They know nothing of visits and
//! cases; how they look is in `styles/components.css`.
//!
//! Texts are [`Signal`]s, so that they follow the language:
//! `title=Signal::derive(move || t_string!(i18n, today.title).to_owned())`.

pub mod dialog;
pub mod field;
pub mod icon;
pub mod loaded;
pub mod page;
pub mod parts;
pub mod press;

pub use dialog::{Dialog, DialogActions};
pub use field::{FieldProblem, SearchField, TextArea, TextField, TextKind};
pub use icon::{Icon, IconName};
pub use loaded::{FailureNotice, Loaded, Loading};
pub use page::{Actions, Page, UnderBar};
pub use parts::{Badge, Card, Empty, Fact, Facts, List, Notice, Row, RowButton, Section, Tone};
pub use press::{Button, ButtonKind, IconButton, Segment, Segments, SubmitButton};

use std::sync::atomic::{AtomicU32, Ordering};

/// A name for an element that no other on the page has, to tie labels, hints
/// and problems to their field.
pub fn unique_id(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
