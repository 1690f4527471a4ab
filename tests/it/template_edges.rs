//! Permissions of every call from one AWS service to another in `infra/template.yaml`: the role of the
//! sender, the resource policy of the receiver and the key policy.
//!
//! A missing permission causes no error, neither at deploy time nor at run time: the message is
//! dropped, and only the history of an alarm mentions it.

use serde_json::Value;
use testkit::template::{
    CloudFormation, Resource, Statement, branches, statements, target, targets,
};

const USE_THE_KEY: [&str; 2] = ["kms:Decrypt", "kms:GenerateDataKey"];

const EVENTBRIDGE: &str = "events.amazonaws.com";

/// Whether a statement of the key policy is limited to this account, by a condition the service supports.
fn is_limited(service: &str, statement: Statement<'_>) -> bool {
    const TOPIC: &str = "kms:EncryptionContext:aws:sns:topicArn";
    if service == EVENTBRIDGE {
        // "Adding the aws:SourceAccount, aws:SourceArn, and aws:SourceOrgID to a AWS KMS policy is not supported
        // for EventBridge-to-encrypted topics": https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        let topic = &statement.condition("StringEquals", TOPIC)["Fn::Sub"];
        return statement.condition_keys() == [TOPIC].into()
            && *topic
                == "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:vigie-${Environment}-alarms";
    }
    if service == "sns.amazonaws.com" {
        // https://docs.aws.amazon.com/sns/latest/dg/sns-enable-encryption-for-topic-sqs-queue-subscriptions.html
        let topic = &statement.condition("ArnLike", "aws:SourceArn")["Fn::Sub"];
        return *topic
            == "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:vigie-${Environment}-*";
    }
    let account = statement.condition("StringEquals", "aws:SourceAccount");
    let log_group = statement.condition("ArnLike", "kms:EncryptionContext:aws:logs:arn");
    account["Ref"] == "AWS::AccountId" || !log_group.is_null()
}

struct Stack(CloudFormation);

impl Stack {
    fn load() -> Self {
        Self(CloudFormation::load("template.yaml"))
    }

    /// Whether a service may use the key, and for this account only.
    fn key_admits(&self, service: &str) -> Result<(), String> {
        let key = self.0.resource("Key");
        for action in USE_THE_KEY {
            let admitted = statements(key.get("/KeyPolicy")).into_iter().any(|statement| {
                statement.services().contains(&service)
                    && statement.allows(action)
                    && is_limited(service, statement)
            });
            if !admitted {
                return Err(format!("the key does not admit {service} for {action}"));
            }
        }
        Ok(())
    }

    /// Whether a resource's own policy lets a service do `action`, limited to the sender.
    fn policy_admits(
        &self,
        kind: &str,
        to: &str,
        service: &str,
        action: &str,
    ) -> Result<(), String> {
        let list = if kind == "AWS::SNS::TopicPolicy" { "/Topics/0" } else { "/Queues/0" };
        let limited = |statement: Statement<'_>| {
            let keys = statement.condition_keys();
            // "You can't use Condition blocks in Amazon SNS topic policies for EventBridge":
            // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html
            if service == EVENTBRIDGE {
                return keys.is_empty();
            }
            keys.contains("aws:SourceAccount") || keys.contains("aws:SourceArn")
        };
        let admitted = self
            .0
            .of_type(kind)
            .filter(|policy| target(policy.get(list)).as_deref() == Some(to))
            .flat_map(|policy| statements(policy.get("/PolicyDocument")))
            .any(|statement| {
                statement.services().contains(&service)
                    && statement.allows(action)
                    && statement.resources().contains(to)
                    && limited(statement)
            });
        if admitted {
            Ok(())
        } else {
            Err(format!("{to}: its policy does not let {service} {action}"))
        }
    }

    /// Whether a role may do `action` on a resource.
    fn role_allows(&self, role: &str, action: &str, on: &str) -> Result<(), String> {
        let allowed = self
            .0
            .resource(role)
            .role_statements()
            .iter()
            .any(|statement| statement.allows(action) && statement.resources().contains(on));
        if allowed { Ok(()) } else { Err(format!("{role} does not allow {action} on {on}")) }
    }

    fn role_trusts(&self, role: &str, service: &str) -> Result<(), String> {
        let trusted = statements(self.0.resource(role).get("/AssumeRolePolicyDocument"));
        let trusted = trusted.iter().any(|statement| statement.services().contains(&service));
        if trusted { Ok(()) } else { Err(format!("{role} does not trust {service}")) }
    }

    /// Whether a role may use the key of an encrypted queue, topic, table or secret.
    fn role_uses_the_key(&self, role: &str) -> Result<(), String> {
        USE_THE_KEY.iter().try_for_each(|action| self.role_allows(role, action, "Key"))
    }

    /// The logical ID of the role of a function.
    fn role_of(function: Resource<'_>) -> String {
        target(function.get("/Role")).expect("a function has a role")
    }
}

