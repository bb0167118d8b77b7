//! Publishing the pack and forms: what is a new version, what is none, and
//! what phones hear of it. And the demonstration, which publishes everything.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use doorstep::app::Components;
use doorstep::clock::Clock;
use doorstep::config::Config;
use doorstep::db::entity::{
    area, case, case_event, change, form_version, membership, pack_version, stream, task, user,
};
use doorstep::pack::{self, PublishError};
use doorstep::{demo, forms};
use doorstep_core::area::AreaLevel;
use doorstep_core::case::{CaseEvent, CaseRecord, apply};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::UserId;
use doorstep_core::role::Role;
use doorstep_core::sync::{StreamName, item_kind};
use doorstep_core::task::TaskState;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set};

const COUNTY: &str = "610199";

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A server's components over a folder that is gone afterwards.
struct Trial {
    components: Components,
    folder: PathBuf,
}

impl Trial {
    async fn new(name: &str) -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("doorstep-{name}-{}", std::process::id()));
        let config = Config { data: folder.clone(), ..Config::default() };
        let components = Components::open(&config, Clock::standing("2026-11-24T01:00:00Z".parse()?)).await?;
        Ok(Self { components, folder })
    }

    async fn end(self) -> Outcome {
        self.components.database.close().await;
        std::fs::remove_dir_all(self.folder)?;
        Ok(())
    }

    async fn reference_seq(&self) -> Outcome<i64> {
        let row =
            stream::Entity::find_by_id(StreamName::Reference).one(self.components.database.read()).await?;
        Ok(row.map_or(0, |row| row.last_seq))
    }
}

fn pack_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pack")
}

fn file(name: &str) -> Outcome<Vec<u8>> {
    Ok(std::fs::read(pack_folder().join(name))?)
}

fn lists() -> Outcome<BTreeMap<String, String>> {
    ["towns.csv", "villages.csv", "policy_params.csv"]
        .into_iter()
        .map(|name| Ok((name.to_owned(), std::fs::read_to_string(pack_folder().join("media").join(name))?)))
        .collect()
}

