//! What must hold at rest (DESIGN §6).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use chrono::TimeDelta;
use doorstep::app::Components;
use doorstep::cases;
use doorstep::db::entity::{change, media, operation, outbox, stream, submission, submission_media};
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{MediaId, OperationId};
use doorstep_core::phone::records::record_key;
use doorstep_core::store::{LocalStore, Table};
use doorstep_core::sync::{PullAnswer, PullRequest, StreamHash, StreamName};
use doorstep_core::text::Language;
use doorstep_tests::phone::pull_path;
use object_store::ObjectStoreExt;
use object_store::path::Path as StoreKey;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::Value;

use crate::county::{COUNTY, worker};
use crate::handset::paged;
use crate::office::is_disabled;
use crate::parked;
use crate::truth::Made;
use crate::world::World;

/// Words of one kind of trouble; the rest would say the same.
const SAID_MAX: usize = 3;
/// So long after others of the same name, a login is no attempt at guessing.
pub const AFTER_LOGINS: TimeDelta = TimeDelta::minutes(2);

impl World {
    /// Looks at everything, and notes what must not be.
    ///
    /// # Errors
    /// When something cannot be looked at.
    pub async fn check(&mut self) -> Result<()> {
        let mut wrong = Vec::new();
        wrong.extend(self.operations().await?);
        wrong.extend(self.files().await?);
        wrong.extend(self.drafts().await?);
        for number in 0..self.handsets.len() {
            wrong.extend(self.view(number).await?);
        }
        wrong.extend(parked::applicable(&self.server.components).await?);
        wrong.extend(ledger(&self.server.components).await?);
        wrong.extend(streams(&self.server.components).await?);
        for handset in self.handsets.iter().filter(|handset| handset.repairs > 0) {
            wrong.push(format!(
                "phone {} had to pull streams again {} times",
                handset.number, handset.repairs
            ));
        }
        self.wrong.extend(wrong);
        Ok(())
    }

    /// Every operation that was ever on a phone is on the server, once, as it
    /// was; or, of somebody whom the server does not let in, still on a phone.
    async fn operations(&self) -> Result<Vec<String>> {
        let connection = self.server.components.database.read();
        let rows = operation::Entity::find().all(connection).await?;
        let by_id: BTreeMap<OperationId, &operation::Model> =
            rows.iter().map(|row| (row.op_id, row)).collect();
        let mut by_content: BTreeMap<(usize, &ContentHash), usize> = BTreeMap::new();
        for row in &rows {
            let person = (0..self.people).find(|person| worker(*person) == row.user_id).unwrap_or_default();
            *by_content.entry((person, &row.sha256)).or_default() += 1;
            if ContentHash::of(row.body.as_bytes()) != row.sha256 {
                return Ok(vec!["the server holds another body than its receipt names".to_owned()]);
            }
        }
        let submissions: BTreeSet<_> =
            submission::Entity::find().all(connection).await?.into_iter().map(|row| row.id).collect();
        let mut wrong = Vec::new();
        for (op_id, made) in &self.truth.operations {
            let row = by_id.get(op_id).filter(|row| row.sha256 == made.sha256);
            let copies = by_content.get(&(made.person, &made.sha256)).copied().unwrap_or_default();
            if copies > 1 {
                wrong.push(format!("a visit of person {} is there {copies} times", made.person));
            }
            // A copied phone may have said the same under another name.
            if row.is_none() && copies == 0 && !self.is_kept_outside(made, *op_id).await? {
                wrong.push(format!("a visit of person {} is lost", made.person));
            }
            if let Some(row) = row
                && row.outcome != "parked"
                && !submissions.contains(&made.submission_id)
            {
                wrong.push(format!("a visit of person {} was taken and has no effect", made.person));
            }
        }
        for handset in &self.handsets {
            let waiting = handset.phone.operations().await?.iter().filter(|op| !op.is_acknowledged()).count();
            if waiting > 0 && !is_disabled(&self.server.components, handset.person).await? {
                wrong.push(format!("phone {} still holds {waiting} visits", handset.number));
            }
        }
        wrong.truncate(SAID_MAX);
        Ok(wrong)
    }

