//! The data points of metrics.

use throughline_model::{MetricBatchBuilder, Number, PointFields, Quantile};

use super::Stop;
use super::attributes::{JsonText, SortedJson};
use super::logs::optional_ids;
use super::rejection::Rejection;
use crate::protobuf::{Fault, Reader};

/// Lists of the point under way; kept to reuse their room.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    attributes: SortedJson,
    exemplar: JsonText,
    counts: Vec<u64>,
    bounds: Vec<f64>,
    negative: Vec<u64>,
    quantiles: Vec<Quantile>,
    /// Exemplars of all points so far.
    exemplars: usize,
}

impl Scratch {
    /// How many exemplars all points had so far.
    pub(super) fn exemplars(&self) -> usize {
        self.exemplars
    }

    fn clear(&mut self) {
        self.attributes.clear();
        self.counts.clear();
        self.bounds.clear();
        self.negative.clear();
        self.quantiles.clear();
    }
}

/// `NumberDataPoint`.
pub(super) fn number(
    message: &[u8],
    builder: &mut MetricBatchBuilder,
    scratch: &mut Scratch,
    rejection: &mut Rejection,
) -> Result<(), Stop> {
    let mut point = PointFields::default();
    scratch.clear();
    let mut exemplars = 0;
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            2 => {
                point.start_ns =
                    reader.fixed64(tag).map_err(|fault| fault.within("start_time_unix_nano"))? as i64
            }
            3 => point.time_ns = reader.fixed64(tag).map_err(|fault| fault.within("time_unix_nano"))? as i64,
            4 => {
                let value = reader.double(tag).map_err(|fault| fault.within("as_double"))?;
                point.number = Some(Number::Double(value));
            }
            5 => {
                let message = reader.bytes(tag).map_err(Stop::from);
                let read = message.and_then(|message| exemplar(message, builder, scratch, rejection));
                read.map_err(|stop| stop.within_item("exemplars", exemplars))?;
                exemplars += 1;
            }
            6 => {
                let value = reader.fixed64(tag).map_err(|fault| fault.within("as_int"))?;
                point.number = Some(Number::Int(value as i64));
            }
            7 => scratch.attributes.add(reader.bytes(tag))?,
            8 => point.flags = reader.uint32(tag).map_err(|fault| fault.within("flags"))?,
            _ => reader.skip(tag)?,
        }
    }
    Ok(builder.finish_point(&PointFields { attributes_json: scratch.attributes.close(), ..point })?)
}

/// `HistogramDataPoint`.
pub(super) fn histogram(
    message: &[u8],
    builder: &mut MetricBatchBuilder,
    scratch: &mut Scratch,
    rejection: &mut Rejection,
) -> Result<(), Stop> {
    let mut point = PointFields { count: Some(0), ..PointFields::default() };
    scratch.clear();
    let mut exemplars = 0;
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            2 => {
                point.start_ns =
                    reader.fixed64(tag).map_err(|fault| fault.within("start_time_unix_nano"))? as i64
            }
            3 => point.time_ns = reader.fixed64(tag).map_err(|fault| fault.within("time_unix_nano"))? as i64,
            4 => point.count = Some(reader.fixed64(tag).map_err(|fault| fault.within("count"))?),
            5 => point.sum = Some(reader.double(tag).map_err(|fault| fault.within("sum"))?),
            6 => {
                let read = reader.fixed64s(tag, |count| scratch.counts.push(count));
                read.map_err(|fault| fault.within("bucket_counts"))?;
            }
            7 => {
                let read = reader.fixed64s(tag, |bits| scratch.bounds.push(f64::from_bits(bits)));
                read.map_err(|fault| fault.within("explicit_bounds"))?;
            }
            8 => {
                let message = reader.bytes(tag).map_err(Stop::from);
                let read = message.and_then(|message| exemplar(message, builder, scratch, rejection));
                read.map_err(|stop| stop.within_item("exemplars", exemplars))?;
                exemplars += 1;
            }
            9 => scratch.attributes.add(reader.bytes(tag))?,
            10 => point.flags = reader.uint32(tag).map_err(|fault| fault.within("flags"))?,
            11 => point.min = Some(reader.double(tag).map_err(|fault| fault.within("min"))?),
            12 => point.max = Some(reader.double(tag).map_err(|fault| fault.within("max"))?),
            _ => reader.skip(tag)?,
        }
    }
    Ok(builder.finish_point(&PointFields {
        attributes_json: scratch.attributes.close(),
        bucket_counts: &scratch.counts,
        explicit_bounds: &scratch.bounds,
        ..point
    })?)
}

