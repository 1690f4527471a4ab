//! Which orders are carried out: each run once, none too late, none lost without a word.

use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::types::error::InternalServerError;
use aws_smithy_mocks::mock;
use jiff::{SignedDuration, Timestamp};
use prober::{Answer as Answered, Event};

use crate::aws::{Aws, PLENTY, again, claimed, event, event_of, greeter};

#[tokio::test]
async fn a_run_that_was_claimed_before_is_not_made_again() {
    let mut aws = Aws::that_takes_all();
    aws.claims = claimed();
    let app = greeter().await;
    aws.prober().handle(event(&[&app.url], Timestamp::now()), PLENTY).await.unwrap();
    assert_eq!((app.received().len(), aws.figures.num_calls()), (0, 0));
}

#[tokio::test]
async fn a_run_that_an_invocation_took_down_with_it_is_counted_as_lost() {
    let mut aws = Aws::that_takes_all();
    aws.claims = claimed();
    aws.figures = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
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
    let answer = aws.prober().handle(event, PLENTY).await.unwrap();
    assert_eq!((app.received().len(), aws.figures.num_calls()), (0, 1));
    assert_eq!(answer.batch_item_failures.len(), 0, "it is counted once");
}

#[tokio::test]
async fn a_duplicate_of_an_order_that_is_being_carried_out_counts_nothing() {
    let mut aws = Aws::that_takes_all();
    aws.claims = claimed();
    let app = greeter().await;
    let now = Timestamp::now();
    // The longest visit goes on for ten minutes.
    for seconds in [5, 640] {
        let first = now - SignedDuration::from_secs(seconds);
        let event = again(event(&[&app.url], first), first);
        aws.prober().handle(event, PLENTY).await.unwrap();
    }
    assert_eq!((app.received().len(), aws.figures.num_calls()), (0, 0));
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
async fn an_order_of_an_unknown_version_is_handed_back_and_comes_again_at_once() {
    let aws = Aws::that_takes_all();
    let answer =
        aws.prober().handle(event_of(r#"{"version":9}"#.to_owned()), PLENTY).await.unwrap();
    let ids: Vec<&str> =
        answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    assert_eq!(ids, ["m-1"]);
    assert_eq!((aws.hurried.num_calls(), aws.deleted.num_calls()), (1, 0));
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
