//! The states of an alarm and the datapoints that decide them.

use std::fmt;

use crate::time::Time;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateValue {
    Ok,
    Alarm,
    InsufficientData,
}

impl StateValue {
    #[must_use]
    pub fn from_api(name: &str) -> Option<Self> {
        Some(match name {
            "OK" => Self::Ok,
            "ALARM" => Self::Alarm,
            "INSUFFICIENT_DATA" => Self::InsufficientData,
            _ => return None,
        })
    }
}

impl fmt::Display for StateValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        })
    }
}

/// A datapoint that was part of the evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Datapoint {
    /// Start of its period.
    pub at: Time,
    pub value: f64,
    pub sample_count: f64,
    pub breaching: bool,
}
