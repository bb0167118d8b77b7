//! The queue: what waits for the reviewer, riskiest first.

use std::sync::Arc;

use doorstep_core::api::{ParkedOperation, QueueEntry};
use doorstep_core::phone::Failure;
use doorstep_core::sync::SUBMISSION_OPERATION;
use doorstep_core::text::Language;
use leptos::prelude::*;

use super::parts::{AtServer, Fold, Reference, alert_badges, spoken};
use super::words;
use crate::app::{use_device, use_office, use_session, use_sync};
use crate::clock::{now, today};
use crate::i18n::*;
use crate::office::Office;
use crate::session::Session;
use crate::ui::{Badge, Empty, IconButton, IconName, List, Page, Row, Tone};

#[derive(Clone, Debug)]
struct QueueData {
    entries: Vec<QueueEntry>,
    /// `None` when they could not be asked for; the queue is shown all the same.
    parked: Option<Vec<ParkedOperation>>,
    reference: Reference,
}

impl QueueData {
    async fn load(office: Office, session: Session) -> Result<Arc<Self>, Failure> {
        let mut entries = office.queue().await?.entries;
        sort(&mut entries);
        let parked = office.parked().await.ok().map(|answer| answer.operations);
        // Words are a help: without them codes are shown as they are.
        let reference = match session.phone() {
            Ok(phone) => Reference::load(&phone).await.unwrap_or_default(),
            Err(_) => Reference::default(),
        };
        Ok(Arc::new(Self { entries, parked, reference }))
    }
}

/// Riskiest first, then whoever has waited longest.
pub(super) fn sort(entries: &mut [QueueEntry]) {
    entries
        .sort_by_key(|entry| (std::cmp::Reverse(entry.alert_level), entry.received_at, entry.submission_id));
}

/// `/queue`.
#[component]
pub fn QueueScreen() -> impl IntoView {
    let i18n = use_i18n();
    let office = use_office();
    let session = use_session();
    let device = use_device();
    let sync = use_sync();
    let parked_open = RwSignal::new(false);
    // Asked again when the network comes back and after each sync.
    let synced = Memo::new(move |_| (device.online(), sync.status().last_success));
    let data = LocalResource::new(move || {
        synced.track();
        QueueData::load(office, session)
    });
    let refresh = move || {
        view! {
            <IconButton
                name=IconName::Sync
                label=Signal::derive(move || t_string!(i18n, queue.refresh).to_owned())
                on_press=move || data.refetch()
            />
        }
    };
    view! {
        <Page
            title=Signal::derive(move || t_string!(i18n, queue.title).to_owned())
            actions=ViewFn::from(refresh)
        >
            <AtServer
                resource=data
                view=move |data| {
                    move || {
                        let language = spoken(i18n);
                        view! { <QueueBody data=data.clone() language parked_open /> }
                    }
                }
            />
        </Page>
    }
}

#[component]
fn QueueBody(data: Arc<QueueData>, language: Language, parked_open: RwSignal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let list = if data.entries.is_empty() {
        view! {
            <Empty
                icon=IconName::CheckCircle
                title=t_string!(i18n, queue.empty).to_owned()
                text=t_string!(i18n, queue.empty_text).to_owned()
            />
        }
        .into_any()
    } else {
        let rows = data.entries.iter().map(|entry| row(&data.reference, language, entry)).collect_view();
        view! {
            <p class="soft">{t_string!(i18n, queue.count, count = data.entries.len())}</p>
            <List>{rows}</List>
        }
        .into_any()
    };
    let parked = data.parked.clone().filter(|parked| !parked.is_empty()).map(|parked| {
        let title = t_string!(i18n, queue.parked, count = parked.len());
        view! {
            <Fold title open=parked_open>
                <p class="soft small">{t_string!(i18n, queue.parked_text)}</p>
                <ul class="list">{parked_lines(language, &parked)}</ul>
            </Fold>
        }
    });
    view! {
        {list}
        {parked}
    }
}

