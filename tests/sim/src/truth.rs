//! What people gave and were told is safe: the measure of everything.

use std::collections::BTreeMap;

use anyhow::Result;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{DraftId, MediaId, OperationId, SubmissionId};

use crate::handset::{Handset, SimPhone};

/// Everything that must not get lost.
#[derive(Debug, Default)]
pub struct Truth {
    /// Every operation that was ever on a phone's disk.
    pub operations: BTreeMap<OperationId, Made>,
    /// Answers by phone and draft, as the person saw them written.
    pub drafts: BTreeMap<(usize, DraftId), BTreeMap<String, String>>,
}

/// A finished visit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Made {
    pub person: usize,
    pub sha256: ContentHash,
    pub submission_id: SubmissionId,
    pub files: Vec<(MediaId, ContentHash)>,
}

impl Truth {
    /// Looks at what is on a phone's disk, after it may have written. Returns
    /// what is wrong with it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn look_at(&mut self, handset: &Handset) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        for entry in handset.phone.operations().await? {
            let Some(content) = entry.content() else {
                wrong.push("an operation on a phone does not read".to_owned());
                continue;
            };
            let made = Made {
                person: handset.person,
                sha256: ContentHash::of_json(&entry.operation.body),
                submission_id: content.submission_id,
                files: content.media.iter().map(|file| (file.media_id, file.sha256.clone())).collect(),
            };
            // A draft that became a visit is a visit.
            self.drafts.remove(&(handset.number, DraftId(content.submission_id.0)));
            let known = self.operations.entry(entry.operation.op_id).or_insert_with(|| made.clone());
            if *known != made {
                wrong.push(format!("operation {} was rewritten", entry.operation.seq));
            }
        }
        Ok(wrong)
    }

    /// What the person gave in a draft, and the phone has not. Nothing is how
    /// it must be.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn missing_answers(
        &self,
        number: usize,
        phone: &SimPhone,
        draft_id: DraftId,
        now: doorstep_core::phone::LocalTime,
    ) -> Result<Vec<String>> {
        let Some(given) = self.drafts.get(&(number, draft_id)) else { return Ok(Vec::new()) };
        let draft = phone.open_draft(draft_id, "zh", now).await?;
        Ok(given
            .iter()
            .filter(|(path, value)| {
                let shown = path.parse().ok().and_then(|path| draft.session.node(&path));
                let left_over = draft.left_over.iter().find(|left| left.path == **path);
                let held = match (shown, left_over) {
                    (Some(view), _) => view.value,
                    (None, Some(left)) => left.value.as_str().unwrap_or_default().to_owned(),
                    (None, None) => String::new(),
                };
                held != **value
            })
            .map(|(path, value)| format!("phone {number} lost the answer {value:?} to {path}"))
            .collect())
    }
}
