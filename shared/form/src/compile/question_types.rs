//! The type column: what may stand there and what it means.

use crate::form::NodeKind;
use crate::problem::did_you_mean;

/// The type column, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowType {
    BeginGroup,
    EndGroup,
    BeginRepeat,
    EndRepeat,
    /// A question without a list.
    Question(NodeKind),
    /// A select from a list of the choices sheet.
    Select(NodeKind, String),
    /// A select from an attached file.
    SelectFromFile(NodeKind, String),
    /// A select from the answers to a question in a repeat.
    SelectFromRepeat(NodeKind, String),
    /// A list in a file, only for `instance('name')`.
    ExternalList,
}

/// Why a type cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TypeError {
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
}

impl TypeError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), suggestion: None }
    }
}

/// Types of one word, with the spellings XLSForm allows.
const PLAIN: &[(&str, NodeKind)] = &[
    ("text", NodeKind::Text),
    ("string", NodeKind::Text),
    ("integer", NodeKind::Integer),
    ("int", NodeKind::Integer),
    ("decimal", NodeKind::Decimal),
    ("date", NodeKind::Date),
    ("time", NodeKind::Time),
    ("dateTime", NodeKind::DateTime),
    ("datetime", NodeKind::DateTime),
    ("note", NodeKind::Note),
    ("acknowledge", NodeKind::Acknowledge),
    ("trigger", NodeKind::Acknowledge),
    ("calculate", NodeKind::Calculate),
    ("hidden", NodeKind::Hidden),
    ("range", NodeKind::Range),
    ("image", NodeKind::Image),
    ("photo", NodeKind::Image),
    ("audio", NodeKind::Audio),
    ("video", NodeKind::Video),
    ("file", NodeKind::File),
    ("barcode", NodeKind::Barcode),
    ("geopoint", NodeKind::Geopoint),
    ("gps", NodeKind::Geopoint),
    ("location", NodeKind::Geopoint),
    ("geotrace", NodeKind::Geotrace),
    ("geoshape", NodeKind::Geoshape),
    ("start", NodeKind::Start),
    ("end", NodeKind::End),
    ("today", NodeKind::Today),
    ("username", NodeKind::Username),
    ("deviceid", NodeKind::DeviceId),
    ("audit", NodeKind::Audit),
];

/// Types of the specification that the engine does not run yet.
const PLANNED: &[&str] = &[
    "background-audio",
    "background-geopoint",
    "email",
    "phonenumber",
    "phone_number",
    "simserial",
    "start-geopoint",
    "subscriberid",
    "xml-external",
];

pub(super) fn understand(written: &str) -> Result<RowType, TypeError> {
    let words: Vec<&str> = written.split_whitespace().collect();
    let joined = words.join(" ").to_lowercase().replace('_', " ");
    match joined.as_str() {
        "begin group" => return Ok(RowType::BeginGroup),
        "end group" => return Ok(RowType::EndGroup),
        "begin repeat" => return Ok(RowType::BeginRepeat),
        "end repeat" => return Ok(RowType::EndRepeat),
        "csv-external" => return Ok(RowType::ExternalList),
        _ => {}
    }
    if let Some(select) = select(&words) {
        return select;
    }
    if let [word] = words.as_slice()
        && let Some((_, kind)) = PLAIN.iter().find(|(name, _)| name == word)
    {
        return Ok(RowType::Question(*kind));
    }
    let first = words.first().copied().unwrap_or_default();
    if PLANNED.contains(&first) || matches!(joined.as_str(), "begin loop" | "end loop") {
        return Err(TypeError::new(format!("the type \"{written}\" is not supported yet")));
    }
    let plain = PLAIN.iter().map(|(name, _)| *name);
    let others = ["begin_group", "end_group", "begin_repeat", "end_repeat", "csv-external"];
    let selects =
        ["select_one", "select_multiple", "rank", "select_one_from_file", "select_multiple_from_file"];
    Err(TypeError {
        suggestion: did_you_mean(first, plain.chain(others).chain(selects)),
        ..TypeError::new(format!("\"{written}\" is not a type of XLSForm"))
    })
}

/// `select_one list`, `select_multiple list`, `rank list`, and their relatives.
fn select(words: &[&str]) -> Option<Result<RowType, TypeError>> {
    let (kind, from_file, rest) = match words {
        ["select_one" | "select1", rest @ ..] => (NodeKind::SelectOne, false, rest),
        ["select", "one", rest @ ..] => (NodeKind::SelectOne, false, rest),
        ["select_multiple", rest @ ..] => (NodeKind::SelectMultiple, false, rest),
        ["select", "multiple", rest @ ..] => (NodeKind::SelectMultiple, false, rest),
        ["rank", rest @ ..] => (NodeKind::Rank, false, rest),
        ["select_one_from_file", rest @ ..] => (NodeKind::SelectOne, true, rest),
        ["select_multiple_from_file", rest @ ..] => (NodeKind::SelectMultiple, true, rest),
        ["select_one_external", ..] => {
            return Some(Err(TypeError {
                suggestion: Some("write select_one_from_file with a .csv file".to_owned()),
                ..TypeError::new("select_one_external is not supported")
            }));
        }
        _ => return None,
    };
    Some(match rest {
        [] => Err(TypeError::new(if from_file {
            "the name of a file must follow, such as villages.csv"
        } else {
            "the name of a list of the choices sheet must follow"
        })),
        [_, "or_other" | "or", ..] => Err(TypeError {
            suggestion: Some("add a choice \"other\" to the list and a text question behind it".to_owned()),
            ..TypeError::new("or_other is not supported yet")
        }),
        [file] if from_file => {
            let extension = file.rsplit('.').next().unwrap_or_default();
            if extension.eq_ignore_ascii_case("csv") && file.len() > 4 {
                Ok(RowType::SelectFromFile(kind, (*file).to_owned()))
            } else {
                Err(TypeError::new(format!("the file \"{file}\" is not supported: expected a .csv file")))
            }
        }
        [list] if list.starts_with("${") => match list.trim_start_matches("${").strip_suffix('}') {
            Some(name) if !name.is_empty() => Ok(RowType::SelectFromRepeat(kind, name.to_owned())),
            _ => Err(TypeError::new(format!(
                "\"{list}\" is not the name of a question in a repeat: expected ${{name}}"
            ))),
        },
        [list] => Ok(RowType::Select(kind, (*list).to_owned())),
        _ => Err(TypeError::new(format!(
            "expected one name behind the type, but found \"{}\"",
            rest.join(" ")
        ))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_spellings_of_the_specification() {
        assert_eq!(understand("begin group"), Ok(RowType::BeginGroup));
        assert_eq!(understand("select one yn"), Ok(RowType::Select(NodeKind::SelectOne, "yn".to_owned())));
        assert_eq!(
            understand("select_one_from_file towns.csv"),
            Ok(RowType::SelectFromFile(NodeKind::SelectOne, "towns.csv".to_owned()))
        );
        assert_eq!(understand("datetime"), Ok(RowType::Question(NodeKind::DateTime)));
    }

    #[test]
    fn suggests_a_type() {
        let error = understand("intger").expect_err("no such type");
        assert_eq!(error.suggestion.as_deref(), Some("did you mean \"integer\"?"));
    }
}
