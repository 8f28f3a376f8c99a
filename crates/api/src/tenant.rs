//! Whose data a request asks for: the header `X-Scope-OrgID`.

use http::HeaderMap;
use throughline_model::{Tenant, TenantError};

/// The tenant that the header names, or the default one.
pub(crate) fn tenant(headers: &HeaderMap) -> Result<Tenant, TenantError> {
    let Some(value) = headers.get("x-scope-orgid") else { return Ok(Tenant::default()) };
    let name = value.to_str().unwrap_or("\u{fffd}");
    if name.is_empty() { Ok(Tenant::default()) } else { Tenant::new(name) }
}
