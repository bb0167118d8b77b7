//! Real parallel writers, on SQLite and on the PostgreSQL that
//! `TEST_DATABASE_URL` names: no reader ever misses a row. And what is missed
//! without the rules that are for several writers.

use std::time::Duration;

use anyhow::{Context, Result};
use doorstep::app::Components;
use doorstep::db::entity::{change, stream};
use doorstep_core::sync::{Rule, Rules, StreamHash, StreamName, item_kind};
use doorstep_sim::county::{self, PASSWORD, grid, login_name};
use doorstep_sim::parallel;
use doorstep_tests::database::VARIABLE;
use doorstep_tests::phone::TestPhone;
use doorstep_tests::server::TestServer;
use futures::future::join_all;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QuerySelect, Set,
};

const VISITS: usize = 5;
/// Attempts in which a rule that is left out has to be missed on PostgreSQL.
const ATTEMPTS: u64 = 6;

fn on_postgres() -> bool {
    std::env::var(VARIABLE).is_ok_and(|url| !url.is_empty())
}

#[actix_web::test]
async fn no_reader_misses_anything() -> Result<()> {
    let report = Box::pin(parallel::run(1, VISITS, Rules::ALL)).await?;
    assert_eq!(report.wrong, Vec::<String>::new());
    assert!(report.visits > 0 && report.pulls > 0 && report.moves > 0, "{report:?}");
    Ok(())
}

/// What goes wrong without a rule among parallel writers. SQLite has one
/// writer, which the rule is not for.
async fn wrong_without(rule: Rule) -> Result<Vec<String>> {
    let (attempts, visits) = if on_postgres() { (ATTEMPTS, VISITS) } else { (1, 2) };
    for seed in 0..attempts {
        let report = Box::pin(parallel::run(seed, visits, Rules::without(rule))).await?;
        if !report.wrong.is_empty() {
            return Ok(report.wrong);
        }
    }
    Ok(Vec::new())
}

#[actix_web::test]
async fn without_the_lock_of_the_counters_writers_collide_on_postgres() -> Result<()> {
    let wrong = wrong_without(Rule::CounterLast).await?;
    assert_eq!(!wrong.is_empty(), on_postgres(), "{wrong:?}");
    Ok(())
}

#[actix_web::test]
async fn without_the_lock_of_the_case_writers_collide_on_postgres() -> Result<()> {
    let wrong = wrong_without(Rule::CaseLock).await?;
    assert_eq!(!wrong.is_empty(), on_postgres(), "{wrong:?}");
    Ok(())
}

/// Announces an area as a table with a serial column would: the number is
/// there for everybody at once, the row when the transaction commits.
async fn announce_with_a_serial_number(components: &Components, number: usize) -> Result<()> {
    let (name, object_id) = (StreamName::Reference, grid(number).0);
    let connection = components.database.read();
    stream::Entity::update_many()
        .col_expr(stream::Column::LastSeq, Expr::col(stream::Column::LastSeq).add(1))
        .filter(stream::Column::Name.eq(name.clone()))
        .exec(connection)
        .await?;
    let counter = stream::Entity::find_by_id(name.clone()).one(connection).await?.context("a counter")?;
    // What a transaction does before it commits.
    tokio::time::sleep(Duration::from_millis(number as u64 * 3)).await;
    components
        .database
        .write(async |transaction| {
            let row = change::Entity::find_by_id((name.clone(), item_kind::AREA.to_owned(), object_id))
                .one(transaction)
                .await?;
            let Some(row) = row else { return Ok(()) };
            let held = stream::Entity::find_by_id(name.clone()).lock_exclusive().one(transaction).await?;
            let Some(held) = held else { return Ok(()) };
            let mut hash = StreamHash(held.hash.cast_unsigned());
            hash.toggle(item_kind::AREA, object_id, row.seq);
            hash.toggle(item_kind::AREA, object_id, counter.last_seq);
            let mut row = row.into_active_model();
            row.seq = Set(counter.last_seq);
            row.update(transaction).await?;
            let mut held = held.into_active_model();
            held.hash = Set(hash.0.cast_signed());
            held.update(transaction).await?;
            Ok(())
        })
        .await?;
    Ok(())
}

#[actix_web::test]
async fn a_reader_would_notice_numbers_that_are_given_out_before_the_commit() -> Result<()> {
    let server = TestServer::start().await?;
    let hash = county::password_hash()?;
    Box::pin(county::found(&server.components, &hash)).await?;
    county::employ(&server.components, 1, &hash).await?;
    let phone = TestPhone::log_in(&server.base_url(), server.clock(), &login_name(0), PASSWORD).await?;
    phone.sync().await?;
    assert_eq!(phone.wire.repairs.get(), 0);
    for _ in 0..ATTEMPTS {
        let writing = join_all(
            (0..county::GRIDS).map(|number| announce_with_a_serial_number(&server.components, number)),
        );
        let reading = async {
            for _ in 0..county::GRIDS {
                phone.sync().await?;
            }
            anyhow::Ok(())
        };
        let (written, read) = futures::future::join(writing, reading).await;
        // Two of them may have taken the same number: serial columns do not.
        let _ = written;
        read?;
        phone.sync().await?;
        if phone.wire.repairs.get() > 0 {
            return Ok(());
        }
    }
    anyhow::bail!("the phone was never behind, although numbers came before their rows")
}
