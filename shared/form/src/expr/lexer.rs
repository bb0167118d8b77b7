//! Text → tokens, one at a time, borrowed from the text.
//!
//! XPath gives `*` and the words `and`, `or`, `div`, `mod` two meanings; which
//! one holds depends on the token before (XPath 1.0, section 3.7).

use super::ExpressionError;
use super::ast::Operator;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'t> {
    Number(f64),
    Text(&'t str),
    /// A name, possibly with a prefix: `village`, `jr:choice-name`, `x:*`.
    Name(&'t str),
    /// `${name}`
    Reference(&'t str),
    /// `$name`
    Variable(&'t str),
    /// An operator of two operands, `-` included.
    Operator(Operator),
    /// `*` where a name is expected.
    Star,
    Sign(Sign),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Comma,
    At,
    Slash,
    DoubleSlash,
    Bar,
    Dot,
    DoubleDot,
    Axis,
}

impl Sign {
    pub(super) fn written(self) -> &'static str {
        match self {
            Sign::Open => "(",
            Sign::Close => ")",
            Sign::OpenBracket => "[",
            Sign::CloseBracket => "]",
            Sign::Comma => ",",
            Sign::At => "@",
            Sign::Slash => "/",
            Sign::DoubleSlash => "//",
            Sign::Bar => "|",
            Sign::Dot => ".",
            Sign::DoubleDot => "..",
            Sign::Axis => "::",
        }
    }
}

/// Words that are operators where an operator is expected. They need no space
/// behind them: `5 mod2`.
const WORDS: [(&str, Operator); 4] =
    [("and", Operator::And), ("or", Operator::Or), ("div", Operator::Divide), ("mod", Operator::Modulo)];

/// Where the lexer is in a text.
pub(super) struct Lexer<'t> {
    text: &'t str,
    /// Byte behind the last token.
    at: usize,
    /// The last token ends an operand, so an operator must follow.
    after_operand: bool,
    /// The last position that was asked for, in bytes and in characters.
    known: (usize, usize),
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Lexer<'t> {
        Lexer { text, at: 0, after_operand: false, known: (0, 1) }
    }

    /// A byte's position in characters, from 1.
    pub(super) fn position(&mut self, byte: usize) -> usize {
        let (from, position) = if byte >= self.known.0 { self.known } else { (0, 1) };
        let between = self.text.get(from..byte).map_or(0, |between| between.chars().count());
        self.known = (byte, position + between);
        self.known.1
    }

    fn error(&mut self, byte: usize, message: impl Into<String>) -> ExpressionError {
        ExpressionError::new(self.position(byte), message)
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_space(&mut self) {
        loop {
            match self.byte(0) {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                0..=0x7f => return,
                _ => match self.rest().chars().next() {
                    Some(character) if character.is_whitespace() => self.at += character.len_utf8(),
                    _ => return,
                },
            }
        }
    }

    /// Whether an opening parenthesis follows, after any space.
    pub(super) fn before_open(&self) -> bool {
        self.rest().trim_start().starts_with('(')
    }

    /// Whether `::` follows, after any space.
    pub(super) fn before_axis(&self) -> bool {
        self.rest().trim_start().starts_with("::")
    }

    /// The next token and the byte at which it begins.
    pub(super) fn next(&mut self) -> Result<(Token<'t>, usize), ExpressionError> {
        self.skip_space();
        let start = self.at;
        let token = self.token()?;
        self.after_operand = match token {
            Token::Operator(_) | Token::End => false,
            Token::Sign(sign) => {
                matches!(sign, Sign::Close | Sign::CloseBracket | Sign::Dot | Sign::DoubleDot)
            }
            _ => true,
        };
        Ok((token, start))
    }

    fn token(&mut self) -> Result<Token<'t>, ExpressionError> {
        let (sign, length) = match self.byte(0) {
            0 if self.at >= self.text.len() => return Ok(Token::End),
            b'\'' | b'"' => return self.quoted(),
            b'$' if self.byte(1) == b'{' => return self.reference(),
            b'$' => return self.variable(),
            b'0'..=b'9' => return Ok(self.number()),
            b'.' if self.byte(1).is_ascii_digit() => return Ok(self.number()),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => return Ok(self.name()),
            b'(' => (Sign::Open, 1),
            b')' => (Sign::Close, 1),
            b'[' => (Sign::OpenBracket, 1),
            b']' => (Sign::CloseBracket, 1),
            b',' => (Sign::Comma, 1),
            b'@' => (Sign::At, 1),
            b'|' => (Sign::Bar, 1),
            b'/' if self.byte(1) == b'/' => (Sign::DoubleSlash, 2),
            b'/' => (Sign::Slash, 1),
            b'.' if self.byte(1) == b'.' => (Sign::DoubleDot, 2),
            b'.' => (Sign::Dot, 1),
            b':' if self.byte(1) == b':' => (Sign::Axis, 2),
            b'*' if !self.after_operand => {
                self.at += 1;
                return Ok(Token::Star);
            }
            _ => return self.operator_or_other(),
        };
        self.at += length;
        Ok(Token::Sign(sign))
    }

    fn operator_or_other(&mut self) -> Result<Token<'t>, ExpressionError> {
        let (operator, length) = match (self.byte(0), self.byte(1)) {
            (b'=', _) => (Operator::Equal, 1),
            (b'!', b'=') => (Operator::NotEqual, 2),
            (b'<', b'=') => (Operator::LessOrEqual, 2),
            (b'<', _) => (Operator::Less, 1),
            (b'>', b'=') => (Operator::GreaterOrEqual, 2),
            (b'>', _) => (Operator::Greater, 1),
            (b'+', _) => (Operator::Add, 1),
            (b'-', _) => (Operator::Subtract, 1),
            (b'*', _) => (Operator::Multiply, 1),
            _ => {
                return match self.rest().chars().next() {
                    Some('‘' | '’' | '“' | '”') => self.quoted(),
                    Some(character) if starts_name(character) => Ok(self.name()),
                    character => Err(self.meaningless(character.unwrap_or_default())),
                };
            }
        };
        self.at += length;
        Ok(Token::Operator(operator))
    }

    fn meaningless(&mut self, character: char) -> ExpressionError {
        let hint = match character {
            '!' => "; \"not equal\" is written !=, \"not\" is written not(…)",
            '&' => "; \"and\" is written as the word",
            '%' => "; the remainder is written mod",
            '，' | '（' | '）' | '＝' | '＜' | '＞' => {
                "; it is a full-width character, use the plain one"
            }
            _ => "",
        };
        self.error(self.at, format!("the character {character} has no meaning here{hint}"))
    }

    /// Straight or typographic quotes: spreadsheets turn one into the other.
    fn quoted(&mut self) -> Result<Token<'t>, ExpressionError> {
        let start = self.at;
        let quote = self.rest().chars().next().unwrap_or('"');
        self.at += quote.len_utf8();
        let inside = self.rest();
        let end = match quote {
            '\'' => inside.find('\''),
            '"' => inside.find('"'),
            '‘' | '’' => inside.find(['‘', '’', '\'']),
            _ => inside.find(['“', '”', '"']),
        };
        let Some((text, closing)) = end.and_then(|end| inside.split_at_checked(end)) else {
            return Err(self.error(start, format!("the quotation mark {quote} is never closed")));
        };
        self.at += text.len() + closing.chars().next().map_or(0, char::len_utf8);
        Ok(Token::Text(text))
    }

    fn reference(&mut self) -> Result<Token<'t>, ExpressionError> {
        let start = self.at;
        self.at += 2;
        let Some((name, _)) = self.rest().split_once('}') else {
            return Err(self.error(start, "${ is never closed by }"));
        };
        self.at += name.len() + 1;
        if name.trim().is_empty() {
            return Err(self.error(start, "${} needs a question's name in it"));
        }
        Ok(Token::Reference(name.trim()))
    }

    fn variable(&mut self) -> Result<Token<'t>, ExpressionError> {
        self.at += 1;
        if !self.rest().starts_with(starts_name) {
            return Err(
                self.error(self.at - 1, "the character $ has no meaning here; ${name} means an answer")
            );
        }
        let name = self.at;
        self.plain_name();
        if self.byte(0) == b':'
            && self.text.get(self.at + 1..).is_some_and(|rest| rest.starts_with(starts_name))
        {
            self.at += 1;
            self.plain_name();
        }
        Ok(Token::Variable(self.text.get(name..self.at).unwrap_or_default()))
    }

    fn number(&mut self) -> Token<'t> {
        let start = self.at;
        let mut point = false;
        loop {
            match self.byte(0) {
                b'0'..=b'9' => {}
                b'.' if !point => point = true,
                _ => break,
            }
            self.at += 1;
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        Token::Number(super::value::plain_number(digits).unwrap_or(f64::NAN))
    }

    fn name(&mut self) -> Token<'t> {
        if self.after_operand {
            for (word, operator) in WORDS {
                if self.rest().starts_with(word) {
                    self.at += word.len();
                    return Token::Operator(operator);
                }
            }
        }
        let start = self.at;
        self.plain_name();
        if self.byte(0) == b':' {
            if self.byte(1) == b'*' {
                self.at += 2;
            } else if self.text.get(self.at + 1..).is_some_and(|rest| rest.starts_with(starts_name)) {
                self.at += 1;
                self.plain_name();
            }
        }
        Token::Name(self.text.get(start..self.at).unwrap_or_default())
    }

    fn plain_name(&mut self) {
        loop {
            match self.byte(0) {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => self.at += 1,
                0..=0x7f => return,
                _ => match self.rest().chars().next() {
                    Some(character) if continues_name(character) => self.at += character.len_utf8(),
                    _ => return,
                },
            }
        }
    }
}

fn starts_name(character: char) -> bool {
    character == '_' || character.is_alphabetic()
}

fn continues_name(character: char) -> bool {
    starts_name(character) || character.is_alphanumeric() || matches!(character, '-' | '.' | '\u{b7}')
}
