//! Names and values of tags.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use http::HeaderMap;
use serde_json::{Value, json};
use throughline_query::{ScopeTags, TagNamesRequest, TagValue, TagValuesRequest};

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
        .filter(|scope| scope.scope != "intrinsic" || given(&parameters, "scope") == Some("intrinsic"))
        .flat_map(|scope| scope.tags)
        .collect();
    Ok(Json(json!({"tagNames": names, "metrics": {}})))
}

pub(super) async fn names_v2(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, TempoError> {
    let scopes = names(&shared, &headers, &parameters).await?;
    let scopes: Vec<Value> = scopes.iter().map(|scope| json!({"name": scope.scope, "tags": scope.tags})).collect();
    Ok(Json(json!({"scopes": scopes, "metrics": {}})))
}

const SCOPES: &[&str] = &["resource", "span", "intrinsic", "event", "link", "instrumentation"];

async fn names(
    shared: &Shared,
    headers: &HeaderMap,
    parameters: &HashMap<String, String>,
) -> Result<Vec<ScopeTags>, TempoError> {
    let scope = given(parameters, "scope").filter(|scope| *scope != "none");
    if let Some(scope) = scope
        && !SCOPES.contains(&scope)
    {
        return Err(TempoError::invalid(format!("invalid scope: {scope:?}; known: {}", SCOPES.join(", "))));
    }
    let range = range(parameters)?;
    let request = TagNamesRequest {
        tenant: tenant(headers)?,
        scope: scope.map(str::to_owned),
        q: given(parameters, "q").map(str::to_owned),
        start_ns: range.start_ns,
        end_ns: range.end_ns,
        limit: count(parameters, "limit", LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    Ok(shared.engine.tag_names(&request).await?)
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
    let values: BTreeSet<String> = values.into_iter().map(|value| value.value).collect();
    Ok(Json(json!({"tagValues": values, "metrics": {}})))
}

pub(super) async fn values_v2(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(rest): Path<String>,
    Query(parameters): Parameters,
) -> Result<Json<Value>, TempoError> {
    let values = values(&shared, &headers, tag(&rest)?.to_owned(), &parameters).await?;
    let values: Vec<Value> = values.iter().map(|value| json!({"type": value.kind, "value": value.value})).collect();
    Ok(Json(json!({"tagValues": values, "metrics": {}})))
}

fn tag(rest: &str) -> Result<&str, TempoError> {
    let tag = rest.strip_suffix("/values").filter(|tag| !tag.is_empty());
    tag.ok_or_else(|| TempoError::not_found("no such path; tag values are at /api/v2/search/tag/{name}/values"))
}

async fn values(
    shared: &Shared,
    headers: &HeaderMap,
    tag: String,
    parameters: &HashMap<String, String>,
) -> Result<Vec<TagValue>, TempoError> {
    let range = range(parameters)?;
    let request = TagValuesRequest {
        tenant: tenant(headers)?,
        tag,
        q: given(parameters, "q").map(str::to_owned),
        start_ns: range.start_ns,
        end_ns: range.end_ns,
        limit: count(parameters, "limit", LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    Ok(shared.engine.tag_values(&request).await?)
}
