//! What is asked of a bucket and what it answers, as spans have it.

use std::sync::Arc;

use async_nats::jetstream::kv::{Entry, Store};

use super::failure::Failure;
use crate::db::System;
use crate::db::call::{self, Call, Operation, Target};
use crate::fields::{FieldLimits, Fields, Key, Stored};
use crate::nats::semconv::{KV_EXPECTED_REVISION, KV_KEY, KV_REVISION, KV_VALUE_SIZE, SYSTEM};

/// Address and port.
pub(super) type Server = (Arc<str>, u16);

/// What is operated on.
#[derive(Debug)]
pub(super) struct Bucket(String);

impl Bucket {
    pub(super) fn of(store: &Store) -> Self {
        Self(store.name.clone())
    }

    pub(super) fn operation<'a>(&'a self, name: &'a str, server: Option<&'a Server>) -> Operation<'a> {
        Operation {
            system: System::Other(SYSTEM.name),
            name: Some(name),
            summary: None,
            target: Some(Target::Collection(&self.0)),
            namespace: None,
            server: server.map(|(address, port)| (&**address, Some(*port))),
        }
    }
}

/// What is asked of the server.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    pub(super) name: &'static str,
    pub(super) key: Option<&'a str>,
    /// Bytes of the value to be put.
    pub(super) size: Option<usize>,
    /// The revision that is to be replaced.
    pub(super) expected: Option<u64>,
}

/// What it answered.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answer {
    /// How many entries were found, by an operation that looks for them.
    found: Option<usize>,
    size: Option<usize>,
    revision: Option<u64>,
}

impl Asked<'_> {
    pub(super) fn describe(&self, fields: &mut Fields, limits: FieldLimits) {
        if let Some(key) = self.key {
            fields.append_str(KV_KEY, key, limits);
        }
        if let Some(size) = self.size {
            append(fields, KV_VALUE_SIZE, size as u64, limits);
        }
        if let Some(expected) = self.expected {
            append(fields, KV_EXPECTED_REVISION, expected, limits);
        }
    }
}

impl Answer {
    /// What was put has this revision.
    pub(super) fn stored(revision: &u64) -> Self {
        Self { revision: Some(*revision), ..Self::default() }
    }

    /// The entry that was found, if any.
    pub(super) fn entry(entry: Option<&Entry>) -> Self {
        Self {
            found: Some(usize::from(entry.is_some())),
            size: entry.map(|entry| entry.value.len()),
            revision: entry.map(|entry| entry.revision),
        }
    }

    pub(super) fn describe(&self, fields: &mut Fields, limits: FieldLimits) {
        if let Some(found) = self.found {
            describe_found(fields, limits, found);
        }
        if let Some(size) = self.size {
            append(fields, KV_VALUE_SIZE, size as u64, limits);
        }
        if let Some(revision) = self.revision {
            append(fields, KV_REVISION, revision, limits);
        }
    }
}

/// Says how many entries were found.
pub(super) fn describe_found(fields: &mut Fields, limits: FieldLimits, found: usize) {
    append(fields, "db.response.returned_rows", found as u64, limits);
}

fn append(fields: &mut Fields, key: &'static str, number: u64, limits: FieldLimits) {
    fields.append(Key::Static(key), Stored::Int(i64::try_from(number).unwrap_or(i64::MAX)), limits);
}

/// Ends an operation that failed.
pub(super) fn fail(call: Call<'_>, error: &impl Failure) {
    let code = error.status_code();
    call.fail(error, call::Failure { kind: error.error_type(), code: code.as_deref() });
}
