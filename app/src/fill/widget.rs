//! What answers which kind of question, in which appearance.

use doorstep_core::text::Language;
use doorstep_form::{NodeKind, NodeView};
use leptos::prelude::*;

use super::barcode::BarcodeField;
use super::choice::{AcknowledgeField, ChooseMany, ChooseOne};
use super::drawing::{DrawingField, DrawingKind};
use super::file::{FileField, FileKind, FilePreview};
use super::moment::{DayField, MomentField, PartOfDay};
use super::photo::{PhotoField, Preview};
use super::place::PlaceField;
use super::question::{Handle, address};
use super::range::RangeField;
use super::rank::RankField;
use super::recording::RecordingField;
use super::search::{SearchMany, SearchOne};
use super::table::LoneHead;
use super::text::{LineField, LineKind, LinesField};
use super::track::TrackField;
use crate::app::use_settings;
use crate::i18n::*;
use crate::ui::{Notice, Tone};

/// The widget of a question.
#[component]
pub fn Widget(handle: Handle) -> impl IntoView {
    let view = handle.view;
    let (kind, read_only) = view.with_untracked(|view| (view.kind, view.read_only));
    if read_only {
        return view! { <ReadOnly handle /> }.into_any();
    }
    let looks = |appearance| handle.looks(appearance);
    let listed = view.with_untracked(is_listed);
    match kind {
        NodeKind::Text if looks("multiline") => view! { <LinesField handle /> }.into_any(),
        NodeKind::Text => {
            let line = if looks("masked") {
                LineKind::Masked
            } else if looks("numbers") {
                LineKind::Digits
            } else {
                LineKind::Text
            };
            view! { <LineField handle kind=line /> }.into_any()
        }
        NodeKind::Integer => view! { <LineField handle kind=LineKind::Digits /> }.into_any(),
        NodeKind::Decimal => view! { <LineField handle kind=LineKind::Decimal /> }.into_any(),
        NodeKind::Range => view! { <RangeField handle /> }.into_any(),
        NodeKind::Barcode => view! { <BarcodeField handle /> }.into_any(),
        NodeKind::Date if looks("year") => view! { <DayField handle parts=PartOfDay::Year /> }.into_any(),
        NodeKind::Date if looks("month-year") => {
            view! { <DayField handle parts=PartOfDay::Month /> }.into_any()
        }
        NodeKind::Date if looks("no-calendar") => {
            view! { <DayField handle parts=PartOfDay::Day /> }.into_any()
        }
        NodeKind::Date | NodeKind::Time | NodeKind::DateTime => {
            view! { <MomentField handle kind /> }.into_any()
        }
        NodeKind::SelectOne | NodeKind::SelectMultiple if looks("label") => {
            view! { <LoneHead handle /> }.into_any()
        }
        NodeKind::SelectOne if listed => view! { <SearchOne handle /> }.into_any(),
        NodeKind::SelectOne => view! { <ChooseOne handle /> }.into_any(),
        NodeKind::SelectMultiple if listed => view! { <SearchMany handle /> }.into_any(),
        NodeKind::SelectMultiple => view! { <ChooseMany handle /> }.into_any(),
        NodeKind::Rank => view! { <RankField handle /> }.into_any(),
        NodeKind::Acknowledge => view! { <AcknowledgeField handle /> }.into_any(),
        NodeKind::Image if looks("signature") => {
            view! { <DrawingField handle kind=DrawingKind::Signature /> }.into_any()
        }
        NodeKind::Image if looks("draw") => {
            view! { <DrawingField handle kind=DrawingKind::Drawing /> }.into_any()
        }
        NodeKind::Image => view! { <PhotoField handle /> }.into_any(),
        NodeKind::Audio => view! { <RecordingField handle /> }.into_any(),
        NodeKind::Video => view! { <FileField handle kind=FileKind::Video /> }.into_any(),
        NodeKind::File => view! { <FileField handle kind=FileKind::Any /> }.into_any(),
        NodeKind::Geopoint => view! { <PlaceField handle /> }.into_any(),
        NodeKind::Geotrace => view! { <TrackField handle closed=false /> }.into_any(),
        NodeKind::Geoshape => view! { <TrackField handle closed=true /> }.into_any(),
        _ => view! { <Unsupported /> }.into_any(),
    }
}

/// Whether a select is a list over the form, not cards in it.
pub(super) fn is_listed(view: &NodeView) -> bool {
    ["minimal", "autocomplete", "search"].iter().any(|look| view.has_appearance(look))
}

/// A question that this phone has no widget for.
#[component]
fn Unsupported() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Notice tone=Tone::Warning>
            <p>{t!(i18n, fill.question_unsupported)}</p>
        </Notice>
    }
}

/// A value that is computed or fixed.
#[component]
fn ReadOnly(handle: Handle) -> impl IntoView {
    let settings = use_settings();
    let kind = handle.view.with_untracked(|view| view.kind);
    if kind == NodeKind::Image {
        return view! {
            <Show when=move || handle.is_answered()>
                <Preview handle />
            </Show>
        }
        .into_any();
    }
    if kind.is_media() {
        return view! { <FilePreview handle /> }.into_any();
    }
    let link = move || {
        let value = handle.view.with(|view| view.has_appearance("url").then(|| view.value.clone()));
        value.as_deref().and_then(address)
    };
    let words = move || handle.view.with(|view| in_words(view, settings.language()));
    view! {
        <output class="question__value" id=handle.id.get_value()>
            {move || match link() {
                Some(link) => {
                    let words = link.clone();
                    view! {
                        <a href=link target="_blank" rel="noopener noreferrer">
                            {words}
                        </a>
                    }
                        .into_any()
                }
                None => words().into_any(),
            }}
        </output>
    }
    .into_any()
}

/// Labels instead of codes.
fn in_words(view: &NodeView, language: Language) -> String {
    match view.kind {
        NodeKind::SelectOne | NodeKind::SelectMultiple | NodeKind::Rank => {
            let label = |value: &str| {
                let found = view.choices.iter().find(|choice| choice.value == value);
                found.map_or_else(|| value.to_owned(), |choice| choice.label.clone())
            };
            let separator = match (view.kind, language) {
                (NodeKind::Rank, _) => " → ",
                (_, Language::Zh) => "、",
                _ => ", ",
            };
            view.value.split_whitespace().map(label).collect::<Vec<_>>().join(separator)
        }
        NodeKind::DateTime => view.value.chars().take(16).collect::<String>().replace('T', " "),
        NodeKind::Time => view.value.chars().take(5).collect(),
        NodeKind::Decimal | NodeKind::Integer if view.has_appearance("thousands-sep") => {
            super::text::with_separators(&view.value)
        }
        _ => view.value.clone(),
    }
}
