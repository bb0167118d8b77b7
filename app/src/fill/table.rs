//! Several selects over the same choices as one table: the choices once
//! above, a line for each question.
//!
//! A form says so by a select of the appearance `label`, which has the words
//! alone, and selects of `list-nolabel` behind it; a group of `table-list`
//! becomes exactly that. On a phone each line repeats the words below its
//! marks, because a head that scrolls away leaves marks without a meaning.

use std::collections::BTreeSet;
use std::ops::Range;

use doorstep_form::{ChoiceView, NodeKind, NodeView};
use leptos::prelude::*;

use super::choice::{ManyCard, OneCard, choices, key, words_of};
use super::media::{ChoicePicture, LabelMedia};
use super::question::{Frame, Handle, Trouble, Words};
use super::widget::Widget;
use super::{Filling, Question};
use crate::ui::unique_id;

/// What stands on a page, one below the other.
#[derive(Clone, Debug)]
pub(super) enum Block {
    One(Question),
    Table(Table),
}

/// Questions that belong together.
#[derive(Clone, Debug)]
pub struct Table {
    /// A note with the words of the group.
    title: Option<Question>,
    /// The select that has the words of the choices.
    head: Question,
    rows: Vec<Question>,
}

impl Block {
    /// The same for as long as it stands for the same questions.
    pub(super) fn key(&self) -> Vec<u32> {
        match self {
            Self::One(question) => vec![question.id],
            Self::Table(table) => {
                std::iter::once(&table.head).chain(&table.rows).map(|question| question.id).collect()
            }
        }
    }
}

/// Joins neighbours that are one table.
pub(super) fn blocks(questions: Vec<Question>) -> Vec<Block> {
    let parts: Vec<Part> = questions.iter().map(|question| question.view.with_untracked(Part::of)).collect();
    let mut questions: Vec<Option<Question>> = questions.into_iter().map(Some).collect();
    let mut take = |at: usize| questions.get_mut(at).and_then(Option::take);
    let mut blocks = Vec::new();
    for span in spans(&parts) {
        match span {
            Span::One(at) => blocks.extend(take(at).map(Block::One)),
            Span::Table { title, head, rows } => {
                let title = title.and_then(&mut take);
                if let Some(head) = take(head) {
                    let rows = rows.filter_map(&mut take).collect();
                    blocks.push(Block::Table(Table { title, head, rows }));
                }
            }
        }
    }
    blocks
}

/// What a question can be in a table.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Title,
    /// With the values that it names.
    Head(BTreeSet<String>),
    /// With the values that it offers now.
    Row(BTreeSet<String>),
    Other,
}

impl Part {
    fn of(view: &NodeView) -> Self {
        let values = || view.choices.iter().map(|choice| choice.value.clone()).collect();
        match view.kind {
            NodeKind::Note if view.is_table_title() => Self::Title,
            NodeKind::SelectOne | NodeKind::SelectMultiple if view.has_appearance("label") => {
                Self::Head(values())
            }
            NodeKind::SelectOne | NodeKind::SelectMultiple if view.has_appearance("list-nolabel") => {
                Self::Row(values())
            }
            _ => Self::Other,
        }
    }
}

/// Positions that belong together.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Span {
    One(usize),
    Table { title: Option<usize>, head: usize, rows: Range<usize> },
}

fn spans(parts: &[Part]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    while at < parts.len() {
        let titled = parts.get(at) == Some(&Part::Title);
        let head = at + usize::from(titled);
        let rows = match parts.get(head) {
            Some(Part::Head(named)) => parts
                .iter()
                .skip(head + 1)
                .take_while(|part| matches!(part, Part::Row(offered) if offered.is_subset(named)))
                .count(),
            _ => 0,
        };
        if rows == 0 {
            spans.push(Span::One(at));
            at += 1;
            continue;
        }
        let rows = head + 1..head + 1 + rows;
        at = rows.end;
        spans.push(Span::Table { title: titled.then_some(head - 1), head, rows });
    }
    spans
}

/// The table.
#[component]
pub(super) fn TableView(
    filling: Filling,
    table: Table,
    /// Whether its title stands above already.
    titled: bool,
) -> impl IntoView {
    let Table { title, head, rows } = table;
    let head_view = RwSignal::from(head.view);
    let row_views: Vec<RwSignal<NodeView>> =
        rows.iter().map(|row| RwSignal::from(row.view.clone())).collect();
    let row_views = StoredValue::new(row_views);
    let applies = Memo::new(move |_| {
        row_views.with_value(|views| views.iter().any(|view| view.with(|view| view.relevant)))
    });
    // What a line alone offers has a place too, whatever its filter says later.
    let columns = Memo::new(move |_| {
        let mut columns = head_view.with(|view| view.choices.clone());
        row_views.with_value(|views| {
            for view in views {
                view.with(|view| {
                    for choice in &view.choices {
                        if columns.iter().all(|column| column.value != choice.value) {
                            columns.push(choice.clone());
                        }
                    }
                });
            }
        });
        columns
    });
    let id = unique_id("table");
    let rows = StoredValue::new(rows);
    let title = title.map(|title| RwSignal::from(title.view));
    let body = move || {
        let head_words = view! { <Caption filling view=head_view titled=false /> };
        let title = title.map(|view| view! { <Caption filling view titled /> });
        let lines = rows.get_value().into_iter().map(|question| view! { <Line filling question columns /> });
        view! {
            <section class="table">
                <div id=id.clone()>{title} {head_words}</div>
                <div class="table__frame">
                    <table class="table__lines" role="table" aria-labelledby=id.clone()>
                        <thead class="table__head" role="rowgroup">
                            <tr role="row">
                                <td role="cell" class="table__corner"></td>
                                <For
                                    each=move || columns.get()
                                    key=key
                                    children=move |choice| view! { <Heading filling choice /> }
                                />
                            </tr>
                        </thead>
                        <tbody role="rowgroup">{lines.collect_view()}</tbody>
                    </table>
                </div>
            </section>
        }
    };
    view! { <Show when=move || applies.get()>{body()}</Show> }
}

