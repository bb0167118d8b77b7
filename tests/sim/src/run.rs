//! One run of a plan, from the county's founding to rest.

use doorstep_core::hash::ContentHash;
use doorstep_core::sync::Rules;

use crate::county::Template;
use crate::plan::Plan;
use crate::world::World;

/// What came of a run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// What must not be. Empty is how it must be.
    pub wrong: Vec<String>,
    /// What happened, a line each.
    pub trace: Vec<String>,
}

impl Outcome {
    /// Names the trace: the same plan has the same.
    pub fn trace_hash(&self) -> ContentHash {
        ContentHash::of(self.trace.join("\n").as_bytes())
    }
}

/// Runs a plan under these rules.
pub async fn run(template: &Template, plan: &Plan, rules: Rules) -> Outcome {
    let mut world = match World::begin(template, plan, rules).await {
        Ok(world) => world,
        Err(error) => {
            return Outcome { wrong: vec![format!("it does not begin: {error:#}")], trace: Vec::new() };
        }
    };
    let stopped = live(&mut world, plan).await.err();
    world.wrong.extend(stopped.map(|error| format!("it stopped: {error:#}")));
    world.server.components.database.clone().close().await;
    Outcome { wrong: world.wrong, trace: world.trace }
}

async fn live(world: &mut World, plan: &Plan) -> anyhow::Result<()> {
    for (number, step) in plan.steps.iter().enumerate() {
        world.take(number, *step).await?;
        if !world.wrong.is_empty() {
            return Ok(());
        }
    }
    // In a third of the seeds, who is disabled stays so.
    world.come_to_rest(!plan.seed.is_multiple_of(3)).await?;
    if world.wrong.is_empty() {
        world.check().await?;
    }
    Ok(())
}
