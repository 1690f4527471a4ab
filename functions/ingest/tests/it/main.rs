//! Events of Firehose in, messages of the queue and responses out.
#![allow(
    clippy::unwrap_used,
    reason = "a test may fail loudly; clippy knows only functions marked as tests"
)]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchOutput};
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ingest::{Config, Ingest, Invocation, Services, Transformed};
use samples::Timestamp;
use samples::message::decode;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_millis(1_795_333_171_813);

/// How the queue behaves.
#[derive(Clone, Copy)]
enum Queue {
    Accepts,
    /// Rejects the first message of each batch.
    RejectsOne,
    Unavailable,
    /// The first request fails.
    Recovers,
}

/// The function with mocked AWS services, and its calls.
struct World {
    ingest: Ingest,
    messages: Arc<Mutex<Vec<SendMessageBatchRequestEntry>>>,
    /// Name and value.
    metrics: Arc<Mutex<Vec<(String, f64)>>>,
}

fn output(failed: Option<BatchResultErrorEntry>) -> SendMessageBatchOutput {
    SendMessageBatchOutput::builder()
        .set_successful(Some(Vec::new()))
        .set_failed(Some(failed.into_iter().collect()))
        .build()
        .unwrap()
}

fn rejected() -> BatchResultErrorEntry {
    let entry = BatchResultErrorEntry::builder().id("0").code("InternalError");
    entry.sender_fault(false).build().unwrap()
}

