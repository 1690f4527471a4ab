//! The keys of rows: the probe, and an hour or day.

/// Rows of hours and days have the probe in their upper bits.
pub(crate) const TIME_BITS: u32 = 24;

/// The row of a probe at an hour or day.
pub(crate) fn row_id(probe: i64, time: i64) -> i64 {
    (probe << TIME_BITS) + time.clamp(0, (1 << TIME_BITS) - 1)
}

/// The hour or day of a row.
pub(crate) fn time_of(row: i64) -> i64 {
    row & ((1 << TIME_BITS) - 1)
}