fn row(reference: &Reference, language: Language, entry: &QueueEntry) -> AnyView {
    let i18n = use_i18n();
    let kind = reference
        .pack
        .as_ref()
        .and_then(|pack| pack.form_use(&entry.form_id))
        .map_or("", |form| form.kind.as_str());
    let alerts = alert_badges(language, reference.pack.as_ref(), kind, entry.alert_level, &entry.alert_codes);
    let photos = words::photos_arrived(language, entry.media_stored, entry.media_expected).map(|text| {
        let tone = if entry.media_stored < entry.media_expected { Tone::Warning } else { Tone::Plain };
        view! {
            <Badge tone icon=IconName::Photo>
                {text}
            </Badge>
        }
    });
    let corrected = (entry.revision > 1).then(|| {
        let text = t_string!(i18n, queue.correction, revision = entry.revision);
        view! { <Badge tone=Tone::Info>{text}</Badge> }
    });
    let when = words::moment(language, entry.finished_at.with_timezone(now().offset()), today());
    let level = entry.alert_level.min(3);
    let name = entry.case_label.clone();
    let form = entry.form_title.get(language).to_owned();
    let area = entry.area_name.clone();
    let by = format!("{} · {when}", entry.author_name);
    view! {
        <Row href=format!("/submission/{}", entry.submission_id) data_id=entry.submission_id.to_string()>
            <span class=format!("queue__level queue__level--{level}") aria-hidden="true"></span>
            <span class="row__body">
                <span class="visit__name">
                    <span class="row__title">{name}</span>
                    <span class="row__meta">{form}</span>
                </span>
                <span class="cluster queue__badges">{alerts} {photos} {corrected}</span>
                <span class="row__meta">{area}</span>
                <span class="row__meta">{by}</span>
            </span>
        </Row>
    }
    .into_any()
}

fn parked_lines(language: Language, parked: &[ParkedOperation]) -> Vec<AnyView> {
    let i18n = use_i18n();
    let here = now();
    parked
        .iter()
        .map(|operation| {
            let kind = if operation.kind == SUBMISSION_OPERATION {
                t_string!(i18n, queue.parked_visit).to_owned()
            } else {
                operation.kind.clone()
            };
            let at = words::moment_here(language, operation.received_at, here);
            let why = words::park_reason(&operation.reason).get(language).to_owned();
            view! {
                <li class="history" data-id=operation.op_id.to_string()>
                    <p>
                        <strong>{format!("{} · {kind}", operation.author_name)}</strong>
                    </p>
                    <p>{why}</p>
                    <p class="soft small">{at}</p>
                </li>
            }
            .into_any()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};
    use doorstep_core::ids::SubmissionId;
    use doorstep_core::submission::SubmissionState;
    use doorstep_core::text::LocalText;
    use uuid::Uuid;

    fn entry(number: u128, alert_level: u8, waited_hours: i64) -> QueueEntry {
        QueueEntry {
            submission_id: SubmissionId(Uuid::from_u128(number)),
            revision: 1,
            state: SubmissionState::Submitted,
            form_id: "elder_visit".into(),
            form_title: LocalText::default(),
            case_label: String::new(),
            area_name: String::new(),
            author_name: String::new(),
            finished_at: DateTime::UNIX_EPOCH.fixed_offset(),
            received_at: DateTime::UNIX_EPOCH - TimeDelta::hours(waited_hours),
            alert_level,
            alert_codes: Vec::new(),
            media_expected: 0,
            media_stored: 0,
        }
    }

    #[test]
    fn the_riskiest_come_first_and_then_the_longest_waiting() {
        let mut entries = [entry(1, 0, 9), entry(2, 3, 1), entry(3, 1, 1), entry(4, 3, 5)];
        sort(&mut entries);
        let order: Vec<u128> = entries.iter().map(|entry| entry.submission_id.0.as_u128()).collect();
        assert_eq!(order, [4, 2, 3, 1]);
    }
}
