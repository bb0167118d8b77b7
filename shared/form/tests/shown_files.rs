//! What stands beside and above questions: files, and the words of tables.

mod common;

use common::{context, path, plan, start};
use doorstep_form::{MediaKind, Session};
use std::collections::BTreeMap;

const STOVE: &str = "
| survey  |              |       |                 |                |                     |                     |               |            |
|         | type         | name  | label::zh       | label::en      | media::image::zh    | media::image::en    | media::audio  | appearance |
|         | text         | who   | 谁              | Who            |                     |                     |               |            |
|         | begin_group  | g     | 满意度          | Satisfaction   |                     |                     |               | table-list |
|         | select_one l | stove | 炉子            | Stove          | stove-zh.png        | stove-en.png        | say.mp3       |            |
|         | select_one l | room  | 房间            | Room           |                     |                     |               |            |
|         | end_group    |       |                 |                |                     |                     |               |            |
| choices |              |       |                 |                |                     |                     |               |            |
|         | list_name    | name  | label::zh       | label::en      | media::big-image    |                     |               |            |
|         | l            | good  | 好              | Good           | good.jpg            |                     |               |            |
|         | l            | bad   | 差              | Bad            |                     |                     |               |            |
";

#[test]
fn a_form_names_the_files_that_it_shows() {
    let plan = plan(STOVE);
    let names = plan.form().media_names();
    assert_eq!(Vec::from_iter(&names), ["good.jpg", "say.mp3", "stove-en.png", "stove-zh.png"]);
    assert!(!plan.form().computes_media_names());
    let computed = common::plan(&STOVE.replace("stove-zh.png", "${who}.png"));
    assert!(computed.form().computes_media_names());
    assert_eq!(computed.form().media_names().len(), 3);

    let mut session = Session::start(plan, context(), &BTreeMap::new());
    session.set_language("en");
    let stove = session.node(&path("/g/stove")).expect("a question");
    assert_eq!(stove.media.get(&MediaKind::Image).map(String::as_str), Some("stove-en.png"));
}

#[test]
fn the_words_of_a_table_are_the_title_of_its_page() {
    let mut session = start(STOVE);
    session.set_language("zh");
    let pages = session.pages();
    assert_eq!(pages[1].title.as_deref(), Some("满意度"));
    let first = session.node(&pages[1].nodes[0]).expect("the words");
    assert!(first.is_table_title());
    assert!(!session.node(&path("/who")).expect("a question").is_table_title());
    session.answer(&path("/g/stove"), "good").expect("an answer");
    let told = session.summary();
    assert_eq!(told[0].page_title.as_deref(), Some("满意度"));
}
