//! The pack: policy as data. Case kinds, properties, how forms write to the
//! ledger and are filled from it, and schedule rules, as read from
//! `pack/ledger.xlsx`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::ids::{FormVersionId, PackVersionId};
use crate::role::Role;
use crate::text::LocalText;

/// A kind of case. Sheet `kinds`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CaseKind {
    pub kind: String,
    pub label: LocalText,
    /// Who may see cases of the kind: a programme's name, e.g. `elder`.
    pub programme: String,
}

/// A property of a kind. Sheet `properties`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Property {
    pub kind: String,
    pub name: String,
    pub label: LocalText,
    /// Words for coded values, by code; a space-separated value is a list.
    pub values: BTreeMap<String, LocalText>,
    /// Whether the Case screen shows it.
    pub shown: bool,
}

/// What an approved submission of a form writes to its case. Sheet `writes`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PropertyWrite {
    pub form_id: String,
    pub property: String,
    /// An expression over the form's answers: `${risk}`.
    pub value: String,
    /// An expression; the property is written only where it holds. Empty:
    /// always.
    pub when: String,
}

/// What a new capture of a form starts with. Sheet `prefill`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Prefill {
    pub form_id: String,
    pub question: String,
    /// An expression over the case: `${label}`, a property's name,
    /// `${township_code}`, `${village_code}`, `${grid_code}`, `${case_id}`,
    /// `${task_id}`, `${user_name}`, `${last_visit_on}`.
    pub value: String,
}

/// How submissions of a form act on the ledger. Sheet `forms`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FormUse {
    pub form_id: String,
    /// The kind of case the form is about.
    pub kind: String,
    /// What the form is called: an XLSForm has one title, in one language.
    #[serde(default)]
    pub label: LocalText,
    /// An expression over the answers: whether the visit resets the due date.
    pub counts_when: String,
    /// An expression over the answers: whether the visit closes the case.
    pub closes_when: String,
}

/// How long after a visit the next is due.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    Days(u32),
    Months(u32),
}

/// A schedule rule. Sheet `schedules`; the first that holds is the one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ScheduleRule {
    /// A name that is stable over versions, e.g. `elder_red`.
    pub rule: String,
    pub kind: String,
    pub form_id: String,
    /// An expression over the case's properties. Empty: always.
    pub when: String,
    pub interval: Interval,
    /// Days past the due date before it escalates.
    pub grace_days: u32,
    pub role: Role,
    pub valid_from: Option<NaiveDate>,
    pub valid_to: Option<NaiveDate>,
    /// The legal basis.
    pub basis: String,
}

/// The pack as the server applies it and phones show it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pack {
    pub version: String,
    pub kinds: Vec<CaseKind>,
    pub properties: Vec<Property>,
    pub forms: Vec<FormUse>,
    pub writes: Vec<PropertyWrite>,
    pub prefill: Vec<Prefill>,
    pub schedules: Vec<ScheduleRule>,
}

impl Pack {
    /// The programme of a kind of case.
    pub fn programme(&self, kind: &str) -> Option<&str> {
        self.kinds.iter().find(|candidate| candidate.kind == kind).map(|found| found.programme.as_str())
    }

    /// How a form acts on the ledger.
    pub fn form_use(&self, form_id: &str) -> Option<&FormUse> {
        self.forms.iter().find(|candidate| candidate.form_id == form_id)
    }

    /// A property of a kind.
    pub fn property(&self, kind: &str, name: &str) -> Option<&Property> {
        self.properties.iter().find(|candidate| candidate.kind == kind && candidate.name == name)
    }
}

/// The published pack, as an item of the reference stream.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PackRecord {
    pub id: PackVersionId,
    pub pack: Pack,
}

/// A published form, as an item of the reference stream. The definition is
/// fetched once by its hash (`GET /api/v1/form-versions/{id}`).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FormVersionRecord {
    pub id: FormVersionId,
    pub form_id: String,
    pub version: String,
    pub title: LocalText,
    /// Hash of the bytes that the definition's address answers.
    pub sha256: ContentHash,
    pub size_bytes: u64,
    /// Whether new captures use this version. Older ones stay for drafts.
    pub current: bool,
    /// Files beside its words, by name. Phones fetch each by its hash
    /// (`GET /api/v1/form-versions/{id}/files/{sha256}`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FormFile>,
}

/// A picture, sound or film beside the words of a form.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FormFile {
    /// As the form names it.
    pub name: String,
    pub sha256: ContentHash,
    pub size_bytes: u64,
    /// One that browsers show or play: `image/png`, `audio/mpeg`.
    pub content_type: String,
}

/// A form's definition and the lists it draws on: what the phone evaluates.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FormBundle {
    pub form_version_id: FormVersionId,
    /// A compiled `doorstep_form::Form`.
    pub form: serde_json::Value,
    /// External lists by file name, as text: `villages.csv`.
    pub attachments: BTreeMap<String, String>,
}
