//! Rows grouped by resource, and within it by scope.

use std::sync::Arc;

use hashbrown::HashMap;
use throughline_model::{LogRecord, MetricPoint, Resource, Scope, Span};

use super::values::{write_resource, write_scope};
use crate::protobuf::Writer;

/// A row that knows where it comes from.
pub(super) trait Origin {
    fn origin(&self) -> (&Arc<Resource>, &Arc<Scope>);
}

macro_rules! origin {
    ($row:ty) => {
        impl Origin for $row {
            fn origin(&self) -> (&Arc<Resource>, &Arc<Scope>) {
                (&self.resource, &self.scope)
            }
        }
    };
}
origin!(Span);
origin!(LogRecord);
origin!(MetricPoint);

/// Rows of one scope.
struct InScope<'a, R> {
    scope: &'a Scope,
    rows: Vec<&'a R>,
}

/// Writes a request: for each resource and scope the messages around what `items` writes.
pub(super) fn write<R: Origin>(rows: &[R], mut items: impl FnMut(&mut Writer, &[&R])) -> Vec<u8> {
    let mut groups: Vec<(&Resource, Vec<InScope<'_, R>>)> = Vec::new();
    // Rows of one batch share their resource and scope, so the address says enough; equal ones at
    // two addresses make two groups, which means the same.
    let mut resources: HashMap<*const Resource, usize, ahash::RandomState> = HashMap::default();
    let mut scopes: HashMap<(usize, *const Scope), usize, ahash::RandomState> = HashMap::default();
    for row in rows {
        let (resource, scope) = row.origin();
        let at = *resources.entry(Arc::as_ptr(resource)).or_insert_with(|| {
            groups.push((resource, Vec::new()));
            groups.len() - 1
        });
        let Some((_, in_resource)) = groups.get_mut(at) else { continue };
        let within = *scopes.entry((at, Arc::as_ptr(scope))).or_insert_with(|| {
            in_resource.push(InScope { scope, rows: Vec::new() });
            in_resource.len() - 1
        });
        if let Some(group) = in_resource.get_mut(within) {
            group.rows.push(row);
        }
    }
    let mut writer = Writer::with_capacity(rows.len() * 256);
    for (resource, in_resource) in &groups {
        let outer = writer.open(1);
        write_resource(&mut writer, resource);
        for group in in_resource {
            let inner = writer.open(2);
            write_scope(&mut writer, group.scope);
            items(&mut writer, &group.rows);
            writer.string_nonempty(3, &group.scope.schema_url);
            writer.close(inner);
        }
        writer.string_nonempty(3, &resource.schema_url);
        writer.close(outer);
    }
    writer.into_bytes()
}
