//! The engine's second opinion on a capture: what a phone computed is never
//! trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix_web::web;
use doorstep_core::api::{Difference, FormProblem};
use doorstep_core::submission::SubmissionContent;
use doorstep_core::text::{Language, LocalText};
use doorstep_form::{Context, Plan, Session};

use crate::app::Components;
use crate::error::Result;

/// Most severe alert of a form.
const ALERT_LEVEL_MAX: f64 = 3.0;

/// What the server's own evaluation makes of a capture.
#[derive(Clone, Debug)]
pub(crate) struct Evaluation {
    /// The form that the version belongs to.
    pub(crate) form_id: String,
    pub(crate) instance: serde_json::Value,
    pub(crate) problems: Vec<FormProblem>,
    pub(crate) differences: Vec<Difference>,
    /// 0 to 3.
    pub(crate) alert_level: i16,
    pub(crate) alert_codes: Vec<String>,
}

/// Evaluates a capture of somebody who logs in as `login_name`; `None` when
/// its form version is not known here. Takes no lock: a large form takes a
/// while, and is computed beside the threads that answer requests.
///
/// `now()` in the form is the moment at which the person finished, by the
/// phone's clock, so that everything comes out as it did there. That clock
/// may be wrong; both times are kept, and what differs is for a flag.
pub(crate) async fn evaluate(
    components: &Components,
    content: &SubmissionContent,
    login_name: &str,
) -> Result<Option<Evaluation>> {
    let plan = components.forms.plan(components.database.read(), content.form_version_id).await?;
    let Some(plan) = plan else { return Ok(None) };
    let context = Context {
        now: content.finished_at,
        // As the phone seeds it: a draft becomes the submission.
        seed: content.submission_id.0.as_u64_pair().1,
        username: login_name.to_owned(),
        device_id: String::new(),
        ..Context::default()
    };
    let content = content.clone();
    Ok(Some(web::block(move || judge(plan, context, &content)).await?))
}

fn judge(plan: Arc<Plan>, context: Context, content: &SubmissionContent) -> Evaluation {
    let verified = doorstep_form::verify(Arc::clone(&plan), context.clone(), &content.instance);
    let (session, _) = Session::reread(Arc::clone(&plan), context, &verified.instance);
    let mut problems = in_both_languages(&session, &verified.problems);
    problems.extend(unannounced_files(&session, content));
    let claims = verified.differences.into_iter().map(|difference| Difference {
        path: difference.path.to_string(),
        claimed: difference.claimed,
        computed: difference.computed,
    });
    let left_over = verified.left_over.into_iter().map(|left_over| Difference {
        path: left_over.path,
        claimed: match left_over.value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        },
        computed: String::new(),
    });
    let answers = answers(&verified.instance);
    let outcome = |name: &str| answers.get(name).map_or("", String::as_str);
    Evaluation {
        form_id: plan.form().id().to_owned(),
        alert_level: alert_level(outcome("alert_level")),
        alert_codes: outcome("alert_codes").split_whitespace().map(str::to_owned).collect(),
        problems,
        differences: claims.chain(left_over).collect(),
        instance: verified.instance,
    }
}

/// The problems with the form's messages in both languages. A form that lacks
/// one says it in the other.
fn in_both_languages(session: &Session, problems: &[doorstep_form::Problem]) -> Vec<FormProblem> {
    let messages = |language: Language| -> BTreeMap<String, String> {
        let mut session = session.clone();
        session.set_language(language.code());
        session.problems().into_iter().map(|problem| (problem.path.to_string(), problem.message)).collect()
    };
    let (zh, en) = (messages(Language::Zh), messages(Language::En));
    problems
        .iter()
        .map(|problem| {
            let path = problem.path.to_string();
            let message = |words: &BTreeMap<String, String>| {
                words.get(&path).cloned().unwrap_or_else(|| problem.message.clone())
            };
            FormProblem { message: LocalText::new(message(&zh), message(&en)), path }
        })
        .collect()
}

/// Answers that name a file which the submission does not announce: its bytes
/// would never be asked for.
fn unannounced_files(session: &Session, content: &SubmissionContent) -> Vec<FormProblem> {
    let announced: BTreeSet<&str> = content.media.iter().map(|file| file.file_name.as_str()).collect();
    session
        .summary()
        .into_iter()
        .filter(|entry| entry.kind.is_media() && !entry.value.is_empty())
        .filter(|entry| !announced.contains(entry.value.as_str()))
        .map(|entry| FormProblem {
            path: entry.path.to_string(),
            message: LocalText::new(
                "答案引用的文件没有随记录一起登记,请重新拍摄后再提交。",
                "The answer names a file that the submission does not announce. Take it again and send anew.",
            ),
        })
        .collect()
}

fn alert_level(computed: &str) -> i16 {
    let level: f64 = computed.parse().unwrap_or(0.0);
    // In 0..=3 and whole by now; NaN becomes 0.
    level.clamp(0.0, ALERT_LEVEL_MAX).floor() as i16
}

/// The answers of an instance by question name, for rules. Of a name that is
/// used more than once (a repeat) the first counts.
pub(crate) fn answers(instance: &serde_json::Value) -> BTreeMap<String, String> {
    fn collect(value: &serde_json::Value, found: &mut BTreeMap<String, String>) {
        match value {
            serde_json::Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        serde_json::Value::String(text) => {
                            found.entry(name.clone()).or_insert_with(|| text.clone());
                        }
                        nested => collect(nested, found),
                    }
                }
            }
            serde_json::Value::Array(elements) => {
                elements.iter().for_each(|element| collect(element, found));
            }
            _ => {}
        }
    }
    let mut found = BTreeMap::new();
    collect(instance, &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_found_at_every_depth_and_the_first_of_a_repeat_counts() {
        let found = answers(&json!({"g": {"met": "met"}, "m": [{"n": "1"}, {"n": "2"}], "risk": "red"}));
        assert_eq!(found["met"], "met");
        assert_eq!(found["n"], "1");
        assert_eq!(found["risk"], "red");
    }

    #[test]
    fn alert_levels_are_0_to_3() {
        for (computed, level) in [("2", 2), ("", 0), ("x", 0), ("NaN", 0), ("-1", 0), ("99", 3), ("1.7", 1)] {
            assert_eq!(alert_level(computed), level, "{computed}");
        }
    }
}
