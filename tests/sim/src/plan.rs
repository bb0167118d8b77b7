//! What a seed does: a setup and a list of steps, fixed before anything runs.
//!
//! Each step has dice of its own, so that leaving one out changes nothing in
//! how the others choose: that is what makes a failure shrink.

use crate::dice::Dice;

/// Everything that a run depends on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    pub seed: u64,
    pub phones: usize,
    /// People that the phones belong to; phone `n` is that of person
    /// `n` modulo so many.
    pub people: usize,
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    pub deed: Deed,
    /// What its dice begin with.
    pub dice: u64,
}

/// What happens. Phones are numbers; which case, message or moment it is, the
/// step's dice say.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Deed {
    /// The person does the next thing: begins, answers, takes a photo,
    /// finishes, corrects.
    Work(usize),
    /// The person does all of it, to the end.
    Visit(usize),
    /// The phone begins a sync.
    Sync(usize),
    /// The phone syncs for as long as its messages get through.
    SyncOn(usize),
    /// A message arrives, is lost, comes twice, or is swallowed by a portal.
    Deliver,
    /// The phone waits no longer; the message is still on its way.
    GiveUp(usize),
    /// The page is gone, or the phone's power.
    CrashPhone(usize),
    /// The same, before or after one of the next writes.
    CrashPhoneAtWrite(usize),
    /// The phone's disk is full, or has room again.
    FullDisk(usize),
    /// The phone's clock is set.
    SetClock(usize),
    /// A copy of the phone's data begins to live beside it.
    Fork(usize),
    /// The phone's app is too old to pull, or up to date again.
    AgeApp(usize),
    /// The server ends and starts again.
    CrashServer,
    /// The same, before or after one of the next commits.
    CrashServerAtCommit,
    /// The server's disk is copied.
    Backup,
    /// The server's disk is what it was at some backup.
    Restore,
    /// Whoever runs the server enters again what a restore has lost: cases
    /// and forms.
    EnterAgain,
    /// Minutes, hours or days go by.
    Pass,
    /// A case enters the ledger.
    OpenCase,
    /// A case moves to another area.
    MoveCase,
    /// Somebody gets another area.
    Grant,
    /// Somebody loses one.
    Revoke,
    /// An account is disabled, or enabled.
    Disable,
    /// A version of the form becomes the current one.
    Publish,
    /// A supervisor decides on something.
    Review,
}

/// A deed of some phone, and how often it happens among all others.
type Weighted = (fn(usize) -> Deed, usize);

/// What has to happen in every run.
const WORK: &[Weighted] = &[
    (Deed::Work, 10),
    (Deed::Visit, 16),
    (Deed::Sync, 6),
    (Deed::SyncOn, 18),
    (|_| Deed::Deliver, 18),
    (|_| Deed::Pass, 3),
    (|_| Deed::OpenCase, 2),
    (|_| Deed::Review, 12),
];

/// What goes wrong. A seed has some of these and not others: a fault that
/// hides another's effects would otherwise hide them always.
const TROUBLE: &[Weighted] = &[
    (Deed::GiveUp, 4),
    (Deed::CrashPhone, 2),
    (Deed::CrashPhoneAtWrite, 4),
    (Deed::FullDisk, 2),
    (Deed::SetClock, 2),
    (Deed::Fork, 1),
    (Deed::AgeApp, 1),
    (|_| Deed::CrashServer, 1),
    (|_| Deed::CrashServerAtCommit, 4),
    (|_| Deed::Backup, 1),
    (|_| Deed::Restore, 2),
    (|_| Deed::EnterAgain, 1),
    (|_| Deed::MoveCase, 3),
    (|_| Deed::Grant, 2),
    (|_| Deed::Revoke, 2),
    (|_| Deed::Disable, 2),
    (|_| Deed::Publish, 1),
];

/// How large runs are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Size {
    /// Phones at the beginning; `None`: as the seed says, few.
    pub phones: Option<usize>,
    /// Steps; `None`: as the seed says.
    pub steps: Option<usize>,
}

impl Plan {
    /// What `seed` does.
    pub fn of(seed: u64, size: Size) -> Self {
        let mut dice = Dice::new(seed);
        let phones = size.phones.unwrap_or_else(|| 2 + dice.below(4)).max(1);
        let people = 1 + dice.below(phones);
        let steps = size.steps.unwrap_or_else(|| 30 + dice.below(50));
        let mut deeds = WORK.to_vec();
        // A quarter of the seeds have every trouble, the others some.
        let everything = dice.chance(25);
        for trouble in TROUBLE {
            if everything || dice.chance(45) {
                deeds.push(*trouble);
            }
        }
        let steps = (0..steps)
            .map(|_| Step { deed: drawn(&mut dice, &deeds)(dice.below(phones)), dice: dice.number() })
            .collect();
        Self { seed, phones, people, steps }
    }

    /// The same with these steps.
    #[must_use]
    pub fn with_steps(&self, steps: Vec<Step>) -> Self {
        Self { steps, ..self.clone() }
    }
}

fn drawn(dice: &mut Dice, deeds: &[Weighted]) -> fn(usize) -> Deed {
    let mut left = dice.below(deeds.iter().map(|(_, weight)| weight).sum());
    for (deed, weight) in deeds {
        if left < *weight {
            return *deed;
        }
        left -= weight;
    }
    |_| Deed::Deliver
}