#[track_caller]
fn all_open(what: &str, least: usize, ways: Vec<Result<(), String>>) {
    assert!(ways.len() >= least, "{what}: only {} edges", ways.len());
    let shut: Vec<String> = ways.into_iter().filter_map(Result::err).collect();
    assert!(shut.is_empty(), "{what}:\n{}", shut.join("\n"));
}

#[test]
fn alarms_may_publish_to_their_topics() {
    let stack = Stack::load();
    let mut ways = vec![stack.key_admits("cloudwatch.amazonaws.com")];
    // The alarms are in nested stacks, whose parameters name the topics.
    for (id, file) in [("SelfMonitoring", "self-monitoring.yaml"), ("Alarms", "alarms.yaml")] {
        let nested = CloudFormation::load(file);
        let passed = stack.0.resource(id).get("/Parameters");
        for alarm in nested.of_type("AWS::CloudWatch::Alarm") {
            for actions in ["/AlarmActions", "/OKActions", "/InsufficientDataActions"] {
                for action in alarm.get(actions).as_array().into_iter().flatten() {
                    let parameter = target(action).expect("an action is a topic");
                    let topic = target(&passed[&parameter]).expect("the parameter is a topic");
                    ways.push(stack.policy_admits(
                        "AWS::SNS::TopicPolicy",
                        &topic,
                        "cloudwatch.amazonaws.com",
                        "sns:Publish",
                    ));
                }
            }
        }
    }
    all_open("alarm → topic", 25, ways);
}

#[test]
fn alarms_topic_accepts_events_and_alertmanager() {
    let stack = Stack::load();
    let ways = [EVENTBRIDGE, "aps.amazonaws.com"].into_iter().flat_map(|service| {
        [
            stack.policy_admits("AWS::SNS::TopicPolicy", "AlarmsTopic", service, "sns:Publish"),
            stack.key_admits(service),
        ]
    });
    all_open("event or Alertmanager → topic", 4, ways.collect());
}

#[test]
fn topics_may_send_to_their_queues() {
    let stack = Stack::load();
    let mut ways = Vec::new();
    let subscriptions = stack.0.of_type("AWS::SNS::Subscription");
    for subscription in subscriptions.filter(|one| one.get("/Protocol") == "sqs") {
        let dead = subscription.get("/RedrivePolicy/deadLetterTargetArn");
        for queue in [subscription.get("/Endpoint"), dead] {
            let queue = target(queue).expect("a queue and a dead-letter queue");
            ways.push(stack.policy_admits(
                "AWS::SQS::QueuePolicy",
                &queue,
                "sns.amazonaws.com",
                "sqs:SendMessage",
            ));
        }
        ways.push(stack.key_admits("sns.amazonaws.com"));
    }
    all_open("topic → queue", 3, ways);
}

#[test]
fn schedules_may_invoke_targets_and_dead_letter_queues() {
    let stack = Stack::load();
    let mut ways = Vec::new();
    for schedule in stack.0.of_type("AWS::Scheduler::Schedule") {
        let role = target(schedule.get("/Target/RoleArn")).unwrap();
        let to = target(schedule.get("/Target/Arn")).unwrap();
        let dead = target(schedule.get("/Target/DeadLetterConfig/Arn")).unwrap();
        let action = match stack.0.resource(&to).kind() {
            "AWS::SQS::Queue" => "sqs:SendMessage",
            _ => "lambda:InvokeFunction",
        };
        ways.push(stack.role_trusts(&role, "scheduler.amazonaws.com"));
        ways.push(stack.role_allows(&role, action, &to));
        ways.push(stack.role_allows(&role, "sqs:SendMessage", &dead));
        ways.push(stack.role_uses_the_key(&role));
    }
    all_open("schedule → target", 8, ways);
}

