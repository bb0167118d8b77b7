//! A phone without its screen: the very code of the phone, over real HTTP.

use std::cell::{Cell, RefCell};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use doorstep::clock::Clock;
use doorstep_core::api::{FORM_VERSIONS, SYNC, TokenAnswer};
use doorstep_core::ids::{CaseId, DraftId, FormVersionId, MediaId, OperationId, SubmissionId, TaskId};
use doorstep_core::pack::FormFile;
use doorstep_core::phone::draft::{FinishError, NewPreview};
use doorstep_core::phone::synchronise::{FilePart, Standing, UPLOAD_OFFSET};
use doorstep_core::phone::{
    Failure, NewFile, OpenDraft, Owner, Phone, Reply, SyncReport, Transport, synchronise,
};
use doorstep_core::store::MemoryStore;
use doorstep_core::submission::{Place, SubmissionContent, SubmissionState, SubmissionStatus};
use doorstep_core::sync::{Operation, PullAnswer, PullRequest, PushAnswer, PushRequest};
use doorstep_core::task::TaskState;
use doorstep_core::text::Language;
use doorstep_form::NodePath;
use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use uuid::Uuid;

use crate::caller::{Answer, Caller};
use crate::device::TestDevice;
use crate::elder_visit::{self, ELDER_SIGNATURE, FORM, PHOTO, WORKER_SIGNATURE};
use crate::pictures;

const CHINA_OFFSET_S: i32 = 8 * 3600;

/// One user's Doorstep on one phone.
#[derive(Debug)]
pub struct TestPhone {
    pub phone: Phone<MemoryStore>,
    pub wire: Wire,
    clock: Clock,
    /// How wrong the phone's own clock is.
    pub skew: Cell<TimeDelta>,
}

impl TestPhone {
    /// Logs in on a new phone, through whatever is at `base_url`.
    ///
    /// # Errors
    /// When the login is refused.
    pub async fn log_in(base_url: &str, clock: &Clock, login_name: &str, password: &str) -> Result<Self> {
        let device = TestDevice::new()?;
        let caller = Caller::new(base_url)?;
        let answer = device.log_in(&caller, login_name, password).await?;
        let owner = Owner {
            user_id: answer.me.user_id,
            device_id: device.id,
            login_name: answer.me.login_name,
            display_name: answer.me.display_name,
        };
        Ok(Self {
            phone: Phone::new(MemoryStore::default(), owner),
            wire: Wire {
                caller: RefCell::new(caller.with_token(answer.tokens.access_token)),
                refresh_token: RefCell::new(answer.tokens.refresh_token),
                device,
                page_items: Cell::new(None),
                repairs: Cell::new(0),
                form_files: Cell::new(0),
            },
            clock: clock.clone(),
            skew: Cell::new(TimeDelta::zero()),
        })
    }

    /// What the phone's clock says.
    pub fn now(&self) -> DateTime<FixedOffset> {
        let now = self.clock.now() + self.skew.get();
        FixedOffset::east_opt(CHINA_OFFSET_S)
            .map_or_else(|| now.fixed_offset(), |zone| now.with_timezone(&zone))
    }

    /// Requests with the phone's token.
    pub fn caller(&self) -> Caller {
        self.wire.caller.borrow().clone()
    }

    /// One sync, whatever comes of it.
    ///
    /// # Errors
    /// When the phone's store cannot be read.
    pub async fn try_sync(&self) -> Result<SyncReport> {
        let now = || -> DateTime<Utc> { self.now().to_utc() };
        Ok(synchronise(self.phone.store(), &self.wire, self.phone.owner().device_id, &now).await?)
    }

    /// One sync, to its end.
    ///
    /// # Errors
    /// When it ended early.
    pub async fn sync(&self) -> Result<SyncReport> {
        let report = self.try_sync().await?;
        ensure!(report.failure.is_none(), "the sync ended early: {report:?}");
        Ok(report)
    }

    /// Sends what waits, and nothing else: no file, no word of what came of it
    /// reaches the phone's store.
    ///
    /// # Errors
    /// When it is refused or gets lost.
    pub async fn push_only(&self) -> Result<PushAnswer> {
        let ops = self.waiting().await?;
        let request = PushRequest { device: self.phone.owner().device_id, epoch: None, ops };
        self.wire.push(&request).await.map_err(|failure| anyhow::anyhow!("{failure:?}"))
    }

