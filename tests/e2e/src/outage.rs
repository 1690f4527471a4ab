//! Outages: what becomes of probe results when the receiver is away or moody, or the bridge is killed.
//!
//! Each scenario has a bridge of its own on the stage, beside the deployed one: the real queue of the
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

use crate::stage::Stage;
use crate::tally::Outcome;

/// How long a scenario goes on.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// For which the receiver is away, moody, or the bridge is killed again and again.
    trouble: Duration,
    /// For which a killed bridge's messages are hidden; as deployed when `None`.
    hidden: Option<Duration>,
    /// Until the queue has to be empty once the trouble is over.
    patience: Duration,
}

/// For how long the deployed queue hides what was handed out.
const HIDDEN: Duration = Duration::from_secs(360);

impl Times {
    /// As within `make test`: two minutes altogether.
    pub const SHORT: Duration = Duration::from_secs(40);

    /// Trouble for that long. Messages have rested for no longer than it lasted when it is over, and
    /// rest for that long once more at the most.
    #[must_use]
    pub fn of_trouble(trouble: Duration) -> Self {
        let hidden = (trouble < HIDDEN).then_some(Duration::from_secs(15));
        let hides = hidden.unwrap_or(HIDDEN);
        Self { trouble, hidden, patience: trouble + hides + Duration::from_secs(120) }
    }
}

/// All scenarios, by their names; they can run side by side.
pub(crate) fn scenarios(stage: &Stage, times: Times) -> Vec<(&'static str, Outcome<'_>)> {
    vec![
        (
            "a_prometheus_that_was_stopped_has_every_sample_once_it_is_back",
            Box::pin(scenarios::away(stage, times)),
        ),
        (
            "a_bridge_that_is_killed_amid_its_batches_loses_no_sample",
            Box::pin(scenarios::killed(stage, times)),
        ),
        (
            "a_moody_receiver_gets_all_but_the_bad_samples_which_are_dead_lettered",
            Box::pin(scenarios::moody(stage, times)),
        ),
        (
            "after_ninety_minutes_the_old_can_be_made_into_blocks_and_the_young_are_sent",
            Box::pin(late::without_a_window(stage)),
        ),
        (
            "after_ninety_minutes_a_window_for_late_samples_changes_nothing",
            Box::pin(late::with_a_window(stage)),
        ),
        ("victoriametrics_has_the_same_samples", Box::pin(receivers::victoria_metrics(stage))),
        (
            "remote_write_2_reaches_a_receiver_that_counts_what_it_wrote",
            Box::pin(receivers::counting(stage)),
        ),
        (
            "a_receiver_that_only_nods_at_remote_write_2_gets_everything_by_1",
            Box::pin(receivers::nodding(stage)),
        ),
        ("remote_write_2_reaches_a_real_prometheus_3", Box::pin(receivers::prometheus_3(stage))),
    ]
}
