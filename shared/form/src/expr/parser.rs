//! Tokens → tree, by recursive descent with precedence climbing. Nesting is
//! bounded, so the parser and everything that walks its trees may recurse.

use super::ast::{Axis, Call, Expr, Operator, Path, Start, Step, Test, Unknown};
use super::functions;
use super::lexer::{Lexer, Sign, Token};
use super::{ExpressionError, MAX_EXPRESSION_BYTES, MAX_EXPRESSION_DEPTH};
use crate::problem::did_you_mean;

/// Reads an expression.
pub(crate) fn parse(text: &str) -> Result<Expr, ExpressionError> {
    let mut parser = Parser::new(text)?;
    let expression = parser.whole()?;
    match parser.problem {
        None => Ok(expression),
        Some(problem) => Err(problem),
    }
}

/// Reads an expression whose words are right, whether or not its functions
/// exist: what does not is an error only when it is computed.
pub(crate) fn parse_leniently(text: &str) -> Result<Expr, ExpressionError> {
    Parser::new(text)?.whole()
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    token: Token<'t>,
    /// The byte at which the token begins.
    start: usize,
    depth: usize,
    /// The first thing that is well-formed but not in the language.
    problem: Option<ExpressionError>,
}

type Result<T, E = ExpressionError> = std::result::Result<T, E>;

