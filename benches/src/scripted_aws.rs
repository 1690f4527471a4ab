//! A server for all AWS services that accepts every request at once, to measure only the functions. Their requests
//! are tested with the emulator and the mocks of the SDK.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;

/// The value of every secret.
pub(crate) const SECRET: &str = "example-key";

/// The key that signs the run requests of the benchmark.
pub(crate) const KEY: &[u8] = &[7; 32];

/// Answers as every service that the functions call, and as a receiver of remote write.
pub(crate) async fn start() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    Ok(address)
}

async fn answer(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let json = |text: String| ([(header::CONTENT_TYPE, "application/x-amz-json-1.0")], text);
    let xml = |text: &'static str| ([(header::CONTENT_TYPE, "text/xml")], text);
    if headers.contains_key("smithy-protocol") {
        // CloudWatch uses CBOR; this is an empty map.
        let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
        return (headers, [0xa0_u8].as_slice()).into_response();
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some((_, operation)) = target.and_then(|target| target.split_once('.')) {
        return match operation {
            "Query" => json(r#"{"Items":[],"Count":0,"ScannedCount":0}"#.to_owned()),
            "SendMessageBatch" => json(r#"{"Successful":[],"Failed":[]}"#.to_owned()),
            "SendMessage" => json(r#"{"MessageId":"m"}"#.to_owned()),
            "GetSecretValue" => json(format!(r#"{{"SecretString":"{SECRET}"}}"#)),
            _ => json("{}".to_owned()),
        }
        .into_response();
    }
    match method {
        Method::POST if uri.path() == "/api/v1/write" => StatusCode::NO_CONTENT.into_response(),
        Method::POST if body.starts_with(b"Action=Publish") => xml(
            "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>",
        )
        .into_response(),
        Method::GET if uri.path().contains(request_signing::FOLDER) => KEY.into_response(),
        Method::GET => {
            let body = xml("<Error><Code>NoSuchKey</Code><Message>none</Message></Error>");
            (StatusCode::NOT_FOUND, body).into_response()
        }
        _ => StatusCode::OK.into_response(),
    }
}
