//! Words of the screens in both languages: `app/locales/{zh,en}/{namespace}.json`.
//!
//! `use crate::i18n::*;` then `let i18n = use_i18n();` and, inside a view,
//! `t!(i18n, today.title)`, with values `t!(i18n, today.due, count = move || n)`.
//! Where a text is needed: `t_string!(i18n, today.title)` (a `&'static str`, or
//! a `String` when it has values), inside a closure so that it follows the
//! language: `move || t_string!(i18n, today.title)`.
//!
//! A key that only one language has does not compile.

use doorstep_core::text::Language;
use leptos::prelude::*;

#[expect(unreachable_pub, reason = "generated, with everything public")]
mod words {
    include!(concat!(env!("OUT_DIR"), "/words.rs"));
}

pub use words::i18n::*;

use crate::settings::Settings;

/// Makes the words known to every screen, in the language of `settings`.
pub fn provide(settings: Settings) {
    let language = Signal::derive(move || match settings.language() {
        Language::Zh => Locale::zh,
        Language::En => Locale::en,
    });
    provide_context(leptos_i18n::context::init_i18n_subcontext::<Locale>(Some(language)));
}
