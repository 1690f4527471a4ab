//! Writes pages that a strict reader accepts.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::cursor::{Name, is_name};
use crate::format::{Format, Kind};
use crate::number;

/// Why something was not written. The page is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    #[error("`{name}` is not a valid metric name; expected letters, digits, `_` and `:`")]
    MetricName { name: String },
    #[error("`{name}` is not a valid label name; expected letters, digits and `_`")]
    LabelName { name: String },
    #[error("a sample of `{family}` has the label `{name}` twice")]
    LabelTwice { family: String, name: String },
    #[error("family `{name}` occurs twice; expected all its samples together")]
    FamilyTwice { name: String },
    #[error("a sample has no family; expected a family first")]
    NoFamily,
    #[error("family `{name}` has the unit `{unit}`; expected a name that ends with the unit")]
    Unit { name: String, unit: String },
    #[error(
        "a sample of the {kind:?} `{name}` has the suffix `{suffix}`; expected a suffix of that type"
    )]
    Suffix { name: String, kind: Kind, suffix: String },
    #[error("the time {milliseconds} ms cannot be written in seconds exactly")]
    Time { milliseconds: i64 },
}

/// The declaration of a metric family.
#[derive(Clone, Copy, Debug)]
pub struct Family<'a> {
    /// In the form of OpenMetrics: a counter without `_total`, an info without `_info`.
    pub name: &'a str,
    pub kind: Kind,
    /// Not written when empty.
    pub help: &'a str,
    /// Not written when empty, and not in the Prometheus format, which has no units.
    pub unit: &'a str,
}

/// One value of a series in the current family.
#[derive(Clone, Copy, Debug, Default)]
pub struct Point<'a> {
    /// The suffix of the series after the family name, such as `_bucket`. Empty means the usual one of the
    /// type: `_total`, `_info` or none.
    pub suffix: &'a str,
    pub labels: &'a [(&'a str, &'a str)],
    pub value: f64,
    pub timestamp_ms: Option<i64>,
    /// Not written in the Prometheus format, which has no exemplars.
    pub exemplar: Option<Example<'a>>,
}

/// An example of what a point counts, usually a trace id.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    pub labels: &'a [(&'a str, &'a str)],
    pub value: f64,
    pub timestamp_ms: Option<i64>,
}

/// Collects a page.
///
/// ```
/// use exposition::{Family, Format, Kind, Writer};
///
/// let mut page = Writer::new(Format::OpenMetrics);
/// page.family(Family { name: "replies", kind: Kind::Counter, help: "Replies so far.", unit: "" })?;
/// page.sample(&[("model", "small")], 3.0)?;
/// assert_eq!(
///     page.finish(),
///     "# HELP replies Replies so far.\n# TYPE replies counter\nreplies_total{model=\"small\"} 3\n# EOF\n"
/// );
/// # Ok::<(), exposition::WriteError>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    format: Format,
    page: String,
    families: HashSet<String>,
    current: Option<(String, Kind)>,
}

