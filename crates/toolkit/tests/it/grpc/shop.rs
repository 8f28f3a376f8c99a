//! A service with a method of each kind.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::Service;

type Answer = Result<Response<String>, Status>;
type Answers = Result<Response<BoxStream<'static, Result<String, Status>>>, Status>;

#[derive(Debug, Clone)]
pub(crate) struct Shop;

impl NamedService for Shop {
    const NAME: &'static str = "shop.v1.Shop";
}

/// The same under the name of health checks.
#[derive(Debug, Clone)]
pub(crate) struct Health(pub(crate) Shop);

impl NamedService for Health {
    const NAME: &'static str = "grpc.health.v1.Health";
}

/// Answers with the `traceparent` that came along, fails or hangs, as it is told.
async fn greet(request: Request<String>) -> Answer {
    let caller = request.metadata().get("traceparent").map(|v| v.to_str().unwrap().to_owned());
    match request.into_inner().as_str() {
        "nobody" => Err(Status::not_found("no such guest")),
        "broken" => Err(Status::internal("out of paper")),
        "hang" => std::future::pending().await,
        _ => Ok(Response::new(caller.unwrap_or_default())),
    }
}

/// `3` counts to three, `3!` breaks off then, `3...` hangs then.
async fn count(request: Request<String>) -> Answers {
    let text = request.into_inner();
    let end: u32 = text.trim_end_matches(['!', '.']).parse().unwrap();
    let numbers = futures::stream::iter((1..=end).map(|n| Ok(n.to_string())));
    let rest = match text.chars().next_back() {
        Some('!') => futures::stream::iter([Err(Status::data_loss("lost count"))]).boxed(),
        Some('.') => futures::stream::pending().boxed(),
        _ => futures::stream::empty().boxed(),
    };
    Ok(Response::new(numbers.chain(rest).boxed()))
}

async fn join(request: Request<Streaming<String>>) -> Answer {
    let parts: Vec<String> = request.into_inner().map(|part| part.unwrap()).collect().await;
    Ok(Response::new(parts.join("+")))
}

async fn echo(request: Request<Streaming<String>>) -> Answers {
    Ok(Response::new(request.into_inner().boxed()))
}

impl Service<http::Request<Body>> for Shop {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        async move {
            let mut grpc = Grpc::new(ProstCodec::<String, String>::default());
            let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
            Ok(match method.as_str() {
                "Greet" | "Check" => grpc.unary(tower::service_fn(greet), request).await,
                "Count" => grpc.server_streaming(tower::service_fn(count), request).await,
                "Join" => grpc.client_streaming(tower::service_fn(join), request).await,
                "Echo" => grpc.streaming(tower::service_fn(echo), request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        }
        .boxed()
    }
}

impl Service<http::Request<Body>> for Health {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        self.0.call(request)
    }
}

/// A client of the shop on any channel.
#[derive(Debug, Clone)]
pub(crate) struct Client<C>(tonic::client::Grpc<C>);

impl<C> Client<C>
where
    C: tonic::client::GrpcService<Body>,
    C::Error: std::fmt::Debug,
    C::ResponseBody: http_body::Body + Send + 'static,
    <C::ResponseBody as http_body::Body>::Error: Into<tower::BoxError> + Send,
{
    pub(crate) fn new(channel: C) -> Self {
        Self(tonic::client::Grpc::new(channel))
    }

    async fn ready(&mut self) -> Result<ProstCodec<String, String>, Status> {
        self.0.ready().await.map_err(|e| Status::unknown(format!("{e:?}")))?;
        Ok(ProstCodec::default())
    }

    pub(crate) async fn unary(&mut self, path: &'static str, request: Request<String>) -> Answer {
        let codec = self.ready().await?;
        self.0.unary(request, http::uri::PathAndQuery::from_static(path), codec).await
    }

    pub(crate) async fn greet(&mut self, guest: &str) -> Result<String, Status> {
        let answer = self.unary("/shop.v1.Shop/Greet", Request::new(guest.to_owned())).await;
        answer.map(Response::into_inner)
    }

    pub(crate) async fn count(&mut self, end: &str) -> Result<Streaming<String>, Status> {
        let codec = self.ready().await?;
        let path = http::uri::PathAndQuery::from_static("/shop.v1.Shop/Count");
        let answer = self.0.server_streaming(Request::new(end.to_owned()), path, codec).await;
        answer.map(Response::into_inner)
    }

    pub(crate) async fn join(&mut self, parts: impl Stream<Item = String> + Send + 'static) -> String {
        let codec = self.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/shop.v1.Shop/Join");
        self.0.client_streaming(Request::new(parts), path, codec).await.unwrap().into_inner()
    }

    pub(crate) async fn echo(
        &mut self,
        parts: impl Stream<Item = String> + Send + 'static,
    ) -> Streaming<String> {
        let codec = self.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/shop.v1.Shop/Echo");
        self.0.streaming(Request::new(parts), path, codec).await.unwrap().into_inner()
    }
}
