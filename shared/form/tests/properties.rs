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
    let mut paths = session.paths();
    // What a form read from XML has besides.
    paths.retain(|path| !path.as_str().contains("meta"));
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

/// The values of all questions, also of those that do not apply.
fn values(session: &Session) -> BTreeMap<NodePath, String> {
    views(session).into_iter().map(|(path, view)| (path, view.value)).collect()
}

/// Whatever was answered before: a branch that goes and comes back is as it was.
#[test]
fn branches_come_and_go_without_losing_anything() {
    let plan = plan(TANGLE);
    for seed in 1..=8_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut session = begin(&plan);
        for turn in 0..25 {
            step(&mut session, &mut dice);
            let people = session.node(&path("/people")).expect("a question").value;
            let before = (session.instance(), values(&session), session.problems());
            // 13 takes all members away, 11 the group of sums.
            for gone in ["13", "11", "13"] {
                session.answer(&path("/people"), gone).expect("a question");
                assert!(
                    session.submission().get("member").is_none() || gone == "11",
                    "seed {seed}, turn {turn}"
                );
            }
            session.answer(&path("/people"), &people).expect("a question");
            let after = (session.instance(), values(&session), session.problems());
            assert_eq!(before, after, "seed {seed}, turn {turn}");
        }
    }
}

#[test]
fn an_instance_survives_json() {
    let plan = plan(TANGLE);
    for seed in 1..=6_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut session = begin(&plan);
        for turn in 0..30 {
            step(&mut session, &mut dice);
            let text = serde_json::to_string(&session.instance()).expect("plain data");
            let read = serde_json::from_str(&text).expect("the same");
            let (again, left) = Session::reread(Arc::clone(&plan), context(), &read);
            assert!(left.is_empty(), "seed {seed}, turn {turn}: {left:?}");
            assert_eq!(again.instance(), session.instance(), "seed {seed}, turn {turn}");
            assert_eq!(again.submission(), session.submission(), "seed {seed}, turn {turn}");
        }
    }
}

#[cfg(feature = "xform")]
#[test]
fn an_instance_survives_xml() {
    use doorstep_form::xform::{Identity, instance_from_xml, instance_to_xml};
    let plan = plan(TANGLE);
    for seed in 1..=6_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut session = begin(&plan);
        for turn in 0..30 {
            step(&mut session, &mut dice);
            for instance in [session.instance(), session.submission()] {
                let written = instance_to_xml(plan.form(), &instance, &Identity::default());
                let read = instance_from_xml(plan.form(), &written.xml).expect("an instance");
                assert_eq!((written.left_over.len(), read.left_over.len()), (0, 0), "{}", written.xml);
                let (one, _) = Session::reread(Arc::clone(&plan), context(), &instance);
                let (other, left) = Session::reread(Arc::clone(&plan), context(), &read.instance);
                assert!(left.is_empty(), "seed {seed}, turn {turn}: {left:?}");
                assert_eq!(views(&one), views(&other), "seed {seed}, turn {turn}: {}", written.xml);
            }
        }
    }
}

/// A form that goes out as XML and comes in again asks and computes the same.
#[cfg(feature = "xform")]
#[test]
fn a_form_survives_xml() {
    use doorstep_form::{Attachments, xform};
    let plan = plan(TANGLE);
    let (form, _) = xform::read(&xform::write(plan.form())).expect("what was written is read");
    let other = Arc::new(Plan::new(form, &Attachments::new()).expect("a plan"));
    for seed in 1..=8_u64 {
        let seed_of_dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (mut one, mut two) = (begin(&plan), begin(&other));
        let (mut dice, mut same_dice) = (Dice(seed_of_dice), Dice(seed_of_dice));
        for turn in 0..30 {
            let taken = step(&mut one, &mut dice).is_some();
            assert_eq!(step(&mut two, &mut same_dice).is_some(), taken, "seed {seed}, turn {turn}");
            for path in one.paths() {
                let (ours, theirs) = (one.node(&path), two.node(&path));
                let told = |view: Option<NodeView>| {
                    view.map(|view| {
                        (view.value, view.relevant, view.required, view.label, view.problem, view.choices)
                    })
                };
                assert_eq!(told(ours), told(theirs), "seed {seed}, turn {turn}: {path}");
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
