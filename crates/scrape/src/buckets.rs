//! The canonical form of `le` and `quantile`, as Prometheus 3 stores them: `1` becomes `1.0`.

use std::borrow::Cow;
use std::fmt::Write as _;

use exposition::Kind;

/// The canonical form of a label value, if the label is the bound of a bucket or a quantile.
pub(crate) fn canonical<'v>(kind: Kind, label: &str, value: Cow<'v, str>) -> Cow<'v, str> {
    let is_bound = match kind {
        Kind::Histogram | Kind::GaugeHistogram => label == "le",
        Kind::Summary => label == "quantile",
        _ => false,
    };
    let number = if is_bound { exposition::parse_value(&value) } else { None };
    match number.map(format) {
        Some(text) if text != *value => Cow::Owned(text),
        _ => value,
    }
}

/// As Go writes a float in its shortest form, with `.0` after an integer.
fn format(number: f64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_have_the_form_of_prometheus_3() {
        let cases = [
            ("1", "1.0"),
            ("0", "0.0"),
            ("-0", "-0.0"),
            ("0.10", "0.1"),
            ("2.5", "2.5"),
            ("+Inf", "+Inf"),
            ("inf", "+Inf"),
            ("1e-7", "1e-07"),
            ("0.0001", "0.0001"),
            ("100000", "100000.0"),
            ("1000000", "1e+06"),
            ("NaN", "NaN"),
            ("many", "many"),
        ];
        for (value, expected) in cases {
            assert_eq!(canonical(Kind::Histogram, "le", value.into()), expected, "{value}");
        }
        for (kind, label) in [(Kind::Counter, "le"), (Kind::Histogram, "quantile")] {
            assert_eq!(canonical(kind, label, "1".into()), "1");
        }
        assert_eq!(canonical(Kind::Summary, "quantile", "1".into()), "1.0");
    }
}
