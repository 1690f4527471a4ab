use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
use aws_sdk_cloudwatch::types::MetricDatum;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectInput, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::error::NoSuchKey;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::operation::get_queue_attributes::{
    GetQueueAttributesError, GetQueueAttributesOutput,
};
use aws_sdk_sqs::operation::send_message_batch::{
    SendMessageBatchError, SendMessageBatchInput, SendMessageBatchOutput,
};
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, QueueAttributeName, SendMessageBatchRequestEntry,
    SendMessageBatchResultEntry,
};
use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};
use domain::run_request::RunRequest;

const MINUTE: &str = r#"{"scheduled_time":"2026-11-22T10:00:00Z"}"#;

fn dispatcher(variables: &str, sqs: &[&Rule], put: &Rule) -> Dispatcher {
    dispatcher_at("", variables, sqs, put)
}

fn dispatcher_at(locations: &str, variables: &str, sqs: &[&Rule], put: &Rule) -> Dispatcher {
    let key = mock!(S3::put_object).match_requests(is_key).then_output(put_done);
    dispatcher_with_key(&key, locations, variables, sqs, put)
}

fn is_key(request: &PutObjectInput) -> bool {
    request.key().is_some_and(|key| key.starts_with("signing/"))
}

fn put_done() -> PutObjectOutput {
    PutObjectOutput::builder().build()
}

fn no_such_key() -> GetObjectError {
    GetObjectError::NoSuchKey(NoSuchKey::builder().build())
}

fn dispatcher_with_key(
    key: &Rule,
    locations: &str,
    variables: &str,
    sqs: &[&Rule],
    put: &Rule,
) -> Dispatcher {
    let nothing_stored = mock!(S3::get_object).then_error(no_such_key);
    let storing = mock!(S3::put_object).then_output(put_done);
    let s3 = mock_client!(aws_sdk_s3, RuleMode::MatchAny, [key, &nothing_stored, &storing]);
    let probes = concat!(env!("CARGO_MANIFEST_DIR"), "/../../probes");
    dispatcher_of(probes, s3, locations, variables, sqs, put)
}

fn dispatcher_of(
    probes: &str,
    s3: S3,
    locations: &str,
    variables: &str,
    sqs: &[&Rule],
    put: &Rule,
) -> Dispatcher {
    let env = |name: &str| match name {
        "LOCATIONS" => Some(locations.to_owned()),
        "VIGIE_LOCATION" | "AWS_REGION" => Some("eu-west-3".to_owned()),
        "VIGIE_ENVIRONMENT" => Some("local".to_owned()),
        "RUNS_QUEUE_URL" => Some("http://queue/vigie-local-runs".to_owned()),
        "PROBE_VARIABLES" => Some(variables.to_owned()),
        "PROBES" => Some(probes.to_owned()),
        "PROBE_ALARMS" => Some("off".to_owned()),
        "REPORT_BUCKET" => Some("reports".to_owned()),
        "RUN_HISTORY" => Some("on".to_owned()),
        _ => None,
    };
    let config = Config::from_env(env).unwrap();
    let destinations =
        Destination::all(&config, |_| mock_client!(aws_sdk_sqs, RuleMode::MatchAny, sqs));
    let cloudwatch = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [put]);
    Dispatcher::new(config, s3, destinations, cloudwatch, None)
}

fn scheduled() -> ScheduleEvent {
    serde_json::from_str(MINUTE).unwrap()
}

/// Accepts every metric.
fn any_metric() -> Rule {
    mock!(CloudWatch::put_metric_data).then_output(|| PutMetricDataOutput::builder().build())
}

fn read(body: &str) -> RunRequest {
    let signed = SignedRequest::read(body).unwrap();
    assert!(signed.signature.is_some(), "{body}");
    RunRequest::read(&signed.request).unwrap()
}

fn runs(request: &SendMessageBatchInput) -> usize {
    let requests = request.entries().iter().map(|entry| read(entry.message_body()));
    requests.map(|request| request.runs.len()).sum()
}

fn accepted() -> SendMessageBatchOutput {
    let entry = |id: usize| {
        SendMessageBatchResultEntry::builder()
            .id(id.to_string())
            .message_id("m")
            .md5_of_message_body("d")
            .build()
    };
    let entries = (0..10).map(|id| entry(id).unwrap()).collect();
    SendMessageBatchOutput::builder()
        .set_successful(Some(entries))
        .set_failed(Some(vec![]))
        .build()
        .unwrap()
}

