//! Numbers as Prometheus reads and writes them.

use std::fmt::Write as _;

/// The bits of every NaN that is read, as Prometheus stores it. Another NaN is the stale marker.
pub const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// Every integer up to this one is exact as a float.
const EXACT: u64 = 1 << 53;

/// The value of a sample; `None` if it is not a number.
///
/// As in Prometheus: decimal only; `inf`, `infinity` and `nan` in any case; no sign before `nan`; a number
/// beyond the range of a float is rejected.
#[must_use]
pub fn value(word: &str) -> Option<f64> {
    if let Some(whole) = whole(word) {
        return Some(whole);
    }
    // The float parser also accepts the special words.
    let number: f64 = word.parse().ok()?;
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    let spelt_out = unsigned.starts_with(|first: char| first.is_ascii_alphabetic());
    if number.is_nan() {
        return (unsigned.len() == word.len()).then(|| f64::from_bits(NORMAL_NAN_BITS));
    }
    (number.is_finite() || spelt_out).then_some(number)
}

/// The fast path for most values: a few digits.
fn whole(word: &str) -> Option<f64> {
    if word.is_empty() || 15 < word.len() {
        return None;
    }
    let mut number = 0_u64;
    for byte in word.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u64::from(byte - b'0');
    }
    #[expect(clippy::cast_precision_loss, reason = "15 digits are below 2^53")]
    let number = number as f64;
    Some(number)
}

/// Milliseconds of a timestamp in the Prometheus format, which has no sign.
pub(crate) fn milliseconds(word: &str) -> Option<i64> {
    word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok())?
}

/// Milliseconds of a timestamp in seconds, as in OpenMetrics. Parts of a millisecond are cut off, as in
/// Prometheus; a time beyond 64 bits becomes the largest one.
pub(crate) fn seconds_as_milliseconds(word: &str) -> Option<i64> {
    let seconds = value(word)?;
    #[expect(clippy::cast_possible_truncation, reason = "`as` cuts off and stops at the ends")]
    seconds.is_finite().then_some((seconds * 1000.0) as i64)
}

/// Writes `number` so that [`value`] reads the same number.
pub(crate) fn write_value(out: &mut String, number: f64) {
    if number.is_nan() {
        out.push_str("NaN");
    } else if number.is_infinite() {
        out.push_str(if 0.0 < number { "+Inf" } else { "-Inf" });
    } else if number == 0.0 || (1e-5..1e21).contains(&number.abs()) {
        let _ = write!(out, "{number}");
    } else {
        let _ = write!(out, "{number:e}");
    }
}

/// The canonical form of a bound in OpenMetrics: as Go writes a float in its shortest form, with `.0` after an integer.
#[must_use]
pub fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    // `1.5e-7`: digits and exponent.
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number == 0.0 || (-4..6).contains(&exponent) {
        let plain = number.to_string();
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let mut text = digits.to_owned();
    let _ = write!(text, "e{sign}{:02}", exponent.abs());
    text
}

/// Writes milliseconds as seconds that are read as the same milliseconds.
///
/// Prometheus cuts off parts of a millisecond, and 1.001 s as a float is slightly less. Such numbers get
/// a hundredth of a millisecond more, which changes neither a cut nor a rounded value.
pub(crate) fn write_seconds(out: &mut String, milliseconds: i64) {
    let (whole, part) = (milliseconds.unsigned_abs() / 1000, milliseconds.unsigned_abs() % 1000);
    let sign = if milliseconds < 0 { "-" } else { "" };
    let start = out.len();
    let _ = write!(out, "{sign}{whole}");
    if part != 0 {
        let _ = write!(out, ".{part:03}");
    }
    if seconds_as_milliseconds(&out[start..]) != Some(milliseconds) {
        out.push_str("01");
    }
}

/// Whether seconds as a float are exact for these milliseconds.
pub(crate) fn fits_seconds(milliseconds: i64) -> bool {
    milliseconds.unsigned_abs() < EXACT / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_by_prometheus() {
        let cases: &[(&str, Option<f64>)] = &[
            ("0", Some(0.0)),
            ("123456789012345", Some(123_456_789_012_345.0)),
            ("12345678901234567890", Some(12_345_678_901_234_567_890.0)),
            ("-1.5e3", Some(-1500.0)),
            ("+7", Some(7.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("+Inf", Some(f64::INFINITY)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("Infinity", Some(f64::INFINITY)),
            ("1e-400", Some(0.0)),
            ("1e400", None),
            ("-nan", None),
            ("0x1p3", None),
            ("1_000", None),
            ("", None),
            (".", None),
            ("1\r", None),
        ];
        for &(word, expected) in cases {
            assert_eq!(value(word), expected, "{word}");
        }
        assert_eq!(value("NaN").map(f64::to_bits), Some(NORMAL_NAN_BITS));
        assert_eq!(value("nan").map(f64::to_bits), Some(NORMAL_NAN_BITS));
    }

    #[test]
    fn seconds_become_milliseconds() {
        let cases: &[(&str, Option<i64>)] = &[
            ("1520879607.789", Some(1_520_879_607_789)),
            ("0", Some(0)),
            ("-1.5", Some(-1500)),
            ("1e300", Some(i64::MAX)),
            ("NaN", None),
            ("Inf", None),
        ];
        for &(word, expected) in cases {
            assert_eq!(seconds_as_milliseconds(word), expected, "{word}");
        }
    }
}