    /// The operations that the server has not acknowledged.
    ///
    /// # Errors
    /// When the phone's store cannot be read.
    pub async fn waiting(&self) -> Result<Vec<Operation>> {
        let operations = self.phone.operations().await?;
        Ok(operations
            .into_iter()
            .filter(|entry| !entry.is_acknowledged())
            .map(|entry| entry.operation)
            .collect())
    }

    /// The names of the cases on the phone, sorted.
    ///
    /// # Errors
    /// When the phone's store cannot be read.
    pub async fn case_labels(&self) -> Result<Vec<String>> {
        let mut labels: Vec<String> = self.phone.cases().await?.into_iter().map(|case| case.label).collect();
        labels.sort();
        Ok(labels)
    }

    /// The open task of the form for a case, if the phone has one.
    ///
    /// # Errors
    /// When the phone's store cannot be read.
    pub async fn open_task(&self, case: CaseId) -> Result<Option<TaskId>> {
        let tasks = self.phone.tasks().await?;
        Ok(tasks
            .into_iter()
            .find(|task| task.case_id == case && task.form_id == FORM && task.state == TaskState::Open)
            .map(|task| task.id))
    }

    /// Begins the visit of a case.
    ///
    /// # Errors
    /// When case or form are not on the phone.
    pub async fn start_visit(&self, case: CaseId) -> Result<OpenDraft> {
        let draft_id = DraftId(Uuid::now_v7());
        let task = self.open_task(case).await?;
        self.phone.start_draft(draft_id, case, FORM, task, self.now()).await?;
        Ok(self.phone.open_draft(draft_id, "zh", self.now()).await?)
    }

    /// Begins the correction of a returned submission.
    ///
    /// # Errors
    /// When it was not returned, or has not arrived.
    pub async fn start_correction(&self, submission: SubmissionId) -> Result<OpenDraft> {
        let draft_id = DraftId(Uuid::now_v7());
        self.phone.start_correction(draft_id, submission, self.now()).await?;
        Ok(self.phone.open_draft(draft_id, "zh", self.now()).await?)
    }

    /// Answers questions.
    ///
    /// # Errors
    /// When an answer is not taken.
    pub async fn answer(&self, draft: &mut OpenDraft, answers: &[(&str, &str)]) -> Result<()> {
        for (path, value) in answers {
            let path: NodePath = path.parse().with_context(|| (*path).to_owned())?;
            self.phone.answer(draft, &path, value, self.now()).await?;
        }
        Ok(())
    }

