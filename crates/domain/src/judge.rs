//! The verdict on a run.

use crate::report::{Attempt, Cause, Failure, deciding_attempt};
use crate::verdict::{Outcome, OwnFault, Reason};

/// The verdict on a run. The deciding attempt gives it; if that one is good and was not the first, the
/// run is `degraded`.
///
/// A run without an attempt has no verdict, because nothing is known about the target.
#[must_use]
pub fn judge(attempts: &[Attempt]) -> Outcome {
    let Some(last) = deciding_attempt(attempts) else {
        return Outcome::RunError { fault: OwnFault::Internal };
    };
    let is_first = attempts.len() == 1;
    match &last.failure {
        Some(Failure { cause: Cause::Own(fault), .. }) => Outcome::RunError { fault: *fault },
        Some(Failure { cause: Cause::Target(reason), .. }) => Outcome::Down { reason: *reason },
        None if last.failed_checks().next().is_some() => {
            Outcome::Down { reason: Reason::CheckFailed }
        }
        None if !is_first || last.missed().next().is_some() => Outcome::Degraded,
        None => Outcome::Up,
    }
}

impl Attempt {
    /// Whether another attempt could change the verdict: the target failed, not Vigie.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(judge(std::slice::from_ref(self)), Outcome::Down { .. })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{attempt, ms};

    fn cut_short(attempt: Attempt) -> Attempt {
        Attempt { cut_short: true, ..attempt }
    }

    #[test]
    fn verdict_follows_from_the_attempts() {
        let good = || attempt(Some(ms(300)), 0, None);
        let wrong = || attempt(Some(ms(300)), 1, None);
        let late = || attempt(Some(ms(2_001)), 0, None);
        let stalled = |first_chunk, stalled| {
            let mut attempt = attempt(Some(ms(first_chunk)), 0, None);
            attempt.turns[0].timing.first_chunk_stalled = Some(ms(stalled));
            attempt
        };
        let gone = || attempt(None, 0, Some(Cause::Target(Reason::Connect)));
        let run_error = || attempt(None, 0, Some(Cause::Own(OwnFault::Secret)));
        let down = |reason| Outcome::Down { reason };
        let cases = [
            ("fast and right", vec![good()], Outcome::Up),
            (
                "exactly on the objective is met",
                vec![attempt(Some(ms(2_000)), 0, None)],
                Outcome::Up,
            ),
            ("right but late", vec![late()], Outcome::Degraded),
            ("late by a stall of the prober", vec![stalled(2_500, 500)], Outcome::Up),
            ("late beyond a stall of the prober", vec![stalled(2_501, 500)], Outcome::Degraded),
            (
                "wrong beats late",
                vec![attempt(Some(ms(9_000)), 1, None)],
                down(Reason::CheckFailed),
            ),
            ("no conversation", vec![gone()], down(Reason::Connect)),
            (
                "a failure beats a failed check",
                vec![attempt(None, 1, Some(Cause::Target(Reason::Stalled)))],
                down(Reason::Stalled),
            ),
            ("passed on retry", vec![gone(), good()], Outcome::Degraded),
            ("failed on retry too", vec![gone(), wrong()], down(Reason::CheckFailed)),
            (
                "a retry that was cut short keeps the first reason",
                vec![
                    wrong(),
                    cut_short(attempt(None, 0, Some(Cause::Target(Reason::FirstChunkTimeout)))),
                ],
                down(Reason::CheckFailed),
            ),
            (
                "so does one that the process cut short",
                vec![wrong(), cut_short(attempt(None, 0, Some(Cause::Own(OwnFault::Deadline))))],
                down(Reason::CheckFailed),
            ),
            (
                "a Vigie fault gives no verdict",
                vec![run_error()],
                Outcome::RunError { fault: OwnFault::Secret },
            ),
            (
                "no attempt gives no verdict",
                vec![],
                Outcome::RunError { fault: OwnFault::Internal },
            ),
        ];
        for (name, attempts, expected) in cases {
            assert_eq!(judge(&attempts), expected, "{name}");
        }
    }

    fn any_attempt() -> impl Strategy<Value = Attempt> {
        let causes: Vec<Option<Cause>> = std::iter::once(None)
            .chain(Reason::ALL.iter().map(|reason| Some(Cause::Target(*reason))))
            .chain([OwnFault::Settings, OwnFault::Deadline].map(|fault| Some(Cause::Own(fault))))
            .collect();
        let time = proptest::option::of((0_u64..10_000).prop_map(ms));
        (time, 0_usize..3, proptest::sample::select(causes))
            .prop_map(|(first_chunk, failed, cause)| attempt(first_chunk, failed, cause))
    }

    proptest! {
        #[test]
        fn verdict_is_total_and_deterministic(
            attempts in proptest::collection::vec(any_attempt(), 0..5),
        ) {
            let outcome = judge(&attempts);
            prop_assert_eq!(outcome, judge(&attempts));
            let last = attempts.last();
            let failed = |attempt: &Attempt| {
                attempt.failure.is_some() || attempt.failed_checks().next().is_some()
            };
            match outcome {
                Outcome::Up => {
                    prop_assert_eq!(attempts.len(), 1);
                    prop_assert!(!attempts.iter().any(failed));
                }
                Outcome::Degraded => prop_assert!(!last.is_some_and(failed)),
                Outcome::Down { reason: Reason::CheckFailed } => prop_assert!(last.is_some_and(failed)),
                Outcome::Down { reason } => {
                    let cause = last.and_then(|last| last.failure.as_ref()).map(|failure| failure.cause);
                    prop_assert_eq!(cause, Some(Cause::Target(reason)));
                }
                Outcome::RunError { .. } => {
                    let cause = last.and_then(|last| last.failure.as_ref()).map(|failure| failure.cause);
                    prop_assert!(attempts.is_empty() || matches!(cause, Some(Cause::Own(_))));
                }
            }
            // What came before the last attempt decides no more than whether a good one is degraded.
            if let Some((last, _)) = attempts.split_last() {
                let alone = judge(std::slice::from_ref(last));
                prop_assert_eq!(outcome.verdict() == Some(crate::Verdict::Down), alone.verdict() == Some(crate::Verdict::Down));
            }
        }
    }
}
