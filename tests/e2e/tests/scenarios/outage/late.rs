//! A receiver that was unavailable for 90 minutes: samples that are too old for it are archived and can be imported.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use samples::Timestamp;
use tokio::process::Command;

use super::bridge::{Bridge, Wanted};
use super::feed::{Feed, Samples, count, ensure_same, stored};
use harness::environment::LocalEnvironment;
use harness::packages::on_path;
use harness::prometheus::{LATE, Prometheus};

const MINUTES: u32 = 90;

/// `RemoteWriteMaxAgeSeconds` as deployed: Prometheus rejects samples that are older than about an hour.
const MAX_AGE: Duration = Duration::from_secs(3000);

const TIMEOUT: Duration = Duration::from_secs(180);

/// As in the runbook: one block for all messages.
const JOIN: &str = "(find late-samples -name '*.openmetrics' | sort | xargs grep -hv '^# '; \
                    echo '# EOF') > late.openmetrics";

pub(super) async fn without_a_window(env: &LocalEnvironment) -> anyhow::Result<()> {
    late(env, "late", None).await
}

pub(super) async fn with_a_window(env: &LocalEnvironment) -> anyhow::Result<()> {
    late(env, "late-window", Some(LATE)).await
}

async fn late(env: &LocalEnvironment, name: &str, window: Option<&str>) -> anyhow::Result<()> {
    let server = format!("prometheus-{name}");
    let prometheus =
        Prometheus::receiver(&server, None, window, &env.state, &env.processes).await?;
    let receiver = prometheus.remote_write_url();
    let wanted = Wanted { name, receiver: &receiver, protocol: "1.0", visibility: None };
    let bridge = Bridge::beside(env, &wanted).await?;
    let began: Timestamp = SystemTime::now().into();
    let mut feed = Feed::new(&bridge);
    feed.minutes(MINUTES).await?;
    bridge.drained(env, TIMEOUT).await?;
    let messages = bridge.dead_letters().await?;
    ensure!(messages.is_empty(), "dead-lettered: {:?}", messages[0].reason);

    // About fifty of the ninety minutes are new enough.
    let all = format!("{{environment={:?}}}", bridge.environment);
    let young = stored(prometheus.samples(&all, "2h").await?)?;
    let oldest = young.values().filter_map(|row| row.first()).map(|(at, _)| *at).min();
    let oldest = oldest.context("nothing was sent on")?;
    ensure!((began - MAX_AGE).as_millis() <= oldest, "a sample was sent that is too old");
    let kept = kept(env, &bridge, &env.state.join(&server).join("kept")).await?;
    ensure!(
        4 * count(&young) < 6 * kept.samples,
        "{} samples were sent on and {} kept; expected fifty to forty",
        count(&young),
        kept.samples
    );
    ensure!(
        kept.samples + count(&young) == count(&feed.samples),
        "{} samples were sent; {} are stored and {} kept",
        count(&feed.samples),
        count(&young),
        kept.samples
    );

    // Now Prometheus has all samples.
    let stopped = prometheus.stop().await?;
    let promtool = on_path("promtool").context("`promtool` is not on the PATH")?;
    let mut blocks = Command::new(promtool);
    blocks.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&kept.page).arg(stopped.data());
    env.processes.run(&format!("promtool-{name}"), &mut blocks).await?;
    let prometheus = stopped.start(&env.processes).await?;
    let whole: Samples = stored(prometheus.samples(&all, "2h").await?)?;
    ensure_same(&feed.samples, &whole)
}

struct Kept {
    /// All files as one, the input of promtool.
    page: PathBuf,
    samples: usize,
}

/// Fetches the objects of the bridge from the bucket and joins them to one page.
async fn kept(env: &LocalEnvironment, bridge: &Bridge, folder: &Path) -> anyhow::Result<Kept> {
    fs::create_dir_all(folder)?;
    let own = format!("environment={:?}", bridge.environment);
    let mut pages = env
        .s3
        .list_objects_v2()
        .bucket(&bridge.bucket)
        .prefix("late-samples/")
        .into_paginator()
        .send();
    let mut samples = 0;
    while let Some(page) = pages.try_next().await? {
        for key in page.contents().iter().filter_map(|object| object.key()) {
            let object = env.s3.get_object().bucket(&bridge.bucket).key(key).send().await?;
            let text = String::from_utf8(object.body.collect().await?.to_vec())?;
            if text.contains(&own) {
                ensure!(text.ends_with("# EOF\n"), "`{key}` does not end as OpenMetrics does");
                samples += text.lines().filter(|line| !line.starts_with('#')).count();
                let file = folder.join(key);
                fs::create_dir_all(file.parent().unwrap_or(folder))?;
                fs::write(file, text)?;
            }
        }
    }
    let mut join = Command::new("sh");
    join.arg("-c").arg(JOIN).current_dir(folder);
    env.processes.run("join-late-samples", &mut join).await?;
    Ok(Kept { page: folder.join("late.openmetrics"), samples })
}
