//! Runs a sync: writes each step, then asks what it wants to ask.

use chrono::{DateTime, Utc};

use super::{
    Answer, Failure, FileAct, FilePart, Next, Request, Snapshot, Standing, SyncReport, Synchronisation,
};
use crate::ids::{DeviceId, FormVersionId};
use crate::pack::FormFile;
use crate::store::{LocalStore, StoreError, Table};
use crate::sync::{PullAnswer, PullRequest, PushAnswer, PushRequest};

/// The way to the server.
#[expect(
    async_fn_in_trait,
    reason = "used with static dispatch on one thread; a browser's futures are not Send"
)]
pub trait Transport {
    async fn push(&self, request: &PushRequest) -> Result<PushAnswer, Failure>;
    async fn pull(&self, request: &PullRequest) -> Result<PullAnswer, Failure>;
    /// The bytes of a form bundle.
    async fn form_bundle(&self, id: FormVersionId) -> Result<Vec<u8>, Failure>;
    /// A step of sending a file, with its piece of it.
    async fn upload(&self, part: &FilePart, piece: &[u8]) -> Result<Standing, Failure>;
    /// The bytes of a file beside the words of a form version.
    async fn form_file(&self, form: FormVersionId, file: &FormFile) -> Result<Vec<u8>, Failure>;
    /// Whether captured files may leave now: asked again before each piece.
    fn files_may_go(&self) -> bool {
        true
    }
}

/// Runs one sync to its end. Every step's writes are on the disk before the
/// next request leaves.
///
/// # Errors
/// When the store cannot be read at the start; later failures are in the report.
pub async fn synchronise(
    store: &impl LocalStore,
    transport: &impl Transport,
    device: DeviceId,
    now: &dyn Fn() -> DateTime<Utc>,
) -> Result<SyncReport, StoreError> {
    let snapshot = Snapshot::load(store).await?;
    let (mut machine, mut step) = Synchronisation::begin(device, snapshot);
    loop {
        if !step.writes.is_empty()
            && let Err(error) = store.commit(std::mem::take(&mut step.writes), step.durability).await
        {
            return Ok(machine.end(Failure::Store(error)));
        }
        let request = match step.next {
            Next::Finished(report) => return Ok(report),
            Next::Send(request) => request,
        };
        let answer = ask(store, transport, &request).await.unwrap_or_else(Answer::Failed);
        machine.let_files_go(transport.files_may_go());
        step = machine.step(&request, answer, now());
    }
}

async fn ask(
    store: &impl LocalStore,
    transport: &impl Transport,
    request: &Request,
) -> Result<Answer, Failure> {
    match request {
        Request::Push(push) => transport.push(push).await.map(Answer::Push),
        Request::Pull(pull) => transport.pull(pull).await.map(Answer::Pull),
        Request::FetchForm(form) => transport.form_bundle(form.id).await.map(Answer::Form),
        Request::Upload(part) if part.act == FileAct::Ask => {
            transport.upload(part, &[]).await.map(Answer::Upload)
        }
        Request::Upload(part) => {
            let id = part.entry.media_id.to_string();
            let row = store.get(Table::MediaBytes, &id).await.map_err(Failure::Store)?;
            let piece = row.as_ref().and_then(|row| part.piece(&row.value));
            let piece = piece.ok_or(Failure::Store(StoreError::Lost(id)))?;
            transport.upload(part, piece).await.map(Answer::Upload)
        }
        Request::FetchFormFile(form, file) => transport.form_file(*form, file).await.map(Answer::FormFile),
    }
}
