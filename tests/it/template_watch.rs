//! What watches the watch: everything has its alarm, and each tells straight who is to know.

use std::collections::BTreeSet;

use testkit::template::{CloudFormation, Resource, target};

fn template() -> CloudFormation {
    CloudFormation::load("template.yaml")
}

#[test]
fn every_alarm_says_what_missing_data_means() {
    for template in [template(), CloudFormation::load("alarms.yaml")] {
        for alarm in template.of_type("AWS::CloudWatch::Alarm") {
            let treated = alarm.get("/TreatMissingData").as_str().unwrap_or_default();
            let known = ["missing", "ignore", "notBreaching", "breaching"].contains(&treated);
            assert!(known, "{}: {treated}", alarm.id);
            assert!(!alarm.get("/AlarmDescription").is_null(), "{}", alarm.id);
        }
    }
}

/// The alarm on a metric of a resource, or of the environment.
fn watching<'a>(template: &'a CloudFormation, metric: &str, what: &str) -> Resource<'a> {
    let mut alarms = template.of_type("AWS::CloudWatch::Alarm");
    let found = alarms.find(|alarm| {
        let of = target(&alarm.get("/Dimensions/0")["Value"]);
        alarm.get("/MetricName") == metric && of.as_deref() == Some(what)
    });
    found.unwrap_or_else(|| panic!("{what} has no alarm on {metric}"))
}

#[test]
fn every_queue_topic_and_function_is_watched() {
    let template = template();
    let mut metrics: Vec<(&str, Resource<'_>)> = Vec::new();
    for queue in template.of_type("AWS::SQS::Queue") {
        let of_dead = queue.id.ends_with("DeadLetters");
        let age = "ApproximateAgeOfOldestMessage";
        metrics.push((if of_dead { "ApproximateNumberOfMessagesVisible" } else { age }, queue));
    }
    for topic in template.of_type("AWS::SNS::Topic") {
        metrics.push(("NumberOfNotificationsFailed", topic));
    }
    for function in template.of_type("AWS::Serverless::Function") {
        metrics.extend(["Errors", "Throttles"].map(|metric| (metric, function)));
    }
    assert!(metrics.len() > 20, "only {} looked at", metrics.len());
    for (metric, resource) in metrics {
        let alarm = watching(&template, metric, resource.id);
        assert_eq!(alarm.attribute("Condition"), resource.attribute("Condition"), "{}", alarm.id);
    }
    for metric in ["RunsDispatched", "RunsLost", "RunsLate", "RunErrors", "SamplesRefused"] {
        watching(&template, metric, "Environment");
    }
}

#[test]
fn the_watch_is_told_straight_and_never_by_a_first_deploy() {
    let template = template();
    for alarm in template.of_type("AWS::CloudWatch::Alarm") {
        let actions = alarm.get("/AlarmActions").as_array().unwrap();
        let topics: BTreeSet<String> = actions.iter().filter_map(target).collect();
        // That the watch's own mails do not arrive is told by the way of the pages.
        let by = if alarm.id == "SelfMonitoringUndelivered" {
            "AlarmsTopic"
        } else {
            "SelfMonitoringTopic"
        };
        assert_eq!(topics, [by.to_owned()].into(), "{}", alarm.id);
        // An alarm begins without data: neither that nor the first value after it is news.
        assert_ne!(alarm.get("/TreatMissingData"), "breaching", "{}", alarm.id);
        assert!(alarm.get("/OKActions").is_null(), "{}", alarm.id);
    }
    // Nothing may filter what the watch says: it carries no attributes.
    for subscription in template.of_type("AWS::SNS::Subscription") {
        assert!(subscription.get("/FilterPolicy").is_null(), "{}", subscription.id);
    }
}

#[test]
fn no_topic_tells_of_its_own_failure() {
    let template = template();
    for topic in template.of_type("AWS::SNS::Topic") {
        let alarm = watching(&template, "NumberOfNotificationsFailed", topic.id);
        assert_ne!(target(alarm.get("/AlarmActions/0")).as_deref(), Some(topic.id));
    }
}

#[test]
fn a_visit_as_long_as_they_may_be_is_no_queue_that_waits() {
    let template = template();
    let alarm = watching(&template, "ApproximateAgeOfOldestMessage", "RunsQueue");
    // Sent up to two minutes before it is due, and published within half a minute of its end.
    let longest = domain::probe::longest_timeout(std::time::Duration::from_secs(86_400));
    assert!(alarm.get("/Threshold").as_u64() > Some(longest.as_secs() + 150));
}
