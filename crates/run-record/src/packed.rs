//! The runs of one hour as bytes: for each run the distance from the previous due time, the outcome and the times.

use std::sync::LazyLock;
use std::time::Duration;

use domain::{Outcome, OwnFault, Reason};
use jiff::Timestamp;

use crate::codec::{put, take};
use crate::run::{RunRecord, milliseconds};
use crate::time::{start_of_hour, timestamp};

/// The format of the bytes, their first byte. Format 1 has no mark for maintenance.
const FORMAT: u8 = 2;

/// The code of every run in a maintenance window in a summary. No outcome has it.
pub(crate) const MAINTENANCE: u8 = 255;

/// The stored code of an outcome. Codes never change; a new reason gets a new code.
pub(crate) fn code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Up => 0,
        Outcome::Degraded => 1,
        Outcome::RunError { fault } => match fault {
            OwnFault::Settings => 2,
            OwnFault::Secret => 3,
            OwnFault::Deadline => 4,
            OwnFault::Stalled => 5,
            OwnFault::Internal => 6,
        },
        Outcome::Down { reason } => match reason {
            Reason::Dns => 32,
            Reason::Connect => 33,
            Reason::Tls => 34,
            Reason::HttpStatus => 35,
            Reason::Page => 36,
            Reason::NotGradio => 37,
            Reason::Auth => 38,
            Reason::EndpointMissing => 39,
            Reason::QueueFull => 40,
            Reason::QueueTimeout => 41,
            Reason::FirstChunkTimeout => 42,
            Reason::Stalled => 43,
            Reason::Timeout => 44,
            Reason::StreamBroken => 45,
            Reason::AppError => 46,
            Reason::CheckFailed => 47,
            Reason::TooLarge => 48,
        },
    }
}

/// The outcome of a stored code; `None` for a code of another version.
pub(crate) fn outcome(code: u8) -> Option<Outcome> {
    static BY_CODE: LazyLock<[Option<Outcome>; 256]> = LazyLock::new(|| {
        let mut by_code = [None; 256];
        for outcome in all() {
            by_code[usize::from(self::code(outcome))] = Some(outcome);
        }
        by_code
    });
    BY_CODE[usize::from(code)]
}

fn all() -> impl Iterator<Item = Outcome> {
    let faults = [
        OwnFault::Settings,
        OwnFault::Secret,
        OwnFault::Deadline,
        OwnFault::Stalled,
        OwnFault::Internal,
    ];
    let faults = faults.map(|fault| Outcome::RunError { fault });
    let reasons = Reason::ALL.iter().map(|reason| Outcome::Down { reason: *reason });
    [Outcome::Up, Outcome::Degraded].into_iter().chain(faults).chain(reasons)
}

/// Encodes the runs of an hour, which must be in the order of their due times.
#[must_use]
pub fn encode(hour: i64, runs: &[RunRecord]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + runs.len() * 18);
    bytes.push(FORMAT);
    let mut before = start_of_hour(hour).map_or(0, Timestamp::as_millisecond);
    for run in runs {
        let due = run.due.as_millisecond();
        put_distance(&mut bytes, u64::try_from(due - before).unwrap_or(0));
        before = due;
        bytes.push(code(run.outcome));
        let flags = u64::from(run.in_maintenance) << 1 | u64::from(run.has_report);
        put(&mut bytes, run.retries << 2 | flags);
        put(&mut bytes, milliseconds(run.duration));
        for time in
            [run.first_chunk, run.reply, run.queue, run.dns, run.connect, run.tls, run.describe]
        {
            // 0 means that the phase did not occur.
            put(&mut bytes, time.map_or(0, |time| milliseconds(time).saturating_add(1)));
        }
    }
    bytes
}

/// Decodes the runs of an hour; `None` when the bytes are damaged.
#[must_use]
pub fn decode(hour: i64, bytes: &[u8]) -> Option<Vec<RunRecord>> {
    let (&format, mut rest) = bytes.split_first()?;
    let flag_bits = match format {
        1 => 1,
        FORMAT => 2,
        _ => return None,
    };
    let mut runs = Vec::with_capacity(rest.len() / 12);
    let mut before = start_of_hour(hour)?.as_millisecond();
    while !rest.is_empty() {
        let run = one(&mut rest, before, flag_bits)?;
        before = run.due.as_millisecond();
        runs.push(run);
    }
    Some(runs)
}