/// `ExponentialHistogramDataPoint`.
pub(super) fn exponential(
    message: &[u8],
    builder: &mut MetricBatchBuilder,
    scratch: &mut Scratch,
    rejection: &mut Rejection,
) -> Result<(), Stop> {
    let mut point = PointFields { count: Some(0), ..PointFields::default() };
    let (mut scale, mut zero_count, mut zero_threshold) = (0, 0, 0.0);
    let (mut positive, mut negative) = (None, None);
    scratch.clear();
    let mut exemplars = 0;
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            1 => scratch.attributes.add(reader.bytes(tag))?,
            2 => {
                point.start_ns =
                    reader.fixed64(tag).map_err(|fault| fault.within("start_time_unix_nano"))? as i64
            }
            3 => point.time_ns = reader.fixed64(tag).map_err(|fault| fault.within("time_unix_nano"))? as i64,
            4 => point.count = Some(reader.fixed64(tag).map_err(|fault| fault.within("count"))?),
            5 => point.sum = Some(reader.double(tag).map_err(|fault| fault.within("sum"))?),
            6 => scale = reader.sint32(tag).map_err(|fault| fault.within("scale"))?,
            7 => zero_count = reader.fixed64(tag).map_err(|fault| fault.within("zero_count"))?,
            8 => {
                let message = reader.bytes(tag);
                let read = message.and_then(|message| buckets(message, &mut positive, &mut scratch.counts));
                read.map_err(|fault| fault.within("positive"))?;
            }
            9 => {
                let message = reader.bytes(tag);
                let read = message.and_then(|message| buckets(message, &mut negative, &mut scratch.negative));
                read.map_err(|fault| fault.within("negative"))?;
            }
            10 => point.flags = reader.uint32(tag).map_err(|fault| fault.within("flags"))?,
            11 => {
                let message = reader.bytes(tag).map_err(Stop::from);
                let read = message.and_then(|message| exemplar(message, builder, scratch, rejection));
                read.map_err(|stop| stop.within_item("exemplars", exemplars))?;
                exemplars += 1;
            }
            12 => point.min = Some(reader.double(tag).map_err(|fault| fault.within("min"))?),
            13 => point.max = Some(reader.double(tag).map_err(|fault| fault.within("max"))?),
            14 => zero_threshold = reader.double(tag).map_err(|fault| fault.within("zero_threshold"))?,
            _ => reader.skip(tag)?,
        }
    }
    Ok(builder.finish_point(&PointFields {
        attributes_json: scratch.attributes.close(),
        exponential: Some((scale, zero_count, zero_threshold)),
        positive: positive.map(|offset| (offset, scratch.counts.as_slice())),
        negative: negative.map(|offset| (offset, scratch.negative.as_slice())),
        ..point
    })?)
}

/// `Buckets`; a repeated field adds to what was read.
fn buckets(message: &[u8], offset: &mut Option<i32>, counts: &mut Vec<u64>) -> Result<(), Fault> {
    let offset = offset.get_or_insert(0);
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            1 => *offset = reader.sint32(tag).map_err(|fault| fault.within("offset"))?,
            2 => {
                let read = reader.varints(tag, |count| counts.push(count));
                read.map_err(|fault| fault.within("bucket_counts"))?;
            }
            _ => reader.skip(tag)?,
        }
    }
    Ok(())
}

/// `SummaryDataPoint`.
pub(super) fn summary(
    message: &[u8],
    builder: &mut MetricBatchBuilder,
    scratch: &mut Scratch,
) -> Result<(), Stop> {
    let mut point = PointFields { count: Some(0), sum: Some(0.0), ..PointFields::default() };
    scratch.clear();
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            2 => {
                point.start_ns =
                    reader.fixed64(tag).map_err(|fault| fault.within("start_time_unix_nano"))? as i64
            }
            3 => point.time_ns = reader.fixed64(tag).map_err(|fault| fault.within("time_unix_nano"))? as i64,
            4 => point.count = Some(reader.fixed64(tag).map_err(|fault| fault.within("count"))?),
            5 => point.sum = Some(reader.double(tag).map_err(|fault| fault.within("sum"))?),
            6 => {
                let at = scratch.quantiles.len();
                let quantile = reader.bytes(tag).and_then(quantile);
                scratch.quantiles.push(quantile.map_err(|fault| fault.within_item("quantile_values", at))?);
            }
            7 => scratch.attributes.add(reader.bytes(tag))?,
            8 => point.flags = reader.uint32(tag).map_err(|fault| fault.within("flags"))?,
            _ => reader.skip(tag)?,
        }
    }
    Ok(builder.finish_point(&PointFields {
        attributes_json: scratch.attributes.close(),
        quantiles: &scratch.quantiles,
        ..point
    })?)
}

fn quantile(message: &[u8]) -> Result<Quantile, Fault> {
    let mut quantile = Quantile { quantile: 0.0, value: 0.0 };
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            1 => quantile.quantile = reader.double(tag).map_err(|fault| fault.within("quantile"))?,
            2 => quantile.value = reader.double(tag).map_err(|fault| fault.within("value"))?,
            _ => reader.skip(tag)?,
        }
    }
    Ok(quantile)
}

/// `Exemplar`.
fn exemplar(
    message: &[u8],
    builder: &mut MetricBatchBuilder,
    scratch: &mut Scratch,
    rejection: &mut Rejection,
) -> Result<(), Stop> {
    let mut time_ns = 0;
    let mut value = None;
    let (mut trace_id, mut span_id): (&[u8], &[u8]) = (&[], &[]);
    scratch.exemplars += 1;
    let text = &mut scratch.exemplar;
    text.clear();
    let mut attributes = 0;
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            2 => time_ns = reader.fixed64(tag).map_err(|fault| fault.within("time_unix_nano"))? as i64,
            3 => value = Some(Number::Double(reader.double(tag).map_err(|fault| fault.within("as_double"))?)),
            4 => span_id = reader.bytes(tag).map_err(|fault| fault.within("span_id"))?,
            5 => trace_id = reader.bytes(tag).map_err(|fault| fault.within("trace_id"))?,
            6 => {
                value = Some(Number::Int(reader.fixed64(tag).map_err(|fault| fault.within("as_int"))? as i64))
            }
            7 => {
                let put = reader.bytes(tag).and_then(|message| super::attributes::put(message, text));
                put.map_err(|fault| fault.within_item("filtered_attributes", attributes))?;
                attributes += 1;
            }
            _ => reader.skip(tag)?,
        }
    }
    let ids = optional_ids((trace_id, span_id), rejection);
    Ok(builder.exemplar(time_ns, value, ids, text.close())?)
}
