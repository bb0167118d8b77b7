//! Takes the steps of a plan, one after the other.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use doorstep::clock::Clock;
use doorstep::db::Moment;
use doorstep_core::phone::synchronise::Request;
use doorstep_core::phone::{Failure, Reply, SyncReport};
use doorstep_core::problem::{Problem, ProblemCode};
use doorstep_core::sync::Rules;
use doorstep_core::text::Language;
use doorstep_tests::device::TestDevice;

use crate::county::{self, Template};
use crate::dice::Dice;
use crate::handset::{Asking, Handset, Turn};
use crate::network::{Body, Message, Network, overloaded, portal, word};
use crate::office::Office;
use crate::person;
use crate::plan::{Deed, Plan, Step};
use crate::server::{Backup, Call, SimServer};
use crate::store::Side;
use crate::truth::Truth;

/// Copies of phones that live at once.
const COPIES_MAX: usize = 3;
const BACKUPS_MAX: usize = 4;
/// Things that a person does in one go.
const DEEDS_MAX: usize = 12;
/// Requests of one sync.
pub const REQUESTS_MAX: usize = 2000;

/// Everything there is.
pub struct World {
    pub people: usize,
    pub rules: Rules,
    pub clock: Clock,
    pub server: SimServer,
    pub handsets: Vec<Handset>,
    pub network: Network,
    pub office: Office,
    pub truth: Truth,
    /// What must not be, as soon as it is seen.
    pub wrong: Vec<String>,
    /// What happened, a line each.
    pub trace: Vec<String>,
    backups: Vec<Backup>,
    copies: usize,
}

