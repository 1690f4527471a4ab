//! Alarms from other senders, and a large number of alarms.

use std::time::{Duration, SystemTime};

use anyhow::ensure;
use aws_sdk_cloudwatch::types::{ComparisonOperator, StateValue, Statistic};
use aws_sdk_sns::types::PublishBatchRequestEntry;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::process::Command;

use harness::alertmanager::Alertmanager;
use harness::command;
use harness::environment::{LocalEnvironment, ON_CALL};
use harness::inbox::Mail;
use harness::local_aws::{ACCOUNT, REGION, aws_variables};
use harness::smtp::MailServer;

const TIMEOUT: Duration = Duration::from_secs(120);

/// The topic for alarms.
fn alarms_topic() -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:vigie-local-alarms")
}

/// The on-call mails after the first `before`.
fn new_mails(env: &LocalEnvironment, before: usize) -> Vec<Mail> {
    let mails = env.inbox.mails().into_iter().skip(before);
    mails.filter(|mail| mail.to == ON_CALL).collect()
}

/// Prometheus detects the unreachable bot with its rules and the samples from the bridge. One Alertmanager
/// sends the alert to Vigie by SNS, the other one to a mail server as in the runbook; both use the
/// configuration in `infra/`. Both also receive an alert about a process without a probe.
pub(super) async fn alertmanager(env: &LocalEnvironment) -> anyhow::Result<()> {
    env.set_alerts_variables(&[("LANGUAGE", "en"), ("TIME_ZONE", "UTC")]).await?;
    for alert in ["InstanceDown", "ProbeDown"] {
        let firing = format!(r#"ALERTS{{alertname="{alert}",probe="gone",alertstate="firing"}}"#);
        env.until(&firing, Duration::from_secs(180), async || {
            Ok(env.prometheus.query(&firing).await?.into_iter().next())
        })
        .await?;
    }
    let before = env.inbox.mails().len();
    let server = MailServer::open().await?;
    let smarthost = server.address.to_string();
    let topic = alarms_topic();
    let endpoint = &*env.aws.endpoint;
    let by_sns = [
        ("RECEIVER", "vigie"),
        ("ALARMS_TOPIC_ARN", &*topic),
        ("SNS_API_URL", endpoint),
        ("AWS_REGION", REGION),
        ("GROUP_WAIT", "1s"),
    ];
    let by_mail = [
        ("RECEIVER", "email"),
        ("SMTP_SMARTHOST", &*smarthost),
        ("SMTP_FROM", "alertmanager@example.com"),
        ("SMTP_REQUIRE_TLS", "false"),
        ("ALERT_EMAIL", ON_CALL),
        ("GROUP_WAIT", "1s"),
    ];
    let start = async |name, settings: &[(&str, &str)]| {
        let (root, state) = (&env.root, &env.state);
        Alertmanager::start(root, state, name, settings, endpoint, &env.processes).await
    };
    let sns = start("alertmanager-sns", &by_sns).await?;
    let smtp = start("alertmanager-smtp", &by_mail).await?;
    env.prometheus.notify(&[&sns.address, &smtp.address])?;
    sns.raise(&instance_down()).await?;
    smtp.raise(&instance_down()).await?;

    // The mail about ProbeDown reads like that about a CloudWatch alarm; InstanceDown keeps its annotations.
    for (begins, names) in [("DOWN", "gone"), ("ALARM", "InstanceDown")] {
        let mail = env
            .until(&format!("mail of {names} by Alertmanager"), TIMEOUT, async || {
                let mut mails = new_mails(env, before).into_iter();
                let line = format!("{begins}  {names}: ");
                let alone = format!("{begins} {names} (local): ");
                Ok(mails.find(|mail| mail.subject.starts_with(&alone) || mail.body.contains(&line)))
            })
            .await?;
        let what = if names == "gone" { "connection failed" } else { "127.0.0.1:9 is down" };
        let text = format!("{}\n{}", mail.subject, mail.body);
        ensure!(text.contains(&format!(": {what}")), "no `{what}` in:\n{text}");
        ensure!(mail.defect.is_none(), "{:?}", mail.defect);
    }
    let message = env
        .until("message about InstanceDown", TIMEOUT, async || {
            let scraped = |text: &str| text.contains("Prometheus could not scrape 127.0.0.1:9");
            let mut messages = server.mails().into_iter();
            Ok(messages.find(|one| one.subject.contains("InstanceDown") && scraped(&one.text)))
        })
        .await?;
    ensure!(message.to == [ON_CALL], "sent to {:?}", message.to);
    ensure!(message.subject.starts_with("[FIRING:"), "{}", message.subject);
    for part in
        ["127.0.0.1:9 is down", "(job gradio_chatbot) for a minute.", "runbook.md#instancedown"]
    {
        ensure!(message.text.contains(part), "no `{part}` in the message:\n{}", message.text);
    }
    // From here on they send no notification.
    env.prometheus.notify(&[])
}

/// The alert of the classic runbook about a plain scrape, which has no probe.
fn instance_down() -> serde_json::Value {
    let runbook = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/runbook.md#instancedown");
    json!([{
        "labels": {
            "alertname": "InstanceDown", "job": "gradio_chatbot", "instance": "127.0.0.1:9", "severity": "page",
        },
        "annotations": {
            "summary": "127.0.0.1:9 is down",
            "description": "Prometheus could not scrape 127.0.0.1:9 (job gradio_chatbot) for a minute.",
            "runbook_url": runbook,
        },
    }])
}

/// Runs `vigie test-alert`; returns its output and whether it succeeded.
pub(super) async fn vigie_test_alert(
    env: &LocalEnvironment,
    seconds: u32,
) -> anyhow::Result<(bool, String)> {
    let mut command = Command::new(command::build(&env.root, &env.processes).await?);
    command
        .args(["test-alert", "steady", "--environment", "local", "--wait", &seconds.to_string()])
        .envs(aws_variables(&env.aws.endpoint))
        .kill_on_drop(true);
    let output = command.output().await?;
    let printed = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&printed).into_owned()))
}

