//! `doorstep form check` and `form run`, as somebody at a terminal or a script
//! uses them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn doorstep(arguments: &[&str], answers: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_doorstep"))
        .arg("form")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("an input");
    // The program may be done before it has read everything.
    drop(input.write_all(answers.as_bytes()));
    drop(input);
    child.wait_with_output().expect("the program ends")
}

fn file(name: &str, content: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("form_commands");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file");
    path
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn pack(name: &str) -> String {
    format!("{}/../pack/{name}", env!("CARGO_MANIFEST_DIR"))
}

const HOUSEHOLD: &str = "
| survey  |                   |         |             |                |            |                |
|         | type              | name    | label::English (en) | label::中文 (zh) | relevant | constraint |
|         | text              | head    | Who is the head? | 户主是谁？     |            |                |
|         | integer           | age     | How old?    | 年龄？         |            | . >= 0 and . < 130 |
|         | select_one yes_no | ill     | Ill?        | 生病吗？       | ${age} > 4 |                |
|         | begin repeat      | member  | Member      | 家庭成员       |            |                |
|         | text              | m_name  | Name        | 姓名           |            |                |
|         | end repeat        |         |             |                |            |                |
|         | note              | thanks  | Thank you, ${head} | 谢谢    |            |                |
| choices |                   |         |             |                |            |                |
|         | list_name         | name    | label::English (en) | label::中文 (zh) |     |                |
|         | yes_no            | yes     | Yes         | 是             |            |                |
|         | yes_no            | no      | No          | 否             |            |                |
| settings|                   |         |             |                |            |                |
|         | form_title        | form_id | version     | default_language |          |                |
|         | Household         | household | 1         | English (en)   |            |                |
";

#[test]
fn a_whole_pack_is_checked() {
    let output = doorstep(&["check", &pack("elder_visit.xlsx"), &pack("hh_economic_survey.xlsx")], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().filter(|line| line.ends_with("no mistakes")).count(), 2);
}

#[test]
fn every_problem_is_told_with_its_cell_and_as_json() {
    let broken = HOUSEHOLD.replace("${age} > 4", "${ag} > 4").replace("| integer  ", "| intejer  ");
    let broken = file("broken.md", &broken);
    let fine = file("fine.md", HOUSEHOLD);
    let (broken, fine) = (broken.display().to_string(), fine.display().to_string());

    let output = doorstep(&["check", &broken, &fine], "");
    assert!(!output.status.success());
    let told = text(&output.stdout);
    assert!(told.contains("intejer"), "{told}");
    assert!(told.contains("at       sheet survey, row 3, column A (type)"), "{told}");
    assert!(told.contains("Household (household, 1)"), "{told}");
    assert!(text(&output.stderr).contains("1 of 2 forms cannot be used"), "{}", text(&output.stderr));

    let output = doorstep(&["check", "--json", &broken, &fine], "");
    assert!(!output.status.success());
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told[0]["usable"], json!(false));
    let problems = told[0]["problems"].as_array().expect("problems");
    let problem = problems.iter().find(|problem| problem["row"] == 3).expect("the mistyped row");
    assert_eq!((&problem["sheet"], &problem["severity"]), (&json!("survey"), &json!("error")));
    assert_eq!(told[1]["form"]["id"], json!("household"));
    assert_eq!(told[1]["usable"], json!(true));
}

#[test]
fn what_is_no_form_is_named() {
    let note = file("note.txt", "hello");
    let gone = format!("{}.gone.xlsx", note.display());
    let output = doorstep(&["check", &note.display().to_string(), &gone], "");
    assert!(!output.status.success());
    let told = text(&output.stdout);
    assert!(told.contains("note.txt is no form"), "{told}");
    assert!(told.contains("cannot be read"), "{told}");
}

