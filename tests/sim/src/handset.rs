//! A phone: its disk, its clock, its login, and the sync that it is in.
//!
//! What is here lives through a killed page; what a page only remembers
//! ([`Page`]) does not.

use std::collections::BTreeSet;

use actix_web::http::Method;
use anyhow::{Result, ensure};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use doorstep::clock::{Clock, china_offset};
use doorstep_core::api::{
    APP_VERSION, APP_VERSION_HEADER, FORM_VERSIONS, LOGIN, LoginAnswer, LoginRequest, SYNC, TOKEN,
    TokenAnswer,
};
use doorstep_core::phone::synchronise::{Answer, FilePart, Next, Request, Snapshot, Step};
use doorstep_core::phone::{Failure, OpenDraft, Owner, Phone, Reply, SyncReport, synchronise};
use doorstep_core::store::paged::Paged;
use doorstep_core::store::{LocalStore, StoreError, Table};
use doorstep_core::sync::{Epoch, PullRequest, Rules};
use doorstep_core::text::Language;
use doorstep_tests::device::TestDevice;
use doorstep_tests::phone::{gzip, pull_path};
use synchronise::Synchronisation;

use crate::county::{PASSWORD, login_name, worker};
use crate::dice::Dice;
use crate::server::Call;
use crate::store::SimStore;

/// Below this, the app does not compress.
const COMPRESS_BYTES_MIN: usize = 1024;
/// A phone of the simulation knows some tens of records.
const PAGE_BYTES: usize = 2048;
/// An app from before the second version of submissions.
const OLD_APP: u32 = 1;

/// The phone's core over the store that the app has: pages over the disk.
pub type SimPhone = Phone<Paged<SimStore>>;

/// A phone.
pub struct Handset {
    pub number: usize,
    /// Whose it is.
    pub person: usize,
    pub phone: SimPhone,
    pub device: TestDevice,
    access_token: String,
    refresh_token: String,
    /// How wrong its clock is.
    pub skew: TimeDelta,
    /// Its app is too old to pull.
    pub is_old: bool,
    /// The login is over.
    pub needs_login: bool,
    /// The server has seen this device twice.
    pub is_forked: bool,
    /// It often asks for a few items at a time.
    pub small_pages: bool,
    pub page: Page,
    /// Counts exchanges.
    tickets: u64,
    /// Streams that were pulled again because their hash was wrong.
    pub repairs: usize,
    /// Lives of the server that it knows to be over.
    pub left_epochs: BTreeSet<Epoch>,
}

/// What the page remembers.
#[derive(Default)]
pub struct Page {
    pub draft: Option<OpenDraft>,
    pub exchange: Option<Exchange>,
}

/// A sync that waits for an answer.
pub struct Exchange {
    machine: Synchronisation,
    pub ticket: u64,
    pub asked: Request,
}

/// What a phone does next in a sync.
pub enum Turn {
    /// It asks.
    Ask(Box<Asking>),
    /// The sync is over.
    Done(SyncReport),
    /// The phone went off.
    Off,
}

/// A request that leaves.
pub struct Asking {
    pub ticket: u64,
    pub asked: Request,
    pub call: Call,
}

impl Handset {
    /// A new phone of somebody.
    ///
    /// # Errors
    /// When its key cannot be made.
    pub fn new(number: usize, person: usize, dice: &mut Dice, now: DateTime<Utc>) -> Result<Self> {
        let mut device = TestDevice::new()?;
        device.id = dice.id(now).into();
        Ok(Self {
            number,
            person,
            phone: switched_on(SimStore::default(), owner(person, &device)),
            device,
            access_token: String::new(),
            refresh_token: String::new(),
            skew: TimeDelta::zero(),
            is_old: false,
            needs_login: true,
            is_forked: false,
            small_pages: false,
            page: Page::default(),
            tickets: 0,
            repairs: 0,
            left_epochs: BTreeSet::new(),
        })
    }

    /// A copy of the phone's disk in another phone.
    pub fn copied(&self, number: usize) -> Self {
        Self {
            number,
            person: self.person,
            phone: switched_on(self.disk().copied(), self.phone.owner().clone()),
            device: self.device.clone(),
            access_token: self.access_token.clone(),
            refresh_token: self.refresh_token.clone(),
            skew: self.skew,
            is_old: self.is_old,
            needs_login: self.needs_login,
            is_forked: self.is_forked,
            small_pages: self.small_pages,
            page: Page::default(),
            tickets: 0,
            repairs: 0,
            left_epochs: BTreeSet::new(),
        }
    }

