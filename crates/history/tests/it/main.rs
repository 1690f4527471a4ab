//! Tests of the history through its public interface.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]
#![expect(clippy::print_stdout, reason = "the writer process reports what it committed")]

mod kill;
mod periods;
mod store;

use std::time::Duration;

use domain::{Outcome, Report};
use history::{ReportedRun, RunRecord};
use jiff::Timestamp;

/// 2026-11-25 00:00 UTC.
pub(crate) const START: i64 = 1_795_564_800;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

pub(crate) fn reported(report: &Report) -> ReportedRun<'_> {
    ReportedRun { report, in_maintenance: false }
}

pub(crate) fn run(second: i64, outcome: Outcome) -> RunRecord {
    let ms = |time| Some(Duration::from_millis(time));
    RunRecord {
        first_chunk: ms(700),
        reply: ms(1_900),
        queue: ms(20),
        connect: ms(3),
        describe: ms(40),
        ..RunRecord::new(at(second), outcome, Duration::from_millis(2_100))
    }
}
