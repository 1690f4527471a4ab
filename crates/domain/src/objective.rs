//! The objective of availability of a probe, and its error budget.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The share of runs that are to be up or degraded over [`AvailabilityObjective::DAYS`], in percent.
///
/// More than 0 and less than 100: at 100 there is no error budget.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct AvailabilityObjective(f64); // Invariant: 0 < percent < 100, so never NaN.

/// A number that is not an objective.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`objective` is `{0}`; expected more than 0 and less than 100 percent, such as `99.5`")]
pub struct InvalidObjective(f64);

// Never NaN.
impl Eq for AvailabilityObjective {}

impl AvailabilityObjective {
    /// The days over which it is measured.
    pub const DAYS: u32 = 30;

    /// `None` unless `percent` is more than 0 and less than 100.
    #[must_use]
    pub fn from_percent(percent: f64) -> Option<Self> {
        (percent > 0.0 && percent < 100.0).then_some(Self(percent))
    }

    #[must_use]
    pub fn percent(self) -> f64 {
        self.0
    }

    /// From 0 to 1.
    #[must_use]
    pub fn ratio(self) -> f64 {
        self.0 / 100.0
    }

    /// The share of runs that may be down, from 0 to 1.
    #[must_use]
    pub fn error_budget(self) -> f64 {
        (100.0 - self.0) / 100.0
    }

    /// The share of the error budget that is left when `failed` of `runs` were down, at most 1. It is negative when more
    /// were down than the objective allows; `None` without runs.
    #[must_use]
    pub fn budget_left(self, failed: f64, runs: f64) -> Option<f64> {
        (runs > 0.0).then(|| 1.0 - failed / runs / self.error_budget())
    }
}

/// `99.5`, without a unit.
impl fmt::Display for AvailabilityObjective {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}

impl TryFrom<f64> for AvailabilityObjective {
    type Error = InvalidObjective;

    fn try_from(percent: f64) -> Result<Self, InvalidObjective> {
        Self::from_percent(percent).ok_or(InvalidObjective(percent))
    }
}

impl From<AvailabilityObjective> for f64 {
    fn from(objective: AvailabilityObjective) -> Self {
        objective.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objective_is_a_percentage_with_an_error_budget() {
        let objective = AvailabilityObjective::from_percent(99.5).unwrap();
        assert_eq!(objective.to_string(), "99.5");
        assert!((objective.error_budget() - 0.005).abs() < 1e-12);
        assert_eq!(serde_json::to_string(&objective).unwrap(), "99.5");
        let left = |failed, runs| objective.budget_left(failed, runs);
        assert!((left(1.0, 1_000.0).unwrap() - 0.8).abs() < 1e-9);
        assert!((left(10.0, 1_000.0).unwrap() + 1.0).abs() < 1e-9, "twice the budget");
        assert_eq!(left(0.0, 0.0), None);
        for bad in [0.0, 100.0, -1.0, 101.0, f64::NAN] {
            assert_eq!(AvailabilityObjective::from_percent(bad), None, "{bad}");
        }
        assert!(serde_json::from_str::<AvailabilityObjective>("100").is_err());
    }
}
