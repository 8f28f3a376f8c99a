//! What all operations on one connection share.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_nats::{Client, HeaderValue, ServerInfo, Statistics};
use parking_lot::RwLock;

use super::semconv::SYSTEM;
use super::subject::{self, Template};
use crate::SpanKind;
use crate::core::Core;
use crate::layer::TelemetryLayer;
use crate::layer::span_data::SpanData;
use crate::messaging::consume;
use crate::messaging::leaf::Leaf;
use crate::messaging::names;
use crate::messaging::operation::{Operation, OperationType, Running, link_surroundings};
use crate::propagation::TraceContext;

/// What is done with a message, as spans and metrics have it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verb {
    pub(super) name: &'static str,
    pub(super) kind: OperationType,
    pub(super) span_kind: SpanKind,
}

/// A connection, and how the operations on it are described.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) client: Client,
    /// Shared by all that differ only in templates or server tracing.
    peer: Arc<Peer>,
    templates: Vec<Template>,
    /// The start of the client's own inboxes.
    inbox: Arc<str>,
    pub(super) trace_to: Option<HeaderValue>,
}

/// Where an operation takes place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place<'a> {
    pub(super) subject: &'a str,
    /// The subject with wildcards that was subscribed to.
    pub(super) pattern: Option<&'a str>,
    /// The queue group or the durable consumer.
    pub(super) group: Option<&'a str>,
}

impl Connection {
    /// `server` is the address that was connected to, when there is only one.
    pub(super) fn new(client: Client, server: Option<(String, u16)>) -> Self {
        let inbox = client.new_inbox();
        let inbox = inbox.rsplit_once('.').map_or("", |(start, _)| start).into();
        let peer = Arc::new(Peer::new(client.statistics(), server));
        Self { client, peer, templates: Vec::new(), inbox, trace_to: None }
    }

    pub(super) fn add_template(&mut self, template: &str) {
        self.templates.push(Template::new(template));
    }

    /// Starts an operation inside which nothing runs, below `parent`, or below the current span
    /// when there is none; `more` describes it further if its span is recorded.
    pub(super) fn leaf(
        &self,
        verb: Verb,
        place: Place<'_>,
        parent: Option<&TraceContext>,
        more: impl FnOnce(&mut SpanData, &Core),
    ) -> Option<Leaf> {
        self.describe(verb, place, |operation, client_id| {
            Leaf::begin(&operation, parent, |data, core| {
                describe_client(data, core, client_id);
                more(data, core);
            })
        })
    }

    /// Starts handling a message that was created in the context `creation`; `more` describes it
    /// further if its span is recorded.
    pub(super) fn handle(
        &self,
        verb: Verb,
        place: Place<'_>,
        creation: &TraceContext,
        more: impl FnOnce(&mut SpanData, &Core),
    ) -> Option<Running> {
        self.describe(verb, place, |operation, client_id| {
            let parent = consume::parent(&operation, creation);
            Running::begin_with(operation, parent.as_deref(), |data, core| {
                describe_client(data, core, client_id);
                link_surroundings(data, core, creation);
                more(data, core);
            })
        })
    }

    /// Starts handling messages that were created in these contexts, below the current span.
    pub(super) fn handle_all<'a>(
        &self,
        verb: Verb,
        place: Place<'_>,
        creations: impl Iterator<Item = &'a TraceContext>,
        more: impl FnOnce(&mut SpanData, &Core),
    ) -> Option<Running> {
        self.describe(verb, place, |operation, client_id| {
            creations.for_each(|creation| consume::consumed(&operation, creation));
            Running::begin_with(operation, None, |data, core| {
                describe_client(data, core, client_id);
                more(data, core);
            })
        })
    }

    fn describe<R>(
        &self,
        verb: Verb,
        place: Place<'_>,
        f: impl FnOnce(Operation<'_>, Option<&str>) -> R,
    ) -> R {
        let Verb { name, kind, span_kind } = verb;
        let destination = subject::destination(place.subject, &self.templates, place.pattern, &self.inbox);
        self.peer.with(&self.client, |known| {
            let server = known.address.as_ref().map(|(address, port)| (&**address, *port));
            let group = place.group;
            let operation = Operation { system: SYSTEM, name, kind, span_kind, destination, group, server };
            f(operation, known.client_id.as_deref())
        })
    }

    /// The server at the other end.
    pub(super) fn server(&self) -> Option<(Arc<str>, u16)> {
        self.peer.with(&self.client, |known| known.address.clone())
    }

    /// Reports the connection's traffic as metrics.
    pub(super) fn observe(&self) {
        if let Some(core) = TelemetryLayer::current() {
            core.nats.observe(&self.peer.statistics, self.server());
        }
    }
}

