//! Lines and areas: points added one by one where one stands.

use std::rc::Rc;

use doorstep_core::submission::Place;
use leptos::prelude::*;

use super::measure::{Measure, TypedPlace};
use super::place::stored;
use super::question::Handle;
use crate::i18n::*;
use crate::ui::{IconButton, IconName};

/// Mean radius of the earth.
const EARTH_M: f64 = 6_371_008.8;

/// The points of a stored line or area, without the one that closes it.
fn points(value: &str, closed: bool) -> Vec<String> {
    let mut points: Vec<String> =
        value.split(';').map(str::trim).filter(|point| !point.is_empty()).map(str::to_owned).collect();
    if closed && points.len() > 3 && points.first() == points.last() {
        points.pop();
    }
    points
}

/// As the engine wants it; an area closes itself.
fn joined(points: &[String], closed: bool) -> String {
    let back = points.first().filter(|_| closed && points.len() > 2);
    points.iter().chain(back).map(String::as_str).collect::<Vec<_>>().join(";")
}

fn degrees(point: &str) -> Option<(f64, f64)> {
    let mut numbers = point.split_whitespace().map_while(|number| number.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// Metres between two points.
fn distance_m((from_latitude, from_longitude): (f64, f64), (to_latitude, to_longitude): (f64, f64)) -> f64 {
    let (from, to) = (from_latitude.to_radians(), to_latitude.to_radians());
    let east = (to_longitude - from_longitude).to_radians();
    let half = ((to - from) / 2.0).sin().powi(2) + from.cos() * to.cos() * (east / 2.0).sin().powi(2);
    2.0 * EARTH_M * half.sqrt().min(1.0).asin()
}

/// Metres along the line, or around the area.
fn length_m(points: &[String], closed: bool) -> f64 {
    let places: Vec<(f64, f64)> = points.iter().filter_map(|point| degrees(point)).collect();
    let way: f64 =
        places.windows(2).map(|pair| if let [from, to] = pair { distance_m(*from, *to) } else { 0.0 }).sum();
    match (places.first(), places.last()) {
        (Some(first), Some(last)) if closed => way + distance_m(*last, *first),
        _ => way,
    }
}

/// The widget of a trace and of a shape.
#[component]
pub fn TrackField(handle: Handle, closed: bool) -> impl IntoView {
    let i18n = use_i18n();
    let there = Memo::new(move |_| points(&handle.value(), closed));
    let least = if closed { 3 } else { 2 };
    let add = move |point: String| {
        let mut points = there.get_untracked();
        points.push(point);
        handle.answer(joined(&points, closed));
    };
    let remove = move |at: usize| {
        let mut points = there.get_untracked();
        if at < points.len() {
            points.remove(at);
        }
        handle.answer(joined(&points, closed));
    };
    let taken: Rc<dyn Fn(Place)> = Rc::new(move |place| add(stored(&place)));
    let line = move |(at, point): (usize, String)| {
        let mut parts = point.split_whitespace().map(str::to_owned);
        let (latitude, longitude) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let accuracy =
            parts.nth(1).and_then(|metres| metres.parse::<f64>().ok()).filter(|metres| *metres > 0.0);
        view! {
            <li class="track__point">
                <span class="track__number numbers">{at + 1}</span>
                <span class="track__words numbers">
                    {latitude} ", " {longitude}
                    {accuracy.map(|metres| view! { <span class="soft small">{format!(" ±{metres:.0} m")}</span> })}
                </span>
                <IconButton
                    name=IconName::Trash
                    label=Signal::derive(move || {
                        t_string!(i18n, fill.point_remove, number = (at + 1).to_string())
                    })
                    on_press=move || remove(at)
                />
            </li>
        }
    };
    let far =
        move || there.with(|points| (points.len() > 1).then(|| format!("{:.0}", length_m(points, closed))));
    view! {
        <div class="place" id=handle.id.get_value() role="group" aria-labelledby=handle.label_id.get_value()>
            <ol class="list track" hidden=move || there.with(Vec::is_empty)>
                <For
                    each=move || there.get().into_iter().enumerate()
                    key=|(at, point)| (*at, point.clone())
                    children=line
                />
            </ol>
            <p class="soft small" role="status">
                {move || {
                    let count = there.with(Vec::len);
                    if count < least {
                        t_string!(i18n, fill.points_missing, count = (least - count).to_string())
                    } else if closed {
                        t_string!(i18n, fill.shape_length, metres = far().unwrap_or_default())
                    } else {
                        t_string!(i18n, fill.trace_length, metres = far().unwrap_or_default())
                    }
                }}
            </p>
            <Measure
                words=Signal::derive(move || t_string!(i18n, fill.point_add).to_owned())
                enough_m=handle.parameter("capture-accuracy")
                on_taken=taken
            />
            <TypedPlace on_typed=add />
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_closes_itself_once_it_is_one() {
        let corner = |text: &str| text.to_owned();
        let mut corners = vec![corner("34 108 0 5"), corner("34 109 0 5")];
        assert_eq!(joined(&corners, true), "34 108 0 5;34 109 0 5");
        corners.push(corner("35 109 0 5"));
        let area = joined(&corners, true);
        assert_eq!(area, "34 108 0 5;34 109 0 5;35 109 0 5;34 108 0 5");
        assert_eq!(points(&area, true), corners);
        assert_eq!(joined(&corners, false), "34 108 0 5;34 109 0 5;35 109 0 5");
        assert_eq!(points(&joined(&corners, false), false), corners);
        assert_eq!(points("", true), Vec::<String>::new());
    }

    #[test]
    fn lengths_are_those_of_the_earth() {
        let line = ["0 0 0 0", "0 1 0 0"].map(str::to_owned);
        assert!((length_m(&line, false) - 111_195.0).abs() < 1.0);
        assert!((length_m(&line, true) - 222_390.0).abs() < 1.0);
    }
}