fn world(queue: Queue) -> World {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let metrics = Arc::new(Mutex::new(Vec::new()));
    let received = Arc::clone(&messages);
    let send = || {
        let received = Arc::clone(&received);
        mock!(aws_sdk_sqs::Client::send_message_batch).match_requests(move |request| {
            received.lock().unwrap().extend_from_slice(request.entries());
            request.queue_url() == Some("https://sqs/samples.fifo")
        })
    };
    let fails = || send().then_error(|| SendMessageBatchError::unhandled("unavailable"));
    let accepts = send().then_output(|| output(None));
    let sqs = match queue {
        Queue::Accepts => mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&accepts]),
        Queue::RejectsOne => {
            let rejects = send().then_output(|| output(Some(rejected())));
            mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&rejects])
        }
        Queue::Unavailable => mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&fails()]),
        Queue::Recovers => mock_client!(aws_sdk_sqs, RuleMode::Sequential, [&fails(), &accepts]),
    };
    let published = Arc::clone(&metrics);
    let put = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(move |request| {
            let data = request.metric_data().iter();
            let data =
                data.map(|one| (one.metric_name().unwrap().to_owned(), one.value().unwrap()));
            published.lock().unwrap().extend(data);
            true
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let env = |name: &str| {
        let value = match name {
            "AWS_REGION" => "eu-west-3",
            "VIGIE_ENVIRONMENT" => "prod",
            "SAMPLES_QUEUE_URL" => "https://sqs/samples.fifo",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let cloudwatch = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&put]);
    let services = Services { sqs, cloudwatch };
    World { ingest: Ingest::new(Config::from_env(env).unwrap(), services), messages, metrics }
}

impl World {
    async fn handle(&self, event: &Value) -> Transformed {
        let invocation: Invocation = serde_json::from_value(event.clone()).unwrap();
        self.ingest.handle(invocation, NOW).await
    }

    fn metrics(&self) -> Vec<(String, f64)> {
        self.metrics.lock().unwrap().clone()
    }

    /// The samples of all messages, one a line: group, series, value, seconds.
    fn samples(&self) -> Vec<String> {
        let messages = self.messages.lock().unwrap();
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
}

/// The records of a recorded delivery.
fn recorded(name: &str) -> Vec<String> {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/metric-stream");
    let delivery: Value =
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap();
    let records = delivery["records"].as_array().unwrap();
    records.iter().map(|record| record["data"].as_str().unwrap().to_owned()).collect()
}

/// An event with these records in base64, in the form of the developer guide of Firehose.
fn event(records: &[String]) -> Value {
    let records: Vec<_> = records
        .iter()
        .enumerate()
        .map(|(index, data)| {
            json!({
                "recordId": format!("4954698668313554428650745793632162567570019247115678515400000{index}"),
                "approximateArrivalTimestamp": 1_795_330_861_000_u64,
                "data": data,
            })
        })
        .collect();
    json!({
        "invocationId": "ed4acda5-034f-9f42-bba1-f29aea6d7d8f",
        "deliveryStreamArn": "arn:aws:firehose:eu-west-3:123456789012:deliverystream/vigie-prod-metrics",
        "region": "eu-west-3",
        "records": records,
    })
}

fn event_of(records: &[&[u8]]) -> Value {
    event(&records.iter().map(|record| BASE64_STANDARD.encode(record)).collect::<Vec<_>>())
}

/// The results, after checking that each record has its own ID and data as Firehose requires.
fn results(event: &Value, response: &Transformed) -> Vec<String> {
    let response = serde_json::to_value(response).unwrap();
    let sent = event["records"].as_array().unwrap();
    let received = response["records"].as_array().unwrap();
    assert_eq!(sent.len(), received.len());
    let pairs = sent.iter().zip(received);
    pairs
        .map(|(sent, received)| {
            assert_eq!(sent["recordId"], received["recordId"]);
            assert_eq!(sent["data"], received["data"]);
            received["result"].as_str().unwrap().to_owned()
        })
        .collect()
}

const GOOD: &[u8] =
    br#"{"namespace":"AWS/EC2","metric_name":"M","timestamp":1,"value":{"count":1,"sum":2}}"#;

#[tokio::test]
async fn json_stream_becomes_series_with_the_names_of_yace() {
    let world = world(Queue::Accepts);
    let event = event(&recorded("firehose_json.body"));
    let response = world.handle(&event).await;

    assert!(results(&event, &response).iter().all(|result| result == "Dropped"));
    let samples = world.samples();
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
    assert_eq!(world.metrics(), []);
}

#[tokio::test]
async fn opentelemetry_stream_becomes_the_same_series() {
    let world = world(Queue::Accepts);
    let event = event(&recorded("firehose_otel1.body"));
    let response = world.handle(&event).await;

    assert!(results(&event, &response).iter().all(|result| result == "Dropped"));
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
    assert_eq!(world.samples(), expected);
}

#[tokio::test]
async fn repeated_invocation_has_the_same_deduplication_ids() {
    let world = world(Queue::Accepts);
    let mut event = event(&recorded("firehose_json.body"));
    world.handle(&event).await;
    event["invocationId"] = "another".into();
    world.handle(&event).await;
    world.handle(&event_of(&[GOOD])).await;

    let messages = world.messages.lock().unwrap();
    let [first, again, other] = messages.as_slice() else { panic!("{messages:?}") };
    assert!(first.message_deduplication_id().unwrap().ends_with("/AWS/EC2"));
    assert_eq!(first, again, "the same to the last byte");
    assert_ne!(first.message_deduplication_id(), other.message_deduplication_id());
}

#[tokio::test]
async fn each_namespace_has_its_group() {
    let line = |namespace: &str| {
        format!(
            r#"{{"namespace":"{namespace}","metric_name":"M","timestamp":1795330800000,"value":{{"count":1,"sum":2}}}}"#
        )
    };
    let record = [line("AWS/EC2"), line("AWS/ECS"), line("AWS/EC2")].join("\n");
    let world = world(Queue::Accepts);
    world.handle(&event_of(&[record.as_bytes(), b"", b"\n"])).await;

    let messages = world.messages.lock().unwrap();
    let groups: Vec<_> = messages.iter().filter_map(|message| message.message_group_id()).collect();
    assert_eq!(groups, ["metric-stream/AWS/EC2", "metric-stream/AWS/ECS"]);
}

#[tokio::test]
async fn record_with_invalid_values_is_stored_and_counted() {
    let record =
        br#"{"namespace":"AWS/EC2","metric_name":"M","timestamp":1795330800000,"value":{"max":3}}"#;
    let world = world(Queue::Accepts);
    let event = event_of(&[record, GOOD]);
    let response = world.handle(&event).await;

    assert_eq!(results(&event, &response), ["Ok", "Dropped"]);
    assert_eq!(world.samples().len(), 1 + 3, "the maximum, and the valid record");
    assert_eq!(world.metrics(), [("SamplesRefused".to_owned(), 2.0)], "count and sum");
}

#[tokio::test]
async fn unreadable_record_fails_alone() {
    // A summary with a label of version 0.7.
    let old: &[u8] = b"\x0c\x0a\x0a\x12\x08\x12\x06\x5a\x04\x0a\x02\x0a\x00";
    let mut half_bad = GOOD.to_vec();
    half_bad.extend(b"\n{\"namespace\":1}");
    let encoded = |data: &[u8]| BASE64_STANDARD.encode(data);
    let cases = [
        ("JSON of another kind", encoded(b"{\"namespace\":1}")),
        ("neither format", encoded(b"\xff\xff\xff")),
        ("OpenTelemetry 0.7", encoded(old)),
        ("second line", encoded(&half_bad)),
        ("not base64", "!".to_owned()),
    ];
    for (name, bad) in cases {
        let world = world(Queue::Accepts);
        let event = event(&[encoded(GOOD), bad]);
        let response = world.handle(&event).await;
        assert_eq!(results(&event, &response), ["Dropped", "ProcessingFailed"], "{name}");
        assert_eq!(world.samples().len(), 3, "{name}");
        assert_eq!(world.metrics(), [("RecordsRejected".to_owned(), 1.0)], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn records_fail_while_the_queue_is_unavailable() {
    for queue in [Queue::RejectsOne, Queue::Unavailable] {
        let world = world(queue);
        let event = event_of(&[GOOD, b""]);
        let response = world.handle(&event).await;
        assert_eq!(results(&event, &response), ["ProcessingFailed", "ProcessingFailed"]);
        assert_eq!(world.metrics(), [("RecordsRejected".to_owned(), 2.0)]);
    }
}

#[tokio::test(start_paused = true)]
async fn queue_that_recovers_receives_the_samples() {
    let world = world(Queue::Recovers);
    let event = event_of(&[GOOD]);
    let response = world.handle(&event).await;
    assert_eq!(results(&event, &response), ["Dropped"]);
    let messages = world.messages.lock().unwrap();
    assert_eq!(messages[0], messages[1], "the same message, so that the queue drops a duplicate");
}

#[tokio::test]
async fn invocation_without_records_queues_nothing() {
    let world = world(Queue::Accepts);
    let event = event(&[]);
    let response = world.handle(&event).await;
    assert_eq!(results(&event, &response), [""; 0]);
    assert!(world.messages.lock().unwrap().is_empty());
}

#[tokio::test]
async fn large_invocation_becomes_messages_within_the_limits() {
    let lines: Vec<_> = (0..4000)
        .map(|number| {
            format!(
                r#"{{"account_id":"1","region":"r","namespace":"AWS/EC2","metric_name":"M","dimensions":{{"Id":"{:016x}"}},"timestamp":1795330800000,"value":{{"count":1.0,"sum":{number}.25,"max":1.0,"min":0.5}}}}"#,
                0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number),
            )
        })
        .collect();
    let world = world(Queue::Accepts);
    let event = event_of(&[lines.join("\n").as_bytes()]);
    let response = world.handle(&event).await;

    assert_eq!(results(&event, &response), ["Dropped"]);
    let sizes: Vec<_> =
        world.messages.lock().unwrap().iter().map(|m| m.message_body().len()).collect();
    assert!(sizes.iter().all(|size| *size <= 200_000), "{sizes:?}");
    assert_eq!(world.samples().len(), 4000 * 5);
}
