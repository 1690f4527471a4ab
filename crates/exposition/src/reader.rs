//! Reads a body in one pass, line by line.

use std::borrow::Cow;

use crate::cursor::{Cursor, Name};
use crate::error::ParseError;
use crate::format::{Format, Kind};
use crate::labels::unescape;
use crate::line::{Exemplar, Line, Sample};
use crate::number;

/// Iterates over the lines of a body; ends after the first error.
#[derive(Clone)]
pub struct Reader<'a> {
    cursor: Cursor<'a>,
    format: Format,
    /// The first byte that is not UTF-8; the text ends right before it.
    bad_byte: Option<u8>,
    ended: bool,
    /// The text is the start or the middle of a page.
    continues: bool,
    /// Where the last line begins.
    line_start: usize,
    /// The last sample had the expected series.
    met: bool,
}

impl<'a> Reader<'a> {
    #[must_use]
    pub fn new(body: &'a [u8], format: Format) -> Self {
        let (text, bad_byte) = match std::str::from_utf8(body) {
            Ok(text) => (text, None),
            Err(error) => {
                let (good, bad) = body.split_at(error.valid_up_to());
                (std::str::from_utf8(good).unwrap_or_default(), bad.first().copied())
            }
        };
        let cursor = Cursor::new(text);
        let (ended, continues, line_start, met) = (false, false, 0, false);
        Self { cursor, format, bad_byte, ended, continues, line_start, met }
    }

    /// Reads whole lines of a page that continues after them. In OpenMetrics it ends before `# EOF`, since
    /// what follows is not known.
    ///
    /// In the Prometheus format a label value may have line ends: an error may then only mean that the rest
    /// of a line is missing.
    #[must_use]
    pub fn of_part(lines: &'a [u8], format: Format) -> Self {
        Self { continues: true, ..Self::new(lines, format) }
    }

