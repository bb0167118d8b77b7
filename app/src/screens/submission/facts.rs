//! What is known of a picture: when and where it was taken, by whom and how,
//! and what in that does not fit together. The picture's own words (EXIF) and
//! the phone's are both kept, because either may be wrong.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use doorstep_core::api::CasePlace;
use doorstep_core::submission::{Capture, CaptureSource, Place, Spot, SubmissionContent};

/// Clocks that are set by the network differ by less.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);
/// Between the camera's note and the app's getting the picture.
const TAKEN_BEFORE: TimeDelta = TimeDelta::minutes(10);
/// Farther from the door than a yard, a field and a poor position explain.
pub(super) const FAR_M: f64 = 300.0;
/// A position with a larger radius says little about the door.
pub(super) const ACCURACY_M_MAX: f64 = 100.0;

/// What does not fit about the time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ClockDoubt {
    /// The phone says that it was taken later than the server received it.
    Ahead(TimeDelta),
    /// It was not taken between beginning and end of the visit.
    OutsideVisit,
}

/// Where a picture was taken, as well as anybody knows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Whereabouts {
    pub(super) place: Place,
    /// Measured for the visit, not for the picture.
    pub(super) of_visit: bool,
}

/// What is said of a picture, and checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PhotoFacts {
    /// By the phone's clock.
    pub(super) taken: Option<DateTime<FixedOffset>>,
    pub(super) source: Option<CaptureSource>,
    pub(super) clock: Option<ClockDoubt>,
    /// How long after it was taken the server had the submission; nothing
    /// where that was the same day.
    pub(super) received_after: Option<TimeDelta>,
    pub(super) whereabouts: Option<Whereabouts>,
    /// Metres from the case, and whether that is farther than the position's
    /// radius explains.
    pub(super) from_case: Option<(f64, bool)>,
    /// When the picture says it was taken, where that differs.
    pub(super) said_taken: Option<DateTime<FixedOffset>>,
    /// Where the picture says it was taken, where that differs; metres from
    /// where the phone was, where that is known.
    pub(super) said_where: Option<(Spot, Option<f64>)>,
}

impl PhotoFacts {
    /// Of a picture of `content`, which the server had at `received_at`.
    pub(super) fn of(
        capture: Option<&Capture>,
        content: &SubmissionContent,
        received_at: DateTime<Utc>,
        case_place: Option<&CasePlace>,
    ) -> Self {
        let is_gallery = capture.is_some_and(|capture| capture.source == CaptureSource::Gallery);
        let own = capture.and_then(|capture| capture.place.clone());
        let whereabouts = match own {
            Some(place) => Some(Whereabouts { place, of_visit: false }),
            // A picture of the gallery was taken anywhere.
            None if is_gallery => None,
            None => content.place.clone().map(|place| Whereabouts { place, of_visit: true }),
        };
        let said_where = capture.and_then(|capture| capture.taken_where).and_then(|spot| {
            let apart = whereabouts.as_ref().map(|whereabouts| whereabouts.place.spot().metres_to(spot));
            let differs = match (&whereabouts, apart) {
                (Some(whereabouts), Some(apart)) => apart > FAR_M + whereabouts.place.accuracy_m,
                _ => true,
            };
            differs.then_some((spot, apart))
        });
        let stands = match &whereabouts {
            Some(whereabouts) => Some((whereabouts.place.spot(), whereabouts.place.accuracy_m)),
            None => said_where.map(|(spot, _)| (spot, 0.0)),
        };
        let from_case = case_place.zip(stands).map(|(case, (spot, accuracy_m))| {
            let metres = case.spot.metres_to(spot);
            (metres, metres > FAR_M + accuracy_m)
        });
        let taken = capture.map(|capture| capture.at);
        Self {
            taken,
            source: capture.map(|capture| capture.source),
            clock: taken.and_then(|taken| clock_doubt(taken, content, received_at)),
            received_after: taken
                .map(|taken| received_at.signed_duration_since(taken))
                .filter(|after| *after >= TimeDelta::days(1)),
            whereabouts,
            from_case,
            said_taken: capture.and_then(|capture| {
                let said = capture.taken_at?;
                let apart = capture.at.signed_duration_since(said).abs();
                (apart > TAKEN_BEFORE).then_some(said)
            }),
            said_where,
        }
    }

    /// Whether a reviewer should look twice.
    pub(super) fn is_doubtful(&self) -> bool {
        self.source == Some(CaptureSource::Gallery)
            || self.clock.is_some()
            || self.from_case.is_some_and(|(_, is_far)| is_far)
            || self.said_taken.is_some()
            || self.said_where.is_some()
    }
}

