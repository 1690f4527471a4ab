//! A disabled probe: the series of its scrape are marked stale, and then their state is deleted.

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

use crate::aws::{Aws, PLENTY, accepted, event_of};

type S3 = aws_sdk_s3::Client;
type Sqs = aws_sdk_sqs::Client;

const KEY: &str = "scrapes/bot/bots.series";

/// The stored state of a target with one series.
fn state() -> Vec<u8> {
    let labels = Labels::new("bots", "bot:7860", [("environment", "test")]);
    let page = Page::new(Format::Prometheus, b"replies_total 3\n".to_vec());
    let mut memory = Memory::new();
    let at = samples::Timestamp::from_millis(1_795_332_392_507);
    memory.absorb(&labels, &Limits::default(), Ok(page), at, || Duration::ZERO);
    memory.to_bytes()
}

/// The series that a message marks as stale; none when it also has other samples.
fn stale_series(request: &SendMessageBatchInput) -> Vec<String> {
    let [entry] = request.entries() else { return Vec::new() };
    let entries = samples::message::decode(entry.message_body()).unwrap().entries;
    let ends = entries.iter().all(|one| one.sample().is_some_and(|sample| sample.is_stale()));
    entries.iter().filter(|_| ends).map(|one| one.series.to_string()).collect()
}

/// Mock AWS clients with the state of the target.
fn aws() -> Aws {
    let mut aws = Aws::accepting_all();
    aws.state_reads = mock!(S3::get_object)
        .match_requests(|request| request.key() == Some(KEY))
        .then_output(|| GetObjectOutput::builder().body(ByteStream::from(state())).build());
    aws.state_deletes = mock!(S3::delete_object)
        .match_requests(|request| request.key() == Some(KEY))
        .then_output(|| DeleteObjectOutput::builder().build());
    aws
}

/// Handles a scrape request of a disabled probe. A failure must not raise an alarm.
async fn handle(aws: &Aws, due: Timestamp) {
    let body = json!({ "version": 1, "environment": "test", "due": due, "scrapes": [{
        "probe": "bot", "target": { "url": "http://bot:7860" }, "path": "/metrics", "job": "bots",
        "every_seconds": 60, "timeout_seconds": 10, "switched_off": true,
    }]});
    let answer = aws.prober().handle_queue(event_of(body.to_string()), PLENTY).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 0);
    assert_eq!((aws.metrics.num_calls(), aws.claims.num_calls()), (0, 0));
}

#[tokio::test]
async fn series_are_marked_stale_and_their_state_is_deleted() {
    let mut aws = aws();
    aws.samples = mock!(Sqs::send_message_batch)
        .match_requests(|request| {
            let own = r#"environment="test",instance="bot:7860",job="bots""#;
            let series = stale_series(request);
            request.entries()[0].message_group_id() == Some("test/bot:7860/bots")
                && series.len() == 6
                && series.contains(&format!("replies_total{{{own}}}"))
                && series.iter().any(|series| series.starts_with("up{"))
        })
        .then_output(accepted);
    handle(&aws, Timestamp::now()).await;
    assert_eq!((aws.samples.num_calls(), aws.state_deletes.num_calls()), (1, 1));
}

#[tokio::test]
async fn state_is_kept_when_stale_markers_were_not_sent() {
    let mut aws = aws();
    aws.samples = mock!(Sqs::send_message_batch)
        .then_error(|| SendMessageBatchError::unhandled("queue unavailable"));
    handle(&aws, Timestamp::now()).await;
    assert_eq!((aws.samples.num_calls(), aws.state_deletes.num_calls()), (1, 0));
}

#[tokio::test]
async fn nothing_is_sent_without_state_or_for_an_old_request() {
    let failing = || mock!(S3::get_object).then_error(|| GetObjectError::unhandled("unavailable"));
    let now = Timestamp::now();
    let cases: [(&str, Rule, Timestamp, usize); 3] = [
        ("no state", Aws::accepting_all().state_reads, now, 1),
        ("S3 fails", failing(), now, 1),
        // The probe may be enabled again by now.
        ("old", aws().state_reads, now - SignedDuration::from_secs(61), 0),
    ];
    for (name, state_reads, due, reads) in cases {
        let aws = Aws { state_reads, ..aws() };
        handle(&aws, due).await;
        let read = aws.state_reads.num_calls();
        let calls = (read, aws.samples.num_calls(), aws.state_deletes.num_calls());
        assert_eq!(calls, (reads, 0, 0), "{name}");
    }
}
