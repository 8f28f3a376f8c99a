//! Giving back memory that a decoder's builders took and did not fill: most of it, for small requests.

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};

use crate::Error;

/// The same batch in no more memory than its rows need. Columns that somebody else holds stay as they are.
pub(crate) fn shrink(batch: RecordBatch) -> Result<RecordBatch, Error> {
    let rows = batch.num_rows();
    let (schema, mut columns, _) = batch.into_parts();
    columns.iter_mut().for_each(ArrayRef::shrink_to_fit);
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
}

#[cfg(test)]
mod tests {
    use throughline_model::{Span, SpanBatchBuilder, Value, rows};

    use super::*;

    #[test]
    fn a_shrunk_batch_has_the_same_rows_in_less_memory() {
        let mut builder = SpanBatchBuilder::new();
        for number in 0..5 {
            let attributes =
                vec![("n".to_owned(), Value::Int(number)), ("s".to_owned(), Value::from("text"))];
            builder
                .push(&Span { name: "a".into(), start_ns: number, attributes, ..Span::default() })
                .unwrap();
        }
        let batch = builder.finish().unwrap();
        let (before, memory) = (rows::spans(&batch).unwrap(), batch.get_array_memory_size());
        let shrunk = shrink(batch).unwrap();
        assert_eq!(rows::spans(&shrunk).unwrap(), before);
        assert!(shrunk.get_array_memory_size() * 5 < memory, "{} {memory}", shrunk.get_array_memory_size());
    }
}
