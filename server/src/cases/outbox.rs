//! What the central case store must learn: a CloudEvents 1.0 body per event of
//! the ledger, numbered per county like the streams. Delivery comes later.

use doorstep_core::case::{CaseAction, CaseEvent, CaseRecord};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, QuerySelect, Set};
use serde_json::json;

use crate::db::Transaction;
use crate::db::entity::{outbox, outbox_counter};
use crate::error::{Error, Result};

/// Writes the outbox row of an event. The county's counter is held from here
/// until the transaction ends, so this comes just before the streams.
pub(super) async fn add(transaction: &Transaction, case: &CaseRecord, event: &CaseEvent) -> Result<()> {
    let number = next_number(transaction, &case.county).await?;
    let event_type = event_type(&event.action);
    let body = json!({
        "specversion": "1.0",
        "id": event.id,
        "source": format!("/counties/{}", case.county),
        "type": event_type,
        "subject": format!("cases/{}", case.id),
        "time": event.at,
        "sequence": format!("{number:020}"),
        "datacontenttype": "application/json",
        "data": { "event": event, "case": case },
    });
    let row = outbox::ActiveModel {
        county: Set(case.county.clone()),
        number: Set(number),
        event_id: Set(event.id),
        event_type: Set(event_type.to_owned()),
        body: Set(serde_json::to_string(&body)?),
        created_at: Set(event.at),
    };
    outbox::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

fn event_type(action: &CaseAction) -> &'static str {
    match action {
        CaseAction::Opened { .. } => "cn.doorstep.case.opened",
        CaseAction::Visited { .. } => "cn.doorstep.case.visited",
        CaseAction::Moved { .. } => "cn.doorstep.case.moved",
    }
}

async fn next_number(transaction: &Transaction, county: &str) -> Result<i64> {
    let locked = || outbox_counter::Entity::find_by_id(county.to_owned()).lock_exclusive().one(transaction);
    let counter = match locked().await? {
        Some(counter) => counter,
        None => {
            let fresh = outbox_counter::ActiveModel { county: Set(county.to_owned()), last_number: Set(0) };
            outbox_counter::Entity::insert(fresh)
                .on_conflict(OnConflict::column(outbox_counter::Column::County).do_nothing().to_owned())
                .exec_without_returning(transaction)
                .await?;
            locked()
                .await?
                .ok_or_else(|| Error::internal(anyhow::anyhow!("no outbox counter for county {county}")))?
        }
    };
    let number = counter.last_number + 1;
    let mut counter = counter.into_active_model();
    counter.last_number = Set(number);
    counter.update(transaction).await?;
    Ok(number)
}
