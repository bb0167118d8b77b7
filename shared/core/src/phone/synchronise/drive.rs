//! Runs a sync: writes each step, then asks what it wants to ask.

use chrono::{DateTime, Utc};

use super::{Answer, Failure, Next, Request, Snapshot, SyncReport, Synchronisation};
use crate::api::MediaStored;
use crate::ids::{DeviceId, FormVersionId};
use crate::pack::FormFile;
use crate::phone::MediaEntry;
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
    async fn upload(&self, entry: &MediaEntry, bytes: Vec<u8>) -> Result<MediaStored, Failure>;
    /// The bytes of a file beside the words of a form version.
    async fn form_file(&self, form: FormVersionId, file: &FormFile) -> Result<Vec<u8>, Failure>;
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
        Request::Upload(entry) => {
            let row =
                store.get(Table::MediaBytes, &entry.media_id.to_string()).await.map_err(Failure::Store)?;
            let row = row.ok_or_else(|| Failure::Store(StoreError::Lost(entry.media_id.to_string())))?;
            transport.upload(entry, row.value).await.map(Answer::Uploaded)
        }
        Request::FetchFormFile(form, file) => transport.form_file(*form, file).await.map(Answer::FormFile),
    }
}
