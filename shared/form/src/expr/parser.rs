//! Tokens → tree, by recursive descent with one level of precedence climbing.
//! Nesting is bounded, so the parser and everything that walks its trees may
//! recurse.

use super::ast::{Axis, Call, Expr, Operator, Path, Start, Step, Test};
use super::functions;
use super::lexer::{Placed, Token, tokens};
use super::{ExpressionError, MAX_EXPRESSION_DEPTH};
use crate::problem::did_you_mean;
use std::sync::Arc;

/// Reads an expression.
pub(crate) fn parse(text: &str) -> Result<Expr, ExpressionError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { end: text.chars().count() + 1, tokens, at: 0, depth: 0 };
    let expression = parser.expression()?;
    match parser.tokens.get(parser.at) {
        None => Ok(expression),
        Some(placed) => Err(ExpressionError::new(
            placed.position,
            format!("{} is out of place: the expression could end before it", shown(&placed.token)),
        )),
    }
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
    /// Position behind the last character.
    end: usize,
}

/// Weakest first.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("or", Operator::Or)],
    &[("and", Operator::And)],
    &[("=", Operator::Equal), ("!=", Operator::NotEqual)],
    &[
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("times", Operator::Multiply), ("div", Operator::Divide), ("mod", Operator::Modulo)],
];

impl Parser {
    fn expression(&mut self) -> Result<Expr, ExpressionError> {
        self.depth += 1;
        if self.depth > MAX_EXPRESSION_DEPTH {
            return Err(ExpressionError::new(
                self.position(),
                format!("more than {MAX_EXPRESSION_DEPTH} levels of parentheses"),
            ));
        }
        let result = self.level(0);
        self.depth -= 1;
        result
    }

    fn level(&mut self, level: usize) -> Result<Expr, ExpressionError> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let first = self.level(level + 1)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(operators) {
            self.at += 1;
            rest.push((operator, self.level(level + 1)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Chain(Box::new(first), rest) })
    }

    fn operator(&self, operators: &[(&str, Operator)]) -> Option<Operator> {
        match self.peek() {
            Some(Token::Symbol(symbol)) => {
                operators.iter().find(|(written, _)| written == symbol).map(|(_, operator)| *operator)
            }
            _ => None,
        }
    }

    fn unary(&mut self) -> Result<Expr, ExpressionError> {
        let mut negative = false;
        let mut signed = false;
        while self.take("-") {
            negative = !negative;
            signed = true;
        }
        let operand = self.union()?;
        Ok(match (signed, negative) {
            (false, _) => operand,
            (true, true) => Expr::Negate(Box::new(operand)),
            (true, false) => Expr::Negate(Box::new(Expr::Negate(Box::new(operand)))),
        })
    }

    fn union(&mut self) -> Result<Expr, ExpressionError> {
        let first = self.path()?;
        if !self.is_next("|") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take("|") {
            parts.push(self.path()?);
        }
        Ok(Expr::Union(parts))
    }

    fn path(&mut self) -> Result<Expr, ExpressionError> {
        let position = self.position();
        let Some(token) = self.peek().cloned() else {
            return Err(ExpressionError::new(position, "something is missing at the end"));
        };
        let start = match token {
            Token::Number(number) => {
                self.at += 1;
                return Ok(Expr::Number(number));
            }
            Token::Text(text) => {
                self.at += 1;
                return Ok(Expr::Text(text));
            }
            Token::Reference(name) => {
                self.at += 1;
                Start::Named(name, position)
            }
            Token::Symbol("(") => {
                self.at += 1;
                let inner = self.expression()?;
                self.expect(")", "the opening parenthesis")?;
                if !(self.is_next("[") || self.is_next("/") || self.is_next("//")) {
                    return Ok(inner);
                }
                Start::Expression(Box::new(inner))
            }
            Token::Name(name) if self.is_symbol_at(1, "(") && !is_node_type(&name) => {
                let call = self.call(&name)?;
                if !(self.is_next("[") || self.is_next("/") || self.is_next("//")) {
                    return Ok(call);
                }
                Start::Expression(Box::new(call))
            }
            Token::Symbol("/") => {
                self.at += 1;
                let mut path = Path::from_start(Start::Root);
                if self.begins_step() {
                    path.steps.push(self.step()?);
                    self.more_steps(&mut path.steps)?;
                }
                return Ok(Expr::Path(path));
            }
            Token::Symbol("//") => {
                let mut path = Path::from_start(Start::Root);
                self.more_steps(&mut path.steps)?;
                return Ok(Expr::Path(path));
            }
            _ => {
                let mut path = Path::from_start(Start::Focus);
                path.steps.push(self.step()?);
                self.more_steps(&mut path.steps)?;
                return Ok(Expr::Path(path));
            }
        };
        let mut path = Path::from_start(start);
        path.predicates = self.predicates()?;
        self.more_steps(&mut path.steps)?;
        Ok(Expr::Path(path))
    }

    fn more_steps(&mut self, steps: &mut Vec<Step>) -> Result<(), ExpressionError> {
        loop {
            if self.take("//") {
                steps.push(Step::new(Axis::DescendantOrSelf, Test::Node));
            } else if !self.take("/") {
                return Ok(());
            }
            steps.push(self.step()?);
        }
    }

    fn begins_step(&self) -> bool {
        match self.peek() {
            Some(Token::Name(_)) => true,
            Some(Token::Symbol(symbol)) => matches!(*symbol, "." | ".." | "@" | "*"),
            _ => false,
        }
    }

