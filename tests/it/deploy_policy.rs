//! `infra/deploy-policy.json`: the permissions of a deploy role, compared with the resources of the templates.

use std::fs;

use serde_json::Value;
use testkit::dashboards::root;
use testkit::template::{CloudFormation, statements};

/// Actions that create and delete a resource of each type.
const NEEDED: [(&str, &[&str]); 26] = [
    ("AWS::CloudFormation::WaitConditionHandle", &[]),
    (
        "AWS::CloudFront::Distribution",
        &[
            "cloudfront:CreateDistribution",
            "cloudfront:DeleteDistribution",
            "cloudfront:TagResource",
        ],
    ),
    (
        "AWS::CloudFront::OriginAccessControl",
        &["cloudfront:CreateOriginAccessControl", "cloudfront:DeleteOriginAccessControl"],
    ),
    ("AWS::CloudWatch::Alarm", &["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"]),
    ("AWS::CloudWatch::AlarmMuteRule", &["cloudwatch:PutAlarmMuteRule"]),
    ("AWS::CloudWatch::Dashboard", &["cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards"]),
    ("AWS::CloudWatch::MetricStream", &["cloudwatch:PutMetricStream", "iam:PassRole"]),
    ("AWS::DynamoDB::Table", &["dynamodb:CreateTable", "kms:CreateGrant"]),
    ("AWS::IAM::Role", &["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"]),
    ("AWS::KMS::Alias", &["kms:CreateAlias", "kms:DeleteAlias"]),
    ("AWS::KMS::Key", &["kms:CreateKey", "kms:TagResource", "kms:ScheduleKeyDeletion"]),
    ("AWS::KinesisFirehose::DeliveryStream", &["firehose:CreateDeliveryStream"]),
    ("AWS::Logs::LogGroup", &["logs:CreateLogGroup", "logs:PutRetentionPolicy"]),
    ("AWS::Logs::LogStream", &["logs:CreateLogStream"]),
    ("AWS::S3::Bucket", &["s3:CreateBucket", "s3:DeleteBucket", "s3:PutLifecycleConfiguration"]),
    ("AWS::S3::BucketPolicy", &["s3:PutBucketPolicy"]),
    ("AWS::SNS::Subscription", &["sns:Subscribe", "sns:Unsubscribe"]),
    ("AWS::SNS::Topic", &["sns:CreateTopic", "sns:DeleteTopic"]),
    ("AWS::SNS::TopicPolicy", &["sns:SetTopicAttributes"]),
    ("AWS::SQS::Queue", &["sqs:CreateQueue", "sqs:DeleteQueue"]),
    ("AWS::SQS::QueuePolicy", &["sqs:SetQueueAttributes"]),
    (
        "AWS::Serverless::LayerVersion",
        &["lambda:PublishLayerVersion", "lambda:GetLayerVersion", "lambda:DeleteLayerVersion"],
    ),
    ("AWS::Scheduler::Schedule", &["scheduler:CreateSchedule", "iam:PassRole"]),
    ("AWS::Scheduler::ScheduleGroup", &["scheduler:CreateScheduleGroup"]),
    (
        "AWS::SecretsManager::Secret",
        &["secretsmanager:CreateSecret", "secretsmanager:GetRandomPassword"],
    ),
    ("AWS::Serverless::Application", &["cloudformation:CreateStack", "cloudformation:DeleteStack"]),
];
/// Actions for a function with its queue, its URL and, in a VPC, its network.
const FUNCTION: [&str; 5] = [
    "lambda:CreateFunction",
    "lambda:CreateEventSourceMapping",
    "lambda:DeleteEventSourceMapping",
    "lambda:CreateFunctionUrlConfig",
    "ec2:DescribeSubnets",
];
/// Actions of the smoke run and of `make remove`.
const BESIDE: [&str; 5] = [
    "cloudformation:CreateChangeSet",
    "lambda:InvokeFunction",
    "s3:ListAllMyBuckets",
    "s3:DeleteObjectVersion",
    "cloudwatch:DeleteAlarmMuteRule",
];

fn policy() -> Value {
    let text = fs::read_to_string(root().join("infra/deploy-policy.json")).expect("the file");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn policy_allows_what_the_templates_create() {
    let policy = policy();
    let statements = statements(&policy);
    let mut actions: Vec<&str> = BESIDE.to_vec();
    for template in [
        "template.yaml",
        "alarms.yaml",
        "self-monitoring.yaml",
        "dashboard.yaml",
        "metric-stream.yaml",
        "location.yaml",
        "status-page.yaml",
    ] {
        for resource in CloudFormation::load(template).resources() {
            if resource.kind() == "AWS::Serverless::Function" {
                actions.extend(FUNCTION);
                continue;
            }
            let needed = NEEDED.iter().find(|(kind, _)| *kind == resource.kind());
            let (_, needed) =
                needed.unwrap_or_else(|| panic!("no actions listed for {}", resource.kind()));
            actions.extend(*needed);
        }
    }
    for action in actions {
        assert!(statements.iter().any(|one| one.allows(action)), "{action} is not allowed");
    }
}

#[test]
fn policy_is_limited_to_one_environment() {
    let policy = policy();
    for statement in statements(&policy) {
        for resource in statement.resources() {
            let sid = statement.sid();
            let functions = statement.condition("ArnLike", "lambda:FunctionArn").as_str();
            let is_condition = functions.is_some_and(|arn| arn.ends_with("vigie-ENVIRONMENT-*"));
            if resource == "*" && !is_condition {
                // Actions without a resource type, each by its name.
                let whole = statement.actions().iter().any(|action| action.ends_with('*'));
                assert!(!whole, "{sid}");
                continue;
            }
            assert!(resource == "*" || resource.starts_with("arn:PARTITION:"), "{sid}: {resource}");
            // The bucket and the stack of SAM CLI are shared by all environments of an account.
            let shared = ["aws-sam-cli-managed-default", "transform/Serverless"];
            let is_named = resource.contains("vigie-ENVIRONMENT")
                || shared.iter().any(|name| resource.contains(name));
            // Keys have no names, so their tags identify them. Tags of event sources change nothing else.
            let tag = |key: &str| statement.condition("StringEquals", key);
            let is_tagged = tag("aws:ResourceTag/app") == "vigie"
                && tag("aws:ResourceTag/environment") == "ENVIRONMENT";
            let is_tag = resource.ends_with("event-source-mapping:*");
            assert!(is_named || is_tagged || is_tag || is_condition, "{sid}: {resource}");
            let writes_packages = statement.allows("s3:PutObject");
            let is_whole_bucket = resource.ends_with("aws-sam-cli-managed-default-*");
            assert!(!(writes_packages && is_whole_bucket), "{sid} may replace packages of others");
        }
    }
    // The limit of a managed policy, without white space.
    assert!(policy.to_string().len() < 6_144);
}

/// The policy identifies keys by these tags.
#[test]
fn every_environment_has_the_tags_of_the_policy() {
    let samconfig = fs::read_to_string(root().join("samconfig.toml")).unwrap();
    for environment in ["dev", "staging", "prod"] {
        let section = samconfig.split_once(&format!("[{environment}.deploy.parameters]"));
        let (_, section) = section.expect("a section");
        let section = section.split("\n[").next().unwrap_or_default();
        let tags = format!(r#"tags = ["app=vigie", "environment={environment}"]"#);
        assert!(section.contains(&tags), "{environment}");
    }
}
