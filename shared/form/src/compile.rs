//! Workbook → form: what the sheets say, checked cell by cell.
//!
//! Every file here reads one sheet or one kind of cell. Nothing stops at the
//! first mistake: each reader notes what is wrong and goes on with what makes
//! sense.

mod audit;
mod choices;
mod defaults;
mod entities;
mod entity_places;
mod expand;
mod externals;
mod flat;
mod headers;
mod languages;
mod names;
mod parameters;
mod places;
mod prefixes;
mod question_types;
mod range;
mod references;
mod rows;
mod search;
mod settings;
mod sheets;
mod survey;
mod table;
mod translations;
mod type_names;
mod unique;
mod words;

use crate::form::{Choice, Form, Node, NodeKind};
use crate::problem::{AuthoringProblem, Severity};
use crate::workbook::Workbook;
use headers::{Header, SheetKind};
use languages::Languages;
use std::collections::{BTreeMap, BTreeSet};
use table::Table;

/// Most problems reported for one workbook; a broken column would otherwise
/// fill the screen.
const MAX_PROBLEMS: usize = 500;

type Lists = BTreeMap<String, Vec<Choice>>;

pub(crate) fn form_from_workbook(
    workbook: &Workbook,
) -> Result<(Form, Vec<AuthoringProblem>), Vec<AuthoringProblem>> {
    let mut problems = Vec::new();
    let form = match sheets::only_one(workbook) {
        Some(survey) => read(&survey, &mut problems),
        None => read(workbook, &mut problems),
    };
    sheets::sort(&mut problems);
    problems.truncate(MAX_PROBLEMS);
    match form {
        Some(form) if problems.iter().all(|problem| problem.severity == Severity::Warning) => {
            Ok((form, problems))
        }
        _ => Err(problems),
    }
}

