//! Files: chosen from the phone, or filmed by its camera.

use std::rc::Rc;

use doorstep_core::phone::NewFile;
use doorstep_core::submission::FILE_BYTES_MAX;
use doorstep_core::text::LocalText;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;

use super::question::Handle;
use crate::app::use_settings;
use crate::browser::{bytes_of, call_async};
use crate::camera::ObjectUrl;
use crate::clock::new_id;
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, FailureNotice, Icon, IconName, Notice, Tone};

const MEGABYTE: usize = 1024 * 1024;

/// What may be chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileKind {
    Audio,
    Video,
    Any,
}

impl FileKind {
    /// As in `accept`.
    fn accepted(self) -> Option<&'static str> {
        match self {
            Self::Audio => Some("audio/*"),
            Self::Video => Some("video/*"),
            Self::Any => None,
        }
    }
}

/// A file that was chosen, read into memory.
pub(super) async fn read(file: &web_sys::File) -> Result<NewFile, LocalText> {
    let too_large = || {
        LocalText::new(
            format!("文件超过 {} MB,无法保存。请选小一些的,或拍短一些。", FILE_BYTES_MAX / MEGABYTE),
            format!(
                "The file is larger than {} MB. Choose a smaller one, or record less.",
                FILE_BYTES_MAX / MEGABYTE
            ),
        )
    };
    let unreadable =
        || LocalText::new("文件打不开。请换一个文件。", "The file does not open. Choose another one.");
    #[expect(clippy::cast_precision_loss, reason = "a bound")]
    if file.size() > FILE_BYTES_MAX as f64 {
        return Err(too_large());
    }
    if file.size() <= 0.0 {
        return Err(unreadable());
    }
    let bytes = call_async(file, "arrayBuffer", &[]).await.map_err(|_| unreadable())?;
    let plain = NewFile::plain(new_id(), bytes_of(&bytes), plain_type(&file.type_()));
    Ok(NewFile { name: file.name(), ..plain })
}

/// A type without its parameters; what has none is just bytes.
pub(super) fn plain_type(kind: &str) -> String {
    let plain = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if plain.contains('/') { plain } else { "application/octet-stream".to_owned() }
}

/// The button that chooses a file.
#[component]
pub fn ChooseFile(
    handle: Handle,
    kind: FileKind,
    /// Of the input, when it is what the label is for.
    id: Option<String>,
    busy: RwSignal<bool>,
    failure: RwSignal<Option<LocalText>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let capture = kind == FileKind::Video && handle.looks("new");
    let chosen = move |event: leptos::ev::Event| {
        let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
        let Some(input) = input else { return };
        let Some(file) = input.files().and_then(|files| files.get(0)) else { return };
        // So that the same file can be chosen again.
        input.set_value("");
        failure.set(None);
        busy.set(true);
        let take = handle.taker();
        spawn_local(async move {
            match read(&file).await {
                Ok(file) => take(file),
                Err(text) => drop(failure.try_set(Some(text))),
            }
            busy.try_set(false);
        });
    };
    let words = move || match (kind, handle.is_answered()) {
        (FileKind::Video, false) => t_string!(i18n, fill.video_take),
        (FileKind::Video, true) => t_string!(i18n, fill.video_again),
        (_, false) => t_string!(i18n, fill.file_choose),
        (_, true) => t_string!(i18n, fill.file_again),
    };
    view! {
        <label class="button button--secondary picture__take">
            <Icon name=if kind == FileKind::Video { IconName::Video } else { IconName::File } />
            {words}
            <input
                class="unseen"
                type="file"
                accept=kind.accepted()
                capture=capture.then_some("environment")
                id=id
                aria-describedby=handle.described_by.get_value()
                on:click=move |_| handle.filling.flush()
                on:change=chosen
            />
        </label>
    }
}

/// A video, or any file.
#[component]
pub fn FileField(handle: Handle, kind: FileKind) -> impl IntoView {
    let i18n = use_i18n();
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    view! {
        <div class="picture">
            <FilePreview handle />
            <Show when=move || busy.get()>
                <p class="picture__busy" role="status">
                    <Icon name=IconName::Sync turning=true />
                    {t!(i18n, fill.file_busy)}
                </p>
            </Show>
            <FailureNotice error=failure />
            <div class="cluster">
                <ChooseFile handle kind id=Some(handle.id.get_value()) busy failure />
                <RemoveFile handle />
            </div>
        </div>
    }
}

#[component]
pub fn RemoveFile(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Show when=move || handle.is_answered()>
            <Button
                kind=ButtonKind::Quiet
                icon=IconName::Trash
                on_press=move || handle.answer(String::new())
            >
                {t!(i18n, fill.remove)}
            </Button>
        </Show>
    }
}

/// What is known of the file behind an answer: address, type, size in bytes.
type Known = Result<Option<(Rc<ObjectUrl>, String, u64)>, LocalText>;

/// A recording or film to play, or that there is a file.
#[component]
pub fn FilePreview(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    // Once it is on the disk.
    let file_name = Memo::new(move |_| handle.view.with(|view| view.value.clone()));
    let file = LocalResource::new(move || {
        let file_name = file_name.get();
        let filling = handle.filling;
        async move { filling.file(file_name).await }
    });
    let shown = move |known: &Known| match known {
        Ok(Some((address, content_type, size_bytes))) => {
            let source = address.address().to_owned();
            let label = handle.view.with_untracked(|view| view.label.clone());
            if content_type.starts_with("audio/") {
                view! { <audio class="player" controls=true src=source aria-label=label></audio> }.into_any()
            } else if content_type.starts_with("video/") {
                view! { <video class="player player--film" controls=true playsinline=true src=source aria-label=label></video> }
                    .into_any()
            } else if content_type.starts_with("image/") {
                view! { <img class="picture__image" src=source alt=label /> }.into_any()
            } else {
                let words =
                    format!("{} · {}", ending(&file_name.get_untracked()), size_in_words(*size_bytes));
                view! {
                    <p class="picture__elsewhere">
                        <Icon name=IconName::File />
                        <span class="numbers">{words}</span>
                    </p>
                }
                .into_any()
            }
        }
        Ok(None) => view! {
            <p class="picture__elsewhere">
                <Icon name=IconName::File />
                {t!(i18n, fill.file_at_server)}
            </p>
        }
        .into_any(),
        Err(text) => {
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
        <Show when=move || !file_name.with(String::is_empty)>
            <div class="picture__frame picture__frame--file">
                {move || file.with(|known| known.as_ref().map(shown))}
            </div>
        </Show>
    }
}

/// `PDF`, of `x.pdf`.
fn ending(file_name: &str) -> String {
    file_name.rsplit_once('.').map_or(file_name, |(_, ending)| ending).to_uppercase()
}

fn size_in_words(bytes: u64) -> String {
    let kilobytes = bytes.div_ceil(1024);
    if kilobytes < 1024 {
        format!("{kilobytes} KB")
    } else {
        format!("{}.{} MB", kilobytes / 1024, kilobytes % 1024 * 10 / 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_types_are_short() {
        assert_eq!(size_in_words(1), "1 KB");
        assert_eq!(size_in_words(3 * 1024 * 1024 / 2), "1.5 MB");
        assert_eq!(plain_type("audio/webm;codecs=opus"), "audio/webm");
        assert_eq!(plain_type(""), "application/octet-stream");
        assert_eq!(ending("0193.pdf"), "PDF");
    }
}
