//! `ExportMetricsServiceRequest`.

use arrow::record_batch::RecordBatch;
use throughline_model::{MetricBatchBuilder, MetricFields};

use super::attributes::{self, JsonText};
use super::origin::OriginSink;
use super::points::{self, Scratch};
use super::rejection::Rejection;
use super::walk::{Items, walk};
use super::{Budget, Stop};
use crate::protobuf::{Fault, Reader};

pub(super) fn decode(request: &[u8], rejection: &mut Rejection) -> Result<RecordBatch, Stop> {
    let mut metrics = Metrics {
        builder: MetricBatchBuilder::new(),
        metadata: JsonText::default(),
        scratch: Scratch::default(),
        repeated: 0,
        rejection,
    };
    walk(request, &mut metrics)?;
    Ok(metrics.builder.finish()?)
}

struct Metrics<'r> {
    builder: MetricBatchBuilder,
    metadata: JsonText,
    scratch: Scratch,
    /// Bytes of metadata on all points so far.
    repeated: usize,
    rejection: &'r mut Rejection,
}

/// The kinds of metrics, numbered as in the `kind` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge = 1,
    Sum = 2,
    Histogram = 3,
    Exponential = 4,
    Summary = 5,
}

impl Kind {
    fn of_field(field: u32) -> Option<(Self, &'static str)> {
        Some(match field {
            5 => (Self::Gauge, "gauge"),
            7 => (Self::Sum, "sum"),
            9 => (Self::Histogram, "histogram"),
            10 => (Self::Exponential, "exponential_histogram"),
            11 => (Self::Summary, "summary"),
            _ => return None,
        })
    }

    fn has_temporality(self) -> bool {
        matches!(self, Self::Sum | Self::Histogram | Self::Exponential)
    }
}

/// A metric's data; several parts when the field repeats.
#[derive(Debug)]
struct Data<'a> {
    kind: Kind,
    name: &'static str,
    parts: Vec<&'a [u8]>,
}

impl<'a> Items<'a> for Metrics<'_> {
    const FIELDS: [&'static str; 3] = ["resource_metrics", "scope_metrics", "metrics"];

    fn builder(&mut self) -> &mut impl OriginSink {
        &mut self.builder
    }

    fn size(&self) -> (usize, usize) {
        (self.builder.rows(), 0)
    }

    fn item(&mut self, message: &'a [u8], budget: Budget) -> Result<(), Stop> {
        let mut fields = MetricFields::default();
        let mut data: Option<Data<'a>> = None;
        self.metadata.clear();
        let mut metadata = 0;
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match tag.field() {
                1 => fields.name = reader.string(tag).map_err(|fault| fault.within("name"))?,
                2 => fields.description = reader.string(tag).map_err(|fault| fault.within("description"))?,
                3 => fields.unit = reader.string(tag).map_err(|fault| fault.within("unit"))?,
                12 => {
                    let put = reader.bytes(tag).and_then(|entry| attributes::put(entry, &mut self.metadata));
                    put.map_err(|fault| fault.within_item("metadata", metadata))?;
                    metadata += 1;
                }
                field => match Kind::of_field(field) {
                    Some((kind, name)) => {
                        let part = reader.bytes(tag).map_err(|fault| fault.within(name))?;
                        match &mut data {
                            Some(data) if data.kind == kind => data.parts.push(part),
                            other => {
                                let before = other.replace(Data { kind, name, parts: vec![part] });
                                self.discard(before, budget)?;
                            }
                        }
                    }
                    None => reader.skip(tag)?,
                },
            }
        }
        let Some(data) = data else { return Ok(()) };
        fields.kind = data.kind as i32;
        for part in &data.parts {
            read_head(data.kind, part, &mut fields).map_err(|fault| fault.within(data.name))?;
        }
        fields.metadata_json = self.metadata.close();
        self.builder.set_metric(&fields);
        let mut index = 0;
        for part in &data.parts {
            let read = read_points(data.kind, part, &mut index, self, budget);
            read.map_err(|stop| stop.within(data.name))?;
        }
        Ok(())
    }
}

impl Metrics<'_> {
    /// Data that a later field of another kind replaces must be well-formed all the same.
    #[cold]
    fn discard(&mut self, data: Option<Data<'_>>, budget: Budget) -> Result<(), Stop> {
        let Some(data) = data else { return Ok(()) };
        let mut aside = Metrics {
            builder: MetricBatchBuilder::new(),
            metadata: JsonText::default(),
            scratch: Scratch::default(),
            repeated: 0,
            rejection: &mut Rejection::default(),
        };
        for part in &data.parts {
            read_head(data.kind, part, &mut MetricFields::default())
                .map_err(|fault| fault.within(data.name))?;
            read_points(data.kind, part, &mut 0, &mut aside, budget)
                .map_err(|stop| stop.within(data.name))?;
        }
        Ok(())
    }
}

fn read_head(kind: Kind, message: &[u8], fields: &mut MetricFields<'_>) -> Result<(), Fault> {
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            2 if kind.has_temporality() => {
                fields.temporality =
                    reader.int32(tag).map_err(|fault| fault.within("aggregation_temporality"))?;
            }
            3 if kind == Kind::Sum => {
                fields.monotonic = reader.bool(tag).map_err(|fault| fault.within("is_monotonic"))?;
            }
            _ => reader.skip(tag)?,
        }
    }
    Ok(())
}

fn read_points(
    kind: Kind,
    message: &[u8],
    index: &mut usize,
    metrics: &mut Metrics<'_>,
    budget: Budget,
) -> Result<(), Stop> {
    let Metrics { builder, scratch, rejection, metadata, repeated } = metrics;
    let metadata_bytes = metadata.len();
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        if tag.field() != 1 {
            reader.skip(tag)?;
            continue;
        }
        let point =
            reader.bytes(tag).and_then(|point| budget.check(builder.rows(), 0, point).map(|()| point));
        let point = point.and_then(|point| {
            *repeated += metadata_bytes;
            budget.check_repeated(*repeated, point)?;
            budget.check_nested(scratch.exemplars(), point).map(|()| point)
        });
        let read = point.map_err(Stop::from).and_then(|point| match kind {
            Kind::Gauge | Kind::Sum => points::number(point, builder, scratch, rejection),
            Kind::Histogram => points::histogram(point, builder, scratch, rejection),
            Kind::Exponential => points::exponential(point, builder, scratch, rejection),
            Kind::Summary => points::summary(point, builder, scratch),
        });
        read.map_err(|stop| stop.within_item("data_points", *index))?;
        *index += 1;
    }
    Ok(())
}
