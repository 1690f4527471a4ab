//! A page while it is received: lines of known series are reduced to their values at once.
//!
//! A page of 100,000 series has 10 MB, its values have less than one. Nothing is changed in the memory
//! before the page is complete, since a scrape that breaks off must leave no trace.

use exposition::{Format, Line, Reader, Sample};

use crate::memory::Memory;
use crate::received::{Page, clean_comments};

/// Takes the chunks of a page.
pub(crate) struct Incoming<'m> {
    memory: &'m Memory,
    page: Page,
    /// The start of a line whose end is not received yet.
    started: Vec<u8>,
    /// The slot of the next line, if the page has not changed.
    next: usize,
    /// The rest of the page is kept as it is.
    is_raw: bool,
}

impl<'m> Incoming<'m> {
    /// `expected_bytes` is a hint.
    pub(crate) fn new(memory: &'m Memory, format: Format, expected_bytes: usize) -> Self {
        let is_raw = memory.is_empty();
        let body = Vec::with_capacity(if is_raw { expected_bytes } else { 0 });
        Self { memory, page: Page::new(format, body), started: Vec::new(), next: 0, is_raw }
    }

    pub(crate) fn push(&mut self, mut chunk: &[u8]) {
        if !self.started.is_empty() {
            let end = memchr::memchr(b'\n', chunk).map_or(chunk.len(), |end| end + 1);
            let (start, rest) = chunk.split_at(end);
            self.started.extend_from_slice(start);
            if !self.started.ends_with(b"\n") {
                return;
            }
            let mut line = std::mem::take(&mut self.started);
            self.lines(&line);
            line.clear();
            (self.started, chunk) = (line, rest);
        }
        let end = memchr::memrchr(b'\n', chunk).map_or(0, |end| end + 1);
        let (lines, start) = chunk.split_at(end);
        self.lines(lines);
        if self.is_raw {
            self.page.body.extend_from_slice(start);
        } else {
            self.started.extend_from_slice(start);
        }
    }

    /// The page, once all of it was received.
    pub(crate) fn finish(mut self) -> Page {
        self.page.body.append(&mut self.started);
        clean_comments(self.page.format, &mut self.page.body);
        self.page
    }

    /// Takes whole lines.
    fn lines(&mut self, lines: &[u8]) {
        // Bytes that are in the page.
        let mut taken = 0;
        let mut reader = Reader::of_part(lines, self.page.format);
        while !self.is_raw {
            match reader.next_if_like(|text| self.memory.length_at(self.next, text)) {
                Some(Ok(Line::Sample(sample))) => {
                    let found = self.slot(&sample, reader.met_expected());
                    self.next = found.map_or(self.next, |slot| slot + 1);
                    if let Some(slot) = found.filter(|_| sample.exemplar.is_none()) {
                        self.page.body.extend_from_slice(&lines[taken..reader.line_start()]);
                        self.page.known.push(self.page.body.len(), slot, &sample);
                        taken = reader.position();
                    }
                }
                Some(Ok(_)) => {}
                // What cannot be read may only be incomplete, and nothing may follow the end of the page.
                Some(Err(_)) => self.is_raw = true,
                None if reader.position() < lines.len() => self.is_raw = true,
                None => break,
            }
        }
        self.page.body.extend_from_slice(&lines[taken..]);
    }

