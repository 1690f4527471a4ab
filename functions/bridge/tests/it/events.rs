//! What becomes of messages, whatever the receiver answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_sdk_sqs::operation::change_message_visibility_batch::ChangeMessageVisibilityBatchOutput;
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchOutput};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use bridge::{Bridge, Config, Services};
use samples::message;
use samples::{Entry, Timestamp};
use secrets::Secrets;
use serde_json::json;
use tokio::net::TcpListener;

use testkit::receiver::{Receiver, Reply, Request};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_332_392_507);
const TIME_LEFT: Duration = Duration::from_secs(60);

/// What the services were told.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn push(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub(crate) fn take(&self, kind: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let found = lines.iter().filter_map(|line| line.strip_prefix(kind));
        found.map(|line| line.trim_start().to_owned()).collect()
    }
}

/// Whether the services take what they are given.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Aws {
    Takes,
    Refuses,
}

pub(crate) fn services(seen: &Seen, aws: Aws) -> Services {
    let (dead, rest, kept, figures) = (seen.clone(), seen.clone(), seen.clone(), seen.clone());
    let post = mock!(aws_sdk_sqs::Client::send_message_batch).match_requests(move |request| {
        for entry in request.entries() {
            let body = entry.message_body();
            let samples = message::decode(body).map_or(0, |message| message.entries.len());
            let reason = entry.message_attributes().unwrap()["Reason"].string_value().unwrap();
            dead.push(format!(
                "dead {} {} {samples} {reason}",
                entry.message_group_id().unwrap(),
                entry.message_deduplication_id().unwrap()
            ));
        }
        true
    });
    let post = match aws {
        Aws::Takes => post.then_output(|| {
            let output = SendMessageBatchOutput::builder();
            output.set_successful(Some(vec![])).set_failed(Some(vec![])).build().unwrap()
        }),
        Aws::Refuses => post.then_error(|| SendMessageBatchError::unhandled("down")),
    };
    let postpone = mock!(aws_sdk_sqs::Client::change_message_visibility_batch).match_requests(
        move |request| {
            for entry in request.entries() {
                let seconds = entry.visibility_timeout().unwrap();
                rest.push(format!("rest {} {seconds}", entry.receipt_handle()));
            }
            true
        },
    );
    let postpone = postpone.then_output(|| {
        let output = ChangeMessageVisibilityBatchOutput::builder();
        output.set_successful(Some(vec![])).set_failed(Some(vec![])).build().unwrap()
    });
    let put = mock!(aws_sdk_s3::Client::put_object).match_requests(move |request| {
        let page = request.body().bytes().unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        kept.push(format!("kept {} {page}", request.key().unwrap()));
        true
    });
    let put = match aws {
        Aws::Takes => put.then_output(|| PutObjectOutput::builder().build()),
        Aws::Refuses => put.then_error(|| PutObjectError::unhandled("down")),
    };
    let publish = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(move |request| {
            for datum in request.metric_data() {
                figures.push(format!(
                    "figure {} {}",
                    datum.metric_name().unwrap(),
                    datum.value().unwrap()
                ));
            }
            true
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let secret = mock!(aws_sdk_secretsmanager::Client::get_secret_value).then_output(|| {
        let secret = r#"{"username":"me","password":"hunter2"}"#;
        GetSecretValueOutput::builder().secret_string(secret).build()
    });
    Services {
        sqs: mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&post, &postpone]),
        s3: mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&put]),
        cloudwatch: mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&publish]),
        secrets: Secrets::new(
            mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&secret]),
            mock_client!(aws_sdk_ssm, RuleMode::MatchAny, []),
        ),
        credentials: None,
    }
}