    /// Answers a question with a file.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn attach(
        &self,
        draft: &mut OpenDraft,
        path: &str,
        bytes: Vec<u8>,
        content_type: &str,
    ) -> Result<MediaId> {
        let media_id = MediaId(Uuid::now_v7());
        let file = NewFile::plain(media_id, bytes, content_type.to_owned());
        self.phone.answer_with_file(draft, &path.parse()?, file, self.now()).await?;
        Ok(media_id)
    }

    /// Takes a photo together with a small picture of it; answers the
    /// identifiers of both.
    ///
    /// # Errors
    /// When the form does not take it.
    pub async fn photograph(
        &self,
        draft: &mut OpenDraft,
        path: &str,
        photo: Vec<u8>,
        small: Vec<u8>,
    ) -> Result<(MediaId, MediaId)> {
        let (media_id, preview_id) = (MediaId(Uuid::now_v7()), MediaId(Uuid::now_v7()));
        let content_type = "image/jpeg".to_owned();
        let preview =
            Some(NewPreview { media_id: preview_id, bytes: small, content_type: content_type.clone() });
        let file = NewFile { preview, ..NewFile::plain(media_id, photo, content_type) };
        self.attach_file(draft, path, file).await?;
        Ok((media_id, preview_id))
    }

    /// Answers a question with a file and all that is known of it.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn attach_file(&self, draft: &mut OpenDraft, path: &str, file: NewFile) -> Result<()> {
        self.phone.answer_with_file(draft, &path.parse()?, file, self.now()).await?;
        Ok(())
    }

    /// Finishes a draft.
    ///
    /// # Errors
    /// When something is missing.
    pub async fn finish(&self, draft: &mut OpenDraft) -> Result<SubmissionContent> {
        self.finish_at(draft, None).await
    }

    /// Finishes a draft somewhere.
    ///
    /// # Errors
    /// When something is missing.
    pub async fn finish_at(&self, draft: &mut OpenDraft, place: Option<Place>) -> Result<SubmissionContent> {
        let op_id = OperationId(Uuid::now_v7());
        match self.phone.finish_draft(draft, op_id, place, self.now(), &self.wire.device).await {
            Ok(content) => Ok(content),
            Err(FinishError::Phone(error)) => Err(error.into()),
            Err(FinishError::Incomplete(problems)) => bail!("incomplete: {problems:?}"),
        }
    }

    /// An ordinary visit of a case, with `changes` to the ordinary answers, a
    /// photo and two signatures.
    ///
    /// # Errors
    /// When something of it is not taken.
    pub async fn visit_with(&self, case: CaseId, changes: &[(&str, &str)]) -> Result<SubmissionContent> {
        let mut draft = self.start_visit(case).await?;
        self.answer(&mut draft, elder_visit::ORDINARY).await?;
        self.answer(&mut draft, changes).await?;
        let seed = Uuid::new_v4().as_fields().0;
        self.attach(&mut draft, PHOTO, pictures::photo(seed, 320, 240)?, "image/jpeg").await?;
        self.attach(&mut draft, WORKER_SIGNATURE, pictures::signature(seed)?, "image/png").await?;
        self.attach(&mut draft, ELDER_SIGNATURE, pictures::signature(seed / 2 + 1)?, "image/png").await?;
        self.finish(&mut draft).await
    }

    /// An ordinary visit of a case with this file, whatever it holds.
    ///
    /// # Errors
    /// When something of it is not taken.
    pub async fn visit_with_file(
        &self,
        case: CaseId,
        path: &str,
        bytes: Vec<u8>,
        content_type: &str,
    ) -> Result<(SubmissionContent, MediaId)> {
        let mut draft = self.start_visit(case).await?;
        self.answer(&mut draft, elder_visit::ORDINARY).await?;
        let id = self.attach(&mut draft, path, bytes, content_type).await?;
        let seed = Uuid::new_v4().as_fields().0 / 2;
        self.attach(&mut draft, WORKER_SIGNATURE, pictures::signature(seed)?, "image/png").await?;
        self.attach(&mut draft, ELDER_SIGNATURE, pictures::signature(seed + 1)?, "image/png").await?;
        Ok((self.finish(&mut draft).await?, id))
    }

    /// An ordinary visit of a case.
    ///
    /// # Errors
    /// When something of it is not taken.
    pub async fn visit(&self, case: CaseId) -> Result<SubmissionContent> {
        self.visit_with(case, &[]).await
    }

    /// What the phone knows of a submission.
    ///
    /// # Errors
    /// When it knows nothing.
    pub async fn status(&self, submission: SubmissionId) -> Result<SubmissionStatus> {
        let statuses = self.phone.submission_statuses().await?;
        statuses
            .into_iter()
            .find(|status| status.submission_id == submission)
            .with_context(|| format!("submission {submission} is not on the phone"))
    }

    /// Where a submission stands, as the phone knows it.
    ///
    /// # Errors
    /// When it knows nothing.
    pub async fn state(&self, submission: SubmissionId) -> Result<SubmissionState> {
        Ok(self.status(submission).await?.state)
    }
}

/// The way to the server.
#[derive(Debug)]
pub struct Wire {
    caller: RefCell<Caller>,
    refresh_token: RefCell<String>,
    pub device: TestDevice,
    /// Asks for pages of this size instead of the usual one.
    pub page_items: Cell<Option<u32>>,
    /// How often streams had to be asked for again because their hash was
    /// another than the phone's.
    pub repairs: Cell<u32>,
    /// How many files beside the words of forms have come.
    pub form_files: Cell<u32>,
}

