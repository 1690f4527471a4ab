//! Requests of Firehose in, messages of the queue out.
#![allow(
    clippy::unwrap_used,
    reason = "a test may fail loudly; clippy knows only functions marked as tests"
)]

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use aws_lambda_events::lambda_function_urls::{
    LambdaFunctionUrlRequest, LambdaFunctionUrlResponse,
};
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
use aws_sdk_cloudwatch::types::MetricDatum;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchOutput};
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderName, HeaderValue};
use ingest::{Config, Ingest, Services};
use samples::Timestamp;
use samples::message::decode;
use secrets::Secrets;

const ID: &str = "ed4acda5-034f-9f42-bba1-f29aea6d7d8f";
const NOW: Timestamp = Timestamp::from_millis(1_795_333_171_813);

/// How the queue behaves.
#[derive(Clone, Copy)]
enum Queue {
    Takes,
    RefusesOne,
    IsAway,
}

/// The function with mocked AWS services, and its calls.
struct House {
    ingest: Ingest,
    messages: Arc<Mutex<Vec<SendMessageBatchRequestEntry>>>,
    refused: Arc<Mutex<Vec<f64>>>,
}

fn house(queue: Queue, secret: &'static str) -> House {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let refused = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&messages);
    let send = mock!(aws_sdk_sqs::Client::send_message_batch).match_requests(move |request| {
        taken.lock().unwrap().extend_from_slice(request.entries());
        request.queue_url() == Some("https://sqs/samples.fifo")
    });
    let send = match queue {
        Queue::Takes => send.then_output(|| {
            SendMessageBatchOutput::builder()
                .set_successful(Some(Vec::new()))
                .set_failed(Some(Vec::new()))
                .build()
                .unwrap()
        }),
        Queue::RefusesOne => send.then_output(|| {
            let failed = BatchResultErrorEntry::builder()
                .id("0")
                .code("InternalError")
                .sender_fault(false)
                .build()
                .unwrap();
            SendMessageBatchOutput::builder()
                .set_successful(Some(Vec::new()))
                .failed(failed)
                .build()
                .unwrap()
        }),
        Queue::IsAway => send.then_error(|| SendMessageBatchError::unhandled("away")),
    };
    let counted = Arc::clone(&refused);
    let put = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(move |request| {
            let data = request.metric_data();
            counted.lock().unwrap().extend(data.iter().filter_map(MetricDatum::value));
            data.iter().all(|datum| datum.metric_name() == Some("SamplesRefused"))
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let get = mock!(aws_sdk_secretsmanager::Client::get_secret_value)
        .match_requests(|request| request.secret_id() == Some("vigie-prod-ingest"))
        .then_output(move || GetSecretValueOutput::builder().secret_string(secret).build());
    let env = |name: &str| {
        let value = match name {
            "AWS_REGION" => "eu-west-3",
            "VIGIE_ENVIRONMENT" => "prod",
            "SAMPLES_QUEUE_URL" => "https://sqs/samples.fifo",
            "ACCESS_KEY_SECRET" => "vigie-prod-ingest",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let services = Services {
        sqs: mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&send]),
        cloudwatch: mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&put]),
        secrets: Secrets::new(
            mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&get]),
            secrets::ParameterStore::new(&aws_config::SdkConfig::builder().build()),
        ),
    };
    House { ingest: Ingest::new(Config::from_env(env).unwrap(), services), messages, refused }
}

