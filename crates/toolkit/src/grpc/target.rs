//! The server that a client is made for, read from the text that the channel is made from.

use http::uri::Authority;

/// `server.address` and `server.port` of a client's calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) address: String,
    pub(super) port: Option<u16>,
}

impl Target {
    /// Reads `http://host:port`, `host:port`, `dns:///host:port` and `unix:///path`. Anything else
    /// is an address as a whole, as the conventions ask.
    pub(super) fn parse(text: &str) -> Self {
        let whole = || Self { address: text.to_owned(), port: None };
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None => match text.split_once(':') {
                Some((scheme @ ("dns" | "unix"), rest)) => (scheme, rest),
                _ => ("", text),
            },
        };
        match scheme {
            "unix" => Self { address: rest.to_owned(), port: None },
            "http" => Self::host(rest, Some(80)).unwrap_or_else(whole),
            "https" => Self::host(rest, Some(443)).unwrap_or_else(whole),
            // A name server may stand before the name.
            "dns" => Self::host(rest.rsplit('/').next().unwrap_or(rest), None).unwrap_or_else(whole),
            "" => Self::host(rest, None).unwrap_or_else(whole),
            _ => whole(),
        }
    }

    fn host(text: &str, default_port: Option<u16>) -> Option<Self> {
        let authority: Authority = text.split('/').next()?.parse().ok()?;
        let port = authority.port_u16().or(default_port);
        Some(Self { address: authority.host().to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_channels_are_made_from() {
        for (text, address, port) in [
            ("http://ledger:50051", "ledger", Some(50051)),
            ("http://user:secret@ledger:50051/base", "ledger", Some(50051)),
            ("https://ledger.example", "ledger.example", Some(443)),
            ("grpc.io:50051", "grpc.io", Some(50051)),
            ("[::1]:50051", "[::1]", Some(50051)),
            ("dns:grpc.io:50051", "grpc.io", Some(50051)),
            ("dns://1.2.3.4/grpc.io:50051", "grpc.io", Some(50051)),
            ("unix:///run/containerd/containerd.sock", "/run/containerd/containerd.sock", None),
            ("zk://zookeeper:2181/my-server", "zk://zookeeper:2181/my-server", None),
            (
                "ipv4:198.51.100.123:50051,198.51.100.124:50051",
                "ipv4:198.51.100.123:50051,198.51.100.124:50051",
                None,
            ),
            ("ledger", "ledger", None),
        ] {
            assert_eq!(Target::parse(text), Target { address: address.to_owned(), port }, "{text}");
        }
    }
}
