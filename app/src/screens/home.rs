//! Today: whom to visit, most urgent first. Whoever only reviews begins with
//! the queue.

mod agenda;
mod search;

use std::sync::Arc;

use doorstep_core::api::Me;
use doorstep_core::phone::{PhoneError, TaskProgress, TodayEntry};
use doorstep_core::role::{Action, allows};
use doorstep_core::store::Table;
use doorstep_core::text::Language;
use doorstep_form::order;
use leptos::prelude::*;

use super::parts::{Fold, Reference, risk_badge, spoken};
use super::{QueueScreen, words};
use crate::app::{use_device, use_session, use_sync};
use crate::clock::today;
use crate::i18n::*;
use crate::session::AppPhone;
use crate::ui::{
    Badge, Button, ButtonKind, Empty, Icon, IconName, List, Loaded, Loading, Notice, Page, Row, Section, Tone,
};
use agenda::{Agenda, ReturnedVisit};
use search::CaseIndex;

/// What somebody opens Doorstep for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Duty {
    Visits,
    Reviews,
    Neither,
}

impl Duty {
    /// Whoever visits in one role begins with Today, whatever the others are.
    fn of(me: &Me) -> Self {
        let has = |wanted: fn(&doorstep_core::role::Role) -> bool| {
            me.memberships.iter().any(|membership| wanted(&membership.role))
        };
        if has(|role| allows(*role, Action::Capture) && !allows(*role, Action::Review)) {
            Self::Visits
        } else if has(|role| allows(*role, Action::Review)) {
            Self::Reviews
        } else {
            Self::Neither
        }
    }
}

/// Whether the first screen of somebody is Today.
pub(super) fn begins_with_today(me: &Me) -> bool {
    Duty::of(me) == Duty::Visits
}

/// The first screen.
#[component]
pub fn HomeScreen() -> impl IntoView {
    let session = use_session();
    let duty = Memo::new(move |_| session.me().map(|me| Duty::of(&me)));
    move || match duty.get() {
        Some(Duty::Reviews) => view! { <QueueScreen /> }.into_any(),
        Some(Duty::Neither) => view! { <NoVisits /> }.into_any(),
        Some(Duty::Visits) | None => view! { <Today /> }.into_any(),
    }
}

/// For administrators and others who neither visit nor review here.
#[component]
fn NoVisits() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Page title=Signal::derive(move || t_string!(i18n, today.home).to_owned())>
            <Empty
                icon=IconName::Person
                title=Signal::derive(move || t_string!(i18n, today.no_duty).to_owned())
                text=Signal::derive(move || t_string!(i18n, today.no_duty_text).to_owned())
            />
        </Page>
    }
}

/// What the phone holds for Today.
#[derive(Clone, Debug)]
struct TodayData {
    agenda: Agenda,
    entries: Vec<TodayEntry>,
    reference: Reference,
}

impl TodayData {
    async fn load(phone: &AppPhone) -> Result<Arc<Self>, PhoneError> {
        let entries = phone.today(today()).await?;
        let returned = phone.returned().await?;
        let cases = phone.cases_of(&order::set_of(returned.iter().map(|status| status.case_id))).await?;
        let agenda = Agenda::new(entries.clone(), returned, &phone.drafts().await?, &cases);
        Ok(Arc::new(Self { agenda, entries, reference: Reference::load(phone).await? }))
    }
}