fn usual() -> House {
    house(Queue::Takes, r#"{"api_key":"example-key"}"#)
}

fn fixture(name: &str) -> Vec<u8> {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/metric-stream");
    std::fs::read(folder.join(name)).unwrap()
}

/// A request with the headers of the recorded ones.
fn request(body: &[u8]) -> LambdaFunctionUrlRequest {
    let headers = String::from_utf8(fixture("headers.json")).unwrap();
    let headers: std::collections::BTreeMap<String, String> =
        serde_json::from_str(&headers).unwrap();
    let mut request = LambdaFunctionUrlRequest::default();
    request.request_context.http.method = Some("POST".into());
    for (name, value) in headers {
        set(&mut request, &name, &value);
    }
    request.body = Some(String::from_utf8(body.to_vec()).unwrap());
    request
}

fn set(request: &mut LambdaFunctionUrlRequest, name: &str, value: &str) {
    let name = HeaderName::try_from(name.to_lowercase()).unwrap();
    request.headers.insert(name, HeaderValue::try_from(value).unwrap());
}

/// As Lambda passes a binary body.
fn packed(body: &[u8]) -> LambdaFunctionUrlRequest {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    let mut request = request(b"");
    request.body = Some(BASE64_STANDARD.encode(encoder.finish().unwrap()));
    request.is_base64_encoded = true;
    set(&mut request, "Content-Encoding", "gzip");
    request
}

/// A body with these records.
fn body(records: &[&[u8]]) -> Vec<u8> {
    let records: Vec<_> = records
        .iter()
        .map(|record| serde_json::json!({ "data": BASE64_STANDARD.encode(record) }))
        .collect();
    serde_json::json!({ "requestId": ID, "timestamp": 1, "records": records }).to_string().into()
}

/// The samples of all messages, one a line: group, series, value, seconds.
fn samples(house: &House) -> Vec<String> {
    let messages = house.messages.lock().unwrap();
    let read = messages.iter().flat_map(|message| {
        let read = decode(message.message_body()).unwrap();
        assert_eq!(Some(read.group.as_str()), message.message_group_id());
        read.entries.into_iter().map(move |entry| {
            let sample = entry.sample().unwrap();
            let seconds = sample.at.as_millis() / 1000;
            format!("{} {} {} @{seconds}", read.group, entry.series, sample.value)
        })
    });
    read.collect()
}

/// Status and message of a response, which must have the format that Firehose requires.
fn status_and_message(response: &LambdaFunctionUrlResponse) -> (i64, String) {
    let answer: serde_json::Value = serde_json::from_str(response.body.as_ref().unwrap()).unwrap();
    assert_eq!(response.headers["content-type"], "application/json");
    assert!(!response.is_base64_encoded);
    assert_eq!(answer["requestId"], ID);
    assert_eq!(answer["timestamp"].as_i64(), Some(NOW.as_millis()));
    let message = answer.get("errorMessage").map(|message| message.as_str().unwrap().to_owned());
    assert_eq!(message.is_none(), response.status_code == 200);
    (response.status_code, message.unwrap_or_default())
}

#[tokio::test]
async fn json_stream_becomes_series_with_the_names_of_yace() {
    for request in [request(&fixture("firehose_json.body")), packed(&fixture("firehose_json.body"))]
    {
        let house = usual();
        let response = house.ingest.handle(request, NOW).await;

        assert_eq!(status_and_message(&response), (200, String::new()));
        let samples = samples(&house);
        assert_eq!(samples.len(), 4 * 8, "four points with eight statistics each");
        let labels = r#"account_id="123456789012",dimension_InstanceId="i-0aaa1111bbbb2222c",environment="prod",location="eu-west-3",region="us-east-1""#;
        let first: Vec<_> = samples
            .iter()
            .filter(|sample| sample.contains("i-0aaa") && sample.ends_with("@1795330800"))
            .collect();
        let expected = [
            ("sample_count", "3"),
            ("sum", "20"),
            ("average", "6.666666666666667"),
            ("tm_25_percent_75_percent_", "16.43"),
            ("maximum", "18"),
            ("minimum", "0"),
            ("p99", "17.56"),
            ("p99_9", "17.8764"),
        ];
        let expected = expected.map(|(statistic, value)| {
            format!(
                "metric-stream/AWS/EC2 aws_ec2_disk_write_ops_{statistic}{{{labels}}} {value} @1795330800"
            )
        });
        assert_eq!(first, expected.iter().collect::<Vec<_>>());
        assert_eq!(*house.refused.lock().unwrap(), [0.0; 0]);
    }
}

#[tokio::test]
async fn opentelemetry_stream_becomes_the_same_series() {
    let house = usual();
    let response = house.ingest.handle(request(&fixture("firehose_otel1.body")), NOW).await;

    assert_eq!(status_and_message(&response), (200, String::new()));
    let labels = r#"{account_id="123456789012",dimension_TableName="MyTable",environment="prod",location="eu-west-3",region="us-east-1"}"#;
    let statistics = [
        ("sample_count", "2"),
        ("sum", "5"),
        ("average", "2.5"),
        ("minimum", "1"),
        ("p95", "2.9"),
        ("maximum", "3"),
    ];
    // Two minutes, each with the time of its start.
    let expected: Vec<String> = statistics
        .into_iter()
        .flat_map(|(statistic, value)| {
            ["1795330740", "1795330800"].map(|second| {
                format!(
                    "metric-stream/AWS/DynamoDB aws_dynamodb_consumed_read_capacity_units_{statistic}{labels} {value} @{second}"
                )
            })
        })
        .collect();
    assert_eq!(samples(&house), expected);
}

#[tokio::test]
async fn repeated_request_has_the_same_deduplication_ids() {
    let house = usual();
    for _ in 0..2 {
        house.ingest.handle(request(&fixture("firehose_json.body")), NOW).await;
    }
    let messages = house.messages.lock().unwrap();
    let [first, again] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(first.message_deduplication_id(), Some(format!("{ID}/AWS/EC2").as_str()));
    assert_eq!(first, again, "the same to the last byte");
}

#[tokio::test]
async fn each_namespace_has_its_group() {
    let line = |namespace: &str| {
        format!(
            r#"{{"namespace":"{namespace}","metric_name":"M","timestamp":1795330800000,"value":{{"count":1,"sum":2}}}}"#
        )
    };
    let record = [line("AWS/EC2"), line("AWS/ECS"), line("AWS/EC2")].join("\n");
    let house = usual();
    house.ingest.handle(request(&body(&[record.as_bytes(), b"", b"\n"])), NOW).await;

    let messages = house.messages.lock().unwrap();
    let groups: Vec<_> = messages.iter().filter_map(|message| message.message_group_id()).collect();
    assert_eq!(groups, ["metric-stream/AWS/EC2", "metric-stream/AWS/ECS"]);
}

#[tokio::test]
async fn invalid_values_are_dropped_and_counted() {
    let record =
        br#"{"namespace":"AWS/EC2","metric_name":"M","timestamp":1795330800000,"value":{"max":3}}"#;
    let house = usual();
    let response = house.ingest.handle(request(&body(&[record])), NOW).await;

    assert_eq!(status_and_message(&response), (200, String::new()));
    assert_eq!(samples(&house).len(), 1, "the maximum");
    assert_eq!(*house.refused.lock().unwrap(), [2.0], "count and sum");
}

#[tokio::test]
async fn request_without_the_access_key_is_rejected() {
    let good = fixture("firehose_json.body");
    let cases = [
        ("example-key", r#"{"api_key":"example-key"}"#, 200),
        ("example-key", "example-key", 200),
        ("example-kez", r#"{"api_key":"example-key"}"#, 401),
        ("example-ke", r#"{"api_key":"example-key"}"#, 401),
        ("", r#"{"api_key":"example-key"}"#, 401),
        ("", r#"{"api_key":""}"#, 401),
    ];
    for (shown, secret, status) in cases {
        let house = house(Queue::Takes, secret);
        let mut request = request(&good);
        set(&mut request, "X-Amz-Firehose-Access-Key", shown);
        let response = house.ingest.handle(request, NOW).await;
        assert_eq!(status_and_message(&response).0, status, "`{shown}` for `{secret}`");
        assert_eq!(house.messages.lock().unwrap().is_empty(), status != 200);
    }
    // Without the key the answer has no other detail.
    let mut request = request(b"nonsense");
    request.headers.remove("x-amz-firehose-access-key");
    let response = usual().ingest.handle(request, NOW).await;
    assert_eq!(status_and_message(&response), (401, "the access key is missing or wrong".into()));
}

#[tokio::test]
async fn invalid_request_is_rejected_with_its_reason() {
    /// Makes a valid request invalid.
    type Change = fn(&mut LambdaFunctionUrlRequest);
    let cases: [(Change, i64, &str); 8] = [
        (
            |r| r.request_context.http.method = Some("GET".into()),
            405,
            "the method is GET; expected POST",
        ),
        (
            |r| set(r, "X-Amz-Firehose-Protocol-Version", "2.0"),
            400,
            "the protocol version is `2.0`; expected `1.0`",
        ),
        (
            |r| set(r, "Content-Encoding", "br"),
            400,
            "the content encoding is `br`; expected `gzip` or none",
        ),
        (|r| set(r, "Content-Encoding", "gzip"), 400, "the body is not valid in its encoding: "),
        (|r| r.is_base64_encoded = true, 400, "the body is not valid in its encoding: "),
        (|r| r.body = Some("{}".into()), 400, "the body is not a request of Firehose: "),
        (|r| r.body = None, 400, "the body is not a request of Firehose: "),
        (
            |r| r.body = Some(r#"{"records":[{"data":"!"}]}"#.into()),
            400,
            "record 0 is not base64: ",
        ),
    ];
    for (change, status, message) in cases {
        let house = usual();
        let mut request = request(&fixture("firehose_json.body"));
        change(&mut request);
        let response = house.ingest.handle(request, NOW).await;
        let (found, text) = status_and_message(&response);
        assert_eq!(found, status);
        assert!(text.starts_with(message), "{text}");
        assert!(house.messages.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn invalid_record_rejects_its_request() {
    let good =
        br#"{"namespace":"AWS/EC2","metric_name":"M","timestamp":1,"value":{"count":1,"sum":2}}"#;
    // A summary with a label of version 0.7.
    let old = b"\x0c\x0a\x0a\x12\x08\x12\x06\x5a\x04\x0a\x02\x0a\x00";
    let cases: [(&[u8], &str); 3] = [
        (
            b"{\"namespace\":1}",
            "record 1 cannot be read: line 1 is not a metric of a metric stream in JSON: ",
        ),
        (
            b"\xff\xff\xff",
            "record 1 cannot be read: the format is neither JSON nor OpenTelemetry 1.0: ",
        ),
        (
            old,
            "record 1 cannot be read: the format is OpenTelemetry 0.7; expected JSON or OpenTelemetry 1.0",
        ),
    ];
    for (bad, message) in cases {
        let house = usual();
        let response = house.ingest.handle(request(&body(&[good, bad])), NOW).await;
        let (status, text) = status_and_message(&response);
        assert_eq!(status, 400);
        assert!(text.starts_with(message), "{text}");
        assert!(house.messages.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn oversized_body_is_rejected_without_413() {
    let response = usual().ingest.handle(packed(&vec![b' '; 17 << 20]), NOW).await;
    let (status, text) = status_and_message(&response);
    assert_eq!(status, 400);
    assert!(text.starts_with("the body is larger than 16777216 bytes"), "{text}");

    let many: Vec<&[u8]> = vec![b""; 10_001];
    let response = usual().ingest.handle(request(&body(&many)), NOW).await;
    let message = "the request has 10001 records; expected at most 10000";
    assert_eq!(status_and_message(&response), (400, message.into()));
}

#[tokio::test]
async fn failed_queue_makes_firehose_retry() {
    for queue in [Queue::RefusesOne, Queue::IsAway] {
        let house = house(queue, "example-key");
        let response = house.ingest.handle(request(&fixture("firehose_json.body")), NOW).await;
        let message = "the metrics cannot be accepted now; try again";
        assert_eq!(
            status_and_message(&response),
            (500, message.into()),
            "the message has no details of the cause"
        );
    }
}

#[tokio::test]
async fn large_request_becomes_messages_within_the_limits() {
    let lines: Vec<_> = (0..4000)
        .map(|number| {
            format!(
                r#"{{"account_id":"1","region":"r","namespace":"AWS/EC2","metric_name":"M","dimensions":{{"Id":"{:016x}"}},"timestamp":1795330800000,"value":{{"count":1.0,"sum":{number}.25,"max":1.0,"min":0.5}}}}"#,
                0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number),
            )
        })
        .collect();
    let house = usual();
    let response = house.ingest.handle(packed(&body(&[lines.join("\n").as_bytes()])), NOW).await;

    assert_eq!(status_and_message(&response).0, 200);
    assert!(house.messages.lock().unwrap().iter().all(|m| m.message_body().len() <= 200_000));
    assert_eq!(samples(&house).len(), 4000 * 5);
}
