//! Figures of several engines as a table, with what each takes as a multiple
//! of ours.

use serde_json::Value;

use super::Figures;
use crate::console::line;

pub(super) const NATIVE: &str = "doorstep, native";
pub(super) const WASM: &str = "doorstep, wasm in Chromium";
pub(super) const JAVAROSA: &str = "JavaRosa, JVM";
pub(super) const NODE: &str = "xforms-engine, node";
pub(super) const CHROMIUM: &str = "xforms-engine, Chromium";

/// Engines in the order of the columns, with the one of ours that each is
/// measured against.
const ENGINES: [(&str, &str); 5] =
    [(NATIVE, NATIVE), (WASM, WASM), (JAVAROSA, NATIVE), (NODE, WASM), (CHROMIUM, WASM)];

/// What is compared: its name here, and where our program and the peers' say
/// it (a name, or a name and a measure of the spread).
const MEASURES: [(&str, &str, &str); 21] = [
    ("load, ms", "load_ms", "load_ms"),
    ("load once more, ms", "load_again_ms", ""),
    ("load from JSON, ms", "load_json_ms", ""),
    ("answer, median, ms", "answer_ms.p50", "answer_ms.p50"),
    ("answer, p95, ms", "answer_ms.p95", "answer_ms.p95"),
    ("answer, worst, ms", "answer_ms.max", "answer_ms.max"),
    ("answer that nothing reads, median, ms", "answer_alone_ms.p50", ""),
    ("answer that nothing reads, p95, ms", "answer_alone_ms.p95", ""),
    ("first link of the chain, median, ms", "chain_head_ms.p50", "chain_head_ms.p50"),
    ("first link of the chain, p95, ms", "chain_head_ms.p95", "chain_head_ms.p95"),
    ("cascade, median, ms", "cascade_ms.p50", "cascade_ms"),
    ("add repeat, 10 there, median, ms", "add_repeat_10_ms.p50", "add_repeat_ms.p50"),
    ("add repeat, 10 there, p95, ms", "add_repeat_10_ms.p95", "add_repeat_ms.p95"),
    ("add repeat, 200 there, median, ms", "add_repeat_200_ms.p50", ""),
    ("add repeat, 200 there, p95, ms", "add_repeat_200_ms.p95", ""),
    ("validate all, ms", "validate_ms", "validate_ms"),
    ("resume a draft, ms", "resume_ms", ""),
    ("serialise, ms", "serialise_ms", "serialize_ms"),
    ("instance, bytes", "instance_bytes", "instance_bytes"),
    ("memory after load, MB", "heap_after_load_mb", "heap_after_load_mb"),
    ("memory at the end, MB", "heap_end_mb", "heap_end_mb"),
];

/// Prints the table of a form.
pub(super) fn tell(form: &str, figures: &Figures) {
    let present: Vec<_> = ENGINES.into_iter().filter(|(name, _)| figures.contains_key(name)).collect();
    line(format_args!("\n## {form}\n"));
    let names: Vec<&str> = present.iter().map(|(name, _)| *name).collect();
    line(format_args!("| | {} |", names.join(" | ")));
    line(format_args!("|---|{}", "---:|".repeat(names.len())));
    for measure in MEASURES {
        let cells: Vec<String> =
            present.iter().map(|(name, against)| cell(figures, measure, name, against)).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            line(format_args!("| {} | {} |", measure.0, cells.join(" | ")));
        }
    }
}

/// The figure and, for a peer, how many times ours it is.
fn cell(figures: &Figures, (_, ours, theirs): (&str, &str, &str), name: &str, against: &str) -> String {
    let is_ours = name == NATIVE || name == WASM;
    let Some(figure) = find(figures, name, if is_ours { ours } else { theirs }) else {
        return String::new();
    };
    let text = if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.3}") };
    match find(figures, against, ours) {
        Some(base) if !is_ours && base > 0.0 => format!("{text} ({:.0}×)", figure / base),
        _ => text,
    }
}

fn find(figures: &Figures, engine: &str, place: &str) -> Option<f64> {
    let mut at: &Value = figures.get(engine)?;
    // The web engine tells the answer with what a screen reads after it.
    let place = if engine == NODE || engine == CHROMIUM {
        place.replace("answer_ms", "answer_set_and_observe_ms").replace("validate_ms", "full_validation_ms")
    } else {
        place.to_owned()
    };
    for step in place.split('.') {
        at = at.get(step)?;
    }
    at.as_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_peer_is_a_multiple_of_ours() {
        let figures = Figures::from([
            (NATIVE, json!({ "load_ms": 20.0, "answer_ms": { "p95": 0.5 } })),
            (JAVAROSA, json!({ "load_ms": 1000.0, "answer_ms": { "p95": 24.0 } })),
        ]);
        let load = MEASURES.first().copied().unwrap_or_default();
        assert_eq!(cell(&figures, load, NATIVE, NATIVE), "20.000");
        assert_eq!(cell(&figures, load, JAVAROSA, NATIVE), "1000 (50×)");
        assert_eq!(cell(&figures, ("", "answer_ms.p95", "answer_ms.p95"), JAVAROSA, NATIVE), "24.000 (48×)");
        assert_eq!(cell(&figures, ("", "none", "none"), JAVAROSA, NATIVE), "");
    }
}
