//! Every workbook of the pack loads, and an empty visit can be begun with it.
#![cfg(feature = "workbook")]

use doorstep_form::{Attachments, Context, Form, Plan, Session, Workbook};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

fn pack() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../pack")
}

fn attachments(form: &Form) -> Attachments {
    form.attachment_names()
        .into_iter()
        .filter_map(|name| {
            let text = std::fs::read_to_string(pack().join("media").join(name)).ok()?;
            Some((name.to_owned(), text))
        })
        .collect()
}

#[test]
fn every_workbook_loads_and_starts() {
    let mut failures = Vec::new();
    let mut count = 0;
    let mut paths: Vec<PathBuf> = std::fs::read_dir(pack())
        .expect("the pack")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "xlsx"))
        // Policy, not a form.
        .filter(|path| !path.ends_with("ledger.xlsx"))
        .collect();
    paths.sort();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        count += 1;
        let bytes = std::fs::read(&path).expect("a readable workbook");
        let result = Workbook::read_xlsx(&bytes)
            .and_then(|workbook| Form::from_workbook(&workbook))
            .and_then(|(form, warnings)| {
                failures.extend(warnings.iter().map(|warning| format!("{name}: {warning}")));
                // What is stored and sent is the JSON.
                let json = serde_json::to_string(&form).expect("forms are plain data");
                let back: Form = serde_json::from_str(&json).expect("forms read back");
                assert_eq!(back, form);
                let attachments = attachments(&back);
                Plan::new(back, &attachments)
            });
        match result {
            Err(problems) => failures.extend(problems.iter().map(|problem| format!("{name}: {problem}"))),
            Ok(plan) => {
                let context = Context {
                    now: chrono::DateTime::parse_from_rfc3339("2026-11-23T09:30:00+08:00").expect("a moment"),
                    seed: 1,
                    username: "wang".to_owned(),
                    device_id: "device-1".to_owned(),
                    ..Context::default()
                };
                let plan = Arc::new(plan);
                let session = Session::start(Arc::clone(&plan), context.clone(), &BTreeMap::new());
                assert!(!session.pages().is_empty(), "{name}");
                assert!(!session.problems().is_empty(), "{name}: nothing is asked");
                let draft = session.instance();
                let (again, left_over) = Session::resume(plan, context, &draft);
                assert_eq!(left_over, []);
                assert_eq!(again.instance(), draft, "{name}");
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(count, 23);
}
