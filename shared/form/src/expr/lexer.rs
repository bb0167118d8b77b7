//! Text → tokens.
//!
//! XPath gives `*` and the words `and`, `or`, `div`, `mod` two meanings; which
//! one holds depends on the token before (XPath 1.0, section 3.7).

use super::{ExpressionError, MAX_EXPRESSION_BYTES};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    /// A name, possibly with a prefix: `village`, `jr:choice-name`, `x:*`.
    Name(String),
    /// `${name}`
    Reference(String),
    /// An operator or punctuation mark, as written. The words are here too
    /// when they are operators.
    Symbol(&'static str),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    /// In characters from 1.
    pub(super) position: usize,
}

const SYMBOLS: [&str; 24] = [
    "::", "//", "..", "<=", ">=", "!=", "(", ")", "[", "]", ",", "@", "/", "|", "+", "-", "=", "<", ">", ".",
    "*", "$", "{", "}",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, ExpressionError> {
    if text.len() > MAX_EXPRESSION_BYTES {
        return Err(ExpressionError::new(
            1,
            format!("the expression is longer than {MAX_EXPRESSION_BYTES} bytes"),
        ));
    }
    let characters: Vec<char> = text.chars().collect();
    let mut lexer = Lexer { characters: &characters, at: 0, tokens: Vec::new() };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    characters: &'a [char],
    at: usize,
    tokens: Vec<Placed>,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), ExpressionError> {
        while let Some(character) = self.peek(0) {
            let position = self.at + 1;
            if character.is_whitespace() {
                self.at += 1;
                continue;
            }
            let token = match character {
                '\'' | '"' | '‘' | '’' | '“' | '”' => self.text(character)?,
                '$' if self.peek(1) == Some('{') => self.reference()?,
                '0'..='9' => self.number(),
                '.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.number(),
                _ if starts_name(character) => self.name(),
                _ => self.symbol(character)?,
            };
            self.tokens.push(Placed { token, position });
        }
        Ok(())
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    /// Straight or typographic quotes: spreadsheets turn one into the other.
    fn text(&mut self, quote: char) -> Result<Token, ExpressionError> {
        let position = self.at + 1;
        let closing: &[char] = match quote {
            '\'' => &['\''],
            '"' => &['"'],
            '‘' | '’' => &['‘', '’', '\''],
            _ => &['“', '”', '"'],
        };
        self.at += 1;
        let mut text = String::new();
        while let Some(character) = self.peek(0) {
            self.at += 1;
            if closing.contains(&character) {
                return Ok(Token::Text(text));
            }
            text.push(character);
        }
        Err(ExpressionError::new(position, format!("the quotation mark {quote} is never closed")))
    }

    fn reference(&mut self) -> Result<Token, ExpressionError> {
        let position = self.at + 1;
        self.at += 2;
        let mut name = String::new();
        while let Some(character) = self.peek(0) {
            self.at += 1;
            if character == '}' {
                let name = name.trim().to_owned();
                if name.is_empty() {
                    return Err(ExpressionError::new(position, "${} needs a question's name in it"));
                }
                return Ok(Token::Reference(name));
            }
            name.push(character);
        }
        Err(ExpressionError::new(position, "${ is never closed by }"))
    }

    fn number(&mut self) -> Token {
        let mut digits = String::new();
        let mut point = false;
        while let Some(character) = self.peek(0) {
            match character {
                '0'..='9' => digits.push(character),
                '.' if !point => {
                    point = true;
                    digits.push('.');
                }
                _ => break,
            }
            self.at += 1;
        }
        Token::Number(digits.parse().unwrap_or(f64::NAN))
    }

    fn name(&mut self) -> Token {
        let mut name = self.plain_name();
        let prefixed = self.peek(0) == Some(':') && self.peek(1) != Some(':');
        if prefixed && self.peek(1).is_some_and(starts_name) {
            self.at += 1;
            name.push(':');
            name.push_str(&self.plain_name());
        } else if prefixed && self.peek(1) == Some('*') {
            self.at += 2;
            name.push_str(":*");
        } else if self.after_operand() {
            for word in ["and", "or", "div", "mod"] {
                if name == word {
                    return Token::Symbol(word);
                }
            }
        }
        Token::Name(name)
    }

    fn plain_name(&mut self) -> String {
        let mut name = String::new();
        while let Some(character) = self.peek(0).filter(|&character| continues_name(character)) {
            name.push(character);
            self.at += 1;
        }
        name
    }

    /// The token before ends an operand, so an operator must follow.
    fn after_operand(&self) -> bool {
        match self.tokens.last().map(|placed| &placed.token) {
            None => false,
            Some(Token::Symbol(symbol)) => matches!(*symbol, ")" | "]" | "." | ".." | "*"),
            Some(_) => true,
        }
    }

    fn symbol(&mut self, character: char) -> Result<Token, ExpressionError> {
        if character == '*' && self.after_operand() {
            self.at += 1;
            return Ok(Token::Symbol("times"));
        }
        let next = self.peek(1);
        for symbol in SYMBOLS {
            let mut wanted = symbol.chars();
            if wanted.next() == Some(character) && wanted.next().is_none_or(|second| Some(second) == next) {
                self.at += symbol.len();
                return Ok(Token::Symbol(symbol));
            }
        }
        let hint = match character {
            '!' => "; \"not equal\" is written !=, \"not\" is written not(…)",
            '&' => "; \"and\" is written as the word",
            '%' => "; the remainder is written mod",
            ',' | '(' | ')' | '=' | '<' | '>' => "; it is a full-width character, use the plain one",
            _ => "",
        };
        Err(ExpressionError::new(self.at + 1, format!("the character {character} has no meaning here{hint}")))
    }
}

fn starts_name(character: char) -> bool {
    character == '_' || character.is_alphabetic()
}

fn continues_name(character: char) -> bool {
    starts_name(character) || character.is_alphanumeric() || matches!(character, '-' | '.' | '\u{b7}')
}
