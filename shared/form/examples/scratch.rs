use std::collections::BTreeMap;
fn main() {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let v: serde_json::Value =
        serde_json::from_slice(&std::fs::read(std::env::args().nth(1).unwrap()).unwrap()).unwrap();
    for (k, x) in v.as_object().unwrap() {
        all.insert(k.clone(), x.as_str().unwrap().to_owned());
    }
    let only = std::env::args().nth(2);
    let (mut ok, mut bad) = (0, 0);
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    for (k, xml) in &all {
        if only.as_ref().is_some_and(|o| o != k) {
            continue;
        }
        match doorstep_form::xform::read(xml) {
            Ok((form, warnings)) => {
                ok += 1;
                for w in warnings {
                    println!("W {k} {w}");
                }
                let json = serde_json::to_string_pretty(&form).unwrap();
                let back: doorstep_form::Form = serde_json::from_str(&json).unwrap();
                assert!(back == form, "{k} JSON");
                if only.is_some() {
                    println!("{json}");
                }
                let written = doorstep_form::xform::write(&form);
                if only.is_some() {
                    println!("{written}");
                }
                match doorstep_form::xform::read(&written) {
                    Ok((again, _)) => {
                        let w2 = doorstep_form::xform::write(&again);
                        if w2 != written {
                            println!("UNSTABLE {k}");
                            for (a, b) in written.lines().zip(w2.lines()) {
                                if a != b {
                                    println!("   {a}\n   {b}");
                                    break;
                                }
                            }
                        }
                        if again != form {
                            let (a, b) = (
                                serde_json::to_string_pretty(&form).unwrap(),
                                serde_json::to_string_pretty(&again).unwrap(),
                            );
                            println!("DIFFERS {k}");
                            for (a, b) in a.lines().zip(b.lines()) {
                                if a != b {
                                    println!("   {a}\n   {b}");
                                    break;
                                }
                            }
                        }
                    }
                    Err(p) => println!("UNREADABLE {k} {}", p[0]),
                }
                out.insert(k.clone(), written);
                let mut attachments = doorstep_form::Attachments::new();
                for name in form.attachment_names() {
                    let text = if name.ends_with(".csv") {
                        "name,label\n"
                    } else if name.ends_with("json") {
                        r#"{"type":"FeatureCollection","features":[]}"#
                    } else {
                        "<root/>"
                    };
                    attachments.insert(name.to_owned(), text.to_owned());
                }
                if let Err(problems) = doorstep_form::Plan::new(form, &attachments) {
                    for p in problems {
                        if p.severity == doorstep_form::Severity::Error {
                            println!("PLAN {k} {p} [{}]", p.found.replace('\n', " "));
                        }
                    }
                }
            }
            Err(problems) => {
                bad += 1;
                for p in problems {
                    println!(
                        "{} {k} {p}",
                        if p.severity == doorstep_form::Severity::Error { "E" } else { "w" }
                    );
                }
            }
        }
    }
    std::fs::write("/tmp/xf_written.json", serde_json::to_string(&out).unwrap()).unwrap();
    println!("ok {ok} bad {bad}");
}
