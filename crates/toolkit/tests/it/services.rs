//! Where the servers of the tests are.

/// Redis, as `redis://host:port`.
pub(crate) fn redis() -> String {
    address("redis")
}

fn address(name: &str) -> String {
    let file = std::env::var("THROUGHLINE_SERVICES").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/services/services.json").to_owned()
    });
    let text = std::fs::read_to_string(file).expect("no test servers: run `cargo xtask services`");
    let addresses: serde_json::Value = serde_json::from_str(&text).unwrap();
    addresses[name].as_str().expect("a server is missing: run `cargo xtask services`").to_owned()
}
