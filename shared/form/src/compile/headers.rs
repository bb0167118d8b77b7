//! What a header says: which column of XLSForm it is, and in which language.

/// The sheets of XLSForm; each has its own columns and spellings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SheetKind {
    Survey,
    Choices,
    Settings,
    Entities,
}

/// A header understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Name of the column, in one spelling: `label`, `relevant`, `image`,
    /// `bind::odk:length`, `body::rows`, `instance::x:y`, or the author's own.
    pub(super) base: String,
    /// Name of the language; empty where the header names none.
    pub(super) language: String,
    /// It exists in several languages.
    pub(super) translated: bool,
}

/// Columns that exist in several languages.
const TRANSLATED: [&str; 10] = [
    "label",
    "bind::jr:noAppErrorString",
    "hint",
    "guidance_hint",
    "constraint_message",
    "required_message",
    "image",
    "audio",
    "video",
    "big-image",
];

/// Other spellings: of the first part of a header, with underscores for spaces.
const SURVEY_SPELLINGS: &[(&str, &str)] = &[
    ("caption", "label"),
    ("command", "type"),
    ("tag", "name"),
    ("value", "name"),
    ("relevance", "relevant"),
    ("readonly", "read_only"),
    ("calculate", "calculation"),
    ("constraining_message", "constraint_message"),
    ("requiredmsg", "required_message"),
    ("count", "repeat_count"),
    ("jr:count", "repeat_count"),
    ("noapperrorstring", "bind::jr:noAppErrorString"),
    ("no_app_error_string", "bind::jr:noAppErrorString"),
    ("autoplay", "body::autoplay"),
    ("rows", "body::rows"),
    ("intent", "body::intent"),
    ("compact_tag", "instance::odk:tag"),
];
const CHOICES_SPELLINGS: &[(&str, &str)] = &[("caption", "label"), ("value", "name")];
const SETTINGS_SPELLINGS: &[(&str, &str)] = &[
    ("title", "form_title"),
    ("set_form_title", "form_title"),
    ("id_string", "form_id"),
    ("set_form_id", "form_id"),
    ("compact_prefix", "prefix"),
    ("compact_delimiter", "delimiter"),
    ("omit_instanceid", "omit_instance_id"),
];
const ENTITIES_SPELLINGS: &[(&str, &str)] = &[("dataset", "list_name")];

/// Attributes of binds and controls that have a column of their own.
const BIND: &[(&str, &str)] = &[
    ("relevant", "relevant"),
    ("required", "required"),
    ("readonly", "read_only"),
    ("constraint", "constraint"),
    ("calculate", "calculation"),
    ("jr:constraintMsg", "constraint_message"),
    ("jr:requiredMsg", "required_message"),
    ("entities:saveto", "save_to"),
];
const CONTROL: &[(&str, &str)] = &[("appearance", "appearance"), ("jr:count", "repeat_count")];

/// Reads a header. `double` says that some header of the sheet has `::`, so
/// that a single colon belongs to a name.
pub(super) fn understand(written: &str, kind: SheetKind, known: &[&str], double: bool) -> Header {
    let parts = parts(written, double);
    let first = parts.first().copied().unwrap_or_default();
    let spelled = snake_case(first);
    let spellings = match kind {
        SheetKind::Survey => SURVEY_SPELLINGS,
        SheetKind::Choices => CHOICES_SPELLINGS,
        SheetKind::Settings => SETTINGS_SPELLINGS,
        SheetKind::Entities => ENTITIES_SPELLINGS,
    };
    let name =
        spellings.iter().find(|(other, _)| *other == spelled).map_or(spelled.as_str(), |(_, name)| name);
    let rest = parts.get(1..).unwrap_or_default();
    let grouped = kind == SheetKind::Survey || kind == SheetKind::Choices;
    let (base, rest) = match (name, rest) {
        ("media", [medium, rest @ ..]) if grouped => ((*medium).to_owned(), rest),
        ("bind", [attribute, rest @ ..]) if grouped => (column_or("bind", attribute, BIND), rest),
        ("body" | "control", [attribute, rest @ ..]) if grouped => {
            (column_or("body", attribute, CONTROL), rest)
        }
        ("instance", [attribute, rest @ ..]) if grouped => (format!("instance::{attribute}"), rest),
        ("attribute", [attribute, rest @ ..]) if kind == SheetKind::Settings => {
            (format!("attribute::{attribute}"), rest)
        }
        (name, rest) if known.contains(&name) || name.contains("::") => (name.to_owned(), rest),
        // An author's own column keeps its spelling: filters refer to it.
        _ => return Header { base: written.trim().to_owned(), language: String::new(), translated: false },
    };
    // With single colons the name of an attribute may have one: `body:esri:style`.
    if !written.contains("::")
        && !rest.is_empty()
        && ["body::", "instance::"].iter().any(|group| base.starts_with(group))
    {
        return Header {
            base: format!("{base}:{}", rest.join(":")),
            language: String::new(),
            translated: false,
        };
    }
    let translated = grouped && TRANSLATED.contains(&base.as_str());
    if !translated && !rest.is_empty() && !base.contains("::") {
        // `name::x` means nothing to XLSForm.
        return Header { base: written.trim().to_owned(), language: String::new(), translated: false };
    }
    Header { base, language: rest.join("::"), translated }
}

