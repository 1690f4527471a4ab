//! A second environment in the same account is deployed and removed.

use std::collections::BTreeSet;

use anyhow::ensure;
use serde_json::json;
use tokio::process::Command;

use deploy::run::root;
use harness::environment::{LocalEnvironment, PROBES_BUCKET, put_probes};
use harness::local_aws::aws_variables;

/// `make deploy ENV=dev` next to the environment `local`, with a probe of the same name in both, then
/// `make remove ENV=dev`: afterwards the resources are the same as before.
pub(super) async fn comes_and_goes(env: &LocalEnvironment) -> anyhow::Result<()> {
    put_probes(&env.s3, "neighbour").await?;
    let before = all_that_is_there(env).await?;

    let probes = format!("Probes=s3://{PROBES_BUCKET}/neighbour");
    let parameters = format!("{probes} ProbeVariables=BOT_URL={}", env.bot.url());
    let said = make(env, &["deploy", "ENV=dev", &format!("PARAMETERS={parameters}")]).await?;
    ensure!(said.contains("steady up"), "the smoke run did not reach the bot:\n{said}");
    let beside = all_that_is_there(env).await?;
    let lost: Vec<_> = before.difference(&beside).collect();
    ensure!(lost.is_empty(), "the deployment took away {lost:?}");
    for kind in ["function", "queue", "topic", "alarm", "bucket", "log group", "package"] {
        let new = beside.difference(&before).any(|name| name.starts_with(kind));
        ensure!(new, "`dev` has no own {kind}");
    }

    make(env, &["remove", "ENV=dev", "YES=1"]).await?;
    let after = all_that_is_there(env).await?;
    let left: Vec<_> = after.difference(&before).collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    let lost: Vec<_> = before.difference(&after).collect();
    ensure!(lost.is_empty(), "the removal took away {lost:?}");
    Ok(())
}

/// Runs commands of the project against the local AWS; returns their output.
async fn make(env: &LocalEnvironment, arguments: &[&str]) -> anyhow::Result<String> {
    let mut make = Command::new("make");
    make.args(arguments).current_dir(root()).envs(aws_variables(&env.aws.endpoint));
    let output = make.kill_on_drop(true).output().await?;
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    let said = said.join("\n");
    ensure!(output.status.success(), "`make {}`: {}\n{said}", arguments.join(" "), output.status);
    Ok(said)
}

/// The type and name of every resource of a stack.
async fn all_that_is_there(env: &LocalEnvironment) -> anyhow::Result<BTreeSet<String>> {
    let config = &env.aws.config;
    let mut found = BTreeSet::new();
    let mut add = |kind: &str, name: Option<&str>| {
        found.extend(name.map(|name| format!("{kind} {name}")));
    };

    let functions = env.aws.lambda_get("/functions?MaxItems=200").await?;
    ensure!(functions["NextMarker"].as_str().is_none_or(str::is_empty), "more than 200 functions");
    for function in functions["Functions"].as_array().into_iter().flatten() {
        add("function", function["FunctionName"].as_str());
    }
    let sqs = aws_sdk_sqs::Client::new(config);
    let mut queues = sqs.list_queues().into_paginator().items().send();
    while let Some(queue) = queues.next().await {
        add("queue", Some(&queue?));
    }
    let sns = aws_sdk_sns::Client::new(config);
    let mut topics = sns.list_topics().into_paginator().items().send();
    while let Some(topic) = topics.next().await {
        add("topic", topic?.topic_arn());
    }
    let mut alarms = env.cloudwatch.describe_alarms().into_paginator().send();
    while let Some(page) = alarms.next().await {
        page?.metric_alarms().iter().for_each(|alarm| add("alarm", alarm.alarm_name()));
    }
    for bucket in env.s3.list_buckets().send().await?.buckets() {
        add("bucket", bucket.name());
        let Some(name) = bucket.name().filter(|name| name.starts_with("aws-sam-cli")) else {
            continue;
        };
        let mut packages = env.s3.list_objects_v2().bucket(name).into_paginator().send();
        while let Some(page) = packages.next().await {
            page?.contents().iter().for_each(|package| add("package", package.key()));
        }
    }
    let groups = env.aws.call("logs", "Logs_20140328.DescribeLogGroups", &json!({})).await?;
    for group in groups["logGroups"].as_array().into_iter().flatten() {
        add("log group", group["logGroupName"].as_str());
    }
    Ok(found)
}
