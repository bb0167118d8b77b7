//! Photos: taken by the phone's camera, made small, shown, taken again.

use std::rc::Rc;

use doorstep_core::submission::CaptureSource;
use doorstep_core::text::LocalText;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;

use super::Question;
use super::drawing::{DrawingKind, PadDialog};
use super::lens::{can_film, lens_dialog};
use super::question::Handle;
use crate::app::{use_session, use_settings};
use crate::camera::{self, ObjectUrl};
use crate::explain::Explain;
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, FailureNotice, Icon, IconName, Loading, Notice, Tone};

/// What is known of the picture behind an answer.
type Picture = Result<Option<Rc<ObjectUrl>>, LocalText>;

/// The picture of the question, when it has one.
#[component]
pub fn Preview(
    handle: Handle,
    /// A drawing on white, not a photo.
    #[prop(optional)]
    drawing: bool,
) -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    let file_name = Memo::new(move |_| handle.value());
    let picture = LocalResource::new(move || {
        let file_name = file_name.get();
        let filling = handle.filling;
        async move { filling.picture(file_name).await }
    });
    let frame = move |picture: Option<&Picture>| match picture {
        None => view! { <Loading /> }.into_any(),
        Some(Ok(Some(address))) => {
            let words = move || handle.view.with(|view| view.label.clone());
            view! { <img class="picture__image" src=address.address().to_owned() alt=words /> }.into_any()
        }
        Some(Ok(None)) => view! {
            <p class="picture__elsewhere">
                <Icon name=IconName::Photo />
                {t!(i18n, fill.picture_at_server)}
            </p>
        }
        .into_any(),
        Some(Err(text)) => {
            let text = text.clone();
            view! {
                <Notice tone=Tone::Bad>
                    <p>{move || text.get(settings.language()).to_owned()}</p>
                </Notice>
            }
            .into_any()
        }
    };
    view! {
        <div class="picture__frame" class:picture__frame--drawing=drawing>
            {move || picture.with(|picture| frame(picture.as_ref()))}
        </div>
    }
}

/// Said of a photo for which no instance could be added.
fn no_room() -> LocalText {
    LocalText::new(
        "这张照片没有保存:表单这里不能再加一项。请在已有的一项里重拍。",
        "This photo was not kept: the form takes no further entry here. Take it again in one that is there.",
    )
}

