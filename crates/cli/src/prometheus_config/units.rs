//! Durations and sizes in the form of Prometheus.

use std::time::Duration;

/// `1h30m`, `15s`, `100ms`: each unit at most once, the largest first. `0` is zero.
pub(super) fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut first, mut milliseconds) = (text, 0, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|each: char| !each.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit_length = rest[digits..].find(|each: char| each.is_ascii_digit());
        let end = unit_length.map_or(rest.len(), |length| digits + length);
        let unit = UNITS[first..].iter().position(|(unit, _)| *unit == &rest[digits..end])?;
        milliseconds = milliseconds.checked_add(number.checked_mul(UNITS[first + unit].1)?)?;
        (first, rest) = (first + unit + 1, &rest[end..]);
    }
    (!text.is_empty()).then(|| Duration::from_millis(milliseconds))
}

/// `512MB`, `1.5GiB`: units are powers of 1024.
pub(super) fn size(text: &str) -> Option<usize> {
    let is_digit = |each: char| each.is_ascii_digit() || each == '.';
    let digits = text.find(|each| !is_digit(each)).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" | "B" => 0,
        "KB" | "KiB" => 10,
        "MB" | "MiB" => 20,
        "GB" | "GiB" => 30,
        "TB" | "TiB" => 40,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let of_whole = whole.parse::<usize>().ok()?.checked_mul(1 << shift)?;
    if part.is_empty() {
        return Some(of_whole);
    }
    // Nine decimals are more than a size needs.
    let part = part.get(..9).unwrap_or(part);
    let decimals = u32::try_from(part.len()).ok()?;
    let of_part = (part.parse::<u128>().ok()? << shift) / 10_u128.pow(decimals);
    of_whole.checked_add(usize::try_from(of_part).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_prometheus() {
        let cases = [
            ("15s", Some(15_000)),
            ("1h30m", Some(5_400_000)),
            ("1m500ms", Some(60_500)),
            ("1d", Some(86_400_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("", None),
            ("15", None),
            ("1m1h", None),
            ("1s1s", None),
            ("1.5s", None),
            ("s", None),
            ("99999999999999999999s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration(text), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        let cases = [
            ("0", Some(0)),
            ("10B", Some(10)),
            ("2KB", Some(2048)),
            ("1MiB", Some(1 << 20)),
            ("1.5MB", Some(3 << 19)),
            ("0.25KiB", Some(256)),
            ("1.5.5MB", None),
            (".5MB", None),
            ("MB", None),
            ("1XB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(size(text), expected, "{text}");
        }
    }
}
