//! Which alarms are muted by a mute rule of CloudWatch. A rule suppresses an alarm's own actions; what Vigie sends
//! follows it.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::list_alarm_mute_rules::ListAlarmMuteRulesError;
use aws_sdk_cloudwatch::types::AlarmMuteRuleStatus;
use futures_util::StreamExt as _;
use futures_util::stream;
use lambda_kit::chain;

/// The longest time of all queries.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Calls at the same time.
const CONCURRENT: usize = 4;

/// The mute rules could not be listed.
#[derive(Debug, thiserror::Error)]
#[error("could not list the mute rules")]
struct MuteError {
    source: Box<SdkError<ListAlarmMuteRulesError>>,
}

/// Those of `names` that are muted now. An alarm whose rules cannot be listed is not muted: a superfluous
/// notification is better than a missing one.
pub(crate) async fn muted<'a>(
    client: &Client,
    names: impl Iterator<Item = &'a str>,
) -> BTreeSet<String> {
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        return BTreeSet::new();
    }
    // Usually no rule is active, which one call shows for all alarms.
    let any = tokio::time::timeout(QUERY_TIMEOUT, is_active(client, None)).await;
    match any {
        Ok(Ok(true)) => those_muted(names, async |name| is_muted(client, name).await).await,
        Ok(Ok(false)) => BTreeSet::new(),
        Ok(Err(error)) => {
            tracing::warn!(
                error = chain(&error),
                "Mute rules could not be listed; no alarm counts as muted"
            );
            BTreeSet::new()
        }
        Err(_) => {
            tracing::warn!("Listing mute rules timed out; no alarm counts as muted");
            BTreeSet::new()
        }
    }
}

/// Those of `names` of which `is_muted` says so within the time limit.
async fn those_muted(
    names: Vec<String>,
    is_muted: impl AsyncFn(&str) -> Result<bool, MuteError>,
) -> BTreeSet<String> {
    let mut muted = BTreeSet::new();
    let query = async {
        let mut answers = stream::iter(names)
            .map(async |name| (is_muted(&name).await, name))
            .buffer_unordered(CONCURRENT);
        while let Some((answer, name)) = answers.next().await {
            match answer {
                Ok(true) => {
                    muted.insert(name);
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(
                    error = chain(&error),
                    alarm = name,
                    "Mute rules of the alarm could not be listed"
                ),
            }
        }
    };
    if tokio::time::timeout(QUERY_TIMEOUT, query).await.is_err() {
        let known = muted.len();
        tracing::warn!(known, "Listing mute rules timed out; no other alarm counts as muted");
    }
    muted
}

/// Whether a mute rule for the alarm is active. A rule for the alarm of a bot mutes the alarms of its locations too, so
/// that a mute includes a location that was added after it.
async fn is_muted(client: &Client, name: &str) -> Result<bool, MuteError> {
    if is_active(client, Some(name)).await? {
        return Ok(true);
    }
    match name.rsplit_once("-down.") {
        Some((bot, _)) => is_active(client, Some(&format!("{bot}-down"))).await,
        None => Ok(false),
    }
}

/// Whether a mute rule is active, one for the alarm `name` if given.
async fn is_active(client: &Client, name: Option<&str>) -> Result<bool, MuteError> {
    let mut pages = client
        .list_alarm_mute_rules()
        .set_alarm_name(name.map(str::to_owned))
        .statuses(AlarmMuteRuleStatus::Active)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|source| MuteError { source: Box::new(source) })?;
        let active = Some(&AlarmMuteRuleStatus::Active);
        if page.alarm_mute_rule_summaries().iter().any(|rule| rule.status() == active) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatch::operation::list_alarm_mute_rules::ListAlarmMuteRulesOutput;
    use aws_sdk_cloudwatch::types::AlarmMuteRuleSummary;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    #[tokio::test(start_paused = true)]
    async fn answers_before_the_time_limit_count() {
        let names = ["slow", "muted", "heard"].map(str::to_owned).into();
        let muted = those_muted(names, async |name| {
            if name == "slow" {
                tokio::time::sleep(2 * QUERY_TIMEOUT).await;
            }
            Ok(name != "heard")
        });
        assert_eq!(muted.await, ["muted".to_owned()].into());
    }

    #[tokio::test]
    async fn mute_of_a_bot_mutes_its_locations() {
        let of_bot = mock!(Client::list_alarm_mute_rules)
            .match_requests(|request| {
                matches!(request.alarm_name(), None | Some("vigie-prod-bot-down"))
            })
            .then_output(|| {
                let active = AlarmMuteRuleSummary::builder().status(AlarmMuteRuleStatus::Active);
                let output = ListAlarmMuteRulesOutput::builder();
                output.alarm_mute_rule_summaries(active.build()).build()
            });
        let others = mock!(Client::list_alarm_mute_rules)
            .then_output(|| ListAlarmMuteRulesOutput::builder().build());
        let client = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [&of_bot, &others]);
        let names = ["vigie-prod-bot-down.office", "vigie-prod-other-down.office", "disk.full"];
        let muted = muted(&client, names.into_iter()).await;
        assert_eq!(muted, ["vigie-prod-bot-down.office".to_owned()].into());
    }
}
