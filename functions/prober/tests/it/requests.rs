//! Which runs of a request are made: each once, none late, and a lost one is counted.

use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::types::error::InternalServerError;
use aws_smithy_mocks::mock;
use jiff::{SignedDuration, Timestamp};
use prober::{Event, Response};
use request_signing::SignedRequest;

use crate::aws::{
    Aws, PLENTY, again, already_claimed, at_location, event, event_of, greeter, raw_event,
    signed_of,
};

#[tokio::test]
async fn run_claimed_before_is_not_made_again() {
    let mut aws = Aws::accepting_all();
    aws.claims = already_claimed();
    let app = greeter().await;
    aws.prober().handle_queue(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    assert_eq!((app.received().len(), aws.metrics.num_calls()), (0, 0));
}

#[tokio::test]
async fn run_of_a_crashed_invocation_is_counted_as_lost() {
    let mut aws = Aws::accepting_all();
    aws.claims = already_claimed();
    aws.metrics = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(|request| {
            request
                .metric_data()
                .iter()
                .all(|datum| datum.metric_name() == Some("RunsLost") && datum.value() == Some(1.0))
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let app = greeter().await;
    let begun = Timestamp::now() - SignedDuration::from_secs(5_400);
    let event = again(event(&[&app.url], begun), begun);
    let answer = aws.prober().handle_queue(event, PLENTY).await.unwrap();
    assert_eq!((app.received().len(), aws.metrics.num_calls()), (0, 1));
    assert_eq!(answer.batch_item_failures.len(), 0, "the message is deleted");
}

#[tokio::test]
async fn duplicate_of_a_request_in_progress_is_not_counted() {
    let mut aws = Aws::accepting_all();
    aws.claims = already_claimed();
    let app = greeter().await;
    let now = Timestamp::now();
    // The longest run takes ten minutes.
    for seconds in [5, 640] {
        let first = now - SignedDuration::from_secs(seconds);
        let event = again(event(&[&app.url], first), first);
        aws.prober().handle_queue(event, PLENTY).await.unwrap();
    }
    assert_eq!((app.received().len(), aws.metrics.num_calls()), (0, 0));
}

#[tokio::test]
async fn claim_retried_after_a_lost_response_succeeds() {
    let mut aws = Aws::accepting_all();
    aws.claims = mock!(aws_sdk_dynamodb::Client::put_item)
        .match_requests(|request| {
            let own = request.item().and_then(|item| item.get("owner"));
            let allowed =
                request.expression_attribute_values().and_then(|values| values.get(":owner"));
            // The key has the environment: another one in the account may have the same probe.
            let key = request.item().and_then(|item| item.get("pk")?.as_s().ok());
            own.is_some()
                && own == allowed
                && key.is_some_and(|key| key == "run#test#bot-0")
                && request.condition_expression()
                    == Some("attribute_not_exists(pk) OR #owner = :owner")
        })
        .then_output(|| PutItemOutput::builder().build());
    let app = greeter().await;
    aws.prober().handle_queue(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    assert_eq!((app.received().len(), aws.claims.num_calls()), (1, 1));
}

#[tokio::test]
async fn each_location_claims_its_own_run() {
    let due = Timestamp::now();
    for (location, key) in [(None, due.to_string()), (Some("office"), format!("{due}#office"))] {
        let mut aws = Aws::accepting_all();
        aws.claims = mock!(aws_sdk_dynamodb::Client::put_item)
            .match_requests(move |request| {
                request.item().and_then(|item| item.get("sk")?.as_s().ok()) == Some(&key)
            })
            .then_output(|| PutItemOutput::builder().build());
        let app = greeter().await;
        let event = event(&[&app.url], due);
        let event = location.map_or_else(|| event.clone(), |name| at_location(&event, name));
        aws.prober().handle_queue(event, PLENTY).await.unwrap();
        assert_eq!((app.received().len(), aws.claims.num_calls()), (1, 1), "{location:?}");
    }
}

#[tokio::test]
async fn run_is_made_when_the_table_fails() {
    let mut aws = Aws::accepting_all();
    aws.claims = mock!(aws_sdk_dynamodb::Client::put_item)
        .then_error(|| PutItemError::InternalServerError(InternalServerError::builder().build()));
    let app = greeter().await;
    aws.prober().handle_queue(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    assert_eq!(app.received().len(), 1);
}

#[tokio::test]
async fn run_late_by_an_interval_is_dropped_and_counted() {
    let mut aws = Aws::accepting_all();
    aws.metrics = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(|request| {
            request
                .metric_data()
                .iter()
                .all(|datum| datum.metric_name() == Some("RunsLate") && datum.value() == Some(1.0))
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let app = greeter().await;
    let due = Timestamp::now() - SignedDuration::from_secs(11);
    aws.prober().handle_queue(event(&[&app.url], due), PLENTY).await.unwrap();
    assert_eq!((app.received().len(), aws.metrics.num_calls()), (0, 1));
}

#[tokio::test]
async fn test_message_is_recorded_in_the_table() {
    let mut aws = Aws::accepting_all();
    aws.claims = mock!(aws_sdk_dynamodb::Client::put_item)
        .match_requests(|request| {
            let text = |name: &str| request.item()?.get(name)?.as_s().ok().map(String::as_str);
            (text("pk"), text("sk")) == (Some("test#b7d1"), Some("prober"))
        })
        .then_output(|| PutItemOutput::builder().build());
    let now = Timestamp::now();
    let request = format!(r#"{{"version":1,"environment":"test","due":"{now}","test":"b7d1"}}"#);
    let body = serde_json::to_string(&SignedRequest::new(request, None)).unwrap();
    let answer = aws.prober().handle_queue(raw_event(body), PLENTY).await.unwrap();
    assert_eq!((aws.claims.num_calls(), aws.metrics.num_calls()), (1, 0));
    assert_eq!(answer.batch_item_failures.len(), 0, "the message is deleted");
}

#[tokio::test]
async fn request_of_unknown_version_is_returned_at_once() {
    let aws = Aws::accepting_all();
    let answer =
        aws.prober().handle_queue(raw_event(r#"{"version":9}"#.to_owned()), PLENTY).await.unwrap();
    let ids: Vec<&str> =
        answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    assert_eq!(ids, ["m-1"]);
    assert_eq!((aws.released.num_calls(), aws.deleted.num_calls()), (1, 0));
}

#[tokio::test]
async fn request_without_the_signature_makes_no_run() {
    let app = greeter().await;
    let signed = signed_of(&event(&[&app.url], Timestamp::now()));
    let unsigned = SignedRequest { signature: None, ..signed.clone() };
    let forged = SignedRequest { request: signed.request.replace("hi", "ho"), ..signed.clone() };
    for (name, request) in [("unsigned", unsigned), ("forged", forged)] {
        let aws = Aws::accepting_all();
        let body = serde_json::to_string(&request).unwrap();
        let queued = aws.prober().handle_queue(raw_event(body), PLENTY).await.unwrap();
        assert_eq!(queued.batch_item_failures.len(), 1, "{name}");
        assert_eq!((aws.released.num_calls(), aws.claims.num_calls()), (1, 0), "{name}");
        let direct = aws.prober().handle(Event::Direct(request), PLENTY).await.unwrap_err();
        assert_eq!(lambda_runtime::Diagnostic::from(direct).error_type, "Rejected", "{name}");
        assert_eq!(app.received().len(), 0, "{name}");
    }
}

#[tokio::test]
async fn direct_run_is_published_and_its_report_returned() {
    let aws = Aws::accepting_all();
    let app = greeter().await;
    let queued = event(&[&app.url, "http://127.0.0.1:1"], Timestamp::now());
    let request: Event = serde_json::from_str(queued.records[0].body.as_deref().unwrap()).unwrap();
    let Response::Direct(mut reports) = aws.prober().handle(request, PLENTY).await.unwrap() else {
        panic!("expected reports")
    };
    reports.sort_by(|a, b| a.probe.cmp(&b.probe));
    let verdicts: Vec<_> = reports.iter().map(|report| report.outcome.as_str()).collect();
    assert_eq!(verdicts, ["up", "down"]);
    assert_eq!((aws.metrics.num_calls(), aws.claims.num_calls()), (1, 0));

    let queued: Event = serde_json::from_value(serde_json::to_value(&queued).unwrap()).unwrap();
    assert!(matches!(queued, Event::Queue(event) if event.records.len() == 1));
}

#[tokio::test]
async fn late_scrape_is_dropped_and_counted() {
    let mut aws = Aws::accepting_all();
    aws.metrics = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(|request| {
            request.metric_data().iter().all(|datum| {
                datum.metric_name() == Some("ScrapesLate") && datum.value() == Some(1.0)
            })
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let due = Timestamp::now() - SignedDuration::from_secs(16);
    let body = serde_json::json!({ "version": 1, "environment": "test", "due": due, "scrapes": [{
        "probe": "bot", "target": { "url": "http://127.0.0.1:1" }, "path": "/metrics",
        "job": "bots", "every_seconds": 15, "timeout_seconds": 10,
    }]});
    aws.prober().handle_queue(event_of(body.to_string()), PLENTY).await.unwrap();
    assert_eq!((aws.metrics.num_calls(), aws.samples.num_calls()), (1, 0));
}
