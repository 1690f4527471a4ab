//! The function `alerts` itself is broken: its alarms go from CloudWatch directly to the topic
//! `self-monitoring`, without any function of Vigie.

use std::time::{Duration, SystemTime};

use alarm_model::StateValue;
use anyhow::{Context, ensure};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use tokio::process::Command;

use super::senders::vigie_test_alert;
use deploy::python::SAM;
use harness::environment::{LocalEnvironment, WATCH};
use harness::local_aws::aws_variables;

/// An alarm with a period of one minute is raised within two; the rest is reserve for a slow machine.
const SOON: Duration = Duration::from_secs(240);
/// Waiting time for a test alarm that cannot be sent.
const NEVER: u32 = 15;

/// The self-monitoring address gets a mail about `alarm` with the text of CloudWatch.
async fn self_monitoring_reports(
    env: &LocalEnvironment,
    alarm: &str,
    since: SystemTime,
) -> anyhow::Result<()> {
    env.changed(alarm, StateValue::Alarm, since, SOON).await?;
    let mail = env
        .until(&format!("mail of `{alarm}`"), Duration::from_secs(30), async || {
            let mails = env.inbox.mails().into_iter().filter(|mail| mail.to == WATCH);
            let mut about = mails.filter(|mail| mail.subject.contains(&format!("\"{alarm}\"")));
            Ok(about.next_back())
        })
        .await?;
    ensure!(mail.topic == "vigie-local-self-monitoring", "by the topic `{}`", mail.topic);
    let message: Value = serde_json::from_str(&mail.body)?;
    ensure!(message["NewStateValue"] == "ALARM" && message["AlarmName"] == alarm, "{message}");
    let description = message["AlarmDescription"].as_str().unwrap_or_default();
    ensure!(20 < description.len(), "the alarm does not say what to do: `{description}`");
    Ok(())
}

async fn test_alert_is_not_published(env: &LocalEnvironment) -> anyhow::Result<()> {
    let (published, printed) = vigie_test_alert(env, NEVER).await?;
    ensure!(!published && printed.contains("not published"), "`vigie test-alert` says:\n{printed}");
    Ok(())
}

/// The role has no permission to publish. The message is moved to the dead-letter queue, here after seconds
/// instead of half an hour.
pub(super) async fn not_permitted(env: &LocalEnvironment) -> anyhow::Result<()> {
    let sqs = aws_sdk_sqs::Client::new(&env.aws.config);
    let queue = |name: &str| {
        let request = sqs.get_queue_url().queue_name(name);
        async move { request.send().await?.queue_url().map(str::to_owned).context("no such queue") }
    };
    let alerts = queue("vigie-local-alerts").await?;
    let attributes = sqs.get_queue_attributes().queue_url(&alerts);
    let attributes = attributes.attribute_names(QueueAttributeName::RedrivePolicy).send().await?;
    let redrive =
        attributes.attributes().and_then(|all| all.get(&QueueAttributeName::RedrivePolicy));
    let mut redrive: Value = serde_json::from_str(redrive.context("no redrive policy")?)?;
    redrive["maxReceiveCount"] = json!(2);
    sqs.set_queue_attributes()
        .queue_url(&alerts)
        .attributes(QueueAttributeName::VisibilityTimeout, "5")
        .attributes(QueueAttributeName::RedrivePolicy, redrive.to_string())
        .send()
        .await?;

    let since = SystemTime::now();
    permission_to_publish(env, false).await?;
    test_alert_is_not_published(env).await?;
    self_monitoring_reports(env, "vigie-local-notifications-unpublished", since).await?;
    self_monitoring_reports(env, "vigie-local-alerts-dead", since).await?;
    permission_to_publish(env, true).await
}

/// Removes the statement `Notify` from the role of the function, or adds it again.
async fn permission_to_publish(env: &LocalEnvironment, allowed: bool) -> anyhow::Result<()> {
    let mut python = Command::new(SAM.program(&env.root, "python"));
    python
        .arg(env.root.join("tests/emulator/permission.py"))
        .args(["vigie-local-alerts", "Notify", if allowed { "allow" } else { "forbid" }])
        .envs(aws_variables(&env.aws.endpoint));
    Ok(env.processes.run("permission", &mut python).await?)
}

/// An invalid setting: the function fails before its first event.
pub(super) async fn does_not_start(env: &LocalEnvironment) -> anyhow::Result<()> {
    let since = SystemTime::now();
    env.set_alerts_variables(&[("LANGUAGE", "none")]).await?;
    env.set_alerts_timeout(3).await?;
    test_alert_is_not_published(env).await?;
    let beats = env.inbox.heartbeats();
    self_monitoring_reports(env, "vigie-local-alerts-errors", since).await?;
    ensure!(
        beats == env.inbox.heartbeats(),
        "the heartbeat is sent although `alerts` does not start"
    );
    env.set_alerts_variables(&[("LANGUAGE", "en")]).await?;
    env.set_alerts_timeout(60).await?;
    env.changed("vigie-local-alerts-errors", StateValue::Ok, since, SOON).await.map(drop)
}

/// SNS answers after the timeout of the function.
pub(super) async fn takes_too_long(env: &LocalEnvironment) -> anyhow::Result<()> {
    let since = SystemTime::now();
    let faults = env.aws.faults.as_ref().context("no proxy for faults")?;
    let slow = json!([{"service": "sns", "operation": "Publish", "times": 20, "latency": 30_000}]);
    faults.add(&slow).await?;
    env.set_alerts_timeout(3).await?;
    test_alert_is_not_published(env).await?;
    self_monitoring_reports(env, "vigie-local-alerts-errors", since).await
}
