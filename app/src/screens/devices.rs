//! Phones from afar, for administrators: whose they are, when they were last
//! heard of, and what is asked of them (`doorstep_core::command`).

use std::sync::Arc;

use doorstep_core::command::{CommandKind, CommandRecord, DeviceRecord};
use doorstep_core::ids::DeviceId;
use doorstep_core::phone::Failure;
use doorstep_core::text::{Language, LocalText};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::parts::{AtServer, spoken};
use super::words;
use crate::app::use_office;
use crate::clock::now;
use crate::explain::Explain;
use crate::i18n::*;
use crate::ui::{
    Badge, Button, ButtonKind, Dialog, DialogActions, Empty, Fact, Facts, FailureNotice, IconButton,
    IconName, List, Notice, Page, RowButton, SearchField, Tone,
};

/// Rows to begin with, and more at a time.
const ROWS: usize = 60;

/// What can be asked, the mildest first.
const KINDS: [CommandKind; 3] = [CommandKind::Lock, CommandKind::DrainThenWipe, CommandKind::WipeNow];

/// `/devices`.
#[component]
pub fn DevicesScreen() -> impl IntoView {
    let i18n = use_i18n();
    let office = use_office();
    let data = LocalResource::new(move || async move {
        Ok::<_, Failure>(office.devices().await?.into_iter().map(Arc::new).collect::<Vec<_>>())
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
    // Kept while the list is asked for again.
    let query = RwSignal::new(String::new());
    view! {
        <Page
            title=Signal::derive(move || t_string!(i18n, devices.title).to_owned())
            actions=ViewFn::from(refresh)
        >
            <AtServer
                resource=data
                view=move |devices| {
                    view! { <Devices devices query changed=move || data.refetch() /> }
                }
            />
        </Page>
    }
}

#[component]
fn Devices(
    devices: Vec<Arc<DeviceRecord>>,
    query: RwSignal<String>,
    /// Something was asked of a phone.
    #[prop(into)]
    changed: Callback<()>,
) -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    let chosen = RwSignal::new(None::<Arc<DeviceRecord>>);
    let rows_max = RwSignal::new(ROWS);
    if devices.is_empty() {
        return view! {
            <Empty
                icon=IconName::Phone
                title=t_string!(i18n, devices.empty).to_owned()
                text=t_string!(i18n, devices.empty_text).to_owned()
            />
        }
        .into_any();
    }
    let choose = Callback::new(move |device| {
        chosen.set(Some(device));
        open.set(true);
    });
    let list = move || {
        let language = spoken(i18n);
        let wanted = query.get();
        let found: Vec<&Arc<DeviceRecord>> =
            devices.iter().filter(|device| is_wanted(device, &wanted)).collect();
        let (count, left) = (found.len(), found.len().saturating_sub(rows_max.get()));
        let rows =
            found.into_iter().take(rows_max.get()).map(|device| row(language, device, choose)).collect_view();
        let more = (left > 0).then(|| {
            view! {
                <Button kind=ButtonKind::Quiet wide=true on_press=move || rows_max.update(|rows| *rows += ROWS)>
                    {t_string!(i18n, today.more, count = left)}
                </Button>
            }
        });
        if count == 0 {
            return view! {
                <Empty
                    icon=IconName::Search
                    title=t_string!(i18n, today.not_found).to_owned()
                    text=t_string!(i18n, devices.not_found_text).to_owned()
                />
            }
            .into_any();
        }
        view! {
            <p class="soft" role="status">
                {t_string!(i18n, devices.count, count = count)}
            </p>
            <List>{rows}</List>
            {more}
        }
        .into_any()
    };
    view! {
        <SearchField label=Signal::derive(move || t_string!(i18n, devices.search).to_owned()) query />
        {list}
        <Dialog
            open
            title=Signal::derive(move || chosen.with(|device| device.as_deref().map(whose).unwrap_or_default()))
        >
            {move || {
                chosen.get().map(|device| view! { <OneDevice device open changed /> })
            }}
        </Dialog>
    }
    .into_any()
}

/// Whether a search means it: by its person, their login name, or the phone.
fn is_wanted(device: &DeviceRecord, query: &str) -> bool {
    let query = query.trim().to_lowercase();
    [&device.display_name, &device.login_name, &device.name]
        .iter()
        .any(|text| text.to_lowercase().contains(&query))
}

fn whose(device: &DeviceRecord) -> String {
    match device.display_name.as_str() {
        "" => device.login_name.clone(),
        name => name.to_owned(),
    }
}

fn row(language: Language, device: &Arc<DeviceRecord>, choose: Callback<Arc<DeviceRecord>>) -> AnyView {
    let i18n = use_i18n();
    let seen = words::moment_here(language, device.last_seen_at, now());
    let seen = t_string!(i18n, devices.seen, when = seen);
    let revoked = device
        .revoked_at
        .is_some()
        .then(|| view! { <Badge tone=Tone::Plain>{t_string!(i18n, devices.revoked)}</Badge> });
    let recreated = device.storage_recreated_at.is_some().then(|| {
        view! {
            <Badge tone=Tone::Warning icon=IconName::Storage>
                {t_string!(i18n, devices.recreated)}
            </Badge>
        }
    });
    let asked = device.command.as_ref().map(|command| {
        let (tone, text) = standing(command);
        let text = format!("{} · {text}", command_name(command.kind));
        view! { <Badge tone>{text}</Badge> }
    });
    let (who, login_name, phone) = (whose(device), device.login_name.clone(), device.name.clone());
    let data_id = device.device_id.to_string();
    let device = Arc::clone(device);
    view! {
        <RowButton on_press=move || choose.run(Arc::clone(&device)) data_id>
            <span class="row__body">
                <span class="visit__name">
                    <span class="row__title">{who}</span>
                    <span class="row__meta">{login_name}</span>
                </span>
                <span class="row__meta">{phone}</span>
                <span class="row__meta numbers">{seen}</span>
                <span class="cluster">{asked} {recreated} {revoked}</span>
            </span>
        </RowButton>
    }
    .into_any()
}

/// A phone, and what can be asked of it.
#[component]
fn OneDevice(device: Arc<DeviceRecord>, open: RwSignal<bool>, changed: Callback<()>) -> impl IntoView {
    let i18n = use_i18n();
    let office = use_office();
    let (busy, error) = (RwSignal::new(false), RwSignal::new(None::<LocalText>));
    let considered = RwSignal::new(None::<CommandKind>);
    let ask = move |id: DeviceId, kind: Option<CommandKind>| {
        busy.set(true);
        error.set(None);
        spawn_local(async move {
            let asked = office.ask_device(id, kind).await;
            let _ = busy.try_set(false);
            match asked {
                Ok(_) => {
                    let _ = open.try_set(false);
                    changed.run(());
                }
                Err(failure) => drop(error.try_set(Some(failure.explain()))),
            }
        });
    };
    let id = device.device_id;
    let known = {
        let device = Arc::clone(&device);
        move || facts(spoken(i18n), &device)
    };
    if device.revoked_at.is_some() {
        return view! {
            {known}
            <Notice tone=Tone::Info>
                <p>{t!(i18n, devices.revoked_text)}</p>
            </Notice>
        }
        .into_any();
    }
    let is_open = device.command.as_ref().is_some_and(|command| command.done_at.is_none());
    let choices = move || {
        let choices = KINDS
            .map(|kind| {
                view! {
                    <RowButton on_press=move || considered.set(Some(kind)) data_id=kind.code().to_owned()>
                        <span class="row__body">
                            <span class="row__title">{command_name(kind)}</span>
                            <span class="row__meta">{what_it_does(kind)}</span>
                        </span>
                    </RowButton>
                }
            })
            .collect_view();
        let take_back = is_open.then(|| {
            view! {
                <Button kind=ButtonKind::Secondary wide=true busy=busy on_press=move || ask(id, None)>
                    {t!(i18n, devices.take_back)}
                </Button>
            }
        });
        view! {
            {known.clone()}
            <List>{choices}</List>
            <FailureNotice error />
            {take_back}
        }
        .into_any()
    };
    let shown = move || match considered.get() {
        None => choices(),
        Some(kind) => {
            let (tone, button) = match kind {
                CommandKind::WipeNow => (Tone::Bad, ButtonKind::Danger),
                CommandKind::Lock | CommandKind::DrainThenWipe => (Tone::Info, ButtonKind::Primary),
            };
            view! {
                <Notice tone>
                    <p>
                        <strong>{command_name(kind)}</strong>
                    </p>
                    <p>{what_it_does(kind)}</p>
                </Notice>
                <p>{t!(i18n, devices.heard_later)}</p>
                <FailureNotice error />
                <DialogActions>
                    <Button kind=button busy=busy on_press=move || ask(id, Some(kind))>
                        {command_name(kind)}
                    </Button>
                    <Button kind=ButtonKind::Quiet disabled=busy on_press=move || considered.set(None)>
                        {t!(i18n, common.back)}
                    </Button>
                </DialogActions>
            }
            .into_any()
        }
    };
    shown.into_any()
}

fn facts(language: Language, device: &DeviceRecord) -> AnyView {
    let i18n = use_i18n();
    let here = now();
    let at = move |moment| words::moment_here(language, moment, here);
    let command = device.command.as_ref().map(|command| {
        let (_, text) = standing(command);
        let asked = format!("{} · {} · {text}", command_name(command.kind), at(command.asked_at));
        let left = command.left;
        // Nothing is known before the phone has said it.
        let left = (command.seen_at.is_some() && !left.is_nothing()).then(|| {
            let text = t_string!(
                i18n,
                devices.left_text,
                visits = left.visits,
                files = left.files,
                drafts = left.drafts
            );
            view! { <Fact name=t_string!(i18n, devices.left).to_owned()>{text}</Fact> }
        });
        view! {
            <Fact name=t_string!(i18n, devices.asked).to_owned()>{asked}</Fact>
            {left}
        }
    });
    let recreated = device.storage_recreated_at.map(|moment| {
        let text = t_string!(i18n, devices.recreated_text, when = at(moment));
        view! {
            <Notice tone=Tone::Warning icon=IconName::Storage>
                <p>{text}</p>
            </Notice>
        }
    });
    let (login_name, phone, seen) = (device.login_name.clone(), device.name.clone(), at(device.last_seen_at));
    view! {
        <Facts>
            <Fact name=t_string!(i18n, devices.login).to_owned()>{login_name}</Fact>
            <Fact name=t_string!(i18n, devices.phone).to_owned()>{phone}</Fact>
            <Fact name=t_string!(i18n, devices.last_seen).to_owned()>{seen}</Fact>
            {command}
        </Facts>
        {recreated}
    }
    .into_any()
}

fn command_name(kind: CommandKind) -> &'static str {
    let i18n = use_i18n();
    match kind {
        CommandKind::Lock => t_string!(i18n, devices.lock),
        CommandKind::DrainThenWipe => t_string!(i18n, devices.drain),
        CommandKind::WipeNow => t_string!(i18n, devices.wipe),
    }
}

fn what_it_does(kind: CommandKind) -> &'static str {
    let i18n = use_i18n();
    match kind {
        CommandKind::Lock => t_string!(i18n, devices.lock_text),
        CommandKind::DrainThenWipe => t_string!(i18n, devices.drain_text),
        CommandKind::WipeNow => t_string!(i18n, devices.wipe_text),
    }
}

/// How far the phone is with what was asked.
fn standing(command: &CommandRecord) -> (Tone, &'static str) {
    let i18n = use_i18n();
    match (command.seen_at, command.done_at) {
        (_, Some(_)) => (Tone::Good, t_string!(i18n, devices.done)),
        (Some(_), None) => (Tone::Info, t_string!(i18n, devices.heard)),
        (None, None) => (Tone::Warning, t_string!(i18n, devices.not_heard)),
    }
}
