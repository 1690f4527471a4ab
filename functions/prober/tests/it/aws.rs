//! Mocked AWS clients, and events of the queue of runs.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use aws_sdk_cloudwatch::operation::put_metric_data::{PutMetricDataInput, PutMetricDataOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_s3::operation::delete_object::DeleteObjectOutput;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectInput, GetObjectOutput};
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::error::NoSuchKey;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_sdk_sqs::operation::change_message_visibility::ChangeMessageVisibilityOutput;
use aws_sdk_sqs::operation::delete_message::DeleteMessageOutput;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use domain::run_request::RunRequest;
use jiff::Timestamp;
use prober::{Prober, config_from_env};
use request_signing::{SignedRequest, SigningKey};
use run_executor::Clients;
use serde_json::{Value, json};
use testkit::gradio_app::{Answer, GradioApp};

/// More time than any test needs.
pub(crate) const PLENTY: Duration = Duration::from_secs(60);

pub(crate) const CANARY: &str = "canary-4711-of-the-mine";

/// A mock rule for each AWS operation.
pub(crate) struct Aws {
    pub(crate) metrics: Rule,
    pub(crate) samples: Rule,
    pub(crate) deleted: Rule,
    pub(crate) released: Rule,
    pub(crate) reports: Rule,
    pub(crate) keys: Rule,
    pub(crate) state_reads: Rule,
    pub(crate) state_deletes: Rule,
    pub(crate) claims: Rule,
    pub(crate) history: Rule,
    pub(crate) secrets: Rule,
}

impl Aws {
    pub(crate) fn accepting_all() -> Self {
        Self {
            metrics: mock!(aws_sdk_cloudwatch::Client::put_metric_data)
                .then_output(|| PutMetricDataOutput::builder().build()),
            samples: mock!(aws_sdk_sqs::Client::send_message_batch).then_output(accepted),
            deleted: mock!(aws_sdk_sqs::Client::delete_message)
                .match_requests(|request| {
                    request.queue_url() == Some("http://runs")
                        && request.receipt_handle() == Some("receipt of m-1")
                })
                .then_output(|| DeleteMessageOutput::builder().build()),
            released: mock!(aws_sdk_sqs::Client::change_message_visibility)
                .match_requests(|request| {
                    request.queue_url() == Some("http://runs")
                        && request
                            .receipt_handle()
                            .is_some_and(|id| id.starts_with("receipt of m-"))
                        && request.visibility_timeout() == Some(0)
                })
                .then_output(|| ChangeMessageVisibilityOutput::builder().build()),
            reports: mock!(aws_sdk_s3::Client::put_object)
                .then_output(|| PutObjectOutput::builder().build()),
            keys: mock!(aws_sdk_s3::Client::get_object).match_requests(is_key).then_output(|| {
                GetObjectOutput::builder().body(ByteStream::from_static(KEY)).build()
            }),
            state_reads: mock!(aws_sdk_s3::Client::get_object)
                .match_requests(|request| !is_key(request))
                .then_error(|| GetObjectError::NoSuchKey(NoSuchKey::builder().build())),
            state_deletes: mock!(aws_sdk_s3::Client::delete_object)
                .then_output(|| DeleteObjectOutput::builder().build()),
            claims: mock!(aws_sdk_dynamodb::Client::put_item)
                .then_output(|| PutItemOutput::builder().build()),
            history: mock!(aws_sdk_dynamodb::Client::update_item)
                .then_output(|| UpdateItemOutput::builder().build()),
            secrets: mock!(aws_sdk_secretsmanager::Client::get_secret_value)
                .then_output(|| GetSecretValueOutput::builder().secret_string(CANARY).build()),
        }
    }

    pub(crate) fn prober(&self) -> Prober {
        self.prober_with_memory(256)
    }

    pub(crate) fn prober_with_memory(&self, mib: usize) -> Prober {
        let env = |name: &str| match name {
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" => Some(mib.to_string()),
            "VIGIE_ENVIRONMENT" => Some("test".to_owned()),
            "RUNS_QUEUE_URL" => Some("http://runs".to_owned()),
            "SAMPLES_QUEUE_URL" => Some("http://samples".to_owned()),
            "REPORT_BUCKET" => Some("reports".to_owned()),
            "TABLE_NAME" => Some("table".to_owned()),
            _ => None,
        };
        let clients = Clients {
            cloudwatch: mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&self.metrics]),
            runs: mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&self.deleted, &self.released]),
            sqs: mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&self.samples]),
            s3: mock_client!(
                aws_sdk_s3,
                RuleMode::MatchAny,
                [&self.reports, &self.keys, &self.state_reads, &self.state_deletes]
            ),
            table: mock_client!(
                aws_sdk_dynamodb,
                RuleMode::MatchAny,
                [&self.claims, &self.history]
            ),
            secrets_manager: mock_client!(
                aws_sdk_secretsmanager,
                RuleMode::MatchAny,
                [&self.secrets]
            ),
            parameters: secrets::ParameterStore::new(&aws_config::SdkConfig::builder().build()),
        };
        Prober::new(config_from_env(env).unwrap(), clients)
    }
}

