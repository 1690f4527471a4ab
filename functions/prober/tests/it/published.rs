//! What is published of a run, also when a destination fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_cloudwatch::operation::put_metric_data::{PutMetricDataError, PutMetricDataOutput};
use aws_sdk_cloudwatch::types::MetricDatum;
use aws_sdk_cloudwatch::types::error::InternalServiceFault;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchInput};
use aws_smithy_mocks::mock;
use jiff::Timestamp;
use serde_json::json;
use testkit::gradio_app::{Answer, GradioApp};

use crate::aws::{
    Aws, CANARY, PLENTY, accepted, at_location, changed, event, greeter, message, named, recorded,
};

#[tokio::test]
async fn up_run_publishes_metrics_and_samples_but_no_report() {
    let mut aws = Aws::accepting_all();
    aws.metrics = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(|request| {
            named(request, "Success") == [1.0] && named(request, "Degraded") == [0.0]
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    aws.samples = mock!(aws_sdk_sqs::Client::send_message_batch)
        .match_requests(|request: &SendMessageBatchInput| {
            let [entry] = request.entries() else { return false };
            entry.message_group_id() == Some("test/bot-0")
                && entry.message_deduplication_id() == Some("0000000000000000")
                && samples::message::decode(entry.message_body()).is_ok_and(|message| {
                    message.entries.iter().any(|entry| entry.series.name() == "probe_success")
                })
        })
        .then_output(accepted);
    let app = greeter().await;
    let answer =
        aws.prober().handle_queue(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 0);
    assert_eq!(
        (aws.metrics.num_calls(), aws.samples.num_calls(), aws.reports.num_calls()),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn run_at_a_location_has_metrics_and_samples_of_it() {
    let mut aws = Aws::accepting_all();
    aws.metrics = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(|request| {
            let is_located = |datum: &&MetricDatum| {
                let last = datum.dimensions().last();
                last.is_some_and(|one| {
                    (one.name(), one.value()) == (Some("Location"), Some("office"))
                })
            };
            let located = request.metric_data().iter().filter(is_located);
            let names: Vec<_> = located.filter_map(MetricDatum::metric_name).collect();
            names == ["Success", "TimeToFirstChunk"] && named(request, "Success") == [1.0, 1.0]
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    aws.samples = mock!(aws_sdk_sqs::Client::send_message_batch)
        .match_requests(|request: &SendMessageBatchInput| {
            let message = samples::message::decode(request.entries()[0].message_body()).unwrap();
            let mut labels = message.entries.iter().map(|entry| entry.series.label("location"));
            labels.all(|location| location == Some("office"))
        })
        .then_output(accepted);
    let app = greeter().await;
    let event = at_location(&event(&[&app.url], Timestamp::now()), "office");
    aws.prober().handle_queue(event, PLENTY).await.unwrap();
    assert_eq!((aws.metrics.num_calls(), aws.samples.num_calls()), (1, 1));
}

#[tokio::test]
async fn down_run_stores_its_report_as_json_page_and_latest() {
    let aws = Aws::accepting_all();
    aws.prober()
        .handle_queue(event(&["http://127.0.0.1:1"], Timestamp::now()), PLENTY)
        .await
        .unwrap();
    assert_eq!(
        (aws.metrics.num_calls(), aws.samples.num_calls(), aws.reports.num_calls()),
        (1, 1, 3)
    );
}

#[tokio::test]
async fn run_is_added_to_the_history_if_there_is_one() {
    let mut aws = Aws::accepting_all();
    aws.history = mock!(aws_sdk_dynamodb::Client::update_item)
        .match_requests(|request| {
            let key = request.key().expect("a key");
            let name = &request.expression_attribute_names().expect("a name")["#run"];
            request.table_name() == Some("table")
                && key["pk"].as_s().is_ok_and(|text| text == "history#bot-0")
                && key["sk"].as_s().is_ok_and(|text| text.starts_with("runs#20"))
                && name.starts_with('r')
                && name.ends_with("@office")
        })
        .then_output(|| UpdateItemOutput::builder().build());
    let app = greeter().await;
    let event = at_location(&event(&[&app.url], Timestamp::now()), "office");
    aws.prober().handle_queue(event.clone(), PLENTY).await.unwrap();
    assert_eq!((aws.history.num_calls(), aws.metrics.num_calls()), (0, 1));
    aws.prober().handle_queue(recorded(&event), PLENTY).await.unwrap();
    assert_eq!((aws.history.num_calls(), aws.metrics.num_calls()), (1, 2));
}

#[tokio::test]
async fn failed_history_stops_nothing_else() {
    let mut aws = Aws::accepting_all();
    aws.history = mock!(aws_sdk_dynamodb::Client::update_item)
        .then_error(|| UpdateItemError::unhandled("away"));
    let event = recorded(&event(&["http://127.0.0.1:1"], Timestamp::now()));
    let failed = aws.prober().handle_queue(event, PLENTY).await.unwrap_err();
    assert!(failed.to_string().contains("to the history"), "{failed}");
    let calls = [&aws.metrics, &aws.samples, &aws.reports].map(aws_smithy_mocks::Rule::num_calls);
    assert_eq!(calls, [1, 1, 3]);
}

#[tokio::test]
async fn failed_metrics_stop_neither_samples_nor_reports() {
    let mut aws = Aws::accepting_all();
    aws.metrics = mock!(aws_sdk_cloudwatch::Client::put_metric_data).then_error(|| {
        PutMetricDataError::InternalServiceFault(InternalServiceFault::builder().build())
    });
    let failed = aws
        .prober()
        .handle_queue(event(&["http://127.0.0.1:1"], Timestamp::now()), PLENTY)
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("CloudWatch"), "{failed}");
    assert_eq!((aws.samples.num_calls(), aws.reports.num_calls()), (1, 3));
}

#[tokio::test]
async fn failed_report_stops_neither_metrics_nor_samples() {
    let mut aws = Aws::accepting_all();
    aws.reports =
        mock!(aws_sdk_s3::Client::put_object).then_error(|| PutObjectError::unhandled("away"));
    let event = event(&["http://127.0.0.1:1"], Timestamp::now());
    let failed = aws.prober().handle_queue(event, PLENTY).await.unwrap_err();
    assert!(failed.to_string().contains("could not store"), "{failed}");
    assert_eq!((aws.metrics.num_calls(), aws.samples.num_calls()), (1, 1));
}

#[tokio::test]
async fn failed_samples_stop_neither_metrics_nor_reports() {
    let mut aws = Aws::accepting_all();
    aws.samples = mock!(aws_sdk_sqs::Client::send_message_batch)
        .then_error(|| SendMessageBatchError::unhandled("away"));
    let event = event(&["http://127.0.0.1:1"], Timestamp::now());
    let failed = aws.prober().handle_queue(event, PLENTY).await.unwrap_err();
    assert!(failed.to_string().contains("the queue of samples rejected a batch"), "{failed}");
    assert_eq!((aws.metrics.num_calls(), aws.reports.num_calls()), (1, 3));
}

#[tokio::test]
async fn request_with_unpublished_results_is_deleted() {
    let mut aws = Aws::accepting_all();
    let mut event = event(&["http://127.0.0.1:1"], Timestamp::now());
    aws.prober().handle_queue(event.clone(), PLENTY).await.unwrap();
    assert_eq!(aws.deleted.num_calls(), 0, "Lambda deletes the messages of a successful event");

    aws.reports =
        mock!(aws_sdk_s3::Client::put_object).then_error(|| PutObjectError::unhandled("away"));
    // The unreadable message is not deleted: the mock accepts only the receipt of m-1.
    event.records.push(message("m-2", "not JSON".to_owned()));
    aws.prober().handle_queue(event, PLENTY).await.unwrap_err();
    assert_eq!(aws.deleted.num_calls(), 1);
}

#[tokio::test]
async fn log_has_the_outcome_of_a_run_but_not_the_reply() {
    let (mut log, lines) = std::io::pipe().unwrap();
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(Mutex::new(lines));
    let logging = tracing::subscriber::set_default(lines.finish());
    let app = GradioApp::start(|_| Answer::text("my neighbour's name is Ada")).await;
    let aws = Aws::accepting_all();
    aws.prober().handle_queue(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    let with_secret = changed(&event(&[&app.url], Timestamp::now()), |request| {
        let url = &mut request["runs"][0]["probe"]["target"]["url"];
        *url = json!("http://${secret:vigie/bot#absent}");
    });
    aws.prober().handle_queue(with_secret, PLENTY).await.unwrap();
    drop(logging);

    let log = std::io::read_to_string(&mut log).unwrap();
    assert!(log.contains(r#"verdict="down" reason="check_failed""#), "{log}");
    assert!(!log.contains("Ada"), "{log}");
    assert!(log.contains(r#"verdict="run_error""#) && log.contains("absent"), "{log}");
}

#[tokio::test]
async fn user_agent_names_vigie_and_its_version() {
    let app = greeter().await;
    let prober = Aws::accepting_all().prober();
    prober.handle_queue(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    let agent = app.received()[0].headers["user-agent"].to_str().unwrap().to_owned();
    let expected = concat!("Vigie/", env!("CARGO_PKG_VERSION"), " (+https://");
    assert!(agent.starts_with(expected), "{agent}");
}

#[tokio::test]
async fn hanging_target_has_a_result_at_the_deadline() {
    let aws = Aws::accepting_all();
    let hangs = GradioApp::start(|_| Answer::Silence).await;
    let fine = greeter().await;
    // Without the reserve for publishing, half a second is left for the runs.
    let time_left = prober::RESERVE + Duration::from_millis(500);
    let event = event(&[&hangs.url, &fine.url], Timestamp::now());
    aws.prober().handle_queue(event, time_left).await.unwrap();
    // Both results were published, in one request or in two.
    assert!((1..=2).contains(&aws.metrics.num_calls()));
    assert_eq!(aws.reports.num_calls(), 3, "the run without a verdict has a report");
    assert_eq!(fine.received().len(), 1);
}

#[tokio::test]
async fn secret_repeated_by_the_app_is_in_no_request() {
    let sent = Arc::new(Mutex::new(String::new()));
    let recorder = |sent: &Arc<Mutex<String>>| {
        let sent = Arc::clone(sent);
        move |text: &str| sent.lock().unwrap().push_str(text)
    };
    let mut aws = Aws::accepting_all();
    let metrics = recorder(&sent);
    aws.metrics = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(move |request| {
            metrics(&format!("{request:?}"));
            true
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let samples = recorder(&sent);
    aws.samples = mock!(aws_sdk_sqs::Client::send_message_batch)
        .match_requests(move |request| {
            for entry in request.entries() {
                let message = samples::message::decode(entry.message_body()).unwrap();
                samples(&format!("{entry:?} {:?}", message.entries));
            }
            true
        })
        .then_output(accepted);
    let reports = recorder(&sent);
    aws.reports = mock!(aws_sdk_s3::Client::put_object)
        .match_requests(move |request| {
            reports(&String::from_utf8_lossy(request.body().bytes().unwrap()));
            true
        })
        .then_output(|| PutObjectOutput::builder().build());
    let app = GradioApp::start(|received| {
        let header = received.headers["authorization"].to_str().unwrap();
        Answer::text(format!("I received {header} {}", header.to_uppercase()))
    })
    .await;
    let event = changed(&event(&[&app.url], Timestamp::now()), |request| {
        request["runs"][0]["probe"]["target"]["auth"] = json!({ "bearer": "${secret:vigie/bot}" });
    });
    aws.prober().handle_queue(event, PLENTY).await.unwrap();

    assert_eq!(app.received()[0].headers["authorization"], format!("Bearer {CANARY}"));
    let sent = sent.lock().unwrap().to_lowercase();
    assert!(sent.contains("i received bearer [secret] bearer [secret]"), "{sent}");
    assert!(sent.contains("probe_success") && !sent.contains("4711"), "{sent}");
}

#[tokio::test]
async fn run_with_a_rotated_secret_is_repeated_with_the_new_one() {
    // name, secrets in the order of their fetches, expected value of `Success`
    let cases = [("rotated", ["old", "new"], 1.0), ("wrong", ["old", "old"], 0.0)];
    for (name, [first, second], success) in cases {
        let mut aws = Aws::accepting_all();
        let secret = |value: &'static str| {
            move || GetSecretValueOutput::builder().secret_string(value).build()
        };
        aws.secrets = mock!(aws_sdk_secretsmanager::Client::get_secret_value)
            .sequence()
            .output(secret(first))
            .output(secret(second))
            .build();
        aws.metrics = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
            .match_requests(move |request| named(request, "Success") == [success])
            .then_output(|| PutMetricDataOutput::builder().build());
        let app = GradioApp::start(|received| {
            match received.headers["authorization"].to_str().unwrap() {
                "Bearer new" => Answer::text("hello"),
                _ => Answer::Unauthorized,
            }
        })
        .await;
        let event = changed(&event(&[&app.url], Timestamp::now()), |request| {
            request["runs"][0]["probe"]["target"]["auth"] =
                json!({ "bearer": "${secret:vigie/bot}" });
        });
        aws.prober().handle_queue(event, PLENTY).await.unwrap();
        assert_eq!((aws.metrics.num_calls(), aws.secrets.num_calls()), (1, 2), "{name}");
    }
}
