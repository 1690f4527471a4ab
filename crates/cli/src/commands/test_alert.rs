//! `vigie test-alert`: sends a test alarm and waits until its notification is published.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use clap::Args;
use domain::{AlarmKind, AlarmName, EnvironmentName, ProbeName};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::style::{BOLD, DIM, ERROR, GOOD};
use crate::{Exit, Io};

/// How often the table is read for the result.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Send a test alarm and wait until its notification is published.
///
/// The alarm passes through the same topic, queue and function as a real one. It is marked TEST and does not
/// change the record of the real alarm. The exit code is 0 if SNS accepted the notification, and 1 if it did
/// not within the time limit.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie test-alert support-bot --environment prod")]
pub struct Arguments {
    /// Probe whose alarm is tested.
    #[arg(value_name = "PROBE")]
    probe: ProbeName,
    /// Environment of the stack.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: EnvironmentName,
    /// Time limit, in seconds. It includes the grouping window.
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

    send(&sns, environment, probe, &id, now).await?;
    writeln!(
        io.err,
        "test {BOLD}{id}{BOLD:#} sent to vigie-{environment}-alarms; waiting for the notification"
    )?;

    let sent = Instant::now();
    let limit = Duration::from_secs(*wait);
    while sent.elapsed() < limit {
        if let Some(message) = published(&dynamodb, environment, &id).await? {
            let took = sent.elapsed().as_secs();
            writeln!(io.out, "{GOOD}published{GOOD:#} after {took} s, SNS message {message}")?;
            writeln!(
                io.err,
                "{DIM}Check the inbox for \"[TEST]\". An unconfirmed subscription receives no mail.{DIM:#}"
            )?;
            return Ok(Exit::Success);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    writeln!(
        io.err,
        "{ERROR}not published{ERROR:#} within {wait} s\n\
         hint: see the log group /aws/lambda/vigie-{environment}-alerts, the queue vigie-{environment}-alerts and its dead-letter queue"
    )?;
    Ok(Exit::Down)
}

/// Publishes the test alarm of a probe.
pub(crate) async fn send(
    sns: &aws_sdk_sns::Client,
    environment: &EnvironmentName,
    probe: &ProbeName,
    id: &str,
    now: Timestamp,
) -> anyhow::Result<()> {
    let topic = topic(sns, environment).await?;
    sns.publish()
        .topic_arn(&topic)
        .subject(format!("TEST of {probe}"))
        .message(message(environment, probe, &topic, id, now).to_string())
        .send()
        .await
        .map_err(|error| anyhow::Error::new(error.into_service_error()))
        .with_context(|| format!("could not publish to `{topic}`"))?;
    Ok(())
}

/// ARN of the topic that receives the alarms, found by its name.
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
        "there is no topic `vigie-{environment}-alarms`\nhint: check the account, the region, and that the environment is deployed"
    )
}

/// The alarm's message as CloudWatch sends it, with a field that marks the test.
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

/// SNS message ID of the notification, when `alerts` has recorded it.
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
    fn test_message_is_an_alarm_with_a_test_mark() {
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
