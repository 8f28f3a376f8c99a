//! What a SQL text says about itself: its summary, and the text without its literals. One pass over
//! the text; nothing is validated. Operation and collection are not told apart from the summary:
//! the conventions do not want them read from a text that can have several of each.

/// The shape of a SQL statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Statement {
    /// `db.query.summary`: `SELECT users roles`.
    pub(super) summary: String,
    /// `db.query.text` with `?` for every literal.
    pub(super) text: String,
}

/// Longer texts are cut: a span is not the place for megabytes of SQL.
const TEXT_BYTES_MAX: usize = 4096;
/// As the conventions limit it.
const SUMMARY_BYTES_MAX: usize = 255;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// A quoted name, with its quotes.
    Name(&'a str),
    Literal,
    Space,
    Other(char),
}

impl Statement {
    pub(super) fn parse(sql: &str) -> Self {
        let mut reader = Shape::default();
        let mut text = String::with_capacity(sql.len().min(TEXT_BYTES_MAX));
        let mut rest = sql.trim();
        while let Some((token, tail)) = next_token(rest) {
            if text.len() < TEXT_BYTES_MAX {
                write_token(token, &mut text);
            }
            reader.see(token);
            rest = tail;
        }
        reader.into_statement(text.trim_end().to_owned())
    }
}

fn write_token(token: Token<'_>, text: &mut String) {
    match token {
        Token::Word(word) | Token::Name(word) => text.push_str(word),
        Token::Literal => text.push('?'),
        Token::Space if text.ends_with(' ') => {}
        Token::Space => text.push(' '),
        Token::Other(other) => text.push(other),
    }
}

fn next_token(sql: &str) -> Option<(Token<'_>, &str)> {
    let first = sql.chars().next()?;
    let after_first = sql.get(first.len_utf8()..).unwrap_or("");
    if let Some(comment) = comment_length(sql) {
        return Some((Token::Space, sql.get(comment..).unwrap_or("")));
    }
    let (token, length) = match first {
        c if c.is_whitespace() => (Token::Space, run(sql, char::is_whitespace)),
        '\'' => (Token::Literal, quoted(sql, '\'')),
        '"' | '`' | '[' => {
            let end = if first == '[' { ']' } else { first };
            let length = quoted(sql, end);
            (Token::Name(sql.get(..length).unwrap_or(sql)), length)
        }
        '0'..='9' => (Token::Literal, run(sql, |c| c.is_alphanumeric() || c == '.')),
        '$' if after_first.starts_with(|c: char| c.is_ascii_digit()) => {
            let length = 1 + run(after_first, |c| c.is_ascii_digit());
            (Token::Word(sql.get(..length).unwrap_or(sql)), length)
        }
        '$' => match dollar_quoted(sql) {
            Some(length) => (Token::Literal, length),
            None => (Token::Other('$'), 1),
        },
        c if c.is_alphabetic() || c == '_' => {
            let length = run(sql, |c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$'));
            let word = sql.get(..length).unwrap_or(sql);
            // A prefixed string such as E'..' or X'..' is a literal as a whole.
            if word.len() == 1 && sql.get(1..).is_some_and(|t| t.starts_with('\'')) {
                (Token::Literal, 1 + quoted(sql.get(1..).unwrap_or(""), '\''))
            } else {
                (Token::Word(word), length)
            }
        }
        other => (Token::Other(other), other.len_utf8()),
    };
    Some((token, sql.get(length..).unwrap_or("")))
}

fn comment_length(sql: &str) -> Option<usize> {
    if sql.starts_with("--") {
        return Some(sql.find('\n').unwrap_or(sql.len()));
    }
    let inside = sql.strip_prefix("/*")?;
    Some(inside.find("*/").map_or(sql.len(), |end| end + 4))
}

fn run(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accept(c)).unwrap_or(text.len())
}

/// Length of a quoted text including its quotes; a doubled quote does not end it.
fn quoted(text: &str, end: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && end == '\'' {
            chars.next();
        } else if c == end {
            if chars.peek().is_some_and(|(_, next)| *next == end) {
                chars.next();
            } else {
                return at + end.len_utf8();
            }
        }
    }
    text.len()
}

/// Length of a PostgreSQL `$tag$ ... $tag$` text.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag_end = text.get(1..)?.find('$')? + 2;
    let tag = text.get(..tag_end)?;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    if !tag.chars().all(plain) {
        return None;
    }
    let inside = text.get(tag_end..)?;
    Some(inside.find(tag).map_or(text.len(), |end| tag_end + end + tag.len()))
}

/// Collects operations and the names that follow `FROM`, `INTO` and their like.
#[derive(Debug, Default)]
struct Shape {
    summary: Vec<String>,
    /// Whether the first operation has been seen.
    begun: bool,
    /// Names of common table expressions are no tables.
    expressions: Vec<String>,
    /// The next word names a collection.
    expects_name: bool,
    /// A comma continues a list of collections.
    in_list: bool,
    last_word: String,
}

const OPERATIONS: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"];
/// Statements whose first word alone is the operation.
const PLAIN: &[&str] = &[
    "CREATE",
    "DROP",
    "ALTER",
    "TRUNCATE",
    "BEGIN",
    "START",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "PRAGMA",
    "SET",
    "SHOW",
    "EXPLAIN",
    "ANALYZE",
    "VACUUM",
    "LISTEN",
    "NOTIFY",
    "CALL",
    "COPY",
    "LOCK",
    "GRANT",
    "REVOKE",
];
const BEFORE_NAME: &[&str] = &["FROM", "JOIN", "INTO", "UPDATE", "TABLE"];
const NOT_NAMES: &[&str] = &["ONLY", "LATERAL", "IF", "NOT", "EXISTS", "SET", "OR", "TABLE"];

