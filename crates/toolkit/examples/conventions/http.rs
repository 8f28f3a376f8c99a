//! An axum server and a reqwest client.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use throughline_toolkit::RecordError;
use throughline_toolkit::http::client::TracedClient;
use throughline_toolkit::http::server::TraceLayer;

use crate::Outcome;

pub(crate) async fn pass() -> Outcome {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let app = router().into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let client = TracedClient::new(reqwest::Client::builder().user_agent("conventions/1").build()?);
    client.get(format!("{address}/users/7?page=2")).send().await?;
    client.post(format!("{address}/orders")).body("{}").send().await?;
    client.get(format!("{address}/no/such/route")).send().await?;
    client.get(format!("{address}/broken")).send().await?;
    client.request("BREW".parse()?, format!("{address}/users/7")).send().await?;
    server.abort();
    drop(server.await);
    drop(client.get("http://127.0.0.1:1/refused").send().await);
    Ok(())
}

fn router() -> Router {
    let broken = || async {
        let fault: Result<(), std::io::Error> = Err(std::io::Error::other("disk"));
        drop(fault.record_error());
        StatusCode::INTERNAL_SERVER_ERROR
    };
    Router::new()
        .route("/users/{id}", get(|| async { "alice" }))
        .route("/orders", post(|| async { StatusCode::CREATED }))
        .route("/broken", get(broken))
        .layer(TraceLayer::new())
}