    /// The slot of a sample that is written in one line.
    fn slot(&self, sample: &Sample<'_>, is_next: bool) -> Option<usize> {
        if is_next {
            return Some(self.next);
        }
        let text = Some(sample.series()).filter(|text| !text.contains('\n'));
        text.and_then(|text| self.memory.find(text))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use samples::Timestamp;

    use super::*;
    use crate::{Labels, Limits, Scrape};

    /// Lines that follow each other in any order. `@` is replaced by a number.
    const LINES: &[&[u8]] = &[
        b"a @\n",
        b"b{c=\"d\"} @\n",
        b"b{c=\"e\"} @\n",
        b"b{c=\"e\",} @\n",
        b"b{c=\"two\nlines\"} @\n",
        b"f_total @\n",
        b"f_created @\n",
        b"g @ 180000000@\n",
        b"g @ 1800000000\n",
        b"h @ # {trace=\"@\"} 1\n",
        b"dropped @\n",
        b"# TYPE f counter\n",
        b"# HELP b Text.\n",
        b"# a comment\n",
        b"\n",
        b" a @\n",
        b"a{\n",
        b"a \xff\n",
        b"# EOF\n",
        b"a @",
    ];

    /// Bytes of a chunk, for lines with their numbers.
    type Fetched = (usize, Vec<(usize, u8)>);

    fn body(lines: &[(usize, u8)], format: Format) -> Vec<u8> {
        let mut body = Vec::new();
        for (line, number) in lines {
            for byte in LINES[*line] {
                match byte {
                    b'@' => body.extend_from_slice(number.to_string().as_bytes()),
                    byte => body.push(*byte),
                }
            }
        }
        if format == Format::OpenMetrics {
            body.extend_from_slice(b"# EOF\n");
        }
        body
    }

    fn labels() -> Labels {
        let drop = relabel::Config {
            action: "drop".to_owned(),
            source_labels: vec!["__name__".to_owned()],
            regex: "dropped".to_owned(),
            ..relabel::Config::default()
        };
        Labels::new("j", "i", []).with_rules(vec![relabel::Rule::new(&drop).unwrap()])
    }

    fn absorb(
        memory: &mut Memory,
        labels: &Labels,
        page: Page,
        round: i64,
        limits: &Limits,
    ) -> Scrape {
        let at = Timestamp::from_millis(1_800_000_000_000 + 15_000 * round);
        memory.absorb(labels, limits, Ok(page), at, || Duration::ZERO)
    }

    /// Series without line ends and without blanks before are in the usual order.
    fn usual() -> impl Strategy<Value = (usize, u8)> {
        prop_oneof![9 => 0..14_usize, 1 => 0..LINES.len()]
            .prop_flat_map(|line| (Just(line), any::<u8>()))
    }

    proptest! {
        #[test]
        fn received_page_is_absorbed_like_a_whole_one(
            pages in vec((1..40_usize, vec(usual(), 0..12)), 1..6),
            is_open in any::<bool>(),
            samples in proptest::option::weighted(0.2, 1..8_usize),
        ) {
            let format = if is_open { Format::OpenMetrics } else { Format::Prometheus };
            let labels = labels();
            let limits = Limits { samples, ..Limits::default() };
            let (mut whole, mut received) = (Memory::new(), Memory::new());
            let pages: Vec<Fetched> = pages;
            // Each page twice, so that its series are known the second time.
            for (round, (chunk, lines)) in (0..).zip(pages.iter().flat_map(|page| [page, page])) {
                let body = body(lines, format);
                let mut incoming = Incoming::new(&received, format, 0);
                body.chunks(*chunk).for_each(|chunk| incoming.push(chunk));
                let page = incoming.finish();
                let actual = absorb(&mut received, &labels, page, round, &limits);
                let expected = absorb(&mut whole, &labels, Page::new(format, body), round, &limits);
                prop_assert_eq!(format!("{actual:?}"), format!("{expected:?}"));
                prop_assert_eq!(received.to_bytes(), whole.to_bytes());
            }
        }
    }

    #[test]
    fn unchanged_page_is_reduced_to_its_values() {
        let body = b"# TYPE a counter\na 1\nb{c=\"d\"} 2 5\n\nb{c=\"e\"} 3\n";
        let mut memory = Memory::new();
        let page = Page::new(Format::Prometheus, body.to_vec());
        absorb(&mut memory, &labels(), page, 0, &Limits::default());
        let mut incoming = Incoming::new(&memory, Format::Prometheus, 0);
        body.chunks(7).for_each(|chunk| incoming.push(chunk));
        let page = incoming.finish();
        assert_eq!(String::from_utf8_lossy(&page.body), "# TYPE a counter\n\n");
        assert_eq!((page.known.values, page.known.times), (vec![1.0, 2.0, 3.0], vec![5]));
    }
}
