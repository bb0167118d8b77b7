//! The answers of a submission in words, and what a correction changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorstep_core::submission::SubmissionContent;
use doorstep_core::text::Language;
use doorstep_form::order::map_of;
use doorstep_form::{Context, NodeKind, NodePath, Plan, Session, SummaryEntry};

/// A submission over its form, and the revision that it corrects over its own.
#[derive(Clone, Debug)]
pub(in crate::screens) struct Reading {
    session: Session,
    before: Option<Session>,
}

/// The answers of one page of the form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct AnswerPage {
    pub(super) title: Option<String>,
    pub(super) answers: Vec<Answer>,
}

/// One answered question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Answer {
    pub(super) path: String,
    pub(super) question: String,
    pub(super) words: String,
    /// The name of the attached file, when the answer is one.
    pub(super) file: Option<String>,
    pub(super) is_picture: bool,
    pub(super) was: Was,
}

/// What the revision before said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Was {
    /// The same, or there is no revision before.
    Same,
    /// It was not answered.
    Open,
    /// Something else, in words.
    Other(String),
}

impl Reading {
    /// `content` over its form, and `before` over its own.
    pub(in crate::screens) fn new(
        plan: Arc<Plan>,
        content: &SubmissionContent,
        before: Option<(Arc<Plan>, &SubmissionContent)>,
    ) -> Self {
        Self { session: session(plan, content), before: before.map(|(plan, content)| session(plan, content)) }
    }

    /// Every answer, page by page.
    pub(super) fn pages(&self, language: Language) -> Vec<AnswerPage> {
        let before = self.before.as_ref().map(|before| by_path(before, language));
        let mut pages: Vec<AnswerPage> = Vec::new();
        for entry in spoken(&self.session, language).summary() {
            let was = match before.as_ref().map(|before| before.get(&entry.path)) {
                None => Was::Same,
                Some(None) => Was::Open,
                Some(Some(old)) if old.value == entry.value => Was::Same,
                Some(Some(old)) => Was::Other(old.words.clone()),
            };
            let answer = Answer {
                path: entry.path.to_string(),
                question: entry.label,
                file: entry.kind.is_media().then(|| entry.value.clone()),
                is_picture: entry.kind == NodeKind::Image,
                words: entry.words,
                was,
            };
            match pages.last_mut().filter(|page| page.title == entry.page_title) {
                Some(page) => page.answers.push(answer),
                None => pages.push(AnswerPage { title: entry.page_title, answers: vec![answer] }),
            }
        }
        pages
    }

    /// Questions that the revision before answered and this one does not, with
    /// what it said.
    pub(super) fn withdrawn(&self, language: Language) -> Vec<(String, String)> {
        let Some(before) = &self.before else { return Vec::new() };
        let now = by_path(&self.session, language);
        spoken(before, language)
            .summary()
            .into_iter()
            .filter(|entry| !now.contains_key(&entry.path))
            .map(|entry| (entry.label, entry.words))
            .collect()
    }

    /// The question at a path, in words; the path itself when the form has
    /// no words for it.
    pub(in crate::screens) fn question(&self, language: Language, path: &str) -> String {
        path.parse::<NodePath>()
            .ok()
            .and_then(|path| spoken(&self.session, language).node(&path))
            .map(|node| node.label)
            .filter(|label| !label.is_empty())
            .unwrap_or_else(|| path.rsplit('/').next().unwrap_or(path).to_owned())
    }

    /// A computed output of the form by name, such as `risk`.
    pub(super) fn output(&self, name: &str) -> Option<String> {
        self.session.value(name).filter(|value| !value.is_empty())
    }
}

/// As it was when it was finished: expressions of *today* see that day.
fn session(plan: Arc<Plan>, content: &SubmissionContent) -> Session {
    let context = Context {
        now: content.finished_at,
        // As the phone drew it: a draft's identifier is its submission's.
        seed: content.submission_id.0.as_u64_pair().1,
        username: String::new(),
        device_id: String::new(),
        ..Context::default()
    };
    Session::reread(plan, context, &content.instance).0
}

fn spoken(session: &Session, language: Language) -> Session {
    let mut session = session.clone();
    session.set_language(language.code());
    session
}

