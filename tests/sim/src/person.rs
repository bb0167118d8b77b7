//! What a person does with a phone: begins, answers, takes a photo, finishes,
//! corrects what came back.

use anyhow::{Result, bail};
use chrono::TimeDelta;
use doorstep::clock::Clock;
use doorstep_core::ids::{DraftId, MediaId, OperationId};
use doorstep_core::phone::draft::FinishError;
use doorstep_core::phone::{NewFile, OpenDraft, OutboxOperation, PhoneError};
use doorstep_core::store::{Batch, Durability, LocalStore, StoreError, Table};
use doorstep_core::task::TaskState;
use doorstep_form::NodePath;
use doorstep_tests::pictures;

use crate::county::FORM;
use crate::dice::Dice;
use crate::handset::Handset;
use crate::truth::Truth;

const MET: &str = "/met";
const NOTE: &str = "/note";
const WISH: &str = "/wish";
const PHOTO: &str = "/photo";
const SOUND: &str = "/sound";

/// What people type.
const WORDS: &[&str] = &["一切正常", "精神尚可", "needs a doctor", "", "腿疼😣,行动不便", "  ", "<b>&\"'"];

/// What became of it.
enum Done {
    /// In words.
    Well(String),
    /// The store refused; nothing has changed, or the phone is off.
    Refused(StoreError),
}

/// The next thing that the person does. Returns it in words.
///
/// # Errors
/// When the phone does what it must not.
pub async fn work(
    handset: &mut Handset,
    truth: &mut Truth,
    clock: &Clock,
    dice: &mut Dice,
) -> Result<String> {
    let done = match handset.page.draft.take() {
        None => begin(handset, truth, clock, dice).await,
        Some(draft) => go_on(handset, draft, truth, clock, dice).await,
    }?;
    Ok(match done {
        Done::Well(words) => words,
        Done::Refused(StoreError::Full) => "no room".to_owned(),
        Done::Refused(_) if handset.disk().is_off() => "goes off".to_owned(),
        Done::Refused(error) => bail!("the store: {error}"),
    })
}

/// A refusal of the store is part of life; anything else is a fault.
fn refused(error: PhoneError) -> Result<Done> {
    match error {
        PhoneError::Store(error) => Ok(Done::Refused(error)),
        other => Err(other.into()),
    }
}

async fn begin(handset: &mut Handset, truth: &mut Truth, clock: &Clock, dice: &mut Dice) -> Result<Done> {
    let now = handset.now(clock);
    let phone = &handset.phone;
    let drafts = phone.drafts().await?;
    if dice.chance(60)
        && let Some(draft) = dice.pick(&drafts)
    {
        let lost = truth.missing_answers(handset.number, phone, draft.draft_id, now).await?;
        if let Some(first) = lost.first() {
            bail!("{first}");
        }
        handset.page.draft = Some(phone.open_draft(draft.draft_id, "zh", now).await?);
        return Ok(Done::Well("opens a draft".to_owned()));
    }
    let draft_id = DraftId(dice.id(clock.now()));
    let returned = phone.returned().await?;
    if dice.chance(70)
        && let Some(status) = dice.pick(&returned)
    {
        match phone.start_correction(draft_id, status.submission_id, now).await {
            Ok(_) => {}
            Err(PhoneError::FormVersionUnknown(_)) => return Ok(Done::Well("has no form yet".to_owned())),
            Err(error) => return refused(error),
        }
        handset.page.draft = Some(phone.open_draft(draft_id, "zh", now).await?);
        truth.drafts.insert((handset.number, draft_id), std::collections::BTreeMap::new());
        return Ok(Done::Well(format!("corrects revision {}", status.revision)));
    }
    let cases = phone.cases().await?;
    let Some(case) = dice.pick(&cases) else { return Ok(Done::Well("knows no case".to_owned())) };
    let tasks = phone.tasks().await?;
    let task = tasks.iter().find(|task| task.case_id == case.id && task.state == TaskState::Open);
    match phone.start_draft(draft_id, case.id, FORM, task.map(|task| task.id), now).await {
        Ok(_) => {}
        Err(PhoneError::FormUnknown(_) | PhoneError::FormVersionUnknown(_)) => {
            return Ok(Done::Well("has no form yet".to_owned()));
        }
        Err(error) => return refused(error),
    }
    truth.drafts.insert((handset.number, draft_id), std::collections::BTreeMap::new());
    handset.page.draft = Some(phone.open_draft(draft_id, "zh", now).await?);
    Ok(Done::Well("begins a visit".to_owned()))
}

async fn go_on(
    handset: &mut Handset,
    mut draft: OpenDraft,
    truth: &mut Truth,
    clock: &Clock,
    dice: &mut Dice,
) -> Result<Done> {
    let key = (handset.number, draft.record.draft_id);
    match dice.below(100) {
        // Another app comes to the front.
        0..3 => Ok(Done::Well("leaves the draft".to_owned())),
        3..5 => {
            let thrown_away = handset.phone.discard_draft(draft.record.draft_id).await;
            // Whatever became of it, nobody wants it any more.
            truth.drafts.remove(&key);
            match thrown_away {
                Ok(()) => Ok(Done::Well("throws the draft away".to_owned())),
                Err(error) => refused(error),
            }
        }
        5..30 => finish(handset, draft, truth, clock, dice).await,
        chance => {
            let answered = match chance {
                30..45 => attach(handset, &mut draft, clock, dice).await?,
                _ => answer(handset, &mut draft, clock, dice).await?,
            };
            match answered {
                (path, Ok(value)) => {
                    truth.drafts.entry(key).or_default().insert(path.clone(), value);
                    handset.page.draft = Some(draft);
                    Ok(Done::Well(format!("answers {path}")))
                }
                (path, Err(error)) => {
                    // On the disk or not: the person was not told.
                    if handset.disk().is_off() {
                        truth.drafts.entry(key).or_default().remove(&path);
                    }
                    Ok(Done::Refused(error))
                }
            }
        }
    }
}

