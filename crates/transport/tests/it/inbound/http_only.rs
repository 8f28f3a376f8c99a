//! What only HTTP has: types, methods, paths.

use reqwest::{Client, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::platform::Platform;
use crate::requests;
use crate::sender::{Answer, Wire};

#[tokio::test]
async fn a_wrong_or_missing_content_type_is_415_with_a_status() {
    let platform = Platform::start().await;
    let url = format!("http://{}/v1/traces", platform.http);
    for content_type in ["text/plain", "application/xml", ""] {
        let response = Client::new().post(&url).header("content-type", content_type).body("x").send().await;
        let answer = Answer::of_http(response.unwrap()).await;
        assert_eq!((answer.http, answer.code), (415, 3));
        assert!(answer.message.contains("application/x-protobuf"), "{answer:?}");
    }
    let response = Client::new().post(&url).body("x").send().await.unwrap();
    assert_eq!(response.status(), 415);
}

#[tokio::test]
async fn parameters_of_the_content_type_and_its_case_do_not_matter() {
    let platform = Platform::start().await;
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let sending = Client::new().post(format!("http://{}/v1/traces", platform.http)).body("{}");
        let response = sending.header("content-type", content_type).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_and_names_the_right_one() {
    let platform = Platform::start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let url = format!("http://{}/v1/traces", platform.http);
        let response = Client::new().request(method, url).header("content-type", "application/json").send();
        let answer = Answer::of_http(response.await.unwrap()).await;
        assert_eq!(answer.http, 405);
        assert_eq!(answer.headers["allow"], "POST");
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_with_a_status() {
    let platform = Platform::start().await;
    let url = format!("http://{}/v1/profiles", platform.http);
    let response = Client::new().post(url).header("content-type", "application/json").body("{}").send().await;
    let answer = Answer::of_http(response.unwrap()).await;
    assert_eq!((answer.http, answer.code), (404, 5));
    assert!(answer.message.contains("/v1/profiles"));
}

#[tokio::test]
async fn answers_come_in_the_encoding_of_the_request() {
    let platform = Platform::start().await;
    for wire in [Wire::HttpProtobuf, Wire::HttpJson] {
        for request in [requests::spans(1), requests::spans_of_which_one_is_bad(1), requests::malformed()] {
            let answer = wire.send(&platform, &request).await;
            assert_eq!(answer.headers["content-type"], wire.media_type(), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn deflate_is_understood() {
    let platform = Platform::start().await;
    let body = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &requests::spans(2).protobuf).unwrap();
        encoder.finish().unwrap()
    };
    let sending = Client::new().post(format!("http://{}/v1/traces", platform.http)).body(body);
    let sending =
        sending.header("content-type", "application/x-protobuf").header("content-encoding", "deflate");
    assert_eq!(sending.send().await.unwrap().status(), 200);
    assert_eq!(platform.sink.accepted_items(), 2);
}

#[tokio::test]
async fn http2_without_tls_is_spoken_too() {
    let platform = Platform::start().await;
    let client = Client::builder().http2_prior_knowledge().build().unwrap();
    let sending =
        client.post(format!("http://{}/v1/traces", platform.http)).body(requests::spans(1).protobuf);
    let response = sending.header("content-type", "application/x-protobuf").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
}

/// As curl does with large bodies.
#[tokio::test]
async fn a_sender_who_asks_first_is_told_to_continue() {
    let platform = Platform::start().await;
    let mut connection = TcpStream::connect(platform.http).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 25];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(b"{}").await.unwrap();
    let mut answer = [0; 15];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}
