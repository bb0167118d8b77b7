//! Places on earth: `latitude longitude altitude accuracy`, several separated
//! by semicolons. The earth is a ball with the radius of the equator.

use super::Result;
use crate::expr::EvaluationError;
use crate::expr::ast::Call;
use crate::expr::evaluate::{Evaluator, Focus};
use crate::expr::value::Value;

/// Radius of the equator in metres.
const RADIUS: f64 = 6_378_100.0;

#[derive(Debug, Clone, Copy)]
struct Place {
    latitude: f64,
    longitude: f64,
}

/// The places of the arguments from this one on. `None` when there is something
/// that is no place.
fn places<'a>(
    evaluator: &mut Evaluator<'a>,
    call: &'a Call,
    focus: &Focus,
    first: usize,
) -> std::result::Result<Option<Vec<Place>>, EvaluationError> {
    let mut places = Vec::new();
    let mut readable = true;
    for argument in call.arguments.iter().skip(first) {
        match evaluator.evaluate(argument, focus)? {
            Value::Nodes(nodes) => {
                for node in nodes {
                    readable &= read(&evaluator.environment.text(node), &mut places);
                }
            }
            value => readable &= read(&evaluator.to_text(value), &mut places),
        }
        evaluator.spend(places.len())?;
    }
    Ok(readable.then_some(places))
}

/// Adds the places of a text; false when one of them is none. A semicolon at
/// the end is no mistake.
fn read(text: &str, places: &mut Vec<Place>) -> bool {
    let mut parts = text.trim().trim_end_matches(';').split(';');
    parts.all(|part| {
        let mut numbers = part.split_whitespace().map(|number| number.parse::<f64>().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(latitude), Some(longitude)) if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 => {
                places.push(Place { latitude, longitude });
                true
            }
            _ => false,
        }
    })
}

/// Square metres within a line of places, which need not be closed; 0 for less
/// than three, and for what is no line. To two places, which is more than any
/// position is worth.
pub(super) fn area<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let places = places(evaluator, call, focus, 0)?.unwrap_or_default();
    if places.len() < 3 {
        return Ok(Value::Number(0.0));
    }
    let next = places.iter().cycle().skip(1);
    let doubled: f64 = places
        .iter()
        .zip(next)
        .map(|(from, to)| {
            let turn = (to.longitude - from.longitude).to_radians();
            turn * (2.0 + from.latitude.to_radians().sin() + to.latitude.to_radians().sin())
        })
        .sum();
    Ok(Value::Number(super::numbers::round_half_up((doubled * RADIUS * RADIUS / 2.0).abs(), 2)))
}

/// Metres along a line of places, to two places; 0 for less than two, and for
/// what is no line.
pub(super) fn distance<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let places = places(evaluator, call, focus, 0)?.unwrap_or_default();
    let metres = places.iter().zip(places.iter().skip(1)).map(|(from, to)| {
        let turn = (from.longitude - to.longitude).to_radians();
        let (from, to) = (from.latitude.to_radians(), to.latitude.to_radians());
        // Rounding may lead beyond what has an arc.
        let cosine = from.sin() * to.sin() + from.cos() * to.cos() * turn.cos();
        cosine.clamp(-1.0, 1.0).acos() * RADIUS
    });
    Ok(Value::Number(super::numbers::round_half_up(metres.sum(), 2)))
}

/// `geofence(place, shape)`: whether the place lies within the closed line.
pub(super) fn geofence<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, focus: &Focus) -> Result<'a> {
    let place = evaluator.text_argument(call, 0, focus)?;
    let mut point = Vec::new();
    let fence = places(evaluator, call, focus, 1)?.unwrap_or_default();
    let (true, [point]) = (read(&place, &mut point), point.as_slice()) else {
        return Ok(Value::Boolean(false));
    };
    // How often a ray eastwards crosses the line: an odd number is inside.
    let mut inside = false;
    let closed = matches!(
        (fence.first(), fence.last()),
        (Some(first), Some(last)) if first.latitude == last.latitude && first.longitude == last.longitude
    );
    if closed {
        for (from, to) in fence.iter().zip(fence.iter().skip(1)) {
            let spans = (to.latitude > point.latitude) != (from.latitude > point.latitude);
            let crossing = (from.longitude - to.longitude) * (point.latitude - to.latitude)
                / (from.latitude - to.latitude)
                + to.longitude;
            inside ^= spans && point.longitude < crossing;
        }
    }
    Ok(Value::Boolean(inside))
}
