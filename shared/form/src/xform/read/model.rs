//! The document as a whole: title, model and body, put together to a form.

use super::actions::Actions;
use super::body::Body;
use super::instance::{self, Tree};
use super::itext::Itext;
use super::lists::Lists;
use super::paths::Target;
use super::{Problems, binds, body, kinds, misplaced};
use crate::form::{BodyItem, Form, Node, NodeKind};
use crate::xform::names::{
    self, ENTITIES, EVENTS, ODK, OPENROSA, XFORMS, XHTML, attribute, element_name, elements, is,
};
use roxmltree::{Document, Node as Element};
use std::collections::BTreeMap;

/// Reads the form; `None` where nothing can be read without a cornerstone that
/// is missing.
pub(super) fn form(document: &Document<'_>, problems: &mut Problems) -> Option<Form> {
    let html = document.root_element();
    let head = elements(html).find(|node| node.tag_name().name() == "head");
    let body = elements(html).find(|node| node.tag_name().name() == "body");
    let (Some(head), Some(body)) = (head, body) else {
        problems.error(
            html,
            "this is not an XForm: a <head> with a model and a <body> with questions belong in it",
        );
        return None;
    };
    let title = elements(head).find(|node| node.tag_name().name() == "title");
    if title.is_none() {
        problems.warning(head, "the form has no <title>; write its name into <h:title>");
    }
    let Some(model) = elements(head).find(|&node| is(node, "model")) else {
        problems.error(head, misplaced(head, "model"));
        return None;
    };
    let root = primary_instance(model, problems)?;
    let mut tree = instance::tree(root, &body::repeat_paths(body, root), problems);
    add_identity(&mut tree);
    let itext = Itext::read(model, problems);
    let bound = binds::read(model, &mut tree, &itext, problems);
    let mut actions = Actions::default();
    actions.of_model(model, &bound, &mut tree, problems);
    let mut body_reader =
        Body { tree: &mut tree, itext: &itext, bound: &bound, actions, lists: Lists::default(), problems };
    let items = body_reader.items(body, Target::Root);
    let (actions, lists) = (body_reader.actions, body_reader.lists);
    let (documents, externals) = secondary_instances(model, problems);
    kinds::decide(&mut tree, problems);

    let languages = itext.languages();
    let mut form = Form {
        no_instance_id: false,
        id: root.attribute("id").unwrap_or_default().trim().to_owned(),
        version: version(root),
        openrosa_version: root.attributes().all(|one| one.name() != "version" || one.namespace().is_some())
            && root.has_attribute((OPENROSA, "version")),
        title: title.map_or_else(|| root.attribute("id").unwrap_or_default().trim().to_owned(), text),
        languages,
        style: attribute(body, "class").unwrap_or_default().to_owned(),
        instance_name: instance_name(&tree),
        root: tree.root_name.clone(),
        root_attributes: take(&tree, &tree.root_attributes),
        namespaces: namespaces(html, model, root),
        nodes: take(&tree, &tree.top),
        body: None,
        actions: actions.of_form,
        lists: lists.lists,
        documents,
        texts: itext.texts(lists.dynamic, document.input_text()),
        submission: submission(model, problems),
        external_lists: std::collections::BTreeSet::new(),
        externals,
        survey_columns: BTreeMap::new(),
        entity_columns: BTreeMap::new(),
        entity_rows: BTreeMap::new(),
        instance_name_column: None,
        model_attributes: model_attributes(model),
    };
    // Identity and version are the form's own, unless it computes them.
    form.root_attributes.retain(|node| {
        node.calculation.is_some() || !matches!(node.name.as_str(), "id" | "version" | "orx:version")
    });
    form.body = (items != natural_order(&form.root, &form.nodes)).then_some(items);
    Some(form)
}

/// The root element of the first instance, which is what a person fills.
fn primary_instance<'a, 'input>(
    model: Element<'a, 'input>,
    problems: &mut Problems,
) -> Option<Element<'a, 'input>> {
    let Some(instance) = elements(model).find(|&node| is(node, "instance")) else {
        problems.error(model, "the model has no <instance>; it must hold the questions' elements");
        return None;
    };
    let Some(root) = instance.first_element_child() else {
        problems.error(instance, "the <instance> is empty; it must hold the questions' elements");
        return None;
    };
    if attribute(root, "id").is_none() {
        problems.error(root, "the form has no identity; write id=\"…\" on this element");
    }
    Some(root)
}

fn version(root: Element<'_, '_>) -> String {
    let version = root.attribute("version").or_else(|| root.attribute((OPENROSA, "version")));
    version.unwrap_or_default().to_owned()
}

/// Every instance has an identity (OpenRosa): a form that forgot it gets one.
fn add_identity(tree: &mut Tree<'_, '_>) {
    let meta = tree.resolve(Target::Root, "meta").and_then(Target::part).unwrap_or_else(|| {
        let part = tree.parts.len();
        tree.parts.push(instance::Part::new(Node::new("orx:meta", NodeKind::Group, 0), None));
        tree.top.push(part);
        part
    });
    if tree.resolve(Target::Part(meta), "instanceID").is_some() {
        return;
    }
    let place = tree.parts.len();
    let Some(group) = tree.parts.get_mut(meta).filter(|group| group.node.kind != NodeKind::Repeat) else {
        return;
    };
    group.node.kind = NodeKind::Group;
    group.node.default = None;
    group.children.push(place);
    let prefix = group.node.name.split_once(':').map_or(String::new(), |(prefix, _)| format!("{prefix}:"));
    let name = format!("{prefix}instanceID");
    tree.parts.push(instance::Part::new(Node::new(&name, NodeKind::InstanceId, 0), Some(meta)));
}

