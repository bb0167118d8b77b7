//! The types of one question, with all spellings that XLSForm has known.

use crate::form::NodeKind;

/// A type, and what it says beyond its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlainType {
    pub(super) kind: NodeKind,
    pub(super) constraint: Option<&'static str>,
    pub(super) hint: Option<&'static str>,
    /// An attribute of the bind, for clients that read it.
    pub(super) bind: Option<(&'static str, &'static str)>,
}

impl PlainType {
    pub(super) fn of(kind: NodeKind) -> PlainType {
        PlainType { kind, constraint: None, hint: None, bind: None }
    }
}

/// The spellings to use today; suggestions come from here.
pub(super) const NAMES: &[(&str, NodeKind)] = &[
    ("text", NodeKind::Text),
    ("integer", NodeKind::Integer),
    ("decimal", NodeKind::Decimal),
    ("date", NodeKind::Date),
    ("time", NodeKind::Time),
    ("dateTime", NodeKind::DateTime),
    ("note", NodeKind::Note),
    ("acknowledge", NodeKind::Acknowledge),
    ("calculate", NodeKind::Calculate),
    ("hidden", NodeKind::Hidden),
    ("range", NodeKind::Range),
    ("image", NodeKind::Image),
    ("audio", NodeKind::Audio),
    ("video", NodeKind::Video),
    ("file", NodeKind::File),
    ("barcode", NodeKind::Barcode),
    ("geopoint", NodeKind::Geopoint),
    ("geotrace", NodeKind::Geotrace),
    ("geoshape", NodeKind::Geoshape),
    ("start", NodeKind::Start),
    ("end", NodeKind::End),
    ("today", NodeKind::Today),
    ("username", NodeKind::Username),
    ("deviceid", NodeKind::DeviceId),
    ("phonenumber", NodeKind::PhoneNumber),
    ("email", NodeKind::Email),
    ("simserial", NodeKind::SimSerial),
    ("subscriberid", NodeKind::SubscriberId),
    ("audit", NodeKind::Audit),
    ("start-geopoint", NodeKind::StartGeopoint),
    ("background-audio", NodeKind::BackgroundAudio),
    ("background-geopoint", NodeKind::BackgroundGeopoint),
];

/// Older spellings.
const OLDER: &[(&str, NodeKind)] = &[
    ("string", NodeKind::Text),
    ("q string", NodeKind::Text),
    ("add text prompt", NodeKind::Text),
    ("int", NodeKind::Integer),
    ("q int", NodeKind::Integer),
    ("add integer prompt", NodeKind::Integer),
    ("q decimal", NodeKind::Decimal),
    ("add decimal prompt", NodeKind::Decimal),
    ("q date", NodeKind::Date),
    ("add date prompt", NodeKind::Date),
    ("datetime", NodeKind::DateTime),
    ("date time", NodeKind::DateTime),
    ("q dateTime", NodeKind::DateTime),
    ("q date time", NodeKind::DateTime),
    ("add date time prompt", NodeKind::DateTime),
    ("add dateTime prompt", NodeKind::DateTime),
    ("q note", NodeKind::Note),
    ("add note prompt", NodeKind::Note),
    ("trigger", NodeKind::Acknowledge),
    ("q acknowledge", NodeKind::Acknowledge),
    ("add acknowledge prompt", NodeKind::Acknowledge),
    ("q calculate", NodeKind::Calculate),
    ("add calculate prompt", NodeKind::Calculate),
    ("photo", NodeKind::Image),
    ("q image", NodeKind::Image),
    ("q picture", NodeKind::Image),
    ("add image prompt", NodeKind::Image),
    ("add photo prompt", NodeKind::Image),
    ("q audio", NodeKind::Audio),
    ("add audio prompt", NodeKind::Audio),
    ("q video", NodeKind::Video),
    ("add video prompt", NodeKind::Video),
    ("add file prompt", NodeKind::File),
    ("osm", NodeKind::File),
    ("q barcode", NodeKind::Barcode),
    ("add barcode prompt", NodeKind::Barcode),
    ("gps", NodeKind::Geopoint),
    ("location", NodeKind::Geopoint),
    ("q geopoint", NodeKind::Geopoint),
    ("q location", NodeKind::Geopoint),
    ("add location prompt", NodeKind::Geopoint),
    ("q geotrace", NodeKind::Geotrace),
    ("q geoshape", NodeKind::Geoshape),
    ("start time", NodeKind::Start),
    ("get start time", NodeKind::Start),
    ("end time", NodeKind::End),
    ("get end time", NodeKind::End),
    ("get today", NodeKind::Today),
    ("imei", NodeKind::DeviceId),
    ("device id", NodeKind::DeviceId),
    ("get device id", NodeKind::DeviceId),
    ("get phone number", NodeKind::PhoneNumber),
    ("sim id", NodeKind::SimSerial),
    ("get sim id", NodeKind::SimSerial),
    ("subscriber id", NodeKind::SubscriberId),
    ("get subscriber id", NodeKind::SubscriberId),
];

/// A type of this name.
pub(super) fn plain_type(name: &str) -> Option<PlainType> {
    if let Some((_, kind)) = NAMES.iter().chain(OLDER).find(|(known, _)| *known == name) {
        return Some(PlainType::of(*kind));
    }
    let number = |constraint, hint| PlainType {
        constraint: Some(constraint),
        hint,
        ..PlainType::of(NodeKind::Integer)
    };
    let uri =
        |kind, property| PlainType { bind: Some(("jr:preloadParams", property)), ..PlainType::of(kind) };
    Some(match name {
        "percentage" => number("0 <= . and . <= 100", None),
        "number of days in last month" => number("0 <= . and . <= 31", Some("Enter a number 0-31.")),
        "number of days in last six months" => number("0 <= . and . <= 183", Some("Enter a number 0-183.")),
        "number of days in last year" => number("0 <= . and . <= 365", Some("Enter a number 0-365.")),
        "phone number" => PlainType {
            constraint: Some(r"regex(., '^\d*$')"),
            hint: Some("Enter numbers only."),
            ..PlainType::of(NodeKind::Text)
        },
        "uri:deviceid" => uri(NodeKind::DeviceId, "uri:deviceid"),
        "uri:phonenumber" => uri(NodeKind::PhoneNumber, "uri:phonenumber"),
        "uri:simserial" => uri(NodeKind::SimSerial, "uri:simserial"),
        "uri:subscriberid" => uri(NodeKind::SubscriberId, "uri:subscriberid"),
        "uri:username" => uri(NodeKind::Username, "uri:username"),
        "uri:email" => uri(NodeKind::Email, "uri:email"),
        _ => return None,
    })
}