/// A photo by the phone's camera, or from its files where there is none.
#[component]
pub fn PhotoField(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let (session, settings) = (use_session(), use_settings());
    let busy = RwSignal::new(0_usize);
    let failure = RwSignal::new(None::<LocalText>);
    let there = Memo::new(move |_| handle.view.with(|view| !view.value.is_empty()));
    let max_pixels = handle.max_pixels();
    let filling = handle.filling;
    let marked = handle.looks("annotate");
    let marking = RwSignal::new(false);
    let from_gallery = !handle.looks("new");
    let take_for = move |question: Question, picture: web_sys::Blob, source: CaptureSource| {
        busy.update(|photos| *photos += 1);
        let kept = filling.kept();
        let language = settings.language_untracked();
        spawn_local(async move {
            let moment = kept.moment(source, language).await;
            match camera::take(&picture, max_pixels, moment).await {
                // The draft outlives this screen; the signals do not.
                Ok(photo) => kept.attach(&question, photo),
                Err(error) => drop(failure.try_set(Some(error.explain()))),
            }
            busy.try_update(|photos| *photos = photos.saturating_sub(1));
        });
    };
    let take = move |picture, source| {
        failure.set(None);
        take_for(handle.question.get_value(), picture, source);
    };
    // In a repeat, one photo after the other: each but the first has an
    // instance of its own.
    let several = handle.question.with_value(|question| filling.may_repeat(question));
    let shot = move |picture: web_sys::Blob, number: usize| {
        if number == 1 {
            return take(picture, CaptureSource::InApp);
        }
        // What went wrong with the one before stays to be read.
        let first = handle.question.get_value();
        spawn_local(async move {
            match filling.in_new_instance(&first).await {
                Ok(Some(next)) => take_for(next, picture, CaptureSource::InApp),
                Ok(None) => drop(failure.try_set(Some(no_room()))),
                Err(text) => drop(failure.try_set(Some(text))),
            }
        });
    };
    let is_back = move || session.choose(|choices| choices.camera_away = false);
    let chosen = move |event: leptos::ev::Event, source: CaptureSource| {
        is_back();
        let Some(input) =
            event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok())
        else {
            return;
        };
        let Some(file) = input.files().and_then(|files| files.get(0)) else { return };
        // So that the same file can be chosen again.
        input.set_value("");
        take(file.into(), source);
    };
    let in_app = Memo::new(move |_| can_film() && session.choices().own_camera);
    let has_lost = Memo::new(move |_| can_film() && !in_app.get() && session.choices().photo_lost);
    let filming = RwSignal::new(false);
    let back = window_event_listener_untyped("focus", move |_| is_back());
    on_cleanup(move || back.remove());
    let opened = move || {
        filling.flush();
        filling.kept().look_around();
    };
    let choose = move |own: bool| {
        session.choose(|choices| {
            choices.own_camera = own;
            choices.photo_lost = false;
        });
    };
    let words = move || {
        if there.get() { t_string!(i18n, fill.photo_again) } else { t_string!(i18n, fill.photo_take) }
    };
    view! {
        <div class="picture">
            <Show when=move || there.get()>
                <Preview handle />
            </Show>
            <Show when=move || { busy.get() > 0 }>
                <p class="picture__busy" role="status">
                    <Icon name=IconName::Sync turning=true />
                    {t!(i18n, fill.photo_busy)}
                </p>
            </Show>
            <FailureNotice error=failure />
            <Show when=move || has_lost.get()>
                <Notice tone=Tone::Info icon=IconName::Camera>
                    <p>{t!(i18n, fill.photo_lost)}</p>
                    <div class="cluster">
                        <Button kind=ButtonKind::Secondary on_press=move || choose(true)>
                            {t!(i18n, fill.camera_own)}
                        </Button>
                        <Button kind=ButtonKind::Quiet on_press=move || choose(false)>
                            {t!(i18n, fill.camera_keep)}
                        </Button>
                    </div>
                </Notice>
            </Show>
            <div class="cluster">
                <Show
                    when=move || in_app.get()
                    fallback=move || {
                        view! {
                            <label class="button button--secondary picture__take">
                                <Icon name=IconName::Camera />
                                {words}
                                <input
                                    class="unseen"
                                    type="file"
                                    accept="image/*"
                                    capture="environment"
                                    id=handle.id.get_value()
                                    aria-describedby=handle.described_by.get_value()
                                    on:click=move |_| {
                                        opened();
                                        session.choose(|choices| choices.camera_away = true);
                                    }
                                    on:cancel=move |_: leptos::ev::Event| is_back()
                                    on:change=move |event| chosen(event, CaptureSource::Camera)
                                />
                            </label>
                        }
                    }
                >
                    <Button
                        kind=ButtonKind::Secondary
                        icon=IconName::Camera
                        on_press=move || {
                            opened();
                            filming.set(true);
                        }
                    >
                        {words}
                    </Button>
                </Show>
                {from_gallery
                    .then(|| {
                        view! {
                            <label class="button button--quiet picture__take">
                                <Icon name=IconName::Photo />
                                {t!(i18n, fill.photo_choose)}
                                <input
                                    class="unseen"
                                    type="file"
                                    accept="image/*"
                                    aria-describedby=handle.described_by.get_value()
                                    on:click=move |_| filling.flush()
                                    on:change=move |event| chosen(event, CaptureSource::Gallery)
                                />
                            </label>
                        }
                    })}
                <Show when=move || marked && there.get()>
                    <Button kind=ButtonKind::Secondary icon=IconName::Edit on_press=move || marking.set(true)>
                        {t!(i18n, fill.mark)}
                    </Button>
                </Show>
                <Show when=move || there.get()>
                    <Button
                        kind=ButtonKind::Quiet
                        icon=IconName::Trash
                        on_press=move || handle.answer(String::new())
                    >
                        {t!(i18n, fill.remove)}
                    </Button>
                </Show>
            </div>
            {can_film()
                .then(|| {
                    view! {
                        <Show when=move || !has_lost.get()>
                            <div class="cluster">
                                <Button kind=ButtonKind::Quiet on_press=move || choose(!in_app.get_untracked())>
                                    {move || {
                                        if in_app.get() {
                                            t_string!(i18n, fill.camera_system)
                                        } else {
                                            t_string!(i18n, fill.camera_own)
                                        }
                                    }}
                                </Button>
                            </div>
                        </Show>
                        {lens_dialog(handle, filming, several, failure, shot)}
                    }
                })}
            {marked.then(|| view! { <PadDialog handle kind=DrawingKind::Marks open=marking /> })}
        </div>
    }
}
