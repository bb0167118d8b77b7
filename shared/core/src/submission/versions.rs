//! Contents of every version that was ever written.
//!
//! An operation says its version; phones and servers that were updated hold
//! contents of older ones without saying so, which differ by their members.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{SUBMISSION_VERSION, SubmissionContent};

type Members = Map<String, Value>;

/// Turns the members of a version into those of the next.
type Upcast = fn(&mut Members) -> Result<(), ContentError>;

/// The first turns version 1 into 2, the next 2 into 3.
const UPCASTS: [Upcast; SUBMISSION_VERSION as usize - 1] = [seconds_after_the_beginning];

/// Why a body is not taken for a content.
#[derive(Debug, Error)]
pub enum ContentError {
    /// Another build may know it.
    #[error("version {0} of a submission is not known to this build")]
    VersionUnknown(u32),
    #[error("the body is not what its version says: {0}")]
    Unreadable(String),
}

/// Reads a body of version `v`.
///
/// # Errors
/// When this build does not know the version, or the body is something else.
pub fn read(v: u32, body: &Value) -> Result<SubmissionContent, ContentError> {
    if !(1..=SUBMISSION_VERSION).contains(&v) {
        return Err(ContentError::VersionUnknown(v));
    }
    let Value::Object(members) = body else { return Err(unreadable(&"it is no object")) };
    let mut members = members.clone();
    for upcast in UPCASTS.iter().skip(v as usize - 1) {
        upcast(&mut members)?;
    }
    SubmissionContent::deserialize(Value::Object(members)).map_err(|error| unreadable(&error))
}

/// Reads a body that does not say its version: the latest that it can be.
///
/// # Errors
/// When it is of no version.
pub fn read_any(body: &Value) -> Result<SubmissionContent, ContentError> {
    let latest = read(SUBMISSION_VERSION, body);
    if latest.is_ok() {
        return latest;
    }
    // The latest says best what is wrong with it.
    (1..SUBMISSION_VERSION).rev().find_map(|v| read(v, body).ok()).map_or(latest, Ok)
}

pub(super) fn of_any_version<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SubmissionContent>, D::Error> {
    let body: Option<Value> = Option::deserialize(deserializer)?;
    body.map(|body| read_any(&body)).transpose().map_err(serde::de::Error::custom)
}

fn unreadable(why: &dyn std::fmt::Display) -> ContentError {
    ContentError::Unreadable(why.to_string())
}

/// Version 1 had a list of `{path, at}`, twice as many bytes as the rest of a
/// short visit.
fn seconds_after_the_beginning(members: &mut Members) -> Result<(), ContentError> {
    let moment = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        chrono::DateTime::parse_from_rfc3339(text).map_err(|error| unreadable(&error))
    };
    let started_at = moment(members.get("started_at"))?;
    let Some(Value::Array(times)) = members.remove("answer_times") else {
        return Err(unreadable(&"it has no answer_times"));
    };
    let mut seconds = Members::new();
    for time in &times {
        let path = time.get("path").and_then(Value::as_str);
        let path = path.ok_or_else(|| unreadable(&"an answer has no path"))?;
        let at = moment(time.get("at"))?;
        seconds.insert(path.to_owned(), (at - started_at).num_seconds().into());
    }
    members.insert("answer_seconds".to_owned(), Value::Object(seconds));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submission::SubmissionStatus;

    /// A visit as each version wrote it, the first first.
    const WRITTEN: [&str; SUBMISSION_VERSION as usize] =
        [include_str!("versions/submission_v1.json"), include_str!("versions/submission_v2.json")];

    fn written(v: u32) -> Result<Value, serde_json::Error> {
        serde_json::from_str(WRITTEN[v as usize - 1])
    }

    #[test]
    fn every_version_is_read_as_the_same_visit() -> Result<(), Box<dyn std::error::Error>> {
        let latest = read(SUBMISSION_VERSION, &written(SUBMISSION_VERSION)?)?;
        assert_eq!(serde_json::to_value(&latest)?, written(SUBMISSION_VERSION)?, "as this build writes it");
        for v in 1..=SUBMISSION_VERSION {
            assert_eq!(read(v, &written(v)?)?, latest, "version {v}");
            assert_eq!(read_any(&written(v)?)?, latest, "version {v}, unsaid");
        }
        Ok(())
    }

    #[test]
    fn what_a_phone_pulled_before_its_app_was_updated_is_read() -> Result<(), Box<dyn std::error::Error>> {
        let latest = read(SUBMISSION_VERSION, &written(SUBMISSION_VERSION)?)?;
        let status = SubmissionStatus {
            submission_id: latest.submission_id,
            root_id: latest.root_id,
            revision: latest.revision,
            form_id: latest.form_id.clone(),
            form_version_id: latest.form_version_id,
            case_id: latest.case_id,
            task_id: latest.task_id,
            state: crate::submission::SubmissionState::Returned,
            sha256: latest.hash()?,
            received_at: chrono::DateTime::UNIX_EPOCH,
            decided_at: None,
            comments: Vec::new(),
            media_missing: Vec::new(),
            media_quarantined: Vec::new(),
            content: Some(latest),
        };
        let mut held = serde_json::to_value(&status)?;
        held["content"] = written(1)?;
        assert_eq!(serde_json::from_value::<SubmissionStatus>(held.clone())?, status);
        held["content"] = Value::Null;
        assert_eq!(serde_json::from_value::<SubmissionStatus>(held)?.content, None);
        Ok(())
    }

    #[test]
    fn other_versions_and_other_bodies_are_told_apart() -> Result<(), Box<dyn std::error::Error>> {
        for v in [0, SUBMISSION_VERSION + 1, u32::MAX] {
            let error = read(v, &written(SUBMISSION_VERSION)?).err();
            assert!(
                matches!(error, Some(ContentError::VersionUnknown(unknown)) if unknown == v),
                "{error:?}"
            );
        }
        for (v, body) in [(1, written(2)?), (2, written(1)?), (1, Value::Null), (2, Value::Array(Vec::new()))]
        {
            let error = read(v, &body).err();
            assert!(matches!(error, Some(ContentError::Unreadable(_))), "{v}: {error:?}");
        }
        assert!(read_any(&Value::from("a text")).is_err());
        Ok(())
    }
}
