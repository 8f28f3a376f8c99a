//! Where the servers of the tests are.

use throughline_services::{Kind, address};

/// Redis, as `redis://host:port`.
pub(crate) fn redis() -> String {
    address(Kind::Redis).unwrap()
}
