//! Today: whom to visit, most urgent first. Whoever only reviews begins with
//! the queue, an administrator with the phones.

mod agenda;
mod rows;
mod search;

use std::sync::Arc;
use std::time::Duration;

use doorstep_core::api::Me;
use doorstep_core::phone::{CaseShelf, DraftRecord, LocalTime, PhoneError, Today, TodayEntry};
use doorstep_core::role::{Action, allows};
use doorstep_core::store::Table;
use doorstep_core::text::Language;
use leptos::prelude::*;

use super::parts::{Fold, Reference, spoken};
use super::{DevicesScreen, QueueScreen};
use crate::app::{use_device, use_session, use_sync};
use crate::clock::{now, today};
use crate::i18n::*;
use crate::session::AppPhone;
use crate::ui::{Button, Empty, IconName, List, Loaded, Loading, Notice, Page, SearchField, Section, Tone};
use agenda::Agenda;
use rows::{ROWS_MAX, gradually, long_list, returned_row, row};
use search::CaseIndex;

/// What somebody opens Doorstep for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Duty {
    Visits,
    Reviews,
    Administers,
    None,
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
        } else if has(|role| allows(*role, Action::ManageUsers)) {
            Self::Administers
        } else {
            Self::None
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
        Some(Duty::Administers) => view! { <DevicesScreen /> }.into_any(),
        Some(Duty::None) => view! { <NoVisits /> }.into_any(),
        Some(Duty::Visits) | None => view! { <TodayScreen /> }.into_any(),
    }
}

/// For auditors and others who have nothing to do here.
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
#[derive(Debug)]
struct TodayData {
    agenda: Agenda,
    entries: Vec<Arc<TodayEntry>>,
    cases: CaseShelf,
    /// Drafts that nobody has gone on with for long.
    forgotten: usize,
    reference: Reference,
}

impl TodayData {
    async fn load(phone: &AppPhone) -> Result<Arc<Self>, PhoneError> {
        let Today { entries, returned, drafts, cases } = phone.today(today()).await?;
        let entries: Vec<Arc<TodayEntry>> = entries.into_iter().map(Arc::new).collect();
        let forgotten = forgotten(&drafts, now());
        let agenda = Agenda::new(&entries, returned, &drafts, |id| cases.label(id).ok().flatten());
        Ok(Arc::new(Self { agenda, entries, cases, forgotten, reference: Reference::load(phone).await? }))
    }
}

#[component]
fn TodayScreen() -> impl IntoView {
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
        let known = |read: &Option<Result<Arc<TodayData>, PhoneError>>| {
            Some(Arc::clone(read.as_ref()?.as_ref().ok()?))
        };
        let data = if searches.get() { data.with(known) } else { None };
        async move {
            let index = data.map(|data| CaseIndex::new(&data.cases, &data.entries)).transpose()?;
            Ok::<_, PhoneError>(index.map(Arc::new))
        }
    });
    view! {
        <Page title=Signal::derive(move || t_string!(i18n, today.title).to_owned())>
            <SearchField
                label=Signal::derive(move || t_string!(i18n, today.search).to_owned())
                query
                on_focus=move || searches.set(true)
            />
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
    let group = |title: &'static str, entries: &[Arc<TodayEntry>]| {
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
    let count = data.forgotten;
    let forgotten = (count > 0).then(|| {
        view! {
            <Notice tone=Tone::Warning>
                <p>{t_string!(i18n, today.forgotten, count = count, days = FORGOTTEN_DAYS)}</p>
                <a href="/outbox">{t_string!(i18n, today.forgotten_link)}</a>
            </Notice>
        }
    });
    let done = (!agenda.has_work()).then(|| {
        view! {
            <Notice tone=Tone::Good>
                <p>{t_string!(i18n, today.all_done)}</p>
            </Notice>
        }
    });
    let folded = |title: String, open: RwSignal<bool>, entries: &[Arc<TodayEntry>]| {
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
        {forgotten}
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

/// What the search found, among everyone on the phone.
#[component]
fn FoundView(
    data: Arc<TodayData>,
    index: Arc<CaseIndex>,
    language: Language,
    query: String,
) -> impl IntoView {
    let i18n = use_i18n();
    let found = index.find(&query, FOUND_MAX);
    if found.count == 0 {
        return view! {
            <Empty
                icon=IconName::Search
                title=t_string!(i18n, today.not_found).to_owned()
                text=t_string!(i18n, today.not_found_text).to_owned()
            />
        }
        .into_any();
    }
    let (count, shown) = (found.count, found.first.len());
    let held = StoredValue::new((data, found.first));
    let drawn = gradually(FOUND_FIRST, FOUND_PAUSE, move || shown);
    let draw = move |place: usize| {
        held.with_value(|(data, found)| {
            found.get(place).map(|(case, entry)| row(data, language, *case, entry.as_deref()))
        })
    };
    view! {
        <Section title=t_string!(i18n, today.found, count = count)>
            <List>
                <For each=move || 0..drawn() key=|place| *place children=draw />
            </List>
        </Section>
    }
    .into_any()
}

/// Rows that are drawn with the letter.
const FOUND_FIRST: usize = 2;
/// The others are drawn when the next letter does not follow at once.
const FOUND_PAUSE: Duration = Duration::from_millis(120);

/// A draft that was begun so long ago is mentioned; it is never deleted.
const FORGOTTEN_DAYS: i64 = 3;

fn forgotten(drafts: &[DraftRecord], now: LocalTime) -> usize {
    drafts.iter().filter(|draft| (now - draft.started_at).num_days() >= FORGOTTEN_DAYS).count()
}

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
            (&[Role::Admin], Duty::Administers),
            (&[Role::Auditor], Duty::None),
            (&[], Duty::None),
        ] {
            assert_eq!(Duty::of(&somebody(roles)), duty, "{roles:?}");
        }
    }
}
