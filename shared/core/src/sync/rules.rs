//! The rules that keep sync from losing anything, by name.
//!
//! The simulation leaves out one at a time and shows what is lost without it
//! (`docs/sync.md`). Everybody else goes by [`Rules::ALL`].

/// One rule of sync.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    /// An operation that was sent before gets its first answer again.
    Deduplication,
    /// A stream's counter is held from the numbering to the commit, which
    /// comes next: the order of numbers is the order of commits.
    CounterLast,
    /// A case's row is held before anything about the case is read.
    CaseLock,
    /// What cannot be applied yet is stored, and tried again.
    Parking,
    /// A database that was put back from a backup begins a new epoch.
    NewEpoch,
    /// Acknowledged operations stay on the phone for a month.
    Retention,
    /// An answer from an epoch that is over is no answer.
    OldEpochIgnored,
    /// A page counts only if it was asked for with the cursor of now.
    CursorMatches,
}

impl Rule {
    /// Every rule.
    pub const ALL: &[Self] = &[
        Self::Deduplication,
        Self::CounterLast,
        Self::CaseLock,
        Self::Parking,
        Self::NewEpoch,
        Self::Retention,
        Self::OldEpochIgnored,
        Self::CursorMatches,
    ];
}

/// The rules that a phone or a server goes by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rules {
    left_out: Option<Rule>,
}

impl Rules {
    /// All of them.
    pub const ALL: Self = Self { left_out: None };

    /// All but one, for the simulation, which has to fail then.
    pub const fn without(rule: Rule) -> Self {
        Self { left_out: Some(rule) }
    }

    /// Whether the rule is one of these.
    pub fn hold(self, rule: Rule) -> bool {
        self.left_out != Some(rule)
    }
}
