//! A transactional outbox whose messages keep the trace that wrote them.