#[test]
fn functions_may_receive_from_their_queues() {
    let stack = Stack::load();
    let mut ways = Vec::new();
    for function in stack.0.of_type("AWS::Serverless::Function") {
        let role = Stack::role_of(function);
        ways.push(stack.role_trusts(&role, "lambda.amazonaws.com"));
        // The environment variables are encrypted too.
        assert!(targets(function.get("/KmsKeyArn")).contains("Key"), "{}", function.id);
        ways.push(stack.role_uses_the_key(&role));
        for event in
            function.get("/Events").as_object().into_iter().flatten().map(|(_, event)| event)
        {
            let queue = target(&event["Properties"]["Queue"]).unwrap();
            for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"] {
                ways.push(stack.role_allows(&role, action, &queue));
            }
        }
        if let Some(dead) = target(function.get("/DeadLetterQueue/TargetArn")) {
            ways.push(stack.role_allows(&role, "sqs:SendMessage", &dead));
        }
    }
    all_open("queue → function", 15, ways);
}

/// Actions of a function on the resource in a setting.
fn actions(function: &str, setting: &str) -> &'static [&'static str] {
    match (function, setting) {
        ("Dispatcher", "RUNS_QUEUE_URL")
        | ("Prober" | "Ingest", "SAMPLES_QUEUE_URL")
        | (_, "SAMPLES_DEAD_LETTER_URL") => &["sqs:SendMessage"],
        ("Prober", "RUNS_QUEUE_URL") | ("Bridge", "SAMPLES_QUEUE_URL") => {
            &["sqs:ChangeMessageVisibility", "sqs:DeleteMessage"]
        }
        (_, "ALERTS_QUEUE_URL") => &["sqs:ChangeMessageVisibility", "sqs:SendMessage"],
        // Only compared with the actions of the alarms; the address of the page is text.
        ("Alerts", "ALARMS_TOPIC_ARN") | ("Dispatcher", "STATUS_ADDRESS") => &[],
        (_, "SELF_MONITORING_TOPIC_ARN") => &["sns:ListSubscriptionsByTopic"],
        (_, "NOTIFICATIONS_TOPIC_ARN" | "TICKETS_TOPIC_ARN" | "ESCALATION_TOPIC_ARN") => {
            &["sns:Publish", "sns:ListSubscriptionsByTopic"]
        }
        ("Dispatcher", "TABLE_NAME") => {
            &["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query"]
        }
        ("Dispatcher", "STATUS_BUCKET") => &["s3:DeleteObject", "s3:ListBucket", "s3:PutObject"],
        ("Prober", "TABLE_NAME") => &["dynamodb:PutItem", "dynamodb:UpdateItem"],
        ("Alerts", "TABLE_NAME") => &[
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        ],
        ("Bridge", "REPORT_BUCKET") => &["s3:PutObject"],
        ("Dispatcher" | "Prober", "REPORT_BUCKET") => &["s3:GetObject", "s3:PutObject"],
        ("Alerts", "REPORT_BUCKET") => &["s3:GetObject", "s3:ListBucket"],
        _ => panic!("no actions listed for {setting} of {function}"),
    }
}

#[test]
fn functions_may_use_the_resources_in_their_settings() {
    let stack = Stack::load();
    let known: Vec<&str> = stack.0.resources().map(|resource| resource.id).collect();
    let mut ways = Vec::new();
    for function in stack.0.of_type("AWS::Serverless::Function") {
        let role = Stack::role_of(function);
        let settings = function.get("/Environment/Variables").as_object().into_iter().flatten();
        for (setting, value) in settings {
            let resources = branches(value).into_iter().filter_map(target);
            for resource in resources.filter(|resource| known.contains(&resource.as_str())) {
                for action in actions(function.id, setting) {
                    ways.push(stack.role_allows(&role, action, &resource));
                }
            }
        }
    }
    // Beyond Decrypt and GenerateDataKey, for a table with a customer managed key:
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    for role in ["DispatcherRole", "ProberRole", "AlertsRole"] {
        for action in ["kms:DescribeKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"] {
            ways.push(stack.role_allows(role, action, "Key"));
        }
    }
    all_open("function → resources in its settings", 28, ways);
}

#[test]
fn alerts_function_lists_reports_and_nothing_else() {
    let stack = Stack::load();
    let statements = stack.0.resource("AlertsRole").role_statements();
    let lists: Vec<_> = statements.iter().filter(|one| one.allows("s3:ListBucket")).collect();
    let [list] = lists[..] else { panic!("{} statements", lists.len()) };
    assert_eq!(list.condition("StringLike", "s3:prefix"), "reports/*");
}

