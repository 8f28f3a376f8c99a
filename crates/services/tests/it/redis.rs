//! Redis, spoken to in its own protocol.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use throughline_services::{Instance, Kind};

pub(crate) struct Client {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(url: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(url.strip_prefix("redis://").unwrap())?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok(Self { lines: BufReader::new(stream.try_clone()?), stream })
    }

    fn send(&mut self, command: &str) {
        self.stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.send(&format!("SET {key} {value}"));
        assert_eq!(self.line().unwrap(), "+OK");
    }

    pub(crate) fn get(&mut self, key: &str) -> Option<String> {
        self.send(&format!("GET {key}"));
        let length = self.line().unwrap();
        (length != "$-1").then(|| self.line().unwrap())
    }
}

#[test]
fn keeps_what_it_acknowledged_when_it_is_killed() {
    let mut server = Instance::start(Kind::Redis).unwrap();
    let address = server.address();
    Client::connect(&address).unwrap().set("balance", "42");

    server.kill().unwrap();
    assert!(Client::connect(&address).is_err(), "it is dead");
    server.restart().unwrap();

    assert_eq!(server.address(), address);
    assert_eq!(Client::connect(&address).unwrap().get("balance").as_deref(), Some("42"));
}

#[test]
fn a_paused_server_answers_nothing_until_it_goes_on() {
    let server = Instance::start(Kind::Redis).unwrap();
    let mut client = Client::connect(&server.address()).unwrap();

    server.pause().unwrap();
    client.send("PING");
    client.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let silence = client.line().unwrap_err();
    assert!(matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");

    server.resume().unwrap();
    client.stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(client.line().unwrap(), "+PONG");
}

#[test]
fn takes_more_lines_of_configuration() {
    let server = Instance::configured(Kind::Redis, "databases 3").unwrap();
    let mut client = Client::connect(&server.address()).unwrap();
    client.send("SELECT 3");
    assert_eq!(client.line().unwrap(), "-ERR DB index is out of range");
}