#[component]
fn Heading(filling: Filling, choice: ChoiceView) -> impl IntoView {
    let words = words_of(&choice);
    view! {
        <th role="columnheader" scope="col" class="table__heading">
            <ChoicePicture filling choice />
            {words}
        </th>
    }
}

/// Words above the table: the group's, and those of the select with the words
/// of the choices.
#[component]
fn Caption(filling: Filling, view: RwSignal<NodeView>, titled: bool) -> impl IntoView {
    let label = Memo::new(move |_| view.with(|view| view.label.clone()));
    let hint = Memo::new(move |_| view.with(|view| view.hint.clone()));
    view! {
        <h2
            class="question__group"
            class:unseen=titled
            hidden=move || label.with(String::is_empty)
        >
            {label}
        </h2>
        <p class="question__hint" hidden=move || hint.with(String::is_empty)>
            {hint}
        </p>
        <LabelMedia filling view />
    }
}

/// A question of the table, while it applies.
#[component]
fn Line(filling: Filling, question: Question, columns: Memo<Vec<ChoiceView>>) -> impl IntoView {
    let view = RwSignal::from(question.view.clone());
    let relevant = Memo::new(move |_| view.with(|view| view.relevant));
    let question = StoredValue::new(question);
    view! {
        <Show when=move || relevant.get()>
            <Asked filling question=question.get_value() columns />
        </Show>
    }
}

#[component]
fn Asked(filling: Filling, question: Question, columns: Memo<Vec<ChoiceView>>) -> impl IntoView {
    let frame = Frame::new(filling, question);
    let handle = frame.handle;
    let cells = if handle.view.with_untracked(|view| view.read_only) {
        let wide = move || columns.with(|columns| columns.len().max(1).to_string());
        view! {
            <td role="cell" class="table__cell" colspan=wide>
                <Widget handle />
            </td>
        }
        .into_any()
    } else {
        let cell = move |choice: ChoiceView| view! { <Mark handle choice /> };
        view! { <For each=move || columns.get() key=key children=cell /> }.into_any()
    };
    view! {
        <tr
            role="row"
            class="question table__line"
            class:question--wrong=move || frame.is_wrong()
            data-path=move || frame.path.get().to_string()
            data-saved=move || frame.saved()
            on:focusout=move |event| frame.left(&event)
        >
            <th role="rowheader" scope="row" class="table__question">
                <Words frame can_clear=false />
                <Trouble frame />
            </th>
            {cells}
        </tr>
    }
}

/// The mark of one choice in one line, if the line offers it.
#[component]
fn Mark(handle: Handle, choice: ChoiceView) -> impl IntoView {
    let value = choice.value.clone();
    let offered = choices(handle);
    let offered =
        Memo::new(move |_| offered.with(|choices| choices.iter().any(|choice| choice.value == value)));
    let many = handle.view.with_untracked(|view| view.kind == NodeKind::SelectMultiple);
    let choice = StoredValue::new(choice);
    let card = move || {
        let (choice, under) = (choice.get_value(), Some(handle.label_id.get_value()));
        if many {
            view! { <ManyCard handle choice under /> }.into_any()
        } else {
            view! { <OneCard handle choice under /> }.into_any()
        }
    };
    view! {
        <td role="cell" class="table__cell">
            <Show when=move || offered.get()>{card()}</Show>
        </td>
    }
}

/// The words of choices whose questions do not follow.
#[component]
pub(super) fn LoneHead(handle: Handle) -> impl IntoView {
    let choices = choices(handle);
    let words = move || choices.with(|choices| choices.iter().map(words_of).collect::<Vec<_>>().join(" · "));
    view! { <p class="soft lone-head">{words}</p> }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &str) -> BTreeSet<String> {
        values.split_whitespace().map(str::to_owned).collect()
    }

    fn head(named: &str) -> Part {
        Part::Head(values(named))
    }

    fn row(offered: &str) -> Part {
        Part::Row(values(offered))
    }

    #[test]
    fn a_head_and_the_lines_behind_it_are_one_table() {
        let parts = [Part::Other, Part::Title, head("a b c"), row("a b c"), row("a c"), Part::Other];
        let table = Span::Table { title: Some(1), head: 2, rows: 3..5 };
        assert_eq!(spans(&parts), [Span::One(0), table, Span::One(5)]);
    }

    #[test]
    fn lines_without_a_head_of_their_list_stay_questions() {
        let parts = [row("a"), head("a b"), row("x"), Part::Title, head("a"), head("a"), row("a")];
        let table = Span::Table { title: None, head: 5, rows: 6..7 };
        let ones = [0, 1, 2, 3, 4].map(Span::One);
        assert_eq!(spans(&parts), ones.into_iter().chain([table]).collect::<Vec<_>>());
        assert_eq!(spans(&[]), []);
    }
}