/// The key that signs the requests of the tests.
const KEY: &[u8] = &[7; 32];

pub(crate) fn is_key(request: &GetObjectInput) -> bool {
    request.key().is_some_and(|key| key.starts_with(request_signing::FOLDER))
}

/// The queue of samples accepts every message.
pub(crate) fn accepted() -> SendMessageBatchOutput {
    let accepted = SendMessageBatchOutput::builder().set_successful(Some(vec![]));
    accepted.set_failed(Some(vec![])).build().unwrap()
}

/// Another invocation has claimed the run.
pub(crate) fn already_claimed() -> Rule {
    mock!(aws_sdk_dynamodb::Client::put_item).then_error(|| {
        let accepted = ConditionalCheckFailedException::builder().build();
        PutItemError::ConditionalCheckFailedException(accepted)
    })
}

/// The values of a metric in one request.
pub(crate) fn named(request: &PutMetricDataInput, name: &str) -> Vec<f64> {
    let data = request.metric_data().iter().filter(|datum| datum.metric_name() == Some(name));
    data.flat_map(|datum| datum.values().to_vec()).collect()
}

/// An event with one run of each URL.
pub(crate) fn event(urls: &[&str], due: Timestamp) -> SqsEvent {
    let run = |(index, url): (usize, &&str)| {
        json!({ "id": format!("{index:016x}"), "probe": {
            "name": format!("bot-{index}"), "every_seconds": 10, "enabled": true, "timeout_seconds": 5,
            "target": { "url": url }, "retry": { "attempts": 0, "wait_seconds": 1 }, "objectives": {},
            "conversation": [{ "say": "hi", "expect": [{ "contains": "hello" }] }],
            "alarm": { "down": { "m": 2, "n": 3 }, "degraded": { "m": 3, "n": 5 }, "severity": "page" },
        }})
    };
    let runs: Vec<_> = urls.iter().enumerate().map(run).collect();
    let body = json!({ "version": 1, "environment": "test", "due": due, "runs": runs }).to_string();
    assert!(RunRequest::read(&body).is_ok());
    event_of(body)
}

/// The same event, for one of several locations.
pub(crate) fn at_location(event: &SqsEvent, location: &str) -> SqsEvent {
    changed(event, |request| request["location"] = location.into())
}

/// The same event, in an environment with a run history.
pub(crate) fn recorded(event: &SqsEvent) -> SqsEvent {
    changed(event, |request| request["recorded"] = true.into())
}

/// An event with one signed request, delivered for the first time.
pub(crate) fn event_of(request: String) -> SqsEvent {
    let signed = SigningKey::new("0123456789abcdef", KEY).unwrap().signed(request);
    raw_event(serde_json::to_string(&signed).unwrap())
}

/// The event with its request changed and signed again.
pub(crate) fn changed(event: &SqsEvent, change: impl FnOnce(&mut Value)) -> SqsEvent {
    let mut request = serde_json::from_str(&signed_of(event).request).unwrap();
    change(&mut request);
    event_of(request.to_string())
}

pub(crate) fn signed_of(event: &SqsEvent) -> SignedRequest {
    SignedRequest::read(event.records[0].body.as_deref().unwrap()).unwrap()
}

/// An event with one message.
pub(crate) fn raw_event(body: String) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = vec![message("m-1", body)];
    event
}

pub(crate) fn message(id: &str, body: String) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some(id.to_owned());
    message.receipt_handle = Some(format!("receipt of {id}"));
    message.body = Some(body);
    message
}

/// The same messages, delivered for the second time.
pub(crate) fn again(mut event: SqsEvent, first: Timestamp) -> SqsEvent {
    for message in &mut event.records {
        let mut attribute =
            |name: &str, value: String| message.attributes.insert(name.to_owned(), value);
        attribute("ApproximateReceiveCount", "2".to_owned());
        attribute("ApproximateFirstReceiveTimestamp", first.as_millisecond().to_string());
    }
    event
}

/// An app whose reply passes the probe's check.
pub(crate) async fn greeter() -> GradioApp {
    GradioApp::start(|_| Answer::text("hello")).await
}
