//! Values written in a query.

/// A value written in a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `"text"` or `` `text` ``
    String(String),
    /// `42`, `minInt`, `maxInt`
    Int(i64),
    /// `0.5`
    Float(f64),
    /// `true`, `false`
    Bool(bool),
    /// `100ms`, in nanoseconds.
    Duration(i64),
    /// `error`, `ok`, `unset`
    Status(Status),
    /// `server`, `client`, …
    Kind(Kind),
}

/// A span's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// `unset`: the span did not say.
    Unset,
    /// `ok`
    Ok,
    /// `error`
    Error,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Unset, Self::Ok, Self::Error];

    /// The keyword.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }

    /// The number in OTLP.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Unset => 0,
            Self::Ok => 1,
            Self::Error => 2,
        }
    }

    /// The status with this OTLP number; numbers that OTLP does not know are `unset`.
    #[must_use]
    pub fn from_code(code: i32) -> Self {
        match code {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }
}

/// A span's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `unspecified`
    Unspecified,
    /// `internal`
    Internal,
    /// `server`
    Server,
    /// `client`
    Client,
    /// `producer`
    Producer,
    /// `consumer`
    Consumer,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Unspecified, Self::Internal, Self::Server, Self::Client, Self::Producer, Self::Consumer];

    /// The keyword.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// The number in OTLP.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Unspecified => 0,
            Self::Internal => 1,
            Self::Server => 2,
            Self::Client => 3,
            Self::Producer => 4,
            Self::Consumer => 5,
        }
    }

    /// The kind with this OTLP number; numbers that OTLP does not know are `unspecified`.
    #[must_use]
    pub fn from_code(code: i32) -> Self {
        match code {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }
}

impl Literal {
    /// Reads the keywords that stand for values.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            "minInt" => Self::Int(i64::MIN),
            "maxInt" => Self::Int(i64::MAX),
            _ => {
                let status = Status::ALL.into_iter().find(|status| status.name() == word);
                let kind = Kind::ALL.into_iter().find(|kind| kind.name() == word);
                return status.map(Self::Status).or(kind.map(Self::Kind));
            }
        })
    }
}
