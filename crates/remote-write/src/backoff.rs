//! How long to wait before the next attempt.

use std::time::Duration;

use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;

use samples::Timestamp;

/// Waits that double from `first` to `longest`. The defaults are those of Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(30), longest: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// The wait after `failures` failures in a row, from 1. `share`, from 0 to 1, spreads it over the
    /// upper fifth, so that senders that failed together do not retry together.
    pub(crate) fn wait(self, failures: u32, share: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(20));
        let longest = doubled.min(self.longest);
        longest.mul_f64(0.8 + 0.2 * share.clamp(0.0, 1.0))
    }
}

/// The value of `Retry-After`: whole seconds, or a date in one of the three formats of RFC 9110.
/// `None` when it is neither.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit is a long wait too.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = |format| {
        let date = strtime::parse(format, value).ok()?.to_datetime().ok()?;
        // The last day of the year 9999 has no timestamp.
        Some(TimeZone::UTC.to_timestamp(date).unwrap_or(jiff::Timestamp::MAX))
    };
    let formats =
        ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let rfc2822 = rfc2822::DateTimeParser::new().parse_timestamp(value).ok();
    let date = rfc2822.or_else(|| formats.into_iter().find_map(date))?;
    Some(Timestamp::from_millis(date.as_millisecond()).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_are_spread_over_the_upper_fifth() {
        let backoff = Backoff::default();
        let millis = |failures, share| backoff.wait(failures, share).as_millis();
        let longest: Vec<u128> = (1..=10).map(|failures| millis(failures, 1.0)).collect();
        assert_eq!(longest, [30, 60, 120, 240, 480, 960, 1920, 3840, 5000, 5000]);
        assert_eq!((millis(1, 0.0), millis(9, 0.0), millis(u32::MAX, 0.5)), (24, 4000, 4500));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::from_millis(784_111_777_000); // 1994-11-06 08:49:37
        let cases = [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("99999999999999999999", Some(u64::MAX)),
            ("+7", None),
            ("1.5", None),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
            ("Sunday, 06-Nov-94 08:49:40 GMT", Some(3)),
            ("Sun Nov  6 08:49:40 1994", Some(3)),
            ("soon", None),
            ("-3", None),
            ("", None),
        ];
        for (value, expected) in cases {
            assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value}");
        }
    }
}
