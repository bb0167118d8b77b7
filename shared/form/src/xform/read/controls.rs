//! Controls: one question each.

use super::actions::Around;
use super::body::{Body, other_attributes, set_words};
use super::paths::Target;
use crate::form::{BodyItem, Choice, Node, NodeKind};
use crate::xform::names::{ODK, XFORMS, attribute, elements, is, local};
use roxmltree::Node as Element;

/// The kind of question that a control asks; `Text` for inputs, whose type
/// decides. `None` for what is no control.
pub(super) fn kind(control: Element<'_, '_>) -> Option<NodeKind> {
    let name = control.tag_name();
    if name.name() == "rank" && name.namespace().is_some_and(|uri| uri.trim_end_matches('/') == ODK) {
        return Some(NodeKind::Rank);
    }
    if name.namespace() != Some(XFORMS) {
        return None;
    }
    Some(match name.name() {
        "input" | "secret" | "textarea" => NodeKind::Text,
        "select1" => NodeKind::SelectOne,
        "select" => NodeKind::SelectMultiple,
        "rank" => NodeKind::Rank,
        "trigger" => NodeKind::Acknowledge,
        "range" => NodeKind::Range,
        "upload" => upload(attribute(control, "mediatype").unwrap_or_default()),
        _ => return None,
    })
}

fn upload(media_type: &str) -> NodeKind {
    match media_type.split('/').next().unwrap_or_default() {
        "image" => NodeKind::Image,
        "audio" => NodeKind::Audio,
        "video" => NodeKind::Video,
        _ => NodeKind::File,
    }
}

/// The media type that a kind has by itself.
pub(in crate::xform) fn media_type(kind: NodeKind) -> Option<&'static str> {
    Some(match kind {
        NodeKind::Image => "image/*",
        NodeKind::Audio => "audio/*",
        NodeKind::Video => "video/*",
        NodeKind::File => "application/*",
        _ => return None,
    })
}

impl Body<'_, '_, '_> {
    /// A question; `None` when it belongs nowhere.
    pub(super) fn control(
        &mut self,
        control: Element<'_, '_>,
        kind: NodeKind,
        here: Target,
    ) -> Option<BodyItem> {
        let name = control.tag_name().name();
        let Some(target) = self.target(control, here).ok()? else {
            self.problems.error(control, format!("<{name}> asks for nothing; write ref=\"…\""));
            return None;
        };
        let path = self.tree.path(target);
        let usable = self.tree.get(target).is_some_and(|part| part.children.is_empty() && !part.shows_group);
        if !usable {
            self.problems.error(control, format!("{path} is a group; a question needs a node of its own"));
            return None;
        }
        if let Some(media_type) = attribute(control, "mediatype").filter(|_| name == "upload")
            && !media_type.contains('/')
        {
            self.problems.error(
                control,
                format!("\"{media_type}\" is not a media type; write \"image/*\" or the like"),
            );
        }
        self.actions.of_node(control, (target, Around::Other), self.bound, self.tree, self.problems);
        let label = self.label_of(control, "label");
        let hint = self.label_of(control, "hint");
        if self.tree.get(target).is_some_and(|part| part.control.is_some()) {
            self.problems
                .warning(control, format!("{path} is asked for twice; the first control decides how"));
            return Some(BodyItem::Node(path));
        }
        if kind.is_select() && !elements(control).any(|node| is(node, "item") || is(node, "itemset")) {
            self.problems.error(control, format!("{path} has no choices; write <item> or <itemset>"));
        }
        let choices = if kind.is_select() || elements(control).any(|node| is(node, "itemset")) {
            self.lists.choices(control, &path, self.itext, self.problems)
        } else {
            None
        };
        let tags = self.tags(control);
        let part = self.tree.get_mut(target)?;
        part.control = Some(kind);
        part.node.choices = choices;
        part.node.tags = tags;
        set_words(&mut part.node, label, hint);
        attributes(&mut part.node, control, kind);
        for unknown in elements(control) {
            let known = ["label", "hint", "help", "alert", "item", "itemset", "tag"]
                .iter()
                .any(|known| is(unknown, known))
                || super::actions::is_action(unknown);
            if !known {
                let name = unknown.tag_name().name();
                self.problems.warning(unknown, format!("<{name}> is not known here and has no effect"));
            }
        }
        Some(BodyItem::Node(path))
    }

    /// The tags that a map editor collects.
    fn tags(&mut self, control: Element<'_, '_>) -> Vec<Choice> {
        let mut tags = Vec::new();
        for tag in elements(control).filter(|&node| is(node, "tag")) {
            let Some(key) = attribute(tag, "key") else {
                self.problems.error(tag, "the tag has no key; write key=\"…\"");
                continue;
            };
            let label = self.label_of(tag, "label");
            let columns = std::collections::BTreeMap::new();
            tags.push(Choice { name: key.to_owned(), label: label.text, media: label.media, columns });
        }
        tags
    }
}

/// Appearance, parameters and what else a control says.
fn attributes(node: &mut Node, control: Element<'_, '_>, kind: NodeKind) {
    let mut look = attribute(control, "appearance").unwrap_or_default().to_owned();
    let implied = match control.tag_name().name() {
        "secret" => "masked",
        "textarea" => "multiline",
        _ => "",
    };
    if !implied.is_empty() && !look.split(' ').any(|one| one == implied) {
        look = format!("{look} {implied}").trim().to_owned();
    }
    node.appearance = look;
    other_attributes(node, control);
    if kind == NodeKind::Range {
        let all = node.body_attributes.iter();
        node.parameters = all.map(|(name, value)| (local(name).replace('-', "_"), value.clone())).collect();
    }
    if media_type(kind)
        .is_some_and(|usual| node.body_attributes.get("mediatype").is_some_and(|own| own == usual))
    {
        node.body_attributes.remove("mediatype");
    }
}