impl Wire {
    /// Goes to the server by another way from now on.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn go_by(&self, base_url: &str) -> Result<()> {
        let mut caller = Caller::new(base_url)?;
        {
            let before = self.caller.borrow();
            caller.token.clone_from(&before.token);
            caller.app_version = before.app_version;
        }
        self.caller.replace(caller);
        Ok(())
    }

    /// Says that it is another version of the app from now on.
    pub fn be_app(&self, version: u32) {
        self.caller.borrow_mut().app_version = version;
    }

    /// One request with the access token; with a new one when that is over.
    async fn send(&self, build: impl Fn(&Caller) -> reqwest::RequestBuilder) -> Result<Reply, Failure> {
        self.exchange(build).await?.success(Language::En)
    }

    /// As [`Self::send`], whatever the answer is.
    async fn exchange(&self, build: impl Fn(&Caller) -> reqwest::RequestBuilder) -> Result<Reply, Failure> {
        let caller = self.caller.borrow().clone();
        let answer = caller.send(build(&caller)).await.map_err(|_| Failure::NoConnection)?;
        if answer.status != 401 {
            return Ok(reply_of(answer));
        }
        self.refresh().await?;
        let caller = self.caller.borrow().clone();
        let answer = caller.send(build(&caller)).await.map_err(|_| Failure::NoConnection)?;
        if answer.status == 401 { Err(Failure::LoginNeeded) } else { Ok(reply_of(answer)) }
    }

    async fn refresh(&self) -> Result<(), Failure> {
        let caller = self.caller.borrow().stranger();
        let refresh_token = self.refresh_token.borrow().clone();
        let answer =
            self.device.try_refresh(&caller, &refresh_token).await.map_err(|_| Failure::NoConnection)?;
        if answer.status == 401 {
            return Err(Failure::LoginNeeded);
        }
        let tokens: TokenAnswer = reply_of(answer).success(Language::En)?.json()?;
        self.refresh_token.replace(tokens.refresh_token);
        self.caller.replace(caller.with_token(tokens.access_token));
        Ok(())
    }
}

/// The answer as the phone reads it.
fn reply_of(answer: Answer) -> Reply {
    let header = |name| answer.header(name).unwrap_or_default().to_owned();
    let (content_type, upload_offset) = (header("content-type"), header(UPLOAD_OFFSET).parse().ok());
    Reply { status: answer.status, content_type, bytes: answer.bytes, upload_offset }
}

impl Transport for Wire {
    async fn push(&self, request: &PushRequest) -> Result<PushAnswer, Failure> {
        let body = serde_json::to_vec(request).map_err(|_| Failure::NoConnection)?;
        let packed = gzip(&body).map_err(|_| Failure::NoConnection)?;
        let reply = self
            .send(|caller| {
                caller
                    .request(Method::POST, SYNC)
                    .header(CONTENT_TYPE, "application/json")
                    .header(CONTENT_ENCODING, "gzip")
                    .body(packed.clone())
            })
            .await?;
        reply.json()
    }

    async fn pull(&self, request: &PullRequest) -> Result<PullAnswer, Failure> {
        self.repairs.set(self.repairs.get() + u32::from(request.again.is_some()));
        let request = PullRequest { max: self.page_items.get().or(request.max), ..request.clone() };
        let path = pull_path(&request);
        self.send(|caller| caller.request(Method::GET, &path)).await?.json()
    }

    async fn form_bundle(&self, id: FormVersionId) -> Result<Vec<u8>, Failure> {
        let path = format!("{FORM_VERSIONS}/{id}");
        Ok(self.send(|caller| caller.request(Method::GET, &path)).await?.bytes)
    }

    async fn form_file(&self, form: FormVersionId, file: &FormFile) -> Result<Vec<u8>, Failure> {
        let path = format!("{FORM_VERSIONS}/{form}/files/{}", file.sha256);
        let bytes = self.send(|caller| caller.request(Method::GET, &path)).await?.bytes;
        self.form_files.set(self.form_files.get() + 1);
        Ok(bytes)
    }

    async fn upload(&self, part: &FilePart, piece: &[u8]) -> Result<Standing, Failure> {
        let method = Method::from_bytes(part.method().as_bytes()).map_err(|_| Failure::NoConnection)?;
        let ask = |caller: &Caller| {
            let request = caller.request(method.clone(), &part.path());
            let with =
                |request: reqwest::RequestBuilder, (name, value): (&str, String)| request.header(name, value);
            part.headers(piece).into_iter().fold(request, with).body(piece.to_vec())
        };
        part.read(self.exchange(ask).await?, Language::En)
    }
}

/// The address of a pull. Cursors and stream names need no escaping but for
/// colons and commas, which a query may hold.
pub fn pull_path(request: &PullRequest) -> String {
    let members = [
        request.cursor.as_ref().map(|cursor| format!("cursor={cursor}")),
        request.max.map(|max| format!("max={max}")),
        request.again.as_ref().map(|again| format!("again={again}")),
    ];
    let query: Vec<String> = members.into_iter().flatten().collect();
    if query.is_empty() { SYNC.to_owned() } else { format!("{SYNC}?{}", query.join("&")) }
}

/// Packs bytes.
///
/// # Errors
/// When that fails, which writing to memory does not.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes)?;
    Ok(packer.finish()?)
}
