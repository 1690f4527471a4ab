//! Secrets of Secrets Manager and Parameter Store reach the bots, which repeat them in replies, errors
//! and metrics; then everything that the system wrote is searched for them.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use alarm_model::StateValue;
use anyhow::{Context, ensure};
use serde_json::json;

use super::mails::WRONG_ANSWER;
use super::sequence::Sequence;
use crate::list::{SOON, down, verdicts};
use harness::bot::Mood;
use harness::environment::LocalEnvironment;

pub(super) const BEARER: &str = "echo-bearer";
pub(super) const HEADER: &str = "echo-header";

/// Part of every secret in `secrets.json`, unchanged by every encoding.
const MARK: &str = "58213470";
/// The placeholder of a secret.
const PLACEHOLDER: &str = "[secret]";

/// The bot repeats the secret in its replies, then in an error that a mail quotes.
pub(super) async fn echoed(
    env: &LocalEnvironment,
    sequence: &Sequence,
    probe: &str,
) -> anyhow::Result<()> {
    verdicts(env, probe, 3).await?;
    // After the mails that are compared as a whole.
    sequence.mails.wait_for(WRONG_ANSWER.turn + 1).await;
    let broken = SystemTime::now();
    env.bot.set_mood(probe, Mood::Error).await?;
    env.changed(&down(probe), StateValue::Alarm, broken, SOON).await?;
    // Several alarms may share a mail, and its subject then names others.
    env.until(&format!("mail with the error of `{probe}`"), SOON, async || {
        let about = |text: &str| text.contains(probe) && text.contains("overloaded");
        Ok(env.inbox.mails().into_iter().find(|mail| about(&mail.body)))
    })
    .await
    .map(drop)
}

/// Everything that was written: place and text.
struct Written(Vec<(String, String)>);

impl Written {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    /// Checks that there is text to search, and that the bots repeated a secret.
    fn holds(&self, place: &str, text: &str) -> anyhow::Result<()> {
        let found = self.0.iter().any(|(at, all)| at.starts_with(place) && all.contains(text));
        ensure!(found, "nothing with `{text}` in {place}");
        Ok(())
    }
}

pub(super) async fn kept(env: &LocalEnvironment) -> anyhow::Result<()> {
    let mut written = Written(Vec::new());
    function_logs(env, &mut written).await?;
    buckets(env, &mut written).await?;
    metrics(env, &mut written).await?;
    queues(env, &mut written).await?;
    table(env, &mut written).await?;
    for mail in env.inbox.mails() {
        written.add("mail", format!("{}\n{}", mail.subject, mail.body));
    }
    let series = env.prometheus.query(r#"last_over_time({__name__=~".+"}[10m])"#).await?;
    for found in series {
        written.add("Prometheus", format!("{:?}", found.metric));
    }
    files(&env.state.join("inbox"), &mut written)?;

    for (place, text) in &written.0 {
        if let Some(at) = text.find(MARK) {
            let from = text.floor_char_boundary(at.saturating_sub(120));
            let to = text.ceil_char_boundary(at + 60);
            anyhow::bail!("a secret turned up in {place}: …{}…", &text[from..to]);
        }
    }
    written.holds("log of /aws/lambda/vigie-local-prober", PLACEHOLDER)?;
    written.holds("log of /aws/lambda/vigie-local-alerts", "")?;
    written.holds("object", "Received Bearer [secret]")?;
    written.holds("object", "Received [secret] and [secret]")?;
    written.holds("metric", BEARER)?;
    written.holds("alarm", BEARER)?;
    written.holds("table", BEARER)?;
    written.holds("mail", "The model is overloaded")?;
    written.holds("Prometheus", "Bearer [secret]")?;
    Ok(())
}

async fn function_logs(env: &LocalEnvironment, written: &mut Written) -> anyhow::Result<()> {
    for name in ["dispatcher", "prober", "bridge", "alerts"] {
        let group = format!("/aws/lambda/vigie-local-{name}");
        let mut body = json!({ "logGroupName": group, "limit": 10_000 });
        loop {
            let page = env.aws.call("logs", "Logs_20140328.FilterLogEvents", &body).await?;
            written.add(format!("log of {group}"), page["events"].to_string());
            let Some(next) = page["nextToken"].as_str() else { break };
            body["nextToken"] = next.into();
        }
    }
    Ok(())
}

async fn buckets(env: &LocalEnvironment, written: &mut Written) -> anyhow::Result<()> {
    let buckets = env.s3.list_buckets().send().await?;
    for bucket in buckets.buckets().iter().filter_map(|bucket| bucket.name()) {
        let mut pages = env.s3.list_objects_v2().bucket(bucket).into_paginator().send();
        while let Some(page) = pages.next().await {
            for key in page?.contents().iter().filter_map(|object| object.key()) {
                let object = env.s3.get_object().bucket(bucket).key(key).send().await?;
                let body = object.body.collect().await?.into_bytes();
                written.add(format!("object {bucket}/{key}"), key);
                written.add(format!("object {bucket}/{key}"), String::from_utf8_lossy(&body));
            }
        }
    }
    Ok(())
}

async fn metrics(env: &LocalEnvironment, written: &mut Written) -> anyhow::Result<()> {
    let mut pages = env.cloudwatch.list_metrics().into_paginator().send();
    while let Some(page) = pages.next().await {
        for metric in page?.metrics() {
            written.add("metric", format!("{metric:?}"));
        }
    }
    let mut pages = env.cloudwatch.describe_alarms().into_paginator().send();
    while let Some(page) = pages.next().await {
        for alarm in page?.metric_alarms() {
            written.add("alarm", format!("{alarm:?}"));
        }
    }
    Ok(())
}

/// The messages of the queues and dead-letter queues; none is removed.
async fn queues(env: &LocalEnvironment, written: &mut Written) -> anyhow::Result<()> {
    let sqs = aws_sdk_sqs::Client::new(&env.aws.config);
    let queues = sqs.list_queues().send().await?;
    ensure!(!queues.queue_urls().is_empty(), "no queues");
    for url in queues.queue_urls() {
        for _ in 0..5 {
            let receive = sqs.receive_message().queue_url(url).max_number_of_messages(10);
            for message in receive.visibility_timeout(0).send().await?.messages() {
                written.add(format!("queue {url}"), format!("{message:?}"));
            }
        }
    }
    Ok(())
}

async fn table(env: &LocalEnvironment, written: &mut Written) -> anyhow::Result<()> {
    let tables = env.aws.call("dynamodb", "DynamoDB_20120810.ListTables", &json!({})).await?;
    let names = tables["TableNames"].as_array().context("no tables")?;
    for name in names {
        let mut body = json!({ "TableName": name });
        loop {
            let page = env.aws.call("dynamodb", "DynamoDB_20120810.Scan", &body).await?;
            written.add("table", page["Items"].to_string());
            if page["LastEvaluatedKey"].is_null() {
                break;
            }
            body["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
        }
    }
    Ok(())
}

fn files(folder: &Path, written: &mut Written) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            let text = fs::read(&path)?;
            written.add(format!("file {}", path.display()), String::from_utf8_lossy(&text));
        }
    }
    Ok(())
}