impl Writer {
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { format, page: String::new(), families: HashSet::new(), current: None }
    }

    /// Starts a family. All its samples must follow before the next family.
    pub fn family(&mut self, family: Family<'_>) -> Result<(), WriteError> {
        let Family { name, kind, help, unit } = family;
        if !is_name(name, Name::Metric) {
            return Err(WriteError::MetricName { name: name.to_owned() });
        }
        if !unit.is_empty() && !name.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_')) {
            return Err(WriteError::Unit { name: name.to_owned(), unit: unit.to_owned() });
        }
        // The Prometheus format declares the name of the samples, OpenMetrics the name of the family.
        let declared = match self.format {
            Format::Prometheus => format!("{name}{}", usual_suffix(kind)),
            Format::OpenMetrics => name.to_owned(),
        };
        if !self.families.insert(declared.clone()) {
            return Err(WriteError::FamilyTwice { name: declared });
        }
        if !help.is_empty() {
            let _ = write!(self.page, "# HELP {declared} ");
            escape(&mut self.page, help, self.format == Format::OpenMetrics);
            self.page.push('\n');
        }
        let _ = writeln!(self.page, "# TYPE {declared} {}", kind.word(self.format));
        if !unit.is_empty() && self.format == Format::OpenMetrics {
            let _ = writeln!(self.page, "# UNIT {declared} {unit}");
        }
        self.current = Some((name.to_owned(), kind));
        Ok(())
    }

    /// Writes a value of the current family with the usual suffix of its type.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) -> Result<(), WriteError> {
        self.point(&Point { labels, value, ..Point::default() })
    }

    /// Writes a value of the current family with all parts of a line.
    pub fn point(&mut self, point: &Point<'_>) -> Result<(), WriteError> {
        let before = self.page.len();
        let written = self.try_point(point);
        if written.is_err() {
            self.page.truncate(before);
        }
        written
    }

    fn try_point(&mut self, point: &Point<'_>) -> Result<(), WriteError> {
        let (name, kind) = self.current.as_ref().ok_or(WriteError::NoFamily)?;
        let suffix = if point.suffix.is_empty() { usual_suffix(*kind) } else { point.suffix };
        if !suffixes(*kind).contains(&suffix) {
            let suffix = suffix.to_owned();
            return Err(WriteError::Suffix { name: name.clone(), kind: *kind, suffix });
        }
        let page = &mut self.page;
        page.push_str(name);
        page.push_str(suffix);
        if !point.labels.is_empty() {
            write_labels(page, name, point.labels)?;
        }
        page.push(' ');
        number::write_value(page, point.value);
        if let Some(milliseconds) = point.timestamp_ms {
            write_time(page, self.format, milliseconds)?;
        }
        if let (Some(example), Format::OpenMetrics) = (point.exemplar, self.format) {
            page.push_str(" # ");
            write_labels(page, name, example.labels)?;
            page.push(' ');
            number::write_value(page, example.value);
            if let Some(milliseconds) = example.timestamp_ms {
                write_time(page, self.format, milliseconds)?;
            }
        }
        page.push('\n');
        Ok(())
    }

    /// The page, with the last line that its format requires.
    #[must_use]
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.page.push_str("# EOF\n");
        }
        self.page
    }
}

fn usual_suffix(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "_total",
        Kind::Info => "_info",
        _ => "",
    }
}

/// The suffixes of the samples of a type.
fn suffixes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Counter => &["_total", "_created"],
        Kind::Info => &["_info"],
        Kind::Histogram => &["_bucket", "_sum", "_count", "_created"],
        Kind::GaugeHistogram => &["_bucket", "_gsum", "_gcount"],
        Kind::Summary => &["", "_sum", "_count", "_created"],
        Kind::Gauge | Kind::StateSet | Kind::Unknown => &[""],
    }
}

fn write_labels(
    page: &mut String,
    family: &str,
    labels: &[(&str, &str)],
) -> Result<(), WriteError> {
    page.push('{');
    for (index, (name, value)) in labels.iter().enumerate() {
        if !is_name(name, Name::Label) {
            return Err(WriteError::LabelName { name: (*name).to_owned() });
        }
        if labels[..index].iter().any(|(earlier, _)| earlier == name) {
            let (family, name) = (family.to_owned(), (*name).to_owned());
            return Err(WriteError::LabelTwice { family, name });
        }
        if 0 < index {
            page.push(',');
        }
        page.push_str(name);
        page.push_str("=\"");
        escape(page, value, true);
        page.push('"');
    }
    page.push('}');
    Ok(())
}

fn write_time(page: &mut String, format: Format, milliseconds: i64) -> Result<(), WriteError> {
    page.push(' ');
    match format {
        Format::Prometheus => {
            let _ = write!(page, "{milliseconds}");
        }
        Format::OpenMetrics if number::fits_seconds(milliseconds) => {
            number::write_seconds(page, milliseconds);
        }
        Format::OpenMetrics => return Err(WriteError::Time { milliseconds }),
    }
    Ok(())
}

fn escape(page: &mut String, text: &str, quotes: bool) {
    for char in text.chars() {
        match char {
            '\\' => page.push_str(r"\\"),
            '\n' => page.push_str(r"\n"),
            '"' if quotes => page.push_str("\\\""),
            other => page.push(other),
        }
    }
}
