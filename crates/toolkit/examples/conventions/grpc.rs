//! A tonic server and its client.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use throughline_toolkit::grpc::{client, server};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{Layer, Service};

use crate::Outcome;

pub(crate) async fn pass() -> Outcome {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let server = Server::builder().layer(server::TraceLayer::new()).add_service(Shop);
    let server = tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    for (path, what) in [
        ("/shop.v1.Shop/Sell", "tea"),
        ("/shop.v1.Shop/Sell", "gold"),
        ("/shop.v1.Shop/Sell", "fire"),
        ("/shop.v1.Shop/Sell", "patience"),
        ("/shop.v1.Shop/Steal", "tea"),
    ] {
        drop(call(&address, path, what).await);
    }
    server.abort();
    drop(server.await);
    drop(call("http://127.0.0.1:1", "/shop.v1.Shop/Sell", "tea").await);
    Ok(())
}

async fn call(address: &str, path: &'static str, what: &str) -> Result<Response<String>, Status> {
    let unavailable = |error: tower::BoxError| Status::unavailable(error.to_string());
    let channel = Channel::from_shared(address.to_owned()).map_err(|e| unavailable(e.into()))?;
    let channel = client::TraceLayer::new(address).layer(channel.connect_lazy());
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(unavailable)?;
    let mut request = Request::new(what.to_owned());
    request.set_timeout(Duration::from_millis(300));
    client.unary(request, PathAndQuery::from_static(path), ProstCodec::<String, String>::default()).await
}

#[derive(Debug, Clone)]
struct Shop;

impl NamedService for Shop {
    const NAME: &'static str = "shop.v1.Shop";
}

async fn sell(request: Request<String>) -> Result<Response<String>, Status> {
    match request.into_inner().as_str() {
        "gold" => Err(Status::not_found("sold out")),
        "fire" => Err(Status::internal("the shop burnt down")),
        "patience" => std::future::pending().await,
        what => Ok(Response::new(what.to_owned())),
    }
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
            if !request.uri().path().ends_with("/Sell") {
                return Ok(Status::unimplemented("").into_http());
            }
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<String, String>::default());
            Ok(grpc.unary(tower::service_fn(sell), request).await)
        }
        .boxed()
    }
}
