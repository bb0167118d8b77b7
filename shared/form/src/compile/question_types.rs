//! The type column: what may stand there and what it means.

use super::type_names::{NAMES, PlainType, plain_type};
use crate::form::NodeKind;
use crate::problem::did_you_mean;

/// What begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    Group,
    Repeat,
    Loop,
}

impl Block {
    pub(super) fn word(self) -> &'static str {
        match self {
            Block::Group => "group",
            Block::Repeat => "repeat",
            Block::Loop => "loop",
        }
    }
}

/// The type column, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowType {
    /// A loop has the list of what it loops over.
    Begin(Block, Option<String>),
    End(Block),
    /// A question without a list.
    Question(PlainType),
    /// A select from a list of the choices sheet; with "other" to be specified.
    Select(NodeKind, String, bool),
    /// A select from an attached file.
    SelectFromFile(NodeKind, String),
    /// A select from the answers to a question in a repeat.
    SelectFromRepeat(NodeKind, String),
    /// A select from a list of the sheet `external_choices`.
    SelectExternal(String),
    /// A file from a map editor, with the list of tags to collect.
    Osm(String),
    /// A list in a file with this extension, only for `instance('name')`.
    ExternalList(&'static str),
    /// A setting that stands in the survey sheet; the name column has its value.
    Setting(&'static str),
    /// A type of the Community Health Toolkit: a text whose bind has this type.
    Community(String),
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

/// Extensions of files that hold lists.
pub(super) const LIST_EXTENSIONS: [&str; 3] = ["csv", "xml", "geojson"];

pub(super) fn understand(written: &str) -> Result<RowType, TypeError> {
    let joined = written.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(block) = block(&joined) {
        return block;
    }
    match joined.as_str() {
        "csv-external" => return Ok(RowType::ExternalList("csv")),
        "xml-external" => return Ok(RowType::ExternalList("xml")),
        "form_title" | "set_form_title" => return Ok(RowType::Setting("form_title")),
        "form_id" | "set_form_id" => return Ok(RowType::Setting("form_id")),
        _ => {}
    }
    if let Some(select) = select(&joined) {
        return select;
    }
    if let Some(plain) = plain_type(&joined) {
        return Ok(RowType::Question(plain));
    }
    if let Some(list) = joined.strip_prefix("osm ").filter(|list| !list.contains(' ')) {
        return Ok(RowType::Osm(list.to_owned()));
    }
    if joined == "tel" || joined.strip_prefix("db:").is_some_and(|what| !what.is_empty()) {
        return Ok(RowType::Community(joined));
    }
    let first = joined.split(' ').next().unwrap_or_default();
    let others = [
        "begin_group",
        "end_group",
        "begin_repeat",
        "end_repeat",
        "csv-external",
        "xml-external",
        "select_one",
        "select_multiple",
        "rank",
        "select_one_from_file",
        "select_multiple_from_file",
    ];
    Err(TypeError {
        suggestion: did_you_mean(first, NAMES.iter().map(|(name, _)| *name).chain(others)),
        ..TypeError::new(format!("\"{written}\" is not a type of XLSForm"))
    })
}

/// `begin group`, `end_repeat`, `begin loop over brands`.
fn block(joined: &str) -> Option<Result<RowType, TypeError>> {
    let begins = joined.strip_prefix("begin").filter(|rest| rest.starts_with([' ', '_']));
    let ends = joined.strip_prefix("end").filter(|rest| rest.starts_with([' ', '_']));
    let what = begins.or(ends)?.get(1..).unwrap_or_default();
    let kinds = [
        ("group", Block::Group),
        ("repeat", Block::Repeat),
        ("lgroup", Block::Repeat),
        ("looped group", Block::Repeat),
        ("loop", Block::Loop),
    ];
    if begins.is_none() {
        let (_, block) = kinds.into_iter().find(|(name, _)| *name == what)?;
        return Some(Ok(RowType::End(block)));
    }
    let (name, block) =
        kinds.into_iter().filter(|(name, _)| what.starts_with(name)).max_by_key(|(name, _)| name.len())?;
    let behind = what.get(name.len()..).unwrap_or_default();
    if !behind.is_empty() && !behind.starts_with(' ') {
        return None;
    }
    let list = behind.trim().strip_prefix("over ").unwrap_or(behind.trim());
    if list.contains(' ') {
        return None;
    }
    if block == Block::Loop && list.is_empty() {
        return Some(Err(TypeError {
            suggestion: Some("write \"begin loop over\" and the name of a list".to_owned()),
            ..TypeError::new("a loop needs the list it loops over")
        }));
    }
    Some(Ok(RowType::Begin(block, Some(list.to_owned()).filter(|list| !list.is_empty()))))
}

/// What stands before the name of a list; longer ones first.
const SELECTS: [(&str, NodeKind, Source); 16] = [
    ("add select multiple prompt using", NodeKind::SelectMultiple, Source::Choices),
    ("add select one prompt using", NodeKind::SelectOne, Source::Choices),
    ("select all that apply from", NodeKind::SelectMultiple, Source::Choices),
    ("select multiple from file", NodeKind::SelectMultiple, Source::File),
    ("select one from file", NodeKind::SelectOne, Source::File),
    ("select all that apply", NodeKind::SelectMultiple, Source::Choices),
    ("select one from", NodeKind::SelectOne, Source::Choices),
    ("select multiple", NodeKind::SelectMultiple, Source::Choices),
    ("select one", NodeKind::SelectOne, Source::Choices),
    ("select_multiple_from_file", NodeKind::SelectMultiple, Source::File),
    ("select_one_from_file", NodeKind::SelectOne, Source::File),
    ("select_one_external", NodeKind::SelectOne, Source::External),
    ("select_multiple", NodeKind::SelectMultiple, Source::Choices),
    ("select_one", NodeKind::SelectOne, Source::Choices),
    ("select1", NodeKind::SelectOne, Source::Choices),
    ("rank", NodeKind::Rank, Source::Choices),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Choices,
    File,
    External,
}

/// `select_one list`, `select_multiple list or_other`, and their relatives.
fn select(joined: &str) -> Option<Result<RowType, TypeError>> {
    let (kind, source, rest) = SELECTS.into_iter().find_map(|(command, kind, source)| {
        let rest = joined.strip_prefix(command)?;
        (rest.is_empty() || rest.starts_with(' ')).then(|| (kind, source, rest.trim_start()))
    })?;
    let (list, behind) = rest.split_once(' ').unwrap_or((rest, ""));
    let other = match behind {
        "" => false,
        "or_other" | "or other" | "or specify other" => true,
        _ => {
            return Some(Err(TypeError::new(format!(
                "expected one name behind the type, but found \"{rest}\""
            ))));
        }
    };
    Some(match source {
        _ if list.is_empty() => Err(TypeError::new(if source == Source::File {
            "the name of a file must follow, such as villages.csv"
        } else {
            "the name of a list of the choices sheet must follow"
        })),
        Source::File => match list.split_once('.') {
            Some((name, extension)) if !name.is_empty() && LIST_EXTENSIONS.contains(&extension) => {
                Ok(RowType::SelectFromFile(kind, list.to_owned()))
            }
            _ => Err(TypeError {
                suggestion: Some(format!("the name of the file ends in .{}", LIST_EXTENSIONS.join(", ."))),
                ..TypeError::new(format!("\"{list}\" is not a file that holds a list"))
            }),
        },
        Source::External => Ok(RowType::SelectExternal(list.to_owned())),
        Source::Choices if list.contains("${") => {
            match list.strip_prefix("${").and_then(|name| name.strip_suffix('}')) {
                Some(name) if !name.is_empty() => Ok(RowType::SelectFromRepeat(kind, name.to_owned())),
                _ => Err(TypeError::new(format!(
                    "\"{list}\" is not the name of a question in a repeat: expected ${{name}}"
                ))),
            }
        }
        Source::Choices => Ok(RowType::Select(kind, list.to_owned(), other)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_spellings_of_the_specification() {
        let select = |list: &str, other| Ok(RowType::Select(NodeKind::SelectOne, list.to_owned(), other));
        assert_eq!(understand("begin group"), Ok(RowType::Begin(Block::Group, None)));
        assert_eq!(understand("begin loop over l"), Ok(RowType::Begin(Block::Loop, Some("l".to_owned()))));
        assert_eq!(understand("end looped group"), Ok(RowType::End(Block::Repeat)));
        assert_eq!(understand("select one yn"), select("yn", false));
        assert_eq!(understand("select one from yn"), select("yn", false));
        assert_eq!(understand("select_one yn or specify other"), select("yn", true));
        assert_eq!(
            understand("select one from file towns.geojson"),
            Ok(RowType::SelectFromFile(NodeKind::SelectOne, "towns.geojson".to_owned()))
        );
        assert_eq!(understand("datetime"), Ok(RowType::Question(PlainType::of(NodeKind::DateTime))));
        assert!(understand("select_one_from_file towns.pdf").is_err());
        assert!(understand("select_one a b").is_err());
        assert!(understand("begin loop").is_err());
    }

    #[test]
    fn suggests_a_type() {
        let error = understand("intger").expect_err("no such type");
        assert_eq!(error.suggestion.as_deref(), Some("did you mean \"integer\"?"));
    }
}
