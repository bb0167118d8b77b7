//! What stands beside a picture: when, where, by whom, how; and which photos of
//! other visits look like it.

use std::sync::Arc;

use chrono::FixedOffset;
use doorstep_core::api::{CasePlace, SimilarPhoto};
use doorstep_core::ids::MediaId;
use doorstep_core::submission::{CaptureSource, Spot};
use doorstep_core::text::Language;
use leptos::prelude::*;
use leptos_i18n::I18nContext;

use super::super::SubmissionData;
use super::super::facts::{ACCURACY_M_MAX, ClockDoubt, PhotoFacts};
use super::super::files::{Alike, Files, Shot};
use super::super::served::{Picture, Size};
use super::compare::alike_key;
use crate::app::use_settings;
use crate::clock::{now, today};
use crate::i18n::*;
use crate::screens::parts::spoken;
use crate::screens::words;
use crate::ui::{Badge, Button, ButtonKind, Fact, Facts, Icon, IconName, Tone};

/// So many bits of the fingerprint differ by saving a picture once more.
const SAME_BITS_MAX: u32 = 2;

/// Everything that is known of the picture.
#[component]
pub(super) fn Side(
    data: Arc<SubmissionData>,
    shot: Shot,
    files: Files,
    choice: RwSignal<Option<String>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let detail = &data.detail;
    let id = shot.id();
    let facts = PhotoFacts::of(
        shot.reference.capture.as_ref(),
        &detail.content,
        detail.status.received_at,
        detail.case_place.as_ref(),
    );
    let (received_at, case_place) = (detail.status.received_at, detail.case_place);
    let author = detail.author_name.clone();
    let size_bytes = shot.reference.size_bytes;
    let record = Memo::new(move |_| files.record(id));
    let list = move || {
        let language = spoken(i18n);
        let here = *now().offset();
        let received = words::exactly(received_at.with_timezone(&here), here);
        let arrived = record.get().and_then(|record| record.stored_at);
        let arrived = arrived.map(|at| words::exactly(at.with_timezone(&here), here));
        let pixels = record.get().and_then(|record| record.width_px.zip(record.height_px));
        let pixels = pixels.map(|(width, height)| {
            format!("{} · ", t_string!(i18n, viewer.pixels, width = width, height = height))
        });
        let taken = taken(i18n, language, here, &facts);
        let later = facts.received_after.map(|after| {
            let length = words::span(language, after);
            view! { <p class="small soft">{t_string!(i18n, viewer.later, length = length)}</p> }
        });
        let arrived = arrived.map(|arrived| {
            view! {
                <Fact name=t_string!(i18n, viewer.arrived).to_owned()>
                    <span class="numbers">{arrived}</span>
                </Fact>
            }
        });
        let said = (said_taken(i18n, here, &facts), said_where(i18n, language, &facts));
        let place = place(i18n, &facts);
        let from_case = from_case(i18n, language, &facts, case_place.as_ref());
        let author = author.clone();
        let source = facts.source.map(|source| from(i18n, source));
        view! {
            <Facts>
                <Fact name=t_string!(i18n, viewer.taken).to_owned()>{taken}</Fact>
                {said.0}
                <Fact name=t_string!(i18n, viewer.received).to_owned()>
                    <span class="numbers">{received}</span>
                    {later}
                </Fact>
                {arrived}
                {place}
                {from_case}
                {said.1}
                <Fact name=t_string!(i18n, viewer.by).to_owned()>{author}</Fact>
                {source}
                <Fact name=t_string!(i18n, viewer.size).to_owned()>
                    <span class="numbers">{pixels} {words::bytes(size_bytes)}</span>
                </Fact>
            </Facts>
        }
    };
    // Drawings look like each other; photos do not.
    let is_shown = Memo::new(move |_| {
        record.get().is_some_and(|record| record.address.is_some() && record.content_type != "image/png")
    });
    view! {
        {list}
        <Show when=move || is_shown.get()>
            <LooksAlike id files choice />
        </Show>
    }
}

