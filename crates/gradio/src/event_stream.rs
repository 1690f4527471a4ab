//! Incremental parser of server-sent events:
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
//!
//! Only the field `data` is read; Gradio uses no others. An incomplete event at the end of the stream
//! is dropped, as the standard requires.

use std::collections::VecDeque;

/// An event exceeds the size limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Takes bytes split anywhere, also inside a character or CRLF, and returns complete events.
#[derive(Debug)]
pub struct EventStream {
    limit: usize,
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    after_cr: bool,
    at_start: bool,
    ready: VecDeque<Vec<u8>>,
}

impl EventStream {
    /// `limit`: bytes of one event, and of one line of any kind.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            data: None,
            after_cr: false,
            at_start: true,
            ready: VecDeque::new(),
        }
    }

    /// Adds the next bytes of the stream.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        while let Some(&first) = bytes.first() {
            // The LF of a CRLF whose CR may have been in an earlier read.
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|&byte| byte == b'\n' || byte == b'\r');
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if self.line.len() + part.len() > self.limit {
                return Err(TooLong);
            }
            self.line.extend_from_slice(part);
            bytes = rest;
            if let Some((&terminator, rest)) = rest.split_first() {
                self.after_cr = terminator == b'\r';
                bytes = rest;
                self.end_line()?;
            }
        }
        Ok(())
    }

    /// The data of the next complete event.
    pub fn next_event(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    fn end_line(&mut self) -> Result<(), TooLong> {
        let mut line = self.line.as_slice();
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            self.ready.extend(self.data.take());
        } else if let Some(value) = field(line, b"data") {
            let data = match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data
                }
                none => none.insert(Vec::new()),
            };
            if data.len() + value.len() > self.limit {
                return Err(TooLong);
            }
            data.extend_from_slice(value);
        }
        self.line.clear();
        Ok(())
    }
}

/// The value of a line `name: value`; the space is optional.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    if rest.is_empty() {
        return Some(rest);
    }
    let value = rest.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Result<Vec<String>, TooLong> {
        let mut stream = EventStream::new(20);
        let mut events = Vec::new();
        for piece in pieces {
            stream.feed(piece)?;
            events.extend(std::iter::from_fn(|| stream.next_event()));
        }
        Ok(events.into_iter().map(|event| String::from_utf8(event).unwrap()).collect())
    }

    #[test]
    fn events_are_read_with_any_line_ending() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("LF", "data: a\n\ndata: b\n\n", &["a", "b"]),
            ("CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
            ("CR", "data: a\r\rdata: b\r\r", &["a", "b"]),
            ("mixed", "data: a\r\n\ndata: b\n\r\n", &["a", "b"]),
            ("no space", "data:a\n\n", &["a"]),
            ("only one space is dropped", "data:  a\n\n", &[" a"]),
            ("several lines", "data: a\ndata: b\n\n", &["a\nb"]),
            ("empty data", "data\n\ndata:\n\n", &["", ""]),
            ("comments and other fields", ": hi\nid: 1\nevent: x\ndata: a\nretry: 5\n\n", &["a"]),
            ("a field whose name starts with data", "database: a\n\n", &[]),
            ("byte order mark", "\u{feff}data: a\n\n", &["a"]),
            ("only blank lines", "\n\n\r\n", &[]),
            ("cut off at the end", "data: a\n\ndata: b\n", &["a"]),
        ];
        for (name, text, expected) in cases {
            assert_eq!(events(&[text.as_bytes()]).unwrap(), *expected, "{name}");
            for at in 0..text.len() {
                let (head, tail) = text.as_bytes().split_at(at);
                assert_eq!(events(&[head, tail]).unwrap(), *expected, "{name}, cut at {at}");
            }
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(events(&bytes).unwrap(), *expected, "{name}, byte by byte");
        }
    }

    #[test]
    fn split_character_is_joined() {
        let text = "data: é\n\n".as_bytes();
        assert_eq!(events(&[&text[..7], &text[7..]]).unwrap(), ["é"]);
    }

    #[test]
    fn too_long_event_is_rejected() {
        assert_eq!(events(&[b"data: aaaaaaaaaaaaaaaaaaaaa"]), Err(TooLong));
        assert_eq!(events(&[b"data: aaaaaaaaaa\n", b"data: aaaaaaaaaa\n"]), Err(TooLong));
        assert_eq!(events(&[b": aaaaaaaaaaaaaaaaaaaaaaaaa"]), Err(TooLong));
    }
}
