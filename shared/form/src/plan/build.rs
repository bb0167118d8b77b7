//! Puts a plan together: nodes first, then expressions, then their order.

use super::{Attachments, LAST_SAVED, Plan, PlanNode, Region, Slot, compile, graph, layout, lists};
use crate::form::{DataType, Form, MAX_NESTING, Node, NodeKind};
use crate::problem::AuthoringProblem;
use std::collections::{BTreeMap, HashMap};

/// Most nodes of a form.
const MAX_NODES: usize = 200_000;

pub(super) fn build(mut form: Form, attachments: &Attachments, problems: &mut Vec<AuthoringProblem>) -> Plan {
    let (lists, documents) = lists::read_all(&form, attachments, problems);
    let list_names = lists.iter().zip(0_u16..).map(|(list, number)| (list.name.clone(), number)).collect();
    let documents_named = documents.iter().zip(0_u16..).map(|((name, _), number)| (name.clone(), number));
    let last_saved = form.externals.iter().filter(|external| external.file == lists::LAST_SAVED);
    // A reference to it needs no declaration.
    let undeclared = std::iter::once(("__last-saved".to_owned(), LAST_SAVED));
    let last_saved = last_saved.map(|external| (external.name.clone(), LAST_SAVED));
    let document_names: HashMap<String, u16> = undeclared.chain(documents_named).chain(last_saved).collect();
    let documents = documents.into_iter().map(|(_, document)| document).collect();
    let top = std::mem::take(&mut form.nodes);
    let root_attributes = std::mem::take(&mut form.root_attributes);
    let mut plan = Plan {
        form,
        nodes: Vec::new(),
        names: HashMap::new(),
        lists,
        list_names,
        document_names,
        documents,
        texts: BTreeMap::new(),
        layout: Vec::new(),
        shown_in: HashMap::new(),
        shows: HashMap::new(),
        pages: Vec::new(),
        instance_name: None,
        clock_watchers: Vec::new(),
        actions: Vec::new(),
        regions: HashMap::new(),
        ranked: Vec::new(),
    };
    let mut sources: Vec<Option<&Node>> = Vec::new();
    {
        let mut planter = Planter { plan: &mut plan, sources: &mut sources, problems };
        planter.root(&top, &root_attributes);
    }
    plan.nodes.shrink_to_fit();
    layout::arrange(&mut plan, problems);
    compile::all(&mut plan, &sources, problems);
    drop(sources);
    plan.form.nodes = top;
    plan.form.root_attributes = root_attributes;
    graph::order(&mut plan, problems);
    graph::watch_series(&mut plan);
    plan
}

/// Makes the nodes of the plan and gives each its place in its region.
struct Planter<'a, 'b> {
    plan: &'a mut Plan,
    /// What the form says of each node.
    sources: &'a mut Vec<Option<&'b Node>>,
    problems: &'a mut Vec<AuthoringProblem>,
}

