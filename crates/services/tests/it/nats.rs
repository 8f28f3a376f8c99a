//! NATS and JetStream, spoken to in their own protocol.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use throughline_services::{Instance, Kind};

/// One request of JetStream's API.
fn request(url: &str, subject: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(url.strip_prefix("nats://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let length = body.len();
    let request = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB _INBOX.1 1\r\nPUB {subject} _INBOX.1 {length}\r\n{body}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.find(|line| line.starts_with("MSG _INBOX.1")).unwrap();
    serde_json::from_str(&lines.next().unwrap()).unwrap()
}

#[test]
fn keeps_streams_and_messages_when_it_is_killed() {
    let mut server = Instance::start(Kind::Nats).unwrap();
    let address = server.address();
    let stream = json!({"name": "CHAT", "subjects": ["chat.*"], "storage": "file", "num_replicas": 1});
    let created = request(&address, "$JS.API.STREAM.CREATE.CHAT", &stream.to_string());
    assert_eq!(created["config"]["name"], "CHAT", "{created}");
    assert_eq!(request(&address, "chat.general", "{}")["seq"], 1);

    server.kill().unwrap();
    server.restart().unwrap();

    assert_eq!(server.address(), address);
    let info = request(&address, "$JS.API.STREAM.INFO.CHAT", "");
    assert_eq!(info["state"]["messages"], 1, "{info}");
}
