//! Sends probe results to the queue of a bridge, and compares them with the samples of the receiver.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use anyhow::{bail, ensure};
use samples::message;
use samples::{Entry, NAME, Series, Timestamp};
use tokio::time::Instant;

use super::bridge::Bridge;
use harness::prometheus::Stored;

/// Ten probes, each due every ten seconds: one result a second.
const PROBES: u32 = 10;

const PHASES: [&str; 6] = ["dns", "connect", "tls", "describe", "first_chunk", "reply"];

/// Times in milliseconds and values, in the order of time, by series.
pub(super) type Samples = BTreeMap<String, Vec<(i64, f64)>>;

/// Sends results and records them.
pub(super) struct Feed<'a> {
    bridge: &'a Bridge,
    sent: u32,
    pub(super) samples: Samples,
}

impl<'a> Feed<'a> {
    pub(super) fn new(bridge: &'a Bridge) -> Self {
        Self { bridge, sent: 0, samples: Samples::new() }
    }

    /// Sends one result per second with the time of that second, for this duration.
    pub(super) async fn run(&mut self, time: Duration) -> anyhow::Result<()> {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        let until = Instant::now() + time;
        while Instant::now() < until {
            seconds.tick().await;
            self.result(due_now()).await?;
        }
        Ok(())
    }

    /// Sends one result per minute for each of three probes, for this number of minutes up to now, all at once:
    /// the state of the queue after an outage of this duration.
    pub(super) async fn minutes(&mut self, minutes: u32) -> anyhow::Result<()> {
        let now = due_now();
        for minute in (0..=minutes).rev() {
            for _ in 0..3 {
                self.result(now - Duration::from_secs(u64::from(60 * minute))).await?;
            }
        }
        Ok(())
    }

    async fn result(&mut self, due: Timestamp) -> anyhow::Result<()> {
        let number = self.sent;
        self.sent += 1;
        let probe = format!("probe-{}", number % PROBES);
        let entries = result(&self.bridge.environment, &probe, number, due)?;
        for entry in &entries {
            let Some(sample) = entry.sample() else { continue };
            let series = self.samples.entry(entry.series.to_string()).or_default();
            series.push((sample.at.as_millis(), sample.value));
        }
        for message in message::encode(&probe, &format!("{probe}-{number}"), due, &entries).messages
        {
            self.bridge
                .sqs
                .send_message()
                .queue_url(&self.bridge.queue_url)
                .message_group_id(message.group)
                .message_deduplication_id(message.deduplication)
                .message_body(message.body)
                .send()
                .await?;
        }
        Ok(())
    }
}

fn due_now() -> Timestamp {
    let now: Timestamp = SystemTime::now().into();
    Timestamp::from_millis(now.as_millis() / 1000 * 1000)
}

/// The samples of one run; every value identifies the run.
fn result(
    environment: &str,
    probe: &str,
    number: u32,
    due: Timestamp,
) -> anyhow::Result<Vec<Entry>> {
    let common = [
        ("job", "gradio_chatbot"),
        ("instance", "bot:7860"),
        ("probe", probe),
        ("environment", environment),
        ("location", "local"),
    ];
    let value = Some(f64::from(number));
    let plain = ["up", "probe_success", "probe_duration_seconds", "probe_retries"];
    let plain = plain.map(|name| Entry::of(name, common, value, due));
    let phases = PHASES.map(|phase| {
        let labels = common.into_iter().chain([("phase", phase)]);
        Entry::of("probe_phase_duration_seconds", labels, value, due)
    });
    Ok(plain.into_iter().chain(phases).collect::<Result<_, _>>()?)
}

/// The samples of a receiver, in the form of the sent ones.
pub(super) fn stored(found: Vec<Stored>) -> anyhow::Result<Samples> {
    let mut samples = Samples::new();
    for Stored { metric, values } in found {
        let labels = metric.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let series = Series::from_labels(labels)?;
        ensure!(series.label(NAME).is_some(), "a series without a name: {metric:?}");
        let mut row = Vec::new();
        for (seconds, value) in values {
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds of this century")]
            row.push(((seconds * 1000.0).round() as i64, value.parse()?));
        }
        samples.insert(series.to_string(), row);
    }
    Ok(samples)
}

/// Checks that the receiver has every sample once, in order, and no others.
pub(super) fn ensure_same(sent: &Samples, stored: &Samples) -> anyhow::Result<()> {
    for (series, sent) in sent {
        let there = stored.get(series).map(Vec::as_slice).unwrap_or_default();
        if sent == there {
            continue;
        }
        let missing: Vec<_> = sent.iter().filter(|sample| !there.contains(sample)).collect();
        let besides: Vec<_> = there.iter().filter(|sample| !sent.contains(sample)).collect();
        bail!(
            "{series}: {} samples were sent, {} are stored; missing: {missing:?}, not sent: \
             {besides:?}, in order: {}",
            sent.len(),
            there.len(),
            there.is_sorted_by_key(|(at, _)| *at)
        );
    }
    let besides: Vec<_> = stored.keys().filter(|series| !sent.contains_key(*series)).collect();
    ensure!(besides.is_empty(), "stored, but never sent: {besides:?}");
    Ok(())
}

/// The number of samples.
pub(super) fn count(samples: &Samples) -> usize {
    samples.values().map(Vec::len).sum()
}
