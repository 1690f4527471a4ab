//! An alarm's settings, with the limits of `PutMetricAlarm`.

use std::fmt;
use std::time::Duration;

use crate::time::{Time, seconds};

/// The settings of one metric alarm on one static threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alarm {
    /// Length of one datapoint: 10, 20 or 30 s, or whole minutes.
    pub period: Duration,
    /// N: how many datapoints decide.
    pub evaluation_periods: usize,
    /// M: how many of them must breach.
    pub datapoints_to_alarm: usize,
    pub statistic: Statistic,
    pub comparison: Comparison,
    pub threshold: f64,
    pub missing_data: MissingData,
    pub window: Window,
    /// The number of periods in which CloudWatch searches for real datapoints if some of the last N are
    /// missing; at least N.
    ///
    /// The User Guide only states that it depends on the period and the resolution of the metric. Its
    /// tables show 5 for an N of 3, so the constructors use N + 2.
    pub evaluation_range: usize,
}

impl Alarm {
    /// "M of N" on the minimum, missing data treated as missing, a sliding window.
    #[must_use]
    pub fn m_of_n(
        datapoints_to_alarm: usize,
        evaluation_periods: usize,
        period: Duration,
        comparison: Comparison,
        threshold: f64,
    ) -> Self {
        Self {
            period,
            evaluation_periods,
            datapoints_to_alarm,
            statistic: Statistic::Minimum,
            comparison,
            threshold,
            missing_data: MissingData::Missing,
            window: Window::Sliding,
            evaluation_range: evaluation_periods.saturating_add(2),
        }
    }

    /// Rejects settings that `PutMetricAlarm` rejects.
    pub fn check(&self) -> Result<(), Refused> {
        let period = self.period.as_secs();
        let whole = self.period.subsec_nanos() == 0;
        if !whole || !(matches!(period, 10 | 20 | 30) || (period > 0 && period.is_multiple_of(60)))
        {
            return Err(Refused::Period(self.period));
        }
        if self.datapoints_to_alarm == 0 || self.datapoints_to_alarm > self.evaluation_periods {
            return Err(Refused::Datapoints {
                m: self.datapoints_to_alarm,
                n: self.evaluation_periods,
            });
        }
        // Seven days, or one day for periods under an hour.
        let longest = if period < 3_600 { 86_400 } else { 604_800 };
        let periods = u64::try_from(self.evaluation_periods).unwrap_or(u64::MAX);
        if period.saturating_mul(periods) > longest {
            return Err(Refused::TooLong { longest: seconds(longest) });
        }
        match self.window {
            Window::WallClock { .. } if !matches!(period, 60 | 300 | 3_600 | 86_400) => {
                Err(Refused::WallClockPeriod(self.period))
            }
            _ => Ok(()),
        }
    }

    /// How often CloudWatch evaluates: every 10 s for periods below a minute, else every minute.
    #[must_use]
    pub fn evaluated_every(&self) -> Duration {
        if self.period < seconds(60) { seconds(10) } else { seconds(60) }
    }
}

/// Why CloudWatch rejects these settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    Period(Duration),
    Datapoints { m: usize, n: usize },
    TooLong { longest: Duration },
    WallClockPeriod(Duration),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Period(period) => {
                write!(f, "period is `{period:?}`; expected 10, 20 or 30 s, or whole minutes")
            }
            Self::Datapoints { m, n } => {
                write!(f, "datapoints to alarm is `{m} of {n}`; expected 1 of N to N of N")
            }
            Self::TooLong { longest } => {
                let hours = longest.as_secs() / 3_600;
                write!(
                    f,
                    "period × evaluation periods is over {hours} h, the most CloudWatch takes"
                )
            }
            Self::WallClockPeriod(period) => write!(
                f,
                "period is `{period:?}`; expected 1 min, 5 min, 1 h or 1 d with a wall-clock window"
            ),
        }
    }
}

impl std::error::Error for Refused {}

/// The statistic that combines the values of one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
}

impl Statistic {
    /// By the name that the API uses; `None` for percentiles and the like.
    #[must_use]
    pub fn from_api(name: &str) -> Option<Self> {
        Some(match name {
            "SampleCount" => Self::SampleCount,
            "Average" => Self::Average,
            "Sum" => Self::Sum,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            _ => return None,
        })
    }
}

/// The values published in an interval. CloudWatch stores this set, not the single values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StatisticSet {
    pub at: Time,
    pub count: f64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
}

impl StatisticSet {
    /// One value.
    #[must_use]
    pub fn of(at: Time, value: f64) -> Self {
        Self { at, count: 1.0, sum: value, minimum: value, maximum: value }
    }

    /// Both together, under the time of `self`.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            at: self.at,
            count: self.count + other.count,
            sum: self.sum + other.sum,
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
        }
    }

    /// The average of an empty set is not a number and does not breach.
    #[must_use]
    pub fn value(&self, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::SampleCount => self.count,
            Statistic::Average => self.sum / self.count,
            Statistic::Sum => self.sum,
            Statistic::Minimum => self.minimum,
            Statistic::Maximum => self.maximum,
        }
    }
}

/// How a value breaches the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    GreaterThanOrEqualTo,
    GreaterThan,
    LessThan,
    LessThanOrEqualTo,
}

impl Comparison {
    /// By the name that the API uses, such as `LessThanThreshold`; `None` for anomaly bands.
    #[must_use]
    pub fn from_api(name: &str) -> Option<Self> {
        Some(match name {
            "GreaterThanOrEqualToThreshold" => Self::GreaterThanOrEqualTo,
            "GreaterThanThreshold" => Self::GreaterThan,
            "LessThanThreshold" => Self::LessThan,
            "LessThanOrEqualToThreshold" => Self::LessThanOrEqualTo,
            _ => return None,
        })
    }

    #[must_use]
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterThanOrEqualTo => value >= threshold,
            Self::GreaterThan => value > threshold,
            Self::LessThan => value < threshold,
            Self::LessThanOrEqualTo => value <= threshold,
        }
    }
}

/// `TreatMissingData`: what fills the gap when fewer than N datapoints exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingData {
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

impl MissingData {
    /// By the name that the API uses; one left out means `missing`.
    #[must_use]
    pub fn from_api(name: Option<&str>) -> Option<Self> {
        Some(match name {
            None | Some("missing") => Self::Missing,
            Some("ignore") => Self::Ignore,
            Some("breaching") => Self::Breaching,
            Some("notBreaching") => Self::NotBreaching,
            Some(_) => return None,
        })
    }
}

/// How the evaluated periods are aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The last period ends with the evaluation: the default.
    Sliding,
    /// Whole minutes, hours or days of a clock that is this many seconds ahead of UTC; a period that has not
    /// ended is not evaluated.
    WallClock { utc_offset_seconds: i32 },
}
