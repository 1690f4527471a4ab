//! Points in time with a resolution of one second, the finest of CloudWatch.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

const SECONDS_A_DAY: i64 = 86_400;

/// A point in time, in whole seconds since 1970-01-01 00:00 UTC.
///
/// Displayed in the format of CloudWatch in the reason of an alarm: `22/11/26 14:05:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// The last multiple of `step` at or before this time, counted from `origin` seconds past the
    /// epoch. `step` of zero counts as one second.
    pub(crate) fn floor(self, step: Duration, origin: i64) -> Self {
        let step = whole_seconds(step).max(1);
        Self(self.0 - (self.0 - origin).rem_euclid(step))
    }
}

/// A duration of `count` seconds.
#[must_use]
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_seconds(duration)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_seconds(duration)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(SECONDS_A_DAY));
        let second = self.0.rem_euclid(SECONDS_A_DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let year = year.rem_euclid(100);
        write!(f, "{day:02}/{month:02}/{year:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Counts in years that begin in March, so that the leap day comes last.
fn civil(day: i64) -> (i64, i64, i64) {
    let from_march_0000 = day + 719_468;
    let era = from_march_0000.div_euclid(146_097);
    let day_of_era = from_march_0000.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_has_the_format_of_state_reasons() {
        for (unix_seconds, expected) in [
            (0, "01/01/70 00:00:00"),
            (951_782_400, "29/02/00 00:00:00"),
            (1_709_251_199, "29/02/24 23:59:59"),
            (1_795_356_300, "22/11/26 14:05:00"),
            (-1, "31/12/69 23:59:59"),
        ] {
            assert_eq!(Time::from_unix_seconds(unix_seconds).to_string(), expected);
        }
    }
}
