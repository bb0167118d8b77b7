//! Sound: recorded here while a meter shows that it is heard, or chosen from
//! the phone's files.

use std::cell::RefCell;
use std::rc::Rc;

use doorstep_core::phone::NewFile;
use doorstep_core::text::LocalText;
use js_sys::{Array, Uint8Array};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;

use super::file::{ChooseFile, FileKind, FilePreview, RemoveFile, plain_type};
use super::question::Handle;
use crate::browser::{bytes_of, call, call_async, construct, get, global, object, set};
use crate::clock::new_id;
use crate::i18n::*;
use crate::ui::{Button, ButtonKind, FailureNotice, IconName};

/// A recording ends by itself after this.
const SECONDS_MAX: u32 = 600;
/// Half an hour of this is below the largest file.
const BITS_PER_SECOND: u32 = 32_000;
const TICK: std::time::Duration = std::time::Duration::from_millis(200);
const TICKS_PER_SECOND: u32 = 5;

type Handler = Closure<dyn FnMut(JsValue)>;

/// A recording that goes on; the microphone is let go when it is dropped.
struct Recording {
    recorder: JsValue,
    stream: JsValue,
    /// What tells how loud it is, where the browser can.
    ear: Option<(JsValue, JsValue)>,
    _handlers: [Handler; 2],
}

impl Drop for Recording {
    fn drop(&mut self) {
        for track in Array::from(&call(&self.stream, "getTracks", &[]).unwrap_or_default()).iter() {
            // Each has a way to end.
            let _ = call(&track, "stop", &[]);
        }
        if let Some((context, _)) = &self.ear {
            let _ = call(context, "close", &[]);
        }
    }
}

impl Recording {
    /// Begins; `done` gets the whole of it once it has ended.
    async fn begin(done: impl FnOnce(Array, String) + 'static) -> Result<Self, LocalText> {
        let denied = || {
            LocalText::new(
                "不能使用麦克风。请在手机设置中允许浏览器录音,或选一个录音文件。",
                "The microphone cannot be used. Allow it in the phone's settings, or choose a file.",
            )
        };
        let devices = get(&get(&js_sys::global(), "navigator"), "mediaDevices");
        let wanted = object(&[("audio", JsValue::TRUE)]);
        let stream = call_async(&devices, "getUserMedia", &[wanted.into()]).await.map_err(|_| denied())?;
        let options = object(&[("audioBitsPerSecond", JsValue::from(BITS_PER_SECOND))]);
        let recorder = construct("MediaRecorder", &[stream.clone(), options.into()]).ok_or_else(denied)?;
        let pieces = Array::new();
        let kept = pieces.clone();
        let heard = Handler::new(move |event: JsValue| {
            kept.push(&get(&event, "data"));
        });
        let mut done = Some(done);
        let said = recorder.clone();
        let ended = Handler::new(move |_| {
            if let Some(done) = done.take() {
                done(pieces.clone(), get(&said, "mimeType").as_string().unwrap_or_default());
            }
        });
        set(&recorder, "ondataavailable", heard.as_ref());
        set(&recorder, "onstop", ended.as_ref());
        call(&recorder, "start", &[JsValue::from(1_000)]).map_err(|_| denied())?;
        let ear = ear(&stream);
        Ok(Self { recorder, stream, ear, _handlers: [heard, ended] })
    }

    fn stop(&self) {
        // It may have ended by itself, as when the microphone is taken away.
        let _ = call(&self.recorder, "stop", &[]);
    }

    /// How loud it is now, from 0 to 1.
    fn level(&self) -> f64 {
        let Some((_, ear)) = &self.ear else { return 0.0 };
        let samples = Uint8Array::new_with_length(256);
        if call(ear, "getByteTimeDomainData", &[samples.clone().into()]).is_err() {
            return 0.0;
        }
        let loudest = samples.to_vec().into_iter().map(|sample| sample.abs_diff(128)).max().unwrap_or(0);
        (f64::from(loudest) / 100.0).min(1.0)
    }
}

fn ear(stream: &JsValue) -> Option<(JsValue, JsValue)> {
    let context = construct("AudioContext", &[])?;
    let source = call(&context, "createMediaStreamSource", std::slice::from_ref(stream)).ok()?;
    let ear = call(&context, "createAnalyser", &[]).ok()?;
    set(&ear, "fftSize", &JsValue::from(256));
    call(&source, "connect", std::slice::from_ref(&ear)).ok()?;
    Some((context, ear))
}

