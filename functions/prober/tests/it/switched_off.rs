//! A probe that is switched off: the series of its scrape end, and only then are they forgotten.

use std::time::Duration;

use aws_sdk_s3::operation::delete_object::DeleteObjectOutput;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchInput};
use aws_smithy_mocks::{Rule, mock};
use exposition::Format;
use jiff::{SignedDuration, Timestamp};
use scrape::{Labels, Limits, Memory, Page};
use serde_json::json;

use crate::aws::{Aws, PLENTY, event_of, taken};

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

/// The AWS of a prober that remembers the target.
fn aws() -> Aws {
    let mut aws = Aws::that_takes_all();
    aws.remembered = mock!(S3::get_object)
        .match_requests(|request| request.key() == Some(KEY))
        .then_output(|| GetObjectOutput::builder().body(ByteStream::from(kept())).build());
    aws.forgotten = mock!(S3::delete_object)
        .match_requests(|request| request.key() == Some(KEY))
        .then_output(|| DeleteObjectOutput::builder().build());
    aws
}

/// Carries out an order of something that is switched off. Whatever comes of it, no alarm is to rise.
async fn carry_out(aws: &Aws, due: Timestamp) {
    let body = json!({ "version": 1, "environment": "test", "due": due, "scrapes": [{
        "probe": "bot", "target": { "url": "http://bot:7860" }, "path": "/metrics", "job": "bots",
        "every_seconds": 60, "timeout_seconds": 10, "switched_off": true,
    }]});
    let answer = aws.prober().handle(event_of(body.to_string()), PLENTY).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 0);
    assert_eq!((aws.figures.num_calls(), aws.claims.num_calls()), (0, 0));
}

#[tokio::test]
async fn all_series_of_the_target_end_and_are_forgotten() {
    let mut aws = aws();
    aws.samples = mock!(Sqs::send_message_batch)
        .match_requests(|request| {
            let own = r#"environment="test",instance="bot:7860",job="bots""#;
            let series = ended(request);
            request.entries()[0].message_group_id() == Some("test/bot:7860/bots")
                && series.len() == 6
                && series.contains(&format!("replies_total{{{own}}}"))
                && series.iter().any(|series| series.starts_with("up{"))
        })
        .then_output(taken);
    carry_out(&aws, Timestamp::now()).await;
    assert_eq!((aws.samples.num_calls(), aws.forgotten.num_calls()), (1, 1));
}

#[tokio::test]
async fn series_whose_end_was_not_sent_are_not_forgotten() {
    let mut aws = aws();
    aws.samples = mock!(Sqs::send_message_batch)
        .then_error(|| SendMessageBatchError::unhandled("the queue is away"));
    carry_out(&aws, Timestamp::now()).await;
    assert_eq!((aws.samples.num_calls(), aws.forgotten.num_calls()), (1, 0));
}

#[tokio::test]
async fn nothing_is_done_where_nothing_is_remembered_or_can_be_read_or_the_order_is_old() {
    let away = || mock!(S3::get_object).then_error(|| GetObjectError::unhandled("away"));
    let now = Timestamp::now();
    let cases: [(&str, Rule, Timestamp, usize); 3] = [
        ("ended before", Aws::that_takes_all().remembered, now, 1),
        ("away", away(), now, 1),
        // By now it may be switched on again.
        ("old", aws().remembered, now - SignedDuration::from_secs(61), 0),
    ];
    for (name, remembered, due, reads) in cases {
        let aws = Aws { remembered, ..aws() };
        carry_out(&aws, due).await;
        let read = aws.remembered.num_calls();
        let calls = (read, aws.samples.num_calls(), aws.forgotten.num_calls());
        assert_eq!(calls, (reads, 0, 0), "{name}");
    }
}
