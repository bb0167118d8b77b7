//! What an answer is to expressions: one test a type.

mod common;

use common::{answer, at, start};
use doorstep_form::{ProblemKind, Session};

const FORM: &str = "
| survey |
|        | type      | name  | label                       | calculation                  | relevant     |
|        | geopoint  | spot  | Spot                        |                              |              |
|        | geotrace  | way   | Way                         |                              |              |
|        | dateTime  | seen  | Seen                        |                              |              |
|        | date      | born  | Born                        |                              |              |
|        | integer   | many  | Many                        |                              |              |
|        | note      | told  | At ${spot}, along ${way}    |                              |              |
|        | calculate | exact |                             | selected-at(${spot}, 3)      |              |
|        | calculate | texts |                             | concat(${seen}, ${born}, ${many}) |         |
|        | text      | more  | More                        |                              | ${many} > 1  |
";

fn problem(session: &Session, place: &str) -> Option<ProblemKind> {
    session.node(&common::path(place)).expect("a node").problem
}

/// Decimal degrees and metres (ODK XForms, data types), as JavaRosa and ODK Web
/// Forms write them, while the answer stays as the device gave it.
#[test]
fn places_are_decimal_numbers() {
    let mut session = start(FORM);
    answer(&mut session, "/spot", "34 108.9 400 5");
    answer(&mut session, "/way", "34 108.90; 35.5 109");
    assert_eq!(at(&session, "/spot"), "34 108.9 400 5");
    assert_eq!(at(&session, "/exact"), "5.0");
    let label = session.node(&common::path("/told")).expect("a note").label;
    assert_eq!(label, "At 34.0 108.9 400.0 5.0, along 34.0 108.9;35.5 109.0");
    answer(&mut session, "/spot", "");
    assert_eq!(at(&session, "/exact"), "");
}

/// A device that does not know where it is writes zeros.
#[test]
fn nothing_but_zeros_is_no_place() {
    let mut session = start(FORM);
    answer(&mut session, "/spot", "0 0 0 0");
    assert_eq!(problem(&session, "/spot"), Some(ProblemKind::WrongType));
    assert_eq!(at(&session, "/exact"), "");
    answer(&mut session, "/spot", "0 0 0 12");
    assert_eq!((problem(&session, "/spot"), at(&session, "/exact")), (None, "12.0".to_owned()));
}

/// XML Schema wants a T between day and time; a space makes it no dateTime.
#[test]
fn a_moment_has_a_t() {
    let mut session = start(FORM);
    answer(&mut session, "/seen", "2026-04-22 14:30:00Z");
    assert_eq!(problem(&session, "/seen"), Some(ProblemKind::WrongType));
    assert_eq!(at(&session, "/seen"), "2026-04-22 14:30:00Z", "nothing typed is lost");
    for value in ["2026-04-22T14:30:00Z", "2026-04-22T14:30", "2026-04-22T14:30:00.250+08:00"] {
        answer(&mut session, "/seen", value);
        assert_eq!(problem(&session, "/seen"), None, "{value}");
    }
}

#[test]
fn what_is_not_of_its_type_is_empty_to_expressions() {
    let mut session = start(FORM);
    answer(&mut session, "/born", "2026-01-02");
    answer(&mut session, "/many", "3");
    assert_eq!(at(&session, "/texts"), "2026-01-023");
    for (place, wrong) in [("/seen", "soon"), ("/born", "2026-13-40"), ("/many", "3 or 4"), ("/spot", "here")]
    {
        answer(&mut session, place, wrong);
        assert_eq!(problem(&session, place), Some(ProblemKind::WrongType), "{place}");
        assert_eq!(at(&session, place), wrong);
    }
    assert_eq!((at(&session, "/texts"), at(&session, "/exact")), (String::new(), String::new()));
    assert!(!session.node(&common::path("/more")).expect("a question").relevant);
    answer(&mut session, "/many", "4");
    assert_eq!(at(&session, "/texts"), "4");
    assert!(session.node(&common::path("/more")).expect("a question").relevant);
}