#[tokio::test]
async fn ten_second_probe_runs_six_times_a_minute() {
    let sent = mock!(Sqs::send_message_batch)
        .match_requests(|request| {
            request.queue_url() == Some("http://queue/vigie-local-runs") && runs(request) <= 10
        })
        .then_output(accepted);
    let metric = mock!(CloudWatch::put_metric_data)
        .match_requests(|request| {
            let [datum] = request.metric_data() else { return false };
            datum.metric_name() == Some("RunsDispatched") && datum.value() == Some(6.0)
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let dispatcher = dispatcher("DEMO_BOT_URL=http://127.0.0.1:7860", &[&sent], &metric);
    assert_eq!(dispatcher.dispatch(scheduled()).await.unwrap().runs, 6);
    assert_eq!(metric.num_calls(), 1);
}

#[test]
fn longest_timeout_is_that_of_a_probe_that_runs_here() {
    let probe = |name: &str, timeout: u64, environment: &str| -> Probe {
        serde_json::from_value(serde_json::json!({
            "name": name, "every_seconds": 1_800, "enabled": true, "timeout_seconds": timeout,
            "environments": [environment], "target": { "url": "http://127.0.0.1:1" },
            "retry": { "attempts": 0, "wait_seconds": 1 }, "objectives": {},
            "conversation": [{ "say": "hi" }],
            "alarm": { "down": { "m": 2, "n": 3 }, "degraded": { "m": 3, "n": 5 }, "severity": "page" },
        }))
        .unwrap()
    };
    let probes = [probe("a", 60, "prod"), probe("b", 600, "prod"), probe("c", 900, "dev")];
    let longest = longest_timeout(&probes, &"prod".parse().unwrap());
    assert_eq!(longest, Duration::from_secs(600));
    assert_eq!(longest_timeout(&[], &"prod".parse().unwrap()), Duration::ZERO);
}

#[tokio::test]
async fn each_location_gets_its_runs_although_one_fails() {
    let at = |url: &'static str, location: &'static str| {
        mock!(Sqs::send_message_batch).match_requests(move |request| {
            let bodies = request.entries().iter().map(SendMessageBatchRequestEntry::message_body);
            let mut requests = bodies.map(read);
            request.queue_url() == Some(url)
                && requests.all(|one| {
                    one.recorded && one.location.as_ref().is_some_and(|at| at.as_str() == location)
                })
        })
    };
    let home = at("http://queue/vigie-local-runs", "eu-west-3").then_output(accepted);
    let away = at("http://queue/vigie-local-of-eu-west-3-runs", "us-east-1")
        .then_error(|| SendMessageBatchError::unhandled("unreachable"));
    let office = at("http://queue/vigie-local-agent-office-runs", "office").then_output(accepted);
    let metric = mock!(CloudWatch::put_metric_data)
        .match_requests(|request| request.metric_data()[0].value() == Some(12.0))
        .then_output(|| PutMetricDataOutput::builder().build());
    let url = "DEMO_BOT_URL=http://127.0.0.1:7860";
    let locations = "eu-west-3,us-east-1,office";
    let dispatcher = dispatcher_at(locations, url, &[&home, &away, &office], &metric);
    let dispatched = dispatcher.dispatch(scheduled()).await.unwrap();
    assert_eq!((dispatched.runs, metric.num_calls()), (18, 1));
    assert!(home.num_calls() > office.num_calls(), "only the home location makes scrapes");
    assert!(office.num_calls() > 0 && away.num_calls() > 0);
}

#[tokio::test]
async fn dead_letters_of_other_locations_are_counted() {
    let at = |url: &'static str| {
        mock!(Sqs::get_queue_attributes)
            .match_requests(move |request| request.queue_url() == Some(url))
    };
    let away = at("http://queue/vigie-local-of-eu-west-3-runs-dead")
        .then_error(|| GetQueueAttributesError::unhandled("unreachable"));
    let office = at("http://queue/vigie-local-agent-office-runs-dead").then_output(|| {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        GetQueueAttributesOutput::builder().attributes(name, "3").build()
    });
    let metric = mock!(CloudWatch::put_metric_data)
        .match_requests(|request| {
            let [datum] = request.metric_data() else { return false };
            datum.metric_name() == Some("LocationDeadLetters") && datum.value() == Some(3.0)
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let locations = "eu-west-3,us-east-1,office";
    let dispatcher = dispatcher_at(locations, "", &[&away, &office], &metric);
    for (minute, counts) in [("12:04", 0), ("12:05", 1), ("12:06", 1), ("12:10", 2)] {
        let minute = format!("2026-11-30T{minute}:00Z").parse().unwrap();
        dispatcher.count_dead_letters(minute).await;
        assert_eq!((away.num_calls(), metric.num_calls()), (counts, counts), "{minute}");
    }
}

#[tokio::test]
async fn probe_with_unset_variable_is_counted_as_run_error() {
    let metric = mock!(CloudWatch::put_metric_data)
        .match_requests(|request| {
            let named = |datum: &MetricDatum| datum.metric_name() == Some("RunErrors");
            request.metric_data().iter().any(named)
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let dispatched = dispatcher("", &[], &metric).dispatch(scheduled()).await.unwrap();
    assert_eq!(dispatched, Dispatched { runs: 0, scrapes: 0, messages: 0 });
    assert_eq!(metric.num_calls(), 1);
}

#[tokio::test]
async fn refused_renewal_of_the_key_is_counted() {
    let stored = AtomicBool::new(false);
    let key = mock!(S3::put_object).match_requests(is_key).then_compute_response(move |_| {
        if stored.swap(true, Ordering::Relaxed) {
            MockResponse::Error(PutObjectError::unhandled("access denied"))
        } else {
            MockResponse::Output(PutObjectOutput::builder().build())
        }
    });
    let sent = mock!(Sqs::send_message_batch).then_output(accepted);
    let is_error = |datum: &MetricDatum| datum.metric_name() == Some("RunErrors");
    let counted = mock!(CloudWatch::put_metric_data)
        .match_requests(move |request| request.metric_data().iter().any(is_error))
        .then_output(|| PutMetricDataOutput::builder().build());
    let others = any_metric();
    let url = "DEMO_BOT_URL=http://127.0.0.1:7860";
    let mut dispatcher = dispatcher_with_key(&key, "", url, &[&sent], &others);
    dispatcher.cloudwatch =
        mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&counted, &others]);
    let next_day = ScheduleEvent { scheduled_time: "2026-11-23T10:00:00Z".parse().unwrap() };
    assert_eq!(dispatcher.dispatch(scheduled()).await.unwrap().runs, 6);
    assert_eq!((key.num_calls(), counted.num_calls()), (1, 0));
    assert_eq!(dispatcher.dispatch(next_day).await.unwrap().runs, 6, "the last key signs");
    assert_eq!((key.num_calls(), counted.num_calls()), (2, 1));
}

/// A bucket that keeps what was put last.
fn kept_object() -> [Rule; 2] {
    let object: &'static StdMutex<Option<Vec<u8>>> = Box::leak(Box::default());
    let put = mock!(S3::put_object).then_compute_output(move |request| {
        if !is_key(request) {
            *object.lock().unwrap() = request.body().bytes().map(<[u8]>::to_vec);
        }
        put_done()
    });
    let get = mock!(S3::get_object).then_compute_response(move |_| {
        match object.lock().unwrap().clone() {
            Some(bytes) => MockResponse::Output(
                GetObjectOutput::builder().body(ByteStream::from(bytes)).build(),
            ),
            None => MockResponse::Error(no_such_key()),
        }
    });
    [put, get]
}

#[tokio::test]
async fn probe_whose_file_breaks_runs_after_a_cold_start() {
    let layer = tempfile::tempdir().unwrap();
    let write = |every: &str| {
        let text = format!(
            "probe: bot\nevery: {every}\ntarget: {{ url: \"http://x\" }}\nconversation: [{{ say: hi }}]\n"
        );
        std::fs::write(layer.path().join("bot.yaml"), text).unwrap();
    };
    let [put, get] = kept_object();
    let sent = mock!(Sqs::send_message_batch).then_output(accepted);
    let is_error = |datum: &MetricDatum| datum.metric_name() == Some("RunErrors");
    let counted = mock!(CloudWatch::put_metric_data)
        .match_requests(move |request| request.metric_data().iter().any(is_error))
        .then_output(|| PutMetricDataOutput::builder().build());
    let others = any_metric();
    for (every, runs, errors) in [("10s", 6, 0), ("45s", 6, 1), ("20s", 3, 1)] {
        write(every);
        let s3 = mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&put, &get]);
        let probes = layer.path().to_str().unwrap();
        let mut dispatcher = dispatcher_of(probes, s3, "", "", &[&sent], &others);
        dispatcher.cloudwatch =
            mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&counted, &others]);
        assert_eq!(dispatcher.dispatch(scheduled()).await.unwrap().runs, runs, "{every}");
        assert_eq!(counted.num_calls(), errors, "{every}");
    }
}