fn read(workbook: &Workbook, problems: &mut Vec<AuthoringProblem>) -> Option<Form> {
    sheets::check(workbook, problems);
    let mut settings = settings::read(workbook, problems);
    let survey_headers = table::headers(workbook, "survey", SheetKind::Survey, survey::KNOWN);
    let choice_headers = table::headers(workbook, "choices", SheetKind::Choices, choices::KNOWN);
    let languages = Languages::new(&settings.default_language, &[&survey_headers, &choice_headers]);
    translations::check("survey", &survey_headers, &settings.default_language, problems);
    translations::check("choices", &choice_headers, &settings.default_language, problems);

    let mut sheet = |name: &str, headers: &[Header]| {
        let mut table = Table::new(workbook.sheet(name)?, name, headers, &languages, problems)?;
        table.end_at_gap(problems);
        Some(table)
    };
    let choice_table = sheet("choices", &choice_headers);
    let mut table = sheet("survey", &survey_headers)?;
    let like_choices = |name: &str| table::headers(workbook, name, SheetKind::Choices, choices::KNOWN);
    let external_table = sheet("external_choices", &like_choices("external_choices"));
    let osm_table = sheet("osm", &like_choices("osm"));
    let entity_headers = table::headers(workbook, "entities", SheetKind::Entities, entities::KNOWN);
    let entity_table = sheet("entities", &entity_headers);

    let duplicates = settings.allow_choice_duplicates;
    let mut lists_of = |table: &Option<Table>, strict: bool| {
        table.as_ref().map_or_else(Lists::new, |table| choices::read(table, strict, duplicates, problems))
    };
    let mut lists = lists_of(&choice_table, true);
    let external = lists_of(&external_table, false);
    let tags = lists_of(&osm_table, false);
    let external_lists: BTreeSet<String> = external.keys().map(|name| survey::external_key(name)).collect();
    let written_lists: Vec<String> = lists.keys().cloned().collect();
    for (name, choices) in external {
        lists.insert(survey::external_key(&name), choices);
    }

    if settings.clean_text_values {
        table.collapse_spaces();
    }
    table.check_headers(survey::KNOWN, problems);
    if !table.require(&["type"], problems) {
        return None;
    }
    let surroundings = survey::Surroundings {
        root: &settings.root,
        external_lists: &external_lists,
        tags: &tags,
        languages: languages.names().len(),
    };
    let mut survey = survey::read(&table, &surroundings, &mut lists, problems);
    let body =
        settings.flat.then(|| flat::take_out_groups(&mut survey.nodes, &settings.root, &table, problems));
    let entity_sheet = entity_table.as_ref();
    places::check(&mut survey.nodes, &lists, &survey.externals, entity_sheet, &table, problems);
    survey.externals.add_pulldata(&table, problems);
    survey.externals.check_against(&lists, &table, problems);
    if settings.add_none_option {
        expand::add_none(&mut survey.nodes, &mut lists);
    }
    settings::complete(&mut settings, survey.settings, problems);
    if let Some(preload) = &settings.instance_id {
        let mut identity = Node::new("instanceID", NodeKind::InstanceId, 0);
        identity.bind_attributes.insert("jr:preload".to_owned(), preload.clone());
        survey::put_into_meta(&mut survey.nodes, vec![identity]);
    }
    let mut model_attributes = BTreeMap::from([("odk:xforms-version".to_owned(), "1.0.0".to_owned())]);
    let entities = entities::apply(entity_table.as_ref(), &table, &mut survey.nodes, problems);
    if let Some(version) = entities {
        model_attributes.insert("entities:entities-version".to_owned(), version.to_owned());
        settings.namespaces.insert("entities".to_owned(), entities::NAMESPACE.to_owned());
    }
    prefixes::check(&table, &settings.namespaces, problems);
    search::check(&survey.nodes, &table, problems);
    unique::check(&survey.nodes, &table, problems);

    let names = references::Names::of(&survey.nodes, &settings.root);
    let sheet_columns = |base: &str| !matches!(base, "type" | "name" | "trigger");
    references::check(
        &table,
        &names,
        |base| survey::KNOWN.contains(&base) && sheet_columns(base) || base.contains("::"),
        problems,
    );
    references::check_triggers(&table, &names, &survey.nodes, problems);
    references::warn_about_elsewhere(&table, problems);
    if let Some(choices) = &choice_table {
        let texts = ["label", "image", "audio", "video", "big-image"];
        references::check(choices, &names, |base| texts.contains(&base), problems);
        references::warn_about_unused_lists(written_lists.iter(), choices, &table, problems);
    }
    if let Some(settings) = &settings.table {
        references::check(settings, &names, |_| true, problems);
    }
    if let Some(entities) = &entity_table {
        references::check(entities, &names, |base| base != "list_name", problems);
        references::check_syntax(entities, &["label", "entity_id", "create_if", "update_if"], problems);
    }
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        references::check_survey_syntax(&table, problems);
    }
    if survey.nodes.is_empty() && survey.externals.found.is_empty() {
        problems.push(AuthoringProblem::error(
            "survey",
            "the form asks nothing: there is no row below the headers",
        ));
    }
    Some(Form {
        id: settings.id,
        version: settings.version,
        openrosa_version: false,
        title: settings.title,
        languages: languages.names().to_vec(),
        style: settings.style,
        instance_name: settings.instance_name,
        root: settings.root,
        root_attributes: settings.root_attributes,
        namespaces: settings.namespaces,
        nodes: survey.nodes,
        body,
        actions: Vec::new(),
        lists,
        documents: BTreeMap::new(),
        texts: survey.texts,
        submission: settings.submission,
        external_lists,
        externals: survey.externals.found,
        survey_columns: table.letters(&languages),
        entity_columns: entity_table.as_ref().map(|table| table.letters(&languages)).unwrap_or_default(),
        entity_rows: entity_table.as_ref().map(entities::rows).unwrap_or_default(),
        instance_name_column: settings.instance_name_column,
        model_attributes,
        no_instance_id: settings.no_instance_id,
    })
}
