//! What once broke the engine is tried again, and every target takes a few
//! inputs that nobody has tried.

use doorstep_fuzz::{Seeds, TARGETS, findings, input};

#[test]
fn what_once_broke_something_does_so_no_more() {
    let mut broken = Vec::new();
    for target in TARGETS {
        let Ok(entries) = std::fs::read_dir(findings().join(target.name)) else { continue };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            let bytes = std::fs::read(&path).expect("a readable file");
            if let Err(why) = (target.run)(&bytes) {
                broken.push(format!("{}: {why}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_target_takes_some_new_inputs() {
    let seeds = Seeds::read(None);
    for target in TARGETS {
        for number in 0..150 {
            let bytes = input(&target, &seeds, 7, number);
            assert_eq!(
                bytes,
                input(&target, &seeds, 7, number),
                "{} makes the same input again",
                target.name
            );
            if let Err(why) = (target.run)(&bytes) {
                panic!("{}, input {number} of seed 7: {why}", target.name);
            }
        }
    }
}