/// The pieces of a recording as one file.
async fn whole(pieces: Array, kind: String) -> Option<NewFile> {
    let content_type = plain_type(&kind);
    let options = object(&[("type", JsValue::from_str(&content_type))]);
    let blob = construct("Blob", &[pieces.into(), options.into()])?;
    let bytes = bytes_of(&call_async(&blob, "arrayBuffer", &[]).await.ok()?);
    (!bytes.is_empty()).then(|| NewFile::plain(new_id(), bytes, content_type))
}

/// Whether this browser records.
fn can_record() -> bool {
    global("MediaRecorder").is_function()
        && get(&get(&global("navigator"), "mediaDevices"), "getUserMedia").is_function()
}

/// The widget of a sound.
#[component]
pub fn RecordingField(handle: Handle) -> impl IntoView {
    let i18n = use_i18n();
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<LocalText>);
    let going = RwSignal::new(false);
    let level = RwSignal::new(0.0);
    let ticks = RwSignal::new(0_u32);
    let recording: Rc<RefCell<Option<Recording>>> = Rc::default();
    let recording = StoredValue::new_local(recording);
    let stop = move || {
        let slot = recording.try_get_value();
        slot.iter().for_each(|slot| slot.borrow().iter().for_each(Recording::stop));
    };
    let begin = move || {
        handle.filling.flush();
        failure.set(None);
        busy.set(true);
        let take = handle.taker();
        let slot = recording.get_value();
        spawn_local(async move {
            let ended = Rc::clone(&slot);
            let done = move |pieces: Array, kind: String| {
                going.try_set(false);
                spawn_local(async move {
                    // What called this belongs to it.
                    drop(ended.borrow_mut().take());
                    match whole(pieces, kind).await {
                        Some(file) => take(file),
                        None => {
                            let nothing = LocalText::new(
                                "没有录到声音,请再试一次。",
                                "Nothing was recorded. Try again.",
                            );
                            failure.try_set(Some(nothing));
                        }
                    }
                });
            };
            match Recording::begin(done).await {
                Ok(begun) => {
                    slot.replace(Some(begun));
                    ticks.try_set(0);
                    // The screen was left while the person was asked.
                    if going.try_set(true).is_some() {
                        slot.borrow().as_ref().inspect(|recording| recording.stop());
                    }
                }
                Err(text) => drop(failure.try_set(Some(text))),
            }
            busy.try_set(false);
        });
    };
    let tick = move || {
        if going.get_untracked() {
            ticks.update(|ticks| *ticks += 1);
            level.set(recording.with_value(|slot| slot.borrow().as_ref().map_or(0.0, Recording::level)));
            if ticks.get_untracked() >= SECONDS_MAX * TICKS_PER_SECOND {
                stop();
            }
        }
    };
    let timer = set_interval_with_handle(tick, TICK).ok();
    let gone = window_event_listener_untyped("pagehide", move |_| stop());
    on_cleanup(move || {
        stop();
        gone.remove();
        if let Some(timer) = timer {
            timer.clear();
        }
    });
    let time = move || {
        let seconds = ticks.get() / TICKS_PER_SECOND;
        format!("{}:{:02} / {}:00", seconds / 60, seconds % 60, SECONDS_MAX / 60)
    };
    let words = move || {
        if handle.is_answered() { t_string!(i18n, fill.record_again) } else { t_string!(i18n, fill.record) }
    };
    let files_too = !handle.looks("new") || !can_record();
    view! {
        <div class="picture" id=handle.id.get_value() role="group" aria-labelledby=handle.label_id.get_value()>
            <FilePreview handle />
            <Show when=move || going.get()>
                <div class="recording" role="status">
                    <span class="recording__sign" aria-hidden="true"></span>
                    <span>{t!(i18n, fill.recording)}</span>
                    <span class="numbers" aria-hidden="true">{time}</span>
                    <progress class="meter" max="1" prop:value=level aria-label=move || t_string!(i18n, fill.loudness)></progress>
                </div>
            </Show>
            <FailureNotice error=failure />
            <div class="cluster">
                <Show when=can_record>
                    <Show
                        when=move || going.get()
                        fallback=move || {
                            view! {
                                <Button kind=ButtonKind::Secondary icon=IconName::Mic busy on_press=begin>
                                    {words}
                                </Button>
                            }
                        }
                    >
                        <Button icon=IconName::Stop on_press=stop>
                            {t!(i18n, fill.record_stop)}
                        </Button>
                    </Show>
                </Show>
                <Show when=move || files_too && !going.get()>
                    <ChooseFile handle kind=FileKind::Audio id=None busy failure />
                </Show>
                <Show when=move || !going.get()>
                    <RemoveFile handle />
                </Show>
            </div>
        </div>
    }
}
