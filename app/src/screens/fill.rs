//! Filling in a form: one section a page, then "check and finish".

use doorstep_core::ids::DraftId;
use doorstep_core::pack::FormFile;
use doorstep_core::phone::OpenDraft;
use doorstep_core::text::LocalText;
use doorstep_form::PageView;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_params_map};

use crate::app::{use_device, use_session, use_settings, use_sync};
use crate::clock::now;
use crate::explain::Explain;
use crate::fill::outline::Outline;
use crate::fill::{CheckStep, Comments, Filling, FinishFailure, Sheet, SheetView, all_written};
use crate::i18n::*;
use crate::ui::{
    Actions, Button, ButtonKind, Dialog, DialogActions, FailureNotice, IconButton, IconName, Loading, Notice,
    Page, Tone,
};

mod steps;

use steps::{Step, Steps, show_question, to_the_top};

/// Opening a draft.
#[derive(Clone)]
enum Opening {
    UnderWay,
    Failed(LocalText),
    Open(Filling),
}

/// The draft of `/fill/:draft`, one section a page.
#[component]
pub fn FillScreen() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let settings = use_settings();
    let device = use_device();
    let params = use_params_map();
    let opening = RwSignal::new(Opening::UnderWay);
    device.set_draft_open(true);
    on_cleanup(move || device.set_draft_open(false));
    let owner = Owner::current();
    let id = params.with_untracked(|params| params.get("draft").and_then(|id| id.parse::<DraftId>().ok()));
    spawn_local(async move {
        let opened = open(session, id, settings.language_untracked().code()).await;
        let next = match (opened, owner) {
            // The draft belongs to the screen, and goes with it.
            (Ok((draft, files)), Some(owner)) => {
                Opening::Open(owner.with(|| Filling::new(session, draft, files)))
            }
            (Ok(_), None) => return,
            (Err(text), _) => Opening::Failed(text),
        };
        opening.try_set(next);
    });
    let closed_title = Signal::derive(move || t_string!(i18n, fill.form).to_owned());
    move || match opening.get() {
        Opening::UnderWay => view! {
            <Page title=closed_title back=true>
                <Loading />
            </Page>
        }
        .into_any(),
        Opening::Failed(text) => view! {
            <Page title=closed_title back=true>
                <Notice tone=Tone::Bad>
                    <p>{move || text.get(settings.language()).to_owned()}</p>
                    <a class="button button--secondary" href="/outbox">
                        {t!(i18n, fill.to_outbox)}
                    </a>
                </Notice>
            </Page>
        }
        .into_any(),
        Opening::Open(filling) => view! { <OpenForm filling /> }.into_any(),
    }
}

async fn open(
    session: crate::session::Session,
    id: Option<DraftId>,
    language: &str,
) -> Result<(OpenDraft, Vec<FormFile>), LocalText> {
    let Some(id) = id else {
        return Err(LocalText::new("地址不对,没有这份草稿。", "There is no such draft."));
    };
    let phone = session.phone().map_err(|error| error.explain())?;
    all_written().await;
    let draft = phone.open_draft(id, language, now()).await.map_err(|error| error.explain())?;
    let files = phone.form_files(draft.record.form_version_id).await.map_err(|error| error.explain())?;
    Ok((draft, files))
}

#[component]
fn OpenForm(filling: Filling) -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    let steps = Steps::new(filling);
    Effect::new(move |before: Option<doorstep_core::text::Language>| {
        let language = settings.language();
        if before.is_some_and(|before| before != language) {
            filling.set_language(language);
        }
        language
    });
    // Whatever hides the page may end it: the camera, another app, a call.
    let hidden = window_event_listener_untyped("visibilitychange", move |_| filling.flush());
    let gone = window_event_listener_untyped("pagehide", move |_| filling.flush());
    on_cleanup(move || {
        filling.flush();
        hidden.remove();
        gone.remove();
    });
    Effect::new(move |_| {
        steps.section();
        if let Some(path) = steps.wanted.get() {
            steps.wanted.set(None);
            request_animation_frame(move || show_question(&path));
        }
    });
    let throw_away = RwSignal::new(false);
    let title = Signal::derive(move || match steps.section() {
        Some(PageView { title: Some(title), .. }) => title,
        Some(page) if page.index == 0 => t_string!(i18n, fill.basics).to_owned(),
        Some(_) => t_string!(i18n, fill.reminders).to_owned(),
        None => t_string!(i18n, fill.check).to_owned(),
    });
    view! {
        <Page
            title
            back=true
            actions=move || {
                view! {
                    <IconButton
                        name=IconName::Trash
                        label=Signal::derive(move || t_string!(i18n, fill.throw_away).to_owned())
                        on_press=move || throw_away.set(true)
                    />
                }
            }
        >
            {filling
                .is_renewed()
                .then(|| {
                    let lost = filling.left_over().len();
                    view! {
                        <Notice tone=Tone::Info>
                            <p role="status">
                                {move || match lost {
                                    0 => t_string!(i18n, fill.renewed).to_owned(),
                                    _ => t_string!(i18n, fill.renewed_lost, count = lost),
                                }}
                            </p>
                        </Notice>
                    }
                })}
            <Form steps />
            <ThrowAway filling open=throw_away />
        </Page>
    }
}

