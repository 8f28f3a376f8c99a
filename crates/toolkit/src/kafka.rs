//! Kafka: context in record headers, spans for producing and consuming.
