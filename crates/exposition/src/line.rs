//! The lines of a page, as the reader returns them.

use std::borrow::Cow;

use crate::cursor::{Cursor, Name};
use crate::format::Kind;
use crate::labels::Labels;

/// One line. Blank lines and comments are skipped.
#[derive(Clone, Debug)]
pub enum Line<'a> {
    Sample(Sample<'a>),
    /// `# HELP`, unescaped.
    Help {
        family: Cow<'a, str>,
        text: Cow<'a, str>,
    },
    /// `# TYPE`.
    Type {
        family: Cow<'a, str>,
        kind: Kind,
    },
    /// `# UNIT`, in OpenMetrics only. The unit may be empty.
    Unit {
        family: Cow<'a, str>,
        unit: &'a str,
    },
}

/// A line with a value.
#[derive(Clone, Debug)]
pub struct Sample<'a> {
    pub(crate) series: &'a str,
    pub value: f64,
    /// Milliseconds since 1970; `None` when the line has no timestamp.
    pub timestamp_ms: Option<i64>,
    /// In OpenMetrics only.
    pub exemplar: Option<Exemplar<'a>>,
}

impl<'a> Sample<'a> {
    /// Name and labels as they are written. The same text is the same series, so a caller that reads a
    /// page again and again can identify a series by it without parsing its labels. The reverse is not
    /// true: one series may be written in several ways.
    #[must_use]
    pub fn series(&self) -> &'a str {
        self.series
    }

    /// The metric name, before the braces or quoted within them.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        match Cursor::new(self.series).name(Name::Metric) {
            Some(name) => Cow::Borrowed(name),
            None => Labels::new(self.block()).quoted_metric().unwrap_or_default(),
        }
    }

    /// In the order of the line. A name may occur twice, and a value may be empty.
    #[must_use]
    pub fn labels(&self) -> Labels<'a> {
        Labels::new(self.block())
    }

    /// What is after the opening brace.
    fn block(&self) -> &'a str {
        let name = Cursor::new(self.series).name(Name::Metric).unwrap_or_default();
        let block = &self.series[name.len()..];
        block.trim_start_matches([' ', '\t']).strip_prefix('{').unwrap_or_default()
    }
}

/// An example of what was counted, usually a trace id.
#[derive(Clone, Debug)]
pub struct Exemplar<'a> {
    pub(crate) block: &'a str,
    pub value: f64,
    pub timestamp_ms: Option<i64>,
}

impl<'a> Exemplar<'a> {
    #[must_use]
    pub fn labels(&self) -> Labels<'a> {
        Labels::new(self.block)
    }
}