#[component]
fn Today() -> impl IntoView {
    let i18n = use_i18n();
    let session = use_session();
    let query = RwSignal::new(String::new());
    let captured_open = RwSignal::new(false);
    let upcoming_open = RwSignal::new(false);
    let rows_max = RwSignal::new(ROWS_MAX);
    let data = LocalResource::new(move || {
        session.changes().track(&[Table::Record, Table::Draft, Table::Operation]);
        async move { TodayData::load(&*session.phone()?).await }
    });
    // Thousands of cases are read when somebody searches, not before.
    let searches = RwSignal::new(false);
    let index = LocalResource::new(move || {
        session.changes().track(&[Table::Record]);
        let searches = searches.get();
        async move {
            if !searches {
                return Ok(None);
            }
            let cases = session.phone()?.cases().await?;
            Ok::<_, PhoneError>(Some(Arc::new(CaseIndex::new(cases))))
        }
    });
    view! {
        <Page title=Signal::derive(move || t_string!(i18n, today.title).to_owned())>
            <div class="search" role="search">
                <Icon name=IconName::Search />
                <input
                    class="input search__input"
                    type="search"
                    autocomplete="off"
                    enterkeyhint="search"
                    aria-label=move || t_string!(i18n, today.search)
                    placeholder=move || t_string!(i18n, today.search)
                    prop:value=query
                    on:focus=move |_| searches.set(true)
                    on:input=move |event| query.set(event_target_value(&event))
                />
            </div>
            <Loaded
                resource=data
                view=move |data| {
                    move || {
                        let language = spoken(i18n);
                        let asked = query.get();
                        if asked.trim().is_empty() {
                            view! { <AgendaView data=data.clone() language captured_open upcoming_open rows_max /> }
                                .into_any()
                        } else {
                            let data = data.clone();
                            view! {
                                <Loaded
                                    resource=index
                                    view=move |index| {
                                        let (data, query) = (data.clone(), asked.clone());
                                        match index {
                                            Some(index) => {
                                                view! { <FoundView data index language query /> }
                                                    .into_any()
                                            }
                                            None => view! { <Loading /> }.into_any(),
                                        }
                                    }
                                />
                            }
                                .into_any()
                        }
                    }
                }
            />
        </Page>
    }
}

/// The groups of the day.
#[component]
fn AgendaView(
    data: Arc<TodayData>,
    language: Language,
    captured_open: RwSignal<bool>,
    upcoming_open: RwSignal<bool>,
    rows_max: RwSignal<usize>,
) -> impl IntoView {
    let i18n = use_i18n();
    let agenda = &data.agenda;
    if agenda.is_empty() {
        return view! { <NothingToday pulled=!data.reference.is_empty() /> }.into_any();
    }
    let group = |title: &'static str, entries: &[TodayEntry]| {
        (!entries.is_empty()).then(|| {
            let rows = long_list(&data, language, entries, rows_max);
            view! { <Section title=title.to_owned()>{rows}</Section> }
        })
    };
    let returned = (!agenda.returned.is_empty()).then(|| {
        let rows = agenda
            .returned
            .iter()
            .map(|visit| returned_row(i18n, &data.reference, language, visit))
            .collect_view();
        view! {
            <Section title=t_string!(i18n, today.returned).to_owned()>
                <List>{rows}</List>
            </Section>
        }
    });
    let done = (!agenda.has_work()).then(|| {
        view! {
            <Notice tone=Tone::Good>
                <p>{t_string!(i18n, today.all_done)}</p>
            </Notice>
        }
    });
    let folded = |title: String, open: RwSignal<bool>, entries: &[TodayEntry]| {
        (!entries.is_empty()).then(|| {
            let held = StoredValue::new((data.clone(), entries.to_vec()));
            view! {
                <Fold title open>
                    {held.with_value(|(data, entries)| long_list(data, language, entries, rows_max))}
                </Fold>
            }
        })
    };
    view! {
        <ul class="tally">
            {tally(t_string!(i18n, today.count_overdue), agenda.overdue.len(), Tone::Bad)}
            {tally(t_string!(i18n, today.count_today), agenda.today.len(), Tone::Warning)}
            {tally(t_string!(i18n, today.count_soon), agenda.soon.len(), Tone::Info)}
        </ul>
        {done}
        {returned}
        {group(t_string!(i18n, today.overdue), &agenda.overdue)}
        {group(t_string!(i18n, today.due_today), &agenda.today)}
        {group(t_string!(i18n, today.soon), &agenda.soon)}
        {folded(
            t_string!(i18n, today.captured, count = agenda.captured.len()),
            captured_open,
            &agenda.captured,
        )}
        {folded(
            t_string!(i18n, today.upcoming, count = agenda.upcoming.len()),
            upcoming_open,
            &agenda.upcoming,
        )}
    }
    .into_any()
}

/// Some rows, and more when they are asked for: a phone takes seconds to lay
/// out thousands.
fn long_list(
    data: &Arc<TodayData>,
    language: Language,
    entries: &[TodayEntry],
    rows_max: RwSignal<usize>,
) -> AnyView {
    let i18n = use_i18n();
    let held = StoredValue::new((data.clone(), entries.to_vec()));
    let count = entries.len();
    let shown = move || {
        held.with_value(|(data, entries)| {
            let most = entries.get(..rows_max.get()).unwrap_or(entries);
            let rows = rows(data, language, most);
            view! { <List>{rows}</List> }.into_any()
        })
    };
    let left = move || count.saturating_sub(rows_max.get());
    view! {
        {shown}
        <Show when=move || { left() > 0 }>
            <Button
                kind=ButtonKind::Quiet
                wide=true
                on_press=move || rows_max.update(|rows| *rows += ROWS_MORE)
            >
                {move || t_string!(i18n, today.more, count = left())}
            </Button>
        </Show>
    }
    .into_any()
}

