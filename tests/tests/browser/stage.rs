//! Server, county and gate for a story, in the present: browsers have no
//! other time.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use chrono::{FixedOffset, NaiveDate, Utc};
use doorstep::clock::Clock;
use doorstep_core::ids::CaseId;
use doorstep_tests::county::Place;
use doorstep_tests::gate::Gate;
use doorstep_tests::scene::Scene;
use doorstep_tests::server::World;
use tokio::sync::{Mutex, MutexGuard};

/// One story at a time.
static TURN: Mutex<()> = Mutex::const_new(());

/// What a story plays on.
pub(super) struct Stage {
    pub(super) scene: Scene,
    /// Between the worker's phone and the server.
    pub(super) gate: Gate,
    /// The elder of the story.
    pub(super) elder: CaseId,
    _turn: MutexGuard<'static, ()>,
}

/// The elder's name: long, and nowhere in the app's own words.
pub(super) const ELDER: &str = "欧阳示例老人";

impl Stage {
    pub(super) async fn set() -> Result<Self> {
        Self::set_with(dist()).await
    }

    /// The same with the app in a folder of the story's own.
    pub(super) async fn set_with(dist: PathBuf) -> Result<Self> {
        let turn = TURN.lock().await;
        ensure!(
            dist.join("index.html").is_file(),
            "the app is not built: run `cargo xtask dist` before the browser stories"
        );
        let mut world = World::create().await?;
        world.clock = Clock::system();
        world.pwa_dir = Some(dist);
        let scene = Scene::start_in(world).await?;
        let properties =
            [("cats", "empty left"), ("birth_year", "1941"), ("sex", "2"), ("phone", "13800001234")];
        let elder = scene.open_elder(Place::Grid, ELDER, &properties).await?;
        let gate = Gate::before(scene.server.address)?;
        Ok(Self { scene, gate, elder, _turn: turn })
    }
}

/// What `cargo xtask dist` left.
pub(super) fn dist() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../app/dist")
}

/// Today, at the counties' doors.
pub(super) fn today() -> NaiveDate {
    FixedOffset::east_opt(8 * 3600)
        .map_or_else(|| Utc::now().date_naive(), |zone| Utc::now().with_timezone(&zone).date_naive())
}
