//! Metrics in Prometheus' text form, for `/metrics`.