fn problems<T>(result: Result<T, PublishError>) -> Vec<String> {
    match result {
        Err(PublishError::Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn the_same_bytes_are_no_new_version() -> Outcome {
    let trial = Trial::new("same-bytes").await?;
    let components = &trial.components;
    let first = forms::publish(components, COUNTY, &file("elder_visit.xlsx")?, lists()?).await?;
    assert!(first.current);
    assert_eq!(first.title.en, first.title.zh, "nobody has said yet what it is called in English");
    let pack_id = pack::publish(components, COUNTY, &file("ledger.xlsx")?).await?;
    let seq = trial.reference_seq().await?;

    let again = forms::publish(components, COUNTY, &file("elder_visit.xlsx")?, lists()?).await?;
    assert_eq!((again.id, &again.sha256), (first.id, &first.sha256));
    assert_eq!(again.title.en, "Elder visit", "the pack has said it");
    assert_eq!(pack::publish(components, COUNTY, &file("ledger.xlsx")?).await?, pack_id);
    assert_eq!(trial.reference_seq().await?, seq, "phones have nothing to learn");

    let rows = form_version::Entity::find().all(components.database.read()).await?;
    assert_eq!(rows.len(), 1);
    assert_eq!(ContentHash::of(&rows[0].bundle), first.sha256, "what is fetched has the announced hash");
    assert_eq!(pack_version::Entity::find().count(components.database.read()).await?, 1);
    trial.end().await
}

#[tokio::test]
async fn other_contents_need_another_version() -> Outcome {
    let trial = Trial::new("other-contents").await?;
    let components = &trial.components;
    let workbook = file("elder_visit.xlsx")?;
    let first = forms::publish(components, COUNTY, &workbook, lists()?).await?;
    let mut longer = lists()?;
    if let Some(villages) = longer.get_mut("villages.csv") {
        villages.push_str("610199101299,新村,610199101,xc\r\n");
    }
    let found = problems(forms::publish(components, COUNTY, &workbook, longer).await);
    assert!(found.len() == 1 && found[0].contains("raise it"), "{found:?}");

    let mut without = lists()?;
    without.remove("villages.csv");
    let found = problems(forms::publish(components, COUNTY, &workbook, without).await);
    assert!(found.iter().any(|line| line.contains("villages.csv")), "{found:?}");

    let rows = form_version::Entity::find().all(components.database.read()).await?;
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [first.id], "nothing was published");
    trial.end().await
}

#[tokio::test]
async fn a_pack_is_announced_and_is_its_countys_alone() -> Outcome {
    let trial = Trial::new("announced").await?;
    let components = &trial.components;
    assert!(!problems(pack::publish(components, COUNTY, b"no workbook").await).is_empty());
    let id = pack::publish(components, COUNTY, &file("ledger.xlsx")?).await?;
    let current = pack::current(components.database.read(), COUNTY).await?.ok_or("a pack")?;
    assert_eq!(Ok(current), pack::read(&file("ledger.xlsx")?));
    assert!(pack::current(components.database.read(), "110101").await?.is_none(), "another county");

    let announced: Vec<(String, uuid::Uuid, bool)> = change::Entity::find()
        .order_by_asc(change::Column::Seq)
        .all(components.database.read())
        .await?
        .into_iter()
        .map(|row| (row.kind, row.object_id, row.gone))
        .collect();
    assert_eq!(announced, [(item_kind::PACK.to_owned(), id.0, false)]);
    trial.end().await
}

/// The demonstration is whole, and a second start keeps what is there.
#[tokio::test]
async fn the_demonstration_is_made_once() -> Outcome {
    let trial = Trial::new("demo").await?;
    let components = &trial.components;
    demo::prepare(components, &trial.folder).await?;
    let connection = components.database.read();

    let areas = area::Entity::find().all(connection).await?;
    let count = |level| areas.iter().filter(|area| area.level == level).count();
    let levels = [AreaLevel::County, AreaLevel::Township, AreaLevel::Village, AreaLevel::Grid];
    assert_eq!(levels.map(count), [1, 1, 5, 20]);
    assert_eq!(form_version::Entity::find().count(connection).await?, 23);
    let cases = case::Entity::find().all(connection).await?;
    assert!((290..=310).contains(&cases.len()), "{}", cases.len());

    let users = user::Entity::find().all(connection).await?;
    for role in Role::ALL {
        assert!(users.iter().any(|user| user.login_name == role.code()), "{role}");
    }
    let workers = membership::Entity::find()
        .filter(membership::Column::Role.eq(Role::GridWorker))
        .all(connection)
        .await?;
    for grid in areas.iter().filter(|area| area.level == AreaLevel::Grid) {
        assert!(workers.iter().any(|worker| worker.area_id == grid.id), "{}", grid.name);
    }
    let listed = std::fs::read_to_string(trial.folder.join(demo::ACCOUNTS_FILE))?;
    assert!(listed.contains("\"grid_worker\""));

    today_is_a_days_work(components, &users).await?;
    projections_are_folds(components, cases).await?;

    let seq = trial.reference_seq().await?;
    demo::prepare(components, &trial.folder).await?;
    assert_eq!(trial.reference_seq().await?, seq);
    assert_eq!(std::fs::read_to_string(trial.folder.join(demo::ACCOUNTS_FILE))?, listed);
    trial.end().await
}

async fn today_is_a_days_work(components: &Components, users: &[user::Model]) -> Outcome {
    let worker = users.iter().find(|user| user.login_name == "grid_worker").ok_or("an account")?;
    let open = task::Entity::find()
        .filter(task::Column::Assignee.eq(worker.id))
        .filter(task::Column::State.eq(TaskState::Open))
        .all(components.database.read())
        .await?;
    let today = components.clock.today();
    let on_list = open.iter().filter(|task| task.opens_on <= today).count();
    assert!((10..=20).contains(&on_list), "{on_list}");
    assert!(open.iter().any(|task| task.grace_until < today), "something is overdue");
    assert!(open.iter().filter(|task| task.due_on == today).count() >= 3, "something is due today");
    assert!(open.iter().any(|task| task.due_on > today), "something is to come");
    Ok(())
}

async fn projections_are_folds(components: &Components, cases: Vec<case::Model>) -> Outcome {
    let rows = case_event::Entity::find()
        .order_by_asc(case_event::Column::Version)
        .all(components.database.read())
        .await?;
    let mut folded: HashMap<_, CaseRecord> = HashMap::new();
    for row in rows {
        let event = CaseEvent {
            id: row.id,
            case_id: row.case_id,
            version: u64::try_from(row.version)?,
            submission_id: row.submission_id,
            actor: row.actor_id,
            at: row.at,
            action: serde_json::from_str(&row.action)?,
            changes: serde_json::from_str(&row.changes)?,
        };
        let case = apply(folded.remove(&row.case_id), &event)?;
        folded.insert(row.case_id, case);
    }
    assert_eq!(folded.len(), cases.len());
    for row in cases {
        let case = folded.get(&row.id).ok_or("a case without events")?;
        assert_eq!(serde_json::to_string(&case.properties)?, row.properties);
        assert_eq!(serde_json::to_string(&case.last_visits)?, row.last_visits);
        assert_eq!((&case.label, i64::try_from(case.version)?), (&row.label, row.version));
    }
    Ok(())
}

/// It takes nothing over.
#[tokio::test]
async fn the_demonstration_leaves_other_data_alone() -> Outcome {
    let trial = Trial::new("demo-other").await?;
    let somebody = user::ActiveModel {
        id: Set(UserId(uuid::Uuid::from_u128(1))),
        county: Set("110101".to_owned()),
        login_name: Set("somebody".to_owned()),
        display_name: Set("Somebody".to_owned()),
        password_hash: Set(String::new()),
        failed_logins: Set(0),
        locked_until: Set(None),
        disabled_at: Set(None),
        created_at: Set(trial.components.clock.now()),
    };
    somebody.insert(trial.components.database.read()).await?;
    let refusal = demo::prepare(&trial.components, &trial.folder).await.err().map(|error| error.to_string());
    assert!(refusal.is_some_and(|text| text.contains("--data")));
    assert_eq!(area::Entity::find().count(trial.components.database.read()).await?, 0);
    assert_eq!(form_version::Entity::find().count(trial.components.database.read()).await?, 0);
    trial.end().await
}
