//! `vigie mute`, `unmute` and `mutes`: CloudWatch mute rules for the alarms of a probe.
//!
//! A muted probe still runs and counts. If its alarm is active when the mute ends, CloudWatch performs the
//! alarm's actions then.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_cloudwatch::operation::get_alarm_mute_rule::GetAlarmMuteRuleError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, CompositeAlarm, MetricAlarm, MuteTargets, Rule, Schedule,
};
use clap::Args;
use domain::{EnvironmentName, ProbeName};
use jiff::{SignedDuration, Timestamp};
use notify::Subject;
use probe_file::{parse_duration, written_duration};

use crate::output::visible;
use crate::style::{BOLD, DIM};
use crate::{Exit, Io};

/// Mute all alarms of a probe for a limited time.
///
/// The alarms are `down` and `degraded`, and those on the error budget, the certificate and single locations. The
/// probe still runs. If an alarm is active when the mute ends, it notifies then. Alerts of an Alertmanager are not
/// muted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie mute support-bot --environment prod --for 2h --reason \"database migration\"")]
pub struct Mute {
    /// Name of the probe.
    probe: ProbeName,
    #[command(flatten)]
    stack: Stack,
    /// Length of the mute, from 1 minute to 15 days, such as `30m`, `2h` or `1d`.
    #[arg(long = "for", value_name = "TIME", value_parser = length)]
    length: Duration,
    /// Reason, shown by `vigie mutes`.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// End the mute of a probe.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie unmute support-bot --environment prod")]
pub struct Unmute {
    /// Name of the probe.
    probe: ProbeName,
    #[command(flatten)]
    stack: Stack,
}

/// List the mutes of an environment.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie mutes --environment prod")]
pub struct Mutes {
    #[command(flatten)]
    stack: Stack,
}

#[derive(Debug, Args)]
struct Stack {
    /// Environment of the stack.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: EnvironmentName,
}

/// Parses the length of a mute within CloudWatch's limits.
fn length(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(60)..=Duration::from_secs(15 * 86_400);
    let length = parse_duration(text).filter(|length| range.contains(length));
    length
        .filter(|length| length.as_secs().is_multiple_of(60))
        .ok_or_else(|| "expected whole minutes from `1m` to `15d`, such as `2h`".to_owned())
}

pub(crate) async fn mute(arguments: &Mute, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    put(&client().await, arguments, Timestamp::now(), io).await
}

pub(crate) async fn unmute(arguments: &Unmute, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    delete(&client().await, arguments, io).await
}

pub(crate) async fn mutes(arguments: &Mutes, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    list(&client().await, &arguments.stack.environment, io).await
}

async fn client() -> CloudWatch {
    CloudWatch::new(&aws_config::load_from_env().await)
}

/// One rule for each probe, so that muting again replaces it.
fn rule_name(environment: &EnvironmentName, probe: &ProbeName) -> String {
    format!("vigie-{environment}-{probe}-mute")
}

/// All alarms of a probe, since a mute rule accepts only the names of alarms that exist. They are at most 11, and a
/// rule accepts 100.
async fn alarms(
    cloudwatch: &CloudWatch,
    environment: &EnvironmentName,
    probe: &ProbeName,
) -> anyhow::Result<Vec<String>> {
    let mut pages = cloudwatch
        .describe_alarms()
        .alarm_name_prefix(format!("vigie-{environment}-{probe}-"))
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm)
        .into_paginator()
        .send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.with_context(|| format!("could not list the alarms of `{probe}`"))?;
        let metric = page.metric_alarms().iter().filter_map(MetricAlarm::alarm_name);
        let composite = page.composite_alarms().iter().filter_map(CompositeAlarm::alarm_name);
        // The prefix may be that of another probe too, and `budget-long` and the like do not notify.
        let is_own = |name: &&str| Subject::of_alarm(name, environment).probe() == Some(probe);
        names.extend(metric.chain(composite).filter(is_own).map(str::to_owned));
    }
    Ok(names)
}

