//! Groups as sections, and repeats with their instances: added and removed by
//! hand, each folded away when it is in the way.

use doorstep_core::text::LocalText;
use doorstep_form::{NodeKind, NodePath};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::media::LabelMedia;
use super::outline::Outline;
use super::question::QuestionView;
use super::table::{Block, TableView, blocks};
use super::{Filling, Question};
use crate::i18n::*;
use crate::ui::{
    Button, ButtonKind, Dialog, DialogActions, FailureNotice, Icon, IconButton, IconName, unique_id,
};

/// More instances than this, and those that are not new begin folded.
const UNFOLDED_MAX: usize = 2;
/// How many answers stand for a folded instance.
const TOLD_MAX: usize = 3;

/// What everything on a page shares.
#[derive(Clone, Copy, Debug)]
pub struct Sheet {
    pub filling: Filling,
    pub outline: Memo<Outline>,
    /// The question that was asked for last: whatever it is in unfolds.
    pub wanted: RwSignal<Option<NodePath>>,
}

/// Everything on a page.
#[component]
pub fn SheetView(sheet: Sheet) -> impl IntoView {
    let top = Memo::new(move |_| {
        sheet.outline.with(|outline| match outline.top() {
            // The page's own group: its label is the title.
            [only] if sheet.is(only, NodeKind::Group) => (Some(only.clone()), outline.inside(only).to_vec()),
            top => (None, top.to_vec()),
        })
    });
    let nodes = Memo::new(move |_| top.with(|(_, nodes)| nodes.clone()));
    let group = top.with_untracked(|(group, _)| group.as_ref().and_then(|path| sheet.filling.question(path)));
    let media = group.map(|group| {
        let view = RwSignal::from(group.view);
        view! { <LabelMedia filling=sheet.filling view /> }
    });
    view! {
        {media}
        <Nodes sheet nodes titled=true />
    }
}

impl Sheet {
    fn is(self, path: &NodePath, kind: NodeKind) -> bool {
        self.filling
            .question(path)
            .is_some_and(|question| question.view.with_untracked(|view| view.kind == kind))
    }
}

/// Nodes beside each other.
#[component]
fn Nodes(
    sheet: Sheet,
    nodes: Memo<Vec<NodePath>>,
    /// Whether the title of a repeat that is alone, or of a table that comes
    /// first, stands above already.
    titled: bool,
) -> AnyView {
    let each = move || {
        let found = nodes.get().into_iter().filter_map(|path| sheet.filling.question(&path));
        blocks(found.collect())
    };
    let first = each().first().map(Block::key);
    let one = move |block: Block| {
        let first = first.as_ref() == Some(&block.key());
        let question = match block {
            Block::Table(table) => {
                return view! { <TableView filling=sheet.filling table titled=titled && first /> }.into_any();
            }
            Block::One(question) => question,
        };
        let alone = titled && nodes.with_untracked(|nodes| nodes.len() == 1);
        match question.view.with_untracked(|view| view.kind) {
            NodeKind::Group => view! { <GroupView sheet question /> }.into_any(),
            NodeKind::Repeat => view! { <RepeatView sheet question titled=alone /> }.into_any(),
            _ => view! { <QuestionView filling=sheet.filling question /> }.into_any(),
        }
    };
    view! {
        <div class="nodes">
            <For each key=Block::key children=one />
        </div>
    }
    .into_any()
}

/// What is in a container, wherever it is. Tracks.
fn inside(sheet: Sheet, path: RwSignal<NodePath>) -> Memo<Vec<NodePath>> {
    Memo::new(move |_| path.with(|path| sheet.outline.with(|outline| outline.inside(path).to_vec())))
}

/// A group: a section under its label.
#[component]
fn GroupView(sheet: Sheet, question: Question) -> impl IntoView {
    let view = RwSignal::from(question.view.clone());
    let path = RwSignal::from(question.path.clone());
    let relevant = Memo::new(move |_| view.with(|view| view.relevant));
    let label = Memo::new(move |_| view.with(|view| view.label.clone()));
    let nodes = inside(sheet, path);
    let id = unique_id("group");
    let label_id = StoredValue::new(id);
    view! {
        <Show when=move || relevant.get()>
            <section class="group" aria-labelledby=label_id.get_value() data-group=move || path.get().to_string()>
                <h2 class="question__group" id=label_id.get_value() hidden=move || label.with(String::is_empty)>
                    {label}
                </h2>
                <LabelMedia filling=sheet.filling view />
                <Nodes sheet nodes titled=false />
            </section>
        </Show>
    }
}

