//! One run, without its texts.

use std::time::Duration;

use domain::{Outcome, Report, Verdict};
use jiff::Timestamp;

/// One run. Times have a resolution of one millisecond; `None` means that the phase did not occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunRecord {
    pub due: Timestamp,
    pub outcome: Outcome,
    pub duration: Duration,
    pub retries: u64,
    /// The slowest first chunk of all turns.
    pub first_chunk: Option<Duration>,
    /// The slowest reply of all turns.
    pub reply: Option<Duration>,
    /// The longest time in the app's queue.
    pub queue: Option<Duration>,
    pub dns: Option<Duration>,
    pub connect: Option<Duration>,
    pub tls: Option<Duration>,
    pub describe: Option<Duration>,
    /// Whether the report was stored with the run.
    pub has_report: bool,
    /// Whether the run was due in a maintenance window, so that it does not count.
    pub in_maintenance: bool,
}

impl RunRecord {
    /// A run without the times of its phases.
    #[must_use]
    pub fn new(due: Timestamp, outcome: Outcome, duration: Duration) -> Self {
        Self {
            due,
            outcome,
            duration,
            retries: 0,
            first_chunk: None,
            reply: None,
            queue: None,
            dns: None,
            connect: None,
            tls: None,
            describe: None,
            has_report: false,
            in_maintenance: false,
        }
    }

    /// The record of a report. Turn times come from the deciding attempt.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let last = report.last();
        let phases = last.map(|attempt| attempt.phases).unwrap_or_default();
        let timings =
            last.iter().flat_map(|attempt| &attempt.turns).filter_map(|turn| turn.latency());
        let (mut first_chunk, mut reply, mut queue) = (None, None, None);
        for timing in timings {
            first_chunk = first_chunk.max(timing.first_chunk);
            reply = reply.max(timing.reply);
            queue = queue.max(timing.queue);
        }
        Self {
            due: report.due,
            outcome: report.outcome,
            duration: report.duration,
            retries: u64::try_from(report.retries()).unwrap_or(u64::MAX),
            first_chunk,
            reply,
            queue,
            dns: phases.dns,
            connect: phases.connect,
            tls: phases.tls,
            describe: phases.describe,
            has_report: false,
            in_maintenance: report.maintenance,
        }
        .rounded()
    }

    /// The verdict, if the run counts.
    #[must_use]
    pub fn counted_verdict(&self) -> Option<Verdict> {
        self.outcome.verdict().filter(|_| !self.in_maintenance)
    }

    /// The record in the resolution of the store.
    #[must_use]
    pub fn rounded(self) -> Self {
        let due = Timestamp::from_millisecond(self.due.as_millisecond()).unwrap_or(self.due);
        let round = |time: Duration| Duration::from_millis(milliseconds(time));
        let each = |time: Option<Duration>| time.map(round);
        Self {
            due,
            duration: round(self.duration),
            first_chunk: each(self.first_chunk),
            reply: each(self.reply),
            queue: each(self.queue),
            dns: each(self.dns),
            connect: each(self.connect),
            tls: each(self.tls),
            describe: each(self.describe),
            ..self
        }
    }
}

/// Rounded to the nearest millisecond.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from((time.as_micros() + 500) / 1_000).unwrap_or(u64::MAX)
}