    /// Whether a visit of somebody disabled is still on one of their phones.
    async fn is_kept_outside(&self, made: &Made, op_id: OperationId) -> Result<bool> {
        if !is_disabled(&self.server.components, made.person).await? {
            return Ok(false);
        }
        for handset in self.handsets.iter().filter(|handset| handset.person == made.person) {
            if handset.phone.operations().await?.iter().any(|entry| entry.operation.op_id == op_id) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Every file of a visit that was entered is on the server byte for byte;
    /// any other is still on a phone.
    async fn files(&self) -> Result<Vec<String>> {
        let components = &self.server.components;
        let connection = components.database.read();
        let mut stored: BTreeMap<ContentHash, bool> = BTreeMap::new();
        for row in media::Entity::find().all(connection).await? {
            let object = components.media.get(&StoreKey::from(row.store_key.clone())).await;
            let whole = match object {
                Ok(object) => ContentHash::of(&object.bytes().await?) == row.sha256,
                Err(_) => false,
            };
            stored.insert(row.sha256, whole);
        }
        let mut expected: BTreeMap<MediaId, (bool, ContentHash)> = BTreeMap::new();
        for row in submission_media::Entity::find().all(connection).await? {
            expected.insert(row.media_id, (row.stored_at.is_some(), row.sha256));
        }
        let mut wrong = Vec::new();
        for made in self.truth.operations.values() {
            for (media_id, sha256) in &made.files {
                let on_server = match expected.get(media_id) {
                    Some((true, hash)) if hash == sha256 => stored.get(sha256) == Some(&true),
                    _ => false,
                };
                if on_server {
                    continue;
                }
                let on_phone = self.is_on_a_phone(*media_id, sha256).await?;
                let is_outside = is_disabled(components, made.person).await?;
                if !on_phone {
                    wrong.push(format!("a file of person {} is lost", made.person));
                } else if expected.contains_key(media_id) && !is_outside {
                    wrong.push(format!("a file of person {} was never sent", made.person));
                }
            }
        }
        wrong.truncate(SAID_MAX);
        Ok(wrong)
    }

    async fn is_on_a_phone(&self, media_id: MediaId, sha256: &ContentHash) -> Result<bool> {
        for handset in &self.handsets {
            if let Some(bytes) = handset.phone.media_bytes(media_id).await?
                && ContentHash::of(&bytes) == *sha256
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Every answer of a draft that is not finished is there.
    async fn drafts(&self) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        for (number, draft_id) in self.truth.drafts.keys() {
            let handset = self.handsets.get(*number).context("a draft of no phone")?;
            if handset.phone.drafts().await?.iter().all(|draft| draft.draft_id != *draft_id) {
                wrong.push(format!("phone {number} lost a draft"));
                continue;
            }
            let now = handset.now(&self.clock);
            wrong.extend(self.truth.missing_answers(*number, &handset.phone, *draft_id, now).await?);
        }
        wrong.truncate(SAID_MAX);
        Ok(wrong)
    }

    /// What a phone holds is what a new phone of the same person would get:
    /// nothing is missing or stale, and nothing that was revoked is left.
    async fn view(&mut self, number: usize) -> Result<Vec<String>> {
        let handset = self.handsets.get(number).context("there is no phone")?;
        if is_disabled(&self.server.components, handset.person).await? {
            return Ok(Vec::new());
        }
        let wanted = self.fresh_pull(number).await?;
        let handset = self.handsets.get(number).context("there is no phone")?;
        let mut wrong = Vec::new();
        let mut held = BTreeMap::new();
        let rows = handset.store().scan(Table::Record, "").await?;
        if rows != paged(handset.disk().clone()).scan(Table::Record, "").await? {
            wrong.push(format!("phone {number} knows other records than its disk"));
        }
        for row in rows {
            let body: Value = serde_json::from_slice(&row.value)?;
            held.insert(row.key, (row.revision, body));
        }
        for (key, (seq, body)) in &wanted {
            match held.remove(key) {
                None => wrong.push(format!("phone {number} lacks {key}")),
                Some((known, _)) if known != *seq => {
                    wrong.push(format!("phone {number} has {key} of {known}, not of {seq}"));
                }
                Some((_, known)) if known != *body => {
                    wrong.push(format!("phone {number} has a stale {key}: {}", differing(&known, body)));
                }
                Some(_) => {}
            }
        }
        wrong.extend(held.keys().map(|key| format!("phone {number} still holds {key}")));
        for form in handset.phone.form_versions().await? {
            let bundle = handset.store().get(Table::FormBundle, &form.id.to_string()).await?;
            if bundle.is_none_or(|row| ContentHash::of(&row.value) != form.sha256) {
                wrong.push(format!("phone {number} lacks version {} of the form", form.version));
            }
        }
        wrong.truncate(SAID_MAX);
        Ok(wrong)
    }

    /// Everything that the server would send from the beginning.
    async fn fresh_pull(&mut self, number: usize) -> Result<BTreeMap<String, (i64, Value)>> {
        let mut all = BTreeMap::new();
        let mut request = PullRequest { max: Some(1000), ..PullRequest::default() };
        loop {
            let call = self.handset(number)?.get(pull_path(&request));
            let reply = self.ask(call).await?.context("the server ended at rest")?;
            let answer: PullAnswer = match reply.success(Language::Zh).and_then(|reply| reply.json()) {
                Ok(answer) => answer,
                // A copy of the phone has logged in since.
                Err(_) => {
                    self.handset(number)?.needs_login = true;
                    self.clock.advance(AFTER_LOGINS);
                    anyhow::ensure!(
                        self.introduce(number, &mut crate::dice::Dice::new(0)).await?,
                        "phone {number} cannot log in at rest"
                    );
                    continue;
                }
            };
            for item in answer.items {
                let key = record_key(&item.stream, &item.kind, item.id);
                all.insert(key, (item.seq, item.body.context("a first pull takes nothing away")?));
            }
            if !answer.more {
                return Ok(all);
            }
            request.cursor = Some(answer.cursor);
        }
    }
}

/// The members that differ.
fn differing(known: &Value, wanted: &Value) -> String {
    match (known, wanted) {
        (Value::Object(known), Value::Object(wanted)) => {
            let names: BTreeSet<&String> = known.keys().chain(wanted.keys()).collect();
            names
                .into_iter()
                .filter(|name| known.get(*name) != wanted.get(*name))
                .map(|name| format!("{name}: {} for {}", short(known.get(name)), short(wanted.get(name))))
                .collect::<Vec<_>>()
                .join(", ")
        }
        _ => format!("{known} for {wanted}"),
    }
}

fn short(value: Option<&Value>) -> String {
    let text = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    text.chars().take(80).collect()
}

/// The ledger is the fold of its events, and every event is announced.
///
/// # Errors
/// When the database refuses.
pub async fn ledger(components: &Components) -> Result<Vec<String>> {
    let connection = components.database.read();
    let mut wrong = Vec::new();
    let differing = cases::verify(connection, COUNTY).await?;
    if !differing.is_empty() {
        wrong.push(format!("{} cases are not the fold of their events", differing.len()));
    }
    let numbers: Vec<i64> = outbox::Entity::find()
        .order_by_asc(outbox::Column::Number)
        .all(connection)
        .await?
        .into_iter()
        .map(|row| row.number)
        .collect();
    if !numbers.iter().copied().eq(1..=numbers.len() as i64) {
        wrong.push("the outbox has gaps".to_owned());
    }
    Ok(wrong)
}

/// The hash of each stream is that of what is live in it.
///
/// # Errors
/// When the database refuses.
pub async fn streams(components: &Components) -> Result<Vec<String>> {
    let connection = components.database.read();
    let mut hashes: BTreeMap<StreamName, StreamHash> = BTreeMap::new();
    let mut wrong = Vec::new();
    let counters = stream::Entity::find().all(connection).await?;
    for row in change::Entity::find().all(connection).await? {
        let last = counters.iter().find(|counter| counter.name == row.stream).map(|counter| counter.last_seq);
        if last.is_none_or(|last| row.seq > last) {
            wrong.push(format!("a change lies behind the end of {}", row.stream));
        }
        if !row.gone {
            hashes.entry(row.stream).or_default().toggle(&row.kind, row.object_id, row.seq);
        }
    }
    for counter in counters {
        let live = hashes.remove(&counter.name).unwrap_or_default();
        if live.0.cast_signed() != counter.hash {
            wrong.push(format!("the hash of {} is wrong", counter.name));
        }
    }
    wrong.truncate(SAID_MAX);
    Ok(wrong)
}
