//! Orders in, requests to AWS out: what is published whatever fails, and what is made only once.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use aws_sdk_cloudwatch::operation::put_metric_data::{
    PutMetricDataError, PutMetricDataInput, PutMetricDataOutput,
};
use aws_sdk_cloudwatch::types::error::InternalServiceFault;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::types::error::{ConditionalCheckFailedException, InternalServerError};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_sdk_sqs::operation::send_message_batch::{
    SendMessageBatchError, SendMessageBatchInput, SendMessageBatchOutput,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use domain::message::Orders;
use jiff::{SignedDuration, Timestamp};
use prober::{Answer as Answered, Clients, Config, Event, Prober};
use serde_json::json;
use testkit::gradio_app::{Answer, GradioApp};

/// The AWS of a test, with a rule for each way out.
struct Aws {
    figures: Rule,
    samples: Rule,
    reports: Rule,
    claims: Rule,
    secrets: Rule,
}

const CANARY: &str = "canary-4711-of-the-mine";

impl Aws {
    fn that_takes_all() -> Self {
        Self {
            figures: mock!(aws_sdk_cloudwatch::Client::put_metric_data)
                .then_output(|| PutMetricDataOutput::builder().build()),
            samples: mock!(aws_sdk_sqs::Client::send_message_batch).then_output(|| {
                SendMessageBatchOutput::builder()
                    .set_successful(Some(vec![]))
                    .set_failed(Some(vec![]))
                    .build()
                    .unwrap()
            }),
            reports: mock!(aws_sdk_s3::Client::put_object)
                .then_output(|| PutObjectOutput::builder().build()),
            claims: mock!(aws_sdk_dynamodb::Client::put_item)
                .then_output(|| PutItemOutput::builder().build()),
            secrets: mock!(aws_sdk_secretsmanager::Client::get_secret_value)
                .then_output(|| GetSecretValueOutput::builder().secret_string(CANARY).build()),
        }
    }

    fn prober(&self) -> Prober {
        let look_up = |name: &str| match name {
            "VIGIE_ENVIRONMENT" => Some("test".to_owned()),
            "SAMPLES_QUEUE_URL" => Some("http://samples".to_owned()),
            "REPORT_BUCKET" => Some("reports".to_owned()),
            "TABLE_NAME" => Some("table".to_owned()),
            _ => None,
        };
        let clients = Clients {
            cloudwatch: mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&self.figures]),
            sqs: mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&self.samples]),
            s3: mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&self.reports]),
            table: mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&self.claims]),
            secrets_manager: mock_client!(
                aws_sdk_secretsmanager,
                RuleMode::MatchAny,
                [&self.secrets]
            ),
            parameters: mock_client!(aws_sdk_ssm, []),
        };
        Prober::new(Config::from_env(&look_up).unwrap(), clients)
    }
}

/// An event with one run of each URL, due now.
fn event(urls: &[&str], due: Timestamp) -> SqsEvent {
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
    assert!(Orders::read(&body).is_ok());
    event_of(body)
}

fn event_of(body: String) -> SqsEvent {
    let mut message = SqsMessage::default();
    message.message_id = Some("m-1".to_owned());
    message.body = Some(body);
    let mut event = SqsEvent::default();
    event.records = vec![message];
    event
}

fn named(request: &PutMetricDataInput, name: &str) -> Vec<f64> {
    let data = request.metric_data().iter().filter(|datum| datum.metric_name() == Some(name));
    data.flat_map(|datum| datum.values().to_vec()).collect()
}

async fn greeter() -> GradioApp {
    GradioApp::start(|_| Answer::text("hello")).await
}

