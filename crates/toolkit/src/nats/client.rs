//! A client whose messages carry context: publishing, requests, subscriptions.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, HeaderMap, HeaderValue, Message, PublishError,
    Request, RequestError, ServerAddr, Subject, SubscribeError, ToServerAddrs, ToSubject,
};
use bytes::Bytes;

use super::connection::{Connection, Place};
use super::events::instrument;
use super::headers::{forwarded_headers, outgoing};
use super::jetstream::TracedContext;
use super::message::TracedMessage;
use super::semconv::{PUBLISH, REQUEST, RESPONSE_SIZE, publish_error, request_error};
use super::subscriber::{Source, TracedSubscriber};
use crate::core::Core;
use crate::fields::{Key, Stored};
use crate::layer::span_data::SpanData;
use crate::messaging::leaf::Leaf;
use crate::messaging::names;
use crate::propagation::TraceContext;

/// Where a service puts the code of its error (ADR-32), and what it says about it.
const SERVICE_ERROR_CODE: &str = "Nats-Service-Error-Code";
const SERVICE_ERROR: &str = "Nats-Service-Error";

/// Connects with default options and reports the connection's events and traffic as metrics.
///
/// # Errors
/// As [`async_nats::connect`].
pub async fn connect(servers: impl ToServerAddrs) -> Result<TracedClient, ConnectError> {
    connect_with(ConnectOptions::new(), servers).await
}

/// [`connect`] with options. An event callback set on them is replaced: see
/// [`ConnectionEvents`](super::ConnectionEvents).
///
/// # Errors
/// As [`ConnectOptions::connect`].
pub async fn connect_with(
    options: ConnectOptions,
    servers: impl ToServerAddrs,
) -> Result<TracedClient, ConnectError> {
    let servers = servers.to_server_addrs();
    let servers = servers.map_err(|error| ConnectError::with_source(ConnectErrorKind::ServerParse, error))?;
    let servers: Vec<ServerAddr> = servers.collect();
    let server = match servers.as_slice() {
        [one] => Some((one.host().to_owned(), one.port())),
        _ => None,
    };
    let client = instrument(options).connect(servers).await?;
    Ok(TracedClient::from_connection(Connection::new(client, server)))
}

/// A [`Client`] whose messages are traced.
///
/// It derefs to the client underneath; the methods that send or receive messages are replaced by
/// traced ones of the same signature, so that it can take the client's place. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TracedClient {
    connection: Arc<Connection>,
    /// Of messages whose subscription is not known.
    source: Arc<Source>,
}

impl Deref for TracedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.connection.client
    }
}

