//! The tree of an expression.

use super::ExpressionError;
use super::functions::Function;
use regex_lite::Regex;
use std::sync::Arc;

/// An expression. Chains of operators of equal rank are one node, so that the
/// depth of the tree is the depth of the parentheses, not the length of a sum.
#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Number(f64),
    Text(String),
    /// `first operator operand operator operand …`, from left to right.
    Chain(Box<Expr>, Vec<(Operator, Expr)>),
    Negate(Box<Expr>),
    Union(Vec<Expr>),
    Path(Path),
    Call(Call),
    /// A function or variable that is well-formed but does not exist; only in
    /// trees that were read leniently.
    Unknown(Box<Unknown>),
}

/// What is well-formed but not in the language.
#[derive(Debug, Clone)]
pub(crate) struct Unknown {
    /// A function's name, or a variable's with its `$`.
    pub(crate) name: String,
    pub(crate) arguments: Vec<Expr>,
    pub(crate) error: ExpressionError,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Operator {
    /// Whether it tells how two values are to each other.
    pub(crate) fn compares(self) -> bool {
        matches!(
            self,
            Operator::Equal
                | Operator::NotEqual
                | Operator::Less
                | Operator::LessOrEqual
                | Operator::Greater
                | Operator::GreaterOrEqual
        )
    }

    pub(super) fn written(self) -> &'static str {
        match self {
            Operator::Or => "or",
            Operator::And => "and",
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "div",
            Operator::Modulo => "mod",
        }
    }
}

/// A location path, or any expression with predicates or steps behind it.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    pub(crate) start: Start,
    /// Predicates on the start itself: `${member}[2]`, `(a | b)[1]`.
    pub(crate) predicates: Vec<Expr>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// `/…`
    Root,
    /// A relative path: the node in focus.
    Focus,
    /// `${name}`, before names are resolved; the position is for messages.
    Named(String, usize),
    /// `${name}`, resolved to a node of the plan.
    Node(u32),
    /// `(…)/…` or `instance('list')/…`
    Expression(Box<Expr>),
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) axis: Axis,
    pub(crate) test: Test,
    pub(crate) predicates: Vec<Expr>,
    /// The first predicate compares a column with a value that does not depend
    /// on the row: an index can answer it.
    pub(crate) lookup: Option<Lookup>,
}

/// `column = key` as part of a step's first predicate.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    pub(crate) column: String,
    pub(crate) key: Box<Expr>,
    /// The predicate says nothing else, so rows found need no second look.
    pub(crate) exact: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    Child,
    Descendant,
    DescendantOrSelf,
    Parent,
    Ancestor,
    AncestorOrSelf,
    Itself,
    FollowingSibling,
    PrecedingSibling,
    Following,
    Preceding,
    Attribute,
    Namespace,
}

impl Axis {
    pub(crate) const NAMES: [&'static str; 13] = [
        "child",
        "descendant",
        "descendant-or-self",
        "parent",
        "ancestor",
        "ancestor-or-self",
        "self",
        "following-sibling",
        "preceding-sibling",
        "following",
        "preceding",
        "attribute",
        "namespace",
    ];

    pub(crate) fn from_name(name: &str) -> Option<Axis> {
        Some(match name {
            "child" => Axis::Child,
            "descendant" => Axis::Descendant,
            "descendant-or-self" => Axis::DescendantOrSelf,
            "parent" => Axis::Parent,
            "ancestor" => Axis::Ancestor,
            "ancestor-or-self" => Axis::AncestorOrSelf,
            "self" => Axis::Itself,
            "following-sibling" => Axis::FollowingSibling,
            "preceding-sibling" => Axis::PrecedingSibling,
            "following" => Axis::Following,
            "preceding" => Axis::Preceding,
            "attribute" => Axis::Attribute,
            "namespace" => Axis::Namespace,
            _ => return None,
        })
    }

    /// Positions on this axis count backwards through the document.
    pub(crate) fn is_reverse(self) -> bool {
        matches!(
            self,
            Axis::Parent | Axis::Ancestor | Axis::AncestorOrSelf | Axis::PrecedingSibling | Axis::Preceding
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    /// `name`; a prefix is kept as written.
    Name(String),
    /// `*`
    Any,
    /// `prefix:*`
    AnyWithPrefix(String),
    /// `node()`
    Node,
    /// `text()`
    Text,
    /// `comment()`
    Comment,
    /// `processing-instruction('target')`
    ProcessingInstruction(Option<String>),
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) function: &'static Function,
    pub(crate) arguments: Vec<Expr>,
    /// A pattern that is known beforehand, for `regex`.
    pub(crate) pattern: Option<Arc<Regex>>,
    pub(crate) position: usize,
}

impl Path {
    pub(crate) fn from_start(start: Start) -> Path {
        Path { start, predicates: Vec::new(), steps: Vec::new() }
    }
}

impl Step {
    pub(crate) fn new(axis: Axis, test: Test) -> Step {
        Step { axis, test, predicates: Vec::new(), lookup: None }
    }
}

/// Calls `see` for the expression and everything inside it. `focused` is false
/// inside predicates, where relative paths start from another node.
pub(crate) fn visit<'a>(expression: &'a Expr, focused: bool, see: &mut dyn FnMut(&'a Expr, bool)) {
    see(expression, focused);
    match expression {
        Expr::Number(_) | Expr::Text(_) | Expr::Unknown(_) => {}
        Expr::Negate(inner) => visit(inner, focused, see),
        Expr::Chain(first, rest) => {
            visit(first, focused, see);
            for (_, operand) in rest {
                visit(operand, focused, see);
            }
        }
        Expr::Union(parts) => {
            for part in parts {
                visit(part, focused, see);
            }
        }
        Expr::Call(call) => {
            for argument in &call.arguments {
                visit(argument, focused, see);
            }
        }
        Expr::Path(path) => {
            if let Start::Expression(start) = &path.start {
                visit(start, focused, see);
            }
            for predicate in &path.predicates {
                visit(predicate, false, see);
            }
            for step in &path.steps {
                for predicate in &step.predicates {
                    visit(predicate, false, see);
                }
            }
        }
    }
}
