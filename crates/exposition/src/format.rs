//! The two formats, and the types of metrics that they have.

/// One of the two text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text format 0.0.4. Timestamps are milliseconds.
    Prometheus,
    /// OpenMetrics 1.0. Timestamps are seconds; the body ends with `# EOF`.
    OpenMetrics,
}

impl Format {
    /// The format of a body with this `Content-Type`.
    ///
    /// Anything but OpenMetrics is read as the Prometheus format, also a body without a type, as
    /// Prometheus 2 does: small exporters often send none, and an HTML page fails on its first line.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Self {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The `Content-Type` under which a body of this format is served.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Type of a metric family, with the names of OpenMetrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
    /// `untyped` in the Prometheus format.
    Unknown,
}

impl Kind {
    /// The word after `# TYPE`; `None` for a word that `format` does not have, which fails the page as in
    /// Prometheus.
    pub(crate) fn read(word: &str, format: Format) -> Option<Self> {
        Some(match word {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "gaugehistogram" if format == Format::OpenMetrics => Self::GaugeHistogram,
            "summary" => Self::Summary,
            "info" if format == Format::OpenMetrics => Self::Info,
            "stateset" if format == Format::OpenMetrics => Self::StateSet,
            "unknown" if format == Format::OpenMetrics => Self::Unknown,
            "untyped" if format == Format::Prometheus => Self::Unknown,
            _ => return None,
        })
    }

    /// The word to write after `# TYPE`; in the Prometheus format the nearest type that it has.
    pub(crate) fn word(self, format: Format) -> &'static str {
        match (self, format) {
            (Self::Counter, _) => "counter",
            (Self::Gauge, _) | (Self::Info | Self::StateSet, Format::Prometheus) => "gauge",
            (Self::Histogram, _) | (Self::GaugeHistogram, Format::Prometheus) => "histogram",
            (Self::Summary, _) => "summary",
            (Self::GaugeHistogram, Format::OpenMetrics) => "gaugehistogram",
            (Self::Info, Format::OpenMetrics) => "info",
            (Self::StateSet, Format::OpenMetrics) => "stateset",
            (Self::Unknown, Format::OpenMetrics) => "unknown",
            (Self::Unknown, Format::Prometheus) => "untyped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_type_decides_the_format() {
        let cases = [
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format::OpenMetrics),
            ("Application/OpenMetrics-Text", Format::OpenMetrics),
            ("text/plain; version=0.0.4", Format::Prometheus),
            ("text/html", Format::Prometheus),
            ("", Format::Prometheus),
        ];
        for (content_type, expected) in cases {
            assert_eq!(Format::of_content_type(content_type), expected, "{content_type}");
        }
        for format in [Format::Prometheus, Format::OpenMetrics] {
            assert_eq!(Format::of_content_type(format.content_type()), format);
        }
    }
}
