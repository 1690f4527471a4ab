//! Which alarms somebody muted, asked before people hear of them again.
//!
//! A mute rule of CloudWatch silences an alarm's own actions alone. What we tell of our own accord, such
//! as a reminder, comes from the table, so it has to ask.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::AlarmMuteRuleStatus;
use futures_util::StreamExt as _;
use futures_util::stream;
use lambda_kit::chain;
use notify::alert::Alert;

use crate::alarm_states;

/// The most that a reminder waits for the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Calls at once.
const AT_ONCE: usize = 4;

/// The names of those of `alerts` that are muted now. What can't be found out is not muted: a mail too
/// many is better than a page that is missing.
pub(crate) async fn muted(
    client: &Client,
    alerts: impl Iterator<Item = &Alert>,
) -> BTreeSet<String> {
    let names = alarm_states::names(alerts);
    if names.is_empty() {
        return BTreeSet::new();
    }
    let asked = async {
        // Mostly nothing is muted at all, which is one call for however many alarms.
        match is_active(client, None).await {
            Ok(true) => {}
            Ok(false) => return BTreeSet::new(),
            Err(error) => {
                tracing::warn!(error, "the mutes could not be asked for; all is told");
                return BTreeSet::new();
            }
        }
        let muted = stream::iter(names)
            .map(async |name| match is_active(client, Some(&name)).await {
                Ok(muted) => muted.then_some(name),
                Err(error) => {
                    tracing::warn!(error, alarm = name, "its mutes could not be asked for");
                    None
                }
            })
            .buffer_unordered(AT_ONCE);
        muted.filter_map(std::future::ready).collect().await
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| {
        tracing::warn!("the mutes could not be asked for in time; all is told");
        BTreeSet::new()
    })
}

/// Whether a mute rule is active, one on the alarm `name` if that is given.
async fn is_active(client: &Client, name: Option<&str>) -> Result<bool, String> {
    let mut pages = client
        .list_alarm_mute_rules()
        .set_alarm_name(name.map(str::to_owned))
        .statuses(AlarmMuteRuleStatus::Active)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| chain(&error))?;
        let active = Some(&AlarmMuteRuleStatus::Active);
        if page.alarm_mute_rule_summaries().iter().any(|rule| rule.status() == active) {
            return Ok(true);
        }
    }
    Ok(false)
}