#[tokio::test]
async fn failed_store_of_the_probes_is_counted_and_runs_are_sent() {
    let key = mock!(S3::put_object).match_requests(is_key).then_output(put_done);
    let get = mock!(S3::get_object).then_error(no_such_key);
    let refused = mock!(S3::put_object).then_error(|| PutObjectError::unhandled("access denied"));
    let s3 = mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&key, &get, &refused]);
    let sent = mock!(Sqs::send_message_batch).then_output(accepted);
    let counted = mock!(CloudWatch::put_metric_data)
        .match_requests(|request| request.metric_data()[0].metric_name() == Some("RunErrors"))
        .then_output(|| PutMetricDataOutput::builder().build());
    let others = any_metric();
    let probes = concat!(env!("CARGO_MANIFEST_DIR"), "/../../probes");
    let url = "DEMO_BOT_URL=http://127.0.0.1:7860";
    let mut dispatcher = dispatcher_of(probes, s3, "", url, &[&sent], &others);
    dispatcher.cloudwatch =
        mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&counted, &others]);
    assert_eq!(dispatcher.dispatch(scheduled()).await.unwrap().runs, 6);
    assert_eq!((refused.num_calls(), counted.num_calls()), (1, 1));
}

#[tokio::test]
async fn smoke_request_returns_a_plan_and_sends_nothing() {
    let event: Event = serde_json::from_str(r#"{"smoke_run_due":"2026-11-22T10:00:07Z"}"#).unwrap();
    let plan_with = async |variables| {
        let answer = dispatcher(variables, &[], &any_metric()).handle(event.clone()).await.unwrap();
        let plan = serde_json::from_value::<SignedPlan>(answer).unwrap();
        assert!(plan.run_request.signature.is_some(), "{plan:?}");
        (RunRequest::read(&plan.run_request.request).unwrap(), plan)
    };
    let (request, plan) = plan_with("DEMO_BOT_URL=http://127.0.0.1:7860").await;
    let [run] = &request.runs[..] else { panic!("{plan:?}") };
    assert_eq!((run.probe.name.as_str(), request.due.as_second() % 60), ("demo", 7));
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);

    let (request, plan) = plan_with("").await;
    assert!(request.runs.is_empty());
    assert!(plan.problems[0].contains("DEMO_BOT_URL"), "{:?}", plan.problems);
}

