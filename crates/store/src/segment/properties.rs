//! How each column is encoded.
//!
//! Measured choices: ids and times without a dictionary (half of the bytes, and no codec helps them); statistics only where
//! a reader prunes by them, because each column's page index costs every reader that opens the footer. The writer compresses
//! nothing: [`super::chunk`] does, where it pays.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use hashbrown::HashSet;
use parquet::basic::Encoding;
use parquet::file::properties::{
    BloomFilterPosition, EnabledStatistics, WriterProperties, WriterPropertiesBuilder,
};
use parquet::schema::types::ColumnPath;
use throughline_model::{Signal, schema};

use crate::segment::sidecar;

/// Rows of a row group.
pub(crate) const ROW_GROUP_ROWS: usize = 131_072;
/// Rows of a page.
pub(crate) const PAGE_ROWS: usize = 8_192;
/// Traces of a page of a sidecar: a lookup reads one such page a column.
pub(crate) const SIDECAR_PAGE_ROWS: usize = 1_024;

/// Times and other integers that are all different: delta-coded.
const DELTA: &[&str] = &[schema::START_NS, schema::TIME_NS, schema::OBSERVED_NS, schema::DURATION_NS];
/// Values that hardly ever repeat.
const DISTINCT: &[&str] = &[
    schema::TRACE_ID,
    schema::SPAN_ID,
    schema::PARENT_SPAN_ID,
    schema::BODY,
    schema::VALUE_DOUBLE,
    schema::SUM,
];
/// Rows looked at to tell whether a text column repeats.
const SAMPLE_ROWS: usize = 2_048;

/// The columns with minima and maxima per page.
pub(crate) fn indexed_columns(signal: Signal) -> &'static [&'static str] {
    match signal {
        Signal::Traces => {
            &[schema::TRACE_ID, schema::START_NS, schema::DURATION_NS, schema::SERVICE, schema::NAME]
        }
        Signal::Logs => &[schema::TIME_NS, schema::SEVERITY_NUMBER, schema::SERVICE],
        Signal::Metrics => &[schema::TIME_NS, schema::SERVICE, schema::NAME],
    }
}

fn builder() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by(concat!("throughline ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(4 << 20)
        .set_write_batch_size(PAGE_ROWS)
        .set_dictionary_page_size_limit(1 << 20)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_bloom_filter_position(BloomFilterPosition::End)
        .set_column_index_truncate_length(Some(64))
        .set_statistics_truncate_length(Some(64))
}

/// Properties of a segment that will hold rows like those of `sample`.
pub(crate) fn segment(signal: Signal, sample: &RecordBatch) -> WriterProperties {
    let mut builder = builder();
    for field in sample.schema_ref().fields() {
        let path = ColumnPath::from(field.name().as_str());
        let name = field.name().as_str();
        if DELTA.contains(&name) {
            builder = builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        } else if DISTINCT.contains(&name) || !repeats(sample, name) {
            builder = builder.set_column_dictionary_enabled(path, false);
        }
    }
    for name in indexed_columns(signal) {
        builder = builder.set_column_statistics_enabled(ColumnPath::from(*name), EnabledStatistics::Page);
    }
    if matches!(signal, Signal::Traces | Signal::Logs) {
        let trace_id = ColumnPath::from(schema::TRACE_ID);
        builder = builder
            .set_column_bloom_filter_enabled(trace_id.clone(), true)
            .set_column_bloom_filter_fpp(trace_id.clone(), 0.01)
            .set_column_bloom_filter_max_ndv(trace_id, ROW_GROUP_ROWS as u64);
    }
    for path in nested_ids() {
        builder = builder.set_column_dictionary_enabled(path, false);
    }
    builder.build()
}

/// Ids inside events, links and exemplars.
fn nested_ids() -> impl Iterator<Item = ColumnPath> {
    let lists = [
        (schema::LINKS, schema::TRACE_ID),
        (schema::LINKS, schema::SPAN_ID),
        (schema::EXEMPLARS, schema::TRACE_ID),
        (schema::EXEMPLARS, schema::SPAN_ID),
        (schema::EVENTS, schema::TIME_NS),
    ];
    lists.into_iter().map(|(list, leaf)| {
        ColumnPath::new(vec![list.to_owned(), "list".to_owned(), "item".to_owned(), leaf.to_owned()])
    })
}

/// Whether a dictionary pays: the column's values repeat in a sample from its middle.
fn repeats(sample: &RecordBatch, name: &str) -> bool {
    let Some(column) = sample.column_by_name(name) else { return true };
    let start = (column.len() / 2).saturating_sub(SAMPLE_ROWS / 2);
    let column = column.slice(start, SAMPLE_ROWS.min(column.len() - start));
    let present = column.len() - column.null_count();
    if present < SAMPLE_ROWS / 16 {
        return true;
    }
    let distinct = match column.data_type() {
        DataType::Utf8 => {
            column.as_string_opt::<i32>().map(|texts| texts.iter().flatten().collect::<HashSet<_>>().len())
        }
        DataType::Int64 => column
            .as_primitive_opt::<arrow::datatypes::Int64Type>()
            .map(|numbers| numbers.iter().flatten().collect::<HashSet<_>>().len()),
        DataType::Float64 => column
            .as_primitive_opt::<arrow::datatypes::Float64Type>()
            .map(|numbers| numbers.iter().flatten().map(f64::to_bits).collect::<HashSet<_>>().len()),
        _ => None,
    };
    distinct.is_none_or(|distinct| distinct * 4 < present)
}

/// Properties of a trace sidecar.
pub(crate) fn trace_sidecar() -> WriterProperties {
    use sidecar::column;
    let path = |name: &str| ColumnPath::from(name);
    let rows = ColumnPath::new(vec![column::ROWS.to_owned(), "list".to_owned(), "item".to_owned()]);
    builder()
        .set_data_page_row_count_limit(SIDECAR_PAGE_ROWS)
        .set_write_batch_size(SIDECAR_PAGE_ROWS)
        .set_column_dictionary_enabled(path(column::TRACE_ID), false)
        .set_column_statistics_enabled(path(column::TRACE_ID), EnabledStatistics::Page)
        .set_column_dictionary_enabled(path(column::START_NS), false)
        .set_column_encoding(path(column::START_NS), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(path(column::END_NS), false)
        .set_column_encoding(path(column::END_NS), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(path(column::ROOT_START_NS), false)
        .set_column_encoding(path(column::ROOT_START_NS), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(rows.clone(), false)
        .set_column_encoding(rows, Encoding::DELTA_BINARY_PACKED)
        .build()
}