#[test]
fn functions_may_write_logs_and_metrics() {
    let stack = Stack::load();
    let mut ways = Vec::new();
    for function in stack.0.of_type("AWS::Serverless::Function") {
        let name = function.get("/FunctionName")["Fn::Sub"].as_str().unwrap();
        let role = Stack::role_of(function);
        let group = format!("/aws/lambda/{name}");
        let arn = format!(
            "arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:{group}:*"
        );
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            ways.push(stack.role_allows(&role, action, &arn));
        }
        ways.push(stack.role_allows(&role, "cloudwatch:PutMetricData", "*"));
        let mut groups = stack.0.of_type("AWS::Logs::LogGroup");
        let there = groups.any(|one| one.get("/LogGroupName")["Fn::Sub"] == group.as_str());
        ways.push(if there { Ok(()) } else { Err(format!("no log group {group}")) });
    }
    ways.push(stack.key_admits("logs.${AWS::Region}.amazonaws.com"));
    all_open("function → log, metrics", 16, ways);
}

#[test]
fn metric_stream_reaches_the_ingest_function() {
    let stack = Stack::load();
    let firehose = stack.0.resource("Firehose");
    let base = "/ExtendedS3DestinationConfiguration";
    let to = |pointer: &str| target(firehose.get(&format!("{base}{pointer}"))).unwrap();
    let (role, bucket) = (to("/RoleARN"), to("/BucketARN"));
    let processors =
        firehose.get(&format!("{base}/ProcessingConfiguration/Processors/0/Parameters"));
    let parameter = |name: &str| {
        let found = processors.as_array().unwrap().iter().find(|one| one["ParameterName"] == name);
        target(&found.unwrap_or_else(|| panic!("no {name}"))["ParameterValue"]).unwrap()
    };
    assert_eq!(parameter("LambdaArn"), "Ingest");
    assert_eq!(parameter("RoleArn"), role);
    // Firehose invokes the version `$LATEST`.
    let statements = stack.0.resource(&role).role_statements();
    let invokes = statements.iter().find(|one| one.allows("lambda:InvokeFunction")).unwrap();
    assert_eq!(invokes.raw_resources()[1]["Fn::Sub"], "${Ingest.Arn}:$LATEST");
    // Anyone could send requests to a function with a URL.
    assert!(stack.0.resource("Ingest").get("/FunctionUrlConfig").is_null());
    // The metric stream is in a nested stack.
    let nested = stack.0.resource("MetricStream");
    assert_eq!(nested.attribute("Condition"), "HasStream", "the emulator has no metric streams");
    let passed = target(&nested.get("/Parameters")["FirehoseArn"]).unwrap();
    let sender = Stack(CloudFormation::load("metric-stream.yaml"));
    let stream = sender.0.resource("MetricStream");
    let stream_role = target(stream.get("/RoleArn")).unwrap();
    assert_eq!(
        (passed.as_str(), &stream.get("/FirehoseArn")["Ref"]),
        ("Firehose", &"FirehoseArn".into())
    );
    let filters = stream.get("/IncludeFilters").as_array().unwrap();
    assert_eq!(filters.len(), 10, "as many as the parameter may have");
    all_open(
        "metric stream → Firehose → function",
        8,
        vec![
            sender.role_trusts(&stream_role, "streams.metrics.cloudwatch.amazonaws.com"),
            sender.role_allows(&stream_role, "firehose:PutRecordBatch", "FirehoseArn"),
            stack.role_trusts(&role, "firehose.amazonaws.com"),
            stack.role_allows(&role, "s3:PutObject", &bucket),
            stack.role_allows(&role, "lambda:InvokeFunction", "Ingest"),
            stack.role_allows(&role, "lambda:GetFunctionConfiguration", "Ingest"),
            stack.role_uses_the_key(&role),
            stack.role_uses_the_key("IngestRole"),
        ],
    );
}

#[test]
fn missing_permission_is_detected() {
    let stack = Stack::load();
    assert!(stack.key_admits("s3.amazonaws.com").is_err());
    assert!(stack.role_allows("DispatcherRole", "sns:Publish", "SelfMonitoringTopic").is_err());
    assert!(stack.role_trusts("DispatcherRole", EVENTBRIDGE).is_err());
    let published = |topic, service| {
        stack.policy_admits("AWS::SNS::TopicPolicy", topic, service, "sns:Publish")
    };
    assert!(published("NotificationsTopic", "cloudwatch.amazonaws.com").is_err());
    assert!(published("SelfMonitoringTopic", EVENTBRIDGE).is_err());
    assert_eq!(stack.0.resource("Alarms").get("/Nowhere"), &Value::Null);
}
