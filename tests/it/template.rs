//! Properties of the CloudFormation templates: names, parameters, settings, limits.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use testkit::template::{CloudFormation, Resource, branches, target};

pub(super) fn template() -> CloudFormation {
    CloudFormation::load("template.yaml")
}

/// The stack and its nested stacks.
pub(super) fn all() -> [CloudFormation; 6] {
    [
        "template.yaml",
        "alarms.yaml",
        "self-monitoring.yaml",
        "dashboard.yaml",
        "metric-stream.yaml",
        "status-page.yaml",
    ]
    .map(CloudFormation::load)
}

fn is_dead_letters(queue: Resource<'_>) -> bool {
    queue.id.ends_with("DeadLetters")
}

/// A name as the template writes it: `vigie-ENV-runs`.
fn name(value: &Value) -> String {
    let text = value["Fn::Sub"].as_str().or(value.as_str()).expect("a name");
    text.replace("${Environment}", "ENV")
}

#[test]
fn published_names_are_stable() {
    let template = template();
    let names = |kind: &'static str, property: &str| -> BTreeSet<String> {
        template.of_type(kind).map(|resource| name(resource.get(property))).collect()
    };
    let expected = |names: &[&str]| names.iter().map(|name| format!("vigie-ENV{name}")).collect();
    let functions: BTreeSet<String> =
        expected(&["-dispatcher", "-prober", "-bridge", "-ingest", "-alerts"]);
    assert_eq!(names("AWS::Serverless::Function", "/FunctionName"), functions);
    let topics: BTreeSet<String> =
        expected(&["-alarms", "-notifications", "-tickets", "-escalation", "-self-monitoring"]);
    assert_eq!(names("AWS::SNS::Topic", "/TopicName"), topics);
    let queues: BTreeSet<String> = expected(&[
        "-runs",
        "-runs-dead",
        "-samples.fifo",
        "-samples-dead.fifo",
        "-alerts",
        "-alerts-dead",
        "-schedule-dead",
    ]);
    assert_eq!(names("AWS::SQS::Queue", "/QueueName"), queues);
    assert_eq!(name(template.resource("Table").get("/TableName")), "vigie-ENV");
    let dashboard = CloudFormation::load("dashboard.yaml");
    assert_eq!(name(dashboard.resource("Dashboard").get("/DashboardName")), "vigie-ENV");
}

#[test]
fn environments_share_no_name_and_no_metric() {
    const NAMES: [&str; 10] = [
        "AlarmName",
        "AliasName",
        "BucketName",
        "DashboardName",
        "FunctionName",
        "LogGroupName",
        "Name",
        "QueueName",
        "TableName",
        "TopicName",
    ];
    let mut seen = 0;
    for template in all() {
        for resource in template.resources() {
            for property in NAMES {
                let value = resource.get(&format!("/{property}"));
                // A generated name contains the name of the stack, and so of the environment.
                if value.is_null() {
                    continue;
                }
                let text = value.to_string();
                let is_own = text.contains("${Environment}") || text.contains("\"Ref\"");
                assert!(is_own, "{}: {property} {text} lacks the environment", resource.id);
                seen += 1;
            }
            let is_own = resource.get("/Namespace") == "Vigie";
            if is_own && resource.kind() == "AWS::CloudWatch::Alarm" {
                let dimensions =
                    resource.get("/Dimensions").as_array().cloned().unwrap_or_default();
                let named = dimensions.iter().any(|one| one["Name"] == "Environment");
                assert!(named, "{} has no dimension Environment", resource.id);
            }
        }
    }
    assert!(seen > 30, "only {seen} names were found");
}

#[test]
fn every_parameter_has_a_description_and_a_pattern() {
    for template in all() {
        for (parameter, body) in template.section("Parameters") {
            let described = body["Description"].as_str().is_some_and(|text| text.len() > 10);
            assert!(described, "{parameter} has no description");
        }
    }
    let template = template();
    let parameters: BTreeMap<&str, &Value> = template.section("Parameters").collect();
    for name in [
        "Environment",
        "AlertEmail",
        "SelfMonitoringEmail",
        "HeartbeatUrl",
        "Language",
        "RemoteWriteUrl",
        "RemoteWriteAuth",
        "Metrics",
        "Architecture",
        "ProbeVariables",
        "VpcSubnetIds",
    ] {
        assert!(parameters.contains_key(name), "{name}");
    }
    for (parameter, body) in &parameters {
        let free_text = body["Type"] == "String" && body["AllowedValues"].is_null();
        assert!(!free_text || body["AllowedPattern"].is_string(), "{parameter} has no pattern");
        // Only the environment has no default.
        assert_eq!(body["Default"].is_null(), *parameter == "Environment", "{parameter}");
    }
}

