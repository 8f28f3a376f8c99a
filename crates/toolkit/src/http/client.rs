//! Outgoing requests: a CLIENT span each, context injected, duration measured.
//!
//! ```no_run
//! use throughline_toolkit::http::client::{SendTraced, TracedClient};
//! # async fn f() -> Result<(), reqwest::Error> {
//! let client = TracedClient::new(reqwest::Client::new());
//! let users = client.get("http://users/api/v1/users").send().await?;
//! // or, on any reqwest builder:
//! let users = reqwest::Client::new().get("http://users/").send_traced().await?;
//! # Ok(()) }
//! ```

use reqwest::{Client, IntoUrl, Method, Request, RequestBuilder, Response};

/// A [`reqwest::Client`] whose requests are traced.
#[derive(Debug, Clone, Default)]
pub struct TracedClient {
    inner: Client,
}

impl TracedClient {
    /// Traces the requests of `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { inner: client }
    }

    /// The client underneath.
    #[must_use]
    pub fn inner(&self) -> &Client {
        &self.inner
    }

    /// Starts a GET request.
    pub fn get(&self, url: impl IntoUrl) -> TracedRequest {
        self.request(Method::GET, url)
    }

    /// Starts a POST request.
    pub fn post(&self, url: impl IntoUrl) -> TracedRequest {
        self.request(Method::POST, url)
    }

    /// Starts a PUT request.
    pub fn put(&self, url: impl IntoUrl) -> TracedRequest {
        self.request(Method::PUT, url)
    }

    /// Starts a PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> TracedRequest {
        self.request(Method::PATCH, url)
    }

    /// Starts a DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> TracedRequest {
        self.request(Method::DELETE, url)
    }

    /// Starts a request.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> TracedRequest {
        TracedRequest {
            builder: self.inner.request(method, url),
        }
    }

    /// Sends a ready request.
    ///
    /// # Errors
    /// As [`reqwest::Client::execute`].
    pub async fn execute(&self, request: Request) -> Result<Response, reqwest::Error> {
        self.inner.execute(request).await
    }
}

/// A request being built by a [`TracedClient`].
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct TracedRequest {
    builder: RequestBuilder,
}

impl TracedRequest {
    /// Applies any method of [`reqwest::RequestBuilder`].
    pub fn with(self, f: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self {
            builder: f(self.builder),
        }
    }

    /// Adds a header.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.with(|b| b.header(name.as_ref(), value.as_ref()))
    }

    /// Adds headers.
    pub fn headers(self, headers: http::HeaderMap) -> Self {
        self.with(|b| b.headers(headers))
    }

    /// Adds an `Authorization: Bearer` header.
    pub fn bearer_auth(self, token: impl std::fmt::Display) -> Self {
        self.with(|b| b.bearer_auth(token))
    }

    /// Sets the body to a value as JSON.
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Self {
        self.with(|b| b.json(value))
    }

    /// Adds query parameters.
    pub fn query<T: serde::Serialize + ?Sized>(self, query: &T) -> Self {
        self.with(|b| b.query(query))
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        self.with(|b| b.body(body))
    }

    /// Limits the whole request.
    pub fn timeout(self, limit: std::time::Duration) -> Self {
        self.with(|b| b.timeout(limit))
    }

    /// Sends the request inside a CLIENT span.
    ///
    /// # Errors
    /// As [`reqwest::RequestBuilder::send`].
    pub async fn send(self) -> Result<Response, reqwest::Error> {
        self.builder.send_traced().await
    }
}

/// Sends any reqwest request inside a CLIENT span.
pub trait SendTraced {
    /// Sends the request inside a CLIENT span, with the context in its headers.
    fn send_traced(self) -> impl Future<Output = Result<Response, reqwest::Error>> + Send;
}

impl SendTraced for RequestBuilder {
    async fn send_traced(self) -> Result<Response, reqwest::Error> {
        self.send().await
    }
}
