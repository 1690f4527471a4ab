//! What `infra/template.yaml` promises: names, limits, encryption, least privilege.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use testkit::template::{CloudFormation, Resource, branches, target};

fn template() -> CloudFormation {
    CloudFormation::load("template.yaml")
}

/// Both the stack and the one of the probes' alarms.
fn both() -> [CloudFormation; 2] {
    [template(), CloudFormation::load("alarms.yaml")]
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
fn names_are_those_that_users_hold_on_to() {
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
    assert_eq!(name(template.resource("Dashboard").get("/DashboardName")), "vigie-ENV");
}

#[test]
fn two_environments_in_one_account_share_neither_a_name_nor_a_figure() {
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
    for template in both() {
        for resource in template.resources() {
            for property in NAMES {
                let value = resource.get(&format!("/{property}"));
                // A name that CloudFormation makes holds the stack's, which holds the environment's.
                if value.is_null() {
                    continue;
                }
                let text = value.to_string();
                let is_own = text.contains("${Environment}") || text.contains("\"Ref\"");
                assert!(is_own, "{} has the {property} {text} in every environment", resource.id);
                seen += 1;
            }
            let ours = resource.get("/Namespace") == "Vigie";
            if ours && resource.kind() == "AWS::CloudWatch::Alarm" {
                let dimensions =
                    resource.get("/Dimensions").as_array().cloned().unwrap_or_default();
                let named = dimensions.iter().any(|one| one["Name"] == "Environment");
                assert!(named, "{} looks at the figures of every environment", resource.id);
            }
        }
    }
    assert!(seen > 30, "only {seen} names were found");
}

#[test]
fn parameters_of_the_readme_are_there_and_each_is_described() {
    for template in both() {
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
        assert!(!free_text || body["AllowedPattern"].is_string(), "{parameter} takes anything");
        // Only the name of the environment has to be given.
        assert_eq!(body["Default"].is_null(), *parameter == "Environment", "{parameter}");
    }
}

#[test]
fn every_parameter_of_the_alarms_stack_is_passed_down() {
    let [template, alarms] = both();
    let passed = template.resource("Alarms").get("/Parameters").as_object().unwrap();
    let taken: BTreeSet<&str> = alarms.section("Parameters").map(|(name, _)| name).collect();
    assert_eq!(passed.keys().map(String::as_str).collect::<BTreeSet<_>>(), taken);
    let outputs: Vec<&str> = alarms.section("Outputs").map(|(name, _)| name).collect();
    assert_eq!(outputs, ["Alarms1", "Alarms2", "Alarms3", "Alarms4"]);
}

#[test]
fn every_function_is_packaged_from_where_the_one_build_of_all_leaves_it() {
    let template = template();
    for function in template.of_type("AWS::Serverless::Function") {
        let short = name(function.get("/FunctionName")).replace("vigie-ENV-", "");
        let metadata = function.attribute("Metadata");
        assert_eq!(metadata["SkipBuild"], true, "{short}");
        assert_eq!(function.get("/CodeUri"), format!("../target/lambda/{short}").as_str());
    }
}

#[test]
fn every_function_is_told_the_settings_it_reads() {
    let template = template();
    let told: BTreeMap<&str, BTreeSet<&str>> = template
        .of_type("AWS::Serverless::Function")
        .map(|function| {
            let settings = function.get("/Environment/Variables").as_object().unwrap();
            (function.id, settings.keys().map(String::as_str).collect())
        })
        .collect();
    let expected: &[(&str, &[&str])] = &[
        ("Dispatcher", &["RUNS_QUEUE_URL", "PROBES", "PROBE_ALARMS", "PROBE_VARIABLES"]),
        (
            "Prober",
            &["RUNS_QUEUE_URL", "SAMPLES_QUEUE_URL", "REPORT_BUCKET", "TABLE_NAME", "METRICS"],
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
        ("Ingest", &["SAMPLES_QUEUE_URL", "ACCESS_KEY_SECRET"]),
        (
            "Alerts",
            &[
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
                "ALERTS_QUEUE_URL",
                "LANGUAGE",
                "TIME_ZONE",
                "GROUP_WINDOW_SECONDS",
                "REMINDER_SECONDS",
                "ESCALATE_AFTER_SECONDS",
                "DASHBOARD_NAME",
                "HEARTBEAT_URL",
            ],
        ),
    ];
    for (function, settings) in expected {
        assert_eq!(told[function], settings.iter().copied().collect(), "{function}");
    }
    assert_eq!(told.len(), expected.len());
}

#[test]
fn queues_outlast_their_readers_and_keep_what_nobody_takes() {
    let template = template();
    for queue in template.of_type("AWS::SQS::Queue").filter(|queue| !is_dead_letters(*queue)) {
        let dead = target(queue.get("/RedrivePolicy/deadLetterTargetArn")).expect(queue.id);
        let dead = template.resource(&dead);
        assert_eq!(dead.get("/FifoQueue"), queue.get("/FifoQueue"), "{}", queue.id);
        assert_eq!(dead.attribute("Condition"), queue.attribute("Condition"), "{}", queue.id);
        let kept = |queue: Resource<'_>| queue.get("/MessageRetentionPeriod").as_u64();
        // A message keeps its age when it is moved.
        assert!(kept(dead) >= kept(queue), "{}", queue.id);
        // Lambda asks for five at least, since a throttled poll uses up one:
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
fn the_prober_has_time_for_the_longest_conversation() {
    let template = template();
    let timeout = template.resource("Prober").get("/Timeout").as_u64().unwrap();
    let longest = domain::probe::longest_timeout(std::time::Duration::from_secs(86_400));
    assert!(timeout > longest.as_secs() + 60);
}

#[test]
fn everything_at_rest_is_encrypted_with_our_key() {
    let template = template();
    let encrypted: &[(&str, &str)] = &[
        ("AWS::SQS::Queue", "/KmsMasterKeyId"),
        ("AWS::SNS::Topic", "/KmsMasterKeyId"),
        ("AWS::Logs::LogGroup", "/KmsKeyId"),
        ("AWS::DynamoDB::Table", "/SSESpecification/KMSMasterKeyId"),
        ("AWS::SecretsManager::Secret", "/KmsKeyId"),
        ("AWS::Serverless::Function", "/KmsKeyArn"),
    ];
    for (kind, property) in encrypted {
        assert!(template.of_type(kind).count() > 0, "{kind}");
        for resource in template.of_type(kind) {
            assert_eq!(target(resource.get(property)).as_deref(), Some("Key"), "{}", resource.id);
        }
    }
    assert_eq!(template.resource("Key").get("/EnableKeyRotation"), true);
}

#[test]
fn every_log_group_forgets() {
    let template = template();
    assert!(template.of_type("AWS::Logs::LogGroup").count() >= 5);
    for group in template.of_type("AWS::Logs::LogGroup") {
        assert_eq!(group.get("/RetentionInDays")["Ref"], "LogRetentionDays", "{}", group.id);
    }
}

#[test]
fn the_report_bucket_is_private_forgets_and_lets_the_stack_be_deleted() {
    let template = template();
    let bucket = template.resource("ReportBucket");
    let closed = bucket.get("/PublicAccessBlockConfiguration").as_object().unwrap();
    assert!(closed.len() == 4 && closed.values().all(|value| *value == true));
    let rule = bucket.get("/LifecycleConfiguration/Rules/0");
    assert_eq!((&rule["Status"], &rule["Prefix"]), (&"Enabled".into(), &Value::Null));
    // CloudFormation refuses to delete a bucket that holds something, and the stack with it.
    assert_eq!(bucket.attribute("DeletionPolicy"), "Retain");
    assert!(bucket.get("/BucketName").is_null(), "the next stack of this name makes its own");
}

#[test]
fn roles_name_what_they_may_touch() {
    let template = template();
    let unlimited =
        |statement: &testkit::template::Statement<'_>| statement.resources().contains("*");
    let mut seen = 0;
    for role in template.of_type("AWS::IAM::Role") {
        for statement in role.role_statements() {
            seen += 1;
            let (role, sid) = (role.id, statement.sid());
            assert!(
                statement.actions().iter().all(|action| !action.ends_with('*')),
                "{role} {sid}"
            );
            if !unlimited(&statement) {
                continue;
            }
            match statement.actions().as_slice() {
                // AWS offers no resource for either; the namespace limits what can be limited.
                ["cloudwatch:PutMetricData"] => {
                    let namespace = statement.condition("StringEquals", "cloudwatch:namespace");
                    assert_eq!(namespace, "Vigie", "{role}");
                }
                ["cloudwatch:GetMetricData"] => {}
                // With anything narrower DescribeAlarms leaves composite alarms out, and what it
                // leaves out counts as deleted: nobody would be reminded of it.
                ["cloudwatch:DescribeAlarms", "cloudwatch:ListAlarmMuteRules"] => {
                    assert_eq!(role, "AlertsRole");
                }
                // Lambda asks for it when it puts a function into a VPC.
                network if network.iter().all(|action| action.starts_with("ec2:")) => {}
                other => panic!("{role} may {other:?} on everything"),
            }
        }
    }
    assert!(seen > 30, "only {seen} statements looked at");
}

#[test]
fn only_functions_with_a_vpc_make_network_interfaces_and_none_makes_a_log_group() {
    let template = template();
    for role in template.of_type("AWS::IAM::Role") {
        // A log group that a function made would be in the way of the next deploy.
        assert!(role.get("/ManagedPolicyArns").is_null(), "{}", role.id);
        let statements = role.role_statements();
        let may = |action| statements.iter().any(|statement| statement.allows(action));
        assert!(!may("logs:CreateLogGroup"), "{}", role.id);
        let has_vpc = ["ProberRole", "BridgeRole"].contains(&role.id);
        // All of AWSLambdaVPCAccessExecutionRole that is about the network.
        for action in [
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ] {
            assert_eq!(may(action), has_vpc, "{} {action}", role.id);
        }
    }
}

#[test]
fn a_small_account_has_no_executions_to_set_aside_and_is_asked_for_none() {
    let template = template();
    let parameters: BTreeMap<&str, &Value> = template.section("Parameters").collect();
    for function in template.of_type("AWS::Serverless::Function") {
        for reserved in branches(function.get("/ReservedConcurrentExecutions")) {
            let Some(parameter) = reserved["Ref"].as_str() else { continue };
            assert_eq!(parameters[parameter]["Default"], "", "{parameter}");
        }
    }
}

#[test]
fn only_an_emulator_goes_without_what_it_lacks() {
    for template in both() {
        for (kind, least) in
            [("AWS::CloudWatch::MetricStream", 0), ("AWS::CloudWatch::AlarmMuteRule", 0)]
        {
            assert!(template.of_type(kind).count() >= least);
            for resource in template.of_type(kind) {
                assert!(resource.attribute("Condition").is_string(), "{}", resource.id);
            }
        }
        let math =
            template.of_type("AWS::CloudWatch::Alarm").filter(|one| !one.get("/Metrics").is_null());
        for alarm in math {
            assert_eq!(alarm.attribute("Condition"), "OnAws", "{}", alarm.id);
        }
    }
}

#[test]
fn what_has_a_condition_is_used_under_it_only() {
    let template = template();
    let conditional: BTreeMap<&str, &str> = template
        .resources()
        .filter_map(|one| Some((one.id, one.attribute("Condition").as_str()?)))
        .collect();
    assert_eq!(conditional["Bridge"], "HasBridge");
    assert_eq!(conditional["SamplesQueue"], "HasBridge");
    assert_eq!(conditional["Ingest"], "HasIngest");
    assert_eq!(conditional["EscalationTopic"], "HasEscalation");
    // The watch, the notifications and the way between them are always there.
    for id in [
        "AlarmsTopic",
        "AlertsQueue",
        "Alerts",
        "NotificationsTopic",
        "SelfMonitoringTopic",
        "Prober",
        "Dispatcher",
    ] {
        assert!(!conditional.contains_key(id), "{id}");
    }
}
