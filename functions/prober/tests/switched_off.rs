//! A probe that is switched off: the series of its scrape end, and only then are they forgotten.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use aws_sdk_s3::operation::delete_object::DeleteObjectOutput;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::error::NoSuchKey;
use aws_sdk_sqs::operation::send_message_batch::{
    SendMessageBatchError, SendMessageBatchInput, SendMessageBatchOutput,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use exposition::Format;
use jiff::{SignedDuration, Timestamp};
use prober::{Clients, Config, Prober};
use scrape::{Labels, Limits, Memory, Page};
use serde_json::json;

type S3 = aws_sdk_s3::Client;
type Sqs = aws_sdk_sqs::Client;

const KEY: &str = "scrapes/bot/bots.series";

/// What the prober keeps of a target with one series of its own.
fn kept() -> Vec<u8> {
    let labels = Labels::new("bots", "bot:7860", [("environment", "test")]);
    let page = Page { format: Format::Prometheus, body: b"replies_total 3\n".to_vec() };
    let mut memory = Memory::new();
    let at = remote_write::Timestamp::from_millis(1_795_332_392_507);
    memory.absorb(&labels, &Limits::default(), Ok(page), at, || Duration::ZERO);
    memory.to_bytes()
}

/// The series that a message ends; nothing when it has samples that are no ends.
fn ended(request: &SendMessageBatchInput) -> Vec<String> {
    let [entry] = request.entries() else { return Vec::new() };
    let entries = forward::message::decode(entry.message_body()).unwrap().entries;
    let ends = entries.iter().all(|one| one.sample().is_some_and(|sample| sample.is_stale()));
    entries.iter().filter(|_| ends).map(|one| one.series.to_string()).collect()
}

/// Carries out an order of something that is switched off. Whatever comes of it, no alarm is to rise.
async fn carry_out(due: Timestamp, read: &Rule, samples: &Rule, deleted: &Rule) {
    let look_up = |name: &str| match name {
        "VIGIE_ENVIRONMENT" => Some("test".to_owned()),
        "SAMPLES_QUEUE_URL" => Some("http://samples".to_owned()),
        "REPORT_BUCKET" => Some("reports".to_owned()),
        "TABLE_NAME" => Some("table".to_owned()),
        _ => None,
    };
    let clients = Clients {
        cloudwatch: mock_client!(aws_sdk_cloudwatch, []),
        sqs: mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [samples]),
        s3: mock_client!(aws_sdk_s3, RuleMode::MatchAny, [read, deleted]),
        table: mock_client!(aws_sdk_dynamodb, []),
        secrets_manager: mock_client!(aws_sdk_secretsmanager, []),
        parameters: mock_client!(aws_sdk_ssm, []),
    };
    let body = json!({ "version": 1, "environment": "test", "due": due, "scrapes": [{
        "probe": "bot", "target": { "url": "http://bot:7860" }, "path": "/metrics", "job": "bots",
        "every_seconds": 60, "timeout_seconds": 10, "switched_off": true,
    }]});
    let mut message = SqsMessage::default();
    message.message_id = Some("m-1".to_owned());
    message.body = Some(body.to_string());
    let mut event = SqsEvent::default();
    event.records = vec![message];
    let prober = Prober::new(Config::from_env(&look_up).unwrap(), clients);
    let answer = prober.handle(event, Duration::from_secs(60)).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 0);
}

fn read() -> Rule {
    mock!(S3::get_object)
        .match_requests(|request| request.key() == Some(KEY))
        .then_output(|| GetObjectOutput::builder().body(ByteStream::from(kept())).build())
}

fn taken() -> SendMessageBatchOutput {
    let taken = SendMessageBatchOutput::builder().set_successful(Some(vec![]));
    taken.set_failed(Some(vec![])).build().unwrap()
}

fn any_sample() -> Rule {
    mock!(Sqs::send_message_batch).then_output(taken)
}

fn deleted() -> Rule {
    mock!(S3::delete_object)
        .match_requests(|request| request.key() == Some(KEY))
        .then_output(|| DeleteObjectOutput::builder().build())
}

#[tokio::test]
async fn all_series_of_the_target_end_and_are_forgotten() {
    let samples = mock!(Sqs::send_message_batch)
        .match_requests(|request| {
            let own = r#"environment="test",instance="bot:7860",job="bots""#;
            let series = ended(request);
            request.entries()[0].message_group_id() == Some("test/bot:7860/bots")
                && series.len() == 6
                && series.contains(&format!("replies_total{{{own}}}"))
                && series.iter().any(|series| series.starts_with("up{"))
        })
        .then_output(taken);
    let deleted = deleted();
    carry_out(Timestamp::now(), &read(), &samples, &deleted).await;
    assert_eq!((samples.num_calls(), deleted.num_calls()), (1, 1));
}

#[tokio::test]
async fn series_whose_end_was_not_sent_are_not_forgotten() {
    let samples = mock!(Sqs::send_message_batch)
        .then_error(|| SendMessageBatchError::unhandled("the queue is away"));
    let deleted = deleted();
    carry_out(Timestamp::now(), &read(), &samples, &deleted).await;
    assert_eq!((samples.num_calls(), deleted.num_calls()), (1, 0));
}

#[tokio::test]
async fn nothing_is_done_where_nothing_is_remembered_or_can_be_read_or_the_order_is_old() {
    let gone = || GetObjectError::NoSuchKey(NoSuchKey::builder().build());
    let now = Timestamp::now();
    let cases = [
        ("ended before", mock!(S3::get_object).then_error(gone), now, 1),
        ("away", mock!(S3::get_object).then_error(|| GetObjectError::unhandled("away")), now, 1),
        // By now it may be switched on again.
        ("old", read(), now - SignedDuration::from_secs(61), 0),
    ];
    for (name, read, due, reads) in cases {
        let (samples, deleted) = (any_sample(), deleted());
        carry_out(due, &read, &samples, &deleted).await;
        let calls = (read.num_calls(), samples.num_calls(), deleted.num_calls());
        assert_eq!(calls, (reads, 0, 0), "{name}");
    }
}
