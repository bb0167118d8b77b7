//! What a person does with a form, and how long each thing takes.

use crate::clock::timed;
use crate::{Outcome, Spread};
use anyhow::Context as _;
use doorstep_form::{Context, NodeKind, NodePath, Session};
use std::sync::Arc;

const SEED: u64 = 42;
const WARM_UP: usize = 100;
const ANSWERS: usize = 300;
const CHAINS: usize = 30;
const CASCADES: usize = 30;
const ADDED: usize = 20;

pub(crate) fn context() -> Context {
    let now = chrono::DateTime::from_timestamp(1_795_400_000, 0).unwrap_or_default();
    Context {
        now: now.fixed_offset(),
        seed: 1,
        username: "wang".to_owned(),
        device_id: "device-1".to_owned(),
        ..Context::default()
    }
}

/// Answers, chains, cascades, repeats, and what comes at the end.
pub(crate) fn drive(session: &mut Session, outcome: &mut Outcome) -> anyhow::Result<()> {
    let mut random = fastrand::Rng::with_seed(SEED);
    let sections =
        (0..).take_while(|number| session.node(&at(&format!("/g{number}/b{number}_age"))).is_some()).count();
    outcome.answer_ms = if sections > 0 {
        in_sections(session, sections, &mut random)?
    } else {
        anywhere(session, &mut random)?
    };
    if sections > 0 {
        let dates = (0..ANSWERS).map(|number| {
            let path = at(&format!("/g{0}/b{0}_visit", number * sections / ANSWERS));
            answer(session, &path, &format!("2026-02-{:02}", 1 + number % 28))
        });
        outcome.answer_alone_ms = Some(Spread::of(dates.collect::<anyhow::Result<_>>()?));
        let head = at("/g0/b0_age");
        let times = (0..CHAINS).map(|number| answer(session, &head, &(20 + number).to_string()));
        outcome.chain_head_ms = Some(Spread::of(times.collect::<anyhow::Result<_>>()?));
    }
    outcome.cascade_ms = cascade(session)?;
    if session.node(&at("/member")).is_some() {
        outcome.add_repeat_10_ms = Some(adding(session, 10)?);
        outcome.add_repeat_200_ms = Some(adding(session, 200)?);
    }
    outcome.validate_ms = timed(|| session.problems()).1;
    let (bytes, serialise_ms) = timed(|| serde_json::to_vec(&session.instance()));
    outcome.serialise_ms = serialise_ms;
    outcome.instance_bytes = bytes?.len();
    let draft = session.instance();
    let plan = Arc::clone(session.plan());
    let ((_, left_over), resume_ms) = timed(|| Session::resume(plan, context(), &draft));
    anyhow::ensure!(left_over.is_empty(), "a draft does not fit its own form");
    outcome.resume_ms = resume_ms;
    Ok(())
}

fn at(text: &str) -> NodePath {
    text.parse().expect("what this program writes is a path")
}

/// One answer, with what a screen would read after it.
fn answer(session: &mut Session, path: &NodePath, value: &str) -> anyhow::Result<f64> {
    let (changed, time) = timed(|| {
        let changed = session.answer(path, value);
        let grand = session.node(path).map(|view| view.value.len());
        changed.map(|changed| changed.len() + grand.unwrap_or_default())
    });
    changed.with_context(|| format!("the answer to {path}"))?;
    Ok(time)
}

/// The mix of answers that other engines are measured with.
fn in_sections(session: &mut Session, sections: usize, random: &mut fastrand::Rng) -> anyhow::Result<Spread> {
    let mut times = Vec::new();
    for _ in 0..WARM_UP + ANSWERS {
        let section = random.usize(0..sections);
        let (name, value) = match random.usize(0..5) {
            0 | 4 => ("age", random.usize(5..85).to_string()),
            1 => ("weight", format!("{:.1}", 1.0 + random.f64() * 80.0)),
            2 => ("sym", "s1 s3".to_owned()),
            _ => ("visit", format!("2026-01-0{}", random.usize(1..10))),
        };
        times.push(answer(session, &at(&format!("/g{section}/b{section}_{name}")), &value)?);
    }
    Ok(Spread::of(times.split_off(WARM_UP)))
}

