//! Sends the samples to other kinds of receivers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use futures_util::FutureExt;
use serde::Deserialize;
use tokio::process::Command;

use super::bridge::{Bridge, Wanted};
use super::feed::{Feed, Samples, ensure_same, stored};
use super::receiver::{Receiver, Reply, Request, pass_on};
use crate::suite::Skipped;
use deploy::run;
use harness::debian::{PROMETHEUS_3, Package, Unpacked, VICTORIA_METRICS};
use harness::environment::LocalEnvironment;
use harness::net::{free_port, http_client, wait_until_it_answers};
use harness::prometheus::{Prometheus, Stored};

/// Duration of the feed.
const TIME: Duration = Duration::from_secs(15);
const TIMEOUT: Duration = Duration::from_secs(90);

/// A server from Debian's packages, or the scenario is skipped.
async fn unpacked(env: &LocalEnvironment, package: Package) -> anyhow::Result<Unpacked> {
    let there = package.unpack(run::root(), &env.processes).await;
    there.map_err(|error| {
        Skipped(format!("{} of {}: {error}", package.name, package.release)).into()
    })
}

pub(super) async fn victoria_metrics(env: &LocalEnvironment) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Exported {
        metric: BTreeMap<String, String>,
        values: Vec<f64>,
        /// Milliseconds.
        timestamps: Vec<i64>,
    }
    let package = unpacked(env, VICTORIA_METRICS).await?;
    let port = free_port()?;
    let url = format!("http://127.0.0.1:{port}");
    let storage = env.state.join("victoria-metrics");
    if storage.exists() {
        std::fs::remove_dir_all(&storage)?;
    }
    let mut command = Command::new(package.program("victoria-metrics"));
    command
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .arg(format!("-storageDataPath={}", storage.display()));
    let server = env.processes.start("victoria-metrics", &mut command)?;
    wait_until_it_answers(&format!("{url}/health"), &server, Duration::from_secs(60)).await?;

    let receiver = format!("{url}/api/v1/write");
    let wanted =
        Wanted { name: "victoria", receiver: &receiver, protocol: "1.0", visibility: None };
    let bridge = Bridge::beside(env, &wanted).await?;
    let mut feed = Feed::new(&bridge);
    feed.run(TIME).await?;
    bridge.drained(env, TIMEOUT).await?;

    // Stored samples are visible after one or two seconds.
    let client = http_client()?;
    let all = format!("{{environment={:?}}}", bridge.environment);
    let mut found = Samples::new();
    let same = env
        .until("same samples in VictoriaMetrics", Duration::from_secs(30), async || {
            let request = client.get(format!("{url}/api/v1/export")).query(&[("match[]", &all)]);
            let text = request.send().await?.error_for_status()?.text().await?;
            let mut rows = Vec::new();
            for line in text.lines() {
                let Exported { metric, values, timestamps } = serde_json::from_str(line)?;
                let seconds = |at: &i64| std::time::Duration::from_millis(at.unsigned_abs());
                let times = timestamps.iter().map(|at| seconds(at).as_secs_f64());
                let values = times.zip(values.iter().map(f64::to_string)).collect();
                rows.push(Stored { metric, values });
            }
            found = stored(rows)?;
            Ok(ensure_same(&feed.samples, &found).is_ok().then_some(()))
        })
        .await;
    // Show only the differences.
    ensure_same(&feed.samples, &found)?;
    same
}

pub(super) async fn prometheus_3(env: &LocalEnvironment) -> anyhow::Result<()> {
    let package = unpacked(env, PROMETHEUS_3).await?;
    let program = Some(package.program("prometheus"));
    let name = "prometheus-3";
    let prometheus = Prometheus::receiver(name, program, None, &env.state, &env.processes).await?;
    // A proxy between the two, to read the protocol version.
    let versions = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let script = {
        let (client, url) = (http_client()?, prometheus.remote_write_url());
        let versions = Arc::clone(&versions);
        move |request: Request| {
            let (client, url) = (client.clone(), url.clone());
            versions[usize::from(request.is_v2())].fetch_add(1, Ordering::Relaxed);
            async move { pass_on(&client, &url, request).await.unwrap_or(Reply::Reset) }.boxed()
        }
    };
    let receiver = Receiver::start(Arc::new(script)).await?;
    let wanted =
        Wanted { name: "prometheus-3", receiver: &receiver.url, protocol: "2.0", visibility: None };
    let bridge = Bridge::beside(env, &wanted).await?;
    let mut feed = Feed::new(&bridge);
    feed.run(TIME).await?;
    bridge.drained(env, TIMEOUT).await?;
    let all = format!("{{environment={:?}}}", bridge.environment);
    ensure_same(&feed.samples, &stored(prometheus.samples(&all, "1h").await?)?)?;
    let [old, new] = [&versions[0], &versions[1]].map(|count| count.load(Ordering::Relaxed));
    ensure!(old == 0 && new > 0, "{old} requests of version 1.0 and {new} of 2.0");
    Ok(())
}

#[derive(Default)]
struct Heard {
    samples: Samples,
    versions: [usize; 2],
}

impl Heard {
    fn note(&mut self, request: &Request) -> usize {
        self.versions[usize::from(request.is_v2())] += 1;
        let samples = request.samples().unwrap_or_default();
        let count = samples.len();
        for (series, at, value) in samples {
            self.samples.entry(series).or_default().push((at, value));
        }
        count
    }
}

/// Sends some results in version 2.0 to a receiver that answers by `answer` and must receive all of them;
/// returns the number of requests of version 1.0 and of 2.0.
async fn scripted(
    env: &LocalEnvironment,
    name: &str,
    answer: fn(&mut Heard, &Request) -> Reply,
) -> anyhow::Result<[usize; 2]> {
    let heard = Arc::<Mutex<Heard>>::default();
    let script = {
        let heard = Arc::clone(&heard);
        move |request: Request| {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            std::future::ready(answer(&mut heard, &request)).boxed()
        }
    };
    let receiver = Receiver::start(Arc::new(script)).await?;
    let wanted = Wanted { name, receiver: &receiver.url, protocol: "2.0", visibility: None };
    let bridge = Bridge::beside(env, &wanted).await?;
    let mut feed = Feed::new(&bridge);
    feed.run(TIME).await?;
    bridge.drained(env, TIMEOUT).await?;
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    ensure_same(&feed.samples, &heard.samples)?;
    Ok(heard.versions)
}

pub(super) async fn counting(env: &LocalEnvironment) -> anyhow::Result<()> {
    let versions = scripted(env, "counting", |heard, request| {
        let count = heard.note(request);
        let headers = format!("X-Prometheus-Remote-Write-Samples-Written: {count}\r\n");
        Reply::Answer { status: 204, headers, body: String::new() }
    })
    .await?;
    ensure!(versions[0] == 0, "{} requests were of version 1.0", versions[0]);
    Ok(())
}

pub(super) async fn ignores_version_2(env: &LocalEnvironment) -> anyhow::Result<()> {
    let versions = scripted(env, "version-1", |heard, request| {
        // As in Prometheus 2: 2.0 is answered with 204, and nothing is stored.
        if request.is_v2() {
            heard.versions[1] += 1;
        } else {
            heard.note(request);
        }
        Reply::Answer { status: 204, headers: String::new(), body: String::new() }
    })
    .await?;
    ensure!(versions[1] > 0, "version 2.0 was never tried");
    Ok(())
}
