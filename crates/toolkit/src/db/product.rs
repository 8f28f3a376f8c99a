//! What each of sqlx's databases tells about itself.

use sqlx::{Any, Connection, Database, Postgres, Sqlite};

use super::{Query, System};

type Options<DB> = <<DB as Database>::Connection as Connection>::Options;

/// A database of sqlx that [`super::TracedPool`] knows: PostgreSQL, SQLite, and `Any` over them.
pub trait Product: Database + sealed::Sealed {
    #[doc(hidden)]
    fn place(options: &Options<Self>) -> Place;
    #[doc(hidden)]
    fn affected(result: &Self::QueryResult) -> u64;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for sqlx::Postgres {}
    impl Sealed for sqlx::Sqlite {}
    impl Sealed for sqlx::Any {}
}

/// Where queries go.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) system: System,
    pub(super) namespace: Option<String>,
    pub(super) server: Option<(String, u16)>,
}

impl Place {
    pub(crate) fn query<'a>(&'a self, sql: &'a str) -> Query<'a> {
        Query {
            system: self.system,
            sql,
            summary: None,
            namespace: self.namespace.as_deref(),
            server: self.server.as_ref().map(|(address, port)| (address.as_str(), *port)),
        }
    }

    /// The name of a pool that was given none: `127.0.0.1:5432/shop`.
    pub(super) fn pool_name(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        match &self.server {
            Some((address, port)) => format!("{address}:{port}/{namespace}"),
            None if namespace.is_empty() => self.system.as_str().to_owned(),
            None => namespace.to_owned(),
        }
    }
}

impl Product for Postgres {
    fn place(options: &Options<Self>) -> Place {
        let socket = options.get_socket().map(|path| path.display().to_string());
        let address = socket.unwrap_or_else(|| options.get_host().to_owned());
        Place {
            system: System::Postgresql,
            // As the server has it.
            namespace: Some(options.get_database().unwrap_or_else(|| options.get_username()).to_owned()),
            server: Some((address, options.get_port())),
        }
    }

    fn affected(result: &Self::QueryResult) -> u64 {
        result.rows_affected()
    }
}

impl Product for Sqlite {
    fn place(options: &Options<Self>) -> Place {
        let name = options.get_filename().file_name().map(|name| name.to_string_lossy());
        // A database in memory has a made-up name; SQLite itself calls it so.
        let name = name.filter(|name| !name.starts_with("file:") && name != ":memory:");
        let namespace = name.map_or_else(|| "main".to_owned(), Into::into);
        Place { system: System::Sqlite, namespace: Some(namespace), server: None }
    }

    fn affected(result: &Self::QueryResult) -> u64 {
        result.rows_affected()
    }
}

impl Product for Any {
    fn place(options: &Options<Self>) -> Place {
        let url = &options.database_url;
        if !url.scheme().starts_with("postgres") {
            let name = url.path().rsplit('/').next().filter(|name| !name.is_empty() && *name != ":memory:");
            let namespace = Some(name.unwrap_or("main").to_owned());
            return Place { system: System::Sqlite, namespace, server: None };
        }
        let namespace = url.path().trim_start_matches('/');
        Place {
            system: System::Postgresql,
            namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
            server: url.host_str().map(|host| (host.to_owned(), url.port().unwrap_or(5432))),
        }
    }

    fn affected(result: &Self::QueryResult) -> u64 {
        result.rows_affected()
    }
}
