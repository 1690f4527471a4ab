//! Long outages, an unreliable receiver, and a bridge that is killed, with a model of the FIFO queue.

use std::collections::{BTreeSet, HashMap, HashSet};

use bridge::Bridge;
use serde_json::Value;

use crate::events::{Aws, NOW, Seen, again, bridge, event_ids, record, sample, services};
use testkit::receiver::{Receiver, Reply};

/// Delivers messages as SQS does: each group in order, and none after a message in flight.
struct Queue {
    messages: Vec<Value>,
    deliveries: HashMap<String, u32>,
}

impl Queue {
    fn new(messages: Vec<Value>) -> Self {
        Self { messages, deliveries: HashMap::new() }
    }

    /// Up to `most` messages of a random share of the groups.
    fn receive(&mut self, most: usize, random: &mut fastrand::Rng) -> Vec<Value> {
        let mut resting = HashSet::new();
        let mut batch = Vec::new();
        for message in &self.messages {
            let group = message["attributes"]["MessageGroupId"].as_str().unwrap();
            if batch.len() == most || resting.contains(group) || random.u8(..10) == 0 {
                resting.insert(group);
                continue;
            }
            let id = message["messageId"].as_str().unwrap();
            let deliveries = self.deliveries.entry(id.to_owned()).or_default();
            *deliveries += 1;
            batch.push(again(message, *deliveries));
        }
        batch
    }

    fn delete(&mut self, batch: &[Value], failed: &[String]) {
        let done = |id: &str| {
            let is = |message: &&Value| message["messageId"] == id;
            batch.iter().any(|message| is(&message)) && !failed.iter().any(|failed| failed == id)
        };
        self.messages.retain(|message| !done(message["messageId"].as_str().unwrap()));
    }
}

const MINUTES: i64 = 6;
const PROBES: i64 = 3;

/// Some minutes of some probes, one run a minute, two series each.
fn messages() -> Vec<Value> {
    let runs = (0..MINUTES).flat_map(|minute| (0..PROBES).map(move |probe| (minute, probe)));
    runs.map(|(minute, probe)| {
        let name = format!("probe-{probe}");
        let at = 60 * (minute - MINUTES);
        let samples = [sample("up", &name, at), sample("probe_success", &name, at)];
        record(&format!("{probe}-{minute}"), &name, at, &samples)
    })
    .collect()
}

/// A receiver that accepts this many of ten requests.
async fn unreliable(seed: u64, accepts: u8) -> Receiver {
    let mut random = fastrand::Rng::with_seed(seed);
    Receiver::start(move |_| match random.u8(..10) {
        number if number < accepts => Reply::Store,
        5 => Reply::Refuse(503, "starting"),
        6 => Reply::RetryAfter(429, "0"),
        7 => Reply::Refuse(502, "proxy"),
        8 => Reply::Reset,
        _ => Reply::Refuse(500, "internal"),
    })
    .await
}

#[track_caller]
fn assert_complete(receiver: &Receiver) {
    let stored = receiver.stored();
    let expected = usize::try_from(2 * MINUTES * PROBES).unwrap();
    assert_eq!(stored.len(), expected, "all stored, none twice");
    let series: BTreeSet<&String> = stored.iter().map(|(series, ..)| series).collect();
    for name in series {
        let times = stored.iter().filter(|(series, ..)| series == name).map(|(_, at, _)| at);
        assert!(times.is_sorted(), "{name} in order");
    }
}

#[tokio::test]
async fn unreliable_receiver_gets_everything_in_order() {
    for seed in 0..3 {
        let receiver = unreliable(seed, 3).await;
        let seen = Seen::default();
        let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
        let mut random = fastrand::Rng::with_seed(seed);
        let mut queue = Queue::new(messages());
        while !queue.messages.is_empty() {
            let batch = queue.receive(10, &mut random);
            let failed = event_ids(&bridge, &batch).await;
            queue.delete(&batch, &failed);
        }
        assert_complete(&receiver);
        assert!(seen.take("dead").is_empty(), "{:?}", seen.take("dead"));
        assert!(seen.take("archived").is_empty());
    }
}

#[tokio::test]
async fn killed_bridge_loses_nothing_and_stores_nothing_twice() {
    for seed in 0..3 {
        let receiver = unreliable(seed, 8).await;
        let seen = Seen::default();
        let fresh = || bridge(&receiver, "none", services(&seen, Aws::Accepts));
        let mut bridge: Bridge = fresh();
        let mut random = fastrand::Rng::with_seed(seed);
        let mut queue = Queue::new(messages());
        while !queue.messages.is_empty() {
            let batch = queue.receive(10, &mut random);
            let failed = event_ids(&bridge, &batch).await;
            if random.u8(..3) == 0 {
                // Killed before it answered: another environment gets all messages again.
                bridge = fresh();
            } else {
                queue.delete(&batch, &failed);
            }
        }
        assert_complete(&receiver);
        // The receiver rejects older samples that it has as out of order, and the dead-lettered message contains this reason.
        let dead = seen.take("dead");
        assert!(dead.iter().all(|line| line.contains("may have been written then")), "{dead:?}");
    }
}

#[tokio::test]
async fn after_ninety_minutes_old_samples_are_archived() {
    let receiver = Receiver::start(|_| Reply::Store).await;
    let seen = Seen::default();
    let bridge = bridge(&receiver, "none", services(&seen, Aws::Accepts));
    let minutes = (-90..=0).map(|minute| {
        let at = 60 * minute;
        record(&format!("run-{}", minute + 90), "one", at, &[sample("up", "one", at)])
    });
    let mut queue = Queue::new(minutes.collect());
    let mut random = fastrand::Rng::with_seed(1);
    while !queue.messages.is_empty() {
        let batch = queue.receive(10, &mut random);
        let failed = event_ids(&bridge, &batch).await;
        queue.delete(&batch, &failed);
    }

    let stored: Vec<i64> =
        receiver.stored().iter().map(|(_, at, _)| (at - NOW.as_millis()) / 60_000).collect();
    assert_eq!(stored, (-50..=0).collect::<Vec<_>>(), "50 minutes are just young enough");
    let kept = seen.take("archived");
    assert_eq!(kept.len(), 40);
    assert!(kept.is_sorted(), "in the order of time");
    assert!(seen.take("dead").is_empty());
}
