//! Who telemetry belongs to.

use std::sync::Arc;

/// The name in `X-Scope-OrgID`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Tenant(Arc<str>);

/// A tenant's name breaks the rules that Tempo and Loki share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tenant {0:?} must be 1 to 150 letters, digits or !-_.*'() and not . or ..")]
pub struct TenantError(String);

impl Tenant {
    /// The tenant of requests that name none.
    pub const DEFAULT_NAME: &'static str = "anonymous";

    /// Checks a name. The allowed characters are those of Tempo and Loki, all safe in a path.
    ///
    /// # Errors
    /// A name that is empty, longer than 150 bytes, `.`/`..`, or has another character.
    pub fn new(name: &str) -> Result<Self, TenantError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!-_.*'()".contains(c);
        if name.is_empty() || name.len() > 150 || name == "." || name == ".." || !name.chars().all(allowed) {
            return Err(TenantError(name.chars().take(160).collect()));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self(Self::DEFAULT_NAME.into())
    }
}

impl std::fmt::Display for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> String {
        tenant.0.as_ref().to_owned()
    }
}

impl TryFrom<String> for Tenant {
    type Error = TenantError;
    fn try_from(name: String) -> Result<Self, TenantError> {
        Self::new(&name)
    }
}
