//! The broker that a client is told to ask first.

/// Where brokers listen unless a port is said.
const PORT: u16 = 9092;

/// Address and port of the broker in a list as `bootstrap.servers` has it: `host`, `host:port` or
/// `protocol://host:port`, by commas. Of several brokers none is the one that an operation goes to.
pub(super) fn only_one(list: &str) -> Option<(String, u16)> {
    let mut servers = list.split(',').map(str::trim).filter(|server| !server.is_empty());
    let server = servers.next()?;
    if servers.next().is_some() {
        return None;
    }
    let server = server.split_once("://").map_or(server, |(_, rest)| rest);
    let (host, port) = match server.rsplit_once(':') {
        // The colons of an IPv6 address are within brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (server, PORT),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::only_one;

    #[test]
    fn a_single_broker_is_known_however_it_is_written() {
        for (list, address, port) in [
            ("kafka.shop:9093", "kafka.shop", 9093),
            ("kafka.shop", "kafka.shop", 9092),
            (" SASL_SSL://kafka.shop:9094 ,", "kafka.shop", 9094),
            ("[::1]:9093", "::1", 9093),
            ("[::1]", "::1", 9092),
        ] {
            assert_eq!(only_one(list), Some((address.to_owned(), port)), "{list}");
        }
    }

    #[test]
    fn several_brokers_and_none_have_no_address() {
        for list in ["a:9092,b:9092", "a,a", "", ",", ":9092", "a:port", "a:70000"] {
            assert_eq!(only_one(list), None, "{list}");
        }
    }
}