/// A repeat: its instances, and a button for one more.
#[component]
fn RepeatView(
    sheet: Sheet,
    question: Question,
    /// Whether its label stands above already.
    titled: bool,
) -> impl IntoView {
    let i18n = use_i18n();
    let view = RwSignal::from(question.view.clone());
    let path = RwSignal::from(question.path.clone());
    let relevant = Memo::new(move |_| view.with(|view| view.relevant));
    let by_hand = Memo::new(move |_| view.with(|view| !view.read_only));
    let label = Memo::new(move |_| view.with(|view| view.label.clone()));
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    let nodes = inside(sheet, path);
    let repeat = StoredValue::new(question);
    let fresh = RwSignal::new(None::<NodePath>);
    let add = move || {
        busy.set(true);
        failure.set(None);
        let repeat = repeat.get_value();
        spawn_local(async move {
            match sheet.filling.add_instance(&repeat).await {
                Ok(Some(path)) => {
                    fresh.try_set(Some(path.clone()));
                    sheet.wanted.try_set(Some(path.clone()));
                    request_animation_frame(move || focus_instance(&path));
                }
                Ok(None) => {}
                Err(text) => drop(failure.try_set(Some(text))),
            }
            busy.try_set(false);
        });
    };
    let instances = move || {
        let found = nodes.get().into_iter().filter_map(|path| sheet.filling.question(&path));
        found.collect::<Vec<_>>()
    };
    let many = nodes.with_untracked(|nodes| nodes.len() > UNFOLDED_MAX);
    let instance = move |question: Question| {
        let is_fresh = fresh.with_untracked(|fresh| {
            fresh.as_ref().is_some_and(|fresh| question.path.with_untracked(|path| path == fresh))
        });
        let last = nodes.with_untracked(|nodes| {
            nodes.last().is_some_and(|last| question.path.with_untracked(|path| path == last))
        });
        let open = is_fresh || last || !many;
        view! { <InstanceView sheet question label nodes by_hand open /> }
    };
    view! {
        <Show when=move || relevant.get()>
            <section class="repeat" data-repeat=move || path.get().to_string()>
                <h2
                    class="question__group"
                    hidden=move || titled || label.with(String::is_empty)
                >
                    {label}
                </h2>
                <For each=instances key=|question| question.id children=instance />
                <Show when=move || by_hand.get() && nodes.with(Vec::is_empty)>
                    <p class="soft">{t!(i18n, fill.repeat_empty)}</p>
                </Show>
                <Show when=move || by_hand.get()>
                    <div>
                        <Button kind=ButtonKind::Secondary icon=IconName::Plus busy on_press=add>
                            {move || {
                                let what = label.get();
                                if what.is_empty() {
                                    t_string!(i18n, fill.repeat_add).to_owned()
                                } else {
                                    t_string!(i18n, fill.repeat_add_named, what = what)
                                }
                            }}
                        </Button>
                    </div>
                </Show>
                <FailureNotice error=failure />
            </section>
        </Show>
    }
}

/// Brings an instance that was added into view, and its heading into focus.
fn focus_instance(path: &NodePath) {
    let Ok(Some(element)) = document().query_selector(&format!("[data-instance=\"{path}\"]")) else { return };
    element.scroll_into_view();
    let fold = element.query_selector(".instance__fold").ok().flatten();
    if let Some(fold) =
        fold.and_then(|fold| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(fold).ok())
    {
        // Fails only for elements that are gone.
        let _ = fold.focus();
    }
}

