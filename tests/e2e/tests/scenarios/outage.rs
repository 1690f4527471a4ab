//! Outages: probe results while the receiver is unavailable or unreliable, or the bridge is killed.
//!
//! Each scenario has its own bridge beside the deployed one: the real queue of the
//! emulator, its event source, the release binary. Ten probes put one result a second into the queue;
//! at the end every sample has to be with the receiver, in order and once. `make test` plays the short
//! form beside the other crossing tests, `make soak` the long one.
//!
//! After an outage the queue is empty again once the messages at the head of each group have rested
//! for the last time: the bridge lets them rest 10 s, doubling to 10 min, so after 40 s it takes up to
//! 40 s more, after ten minutes up to five minutes more. A bridge that is killed leaves its messages
//! hidden until the queue shows them again, six minutes as deployed; the short form can't wait for that
//! and has a queue that hides them for 15 s.

mod bridge;
mod feed;
mod late;
mod receiver;
mod receivers;
mod scenarios;

use std::time::Duration;

use crate::list::Scenario;

/// How long a scenario goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For which the receiver is away, moody, or the bridge is killed again and again.
    trouble: Duration,
    /// For which a killed bridge's messages are hidden; as deployed when `None`.
    hidden: Option<Duration>,
    /// Until the queue has to be empty once the trouble is over.
    timeout: Duration,
}

/// For how long the deployed queue hides what was handed out.
const HIDDEN: Duration = Duration::from_secs(360);

impl Times {
    /// Those of `OUTAGE_SECONDS`, 40 s by default.
    fn of_environment() -> Self {
        let seconds = std::env::var("OUTAGE_SECONDS").ok().and_then(|text| text.parse().ok());
        Self::of_trouble(Duration::from_secs(seconds.unwrap_or(40)))
    }

    /// Trouble for that long. Messages have rested for no longer than it lasted when it is over, and
    /// rest for that long once more at the most.
    fn of_trouble(trouble: Duration) -> Self {
        let hidden = (trouble < HIDDEN).then_some(Duration::from_secs(15));
        let hides = hidden.unwrap_or(HIDDEN);
        Self { trouble, hidden, timeout: trouble + hides + Duration::from_secs(120) }
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
            Box::pin(scenarios::moody(env, Times::of_environment()))
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
            Box::pin(receivers::nodding(env))
        }),
        Scenario::new("receiver_prometheus_3_takes_version_2", |env, _| {
            Box::pin(receivers::prometheus_3(env))
        }),
    ]
}
