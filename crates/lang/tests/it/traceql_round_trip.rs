//! Printing a tree gives text that parses to the same tree.

use proptest::prelude::*;
use regex::Regex;
use throughline_lang::traceql::{Query, parse};

use crate::traceql_trees::query;

/// The tree without the places in the text, which printing cannot keep.
fn shape(query: &Query) -> String {
    let positions = Regex::new(r"Position\(\s*\d+,?\s*\)").unwrap();
    positions.replace_all(&format!("{query:?}"), "_").into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn printed_queries_parse_to_the_same_tree(query in query()) {
        let text = query.to_string();
        let parsed = parse(&text).map_err(|error| TestCaseError::fail(format!("{text}\n{error}")))?;
        prop_assert_eq!(shape(&parsed), shape(&query), "{}", text);
    }
}
