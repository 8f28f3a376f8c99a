//! NATS and JetStream: context in headers, spans for publishing, requests, subscriptions, consumers.
