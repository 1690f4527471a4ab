//! The canonical form of `le` and `quantile`, as Prometheus 3 stores them: `1` becomes `1.0`.

use std::borrow::Cow;

use exposition::Kind;

/// The canonical form of a label value, if the label is the bound of a bucket or a quantile. As in Prometheus, `kind` is
/// the type that the page declared last, and bounds of gauge histograms stay as they are.
pub(crate) fn canonical<'v>(kind: Kind, label: &str, value: Cow<'v, str>) -> Cow<'v, str> {
    let is_bound = match kind {
        Kind::Histogram => label == "le",
        Kind::Summary => label == "quantile",
        _ => false,
    };
    let number = if is_bound { exposition::parse_value(&value) } else { None };
    match number.map(exposition::float_text) {
        Some(text) if text != *value => Cow::Owned(text),
        _ => value,
    }
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
        for (kind, label) in
            [(Kind::Counter, "le"), (Kind::GaugeHistogram, "le"), (Kind::Histogram, "quantile")]
        {
            assert_eq!(canonical(kind, label, "1".into()), "1");
        }
        assert_eq!(canonical(Kind::Summary, "quantile", "1".into()), "1.0");
    }
}