fn by_path(session: &Session, language: Language) -> BTreeMap<NodePath, SummaryEntry> {
    map_of(spoken(session, language).summary().into_iter().map(|entry| (entry.path.clone(), entry)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};
    use doorstep_core::ids::{CaseId, FormVersionId, SubmissionId};
    use doorstep_form::{Attachments, Form, Workbook};
    use serde_json::{Value, json};
    use uuid::Uuid;

    type Failed = Box<dyn std::error::Error>;

    const FORM: &str = "
        | survey   |                 |       |             |                |                         |
        |          | type            | name  | label::zh (zh) | label::en (en) | calculation          |
        |          | begin_group     | g     | 走访        | Visit          |                         |
        |          | select_one met  | met   | 见面情况    | Met            |                         |
        |          | text            | note  | 说明        | Note           |                         |
        |          | image           | ph    | 照片        | Photo          |                         |
        |          | end_group       |       |             |                |                         |
        |          | calculate       | risk  |             |                | if(${met} = 'met', 'green', 'red') |
        | choices  |                 |       |             |                |                         |
        |          | list_name       | name  | label::zh (zh) | label::en (en) |                      |
        |          | met             | met   | 见到        | Met            |                         |
        |          | met             | away  | 不在家      | Away           |                         |
        | settings |                 |       |             |                |                         |
        |          | form_id         | form_title | version |                |                         |
        |          | visit           | 走访  | 1           |                |                         |
    ";

    fn plan() -> Result<Arc<Plan>, Failed> {
        let wrong = |problems: Vec<doorstep_form::AuthoringProblem>| format!("{problems:?}");
        let workbook = Workbook::read_markdown(FORM).map_err(wrong)?;
        let (form, _) = Form::from_workbook(&workbook).map_err(wrong)?;
        Ok(Plan::new(form, &Attachments::default()).map(Arc::new).map_err(wrong)?)
    }

    fn content(instance: Value) -> SubmissionContent {
        let id = SubmissionId(Uuid::from_u128(1));
        SubmissionContent {
            submission_id: id,
            root_id: id,
            revision: 1,
            form_version_id: FormVersionId(Uuid::from_u128(2)),
            form_id: "visit".into(),
            case_id: CaseId(Uuid::from_u128(3)),
            task_id: None,
            case_version: 1,
            started_at: DateTime::UNIX_EPOCH.fixed_offset(),
            finished_at: DateTime::UNIX_EPOCH.fixed_offset() + TimeDelta::minutes(5),
            instance,
            media: Vec::new(),
            answer_seconds: BTreeMap::new(),
            left_over: Vec::new(),
            place: None,
        }
    }

    #[test]
    fn answers_are_read_in_words_page_by_page() -> Result<(), Failed> {
        let content = content(json!({ "g": { "met": "away", "note": "锁门", "ph": "1.jpg" } }));
        let reading = Reading::new(plan()?, &content, None);
        let pages = reading.pages(Language::Zh);
        assert_eq!(pages.len(), 1);
        assert_eq!(pages[0].title.as_deref(), Some("走访"));
        let read: Vec<(&str, &str)> =
            pages[0].answers.iter().map(|answer| (answer.question.as_str(), answer.words.as_str())).collect();
        assert_eq!(read[..2], [("见面情况", "不在家"), ("说明", "锁门")]);
        assert_eq!(pages[0].answers[2].file.as_deref(), Some("1.jpg"));
        assert_eq!(reading.pages(Language::En)[0].answers[0].words, "Away");
        assert_eq!(reading.output("risk").as_deref(), Some("red"));
        assert_eq!(reading.question(Language::En, "/g/met"), "Met");
        assert_eq!(reading.question(Language::En, "/g/gone"), "gone");
        Ok(())
    }

    #[test]
    fn a_correction_shows_what_it_changed() -> Result<(), Failed> {
        let plan = plan()?;
        let old = content(json!({ "g": { "met": "away", "note": "锁门" } }));
        let new = content(json!({ "g": { "met": "met", "note": "", "ph": "1.jpg" } }));
        let reading = Reading::new(plan.clone(), &new, Some((plan, &old)));
        let answers = &reading.pages(Language::Zh)[0].answers;
        assert_eq!(answers[0].was, Was::Other("不在家".into()));
        assert_eq!(answers[1].was, Was::Open);
        assert_eq!(reading.withdrawn(Language::Zh), [("说明".to_owned(), "锁门".to_owned())]);
        Ok(())
    }
}