fn doubt(words: String) -> impl IntoView {
    view! {
        <p>
            <Badge tone=Tone::Warning icon=IconName::Alert>
                {words}
            </Badge>
        </p>
    }
}

fn taken(i18n: I18nContext<Locale>, language: Language, here: FixedOffset, facts: &PhotoFacts) -> AnyView {
    let Some(taken) = facts.taken else {
        return view! { <span class="soft">{t_string!(i18n, viewer.no_time)}</span> }.into_any();
    };
    let wrong = facts.clock.map(|clock| match clock {
        ClockDoubt::Ahead(by) => t_string!(i18n, viewer.ahead, length = words::span(language, by)),
        ClockDoubt::OutsideVisit => t_string!(i18n, viewer.outside).to_owned(),
    });
    view! {
        <span class="numbers">{words::exactly(taken, here)}</span>
        {wrong.map(doubt)}
    }
    .into_any()
}

fn said_taken(i18n: I18nContext<Locale>, here: FixedOffset, facts: &PhotoFacts) -> AnyView {
    let said = facts.said_taken.map(|said| {
        view! {
            <Fact name=t_string!(i18n, viewer.said_time).to_owned()>
                <span class="numbers">{words::exactly(said, here)}</span>
                {doubt(t_string!(i18n, viewer.differs).to_owned())}
            </Fact>
        }
    });
    said.into_any()
}

fn place(i18n: I18nContext<Locale>, facts: &PhotoFacts) -> AnyView {
    let Some(whereabouts) = &facts.whereabouts else {
        return view! {
            <Fact name=t_string!(i18n, viewer.place).to_owned()>
                <span class="soft">{t_string!(i18n, viewer.no_place)}</span>
            </Fact>
        }
        .into_any();
    };
    let name = if whereabouts.of_visit {
        t_string!(i18n, viewer.visit_place)
    } else {
        t_string!(i18n, viewer.place)
    };
    let place = &whereabouts.place;
    let tone = if place.accuracy_m > ACCURACY_M_MAX { Tone::Warning } else { Tone::Plain };
    let metres = format!("{:.0}", place.accuracy_m);
    let coordinates = words::coordinates(place);
    view! {
        <Fact name=name.to_owned()>
            <span class="cluster">
                <span class="numbers">{coordinates}</span>
                <Badge tone>{t_string!(i18n, submission.accuracy, metres = metres)}</Badge>
            </span>
        </Fact>
    }
    .into_any()
}

fn from_case(
    i18n: I18nContext<Locale>,
    language: Language,
    facts: &PhotoFacts,
    case_place: Option<&CasePlace>,
) -> AnyView {
    let Some(((metres, is_far), case_place)) = facts.from_case.zip(case_place) else {
        return ().into_any();
    };
    let name = match case_place.visited_at {
        None => t_string!(i18n, viewer.from_case),
        Some(_) => t_string!(i18n, viewer.from_visit),
    };
    let visited = case_place.visited_at.map(|at| {
        let day = words::day(language, at.date_naive(), today());
        view! { <p class="small soft">{t_string!(i18n, viewer.visited, day = day)}</p> }
    });
    view! {
        <Fact name=name.to_owned()>
            <span class="numbers" data-metres=format!("{metres:.0}")>{words::distance(language, metres)}</span>
            {is_far.then(|| doubt(t_string!(i18n, viewer.far).to_owned()))}
            {visited}
        </Fact>
    }
    .into_any()
}

fn said_where(i18n: I18nContext<Locale>, language: Language, facts: &PhotoFacts) -> AnyView {
    let said = facts.said_where.map(|(Spot { latitude_degrees, longitude_degrees }, apart)| {
        let words = match apart {
            Some(apart) => t_string!(i18n, viewer.apart, length = words::distance(language, apart)),
            None => t_string!(i18n, viewer.differs).to_owned(),
        };
        view! {
            <Fact name=t_string!(i18n, viewer.said_place).to_owned()>
                <span class="numbers">{format!("{latitude_degrees:.5}, {longitude_degrees:.5}")}</span>
                {doubt(words)}
            </Fact>
        }
    });
    said.into_any()
}

