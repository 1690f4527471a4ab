//! When a CloudWatch metric alarm changes state, as the CloudWatch User Guide describes it.
//!
//! It is used by the local AWS of the tests (the emulator's own evaluation combines dimensions and
//! periods) and by the simulation whose results are in `docs/alerting.md`. It also shows what "2 of 3"
//! means while data is late.
//!
//! Sources: the pages [Alarm evaluation], [Configuring how CloudWatch alarms treat missing data] and
//! [Alarm evaluation window]; their tables are the tests in `tests/user_guide.rs`.
//!
//! Behaviour that AWS does not document is an argument or not supported: the length of the evaluation range
//! ([`Alarm::evaluation_range`]), the delay until data is visible (the caller passes the visible data), and the
//! first day of a wall-clock week (weeks are rejected).
//!
//! The crate does not read the clock. Between two evaluations only the state is kept.
//!
//! ```
//! use alarm_model::{Alarm, Comparison, StateValue, StatisticSet, Time, seconds};
//!
//! // Down: the lowest `Success` of a ten-second period is below 1, in 2 of 3 periods.
//! let alarm = Alarm::m_of_n(2, 3, seconds(10), Comparison::LessThan, 1.0);
//! let at = |second: i64| Time::from_unix_seconds(1_800_000_000 + second);
//! let visible = [
//!     StatisticSet::of(at(0), 1.0),
//!     StatisticSet::of(at(10), 0.0),
//!     StatisticSet::of(at(20), 0.0),
//! ];
//!
//! let evaluation = alarm.evaluate(at(30), &visible, StateValue::Ok);
//!
//! assert_eq!(evaluation.state, StateValue::Alarm);
//! assert!(evaluation.reason.starts_with("Threshold Crossed: 2 out of the last 3 datapoints"));
//! ```
//!
//! [Alarm evaluation]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
//! [Configuring how CloudWatch alarms treat missing data]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
//! [Alarm evaluation window]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html

mod alarm;
mod evaluation;
mod math;
mod reason;
mod simulation;
mod state;
mod time;
mod window;

pub use alarm::{Alarm, Comparison, MissingData, Refused, Statistic, StatisticSet, Window};
pub use evaluation::Evaluation;
pub use math::{Expression, InvalidExpression, MathAlarm, MathMetric, WithNumber};
pub use simulation::{Arrival, Transition, simulate};
pub use state::{Datapoint, StateValue};
pub use time::{Time, seconds};
pub use window::Slot;
