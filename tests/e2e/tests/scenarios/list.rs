//! One function for each requirement; the probes are those of `tests/e2e/probes/scenarios/`.

use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alarm_model::StateValue;
use anyhow::{Context, ensure};
use serde_json::json;

use super::mails::{self, APP_ERROR, HANGING, WRONG_ANSWER};
use super::sequence::Sequence;
use super::{
    broken, expressions, locations, metric_stream, metrics, neighbour, operator, outage, receivers,
    secrecy, senders, status_page,
};
use harness::environment::{LocalEnvironment, WATCH};
use harness::local_aws;

type Outcome<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;
type Run = for<'a> fn(&'a LocalEnvironment, &'a Sequence) -> Outcome<'a>;

pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) run: Run,
    /// It starts when all with a smaller number have ended.
    pub(super) order: usize,
    /// Its place in the order of mails of severity `page`.
    pub(super) turn: Option<usize>,
    /// Whether it reads a ticket in English.
    pub(super) reads_ticket: bool,
    /// Scenarios whose results it reads; they run first, also if they were not selected.
    pub(super) needs: &'static [&'static str],
}

impl Scenario {
    pub(super) fn new(name: &'static str, run: Run) -> Self {
        Self { name, run, order: TOGETHER, turn: None, reads_ticket: false, needs: &[] }
    }

    fn turn(self, number: usize) -> Self {
        Self { turn: Some(number), ..self }
    }

    fn needs(self, needs: &'static [&'static str]) -> Self {
        Self { needs, ..self }
    }
}

/// A probe of ten seconds raises its alarm within two bad runs; the rest is reserve for a slow machine.
pub(super) const SOON: Duration = Duration::from_secs(180);
/// Until the first results: the schedule fires on the minute and plans the next one.
pub(super) const FIRST: Duration = Duration::from_secs(240);

const STEADY: &str = "runs_are_published_once_per_period";
const GONE: &str = "mail_about_an_unreachable_bot";
const ERROR: &str = "mail_about_an_app_error_and_its_end";
const WRONG: &str = "mail_about_a_wrong_answer_and_its_end_in_french";
const ECHO_BEARER: &str = "secret_in_a_bearer_reaches_the_bot";
const ECHO_HEADER: &str = "secret_in_a_header_reaches_the_bot";

/// Values of [`Scenario::order`]; larger ones run one at a time.
pub(super) const STANDALONE: usize = 0;
const TOGETHER: usize = 1;

/// In the order in which they run: first many side by side, then the others one at a time.
pub(super) fn all() -> Vec<Scenario> {
    let mut all = together();
    all.extend(outage::scenarios());
    let rest = of_the_whole_run().into_iter().chain(alone());
    all.extend(rest.zip(TOGETHER + 1..).map(|(scenario, order)| Scenario { order, ..scenario }));
    all
}

pub(super) fn find(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}

fn together() -> Vec<Scenario> {
    vec![
        Scenario::new(STEADY, |env, _| Box::pin(steady(env))),
        Scenario::new(GONE, |env, sequence| Box::pin(mails::gone(env, sequence))).turn(0),
        Scenario::new(ERROR, |env, sequence| Box::pin(mails::breaks(env, sequence, &APP_ERROR)))
            .turn(APP_ERROR.turn),
        Scenario::new("mail_about_a_hanging_bot_and_its_end_in_french", |env, sequence| {
            Box::pin(mails::breaks(env, sequence, &HANGING))
        })
        .turn(HANGING.turn),
        Scenario::new(WRONG, |env, sequence| Box::pin(mails::breaks(env, sequence, &WRONG_ANSWER)))
            .turn(WRONG_ANSWER.turn),
        Scenario {
            reads_ticket: true,
            ..Scenario::new("mail_about_a_slow_bot_says_degraded", |env, sequence| {
                Box::pin(mails::slow(env, sequence))
            })
        },
        Scenario::new("mail_about_missing_results_within_six_minutes", |env, _| {
            Box::pin(mails::silent(env))
        }),
        Scenario::new("aws_faults_lose_no_result", |env, _| Box::pin(faults(env))),
        Scenario::new("aws_refuses_unknown_credentials", |env, _| Box::pin(refused(env))),
        Scenario::new(ECHO_BEARER, |env, sequence| {
            Box::pin(secrecy::echoed(env, sequence, secrecy::BEARER))
        }),
        Scenario::new(ECHO_HEADER, |env, sequence| {
            Box::pin(secrecy::echoed(env, sequence, secrecy::HEADER))
        }),
    ]
}

