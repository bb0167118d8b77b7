//! `doorstep-bench FORM [MEDIA]`: measures one form and prints JSON. FORM is a
//! file, or `generated:N` for a form of N questions, or `list:N` for a list of
//! N rows. As wasm, it measures what the page gives it.

#![forbid(unsafe_code)]
#![cfg_attr(not(target_arch = "wasm32"), expect(clippy::print_stdout, reason = "a command's answer"))]

use doorstep_bench::{Input, forms};

#[global_allocator]
static ALLOCATED: peak_alloc::PeakAlloc = doorstep_bench::ALLOCATED;

/// A form that is not in a file.
fn generated(name: &str) -> Option<Input> {
    let number = |prefix: &str| name.strip_prefix(prefix)?.parse::<usize>().ok();
    if let Some(questions) = number("generated:") {
        return Some(Input {
            name: format!("{questions} questions"),
            file: "generated.md".to_owned(),
            bytes: forms::sections(questions).into_bytes(),
            attachments: [].into(),
        });
    }
    let (form, list) = forms::long_list(number("list:")?);
    Some(Input {
        name: format!("list of {} rows", list.lines().count() - 1),
        file: "list.md".to_owned(),
        bytes: form.into_bytes(),
        attachments: [("grids.csv".to_owned(), list)].into(),
    })
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> anyhow::Result<()> {
    use anyhow::Context;
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().context("name a form")?;
    let input = match generated(&what) {
        Some(input) => input,
        None => from_file(std::path::Path::new(&what), arguments.next().as_deref())?,
    };
    println!("{}", serde_json::to_string(&doorstep_bench::run(&input)?)?);
    Ok(())
}

#[cfg(not(target_arch = "wasm32"))]
fn from_file(file: &std::path::Path, media: Option<&str>) -> anyhow::Result<Input> {
    use anyhow::Context;
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut attachments = doorstep_form::Attachments::new();
    if let Some(media) = media {
        for entry in std::fs::read_dir(media).with_context(|| format!("{media} cannot be read"))? {
            let path = entry?.path();
            if let Ok(text) = std::fs::read_to_string(&path) {
                attachments.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text);
            }
        }
    }
    Ok(Input { name: name.clone(), file: name, bytes, attachments })
}

/// The page puts `name`, `file`, `bytes` and `attachments` (a list of names
/// and texts) into `doorstepInput` and finds JSON in `doorstepOutcome`.
#[cfg(target_arch = "wasm32")]
fn main() {
    use js_sys::{Array, Reflect, Uint8Array};
    use wasm_bindgen::JsValue;
    let global = js_sys::global();
    let get = |from: &JsValue, name: &str| Reflect::get(from, &name.into()).unwrap_or_default();
    let given = get(&global, "doorstepInput");
    let text = |name: &str| get(&given, name).as_string().unwrap_or_default();
    let input = generated(&text("name")).unwrap_or_else(|| Input {
        name: text("name"),
        file: text("file"),
        bytes: Uint8Array::new(&get(&given, "bytes")).to_vec(),
        attachments: Array::from(&get(&given, "attachments"))
            .iter()
            .filter_map(|pair| {
                let pair = Array::from(&pair);
                Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
            })
            .collect(),
    });
    let outcome = doorstep_bench::run(&input)
        .and_then(|outcome| Ok(serde_json::to_string(&outcome)?))
        .unwrap_or_else(|cause| serde_json::json!({ "error": format!("{cause:#}") }).to_string());
    // A page whose own object refuses a property hears nothing, and says so.
    let _ = Reflect::set(&global, &"doorstepOutcome".into(), &outcome.into());
}