pub(crate) fn bridge(receiver: &Receiver, auth: &str, services: Services) -> Bridge {
    let env = |name: &str| {
        let value = match name {
            "REMOTE_WRITE_URL" => receiver.url.as_str(),
            "REMOTE_WRITE_AUTH" => auth,
            "VIGIE_ENVIRONMENT" => "dev",
            "REPORT_BUCKET" => "reports",
            "SAMPLES_QUEUE_URL" => "https://sqs.example.com/1/samples.fifo",
            "SAMPLES_DEAD_LETTER_URL" => "https://sqs.example.com/1/samples-dead.fifo",
            _ => return None,
        };
        Some(value.to_owned())
    };
    Bridge::new(Config::from_env(env).unwrap(), services)
}

pub(crate) fn sample(name: &str, probe: &str, seconds: i64) -> Entry {
    let at = Timestamp::from_millis(NOW.as_millis() + 1000 * seconds);
    Entry::of(name, [("probe", probe)], Some(1.0), at).unwrap()
}

/// A message of `probe`, stamped so many seconds after now.
pub(crate) fn letter(id: &str, probe: &str, seconds: i64, entries: &[Entry]) -> serde_json::Value {
    let due = Timestamp::from_millis(NOW.as_millis() + 1000 * seconds);
    let mut messages = message::encode(probe, &format!("run-{id}"), due, entries).unwrap();
    raw(id, probe, 1, &messages.remove(0).body)
}

fn raw(id: &str, group: &str, deliveries: u32, body: &str) -> serde_json::Value {
    json!({
        "messageId": id,
        "receiptHandle": format!("receipt-{id}"),
        "body": body,
        "attributes": {
            "MessageGroupId": group,
            "ApproximateReceiveCount": deliveries.to_string(),
            "SentTimestamp": (NOW.as_millis() - 7000).to_string(),
        },
        "eventSource": "aws:sqs",
    })
}

pub(crate) fn again(letter: &serde_json::Value, deliveries: u32) -> serde_json::Value {
    let mut letter = letter.clone();
    letter["attributes"]["ApproximateReceiveCount"] = deliveries.to_string().into();
    letter
}

fn event(letters: &[serde_json::Value]) -> SqsEvent {
    serde_json::from_value(json!({ "Records": letters })).unwrap()
}

/// The ids of the messages that are to come again.
pub(crate) async fn event_ids(bridge: &Bridge, letters: &[serde_json::Value]) -> Vec<String> {
    let response = bridge.handle(event(letters), NOW, TIME_LEFT).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

#[tokio::test]
async fn messages_travel_together_in_one_request_in_their_order() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Takes));
    let letters: Vec<_> = (0..10)
        .map(|n| {
            let probe = if n % 2 == 0 { "even" } else { "odd" };
            let samples = [sample("up", probe, n), sample("probe_success", probe, n)];
            letter(&n.to_string(), probe, n, &samples)
        })
        .collect();

    assert!(event_ids(&bridge, &letters).await.is_empty());

    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(receiver.stored().len(), 20);
    let agent = &receiver.requests()[0].headers["user-agent"];
    assert!(agent.starts_with("Vigie/") && agent.contains("(+https://"), "{agent}");
    let figures = seen.take("figure");
    assert_eq!(figures, ["SamplesReceived 20", "SamplesSent 20", "OldestMessageAge 7"]);
}

#[tokio::test]
async fn what_can_not_be_sent_stays_rests_and_is_sent_once_later() {
    let away = Arc::new(Mutex::new(true));
    let switch = Arc::clone(&away);
    let script = move |_: &Request| {
        if *switch.lock().unwrap() { Reply::Refuse(503, "starting") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Takes));
    let letters = [
        letter("a", "one", 0, &[sample("up", "one", 0)]),
        letter("b", "two", 0, &[sample("up", "two", 0)]),
        letter("c", "one", 1, &[sample("up", "one", 1)]),
    ];

    assert_eq!(event_ids(&bridge, &letters).await, ["a", "b", "c"]);
    let rests = seen.take("rest");
    assert_eq!(rests.len(), 3);
    assert!(rests[0].starts_with("receipt-a "), "{rests:?}");
    let third: Vec<_> = letters.iter().map(|letter| again(letter, 3)).collect();
    assert_eq!(event_ids(&bridge, &third).await.len(), 3);
    let seconds: u64 = seen.take("rest")[3].rsplit(' ').next().unwrap().parse().unwrap();
    assert!((32..=40).contains(&seconds), "{seconds}");

    *away.lock().unwrap() = false;
    assert!(event_ids(&bridge, &letters).await.is_empty());
    let stored: Vec<i64> =
        receiver.stored().iter().map(|(_, at, _)| at - NOW.as_millis()).collect();
    assert_eq!(stored, [0, 1000, 0], "in order within a series, none twice");
    assert!(seen.take("dead").is_empty());
}