fn of_the_whole_run() -> Vec<Scenario> {
    vec![
        Scenario::new("mail_only_about_bots_that_broke", |env, _| Box::pin(async { quiet(env) }))
            .needs(&[STEADY, ERROR]),
        Scenario::new("self_monitoring_raises_no_alarm", |env, _| Box::pin(async { watch(env) }))
            .needs(&[STEADY, ERROR]),
        Scenario::new("secret_is_stored_nowhere", |env, _| Box::pin(secrecy::kept(env)))
            .needs(&[ECHO_BEARER, ECHO_HEADER]),
        Scenario::new("expressions_of_dashboards_and_rules_find_data", |env, _| {
            Box::pin(expressions::all_find_what_they_ask_for(env))
        })
        .needs(&[STEADY, ERROR, WRONG]),
        Scenario::new("rules_fire_for_what_broke", |env, _| Box::pin(expressions::rules_fire(env)))
            .needs(&[STEADY, GONE]),
        Scenario::new("metrics_of_cloudwatch_dashboards_are_published", |env, _| {
            Box::pin(metrics::are_published_as_the_dashboards_ask(env))
        })
        .needs(&[STEADY, ERROR]),
        Scenario::new("runbook_commands_work_on_a_deployed_stack", |env, _| {
            Box::pin(operator::commands_of_the_runbook_work(env))
        })
        .needs(&[WRONG]),
        Scenario::new("status_page_shows_the_outage", |env, _| {
            Box::pin(status_page::shows_the_outage(env))
        })
        .needs(&[ERROR]),
        Scenario::new("run_history_is_listed_and_replayed", |env, _| {
            Box::pin(operator::run_history(env))
        })
        .needs(&[ERROR]),
        Scenario::new("smoke_run_reports_what_the_prober_sees", |env, _| {
            Box::pin(operator::smoke_run(env))
        }),
    ]
}

/// In this order: the last ones break the function `alerts` itself.
fn alone() -> Vec<Scenario> {
    vec![
        Scenario::new("deploy_and_remove_beside_another_environment", |env, _| {
            Box::pin(neighbour::comes_and_goes(env))
        }),
        Scenario::new("locations_agree_before_a_page", |env, _| {
            Box::pin(locations::agree_before_a_page(env))
        }),
        Scenario::new("mail_about_an_alert_from_prometheus", |env, _| {
            Box::pin(senders::alertmanager(env))
        }),
        Scenario::new("mail_about_a_test_alert", |env, _| Box::pin(senders::test_alert(env))),
        Scenario::new("mail_groups_a_thousand_alarms", |env, _| Box::pin(senders::thousand(env))),
        Scenario::new("metric_stream_reaches_prometheus", |env, _| {
            Box::pin(metric_stream::reaches_prometheus(env))
        }),
        Scenario::new("receivers_open_and_resolve_one_incident", |env, _| {
            Box::pin(receivers::outage_and_recovery(env))
        }),
        Scenario::new("heartbeat_is_sent_once_results_are_published", |env, _| {
            Box::pin(heartbeat_arrives(env))
        }),
        Scenario::new("fault_of_publish_permission_raises_an_alarm", |env, _| {
            Box::pin(broken::not_permitted(env))
        }),
        Scenario::new("fault_of_alerts_settings_raises_an_alarm", |env, _| {
            Box::pin(broken::does_not_start(env))
        }),
        Scenario::new("fault_of_alerts_timeout_raises_an_alarm", |env, _| {
            Box::pin(broken::takes_too_long(env))
        }),
    ]
}

pub(super) fn down(probe: &str) -> String {
    format!("vigie-local-{probe}-down")
}

