//! What must hold after any sequence of answers and repeats added and removed.

#![cfg(feature = "workbook")]

mod common;

use common::{context, path, plan};
use doorstep_form::{NodeKind, NodePath, NodeView, Plan, Session};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A form in which most things depend on most others.
const TANGLE: &str = "
| survey |
|        | type                  | name    | label          | relevant        | calculation                              | constraint  | required      | choice_filter | repeat_count | read_only |
|        | select_one town       | town    | Town           |                 |                                          |             | yes           |               |              |           |
|        | select_one village    | village | Village        |                 |                                          |             |               | town=${town}  |              |           |
|        | integer               | people  | People         |                 |                                          | . < 50      |               |               |              |           |
|        | begin repeat          | member  | Member         | ${people} != 13 |                                          |             |               |               |              |           |
|        | integer               | age     | Age of ${name} |                 |                                          | . >= 0      | ${people} > 3 |               |              |           |
|        | text                  | name    | Name           | ${age} > 10     |                                          |             |               |               |              |           |
|        | calculate             | place   |                |                 | position(..)                             |             |               |               |              |           |
|        | calculate             | running |                |                 | ${age} + coalesce(../../member[position() = position(current()/..) - 1]/running, 0) |  |   |               |              |           |
|        | begin repeat          | visit   | Visit          |                 |                                          |             |               |               | ${age} mod 4 |           |
|        | integer               | cost    | Cost           |                 |                                          |             |               |               |              | ${age} = 7 |
|        | calculate             | share   |                |                 | ${cost} div sum(/data/member/visit/cost) |             |               |               |              |           |
|        | end repeat            |         |                |                 |                                          |             |               |               |              |           |
|        | calculate             | costs   |                |                 | sum(${cost})                             |             |               |               |              |           |
|        | end repeat            |         |                |                 |                                          |             |               |               |              |           |
|        | begin group           | all     | All            | ${people} != 11 |                                          |             |               |               |              |           |
|        | calculate             | count   |                |                 | 1 + count(${member})                     |             |               |               |              |           |
|        | calculate             | total   |                |                 | sum(${age}) + sum(${costs})              |             |               |               |              |           |
|        | note                  | shown   | ${total}       | ${total} > 20   |                                          |             |               |               |              |           |
|        | end group             |         |                |                 |                                          |             |               |               |              |           |
| choices |
|         | list_name | name | label | town |
|         | town      | t1   | One   |      |
|         | town      | t2   | Two   |      |
|         | village   | v1   | A     | t1   |
|         | village   | v2   | B     | t1   |
|         | village   | v3   | C     | t2   |
| settings |
|          | form_id |
|          | tangle  |
";

/// Numbers that look random and can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        if among.is_empty() {
            return None;
        }
        among.get(usize::try_from(self.roll(among.len() as u64)).unwrap_or(0))
    }
}

const ANSWERS: [&str; 14] =
    ["", "0", "1", "2", "7", "11", "13", "60", "-1", "t1", "t2", "v1", "v3", "十二 x"];

/// One answer, or a repeat added or removed. What the engine refuses is no step.
fn step(session: &mut Session, dice: &mut Dice) -> Option<Vec<NodePath>> {
    let paths = session.paths();
    match dice.roll(10) {
        0 => session.add_repeat(&path("/member")).ok(),
        1 => {
            let members = session.node(&path("/member"))?.instances?;
            let before = 1 + dice.roll(members.max(1) as u64);
            session.add_repeat(&path(&format!("/member[{before}]"))).ok()
        }
        2 => {
            let instances: Vec<&NodePath> =
                paths.iter().filter(|path| path.as_str().ends_with(']')).collect();
            session.remove_repeat(dice.pick(&instances)?).ok()
        }
        _ => {
            let answer = dice.pick(&ANSWERS)?;
            session.answer(dice.pick(&paths)?, answer).ok()
        }
    }
}

fn views(session: &Session) -> BTreeMap<NodePath, NodeView> {
    session.paths().into_iter().filter_map(|path| Some((path.clone(), session.node(&path)?))).collect()
}

fn begin(plan: &Arc<Plan>) -> Session {
    Session::start(Arc::clone(plan), context(), &BTreeMap::new())
}

#[test]
fn computing_what_depends_is_computing_everything() {
    let plan = plan(TANGLE);
    for seed in 1..=10_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut session = begin(&plan);
        for turn in 0..40 {
            step(&mut session, &mut dice);
            let (anew, left) = Session::resume(Arc::clone(&plan), context(), &session.instance());
            assert!(left.is_empty(), "seed {seed}, turn {turn}: {left:?}");
            assert_eq!(views(&session), views(&anew), "seed {seed}, turn {turn}");
            assert_eq!(session.instance(), anew.instance(), "seed {seed}, turn {turn}");
        }
    }
}

#[test]
fn what_changed_is_told() {
    let plan = plan(TANGLE);
    for seed in 1..=8_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut session = begin(&plan);
        for turn in 0..40 {
            let before = views(&session);
            let Some(changed) = step(&mut session, &mut dice) else { continue };
            for (path, view) in views(&session) {
                let moved = before.get(&path).is_none_or(|before| *before != view);
                // A repeat as a whole tells of its instances.
                let told = changed.contains(&path) || view.kind == NodeKind::Repeat;
                assert!(!moved || told, "seed {seed}, turn {turn}: {path} changed, but was not told");
            }
        }
    }
}

#[test]
fn a_branch_that_stops_applying_keeps_its_answers() {
    let mut session = begin(&plan(TANGLE));
    session.answer(&path("/people"), "2").expect("a question");
    session.answer(&path("/member[1]/age"), "31").expect("a question");
    session.answer(&path("/member[1]/name"), "Li").expect("a question");
    let before = session.instance();
    session.answer(&path("/people"), "13").expect("a question");
    assert!(!session.node(&path("/member[1]/name")).expect("a node").relevant);
    assert_eq!(session.value("total").as_deref(), Some("0"));
    session.answer(&path("/people"), "2").expect("a question");
    assert_eq!(session.instance(), before);
    assert_eq!(session.value("name").as_deref(), Some("Li"));
}
