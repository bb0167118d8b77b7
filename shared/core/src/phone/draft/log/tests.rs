//! Drafts with repeats: added, removed, resumed.

use chrono::DateTime;
use doorstep_form::{Attachments, Form, Workbook};
use serde_json::json;
use uuid::Uuid;

use super::super::NewPreview;
use super::*;
use crate::ids::{CaseId, FormVersionId, MediaId, OperationId};
use crate::pack::{FormBundle, FormVersionRecord};
use crate::phone::{DraftRecord, in_memory};
use crate::store::{Durability, MemoryStore, now};

type Failed = Box<dyn std::error::Error>;

const FORM: &str = "
| survey |              |        |       |              |
|        | type         | name   | label | constraint   |
|        | text         | head   | Head  |              |
|        | begin_repeat | member | Member |             |
|        | text         | name   | Name  |              |
|        | integer      | age    | Age   | . < 150      |
|        | image        | face   | Face  |              |
|        | end_repeat   |        |       |              |
| settings |         |
|          | form_id |
|          | home    |
";

const DRAFT: DraftId = DraftId(Uuid::from_u128(4));
const VERSION: FormVersionId = FormVersionId(Uuid::from_u128(3));

fn at(minute: i64) -> LocalTime {
    DateTime::UNIX_EPOCH.fixed_offset() + chrono::TimeDelta::minutes(minute)
}

fn path(text: &str) -> NodePath {
    text.parse().expect("a path")
}

/// A phone with the form, and a draft of it.
fn phone(form: &str) -> Result<Phone<MemoryStore>, Failed> {
    let phone = in_memory();
    keep_form(&phone, form)?;
    let record = DraftRecord {
        draft_id: DRAFT,
        form_id: "home".to_owned(),
        form_version_id: VERSION,
        case_id: CaseId(Uuid::from_u128(5)),
        case_label: String::new(),
        case_version: 1,
        task_id: None,
        started_at: at(0),
        seed: 1,
        prefill: order::map_of([]),
        root_id: None,
        revision: 1,
        base_instance: None,
        comments: Vec::new(),
    };
    let mut batch = Batch::default();
    batch.put(Table::Draft, DRAFT.to_string(), &record)?;
    now(phone.store().commit(batch, Durability::Strict))?;
    Ok(phone)
}

fn keep_form(phone: &Phone<MemoryStore>, form: &str) -> Result<(), Failed> {
    keep_form_as(phone, VERSION, form)
}

fn keep_form_as(phone: &Phone<MemoryStore>, version: FormVersionId, form: &str) -> Result<(), Failed> {
    let workbook = Workbook::read_markdown(form).map_err(|problems| format!("{problems:?}"))?;
    let (form, _) = Form::from_workbook(&workbook).map_err(|problems| format!("{problems:?}"))?;
    let bundle = FormBundle {
        form_version_id: version,
        form: serde_json::to_value(&form)?,
        attachments: Attachments::new(),
    };
    let mut batch = Batch::default();
    batch.put(Table::FormBundle, version.to_string(), &bundle)?;
    Ok(now(phone.store().commit(batch, Durability::Strict))?)
}

fn open(phone: &Phone<MemoryStore>) -> Result<OpenDraft, PhoneError> {
    now(phone.open_draft(DRAFT, "en", at(60)))
}

fn answer(phone: &Phone<MemoryStore>, draft: &mut OpenDraft, to: &str, value: &str) -> Result<(), Failed> {
    now(phone.answer(draft, &path(to), value, at(i64::try_from(draft.steps)?)))?;
    Ok(())
}

fn photo(id: u128) -> NewFile {
    let media_id = MediaId(Uuid::from_u128(id));
    NewFile::plain(media_id, id.to_be_bytes().to_vec(), "image/jpeg".to_owned())
}

/// Three members: 赵, 钱, 孙; the second and third with a photo.
fn household(phone: &Phone<MemoryStore>) -> Result<OpenDraft, Failed> {
    let mut draft = open(phone)?;
    for (position, name) in ["赵", "钱", "孙"].into_iter().enumerate() {
        if position > 0 {
            now(phone.add_repeat(&mut draft, &path("/member"), at(9)))?;
        }
        answer(phone, &mut draft, &format!("/member[{}]/name", position + 1), name)?;
    }
    for position in 2..=3 {
        let face = path(&format!("/member[{position}]/face"));
        now(phone.answer_with_file(&mut draft, &face, photo(position), at(10)))?;
    }
    Ok(draft)
}

fn names(draft: &OpenDraft) -> serde_json::Value {
    let members = draft.session.instance()["member"].clone();
    members
        .as_array()
        .map(|members| members.iter().map(|member| member["name"].clone()).collect())
        .unwrap_or_default()
}

