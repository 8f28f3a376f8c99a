//! Resources and scopes: each distinct one of a request is read once.

use std::borrow::Cow;

use hashbrown::HashMap;
use throughline_model::{EntityRef, LogBatchBuilder, MetricBatchBuilder, Resource, Scope, SpanBatchBuilder};

use super::attributes::key_value;
use crate::protobuf::{Fault, Reader};

/// A message that is known by its raw bytes and the schema beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Raw<'a> {
    message: Cow<'a, [u8]>,
    schema_url: &'a str,
}

impl<'a> Raw<'a> {
    /// Adds an occurrence of the message; several mean their concatenation, as in protobuf.
    pub(super) fn add(&mut self, message: &'a [u8]) {
        if self.message.is_empty() {
            self.message = Cow::Borrowed(message);
        } else {
            self.message.to_mut().extend_from_slice(message);
        }
    }

    pub(super) fn set_schema(&mut self, schema_url: &'a str) {
        self.schema_url = schema_url;
    }
}

/// The columns' texts of resources and scopes seen so far, by the place at which they were seen
/// first. Each is read, hashed and interned once, however many scopes and items refer to it.
#[derive(Debug, Default)]
pub(super) struct Origins<'a> {
    resources: HashMap<Raw<'a>, usize, ahash::RandomState>,
    resource_texts: Vec<ResourceText>,
    scopes: HashMap<Raw<'a>, usize, ahash::RandomState>,
    scope_texts: Vec<ScopeText>,
}

#[derive(Debug)]
struct ResourceText {
    service: String,
    json: String,
    codes: Option<(i32, i32)>,
}

#[derive(Debug)]
struct ScopeText {
    json: String,
    code: Option<i32>,
}

/// A builder that is told where its rows come from.
pub(super) trait OriginSink {
    fn intern_resource(&mut self, service: &str, json: &str) -> (i32, i32);
    fn intern_scope(&mut self, json: &str) -> i32;
    fn set_origin(&mut self, resource: (i32, i32), scope: i32);
}

macro_rules! sink {
    ($($builder:ty),*) => {$(
        impl OriginSink for $builder {
            fn intern_resource(&mut self, service: &str, json: &str) -> (i32, i32) {
                self.intern_resource(service, json)
            }
            fn intern_scope(&mut self, json: &str) -> i32 {
                self.intern_scope(json)
            }
            fn set_origin(&mut self, resource: (i32, i32), scope: i32) {
                self.set_origin_codes(resource, scope);
            }
        }
    )*};
}
sink!(SpanBatchBuilder, LogBatchBuilder, MetricBatchBuilder);

impl<'a> Origins<'a> {
    /// The place of a resource, which is read where it is new.
    pub(super) fn resource(&mut self, raw: Raw<'a>) -> Result<usize, Fault> {
        if let Some(at) = self.resources.get(&raw) {
            return Ok(*at);
        }
        let mut resource = read_resource(&raw.message)?;
        raw.schema_url.clone_into(&mut resource.schema_url);
        let text = ResourceText {
            service: resource.service_name().to_owned(),
            json: resource.to_json(),
            codes: None,
        };
        self.resource_texts.push(text);
        self.resources.insert(raw, self.resource_texts.len() - 1);
        Ok(self.resource_texts.len() - 1)
    }

    /// The place of a scope, which is read where it is new.
    pub(super) fn scope(&mut self, raw: Raw<'a>) -> Result<usize, Fault> {
        if let Some(at) = self.scopes.get(&raw) {
            return Ok(*at);
        }
        let mut scope = read_scope(&raw.message)?;
        raw.schema_url.clone_into(&mut scope.schema_url);
        self.scope_texts.push(ScopeText { json: scope.to_json(), code: None });
        self.scopes.insert(raw, self.scope_texts.len() - 1);
        Ok(self.scope_texts.len() - 1)
    }

    /// Tells a builder that the following items come from there.
    pub(super) fn apply(&mut self, resource: usize, scope: usize, builder: &mut impl OriginSink) {
        let (Some(resource), Some(scope)) =
            (self.resource_texts.get_mut(resource), self.scope_texts.get_mut(scope))
        else {
            return;
        };
        let codes =
            *resource.codes.get_or_insert_with(|| builder.intern_resource(&resource.service, &resource.json));
        let code = *scope.code.get_or_insert_with(|| builder.intern_scope(&scope.json));
        builder.set_origin(codes, code);
    }
}

fn read_resource(message: &[u8]) -> Result<Resource, Fault> {
    let mut resource = Resource::default();
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            1 => {
                let at = resource.attributes.len();
                let entry = reader.bytes(tag).and_then(|entry| key_value(entry, 1));
                let (key, value) = entry.map_err(|fault| fault.within_item("attributes", at))?;
                resource.attributes.push((key.to_owned(), value.into_value()));
            }
            2 => {
                resource.dropped_attributes_count =
                    reader.uint32(tag).map_err(|fault| fault.within("dropped_attributes_count"))?;
            }
            3 => {
                let at = resource.entity_refs.len();
                let entity = reader.bytes(tag).and_then(read_entity);
                resource.entity_refs.push(entity.map_err(|fault| fault.within_item("entity_refs", at))?);
            }
            _ => reader.skip(tag)?,
        }
    }
    Ok(resource)
}

fn read_entity(message: &[u8]) -> Result<EntityRef, Fault> {
    let mut entity = EntityRef::default();
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            1 => reader.string(tag)?.clone_into(&mut entity.schema_url),
            2 => reader.string(tag)?.clone_into(&mut entity.kind),
            3 => entity.id_keys.push(reader.string(tag)?.to_owned()),
            4 => entity.description_keys.push(reader.string(tag)?.to_owned()),
            _ => reader.skip(tag)?,
        }
    }
    Ok(entity)
}

fn read_scope(message: &[u8]) -> Result<Scope, Fault> {
    let mut scope = Scope::default();
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            1 => reader.string(tag).map_err(|fault| fault.within("name"))?.clone_into(&mut scope.name),
            2 => reader.string(tag).map_err(|fault| fault.within("version"))?.clone_into(&mut scope.version),
            3 => {
                let at = scope.attributes.len();
                let entry = reader.bytes(tag).and_then(|entry| key_value(entry, 1));
                let (key, value) = entry.map_err(|fault| fault.within_item("attributes", at))?;
                scope.attributes.push((key.to_owned(), value.into_value()));
            }
            4 => {
                scope.dropped_attributes_count =
                    reader.uint32(tag).map_err(|fault| fault.within("dropped_attributes_count"))?;
            }
            _ => reader.skip(tag)?,
        }
    }
    Ok(scope)
}