type Answered = (String, Result<String, StoreError>);

fn answered(path: &str, value: &str, outcome: Result<Vec<NodePath>, PhoneError>) -> Result<Answered> {
    match outcome {
        Ok(_) => Ok((path.to_owned(), Ok(value.to_owned()))),
        Err(PhoneError::Store(error)) => Ok((path.to_owned(), Err(error))),
        Err(other) => Err(other.into()),
    }
}

async fn answer(
    handset: &Handset,
    draft: &mut OpenDraft,
    clock: &Clock,
    dice: &mut Dice,
) -> Result<Answered> {
    let is_open =
        MET.parse().ok().and_then(|met| draft.session.node(&met)).is_some_and(|met| met.value.is_empty());
    let (path, value) = match if is_open { 0 } else { dice.below(5) } {
        0..2 => (MET, if dice.chance(75) { "yes" } else { "no" }.to_owned()),
        2..4 => (NOTE, format!("{}{}", dice.pick(WORDS).unwrap_or(&""), dice.below(100))),
        _ => (WISH, (*dice.pick(WORDS).unwrap_or(&"")).to_owned()),
    };
    let node: NodePath = path.parse()?;
    // The third version of the form has no wishes.
    let (path, node) = if draft.session.node(&node).is_some() { (path, node) } else { (NOTE, NOTE.parse()?) };
    let outcome = handset.phone.answer(draft, &node, &value, handset.now(clock)).await;
    answered(path, &value, outcome)
}

async fn attach(
    handset: &Handset,
    draft: &mut OpenDraft,
    clock: &Clock,
    dice: &mut Dice,
) -> Result<Answered> {
    let photo: NodePath = PHOTO.parse()?;
    let takes_photo = dice.chance(30) && draft.session.node(&photo).is_some_and(|view| view.relevant);
    let media_id = MediaId(dice.id(clock.now()));
    let (path, node, bytes, content_type) = if takes_photo {
        let seed = dice.below(usize::from(u16::MAX)) as u32;
        (PHOTO, photo, pictures::photo(seed, 24, 16)?, "image/jpeg")
    } else {
        let length = 1 + dice.below(3000);
        (SOUND, SOUND.parse()?, dice.bytes(length), "audio/webm")
    };
    let file = NewFile::plain(media_id, bytes, content_type.to_owned());
    let outcome = handset.phone.answer_with_file(draft, &node, file, handset.now(clock)).await;
    let ending = if takes_photo { "jpg" } else { "webm" };
    answered(path, &format!("{media_id}.{ending}"), outcome)
}

async fn finish(
    handset: &mut Handset,
    mut draft: OpenDraft,
    truth: &mut Truth,
    clock: &Clock,
    dice: &mut Dice,
) -> Result<Done> {
    let op_id = OperationId(dice.id(clock.now()));
    let now = handset.now(clock);
    match handset.phone.finish_draft(&mut draft, op_id, None, now, &()).await {
        Ok(content) => {
            if handset.is_old
                && let Err(error) = write_as_an_old_app(handset, op_id).await
            {
                return Ok(Done::Refused(error));
            }
            truth.drafts.remove(&(handset.number, draft.record.draft_id));
            Ok(Done::Well(format!(
                "finishes revision {} with {} files",
                content.revision,
                content.media.len()
            )))
        }
        Err(FinishError::Incomplete(problems)) => {
            handset.page.draft = Some(draft);
            Ok(Done::Well(format!("{} things are missing", problems.len())))
        }
        Err(FinishError::Phone(error)) => refused(error),
    }
}

/// Puts the operation as the first version of the app wrote it.
async fn write_as_an_old_app(handset: &Handset, op_id: OperationId) -> Result<(), StoreError> {
    let unreadable = |error: &dyn std::fmt::Display| StoreError::Unreadable(error.to_string());
    let operations = handset.phone.operations().await.map_err(|error| unreadable(&error))?;
    let written = operations.into_iter().find(|entry| entry.operation.op_id == op_id);
    let Some(mut entry) = written else { return Err(unreadable(&"the operation is not there")) };
    let content = entry.content().ok_or_else(|| unreadable(&"no content"))?;
    let times: Vec<serde_json::Value> = content
        .answer_seconds
        .iter()
        .map(|(path, seconds)| {
            let at = content.started_at + TimeDelta::seconds(*seconds);
            serde_json::json!({ "path": path, "at": at })
        })
        .collect();
    if let Some(members) = entry.operation.body.as_object_mut() {
        members.remove("answer_seconds");
        members.insert("answer_times".to_owned(), times.into());
    }
    entry.operation.v = 1;
    let mut batch = Batch::default();
    batch.put(Table::Operation, OutboxOperation::key(entry.operation.seq), &entry)?;
    handset.store().commit(batch, Durability::Strict).await
}
