//! Line icons, drawn here: no font, no file.

use leptos::prelude::*;

/// What a sign shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IconName {
    Alert,
    Back,
    Backspace,
    Barcode,
    Book,
    Calendar,
    Camera,
    Check,
    CheckCircle,
    Chevron,
    Clock,
    Close,
    CloudOff,
    Comment,
    Download,
    Down,
    Edit,
    Eye,
    EyeOff,
    File,
    Grip,
    Home,
    Info,
    Lock,
    Mic,
    Minus,
    Outbox,
    Person,
    Phone,
    Photo,
    Place,
    Plus,
    Queue,
    Search,
    Sound,
    Star,
    Stop,
    Storage,
    Sync,
    Trash,
    Up,
    Video,
}

impl IconName {
    /// The lines, in a square of 24.
    fn path(self) -> &'static str {
        match self {
            Self::Alert => "M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.1",
            Self::Back => "M15 5l-7 7 7 7",
            Self::Backspace => "M9 5h11a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H9l-6-7zM12 9.5l5 5M17 9.5l-5 5",
            Self::Barcode => "M4 6v12M7 6v12M10.5 6v12M13 6v12M16.5 6v12M20 6v12",
            Self::Book => "M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11M9 8h6",
            Self::Calendar => "M4 6h16v14H4zM4 10.5h16M8 3.5V7M16 3.5V7M8.5 15.2l2.4 2.3 4.6-4.3",
            Self::Camera => "M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 10a3.3 3.3 0 1 0 0 6.6a3.3 3.3 0 1 0 0-6.6",
            Self::Check => "M5 12.5l4.5 4.5L19 7.5",
            Self::CheckCircle => "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M8 12.3l2.8 2.8L16 9.7",
            Self::Chevron => "M9.5 5.5l6.5 6.5-6.5 6.5",
            Self::Clock => "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 7.5V12l3 2.5",
            Self::Close => "M6 6l12 12M18 6L6 18",
            Self::CloudOff => {
                "M8 7.2A6 6 0 0 1 18 10a4 4 0 0 1 2.3 7M16.5 18H7a4.2 4.2 0 0 1-.9-8.3M4 4l16 16"
            }
            Self::Comment => "M4 5h16v11.5h-8L7.5 20v-3.5H4zM8 9.2h8M8 12.4h5",
            Self::Download => "M12 4v10.5M7.5 10.5L12 15l4.5-4.5M5 19.5h14",
            Self::Down => "M5.5 9.5l6.5 6.5 6.5-6.5",
            Self::Edit => {
                "M4 20l1-4.2L15.8 5a1.8 1.8 0 0 1 2.6 0l.6.6a1.8 1.8 0 0 1 0 2.6L8.2 19zM14 6.8l3.2 3.2"
            }
            Self::Eye => {
                "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6a2.8 2.8 0 1 0 0-5.6"
            }
            Self::EyeOff => {
                "M4 4l16 16M6.7 7.3C4 9.1 2.5 12 2.5 12S6 18.5 12 18.5c1.7 0 3.2-.5 4.5-1.2M10 5.7A9 9 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a17 17 0 0 1-2.4 3.2M9.9 10.2a2.8 2.8 0 0 0 4 3.9"
            }
            Self::File => "M6 3.5h8l4.5 4.5v12.5H6zM13.5 3.8V8.5h4.8",
            Self::Grip => "M5 9h14M5 15h14",
            Self::Home => "M3.5 11.5 12 4l8.5 7.5M6 9.7V20h12V9.7M10 20v-5.5h4V20",
            Self::Info => "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 11v5.5M12 7.6v.1",
            Self::Lock => "M5.5 11h13v9h-13zM8.5 11V8a3.5 3.5 0 0 1 7 0v3M12 14.5v2.2",
            Self::Mic => {
                "M12 3.5a2.8 2.8 0 0 0-2.8 2.8v5a2.8 2.8 0 0 0 5.6 0v-5A2.8 2.8 0 0 0 12 3.5M5.8 11a6.2 6.2 0 0 0 12.4 0M12 17.2v3.3"
            }
            Self::Minus => "M5 12h14",
            Self::Outbox => {
                "M4 14v5.5h16V14M4 14h4.5l1.2 2.5h4.6l1.2-2.5H20M12 12.5V4M8.3 7.5 12 3.8l3.7 3.7"
            }
            Self::Person => "M12 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8M4.5 20.5c.5-4 3.6-6 7.5-6s7 2 7.5 6",
            Self::Phone => {
                "M6 3.5h3.5l1.5 4.3-2.2 1.7a12 12 0 0 0 5.7 5.7l1.7-2.2 4.3 1.5V18a2.5 2.5 0 0 1-2.7 2.5A15.5 15.5 0 0 1 3.5 6.2 2.5 2.5 0 0 1 6 3.5z"
            }
            Self::Photo => {
                "M4 5h16v14H4zM4 16l4.7-4.7 4.3 4.2 2.3-2.2L20 17.7M15.5 8a1.4 1.4 0 1 0 0 2.8a1.4 1.4 0 1 0 0-2.8"
            }
            Self::Place => {
                "M12 21s7-6.3 7-11.5a7 7 0 0 0-14 0C5 14.7 12 21 12 21zM12 7a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5"
            }
            Self::Plus => "M12 5v14M5 12h14",
            Self::Queue => "M8.5 6.5H20M8.5 12H20M8.5 17.5H20M4 6.5h.7M4 12h.7M4 17.5h.7",
            Self::Search => "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M15.3 15.3 20 20",
            Self::Sound => {
                "M4 9.5h3.5L12 5.5v13l-4.5-4H4zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11"
            }
            Self::Star => "M12 3.8l2.5 5.3 5.7.7-4.2 4 1.1 5.8L12 16.8l-5.1 2.8L8 13.8l-4.2-4 5.7-.7z",
            Self::Stop => "M7 7h10v10H7z",
            Self::Storage => {
                "M5 6c0-1.4 3-2.5 7-2.5s7 1.1 7 2.5v12c0 1.4-3 2.5-7 2.5S5 19.4 5 18zM5 6c0 1.4 3 2.5 7 2.5s7-1.1 7-2.5M5 12c0 1.4 3 2.5 7 2.5s7-1.1 7-2.5"
            }
            Self::Sync => {
                "M20 6v5h-5M4 18v-5h5M5.3 9.5A7 7 0 0 1 17.5 7.7L20 11M18.7 14.5A7 7 0 0 1 6.5 16.3L4 13"
            }
            Self::Trash => "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 13h9.4l.8-13M10.3 11v5.5M13.7 11v5.5",
            Self::Up => "M5.5 14.5L12 8l6.5 6.5",
            Self::Video => "M3.5 6.5h11v11h-11zM14.5 10.5l6-3v9l-6-3z",
        }
    }
}

/// A sign. It says nothing to a screen reader: words stand beside it, or the
/// button around it has a label.
#[component]
pub fn Icon(
    name: IconName,
    /// Turns, while something goes on.
    #[prop(optional)]
    turning: bool,
) -> impl IntoView {
    view! {
        <svg
            class="icon"
            class:icon--turning=turning
            viewBox="0 0 24 24"
            aria-hidden="true"
            focusable="false"
        >
            <path d=name.path() />
        </svg>
    }
}
