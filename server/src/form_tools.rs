//! Forms in the terminal, without a database: `form check` says what is wrong
//! with files, `form run` fills one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use doorstep::forms::{Enclosed, files};
use doorstep_form::{AuthoringProblem, Form, Plan, Workbook, xform};

pub(crate) mod check;
pub(crate) mod choose;
pub(crate) mod run;

/// What became of a file: the plan, if it can be used, and all that was found.
pub(crate) struct Read {
    pub(crate) plan: Option<Plan>,
    pub(crate) problems: Vec<AuthoringProblem>,
}

/// Reads a form of any kind that is known by its ending.
///
/// # Errors
/// When the file or one of its lists cannot be read, or is of no known kind.
pub(crate) fn read(file: &Path, media: Option<&Path>) -> anyhow::Result<Read> {
    let bytes = fs::read(file)
        .map_err(|cause| anyhow::anyhow!("{} cannot be read ({cause}); check it", file.display()))?;
    let (form, mut problems) = match form(file, &bytes)? {
        Ok(found) => found,
        Err(problems) => return Ok(Read { plan: None, problems }),
    };
    let place = media.map_or_else(|| media_beside(file), Path::to_owned);
    let Enclosed { lists: mut attachments, files } = Enclosed::read(&place)?;
    problems.extend(files::absent(&form, files.keys().map(String::as_str)));
    attachments.retain(|name, _| form.attachment_names().contains(&name.as_str()));
    match Plan::new(form, &attachments) {
        Ok(plan) => Ok(Read { plan: Some(plan), problems }),
        Err(found) => {
            problems.extend(found);
            Ok(Read { plan: None, problems })
        }
    }
}

type FormAndWarnings = Result<(Form, Vec<AuthoringProblem>), Vec<AuthoringProblem>>;

fn form(file: &Path, bytes: &[u8]) -> anyhow::Result<FormAndWarnings> {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    let text = || {
        std::str::from_utf8(bytes)
            .with_context(|| format!("{} is not text in UTF-8; save it again as such", file.display()))
    };
    let workbook = match ending.as_str() {
        "xlsx" | "xlsm" | "xls" => Workbook::read_xlsx(bytes),
        "md" => Workbook::read_markdown(text()?),
        "xml" => return Ok(xform::read(text()?)),
        _ => anyhow::bail!(
            "{} is no form: an XLSForm workbook ends in .xlsx or .xls, one written as tables in .md, an XForm in .xml",
            file.display()
        ),
    };
    Ok(workbook.and_then(|workbook| Form::from_workbook(&workbook)))
}

/// `name-media` beside the file, as ODK has it, a folder or an archive; else
/// `media`, as the pack has it.
pub(crate) fn media_beside(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let own = [format!("{stem}-media"), format!("{stem}-media.zip")].map(|name| file.with_file_name(name));
    own.into_iter().find(|place| place.exists()).unwrap_or_else(|| file.with_file_name("media"))
}
