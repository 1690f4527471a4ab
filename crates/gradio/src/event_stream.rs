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
        let mut line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.at_start) && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        if line.is_empty() {
            self.ready.extend(self.data.take());
        } else if let Some(start) = start_of_value(&line, b"data") {
            if let Some(data) = &mut self.data {
                let value = &line[start..];
                if data.len() + 1 + value.len() > self.limit {
                    return Err(TooLong);
                }
                data.push(b'\n');
                data.extend_from_slice(value);
            } else {
                // An event has megabytes in one line, so the line is not copied.
                line.drain(..start);
                self.data = Some(line);
            }
        }
        Ok(())
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where the value of a line `name: value` starts; the space is optional.
fn start_of_value(line: &[u8], name: &[u8]) -> Option<usize> {
    let rest = line.strip_prefix(name)?;
    let start = match rest {
        [] => 0,
        [b':', b' ', ..] => 2,
        [b':', ..] => 1,
        _ => return None,
    };
    Some(name.len() + start)
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
