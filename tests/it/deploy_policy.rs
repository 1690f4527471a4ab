//! `infra/deploy-policy.json`: what a role may do that deploys, derived from what the templates create.

use std::fs;

use serde_json::Value;
use testkit::dashboards::root;
use testkit::template::{CloudFormation, statements};

/// What creating and deleting one of a kind asks of the role that deploys.
const NEEDED: [(&str, &[&str]); 23] = [
    ("AWS::CloudFormation::WaitConditionHandle", &[]),
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
    ("AWS::Scheduler::Schedule", &["scheduler:CreateSchedule", "iam:PassRole"]),
    ("AWS::Scheduler::ScheduleGroup", &["scheduler:CreateScheduleGroup"]),
    (
        "AWS::SecretsManager::Secret",
        &["secretsmanager:CreateSecret", "secretsmanager:GetRandomPassword"],
    ),
    ("AWS::Serverless::Application", &["cloudformation:CreateStack", "cloudformation:DeleteStack"]),
];
/// Of a function, with its queue, its address and, in a VPC, its network.
const FUNCTION: [&str; 5] = [
    "lambda:CreateFunction",
    "lambda:CreateEventSourceMapping",
    "lambda:DeleteEventSourceMapping",
    "lambda:CreateFunctionUrlConfig",
    "ec2:DescribeSubnets",
];
/// Of `make deploy`'s smoke run and of `make remove`, beside the stack itself.
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
fn a_role_that_deploys_may_create_whatever_the_templates_describe() {
    let policy = policy();
    let statements = statements(&policy);
    let mut actions: Vec<&str> = BESIDE.to_vec();
    for template in ["template.yaml", "alarms.yaml", "self-monitoring.yaml", "dashboard.yaml"] {
        for resource in CloudFormation::load(template).resources() {
            if resource.kind() == "AWS::Serverless::Function" {
                actions.extend(FUNCTION);
                continue;
            }
            let needed = NEEDED.iter().find(|(kind, _)| *kind == resource.kind());
            let (_, needed) = needed.unwrap_or_else(|| panic!("{} is new here", resource.kind()));
            actions.extend(*needed);
        }
    }
    for action in actions {
        assert!(statements.iter().any(|one| one.allows(action)), "{action} is not allowed");
    }
}

#[test]
fn it_reaches_only_what_is_named_after_a_stack_of_ours() {
    let policy = policy();
    for statement in statements(&policy) {
        for resource in statement.resources() {
            if resource == "*" {
                // Only what takes no resource: each action by its name.
                let whole = statement.actions().iter().any(|action| action.ends_with('*'));
                assert!(!whole, "{}", statement.sid());
                continue;
            }
            let ours = ["vigie-", "aws-sam-cli-managed-default", "transform/Serverless"];
            let named = ours.iter().any(|name| resource.contains(name));
            // Keys and event sources have no names: keys are told by the tag, the others change nothing by themselves.
            let tagged = statement.condition("StringEquals", "aws:ResourceTag/app") == "vigie";
            let nameless = resource.ends_with("event-source-mapping:*");
            assert!(named || tagged || nameless, "{}: {resource}", statement.sid());
        }
    }
    // A managed policy may have so many characters, white space not counted.
    assert!(policy.to_string().len() < 6_144);
}

/// By it the policy knows our keys.
#[test]
fn every_environment_on_aws_carries_the_tag_of_the_policy() {
    let samconfig = fs::read_to_string(root().join("samconfig.toml")).unwrap();
    for environment in ["dev", "staging", "prod"] {
        let section = samconfig.split_once(&format!("[{environment}.deploy.parameters]"));
        let (_, section) = section.expect("a section");
        let section = section.split("\n[").next().unwrap_or_default();
        assert!(section.contains(r#"tags = ["app=vigie""#), "{environment}");
    }
}
