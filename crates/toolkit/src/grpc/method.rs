//! The method of a call.

use http::Uri;
use http::uri::PathAndQuery;

/// The method of a call, `ledger.v1.Ledger/Transfer`. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Method {
    path: Option<PathAndQuery>,
}

impl Method {
    pub(super) fn of(uri: &Uri) -> Self {
        Self { path: uri.path_and_query().cloned() }
    }

    /// The name, when the path has the form of one.
    pub(super) fn name(&self) -> Option<&str> {
        let (service, method) = self.text().split_once('/')?;
        let plain = !service.is_empty() && !method.is_empty() && !method.contains('/');
        plain.then_some(self.text())
    }

    /// The path without its leading slash.
    pub(super) fn text(&self) -> &str {
        let path = self.path.as_ref().map_or("", PathAndQuery::path);
        path.strip_prefix('/').unwrap_or(path)
    }

    /// Whether one of these names it: `package.Service/Method`, or `package.Service/*` for all
    /// methods of a service.
    pub(super) fn is_among(&self, names: &[String]) -> bool {
        let text = self.text();
        names.iter().any(|name| match name.strip_suffix('*') {
            Some(service) => text.starts_with(service),
            None => text == name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(path: &str) -> Method {
        Method::of(&path.parse().unwrap())
    }

    #[test]
    fn a_method_has_a_service() {
        assert_eq!(method("http://a:1/shop.Cart/Add?x=1").name(), Some("shop.Cart/Add"));
        assert_eq!(method("/shop.Cart/Add").name(), Some("shop.Cart/Add"));
        for path in ["/", "/shop.Cart", "/shop.Cart/", "//Add", "/a/b/c"] {
            assert_eq!(method(path).name(), None, "{path}");
        }
    }

    #[test]
    fn is_named_by_itself_or_by_its_service() {
        let names = ["shop.Cart/Add".to_owned(), "grpc.health.v1.Health/*".to_owned()];
        assert!(method("/shop.Cart/Add").is_among(&names));
        assert!(method("/grpc.health.v1.Health/Check").is_among(&names));
        assert!(!method("/shop.Cart/AddAll").is_among(&names));
        assert!(!method("/grpc.health.v1.HealthOfShop/Check").is_among(&names));
    }
}
