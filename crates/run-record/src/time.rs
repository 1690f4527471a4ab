//! Hours and days of UTC since 1970, the keys of the stored rows.

use jiff::Timestamp;

pub const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 24 * HOUR_MS;
pub const HOURS_A_DAY: i64 = 24;

#[must_use]
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_millisecond().div_euclid(HOUR_MS)
}

#[must_use]
pub fn day_of(at: Timestamp) -> i64 {
    at.as_millisecond().div_euclid(DAY_MS)
}

/// The start of a day; `None` outside the range of timestamps.
#[must_use]
pub fn start_of_day(day: i64) -> Option<Timestamp> {
    timestamp(day.checked_mul(DAY_MS)?)
}

#[must_use]
pub fn start_of_hour(hour: i64) -> Option<Timestamp> {
    timestamp(hour.checked_mul(HOUR_MS)?)
}

#[must_use]
pub fn timestamp(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds).ok()
}
