//! Targets that follow a script, and the format of the recorded results.
//!
//! Used by the test that scrapes the scripts with this crate and by the example `ask_prometheus`, which
//! scrapes them with a real Prometheus and records the samples.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use exposition::Format;
use serde::{Deserialize, Serialize};

/// The response of a target to one scrape.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Page { format: Format, body: Vec<u8> },
    Status(u16),
}

/// A line of `scripts.json`: a page of either format, or a status.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Text(String),
    OpenMetrics(String),
    Status(u16),
}

/// The samples of one script at the receiver. Series are without `job` and `instance`.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// For each scrape, the samples with its time.
    pub(crate) scrapes: Vec<Vec<String>>,
    /// The samples with an explicit timestamp, relative to the base of [`Script::fill`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) own_times: Vec<String>,
}

/// The recorded results of all scripts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Expected {
    pub(crate) prometheus: String,
    pub(crate) scripts: BTreeMap<String, Stored>,
}

pub(crate) fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/expositions")
}

/// All scripts by name: those of `scripts.json`, and one for each single page.
pub(crate) fn scripts() -> BTreeMap<String, Vec<Step>> {
    let text = std::fs::read_to_string(fixtures().join("scripts.json")).unwrap();
    let lines: BTreeMap<String, Vec<Line>> = serde_json::from_str(&text).unwrap();
    let mut scripts: BTreeMap<String, Vec<Step>> = lines
        .into_iter()
        .map(|(name, lines)| (name, lines.into_iter().map(Step::from).collect()))
        .collect();
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("prom") => Format::Prometheus,
            Some("om") => Format::OpenMetrics,
            _ => continue,
        };
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let page = || Step::Page { format, body: std::fs::read(&path).unwrap() };
        let other = Step::Page { format: Format::Prometheus, body: b"other 1\n".to_vec() };
        // Present twice, absent twice, then another page: tests stale markers and the count of new series.
        scripts.insert(name, vec![page(), page(), Step::Status(500), Step::Status(500), other]);
    }
    scripts
}

impl From<Line> for Step {
    fn from(line: Line) -> Self {
        match line {
            Line::Text(body) => Self::Page { format: Format::Prometheus, body: body.into_bytes() },
            Line::OpenMetrics(body) => {
                Self::Page { format: Format::OpenMetrics, body: body.into_bytes() }
            }
            Line::Status(status) => Self::Status(status),
        }
    }
}

impl Step {
    /// Puts times into the page: `@+1500@` is 1.5 s after `base_ms`, in the unit of the format.
    /// Scrapes come later than ten seconds after the base.
    pub(crate) fn fill(&self, base_ms: i64) -> Self {
        let Self::Page { format, body } = self else { return self.clone() };
        let Ok(text) = std::str::from_utf8(body) else { return self.clone() };
        let mut filled = String::new();
        for (index, part) in text.split('@').enumerate() {
            if index % 2 == 0 {
                filled.push_str(part);
            } else {
                let at = base_ms + part.parse::<i64>().unwrap();
                match format {
                    Format::Prometheus => filled.push_str(&at.to_string()),
                    Format::OpenMetrics => {
                        let _ = write!(filled, "{}.{:03}", at / 1000, at % 1000);
                    }
                }
            }
        }
        Self::Page { format: *format, body: filled.into_bytes() }
    }
}

/// A sample in the format of the record.
pub(crate) fn write_down<'a>(
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    value: f64,
    (job, instance): (&str, &str),
) -> String {
    let mut name = "";
    let mut rest = Vec::new();
    for (label, value) in labels {
        match label {
            "__name__" => name = value,
            "job" if value == job => {}
            "instance" if value == instance => {}
            _ => rest.push(format!("{label}={value:?}")),
        }
    }
    rest.sort();
    let labels = if rest.is_empty() { String::new() } else { format!("{{{}}}", rest.join(",")) };
    let value = if value.to_bits() == samples::STALE_MARKER_BITS {
        "stale".to_owned()
    } else if name == "scrape_duration_seconds" {
        "(some time)".to_owned()
    } else if value.is_nan() {
        format!("NaN {:x}", value.to_bits())
    } else {
        // Prometheus loses the sign of a zero when it writes the message.
        (value + 0.0).to_string()
    };
    format!("{name}{labels} {value}")
}
