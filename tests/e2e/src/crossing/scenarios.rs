//! One function for each promise; the probes are those of `tests/e2e/probes/crossing/`.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alarm_model::StateValue;
use anyhow::{Context, ensure};
use aws_sdk_lambda::primitives::Blob;
use serde_json::json;

use crate::bot::Mood;
use crate::local_aws;
use crate::stage::{PROBES_BUCKET, Stage, WATCH};
use crate::tally::Outcome;

pub(super) type LookBack = fn(&Stage) -> anyhow::Result<()>;
pub(super) type Scenario = for<'a> fn(&'a Stage) -> Outcome<'a>;

/// A probe of ten seconds raises its alarm within two bad runs; the rest is room for a slow machine.
const SOON: Duration = Duration::from_secs(180);
/// Until the first results: the schedule fires on the minute and orders the next one.
const FIRST: Duration = Duration::from_secs(240);

/// Those that run side by side.
pub(super) fn together() -> Vec<(&'static str, Scenario)> {
    vec![
        ("every_run_is_published_once_whatever_its_neighbours_do", |stage| Box::pin(steady(stage))),
        ("an_error_is_told_by_mail_and_so_is_its_end", |stage| {
            Box::pin(breaks(stage, "failing", Mood::Error, &["app_error"]))
        }),
        ("hanging_is_told_by_mail_and_so_is_its_end", |stage| {
            Box::pin(breaks(stage, "hanging", Mood::Hang, &["first_chunk_timeout", "timeout"]))
        }),
        ("a_wrong_answer_is_told_by_mail_and_so_is_its_end", |stage| {
            Box::pin(breaks(stage, "forgetful", Mood::Nonsense, &["check_failed"]))
        }),
        ("a_bot_that_is_gone_is_down_from_its_first_runs", |stage| Box::pin(gone(stage))),
        ("a_slow_bot_is_degraded_and_not_down", |stage| Box::pin(slow(stage))),
        ("a_probe_that_falls_silent_is_told_within_six_minutes", |stage| Box::pin(silent(stage))),
        ("calls_that_are_throttled_fail_or_dawdle_lose_no_result", |stage| Box::pin(faults(stage))),
        ("a_call_that_no_policy_allows_is_refused", |stage| Box::pin(refused(stage))),
    ]
}

