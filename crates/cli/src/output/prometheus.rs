//! Reports in the text formats of Prometheus.

use domain::metrics::{self, PUBLISHED, SeriesValue};
use domain::report::Report;
use exposition::{Family, Format, Kind, Point, WriteError, Writer};

/// Timestamps of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    /// The due time of the run, so that a repeated scrape stores one sample for each run.
    Due,
    /// No timestamps. The Pushgateway and `node_exporter` reject timestamps.
    Omitted,
}

/// Writes the series of all reports, each family once. A series without a value is omitted.
pub(crate) fn write(
    reports: &[&Report],
    times: Times,
    page: &mut Writer,
) -> Result<(), WriteError> {
    let dated = |report: &&Report| {
        let due = (times == Times::Due).then(|| report.due.as_millisecond());
        metrics::for_prometheus(report).into_iter().map(move |value| (due, value))
    };
    let values: Vec<(Option<i64>, SeriesValue)> = reports.iter().flat_map(dated).collect();
    for published in PUBLISHED {
        let of_this = |(_, value): &&(Option<i64>, SeriesValue)| value.name == published.name;
        let mut series = values.iter().filter(of_this).peekable();
        if series.peek().is_none() {
            continue;
        }
        let unit = if published.name.ends_with("_seconds") { "seconds" } else { "" };
        // Only a summary may have the label `quantile`.
        let quantiles = published.labels.contains(&"quantile");
        page.family(Family {
            name: published.name,
            kind: if quantiles { Kind::Summary } else { Kind::Gauge },
            help: published.meaning,
            unit,
        })?;
        for (due, sample) in series {
            let Some(value) = sample.value else { continue };
            let labels: Vec<(&str, &str)> =
                sample.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            page.point(&Point { labels: &labels, value, timestamp_ms: *due, ..Point::default() })?;
        }
    }
    Ok(())
}

/// The page for runs that have just ended.
pub(crate) fn page(reports: &[&Report], format: Format) -> Result<String, WriteError> {
    let mut page = Writer::new(format);
    write(reports, Times::Omitted, &mut page)?;
    Ok(page.finish())
}
