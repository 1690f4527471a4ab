//! Part `cost`: what an environment on the local AWS uses, beside the estimate of `vigie cost`.
//!
//! `MINUTES` is how long it is counted (60 by default). Requests are counted by the emulator, by role and action.
//! Not compared: the seconds of the functions, which are an assumption of `vigie cost`, and requests that AWS makes
//! itself, such as the polls of queues and the use of data keys.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat};
use harness::command;
use harness::environment::{LocalEnvironment, Options};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::table::{Bench, Table};

const BOTS: [&str; 3] = ["every-minute", "every-two-minutes", "twice-a-minute"];
/// Until the first runs of every probe have been counted.
const WARM_UP: Duration = Duration::from_secs(150);
const MINUTES_A_MONTH: f64 = 43_200.0;
/// As the environment `local` is deployed.
const ARGUMENTS: [&str; 4] = ["--remote-write", "--heartbeat", "--metrics", "full"];

/// The part of `vigie cost --json` that is compared, per month.
#[derive(Deserialize)]
struct Usage {
    dispatcher_invocations: f64,
    prober_invocations: f64,
    bridge_invocations: f64,
    alerts_invocations: f64,
    metrics: f64,
    metric_requests: f64,
    metrics_queried: f64,
    send_requests: f64,
    fifo_send_requests: f64,
    table_writes: f64,
    objects_written: f64,
    objects_read: f64,
    publishes: f64,
    mails: f64,
    log_bytes: f64,
}

#[derive(Deserialize)]
struct Estimate {
    usage: Usage,
}

/// Requests by role and action.
type Counts = BTreeMap<String, BTreeMap<String, f64>>;

pub(crate) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    let minutes = match std::env::var("MINUTES") {
        Ok(text) => text.parse().with_context(|| format!("`MINUTES` is `{text}`"))?,
        Err(_) => 60,
    };
    let options = Options {
        name: "cost",
        probes: Some("cost"),
        bots: &BOTS,
        bot_variable: "BOT_URL",
        faults: false,
    };
    let env = LocalEnvironment::start(bench.root, &options, bench.progress).await?;
    let estimate = estimate(bench, &env).await?;

    let warm_up = async {
        tokio::time::sleep(WARM_UP).await;
        Ok::<_, anyhow::Error>(((), "every probe has run"))
    };
    bench.progress.step("wait for the first runs", warm_up).await?;
    let (from, began) = (SystemTime::now(), Instant::now());
    let before = env.aws.request_counts()?;
    let counted = async {
        tokio::time::sleep(Duration::from_secs(60 * minutes)).await;
        Ok::<_, anyhow::Error>((env.aws.request_counts()?, format!("{minutes} min")))
    };
    let after = bench.progress.step("count requests", counted).await?;
    let share = began.elapsed().as_secs_f64() / 60.0 / MINUTES_A_MONTH;

    let actions = |role: &str, names: &[&str]| {
        let sum = |counts: &Counts| -> f64 {
            let roles = counts.iter().filter(|(name, _)| name.contains(role));
            let each = roles.flat_map(|(_, actions)| {
                names.iter().map(|name| actions.get(*name).copied().unwrap_or_default())
            });
            each.sum()
        };
        sum(&after) - sum(&before)
    };
    let mut rows = Vec::new();
    let mut row = |quantity: &str, estimated: f64, counted: f64| {
        let estimated = estimated * share;
        let difference = if estimated.max(counted) < 0.5 {
            "0 %".to_owned()
        } else {
            format!("{:+.1} %", (estimated - counted) / counted.max(1.0) * 100.0)
        };
        rows.push(vec![
            quantity.to_owned(),
            format!("{estimated:.0}"),
            format!("{counted:.0}"),
            difference,
        ]);
    };
    for (name, estimated) in [
        ("dispatcher", estimate.dispatcher_invocations),
        ("prober", estimate.prober_invocations),
        ("bridge", estimate.bridge_invocations),
        ("alerts", estimate.alerts_invocations),
    ] {
        let counted = invocations(&env, name, from).await?;
        row(&format!("invocations of `{name}`"), estimated, counted);
    }
    row(
        "`PutMetricData`",
        estimate.metric_requests,
        actions("vigie-local", &["cloudwatch:PutMetricData"]),
    );
    row(
        "metrics of `GetMetricData`",
        estimate.metrics_queried,
        actions("vigie-local", &["metrics of cloudwatch:GetMetricData"]),
    );
    let sent = actions("vigie-local", &["sqs:SendMessage"]);
    row("requests that send messages", estimate.send_requests + estimate.fifo_send_requests, sent);
    let writes = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];
    row("table writes", estimate.table_writes, actions("vigie-local", &writes));
    row("objects written", estimate.objects_written, actions("vigie-local", &["s3:PutObject"]));
    row("objects read", estimate.objects_read, actions("vigie-local", &["s3:GetObject"]));
    let mails = estimate.mails + estimate.publishes;
    row("notifications published", mails, actions("vigie-local", &["sns:Publish"]));
    let bytes = log_bytes(&env, from).await?;
    row("bytes of logs", estimate.log_bytes, bytes);
    // A metric is billed for each hour in which it has a value.
    rows.push(metric_row(estimate.metrics, published(&env).await?));

    let all = serde_json::to_string_pretty(&after)?;
    std::fs::write(bench.root.join("target/bench/request-counts.json"), all)?;
    let title = format!("three probes for {minutes} min on the local AWS");
    let header = [title.as_str(), "estimated", "counted", "difference"].map(str::to_owned).to_vec();
    Ok(vec![Table {
        title: "Usage of an environment, estimated and counted".to_owned(),
        notes: vec![format!(
            "`vigie cost tests/e2e/probes/cost --json {}`, and the requests that the emulator counted.",
            ARGUMENTS.join(" ")
        )],
        header,
        rows,
    }])
}

