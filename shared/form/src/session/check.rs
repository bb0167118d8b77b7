//! What is wrong with an answer, and how typed answers are tidied.

use super::Session;
use super::compute::Queue;
use crate::expr::{
    Environment, EvaluationError, Evaluator, Focus, Handle, parse_date, parse_date_time, parse_time,
    text_to_number,
};
use crate::form::NodeKind;
use crate::plan::PlanChoices;
use crate::view::{ChoiceView, ProblemKind};
use std::sync::Arc;

/// Where lists keep pinyin initials.
const INITIALS_COLUMN: &str = "py";

impl Session {
    /// Decides again what is wrong with the answer of an item.
    pub(super) fn check(&mut self, item: u32, queue: &mut Queue) {
        let before = self.item(item).and_then(|item| item.problem);
        let now = match self.judge(item) {
            Ok(problem) => problem,
            Err(error) => {
                self.fail(item, &error);
                Some(ProblemKind::Failed)
            }
        };
        if before != now {
            if let Some(found) = self.item_mut(item) {
                found.problem = now;
            }
            queue.changed.insert(item);
        }
    }

    fn judge(&self, item: u32) -> Result<Option<ProblemKind>, EvaluationError> {
        let plan = Arc::clone(&self.plan);
        let (Some(found), Some(node)) = (self.item(item), self.planned_in(&plan, item)) else {
            return Ok(None);
        };
        if !found.relevant || node.kind.is_container() || node.kind == NodeKind::Note {
            return Ok(None);
        }
        if found.value.is_empty() {
            return Ok(found.required.then_some(ProblemKind::Required));
        }
        if !self.fits(node.kind, &found.value) {
            return Ok(Some(ProblemKind::WrongType));
        }
        if let Some(choices) = &node.choices
            && !self.offers_all(item, choices, node.kind, &found.value)?
        {
            return Ok(Some(ProblemKind::NotAChoice));
        }
        if let Some(constraint) = &node.constraint {
            let holds =
                Evaluator::new(self).boolean(&constraint.expression, &Focus::on(Handle::Item(item)))?;
            if !holds {
                return Ok(Some(ProblemKind::Constraint));
            }
        }
        Ok(None)
    }

    /// Whether a non-empty value is of the kind.
    fn fits(&self, kind: NodeKind, value: &str) -> bool {
        let offset = *self.context.now.offset();
        match kind {
            NodeKind::Integer => {
                let digits = value.strip_prefix('-').unwrap_or(value);
                !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit())
            }
            NodeKind::Decimal | NodeKind::Range => {
                is_decimal(value) && text_to_number(value, &offset).is_finite()
            }
            NodeKind::Date => parse_date(value).is_some(),
            NodeKind::Time => parse_time(value, &offset).is_some(),
            NodeKind::DateTime => parse_date_time(value, &offset).is_some(),
            NodeKind::Geopoint => is_place(value),
            NodeKind::Geotrace | NodeKind::Geoshape => {
                let places: Vec<&str> =
                    value.split(';').map(str::trim).filter(|place| !place.is_empty()).collect();
                let closed =
                    kind == NodeKind::Geotrace || (places.len() >= 4 && places.first() == places.last());
                places.len() >= 2 && closed && places.iter().all(|place| is_place(place))
            }
            _ => true,
        }
    }

    fn offers_all(
        &self,
        item: u32,
        choices: &PlanChoices,
        kind: NodeKind,
        value: &str,
    ) -> Result<bool, EvaluationError> {
        let chosen: Vec<&str> =
            if kind == NodeKind::SelectOne { vec![value] } else { value.split_whitespace().collect() };
        // Without a filter the index answers.
        if let PlanChoices::List { list, value_column, filtered: None, .. } = choices
            && let Some(list) = self.plan.list(*list)
        {
            return Ok(chosen
                .iter()
                .all(|one| list.rows_where(*value_column, one).is_some_and(|rows| !rows.is_empty())));
        }
        let offered = self.offered(item, choices)?;
        Ok(chosen.iter().all(|one| offered.iter().any(|choice| choice.value == *one)))
    }

    /// What can be chosen now, in the language in use.
    pub(super) fn offered(
        &self,
        item: u32,
        choices: &PlanChoices,
    ) -> Result<Vec<ChoiceView>, EvaluationError> {
        let focus = Focus::on(Handle::Item(item));
        match choices {
            PlanChoices::Answers(formula) => {
                let nodes = Evaluator::new(self).nodes(&formula.expression, &focus)?;
                let answers =
                    nodes.into_iter().map(|node| self.text(node)).filter(|answer| !answer.is_empty());
                Ok(answers
                    .map(|answer| ChoiceView {
                        label: answer.clone().into_owned(),
                        value: answer.into_owned(),
                        initials: String::new(),
                    })
                    .collect())
            }
            PlanChoices::List { list: number, value_column, label_column, filtered } => {
                let Some(list) = self.plan.list(*number) else {
                    return Ok(Vec::new());
                };
                let initials = list.column(INITIALS_COLUMN);
                let choice = |row: u32| ChoiceView {
                    value: list.cell(row, *value_column, self.language).to_owned(),
                    label: list.cell(row, *label_column, self.language).to_owned(),
                    initials: initials
                        .map(|column| list.cell(row, column, self.language).to_owned())
                        .unwrap_or_default(),
                };
                let Some(filter) = filtered else {
                    return Ok(list.row_numbers().map(choice).collect());
                };
                let rows = Evaluator::new(self).nodes(&filter.expression, &focus)?;
                Ok(rows
                    .into_iter()
                    .filter_map(|row| match row {
                        Handle::Row(_, row) => Some(choice(row)),
                        _ => None,
                    })
                    .collect())
            }
        }
    }

    /// The value as it is stored: numbers and dates typed with full-width
    /// characters, and selections with any spaces, in their plain form. Text
    /// keeps what was typed.
    pub(super) fn normalised(&self, item: u32, value: &str) -> String {
        match self.planned(item).map(|node| node.kind) {
            Some(
                NodeKind::Integer
                | NodeKind::Decimal
                | NodeKind::Range
                | NodeKind::Date
                | NodeKind::Time
                | NodeKind::DateTime
                | NodeKind::Geopoint,
            ) => {
                let plain: String = value.chars().map(half_width).collect();
                let plain = plain.trim();
                plain.strip_prefix('+').unwrap_or(plain).to_owned()
            }
            Some(NodeKind::SelectMultiple | NodeKind::Rank) => {
                value.split_whitespace().collect::<Vec<_>>().join(" ")
            }
            Some(NodeKind::SelectOne) => value.trim().to_owned(),
            _ => value.to_owned(),
        }
    }
}

/// Full-width forms of ASCII characters, and the wide space, become ASCII.
fn half_width(character: char) -> char {
    match character {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        '。' => '.',
        '−' => '-',
        other => other,
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().filter(|&byte| byte == b'.').count() <= 1
}

/// `latitude longitude altitude accuracy`; the last two may be missing.
fn is_place(text: &str) -> bool {
    let numbers: Vec<Option<f64>> = text.split_whitespace().map(|part| part.parse().ok()).collect();
    let within = |index: usize, limit: f64| {
        numbers.get(index).copied().flatten().is_some_and(|number: f64| number.abs() <= limit)
    };
    (2..=4).contains(&numbers.len())
        && numbers.iter().all(|number| number.is_some_and(f64::is_finite))
        && within(0, 90.0)
        && within(1, 180.0)
}