fn from(i18n: I18nContext<Locale>, source: CaptureSource) -> AnyView {
    let words = match source {
        CaptureSource::InApp => t_string!(i18n, viewer.source_in_app),
        CaptureSource::Camera => t_string!(i18n, viewer.source_camera),
        CaptureSource::Gallery => t_string!(i18n, viewer.source_gallery),
    };
    let is_gallery = source == CaptureSource::Gallery;
    view! {
        <Fact name=t_string!(i18n, viewer.source).to_owned()>
            {if is_gallery { doubt(words.to_owned()).into_any() } else { words.into_any() }}
        </Fact>
    }
    .into_any()
}

/// Photos of other visits that look the same.
#[component]
fn LooksAlike(id: MediaId, files: Files, choice: RwSignal<Option<String>>) -> impl IntoView {
    let i18n = use_i18n();
    let settings = use_settings();
    Effect::new(move |_| files.ask_alike(id));
    let found = move || match files.alike(id) {
        None | Some(Alike::Asking) => view! {
            <p class="soft">
                <Icon name=IconName::Sync turning=true />
            </p>
        }
        .into_any(),
        Some(Alike::Failed(text)) => view! {
            <p>{move || text.get(settings.language()).to_owned()}</p>
            <Button kind=ButtonKind::Secondary on_press=move || files.ask_alike(id)>
                {t!(i18n, common.try_again)}
            </Button>
        }
        .into_any(),
        Some(Alike::Found(photos)) if photos.is_empty() => {
            view! { <p class="soft">{t!(i18n, viewer.alike_none)}</p> }.into_any()
        }
        Some(Alike::Found(photos)) => {
            let lines =
                photos.into_iter().map(|photo| view! { <LookAlike photo files choice /> }).collect_view();
            view! {
                <p class="small soft">{t!(i18n, viewer.alike_text)}</p>
                <ul class="alike">{lines}</ul>
            }
            .into_any()
        }
    };
    view! {
        <section class="lightbox__alike">
            <h3 class="lightbox__heading">{t!(i18n, viewer.alike)}</h3>
            {found}
        </section>
    }
}

#[component]
fn LookAlike(photo: SimilarPhoto, files: Files, choice: RwSignal<Option<String>>) -> impl IntoView {
    let i18n = use_i18n();
    let (id, label) = (photo.media_id, photo.case_label.clone());
    let alt = label.clone();
    let received_at = photo.received_at;
    let author = photo.author_name.clone();
    let about = move || {
        let at = words::moment_here(spoken(i18n), received_at, now());
        format!("{author} · {at}")
    };
    let how = move || {
        if photo.differing_bits <= SAME_BITS_MAX {
            t_string!(i18n, viewer.alike_same)
        } else {
            t_string!(i18n, viewer.alike_near)
        }
    };
    view! {
        <li class="alike__one" data-alike=id.to_string()>
            <button
                type="button"
                class="photo photo--small"
                aria-label=move || t_string!(i18n, viewer.alike_of, who = label.clone())
                on:click=move |_| choice.set(Some(alike_key(id)))
            >
                <Picture id address=photo.address size=Size::Thumbnail alt pressed=true />
            </button>
            <div class="alike__words">
                <a
                    class="alike__link"
                    href=format!("/submission/{}", photo.submission_id)
                    on:click=move |_| files.open.set(None)
                >
                    {photo.case_label}
                </a>
                <p class="small">{about}</p>
                <p>
                    <Badge tone=Tone::Warning>{how}</Badge>
                </p>
            </div>
        </li>
    }
}