fn metric_row(estimated: f64, counted: usize) -> Vec<String> {
    vec![
        "metrics with a value".to_owned(),
        format!("{estimated:.1}"),
        counted.to_string(),
        String::new(),
    ]
}

async fn estimate(bench: &Bench<'_>, env: &LocalEnvironment) -> anyhow::Result<Usage> {
    let vigie = command::build(bench.root, &env.processes).await?;
    let mut command = Command::new(vigie);
    command
        .args(["cost", "tests/e2e/probes/cost", "--json"])
        .args(ARGUMENTS)
        .current_dir(bench.root);
    let output = command.output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let estimate: Estimate = serde_json::from_slice(&output.stdout)?;
    Ok(estimate.usage)
}

/// Invocations of a function since `from`.
async fn invocations(env: &LocalEnvironment, name: &str, from: SystemTime) -> anyhow::Result<f64> {
    let function = format!("vigie-local-{name}");
    let dimension = Dimension::builder().name("FunctionName").value(function).build();
    let metric = Metric::builder()
        .namespace("AWS/Lambda")
        .metric_name("Invocations")
        .dimensions(dimension)
        .build();
    let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
    let query = MetricDataQuery::builder().id("read").metric_stat(stat).build();
    let answer = env
        .cloudwatch
        .get_metric_data()
        .start_time(from.into())
        .end_time(SystemTime::now().into())
        .metric_data_queries(query)
        .send()
        .await?;
    Ok(answer.metric_data_results().iter().flat_map(MetricDataResult::values).sum())
}

/// Metrics of the namespace that had a value.
async fn published(env: &LocalEnvironment) -> anyhow::Result<usize> {
    let mut number = 0;
    let mut pages = env.cloudwatch.list_metrics().namespace("Vigie").into_paginator().send();
    while let Some(page) = pages.next().await {
        number += page?.metrics().len();
    }
    Ok(number)
}

/// Bytes of the log events of all functions since `from`, each with the 26 bytes that CloudWatch adds.
async fn log_bytes(env: &LocalEnvironment, from: SystemTime) -> anyhow::Result<f64> {
    const OVERHEAD: usize = 26;
    let from = from.duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
    let mut bytes = 0;
    for name in ["dispatcher", "prober", "bridge", "alerts"] {
        let group = format!("/aws/lambda/vigie-local-{name}");
        let mut token = Value::Null;
        loop {
            let mut request = json!({ "logGroupName": group, "startTime": from });
            if !token.is_null() {
                request["nextToken"] = token;
            }
            let page = env.aws.call("logs", "Logs_20140328.FilterLogEvents", &request).await?;
            for event in page["events"].as_array().into_iter().flatten() {
                let message = event["message"].as_str().unwrap_or_default();
                // The environment `local` has `LogLevel=debug`.
                if !message.contains(r#""level":"DEBUG""#) {
                    bytes += message.len() + OVERHEAD;
                }
            }
            token = page["nextToken"].clone();
            if token.is_null() {
                break;
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "bytes of an hour")]
    Ok(bytes as f64)
}
