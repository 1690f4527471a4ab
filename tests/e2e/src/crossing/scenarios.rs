//! One function for each promise; the probes are those of `tests/e2e/probes/crossing/`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alarm_model::StateValue;
use anyhow::{Context, ensure};
use aws_sdk_lambda::primitives::Blob;
use serde_json::json;

use super::mails::{self, APP_ERROR, HANGING, WRONG_ANSWER};
use super::turns::Turns;
use super::{broken, expressions, metrics, neighbour, operator, secrecy, senders};
use crate::local_aws;
use crate::stage::{Stage, WATCH};
use crate::tally::Outcome;

pub(super) type Scenario = for<'a> fn(&'a Stage, &'a Turns) -> Outcome<'a>;

/// A probe of ten seconds raises its alarm within two bad runs; the rest is room for a slow machine.
pub(super) const SOON: Duration = Duration::from_secs(180);
/// Until the first results: the schedule fires on the minute and orders the next one.
pub(super) const FIRST: Duration = Duration::from_secs(240);

/// Those that run side by side.
pub(super) fn together() -> Vec<(&'static str, Scenario)> {
    vec![
        ("every_run_is_published_once_whatever_its_neighbours_do", |stage, _| {
            Box::pin(steady(stage))
        }),
        ("a_bot_that_is_gone_is_told_by_mail_from_its_first_runs", |stage, turns| {
            Box::pin(mails::gone(stage, turns))
        }),
        ("an_error_is_told_by_mail_and_so_is_its_end", |stage, turns| {
            Box::pin(mails::breaks(stage, turns, &APP_ERROR))
        }),
        ("hanging_is_told_by_mail_in_french_and_so_is_its_end", |stage, turns| {
            Box::pin(mails::breaks(stage, turns, &HANGING))
        }),
        ("a_wrong_answer_is_told_by_mail_in_french_and_so_is_its_end", |stage, turns| {
            Box::pin(mails::breaks(stage, turns, &WRONG_ANSWER))
        }),
        ("a_slow_bot_is_degraded_and_not_down", |stage, turns| Box::pin(mails::slow(stage, turns))),
        ("a_probe_that_falls_silent_is_told_within_six_minutes", |stage, _| {
            Box::pin(mails::silent(stage))
        }),
        ("calls_that_are_throttled_fail_or_dawdle_lose_no_result", |stage, _| {
            Box::pin(faults(stage))
        }),
        ("a_call_that_no_policy_allows_is_refused", |stage, _| Box::pin(refused(stage))),
        ("a_telltale_gets_its_bearer_and_its_input", |stage, turns| {
            Box::pin(secrecy::told(stage, turns, secrecy::BEARER))
        }),
        ("a_telltale_gets_its_header_and_its_input", |stage, turns| {
            Box::pin(secrecy::told(stage, turns, secrecy::HEADER))
        }),
    ]
}

/// Those that look back at the whole.
pub(super) fn looking_back() -> Vec<(&'static str, Scenario)> {
    vec![
        ("only_what_broke_was_told_about", |stage, _| Box::pin(async { quiet(stage) })),
        ("the_watch_itself_has_nothing_to_tell", |stage, _| Box::pin(async { watch(stage) })),
        ("what_a_telltale_repeats_is_written_nowhere", |stage, _| Box::pin(secrecy::kept(stage))),
        ("every_expression_of_every_dashboard_and_rule_finds_what_it_asks_for", |stage, _| {
            Box::pin(expressions::all_find_what_they_ask_for(stage))
        }),
        ("the_rules_run_and_tell_what_broke", |stage, _| {
            Box::pin(expressions::rules_tell_what_broke(stage))
        }),
        ("every_metric_of_the_cloudwatch_dashboards_is_published", |stage, _| {
            Box::pin(metrics::are_published_as_the_dashboards_ask(stage))
        }),
        ("the_commands_of_the_runbook_work_on_a_deployed_stack", |stage, _| {
            Box::pin(operator::commands_of_the_runbook_work(stage))
        }),
        ("a_smoke_run_tells_what_the_deployed_prober_sees", |stage, _| {
            Box::pin(operator::smoke_run(stage))
        }),
    ]
}

/// Those that need the stage for themselves, in this order: the last ones break the path itself.
pub(super) fn alone() -> Vec<(&'static str, Scenario)> {
    vec![
        ("an_environment_comes_and_goes_beside_another_and_leaves_nothing", |stage, _| {
            Box::pin(neighbour::comes_and_goes(stage))
        }),
        ("prometheus_is_heard_by_vigies_mail_and_by_the_runbooks", |stage, _| {
            Box::pin(senders::alertmanager(stage))
        }),
        ("a_test_alarm_goes_the_whole_way", |stage, _| Box::pin(senders::test_alert(stage))),
        ("a_thousand_alarms_at_once_make_a_handful_of_mails", |stage, _| {
            Box::pin(senders::thousand(stage))
        }),
        ("the_heart_beats_once_the_minutes_before_are_published", |stage, _| {
            Box::pin(heart(stage))
        }),
        ("somebody_is_told_when_no_notification_may_be_published", |stage, _| {
            Box::pin(broken::not_permitted(stage))
        }),
        ("somebody_is_told_when_alerts_does_not_start", |stage, _| {
            Box::pin(broken::does_not_start(stage))
        }),
        ("somebody_is_told_when_alerts_takes_too_long", |stage, _| {
            Box::pin(broken::takes_too_long(stage))
        }),
    ]
}

pub(super) fn down(probe: &str) -> String {
    format!("vigie-local-{probe}-down")
}

/// Waits until `count` runs of a probe have a verdict, and returns them as time and success.
pub(super) async fn verdicts(
    stage: &Stage,
    probe: &str,
    count: usize,
) -> anyhow::Result<Vec<(i64, f64)>> {
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
        r#"chatbot_requests_total{outcome="ok",environment="local"} > 0"#,
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
    let probes =
        ["steady", "failing", "hanging", "forgetful", "slow", "silent", "gone", "telltale"];
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

/// The dead man's switch is called from the sixth minute on: it looks at three that are settled.
async fn heart(stage: &Stage) -> anyhow::Result<()> {
    stage
        .until("heartbeat", Duration::from_secs(300), async || {
            Ok((0 < stage.inbox.heartbeats()).then_some(()))
        })
        .await
}
