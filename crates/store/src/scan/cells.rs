//! Runs one test over the cells of one array.

use super::comparison::{Literal, Test};
use super::filter::CompareOp;
use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type,
};

/// Which candidates have a value that passes. Arrays of types that hold no comparable cells
/// (lists, structs) pass only [`Test::Exists`].
pub(super) fn test(array: &ArrayRef, test: &Test, candidates: &BooleanBuffer) -> BooleanBuffer {
    let present = present(array, candidates);
    if matches!(test, Test::Exists) || present.count_set_bits() == 0 {
        return present;
    }
    match array.data_type() {
        DataType::Int64 => ints(array.as_primitive::<Int64Type>().values(), test, &present),
        DataType::Int32 => integers::<Int32Type>(array, test, &present),
        DataType::UInt32 => integers::<UInt32Type>(array, test, &present),
        DataType::UInt64 => {
            // Counts beyond i64 read as its largest value.
            let values = array.as_primitive::<UInt64Type>().values();
            each(&present, |row| test.int(i64::try_from(values[row]).unwrap_or(i64::MAX)))
        }
        DataType::Float64 => doubles(array.as_primitive::<Float64Type>().values(), test, &present),
        DataType::Boolean => {
            let values = array.as_boolean().values();
            each(&present, |row| test.boolean(values.value(row)))
        }
        DataType::Utf8 => texts(array.as_string::<i32>(), test, &present),
        DataType::FixedSizeBinary(_) => {
            let values = array.as_fixed_size_binary();
            each(&present, |row| test.id(values.value(row)))
        }
        DataType::Dictionary(_, _) => dictionary(array, test, &present),
        _ => BooleanBuffer::new_unset(array.len()),
    }
}

/// Which candidates have a value.
pub(super) fn present(array: &ArrayRef, candidates: &BooleanBuffer) -> BooleanBuffer {
    match array.logical_nulls() {
        Some(nulls) => candidates & nulls.inner(),
        None => candidates.clone(),
    }
}

/// Sets the candidates for which `keep` holds; asks about candidates alone.
pub(super) fn each(candidates: &BooleanBuffer, mut keep: impl FnMut(usize) -> bool) -> BooleanBuffer {
    let len = candidates.len();
    if candidates.count_set_bits() == len {
        return BooleanBuffer::collect_bool(len, keep);
    }
    let mut kept = BooleanBufferBuilder::new(len);
    kept.append_n(len, false);
    for row in candidates.set_indices() {
        if keep(row) {
            kept.set_bit(row, true);
        }
    }
    kept.finish()
}

/// A dictionary array's distinct text values are asked once each, and only those in use.
pub(super) fn by_entry(
    codes: &[i32],
    entries: usize,
    candidates: &BooleanBuffer,
    mut keep: impl FnMut(usize) -> bool,
) -> BooleanBuffer {
    let mut known: Vec<Option<bool>> = vec![None; entries];
    each(candidates, |row| {
        let code = usize::try_from(codes[row]).unwrap_or_default();
        known.get_mut(code).is_some_and(|known| *known.get_or_insert_with(|| keep(code)))
    })
}

fn dictionary(array: &ArrayRef, test: &Test, candidates: &BooleanBuffer) -> BooleanBuffer {
    let Some(array) = array.as_dictionary_opt::<Int32Type>() else {
        return BooleanBuffer::new_unset(array.len());
    };
    let Some(values) = array.values().as_string_opt::<i32>() else {
        return BooleanBuffer::new_unset(array.len());
    };
    by_entry(array.keys().values(), values.len(), candidates, |code| test.text(values.value(code).as_bytes()))
}

/// All rows at once where the loop is tight enough to be vectorised; nothing else is evaluated.
fn whole<T: Copy>(values: &[T], candidates: &BooleanBuffer, keep: impl Fn(T) -> bool) -> BooleanBuffer {
    &BooleanBuffer::collect_bool(values.len(), |row| keep(values[row])) & candidates
}

fn compare<T: Copy + PartialOrd>(
    values: &[T],
    op: CompareOp,
    literal: T,
    candidates: &BooleanBuffer,
) -> Option<BooleanBuffer> {
    Some(match op {
        CompareOp::Eq => whole(values, candidates, |v| v == literal),
        CompareOp::Ne => whole(values, candidates, |v| v != literal),
        CompareOp::Lt => whole(values, candidates, |v| v < literal),
        CompareOp::Le => whole(values, candidates, |v| v <= literal),
        CompareOp::Gt => whole(values, candidates, |v| v > literal),
        CompareOp::Ge => whole(values, candidates, |v| v >= literal),
        _ => return None,
    })
}

fn ints(values: &[i64], test: &Test, candidates: &BooleanBuffer) -> BooleanBuffer {
    let fast = match test {
        Test::Compare(op, Literal::Int(literal)) => compare(values, *op, *literal, candidates),
        _ => None,
    };
    fast.unwrap_or_else(|| each(candidates, |row| test.int(values[row])))
}

fn integers<T>(array: &ArrayRef, test: &Test, candidates: &BooleanBuffer) -> BooleanBuffer
where
    T: ArrowPrimitiveType,
    T::Native: Into<i64> + TryFrom<i64> + PartialOrd,
{
    let values: &[T::Native] = array.as_primitive::<T>().values();
    let fast = match test {
        Test::Compare(op, Literal::Int(literal)) => {
            T::Native::try_from(*literal).ok().and_then(|literal| compare(values, *op, literal, candidates))
        }
        _ => None,
    };
    fast.unwrap_or_else(|| each(candidates, |row| test.int(values[row].into())))
}

fn doubles(values: &[f64], test: &Test, candidates: &BooleanBuffer) -> BooleanBuffer {
    let fast = match test {
        Test::Compare(op, Literal::Double(literal)) => compare(values, *op, *literal, candidates),
        _ => None,
    };
    fast.unwrap_or_else(|| each(candidates, |row| test.double(values[row])))
}

fn texts(array: &StringArray, test: &Test, candidates: &BooleanBuffer) -> BooleanBuffer {
    if let Test::Contains { finder, negate } = test
        && !finder.needle().is_empty()
        && candidates.count_set_bits() * 4 > array.len()
    {
        let hits = rows_containing(array, finder);
        return if *negate { candidates & &!&hits } else { candidates & &hits };
    }
    let offsets = array.value_offsets();
    let bytes = array.value_data();
    let cell = |row: usize| &bytes[offsets[row] as usize..offsets[row + 1] as usize];
    each(candidates, |row| test.text(cell(row)))
}

/// Searches the value buffer in one go; a hit across the border of two cells is none.
pub(super) fn rows_containing(array: &StringArray, finder: &memchr::memmem::Finder<'_>) -> BooleanBuffer {
    let offsets = array.value_offsets();
    let bytes = array.value_data();
    let mut hits = BooleanBufferBuilder::new(array.len());
    hits.append_n(array.len(), false);
    let (mut row, mut at) = (0, offsets[0] as usize);
    let end = offsets[array.len()] as usize;
    while let Some(found) = finder.find(&bytes[at..end]) {
        let start = at + found;
        row += offsets[row + 1..].partition_point(|offset| *offset as usize <= start);
        let border = offsets[row + 1] as usize;
        if start + finder.needle().len() <= border {
            hits.set_bit(row, true);
            at = border;
        } else {
            at = start + 1;
        }
    }
    hits.finish()
}