fn one(bytes: &mut &[u8], before: i64, flag_bits: u32) -> Option<RunRecord> {
    let distance = i64::try_from(take_distance(bytes)?).ok()?;
    let due = timestamp(before.checked_add(distance)?)?;
    let (&code, rest) = bytes.split_first()?;
    *bytes = rest;
    let flags = take(bytes)?;
    let duration = Duration::from_millis(take(bytes)?);
    let mut times = [None; 7];
    for time in &mut times {
        *time = take(bytes)?.checked_sub(1).map(Duration::from_millis);
    }
    let [first_chunk, reply, queue, dns, connect, tls, describe] = times;
    Some(RunRecord {
        due,
        outcome: outcome(code)?,
        duration,
        retries: flags >> flag_bits,
        first_chunk,
        reply,
        queue,
        dns,
        connect,
        tls,
        describe,
        has_report: flags & 1 == 1,
        in_maintenance: flag_bits == 2 && flags & 2 == 2,
    })
}

/// Most due times are on whole seconds, which fit in one byte up to a minute.
fn put_distance(bytes: &mut Vec<u8>, milliseconds: u64) {
    if milliseconds.is_multiple_of(1_000) {
        put(bytes, milliseconds / 1_000 * 2);
    } else {
        put(bytes, milliseconds * 2 + 1);
    }
}

fn take_distance(bytes: &mut &[u8]) -> Option<u64> {
    let value = take(bytes)?;
    if value & 1 == 1 { Some(value >> 1) } else { (value >> 1).checked_mul(1_000) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 498_600;

    fn any_time() -> impl Strategy<Value = Option<Duration>> {
        prop::option::of((0_u64..700_000).prop_map(Duration::from_millis))
    }

    fn any_run() -> impl Strategy<Value = RunRecord> {
        let due = (0_i64..3_600_000)
            .prop_map(|offset| Timestamp::from_millisecond(HOUR * 3_600_000 + offset).unwrap());
        let codes: Vec<u8> = (0..=u8::MAX).filter(|code| outcome(*code).is_some()).collect();
        let outcome = prop::sample::select(codes).prop_map(|code| outcome(code).unwrap());
        let times = prop::array::uniform7(any_time());
        (due, outcome, 0_u64..6, 0_u64..700_000, times, any::<bool>(), any::<bool>()).prop_map(
            |(due, outcome, retries, duration, times, has_report, in_maintenance)| {
                let [first_chunk, reply, queue, dns, connect, tls, describe] = times;
                RunRecord {
                    due,
                    outcome,
                    duration: Duration::from_millis(duration),
                    retries,
                    first_chunk,
                    reply,
                    queue,
                    dns,
                    connect,
                    tls,
                    describe,
                    has_report,
                    in_maintenance,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn runs_are_read_back(mut runs in prop::collection::vec(any_run(), 0..60)) {
            runs.sort_by_key(|run| run.due);
            prop_assert_eq!(decode(HOUR, &encode(HOUR, &runs)), Some(runs));
        }

        #[test]
        fn damaged_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode(HOUR, &bytes);
        }
    }

    #[test]
    fn every_outcome_has_its_own_code() {
        let codes: Vec<u8> = (0..=u8::MAX).filter(|code| outcome(*code).is_some()).collect();
        assert_eq!(codes.len(), 2 + 5 + Reason::ALL.len());
    }

    #[test]
    fn typical_run_takes_at_most_18_bytes() {
        let ms = |time| Some(Duration::from_millis(time));
        let run = |minute: i64| RunRecord {
            due: Timestamp::from_second(HOUR * 3_600 + minute * 60 + 30).unwrap(),
            outcome: Outcome::Up,
            duration: Duration::from_millis(4_321),
            retries: 0,
            first_chunk: ms(812),
            reply: ms(3_456),
            queue: ms(40),
            dns: ms(3),
            connect: ms(12),
            tls: ms(25),
            describe: ms(140),
            has_report: false,
            in_maintenance: false,
        };
        let runs: Vec<RunRecord> = (0..60).map(run).collect();
        assert!(encode(HOUR, &runs).len() <= 60 * 18, "{}", encode(HOUR, &runs).len());
    }

    #[test]
    fn hour_of_the_first_format_is_read() {
        let due = Timestamp::from_second(HOUR * 3_600 + 60).unwrap();
        // 60 s after the hour, up, 3 retries and a report, 2,000 ms, a first chunk after 299 ms.
        let bytes = [1, 120, 0, 7, 208, 15, 172, 2, 0, 0, 0, 0, 0, 0];
        let [run] = &decode(HOUR, &bytes).unwrap()[..] else { panic!("one run") };
        assert_eq!((run.due, run.outcome, run.retries), (due, Outcome::Up, 3));
        assert_eq!((run.has_report, run.in_maintenance), (true, false));
        assert_eq!(run.first_chunk, Some(Duration::from_millis(299)));
        assert_eq!(decode(HOUR, &[3]), None);
    }
}