pub(super) async fn test_alert(env: &LocalEnvironment) -> anyhow::Result<()> {
    let before = env.inbox.mails().len();
    let (published, printed) = vigie_test_alert(env, 90).await?;
    ensure!(published && printed.contains("published"), "`vigie test-alert` says:\n{printed}");
    // SNS accepted the message and delivers it later.
    let mail = env
        .until("mail marked TEST", Duration::from_secs(60), async || {
            let marked = |mail: &Mail| mail.subject.starts_with("[TEST] ");
            Ok(new_mails(env, before).into_iter().find(marked))
        })
        .await?;
    ensure!(mail.subject.starts_with("[TEST] DOWN steady (local)"), "{}", mail.subject);
    let note = "This is a test sent by `vigie test-alert`. Nothing is wrong";
    ensure!(mail.body.starts_with(note), "{}", mail.body);
    Ok(())
}

/// A thousand alarms change at once. Each is in one mail, and far fewer than ten mails a second are sent.
pub(super) async fn thousand(env: &LocalEnvironment) -> anyhow::Result<()> {
    let before = env.inbox.mails().len();
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&env.aws.config);
    // A notification lists only alarms that CloudWatch confirms.
    let created = (0..1_000).map(|number| alarm_in_cloudwatch(&cloudwatch, number));
    stream::iter(created).buffer_unordered(20).try_collect::<Vec<()>>().await?;
    let sns = aws_sdk_sns::Client::new(&env.aws.config);
    let topic = alarms_topic();
    let messages: Vec<String> = (0..1_000).map(alarm).collect();
    for (batch, messages) in messages.chunks(10).enumerate() {
        let entries = messages.iter().enumerate().map(|(index, message)| {
            let id = format!("{batch}-{index}");
            PublishBatchRequestEntry::builder().id(id).message(message).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let answer = sns.publish_batch().topic_arn(&topic);
        let answer = answer.set_publish_batch_request_entries(Some(entries)).send().await?;
        ensure!(answer.failed().is_empty(), "not taken: {:?}", answer.failed());
    }
    let counted = || -> Vec<usize> {
        let mails = new_mails(env, before);
        let down = mails.iter().filter_map(|mail| {
            let (count, rest) = mail.subject.split_once(" DOWN (local): crowd-")?;
            rest.contains("crowd-").then(|| count.parse().ok())?
        });
        down.collect()
    };
    env.until("mails of a thousand alarms", Duration::from_secs(240), async || {
        Ok((1_000 <= counted().iter().sum::<usize>()).then_some(()))
    })
    .await?;
    // One more window: no mail may arrive twice.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let counted = counted();
    ensure!(counted.iter().sum::<usize>() == 1_000, "alarms by mail: {counted:?}");
    ensure!(counted.len() <= 10, "{} mails: {counted:?}", counted.len());
    Ok(())
}

fn crowd_alarm(number: usize) -> String {
    format!("vigie-local-crowd-{number}-down")
}

/// Creates one of many alarms in the state ALARM, without actions.
async fn alarm_in_cloudwatch(
    cloudwatch: &aws_sdk_cloudwatch::Client,
    number: usize,
) -> anyhow::Result<()> {
    let name = crowd_alarm(number);
    let alarm = cloudwatch.put_metric_alarm().alarm_name(&name).namespace("Vigie");
    let alarm = alarm.metric_name("Success").statistic(Statistic::Minimum).period(60);
    let alarm = alarm.evaluation_periods(1).threshold(1.0).treat_missing_data("ignore");
    alarm.comparison_operator(ComparisonOperator::LessThanThreshold).send().await?;
    let state = cloudwatch.set_alarm_state().alarm_name(name).state_value(StateValue::Alarm);
    state.state_reason("Threshold Crossed").send().await?;
    Ok(())
}

/// A message of CloudWatch about one of many probes.
fn alarm(number: usize) -> String {
    let name = crowd_alarm(number);
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = aws_sdk_sns::primitives::DateTime::from_secs_f64(seconds.as_secs_f64());
    let now = now.fmt(aws_sdk_sns::primitives::DateTimeFormat::DateTime).unwrap_or_default();
    json!({
        "AlarmName": name,
        "AlarmArn": format!("arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"),
        "NewStateValue": "ALARM",
        "OldStateValue": "OK",
        "NewStateReason": "Threshold Crossed",
        "StateChangeTime": now,
    })
    .to_string()
}