impl<'b> Planter<'_, 'b> {
    fn root(&mut self, top: &'b [Node], attributes: &'b [Node]) {
        let name = self.plan.form.root.clone();
        self.plan.nodes.push(blank(&name, NodeKind::Group, DataType::String, 0, None));
        self.sources.push(None);
        let slots = vec![Slot { node: 0, series: false }];
        self.plan.regions.insert(0, Region { slots, watchers: Vec::new() });
        for attribute in attributes {
            self.attribute(attribute, 0, 0);
        }
        self.nodes(top, 0, 0, 0);
        self.close(0);
    }

    fn nodes(&mut self, nodes: &'b [Node], parent: u32, region: u32, depth: usize) {
        if depth > MAX_NESTING || self.plan.nodes.len() + nodes.len() > MAX_NODES {
            self.problems.push(AuthoringProblem::error(
                "survey",
                format!("the form is too large: at most {MAX_NODES} rows, {MAX_NESTING} levels deep"),
            ));
            return;
        }
        for node in nodes {
            let number = self.plant(node, parent);
            if let Some(parent) = self.plan.node_mut(parent) {
                parent.children.push(number);
            }
            let mut inner = region;
            if node.kind == NodeKind::Repeat {
                let series_offset = self.seat(region, Slot { node: number, series: true });
                let slots = vec![Slot { node: number, series: false }];
                self.plan.regions.insert(number, Region { slots, watchers: Vec::new() });
                inner = number;
                if let Some(planned) = self.plan.node_mut(number) {
                    planned.series_offset = series_offset;
                }
            } else {
                let offset = self.seat(region, Slot { node: number, series: false });
                if let Some(planned) = self.plan.node_mut(number) {
                    planned.offset = offset;
                }
            }
            if let Some(planned) = self.plan.node_mut(number) {
                planned.region = inner;
            }
            for attribute in &node.attributes {
                self.attribute(attribute, number, inner);
            }
            self.nodes(&node.children, number, inner, depth + 1);
            self.close(number);
        }
    }

    fn attribute(&mut self, source: &'b Node, parent: u32, region: u32) {
        let number = self.plant(source, parent);
        let offset = self.seat(region, Slot { node: number, series: false });
        if let Some(planned) = self.plan.node_mut(number) {
            planned.kind = NodeKind::Attribute;
            planned.offset = offset;
            planned.region = region;
        }
        if let Some(parent) = self.plan.node_mut(parent) {
            parent.attributes.push(number);
        }
        self.close(number);
    }

    fn plant(&mut self, node: &'b Node, parent: u32) -> u32 {
        let number = u32::try_from(self.plan.nodes.len()).unwrap_or(u32::MAX);
        let data_type = node.data_type.unwrap_or_else(|| node.kind.data_type());
        let mut planned = blank(&node.name, node.kind, data_type, node.row, Some(parent));
        planned.appearance.clone_from(&node.appearance);
        planned.parameters.clone_from(&node.parameters);
        planned.fixed = node.no_add_remove || node.repeat_count.is_some();
        planned.initial.clone_from(&node.initial);
        planned.records = planned.records.or_else(|| preloaded(node));
        self.plan.nodes.push(planned);
        self.sources.push(Some(node));
        if node.kind != NodeKind::Attribute {
            self.plan.names.entry(node.name.clone()).or_default().push(number);
        }
        number
    }

    fn seat(&mut self, region: u32, slot: Slot) -> u32 {
        let slots = &mut self.plan.regions.entry(region).or_default().slots;
        slots.push(slot);
        u32::try_from(slots.len() - 1).unwrap_or(u32::MAX)
    }

    fn close(&mut self, number: u32) {
        let end = u32::try_from(self.plan.nodes.len()).unwrap_or(u32::MAX);
        if let Some(node) = self.plan.node_mut(number) {
            node.end = end;
        }
    }
}

/// What a question that people see records before they do.
fn preloaded(node: &Node) -> Option<NodeKind> {
    let of = |name: &str| node.bind_attributes.get(name).map_or("", String::as_str);
    Some(match (of("jr:preload"), of("jr:preloadParams")) {
        ("timestamp", "start") => NodeKind::Start,
        ("timestamp", "end") => NodeKind::End,
        ("date", "today") => NodeKind::Today,
        ("property", "username") => NodeKind::Username,
        ("property", "deviceid") => NodeKind::DeviceId,
        ("property", "phonenumber") => NodeKind::PhoneNumber,
        ("property", "email") => NodeKind::Email,
        ("uid", _) => NodeKind::InstanceId,
        _ => return None,
    })
}

fn blank(name: &str, kind: NodeKind, data_type: DataType, row: u32, parent: Option<u32>) -> PlanNode {
    PlanNode {
        name: name.to_owned(),
        kind,
        data_type,
        records: kind.is_metadata().then_some(kind),
        row,
        parent,
        children: Vec::new(),
        attributes: Vec::new(),
        end: 0,
        region: 0,
        offset: 0,
        series_offset: 0,
        page: usize::MAX,
        relevant: None,
        required: None,
        read_only: None,
        constraint: None,
        calculation: None,
        draws_lots: false,
        reads_last_saved: false,
        repeat_count: None,
        initial: None,
        fixed: false,
        default: None,
        choices: None,
        texts: None,
        appearance: String::new(),
        parameters: BTreeMap::new(),
        dependents: Vec::new(),
        on_change: Vec::new(),
        value_rank: 0,
        relevance_rank: 0,
    }
}
