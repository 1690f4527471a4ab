//! Who can read and do what in the CloudFormation templates: encryption, TLS, public access, least privilege.

use serde_json::Value;
use testkit::template::{CloudFormation, Resource, Statement, statements, target, targets};

use crate::template::{all, template};

#[test]
fn data_at_rest_is_encrypted_with_the_stack_key() {
    let template = template();
    let encrypted: &[(&str, &str)] = &[
        ("AWS::SQS::Queue", "/KmsMasterKeyId"),
        ("AWS::SNS::Topic", "/KmsMasterKeyId"),
        ("AWS::Logs::LogGroup", "/KmsKeyId"),
        ("AWS::DynamoDB::Table", "/SSESpecification/KMSMasterKeyId"),
        ("AWS::Serverless::Function", "/KmsKeyArn"),
    ];
    for (kind, property) in encrypted {
        assert!(template.of_type(kind).count() > 0, "{kind}");
        for resource in template.of_type(kind) {
            let keys = targets(resource.get(property));
            assert_eq!(keys, ["Key".to_owned(), "KmsKeyArn".to_owned()].into(), "{}", resource.id);
        }
    }
    let rule =
        "/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault";
    let default = template.resource("ReportBucket").get(rule);
    assert_eq!(default["SSEAlgorithm"], "aws:kms");
    assert!(targets(&default["KMSMasterKeyID"]).contains("Key"));
    assert_eq!(template.resource("Key").get("/EnableKeyRotation"), true);
    let firehose = "/DeliveryStreamEncryptionConfigurationInput/KeyARN";
    assert!(targets(template.resource("Firehose").get(firehose)).contains("Key"));
}

#[test]
fn queues_topics_and_bucket_deny_requests_without_tls() {
    let template = template();
    let denies = |kind: &str, list: &str, id: &str| {
        template
            .of_type(kind)
            .filter(|policy| target(policy.get(list)).as_deref() == Some(id))
            .flat_map(|policy| statements(policy.get("/PolicyDocument")))
            .any(|statement| {
                let over_tls = statement.condition("Bool", "aws:SecureTransport");
                statement.denies() && over_tls == "false" && statement.resources().contains(id)
            })
    };
    let mut seen = 0;
    for queue in template.of_type("AWS::SQS::Queue") {
        assert!(denies("AWS::SQS::QueuePolicy", "/Queues/0", queue.id), "{}", queue.id);
        seen += 1;
    }
    for topic in template.of_type("AWS::SNS::Topic") {
        assert!(denies("AWS::SNS::TopicPolicy", "/Topics/0", topic.id), "{}", topic.id);
        seen += 1;
    }
    for bucket in ["ReportBucket", "StatusBucket"] {
        assert!(denies("AWS::S3::BucketPolicy", "/Bucket", bucket), "{bucket}");
    }
    assert!(seen >= 12, "{seen}");
}

#[test]
fn buckets_are_private_expire_and_are_retained() {
    let template = template();
    for bucket in template.of_type("AWS::S3::Bucket") {
        check_bucket(bucket);
    }
}

fn check_bucket(bucket: Resource<'_>) {
    let closed = bucket.get("/PublicAccessBlockConfiguration").as_object().expect("a block");
    assert!(closed.len() == 4 && closed.values().all(|value| *value == true));
    let rule = bucket.get("/LifecycleConfiguration/Rules/0");
    assert_eq!((&rule["Status"], &rule["Prefix"]), (&"Enabled".into(), &Value::Null));
    // CloudFormation cannot delete a bucket that contains objects.
    assert_eq!(bucket.attribute("DeletionPolicy"), "RetainExceptOnCreate");
    assert!(
        bucket.get("/BucketName").is_null(),
        "a fixed name would collide with the retained bucket"
    );
}

#[test]
fn cloudfront_reads_public_pages_only() {
    let template = template();
    let policy = template.resource("StatusBucketPolicy");
    let reads = statements(policy.get("/PolicyDocument")).into_iter().filter(|one| !one.denies());
    let reads: Vec<_> = reads.collect();
    let [read] = &reads[..] else { panic!("{} statements", reads.len()) };
    assert_eq!(
        (read.services(), read.actions()),
        (vec!["cloudfront.amazonaws.com"], vec!["s3:GetObject"])
    );
    let resources: Vec<String> = read.raw_resources().iter().map(ToString::to_string).collect();
    assert!(matches!(&resources[..], [one] if one.contains("}/public/*")), "{resources:?}");
    assert!(read.condition_keys().contains("aws:SourceArn"));
    let pages = CloudFormation::load("status-page.yaml");
    let origin = pages.resource("Distribution").get("/DistributionConfig/Origins/0");
    assert_eq!(origin["OriginPath"], "/public");
}

