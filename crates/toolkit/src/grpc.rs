//! gRPC boundaries: tower layers for tonic servers and clients.
