//! The shape that the requests of all three signals share: resources, in them scopes, in them
//! items.

use super::origin::{OriginSink, Origins, Raw};
use super::{Budget, Stop};
use crate::protobuf::{Fault, Reader};

/// What a signal does with its items.
pub(super) trait Items<'a> {
    /// The fields of resources, scopes and items, for faults.
    const FIELDS: [&'static str; 3];

    /// What is told where the items come from.
    fn builder(&mut self) -> &mut impl OriginSink;

    /// Rows and attribute columns so far.
    fn size(&self) -> (usize, usize);

    /// Reads one item.
    fn item(&mut self, message: &'a [u8], budget: Budget) -> Result<(), Stop>;
}

/// Walks a request; the items of each scope come after its resource and scope are known,
/// wherever these are in the bytes.
pub(super) fn walk<'a, I: Items<'a>>(request: &'a [u8], items: &mut I) -> Result<(), Stop> {
    let mut origins = Origins::default();
    let budget = Budget::of(request);
    let mut reader = Reader::new(request);
    let mut index = 0;
    while let Some(tag) = reader.tag()? {
        if tag.field() != 1 {
            reader.skip(tag)?;
            continue;
        }
        let message = reader.bytes(tag).map_err(|fault| fault.within_item(I::FIELDS[0], index))?;
        in_resource(message, &mut origins, items, budget)
            .map_err(|stop| stop.within_item(I::FIELDS[0], index))?;
        index += 1;
    }
    Ok(())
}

fn in_resource<'a, I: Items<'a>>(
    message: &'a [u8],
    origins: &mut Origins<'a>,
    items: &mut I,
    budget: Budget,
) -> Result<(), Stop> {
    let raw = head(message, "resource")?;
    let resource = origins.resource(raw).map_err(|fault| fault.within("resource"))?;
    let mut reader = Reader::new(message);
    let mut index = 0;
    while let Some(tag) = reader.tag()? {
        if tag.field() != 2 {
            reader.skip(tag)?;
            continue;
        }
        let scope = reader.bytes(tag).map_err(|fault| fault.within_item(I::FIELDS[1], index))?;
        in_scope(scope, resource, origins, items, budget)
            .map_err(|stop| stop.within_item(I::FIELDS[1], index))?;
        index += 1;
    }
    Ok(())
}

fn in_scope<'a, I: Items<'a>>(
    message: &'a [u8],
    resource: usize,
    origins: &mut Origins<'a>,
    items: &mut I,
    budget: Budget,
) -> Result<(), Stop> {
    let raw = head(message, "scope")?;
    let scope = origins.scope(raw).map_err(|fault| fault.within("scope"))?;
    let mut reader = Reader::new(message);
    let mut index = 0;
    while let Some(tag) = reader.tag()? {
        if tag.field() != 2 {
            reader.skip(tag)?;
            continue;
        }
        if index == 0 {
            origins.apply(resource, scope, items.builder());
        }
        let item = reader.bytes(tag).map_err(|fault| fault.within_item(I::FIELDS[2], index))?;
        let (rows, columns) = items.size();
        let read = budget.check(rows, columns, item).map_err(Stop::from);
        read.and_then(|()| items.item(item, budget)).map_err(|stop| stop.within_item(I::FIELDS[2], index))?;
        index += 1;
    }
    Ok(())
}

/// The resource or scope (field 1) and the schema (field 3) beside the children.
fn head<'a>(message: &'a [u8], name: &'static str) -> Result<Raw<'a>, Fault> {
    let mut raw = Raw::default();
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            1 => raw.add(reader.bytes(tag).map_err(|fault| fault.within(name))?),
            3 => raw.set_schema(reader.string(tag).map_err(|fault| fault.within("schema_url"))?),
            _ => reader.skip(tag)?,
        }
    }
    Ok(raw)
}
