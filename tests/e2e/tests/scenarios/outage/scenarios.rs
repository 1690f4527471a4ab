//! Outages of the receiver or of the bridge, and the samples that are stored afterwards.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use futures_util::FutureExt;

use super::Times;
use super::bridge::{Bridge, Wanted};
use super::feed::{Feed, Samples, count, ensure_same, stored};
use super::receiver::{Receiver, Reply, Request, Sample, pass_on};
use harness::environment::LocalEnvironment;
use harness::net::http_client;
use harness::prometheus::{LATE, Prometheus};

/// Before and after the outage.
const CALM: Duration = Duration::from_secs(8);

pub(super) async fn away(env: &LocalEnvironment, times: Times) -> anyhow::Result<()> {
    let name = "prometheus-away";
    let prometheus = Prometheus::receiver(name, None, None, &env.state, &env.processes).await?;
    let receiver = prometheus.remote_write_url();
    let wanted = Wanted { name: "away", receiver: &receiver, protocol: "1.0", visibility: None };
    let bridge = Bridge::beside(env, &wanted).await?;
    let mut feed = Feed::new(&bridge);

    feed.run(CALM).await?;
    let all = format!("{{environment={:?}}}", bridge.environment);
    env.until("sample before the outage", times.timeout, async || {
        Ok((!prometheus.samples(&all, "1h").await?.is_empty()).then_some(()))
    })
    .await?;
    let stopped = prometheus.stop().await?;
    feed.run(times.outage).await?;
    let waiting = bridge.left().await?;
    ensure!(
        waiting as u64 >= times.outage.as_secs() / 2,
        "{waiting} messages wait after an outage of {:?}: the bridge let go of some",
        times.outage
    );
    let prometheus = stopped.start(&env.processes).await?;
    feed.run(CALM).await?;
    bridge.drained(env, times.timeout).await?;

    ensure_same(&feed.samples, &stored(prometheus.samples(&all, "2h").await?)?)?;
    nothing_was_dead_lettered(&bridge).await
}

/// The proxy of the receiver kills the bridge while it waits for the answer, alternately before and after the
/// samples are forwarded to Prometheus.
pub(super) async fn killed(env: &LocalEnvironment, times: Times) -> anyhow::Result<()> {
    let name = "prometheus-killed";
    let prometheus =
        Prometheus::receiver(name, None, Some(LATE), &env.state, &env.processes).await?;
    let kills = Arc::new(AtomicUsize::new(0));
    let murderous = Arc::new(Mutex::new(None::<Arc<Bridge>>));
    let script = {
        let (kills, murderous) = (Arc::clone(&kills), Arc::clone(&murderous));
        let (client, url) = (http_client()?, prometheus.remote_write_url());
        move |request: Request| {
            let (client, url) = (client.clone(), url.clone());
            let victim = murderous.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // Every third request, alternately before and after it is forwarded.
            let victim = victim.filter(|_| request.number % 3 == 2);
            let kills = Arc::clone(&kills);
            async move {
                let before = request.number.is_multiple_of(2);
                let kill = |bridge: Arc<Bridge>| kills.fetch_add(bridge.kill(), Ordering::Relaxed);
                if before && let Some(bridge) = victim {
                    kill(bridge);
                    return Reply::Reset;
                }
                let answer = pass_on(&client, &url, request).await;
                if let Some(bridge) = victim {
                    kill(bridge);
                    return Reply::Reset;
                }
                answer.unwrap_or(Reply::Reset)
            }
            .boxed()
        }
    };
    let receiver = Receiver::start(Arc::new(script)).await?;
    let wanted = Wanted {
        name: "killed",
        receiver: &receiver.url,
        protocol: "1.0",
        visibility: times.hidden,
    };
    let bridge = Arc::new(Bridge::beside(env, &wanted).await?);
    let mut feed = Feed::new(&bridge);
    let set = |victim| *murderous.lock().unwrap_or_else(PoisonError::into_inner) = victim;

    feed.run(CALM).await?;
    set(Some(Arc::clone(&bridge)));
    feed.run(times.outage).await?;
    set(None);
    feed.run(CALM).await?;
    bridge.drained(env, times.timeout).await?;

    let kills = kills.load(Ordering::Relaxed);
    ensure!(kills >= 3, "the bridge was killed {kills} times; expected at least 3");
    let all = format!("{{environment={:?}}}", bridge.environment);
    ensure_same(&feed.samples, &stored(prometheus.samples(&all, "2h").await?)?)?;
    nothing_was_dead_lettered(&bridge).await
}

async fn nothing_was_dead_lettered(bridge: &Bridge) -> anyhow::Result<()> {
    let messages = bridge.dead_letters().await?;
    let reasons: Vec<_> = messages.iter().map(|message| &message.reason).collect();
    ensure!(reasons.is_empty(), "dead-lettered: {reasons:?}");
    Ok(())
}

