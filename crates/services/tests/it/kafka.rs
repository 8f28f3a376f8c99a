//! Kafka, spoken to in as much of its own protocol as one message needs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use throughline_services::{Instance, Kind};

use crate::wait::until;

/// API keys, each with a version whose fields have fixed sizes.
const PRODUCE: [u8; 4] = [0, 0, 0, 3];
const LIST_OFFSETS: [u8; 4] = [0, 2, 0, 1];
const METADATA: [u8; 4] = [0, 3, 0, 4];

/// Sends a request without a client id; the answer after its correlation id.
fn request(address: &str, api: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = [&api[..], &[0, 0, 0, 7, 0xff, 0xff], body].concat();
    stream.write_all(&sized(&request)).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    answer.split_off(4)
}

/// Bytes after their length.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

/// One topic of one partition, the first.
fn partition(topic: &str, fields: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 1][..], &text(topic), &[0, 0, 0, 1, 0, 0, 0, 0], fields].concat()
}

/// Asks for a topic, which makes it; its error code.
fn create(address: &str, topic: &str) -> Result<(), i16> {
    let answer = request(address, METADATA, &[&[0, 0, 0, 1][..], &text(topic), &[1]].concat());
    let name = text(topic);
    let at = answer.windows(name.len()).position(|window| window == name).unwrap();
    match i16::from_be_bytes([answer[at - 2], answer[at - 1]]) {
        0 => Ok(()),
        code => Err(code),
    }
}

/// A batch of one message without a key.
fn batch(value: &str) -> Vec<u8> {
    let value = value.as_bytes();
    let zigzag = |number: usize| u8::try_from(number * 2).unwrap();
    let record = [&[0, 0, 0, 1, zigzag(value.len())][..], value, &[0]].concat();
    let checked = [
        &[0; 2][..],                 // attributes
        &[0; 4],                     // last offset
        &[0; 16],                    // first and last time
        &[0xff; 8 + 2 + 4],          // no idempotent producer
        &[0, 0, 0, 1],               // one record
        &[zigzag(record.len())][..], // its length
        &record,
    ]
    .concat();
    let sum = crc32c::crc32c(&checked).to_be_bytes();
    let rest = [&[0, 0, 0, 0, 2][..], &sum, &checked].concat(); // leader epoch, format 2
    [&[0; 8][..], &sized(&rest)].concat() // first offset
}

/// Writes a message, acknowledged by all replicas; its error code.
fn produce(address: &str, topic: &str, value: &str) -> Result<(), i16> {
    let head = [0xff, 0xff, 0xff, 0xff, 0, 0, 0x13, 0x88]; // no transaction, all, 5000 ms
    let body = [&head[..], &partition(topic, &sized(&batch(value)))].concat();
    let answer = request(address, PRODUCE, &body);
    let at = 4 + 2 + topic.len() + 4 + 4;
    match i16::from_be_bytes([answer[at], answer[at + 1]]) {
        0 => Ok(()),
        code => Err(code),
    }
}

/// The offset after a topic's last message, or the error code.
fn end(address: &str, topic: &str) -> Result<i64, i16> {
    let latest = (-1_i64).to_be_bytes();
    let body = [&[0xff; 4][..], &partition(topic, &latest)].concat();
    let answer = request(address, LIST_OFFSETS, &body);
    let at = 4 + 2 + topic.len() + 4 + 4;
    match i16::from_be_bytes([answer[at], answer[at + 1]]) {
        0 => Ok(i64::from_be_bytes(answer[at + 10..at + 18].try_into().unwrap())),
        code => Err(code),
    }
}

#[test]
fn keeps_acknowledged_messages_when_it_is_killed() {
    let mut server = Instance::start(Kind::Kafka).unwrap();
    let address = server.address();
    let topic = "ledger.entry.v1";
    until("the topic's leader", || create(&address, topic));
    until("the first message", || produce(&address, topic, "posted"));
    until("the second message", || produce(&address, topic, "reversed"));
    assert_eq!(end(&address, topic), Ok(2));

    server.kill().unwrap();
    server.restart().unwrap();

    assert_eq!(server.address(), address);
    assert_eq!(until("the topic's leader", || end(&address, topic)), 2);
}
