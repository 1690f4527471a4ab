//! Objectives that an attempt missed.

use std::time::Duration;

use crate::report::{Attempt, Report, TurnReport};
use crate::verdict::{Outcome, OwnFault};

/// An objective that was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Index of the turn, from 0.
    pub turn: usize,
    pub what: Objective,
    /// Of [`Objective::CharactersPerSecond`], the time in which the reply should have been written.
    pub objective: Duration,
    pub measured: Duration,
    /// How much of `measured` the prober was stalled.
    pub stalled: Duration,
}

impl Missed {
    /// Whether the app may have met the objective, because the prober was stalled.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        self.measured.saturating_sub(self.stalled) <= self.objective
    }
}

/// What an objective is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    FirstChunk,
    Reply,
    /// The longest gap between two chunks.
    InterChunk,
    /// The speed of the reply from its first text to its end.
    CharactersPerSecond,
}

impl Attempt {
    /// The objectives that the app missed. The exact value is enough.
    pub fn missed(&self) -> impl Iterator<Item = Missed> + '_ {
        self.over().filter(|missed| !missed.is_uncertain())
    }

    /// The objectives that were missed by no more than the prober was stalled. They are reported and not
    /// counted against the app.
    pub fn blurred(&self) -> impl Iterator<Item = Missed> + '_ {
        self.over().filter(Missed::is_uncertain)
    }

    /// Every missed objective, with any cause.
    fn over(&self) -> impl Iterator<Item = Missed> + '_ {
        let judged = self
            .turns
            .iter()
            .enumerate()
            .filter_map(|(turn, report)| Some((turn, report, report.latency()?)));
        judged.flat_map(|(turn, report, timing)| {
            let objectives = &report.objectives;
            let check = |what, objective, measured, stalled: Option<Duration>| {
                let (objective, measured): (Duration, Duration) = (objective?, measured?);
                let stalled = stalled.unwrap_or_default();
                (objective < measured).then_some(Missed {
                    turn,
                    what,
                    objective,
                    measured,
                    stalled,
                })
            };
            let first = check(
                Objective::FirstChunk,
                objectives.first_chunk,
                timing.first_chunk,
                timing.first_chunk_stalled,
            );
            let reply =
                check(Objective::Reply, objectives.reply, timing.reply, timing.reply_stalled);
            let inter_chunk = check(
                Objective::InterChunk,
                objectives.inter_chunk,
                timing.inter_chunk.map(|gaps| gaps.max),
                timing.reply_stalled,
            );
            let writing = timing.first_text.zip(timing.reply);
            let speed = check(
                Objective::CharactersPerSecond,
                objectives.characters_per_second.map(|speed| report.time_to_write(speed)),
                writing.map(|(first_text, reply)| reply.saturating_sub(first_text)),
                timing.reply_stalled,
            );
            [first, reply, inter_chunk, speed].into_iter().flatten()
        })
    }
}

impl TurnReport {
    /// The time that the reply takes at this many characters per second.
    fn time_to_write(&self, characters_per_second: u32) -> Duration {
        let milliseconds = self.characters.saturating_mul(1_000);
        Duration::from_millis(milliseconds / u64::from(characters_per_second.max(1)))
    }
}

impl Report {
    /// Whether a stall of the prober decided: an objective could not be judged, or the run has no
    /// verdict.
    #[must_use]
    pub fn is_blurred(&self) -> bool {
        self.outcome == Outcome::RunError { fault: OwnFault::Stalled }
            || self.last().is_some_and(|last| last.blurred().next().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objectives::Objectives;
    use crate::testing::{attempt, ms};

    #[test]
    fn missed_objective_is_certain_or_uncertain() {
        let mut attempt = attempt(Some(ms(3_000)), 0, None);
        attempt.turns[0].objectives.reply = Some(ms(2_900));
        attempt.turns[0].timing.first_chunk_stalled = Some(ms(1_000));
        attempt.turns[0].timing.reply_stalled = Some(ms(50));
        let what = |missed: Missed| missed.what;
        assert_eq!(attempt.blurred().map(what).collect::<Vec<_>>(), [Objective::FirstChunk]);
        assert_eq!(attempt.missed().map(what).collect::<Vec<_>>(), [Objective::Reply]);
    }

    #[test]
    fn cached_reply_is_not_judged_by_its_times() {
        let mut attempt = attempt(Some(ms(9_000)), 0, None);
        assert_eq!(attempt.missed().count(), 1);
        attempt.turns[0].cached = Some("full".to_owned());
        assert_eq!(attempt.missed().count(), 0);
    }

    #[test]
    fn chunk_gaps_and_speed_are_objectives() {
        let mut attempt = attempt(Some(ms(1_000)), 0, None);
        let turn = &mut attempt.turns[0];
        turn.characters = 100;
        turn.timing.first_text = Some(ms(1_000));
        turn.timing.reply = Some(ms(3_001));
        turn.timing.inter_chunk = crate::Spread::of(vec![ms(100), ms(501)]);
        turn.objectives = Objectives {
            inter_chunk: Some(ms(500)),
            characters_per_second: Some(50),
            ..Objectives::default()
        };
        let missed: Vec<_> = attempt
            .missed()
            .map(|missed| (missed.what, missed.objective, missed.measured))
            .collect();
        assert_eq!(
            missed,
            [
                (Objective::InterChunk, ms(500), ms(501)),
                (Objective::CharactersPerSecond, ms(2_000), ms(2_001)),
            ]
        );
    }
}
