//! Plain figures become series here, and nowhere else.

use remote_write::{Entry, InvalidSeries, Sample, Series, Timestamp};

/// A figure as something to send: its name, its labels (`__name__` left out), its value.
///
/// `None` is the end of the series: a stale marker.
pub fn entry<'a>(
    name: &'a str,
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    value: Option<f64>,
    at: Timestamp,
) -> Result<Entry, InvalidSeries> {
    let sample = match value {
        Some(value) => Sample::new(value, at),
        None => Sample::stale(at),
    };
    Ok(Entry::new(Series::new(name, labels)?, sample))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_the_series() {
        let at = Timestamp::from_millis(5);
        let some = entry("up", [("job", "j")], Some(1.0), at).unwrap();
        assert_eq!(
            (some.series.to_string().as_str(), some.sample()),
            (r#"up{job="j"}"#, Some(Sample::new(1.0, at)))
        );
        let none = entry("up", [("job", "j")], None, at).unwrap();
        assert_eq!(none.sample(), Some(Sample::stale(at)));
        assert!(entry("up", [("a", "1"), ("a", "2")], None, at).is_err());
    }
}