/// Random answers to whatever the form asks now.
fn anywhere(session: &mut Session, random: &mut fastrand::Rng) -> anyhow::Result<Spread> {
    let mut times = Vec::new();
    while times.len() < WARM_UP + ANSWERS {
        let shown: Vec<_> = session.pages().into_iter().flat_map(|page| page.nodes).collect();
        let asked: Vec<_> = shown
            .iter()
            .filter_map(|path| session.node(path))
            .filter(|view| {
                view.relevant && !view.read_only && !view.kind.is_container() && view.kind != NodeKind::Note
            })
            .collect();
        let view = random.choice(&asked).context("the form asks nothing")?;
        let value = match view.kind {
            NodeKind::SelectOne | NodeKind::SelectMultiple | NodeKind::Rank => {
                random.choice(&view.choices).map_or_else(String::new, |choice| choice.value.clone())
            }
            NodeKind::Integer | NodeKind::Decimal | NodeKind::Range => random.usize(0..100).to_string(),
            NodeKind::Date => format!("2026-01-0{}", random.usize(1..10)),
            NodeKind::Time => "09:30:00.000+08:00".to_owned(),
            NodeKind::DateTime => "2026-01-05T09:30:00.000+08:00".to_owned(),
            NodeKind::Geopoint => "34.1 108.9 400 5".to_owned(),
            NodeKind::Acknowledge => "OK".to_owned(),
            _ => ["abc", "yes", "12", ""].get(random.usize(0..4)).copied().unwrap_or_default().to_owned(),
        };
        let path = view.path.clone();
        times.push(answer(session, &path, &value)?);
    }
    Ok(Spread::of(times.split_off(WARM_UP)))
}

/// Chooses from three chained lists, looking at what each offers.
fn cascade(session: &mut Session) -> anyhow::Result<Option<Spread>> {
    let chains = [["/province", "/district", "/village"], ["/town", "/village", "/grid"]];
    let chain = chains.into_iter().find(|chain| chain.iter().all(|path| session.node(&at(path)).is_some()));
    let Some(chain) = chain else { return Ok(None) };
    let mut times = Vec::new();
    for number in 0..CASCADES {
        let (offered, time) = timed(|| -> anyhow::Result<usize> {
            let mut offered = 0;
            for path in chain.map(at) {
                let choices = session.node(&path).map(|view| view.choices).unwrap_or_default();
                let choice =
                    choices.get(number % choices.len().max(1)).context("a list that offers nothing")?;
                session.answer(&path, &choice.value)?;
                offered = choices.len();
            }
            Ok(offered)
        });
        offered?;
        times.push(time);
    }
    Ok(Some(Spread::of(times)))
}

/// One instance more, when there are `present` of them with an age.
fn adding(session: &mut Session, present: usize) -> anyhow::Result<Spread> {
    let series = at("/member");
    loop {
        let instances = session.node(&series).and_then(|view| view.instances).unwrap_or_default();
        if instances >= present {
            break;
        }
        session.add_repeat(&series)?;
        let age = at(&format!("/member[{}]/m_age", instances + 1));
        // One workbook of the pack computes it from the date of birth.
        if session.node(&age).is_some_and(|view| !view.read_only && view.kind == NodeKind::Integer) {
            session.answer(&age, "30")?;
        }
    }
    let mut times = Vec::new();
    for _ in 0..ADDED {
        let (added, time) = timed(|| session.add_repeat(&series));
        added?;
        times.push(time);
        session.remove_repeat(&at(&format!("/member[{}]", present + 1)))?;
    }
    Ok(Spread::of(times))
}
