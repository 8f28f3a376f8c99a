//! Resources and scopes: each distinct one of a request is read once.

use std::borrow::Cow;

use hashbrown::HashMap;
use throughline_model::{Resource, Scope};

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

/// The columns' texts of resources and scopes seen so far.
#[derive(Debug, Default)]
pub(super) struct Origins<'a> {
    resources: HashMap<Raw<'a>, ResourceText, ahash::RandomState>,
    scopes: HashMap<Raw<'a>, String, ahash::RandomState>,
}

/// What columns keep of a resource.
#[derive(Debug, Default)]
pub(super) struct ResourceText {
    /// `service.name`.
    pub(super) service: String,
    /// Attribute JSON.
    pub(super) json: String,
}

impl<'a> Origins<'a> {
    /// Makes the resource known, and checks it.
    pub(super) fn read_resource(&mut self, raw: Raw<'a>) -> Result<Raw<'a>, Fault> {
        if !self.resources.contains_key(&raw) {
            let mut resource = read_resource(&raw.message)?;
            raw.schema_url.clone_into(&mut resource.schema_url);
            let text = ResourceText { service: resource.service_name().to_owned(), json: resource.to_json() };
            self.resources.insert(raw.clone(), text);
        }
        Ok(raw)
    }

    /// The texts of a resource that was read and a scope, which is read where it is new.
    pub(super) fn texts(
        &mut self,
        resource: &Raw<'a>,
        scope: Raw<'a>,
    ) -> Result<(&ResourceText, &str), Fault> {
        if !self.scopes.contains_key(&scope) {
            let mut read = read_scope(&scope.message)?;
            scope.schema_url.clone_into(&mut read.schema_url);
            self.scopes.insert(scope.clone(), read.to_json());
        }
        static NONE: ResourceText = ResourceText { service: String::new(), json: String::new() };
        let resource = self.resources.get(resource).unwrap_or(&NONE);
        Ok((resource, self.scopes.get(&scope).map_or("", String::as_str)))
    }
}

fn read_resource(message: &[u8]) -> Result<Resource, Fault> {
    let mut resource = Resource::default();
    let mut reader = Reader::new(message);
    let mut entities = 0;
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
                reader
                    .bytes(tag)
                    .and_then(check_entity)
                    .map_err(|fault| fault.within_item("entity_refs", entities))?;
                entities += 1;
            }
            _ => reader.skip(tag)?,
        }
    }
    Ok(resource)
}

fn check_entity(message: &[u8]) -> Result<(), Fault> {
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            1..=4 => drop(reader.string(tag)?),
            _ => reader.skip(tag)?,
        }
    }
    Ok(())
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
