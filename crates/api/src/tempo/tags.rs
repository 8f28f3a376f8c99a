//! Names and values of tags.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use http::HeaderMap;
use serde_json::{Value, json};
use throughline_query::{FieldValue, ScopedTags, TagNamesRequest, TagScope, TagValuesRequest};

use super::error::TempoError;
use super::request::{Parameters, count, given, range};
use crate::Shared;
use crate::tenant::tenant;

/// What Grafana asks for.
const LIMIT_DEFAULT: usize = 5000;
const LIMIT_MAX: usize = 50_000;

pub(super) async fn names_v1(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, TempoError> {
    let scopes = names(&shared, &headers, &parameters).await?;
    let names: BTreeSet<String> = scopes
        .into_iter()
        .filter(|scope| {
            scope.scope != TagScope::Intrinsic || given(&parameters, "scope") == Some("intrinsic")
        })
        .flat_map(|scope| scope.names)
        .collect();
    Ok(Json(json!({"tagNames": names, "metrics": {}})))
}

pub(super) async fn names_v2(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, TempoError> {
    let scopes = names(&shared, &headers, &parameters).await?;
    let scopes: Vec<Value> =
        scopes.iter().map(|scope| json!({"name": scope.scope.name(), "tags": scope.names})).collect();
    Ok(Json(json!({"scopes": scopes, "metrics": {}})))
}

async fn names(
    shared: &Shared,
    headers: &HeaderMap,
    parameters: &HashMap<String, String>,
) -> Result<Vec<ScopedTags>, TempoError> {
    let scope = given(parameters, "scope").filter(|scope| *scope != "none").map(scope_named).transpose()?;
    let request = TagNamesRequest {
        tenant: tenant(headers)?,
        scope,
        query: given(parameters, "q").unwrap_or_default().to_owned(),
        time: range(parameters)?,
        limit: count(parameters, "limit", LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    Ok(shared.engine.tag_names(request).await?.scopes)
}

fn scope_named(name: &str) -> Result<TagScope, TempoError> {
    let known = TagScope::ALL.map(TagScope::name).join(", ");
    TagScope::from_name(name)
        .ok_or_else(|| TempoError::invalid(format!("invalid scope: {name:?}; known: {known}")))
}

pub(super) async fn values_v1(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(rest): Path<String>,
    Query(parameters): Parameters,
) -> Result<Json<Value>, TempoError> {
    let tag = tag(&rest)?;
    let known = [".", "resource.", "span.", "event.", "link.", "instrumentation."];
    let bare = matches!(tag, "name" | "status" | "kind") || known.iter().any(|scope| tag.starts_with(scope));
    let tag = if bare { tag.to_owned() } else { format!(".{tag}") };
    let values = values(&shared, &headers, tag, &parameters).await?;
    let values: BTreeSet<String> = values.iter().map(FieldValue::text).collect();
    Ok(Json(json!({"tagValues": values, "metrics": {}})))
}

pub(super) async fn values_v2(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(rest): Path<String>,
    Query(parameters): Parameters,
) -> Result<Json<Value>, TempoError> {
    let values = values(&shared, &headers, tag(&rest)?.to_owned(), &parameters).await?;
    let values: Vec<Value> =
        values.iter().map(|value| json!({"type": value.type_name(), "value": value.text()})).collect();
    Ok(Json(json!({"tagValues": values, "metrics": {}})))
}

fn tag(rest: &str) -> Result<&str, TempoError> {
    let tag = rest.strip_suffix("/values").filter(|tag| !tag.is_empty());
    tag.ok_or_else(|| {
        TempoError::not_found("no such path; tag values are at /api/v2/search/tag/{name}/values")
    })
}

async fn values(
    shared: &Shared,
    headers: &HeaderMap,
    tag: String,
    parameters: &HashMap<String, String>,
) -> Result<Vec<FieldValue>, TempoError> {
    let request = TagValuesRequest {
        tenant: tenant(headers)?,
        tag,
        query: given(parameters, "q").unwrap_or_default().to_owned(),
        time: range(parameters)?,
        limit: count(parameters, "limit", LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    Ok(shared.engine.tag_values(request).await?.values)
}
