//! What a node is, and how its values are read and written.

use serde::{Deserialize, Serialize};

/// What a node is. A question's kind decides which values it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Questions that belong together.
    Group,
    /// Questions that are asked once per instance.
    Repeat,
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Decimal,
    /// A day: `2026-11-23`.
    Date,
    /// A time of day: `09:30:00.000+08:00`.
    Time,
    /// A moment: `2026-11-23T09:30:00.000+08:00`.
    DateTime,
    /// One choice of a list.
    SelectOne,
    /// Any number of choices of a list, separated by spaces.
    SelectMultiple,
    /// All choices of a list in an order, separated by spaces.
    Rank,
    /// Something to read; has no value.
    Note,
    /// A box to tick: `OK` or empty.
    Acknowledge,
    /// A value the form computes and never shows.
    Calculate,
    /// A value the host puts in and the form never shows.
    Hidden,
    /// A number on a scale.
    Range,
    /// A picture: name of the attached file. Also signatures and drawings.
    Image,
    /// A sound: name of the attached file.
    Audio,
    /// A film: name of the attached file.
    Video,
    /// Any file: its name.
    File,
    /// A scanned code.
    Barcode,
    /// A place: `latitude longitude altitude accuracy`, in degrees and metres.
    Geopoint,
    /// A line: places separated by `;`.
    Geotrace,
    /// An area: places separated by `;`, the last equal to the first.
    Geoshape,
    /// When the instance was begun.
    Start,
    /// When the instance was finished.
    End,
    /// The day on which the instance was begun.
    Today,
    /// Who fills the form.
    Username,
    /// The device on which it is filled.
    DeviceId,
    /// The person's telephone number, as the host knows it.
    PhoneNumber,
    /// The person's e-mail address, as the host knows it.
    Email,
    /// Number of the device's SIM card; hosts of today leave it empty.
    SimSerial,
    /// Number of the device's subscriber; hosts of today leave it empty.
    SubscriberId,
    /// The identity of this instance: `uuid:…`.
    InstanceId,
    /// A sound recorded while the form is filled: name of the attached file.
    /// Recording begins whenever the instance is opened, in the quality of the
    /// parameter `quality`; no action says so again.
    BackgroundAudio,
    /// A place recorded when one of its `triggers` is answered; no action says
    /// so again.
    BackgroundGeopoint,
    /// The place where the instance was begun; no action says so again.
    StartGeopoint,
    /// An attribute of the element around it.
    Attribute,
    /// Asks the host to keep a log of the filling; has no value of its own
    /// unless the host gives one.
    Audit,
}

impl NodeKind {
    /// Groups and repeats.
    pub fn is_container(self) -> bool {
        matches!(self, NodeKind::Group | NodeKind::Repeat)
    }

    /// What a person fills or reads: everything but containers, computed and
    /// hidden values and metadata.
    pub fn is_shown(self) -> bool {
        !self.is_container()
            && !self.is_metadata()
            && !matches!(self, NodeKind::Calculate | NodeKind::Hidden | NodeKind::Attribute)
    }

    /// Values the engine records by itself.
    pub fn is_metadata(self) -> bool {
        matches!(
            self,
            NodeKind::Start
                | NodeKind::End
                | NodeKind::Today
                | NodeKind::Username
                | NodeKind::DeviceId
                | NodeKind::PhoneNumber
                | NodeKind::Email
                | NodeKind::SimSerial
                | NodeKind::SubscriberId
                | NodeKind::InstanceId
                | NodeKind::BackgroundAudio
                | NodeKind::BackgroundGeopoint
                | NodeKind::StartGeopoint
                | NodeKind::Audit
        )
    }

    /// Takes its values from a list.
    pub fn is_select(self) -> bool {
        matches!(self, NodeKind::SelectOne | NodeKind::SelectMultiple | NodeKind::Rank)
    }

    /// The value names a file that travels beside the instance.
    pub fn is_media(self) -> bool {
        matches!(self, NodeKind::Image | NodeKind::Audio | NodeKind::Video | NodeKind::File)
    }
}

/// How a value is read and written; what the `type` of a bind says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    /// Any text.
    String,
    /// A whole number.
    Int,
    /// A number.
    Decimal,
    /// `true` or `false`, in the spellings of XML Schema.
    Boolean,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A moment.
    DateTime,
    /// A place.
    Geopoint,
    /// A line of places.
    Geotrace,
    /// An area of places.
    Geoshape,
    /// Name of an attached file.
    Binary,
    /// A scanned code.
    Barcode,
    /// `intent:…` of older clients; a text.
    Intent,
}

impl NodeKind {
    /// The data type that values of this kind have unless the form says
    /// otherwise.
    pub fn data_type(self) -> DataType {
        match self {
            NodeKind::Integer => DataType::Int,
            NodeKind::Decimal | NodeKind::Range => DataType::Decimal,
            NodeKind::Date | NodeKind::Today => DataType::Date,
            NodeKind::Time => DataType::Time,
            NodeKind::DateTime | NodeKind::Start | NodeKind::End => DataType::DateTime,
            NodeKind::Geopoint | NodeKind::BackgroundGeopoint | NodeKind::StartGeopoint => DataType::Geopoint,
            NodeKind::Geotrace => DataType::Geotrace,
            NodeKind::Geoshape => DataType::Geoshape,
            NodeKind::Image
            | NodeKind::Audio
            | NodeKind::Video
            | NodeKind::File
            | NodeKind::BackgroundAudio
            | NodeKind::Audit => DataType::Binary,
            NodeKind::Barcode => DataType::Barcode,
            _ => DataType::String,
        }
    }
}