    fn step(&mut self) -> Result<Step, ExpressionError> {
        let position = self.position();
        if self.take("..") {
            let mut step = Step::new(Axis::Parent, Test::Node);
            step.predicates = self.predicates()?;
            return Ok(step);
        }
        if self.take(".") {
            let mut step = Step::new(Axis::Itself, Test::Node);
            step.predicates = self.predicates()?;
            return Ok(step);
        }
        let mut axis = Axis::Child;
        if self.take("@") {
            axis = Axis::Attribute;
        } else if self.is_symbol_at(1, "::")
            && let Some(Token::Name(name)) = self.peek()
        {
            axis = Axis::from_name(name).ok_or_else(|| {
                ExpressionError::new(
                    position,
                    format!("\"{name}\" is not an axis; expected child, parent, …"),
                )
            })?;
            self.at += 2;
        }
        let mut step = Step::new(axis, self.test()?);
        step.predicates = self.predicates()?;
        Ok(step)
    }

    fn test(&mut self) -> Result<Test, ExpressionError> {
        let position = self.position();
        match self.peek().cloned() {
            Some(Token::Symbol("*" | "times")) => {
                self.at += 1;
                Ok(Test::Any)
            }
            Some(Token::Name(name)) => {
                self.at += 1;
                if is_node_type(&name) && self.take("(") {
                    return self.node_type(&name);
                }
                Ok(match name.strip_suffix(":*") {
                    Some(prefix) => Test::AnyWithPrefix(prefix.to_owned()),
                    None => Test::Name(name),
                })
            }
            Some(token) => Err(ExpressionError::new(
                position,
                format!("{} is out of place: a value or a name is expected here", shown(&token)),
            )),
            None => Err(ExpressionError::new(position, "something is missing at the end")),
        }
    }

    fn node_type(&mut self, name: &str) -> Result<Test, ExpressionError> {
        let test = match name {
            "node" => Test::Node,
            "text" => Test::Text,
            "comment" => Test::Comment,
            _ => {
                let target = match self.peek().cloned() {
                    Some(Token::Text(target)) => {
                        self.at += 1;
                        Some(target)
                    }
                    _ => None,
                };
                Test::ProcessingInstruction(target)
            }
        };
        self.expect(")", name)?;
        Ok(test)
    }

    fn predicates(&mut self) -> Result<Vec<Expr>, ExpressionError> {
        let mut predicates = Vec::new();
        while self.take("[") {
            predicates.push(self.expression()?);
            self.expect("]", "the opening bracket")?;
        }
        Ok(predicates)
    }

    fn call(&mut self, name: &str) -> Result<Expr, ExpressionError> {
        let position = self.position();
        self.at += 2;
        let mut arguments = Vec::new();
        if !self.take(")") {
            loop {
                arguments.push(self.expression()?);
                if !self.take(",") {
                    break;
                }
            }
            self.expect(")", &format!("{name}("))?;
        }
        let Some(function) = functions::find(name) else {
            return Err(unknown_function(name, position));
        };
        if !function.takes(arguments.len()) {
            return Err(ExpressionError::new(
                position,
                format!(
                    "{name}() takes {}, but {} {} given",
                    function.arity_in_words(),
                    arguments.len(),
                    if arguments.len() == 1 { "is" } else { "are" }
                ),
            ));
        }
        let mut pattern = None;
        if name == "regex"
            && let Some(Expr::Text(text)) = arguments.get(1)
        {
            let regex = functions::full_match(text).map_err(|error| {
                ExpressionError::new(position, format!("the pattern \"{text}\" cannot be used: {error}"))
            })?;
            pattern = Some(Arc::new(regex));
        }
        Ok(Expr::Call(Call { function, arguments, pattern, position }))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|placed| &placed.token)
    }

    fn position(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |placed| placed.position)
    }

    fn is_symbol_at(&self, ahead: usize, symbol: &str) -> bool {
        matches!(self.tokens.get(self.at + ahead), Some(Placed { token: Token::Symbol(found), .. }) if *found == symbol)
    }

    fn is_next(&self, symbol: &str) -> bool {
        self.is_symbol_at(0, symbol)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.is_next(symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str, opened_by: &str) -> Result<(), ExpressionError> {
        if self.take(symbol) {
            return Ok(());
        }
        let position = self.position();
        Err(ExpressionError::new(
            position,
            match self.peek() {
                None => format!("{opened_by} is never closed: {symbol} is missing at the end"),
                Some(token) => {
                    format!("{symbol} is expected here to close {opened_by}, but {} was found", shown(token))
                }
            },
        ))
    }
}

fn is_node_type(name: &str) -> bool {
    matches!(name, "node" | "text" | "comment" | "processing-instruction")
}

fn unknown_function(name: &str, position: usize) -> ExpressionError {
    if functions::PLANNED.contains(&name) {
        return ExpressionError::new(position, format!("the function {name}() is not supported yet"));
    }
    ExpressionError {
        suggestion: did_you_mean(name, functions::names()),
        ..ExpressionError::new(position, format!("there is no function {name}()"))
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Number(number) => super::number_text(*number),
        Token::Text(text) => format!("the text '{text}'"),
        Token::Name(name) => format!("\"{name}\""),
        Token::Reference(name) => format!("${{{name}}}"),
        Token::Symbol("times") => "*".to_owned(),
        Token::Symbol(symbol) => (*symbol).to_owned(),
    }
}
