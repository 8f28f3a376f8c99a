//! Which stored columns a query reads of the traces that it looks at.

use throughline_lang::traceql::{FieldRef, Intrinsic};
use throughline_model::schema;
use throughline_store::scan::Columns;

use super::mapped::{Mapped, mapped};

/// What every trace needs to be put together, summed up and shown in a list.
const BASE: [&str; 9] = [
    schema::TRACE_ID,
    schema::SPAN_ID,
    schema::PARENT_SPAN_ID,
    schema::NAME,
    schema::KIND,
    schema::START_NS,
    schema::DURATION_NS,
    schema::STATUS_CODE,
    schema::RESOURCE,
];

/// The columns for these fields and for a trace's summary.
pub(crate) fn needed_columns<'a>(fields: impl IntoIterator<Item = &'a FieldRef>) -> Columns {
    let mut columns = Columns::named(&BASE);
    for field in fields {
        match mapped(field) {
            Mapped::Field(field) | Mapped::Duration(field) | Mapped::OptionalText(field) => {
                columns.add(&field);
            }
            Mapped::Status | Mapped::Kind | Mapped::OfTrace | Mapped::Nothing => {}
        }
        // Rows are read with their events and links whole.
        if let FieldRef::Intrinsic(Intrinsic::InstrumentationName | Intrinsic::InstrumentationVersion) = field
        {
            columns.add_column(schema::SCOPE);
        }
    }
    columns
}