impl World {
    /// The world before the first step.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn begin(template: &Template, plan: &Plan, rules: Rules) -> Result<Self> {
        let mut dice = Dice::new(plan.seed);
        let clock = Clock::standing(county::now()?);
        let server = SimServer::start(template, clock.clone(), rules).await?;
        county::employ(&server.components, plan.people, &template.password_hash).await?;
        let handsets = (0..plan.phones)
            .map(|number| Handset::new(number, number % plan.people, &mut dice, clock.now()))
            .collect::<Result<_>>()?;
        let mut world = Self {
            people: plan.people,
            rules,
            office: Office::open(&mut dice, clock.now())?,
            clock,
            server,
            handsets,
            network: Network::default(),
            truth: Truth::default(),
            wrong: Vec::new(),
            trace: Vec::new(),
            backups: Vec::new(),
            copies: 0,
        };
        for _ in 0..5 {
            world.office.enter_case(&mut world.server, &mut dice).await?;
        }
        world.backups.push(world.server.back_up()?);
        // Almost everybody begins with a phone that knows its work.
        for number in 0..world.handsets.len() {
            if dice.chance(80) {
                world.sync_at_rest(number).await?;
            }
            world.handset(number)?.small_pages = true;
        }
        Ok(world)
    }

    /// Takes one step.
    ///
    /// # Errors
    /// When something stops that must not.
    pub async fn take(&mut self, number: usize, step: Step) -> Result<()> {
        let mut dice = Dice::new(step.dice);
        self.clock.advance(TimeDelta::milliseconds(500 + dice.below(4000) as i64));
        let happened = self.happen(step.deed, &mut dice).await;
        let words = happened.with_context(|| format!("step {number}, {:?}", step.deed))?;
        self.trace.push(format!("{number:4} {:?}: {words}", step.deed));
        Ok(())
    }

    async fn happen(&mut self, deed: Deed, dice: &mut Dice) -> Result<String> {
        match deed {
            Deed::Work(phone) => self.work(phone, dice).await,
            Deed::Visit(phone) => self.visit(phone, dice).await,
            Deed::Sync(phone) => self.sync(phone, dice).await,
            Deed::SyncOn(phone) => self.sync_on(phone, dice).await,
            Deed::Deliver => self.deliver(dice).await,
            Deed::GiveUp(phone) => self.give_up(phone, dice).await,
            Deed::CrashPhone(phone) => {
                let power = dice.chance(50);
                self.start_phone(phone, power).await?;
                Ok(if power { "loses its power" } else { "loses its page" }.to_owned())
            }
            Deed::CrashPhoneAtWrite(phone) => {
                let side = if dice.chance(50) { Side::Before } else { Side::After };
                let writes = dice.below(5);
                self.handset(phone)?.disk().go_off_at(writes, side);
                Ok(format!("{side:?} {writes}"))
            }
            Deed::FullDisk(phone) => {
                let disk = self.handset(phone)?.disk();
                disk.set_full(!disk.is_full());
                Ok(if disk.is_full() { "full" } else { "has room" }.to_owned())
            }
            Deed::SetClock(phone) => {
                let days = [0, 0, -1, 1, 40, -400, 4000].get(dice.below(7)).copied().unwrap_or_default();
                let handset = self.handset(phone)?;
                handset.skew = TimeDelta::days(days) + TimeDelta::seconds(dice.below(3600) as i64);
                Ok(format!("{} days off", handset.skew.num_days()))
            }
            Deed::Fork(phone) => self.fork(phone).await,
            Deed::AgeApp(phone) => {
                let handset = self.handset(phone)?;
                handset.is_old = !handset.is_old;
                Ok(if handset.is_old { "too old" } else { "up to date" }.to_owned())
            }
            Deed::CrashServer => {
                self.server.start_again().await?;
                Ok("starts again".to_owned())
            }
            Deed::CrashServerAtCommit => {
                let side = if dice.chance(50) { Moment::BeforeCommit } else { Moment::AfterCommit };
                let commits = 1 + dice.below(4) as u32;
                self.server.end_at(commits, side);
                Ok(format!("{side:?} {commits}"))
            }
            Deed::Backup => {
                if self.backups.len() >= BACKUPS_MAX {
                    self.backups.remove(dice.below(BACKUPS_MAX));
                }
                self.backups.push(self.server.back_up()?);
                Ok(format!("number {}", self.backups.len()))
            }
            Deed::Restore => {
                let files_too = dice.chance(50);
                let Some(backup) = dice.pick(&self.backups).cloned() else {
                    return Ok("there is no backup".to_owned());
                };
                self.server.restore(&backup, files_too).await?;
                Ok(if files_too { "with files" } else { "without files" }.to_owned())
            }
            Deed::EnterAgain => self.office.enter_again(&mut self.server).await,
            Deed::Pass => {
                let seconds = [60, 600, 2400, 90_000].get(dice.below(4)).copied().unwrap_or(60);
                self.clock.advance(TimeDelta::seconds(seconds));
                Ok(format!("{seconds} s"))
            }
            Deed::OpenCase => self.office.enter_case(&mut self.server, dice).await,
            Deed::MoveCase => self.office.move_case(&mut self.server, dice).await,
            Deed::Grant => self.office.grant(&mut self.server, self.people, dice).await,
            Deed::Revoke => self.office.revoke(&mut self.server, self.people, dice).await,
            Deed::Disable => self.office.disable(&mut self.server, self.people, dice).await,
            Deed::Publish => self.office.publish(&mut self.server, dice).await,
            Deed::Review => self.office.review(&mut self.server, dice).await,
        }
    }

    /// A phone of this number; there may be fewer than the step thought.
    pub fn handset(&mut self, phone: usize) -> Result<&mut Handset> {
        let count = self.handsets.len();
        self.handsets.get_mut(phone % count.max(1)).context("there is no phone")
    }

    async fn work(&mut self, phone: usize, dice: &mut Dice) -> Result<String> {
        self.wake(phone, dice).await?;
        let number = phone % self.handsets.len();
        let handset = self.handsets.get_mut(number).context("there is no phone")?;
        let words = person::work(handset, &mut self.truth, &self.clock, dice).await?;
        self.look(number).await?;
        Ok(words)
    }

    async fn visit(&mut self, phone: usize, dice: &mut Dice) -> Result<String> {
        self.wake(phone, dice).await?;
        let number = phone % self.handsets.len();
        let mut said = Vec::new();
        for _ in 0..DEEDS_MAX {
            let handset = self.handsets.get_mut(number).context("there is no phone")?;
            let is_filling = handset.page.draft.is_some();
            said.push(person::work(handset, &mut self.truth, &self.clock, dice).await?);
            let handset = self.handset(phone)?;
            let is_done = handset.page.draft.is_none() && (is_filling || said.len() > 1);
            if handset.disk().is_off() || is_done {
                break;
            }
        }
        self.look(number).await?;
        Ok(said.join(", "))
    }

    /// Notes what is on a phone's disk.
    pub async fn look(&mut self, number: usize) -> Result<()> {
        let handset = self.handsets.get(number).context("there is no phone")?;
        if !handset.disk().is_off() {
            self.wrong.extend(self.truth.look_at(handset).await?);
        }
        Ok(())
    }

    /// A phone that went off is switched on.
    async fn wake(&mut self, phone: usize, dice: &mut Dice) -> Result<()> {
        let handset = self.handset(phone)?;
        if handset.disk().is_full() && dice.chance(30) {
            handset.disk().set_full(false);
        }
        if handset.is_old && dice.chance(30) {
            handset.is_old = false;
        }
        if handset.disk().is_off() {
            self.start_phone(phone, dice.chance(50)).await?;
        }
        Ok(())
    }

    async fn start_phone(&mut self, phone: usize, power_was_cut: bool) -> Result<()> {
        let number = phone % self.handsets.len();
        self.handset(phone)?.start_again(power_was_cut);
        self.look(number).await
    }

    async fn fork(&mut self, phone: usize) -> Result<String> {
        self.wake(phone, &mut Dice::new(0)).await?;
        if self.copies >= COPIES_MAX {
            return Ok("there are enough copies".to_owned());
        }
        self.copies += 1;
        let number = self.handsets.len();
        let original = phone % number;
        let copy = self.handset(phone)?.copied(number);
        self.handsets.push(copy);
        let drafts: Vec<_> = self
            .truth
            .drafts
            .iter()
            .filter(|((phone, _), _)| *phone == original)
            .map(|((_, draft), given)| ((number, *draft), given.clone()))
            .collect();
        self.truth.drafts.extend(drafts);
        Ok(format!("phone {number} is a copy"))
    }

    async fn sync(&mut self, phone: usize, dice: &mut Dice) -> Result<String> {
        self.wake(phone, dice).await?;
        let number = phone % self.handsets.len();
        let waits_for = self.handset(phone)?.page.exchange.as_ref().map(|exchange| exchange.ticket);
        if let Some(ticket) = waits_for {
            if self.network.position(number, ticket).is_some() {
                return Ok("waits".to_owned());
            }
            self.give_up(phone, dice).await?;
        }
        if !self.introduce(number, dice).await? {
            return Ok("is not let in".to_owned());
        }
        let rules = self.rules;
        let turn = self.handset(phone)?.begin(rules, dice).await?;
        Ok(turn.map_or_else(|| "goes on".to_owned(), |turn| self.turn(number, turn)))
    }

    /// Syncs for as long as messages get through: four in a hundred do not.
    async fn sync_on(&mut self, phone: usize, dice: &mut Dice) -> Result<String> {
        let number = phone % self.handsets.len();
        let mut words = self.sync(phone, dice).await?;
        for _ in 0..REQUESTS_MAX {
            let Some(ticket) = self.handset(phone)?.page.exchange.as_ref().map(|exchange| exchange.ticket)
            else {
                break;
            };
            let Some(position) = self.network.position(number, ticket) else { break };
            let fate = if dice.chance(4) { dice.below(26) } else { 99 };
            words = format!("{words}; {}", self.arrive(position, fate, dice).await?);
        }
        Ok(words)
    }

    async fn give_up(&mut self, phone: usize, dice: &mut Dice) -> Result<String> {
        let number = phone % self.handsets.len();
        let clock = self.clock.clone();
        let handset = self.handset(phone)?;
        let Some(asked) = handset.page.exchange.as_ref().map(|exchange| exchange.asked.clone()) else {
            return Ok("waits for nothing".to_owned());
        };
        let turn = handset.hear(&asked, Err(Failure::NoConnection), &clock, dice).await?;
        let words = turn.map_or_else(String::new, |turn| self.turn(number, turn));
        Ok(format!("the {}: {words}", word(&asked)))
    }

    /// What a phone does next in its sync.
    fn turn(&mut self, phone: usize, turn: Turn) -> String {
        match turn {
            Turn::Off => "goes off".to_owned(),
            Turn::Done(report) => {
                self.judge(&report);
                told(&report)
            }
            Turn::Ask(asking) => {
                let Asking { ticket, asked, call } = *asking;
                let words = format!("asks: {}", word(&asked));
                self.network.send(Message { phone, ticket, asked, body: Body::ToServer(call) });
                words
            }
        }
    }

    /// What a sync must never end with.
    pub fn judge(&mut self, report: &SyncReport) {
        if let Some(Failure::Problem(problem)) = &report.failure
            && matches!(
                problem.code,
                ProblemCode::Internal
                    | ProblemCode::InvalidRequest
                    | ProblemCode::TooLarge
                    | ProblemCode::StorageFull
            )
        {
            self.wrong.push(format!("a sync ended with {}", problem.code.code()));
        }
    }

    async fn deliver(&mut self, dice: &mut Dice) -> Result<String> {
        if self.network.is_empty() {
            let phone = dice.below(self.handsets.len());
            return Ok(format!("nothing is on its way; phone {phone} {}", self.sync(phone, dice).await?));
        }
        let (position, fate) = (dice.below(self.network.len()), dice.below(100));
        self.arrive(position, fate, dice).await
    }

    /// A message meets its fate: below 10 it is lost, below 20 it will come
    /// once more, below 26 somebody else has a hand in it.
    async fn arrive(&mut self, position: usize, fate: usize, dice: &mut Dice) -> Result<String> {
        let Some(message) = self.network.take(position, (10..20).contains(&fate)) else {
            return Ok("nothing is on its way".to_owned());
        };
        let asked = word(&message.asked);
        let (phone, ticket) = (message.phone, message.ticket);
        let words = match message.body {
            _ if fate < 10 => "lost".to_owned(),
            Body::ToServer(call) => {
                let reply = match fate {
                    20..23 => Some(portal()),
                    23..26 => Some(overloaded()?),
                    _ => self.ask(call).await?,
                };
                match reply {
                    None => "the server ends".to_owned(),
                    Some(reply) => {
                        let status = reply.status;
                        let body = Body::ToPhone(reply);
                        self.network.send(Message { phone, ticket, asked: message.asked, body });
                        format!("{status}")
                    }
                }
            }
            Body::ToPhone(mut reply) => {
                match fate {
                    20..22 => reply = portal(),
                    22..24 => reply.bytes.truncate(dice.below(reply.bytes.len().max(1))),
                    _ => {}
                }
                self.hear(phone, ticket, &message.asked, reply, dice).await?
            }
        };
        let again = if (10..20).contains(&fate) { " (and once more)" } else { "" };
        Ok(format!("phone {phone}, {asked}{again}: {words}"))
    }

    /// Asks the server, and looks at how it answers.
    pub async fn ask(&mut self, call: Call) -> Result<Option<Reply>> {
        let what = format!("{} {}", call.method, call.path.split('?').next().unwrap_or_default());
        let reply = self.server.call(call).await?;
        if let Some(reply) = reply.as_ref().filter(|reply| reply.status == 500 || reply.status == 0) {
            let problem = serde_json::from_slice::<Problem>(&reply.bytes).map(|problem| problem.code.code());
            self.wrong.push(format!("the server failed at {what}: {}", problem.unwrap_or("it broke off")));
        }
        Ok(reply)
    }

    async fn hear(
        &mut self,
        phone: usize,
        ticket: u64,
        asked: &Request,
        reply: Reply,
        dice: &mut Dice,
    ) -> Result<String> {
        let Some(exchange) = self.handset(phone)?.page.exchange.as_ref() else {
            return Ok("nobody waits".to_owned());
        };
        // HTTP does not mix up answers; the phone must not mind if it does.
        let is_late = exchange.ticket != ticket;
        if is_late && dice.chance(50) {
            return Ok("comes too late".to_owned());
        }
        let answer = if reply.status == 401 && !is_late {
            match self.renew(phone, dice).await? {
                Ok(()) => {
                    let call = self.handset(phone)?.call(asked, dice).await;
                    let Ok(call) = call else { return Ok("goes off".to_owned()) };
                    let message = Message { phone, ticket, asked: asked.clone(), body: Body::ToServer(call) };
                    self.network.send(message);
                    return Ok("has new tokens, asks again".to_owned());
                }
                Err(failure) => Err(failure),
            }
        } else {
            Ok(reply)
        };
        let (clock, before) = (self.clock.clone(), self.known(phone, asked).await?);
        let turn = self.handset(phone)?.hear(asked, answer, &clock, dice).await?;
        if let (Some(before), Some(after)) = (before, self.known(phone, asked).await?) {
            self.look_back(phone, before, &after)?;
        }
        Ok(turn.map_or_else(|| "nobody waits".to_owned(), |turn| self.turn(phone, turn)))
    }

    /// New tokens, whose answer may get lost on the way.
    pub async fn renew(&mut self, phone: usize, dice: &mut Dice) -> Result<Result<(), Failure>> {
        let call = self.handset(phone)?.renewal()?;
        let Some(reply) = self.ask(call).await? else { return Ok(Err(Failure::NoConnection)) };
        if dice.chance(10) {
            return Ok(Err(Failure::NoConnection));
        }
        let handset = self.handset(phone)?;
        if reply.status == 401 {
            handset.needs_login = true;
            return Ok(Err(Failure::LoginNeeded));
        }
        Ok(reply.success(Language::Zh).and_then(|reply| reply.json()).map(|answer| handset.renewed(answer)))
    }

    /// Logs the person in where that is needed, on a new device where the old
    /// one was copied. `false`: the server does not let them in.
    pub async fn introduce(&mut self, phone: usize, dice: &mut Dice) -> Result<bool> {
        let now = self.clock.now();
        let handset = self.handset(phone)?;
        let device = if handset.is_forked {
            let mut device = TestDevice::new()?;
            device.id = dice.id(now).into();
            device
        } else if handset.needs_login {
            handset.device.clone()
        } else {
            return Ok(true);
        };
        let call = handset.login(&device)?;
        let Some(reply) = self.ask(call).await? else { return Ok(false) };
        let handset = self.handset(phone)?;
        let Ok(answer) = reply.success(Language::Zh).and_then(|reply| reply.json()) else { return Ok(false) };
        if handset.is_forked && handset.become_device(device).await.is_err() {
            // No room, or off: the old device's tokens are still there.
            return Ok(!handset.needs_login && !handset.disk().is_off());
        }
        handset.logged_in(answer);
        Ok(true)
    }
}

/// How a sync ended, in words.
pub fn told(report: &SyncReport) -> String {
    let failure = match &report.failure {
        None => String::new(),
        Some(Failure::Problem(problem)) => format!(", then {}", problem.code.code()),
        Some(other) => format!(", then {other:?}"),
    };
    format!(
        "done: {} sent, {} received, {} files{failure}",
        report.operations_sent, report.items_received, report.files_sent
    )
}