    /// What the page reads and writes.
    pub fn store(&self) -> &Paged<SimStore> {
        self.phone.store()
    }

    /// What lies beneath, and can fail.
    pub fn disk(&self) -> &SimStore {
        self.store().beneath()
    }

    /// What its clock says.
    pub fn now(&self, clock: &Clock) -> DateTime<FixedOffset> {
        (clock.now() + self.skew).with_timezone(&china_offset())
    }

    /// The page is gone; with `power_was_cut`, so is what the disk had not
    /// been made to keep.
    pub fn start_again(&mut self, power_was_cut: bool) {
        self.page = Page::default();
        if power_was_cut {
            // Perhaps it has forgotten that, too.
            self.left_epochs.clear();
        }
        self.disk().start_again(power_was_cut);
        // A new page has read nothing yet.
        self.phone = switched_on(self.disk().clone(), self.phone.owner().clone());
    }

    /// Begins a sync, if none is running.
    ///
    /// # Errors
    /// When the request cannot be written.
    pub async fn begin(&mut self, rules: Rules, dice: &mut Dice) -> Result<Option<Turn>> {
        if self.page.exchange.is_some() {
            return Ok(None);
        }
        let snapshot = match Snapshot::load(self.store()).await {
            Ok(snapshot) => snapshot,
            Err(error) => return self.stopped(error).map(Some),
        };
        let (machine, step) = Synchronisation::begin_by(rules, self.device.id, snapshot);
        self.follow(machine, step, dice).await.map(Some)
    }

    /// Takes an answer, or that there is none. `None`: nobody waits.
    ///
    /// # Errors
    /// When the next request cannot be written.
    pub async fn hear(
        &mut self,
        asked: &Request,
        answer: Result<Reply, Failure>,
        clock: &Clock,
        dice: &mut Dice,
    ) -> Result<Option<Turn>> {
        let Some(Exchange { mut machine, .. }) = self.page.exchange.take() else { return Ok(None) };
        let answer = answer.and_then(|reply| read(asked, reply)).unwrap_or_else(Answer::Failed);
        let step = machine.step(asked, answer, self.now(clock).to_utc());
        self.follow(machine, step, dice).await.map(Some)
    }

    /// Writes what a step says, then does what follows: never the other way
    /// round.
    async fn follow(&mut self, mut machine: Synchronisation, step: Step, dice: &mut Dice) -> Result<Turn> {
        if !step.writes.is_empty()
            && let Err(error) = self.store().commit(step.writes, step.durability).await
        {
            return match error {
                StoreError::Full => Ok(Turn::Done(machine.end(Failure::Store(error)))),
                error => self.stopped(error),
            };
        }
        let asked = match step.next {
            Next::Finished(report) => {
                self.is_forked |= report.device_forked;
                return Ok(Turn::Done(report));
            }
            Next::Send(asked) => asked,
        };
        if matches!(&asked, Request::Pull(pull) if pull.again.is_some()) {
            self.repairs += 1;
        }
        let call = match self.call(&asked, dice).await {
            Ok(call) => call,
            Err(error) => return self.stopped(error),
        };
        self.tickets += 1;
        let ticket = self.tickets;
        self.page.exchange = Some(Exchange { machine, ticket, asked: asked.clone() });
        Ok(Turn::Ask(Box::new(Asking { ticket, asked, call })))
    }

    fn stopped(&self, error: StoreError) -> Result<Turn> {
        ensure!(self.disk().is_off(), "the phone's store: {error}");
        Ok(Turn::Off)
    }

    /// The request as the app writes it.
    pub async fn call(&self, asked: &Request, dice: &mut Dice) -> Result<Call, StoreError> {
        let version = if self.is_old { OLD_APP } else { APP_VERSION };
        let mut call = match asked {
            Request::Push(push) => {
                let mut call = self.request(Method::POST, SYNC.to_owned());
                call.body = doorstep_core::json::write(push)
                    .map_err(|error| StoreError::Unreadable(error.to_string()))?;
                call.headers.push(("content-type", "application/json".to_owned()));
                if call.body.len() >= COMPRESS_BYTES_MIN
                    && let Ok(packed) = gzip(&call.body)
                {
                    call.body = packed;
                    call.headers.push(("content-encoding", "gzip".to_owned()));
                }
                call
            }
            Request::Pull(pull) => {
                // Small pages, so that a first sync is not over at once.
                let small = self.small_pages && dice.chance(40);
                let max = if small { Some(1 + dice.below(12) as u32) } else { pull.max };
                self.request(Method::GET, pull_path(&PullRequest { max, ..pull.clone() }))
            }
            Request::FetchForm(form) => self.request(Method::GET, format!("{FORM_VERSIONS}/{}", form.id)),
            Request::FetchFormFile(form, file) => {
                self.request(Method::GET, format!("{FORM_VERSIONS}/{form}/files/{}", file.sha256))
            }
            Request::Upload(part) => self.upload(part).await?,
        };
        call.headers.push((APP_VERSION_HEADER, version.to_string()));
        Ok(call.by(&self.access_token))
    }

