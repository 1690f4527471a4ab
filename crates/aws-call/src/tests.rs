use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_types::region::Region;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::*;
use crate::error::MAX_ANSWER_BYTES;

type Script = (u16, &'static str, String);

/// A service that returns scripted answers and records what it received.
#[derive(Clone, Default)]
struct Service {
    answers: Arc<Mutex<VecDeque<Script>>>,
    received: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Service {
    async fn start(answers: impl IntoIterator<Item = Script>) -> (Self, Client) {
        let service = Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            ..Self::default()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(Self::answer).with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let limits = Limits { pause: Duration::ZERO, ..Limits::default() };
        (service, Client::new(&config(Some(&endpoint))).with_limits(limits))
    }

    #[expect(clippy::unused_async, reason = "axum wants an async function")]
    async fn answer(State(this): State<Self>, headers: HeaderMap, body: Bytes) -> Response {
        this.received.lock().unwrap().push((headers, body));
        let (status, code, body) = this.answers.lock().unwrap().pop_front().unwrap();
        (StatusCode::from_u16(status).unwrap(), [("x-amzn-errortype", code)], body).into_response()
    }

    fn requests(&self) -> usize {
        self.received.lock().unwrap().len()
    }
}

fn config(endpoint: Option<&str>) -> SdkConfig {
    let credentials =
        Credentials::new("AKIDEXAMPLE", "secret-1", Some("token-1".into()), None, "test");
    let mut config = SdkConfig::builder();
    config.set_endpoint_url(endpoint.map(str::to_owned));
    config
        .region(Region::new("eu-west-3"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

fn input() -> Value {
    json!({ "Name": "/vigie/token", "WithDecryption": true })
}

#[tokio::test]
async fn json_call_is_signed_for_its_service() {
    let (service, client) = Service::start([(200, "", json!({ "ok": 1 }).to_string())]).await;

    let answer = client.json("ssm", "AmazonSSM.GetParameter", &input()).await.unwrap();

    assert_eq!(answer, json!({ "ok": 1 }));
    let received = service.received.lock().unwrap();
    let (headers, body) = &received[0];
    assert_eq!(headers["x-amz-target"], "AmazonSSM.GetParameter");
    assert_eq!(headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(headers["x-amz-security-token"], "token-1");
    let authorization = headers["authorization"].to_str().unwrap();
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
        "{authorization}"
    );
    assert!(authorization.contains("/eu-west-3/ssm/aws4_request, "), "{authorization}");
    assert!(authorization.contains("x-amz-target"), "{authorization}");
    assert_eq!(serde_json::from_slice::<Value>(body).unwrap(), input());
}

#[tokio::test]
async fn only_transient_failures_are_retried() {
    let throttled = || (400, "ThrottlingException", "{}".to_owned());
    let broken = || (500, "", "no JSON".to_owned());
    let found = || (200, "", "{}".to_owned());
    let denied = || (400, "AccessDeniedException:http://x/", r#"{"Message":"no"}"#.to_owned());
    let cases = [
        ("throttled once", vec![throttled(), found()], 2, None),
        ("broken twice", vec![broken(), broken(), found()], 3, None),
        ("broken for good", vec![broken(), broken(), broken()], 3, Some("Unknown")),
        ("denied", vec![denied()], 1, Some("AccessDeniedException")),
    ];
    for (name, answers, requests, code) in cases {
        let (service, client) = Service::start(answers).await;
        let result = client.json("ssm", "AmazonSSM.GetParameter", &input()).await;
        assert_eq!(result.err().as_ref().and_then(CallError::code), code, "{name}");
        assert_eq!(service.requests(), requests, "{name}");
    }
}

#[tokio::test]
async fn error_names_operation_code_and_message() {
    let body = r#"{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"no such parameter"}"#;
    let (_service, client) = Service::start([(400, "", body.to_owned())]).await;

    let error = client.json("ssm", "AmazonSSM.GetParameter", &input()).await.unwrap_err();

    // An empty header is not a code.
    assert_eq!(error.code(), Some("ParameterNotFound"));
    let expected =
        "`AmazonSSM.GetParameter` failed with ParameterNotFound (HTTP 400): no such parameter";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn query_call_sends_a_form_and_returns_xml() {
    let found = "<R><StackStatus>CREATE_COMPLETE</StackStatus><N>a &amp; b</N></R>".to_owned();
    let refused = "<E><Error><Code>ValidationError</Code><Message>no stack</Message></Error></E>";
    let (service, client) = Service::start([(200, "", found), (400, "", refused.to_owned())]).await;
    let parameters = [("StackName", "vigie dev")];
    let call = || client.query("cloudformation", "2010-05-15", "DescribeStacks", &parameters);

    let xml = call().await.unwrap();

    assert_eq!(xml_texts(&xml, "StackStatus"), ["CREATE_COMPLETE"]);
    assert_eq!(xml_texts(&xml, "N"), ["a & b"]);
    let form = "Action=DescribeStacks&Version=2010-05-15&StackName=vigie+dev";
    assert_eq!(service.received.lock().unwrap()[0].1, form);
    let error = call().await.unwrap_err();
    let expected = "`DescribeStacks` failed with ValidationError (HTTP 400): no stack";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn larger_answer_than_the_limit_is_refused() {
    let (_service, client) = Service::start([(200, "", " ".repeat(MAX_ANSWER_BYTES + 1))]).await;
    let error = client.json("ssm", "AmazonSSM.GetParameter", &input()).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { .. }), "{error}");
}

#[test]
fn endpoint_follows_partition_and_fips() {
    let client = Client::new(&config(None));
    let cases = [
        ("eu-west-3", false, "https://ssm.eu-west-3.amazonaws.com"),
        ("cn-north-1", false, "https://ssm.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", true, "https://ssm-fips.us-gov-west-1.amazonaws.com"),
    ];
    for (region, fips, expected) in cases {
        let client = Client { fips, ..Client::new(&config(None)) };
        assert_eq!(client.endpoint("ssm", region), expected);
    }
    let local = Client { endpoint: Some("http://127.0.0.1:1".to_owned()), ..client };
    assert_eq!(local.endpoint("ssm", "eu-west-3"), "http://127.0.0.1:1");
}

#[tokio::test]
async fn missing_region_or_credentials_is_an_error() {
    let client = Client::new(&SdkConfig::builder().build());
    let error = client.json("ssm", "AmazonSSM.GetParameter", &input()).await.unwrap_err();
    assert!(error.to_string().starts_with("no AWS region is configured\nhint: "), "{error}");
    let region = SdkConfig::builder().region(Region::new("eu-west-3")).build();
    let error = Client::new(&region).json("ssm", "x", &input()).await.unwrap_err();
    assert!(error.to_string().starts_with("no AWS credentials are configured\nhint: "), "{error}");
}
