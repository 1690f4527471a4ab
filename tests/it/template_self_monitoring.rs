//! Self-monitoring: every queue, topic and function has its alarms, and they go to the right topic.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::template::{CloudFormation, Resource, target};

fn template() -> CloudFormation {
    CloudFormation::load("template.yaml")
}

fn self_monitoring() -> CloudFormation {
    CloudFormation::load("self-monitoring.yaml")
}

#[test]
fn every_alarm_sets_the_treatment_of_missing_data() {
    for template in [self_monitoring(), CloudFormation::load("alarms.yaml")] {
        for alarm in template.of_type("AWS::CloudWatch::Alarm") {
            let treated = alarm.get("/TreatMissingData").as_str().unwrap_or_default();
            let known = ["missing", "ignore", "notBreaching", "breaching"].contains(&treated);
            assert!(known, "{}: {treated}", alarm.id);
            assert!(!alarm.get("/AlarmDescription").is_null(), "{}", alarm.id);
        }
    }
}

/// The alarm on a metric whose first dimension has this value.
fn alarm_on<'a>(alarms: &'a CloudFormation, metric: &str, dimension: &Value) -> Resource<'a> {
    let found = alarms.of_type("AWS::CloudWatch::Alarm").find(|alarm| {
        alarm.get("/MetricName") == metric && alarm.get("/Dimensions/0")["Value"] == *dimension
    });
    found.unwrap_or_else(|| panic!("no alarm on {metric} of {dimension}"))
}

/// Alarms on queues, topics and functions, with the resource they monitor.
fn monitored<'a>(
    template: &'a CloudFormation,
    alarms: &'a CloudFormation,
) -> Vec<(Resource<'a>, Resource<'a>)> {
    let mut metrics: Vec<(&str, Resource<'_>, &Value)> = Vec::new();
    for queue in template.of_type("AWS::SQS::Queue") {
        let is_dead = queue.id.ends_with("DeadLetters");
        let age = "ApproximateAgeOfOldestMessage";
        let metric = if is_dead { "ApproximateNumberOfMessagesVisible" } else { age };
        metrics.push((metric, queue, queue.get("/QueueName")));
    }
    for topic in template.of_type("AWS::SNS::Topic") {
        metrics.push(("NumberOfNotificationsFailed", topic, topic.get("/TopicName")));
    }
    for function in template.of_type("AWS::Serverless::Function") {
        let name = function.get("/FunctionName");
        // A throttled function raises the alarm on the age of its queue, or on missing data.
        metrics.push(("Errors", function, name));
    }
    let found = metrics.into_iter();
    found.map(|(metric, resource, name)| (resource, alarm_on(alarms, metric, name))).collect()
}

#[test]
fn every_queue_topic_and_function_has_its_alarms() {
    let (template, alarms) = (template(), self_monitoring());
    let monitored = monitored(&template, &alarms);
    assert!(monitored.len() >= 17, "only {} alarms", monitored.len());
    for (resource, alarm) in monitored {
        assert_eq!(alarm.attribute("Condition"), resource.attribute("Condition"), "{}", alarm.id);
    }
    let environment = serde_json::json!({ "Ref": "Environment" });
    let own = [
        "RunsDispatched",
        "RunsLost",
        "RunsLate",
        "RunErrors",
        "SamplesRefused",
        "SamplesArchived",
        "SamplesTooLarge",
        "ScrapesLate",
        "RecordsRejected",
    ];
    for metric in own {
        alarm_on(&alarms, metric, &environment);
    }
}

/// A condition of the nested stack is the condition of the same name in the stack.
#[test]
fn conditions_are_passed_by_parameter() {
    let (template, alarms) = (template(), self_monitoring());
    let stack = template.resource("SelfMonitoring");
    for (condition, parameter) in [
        ("HasBridge", "Bridge"),
        ("HasIngest", "Ingest"),
        ("HasEscalation", "Escalation"),
        ("HasStatusPage", "StatusPage"),
        ("HasLocations", "Locations"),
    ] {
        let passed = &stack.get("/Parameters")[parameter]["Fn::If"];
        assert_eq!(*passed, serde_json::json!([condition, "on", "off"]));
        let (_, read) = alarms.section("Conditions").find(|(name, _)| *name == condition).unwrap();
        assert_eq!(read["Fn::Equals"][0]["Ref"], parameter);
    }
}

#[test]
fn self_monitoring_alarms_bypass_the_functions() {
    let alarms = self_monitoring();
    for alarm in alarms.of_type("AWS::CloudWatch::Alarm") {
        let actions = alarm.get("/AlarmActions").as_array().unwrap();
        let topics: BTreeSet<String> = actions.iter().filter_map(target).collect();
        let is_own = alarm.id == "SelfMonitoringUndelivered";
        let topic = if is_own { "AlarmsTopicArn" } else { "SelfMonitoringTopicArn" };
        assert_eq!(topics, [topic.to_owned()].into(), "{}", alarm.id);
        // A new alarm has no data. Neither that nor its first value may send a notification.
        assert_ne!(alarm.get("/TreatMissingData"), "breaching", "{}", alarm.id);
        assert!(alarm.get("/OKActions").is_null(), "{}", alarm.id);
    }
    // CloudWatch's messages have no attributes, so a filter would drop them.
    for subscription in template().of_type("AWS::SNS::Subscription") {
        assert!(subscription.get("/FilterPolicy").is_null(), "{}", subscription.id);
    }
}

#[test]
fn no_topic_reports_its_own_failure() {
    let (template, alarms) = (template(), self_monitoring());
    let passed = template.resource("SelfMonitoring").get("/Parameters");
    for topic in template.of_type("AWS::SNS::Topic") {
        let alarm = alarm_on(&alarms, "NumberOfNotificationsFailed", topic.get("/TopicName"));
        let parameter = target(alarm.get("/AlarmActions/0")).unwrap();
        assert_ne!(target(&passed[&parameter]).as_deref(), Some(topic.id));
    }
}

#[test]
fn longest_run_does_not_look_unreported() {
    let alarms = self_monitoring();
    let alarm = alarms.resource("RunsUnreported");
    let number = |pointer: &str| alarm.get(pointer).as_u64().unwrap();
    let (periods, least) = (number("/EvaluationPeriods"), number("/DatapointsToAlarm"));
    let period = number("/Metrics/1/MetricStat/Period");
    assert_eq!((periods, period), (least, number("/Metrics/2/MetricStat/Period")));
    // The runs of the oldest period have had this time at least, and one waits up to two minutes in the queue.
    let had = (periods - 1) * period;
    let longest = domain::probe::longest_timeout(std::time::Duration::from_secs(86_400));
    assert!(had > longest.as_secs() + 150, "{had}");
}

#[test]
fn longest_run_does_not_raise_the_queue_age_alarm() {
    let (template, alarms) = (template(), self_monitoring());
    let queue = template.resource("RunsQueue").get("/QueueName");
    let alarm = alarm_on(&alarms, "ApproximateAgeOfOldestMessage", queue);
    // Sent up to two minutes before it is due, and published within half a minute of its end.
    let longest = domain::probe::longest_timeout(std::time::Duration::from_secs(86_400));
    assert!(alarm.get("/Threshold").as_u64() > Some(longest.as_secs() + 150));
}