/// Waits until `count` runs of a probe have a verdict, and returns them as time and success.
pub(super) async fn verdicts(
    env: &LocalEnvironment,
    probe: &str,
    count: usize,
) -> anyhow::Result<Vec<(i64, f64)>> {
    let from = SystemTime::now() - Duration::from_secs(600);
    env.until(&format!("{count} results of `{probe}`"), FIRST, async || {
        let values = env.metrics(probe).read("Success", "Minimum", from).await?;
        Ok((values.len() >= count).then_some(values))
    })
    .await
}

async fn steady(env: &LocalEnvironment) -> anyhow::Result<()> {
    let probe = "steady";
    let first = verdicts(env, probe, 1).await?;
    // The schedule may fire twice for a minute: runs that were requested already are requested again.
    env.dispatch().await?;

    let values = verdicts(env, probe, 18).await?;
    ensure!(values.iter().all(|(_, success)| *success > 0.0), "not always up: {values:?}");
    let times: Vec<i64> = values.iter().map(|(at, _)| *at).collect();
    let gaps: Vec<_> = times.windows(2).filter(|pair| pair[1] - pair[0] != 10).collect();
    ensure!(gaps.is_empty(), "periods without a result between {gaps:?}");
    let from = UNIX_EPOCH + Duration::from_secs(u64::try_from(first[0].0)?);
    let counts = env.metrics(probe).read("Success", "SampleCount", from).await?;
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
        env.until(query, Duration::from_secs(60), async || {
            Ok(env.prometheus.query(query).await?.into_iter().next())
        })
        .await?;
    }
    // Samples have the due time, so each period has exactly one.
    let samples = env.prometheus.query(r#"count_over_time(probe_success{probe="steady"}[2m])"#);
    let samples =
        samples.await?.first().map(harness::prometheus::Found::value).context("no samples")?;
    ensure!((11.0..=12.0).contains(&samples), "{samples} samples in two minutes; expected 12");
    Ok(())
}

/// A lost result is detected by `steady`, which requires a result in every period.
async fn faults(env: &LocalEnvironment) -> anyhow::Result<()> {
    verdicts(env, "steady", 2).await?;
    let faults = env.aws.faults.as_ref().context("no proxy for faults")?;
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
    env.until("throttled, failed and slow calls", SOON, async || {
        let fired = faults.fired().await?;
        let of =
            |name| fired.iter().filter(|fault| fault.operation.as_deref() == Some(name)).count();
        Ok((of("PutMetricData") >= 10 && of("PutItem") >= 2 && of("PutObject") >= 2).then_some(()))
    })
    .await
}

/// The emulator enforces policies: otherwise the other scenarios would not test the permissions.
async fn refused(env: &LocalEnvironment) -> anyhow::Result<()> {
    let other = local_aws::config_with(&env.aws.endpoint, "AKIAIOSFODNN7EXAMPLE", "unknown");
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&other);
    let answer = cloudwatch.describe_alarms().send().await;
    ensure!(answer.is_err(), "a other could list the alarms");
    Ok(())
}

fn quiet(env: &LocalEnvironment) -> anyhow::Result<()> {
    let about = |probe: &str| env.mails_about(probe).len();
    ensure!(about("steady") == 0, "mail about a bot that was never down");
    for mail in env.inbox.mails() {
        ensure!(mail.defect.is_none(), "`{}`: {:?}", mail.subject, mail.defect);
    }
    Ok(())
}

fn watch(env: &LocalEnvironment) -> anyhow::Result<()> {
    let complaints = env.evaluator.problems();
    ensure!(complaints.is_empty(), "alarms that could not be evaluated: {complaints:?}");
    let probes = ["steady", "failing", "hanging", "forgetful", "slow", "silent", "gone", "echo"];
    let raised: Vec<_> = env
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
    let mails: Vec<_> = env.inbox.mails().into_iter().filter(|mail| mail.to == WATCH).collect();
    ensure!(mails.is_empty(), "mail about self-monitoring: {mails:?}");
    Ok(())
}

/// The heartbeat is sent from the sixth minute on, because it evaluates three complete minutes.
async fn heartbeat_arrives(env: &LocalEnvironment) -> anyhow::Result<()> {
    env.until("heartbeat", Duration::from_secs(300), async || {
        Ok((0 < env.inbox.heartbeats()).then_some(()))
    })
    .await
}
