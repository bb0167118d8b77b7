//! Published forms, compiled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use doorstep_core::ids::FormVersionId;
use doorstep_core::pack::FormBundle;
use doorstep_core::phone::records::plan_of;
use doorstep_form::Plan;
use sea_orm::{ConnectionTrait, EntityTrait};

use crate::db::entity::form_version;
use crate::error::{Error, Result};

/// Compiled plans by version, shared.
#[derive(Debug, Default)]
pub struct Cache {
    plans: Mutex<HashMap<FormVersionId, Arc<Plan>>>,
}

impl Cache {
    /// A form version, ready to run; `None` when it was not published here.
    ///
    /// # Errors
    /// When it does not compile, or the database refuses.
    pub async fn plan(
        &self,
        connection: &impl ConnectionTrait,
        id: FormVersionId,
    ) -> Result<Option<Arc<Plan>>> {
        if let Some(plan) = self.plans.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Some(Arc::clone(plan)));
        }
        let Some(row) = form_version::Entity::find_by_id(id).one(connection).await? else {
            return Ok(None);
        };
        let bundle: FormBundle = serde_json::from_slice(&row.bundle)?;
        let plan = Arc::new(plan_of(&bundle).map_err(Error::internal)?);
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&plan));
        Ok(Some(plan))
    }
}
