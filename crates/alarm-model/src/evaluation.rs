//! Evaluates the datapoints of the periods to a state.

use crate::alarm::{Alarm, MissingData, StatisticSet};
use crate::reason;
use crate::state::{Datapoint, StateValue};
use crate::time::Time;

/// The result of one evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    pub state: StateValue,
    /// A sentence with the wording of CloudWatch.
    pub reason: String,
    /// The real datapoints that decided, newest first, at most N.
    pub datapoints: Vec<Datapoint>,
    /// How many of the N had to be filled by the treatment of missing data.
    pub filled: usize,
}

impl Alarm {
    /// The state of the alarm at `now`.
    ///
    /// `visible` may have any values in any order; only those in the evaluation range are used. `current` is
    /// retained if missing data is ignored.
    #[must_use]
    pub fn evaluate(&self, now: Time, visible: &[StatisticSet], current: StateValue) -> Evaluation {
        let periods: Vec<Option<Datapoint>> = Self::fill(&self.slots(now), visible)
            .into_iter()
            .map(|set| set.map(|set| self.datapoint(&set)))
            .collect();

        let datapoints: Vec<Datapoint> =
            periods.iter().rev().flatten().copied().take(self.evaluation_periods).collect();
        let filled = self.evaluation_periods - datapoints.len();
        let state = self.state(&periods, &datapoints, filled, current);
        let reason = reason::of(self, state, current, &datapoints, filled);
        Evaluation { state, reason, datapoints, filled }
    }

    fn datapoint(&self, set: &StatisticSet) -> Datapoint {
        let value = set.value(self.statistic);
        Datapoint {
            at: set.at,
            value,
            sample_count: set.count,
            breaching: self.comparison.breaches(value, self.threshold),
        }
    }

    fn state(
        &self,
        periods: &[Option<Datapoint>],
        datapoints: &[Datapoint],
        filled: usize,
        current: StateValue,
    ) -> StateValue {
        let breaching = datapoints.iter().filter(|datapoint| datapoint.breaching).count();
        let crossed = |count| {
            if self.datapoints_to_alarm <= count { StateValue::Alarm } else { StateValue::Ok }
        };

        // With N real datapoints nothing is filled, and a datapoint that is not breaching counts as such
        // whether or not its neighbours are missing.
        let decided =
            filled == 0 || self.datapoints_to_alarm <= breaching || (breaching < datapoints.len());
        match self.missing_data {
            MissingData::Breaching => crossed(breaching + filled),
            MissingData::NotBreaching => crossed(breaching),
            MissingData::Missing | MissingData::Ignore if decided => crossed(breaching),
            MissingData::Ignore => current,
            // Only breaching datapoints, too few of them. CloudWatch waits for the next one, which
            // may be good, until the oldest of them is M periods old.
            MissingData::Missing => match age_of_oldest(periods) {
                Some(age) if self.datapoints_to_alarm <= age => StateValue::Alarm,
                _ => StateValue::InsufficientData,
            },
        }
    }
}

/// How many periods ago the oldest datapoint began, the latest period being 1.
fn age_of_oldest(periods: &[Option<Datapoint>]) -> Option<usize> {
    periods.iter().position(Option::is_some).map(|position| periods.len() - position)
}
