//! Messages and headers of librdkafka, as the rest of [`crate::kafka`] sees them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::rdkafka::Message;
use ::rdkafka::message::{
    BorrowedHeaders, BorrowedMessage, Header, Headers as ClientHeaders, OwnedHeaders, OwnedMessage,
    Timestamp as ClientTimestamp,
};

use crate::kafka::{Consumed, Headers, HeadersMut, Record, Timestamp};

impl Headers for BorrowedHeaders {
    fn count(&self) -> usize {
        ClientHeaders::count(self)
    }

    fn get(&self, index: usize) -> Option<(&str, &[u8])> {
        read(self, index)
    }
}

impl Headers for OwnedHeaders {
    fn count(&self) -> usize {
        ClientHeaders::count(self)
    }

    fn get(&self, index: usize) -> Option<(&str, &[u8])> {
        read(self, index)
    }
}

/// The client panics on a header whose name is no UTF-8, which anybody may send. A service that
/// never looks at headers must not fail because we do.
fn read(headers: &impl ClientHeaders, index: usize) -> Option<(&str, &[u8])> {
    let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(index))).ok()??;
    Some((header.key, header.value?))
}

/// The headers of a record to be sent, if it has any. Adding one consumes and returns the client's
/// list, which knows no removal.
impl Headers for Option<OwnedHeaders> {
    fn count(&self) -> usize {
        self.as_ref().map_or(0, ClientHeaders::count)
    }

    fn get(&self, index: usize) -> Option<(&str, &[u8])> {
        read(self.as_ref()?, index)
    }
}

/// What an empty list has room for: the context, and a few of the application's.
const ROOM: usize = 4;

impl HeadersMut for Option<OwnedHeaders> {
    fn push(&mut self, name: &str, value: String) {
        let headers = self.take().unwrap_or_else(|| OwnedHeaders::new_with_capacity(ROOM));
        *self = Some(headers.insert(Header { key: name, value: Some(&value) }));
    }

    fn remove(&mut self, gone: impl Fn(&str) -> bool) {
        let Some(before) = self.take() else { return };
        let kept = before.iter().filter(|header| !gone(header.key));
        *self = Some(kept.fold(OwnedHeaders::new(), OwnedHeaders::insert_bytes));
    }
}

/// [`OwnedHeaders::insert`] for what the iterator gives.
trait InsertBytes {
    fn insert_bytes(self, header: Header<'_, &[u8]>) -> Self;
}

impl InsertBytes for OwnedHeaders {
    fn insert_bytes(self, header: Header<'_, &[u8]>) -> Self {
        self.insert(header)
    }
}

impl Consumed for BorrowedMessage<'_> {
    type Headers = BorrowedHeaders;

    fn as_record(&self) -> Record<'_> {
        as_record(self)
    }

    fn record_headers(&self) -> Option<&BorrowedHeaders> {
        self.headers()
    }
}

impl Consumed for OwnedMessage {
    type Headers = OwnedHeaders;

    fn as_record(&self) -> Record<'_> {
        as_record(self)
    }

    fn record_headers(&self) -> Option<&OwnedHeaders> {
        self.headers()
    }
}

fn as_record(message: &impl Message) -> Record<'_> {
    Record {
        topic: message.topic(),
        partition: Some(message.partition()),
        offset: Some(message.offset()),
        key: message.key(),
        size: message.payload().map(<[u8]>::len),
        timestamp: match message.timestamp() {
            ClientTimestamp::CreateTime(millis) if millis >= 0 => Timestamp::Created(millis),
            ClientTimestamp::LogAppendTime(millis) if millis >= 0 => Timestamp::Appended(millis),
            _ => Timestamp::Unknown,
        },
    }
}