#[component]
fn Form(steps: Steps) -> impl IntoView {
    let i18n = use_i18n();
    let filling = steps.filling;
    let record = filling.record();
    let section = Memo::new(move |_| steps.section().map(|page| page.index));
    let sheet = move |index: usize| {
        let outline = Memo::new(move |_| {
            let pages = filling.pages();
            let page = pages.iter().find(|page| page.index == index);
            page.map(|page| Outline::of(&page.nodes)).unwrap_or_default()
        });
        Sheet { filling, outline, wanted: steps.unfolded }
    };
    Effect::new(move |before: Option<usize>| {
        let asked = filling.asked_to_go_on();
        if before.is_some_and(|before| before != asked) && steps.asks_one_thing() {
            spawn_local(async move { steps.next().await });
        }
        asked
    });
    let general: Vec<_> = record.comments.iter().filter(|comment| comment.path.is_none()).cloned().collect();
    let corrects = !record.comments.is_empty();
    view! {
        <Progress steps label=record.case_label />
        <Show when=move || corrects && section.get().is_some() && steps.is_first()>
            <Notice tone=Tone::Info>
                <p>{t!(i18n, fill.correction)}</p>
            </Notice>
            <Comments comments=general.clone() />
        </Show>
        {move || match section.get() {
            Some(index) => view! { <SheetView sheet=sheet(index) /> }.into_any(),
            None => view! { <CheckStep filling on_go=move |path| steps.go_to(path) /> }.into_any(),
        }}
        <Bar steps />
    }
}

/// Whose visit, how far, and whether it is on the disk.
#[component]
fn Progress(steps: Steps, label: String) -> impl IntoView {
    let i18n = use_i18n();
    let progress = Memo::new(move |_| steps.progress());
    let saved = Memo::new(move |_| steps.filling.is_saved());
    view! {
        <div class="fill__progress">
            <div class="cluster cluster--apart">
                <strong>{label}</strong>
                <span class="soft small">
                    {move || {
                        if saved.get() { t_string!(i18n, fill.saved) } else { t_string!(i18n, fill.saving) }
                    }} " · "
                    <span class="numbers">{move || format!("{}/{}", progress.get().0, progress.get().1)}</span>
                </span>
            </div>
            <progress
                class="meter"
                max=move || progress.get().1.to_string()
                prop:value=move || f64::from(u32::try_from(progress.get().0).unwrap_or(0))
                aria-label=move || t_string!(i18n, fill.progress)
            ></progress>
        </div>
    }
}

/// Back, next, finish.
#[component]
fn Bar(steps: Steps) -> impl IntoView {
    let i18n = use_i18n();
    let sync = use_sync();
    let navigate = use_navigate();
    let moving = RwSignal::new(false);
    let finishing = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    let filling = steps.filling;
    let next = move || {
        moving.set(true);
        spawn_local(async move {
            steps.next().await;
            moving.try_set(false);
        });
    };
    let finish = StoredValue::new_local(move || {
        let navigate = navigate.clone();
        failure.set(None);
        finishing.set(true);
        spawn_local(async move {
            let answer = filling.finish().await;
            finishing.try_set(false);
            match answer {
                Ok(content) => {
                    sync.saved();
                    let address = format!("/outbox?finished={}", content.submission_id);
                    navigate(&address, NavigateOptions { replace: true, ..NavigateOptions::default() });
                }
                Err(FinishFailure::Incomplete) => {
                    failure.try_set(None);
                    to_the_top();
                }
                Err(FinishFailure::Failed(text)) => drop(failure.try_set(Some(text))),
            }
        });
    });
    let blocked = Signal::derive(move || !filling.problems().is_empty());
    view! {
        <FailureNotice error=failure />
        <Show when=move || steps.warned.get()>
            <p class="field__problem" role="alert">
                {t!(i18n, fill.page_incomplete)}
            </p>
        </Show>
        <Actions>
            <Show when=move || !steps.is_first()>
                <Button kind=ButtonKind::Secondary on_press=move || steps.back()>
                    {t!(i18n, fill.previous)}
                </Button>
            </Show>
            <Show
                when=move || steps.now.get() == Step::Check
                fallback=move || {
                    view! {
                        <Button busy=moving on_press=next>
                            {move || {
                                if steps.warned.get() {
                                    t_string!(i18n, fill.skip)
                                } else {
                                    t_string!(i18n, fill.next)
                                }
                            }}
                        </Button>
                    }
                }
            >
                <Button
                    busy=finishing
                    disabled=blocked
                    on_press=move || finish.with_value(|finish| finish())
                >
                    {t!(i18n, fill.finish)}
                </Button>
            </Show>
        </Actions>
    }
}

/// Asks before a draft is thrown away.
#[component]
fn ThrowAway(filling: Filling, open: RwSignal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let navigate = use_navigate();
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    let yes = StoredValue::new_local(move || {
        let navigate = navigate.clone();
        busy.set(true);
        failure.set(None);
        spawn_local(async move {
            let answer = filling.discard().await;
            busy.try_set(false);
            match answer {
                Ok(()) => navigate("/", NavigateOptions { replace: true, ..NavigateOptions::default() }),
                Err(text) => drop(failure.try_set(Some(text))),
            }
        });
    });
    view! {
        <Dialog open title=Signal::derive(move || t_string!(i18n, fill.throw_away_title).to_owned())>
            <p>{t!(i18n, fill.throw_away_text)}</p>
            <FailureNotice error=failure />
            <DialogActions>
                <Button kind=ButtonKind::Danger busy on_press=move || yes.with_value(|yes| yes())>
                    {t!(i18n, fill.throw_away)}
                </Button>
                <Button kind=ButtonKind::Secondary on_press=move || open.set(false)>
                    {t!(i18n, fill.keep)}
                </Button>
            </DialogActions>
        </Dialog>
    }
}