/// One of the counts on top.
fn tally(name: &'static str, count: usize, tone: Tone) -> AnyView {
    let class = match tone {
        _ if count == 0 => "tally__item",
        Tone::Bad => "tally__item tally__item--bad",
        Tone::Warning => "tally__item tally__item--warning",
        _ => "tally__item tally__item--info",
    };
    view! {
        <li class=class>
            <span class="tally__count numbers">{count}</span>
            <span class="tally__name">{name}</span>
        </li>
    }
    .into_any()
}

/// Nothing is open: because all is done, or because nothing has arrived yet.
#[component]
fn NothingToday(pulled: bool) -> impl IntoView {
    let i18n = use_i18n();
    let device = use_device();
    if pulled {
        return view! {
            <Empty
                icon=IconName::CheckCircle
                title=Signal::derive(move || t_string!(i18n, today.nothing).to_owned())
                text=Signal::derive(move || t_string!(i18n, today.nothing_text).to_owned())
            />
        }
        .into_any();
    }
    let text = move || {
        if device.online() {
            t_string!(i18n, today.not_pulled_text).to_owned()
        } else {
            t_string!(i18n, today.not_pulled_offline).to_owned()
        }
    };
    view! {
        <Empty
            icon=IconName::Download
            title=Signal::derive(move || t_string!(i18n, today.not_pulled).to_owned())
            text=Signal::derive(text)
        >
            <SyncButton />
        </Empty>
    }
    .into_any()
}

#[component]
fn SyncButton() -> impl IntoView {
    let i18n = use_i18n();
    let sync = use_sync();
    let busy = Signal::derive(move || sync.status().phase != crate::sync::SyncPhase::Idle);
    view! {
        <Button busy icon=IconName::Sync on_press=move || sync.start()>
            {move || t_string!(i18n, today.sync)}
        </Button>
    }
}

fn rows(data: &TodayData, language: Language, entries: &[TodayEntry]) -> Vec<AnyView> {
    entries
        .iter()
        .map(|entry| {
            let name = entry.case.as_ref().map(|case| case.label.clone());
            let place = entry.case.as_ref().map(|case| data.reference.place(case));
            let risk =
                entry.case.as_ref().map(|case| risk_badge(language, data.reference.pack.as_ref(), case));
            line(&data.reference, language, entry.task.case_id.to_string(), name, place, risk, Some(entry))
        })
        .collect()
}

/// A line of Today: who, where, what, and until when.
fn line(
    reference: &Reference,
    language: Language,
    case_id: String,
    name: Option<String>,
    place: Option<String>,
    risk: Option<AnyView>,
    entry: Option<&TodayEntry>,
) -> AnyView {
    let i18n = use_i18n();
    let now = today();
    let name = name.unwrap_or_else(|| t_string!(i18n, today.case_missing).to_owned());
    let what = entry.map(|entry| {
        let form = reference.form(language, &entry.task.form_id);
        let progress = progress_badge(i18n, entry.progress);
        view! {
            <span class="visit__what">
                <span class="row__meta">{form}</span>
                {progress}
            </span>
        }
    });
    let place =
        place.filter(|place| !place.is_empty()).map(|place| view! { <span class="row__meta">{place}</span> });
    let due = entry.map(|entry| {
        let tone = words::due_tone(entry.urgency);
        let due = words::due(language, &entry.task, now);
        view! {
            <span class="row__side">
                <Badge tone>{due}</Badge>
                <span class="row__meta numbers">{words::day(language, entry.task.due_on, now)}</span>
            </span>
        }
    });
    view! {
        <Row href=format!("/case/{case_id}") data_id=case_id>
            <span class="visit">
                <span class="row__body">
                    <span class="visit__name">
                        <span class="row__title">{name}</span>
                        {risk}
                    </span>
                    {place}
                    {what}
                </span>
                {due}
            </span>
        </Row>
    }
    .into_any()
}