fn column_or(group: &str, attribute: &str, columns: &[(&str, &str)]) -> String {
    columns
        .iter()
        .find(|(name, _)| *name == attribute)
        .map_or_else(|| format!("{group}::{attribute}"), |(_, column)| (*column).to_owned())
}

/// `label::English (en)`, `media::image::中文`, and with single colons as older
/// workbooks have them: `label:English`, `bind:jr:constraintMsg:English`.
fn parts(written: &str, double: bool) -> Vec<&str> {
    let written = written.trim();
    if written.contains("::") {
        return written.split("::").map(str::trim).collect();
    }
    let split: Vec<&str> = written.split(':').map(str::trim).collect();
    let first = split.first().map(|first| snake_case(first)).unwrap_or_default();
    let grouped = matches!(first.as_str(), "bind" | "body" | "control" | "media" | "instance");
    if split.len() < 2 || (double && !grouped && !TRANSLATED.contains(&first.as_str())) {
        return vec![written];
    }
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = written;
    loop {
        let prefix = rest.split(':').next().unwrap_or_default();
        let mut end = prefix.len();
        if prefix.trim() == "jr"
            && let Some(name) = rest.get(end + 1..)
        {
            end += 1 + name.split(':').next().unwrap_or_default().len();
        }
        parts.push(rest.get(..end).unwrap_or_default().trim());
        match rest.get(end + 1..) {
            Some(more) => rest = more,
            None => return parts,
        }
    }
}

/// `Constraint  Message` → `constraint_message`
fn snake_case(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join("_").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 6] = ["type", "name", "label", "relevant", "constraint_message", "read_only"];

    fn survey(written: &str, double: bool) -> (String, String) {
        let header = understand(written, SheetKind::Survey, &KNOWN, double);
        (header.base, header.language)
    }

    #[test]
    fn reads_the_spellings_of_the_specification() {
        for (written, base, language) in [
            ("label::English (en)", "label", "English (en)"),
            ("Label : English", "label", "English"),
            ("caption", "label", ""),
            ("media::image::中文", "image", "中文"),
            ("image", "image", ""),
            ("bind::jr:constraintMsg::fr", "constraint_message", "fr"),
            ("bind:jr:constraintMsg:fr", "constraint_message", "fr"),
            ("Constraint Message", "constraint_message", ""),
            ("bind::odk:length", "bind::odk:length", ""),
            ("body::accuracyThreshold", "body::accuracyThreshold", ""),
            ("control:appearance", "appearance", ""),
            ("jr:count", "repeat_count", ""),
            ("readonly", "read_only", ""),
            ("My Column", "My Column", ""),
        ] {
            let known: Vec<&str> =
                KNOWN.iter().copied().chain(["image", "appearance", "repeat_count"]).collect();
            let header = understand(written, SheetKind::Survey, &known, false);
            assert_eq!((header.base.as_str(), header.language.as_str()), (base, language), "{written}");
        }
    }

    #[test]
    fn a_single_colon_is_part_of_a_name_beside_double_ones() {
        assert_eq!(survey("geo:point", true).0, "geo:point");
        assert_eq!(survey("label:French", true), ("label".to_owned(), "French".to_owned()));
    }
}
