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

fn read(headers: &impl ClientHeaders, index: usize) -> Option<(&str, &[u8])> {
    let header = header(headers, index)?;
    Some((header.key, header.value?))
}

/// The client panics on a header whose name is no UTF-8, which anybody may send. A service that
/// never looks at headers must not fail because we do.
fn header(headers: &impl ClientHeaders, index: usize) -> Option<Header<'_, &[u8]>> {
    catch_unwind(AssertUnwindSafe(|| headers.try_get(index))).ok()?
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
        let Some(before) = self else { return };
        let mut kept = OwnedHeaders::new();
        for index in 0..ClientHeaders::count(before) {
            // What cannot be read cannot be copied either: then all stay, and the last counts.
            let Some(header) = header(before, index) else { return };
            if !gone(header.key) {
                kept = kept.insert(header);
            }
        }
        *self = Some(kept);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{extract, inject};
    use crate::propagation::TraceContext;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// Headers of which the first is called what is no UTF-8.
    struct Misnamed(OwnedHeaders);

    impl ClientHeaders for Misnamed {
        fn count(&self) -> usize {
            ClientHeaders::count(&self.0)
        }

        fn try_get(&self, index: usize) -> Option<Header<'_, &[u8]>> {
            assert_ne!(index, 0, "as the client fails");
            self.0.try_get(index)
        }
    }

    impl Headers for Misnamed {
        fn count(&self) -> usize {
            ClientHeaders::count(self)
        }

        fn get(&self, index: usize) -> Option<(&str, &[u8])> {
            read(self, index)
        }
    }

    fn headers(list: &[(&str, Option<&str>)]) -> OwnedHeaders {
        list.iter().fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: *value }))
    }

    fn listed(headers: &OwnedHeaders) -> Vec<(&str, Option<&[u8]>)> {
        headers.iter().map(|header| (header.key, header.value)).collect()
    }

    #[test]
    fn a_name_that_the_client_cannot_read_hides_no_context() {
        let headers = Misnamed(headers(&[("?", None), ("traceparent", Some(PARENT))]));
        assert_eq!(extract(&headers).span_id().to_string(), "b7ad6b7169203331");
    }

    #[test]
    fn replacing_a_context_keeps_headers_without_a_value() {
        let mut carrier =
            Some(headers(&[("gone", None), ("traceparent", Some("stale")), ("empty", Some(""))]));
        let context = extract(&headers(&[("traceparent", Some(PARENT))]));
        inject(&context, &mut carrier);
        let carrier = carrier.unwrap();
        let expected = [("gone", None), ("empty", Some(&b""[..])), ("traceparent", Some(PARENT.as_bytes()))];
        assert_eq!(listed(&carrier), expected);
    }

    #[test]
    fn a_record_without_headers_gets_a_list_only_for_a_context() {
        let mut carrier = None;
        inject(&TraceContext::default(), &mut carrier);
        assert!(carrier.is_none());
        inject(&extract(&headers(&[("traceparent", Some(PARENT))])), &mut carrier);
        assert_eq!(listed(&carrier.unwrap()), [("traceparent", Some(PARENT.as_bytes()))]);
    }
}
