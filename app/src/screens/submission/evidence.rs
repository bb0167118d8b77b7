//! How far the evidence of a submission holds, for its reviewer.

use doorstep_core::evidence::Standing;
use doorstep_core::text::{Language, LocalText};
use leptos::prelude::*;

use crate::ui::{Badge, Tone};

/// The word, and what it means.
pub(super) fn evidence_view(language: Language, standing: Standing) -> AnyView {
    let (word, meaning) = words(standing);
    view! {
        <Badge tone=tone(standing)>{word.get(language).to_owned()}</Badge>
        " "
        <span class="soft">{meaning.get(language).to_owned()}</span>
    }
    .into_any()
}

/// How far a submission's evidence holds (docs/evidence.md): a word, and what
/// it means.
fn words(standing: Standing) -> (LocalText, LocalText) {
    match standing {
        Standing::Whole => (
            LocalText::new("签名有效", "Intact"),
            LocalText::new("内容与手机签名时一致。", "It is as the phone signed it."),
        ),
        Standing::Gap => (
            LocalText::new("前一条未到", "Gap"),
            LocalText::new(
                "手机已签名;它之前的一条记录还没有到服务器。",
                "Signed; what the phone captured just before it has not arrived.",
            ),
        ),
        Standing::Fork => (
            LocalText::new("位置重复", "Fork"),
            LocalText::new(
                "手机在同一位置签了两条记录,请核实。",
                "The phone signed two in this place. Ask about it.",
            ),
        ),
        Standing::Broken => (
            LocalText::new("内容不符", "Not as signed"),
            LocalText::new(
                "与手机签名的内容不一致,请核实。",
                "This is not what the phone signed. Ask about it.",
            ),
        ),
        Standing::Unsigned => (
            LocalText::new("未签名", "Unsigned"),
            LocalText::new("采集时手机没有签名。", "The phone did not sign it."),
        ),
    }
}

/// The colour of the word.
fn tone(standing: Standing) -> Tone {
    match standing {
        Standing::Whole => Tone::Good,
        Standing::Gap | Standing::Fork => Tone::Warning,
        Standing::Broken => Tone::Bad,
        Standing::Unsigned => Tone::Plain,
    }
}
