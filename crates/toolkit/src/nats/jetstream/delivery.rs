//! What the reply subject of a JetStream message says about its delivery.

use crate::fields::{FieldLimits, Fields, Key, Stored};
use crate::nats::semconv::{
    CLOCK_SKEW, CONSUMER, CONSUMER_NAME, CONSUMER_SEQUENCE, DELIVERED_COUNT, PENDING, PUBLISHED, QUEUE_TIME,
    STREAM, STREAM_SEQUENCE,
};

/// One delivery of a message, from
/// `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivery<'a> {
    pub(super) stream: &'a str,
    pub(super) consumer: &'a str,
    /// How often it was delivered, this time included.
    pub(super) delivered: i64,
    pub(super) stream_sequence: i64,
    pub(super) consumer_sequence: i64,
    /// When the stream stored it, nanoseconds since 1970.
    pub(super) published_ns: i64,
    /// How many messages are still to be delivered to the consumer.
    pub(super) pending: i64,
}

impl<'a> Delivery<'a> {
    /// `None` when `reply` is no subject for acknowledgements.
    pub(super) fn parse(reply: &'a str) -> Option<Self> {
        let tokens = reply.strip_prefix("$JS.ACK.")?;
        let domain_and_account = match tokens.bytes().filter(|byte| *byte == b'.').count() {
            6 => 0,
            8.. => 2,
            _ => return None,
        };
        let mut tokens = tokens.split('.').skip(domain_and_account);
        let (stream, consumer) = (tokens.next()?, tokens.next()?);
        let mut number = || tokens.next()?.parse().ok();
        Some(Self {
            stream,
            consumer,
            delivered: number()?,
            stream_sequence: number()?,
            consumer_sequence: number()?,
            published_ns: number()?,
            pending: number()?,
        })
    }

    /// The attributes of a link to the message.
    pub(super) fn identify(&self, fields: &mut Fields, limits: FieldLimits) {
        let numbers = [
            (STREAM_SEQUENCE, self.stream_sequence),
            (CONSUMER_SEQUENCE, self.consumer_sequence),
            (DELIVERED_COUNT, self.delivered),
        ];
        for (key, value) in numbers {
            fields.append(Key::Static(key), Stored::Int(value), limits);
        }
    }

    /// The attributes of a span that settles the message.
    pub(super) fn locate(&self, fields: &mut Fields, limits: FieldLimits) {
        fields.append_str(STREAM, self.stream, limits);
        let consumer = fields.store_str(self.consumer, limits);
        fields.append(Key::Static(CONSUMER), consumer.clone(), limits);
        fields.append(Key::Static(CONSUMER_NAME), consumer, limits);
        self.identify(fields, limits);
    }

    /// The attributes of the span that handles the message from `now_ns` on.
    pub(super) fn describe(&self, fields: &mut Fields, limits: FieldLimits, now_ns: u64) {
        self.locate(fields, limits);
        fields.append(Key::Static(PENDING), Stored::Int(self.pending), limits);
        self.describe_wait(fields, limits, now_ns);
    }

    /// How long the message waited in the stream, in seconds. That is negative when the clocks
    /// of the server and this process differ by more, and then said to be.
    pub(super) fn describe_wait(&self, fields: &mut Fields, limits: FieldLimits, now_ns: u64) {
        fields.append(Key::Static(PUBLISHED), Stored::Int(self.published_ns), limits);
        let waited_ns = i64::try_from(now_ns).unwrap_or(i64::MAX).saturating_sub(self.published_ns);
        #[expect(clippy::cast_precision_loss, reason = "a fraction of a nanosecond in a day")]
        let waited = waited_ns as f64 / 1e9;
        fields.append(Key::Static(QUEUE_TIME), Stored::Double(waited), limits);
        if waited_ns < 0 {
            fields.append(Key::Static(CLOCK_SKEW), Stored::Bool(true), limits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::ValueRef;

    const PUBLISHED_NS: i64 = 1_790_230_470_084_404_000;

    fn delivery(prefix: &str, suffix: &str) -> String {
        format!("$JS.ACK.{prefix}CHAT.worker.3.100.7.{PUBLISHED_NS}.42{suffix}")
    }

    #[test]
    fn reads_the_subjects_of_old_and_new_servers() {
        let plain = delivery("", "");
        let expected = Delivery {
            stream: "CHAT",
            consumer: "worker",
            delivered: 3,
            stream_sequence: 100,
            consumer_sequence: 7,
            published_ns: PUBLISHED_NS,
            pending: 42,
        };
        for reply in [plain, delivery("_.szMpdrwD.", ""), delivery("hub.szMpdrwD.", ".random.more")] {
            assert_eq!(Delivery::parse(&reply), Some(expected), "{reply}");
        }
    }

    #[test]
    fn other_subjects_say_nothing() {
        for reply in [
            "_INBOX.a.b",
            "$JS.ACK.",
            "$JS.ACK.a.b.1.2.3.4",
            "$JS.ACK.a.b.x.2.3.4.5",
            "$JS.ACK.a.b.c.1.2.3.4.5",
        ] {
            assert_eq!(Delivery::parse(reply), None, "{reply}");
        }
    }

    #[test]
    fn a_wait_below_zero_is_shown_as_skew() {
        let reply = delivery("", "");
        let delivery = Delivery::parse(&reply).unwrap();
        for (later_ns, seconds, skewed) in [(1_500_000_000_i64, 1.5, false), (-250_000_000, -0.25, true)] {
            let mut fields = Fields::default();
            let now_ns = u64::try_from(PUBLISHED_NS + later_ns).unwrap();
            delivery.describe_wait(&mut fields, FieldLimits::default(), now_ns);
            assert!(
                matches!(fields.get(QUEUE_TIME), Some(ValueRef::Double(v)) if (v - seconds).abs() < 1e-9)
            );
            assert_eq!(matches!(fields.get(CLOCK_SKEW), Some(ValueRef::Bool(true))), skewed);
        }
    }
}
