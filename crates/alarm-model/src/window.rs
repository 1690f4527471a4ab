//! The periods of an evaluation.

use crate::alarm::{Alarm, StatisticSet, Window};
use crate::time::Time;

/// One period of an alarm, from its start up to, but without, its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub start: Time,
    pub end: Time,
}

impl Alarm {
    /// The periods of the evaluation range at `now`, oldest first.
    ///
    /// CloudWatch evaluates on the minute (on the ten seconds): `now` is rounded down to it. A five-minute
    /// period that slides therefore covers minutes 1 to 5 and, a minute later, 2 to 6.
    #[must_use]
    pub fn slots(&self, now: Time) -> Vec<Slot> {
        let mut end = match self.window {
            Window::Sliding => now.floor(self.evaluated_every(), 0),
            Window::WallClock { utc_offset_seconds } => {
                now.floor(self.period, -i64::from(utc_offset_seconds))
            }
        };
        let range = self.evaluation_range.max(self.evaluation_periods);
        let mut slots = Vec::with_capacity(range);
        for _ in 0..range {
            let start = end - self.period;
            slots.push(Slot { start, end });
            end = start;
        }
        slots.reverse();
        slots
    }

    /// The combined values of each slot; `None` for a slot without values.
    pub(crate) fn fill(slots: &[Slot], visible: &[StatisticSet]) -> Vec<Option<StatisticSet>> {
        let in_slot = |slot: &Slot| {
            visible
                .iter()
                .filter(|set| slot.start <= set.at && set.at < slot.end)
                .copied()
                .reduce(StatisticSet::with)
                .map(|set| StatisticSet { at: slot.start, ..set })
        };
        slots.iter().map(in_slot).collect()
    }
}