#[test]
fn nested_stacks_receive_all_their_parameters() {
    let template = template();
    let mut seen = 0;
    for stack in template.of_type("AWS::Serverless::Application") {
        let nested = CloudFormation::load(stack.get("/Location").as_str().unwrap());
        let passed = stack.get("/Parameters").as_object().unwrap();
        let taken: BTreeSet<&str> = nested.section("Parameters").map(|(name, _)| name).collect();
        let passed: BTreeSet<&str> = passed.keys().map(String::as_str).collect();
        assert_eq!(passed, taken, "{}", stack.id);
        seen += 1;
    }
    assert_eq!(seen, 5);
    let alarms = CloudFormation::load("alarms.yaml");
    let outputs: Vec<&str> = alarms.section("Outputs").map(|(name, _)| name).collect();
    assert_eq!(outputs, ["Alarms1", "Alarms2", "Alarms3", "Alarms4"]);
}

#[test]
fn functions_are_packaged_from_the_build_folder() {
    let template = template();
    for function in template.of_type("AWS::Serverless::Function") {
        let short = name(function.get("/FunctionName")).replace("vigie-ENV-", "");
        let metadata = function.attribute("Metadata");
        assert_eq!(metadata["SkipBuild"], true, "{short}");
        assert_eq!(function.get("/CodeUri"), format!("../target/lambda/{short}").as_str());
    }
}

#[test]
fn functions_receive_the_settings_they_read() {
    let template = template();
    let given: BTreeMap<&str, BTreeSet<&str>> = template
        .of_type("AWS::Serverless::Function")
        .map(|function| {
            let settings = function.get("/Environment/Variables").as_object().unwrap();
            (function.id, settings.keys().map(String::as_str).collect())
        })
        .collect();
    let expected: &[(&str, &[&str])] = &[
        (
            "Dispatcher",
            &[
                "RUNS_QUEUE_URL",
                "LOCATIONS",
                "REPORT_BUCKET",
                "PROBES",
                "PROBE_ALARMS",
                "PROBE_VARIABLES",
                "RUN_HISTORY",
                "STATUS_PAGE",
                "STATUS_BUCKET",
                "STATUS_ADDRESS",
                "TABLE_NAME",
                "LANGUAGE",
            ],
        ),
        (
            "Prober",
            &[
                "RUNS_QUEUE_URL",
                "SAMPLES_QUEUE_URL",
                "REPORT_BUCKET",
                "TABLE_NAME",
                "METRICS",
                "HOME_REGION",
            ],
        ),
        (
            "Bridge",
            &[
                "REMOTE_WRITE_URL",
                "REMOTE_WRITE_AUTH",
                "REMOTE_WRITE_PROTOCOL",
                "REMOTE_WRITE_MAX_AGE_SECONDS",
                "REPORT_BUCKET",
                "SAMPLES_QUEUE_URL",
                "SAMPLES_DEAD_LETTER_URL",
            ],
        ),
        ("Ingest", &["SAMPLES_QUEUE_URL"]),
        (
            "Alerts",
            &[
                "ALARMS_TOPIC_ARN",
                "ALERTMANAGER_REPEAT_SECONDS",
                "NOTIFICATIONS_TOPIC_ARN",
                "TICKETS_TOPIC_ARN",
                "ESCALATION_TOPIC_ARN",
                "SELF_MONITORING_TOPIC_ARN",
                "NOTIFICATIONS_EMAILS",
                "TICKETS_EMAILS",
                "ESCALATION_EMAILS",
                "SELF_MONITORING_EMAILS",
                "TABLE_NAME",
                "REPORT_BUCKET",
                "STATUS_PAGE",
                "ALERTS_QUEUE_URL",
                "LANGUAGE",
                "TIME_ZONE",
                "GROUP_WINDOW_SECONDS",
                "REMINDER_SECONDS",
                "ESCALATE_AFTER_SECONDS",
                "DASHBOARD_NAME",
                "HEARTBEAT_URL",
                "EVENT_BUS_NAME",
                "ROUTES_FILE",
            ],
        ),
    ];
    for (function, settings) in expected {
        assert_eq!(given[function], settings.iter().copied().collect(), "{function}");
    }
    assert_eq!(given.len(), expected.len());
}