    /// The next line, like [`Iterator::next`], but faster if it is a sample of the series `expected`: its
    /// name and labels are then compared instead of parsed.
    ///
    /// `expected` is a value of [`Sample::series`] from a page of the same format, or empty.
    pub fn next_like(&mut self, expected: &str) -> Option<Result<Line<'a>, ParseError>> {
        self.next_if_like(|text| if text.starts_with(expected) { expected.len() } else { 0 })
    }

    /// As [`Reader::next_like`], for a caller that does not keep the text of the series: `known` is passed
    /// the rest of the page at the start of a sample and returns the length of the series there, or 0.
    pub fn next_if_like(
        &mut self,
        known: impl Fn(&'a str) -> usize,
    ) -> Option<Result<Line<'a>, ParseError>> {
        if self.ended {
            return None;
        }
        let line = self.line(&known).transpose();
        self.ended = !matches!(line, Some(Ok(_)));
        line
    }

    /// Whether the last sample had the expected series.
    #[must_use]
    pub fn met_expected(&self) -> bool {
        self.met
    }

    /// Bytes of the text up to the end of the last line.
    #[must_use]
    pub fn position(&self) -> usize {
        self.cursor.pos
    }

    /// Bytes of the text before the last line.
    #[must_use]
    pub fn line_start(&self) -> usize {
        self.line_start
    }

    fn line(&mut self, known: &impl Fn(&'a str) -> usize) -> Result<Option<Line<'a>>, ParseError> {
        loop {
            self.line_start = self.cursor.pos;
            let line = match self.format {
                Format::Prometheus => self.prometheus_line(known)?,
                Format::OpenMetrics => self.open_metrics_line(known)?,
            };
            match line {
                Step::Line(line) => return Ok(Some(line)),
                Step::Skipped => {}
                Step::End => return Ok(None),
            }
        }
    }

    fn prometheus_line(
        &mut self,
        known: &impl Fn(&'a str) -> usize,
    ) -> Result<Step<'a>, ParseError> {
        self.cursor.blanks();
        match self.cursor.peek() {
            None if self.bad_byte.is_some() => Err(self.error("")),
            None => Ok(Step::End),
            Some(b'\n') => {
                self.cursor.pos += 1;
                Ok(Step::Skipped)
            }
            Some(b'#') => self.prometheus_comment(),
            Some(_) => {
                let mut sample = self.series(known, true)?;
                self.cursor.blanks();
                sample.value = self.value("a value")?;
                self.cursor.blanks();
                if !matches!(self.cursor.peek(), None | Some(b'\n')) {
                    let at = self.cursor.pos;
                    let word = self.cursor.word();
                    let timestamp = number::milliseconds(word);
                    sample.timestamp_ms = Some(timestamp.ok_or_else(|| {
                        self.error_at(
                            at,
                            "a timestamp in whole milliseconds or the end of the line",
                        )
                    })?);
                    self.cursor.blanks();
                }
                self.line_end("the end of the line")?;
                Ok(Step::Line(Line::Sample(sample)))
            }
        }
    }

    /// Only `# HELP` and `# TYPE` are read, with any number of blanks between the words; all else after
    /// a `#` is a comment.
    fn prometheus_comment(&mut self) -> Result<Step<'a>, ParseError> {
        self.cursor.pos += 1;
        let word = if self.cursor.blanks() { self.cursor.word() } else { "" };
        if !matches!(word, "HELP" | "TYPE") || !self.cursor.blanks() {
            self.cursor.rest_of_line();
            self.line_end("")?;
            return Ok(Step::Skipped);
        }
        let family = self.family_name(true)?;
        // One blank separates name and text; further blanks are part of the text.
        let _ = self.cursor.eat(b' ') || self.cursor.eat(b'\t');
        let at = self.cursor.pos;
        let text = self.cursor.rest_of_line();
        let line = if word == "HELP" {
            Line::Help { family, text: unescape(text, false) }
        } else {
            Line::Type { family, kind: self.kind(text, at)? }
        };
        self.line_end("")?;
        Ok(Step::Line(line))
    }

    fn open_metrics_line(
        &mut self,
        known: &impl Fn(&'a str) -> usize,
    ) -> Result<Step<'a>, ParseError> {
        match self.cursor.peek() {
            None if self.continues && self.bad_byte.is_none() => Ok(Step::End),
            None => Err(self.error("`# EOF` as the last line")),
            Some(b'#') => self.open_metrics_comment(),
            Some(_) => {
                let mut sample = self.series(known, false)?;
                self.space()?;
                sample.value = self.value("a value")?;
                if self.cursor.peek() == Some(b' ')
                    && !self.cursor.text[self.cursor.pos..].starts_with(" # ")
                {
                    sample.timestamp_ms = Some(self.open_metrics_timestamp()?);
                }
                if self.cursor.eat_word(" # ") {
                    sample.exemplar = Some(self.exemplar()?);
                }
                self.line_end("the end of the line")?;
                Ok(Step::Line(Line::Sample(sample)))
            }
        }
    }

    fn open_metrics_comment(&mut self) -> Result<Step<'a>, ParseError> {
        if self.cursor.eat_word("# EOF") {
            if self.continues {
                self.cursor.pos = self.line_start;
                return Ok(Step::End);
            }
            self.cursor.eat(b'\n');
            return match self.cursor.peek() {
                None if self.bad_byte.is_none() => Ok(Step::End),
                _ => Err(self.error("nothing after `# EOF`")),
            };
        }
        let words = ["# HELP ", "# TYPE ", "# UNIT "];
        let Some(word) = words.into_iter().find(|word| self.cursor.eat_word(word)) else {
            return Err(self.error("`# HELP `, `# TYPE `, `# UNIT ` or `# EOF`"));
        };
        let family = self.family_name(false)?;
        self.space()?;
        let text_at = self.cursor.pos;
        let text = self.cursor.rest_of_line();
        let line = match word {
            "# HELP " => Line::Help { family, text: unescape(text, true) },
            "# TYPE " => Line::Type { family, kind: self.kind(text, text_at)? },
            _ => {
                let stem = family.strip_suffix(text);
                if !text.is_empty() && !stem.is_some_and(|stem| stem.ends_with('_')) {
                    return Err(self.error_at(text_at, "a unit with which the metric's name ends"));
                }
                Line::Unit { family, unit: text }
            }
        };
        self.line_end("the end of the line")?;
        Ok(Step::Line(line))
    }

    fn exemplar(&mut self) -> Result<Exemplar<'a>, ParseError> {
        let block = self.label_block(false, MetricName::Known)?;
        let block = block.ok_or_else(|| self.error("`{`"))?;
        self.space()?;
        let value = self.value("the exemplar's value")?;
        let timestamp_ms = match self.cursor.peek() {
            Some(b' ') => Some(self.open_metrics_timestamp()?),
            _ => None,
        };
        Ok(Exemplar { block, value, timestamp_ms })
    }

    /// Name and labels; the value is set by the caller.
    fn series(
        &mut self,
        known: &impl Fn(&'a str) -> usize,
        loose: bool,
    ) -> Result<Sample<'a>, ParseError> {
        let start = self.cursor.pos;
        self.met = self.eat_series(known(&self.cursor.text[start..]));
        if !self.met {
            if self.cursor.peek() == Some(b'{') {
                self.label_block(loose, MetricName::Quoted)?;
            } else {
                self.name(Name::Metric, "a metric name")?;
                let name_end = self.cursor;
                self.blanks_if(loose);
                if self.label_block(loose, MetricName::Known)?.is_none() {
                    self.cursor = name_end;
                }
            }
        }
        let series = &self.cursor.text[start..self.cursor.pos];
        Ok(Sample { series, value: 0.0, timestamp_ms: None, exemplar: None })
    }

    /// Steps over a series of this length, if it ends there.
    fn eat_series(&mut self, length: usize) -> bool {
        let start = self.cursor.pos;
        let text = self.cursor.text;
        let Some(series) = text.get(start..start + length).filter(|series| !series.is_empty())
        else {
            return false;
        };
        self.cursor.pos += length;
        let end = self.cursor;
        // A bare name may continue, or have its labels after blanks.
        let whole = self.cursor.blanks()
            && (series.ends_with('}') || !matches!(self.cursor.peek(), Some(b'{') | None));
        self.cursor = if whole { end } else { Cursor { pos: start, ..end } };
        whole
    }

    /// The text between braces; `None` when the next character is not a brace.
    ///
    /// `loose` is how Prometheus reads its own format: blanks anywhere, line ends in values, and commas
    /// are optional.
    fn label_block(
        &mut self,
        loose: bool,
        mut metric: MetricName,
    ) -> Result<Option<&'a str>, ParseError> {
        if !self.cursor.eat(b'{') {
            return Ok(None);
        }
        let start = self.cursor.pos;
        // Only the Prometheus format takes a comma after the last label.
        let mut comma = false;
        loop {
            self.blanks_if(loose);
            if (loose || !comma) && self.cursor.peek() == Some(b'}') {
                if metric == MetricName::Quoted {
                    return Err(self.error("a metric name in double quotes"));
                }
                self.cursor.pos += 1;
                return Ok(Some(&self.cursor.text[start..self.cursor.pos - 1]));
            }
            let (name_at, is_quoted) = (self.cursor.pos, self.cursor.peek() == Some(b'"'));
            if is_quoted {
                let name = self.cursor.quoted(loose).filter(|name| !name.is_empty());
                name.ok_or_else(|| self.error_at(name_at, "a name in double quotes"))?;
            } else {
                self.name(Name::Label, "a label name or `}`")?;
            }
            self.blanks_if(loose);
            if is_quoted
                && metric == MetricName::Quoted
                && matches!(self.cursor.peek(), Some(b',' | b'}'))
            {
                metric = MetricName::Known;
            } else {
                self.label_value(loose)?;
            }
            self.blanks_if(loose);
            comma = self.cursor.eat(b',');
            if !comma && !loose && self.cursor.peek() != Some(b'}') {
                return Err(self.error("`,` or `}`"));
            }
        }
    }

    /// `=` and the value in double quotes.
    fn label_value(&mut self, loose: bool) -> Result<(), ParseError> {
        if !self.cursor.eat(b'=') {
            return Err(self.error("`=`"));
        }
        self.blanks_if(loose);
        match self.cursor.quoted(loose) {
            Some(_) => Ok(()),
            None => Err(self.error("a label value in double quotes")),
        }
    }

    /// The name after `# TYPE` and the like, which may be in double quotes.
    fn family_name(&mut self, line_ends: bool) -> Result<Cow<'a, str>, ParseError> {
        let at = self.cursor.pos;
        if self.cursor.peek() != Some(b'"') {
            return self.name(Name::Metric, "a metric name").map(Cow::Borrowed);
        }
        let name = self.cursor.quoted(line_ends).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| self.error_at(at, "a metric name"))?;
        Ok(unescape(name, true))
    }

    fn blanks_if(&mut self, loose: bool) {
        if loose {
            self.cursor.blanks();
        }
    }

    fn name(&mut self, kind: Name, expected: &'static str) -> Result<&'a str, ParseError> {
        self.cursor.name(kind).ok_or_else(|| self.error(expected))
    }

    fn value(&mut self, expected: &'static str) -> Result<f64, ParseError> {
        let at = self.cursor.pos;
        number::value(self.cursor.word()).ok_or_else(|| self.error_at(at, expected))
    }

    fn open_metrics_timestamp(&mut self) -> Result<i64, ParseError> {
        self.space()?;
        let at = self.cursor.pos;
        number::seconds_as_milliseconds(self.cursor.word())
            .ok_or_else(|| self.error_at(at, "a timestamp in seconds"))
    }

    fn kind(&self, word: &str, at: usize) -> Result<Kind, ParseError> {
        Kind::read(word, self.format)
            .ok_or_else(|| self.error_at(at, "a kind of metric, such as `counter`"))
    }

    fn space(&mut self) -> Result<(), ParseError> {
        if self.cursor.eat(b' ') { Ok(()) } else { Err(self.error("a space")) }
    }

    /// Steps over the end of the line, which the last line of a page in the Prometheus format may lack.
    fn line_end(&mut self, expected: &'static str) -> Result<(), ParseError> {
        if self.cursor.eat(b'\n') {
            return Ok(());
        }
        let at_end = self.cursor.peek().is_none() && self.bad_byte.is_none();
        if at_end && self.format == Format::Prometheus {
            return Ok(());
        }
        Err(self.error(expected))
    }

    fn error(&self, expected: &'static str) -> ParseError {
        self.error_at(self.cursor.pos, expected)
    }

    /// An error at byte `at`, or at the first byte of the line that is not UTF-8.
    fn error_at(&self, at: usize, expected: &'static str) -> ParseError {
        let text = self.cursor.text;
        match self.bad_byte {
            Some(byte) if !text[at..].contains('\n') => ParseError::not_utf8(text, byte),
            _ => ParseError::at(text, at, expected),
        }
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Line<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_like("")
    }
}

impl std::iter::FusedIterator for Reader<'_> {}

/// Whether the label block must contain the metric name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MetricName {
    Known,
    Quoted,
}

/// The result of reading one line of the body.
enum Step<'a> {
    Line(Line<'a>),
    Skipped,
    End,
}