/// Six runs and six scrapes a minute.
const BATCHES: usize = 2;

/// The first message of a batch is rejected.
fn rejected(is_sender_fault: bool) -> SendMessageBatchOutput {
    let entry = BatchResultErrorEntry::builder()
        .id("0")
        .code("Throttled")
        .message("slow down")
        .sender_fault(is_sender_fault);
    let output = SendMessageBatchOutput::builder().set_successful(Some(vec![]));
    output.set_failed(Some(vec![entry.build().unwrap()])).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn message_rejected_once_is_sent_again_alone() {
    let is_second =
        |request: &SendMessageBatchInput| matches!(request.entries(), [only] if only.id() == "0");
    let first = mock!(Sqs::send_message_batch)
        .match_requests(move |request| !is_second(request))
        .then_output(|| rejected(false));
    let second = mock!(Sqs::send_message_batch).match_requests(is_second).then_output(accepted);
    let dispatcher =
        dispatcher("DEMO_BOT_URL=http://127.0.0.1:7860", &[&first, &second], &any_metric());
    dispatcher.dispatch(scheduled()).await.unwrap();
    assert_eq!((first.num_calls(), second.num_calls()), (BATCHES, BATCHES));
}

#[tokio::test(start_paused = true)]
async fn message_rejected_twice_is_an_error() {
    for (is_sender_fault, calls) in [(false, 2 * BATCHES), (true, BATCHES)] {
        let sent = mock!(Sqs::send_message_batch).then_output(move || rejected(is_sender_fault));
        let dispatcher = dispatcher("DEMO_BOT_URL=http://127.0.0.1:7860", &[&sent], &any_metric());
        let error = dispatcher.dispatch(scheduled()).await.unwrap_err();
        let diagnostic = Diagnostic::from(error);
        assert_eq!((diagnostic.error_type.as_str(), sent.num_calls()), ("Send", calls));
        let message = &diagnostic.error_message;
        let expected = "SQS rejected a message with `Throttled`: slow down";
        assert!(message.ends_with(expected), "{message}");
    }
}