#[tokio::test]
async fn the_hopeless_are_dead_lettered_with_the_receivers_words_and_the_rest_is_stored() {
    let script = |request: &Request| {
        if request.has("bad") { Reply::Refuse(400, "out of order sample") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Takes));
    let letters = [
        letter("a", "one", 0, &[sample("up", "one", 0), sample("bad", "one", 0)]),
        letter("b", "two", 0, &[sample("up", "two", 0), sample("up", "two", 3600)]),
    ];

    assert!(event_ids(&bridge, &letters).await.is_empty());

    assert_eq!(receiver.stored().len(), 2);
    assert_eq!(
        seen.take("dead"),
        [
            "one dead-a-receiver_400 1 the receiver answered 400 `out of order sample` to `bad`",
            "two dead-b-too_far_in_future 1 not sent: too_far_in_future to `up`",
        ]
    );
    let figures = seen.take("figure");
    assert!(figures.contains(&"SamplesRefused 2".to_owned()), "{figures:?}");
    assert!(figures.contains(&"SamplesDeadLettered 2".to_owned()), "{figures:?}");
}

#[tokio::test]
async fn what_can_not_be_read_is_dead_lettered_as_it_came() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Takes));
    let letters =
        [raw("a", "one", 1, r#"{"version":99}"#), letter("b", "one", 0, &[sample("up", "one", 0)])];

    assert!(event_ids(&bridge, &letters).await.is_empty());

    assert_eq!(
        seen.take("dead"),
        ["one dead-a 0 the message has version `99`; expected version 1"]
    );
    assert_eq!(receiver.stored().len(), 1);
}

#[tokio::test]
async fn what_is_too_old_goes_to_the_bucket_as_openmetrics() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Takes));
    let letters = [
        letter("a", "one", -3001, &[sample("up", "one", -3001)]),
        letter("b", "one", -2999, &[sample("up", "one", -2999)]),
    ];

    assert!(event_ids(&bridge, &letters).await.is_empty());

    assert_eq!(receiver.stored().len(), 1);
    assert_eq!(
        seen.take("kept"),
        ["late-samples/2026/11/22/063631Z-a.openmetrics # TYPE up unknown\n\
          up{probe=\"one\"} 1 1795329391.507\n# EOF\n"]
    );
}

#[tokio::test]
async fn what_can_not_be_put_aside_stays_with_all_that_follows_in_its_group() {
    let script = |request: &Request| {
        if request.has("bad") { Reply::Refuse(400, "no") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Refuses));
    let letters = [
        letter("old", "old", -3001, &[sample("up", "old", -3001)]),
        letter("a", "one", 0, &[sample("bad", "one", 0), sample("up", "one", 0)]),
        letter("b", "two", 0, &[sample("up", "two", 0)]),
        letter("c", "one", 1, &[sample("up", "one", 1)]),
    ];

    assert_eq!(event_ids(&bridge, &letters).await, ["old", "a", "c"]);

    // When they come again, what the receiver has is not sent again.
    let before = receiver.stored().len();
    assert_eq!(before, 3);
    let again = [again(&letters[1], 2), again(&letters[3], 2)];
    event_ids(&bridge, &again).await;
    let sent_again = receiver.requests().into_iter().rev().take(1).next().unwrap();
    assert!(sent_again.samples.iter().all(|(series, ..)| series.starts_with("bad")));
    assert_eq!(receiver.stored().len(), before);
}