#[test]
fn queues_have_long_timeouts_and_dead_letter_queues() {
    let template = template();
    for queue in template.of_type("AWS::SQS::Queue").filter(|queue| !is_dead_letters(*queue)) {
        let dead = target(queue.get("/RedrivePolicy/deadLetterTargetArn")).expect(queue.id);
        let dead = template.resource(&dead);
        assert_eq!(dead.get("/FifoQueue"), queue.get("/FifoQueue"), "{}", queue.id);
        assert_eq!(dead.attribute("Condition"), queue.attribute("Condition"), "{}", queue.id);
        let kept = |queue: Resource<'_>| queue.get("/MessageRetentionPeriod").as_u64();
        // A message keeps its age when it is moved.
        assert!(kept(dead) >= kept(queue), "{}", queue.id);
        // Lambda recommends at least five, since a throttled invocation counts as a receive:
        // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        let receives = queue.get("/RedrivePolicy/maxReceiveCount").as_u64().unwrap();
        assert!(receives >= 5, "{}: {receives}", queue.id);
    }
    let mut readers = 0;
    for function in template.of_type("AWS::Serverless::Function") {
        let timeout = function.get("/Timeout").as_u64().expect("a timeout");
        assert!(timeout <= 900);
        for (_, event) in function.get("/Events").as_object().into_iter().flatten() {
            let queue = template.resource(&target(&event["Properties"]["Queue"]).unwrap());
            let visibility = queue.get("/VisibilityTimeout").as_u64().unwrap();
            assert!(visibility >= 6 * timeout, "{}: {visibility} < 6 × {timeout}", queue.id);
            let partial = &event["Properties"]["FunctionResponseTypes"][0];
            assert_eq!(partial, "ReportBatchItemFailures", "{}", function.id);
            readers += 1;
        }
    }
    assert_eq!(readers, 3, "prober, bridge and alerts read queues");
}

#[test]
fn prober_has_time_for_the_longest_conversation() {
    let template = template();
    let timeout = template.resource("Prober").get("/Timeout").as_u64().unwrap();
    let longest = domain::probe::longest_timeout(std::time::Duration::from_secs(86_400));
    assert!(timeout > longest.as_secs() + 60);
}

#[test]
fn functions_start_after_their_log_group() {
    let template = template();
    for function in template.of_type("AWS::Serverless::Function") {
        let group = target(function.get("/LoggingConfig/LogGroup")).expect(function.id);
        let name = template.resource(&group).get("/LogGroupName");
        let expected = format!("/aws/lambda/vigie-${{Environment}}-{}", function.id.to_lowercase());
        assert_eq!(name["Fn::Sub"], expected.as_str());
    }
    // The function sends messages to its own queue.
    assert_eq!(template.resource("Alerts").get("/RecursiveLoop"), "Allow");
}

#[test]
fn every_log_group_has_a_retention() {
    let template = template();
    assert!(template.of_type("AWS::Logs::LogGroup").count() >= 5);
    for group in template.of_type("AWS::Logs::LogGroup") {
        assert_eq!(group.get("/RetentionInDays")["Ref"], "LogRetentionDays", "{}", group.id);
    }
}

/// A new account has 10 concurrent executions. Dispatcher and alerts need some of them.
#[test]
fn default_concurrency_fits_a_new_account() {
    let template = template();
    let parameters: BTreeMap<&str, &Value> = template.section("Parameters").collect();
    let mut limited = 0;
    for function in template.of_type("AWS::Serverless::Function") {
        for reserved in branches(function.get("/ReservedConcurrentExecutions")) {
            let Some(parameter) = reserved["Ref"].as_str() else { continue };
            assert_eq!(parameters[parameter]["Default"], "", "{parameter}");
        }
        for (_, event) in function.get("/Events").as_object().into_iter().flatten() {
            for scaling in branches(&event["Properties"]["ScalingConfig"]) {
                let Some(parameter) = scaling["MaximumConcurrency"]["Ref"].as_str() else {
                    continue;
                };
                let default = parameters[parameter]["Default"].as_str().unwrap();
                limited += default.parse::<u32>().expect("a number");
            }
        }
    }
    assert!((4..=7).contains(&limited), "{limited} executions of prober and bridge");
}

#[test]
fn only_the_emulator_omits_unsupported_resources() {
    for template in all() {
        for resource in template.of_type("AWS::CloudWatch::AlarmMuteRule") {
            assert!(resource.attribute("Condition").is_string(), "{}", resource.id);
        }
        let math =
            template.of_type("AWS::CloudWatch::Alarm").filter(|one| !one.get("/Metrics").is_null());
        for alarm in math {
            assert_eq!(alarm.attribute("Condition"), "OnAws", "{}", alarm.id);
        }
    }
}

#[test]
fn conditional_resources_have_their_conditions() {
    let template = template();
    let conditional: BTreeMap<&str, &str> = template
        .resources()
        .filter_map(|one| Some((one.id, one.attribute("Condition").as_str()?)))
        .collect();
    assert_eq!(conditional["Bridge"], "HasBridge");
    assert_eq!(conditional["SamplesQueue"], "HasBridge");
    assert_eq!(conditional["Ingest"], "HasIngest");
    assert_eq!(conditional["StatusBucket"], "HasStatusPage");
    assert_eq!(conditional["StatusDistribution"], "HasPublicStatusPage");
    assert_eq!(conditional["EscalationTopic"], "HasEscalation");
    // Self-monitoring and notifications are unconditional.
    for id in [
        "AlarmsTopic",
        "AlertsQueue",
        "Alerts",
        "NotificationsTopic",
        "SelfMonitoringTopic",
        "Prober",
        "Dispatcher",
        "SelfMonitoring",
    ] {
        assert!(!conditional.contains_key(id), "{id}");
    }
}
