//! The way through a form: section after section, then "check and finish".

use doorstep_form::{NodeKind, NodePath, PageView};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;

use crate::fill::Filling;

/// Where in the form one is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// The section of this index.
    Section(usize),
    Check,
}

/// Moves between the steps of one form.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    pub(super) filling: Filling,
    pub(super) now: RwSignal<Step>,
    /// The sections with something to fill or read.
    sections: Memo<Vec<PageView>>,
    /// A question to show once its section is there.
    pub(super) wanted: RwSignal<Option<NodePath>>,
    /// The one that was asked for last.
    pub(super) unfolded: RwSignal<Option<NodePath>>,
    /// "Next" was pressed and something is missing; the next press goes on.
    pub(super) warned: RwSignal<bool>,
}

impl Steps {
    pub(super) fn new(filling: Filling) -> Self {
        let sections = Memo::new(move |_| {
            let mut pages = filling.pages();
            pages.retain(|page| {
                page.nodes.iter().any(|path| {
                    filling.question(path).is_some_and(|question| {
                        question.view.with(|view| {
                            let can_grow = view.kind == NodeKind::Repeat && !view.read_only;
                            view.relevant && (can_grow || !view.kind.is_container())
                        })
                    })
                })
            });
            pages
        });
        let first = sections.with_untracked(|sections| sections.first().map_or(0, |page| page.index));
        let steps = Self {
            filling,
            now: RwSignal::new(Step::Section(first)),
            sections,
            wanted: RwSignal::new(None),
            unfolded: RwSignal::new(None),
            warned: RwSignal::new(false),
        };
        if let Some(page) = steps.page_to_resume() {
            steps.now.set(Step::Section(page));
        }
        steps
    }

    /// The section of the first remark for a correction, else of the last
    /// answer.
    fn page_to_resume(self) -> Option<usize> {
        let record = self.filling.record();
        let commented: Option<NodePath> =
            record.comments.iter().find_map(|comment| comment.path.as_ref()?.parse().ok());
        let last = self.filling.last_answered();
        self.page_of(&last.or(commented)?)
    }

    fn page_of(self, path: &NodePath) -> Option<usize> {
        self.sections.with_untracked(|sections| {
            sections.iter().find(|page| page.nodes.contains(path)).map(|page| page.index)
        })
    }

    /// The section on the screen. Tracks.
    pub(super) fn section(self) -> Option<PageView> {
        match self.now.get() {
            Step::Section(index) => {
                self.sections.with(|sections| sections.iter().find(|page| page.index == index).cloned())
            }
            Step::Check => None,
        }
    }

    /// Number of this step and of all, from 1. Tracks.
    pub(super) fn progress(self) -> (usize, usize) {
        self.sections.with(|sections| {
            let all = sections.len() + 1;
            match self.now.get() {
                Step::Section(index) => {
                    (sections.iter().position(|page| page.index >= index).unwrap_or(all - 1) + 1, all)
                }
                Step::Check => (all, all),
            }
        })
    }

    /// Whether the section on the screen asks for one answer only.
    pub(super) fn asks_one_thing(self) -> bool {
        let Step::Section(index) = self.now.get_untracked() else { return false };
        let asked = |path: &&NodePath| {
            self.filling.question(path).is_some_and(|question| {
                question.view.with_untracked(|view| {
                    view.relevant
                        && !view.read_only
                        && view.kind != NodeKind::Note
                        && !view.kind.is_container()
                })
            })
        };
        self.sections.with_untracked(|sections| {
            let page = sections.iter().find(|page| page.index == index);
            page.is_some_and(|page| page.nodes.iter().filter(asked).count() == 1)
        })
    }

    pub(super) fn is_first(self) -> bool {
        self.progress().0 == 1
    }

    fn go(self, step: Step) {
        self.filling.flush();
        self.warned.set(false);
        if step == Step::Check {
            let filling = self.filling;
            spawn_local(async move { filling.settle().await });
        }
        self.now.set(step);
        if self.wanted.with_untracked(Option::is_none) {
            to_the_top();
        }
    }

    /// To a question, wherever it is.
    pub(super) fn go_to(self, path: NodePath) {
        self.filling.judge(std::slice::from_ref(&path));
        if let Some(page) = self.page_of(&path) {
            self.unfolded.set(Some(path.clone()));
            self.wanted.set(Some(path));
            self.go(Step::Section(page));
        }
    }

    pub(super) fn back(self) {
        let before = self.sections.with_untracked(|sections| {
            let before = match self.now.get_untracked() {
                Step::Section(index) => sections.iter().rfind(|page| page.index < index),
                Step::Check => sections.last(),
            };
            before.map(|page| page.index)
        });
        if let Some(index) = before {
            self.go(Step::Section(index));
        }
    }

    /// On, once everything is written. What is missing is shown first; a
    /// second press goes on all the same, and the last page lists it.
    pub(super) async fn next(self) {
        let Step::Section(index) = self.now.get_untracked() else { return };
        self.filling.settle().await;
        let Some(Step::Section(still)) = self.now.try_get_untracked() else { return };
        if still != index {
            return;
        }
        let nodes = self.sections.with_untracked(|sections| {
            sections
                .iter()
                .find(|page| page.index == index)
                .map(|page| page.nodes.clone())
                .unwrap_or_default()
        });
        let wrong = self.filling.judge(&nodes);
        if let Some(path) = wrong.filter(|_| !self.warned.get_untracked()) {
            self.warned.set(true);
            self.unfolded.set(Some(path.clone()));
            request_animation_frame(move || show_question(&path));
            return;
        }
        let after = self.sections.with_untracked(|sections| {
            sections.iter().find(|page| page.index > index).map(|page| page.index)
        });
        self.go(after.map_or(Step::Check, Step::Section));
    }
}

/// A step begins at its top, and with its heading for a screen reader.
pub(super) fn to_the_top() {
    window().scroll_to_with_x_and_y(0.0, 0.0);
    focus(".page__title");
}

fn focus(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
        // Fails only for elements that are gone.
        let _ = element.focus();
    }
}

/// Brings a question into view and its first field into focus.
pub(super) fn show_question(path: &NodePath) {
    // A path is made of names and positions; it needs no escaping.
    let wrapper = format!("[data-path=\"{path}\"]");
    if let Ok(Some(element)) = document().query_selector(&wrapper) {
        element.scroll_into_view();
    }
    focus(&format!("{wrapper} input, {wrapper} textarea, {wrapper} button, {wrapper} canvas"));
}