async fn put(
    cloudwatch: &CloudWatch,
    arguments: &Mute,
    now: Timestamp,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    ensure!(!arguments.reason.trim().is_empty(), "`--reason` is empty; expected a text");
    let environment = &arguments.stack.environment;
    let alarms = alarms(cloudwatch, environment, &arguments.probe).await?;
    let count = alarms.len();
    ensure!(
        0 < count,
        "`{}` has no alarms in {environment}\nhint: check the name, the environment and the region",
        arguments.probe
    );
    // A rule starts on a minute. The current minute may count as past, so the next one is used.
    let from = Timestamp::from_second((now.as_second().div_euclid(60) + 1) * 60)?;
    let until = from + SignedDuration::try_from(arguments.length)?;
    let schedule = Schedule::builder()
        .expression(format!("at({})", from.strftime("%Y-%m-%dT%H:%M")))
        .duration(format!("PT{}M", arguments.length.as_secs() / 60))
        .timezone("UTC")
        .build();
    cloudwatch
        .put_alarm_mute_rule()
        .name(rule_name(environment, &arguments.probe))
        .description(visible(&arguments.reason, 1_000))
        .rule(Rule::builder().schedule(schedule).build())
        .mute_targets(MuteTargets::builder().set_alarm_names(Some(alarms)).build())
        .expire_date(DateTime::from_secs(until.as_second()))
        .send()
        .await
        .with_context(|| format!("could not mute `{}`", arguments.probe))?;
    writeln!(
        io.out,
        "muted the {count} alarms of `{}` in {environment} for {}, from the next minute until {} UTC",
        arguments.probe,
        written_duration(arguments.length),
        until.strftime("%Y-%m-%d %H:%M")
    )?;
    Ok(Exit::Success)
}

async fn delete(
    cloudwatch: &CloudWatch,
    arguments: &Unmute,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let environment = &arguments.stack.environment;
    let name = rule_name(environment, &arguments.probe);
    // DeleteAlarmMuteRule succeeds for a rule that does not exist, so the rule is read first.
    if let Err(error) = cloudwatch.get_alarm_mute_rule().alarm_mute_rule_name(&name).send().await {
        if error
            .as_service_error()
            .is_some_and(GetAlarmMuteRuleError::is_resource_not_found_exception)
        {
            bail!("`{}` is not muted in {environment}", arguments.probe);
        }
        return Err(error).context("could not read the mute rule");
    }
    cloudwatch
        .delete_alarm_mute_rule()
        .alarm_mute_rule_name(&name)
        .send()
        .await
        .with_context(|| format!("could not unmute `{}`", arguments.probe))?;
    writeln!(io.out, "unmuted `{}` in {environment}", arguments.probe)?;
    Ok(Exit::Success)
}