/// Those that look back at the whole.
pub(super) fn afterwards() -> [(&'static str, LookBack); 2] {
    [("only_what_broke_was_told_about", quiet), ("the_watch_itself_has_nothing_to_tell", watch)]
}

fn down(probe: &str) -> String {
    format!("vigie-local-{probe}-down")
}

/// Waits until `count` runs of a probe have a verdict, and returns them as time and success.
async fn verdicts(stage: &Stage, probe: &str, count: usize) -> anyhow::Result<Vec<(i64, f64)>> {
    let from = SystemTime::now() - Duration::from_secs(600);
    stage
        .until(&format!("{count} results of `{probe}`"), FIRST, async || {
            let values = stage.figures(probe).read("Success", "Minimum", from).await?;
            Ok((values.len() >= count).then_some(values))
        })
        .await
}

async fn steady(stage: &Stage) -> anyhow::Result<()> {
    let probe = "steady";
    let first = verdicts(stage, probe, 1).await?;
    // The schedule fires twice for this minute: what was ordered already is ordered again.
    let lambda = aws_sdk_lambda::Client::new(&stage.aws.config);
    let minute = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 60 * 60;
    let minute = aws_sdk_lambda::primitives::DateTime::from_secs(i64::try_from(minute)?);
    let fired = format!("{{\"scheduled_time\":\"{minute}\"}}");
    let answer = lambda
        .invoke()
        .function_name("vigie-local-dispatcher")
        .payload(Blob::new(fired))
        .send()
        .await?;
    ensure!(answer.function_error().is_none(), "the dispatcher failed: {:?}", answer.payload());

    let values = verdicts(stage, probe, 18).await?;
    ensure!(values.iter().all(|(_, success)| *success > 0.0), "not always up: {values:?}");
    let times: Vec<i64> = values.iter().map(|(at, _)| *at).collect();
    let gaps: Vec<_> = times.windows(2).filter(|pair| pair[1] - pair[0] != 10).collect();
    ensure!(gaps.is_empty(), "periods without a result between {gaps:?}");
    let from = UNIX_EPOCH + Duration::from_secs(u64::try_from(first[0].0)?);
    let counts = stage.figures(probe).read("Success", "SampleCount", from).await?;
    let twice: Vec<_> = counts.iter().filter(|(_, count)| *count > 1.0).collect();
    ensure!(twice.is_empty(), "counted more than once: {twice:?}");

    for query in [
        r#"probe_success{probe="steady",environment="local"} == 1"#,
        r#"probe_duration_seconds{probe="steady"} > 0"#,
        r#"probe_turn_first_chunk_seconds{probe="steady",turn="2"} > 0"#,
        r#"up{probe="steady"} == 1"#,
        r#"up{job="gradio_chatbot",environment="local",probe=""} == 1"#,
        r#"chatbot_replies_total{bot="steady",outcome="ok",environment="local"} > 0"#,
    ] {
        stage
            .until(query, Duration::from_secs(60), async || {
                Ok(stage.prometheus.query(query).await?.into_iter().next())
            })
            .await?;
    }
    // Stamped with the due time: no two samples in one period, none between.
    let samples = stage.prometheus.query(r#"count_over_time(probe_success{probe="steady"}[2m])"#);
    let samples =
        samples.await?.first().map(crate::prometheus::Found::value).context("no samples")?;
    ensure!((11.0..=12.0).contains(&samples), "{samples} samples in two minutes; expected 12");
    Ok(())
}

/// A bot answers, breaks, and is mended.
async fn breaks(
    stage: &Stage,
    probe: &'static str,
    mood: Mood,
    reasons: &'static [&'static str],
) -> anyhow::Result<()> {
    verdicts(stage, probe, 3).await?;
    ensure!(stage.mails_about(probe).is_empty(), "told before anything broke");

    let broken = SystemTime::now();
    stage.bot.be(probe, mood).await?;
    stage.changed(&down(probe), StateValue::Alarm, broken, SOON).await?;
    let mut counted = 0;
    for reason in reasons {
        counted += stage.figures(probe).failures(reason, broken).await?;
    }
    ensure!(counted >= 2, "{counted} failures for {reasons:?}; expected at least 2");
    let mail = stage.mail_about(probe, 1).await?;
    ensure!(mail.body.contains(probe), "the mail does not name the probe:\n{}", mail.body);
    report(stage, probe).await?;

    let mended = SystemTime::now();
    stage.bot.be(probe, Mood::Ok).await?;
    stage.changed(&down(probe), StateValue::Ok, mended, SOON).await?;
    let recovery = stage.mail_about(probe, 2).await?;
    ensure!(
        recovery.subject != mail.subject,
        "the recovery reads like the alarm: {}",
        mail.subject
    );
    Ok(())
}

/// The report of a failed run lies in the bucket, and is about that probe.
async fn report(stage: &Stage, probe: &str) -> anyhow::Result<()> {
    let buckets = stage.s3.list_buckets().send().await?;
    let mut found = BTreeSet::new();
    for bucket in buckets.buckets().iter().filter_map(|bucket| bucket.name()) {
        let prefix = format!("reports/{probe}/");
        let objects = stage.s3.list_objects_v2().bucket(bucket).prefix(prefix).send().await?;
        let keys = objects.contents().iter().filter_map(|object| object.key());
        found.extend(keys.map(|key| (bucket.to_owned(), key.to_owned())));
    }
    let (bucket, key) = found
        .iter()
        .find(|(_, key)| key.contains("Z-") && !key.contains(".html"))
        .with_context(|| format!("no report of `{probe}` among {found:?}"))?;
    let object = stage.s3.get_object().bucket(bucket).key(key).send().await?;
    let body = object.body.collect().await?.into_bytes();
    let report: serde_json::Value = serde_json::from_slice(&body)?;
    ensure!(report["probe"] == probe, "`{key}` is about {}", report["probe"]);
    Ok(())
}

async fn gone(stage: &Stage) -> anyhow::Result<()> {
    let began = UNIX_EPOCH;
    stage.changed(&down("gone"), StateValue::Alarm, began, FIRST).await?;
    let failures = stage.figures("gone").failures("connect", SystemTime::now() - FIRST).await?;
    ensure!(failures >= 2, "{failures} failures for `connect`");
    stage.mail_about("gone", 1).await.map(drop)
}

async fn slow(stage: &Stage) -> anyhow::Result<()> {
    verdicts(stage, "slow", 3).await?;
    let since = SystemTime::now();
    stage.bot.be("slow", Mood::Slow).await?;
    stage.changed("vigie-local-slow-degraded", StateValue::Alarm, since, SOON).await?;
    let values = verdicts(stage, "slow", 3).await?;
    ensure!(values.iter().all(|(_, success)| *success > 0.0), "slow, yet not up: {values:?}");
    stage.mail_about("slow", 1).await?;
    let down = down("slow");
    let changes = stage.evaluator.changes();
    let alarmed = |to| changes.iter().any(|change| change.alarm == down && change.to == to);
    ensure!(!alarmed(StateValue::Alarm), "a slow bot was called down");
    Ok(())
}

async fn silent(stage: &Stage) -> anyhow::Result<()> {
    verdicts(stage, "silent", 3).await?;
    // Without its file the dispatcher orders no more runs; its alarm stays.
    let since = SystemTime::now();
    stage.s3.delete_object().bucket(PROBES_BUCKET).key("probes/silent.yaml").send().await?;
    let six_minutes = Duration::from_secs(360);
    stage.changed(&down("silent"), StateValue::InsufficientData, since, six_minutes).await?;
    stage.mail_about("silent", 1).await?;
    let told = since.elapsed()?;
    ensure!(told <= six_minutes, "told after {told:?}");
    Ok(())
}

/// What goes wrong here is seen by `steady`, which wants every period to have its result.
async fn faults(stage: &Stage) -> anyhow::Result<()> {
    verdicts(stage, "steady", 2).await?;
    let faults = stage.aws.faults.as_ref().context("no proxy for faults")?;
    let throttled =
        json!({"code": "ThrottlingException", "message": "Rate exceeded", "status": 400});
    let broken = json!({"code": "InternalError", "status": 500});
    faults
        .add(&json!([
            {"service": "cloudwatch", "operation": "PutMetricData", "times": 4, "error": throttled},
            {"service": "sqs", "operation": "SendMessage", "times": 2, "error": broken},
            {"service": "s3", "operation": "PutObject", "times": 2, "error": broken},
            {"service": "dynamodb", "operation": "PutItem", "times": 2, "error": broken},
            {"service": "cloudwatch", "operation": "PutMetricData", "times": 6, "latency": 1500},
        ]))
        .await?;
    stage
        .until("throttled, failed and slow calls", SOON, async || {
            let fired = faults.fired().await?;
            let of = |name| {
                fired.iter().filter(|fault| fault.operation.as_deref() == Some(name)).count()
            };
            Ok((of("PutMetricData") >= 10 && of("PutItem") >= 2 && of("PutObject") >= 2)
                .then_some(()))
        })
        .await
}

/// The emulator enforces policies: without that, the other scenarios would prove nothing about ours.
async fn refused(stage: &Stage) -> anyhow::Result<()> {
    let stranger = local_aws::config_with(&stage.aws.endpoint, "AKIAIOSFODNN7EXAMPLE", "unknown");
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&stranger);
    let answer = cloudwatch.describe_alarms().send().await;
    ensure!(answer.is_err(), "a stranger could list the alarms");
    Ok(())
}