impl TracedClient {
    /// Traces the messages of `client`. Its traffic is reported as metrics; its events are when
    /// it was connected with [`instrument`](super::instrument)ed options.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self::from_connection(Connection::new(client, None))
    }

    fn from_connection(connection: Connection) -> Self {
        connection.observe();
        Self::describing(connection)
    }

    fn describing(connection: Connection) -> Self {
        let connection = Arc::new(connection);
        Self { source: Arc::new(Source::unknown(&connection)), connection }
    }

    /// Names the subjects that match `template` by it, in spans and metrics: with
    /// `chat.history.{room}` there is one `chat.history.{room} request` and not one for each room.
    /// `{…}` and `*` stand for one token, a last `>` for one or more. The first template that
    /// matches is taken.
    #[must_use]
    pub fn template(self, template: &str) -> Self {
        let mut connection = Connection::clone(&self.connection);
        connection.add_template(template);
        Self::describing(connection)
    }

    /// A client on the same connection that asks nats-server (2.11 or later) to report the route
    /// of each of its messages to `subject`, as the header `Nats-Trace-Dest` does. A
    /// `Nats-Trace-Only` among the headers of a message then has it routed but not delivered.
    ///
    /// Without this, `Nats-Trace-…` headers are never published: those of a message that was read
    /// from a stream would turn the server's tracing off.
    #[must_use]
    pub fn trace_to(&self, subject: &str) -> Self {
        let mut connection = Connection::clone(&self.connection);
        // A subject that is no header value would not be one either.
        connection.trace_to = subject.parse::<HeaderValue>().ok();
        Self::describing(connection)
    }

    /// The client underneath.
    #[must_use]
    pub fn inner(&self) -> &Client {
        &self.connection.client
    }

    /// JetStream on this connection.
    #[must_use]
    pub fn jetstream(&self) -> TracedContext {
        TracedContext::new(self, async_nats::jetstream::new(self.inner().clone()))
    }

    /// Traces a message of this connection that was received by other means than
    /// [`TracedClient::subscribe`].
    #[must_use]
    pub fn trace(&self, message: Message) -> TracedMessage {
        TracedMessage::new(message, &self.source)
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// [`Client::publish`] inside a PRODUCER span.
    ///
    /// # Errors
    /// As [`Client::publish`].
    pub async fn publish<S: ToSubject>(&self, subject: S, payload: Bytes) -> Result<(), PublishError> {
        self.send(subject.to_subject(), None, None, payload).await
    }

    /// [`Client::publish_with_headers`] inside a PRODUCER span.
    ///
    /// # Errors
    /// As [`Client::publish_with_headers`].
    pub async fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject.to_subject(), None, Some(headers), payload).await
    }

    /// [`Client::publish_with_reply`] inside a PRODUCER span.
    ///
    /// # Errors
    /// As [`Client::publish_with_reply`].
    pub async fn publish_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject.to_subject(), Some(reply.to_subject()), None, payload).await
    }

    /// [`Client::publish_with_reply_and_headers`] inside a PRODUCER span.
    ///
    /// # Errors
    /// As [`Client::publish_with_reply_and_headers`].
    pub async fn publish_with_reply_and_headers<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject.to_subject(), Some(reply.to_subject()), Some(headers), payload).await
    }

    /// Publishes a received message again, to another subject: its payload and what
    /// [`forwarded_headers`] leaves of its headers.
    ///
    /// # Errors
    /// As [`Client::publish_with_headers`].
    pub async fn forward<S: ToSubject>(&self, subject: S, message: &Message) -> Result<(), PublishError> {
        let headers = message.headers.as_ref().map(forwarded_headers);
        self.send(subject.to_subject(), None, headers, message.payload.clone()).await
    }

    async fn send(
        &self,
        subject: Subject,
        reply: Option<Subject>,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let connection = &self.connection;
        let place = Place { subject: &subject, ..Place::default() };
        let publish = connection.leaf(PUBLISH, place, None, |data, core| {
            set_size(data, core, names::BODY_SIZE, payload.len());
        });
        let headers = outgoing(headers, &carried(publish.as_ref()), connection.trace_to.as_ref());
        let client = &connection.client;
        let outcome = match (reply, headers) {
            (None, None) => client.publish(subject, payload).await,
            (None, Some(headers)) => client.publish_with_headers(subject, headers, payload).await,
            (Some(reply), None) => client.publish_with_reply(subject, reply, payload).await,
            (Some(reply), Some(headers)) => {
                client.publish_with_reply_and_headers(subject, reply, headers, payload).await
            }
        };
        match publish {
            Some(publish) => publish.finish(outcome, |error| Cow::Borrowed(publish_error(error.kind()))),
            None => outcome,
        }
    }

    /// [`Client::request`] inside a CLIENT span.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn request<S: ToSubject>(&self, subject: S, payload: Bytes) -> Result<Message, RequestError> {
        self.send_request(subject, Request::new().payload(payload)).await
    }

    /// [`Client::request_with_headers`] inside a CLIENT span.
    ///
    /// # Errors
    /// As [`Client::request_with_headers`].
    pub async fn request_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Message, RequestError> {
        self.send_request(subject, Request::new().headers(headers).payload(payload)).await
    }

    /// [`Client::send_request`] inside a CLIENT span. An answer by which a service reports an
    /// error (`Nats-Service-Error-Code`) is one of the span too.
    ///
    /// # Errors
    /// As [`Client::send_request`].
    pub async fn send_request<S: ToSubject>(
        &self,
        subject: S,
        mut request: Request,
    ) -> Result<Message, RequestError> {
        let connection = &self.connection;
        let subject = subject.to_subject();
        let place = Place { subject: &subject, ..Place::default() };
        let exchange = connection.leaf(REQUEST, place, None, |data, core| {
            let size = request.payload.as_ref().map_or(0, Bytes::len);
            set_size(data, core, names::BODY_SIZE, size);
        });
        let headers = request.headers.take();
        request.headers = outgoing(headers, &carried(exchange.as_ref()), connection.trace_to.as_ref());
        let outcome = connection.client.send_request(subject, request).await;
        let Some(mut exchange) = exchange else { return outcome };
        let answer = match outcome {
            Ok(answer) => answer,
            failed => return exchange.finish(failed, |error| Cow::Borrowed(request_error(error.kind()))),
        };
        exchange.more(|data, core| set_size(data, core, RESPONSE_SIZE, answer.payload.len()));
        match service_error(&answer) {
            Some((code, reason)) => exchange.refused(code, reason),
            None => exchange.succeed(),
        }
        Ok(answer)
    }

    /// [`Client::subscribe`]; its messages carry the context they were sent with.
    ///
    /// # Errors
    /// As [`Client::subscribe`].
    pub async fn subscribe<S: ToSubject>(&self, subject: S) -> Result<TracedSubscriber, SubscribeError> {
        let subject = subject.to_subject();
        let inner = self.connection.client.subscribe(subject.clone()).await?;
        Ok(TracedSubscriber::new(inner, &self.connection, subject.as_str(), None))
    }

    /// [`Client::queue_subscribe`]; its messages carry the context they were sent with, and the
    /// queue group becomes `messaging.consumer.group.name`.
    ///
    /// # Errors
    /// As [`Client::queue_subscribe`].
    pub async fn queue_subscribe<S: ToSubject>(
        &self,
        subject: S,
        queue_group: String,
    ) -> Result<TracedSubscriber, SubscribeError> {
        let subject = subject.to_subject();
        let inner = self.connection.client.queue_subscribe(subject.clone(), queue_group.clone()).await?;
        Ok(TracedSubscriber::new(inner, &self.connection, subject.as_str(), Some(&queue_group)))
    }
}

/// What a message is to carry: the operation's context, or the current one when nothing is traced.
pub(super) fn carried(operation: Option<&Leaf>) -> Cow<'_, TraceContext> {
    match operation {
        Some(operation) => Cow::Borrowed(operation.context()),
        None => Cow::Owned(TraceContext::current()),
    }
}

pub(super) fn set_size(data: &mut SpanData, core: &Core, key: &'static str, size: usize) {
    let size = Stored::Int(i64::try_from(size).unwrap_or(i64::MAX));
    data.fields.set(Key::Static(key), size, core.settings.span_limits.fields);
}

fn service_error(answer: &Message) -> Option<(&str, &str)> {
    let headers = answer.headers.as_ref()?;
    let code = headers.get(SERVICE_ERROR_CODE)?;
    Some((code.as_str(), headers.get(SERVICE_ERROR).map_or("", HeaderValue::as_str)))
}