/// How far the phone has come with a task; nothing for one that was not begun.
fn progress_badge(i18n: leptos_i18n::I18nContext<Locale>, progress: TaskProgress) -> Option<AnyView> {
    let (tone, word) = match progress {
        TaskProgress::ToDo => return None,
        TaskProgress::Draft(_) => (Tone::Warning, t_string!(i18n, today.draft)),
        TaskProgress::Unsent => (Tone::Plain, t_string!(i18n, today.unsent)),
        TaskProgress::Sent => (Tone::Info, t_string!(i18n, today.sent)),
        TaskProgress::Returned(_) => (Tone::Warning, t_string!(i18n, today.is_returned)),
    };
    Some(view! { <Badge tone>{word}</Badge> }.into_any())
}

/// A submission that came back, with what the reviewer said.
fn returned_row(
    i18n: leptos_i18n::I18nContext<Locale>,
    reference: &Reference,
    language: Language,
    visit: &ReturnedVisit,
) -> AnyView {
    let status = &visit.status;
    let name = visit
        .case
        .as_ref()
        .map_or_else(|| t_string!(i18n, today.case_missing).to_owned(), |case| case.label.clone());
    let comment = status.comments.last().map(|comment| comment.text.clone());
    let badge = if visit.draft.is_some() {
        t_string!(i18n, today.correcting).to_owned()
    } else {
        t_string!(i18n, today.comments, count = status.comments.len())
    };
    let form = reference.form(language, &status.form_id);
    view! {
        <Row href=format!("/case/{}", status.case_id) data_id=status.case_id.to_string()>
            <span class="row__body">
                <span class="visit__name">
                    <span class="row__title">{name}</span>
                    <Badge tone=Tone::Warning icon=IconName::Comment>
                        {badge}
                    </Badge>
                </span>
                <span class="row__meta">{form}</span>
                {comment.map(|text| view! { <span class="visit__comment">{text}</span> })}
            </span>
        </Row>
    }
    .into_any()
}

/// What the search found, among everyone on the phone.
#[component]
fn FoundView(
    data: Arc<TodayData>,
    index: Arc<CaseIndex>,
    language: Language,
    query: String,
) -> impl IntoView {
    let i18n = use_i18n();
    let found = index.find(&data.entries, &query);
    if found.is_empty() {
        return view! {
            <Empty
                icon=IconName::Search
                title=t_string!(i18n, today.not_found).to_owned()
                text=t_string!(i18n, today.not_found_text).to_owned()
            />
        }
        .into_any();
    }
    let count = found.len();
    let rows = found
        .into_iter()
        .take(FOUND_MAX)
        .map(|(case, entry)| {
            let risk = risk_badge(language, data.reference.pack.as_ref(), case);
            let place = data.reference.place(case);
            let id = case.id.to_string();
            line(&data.reference, language, id, Some(case.label.clone()), Some(place), Some(risk), entry)
        })
        .collect_view();
    view! {
        <Section title=t_string!(i18n, today.found, count = count)>
            <List>{rows}</List>
        </Section>
    }
    .into_any()
}

/// Rows of a group to begin with, and more at a time.
const ROWS_MAX: usize = 60;
const ROWS_MORE: usize = 200;

/// More than anyone reads; the search gets narrower with the next letter.
const FOUND_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use doorstep_core::api::MembershipRecord;
    use doorstep_core::area::AreaPath;
    use doorstep_core::ids::{AreaId, UserId};
    use doorstep_core::role::Role;
    use uuid::Uuid;

    fn somebody(roles: &[Role]) -> Me {
        let area_id = AreaId(Uuid::from_u128(1));
        let membership = |role: &Role| MembershipRecord {
            role: *role,
            area_id,
            area_name: "河湾镇".into(),
            area_path: AreaPath::root(area_id),
            programme: None,
        };
        Me {
            user_id: UserId(Uuid::from_u128(2)),
            login_name: "somebody".into(),
            display_name: "某某".into(),
            county: "610199".into(),
            memberships: roles.iter().map(membership).collect(),
        }
    }

    #[test]
    fn home_is_what_a_person_is_here_for() {
        for (roles, duty) in [
            (&[Role::GridWorker][..], Duty::Visits),
            (&[Role::ChildDirector], Duty::Visits),
            (&[Role::Supervisor], Duty::Reviews),
            (&[Role::County], Duty::Reviews),
            (&[Role::Supervisor, Role::GridWorker], Duty::Visits),
            (&[Role::Admin], Duty::Neither),
            (&[], Duty::Neither),
        ] {
            assert_eq!(Duty::of(&somebody(roles)), duty, "{roles:?}");
        }
    }
}
