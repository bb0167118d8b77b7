//! The rows of Today: who, where, what, and until when.

use std::sync::Arc;
use std::time::Duration;

use doorstep_core::ids::CaseId;
use doorstep_core::phone::{TaskProgress, TodayEntry};
use doorstep_core::text::Language;
use leptos::prelude::*;

use super::TodayData;
use super::agenda::ReturnedVisit;
use crate::clock::today;
use crate::i18n::*;
use crate::screens::parts::{Reference, risk_badge};
use crate::screens::words;
use crate::ui::{Badge, Button, ButtonKind, IconName, List, Row, Tone};

/// Rows of a group to begin with, and more at a time.
pub(super) const ROWS_MAX: usize = 60;
const ROWS_MORE: usize = 200;
/// Rows of a group that are drawn at once: about what a phone shows.
const ROWS_FIRST: usize = 6;
/// A slow phone takes 20 ms to draw a row. The others follow in small batches,
/// so that whoever types or scrolls meanwhile does not wait.
const ROWS_BATCH: usize = 3;
const BATCH_PAUSE: Duration = Duration::from_millis(30);

/// How many of the `wanted` rows are drawn: `first` at once, more after a
/// pause, and then ever more. Tracks.
pub(super) fn gradually(
    first: usize,
    pause: Duration,
    wanted: impl Fn() -> usize + Copy + Send + 'static,
) -> impl Fn() -> usize + Copy + Send + 'static {
    let drawn = RwSignal::new(first);
    Effect::new(move |_| {
        if drawn.get() >= wanted() {
            return;
        }
        let pause = if drawn.get() == first { pause } else { BATCH_PAUSE };
        let more = move || {
            // Whoever types on sees another list.
            let _ = drawn.try_update(|rows| *rows += ROWS_BATCH);
        };
        if let Ok(timer) = set_timeout_with_handle(more, pause) {
            on_cleanup(move || timer.clear());
        }
    });
    move || drawn.get().min(wanted())
}

/// Some rows, and more when they are asked for: a phone takes seconds to lay
/// out thousands.
pub(super) fn long_list(
    data: &Arc<TodayData>,
    language: Language,
    entries: &[Arc<TodayEntry>],
    rows_max: RwSignal<usize>,
) -> AnyView {
    let i18n = use_i18n();
    let held = StoredValue::new((data.clone(), entries.to_vec()));
    let count = entries.len();
    let drawn = gradually(ROWS_FIRST, BATCH_PAUSE, move || rows_max.get().min(count));
    let draw = move |place: usize| {
        held.with_value(|(data, entries)| {
            entries.get(place).map(|entry| row(data, language, entry.task.case_id, Some(entry)))
        })
    };
    let left = move || count.saturating_sub(rows_max.get());
    view! {
        <List>
            <For each=move || 0..drawn() key=|place| *place children=draw />
        </List>
        <Show when=move || { left() > 0 }>
            <Button
                kind=ButtonKind::Quiet
                wide=true
                on_press=move || rows_max.update(|rows| *rows += ROWS_MORE)
            >
                {move || t_string!(i18n, today.more, count = left())}
            </Button>
        </Show>
    }
    .into_any()
}

/// A case, with what is to be done there.
pub(super) fn row(
    data: &TodayData,
    language: Language,
    case_id: CaseId,
    entry: Option<&TodayEntry>,
) -> AnyView {
    // One that does not read is as one that is not here: the next sync brings it.
    let case = data.cases.find(case_id).ok().flatten();
    let case = case.as_ref();
    let name = case.map(|case| case.label.clone());
    let place = case.map(|case| data.reference.place(case));
    let risk = case.map(|case| risk_badge(language, data.reference.pack.as_ref(), case));
    line(&data.reference, language, case_id.to_string(), name, place, risk, entry)
}

/// A line of Today: who, where, what, and until when.
fn line(
    reference: &Reference,
    language: Language,
    case_id: String,
    name: Option<String>,
    place: Option<String>,
    risk: Option<AnyView>,
    entry: Option<&TodayEntry>,
) -> AnyView {
    let i18n = use_i18n();
    let now = today();
    let name = name.unwrap_or_else(|| t_string!(i18n, today.case_missing).to_owned());
    let what = entry.map(|entry| {
        let form = reference.form(language, &entry.task.form_id);
        let progress = progress_badge(i18n, entry.progress);
        view! {
            <span class="visit__what">
                <span class="row__meta">{form}</span>
                {progress}
            </span>
        }
    });
    let place =
        place.filter(|place| !place.is_empty()).map(|place| view! { <span class="row__meta">{place}</span> });
    let due = entry.map(|entry| {
        let tone = words::due_tone(entry.urgency);
        let due = words::due(language, &entry.task, now);
        view! {
            <span class="row__side">
                <Badge tone>{due}</Badge>
                <span class="row__meta numbers">{words::day(language, entry.task.due_on, now)}</span>
            </span>
        }
    });
    view! {
        <Row href=format!("/case/{case_id}") data_id=case_id>
            <span class="visit">
                <span class="row__body">
                    <span class="visit__name">
                        <span class="row__title">{name}</span>
                        {risk}
                    </span>
                    {place}
                    {what}
                </span>
                {due}
            </span>
        </Row>
    }
    .into_any()
}

/// How far the phone has come with a task; nothing for one that was not begun.
pub(super) fn progress_badge(
    i18n: leptos_i18n::I18nContext<Locale>,
    progress: TaskProgress,
) -> Option<AnyView> {
    let (tone, word) = match progress {
        TaskProgress::ToDo => return None,
        TaskProgress::Draft(_) => (Tone::Warning, t_string!(i18n, today.draft)),
        TaskProgress::Unsent => (Tone::Plain, t_string!(i18n, today.unsent)),
        TaskProgress::Sent => (Tone::Info, t_string!(i18n, today.sent)),
        TaskProgress::Returned(_) => (Tone::Warning, t_string!(i18n, today.is_returned)),
    };
    Some(view! { <Badge tone>{word}</Badge> }.into_any())
}

/// A submission that came back, with what the reviewer said.
pub(super) fn returned_row(
    i18n: leptos_i18n::I18nContext<Locale>,
    reference: &Reference,
    language: Language,
    visit: &ReturnedVisit,
) -> AnyView {
    let status = &visit.status;
    let name = visit.label.clone().unwrap_or_else(|| t_string!(i18n, today.case_missing).to_owned());
    let comment = status.comments.last().map(|comment| comment.text.clone());
    let badge = if visit.draft.is_some() {
        t_string!(i18n, today.correcting).to_owned()
    } else {
        t_string!(i18n, today.comments, count = status.comments.len())
    };
    let form = reference.form(language, &status.form_id);
    view! {
        <Row href=format!("/case/{}", status.case_id) data_id=status.case_id.to_string()>
            <span class="row__body">
                <span class="visit__name">
                    <span class="row__title">{name}</span>
                    <Badge tone=Tone::Warning icon=IconName::Comment>
                        {badge}
                    </Badge>
                </span>
                <span class="row__meta">{form}</span>
                {comment.map(|text| view! { <span class="visit__comment">{text}</span> })}
            </span>
        </Row>
    }
    .into_any()
}
