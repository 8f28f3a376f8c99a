//! The parser's place in the tokens, and its bounds.

use super::super::token::{Lexeme, Token};
use super::super::{Error, Position};
use super::{MAX_NESTING, MAX_OPERATORS};

/// Reads tokens one after another.
#[derive(Debug)]
pub(crate) struct Parser {
    lexemes: Vec<Lexeme>,
    index: usize,
    nesting: u32,
    operators: u32,
}

const END: &Lexeme = &Lexeme { token: Token::End, position: Position(0) };

impl Parser {
    pub(crate) fn new(lexemes: Vec<Lexeme>) -> Self {
        Self { lexemes, index: 0, nesting: 0, operators: 0 }
    }

    fn lexeme(&self, ahead: usize) -> &Lexeme {
        self.lexemes.get(self.index + ahead).or(self.lexemes.last()).unwrap_or(END)
    }

    pub(crate) fn peek(&self) -> &Token {
        &self.lexeme(0).token
    }

    pub(crate) fn position(&self) -> Position {
        self.lexeme(0).position
    }

    pub(crate) fn advance(&mut self) {
        self.index += 1;
    }

    /// Where the parser is, for [`Parser::rewind`].
    pub(crate) fn mark(&self) -> usize {
        self.index
    }

    pub(crate) fn rewind(&mut self, mark: usize) {
        self.index = mark;
    }

    pub(crate) fn at_end(&self) -> bool {
        *self.peek() == Token::End
    }

    pub(crate) fn sign(&self) -> Option<&'static str> {
        match self.peek() {
            Token::Sign(sign) => Some(sign),
            _ => None,
        }
    }

    pub(crate) fn word(&self) -> Option<&str> {
        match self.peek() {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    /// The word after a `|` that is next.
    pub(crate) fn word_after_pipe(&self) -> Option<&str> {
        match (&self.lexeme(0).token, &self.lexeme(1).token) {
            (Token::Sign("|"), Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub(crate) fn eat(&mut self, sign: &str) -> bool {
        let found = self.sign() == Some(sign);
        if found {
            self.advance();
        }
        found
    }

    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.word() == Some(word);
        if found {
            self.advance();
        }
        found
    }

    pub(crate) fn expect(&mut self, sign: &'static str) -> Result<(), Error> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    pub(crate) fn expect_end(&self) -> Result<(), Error> {
        if self.at_end() { Ok(()) } else { Err(self.unexpected("the end of the query")) }
    }

    /// The error that something else should stand here.
    pub(crate) fn unexpected(&self, wanted: &str) -> Error {
        let found = self.peek().describe();
        Error::syntax(self.position(), format!("unexpected {found}, expected {wanted}"))
    }

    /// Runs one level of nesting.
    pub(crate) fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.nesting >= MAX_NESTING {
            let message = format!("the query nests deeper than {MAX_NESTING} levels");
            return Err(Error::too_complex(self.position(), message));
        }
        self.nesting += 1;
        let result = parse(self);
        self.nesting -= 1;
        result
    }

    /// Counts an operator against the bound.
    pub(crate) fn count_operator(&mut self) -> Result<(), Error> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            let message = format!("the query has more than {MAX_OPERATORS} operators");
            return Err(Error::too_complex(self.position(), message));
        }
        Ok(())
    }
}
