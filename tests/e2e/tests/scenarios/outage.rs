//! Outages: probe results while the receiver is unavailable or unreliable, or the bridge is killed.
//!
//! Each scenario has its own bridge in addition to the deployed one, with a queue of the emulator, an event
//! source and the release binary. Ten probes send one result per second to the queue. At the end the receiver
//! must have every sample once and in order. `make test` runs the short form with the other scenarios, `make soak`
//! the long one.
//!
//! After an outage the queue is empty once the first message of each group becomes visible again. The bridge hides
//! messages for 10 s, doubling up to 10 min, so this takes up to 40 s after an outage of 40 s, and up to five minutes
//! after ten minutes. The messages of a killed bridge are hidden for the visibility timeout: six minutes as deployed,
//! 15 s in the short form.

mod bridge;
mod feed;
mod late;
mod receiver;
mod receivers;
mod scenarios;

use std::time::Duration;

use crate::list::Scenario;

/// The times of a scenario.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Duration of the outage: the receiver is unavailable or unreliable, or the bridge is killed repeatedly.
    outage: Duration,
    /// Visibility timeout of the queue; as deployed when `None`.
    hidden: Option<Duration>,
    /// Longest time after the outage until the queue is empty.
    timeout: Duration,
}

/// The visibility timeout of the deployed queue.
const HIDDEN: Duration = Duration::from_secs(360);

impl Times {
    /// Those of `OUTAGE_SECONDS`, 40 s by default.
    fn of_environment() -> Self {
        let seconds = std::env::var("OUTAGE_SECONDS").ok().and_then(|text| text.parse().ok());
        Self::of_outage(Duration::from_secs(seconds.unwrap_or(40)))
    }

    /// Times for an outage of this duration. At its end messages were hidden for at most the same time, and are
    /// hidden for at most the same time again.
    fn of_outage(outage: Duration) -> Self {
        let hidden = (outage < HIDDEN).then_some(Duration::from_secs(15));
        let hides = hidden.unwrap_or(HIDDEN);
        Self { outage, hidden, timeout: outage + hides + Duration::from_secs(120) }
    }
}

/// All scenarios; they can run side by side.
pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("outage_of_prometheus_loses_no_sample", |env, _| {
            Box::pin(scenarios::away(env, Times::of_environment()))
        }),
        Scenario::new("outage_of_a_killed_bridge_loses_no_sample", |env, _| {
            Box::pin(scenarios::killed(env, Times::of_environment()))
        }),
        Scenario::new("outage_dead_letters_only_rejected_samples", |env, _| {
            Box::pin(scenarios::unreliable(env, Times::of_environment()))
        }),
        Scenario::new("outage_of_90_minutes_archives_what_is_too_old", |env, _| {
            Box::pin(late::without_a_window(env))
        }),
        Scenario::new("outage_of_90_minutes_archives_the_same_with_a_window", |env, _| {
            Box::pin(late::with_a_window(env))
        }),
        Scenario::new("receiver_victoriametrics_has_the_same_samples", |env, _| {
            Box::pin(receivers::victoria_metrics(env))
        }),
        Scenario::new("receiver_of_version_2_counts_written_samples", |env, _| {
            Box::pin(receivers::counting(env))
        }),
        Scenario::new("receiver_that_ignores_version_2_gets_version_1", |env, _| {
            Box::pin(receivers::ignores_version_2(env))
        }),
        Scenario::new("receiver_prometheus_3_takes_version_2", |env, _| {
            Box::pin(receivers::prometheus_3(env))
        }),
    ]
}