#[test]
fn a_form_is_filled_line_by_line() {
    let form = file("filled.md", HOUSEHOLD).display().to_string();
    let answers = "Li Na\n200\n30\nye\n+\nWang\n+\nZhao\n-1\n\n";
    let output = doorstep(&["run", &form], answers);
    let asked = text(&output.stderr);
    assert!(output.status.success(), "{asked}");
    let instance: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(instance["head"], "Li Na");
    // The first age was refused and asked again.
    assert_eq!((&instance["age"], &instance["ill"]), (&json!("30"), &json!("yes")));
    assert!(asked.contains("Thank you, Li Na"), "{asked}");
    let names: Vec<_> =
        instance["member"].as_array().expect("members").iter().map(|one| &one["m_name"]).collect();
    assert_eq!(names.last().copied(), Some(&json!("Zhao")), "{instance}");
    assert!(!names.contains(&&json!("")), "{instance}");
}

#[test]
fn a_form_is_filled_as_xml() {
    let form = file("as_xml.md", HOUSEHOLD).display().to_string();
    let arguments = ["run", &form, "--xml", "--now", "2026-11-23T09:30:00+08:00", "--seed", "7"];
    let answers = "Li & Na\n30\nye\nWang\n+\nZhao\n";
    let output = doorstep(&arguments, answers);
    let xml = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(xml.contains("<head>Li &amp; Na</head><age>30</age><ill>yes</ill>"), "{xml}");
    assert!(xml.contains("<m_name>Zhao</m_name>"), "{xml}");
    let id = xml.split("instanceID>").nth(1).unwrap_or_default();
    assert!(id.starts_with("uuid:"), "{xml}");
    assert_eq!(text(&doorstep(&arguments, answers).stdout), xml, "a seed makes it again");
    let other = ["run", &form, "--xml", "--now", "2026-11-23T09:30:00+08:00", "--seed", "8"];
    assert!(!text(&doorstep(&other, answers).stdout).contains(id));
}

#[test]
fn going_back_another_language_and_stopping() {
    let form = file("language.md", HOUSEHOLD).display().to_string();
    let answers = "Li\n:language zh\n:back\nLi Na\n3\n:finish\n";
    let output = doorstep(&["run", &form], answers);
    let asked = text(&output.stderr);
    assert!(output.status.success(), "{asked}");
    assert!(asked.contains("户主是谁？"), "{asked}");
    let instance: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&instance["head"], &instance["age"]), (&json!("Li Na"), &json!("3")));
    assert_eq!(instance.get("ill"), None);

    let output = doorstep(&["run", &form], "Li\n:quit\n");
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
}

#[test]
fn answers_that_end_too_early_are_said() {
    let output = doorstep(&["run", &pack("elder_visit.xlsx")], "");
    assert!(!output.status.success());
    let told = text(&output.stderr);
    assert!(told.contains("the answers end before the form can be finished"), "{told}");
}

#[test]
fn files_that_nobody_gave_are_warned_of() {
    let pictured = HOUSEHOLD
        .replacen("| constraint |", "| constraint | image::中文 (zh) | image::English (en) |", 1)
        .replacen(
            "户主是谁？     |            |                |",
            "户主是谁？ | | | 户主.png | 户主.png |",
            1,
        );
    let form = file("pictured.md", &pictured);
    let folder = form.with_file_name("pictured-media");
    // What an earlier run left there.
    drop(std::fs::remove_dir_all(&folder));
    let path = form.to_string_lossy();
    let without = doorstep(&["check", &path], "");
    assert!(without.status.success(), "{}", text(&without.stderr));
    let told = text(&without.stdout);
    assert!(told.contains("1 warning") && told.contains("户主.png"), "{told}");
    // As ODK has it: a folder with the form's name.
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("户主.png"), b"\x89PNG\r\n\x1a\n").expect("a file");
    let with = doorstep(&["check", &path], "");
    assert!(text(&with.stdout).contains("no mistakes"), "{}", text(&with.stdout));
}