fn describe_client(data: &mut SpanData, core: &Core, client_id: Option<&str>) {
    if let Some(client_id) = client_id {
        data.fields.append_str(names::CLIENT_ID, client_id, core.settings.span_limits.fields);
    }
}

/// The server at the other end, which is another one after a reconnect.
#[derive(Debug)]
struct Peer {
    statistics: Arc<Statistics>,
    given: Option<(Arc<str>, u16)>,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// How often the client had connected when this was learnt.
    connects: u64,
    server_id: String,
    address: Option<(Arc<str>, u16)>,
    /// The server's number of this connection.
    client_id: Option<String>,
}

impl Peer {
    fn new(statistics: Arc<Statistics>, given: Option<(String, u16)>) -> Self {
        let given = given.map(|(address, port)| (Arc::from(address), port));
        let known = Known { address: given.clone(), ..Known::default() };
        Self { statistics, given, known: RwLock::new(known) }
    }

    fn with<R>(&self, client: &Client, f: impl FnOnce(&Known) -> R) -> R {
        let connects = self.statistics.connects.load(Ordering::Relaxed);
        let known = self.known.read();
        if known.connects == connects {
            return f(&known);
        }
        drop(known);
        self.learn(client.try_server_info(), connects);
        f(&self.known.read())
    }

    fn learn(&self, info: Option<ServerInfo>, connects: u64) {
        let Some(info) = info else { return };
        let mut known = self.known.write();
        let client_id = info.client_id.to_string();
        // The client counts a connection a moment before it tells about the server.
        if info.server_id == known.server_id && Some(&client_id) == known.client_id.as_ref() {
            return;
        }
        let given = self.given.clone();
        let address = match info.connect_urls.len() {
            0 | 1 => given.or_else(|| advertised(&info)),
            // One of a cluster, and perhaps no more the one that was given.
            _ => advertised(&info).or(given),
        };
        *known = Known { connects, server_id: info.server_id, address, client_id: Some(client_id) };
    }
}

/// The address a server gives itself, unless that is only "all of this machine's".
fn advertised(info: &ServerInfo) -> Option<(Arc<str>, u16)> {
    let unspecified = matches!(info.host.as_str(), "" | "0.0.0.0" | "::" | "[::]");
    (!unspecified).then(|| (info.host.as_str().into(), info.port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(given: Option<&str>, host: &str, cluster: &[&str]) -> Option<(Arc<str>, u16)> {
        let given = given.map(|host| (host.to_owned(), 4222));
        let peer = Peer::new(Arc::default(), given);
        let connect_urls = cluster.iter().map(|&url| url.to_owned()).collect();
        let (host, server_id) = (host.to_owned(), "ND4".to_owned());
        let info =
            ServerInfo { server_id, host, port: 4223, client_id: 7, connect_urls, ..ServerInfo::default() };
        peer.learn(Some(info), 1);
        let known = peer.known.read();
        assert_eq!(known.client_id.as_deref(), Some("7"));
        known.address.clone()
    }

    fn address(host: &str, port: u16) -> Option<(Arc<str>, u16)> {
        Some((host.into(), port))
    }

    #[test]
    fn a_lone_server_has_the_address_it_was_given() {
        assert_eq!(learnt(Some("nats.shop"), "10.0.0.7", &[]), address("nats.shop", 4222));
        assert_eq!(learnt(None, "10.0.0.7", &[]), address("10.0.0.7", 4223));
        assert_eq!(learnt(None, "0.0.0.0", &[]), None);
    }

    #[test]
    fn one_of_a_cluster_has_the_address_it_gives_itself() {
        let cluster = ["10.0.0.7:4223", "10.0.0.8:4223"];
        assert_eq!(learnt(Some("nats.shop"), "10.0.0.7", &cluster), address("10.0.0.7", 4223));
        assert_eq!(learnt(Some("nats.shop"), "0.0.0.0", &cluster), address("nats.shop", 4222));
    }

    #[test]
    fn what_is_told_again_is_not_taken_for_another_connection() {
        let peer = Peer::new(Arc::default(), None);
        let info = |host: &str, client_id| ServerInfo {
            server_id: "ND4".to_owned(),
            host: host.to_owned(),
            client_id,
            ..ServerInfo::default()
        };
        peer.learn(Some(info("10.0.0.7", 7)), 1);
        peer.learn(Some(info("10.0.0.7", 7)), 2);
        assert_eq!(peer.known.read().connects, 1, "the client will tell about the second in a moment");
        peer.learn(Some(info("10.0.0.7", 9)), 2);
        let known = peer.known.read();
        assert_eq!((known.connects, known.client_id.as_deref()), (2, Some("9")));
    }
}