fn clock_doubt(
    taken: DateTime<FixedOffset>,
    content: &SubmissionContent,
    received_at: DateTime<Utc>,
) -> Option<ClockDoubt> {
    let ahead = taken.signed_duration_since(received_at);
    if ahead > CLOCKS_DIFFER {
        return Some(ClockDoubt::Ahead(ahead));
    }
    let during = content.started_at - CLOCKS_DIFFER..=content.finished_at + CLOCKS_DIFFER;
    (!during.contains(&taken)).then_some(ClockDoubt::OutsideVisit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorstep_core::ids::{CaseId, FormVersionId, SubmissionId};
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn at(minute: i64) -> DateTime<FixedOffset> {
        DateTime::UNIX_EPOCH.fixed_offset() + TimeDelta::minutes(minute)
    }

    fn place(latitude_degrees: f64, accuracy_m: f64) -> Place {
        Place { latitude_degrees, longitude_degrees: 108.9, altitude_m: None, accuracy_m, at: at(0) }
    }

    fn content(place: Option<Place>) -> SubmissionContent {
        let id = SubmissionId(Uuid::from_u128(1));
        SubmissionContent {
            submission_id: id,
            root_id: id,
            revision: 1,
            form_version_id: FormVersionId(Uuid::from_u128(2)),
            form_id: "visit".into(),
            case_id: CaseId(Uuid::from_u128(3)),
            task_id: None,
            case_version: 1,
            started_at: at(0),
            finished_at: at(30),
            instance: serde_json::Value::Null,
            media: Vec::new(),
            answer_seconds: BTreeMap::new(),
            left_over: Vec::new(),
            place,
        }
    }

    fn capture(source: CaptureSource, place: Option<Place>) -> Capture {
        Capture { source, at: at(10), place, original_sha256: None, taken_at: None, taken_where: None }
    }

    fn facts(capture: &Capture, content: &SubmissionContent) -> PhotoFacts {
        let case = CasePlace { spot: place(34.0, 0.0).spot(), visited_at: None };
        PhotoFacts::of(Some(capture), content, at(40).to_utc(), Some(&case))
    }

    #[test]
    fn a_photo_taken_at_the_door_has_no_doubt() {
        let mut capture = capture(CaptureSource::Camera, Some(place(34.001, 12.0)));
        capture.taken_at = Some(at(9));
        capture.taken_where = Some(place(34.0011, 0.0).spot());
        let facts = facts(&capture, &content(None));
        assert!(!facts.is_doubtful(), "{facts:?}");
        let metres = facts.from_case.map(|(metres, is_far)| (metres.round(), is_far));
        assert_eq!(metres, Some((111.0, false)));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let mut far = capture(CaptureSource::Camera, Some(place(34.1, 5000.0)));
        assert_eq!(facts(&far, &content(None)).from_case.map(|(_, is_far)| is_far), Some(true));
        far.place = Some(place(34.1, 20_000.0));
        assert_eq!(facts(&far, &content(None)).from_case.map(|(_, is_far)| is_far), Some(false));
        far.taken_at = Some(at(-1440));
        far.taken_where = Some(place(36.0, 0.0).spot());
        let said = facts(&far, &content(None));
        assert_eq!(said.said_taken, Some(at(-1440)));
        assert!(said.said_where.is_some_and(|(_, apart)| apart.is_some_and(|metres| metres > 200_000.0)));
        assert!(said.is_doubtful());
    }

    #[test]
    fn a_clock_that_is_wrong_is_noticed() {
        let mut capture = capture(CaptureSource::InApp, None);
        capture.at = at(100);
        assert_eq!(facts(&capture, &content(None)).clock, Some(ClockDoubt::Ahead(TimeDelta::minutes(60))));
        capture.at = at(-30);
        assert_eq!(facts(&capture, &content(None)).clock, Some(ClockDoubt::OutsideVisit));
        let late = PhotoFacts::of(Some(&capture), &content(None), at(3000).to_utc(), None);
        assert_eq!(late.received_after, Some(TimeDelta::minutes(3030)));
    }

    #[test]
    fn without_a_place_of_its_own_it_was_taken_at_the_visit_but_not_in_the_gallery() {
        let visit = content(Some(place(34.0, 5.0)));
        let camera = facts(&capture(CaptureSource::Camera, None), &visit);
        assert!(camera.whereabouts.is_some_and(|whereabouts| whereabouts.of_visit));
        let mut chosen = capture(CaptureSource::Gallery, None);
        assert_eq!(facts(&chosen, &visit).whereabouts, None);
        chosen.taken_where = Some(place(35.0, 0.0).spot());
        let chosen = facts(&chosen, &visit);
        assert!(chosen.from_case.is_some_and(|(metres, is_far)| is_far && metres > 100_000.0));
    }
}
