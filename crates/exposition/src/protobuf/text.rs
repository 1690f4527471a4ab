//! Writes the lines of the OpenMetrics page.

use super::{Converted, NativeHistogram, ProtobufError};
use crate::cursor::{Name, is_name};
use crate::format::{Format, Kind};
use crate::number::{fits_seconds, write_seconds, write_value};

/// A label or its name and value.
pub(super) type Pair<'a> = (&'a str, &'a str);

/// An exemplar.
#[derive(Clone, Debug, Default)]
pub(super) struct Example<'a> {
    pub(super) labels: Vec<Pair<'a>>,
    pub(super) value: f64,
    pub(super) timestamp_ms: Option<i64>,
}

pub(super) struct Text {
    page: Converted,
    lines: usize,
    limit: usize,
    /// Of the current metric.
    start_ms: Option<i64>,
}

impl Text {
    pub(super) fn new(limit: usize) -> Self {
        Self { page: Converted::default(), lines: 0, limit, start_ms: None }
    }

    pub(super) fn finish(mut self) -> Result<Converted, ProtobufError> {
        self.page.text.push_str("# EOF\n");
        self.check()?;
        Ok(self.page)
    }

    pub(super) fn check(&self) -> Result<(), ProtobufError> {
        let limit = self.limit;
        if limit < self.page.text.len() { Err(ProtobufError::TooLarge { limit }) } else { Ok(()) }
    }

    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str, unit: &str) {
        if !unit.is_empty() {
            self.page.units.push((name.to_owned(), unit.to_owned()));
        }
        self.comment("# TYPE ", name);
        self.page.text.push_str(kind.word(Format::OpenMetrics));
        self.end_line();
        if !help.is_empty() {
            self.comment("# HELP ", name);
            escape(&mut self.page.text, help);
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        self.page.text.push('\n');
        self.lines += 1;
    }

    fn comment(&mut self, start: &str, name: &str) {
        self.page.text.push_str(start);
        if is_name(name, Name::Metric) {
            self.page.text.push_str(name);
        } else {
            quote(&mut self.page.text, name);
        }
        self.page.text.push(' ');
    }

    /// Sets the start time of the metric whose lines follow.
    pub(super) fn begin(&mut self, start_ms: Option<i64>) {
        self.start_ms = start_ms;
    }

    /// A line with a native histogram.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        labels: &[Pair<'_>],
        histogram: NativeHistogram,
        timestamp_ms: Option<i64>,
        example: Option<&Example<'_>>,
    ) {
        self.page.histograms.push((self.lines, histogram));
        self.sample(name, labels, 0.0, timestamp_ms, example);
    }

    pub(super) fn sample(
        &mut self,
        name: &str,
        labels: &[Pair<'_>],
        value: f64,
        timestamp_ms: Option<i64>,
        example: Option<&Example<'_>>,
    ) {
        self.page.starts.extend(self.start_ms.map(|start_ms| (self.lines, start_ms)));
        let text = &mut self.page.text;
        let plain = is_name(name, Name::Metric);
        if plain {
            text.push_str(name);
        }
        if !plain || !labels.is_empty() {
            text.push('{');
            if !plain {
                quote(text, name);
            }
            put_labels(text, labels, !plain);
            text.push('}');
        }
        text.push(' ');
        write_value(text, value);
        put_time(text, timestamp_ms);
        if let Some(example) = example {
            text.push_str(" # {");
            put_labels(text, &example.labels, false);
            text.push_str("} ");
            write_value(text, example.value);
            put_time(text, example.timestamp_ms);
        }
        self.end_line();
    }
}

fn put_labels(text: &mut String, labels: &[Pair<'_>], mut comma: bool) {
    for (name, value) in labels {
        if std::mem::replace(&mut comma, true) {
            text.push(',');
        }
        if is_name(name, Name::Label) {
            text.push_str(name);
        } else {
            quote(text, name);
        }
        text.push('=');
        quote(text, value);
    }
}

/// A time that is not exact as seconds is left out: it is far from any scrape.
fn put_time(text: &mut String, timestamp_ms: Option<i64>) {
    if let Some(at) = timestamp_ms.filter(|at| fits_seconds(*at)) {
        text.push(' ');
        write_seconds(text, at);
    }
}

fn quote(text: &mut String, value: &str) {
    text.push('"');
    escape(text, value);
    text.push('"');
}

fn escape(text: &mut String, value: &str) {
    for char in value.chars() {
        match char {
            '\\' => text.push_str(r"\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str(r"\n"),
            other => text.push(other),
        }
    }
}
