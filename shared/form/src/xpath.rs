//! Expressions over any XML document: the door for what is no form.

pub use crate::document::{MAX_XML_NODES, XmlDocument, XmlError, XmlNode};
use crate::document::{Prefixes, order_of};
use crate::expr::{self, Environment, Evaluator, Expr, Focus, Handle, Nodes, Sort, Test};
pub use crate::expr::{Dialect, EvaluationError, ExpressionError, Zone};
use chrono::{DateTime, FixedOffset};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// An expression, read once.
#[derive(Debug, Clone)]
pub struct Expression {
    tree: Expr,
    /// It calls functions of the namespace that forms call `jr`.
    is_javarosa: bool,
    /// The prefixes of the nodes it names.
    prefixes: BTreeSet<String>,
}

/// The namespace of `jr:itext()` and its like.
const JAVAROSA: &str = "http://openrosa.org/javarosa";

/// What an expression yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A text; dates and moments are texts in ISO form.
    Text(String),
    /// A number; may be NaN.
    Number(f64),
    /// A truth value.
    Boolean(bool),
    /// Nodes, in document order unless they were shuffled.
    Nodes(Vec<XmlNode>),
}

/// The world an expression looks at: a document, and what is known around it.
pub struct World<'a> {
    /// The document.
    pub document: &'a XmlDocument,
    /// The node that `/` means; the document itself when absent. In an XForm it
    /// is the primary instance.
    pub top: Option<XmlNode>,
    /// What prefixes in the expression stand for; those of the document count too.
    pub namespaces: BTreeMap<String, String>,
    /// Language of `jr:itext()`; the form's default when absent.
    pub language: Option<String>,
    /// What `now()` and `today()` mean.
    pub now: DateTime<FixedOffset>,
    /// The clock of the place.
    pub zone: &'a dyn Zone,
    /// How values are converted.
    pub dialect: Dialect,
    /// Seed of everything random.
    pub seed: u64,
}

impl Expression {
    /// Reads an expression. A function that does not exist is an error when it
    /// is computed, so that what never is does not matter.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
        let tree = expr::parse_leniently(text)?;
        let mut is_javarosa = false;
        let mut prefixes = BTreeSet::new();
        expr::visit(&tree, true, &mut |part, _| match part {
            Expr::Call(call) => is_javarosa |= call.function.name.starts_with("jr:"),
            Expr::Path(path) => {
                prefixes.extend(path.steps.iter().filter_map(|step| prefix(&step.test)).map(str::to_owned));
            }
            _ => {}
        });
        Ok(Expression { tree, is_javarosa, prefixes })
    }

    /// How it was read: every step in full, every operator in parentheses.
    pub fn outline(&self) -> String {
        expr::outline(&self.tree)
    }

    /// Computes it, seen from a node.
    ///
    /// # Errors
    /// When it takes too many steps, a function gets what it cannot use, or a path
    /// has a prefix that neither the world nor the document declares.
    pub fn evaluate(&self, world: &World<'_>, at: XmlNode) -> Result<Outcome, EvaluationError> {
        self.compute(world, at, |evaluator, value| match value {
            expr::Value::Number(number) => Outcome::Number(number),
            expr::Value::Boolean(value) => Outcome::Boolean(value),
            expr::Value::Nodes(nodes) => {
                Outcome::Nodes(nodes.into_iter().filter_map(XmlNode::from_handle).collect())
            }
            other => Outcome::Text(evaluator.to_text(other).into_owned()),
        })
    }

    /// Computes it as text.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn text(&self, world: &World<'_>, at: XmlNode) -> Result<String, EvaluationError> {
        self.compute(world, at, |evaluator, value| evaluator.to_text(value).into_owned())
    }

    /// Computes it as a number.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn number(&self, world: &World<'_>, at: XmlNode) -> Result<f64, EvaluationError> {
        self.compute(world, at, |evaluator, value| evaluator.to_number(&value))
    }

    /// Computes it as a truth value.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn boolean(&self, world: &World<'_>, at: XmlNode) -> Result<bool, EvaluationError> {
        self.compute(world, at, |evaluator, value| evaluator.to_boolean(&value))
    }

    fn compute<T>(
        &self,
        world: &World<'_>,
        at: XmlNode,
        shape: impl Fn(&Evaluator<'_>, expr::Value<'_>) -> T,
    ) -> Result<T, EvaluationError> {
        let other = world.namespaces.get("jr").filter(|&namespace| namespace != JAVAROSA);
        if let (true, Some(namespace)) = (self.is_javarosa, other) {
            return Err(EvaluationError::new(format!("there are no functions in the namespace {namespace}")));
        }
        // A prefix that nobody declares is an error (XPath 1.0, 2.3).
        let declared =
            |prefix: &str| world.namespaces.contains_key(prefix) || world.document.declares(prefix);
        if let Some(prefix) = self.prefixes.iter().find(|prefix| !declared(prefix)) {
            return Err(EvaluationError::new(format!("the prefix \"{prefix}\" stands for no namespace")));
        }
        let environment = Looking { world, random: Cell::new(world.seed) };
        let mut evaluator = Evaluator::new(&environment);
        let value = evaluator.evaluate(&self.tree, &Focus::on(world.document.handle(0, at)))?;
        Ok(shape(&evaluator, value))
    }
}

