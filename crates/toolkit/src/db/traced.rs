//! A query of sqlx that has its SQL only once.

use sqlx::error::BoxDynError;
use sqlx::{Arguments, AssertSqlSafe, Database, Encode, Execute, Executor, SqlSafeStr, SqlStr, Type};

use super::Query;
use super::comment::commented;
use super::product::{Place, Product};

/// A query made by [`super::TracedPool`]: bind its values, then run it on the pool or, with
/// `&mut *tx`, in a transaction. It has a span while it runs, reading the rows included.
#[must_use = "a query does nothing until it runs"]
pub struct TracedQuery<'a, DB: Database, T = <DB as Database>::Row> {
    place: &'a Place,
    statement: Statement<DB>,
    summary: Option<&'a str>,
    comments: bool,
    read: fn(DB::Row) -> Result<T, sqlx::Error>,
}

impl<DB: Database, T> std::fmt::Debug for TracedQuery<'_, DB, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values are nobody's business.
        f.debug_struct("TracedQuery").field("sql", &self.statement.sql).finish_non_exhaustive()
    }
}

impl<'a, DB: Product, T> TracedQuery<'a, DB, T> {
    pub(super) fn new(
        place: &'a Place,
        sql: impl SqlSafeStr,
        comments: bool,
        read: fn(DB::Row) -> Result<T, sqlx::Error>,
    ) -> Self {
        let arguments = Ok(DB::Arguments::default());
        let statement = Statement { sql: sql.into_sql_str(), arguments: Some(arguments), persistent: true };
        Self { place, statement, summary: None, comments, read }
    }

    /// Binds the next value. One that cannot be encoded fails the query when it runs.
    pub fn bind<'t>(mut self, value: impl Encode<'t, DB> + Type<DB>) -> Self {
        if let Some(Ok(arguments)) = &mut self.statement.arguments
            && let Err(error) = arguments.add(value)
        {
            self.statement.arguments = Some(Err(error));
        }
        self
    }

    /// The span's name and `db.query.summary`, instead of one made from the SQL.
    pub fn summary(mut self, summary: &'a str) -> Self {
        self.summary = Some(summary);
        self
    }

    /// Runs it for its effect.
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn execute<'c, E>(self, on: E) -> Result<DB::QueryResult, sqlx::Error>
    where
        E: Executor<'c, Database = DB>,
    {
        let Self { place, statement, summary, comments, .. } = self;
        let sql = statement.sql.clone();
        let run = async { on.execute(statement.commented_if(comments)).await };
        describe(place, &sql, summary).run_affecting(run, DB::affected).await
    }

    /// All rows.
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn fetch_all<'c, E>(self, on: E) -> Result<Vec<T>, sqlx::Error>
    where
        E: Executor<'c, Database = DB>,
    {
        let Self { place, statement, summary, comments, read } = self;
        let sql = statement.sql.clone();
        let run = async {
            let rows = on.fetch_all(statement.commented_if(comments)).await?;
            rows.into_iter().map(read).collect::<Result<Vec<T>, sqlx::Error>>()
        };
        describe(place, &sql, summary).run_counted(run, Vec::len).await
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn fetch_optional<'c, E>(self, on: E) -> Result<Option<T>, sqlx::Error>
    where
        E: Executor<'c, Database = DB>,
    {
        let Self { place, statement, summary, comments, read } = self;
        let sql = statement.sql.clone();
        let run = async {
            let row = on.fetch_optional(statement.commented_if(comments)).await?;
            row.map(read).transpose()
        };
        describe(place, &sql, summary).run_counted(run, |row| usize::from(row.is_some())).await
    }

    /// The first row. That there is none is an error, on the span too; where it is no surprise use
    /// [`TracedQuery::fetch_optional`].
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn fetch_one<'c, E>(self, on: E) -> Result<T, sqlx::Error>
    where
        E: Executor<'c, Database = DB>,
    {
        let Self { place, statement, summary, comments, read } = self;
        let sql = statement.sql.clone();
        let run = async {
            let row = on.fetch_optional(statement.commented_if(comments)).await?;
            row.map(read).transpose()?.ok_or(sqlx::Error::RowNotFound)
        };
        describe(place, &sql, summary).run_counted(run, |_| 1).await
    }
}

fn describe<'a>(place: &'a Place, sql: &'a SqlStr, summary: Option<&'a str>) -> Query<'a> {
    let query = place.query(sql.as_str());
    match summary {
        Some(summary) => query.summary(summary),
        None => query,
    }
}

/// A statement with its values.
struct Statement<DB: Database> {
    sql: SqlStr,
    arguments: Option<Result<DB::Arguments, BoxDynError>>,
    persistent: bool,
}

impl<DB: Database> Statement<DB> {
    /// With the current context as a comment. Its text is then another each time: keeping it
    /// prepared would only fill the cache.
    fn commented_if(mut self, wanted: bool) -> Self {
        if let Some(text) = wanted.then(|| commented(self.sql.as_str())).flatten() {
            self.sql = AssertSqlSafe(text).into_sql_str();
            self.persistent = false;
        }
        self
    }
}

impl<DB: Database> Execute<'_, DB> for Statement<DB> {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&DB::Statement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, BoxDynError> {
        self.arguments.take().transpose()
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}
