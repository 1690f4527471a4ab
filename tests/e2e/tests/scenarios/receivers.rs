//! An outage and its end, at receivers beside the topics: `PagerDuty` and Slack as their documentation describes them.

use std::time::{Duration, SystemTime};

use alarm_model::StateValue;
use anyhow::{Context, ensure};
use harness::bot::Mood;
use harness::environment::LocalEnvironment;
use serde_json::{Value, json};
use testkit::vendors::{Accepted, Incident, ROUTING_KEY, Vendor, VendorServer};

use super::list::{SOON, down, verdicts};

/// A bot that no other scenario breaks: the end of a second outage within an hour may be called flapping.
const PROBE: &str = "steady";
/// The flush after the window, or the third tick after it.
const SENT: Duration = Duration::from_secs(240);

/// One incident and one message are opened by the outage and closed by the recovery.
pub(super) async fn outage_and_recovery(env: &LocalEnvironment) -> anyhow::Result<()> {
    let pagerduty = VendorServer::start(Vendor::PagerDuty, |_| None).await;
    let slack = VendorServer::start(Vendor::Slack, |_| None).await;
    let file = env.state.join("routes.json");
    std::fs::write(&file, configure(env, &pagerduty, &slack).await?.to_string())?;
    let file = file.to_str().context("the folder has no name in UTF-8")?;
    let settings = [("ROUTES_FILE", file), ("LANGUAGE", "en"), ("TIME_ZONE", "UTC")];
    env.set_alerts_variables(&settings).await?;
    let outcome = follow(env, &pagerduty, &slack).await;
    // The scenarios that follow have no such receivers.
    env.bot.set_mood(PROBE, Mood::Ok).await?;
    env.set_alerts_variables(&[("ROUTES_FILE", "")]).await?;
    outcome
}

async fn follow(
    env: &LocalEnvironment,
    pagerduty: &VendorServer,
    slack: &VendorServer,
) -> anyhow::Result<()> {
    verdicts(env, PROBE, 3).await?;
    let since = SystemTime::now();
    env.bot.set_mood(PROBE, Mood::Error).await?;
    env.changed(&down(PROBE), StateValue::Alarm, since, SOON).await?;
    env.until("incident and message of the outage", SENT, async || {
        let is_open = incident(pagerduty).is_some_and(|incident| incident.is_open);
        Ok((is_open && messages(slack).len() == 1).then_some(()))
    })
    .await?;
    let since = SystemTime::now();
    env.bot.set_mood(PROBE, Mood::Ok).await?;
    env.changed(&down(PROBE), StateValue::Ok, since, SOON).await?;
    env.until("incident and message of the recovery", SENT, async || {
        let is_over = incident(pagerduty).is_some_and(|incident| !incident.is_open);
        Ok((is_over && messages(slack).len() == 2).then_some(()))
    })
    .await?;
    for (name, server) in [("PagerDuty", pagerduty), ("Slack", slack)] {
        ensure!(server.refused().is_empty(), "{name} refused {:?}", server.refused());
    }
    let once = Incident { opened: 1, acknowledged: 0, resolved: 1, is_open: false };
    ensure!(incident(pagerduty) == Some(once), "{:?}", pagerduty.incidents());
    let texts = messages(slack);
    ensure!(texts[0].contains("DOWN") && texts[1].contains("OK"), "{texts:?}");
    let requests = pagerduty.accepted();
    let opened = requests.iter().map(Accepted::json).find(is_about);
    let opened = opened.context("no request about the probe")?;
    ensure!(opened["payload"]["class"] == "app_error", "{opened}");
    let links = opened["links"].as_array().context("no links")?;
    ensure!(links.iter().any(|link| link["text"] == "Report"), "no report in {opened}");
    Ok(())
}

/// Stores the secrets and returns the file of routes that names them.
async fn configure(
    env: &LocalEnvironment,
    pagerduty: &VendorServer,
    slack: &VendorServer,
) -> anyhow::Result<Value> {
    let secrets = [("key", ROUTING_KEY), ("pagerduty", &pagerduty.url), ("slack", &slack.url)];
    for (name, value) in secrets {
        let body = json!({ "Name": format!("vigie/receivers/{name}"), "SecretString": value });
        env.aws.call("secretsmanager", "secretsmanager.CreateSecret", &body).await?;
    }
    let secret = |name: &str| format!("${{secret:vigie/receivers/{name}}}");
    Ok(json!({ "routes": [], "receivers": [
        {
            "name": "on-call", "type": "pagerduty",
            "routing_key": secret("key"), "url": secret("pagerduty"),
        },
        { "name": "chat", "type": "slack", "url": secret("slack") },
    ] }))
}

fn incident(pagerduty: &VendorServer) -> Option<Incident> {
    let mut incidents = pagerduty.incidents().into_iter();
    incidents.find(|(key, _)| key.ends_with(&down(PROBE))).map(|(_, incident)| incident)
}

/// Another alarm that is active may share a message.
fn messages(slack: &VendorServer) -> Vec<String> {
    let bodies = slack.accepted().into_iter().map(|message| message.body);
    bodies.filter(|body| body.contains(PROBE)).collect()
}

fn is_about(request: &Value) -> bool {
    let key = request["dedup_key"].as_str();
    key.is_some_and(|key| key.ends_with(&down(PROBE)))
}