/// The computed name of an instance is an element of its own; it is read there.
fn instance_name(tree: &Tree<'_, '_>) -> Option<String> {
    let found = tree.resolve(Target::Root, "meta/instanceName")?;
    tree.get(found)?.node.calculation.as_ref()?;
    Some(tree.path(found))
}

/// All prefixes the model's elements and attributes can use.
fn namespaces(
    html: Element<'_, '_>,
    model: Element<'_, '_>,
    root: Element<'_, '_>,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let inside = root.descendants().filter(Element::is_element);
    let all = [html, model, root].into_iter().chain(inside);
    for element in all {
        for namespace in element.namespaces() {
            if let Some(prefix) = namespace.name().filter(|prefix| *prefix != "xml")
                && !matches!(namespace.uri(), XHTML | EVENTS)
            {
                found.entry(prefix.to_owned()).or_insert_with(|| namespace.uri().to_owned());
            }
        }
    }
    found.entry("orx".to_owned()).or_insert_with(|| OPENROSA.to_owned());
    let default = root.default_namespace().filter(|_| !element_name(root).contains(':'));
    if let Some(uri) = default.filter(|&uri| uri != XFORMS) {
        found.insert(String::new(), uri.to_owned());
    }
    found
}

/// Inline documents as XML, and the files that come beside the form.
fn secondary_instances(
    model: Element<'_, '_>,
    problems: &mut Problems,
) -> (BTreeMap<String, String>, Vec<crate::form::External>) {
    let mut documents = BTreeMap::new();
    let mut externals: Vec<crate::form::External> = Vec::new();
    for instance in elements(model).filter(|&node| is(node, "instance")).skip(1) {
        let Some(name) = attribute(instance, "id") else {
            problems.warning(instance, "an instance without id is never read; write id=\"…\"");
            continue;
        };
        if documents.contains_key(name) || externals.iter().any(|external| external.name == name) {
            problems.warning(instance, format!("a second instance \"{name}\" is never read"));
            continue;
        }
        if let Some(source) = attribute(instance, "src") {
            let file = ["jr://file-csv/", "jr://file/"].iter().find_map(|scheme| source.strip_prefix(scheme));
            let file = file.unwrap_or(source).to_owned();
            externals.push(crate::form::External { name: name.to_owned(), file, row: 0 });
            continue;
        }
        let text = instance.first_element_child().map(standalone).unwrap_or_default();
        documents.insert(name.to_owned(), text);
    }
    (documents, externals)
}

/// The XML of an element, with the prefixes that it takes from around it.
fn standalone(element: Element<'_, '_>) -> String {
    let source = element.document().input_text().get(element.range()).unwrap_or_default();
    let name_end = 1 + element_name(element).len();
    let (Some(start), Some(rest)) = (source.get(..name_end), source.get(name_end..)) else {
        return String::new();
    };
    let mut text = start.to_owned();
    let own = element.range().start;
    for namespace in element.namespaces() {
        let Some(prefix) = namespace.name().filter(|prefix| *prefix != "xml") else { continue };
        let tag = source.split('>').next().unwrap_or_default();
        let declared = tag.contains(&format!("xmlns:{prefix}="));
        if own > 0 && !declared && source.contains(&format!("{prefix}:")) {
            text.push_str(&format!(
                " xmlns:{prefix}=\"{}\"",
                namespace.uri().replace('&', "&amp;").replace('"', "&quot;")
            ));
        }
    }
    text.push_str(rest);
    text
}

fn submission(model: Element<'_, '_>, problems: &mut Problems) -> BTreeMap<String, String> {
    let Some(submission) = elements(model).find(|&node| is(node, "submission")) else {
        return BTreeMap::new();
    };
    if let Some(method) = attribute(submission, "method")
        && !matches!(method, "post" | "form-data-post")
    {
        problems.error(submission, format!("the method \"{method}\" is not known; write \"post\""));
    }
    let attributes = submission.attributes();
    attributes
        .map(|one| (names::attribute_name(submission, &one).to_owned(), one.value().to_owned()))
        .collect()
}

/// Versions of the specifications that the form follows.
fn model_attributes(model: Element<'_, '_>) -> BTreeMap<String, String> {
    let versions = model.attributes().filter(|one| matches!(one.namespace(), Some(ODK | ENTITIES)));
    versions.map(|one| (names::attribute_name(model, &one).to_owned(), one.value().to_owned())).collect()
}

fn text(element: Element<'_, '_>) -> String {
    let all: String = element.descendants().filter(Element::is_text).filter_map(|node| node.text()).collect();
    all.trim().to_owned()
}

/// Takes the nodes out of the tree.
fn take(tree: &Tree<'_, '_>, parts: &[usize]) -> Vec<Node> {
    let nodes = parts.iter().filter_map(|&part| {
        let part = tree.parts.get(part)?;
        let mut node = part.node.clone();
        node.children = take(tree, &part.children);
        node.attributes = take(tree, &part.attributes);
        Some(node)
    });
    nodes.collect()
}

/// What a body shows that follows the instance.
pub(super) fn natural_order(root: &str, nodes: &[Node]) -> Vec<BodyItem> {
    fn items(above: &str, nodes: &[Node]) -> Vec<BodyItem> {
        let shown = nodes.iter().filter_map(|node| {
            let path = format!("{above}/{}", node.name);
            if node.kind.is_container() {
                let inner = items(&path, &node.children);
                (!inner.is_empty()).then_some(BodyItem::Container(path, inner))
            } else {
                node.kind.is_shown().then_some(BodyItem::Node(path))
            }
        });
        shown.collect()
    }
    items(&format!("/{root}"), nodes)
}
