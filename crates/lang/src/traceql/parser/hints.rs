//! `with (name = value, …)`.

use super::super::token::Token;
use super::super::{Error, Hint};
use super::Parser;

impl Parser {
    /// Every `with (…)` that follows, joined.
    pub(super) fn hints(&mut self) -> Result<Vec<Hint>, Error> {
        let mut hints = Vec::new();
        while self.eat_word("with") {
            self.expect("(")?;
            hints.push(self.hint()?);
            while self.eat(",") {
                hints.push(self.hint()?);
            }
            self.expect(")")?;
        }
        Ok(hints)
    }

    fn hint(&mut self) -> Result<Hint, Error> {
        let position = self.position();
        let name = match self.peek() {
            Token::Word(word) if !is_keyword(word) => word.clone(),
            _ => return Err(self.unexpected("the name of a hint")),
        };
        self.advance();
        self.expect("=")?;
        match self.try_literal() {
            Some(value) => Ok(Hint { name, value, position }),
            None => Err(self.unexpected("a value")),
        }
    }
}

/// Words that mean something elsewhere and therefore name no hint.
fn is_keyword(word: &str) -> bool {
    const WORDS: [&str; 33] = [
        "nil",
        "true",
        "false",
        "childCount",
        "rootService",
        "id",
        "traceID",
        "spanID",
        "parentID",
        "timeSinceStart",
        "version",
        "count",
        "avg",
        "max",
        "min",
        "sum",
        "by",
        "coalesce",
        "select",
        "rate",
        "count_over_time",
        "min_over_time",
        "max_over_time",
        "avg_over_time",
        "sum_over_time",
        "quantile_over_time",
        "histogram_over_time",
        "compare",
        "topk",
        "bottomk",
        "with",
        "ok",
        "unset",
    ];
    WORDS.contains(&word)
        || super::super::Intrinsic::from_word(word).is_some()
        || (!word.ends_with("Int") && super::super::Literal::from_word(word).is_some())
}
