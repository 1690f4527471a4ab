//! A page that was received.

use exposition::protobuf::NativeHistogram;
use exposition::{Format, Sample};

/// A complete page with status 200. A page in protobuf is converted to OpenMetrics.
#[derive(Clone, Debug)]
pub struct Page {
    pub format: Format,
    /// The lines; those of a page of [`crate::fetch`] are all here.
    pub body: Vec<u8>,
    /// See [`exposition::protobuf::Converted::histograms`].
    pub histograms: Vec<(usize, NativeHistogram)>,
    /// See [`exposition::protobuf::Converted::starts`].
    pub starts: Vec<(usize, i64)>,
    /// See [`exposition::protobuf::Converted::units`].
    pub units: Vec<(String, String)>,
    /// Lines with known series, which were removed from `body`.
    pub(crate) known: Omitted,
}

impl Page {
    /// A page of text.
    #[must_use]
    pub fn new(format: Format, mut body: Vec<u8>) -> Self {
        clean_comments(format, &mut body);
        let (histograms, starts, units) = (Vec::new(), Vec::new(), Vec::new());
        Self { format, body, histograms, starts, units, known: Omitted::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_empty() && self.known.values.is_empty()
    }
}

/// Replaces bytes that are not UTF-8 in comments of the Prometheus format, which Prometheus does not check.
pub(crate) fn clean_comments(format: Format, body: &mut [u8]) {
    let mut from = 0;
    while format == Format::Prometheus
        && let Err(error) = str::from_utf8(&body[from..])
    {
        let bad = from + error.valid_up_to();
        let start = memchr::memrchr(b'\n', &body[..bad]).map_or(0, |end| end + 1);
        if !is_comment(&body[start..bad]) {
            return;
        }
        from = memchr::memchr(b'\n', &body[bad..]).map_or(body.len(), |length| bad + length);
        body[bad..from].iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
    }
}

/// Whether a line with this start is a comment, and neither `# HELP` nor `# TYPE`.
fn is_comment(start: &[u8]) -> bool {
    let Some(rest) = start.trim_ascii_start().strip_prefix(b"#") else { return false };
    let word = rest.trim_ascii_start();
    let is_key = |key: &[u8]| {
        let after = word.strip_prefix(key).and_then(<[u8]>::first);
        after.is_some_and(|byte| matches!(byte, b' ' | b'\t'))
    };
    word.len() == rest.len() || !is_key(b"HELP") && !is_key(b"TYPE")
}

/// Lines that follow each other, with the series of slots that follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Bytes of [`Page::body`] before these lines.
    pub(crate) at: usize,
    /// The slot of the first line.
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// The lines have timestamps, which are in [`Omitted::times`].
    pub(crate) is_timed: bool,
}

/// The lines that are not in [`Page::body`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Omitted {
    pub(crate) runs: Vec<Run>,
    /// Of all runs.
    pub(crate) values: Vec<f64>,
    /// Milliseconds, of all timed runs.
    pub(crate) times: Vec<i64>,
}

impl Omitted {
    pub(crate) fn push(&mut self, at: usize, slot: usize, sample: &Sample<'_>) {
        let is_timed = sample.timestamp_ms.is_some();
        match self.runs.last_mut() {
            Some(run)
                if run.at == at && run.first + run.count == slot && run.is_timed == is_timed =>
            {
                run.count += 1;
            }
            _ => self.runs.push(Run { at, first: slot, count: 1, is_timed }),
        }
        self.values.push(sample.value);
        self.times.extend(sample.timestamp_ms);
    }
}
