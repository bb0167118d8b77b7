//! What was pulled, as screens read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use doorstep_form::{Form, Plan, order};
use serde::de::DeserializeOwned;

use super::today::TodayEntry;
use super::{Phone, PhoneError};
use crate::area::{AreaLevel, AreaRecord};
use crate::case::{CaseRecord, VisitRecord};
use crate::hash::ContentHash;
use crate::ids::{AreaId, CaseId, FormVersionId};
use crate::json;
use crate::pack::{FormBundle, FormFile, FormVersionRecord, Pack, PackRecord};
use crate::store::{LocalStore, StoreError, Table, decode};
use crate::submission::SubmissionStatus;
use crate::sync::{StreamName, item_kind};

/// The key of a pulled record.
pub fn record_key(stream: &StreamName, kind: &str, id: uuid::Uuid) -> String {
    format!("{stream}|{kind}|{id}")
}

/// Everything the Case screen shows.
#[derive(Clone, Debug)]
pub struct CaseView {
    pub case: CaseRecord,
    /// From the township down.
    pub area_names: Vec<String>,
    /// Newest first.
    pub visits: Vec<VisitRecord>,
    /// The open ones, most urgent first.
    pub tasks: Vec<TodayEntry>,
}

impl<S: LocalStore> Phone<S> {
    /// Every case on the phone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn cases(&self) -> Result<Vec<CaseRecord>, PhoneError> {
        self.records("cases:", item_kind::CASE).await
    }

    /// Those of `wanted` that are on the phone. Of thousands, only these are
    /// read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn cases_of(
        &self,
        wanted: &BTreeSet<CaseId>,
    ) -> Result<BTreeMap<CaseId, CaseRecord>, PhoneError> {
        let mut found = BTreeMap::new();
        for (key, _) in self.store.keys(Table::Record, "cases:").await? {
            if let Some(id) = case_of_key(&key).filter(|id| wanted.contains(id))
                && let Some(row) = self.store.get(Table::Record, &key).await?
            {
                found.insert(id, decode(&row)?);
            }
        }
        Ok(found)
    }

    /// A case, if it is on the phone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_case(&self, id: CaseId) -> Result<Option<CaseRecord>, PhoneError> {
        Ok(self.cases_of(&BTreeSet::from([id])).await?.remove(&id))
    }

    /// The visits to a case. A record that names it nowhere is not read.
    async fn visits_of(&self, id: CaseId) -> Result<Vec<VisitRecord>, PhoneError> {
        let name = id.to_string();
        let mut found: Vec<Result<VisitRecord, StoreError>> = Vec::new();
        self.each_record("visits:", item_kind::VISIT, |key, value| {
            if names(value, name.as_bytes()) {
                found.push(json::read(value).map_err(|error| unreadable(key, &error)));
            }
        })
        .await?;
        let mut visits = found.into_iter().collect::<Result<Vec<_>, StoreError>>()?;
        visits.retain(|visit| visit.case_id == id);
        order::sort_by_key(&mut visits, |visit| std::cmp::Reverse((visit.visited_on, visit.submission_id)));
        Ok(visits)
    }

    /// One case with its history.
    ///
    /// # Errors
    /// [`PhoneError::CaseUnknown`], or when the store cannot be read.
    pub async fn case(&self, id: CaseId, today: NaiveDate) -> Result<CaseView, PhoneError> {
        let case = self.find_case(id).await?.ok_or(PhoneError::CaseUnknown(id))?;
        let visits = self.visits_of(id).await?;
        let area_names = self
            .area_line(case.area_id)
            .await?
            .into_iter()
            .filter(|area| area.level >= AreaLevel::Township)
            .map(|area| area.name)
            .collect();
        let tasks = self.tasks_of(&case, today).await?;
        Ok(CaseView { case, area_names, visits, tasks })
    }

    /// The areas from the root down to `area`, as far as the phone knows them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn area_line(&self, area: AreaId) -> Result<Vec<AreaRecord>, PhoneError> {
        Ok(line_of(&self.areas().await?, area).into_iter().cloned().collect())
    }

    /// Every area that the phone knows, for lists that name many; [`line_of`]
    /// walks it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn areas(&self) -> Result<BTreeMap<AreaId, AreaRecord>, PhoneError> {
        let areas: Vec<AreaRecord> = self.records("ref|", item_kind::AREA).await?;
        Ok(order::map_of(areas.into_iter().map(|area| (area.id, area))))
    }

    /// The published pack, once it was pulled.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn pack(&self) -> Result<Option<Pack>, PhoneError> {
        let packs: Vec<PackRecord> = self.records("ref|", item_kind::PACK).await?;
        Ok(packs.into_iter().next_back().map(|record| record.pack))
    }

    /// The form versions that the phone knows of.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn form_versions(&self) -> Result<Vec<FormVersionRecord>, PhoneError> {
        self.records("ref|", item_kind::FORM).await
    }

    /// The version of a form that new captures use.
    ///
    /// # Errors
    /// [`PhoneError::FormUnknown`], or when the store cannot be read.
    pub async fn current_form(&self, form_id: &str) -> Result<FormVersionRecord, PhoneError> {
        self.form_versions()
            .await?
            .into_iter()
            .find(|form| form.form_id == form_id && form.current)
            .ok_or_else(|| PhoneError::FormUnknown(form_id.to_owned()))
    }

    /// A form, ready to run.
    ///
    /// # Errors
    /// When its definition is not here yet or does not compile.
    pub async fn plan(&self, id: FormVersionId) -> Result<Arc<Plan>, PhoneError> {
        let entry = self
            .store
            .get(Table::FormBundle, &id.to_string())
            .await?
            .ok_or(PhoneError::FormVersionUnknown(id))?;
        plan_of(&decode::<FormBundle>(&entry)?).map(Arc::new)
    }

    /// The files beside the words of a form version, as the server named them;
    /// none for a version that this phone knows nothing of.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn form_files(&self, id: FormVersionId) -> Result<Vec<FormFile>, PhoneError> {
        let versions = self.form_versions().await?;
        Ok(versions
            .into_iter()
            .find(|version| version.id == id)
            .map(|version| version.files)
            .unwrap_or_default())
    }

    /// The bytes of such a file. `None` until a sync has brought them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn form_file(&self, sha256: &ContentHash) -> Result<Option<Vec<u8>>, PhoneError> {
        Ok(self.store.get(Table::FormFile, sha256.as_str()).await?.map(|entry| entry.value))
    }

    /// What became of the owner's submissions.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn submission_statuses(&self) -> Result<Vec<SubmissionStatus>, PhoneError> {
        self.records("user:", item_kind::SUBMISSION).await
    }

    /// Records of one kind in the streams whose name begins with `streams`.
    async fn records<T: DeserializeOwned>(&self, streams: &str, kind: &str) -> Result<Vec<T>, PhoneError> {
        let mut records: Vec<Result<T, StoreError>> = Vec::new();
        self.each_record(streams, kind, |key, value| {
            records.push(json::read(value).map_err(|error| unreadable(key, &error)));
        })
        .await?;
        Ok(records.into_iter().collect::<Result<_, StoreError>>()?)
    }

    /// The same, one after the other as they are stored.
    pub(super) async fn each_record(
        &self,
        streams: &str,
        kind: &str,
        mut look: impl FnMut(&str, &[u8]),
    ) -> Result<(), PhoneError> {
        let marker = format!("|{kind}|");
        let prefix = if streams.ends_with('|') { format!("{streams}{kind}|") } else { streams.to_owned() };
        let look = |key: &str, value: &[u8]| {
            if key.contains(&marker) {
                look(key, value);
            }
        };
        Ok(self.store.each(Table::Record, &prefix, look).await?)
    }
}