#[test]
fn every_role_has_the_boundary_and_the_path() {
    let all = all();
    let roles: Vec<_> = all.iter().flat_map(|one| one.of_type("AWS::IAM::Role")).collect();
    assert!(roles.len() >= 8, "{}", roles.len());
    for role in roles {
        assert!(
            targets(role.get("/PermissionsBoundary")).contains("PermissionsBoundaryArn"),
            "{}",
            role.id
        );
        assert_eq!(role.get("/Path")["Ref"], "RolePath", "{}", role.id);
    }
}

#[test]
fn roles_are_limited_to_named_resources() {
    let all = all();
    let unlimited = |statement: &Statement<'_>| statement.resources().contains("*");
    let mut seen = 0;
    for role in all.iter().flat_map(|one| one.of_type("AWS::IAM::Role")) {
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
                // Neither action has a resource type; the condition limits the namespace.
                ["cloudwatch:PutMetricData"] => {
                    let namespace = statement.condition("StringEquals", "cloudwatch:namespace");
                    assert_eq!(namespace, "Vigie", "{role}");
                }
                ["cloudwatch:GetMetricData"] => {}
                // With a narrower resource DescribeAlarms omits composite alarms, and an omitted alarm
                // counts as deleted.
                ["cloudwatch:DescribeAlarms", "cloudwatch:ListAlarmMuteRules"] => {
                    assert_eq!(role, "AlertsRole");
                }
                // Lambda requires these for a function in a VPC.
                network if network.iter().all(|action| action.starts_with("ec2:")) => {}
                other => panic!("{role} may {other:?} on everything"),
            }
        }
    }
    assert!(seen > 30, "only {seen} statements looked at");
}

#[test]
fn only_the_dispatcher_writes_keys_and_stored_probes() {
    let template = template();
    let dispatcher = template.resource("DispatcherRole").role_statements();
    let policy = template.resource("ReportBucketPolicy");
    let policy = statements(policy.get("/PolicyDocument"));
    for folder in ["/signing/*", "/probes/*"] {
        let is_of = |statement: &&Statement<'_>| {
            let resources = statement.raw_resources();
            resources.iter().any(|resource| resource.to_string().contains(folder))
        };
        let allowed = dispatcher.iter().filter(is_of).any(|one| one.allows("s3:PutObject"));
        assert!(allowed, "the dispatcher writes {folder}");
        let denied = policy
            .iter()
            .filter(is_of)
            .find(|one| one.denies() && one.actions() == ["s3:PutObject"]);
        let denied = denied.unwrap_or_else(|| panic!("anyone may write {folder}"));
        let role = denied.condition("ArnNotEquals", "aws:PrincipalArn");
        assert_eq!(target(role).as_deref(), Some("DispatcherRole"), "{folder}");
    }
}

#[test]
fn secrets_of_another_environment_are_not_readable() {
    let template = template();
    let statements = template.resource("ProberRole").role_statements();
    let mut seen = 0;
    for statement in statements {
        for resource in statement.raw_resources() {
            let text = resource.to_string();
            if text.contains(":secret:") || text.contains(":parameter/") {
                assert!(text.contains("vigie/${Environment}"), "{text}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 2);
}

#[test]
fn only_functions_in_a_vpc_may_create_network_interfaces() {
    let template = template();
    for role in template.of_type("AWS::IAM::Role") {
        // A log group created by a function would make the next deploy fail.
        assert!(role.get("/ManagedPolicyArns").is_null(), "{}", role.id);
        let statements = role.role_statements();
        let may = |action| statements.iter().any(|statement| statement.allows(action));
        assert!(!may("logs:CreateLogGroup"), "{}", role.id);
        let has_vpc = ["ProberRole", "BridgeRole"].contains(&role.id);
        // The network part of AWSLambdaVPCAccessExecutionRole.
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