#[test]
fn instances_come_back_as_they_were_added_and_removed() -> Result<(), Failed> {
    let phone = phone(FORM)?;
    let mut draft = household(&phone)?;
    now(phone.remove_repeat(&mut draft, &path("/member[2]"), at(11)))?;
    answer(&phone, &mut draft, "/member[2]/age", "30")?;
    assert_eq!(names(&draft), json!(["赵", "孙"]));
    let again = open(&phone)?;
    assert_eq!(again.session.instance(), draft.session.instance());
    assert_eq!((again.steps, again.left_over.len()), (draft.steps, 0));
    assert_eq!(again.answer_times, draft.answer_times);
    assert_eq!(again.answer_times.get(&path("/member[2]/face")), Some(&at(10)));
    assert_eq!(again.answer_times.get(&path("/member[3]/name")), None);
    Ok(())
}

#[test]
fn files_move_and_go_with_their_instance() -> Result<(), Failed> {
    let phone = phone(FORM)?;
    let mut draft = household(&phone)?;
    now(phone.remove_repeat(&mut draft, &path("/member[2]"), at(11)))?;
    let media = now(phone.media())?;
    let left: Vec<_> = media.iter().map(|entry| (entry.media_id, entry.path.as_str())).collect();
    assert_eq!(left, [(MediaId(Uuid::from_u128(3)), "/member[2]/face")]);
    assert_eq!(now(phone.media_bytes(MediaId(Uuid::from_u128(2))))?, None);
    let content = now(phone.finish_draft(&mut draft, OperationId(Uuid::from_u128(9)), None, at(12), &()))
        .map_err(|error| format!("{error:?}"))?;
    let sent: Vec<_> = content.media.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(sent, ["/member[2]/face"]);
    Ok(())
}

#[test]
fn the_small_picture_goes_where_its_photo_goes() -> Result<(), Failed> {
    let phone = phone(FORM)?;
    let mut draft = household(&phone)?;
    let with_preview = |id: u128| NewFile {
        preview: Some(NewPreview {
            media_id: MediaId(Uuid::from_u128(id + 100)),
            bytes: vec![1, 2, 3],
            content_type: "image/jpeg".to_owned(),
        }),
        ..photo(id)
    };
    // Taken, and taken again: the first is nobody's.
    for id in [20, 21] {
        now(phone.answer_with_file(&mut draft, &path("/member[2]/face"), with_preview(id), at(11)))?;
    }
    now(phone.answer_with_file(&mut draft, &path("/member[3]/face"), with_preview(30), at(11)))?;
    now(phone.remove_repeat(&mut draft, &path("/member[3]"), at(12)))?;
    let content = now(phone.finish_draft(&mut draft, OperationId(Uuid::from_u128(9)), None, at(13), &()))
        .map_err(|error| format!("{error:?}"))?;
    let ids = |id: Option<MediaId>| id.map(|id| id.0.as_u128());
    let sent: Vec<_> =
        content.media.iter().map(|file| (ids(Some(file.media_id)), ids(file.preview_of))).collect();
    assert_eq!(sent, [(Some(21), None), (Some(121), Some(21))]);
    let kept = now(phone.store().keys(Table::MediaBytes, ""))?;
    assert_eq!(kept.len(), 2, "what is not sent takes no room");
    assert_eq!(now(phone.unsent())?.files, 1, "nobody counts small pictures");
    let line = now(phone.outbox())?.remove(0);
    assert_eq!((line.media_total, line.media_sent), (1, 0));
    Ok(())
}

#[test]
fn an_instance_that_is_not_on_the_disk_is_not_in_the_draft() -> Result<(), Failed> {
    let phone = phone(FORM)?;
    let mut draft = household(&phone)?;
    phone.store().full.set(true);
    let before = draft.session.instance();
    assert!(now(phone.add_repeat(&mut draft, &path("/member"), at(12))).is_err());
    assert!(now(phone.remove_repeat(&mut draft, &path("/member[1]"), at(12))).is_err());
    assert_eq!(draft.session.instance(), before);
    phone.store().full.set(false);
    now(phone.add_repeat(&mut draft, &path("/member"), at(13)))?;
    assert_eq!(open(&phone)?.session.instance(), draft.session.instance());
    Ok(())
}

#[test]
fn what_is_no_instance_is_neither_added_nor_removed() -> Result<(), Failed> {
    let phone = phone(FORM)?;
    let mut draft = household(&phone)?;
    let steps = draft.steps;
    for wrong in ["/head", "/member[9]", "/nobody"] {
        assert!(now(phone.add_repeat(&mut draft, &path(wrong), at(12))).is_err(), "{wrong}");
        assert!(now(phone.remove_repeat(&mut draft, &path(wrong), at(12))).is_err(), "{wrong}");
    }
    assert_eq!(draft.steps, steps);
    Ok(())
}

#[test]
fn a_form_without_the_repeat_leaves_its_answers_over() -> Result<(), Failed> {
    let phone = phone(FORM)?;
    let mut draft = household(&phone)?;
    answer(&phone, &mut draft, "/head", "赵")?;
    let without: String =
        FORM.lines().filter(|line| !line.contains("_repeat")).map(|line| format!("{line}\n")).collect();
    keep_form(&phone, &without)?;
    let resumed = open(&phone)?;
    assert_eq!(resumed.session.value("head").as_deref(), Some("赵"));
    let values: Vec<_> = resumed.left_over.iter().filter_map(|left| left.value.as_str()).collect();
    for name in ["赵", "钱", "孙"] {
        assert!(values.contains(&name), "{values:?}");
    }
    Ok(())
}