async fn list(
    cloudwatch: &CloudWatch,
    environment: &EnvironmentName,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let prefix = format!("vigie-{environment}-");
    let mut next = None;
    let mut count = 0;
    loop {
        let page = cloudwatch.list_alarm_mute_rules().set_next_token(next).send().await;
        let page = page.context("could not list the mute rules")?;
        for summary in page.alarm_mute_rule_summaries() {
            let arn = summary.alarm_mute_rule_arn().unwrap_or_default();
            let name = arn.rsplit(':').next().unwrap_or_default();
            if !name.starts_with(&prefix) {
                continue;
            }
            count += 1;
            let rule = cloudwatch.get_alarm_mute_rule().alarm_mute_rule_name(name).send().await;
            let rule = rule.with_context(|| format!("could not read the mute rule `{name}`"))?;
            let status =
                summary.status().map_or("unknown", |status| status.as_str()).to_lowercase();
            let until =
                summary.expire_date().and_then(|until| Timestamp::from_second(until.secs()).ok());
            let until =
                until.map(|until| format!(" until {} UTC", until.strftime("%Y-%m-%d %H:%M")));
            writeln!(
                io.out,
                "{BOLD}{name}{BOLD:#} {status}{} {DIM}{}{DIM:#}",
                until.unwrap_or_default(),
                visible(rule.description().unwrap_or_default(), 200)
            )?;
        }
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    if count == 0 {
        writeln!(io.out, "no mutes in {environment}")?;
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mocked;
    use aws_sdk_cloudwatch::operation::delete_alarm_mute_rule::DeleteAlarmMuteRuleOutput;
    use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
    use aws_sdk_cloudwatch::operation::get_alarm_mute_rule::GetAlarmMuteRuleOutput;
    use aws_sdk_cloudwatch::operation::list_alarm_mute_rules::ListAlarmMuteRulesOutput;
    use aws_sdk_cloudwatch::operation::put_alarm_mute_rule::PutAlarmMuteRuleOutput;
    use aws_sdk_cloudwatch::types::builders::{CompositeAlarmBuilder, MetricAlarmBuilder};
    use aws_sdk_cloudwatch::types::error::ResourceNotFoundException;
    use aws_sdk_cloudwatch::types::{AlarmMuteRuleStatus, AlarmMuteRuleSummary};
    use aws_smithy_mocks::{Rule as MockRule, mock};

    fn stack() -> Stack {
        Stack { environment: "prod".parse().unwrap() }
    }

    #[test]
    fn length_is_within_the_limits_of_cloudwatch() {
        assert_eq!(length("2h"), Ok(Duration::from_secs(7_200)));
        for bad in ["30s", "90s", "16d", "2", "forever"] {
            assert!(length(bad).is_err(), "{bad}");
        }
    }

    fn listed(metric: &'static [&'static str], composite: &'static [&'static str]) -> MockRule {
        mock!(CloudWatch::describe_alarms)
            .match_requests(|request| {
                request.alarm_name_prefix() == Some("vigie-prod-support-bot-")
                    && request.alarm_types() == [AlarmType::MetricAlarm, AlarmType::CompositeAlarm]
            })
            .then_output(move || {
                let metric = metric.iter().map(|name| MetricAlarm::builder().alarm_name(*name));
                let composite =
                    composite.iter().map(|name| CompositeAlarm::builder().alarm_name(*name));
                DescribeAlarmsOutput::builder()
                    .set_metric_alarms(Some(metric.map(MetricAlarmBuilder::build).collect()))
                    .set_composite_alarms(Some(
                        composite.map(CompositeAlarmBuilder::build).collect(),
                    ))
                    .build()
            })
    }

    fn arguments() -> Mute {
        Mute {
            probe: "support-bot".parse().unwrap(),
            stack: stack(),
            length: Duration::from_secs(7_200),
            reason: "migration".to_owned(),
        }
    }

    #[tokio::test]
    async fn mute_covers_every_alarm_of_the_probe() {
        let listed = listed(
            &[
                "vigie-prod-support-bot-2-down",
                "vigie-prod-support-bot-budget-long",
                "vigie-prod-support-bot-budget-short",
                "vigie-prod-support-bot-budget-slow",
                "vigie-prod-support-bot-certificate-21d",
                "vigie-prod-support-bot-certificate-3d",
                "vigie-prod-support-bot-degraded",
                "vigie-prod-support-bot-down.eu-west-3",
                "vigie-prod-support-bot-down.office",
            ],
            &["vigie-prod-support-bot-budget-fast", "vigie-prod-support-bot-down"],
        );
        let put_rule = mock!(CloudWatch::put_alarm_mute_rule)
            .match_requests(|request| {
                let schedule = request.rule().and_then(Rule::schedule);
                let alarms =
                    request.mute_targets().map(MuteTargets::alarm_names).unwrap_or_default();
                request.name() == Some("vigie-prod-support-bot-mute")
                    && request.description() == Some("migration")
                    && schedule.and_then(Schedule::expression) == Some("at(2026-11-22T14:06)")
                    && schedule.and_then(Schedule::duration) == Some("PT120M")
                    && alarms
                        == [
                            "vigie-prod-support-bot-budget-slow",
                            "vigie-prod-support-bot-certificate-21d",
                            "vigie-prod-support-bot-certificate-3d",
                            "vigie-prod-support-bot-degraded",
                            "vigie-prod-support-bot-down.eu-west-3",
                            "vigie-prod-support-bot-down.office",
                            "vigie-prod-support-bot-budget-fast",
                            "vigie-prod-support-bot-down",
                        ]
            })
            .then_output(|| PutAlarmMuteRuleOutput::builder().build());
        let cloudwatch = mocked!(aws_sdk_cloudwatch, [&listed, &put_rule]);
        let now = "2026-11-22T14:05:41Z".parse().unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        put(&cloudwatch, &arguments(), now, &mut io).await.unwrap();
        assert_eq!(put_rule.num_calls(), 1);
        let printed = String::from_utf8(out).unwrap();
        assert_eq!(
            printed,
            "muted the 8 alarms of `support-bot` in prod for 2h, from the next minute until 2026-11-22 16:06 UTC\n"
        );
    }

    #[tokio::test]
    async fn mute_of_a_probe_without_alarms_is_an_error() {
        let listed = listed(&["vigie-prod-support-bot-2-down"], &[]);
        let cloudwatch = mocked!(aws_sdk_cloudwatch, [&listed]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        let refused =
            put(&cloudwatch, &arguments(), Timestamp::UNIX_EPOCH, &mut io).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`support-bot` has no alarms in prod\nhint: check the name, the environment and the region"
        );
    }

    #[tokio::test]
    async fn unmute_without_a_mute_is_an_error() {
        let missing = mock!(CloudWatch::get_alarm_mute_rule).then_error(|| {
            GetAlarmMuteRuleError::ResourceNotFoundException(
                ResourceNotFoundException::builder().build(),
            )
        });
        let cloudwatch = mocked!(aws_sdk_cloudwatch, [&missing]);
        let arguments = Unmute { probe: "support-bot".parse().unwrap(), stack: stack() };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        let refused = delete(&cloudwatch, &arguments, &mut io).await.unwrap_err().to_string();
        assert_eq!(refused, "`support-bot` is not muted in prod");

        let found = mock!(CloudWatch::get_alarm_mute_rule)
            .then_output(|| GetAlarmMuteRuleOutput::builder().build());
        let deleted = mock!(CloudWatch::delete_alarm_mute_rule)
            .match_requests(|request| {
                request.alarm_mute_rule_name() == Some("vigie-prod-support-bot-mute")
            })
            .then_output(|| DeleteAlarmMuteRuleOutput::builder().build());
        let cloudwatch = mocked!(aws_sdk_cloudwatch, [&found, &deleted]);
        delete(&cloudwatch, &arguments, &mut io).await.unwrap();
        assert_eq!(deleted.num_calls(), 1);
    }

    #[tokio::test]
    async fn mutes_of_one_environment_are_listed_with_reason() {
        let summary = |name: &str| {
            AlarmMuteRuleSummary::builder()
                .alarm_mute_rule_arn(format!(
                    "arn:aws:cloudwatch:eu-west-1:1:alarm-mute-rule:{name}"
                ))
                .status(AlarmMuteRuleStatus::Active)
                .expire_date(DateTime::from_secs(1_795_363_560))
                .build()
        };
        let rules = [summary("vigie-prod-support-bot-mute"), summary("vigie-dev-x-mute")];
        let listed = mock!(CloudWatch::list_alarm_mute_rules).then_output(move || {
            ListAlarmMuteRulesOutput::builder()
                .set_alarm_mute_rule_summaries(Some(rules.to_vec()))
                .build()
        });
        let found = mock!(CloudWatch::get_alarm_mute_rule)
            .then_output(|| GetAlarmMuteRuleOutput::builder().description("migration").build());
        let cloudwatch = mocked!(aws_sdk_cloudwatch, [&listed, &found]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        list(&cloudwatch, &stack().environment, &mut io).await.unwrap();
        let printed = anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string();
        assert_eq!(
            printed,
            "vigie-prod-support-bot-mute active until 2026-11-22 16:06 UTC migration\n"
        );
    }
}