/// One instance of a repeat.
#[component]
fn InstanceView(
    sheet: Sheet,
    question: Question,
    /// Of the repeat.
    label: Memo<String>,
    /// All instances.
    nodes: Memo<Vec<NodePath>>,
    by_hand: Memo<bool>,
    /// Whether it begins unfolded.
    open: bool,
) -> impl IntoView {
    let i18n = use_i18n();
    let path = RwSignal::from(question.path.clone());
    let view = RwSignal::from(question.view.clone());
    let relevant = Memo::new(move |_| view.with(|view| view.relevant));
    let open = RwSignal::new(open);
    let removing = RwSignal::new(false);
    let inner = inside(sheet, path);
    let body_id = StoredValue::new(unique_id("instance"));
    let number = Memo::new(move |_| {
        path.with(|path| nodes.with(|nodes| nodes.iter().position(|one| one == path).map_or(0, |at| at + 1)))
    });
    let own_label = move || {
        let own = view.with(|view| view.label.clone());
        if own.is_empty() { label.get() } else { own }
    };
    // What was asked for is in here.
    Effect::new(move |_| {
        let within = sheet.wanted.with(|wanted| {
            wanted.as_ref().is_some_and(|wanted| {
                path.with_untracked(|path| {
                    wanted
                        .as_str()
                        .strip_prefix(path.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                })
            })
        });
        if within {
            open.set(true);
        }
    });
    let told = move || {
        let found =
            inner.get().into_iter().filter_map(|path| sheet.filling.question(&path)).filter_map(|question| {
                question.view.with(|view| {
                    (view.relevant && !view.kind.is_media()).then(|| answer_in_short(view)).flatten()
                })
            });
        found.take(TOLD_MAX).collect::<Vec<_>>().join(" · ")
    };
    let wrong = Memo::new(move |_| {
        let path = path.get();
        let below = format!("{path}/");
        sheet.filling.problems().iter().any(|problem| problem.path.as_str().starts_with(&below))
    });
    let instance = StoredValue::new(question);
    view! {
        <Show when=move || relevant.get()>
            <section class="instance" data-instance=move || path.get().to_string()>
                <div class="instance__head">
                    <button
                        type="button"
                        class="instance__fold"
                        aria-expanded=move || if open.get() { "true" } else { "false" }
                        aria-controls=body_id.get_value()
                        on:click=move |_| open.update(|open| *open = !*open)
                    >
                        <span class="instance__chevron" class:instance__chevron--open=open>
                            <Icon name=IconName::Chevron />
                        </span>
                        <span class="instance__words">
                            <span class="instance__title">
                                <span class="numbers">{number}</span>
                                " "
                                {own_label}
                            </span>
                            <span class="instance__told soft small" hidden=move || open.get()>
                                {told}
                            </span>
                        </span>
                        <Show when=move || wrong.get() && !open.get()>
                            <span class="fill__missing">
                                <Icon name=IconName::Alert />
                                <span class="unseen">{t!(i18n, fill.instance_incomplete)}</span>
                            </span>
                        </Show>
                    </button>
                    <Show when=move || by_hand.get()>
                        <IconButton
                            name=IconName::Trash
                            label=Signal::derive(move || {
                                t_string!(i18n, fill.repeat_remove, number = number.get().to_string())
                            })
                            on_press=move || removing.set(true)
                        />
                    </Show>
                </div>
                <div class="instance__body" id=body_id.get_value() hidden=move || !open.get()>
                    <Nodes sheet nodes=inner titled=false />
                </div>
                <Remove sheet instance number open=removing />
            </section>
        </Show>
    }
}

/// An answer in a word or two.
fn answer_in_short(view: &doorstep_form::NodeView) -> Option<String> {
    let value = view.value.trim();
    if value.is_empty() || view.kind == NodeKind::Note {
        return None;
    }
    if view.kind.is_select() {
        let label = |one: &str| {
            let found = view.choices.iter().find(|choice| choice.value == one);
            found.map_or_else(|| one.to_owned(), |choice| choice.label.clone())
        };
        return value.split_whitespace().next().map(label);
    }
    Some(value.chars().take(20).collect())
}

/// Asks before an instance is removed.
#[component]
fn Remove(
    sheet: Sheet,
    instance: StoredValue<Question>,
    number: Memo<usize>,
    open: RwSignal<bool>,
) -> impl IntoView {
    let i18n = use_i18n();
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    let yes = move || {
        busy.set(true);
        failure.set(None);
        let instance = instance.get_value();
        spawn_local(async move {
            match sheet.filling.remove_instance(&instance).await {
                Ok(()) => drop(open.try_set(false)),
                Err(text) => drop(failure.try_set(Some(text))),
            }
            busy.try_set(false);
        });
    };
    let title =
        Signal::derive(move || t_string!(i18n, fill.repeat_remove, number = number.get().to_string()));
    view! {
        <Dialog open title>
            <p>{t!(i18n, fill.repeat_remove_text)}</p>
            <FailureNotice error=failure />
            <DialogActions>
                <Button kind=ButtonKind::Danger busy on_press=yes>
                    {t!(i18n, fill.remove)}
                </Button>
                <Button kind=ButtonKind::Secondary on_press=move || open.set(false)>
                    {t!(i18n, common.cancel)}
                </Button>
            </DialogActions>
        </Dialog>
    }
}
