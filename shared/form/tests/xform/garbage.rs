//! No document makes the engine panic. Mutations are drawn from fixed seeds, so
//! a failure can be repeated.

use super::rich;
use doorstep_form::xform;
use serde_json::json;

struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit.max(1)
    }
}

const PIECES: [&str; 24] = [
    "<",
    ">",
    "/>",
    "\"",
    "'",
    "&",
    "&amp;",
    "<!--",
    "]]>",
    "<![CDATA[",
    "jr:template=\"\"",
    "<x>",
    "</x>",
    "xmlns=\"\"",
    "jr:itext(",
    "${",
    "/data/kin",
    "..",
    "[",
    "]",
    "ref=\"\"",
    "\u{feff}",
    "中",
    "</repeat>",
];

/// The document with some of its pieces cut, copied, moved or replaced.
fn mutated(source: &str, draw: &mut Draw) -> String {
    let mut characters: Vec<char> = source.chars().collect();
    for _ in 0..=draw.below(4) {
        let from = draw.below(characters.len());
        let to = (from + draw.below(60)).min(characters.len());
        match draw.below(4) {
            0 => {
                characters.drain(from..to);
            }
            1 => {
                let copy: Vec<char> = characters[from..to].to_vec();
                let place = draw.below(characters.len());
                characters.splice(place..place, copy);
            }
            2 => {
                let piece = PIECES[draw.below(PIECES.len())];
                characters.splice(from..from, piece.chars());
            }
            _ => {
                // A whole element or attribute goes, so that the rest stays XML.
                let tag = characters.iter().skip(from).position(|&c| c == '<').map(|place| from + place);
                let end = tag
                    .and_then(|tag| characters.iter().skip(tag).position(|&c| c == '>').map(|end| tag + end));
                if let (Some(tag), Some(end)) = (tag, end)
                    && characters.get(end.saturating_sub(1)) == Some(&'/')
                {
                    characters.drain(tag..=end);
                }
            }
        }
    }
    characters.into_iter().collect()
}

#[test]
fn mutated_forms_are_read_or_refused() {
    let source = rich();
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let mut read = 0;
    for round in 0..1_500 {
        let document = mutated(&source, &mut draw);
        match xform::read(&document) {
            Err(problems) => assert!(!problems.is_empty(), "round {round}"),
            Ok((form, _)) => {
                read += 1;
                let written = xform::write(&form);
                let again = xform::read(&written);
                assert!(again.is_ok(), "round {round}\n{document}\n{written}\n{again:?}");
                let _ = xform::instance_to_xml(&form, &json!({"kin": [{}]}), &xform::Identity::default());
            }
        }
    }
    assert!(read > 100, "only {read} documents were read");
}

#[test]
fn mutated_instances_are_read_or_refused() {
    let (form, _) = xform::read(&rich()).expect("a form");
    let source = r#"<data id="visit" version="7"><name>A</name><age>5</age><kin><kin_name>B</kin_name><tie kind="">son other</tie></kin><kin/><meta><instanceID>uuid:1</instanceID></meta></data>"#;
    let mut draw = Draw(42);
    let mut read = 0;
    for _ in 0..3_000 {
        let document = mutated(source, &mut draw);
        if let Ok(instance) = xform::instance_from_xml(&form, &document) {
            read += 1;
            let written = xform::instance_to_xml(&form, &instance.instance, &instance.identity);
            let again = xform::instance_from_xml(&form, &written.xml).expect("what is written is read");
            assert_eq!(again.instance, instance.instance, "{document}\n{}", written.xml);
        }
    }
    assert!(read > 300, "only {read} instances were read");
}

#[test]
fn any_json_can_be_written() {
    let (form, _) = xform::read(&rich()).expect("a form");
    for instance in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"kin": {"kin_name": []}, "meta": "m", "name": {"a": 1}}),
        json!({"kin": [1, null, {"tie": {"#text": []}}], "meta": {"entity": {"@dataset": {}, "label": 4}}}),
    ] {
        let written = xform::instance_to_xml(&form, &instance, &xform::Identity::default());
        assert!(xform::instance_from_xml(&form, &written.xml).is_ok(), "{}", written.xml);
    }
}