    async fn upload(&self, part: &FilePart) -> Result<Call, StoreError> {
        let id = part.entry.media_id.to_string();
        let row = self.store().get(Table::MediaBytes, &id).await?;
        let piece = row.as_ref().and_then(|row| part.piece(&row.value));
        let piece = piece.ok_or(StoreError::Lost(id))?;
        let method = match part.method() {
            "HEAD" => Method::HEAD,
            "POST" => Method::POST,
            _ => Method::PATCH,
        };
        let mut call = self.request(method, part.path());
        call.headers = part.headers(piece);
        call.body = piece.to_vec();
        Ok(call)
    }

    fn request(&self, method: Method, path: String) -> Call {
        Call::new(method, path, self.number)
    }

    /// A request of the phone's own, outside of a sync.
    pub fn get(&self, path: String) -> Call {
        self.request(Method::GET, path).by(&self.access_token)
    }

    /// The request that logs its person in on `device`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn login(&self, device: &TestDevice) -> Result<Call> {
        let request = LoginRequest {
            login_name: login_name(self.person),
            password: PASSWORD.to_owned(),
            device: device.registration(),
        };
        self.request(Method::POST, LOGIN.to_owned()).json(&request)
    }

    /// Keeps the tokens of a login on `device`.
    pub fn logged_in(&mut self, answer: LoginAnswer) {
        self.needs_login = false;
        self.access_token = answer.tokens.access_token;
        self.refresh_token = answer.tokens.refresh_token;
    }

    /// The device that it is from now on.
    ///
    /// # Errors
    /// When the phone went off over it.
    pub async fn become_device(&mut self, device: TestDevice) -> Result<(), StoreError> {
        match self.phone.take_new_device(device.id).await {
            Ok(()) => {}
            Err(doorstep_core::phone::PhoneError::Store(error)) => return Err(error),
            Err(other) => return Err(StoreError::Unreadable(other.to_string())),
        }
        self.device = device;
        self.is_forked = false;
        Ok(())
    }

    /// The request that trades its refresh token.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn renewal(&self) -> Result<Call> {
        self.request(Method::POST, TOKEN.to_owned()).json(&self.device.token_request(&self.refresh_token))
    }

    /// Keeps new tokens.
    pub fn renewed(&mut self, answer: TokenAnswer) {
        self.access_token = answer.access_token;
        self.refresh_token = answer.refresh_token;
    }
}

/// The pages as a page of the app reads them anew.
pub fn paged(disk: SimStore) -> Paged<SimStore> {
    Paged::of(PAGE_BYTES, disk)
}

fn switched_on(disk: SimStore, owner: Owner) -> SimPhone {
    Phone::new(paged(disk), owner)
}

fn owner(person: usize, device: &TestDevice) -> Owner {
    Owner {
        user_id: worker(person),
        device_id: device.id,
        login_name: login_name(person),
        display_name: format!("工作人员{person}"),
    }
}

/// The answer as the app reads it.
fn read(asked: &Request, reply: Reply) -> Result<Answer, Failure> {
    if let Request::Upload(part) = asked {
        return part.read(reply, Language::Zh).map(Answer::Upload);
    }
    let reply = reply.success(Language::Zh)?;
    match asked {
        Request::Push(_) => reply.json().map(Answer::Push),
        Request::Pull(_) => reply.json().map(Answer::Pull),
        Request::FetchForm(_) if !reply.is_json() => Err(Failure::NoConnection),
        Request::FetchForm(_) => Ok(Answer::Form(reply.bytes)),
        Request::FetchFormFile(..) => Ok(Answer::FormFile(reply.bytes)),
        Request::Upload(_) => Err(Failure::NoConnection),
    }
}