#[tokio::test]
async fn a_message_delivered_again_after_the_bridge_was_killed_is_stored_once() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let letters = [letter("a", "one", 0, &[sample("up", "one", 0)])];
    // Two execution environments: the second knows nothing of the first.
    for _ in 0..2 {
        let bridge = bridge(&receiver, "none", services(&seen, Aws::Takes));
        assert!(event_ids(&bridge, &letters).await.is_empty());
    }
    assert_eq!((receiver.requests().len(), receiver.stored().len()), (2, 1));
    assert!(seen.take("dead").is_empty());
}

#[tokio::test]
async fn it_ends_before_the_deadline_of_the_event() {
    let receiver = Receiver::start(|_| Reply::Stall).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Takes));
    let letters = [letter("a", "one", 0, &[sample("up", "one", 0)])];
    let left = Duration::from_millis(400);
    let handled = bridge.handle(event(&letters), NOW, left);
    let response = tokio::time::timeout(Duration::from_secs(9), handled).await.unwrap();
    assert_eq!(response.batch_item_failures.len(), 1);
}

#[tokio::test]
async fn a_store_that_hangs_keeps_messages_in_the_queue_and_not_the_event_beyond_its_deadline() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let mut services = services(&seen, Aws::Takes);
    // Takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    services.s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .endpoint_url(format!("http://{}", silent.local_addr().unwrap()))
            .force_path_style(true)
            .build(),
    );
    let bridge = bridge(&receiver, "none", services);
    let old = |id: &str| letter(id, id, -3001, &[sample("up", id, -3001)]);
    let letters = [old("a"), old("b"), letter("c", "three", 0, &[sample("up", "three", 0)])];

    let left = Duration::from_millis(800);
    let handled = bridge.handle(event(&letters), NOW, left);
    let response = tokio::time::timeout(left, handled).await.unwrap();

    let failures = response.batch_item_failures.into_iter();
    let stay: Vec<String> = failures.map(|failure| failure.item_identifier).collect();
    assert_eq!(stay, ["a", "b"]);
    assert_eq!(receiver.stored().len(), 1);
}

#[tokio::test]
async fn a_refused_secret_costs_no_sample_and_is_fetched_anew() {
    let script = |request: &Request| {
        // As after a rotation: the secret that was fetched first is refused.
        let known = request.headers["authorization"] == "Bearer second";
        if known { Reply::Store } else { Reply::Refuse(401, "token revoked") }
    };
    let receiver = Receiver::start(script).await;
    let seen = Seen::default();
    let secret = |text: &'static str| {
        mock!(aws_sdk_secretsmanager::Client::get_secret_value)
            .then_output(move || GetSecretValueOutput::builder().secret_string(text).build())
    };
    let (first, second) = (secret("first"), secret("second"));
    let mut services = services(&seen, Aws::Takes);
    services.secrets = Secrets::new(
        mock_client!(aws_sdk_secretsmanager, RuleMode::Sequential, [&first, &second]),
        mock_client!(aws_sdk_ssm, RuleMode::MatchAny, []),
    );
    let bridge = bridge(&receiver, "vigie/prometheus", services);
    let letters = [letter("a", "one", 0, &[sample("up", "one", 0)])];

    assert_eq!(event_ids(&bridge, &letters).await, ["a"]);
    assert!(event_ids(&bridge, &[again(&letters[0], 2)]).await.is_empty());
    assert_eq!(receiver.stored().len(), 1);
    assert!(seen.take("dead").is_empty());
}

#[tokio::test]
async fn the_secret_proves_the_bridge_to_the_receiver() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "vigie/prometheus", services(&seen, Aws::Takes));
    event_ids(&bridge, &[letter("a", "one", 0, &[sample("up", "one", 0)])]).await;
    assert_eq!(receiver.requests()[0].headers["authorization"], "Basic bWU6aHVudGVyMg==");
}
