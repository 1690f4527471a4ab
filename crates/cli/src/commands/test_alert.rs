//! `vigie test-alert`: a marked alarm down the whole path, and whether it came out at the end.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use clap::Args;
use domain::{AlarmKind, AlarmName, EnvironmentName, ProbeName};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::style::{BOLD, DIM, ERROR, GOOD};
use crate::{Exit, Io};

/// How often it is looked whether the notification went out.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Send a test alarm down the whole path and wait until its notification was published.
///
/// It is marked TEST everywhere and touches nothing of what is known of the real alarm. Ends with 0
/// when SNS took the notification, 1 when it did not come out in time.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie test-alert support-bot --environment prod")]
pub struct Arguments {
    /// The probe whose alarm is played.
    #[arg(value_name = "PROBE")]
    probe: ProbeName,
    /// The stack's environment.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: EnvironmentName,
    /// How long to wait, in seconds; the grouping window is part of it.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    wait: u64,
}

pub(crate) async fn test_alert(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let aws = aws_config::load_from_env().await;
    let sns = aws_sdk_sns::Client::new(&aws);
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let Arguments { probe, environment, wait } = arguments;
    let now = Timestamp::now();
    let id = format!("{:08x}", domain::report::stable_hash(&format!("{probe} {now}")) >> 32);

    let topic = topic(&sns, environment).await?;
    sns.publish()
        .topic_arn(&topic)
        .subject(format!("TEST of {probe}"))
        .message(message(environment, probe, &topic, &id, now).to_string())
        .send()
        .await
        .map_err(|error| anyhow::Error::new(error.into_service_error()))
        .with_context(|| format!("could not publish to `{topic}`"))?;
    writeln!(io.err, "test {BOLD}{id}{BOLD:#} sent to vigie-{environment}-alarms; waiting …")?;

    let sent = Instant::now();
    let limit = Duration::from_secs(*wait);
    while sent.elapsed() < limit {
        if let Some(message) = published(&dynamodb, environment, &id).await? {
            let took = sent.elapsed().as_secs();
            writeln!(io.out, "{GOOD}published{GOOD:#} after {took} s, SNS message {message}")?;
            writeln!(
                io.err,
                "{DIM}Look for \"[TEST]\" in the inbox: a subscription that was not confirmed gets nothing.{DIM:#}"
            )?;
            return Ok(Exit::Success);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    writeln!(
        io.err,
        "{ERROR}not published{ERROR:#} within {wait} s\n\
         hint: look at the log group /aws/lambda/vigie-{environment}-alerts, the queue vigie-{environment}-alerts and its dead letters"
    )?;
    Ok(Exit::Down)
}

/// The topic that alarms go to, found by its name among the account's.
async fn topic(sns: &aws_sdk_sns::Client, environment: &EnvironmentName) -> anyhow::Result<String> {
    let end = format!(":vigie-{environment}-alarms");
    let mut topics = sns.list_topics().into_paginator().items().send();
    while let Some(topic) = topics.next().await {
        let topic = topic
            .map_err(|error| anyhow::Error::new(error.into_service_error()))
            .context("could not list the topics")?;
        if let Some(arn) = topic.topic_arn().filter(|arn| arn.ends_with(&end)) {
            return Ok(arn.to_owned());
        }
    }
    bail!(
        "there is no topic `vigie-{environment}-alarms`\nhint: is it the right account and region, and is the environment deployed?"
    )
}

/// As CloudWatch would send it, but for the mark.
fn message(
    environment: &EnvironmentName,
    probe: &ProbeName,
    topic: &str,
    id: &str,
    now: Timestamp,
) -> Value {
    let kind = AlarmKind::Down;
    let name = AlarmName { environment: environment.clone(), probe: probe.clone(), kind };
    // arn:PARTITION:sns:REGION:ACCOUNT:NAME
    let parts: Vec<&str> = topic.split(':').collect();
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    let arn = format!("arn:{}:cloudwatch:{}:{}:alarm:{name}", part(1), part(3), part(4));
    json!({
        "AlarmName": name.to_string(),
        "AlarmArn": arn,
        "AlarmDescription": "A test of the path from an alarm to a notification.",
        "NewStateValue": "ALARM",
        "OldStateValue": "OK",
        "NewStateReason": "This is a test. Nothing is wrong.",
        "StateChangeTime": now.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string(),
        "VigieTest": id,
    })
}

/// SNS's id of the notification, once `alerts` has noted that it was published.
async fn published(
    dynamodb: &aws_sdk_dynamodb::Client,
    environment: &EnvironmentName,
    id: &str,
) -> anyhow::Result<Option<String>> {
    let table = format!("vigie-{environment}");
    let answer = dynamodb
        .get_item()
        .table_name(&table)
        .key("pk", AttributeValue::S(format!("test#{id}")))
        .key("sk", AttributeValue::S("published".to_owned()))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| anyhow::Error::new(error.into_service_error()))
        .with_context(|| format!("could not read the table `{table}`"))?;
    let item = answer.item().and_then(|item| item.get("message_id"));
    Ok(item.and_then(|id| id.as_s().ok()).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_is_an_alarm_of_the_probe_but_for_its_mark() {
        let now = "2026-11-22T14:05:00Z".parse().unwrap();
        let topic = "arn:aws:sns:eu-west-1:123456789012:vigie-prod-alarms";
        let message =
            message(&"prod".parse().unwrap(), &"bot".parse().unwrap(), topic, "b7d1", now);
        assert_eq!(message["AlarmName"], "vigie-prod-bot-down");
        assert_eq!(
            message["AlarmArn"],
            "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:vigie-prod-bot-down"
        );
        assert_eq!(message["StateChangeTime"], "2026-11-22T14:05:00.000+0000");
        assert_eq!(message["VigieTest"], "b7d1");
    }
}