/// The prefix of the nodes that a step asks for.
fn prefix(test: &Test) -> Option<&str> {
    match test {
        Test::Name(name) => name.split_once(':').map(|(prefix, _)| prefix),
        Test::AnyWithPrefix(prefix) => Some(prefix),
        _ => None,
    }
}

/// A world while an expression is computed.
struct Looking<'w> {
    world: &'w World<'w>,
    random: Cell<u64>,
}

impl Looking<'_> {
    /// The primary instance of an XForm, or the whole document.
    fn top_number(&self) -> Handle {
        let document = self.world.document;
        document.handle(0, self.world.top.unwrap_or(document.root()))
    }

    fn prefixes(&self) -> Prefixes<'_> {
        Prefixes { namespaces: &self.world.namespaces, strict: self.world.dialect == Dialect::XPath1 }
    }
}

impl Environment for Looking<'_> {
    fn now(&self) -> DateTime<FixedOffset> {
        self.world.now
    }

    fn zone(&self) -> &dyn Zone {
        self.world.zone
    }

    fn dialect(&self) -> Dialect {
        self.world.dialect
    }

    fn top(&self, _of: Handle) -> Option<Handle> {
        Some(self.top_number())
    }

    fn parent(&self, of: Handle) -> Option<Handle> {
        match of {
            Handle::Xml(document, number) => {
                self.world.document.parent(number).map(|parent| Handle::Xml(document, parent))
            }
            Handle::XmlNamespace(document, number, _) => Some(Handle::Xml(document, number)),
            _ => None,
        }
    }

    fn children(&self, of: Handle, test: &Test, found: &mut Nodes) {
        if let Handle::Xml(document, number) = of {
            self.world.document.children(document, number, test, self.prefixes(), found);
        }
    }

    fn attributes(&self, of: Handle, test: &Test, found: &mut Nodes) {
        if let Handle::Xml(document, number) = of {
            self.world.document.attributes(document, number, test, self.prefixes(), found);
        }
    }

    fn namespaces(&self, of: Handle, found: &mut Nodes) {
        if let Handle::Xml(document, number) = of {
            self.world.document.namespaces(document, number, found);
        }
    }

    fn sort(&self, of: Handle) -> Sort {
        match of {
            Handle::Xml(_, number) => self.world.document.sort(number),
            _ => Sort::Namespace,
        }
    }

    fn name(&self, of: Handle) -> &str {
        match of {
            Handle::Xml(_, number) => self.world.document.name(number),
            Handle::XmlNamespace(_, number, place) => self.world.document.namespace_prefix(number, place),
            _ => "",
        }
    }

    fn namespace(&self, of: Handle) -> &str {
        match of {
            Handle::Xml(_, number) => self.world.document.namespace(number),
            _ => "",
        }
    }

    fn is_named(&self, of: Handle, name: &str) -> bool {
        match of {
            Handle::Xml(_, number) => self.world.document.is_named(number, name, self.prefixes()),
            _ => false,
        }
    }

    fn has_prefix(&self, of: Handle, prefix: &str) -> bool {
        match of {
            Handle::Xml(_, number) => self.world.document.has_prefix(number, prefix, self.prefixes()),
            _ => false,
        }
    }

    fn text(&self, of: Handle) -> Cow<'_, str> {
        match of {
            Handle::Xml(_, number) => Cow::Borrowed(self.world.document.text(number)),
            Handle::XmlNamespace(_, number, place) => {
                Cow::Borrowed(self.world.document.namespace_text(number, place))
            }
            _ => Cow::Borrowed(""),
        }
    }

    /// The `instance` element of this id.
    fn list(&self, name: &str) -> Option<Handle> {
        let document = self.world.document;
        let found =
            document.elements("instance").find(|&found| document.attribute(found, "id") == Some(name));
        found.map(|number| Handle::Xml(0, number))
    }

    fn order(&self, of: Handle) -> Option<u64> {
        order_of(of)
    }

    /// The values of the text of this id that are for no special form.
    fn itext(&self, id: &str) -> Option<expr::Value<'_>> {
        let document = self.world.document;
        let around = document.elements("itext").next()?;
        let translations = || document.child_elements(around, "translation");
        let language = self.world.language.as_deref();
        let translation = translations()
            .find(|&one| match language {
                Some(_) => document.attribute(one, "lang") == language,
                None => document.attribute(one, "default").is_some_and(|default| default != "false()"),
            })
            .or_else(|| translations().next())?;
        let text = document.child_elements(translation, "text");
        let text = text.into_iter().find(|&text| document.attribute(text, "id") == Some(id))?;
        let values = document.child_elements(text, "value");
        let plain = values.filter(|&value| document.attribute(value, "form").is_none());
        Some(expr::Value::Nodes(plain.map(|number| Handle::Xml(0, number)).collect()))
    }

    fn with_id(&self, id: &str, _around: Handle, found: &mut Nodes) {
        found.extend(self.world.document.with_id(id).map(|number| Handle::Xml(0, number)));
    }

    /// A series of its own for each evaluation: SplitMix64 from the seed.
    fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        expr::mixed(state)
    }
}
