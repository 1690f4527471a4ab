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
    /// The format of a body with this `Content-Type`. As in Prometheus 3, `None` for another type, for a
    /// type with malformed parameters, and for an empty one.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let (media_type, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let format = match media_type.trim().to_ascii_lowercase().as_str() {
            "application/openmetrics-text" => Self::OpenMetrics,
            "text/plain" => Self::Prometheus,
            _ => return None,
        };
        are_parameters(parameters).then_some(format)
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

/// Whether `text` is a list of parameters of a media type, such as `version=1.0.0; charset="utf-8"`. A parameter may
/// be repeated with the same value.
fn are_parameters(mut text: &str) -> bool {
    let mut known: Vec<(String, &str)> = Vec::new();
    loop {
        text = text.trim_start_matches([' ', '\t', ';']);
        if text.is_empty() {
            return true;
        }
        let Some((name, rest)) = text.split_once('=') else { return false };
        let name = name.trim().to_ascii_lowercase();
        let Some((value, rest)) = value(rest.trim_start()) else { return false };
        let ends = rest.trim_start();
        let differs = known.iter().any(|(known, other)| *known == name && *other != value);
        if !is_token(&name) || differs || !(ends.is_empty() || ends.starts_with(';')) {
            return false;
        }
        known.push((name, value));
        text = rest;
    }
}

/// The value of a parameter and what follows it; `None` without a valid value.
fn value(text: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = quoted.find(|char| {
            let is_end = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            is_end
        })?;
        return Some((&quoted[..end], &quoted[end + 1..]));
    }
    let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
    let (value, rest) = text.split_at(end);
    is_token(value).then_some((value, rest))
}

/// A token of RFC 9110.
fn is_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
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
            (
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                Some(Format::OpenMetrics),
            ),
            ("Application/OpenMetrics-Text", Some(Format::OpenMetrics)),
            ("text/plain; version=0.0.4", Some(Format::Prometheus)),
            ("text/plain;version=\"0.0.4\" ; charset=utf-8;", Some(Format::Prometheus)),
            ("text/plain; version", None),
            ("text/plain; version=", None),
            ("text/plain; a=\"b", None),
            ("text/plain; a=1; a=2", None),
            ("text/plain; charset=utf-8; Charset=\"utf-8\"", Some(Format::Prometheus)),
            ("text/plain; version = 0.0.4", Some(Format::Prometheus)),
            ("text/plain; a=1 b=2", None),
            ("text/html", None),
            ("text", None),
            ("", None),
        ];
        for (content_type, expected) in cases {
            assert_eq!(Format::of_content_type(content_type), expected, "{content_type}");
        }
        for format in [Format::Prometheus, Format::OpenMetrics] {
            assert_eq!(Format::of_content_type(format.content_type()), Some(format));
        }
    }
}
