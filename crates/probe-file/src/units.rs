//! Durations as a probe file writes them: a whole number and a unit.

use std::time::Duration;

/// The format of a duration, for messages and for the schema.
pub(crate) const PATTERN: &str = "^[0-9]+(ms|s|m|h|d)$";

/// Reads `500ms`, `30s`, `1m`, `2h` or `1d`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|character: char| !character.is_ascii_digit())?;
    let number: u64 = text[..unit].parse().ok()?;
    let milliseconds = match &text[unit..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    // A year is beyond any range that a probe has.
    number.checked_mul(milliseconds).filter(|ms| *ms <= 366 * 86_400_000).map(Duration::from_millis)
}

/// Writes a duration in the largest unit that gives a whole number.
#[must_use]
pub fn written(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let fits =
        units.iter().find(|(size, _)| milliseconds >= *size && milliseconds.is_multiple_of(*size));
    fits.map_or_else(|| "0s".to_owned(), |(size, unit)| format!("{}{unit}", milliseconds / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_a_whole_number_and_a_unit() {
        let good = [
            ("500ms", 500),
            ("30s", 30_000),
            ("1m", 60_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ];
        for (text, milliseconds) in good {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
            assert_eq!(written(Duration::from_millis(milliseconds)), text);
        }
        for bad in [
            "",
            "30",
            "s",
            "1.5s",
            "-1s",
            "1 s",
            "1m30s",
            "1w",
            "99999999999999999999s",
            "999999999d",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(written(Duration::from_secs(90)), "90s");
        assert_eq!(written(Duration::ZERO), "0s");
    }
}
