//! The way to the server, and what a person sees of it on the way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use doorstep_core::ids::{FormVersionId, MediaId};
use doorstep_core::pack::FormFile;
use doorstep_core::phone::synchronise::{FilePart, Standing};
use doorstep_core::phone::{Failure, Transport};
use doorstep_core::sync::{PullAnswer, PullRequest, PushAnswer, PushRequest};
use futures::channel::oneshot;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::files::Files;
use super::{SyncPhase, SyncStatus};
use crate::api::Client;

pub(super) struct Wire {
    client: Client,
    status: RwSignal<SyncStatus>,
    files: Files,
    items: Cell<usize>,
    /// Photos that wait, the one on its way included.
    files_left: Cell<usize>,
    /// The photo on its way.
    current: Cell<Option<MediaId>>,
    ahead: RefCell<Option<Ahead>>,
}

/// The page after the one that is being written: on its way meanwhile.
struct Ahead {
    request: PullRequest,
    answer: oneshot::Receiver<Result<PullAnswer, Failure>>,
}

impl Wire {
    pub(super) fn new(
        client: Client,
        status: RwSignal<SyncStatus>,
        files: Files,
        files_waiting: usize,
    ) -> Self {
        Self {
            client,
            status,
            files,
            items: Cell::new(0),
            files_left: Cell::new(files_waiting + 1),
            current: Cell::new(None),
            ahead: RefCell::new(None),
        }
    }

    /// The page, asked for now or already.
    async fn page(&self, request: &PullRequest) -> Result<PullAnswer, Failure> {
        let ahead = self.ahead.take().filter(|ahead| ahead.request == *request);
        match ahead {
            Some(ahead) => ahead.answer.await.unwrap_or(Err(Failure::NoConnection)),
            None => self.client.pull(request).await,
        }
    }

    /// Asks for the next page while a slow phone still writes this one. Pulling
    /// changes nothing on the server, so it does no harm if nobody wants it.
    fn look_ahead(&self, answer: &PullAnswer) {
        let request = PullRequest::after(answer);
        let (told, heard) = oneshot::channel();
        self.ahead.replace(Some(Ahead { request: request.clone(), answer: heard }));
        let client = self.client.clone();
        spawn_local(async move {
            // Nobody hears it when the sync was over before.
            let _ = told.send(client.pull(&request).await);
        });
    }

    fn show(&self, phase: SyncPhase) {
        self.status.update(|status| status.phase = phase);
    }
}

impl Transport for Wire {
    async fn push(&self, request: &PushRequest) -> Result<PushAnswer, Failure> {
        self.show(SyncPhase::Sending { operations: request.ops.len() });
        self.client.push(request).await
    }

    async fn pull(&self, request: &PullRequest) -> Result<PullAnswer, Failure> {
        self.show(SyncPhase::Receiving { items: self.items.get() });
        let answer = self.page(request).await?;
        if answer.more {
            self.look_ahead(&answer);
        }
        self.items.set(self.items.get() + answer.items.len());
        self.show(SyncPhase::Receiving { items: self.items.get() });
        Ok(answer)
    }

    async fn form_bundle(&self, id: FormVersionId) -> Result<Vec<u8>, Failure> {
        self.show(SyncPhase::ReceivingForm);
        self.client.form_bundle(id).await
    }

    async fn form_file(&self, form: FormVersionId, file: &FormFile) -> Result<Vec<u8>, Failure> {
        self.show(SyncPhase::ReceivingForm);
        self.client.form_file(form, file).await
    }

    fn files_may_go(&self) -> bool {
        self.files.held_untracked().is_none()
    }

    async fn upload(&self, part: &FilePart, piece: &[u8]) -> Result<Standing, Failure> {
        let entry = &part.entry;
        // A small picture counts as the beginning of its photo.
        let media_id = entry.preview_of.unwrap_or(entry.media_id);
        let is_next = entry.preview_of.is_none() && self.current.replace(Some(media_id)) != Some(media_id);
        if is_next {
            self.files_left.set(self.files_left.get().saturating_sub(1));
        }
        let still =
            self.files_left.get() - usize::from(entry.preview_of.is_some()).min(self.files_left.get());
        let (status, left) = (self.status, still.max(1));
        let (part_from, part_to) = part.range();
        let from = part_from.max(entry.sent_bytes.unwrap_or(0));
        let size = if entry.preview_of.is_some() { u64::MAX } else { entry.size_bytes.max(1) };
        let show = move |share: u8| {
            let sent = from + part_to.saturating_sub(part_from) * u64::from(share) / 100;
            let percent = u8::try_from(sent.saturating_mul(100) / size).unwrap_or(100).min(100);
            status.update(|status| status.phase = SyncPhase::SendingFile { media_id, percent, left });
        };
        show(0);
        self.client.upload(part, piece, Rc::new(show)).await
    }
}
