//! `infra/location.yaml`: the stack of a location beside the home region.

use std::collections::BTreeSet;

use domain::LocationName;
use domain::location::{runs_queue_name, stack_name};
use testkit::template::{CloudFormation, Resource};

const ENVIRONMENT: &str = "prod";
const HOME: &str = "eu-west-3";

fn location() -> CloudFormation {
    CloudFormation::load("location.yaml")
}

/// A text of the template for this stack name.
fn filled(value: &serde_json::Value, stack: &str) -> String {
    value["Fn::Sub"].as_str().expect("a text with names").replace("${AWS::StackName}", stack)
}

#[test]
fn queue_has_the_name_that_the_dispatcher_derives() {
    let template = location();
    let queue = template.resource("RunsQueue").get("/QueueName");
    for name in ["us-east-1", "office"] {
        let name: LocationName = name.parse().unwrap();
        let environment = ENVIRONMENT.parse().unwrap();
        let stack = stack_name(&environment, HOME, &name);
        assert_eq!(filled(queue, &stack), runs_queue_name(&environment, HOME, &name));
    }
}

#[test]
fn dispatcher_may_send_to_the_queue_of_each_location() {
    let home = CloudFormation::load("template.yaml");
    let statements = home.resource("DispatcherRole").role_statements();
    let statement = statements.iter().find(|one| one.sid() == "LocationRuns").expect("a statement");
    assert!(statement.allows("sqs:SendMessage"));
    let allowed: Vec<String> = statement
        .raw_resources()
        .iter()
        .map(|one| {
            let text = one["Fn::Sub"].as_str().expect("an ARN");
            text.replace("${Environment}", ENVIRONMENT).replace("${AWS::Region}", HOME)
        })
        .collect();
    let environment = ENVIRONMENT.parse().unwrap();
    let queue = |name: &str| runs_queue_name(&environment, HOME, &name.parse().unwrap());
    let [region, agents] = &allowed[..] else { panic!("{allowed:?}") };
    assert!(region.contains(":sqs:*:") && region.ends_with(&format!(":{}", queue("us-east-1"))));
    assert!(agents.ends_with(&format!(":{}", queue("office").replace("office", "*"))), "{agents}");
}

#[test]
fn prober_has_every_setting_of_the_home_prober() {
    let variables = |template: &CloudFormation, globals: bool| -> BTreeSet<String> {
        let own = template.resource("Prober").get("/Environment/Variables").as_object();
        let names = own.expect("variables").keys().cloned();
        let common = template.section("Globals").filter(|_| globals).flat_map(|(_, function)| {
            let variables = function["Environment"]["Variables"].as_object();
            variables.into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>()
        });
        names.chain(common).collect()
    };
    let home = CloudFormation::load("template.yaml");
    assert_eq!(variables(&location(), false), variables(&home, true));
}

#[test]
fn parameters_come_from_the_home_stack() {
    let of_deployment =
        ["HomeKeyArn", "HomeRegion", "Kind", "Location", "ReportBucket", "SamplesQueueUrl"];
    let home = CloudFormation::load("template.yaml");
    let of_home: BTreeSet<&str> = home.section("Parameters").map(|(name, _)| name).collect();
    for (name, _) in location().section("Parameters") {
        assert!(of_home.contains(name) || of_deployment.contains(&name), "{name}");
    }
    let outputs: BTreeSet<&str> = home.section("Outputs").map(|(name, _)| name).collect();
    for output in ["KeyArn", "ReportBucket", "SamplesQueueUrl"] {
        assert!(outputs.contains(output), "{output}");
    }
}

#[test]
fn role_reaches_only_its_queue_and_the_home_region() {
    let template = location();
    for statement in template.resource("ProberRole").role_statements() {
        let sid = statement.sid();
        for resource in statement.raw_resources() {
            let text = resource["Fn::Sub"].as_str().or(resource["Fn::Sub"][0].as_str());
            let in_home = text.is_some_and(|arn| {
                arn.contains(":${HomeRegion}:")
                    || arn.contains(":s3:::${ReportBucket}/reports/")
                    || arn.contains(":s3:::${ReportBucket}/signing/")
            });
            let own = resource["Fn::GetAtt"][0] == "RunsQueue"
                || text.is_some_and(|arn| {
                    arn.contains("/aws/lambda/${AWS::StackName}-prober")
                        || arn.contains(":stack/${AWS::StackName}/")
                });
            let key = resource["Ref"] == "HomeKeyArn" || resource["Ref"] == "SecretsKeyArn";
            let metrics = statement.actions() == ["cloudwatch:PutMetricData"];
            assert!(in_home || own || key || metrics, "{sid}: {resource}");
        }
    }
    let kinds: BTreeSet<&str> = template.resources().map(Resource::kind).collect();
    let public = kinds.iter().filter(|kind| kind.contains("Url") || kind.contains("Permission"));
    assert_eq!(public.count(), 0, "{kinds:?}");
}

#[test]
fn role_of_an_agent_is_assumed_only_in_the_account() {
    let template = location();
    let principal =
        template.resource("ProberRole").get("/AssumeRolePolicyDocument/Statement/0/Principal");
    let [condition, region, agent] = &principal["Fn::If"].as_array().expect("both kinds")[..]
    else {
        panic!("{principal}")
    };
    assert_eq!(condition, "HasProber");
    assert_eq!(region["Service"], "lambda.amazonaws.com");
    assert_eq!(agent["AWS"]["Fn::Sub"], "arn:${AWS::Partition}:iam::${AWS::AccountId}:root");
}

#[test]
fn killed_agent_is_noticed_when_its_message_returns() {
    let template = location();
    let visibility = &template.resource("RunsQueue").get("/VisibilityTimeout")["Fn::If"];
    let agent = visibility[2].as_u64().expect("seconds");
    // An earlier delivery would be taken for a duplicate by SQS.
    assert!(run_executor::MAX_EXECUTION.as_secs() < agent);
}

#[test]
fn queues_are_encrypted_and_have_dead_letters() {
    let template = location();
    for queue in template.of_type("AWS::SQS::Queue") {
        assert_eq!(queue.get("/SqsManagedSseEnabled"), true, "{}", queue.id);
    }
    let redrive = template.resource("RunsQueue").get("/RedrivePolicy/maxReceiveCount");
    assert_eq!(redrive, 5);
}
