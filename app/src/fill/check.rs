//! The last page: what is missing, and everything in words.

use doorstep_form::{LeftOver, LeftOverReason, NodeKind, NodePath, Problem, SummaryEntry};
use leptos::prelude::*;

use super::{Comments, Filling};
use crate::i18n::*;
use crate::ui::{Card, Fact, Facts, Icon, IconName, List, Notice, RowButton, Section, Tone};

/// What stands in the way of finishing, each leading to its question; then
/// the answers.
#[component]
pub fn CheckStep(
    filling: Filling,
    /// Shows a question on its page.
    #[prop(into)]
    on_go: Callback<(NodePath,)>,
) -> impl IntoView {
    let i18n = use_i18n();
    let problems = Memo::new(move |_| filling.problems());
    let general: Vec<_> =
        filling.record().comments.into_iter().filter(|comment| comment.path.is_none()).collect();
    let (recomputed, left_over): (Vec<_>, Vec<_>) =
        filling.left_over().into_iter().partition(|left| left.reason == LeftOverReason::Recomputed);
    view! {
        <Comments comments=general />
        <Show
            when=move || !problems.with(Vec::is_empty)
            fallback=move || {
                view! {
                    <Notice tone=Tone::Good>
                        <p>{t!(i18n, fill.complete)}</p>
                    </Notice>
                }
            }
        >
            <section class="section" aria-labelledby="missing">
                <h2 class="section__title" id="missing">
                    {t!(i18n, fill.missing, count = move || problems.with(Vec::len))}
                </h2>
                <List>
                    <For
                        each=move || problems.get()
                        key=|problem| (problem.path.clone(), problem.message.clone())
                        let:problem
                    >
                        <Missing filling problem on_go />
                    </For>
                </List>
            </section>
        </Show>
        {(!recomputed.is_empty())
            .then(|| {
                view! {
                    <Notice tone=Tone::Warning>
                        <p>{t!(i18n, fill.recomputed)}</p>
                        <LeftOvers list=recomputed />
                    </Notice>
                }
            })}
        {(!left_over.is_empty())
            .then(|| {
                view! {
                    <Notice tone=Tone::Warning>
                        <p>{t!(i18n, fill.left_over)}</p>
                        <LeftOvers list=left_over />
                    </Notice>
                }
            })}
        <Summary filling on_go />
    }
}

/// Where each stood, and what it was.
#[component]
fn LeftOvers(list: Vec<LeftOver>) -> impl IntoView {
    let line = |left: LeftOver| {
        let value = match left.value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        view! { <li>{left.path} ": " {value}</li> }
    };
    view! { <ul>{list.into_iter().map(line).collect_view()}</ul> }
}

/// One thing that is missing or wrong.
#[component]
fn Missing(filling: Filling, problem: Problem, on_go: Callback<(NodePath,)>) -> impl IntoView {
    let label = filling
        .question(&problem.path)
        .map(|question| question.view.with_untracked(|view| view.label.clone()))
        .filter(|label| !label.is_empty())
        .unwrap_or_else(|| problem.path.name().to_owned());
    let path = problem.path.clone();
    view! {
        <RowButton on_press=move || on_go.run((path.clone(),)) data_id=problem.path.to_string()>
            <span class="fill__missing">
                <Icon name=IconName::Alert />
            </span>
            <span class="row__body">
                <span class="row__title">{label}</span>
                <span class="row__meta">{problem.message}</span>
            </span>
        </RowButton>
    }
}

/// The answers, by section.
#[component]
fn Summary(filling: Filling, on_go: Callback<(NodePath,)>) -> impl IntoView {
    let i18n = use_i18n();
    let entries = Memo::new(move |_| filling.summary());
    let words = move |entry: &SummaryEntry| match entry.kind {
        NodeKind::Image => t_string!(i18n, fill.has_picture).to_owned(),
        kind if kind.is_media() => t_string!(i18n, fill.has_file).to_owned(),
        // What is hidden while it is typed stays so.
        NodeKind::Text if is_masked(filling, &entry.path) => "••••••".to_owned(),
        _ => entry.words.clone(),
    };
    let section = move |(title, entries): (Option<String>, Vec<SummaryEntry>)| {
        let facts = entries
            .into_iter()
            .map(|entry| {
                let (path, words) = (entry.path.clone(), words(&entry));
                let icon = match entry.kind {
                    NodeKind::Image => Some(IconName::Photo),
                    NodeKind::Audio => Some(IconName::Mic),
                    NodeKind::Video => Some(IconName::Video),
                    NodeKind::File => Some(IconName::File),
                    _ => None,
                }
                .map(|name| view! { <Icon name /> });
                view! {
                    <Fact name=entry.label>
                        <button
                            type="button"
                            class="fill__answer"
                            on:click=move |_| on_go.run((path.clone(),))
                        >
                            {icon}
                            {words}
                        </button>
                    </Fact>
                }
            })
            .collect_view();
        let title = title.unwrap_or_else(|| t_string!(i18n, fill.basics).to_owned());
        view! {
            <Section title=title>
                <Card>
                    <Facts>{facts}</Facts>
                </Card>
            </Section>
        }
    };
    move || by_section(entries.get()).into_iter().map(section).collect_view()
}

fn is_masked(filling: Filling, path: &NodePath) -> bool {
    filling
        .question(path)
        .is_some_and(|question| question.view.with_untracked(|view| view.has_appearance("masked")))
}

/// Neighbours with the same title belong together.
fn by_section(entries: Vec<SummaryEntry>) -> Vec<(Option<String>, Vec<SummaryEntry>)> {
    let mut sections: Vec<(Option<String>, Vec<SummaryEntry>)> = Vec::new();
    for entry in entries {
        match sections.last_mut() {
            Some((title, entries)) if *title == entry.page_title => entries.push(entry),
            _ => sections.push((entry.page_title.clone(), vec![entry])),
        }
    }
    sections
}
