//! The status page on AWS: the objects that the dispatcher writes, in both forms.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, ensure};
use deploy::account::Account;
use harness::environment::LocalEnvironment;
use serde_json::{Value, json};

/// Of the scenario with an error of the app.
const PROBE: &str = "failing";
/// Pages are written in the minute after a change.
const WRITTEN: Duration = Duration::from_secs(180);
/// What the bot was sent and what it answered, its address, and why it was down.
const PRIVATE: [&str; 5] =
    ["je m'appelle", "je m&#39;appelle", "The model is overloaded", "127.0.0.1", "app_error"];

/// The pages after an outage: every page that a page links to exists, and each says what happened.
pub(super) async fn shows_the_outage(env: &LocalEnvironment) -> anyhow::Result<()> {
    let account = Account::of(&env.aws.config).await?;
    let outputs = account.stack_outputs("vigie-local").await?;
    let bucket = outputs.get("StatusPageBucket").context("the stack has no status page")?;
    let internal = after_the_outage(env, bucket, "internal").await?;
    internal.links_exist()?;
    let incident = internal.incident()?;
    let page = format!("incidents/{incident}");
    for (key, texts) in [
        ("index.html", &["failing", "steady", "100"][..]),
        ("probes/failing", &["First chunk", "app_error", "je m'appelle"]),
        (&page, &["failing was down"]),
        ("incidents", &["failing was down"]),
        ("feed.atom", &["<feed xmlns=\"http://www.w3.org/2005/Atom\"", "failing"]),
        ("badge/failing/state.svg", &["<svg", "failing"]),
        ("badge/failing/availability-30d.svg", &["<svg"]),
        ("assets/status.css", &["--down"]),
    ] {
        let content = internal.text(key)?;
        for text in texts {
            ensure!(content.contains(text), "no `{text}` in `{key}`:\n{content}");
        }
    }
    let status = internal.json("api/v1/status")?;
    let probes = status["probes"].as_array().context("no probes")?;
    let state = |name: &str| {
        probes.iter().find(|probe| probe["name"] == name).map(|probe| probe["state"].clone())
    };
    // On a slow machine the last run may have no verdict.
    ensure!(state("steady").is_some_and(|state| state != "down"), "{status}");
    ensure!(state("gone") == Some(json!("down")), "{status}");

    set_form(env, "public").await?;
    let public = after_the_outage(env, bucket, "public").await;
    set_form(env, "internal").await?;
    let public = public?;
    public.links_exist()?;
    public.incident()?;
    for key in public.objects.keys() {
        let content = public.text(key)?;
        for private in PRIVATE {
            ensure!(!content.contains(private), "`{private}` in the public `{key}`:\n{content}");
        }
        ensure!(!key.contains("/runs/"), "the public page has a report: `{key}`");
    }
    Ok(())
}

/// The form is a setting of the dispatcher; a deployment with another parameter changes the same.
async fn set_form(env: &LocalEnvironment, form: &str) -> anyhow::Result<()> {
    let path = "/functions/vigie-local-dispatcher/configuration";
    let function = env.aws.lambda_get(path).await?;
    let mut variables = function["Environment"]["Variables"].clone();
    variables["STATUS_PAGE"] = json!(form);
    let changes = json!({ "Environment": { "Variables": variables } });
    env.aws.lambda(reqwest::Method::PUT, path, &changes).await.map(drop)
}

/// The objects below a folder, with the end of the outage.
async fn after_the_outage(
    env: &LocalEnvironment,
    bucket: &str,
    folder: &str,
) -> anyhow::Result<Pages> {
    env.until(&format!("incident on the {folder} pages"), WRITTEN, async || {
        let pages = Pages::read(env, bucket, folder).await?;
        let is_complete = pages.objects.contains_key("incidents") && pages.incident().is_ok();
        Ok(is_complete.then_some(pages))
    })
    .await
}

/// The objects by key, without the folder.
struct Pages {
    objects: BTreeMap<String, String>,
    /// Keys to which the pages link.
    links: BTreeSet<String>,
}

impl Pages {
    async fn read(env: &LocalEnvironment, bucket: &str, folder: &str) -> anyhow::Result<Self> {
        let (mut objects, prefix) = (BTreeMap::new(), format!("{folder}/"));
        let request = env.s3.list_objects_v2().bucket(bucket).prefix(&prefix);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            for key in page?.contents().iter().filter_map(|object| object.key()) {
                let object = env.s3.get_object().bucket(bucket).key(key).send().await?;
                let body = object.body.collect().await?.into_bytes();
                let key = key.strip_prefix(&prefix).unwrap_or(key).to_owned();
                objects.insert(key, String::from_utf8_lossy(&body).into_owned());
            }
        }
        let html = objects.values().filter(|text| text.starts_with("<!"));
        let links = html.flat_map(|page| links(page)).collect();
        Ok(Self { objects, links })
    }

    fn text(&self, key: &str) -> anyhow::Result<&str> {
        let keys = || format!("no `{key}` among {:?}", self.objects.keys());
        self.objects.get(key).map(String::as_str).with_context(keys)
    }

    fn json(&self, key: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(self.text(key)?)?)
    }

    /// The number of the incident of the probe, which has ended.
    fn incident(&self) -> anyhow::Result<i64> {
        let all = self.json("api/v1/incidents")?;
        let mut all = all["incidents"].as_array().into_iter().flatten();
        let ended = |one: &&Value| one["probe"] == PROBE && !one["ended"].is_null();
        let incident = all.find(ended).context("no incident that has ended")?;
        incident["id"].as_i64().with_context(|| incident.to_string())
    }

    fn links_exist(&self) -> anyhow::Result<()> {
        ensure!(self.links.len() > 10, "few links: {:?}", self.links);
        let lost: Vec<_> =
            self.links.iter().filter(|link| !self.objects.contains_key(*link)).collect();
        ensure!(lost.is_empty(), "links to nothing: {lost:?}; objects: {:?}", self.objects.keys());
        Ok(())
    }
}

/// The keys of the objects that a page names by an absolute path.
fn links(page: &str) -> Vec<String> {
    let paths = ["href=\"/", "src=\"/"].into_iter().flat_map(|name| page.split(name).skip(1));
    let path = |rest: &str| {
        let path = rest.split(['"', '#', '?']).next().unwrap_or_default();
        if path.is_empty() { "index.html".to_owned() } else { path.to_owned() }
    };
    paths.map(path).collect()
}
