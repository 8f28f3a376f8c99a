//! Exporters: against receivers of ours, and against a client that does as told.

mod clients;
mod fake_client;
mod retries;
