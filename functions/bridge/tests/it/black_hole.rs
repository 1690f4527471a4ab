//! A receiver that accepts connections and never answers must not take the concurrency of the account.

use std::collections::VecDeque;
use std::time::Duration;

use bridge::Bridge;
use serde_json::Value;
use testkit::receiver::{Receiver, Reply};
use testkit::template::CloudFormation;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use crate::events::{Aws, NOW, Seen, again, bridge, event, record, sample, services};

/// Concurrent executions of a new AWS account.
const ACCOUNT: usize = 10;
const PROBES: usize = 30;
/// Probes in one run request, and how long the prober needs for one.
const PROBES_OF_A_REQUEST: usize = 10;
const RUN: Duration = Duration::from_secs(20);
const MINUTES: u32 = 30;
/// The timeout of the function.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The queue of samples: each message with the time from which it is visible.
#[derive(Default)]
struct Queue(VecDeque<(Instant, Value, u32)>);

impl Queue {
    /// Up to ten visible messages.
    fn receive(&mut self) -> Vec<(Value, u32)> {
        let now = Instant::now();
        let mut batch = Vec::new();
        while let Some(index) = self.0.iter().position(|(visible, ..)| *visible <= now) {
            let Some((_, message, deliveries)) = self.0.remove(index) else { break };
            batch.push((message, deliveries + 1));
            if batch.len() == 10 {
                break;
            }
        }
        batch
    }
}

/// What the simulation counts.
#[derive(Default)]
struct Counts {
    made: usize,
    throttled: usize,
    events: Vec<Duration>,
}

fn maximum_concurrency() -> usize {
    let template = CloudFormation::load("template.yaml");
    let parameters = template.section("Parameters");
    let default = parameters.filter(|(name, _)| *name == "BridgeMaximumConcurrency");
    let default: Vec<_> = default.filter_map(|(_, value)| value["Default"].as_str()).collect();
    default[0].parse().unwrap()
}

/// The prober: every minute its runs, each of which sends a message with samples.
async fn probe(account: &Semaphore, queue: &Mutex<Queue>, counts: &Mutex<Counts>) {
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    for minute in 0..MINUTES {
        minutes.tick().await;
        let runs = (0..PROBES / PROBES_OF_A_REQUEST).map(async |request| {
            let Ok(_permit) = account.try_acquire() else {
                counts.lock().await.throttled += PROBES_OF_A_REQUEST;
                return;
            };
            tokio::time::sleep(RUN).await;
            counts.lock().await.made += PROBES_OF_A_REQUEST;
            for probe in 0..PROBES_OF_A_REQUEST {
                let name = format!("probe-{request}-{probe}");
                let id = format!("{name}-{minute}");
                let at = i64::from(minute) * 60;
                let message = record(&id, &name, at, &[sample("up", &name, at)]);
                queue.lock().await.0.push_back((Instant::now(), message, 0));
            }
        });
        // The next minute begins while runs of this one last.
        futures_util::future::join_all(runs).await;
    }
}

/// One environment of the bridge: it handles events as long as there are messages.
async fn forward(
    bridge: &Bridge,
    account: &Semaphore,
    queue: &Mutex<Queue>,
    counts: &Mutex<Counts>,
) {
    let start = Instant::now();
    loop {
        let batch = queue.lock().await.receive();
        let Some(_permit) = (!batch.is_empty()).then(|| account.try_acquire().ok()).flatten()
        else {
            queue.lock().await.0.extend(batch.into_iter().map(|(message, deliveries)| {
                (Instant::now() + Duration::from_secs(1), message, deliveries)
            }));
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        let records: Vec<Value> =
            batch.iter().map(|(message, deliveries)| again(message, *deliveries)).collect();
        let began = Instant::now();
        let response = bridge.handle(event(&records), NOW + start.elapsed(), TIMEOUT).await;
        counts.lock().await.events.push(began.elapsed());
        let failed: Vec<_> =
            response.batch_item_failures.iter().map(|one| one.item_identifier.as_str()).collect();
        // The bridge hides a message for at least 8 s, the longer the more often it was delivered.
        let hidden = Instant::now() + Duration::from_secs(8);
        let stay = batch.into_iter().filter(|(message, _)| {
            failed.contains(&message["messageId"].as_str().unwrap_or_default())
        });
        let stay = stay.map(|(message, deliveries)| (hidden, message, deliveries));
        queue.lock().await.0.extend(stay);
    }
}

#[tokio::test(start_paused = true)]
async fn hung_receiver_leaves_the_account_to_the_prober() {
    let receiver = Receiver::start(|_| Reply::Stall).await;
    let seen = Seen::default();
    let (account, queue) = (Semaphore::new(ACCOUNT), Mutex::<Queue>::default());
    let counts = Mutex::<Counts>::default();
    let environments: Vec<Bridge> = (0..maximum_concurrency())
        .map(|_| bridge(&receiver, "none", services(&seen, Aws::Accepts)))
        .collect();
    let forwarding = environments.iter().map(|bridge| forward(bridge, &account, &queue, &counts));
    tokio::select! {
        () = probe(&account, &queue, &counts) => {}
        _ = futures_util::future::join_all(forwarding) => {}
    }

    let counts = counts.lock().await;
    assert_eq!((counts.made, counts.throttled), (PROBES * MINUTES as usize, 0));
    assert!(receiver.stored().is_empty());
    // All messages wait in the queue or in an event; none was lost.
    assert!(!queue.lock().await.0.is_empty());
    let longest = counts.events.iter().max().unwrap();
    assert!(*longest < TIMEOUT, "{longest:?}");
    // After the first request without an answer, requests have a shorter time limit.
    let mut events = counts.events.clone();
    events.sort_unstable();
    let middle = events[events.len() / 2];
    assert!(middle <= Duration::from_secs(25), "{} events, {middle:?}", events.len());
}
