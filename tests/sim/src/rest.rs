//! Coming to rest: the network works, every disk has room, clocks are right,
//! and everybody syncs until nothing moves any more.

use anyhow::{Result, bail};
use chrono::TimeDelta;
use doorstep::sync;
use doorstep_core::phone::{Failure, SyncReport};
use doorstep_core::problem::ProblemCode;

use crate::check::AFTER_LOGINS;
use crate::dice::Dice;
use crate::handset::{Asking, Turn};
use crate::office::is_disabled;
use crate::world::{REQUESTS_MAX, World, told};

/// Rounds in which everybody syncs once.
const ROUNDS_MAX: usize = 12;

/// What became of a sync at rest.
#[derive(Debug)]
enum Ended {
    Sync(SyncReport),
    /// The account does not let them in.
    Outside,
}

impl World {
    /// Ends every trouble, and lets everybody sync until nothing moves. Some
    /// accounts stay disabled, if `pardon` does not enable them.
    ///
    /// # Errors
    /// When something stops that must not.
    pub async fn come_to_rest(&mut self, pardon: bool) -> Result<()> {
        self.server.be_safe();
        self.network.lose_everything();
        for number in 0..self.handsets.len() {
            let handset = self.handset(number)?;
            handset.disk().set_full(false);
            handset.start_again(handset.disk().is_off());
            handset.skew = TimeDelta::zero();
            handset.is_old = false;
            handset.small_pages = false;
            self.look(number).await?;
        }
        self.clock.advance(TimeDelta::hours(1));
        let words = self.office.enter_again(&mut self.server).await?;
        self.trace.push(format!("rest: {words}"));
        if pardon {
            for person in 0..self.people {
                if is_disabled(&self.server.components, person).await? {
                    self.office.enable(&mut self.server, person).await?;
                }
            }
        }
        for round in 0..ROUNDS_MAX {
            self.clock.advance(AFTER_LOGINS);
            let mut moved = sync::retry_everything(&self.server.components).await? > 0;
            for number in 0..self.handsets.len() {
                let ended = self.sync_once(number).await?;
                moved |= match &ended {
                    Ended::Outside => false,
                    Ended::Sync(report) => self.moves(number, report)?,
                };
                let words = match ended {
                    Ended::Outside => "is not let in".to_owned(),
                    Ended::Sync(report) => told(&report),
                };
                self.trace.push(format!("rest {round}: phone {number}: {words}"));
            }
            if !moved {
                return Ok(());
            }
        }
        self.wrong.push("it does not come to rest".to_owned());
        Ok(())
    }

    /// Whether a sync changed something, or has to be done again.
    fn moves(&mut self, number: usize, report: &SyncReport) -> Result<bool> {
        self.judge(report);
        let did = report.operations_sent + report.items_received + report.files_sent > 0;
        let handset = self.handset(number)?;
        let again = match &report.failure {
            None => false,
            Some(Failure::Problem(problem)) => problem.code != ProblemCode::AccountDisabled,
            Some(_) => true,
        };
        Ok(did || again || handset.is_forked)
    }

    /// One sync to its end, without any trouble.
    ///
    /// # Errors
    /// When something stops that must not.
    pub async fn sync_at_rest(&mut self, number: usize) -> Result<()> {
        if let Ended::Sync(report) = self.sync_once(number).await? {
            self.judge(&report);
        }
        Ok(())
    }

    /// When the login is over, because a copy of the phone has logged in, the
    /// person logs in again.
    async fn sync_once(&mut self, number: usize) -> Result<Ended> {
        match self.sync_or_need_login(number).await? {
            Ended::Sync(report) if report.failure == Some(Failure::LoginNeeded) => {
                self.sync_or_need_login(number).await
            }
            ended => Ok(ended),
        }
    }

    async fn sync_or_need_login(&mut self, number: usize) -> Result<Ended> {
        let mut dice = Dice::new(number as u64);
        if !self.introduce(number, &mut dice).await? {
            return Ok(Ended::Outside);
        }
        let (rules, clock) = (self.rules, self.clock.clone());
        let mut turn = self.handset(number)?.begin(rules, &mut dice).await?;
        for _ in 0..REQUESTS_MAX {
            match turn {
                None | Some(Turn::Off) => bail!("phone {number} went off at rest"),
                Some(Turn::Done(report)) => return Ok(Ended::Sync(report)),
                Some(Turn::Ask(asking)) => {
                    let Asking { asked, call, .. } = *asking;
                    let mut reply = self.ask(call).await?;
                    if reply.as_ref().is_some_and(|reply| reply.status == 401)
                        && self.renew_surely(number).await?
                    {
                        let call = self.handset(number)?.call(&asked, &mut dice).await?;
                        reply = self.ask(call).await?;
                    }
                    let answer = match reply {
                        Some(reply) if reply.status == 401 => {
                            self.handset(number)?.needs_login = true;
                            Err(Failure::LoginNeeded)
                        }
                        Some(reply) => Ok(reply),
                        None => Err(Failure::NoConnection),
                    };
                    turn = self.handset(number)?.hear(&asked, answer, &clock, &mut dice).await?;
                }
            }
        }
        self.wrong.push(format!("phone {number} asks for ever"));
        Ok(Ended::Outside)
    }

    async fn renew_surely(&mut self, number: usize) -> Result<bool> {
        // These dice lose nothing.
        for attempt in 0..20 {
            match self.renew(number, &mut Dice::new(attempt)).await? {
                Ok(()) => return Ok(true),
                Err(Failure::LoginNeeded) => return Ok(false),
                Err(_) => {}
            }
        }
        Ok(false)
    }
}
