//! Reports as the page of an exporter.

use domain::figures::{self, Figure, PUBLISHED};
use domain::report::Report;
use exposition::{Family, Format, Kind, WriteError, Writer};

/// The series of all reports, each family once. A series that ended is left out.
pub(crate) fn write(reports: &[&Report], page: &mut Writer) -> Result<(), WriteError> {
    let figures: Vec<Figure> =
        reports.iter().flat_map(|report| figures::for_prometheus(report)).collect();
    for published in PUBLISHED {
        let mut series = figures.iter().filter(|figure| figure.name == published.name).peekable();
        if series.peek().is_none() {
            continue;
        }
        let unit = if published.name.ends_with("_seconds") { "seconds" } else { "" };
        // Only a summary may have quantiles.
        let quantiles = published.labels.contains(&"quantile");
        page.family(Family {
            name: published.name,
            kind: if quantiles { Kind::Summary } else { Kind::Gauge },
            help: published.meaning,
            unit,
        })?;
        for figure in series {
            let Some(value) = figure.value else { continue };
            let labels: Vec<(&str, &str)> =
                figure.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            page.sample(&labels, value)?;
        }
    }
    Ok(())
}

/// The whole page.
pub(crate) fn page(reports: &[&Report], format: Format) -> Result<String, WriteError> {
    let mut page = Writer::new(format);
    write(reports, &mut page)?;
    Ok(page.finish())
}
