//! What is wrong with a batch that does not have the columns it should.

/// A batch is not of the shape that its signal's schema demands, or a JSON cell in it is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// A required column is missing.
    #[error("column {0:?} is missing")]
    MissingColumn(String),
    /// A column has another Arrow type than the schema says.
    #[error("column {column:?} has type {found}, expected {expected}")]
    WrongType {
        /// The column.
        column: String,
        /// The Arrow type found.
        found: String,
        /// What the schema demands.
        expected: String,
    },
    /// A cell holding attribute JSON does not parse.
    #[error("column {column:?} row {row}: {message}")]
    BadJson {
        /// The column.
        column: String,
        /// Row number in the batch.
        row: usize,
        /// What the parser said.
        message: String,
    },
    /// Arrow refused to put the columns together.
    #[error("columns do not fit together: {0}")]
    Assemble(String),
}

impl From<arrow::error::ArrowError> for BatchError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Assemble(error.to_string())
    }
}