fn quiet(stage: &Stage) -> anyhow::Result<()> {
    let about = |probe: &str| stage.mails_about(probe).len();
    ensure!(about("steady") == 0, "mail about a bot that was never down");
    for mail in stage.inbox.mails() {
        ensure!(mail.defect.is_none(), "`{}`: {:?}", mail.subject, mail.defect);
    }
    Ok(())
}

fn watch(stage: &Stage) -> anyhow::Result<()> {
    let complaints = stage.evaluator.complaints();
    ensure!(complaints.is_empty(), "alarms that could not be evaluated: {complaints:?}");
    let probes = ["steady", "failing", "hanging", "forgetful", "slow", "silent", "gone"];
    let raised: Vec<_> = stage
        .evaluator
        .changes()
        .into_iter()
        .filter(|change| change.to == StateValue::Alarm)
        .filter(|change| {
            !probes.iter().any(|probe| change.alarm.starts_with(&format!("vigie-local-{probe}-")))
        })
        .map(|change| (change.alarm, change.reason))
        .collect();
    ensure!(raised.is_empty(), "{raised:?}");
    let mails: Vec<_> = stage.inbox.mails().into_iter().filter(|mail| mail.to == WATCH).collect();
    ensure!(mails.is_empty(), "mail from the watch: {mails:?}");
    Ok(())
}