/// The receiver rejects one sample in a hundred in every request.
fn is_bad((series, _, value): &Sample) -> bool {
    // The value is the number of the run: of ten runs with ten series each, one phase of one run is rejected,
    // of another probe each time.
    series.contains("phase=\"tls\"") && (value % 10.0 - (value / 10.0).floor() % 10.0).abs() < 0.5
}

const BAD: &str = "sample is out of this receiver's taste";

/// The samples of the unreliable receiver, stored as Prometheus with an out-of-order window does.
#[derive(Default)]
struct Kept {
    samples: HashMap<String, BTreeMap<i64, f64>>,
    /// Samples of a series that arrived before an older one.
    overtaken: Vec<String>,
    moods: BTreeMap<&'static str, usize>,
}

impl Kept {
    /// Stores all samples or none.
    fn take(&mut self, request: &Request) -> Reply {
        let Ok(samples) = request.samples() else { return Reply::status(500) };
        if let Some((series, ..)) = samples.iter().find(|sample| is_bad(sample)) {
            let body = format!("{BAD}: {series}");
            self.mood("400");
            return Reply::Answer { status: 400, headers: String::new(), body };
        }
        for (series, at, value) in samples {
            let row = self.samples.entry(series.clone()).or_default();
            let known = row.insert(at, value);
            let is_newest = row.last_key_value().is_some_and(|(last, _)| *last == at);
            if known.is_none() && !is_newest {
                self.overtaken.push(format!("{series} at {at}"));
            }
        }
        Reply::Answer { status: 204, headers: String::new(), body: String::new() }
    }

    fn mood(&mut self, name: &'static str) {
        *self.moods.entry(name).or_default() += 1;
    }

    /// Checks that exactly the samples of `good` were stored, in order.
    fn ensure_has(&self, good: &Samples) -> anyhow::Result<()> {
        for mood in ["500", "503", "429", "reset", "stored and reset", "stall", "400"] {
            let was = self.moods.contains_key(mood);
            ensure!(was, "the receiver never was in the mood for {mood}");
        }
        ensure!(self.overtaken.is_empty(), "overtaken: {:?}", self.overtaken);
        let rows = self.samples.iter().map(|(series, row)| {
            (series.clone(), row.iter().map(|(at, value)| (*at, *value)).collect())
        });
        ensure_same(good, &rows.collect())
    }
}

/// The samples that are not rejected.
fn good(samples: &Samples) -> Samples {
    let mut good = samples.clone();
    for (series, row) in &mut good {
        row.retain(|(at, value)| !is_bad(&(series.clone(), *at, *value)));
    }
    good.retain(|_, row| !row.is_empty());
    good
}

pub(super) async fn unreliable(env: &LocalEnvironment, times: Times) -> anyhow::Result<()> {
    let kept = Arc::new(Mutex::new(Kept::default()));
    let script = {
        let kept = Arc::clone(&kept);
        move |request: Request| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let reply = match request.number % 16 {
                1 => (Some("500"), Reply::status(500)),
                3 => (Some("503"), Reply::status(503)),
                5 => {
                    let headers = "Retry-After: 1\r\n".to_owned();
                    (Some("429"), Reply::Answer { status: 429, headers, body: String::new() })
                }
                7 => (Some("reset"), Reply::Reset),
                9 => {
                    // Stored, but the sender gets no answer.
                    kept.take(&request);
                    (Some("stored and reset"), Reply::Reset)
                }
                12 => (Some("stall"), Reply::Stall),
                _ => (None, kept.take(&request)),
            };
            if let Some(mood) = reply.0 {
                kept.mood(mood);
            }
            std::future::ready(reply.1).boxed()
        }
    };
    let receiver = Receiver::start(Arc::new(script)).await?;
    let wanted =
        Wanted { name: "unreliable", receiver: &receiver.url, protocol: "1.0", visibility: None };
    let bridge = Bridge::beside(env, &wanted).await?;
    let mut feed = Feed::new(&bridge);
    feed.run(times.outage).await?;
    bridge.drained(env, times.timeout).await?;

    let good = good(&feed.samples);
    kept.lock().unwrap_or_else(PoisonError::into_inner).ensure_has(&good)?;

    let bad = count(&feed.samples) - count(&good);
    ensure!(
        bad * 100 >= count(&feed.samples) / 2,
        "{bad} bad samples are too few to show anything"
    );
    let messages = bridge.dead_letters().await?;
    let mut dead = Vec::new();
    for message in &messages {
        let expected = format!("the receiver answered 400 `{BAD}: ");
        ensure!(message.reason.starts_with(&expected), "dead-lettered: {}", message.reason);
        let message = samples::message::decode(&message.body)?;
        dead.extend(message.entries.iter().filter_map(|entry| {
            let sample = entry.sample()?;
            Some((entry.series.to_string(), sample.at.as_millis(), sample.value))
        }));
    }
    ensure!(
        dead.len() == bad && dead.iter().all(is_bad),
        "{bad} bad samples were sent; dead-lettered are {dead:?}"
    );
    Ok(())
}