pub(super) fn unreadable(key: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Unreadable(format!("{key}: {error}"))
}

/// Of a record in a stream of cases: which case it is.
pub(super) fn case_of_key(key: &str) -> Option<CaseId> {
    let (stream_and_kind, id) = key.rsplit_once('|')?;
    let is_case = stream_and_kind.rsplit_once('|').is_some_and(|(_, kind)| kind == item_kind::CASE);
    if is_case { id.parse().ok() } else { None }
}

/// Whether the bytes of a record hold a name.
pub(super) fn names(value: &[u8], name: &[u8]) -> bool {
    value.windows(name.len()).any(|window| window == name)
}

/// The areas from the root down to `area`, as far as `areas` has them.
pub fn line_of(areas: &BTreeMap<AreaId, AreaRecord>, area: AreaId) -> Vec<&AreaRecord> {
    let mut line = Vec::new();
    let mut next = Some(area);
    // The tree has six levels; a loop in bad data must not hang the phone.
    while let Some(found) = next.and_then(|id| areas.get(&id)).filter(|_| line.len() < 8) {
        line.push(found);
        next = found.parent;
    }
    line.reverse();
    line
}

/// Compiles a bundle, as the phone and the reviewer's screen run it.
///
/// # Errors
/// [`PhoneError::FormBroken`] when the definition does not read or compile.
pub fn plan_of(bundle: &FormBundle) -> Result<Plan, PhoneError> {
    let form: Form = serde_json::from_value(bundle.form.clone())
        .map_err(|error| StoreError::Unreadable(format!("form {}: {error}", bundle.form_version_id)))?;
    let name = form.id().to_owned();
    Plan::new(form, &bundle.attachments).map_err(|problems| PhoneError::FormBroken { form: name, problems })
}
