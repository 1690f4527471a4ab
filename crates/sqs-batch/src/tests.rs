#![allow(clippy::unwrap_used, reason = "a test that can't go on fails, helpers included")]

use std::sync::{Arc, Mutex};

use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchResultEntry};
use aws_smithy_mocks::{RuleMode, mock, mock_client};

use super::*;

/// A queue that rejects these messages, given as body, number of times and whether the sender is at
/// fault; and the bodies of each batch that it got.
fn queue(rejects: &[(&'static str, usize, bool)]) -> (Client, Arc<Mutex<Vec<String>>>) {
    let got = Arc::<Mutex<Vec<String>>>::default();
    let (seen, rejects) = (Arc::clone(&got), Mutex::new(rejects.to_vec()));
    let answer: Arc<Mutex<Vec<BatchResultErrorEntry>>> = Arc::default();
    let failed = Arc::clone(&answer);
    let rule = mock!(Client::send_message_batch)
        .match_requests(move |request| {
            let entries = request.entries();
            let bodies: Vec<&str> =
                entries.iter().map(SendMessageBatchRequestEntry::message_body).collect();
            seen.lock().unwrap().push(bodies.join(" "));
            let mut rejects = rejects.lock().unwrap();
            *answer.lock().unwrap() = entries
                .iter()
                .filter_map(|entry| {
                    let reject =
                        rejects.iter_mut().find(|(body, ..)| *body == entry.message_body())?;
                    reject.1 = reject.1.checked_sub(1)?;
                    let failure = BatchResultErrorEntry::builder().id(entry.id()).code("Busy");
                    Some(failure.sender_fault(reject.2).build().unwrap())
                })
                .collect();
            true
        })
        .then_output(move || {
            let failed = failed.lock().unwrap().clone();
            SendMessageBatchOutput::builder()
                .set_successful(Some(Vec::<SendMessageBatchResultEntry>::new()))
                .set_failed(Some(failed))
                .build()
                .unwrap()
        });
    (mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&rule]), got)
}

/// `a1` is the first message of group `a`.
fn messages(bodies: &[&str]) -> Vec<Message> {
    let fifo = |body: &str| Fifo { group: body[..1].to_owned(), deduplication: body.to_owned() };
    bodies
        .iter()
        .map(|body| Message {
            body: (*body).to_owned(),
            fifo: Some(fifo(body)),
            ..Message::default()
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn rejected_message_is_sent_once_more() {
    let (client, got) = queue(&[("b1", 1, false)]);
    send(&client, "url", &messages(&["a1", "b1", "c1"])).await.unwrap();
    assert_eq!(*got.lock().unwrap(), ["a1 b1 c1", "b1"]);
}

#[tokio::test(start_paused = true)]
async fn message_with_sender_fault_is_not_sent_again() {
    let (client, got) = queue(&[("b1", 9, true)]);
    let error = send(&client, "url", &messages(&["a1", "b1"])).await.unwrap_err();
    assert_eq!(*got.lock().unwrap(), ["a1 b1"]);
    assert_eq!(error.unsent, [1]);
    assert_eq!(error.to_string(), "the queue did not accept 1 of 2 messages");
    assert_eq!(error.source.to_string(), "SQS rejected a message with `Busy`: no message");
}

#[tokio::test(start_paused = true)]
async fn rejected_message_stops_its_group_only() {
    let (client, got) = queue(&[("a1", 2, false)]);
    let error = send(&client, "url", &messages(&["a1", "b1", "a2", "b2", "a3"])).await.unwrap_err();
    assert_eq!(*got.lock().unwrap(), ["a1 b1", "a1", "b2"]);
    assert_eq!(error.unsent, [0, 2, 4]);
}

#[test]
fn attribute_has_only_characters_that_sqs_accepts() {
    let cases = [("", "-"), ("a\n\u{1}b\u{ffff}", "ab"), ("é", "é")];
    for (value, expected) in cases {
        assert_eq!(text(value).string_value(), Some(expected));
    }
}
