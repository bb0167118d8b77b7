//! The program as wasm: the page puts files into `doorstepFiles`, a map from
//! name to bytes, and finds the outcome as JSON in `doorstepOutcome`.

use anyhow::Context;
use doorstep_conformance::{FILES, Known, Report, run};
use js_sys::{Map, Reflect, Uint8Array};
use std::collections::BTreeMap;
use wasm_bindgen::JsCast;

pub(crate) fn main() {
    std::panic::set_hook(Box::new(|panic| put("doorstepPanic", &panic.to_string())));
    let outcome = run_all().and_then(|reports| Ok(serde_json::to_string(&reports)?));
    match outcome {
        Ok(outcome) => put("doorstepOutcome", &outcome),
        Err(cause) => put("doorstepPanic", &format!("{cause:#}")),
    }
}

/// A page whose own object refuses a property hears nothing, and says so.
fn put(name: &str, text: &str) {
    let _ = Reflect::set(&js_sys::global(), &name.into(), &text.into());
}

fn run_all() -> anyhow::Result<BTreeMap<String, Report>> {
    let files = Reflect::get(&js_sys::global(), &"doorstepFiles".into()).unwrap_or_default();
    let files = files.dyn_into::<Map>().ok().context("the page gives no map of files")?;
    let read = |name: &str| {
        let bytes = files.get(&name.into()).dyn_into::<Uint8Array>();
        Ok(bytes.ok().with_context(|| format!("the page has no file {name}"))?.to_vec())
    };
    let known = Known::listed();
    let mut reports = BTreeMap::new();
    for name in FILES.into_iter().filter(|name| files.has(&(*name).into())) {
        reports.insert(name.to_owned(), run(name, &known, &read)?);
    }
    Ok(reports)
}
