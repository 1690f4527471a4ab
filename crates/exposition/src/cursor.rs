//! A position in a body, and how to step over its tokens.

/// Class of a byte that a label name may contain.
const LABEL: u8 = 1;
/// Class of a byte that a metric name may contain.
const METRIC: u8 = 2;
/// Class of a byte that a name may not start with.
const DIGIT: u8 = 4;

/// The classes of each byte: one look-up a byte makes the scan fast.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends at 255")]
        let char = byte as u8;
        class[byte] = match char {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => LABEL | METRIC,
            b':' => METRIC,
            b'0'..=b'9' => LABEL | METRIC | DIGIT,
            _ => 0,
        };
        byte += 1;
    }
    class
};

/// The kind of a name.
#[derive(Clone, Copy)]
pub(crate) enum Name {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    Metric,
    /// `[a-zA-Z_][a-zA-Z0-9_]*`
    Label,
}

/// Whether `name` is a name of this kind.
pub(crate) fn is_name(name: &str, kind: Name) -> bool {
    let mut cursor = Cursor::new(name);
    cursor.name(kind).is_some_and(|found| found.len() == name.len())
}

#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    pub(crate) text: &'a str,
    /// Byte offset; always on a character boundary, since only ASCII is stepped over one by one.
    pub(crate) pos: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, pos: 0 }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    /// Steps over `byte`, if it is next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.pos += usize::from(next);
        next
    }

    /// Steps over `word`, if it is next.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let next = self.text.as_bytes()[self.pos..].starts_with(word.as_bytes());
        self.pos += if next { word.len() } else { 0 };
        next
    }

    /// Steps over spaces and tabs; returns whether there were any.
    pub(crate) fn blanks(&mut self) -> bool {
        let start = self.pos;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.pos += 1;
        }
        start < self.pos
    }

    /// The name that starts here; `None`, without a step, if there is none.
    pub(crate) fn name(&mut self, kind: Name) -> Option<&'a str> {
        let class = match kind {
            Name::Metric => METRIC,
            Name::Label => LABEL,
        };
        let rest = &self.text.as_bytes()[self.pos..];
        let first = CLASS[usize::from(*rest.first()?)];
        if first & class == 0 || first & DIGIT != 0 {
            return None;
        }
        let length = rest
            .iter()
            .position(|byte| CLASS[usize::from(*byte)] & class == 0)
            .unwrap_or(rest.len());
        let name = self.text.get(self.pos..self.pos + length);
        self.pos += length;
        name
    }

    /// The text before the next space, tab or line end, which may be empty.
    pub(crate) fn word(&mut self) -> &'a str {
        let rest = &self.text.as_bytes()[self.pos..];
        let length =
            rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\n')).unwrap_or(rest.len());
        let word = self.text.get(self.pos..self.pos + length).unwrap_or_default();
        self.pos += length;
        word
    }

    /// The rest of the line without its end, which is not stepped over.
    pub(crate) fn rest_of_line(&mut self) -> &'a str {
        let rest = &self.text[self.pos..];
        let length = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        self.pos += length;
        &rest[..length]
    }

    /// Steps over a text in double quotes and returns it without unescaping. `None`, with the cursor at
    /// the opening quote or where the closing one is missing, if there is none.
    ///
    /// A line end is part of the text in the Prometheus format, as it is for Prometheus.
    pub(crate) fn quoted(&mut self, line_ends: bool) -> Option<&'a str> {
        if !self.eat(b'"') {
            return None;
        }
        let start = self.pos;
        let bytes = self.text.as_bytes();
        loop {
            let rest = &bytes[self.pos..];
            let found = if line_ends {
                memchr::memchr2(b'"', b'\\', rest)
            } else {
                memchr::memchr3(b'"', b'\\', b'\n', rest)
            };
            let Some(length) = found else {
                self.pos = bytes.len();
                return None;
            };
            self.pos += length;
            match bytes[self.pos] {
                b'"' => {
                    self.pos += 1;
                    return self.text.get(start..self.pos - 1);
                }
                b'\\' => {
                    // The escaped character is part of the text; it may have several bytes.
                    let escaped = self.text[self.pos + 1..].chars().next()?;
                    if escaped == '\n' && !line_ends {
                        self.pos += 1;
                        return None;
                    }
                    self.pos += 1 + escaped.len_utf8();
                }
                _ => return None,
            }
        }
    }
}
