//! A gRPC server and its client in one process: each call leaves a span on both sides, in one
//! trace. The service is written by hand to keep it short; generated ones are used the same way.
//!
//! `cargo run -p throughline-toolkit --features tonic --example grpc`

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use throughline_toolkit::{self as toolkit, grpc};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{Layer, Service};

#[derive(Debug, Clone)]
struct Greeter;

impl NamedService for Greeter {
    const NAME: &'static str = "example.v1.Greeter";
}

async fn greet(request: Request<String>) -> Result<Response<String>, Status> {
    let name = request.into_inner();
    if name.is_empty() {
        return Err(Status::invalid_argument("who?"));
    }
    tracing::info!(name, "greeting");
    Ok(Response::new(format!("Hello, {name}!")))
}

impl Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<String, String>::default());
            Ok(grpc.unary(tower::service_fn(greet), request).await)
        }
        .boxed()
    }
}

#[tokio::main]
async fn main() -> Result<(), tower::BoxError> {
    let telemetry = toolkit::init("greeter")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let server = Server::builder()
        .layer(grpc::server::TraceLayer::new().skip_methods(grpc::HOUSEKEEPING))
        .add_service(Greeter)
        .serve_with_incoming(TcpIncoming::from(listener));
    let server = tokio::spawn(server);

    let channel = Channel::from_shared(address.clone())?.connect().await?;
    let mut client = tonic::client::Grpc::new(grpc::client::TraceLayer::new(&address).layer(channel));
    for name in ["Alice", ""] {
        client.ready().await?;
        let path = PathAndQuery::from_static("/example.v1.Greeter/Greet");
        let codec = ProstCodec::<String, String>::default();
        let answer = client.unary(Request::new(name.to_owned()), path, codec).await;
        tracing::info!(?answer, "answered");
    }
    server.abort();
    telemetry.shutdown(Duration::from_secs(2)).await.log();
    Ok(())
}
