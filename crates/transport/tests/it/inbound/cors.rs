//! Browsers.

use reqwest::{Client, Method};
use throughline_transport::inbound::{CorsSettings, OtlpReceiverSettings};

use crate::fake_sink::FakeSink;
use crate::platform::{Options, Platform};
use crate::sender::Answer;

async fn allowing(origins: &[&str]) -> Platform {
    let mut settings = OtlpReceiverSettings::built_in();
    let allowed_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    if let Some(http) = &mut settings.protocols.http {
        http.cors =
            (!origins.is_empty()).then_some(CorsSettings { allowed_origins, ..CorsSettings::default() });
    }
    Platform::with(FakeSink::new([]), Options { settings, ..Options::default() }).await
}

async fn preflight(platform: &Platform, origin: &str) -> Answer {
    let url = format!("http://{}/v1/traces", platform.http);
    let asking = Client::new()
        .request(Method::OPTIONS, url)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,traceparent");
    Answer::of_http(asking.send().await.unwrap()).await
}

async fn post(platform: &Platform, origin: &str, body: &'static str) -> Answer {
    let sending = Client::new().post(format!("http://{}/v1/traces", platform.http)).body(body);
    let sending = sending.header("origin", origin).header("content-type", "application/json");
    Answer::of_http(sending.send().await.unwrap()).await
}

#[tokio::test]
async fn a_preflight_from_an_allowed_origin_gets_permission() {
    let platform = allowing(&["https://*.shop.example"]).await;
    let answer = preflight(&platform, "https://www.shop.example").await;
    assert_eq!(answer.http, 204);
    assert_eq!(answer.headers["access-control-allow-origin"], "https://www.shop.example");
    assert_eq!(answer.headers["access-control-allow-methods"], "POST");
    assert_eq!(answer.headers["access-control-allow-headers"], "content-type,traceparent");
    assert_eq!(answer.headers["access-control-max-age"], "7200");
}

#[tokio::test]
async fn a_preflight_from_another_origin_gets_none() {
    let platform = allowing(&["https://*.shop.example"]).await;
    let answer = preflight(&platform, "https://evil.example").await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn success_and_failure_are_both_readable_by_the_page() {
    let platform = allowing(&["*"]).await;
    for (body, http) in [("{}", 200), ("{", 400)] {
        let answer = post(&platform, "https://a.example", body).await;
        assert_eq!(answer.http, http);
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(answer.headers["access-control-expose-headers"], "retry-after");
    }
}

#[tokio::test]
async fn without_settings_there_is_no_permission() {
    let platform = allowing(&[]).await;
    let answer = post(&platform, "https://a.example", "{}").await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    assert_eq!(preflight(&platform, "https://a.example").await.http, 405);
}

#[tokio::test]
async fn built_in_settings_allow_pages_of_this_machine_only() {
    let platform = Platform::start().await;
    for (origin, allowed) in
        [("http://localhost:5173", true), ("http://127.0.0.1:80", true), ("http://a.b", false)]
    {
        let answer = post(&platform, origin, "{}").await;
        assert_eq!(answer.headers.contains_key("access-control-allow-origin"), allowed, "{origin}");
    }
}
