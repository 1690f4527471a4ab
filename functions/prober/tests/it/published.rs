//! What is published of a run, whatever fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_cloudwatch::operation::put_metric_data::{PutMetricDataError, PutMetricDataOutput};
use aws_sdk_cloudwatch::types::error::InternalServiceFault;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchInput};
use aws_smithy_mocks::mock;
use jiff::Timestamp;
use serde_json::json;
use testkit::gradio_app::{Answer, GradioApp};

use crate::aws::{Aws, CANARY, PLENTY, event, greeter, message, named, taken};

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
        .then_output(taken);
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
async fn an_order_whose_results_were_not_all_published_does_not_come_back() {
    let mut aws = Aws::that_takes_all();
    let mut event = event(&["http://127.0.0.1:1"], Timestamp::now());
    aws.prober().handle(event.clone(), PLENTY).await.unwrap();
    assert_eq!(aws.deleted.num_calls(), 0, "what went well is Lambda's to delete");

    aws.reports =
        mock!(aws_sdk_s3::Client::put_object).then_error(|| PutObjectError::unhandled("away"));
    // What nobody could read is not deleted with it; the rule takes no other receipt than m-1's.
    event.records.push(message("m-2", "no order".to_owned()));
    aws.prober().handle(event, PLENTY).await.unwrap_err();
    assert_eq!(aws.deleted.num_calls(), 1);
}

#[tokio::test]
async fn the_log_says_how_a_run_ended_and_quotes_no_reply() {
    let (mut log, lines) = std::io::pipe().unwrap();
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(Mutex::new(lines));
    let logging = tracing::subscriber::set_default(lines.finish());
    let app = GradioApp::start(|_| Answer::text("my neighbour's name is Ada")).await;
    let aws = Aws::that_takes_all();
    aws.prober().handle(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    let mut of_a_secret = event(&[&app.url], Timestamp::now());
    let body = of_a_secret.records[0].body.take().unwrap();
    of_a_secret.records[0].body = Some(body.replace(&app.url, "http://${secret:vigie/bot#absent}"));
    aws.prober().handle(of_a_secret, PLENTY).await.unwrap();
    drop(logging);

    let log = std::io::read_to_string(&mut log).unwrap();
    assert!(log.contains(r#"verdict="down" reason="check_failed""#), "{log}");
    assert!(!log.contains("Ada"), "{log}");
    assert!(log.contains(r#"verdict="run_error""#) && log.contains("absent"), "{log}");
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
        .then_output(taken);
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