const PLENTY: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_up_run_publishes_figures_and_samples_and_stores_no_report() {
    let mut aws = Aws::that_takes_all();
    aws.figures = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(|request| {
            named(request, "Success") == [1.0] && named(request, "Degraded") == [0.0]
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    aws.samples = mock!(aws_sdk_sqs::Client::send_message_batch)
        .match_requests(|request: &SendMessageBatchInput| {
            let [entry] = request.entries() else { return false };
            entry.message_group_id() == Some("test/bot-0")
                && entry.message_deduplication_id() == Some("0000000000000000")
                && forward::message::decode(entry.message_body()).is_ok_and(|message| {
                    message.entries.iter().any(|entry| entry.series.name() == "probe_success")
                })
        })
        .then_output(|| {
            SendMessageBatchOutput::builder()
                .set_successful(Some(vec![]))
                .set_failed(Some(vec![]))
                .build()
                .unwrap()
        });
    let app = greeter().await;
    let answer = aws.prober().handle(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 0);
    assert_eq!(
        (aws.figures.num_calls(), aws.samples.num_calls(), aws.reports.num_calls()),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn a_down_run_stores_its_report_as_json_and_page_and_as_the_latest() {
    let aws = Aws::that_takes_all();
    aws.prober().handle(event(&["http://127.0.0.1:1"], Timestamp::now()), PLENTY).await.unwrap();
    assert_eq!(
        (aws.figures.num_calls(), aws.samples.num_calls(), aws.reports.num_calls()),
        (1, 1, 3)
    );
}

#[tokio::test]
async fn when_cloudwatch_refuses_the_samples_and_reports_still_leave_and_the_invocation_fails() {
    let mut aws = Aws::that_takes_all();
    aws.figures = mock!(aws_sdk_cloudwatch::Client::put_metric_data).then_error(|| {
        PutMetricDataError::InternalServiceFault(InternalServiceFault::builder().build())
    });
    let failed = aws
        .prober()
        .handle(event(&["http://127.0.0.1:1"], Timestamp::now()), PLENTY)
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("metrics were not taken by CloudWatch"), "{failed}");
    assert_eq!((aws.samples.num_calls(), aws.reports.num_calls()), (1, 3));
}

#[tokio::test]
async fn when_s3_refuses_the_figures_and_samples_still_leave_and_the_invocation_fails() {
    let mut aws = Aws::that_takes_all();
    aws.reports =
        mock!(aws_sdk_s3::Client::put_object).then_error(|| PutObjectError::unhandled("away"));
    let event = event(&["http://127.0.0.1:1"], Timestamp::now());
    let failed = aws.prober().handle(event, PLENTY).await.unwrap_err();
    assert!(failed.to_string().contains("was not stored"), "{failed}");
    assert_eq!((aws.figures.num_calls(), aws.samples.num_calls()), (1, 1));
}

#[tokio::test]
async fn when_the_queue_of_samples_refuses_the_figures_and_reports_still_leave_and_the_invocation_fails()
 {
    let mut aws = Aws::that_takes_all();
    aws.samples = mock!(aws_sdk_sqs::Client::send_message_batch)
        .then_error(|| SendMessageBatchError::unhandled("away"));
    let event = event(&["http://127.0.0.1:1"], Timestamp::now());
    let failed = aws.prober().handle(event, PLENTY).await.unwrap_err();
    assert!(failed.to_string().contains("the queue of samples did not take"), "{failed}");
    assert_eq!((aws.figures.num_calls(), aws.reports.num_calls()), (1, 3));
}

#[tokio::test]
async fn a_bot_can_tell_a_probe_from_a_person() {
    let app = greeter().await;
    let prober = Aws::that_takes_all().prober();
    prober.handle(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    let agent = app.received()[0].headers["user-agent"].to_str().unwrap().to_owned();
    let expected = concat!("Vigie/", env!("CARGO_PKG_VERSION"), " (+https://");
    assert!(agent.starts_with(expected), "{agent}");
}

#[tokio::test]
async fn a_target_that_hangs_holds_up_no_other_and_has_a_result_when_our_time_is_over() {
    let aws = Aws::that_takes_all();
    let hangs = GradioApp::start(|_| Answer::Silence).await;
    let fine = greeter().await;
    // The reserve for publishing is kept back: what is left for the visits is half a second.
    let time_left = prober::RESERVE + Duration::from_millis(500);
    let event = event(&[&hangs.url, &fine.url], Timestamp::now());
    aws.prober().handle(event, time_left).await.unwrap();
    // Both results were published, in one request or in two.
    assert!((1..=2).contains(&aws.figures.num_calls()));
    assert_eq!(aws.reports.num_calls(), 3, "the run without a verdict has a report");
    assert_eq!(fine.received().len(), 1);
}

#[tokio::test]
async fn a_run_that_was_claimed_before_is_not_made_again() {
    let mut aws = Aws::that_takes_all();
    aws.claims = mock!(aws_sdk_dynamodb::Client::put_item).then_error(|| {
        PutItemError::ConditionalCheckFailedException(
            ConditionalCheckFailedException::builder().build(),
        )
    });
    let app = greeter().await;
    aws.prober().handle(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    assert_eq!((app.received().len(), aws.figures.num_calls()), (0, 0));
}

#[tokio::test]
async fn a_run_that_an_invocation_took_down_with_it_is_counted_as_lost() {
    let mut aws = Aws::that_takes_all();
    aws.claims = mock!(aws_sdk_dynamodb::Client::put_item).then_error(|| {
        PutItemError::ConditionalCheckFailedException(
            ConditionalCheckFailedException::builder().build(),
        )
    });
    aws.figures = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(|request| {
            request
                .metric_data()
                .iter()
                .all(|datum| datum.metric_name() == Some("RunsLost") && datum.value() == Some(1.0))
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let app = greeter().await;
    let mut event = event(&[&app.url], Timestamp::now());
    event.records[0].attributes.insert("ApproximateReceiveCount".to_owned(), "2".to_owned());
    aws.prober().handle(event, PLENTY).await.unwrap();
    assert_eq!((app.received().len(), aws.figures.num_calls()), (0, 1));
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_not_taken_by_itself() {
    let mut aws = Aws::that_takes_all();
    aws.claims = mock!(aws_sdk_dynamodb::Client::put_item)
        .match_requests(|request| {
            let own = request.item().and_then(|item| item.get("owner"));
            let allowed =
                request.expression_attribute_values().and_then(|values| values.get(":owner"));
            // Of this environment alone: another one in the account has a probe of the same name.
            let key = request.item().and_then(|item| item.get("pk")?.as_s().ok());
            own.is_some()
                && own == allowed
                && key.is_some_and(|key| key == "run#test#bot-0")
                && request.condition_expression()
                    == Some("attribute_not_exists(pk) OR #owner = :owner")
        })
        .then_output(|| PutItemOutput::builder().build());
    let app = greeter().await;
    aws.prober().handle(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    assert_eq!((app.received().len(), aws.claims.num_calls()), (1, 1));
}

#[tokio::test]
async fn a_table_that_fails_stops_no_run() {
    let mut aws = Aws::that_takes_all();
    aws.claims = mock!(aws_sdk_dynamodb::Client::put_item)
        .then_error(|| PutItemError::InternalServerError(InternalServerError::builder().build()));
    let app = greeter().await;
    aws.prober().handle(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    assert_eq!(app.received().len(), 1);
}

#[tokio::test]
async fn a_run_that_is_an_interval_late_is_dropped_and_counted() {
    let mut aws = Aws::that_takes_all();
    aws.figures = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(|request| {
            request
                .metric_data()
                .iter()
                .all(|datum| datum.metric_name() == Some("RunsLate") && datum.value() == Some(1.0))
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let app = greeter().await;
    let due = Timestamp::now() - SignedDuration::from_secs(11);
    aws.prober().handle(event(&[&app.url], due), PLENTY).await.unwrap();
    assert_eq!((app.received().len(), aws.figures.num_calls()), (0, 1));
}

#[tokio::test]
async fn an_order_of_an_unknown_version_is_handed_back() {
    let aws = Aws::that_takes_all();
    let answer =
        aws.prober().handle(event_of(r#"{"version":9}"#.to_owned()), PLENTY).await.unwrap();
    let ids: Vec<&str> =
        answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    assert_eq!(ids, ["m-1"]);
}

#[tokio::test]
async fn what_a_bot_repeats_of_a_secret_is_in_no_request() {
    let sent = Arc::new(Mutex::new(String::new()));
    let note = |sent: &Arc<Mutex<String>>| {
        let sent = Arc::clone(sent);
        move |text: &str| sent.lock().unwrap().push_str(text)
    };
    let mut aws = Aws::that_takes_all();
    let figures = note(&sent);
    aws.figures = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(move |request| {
            figures(&format!("{request:?}"));
            true
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let samples = note(&sent);
    aws.samples = mock!(aws_sdk_sqs::Client::send_message_batch)
        .match_requests(move |request| {
            for entry in request.entries() {
                let message = forward::message::decode(entry.message_body()).unwrap();
                samples(&format!("{entry:?} {:?}", message.entries));
            }
            true
        })
        .then_output(|| {
            let answer = SendMessageBatchOutput::builder().set_successful(Some(vec![]));
            answer.set_failed(Some(vec![])).build().unwrap()
        });
    let reports = note(&sent);
    aws.reports = mock!(aws_sdk_s3::Client::put_object)
        .match_requests(move |request| {
            reports(&String::from_utf8_lossy(request.body().bytes().unwrap()));
            true
        })
        .then_output(|| PutObjectOutput::builder().build());
    let app = GradioApp::start(|received| {
        let header = received.headers["authorization"].to_str().unwrap();
        Answer::text(format!("I was told {header} {}", header.to_uppercase()))
    })
    .await;
    let mut event = event(&[&app.url], Timestamp::now());
    let mut body: serde_json::Value =
        serde_json::from_str(event.records[0].body.as_deref().unwrap()).unwrap();
    body["runs"][0]["probe"]["target"]["auth"] = json!({ "bearer": "${secret:vigie/bot}" });
    event.records[0].body = Some(body.to_string());
    aws.prober().handle(event, PLENTY).await.unwrap();

    assert_eq!(app.received()[0].headers["authorization"], format!("Bearer {CANARY}"));
    let sent = sent.lock().unwrap().to_lowercase();
    assert!(sent.contains("i was told bearer [secret] bearer [secret]"), "{sent}");
    assert!(sent.contains("probe_success") && !sent.contains("4711"), "{sent}");
}

#[tokio::test]
async fn a_run_by_hand_is_published_and_its_report_given_back() {
    let aws = Aws::that_takes_all();
    let app = greeter().await;
    let asked = event(&[&app.url, "http://127.0.0.1:1"], Timestamp::now());
    let orders: Event = serde_json::from_str(asked.records[0].body.as_deref().unwrap()).unwrap();
    let Answered::ByHand(mut reports) = aws.prober().answer(orders, PLENTY).await.unwrap() else {
        panic!("answered as if the queue had asked")
    };
    reports.sort_by(|a, b| a.probe.cmp(&b.probe));
    let verdicts: Vec<_> = reports.iter().map(|report| report.outcome.as_str()).collect();
    assert_eq!(verdicts, ["up", "down"]);
    assert_eq!((aws.figures.num_calls(), aws.claims.num_calls()), (1, 0));

    let queued: Event = serde_json::from_value(serde_json::to_value(&asked).unwrap()).unwrap();
    assert!(matches!(queued, Event::Queue(event) if event.records.len() == 1));
}