/// How tightly an operator binds; the weakest is 0.
fn rank(operator: Operator) -> u8 {
    match operator {
        Operator::Or => 0,
        Operator::And => 1,
        Operator::Equal | Operator::NotEqual => 2,
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => 3,
        Operator::Add | Operator::Subtract => 4,
        Operator::Multiply | Operator::Divide | Operator::Modulo => 5,
    }
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Result<Parser<'t>> {
        if text.len() > MAX_EXPRESSION_BYTES {
            return Err(ExpressionError::new(
                1,
                format!("the expression is longer than {MAX_EXPRESSION_BYTES} bytes"),
            ));
        }
        let mut lexer = Lexer::new(text);
        let (token, start) = lexer.next()?;
        Ok(Parser { lexer, token, start, depth: 0, problem: None })
    }

    fn whole(&mut self) -> Result<Expr> {
        let expression = self.expression()?;
        match self.token {
            Token::End => Ok(expression),
            token => {
                let message = format!("{} is out of place: the expression could end before it", shown(token));
                Err(self.error(self.start, message))
            }
        }
    }

    fn advance(&mut self) -> Result<()> {
        (self.token, self.start) = self.lexer.next()?;
        Ok(())
    }

    fn error(&mut self, byte: usize, message: impl Into<String>) -> ExpressionError {
        ExpressionError::new(self.lexer.position(byte), message)
    }

    fn expression(&mut self) -> Result<Expr> {
        self.depth += 1;
        if self.depth > MAX_EXPRESSION_DEPTH {
            let message = format!("more than {MAX_EXPRESSION_DEPTH} levels of parentheses");
            return Err(self.error(self.start, message));
        }
        let result = self.operands(0);
        self.depth -= 1;
        result
    }

    /// Operands joined by operators that bind at least so tightly. A chain of
    /// operators of one rank is one node.
    fn operands(&mut self, lowest: u8) -> Result<Expr> {
        let mut left = self.unary()?;
        let mut chained = None;
        while let Token::Operator(operator) = self.token {
            let rank = rank(operator);
            if rank < lowest {
                break;
            }
            self.advance()?;
            let right = self.operands(rank + 1)?;
            left = match left {
                Expr::Chain(first, mut rest) if chained == Some(rank) => {
                    rest.push((operator, right));
                    Expr::Chain(first, rest)
                }
                left => Expr::Chain(Box::new(left), vec![(operator, right)]),
            };
            chained = Some(rank);
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr> {
        let mut signs = 0_usize;
        while self.token == Token::Operator(Operator::Subtract) {
            self.advance()?;
            signs += 1;
        }
        let operand = self.union()?;
        Ok(match (signs, signs % 2) {
            (0, _) => operand,
            (_, 1) => Expr::Negate(Box::new(operand)),
            _ => Expr::Negate(Box::new(Expr::Negate(Box::new(operand)))),
        })
    }

    fn union(&mut self) -> Result<Expr> {
        let first = self.path()?;
        if self.token != Token::Sign(Sign::Bar) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take(Sign::Bar)? {
            parts.push(self.path()?);
        }
        Ok(Expr::Union(parts))
    }

    fn path(&mut self) -> Result<Expr> {
        let byte = self.start;
        let start = match self.token {
            Token::Number(number) => {
                self.advance()?;
                return Ok(Expr::Number(number));
            }
            Token::Text(text) => {
                self.advance()?;
                return Ok(Expr::Text(text.to_owned()));
            }
            Token::Variable(name) => {
                self.advance()?;
                let message = format!(
                    "there are no variables: ${name} means nothing here; ${{{name}}} means an answer"
                );
                let error = self.error(byte, message);
                let variable = self.unknown(&format!("${name}"), Vec::new(), error);
                if !self.continues_path() {
                    return Ok(variable);
                }
                Start::Expression(Box::new(variable))
            }
            Token::Reference(name) => {
                self.advance()?;
                Start::Named(name.to_owned(), self.lexer.position(byte))
            }
            Token::Sign(Sign::Open) => {
                self.advance()?;
                let inner = self.expression()?;
                self.expect(Sign::Close, "the opening parenthesis")?;
                if !self.continues_path() {
                    return Ok(inner);
                }
                Start::Expression(Box::new(inner))
            }
            Token::Name(name) if self.lexer.before_open() && !is_node_type(name) => {
                let call = self.call(name)?;
                if !self.continues_path() {
                    return Ok(call);
                }
                Start::Expression(Box::new(call))
            }
            Token::Sign(Sign::Slash) => {
                self.advance()?;
                let mut path = Path::from_start(Start::Root);
                if self.begins_step() {
                    path.steps.push(self.step()?);
                    self.more_steps(&mut path.steps)?;
                }
                return Ok(Expr::Path(path));
            }
            Token::Sign(Sign::DoubleSlash) => {
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

    /// What is no part of the language stands in the tree as what it is.
    fn unknown(&mut self, name: &str, arguments: Vec<Expr>, error: ExpressionError) -> Expr {
        self.problem.get_or_insert_with(|| error.clone());
        Expr::Unknown(Box::new(Unknown { name: name.to_owned(), arguments, error }))
    }

    fn continues_path(&self) -> bool {
        matches!(self.token, Token::Sign(Sign::OpenBracket | Sign::Slash | Sign::DoubleSlash))
    }

    fn more_steps(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        loop {
            if self.take(Sign::DoubleSlash)? {
                steps.push(Step::new(Axis::DescendantOrSelf, Test::Node));
            } else if !self.take(Sign::Slash)? {
                return Ok(());
            }
            steps.push(self.step()?);
        }
    }

    fn begins_step(&self) -> bool {
        matches!(
            self.token,
            Token::Name(_) | Token::Star | Token::Sign(Sign::Dot | Sign::DoubleDot | Sign::At)
        )
    }

    fn step(&mut self) -> Result<Step> {
        let byte = self.start;
        let short = match self.token {
            Token::Sign(Sign::DoubleDot) => Some((Axis::Parent, "parent")),
            Token::Sign(Sign::Dot) => Some((Axis::Itself, "self")),
            _ => None,
        };
        if let Some((axis, name)) = short {
            self.advance()?;
            if self.token == Token::Sign(Sign::OpenBracket) {
                let message = format!("a condition cannot follow here; write {name}::node()[…]");
                return Err(self.error(self.start, message));
            }
            return Ok(Step::new(axis, Test::Node));
        }
        let mut axis = Axis::Child;
        if self.take(Sign::At)? {
            axis = Axis::Attribute;
        } else if let Token::Name(name) = self.token
            && self.lexer.before_axis()
        {
            axis = Axis::from_name(name).ok_or_else(|| ExpressionError {
                suggestion: did_you_mean(name, Axis::NAMES),
                ..self.error(byte, format!("\"{name}\" is not an axis; expected child, parent, …"))
            })?;
            self.advance()?;
            self.advance()?;
        }
        let mut step = Step::new(axis, self.test()?);
        step.predicates = self.predicates()?;
        Ok(step)
    }

    fn test(&mut self) -> Result<Test> {
        match self.token {
            Token::Star => {
                self.advance()?;
                Ok(Test::Any)
            }
            Token::Name(name) => {
                let typed = is_node_type(name) && self.lexer.before_open();
                self.advance()?;
                if typed {
                    self.advance()?;
                    return self.node_type(name);
                }
                if self.token == Token::Sign(Sign::Open) {
                    let message = format!("the function {name}() cannot be a step of a path");
                    return Err(self.error(self.start, message));
                }
                Ok(match name.strip_suffix(":*") {
                    Some(prefix) => Test::AnyWithPrefix(prefix.to_owned()),
                    None => Test::Name(name.to_owned()),
                })
            }
            Token::End => Err(self.error(self.start, "something is missing at the end")),
            token => {
                let message = format!("{} is out of place: a value or a name is expected here", shown(token));
                Err(self.error(self.start, message))
            }
        }
    }

    fn node_type(&mut self, name: &str) -> Result<Test> {
        let test = match name {
            "node" => Test::Node,
            "text" => Test::Text,
            "comment" => Test::Comment,
            _ => match self.token {
                Token::Text(target) => {
                    self.advance()?;
                    Test::ProcessingInstruction(Some(target.to_owned()))
                }
                _ => Test::ProcessingInstruction(None),
            },
        };
        self.expect(Sign::Close, name)?;
        Ok(test)
    }

    fn predicates(&mut self) -> Result<Vec<Expr>> {
        let mut predicates = Vec::new();
        while self.take(Sign::OpenBracket)? {
            predicates.push(self.expression()?);
            self.expect(Sign::CloseBracket, "the opening bracket")?;
        }
        Ok(predicates)
    }

    fn call(&mut self, name: &str) -> Result<Expr> {
        let byte = self.start;
        self.advance()?;
        self.advance()?;
        let mut arguments = Vec::new();
        if !self.take(Sign::Close)? {
            loop {
                arguments.push(self.expression()?);
                if !self.take(Sign::Comma)? {
                    break;
                }
            }
            self.expect(Sign::Close, name)?;
        }
        let Some(function) = functions::find(name) else {
            let suggestion = did_you_mean(name, functions::names());
            let error = self.error(byte, format!("there is no function {name}()"));
            return Ok(self.unknown(name, arguments, ExpressionError { suggestion, ..error }));
        };
        if !function.takes(arguments.len()) {
            let message = format!(
                "{name}() takes {}, but {} {} given",
                function.arity_in_words(),
                arguments.len(),
                if arguments.len() == 1 { "is" } else { "are" }
            );
            let error = self.error(byte, message);
            return Ok(self.unknown(name, arguments, error));
        }
        let mut pattern = None;
        if function.name == "regex"
            && let Some(Expr::Text(text)) = arguments.get(1)
        {
            match functions::shared_full_match(text) {
                Ok(regex) => pattern = Some(regex),
                Err(error) => {
                    let error = self.error(byte, format!("the pattern \"{text}\" cannot be used: {error}"));
                    return Ok(self.unknown(name, arguments, error));
                }
            }
        }
        Ok(Expr::Call(Call { function, arguments, pattern, position: self.lexer.position(byte) }))
    }

    fn take(&mut self, sign: Sign) -> Result<bool> {
        let found = self.token == Token::Sign(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// The sign that closes what was opened: a bracket, or a function's or node
    /// type's parenthesis.
    fn expect(&mut self, sign: Sign, opened_by: &str) -> Result<()> {
        if self.take(sign)? {
            return Ok(());
        }
        let named = !opened_by.contains(' ');
        let opened_by = if named { format!("{opened_by}(") } else { opened_by.to_owned() };
        let written = sign.written();
        let message = match self.token {
            Token::End => format!("{opened_by} is never closed: {written} is missing at the end"),
            token => {
                format!("{written} is expected here to close {opened_by}, but {} was found", shown(token))
            }
        };
        Err(self.error(self.start, message))
    }
}

fn is_node_type(name: &str) -> bool {
    matches!(name, "node" | "text" | "comment" | "processing-instruction")
}

fn shown(token: Token<'_>) -> String {
    match token {
        Token::Number(number) => super::number_text(number),
        Token::Text(text) => format!("the text '{text}'"),
        Token::Name(name) => format!("\"{name}\""),
        Token::Reference(name) => format!("${{{name}}}"),
        Token::Variable(name) => format!("${name}"),
        Token::Operator(operator) => operator.written().to_owned(),
        Token::Star => "*".to_owned(),
        Token::Sign(sign) => sign.written().to_owned(),
        Token::End => "the end".to_owned(),
    }
}
