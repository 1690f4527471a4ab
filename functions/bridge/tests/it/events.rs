//! What happens to messages for each kind of answer of the receiver.

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

/// The calls of AWS services, one line each.
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

/// Whether the services accept their calls.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Aws {
    Accepts,
    Fails,
}

pub(crate) fn services(seen: &Seen, aws: Aws) -> Services {
    let (dead, rest, kept, metrics) = (seen.clone(), seen.clone(), seen.clone(), seen.clone());
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
        Aws::Accepts => post.then_output(|| {
            let output = SendMessageBatchOutput::builder();
            output.set_successful(Some(vec![])).set_failed(Some(vec![])).build().unwrap()
        }),
        Aws::Fails => post.then_error(|| SendMessageBatchError::unhandled("down")),
    };
    let postpone = mock!(aws_sdk_sqs::Client::change_message_visibility_batch).match_requests(
        move |request| {
            for entry in request.entries() {
                let seconds = entry.visibility_timeout().unwrap();
                rest.push(format!("hidden {} {seconds}", entry.receipt_handle()));
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
        kept.push(format!("archived {} {page}", request.key().unwrap()));
        true
    });
    let put = match aws {
        Aws::Accepts => put.then_output(|| PutObjectOutput::builder().build()),
        Aws::Fails => put.then_error(|| PutObjectError::unhandled("down")),
    };
    let publish = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(move |request| {
            for datum in request.metric_data() {
                metrics.push(format!(
                    "metric {} {}",
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
            secrets::ParameterStore::new(&aws_config::SdkConfig::builder().build()),
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

/// A message of `probe`, due this many seconds after now.
pub(crate) fn record(id: &str, probe: &str, seconds: i64, entries: &[Entry]) -> serde_json::Value {
    let due = Timestamp::from_millis(NOW.as_millis() + 1000 * seconds);
    let mut messages = message::encode(probe, &format!("run-{id}"), due, entries).messages;
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

pub(crate) fn again(record: &serde_json::Value, deliveries: u32) -> serde_json::Value {
    let mut record = record.clone();
    record["attributes"]["ApproximateReceiveCount"] = deliveries.to_string().into();
    record
}

pub(crate) fn event(records: &[serde_json::Value]) -> SqsEvent {
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

/// The ids of the messages that are to be delivered again.
pub(crate) async fn event_ids(bridge: &Bridge, records: &[serde_json::Value]) -> Vec<String> {
    let response = bridge.handle(event(records), NOW, TIME_LEFT).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

#[tokio::test]
async fn messages_are_sent_in_one_request_in_their_order() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
    let records: Vec<_> = (0..10)
        .map(|n| {
            let probe = if n % 2 == 0 { "even" } else { "odd" };
            let samples = [sample("up", probe, n), sample("probe_success", probe, n)];
            record(&n.to_string(), probe, n, &samples)
        })
        .collect();

    assert!(event_ids(&bridge, &records).await.is_empty());

    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(receiver.stored().len(), 20);
    let agent = &receiver.requests()[0].headers["user-agent"];
    assert!(agent.starts_with("Vigie/") && agent.contains("(+https://"), "{agent}");
    let metrics = seen.take("metric");
    assert_eq!(metrics, ["SamplesReceived 20", "SamplesSent 20", "OldestMessageAge 7"]);
}

#[tokio::test]
async fn unsent_message_stays_hidden_and_is_sent_later() {
    let away = Arc::new(Mutex::new(true));
    let switch = Arc::clone(&away);
    let script = move |_: &Request| {
        if *switch.lock().unwrap() { Reply::Refuse(503, "starting") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
    let records = [
        record("a", "one", 0, &[sample("up", "one", 0)]),
        record("b", "two", 0, &[sample("up", "two", 0)]),
        record("c", "one", 1, &[sample("up", "one", 1)]),
    ];

    assert_eq!(event_ids(&bridge, &records).await, ["a", "b", "c"]);
    let rests = seen.take("hidden");
    assert_eq!(rests.len(), 3);
    assert!(rests[0].starts_with("receipt-a "), "{rests:?}");
    let third: Vec<_> = records.iter().map(|record| again(record, 3)).collect();
    assert_eq!(event_ids(&bridge, &third).await.len(), 3);
    let seconds: u64 = seen.take("hidden")[3].rsplit(' ').next().unwrap().parse().unwrap();
    assert!((32..=40).contains(&seconds), "{seconds}");

    *away.lock().unwrap() = false;
    assert!(event_ids(&bridge, &records).await.is_empty());
    let stored: Vec<i64> =
        receiver.stored().iter().map(|(_, at, _)| at - NOW.as_millis()).collect();
    assert_eq!(stored, [0, 1000, 0], "in order within a series, none twice");
    assert!(seen.take("dead").is_empty());
}

#[tokio::test]
async fn rejected_samples_are_dead_lettered_with_the_answer() {
    let script = |request: &Request| {
        if request.has("bad") { Reply::Refuse(400, "out of order sample") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
    let records = [
        record("a", "one", 0, &[sample("up", "one", 0), sample("bad", "one", 0)]),
        record("b", "two", 0, &[sample("up", "two", 0), sample("up", "two", 3600)]),
    ];

    assert!(event_ids(&bridge, &records).await.is_empty());

    assert_eq!(receiver.stored().len(), 2);
    assert_eq!(
        seen.take("dead"),
        [
            "one dead-a-receiver_400 1 the receiver answered 400 `out of order sample` to `bad`",
            "two dead-b-too_far_in_future 1 not sent: too_far_in_future to `up`",
        ]
    );
    let metrics = seen.take("metric");
    assert!(metrics.contains(&"SamplesRefused 2".to_owned()), "{metrics:?}");
    assert!(metrics.contains(&"SamplesDeadLettered 2".to_owned()), "{metrics:?}");
}

#[tokio::test]
async fn unreadable_message_is_dead_lettered_as_it_is() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
    let records =
        [raw("a", "one", 1, r#"{"version":99}"#), record("b", "one", 0, &[sample("up", "one", 0)])];

    assert!(event_ids(&bridge, &records).await.is_empty());

    assert_eq!(
        seen.take("dead"),
        ["one dead-a 0 the message has version `99`; expected version 1"]
    );
    assert_eq!(receiver.stored().len(), 1);
}

#[tokio::test]
async fn old_samples_are_archived_as_openmetrics() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
    let records = [
        record("a", "one", -3001, &[sample("up", "one", -3001)]),
        record("b", "one", -2999, &[sample("up", "one", -2999)]),
    ];

    assert!(event_ids(&bridge, &records).await.is_empty());

    assert_eq!(receiver.stored().len(), 1);
    assert_eq!(
        seen.take("archived"),
        ["late-samples/2026/11/22/063631Z-a.openmetrics # TYPE up unknown\n\
          up{probe=\"one\"} 1 1795329391.507\n# EOF\n"]
    );
}

#[tokio::test]
async fn message_that_cannot_be_stored_stays_with_its_group() {
    let script = |request: &Request| {
        if request.has("bad") { Reply::Refuse(400, "no") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Fails));
    let records = [
        record("old", "old", -3001, &[sample("up", "old", -3001)]),
        record("a", "one", 0, &[sample("bad", "one", 0), sample("up", "one", 0)]),
        record("b", "two", 0, &[sample("up", "two", 0)]),
        record("c", "one", 1, &[sample("up", "one", 1)]),
    ];

    assert_eq!(event_ids(&bridge, &records).await, ["old", "a", "c"]);

    // In the next delivery, samples that the receiver has are not sent again.
    let before = receiver.stored().len();
    assert_eq!(before, 3);
    let requests = receiver.requests().len();
    let again = [again(&records[1], 2), again(&records[3], 2)];
    event_ids(&bridge, &again).await;
    assert_eq!(receiver.requests().len(), requests, "all samples were decided");
    assert_eq!(receiver.stored().len(), before);
}

#[tokio::test]
async fn message_delivered_twice_is_stored_once() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let records = [record("a", "one", 0, &[sample("up", "one", 0)])];
    // Two execution environments: the second has no memory of the first.
    for _ in 0..2 {
        let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
        assert!(event_ids(&bridge, &records).await.is_empty());
    }
    assert_eq!((receiver.requests().len(), receiver.stored().len()), (2, 1));
    assert!(seen.take("dead").is_empty());
}

#[tokio::test]
async fn event_ends_before_its_deadline() {
    let receiver = Receiver::start(|_| Reply::Stall).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
    let records = [record("a", "one", 0, &[sample("up", "one", 0)])];
    let left = Duration::from_millis(400);
    let handled = bridge.handle(event(&records), NOW, left);
    let response = tokio::time::timeout(Duration::from_secs(9), handled).await.unwrap();
    assert_eq!(response.batch_item_failures.len(), 1);
}

#[tokio::test]
async fn hung_bucket_keeps_messages_and_the_deadline() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let mut services = services(&seen, Aws::Accepts);
    // Accepts connections and never answers.
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
    let old = |id: &str| record(id, id, -3001, &[sample("up", id, -3001)]);
    let records = [old("a"), old("b"), record("c", "three", 0, &[sample("up", "three", 0)])];

    let left = Duration::from_millis(800);
    let handled = bridge.handle(event(&records), NOW, left);
    let response = tokio::time::timeout(left, handled).await.unwrap();

    let failures = response.batch_item_failures.into_iter();
    let stay: Vec<String> = failures.map(|failure| failure.item_identifier).collect();
    assert_eq!(stay, ["a", "b"]);
    assert_eq!(receiver.stored().len(), 1);
}

#[tokio::test]
async fn refused_secret_is_read_again() {
    let script = |request: &Request| {
        // As after a rotation: the first secret is refused.
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
    let mut services = services(&seen, Aws::Accepts);
    services.secrets = Secrets::new(
        mock_client!(aws_sdk_secretsmanager, RuleMode::Sequential, [&first, &second]),
        secrets::ParameterStore::new(&aws_config::SdkConfig::builder().build()),
    );
    let bridge = bridge(&receiver, "vigie/prometheus", services);
    let records = [record("a", "one", 0, &[sample("up", "one", 0)])];

    assert_eq!(event_ids(&bridge, &records).await, ["a"]);
    assert!(event_ids(&bridge, &[again(&records[0], 2)]).await.is_empty());
    assert_eq!(receiver.stored().len(), 1);
    assert!(seen.take("dead").is_empty());
}

#[tokio::test]
async fn secret_authenticates_requests() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "vigie/prometheus", services(&seen, Aws::Accepts));
    event_ids(&bridge, &[record("a", "one", 0, &[sample("up", "one", 0)])]).await;
    assert_eq!(receiver.requests()[0].headers["authorization"], "Basic bWU6aHVudGVyMg==");
}

/// `count` samples of a probe.
fn samples(name: &str, probe: &str, count: usize) -> Vec<Entry> {
    (0..count).map(|number| sample(&format!("{name}{number:04}"), probe, 0)).collect()
}

#[tokio::test]
async fn rejected_message_takes_few_requests_and_delays_no_other() {
    let script = |request: &Request| {
        if request.has("bad") { Reply::Refuse(400, "duplicate sample") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
    let records = [
        record("poison", "one", 0, &samples("bad", "one", 2000)),
        record("good", "two", 0, &samples("good", "two", 1)),
    ];

    assert!(event_ids(&bridge, &records).await.is_empty());

    // 2 log2(2000) + 8, and one for the good message.
    let requests = receiver.requests().len();
    assert!(requests <= 28 + 1, "{requests}");
    assert_eq!(receiver.stored().len(), 1);
    let dead = seen.take("dead");
    assert!(dead.iter().all(|record| record.contains("400 `duplicate sample`")), "{dead:?}");
    assert!(seen.take("metric").contains(&"SamplesRefused 2000".to_owned()));
}

#[tokio::test]
async fn series_that_always_gets_500_delays_no_other() {
    let script = |request: &Request| {
        if request.has("bad") { Reply::Refuse(500, "too old sample") } else { Reply::Store }
    };
    let receiver = Receiver::start(script).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
    let records = [
        record("a", "one", 0, &[sample("bad", "one", 0), sample("up", "one", 0)]),
        record("b", "two", 0, &[sample("up", "two", 0)]),
    ];

    assert!(event_ids(&bridge, &records).await.is_empty());
    assert_eq!(receiver.stored().len(), 2);
    let expected = "one dead-a-receiver_500 1 the receiver answered 500 `too old sample` to `bad`";
    assert_eq!(seen.take("dead"), [expected]);
}

#[tokio::test]
async fn decided_samples_are_dead_lettered_before_the_message_stays() {
    // The receiver goes away after it has rejected a sample of the first half.
    let script = |request: &Request| match request.samples.len() {
        _ if request.has("m0000") => Reply::Refuse(400, "out of order"),
        _ if request.has("m0003") => Reply::Refuse(503, "restarting"),
        _ => Reply::Store,
    };
    let receiver = Receiver::start(script).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
    let records = [record("a", "one", 0, &samples("m", "one", 4))];

    assert_eq!(event_ids(&bridge, &records).await, ["a"]);
    assert_eq!(seen.take("dead").len(), 1);
    let before = receiver.requests().len();

    // The rejected sample is not sent again.
    assert_eq!(event_ids(&bridge, &[again(&records[0], 2)]).await, ["a"]);
    let requests = receiver.requests();
    assert!(requests[before..].iter().all(|request| !request.has("m0000")));
    assert_eq!(seen.take("dead").len(), 1);
}