impl Shape {
    fn see(&mut self, token: Token<'_>) {
        match token {
            Token::Space | Token::Literal => {}
            Token::Name(name) if self.expects_name => self.name(name),
            Token::Name(name) => name.clone_into(&mut self.last_word),
            Token::Word(word) => self.word(word),
            Token::Other(',') => self.expects_name = self.in_list,
            Token::Other('(') => {
                // A subquery, or the columns after a name.
                self.expects_name = false;
                self.in_list = false;
            }
            Token::Other(_) => {}
        }
    }

    fn word(&mut self, word: &str) {
        let upper = word.to_ascii_uppercase();
        let is_operation = OPERATIONS.contains(&upper.as_str());
        if !self.begun && (is_operation || PLAIN.contains(&upper.as_str())) {
            self.begun = true;
            self.summary.push(upper.clone());
        } else if is_operation && self.last_word != "FOR" && self.last_word != "DO" && self.last_word != "ON"
        {
            self.summary.push(upper.clone());
        }
        if upper == "AS" && !self.begun {
            self.expressions.push(std::mem::take(&mut self.last_word));
        }
        let locking = upper == "UPDATE" && matches!(self.last_word.as_str(), "FOR" | "DO" | "ON");
        if BEFORE_NAME.contains(&upper.as_str()) && !locking {
            self.expects_name = true;
            self.in_list = upper == "FROM";
        } else if self.expects_name && !NOT_NAMES.contains(&upper.as_str()) {
            self.name(word);
        } else if matches!(upper.as_str(), "WHERE" | "SET" | "ON" | "ORDER" | "GROUP" | "LIMIT" | "VALUES") {
            self.in_list = false;
        }
        self.last_word = if self.begun { upper } else { word.to_owned() };
    }

    fn name(&mut self, name: &str) {
        self.expects_name = false;
        if self.expressions.iter().any(|e| e == name) {
            return;
        }
        self.summary.push(name.to_owned());
    }

    fn into_statement(self, text: String) -> Statement {
        let mut summary = String::new();
        for part in &self.summary {
            if summary.len() + part.len() + 1 > SUMMARY_BYTES_MAX {
                break;
            }
            if !summary.is_empty() {
                summary.push(' ');
            }
            summary.push_str(part);
        }
        Statement { summary, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, summary: &str, text: &str) {
        let statement = Statement::parse(sql);
        assert_eq!((statement.summary.as_str(), statement.text.as_str()), (summary, text), "{sql}");
    }

    #[test]
    fn summarises_common_statements() {
        check("SELECT * FROM users WHERE id = 42", "SELECT users", "SELECT * FROM users WHERE id = ?");
        check(
            "select a from t1, t2 where x in (1, 2)",
            "SELECT t1 t2",
            "select a from t1, t2 where x in (?, ?)",
        );
        check(
            "INSERT INTO users (a, b) VALUES ('x', $1)",
            "INSERT users",
            "INSERT INTO users (a, b) VALUES (?, $1)",
        );
        check("UPDATE ONLY users SET n = n + 1", "UPDATE users", "UPDATE ONLY users SET n = n + ?");
        check(
            "DELETE FROM \"user table\" WHERE a = ?",
            "DELETE \"user table\"",
            "DELETE FROM \"user table\" WHERE a = ?",
        );
        check("BEGIN", "BEGIN", "BEGIN");
        check("CREATE TABLE IF NOT EXISTS x (id INT)", "CREATE x", "CREATE TABLE IF NOT EXISTS x (id INT)");
    }

    #[test]
    fn sees_joins_subqueries_and_expressions() {
        check(
            "SELECT u.a FROM users u JOIN roles r ON r.id = u.role WHERE u.n > 5",
            "SELECT users roles",
            "SELECT u.a FROM users u JOIN roles r ON r.id = u.role WHERE u.n > ?",
        );
        check("INSERT INTO a SELECT x FROM b", "INSERT a SELECT b", "INSERT INTO a SELECT x FROM b");
        check(
            "WITH t AS (SELECT 1 FROM u) SELECT * FROM t",
            "SELECT u SELECT",
            "WITH t AS (SELECT ? FROM u) SELECT * FROM t",
        );
        check(
            "SELECT id FROM outbox FOR UPDATE SKIP LOCKED",
            "SELECT outbox",
            "SELECT id FROM outbox FOR UPDATE SKIP LOCKED",
        );
    }

    #[test]
    fn leaves_no_literal_in_the_text() {
        for sql in [
            "SELECT 'secret' FROM t",
            "SELECT 'it''s secret' FROM t",
            "SELECT E'\\'secret' FROM t",
            "SELECT $$secret$$ FROM t",
            "SELECT $a$secret$a$ FROM t",
            "SELECT 1 FROM t -- secret",
            "SELECT /* secret */ 1 FROM t",
            "SELECT X'secret' FROM t",
            "SELECT 'secret",
            "SELECT /* secret",
        ] {
            let statement = Statement::parse(sql);
            assert!(!statement.text.contains("secret"), "{sql} -> {}", statement.text);
        }
        check("SELECT 12.5e3, 0xff FROM t", "SELECT t", "SELECT ?, ? FROM t");
    }

    #[test]
    fn bounds_what_it_keeps() {
        let names: Vec<String> = (0..200).map(|n| format!("table_{n}")).collect();
        let sql = format!("SELECT {} FROM {}", "x, ".repeat(5000), names.join(", "));
        let statement = Statement::parse(&sql);
        assert!(statement.summary.len() <= SUMMARY_BYTES_MAX);
        assert!(statement.text.len() <= TEXT_BYTES_MAX + 64);
    }
}