#[test]
fn a_log_of_answers_alone_reads_as_before() -> Result<(), Failed> {
    let step: DraftStep =
        serde_json::from_value(json!({ "path": "/head", "value": "赵", "at": "1970-01-01T00:00:00+00:00" }))?;
    assert_eq!(step, DraftStep { path: path("/head"), deed: Deed::Value("赵".to_owned()), at: at(0) });
    let step = DraftStep { path: path("/member"), deed: Deed::Repeat(RepeatChange::Added), at: at(0) };
    let written = serde_json::to_value(&step)?;
    assert_eq!(written["repeat"], "added");
    assert_eq!(serde_json::from_value::<DraftStep>(written)?, step);
    Ok(())
}

#[test]
fn files_are_called_by_what_they_are_else_as_they_were() {
    let named = |content_type: &str, name: &str| {
        ending(&NewFile { content_type: content_type.to_owned(), name: name.to_owned(), ..photo(1) })
    };
    assert_eq!(named("image/png", "x.exe"), "png");
    assert_eq!(named("audio/webm", ""), "webm");
    assert_eq!(named("application/octet-stream", "表 一.DOCX"), "docx");
    for strange in ["none", "a.", "a.very-long-ending", "a./../b"] {
        assert_eq!(named("application/octet-stream", strange), "bin", "{strange}");
    }
}

/// A newer version of the form, current; the older one is not.
fn publish_anew(phone: &Phone<MemoryStore>, form: &str) -> Result<FormVersionId, Failed> {
    let newer = FormVersionId(Uuid::from_u128(30));
    keep_form_as(phone, newer, form)?;
    let mut batch = Batch::default();
    for (id, current) in [(VERSION, false), (newer, true)] {
        let record = json!({
            "id": id, "form_id": "home", "version": "1", "title": { "zh": "", "en": "" },
            "sha256": ContentHash::of(b""), "size_bytes": 0, "published_at": DateTime::UNIX_EPOCH,
            "current": current, "files": [],
        });
        let record: FormVersionRecord = serde_json::from_value(record)?;
        batch.put(Table::Record, format!("ref|form|{id}"), &record)?;
    }
    now(phone.store().commit(batch, Durability::Strict))?;
    Ok(newer)
}

#[test]
fn a_draft_goes_on_with_the_current_version_and_says_what_does_not_fit() -> Result<(), Failed> {
    let phone = phone(FORM)?;
    let mut draft = open(&phone)?;
    answer(&phone, &mut draft, "/head", "赵")?;
    answer(&phone, &mut draft, "/member[1]/age", "30")?;
    assert!(!open(&phone)?.renewed, "the version that it was begun with is all there is");

    let newer =
        publish_anew(&phone, &FORM.replace("integer      | age    | Age ", "integer      | years  | Age "))?;
    let renewed = open(&phone)?;
    assert!(renewed.renewed);
    assert_eq!(renewed.record.form_version_id, newer);
    assert_eq!(renewed.session.instance()["head"], "赵");
    let lost: Vec<(&str, &serde_json::Value)> =
        renewed.left_over.iter().map(|left| (left.path.as_str(), &left.value)).collect();
    assert_eq!(lost, [("/member[1]/age", &json!("30"))]);

    let mut again = open(&phone)?;
    assert!(!again.renewed, "said once");
    assert_eq!((again.record.form_version_id, again.left_over.len()), (newer, 1), "and still shown");

    let finished = now(phone.finish_draft(&mut again, OperationId(Uuid::from_u128(50)), None, at(61), &()));
    let content = finished.map_err(|error| format!("{error:?}"))?;
    assert_eq!(content.left_over, renewed.left_over, "and sent, though the form has no place for it");
    Ok(())
}

#[test]
fn a_draft_stays_with_its_version_until_the_newer_one_is_here() -> Result<(), Failed> {
    let phone = phone(FORM)?;
    let newer = publish_anew(&phone, FORM)?;
    let mut batch = Batch::default();
    batch.delete(Table::FormBundle, newer.to_string());
    now(phone.store().commit(batch, Durability::Strict))?;
    let draft = open(&phone)?;
    assert_eq!((draft.record.form_version_id, draft.renewed), (VERSION, false));
    Ok(())
}

#[test]
fn a_full_phone_still_opens_a_draft_of_an_older_version() -> Result<(), Failed> {
    let phone = phone(FORM)?;
    let mut draft = open(&phone)?;
    answer(&phone, &mut draft, "/head", "赵")?;
    let newer = publish_anew(&phone, FORM)?;
    phone.store().full.set(true);
    let draft = open(&phone)?;
    assert_eq!((draft.record.form_version_id, draft.renewed), (VERSION, false));
    assert_eq!(draft.session.instance()["head"], "赵");
    phone.store().full.set(false);
    let draft = open(&phone)?;
    assert_eq!((draft.record.form_version_id, draft.renewed), (newer, true), "once there is room");
    Ok(())
}
