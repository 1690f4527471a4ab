//! Bytes of HTTP responses and WebSocket frames.

use serde_json::{Value, json};

/// A complete response.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: String =
        headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(crate) fn json_answer(body: &Value) -> Vec<u8> {
    answer("200 OK", &[("content-type", "application/json")], body.to_string().as_bytes())
}

pub(crate) fn page(status: &str, html: &str) -> Vec<u8> {
    answer(status, &[("content-type", "text/html")], html.as_bytes())
}

pub(crate) fn detail(status: &str, text: &str) -> Vec<u8> {
    let body = json!({ "detail": text }).to_string();
    answer(status, &[("content-type", "application/json")], body.as_bytes())
}

/// The head of a chunked response.
pub(crate) fn chunked(kind: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n")
        .into_bytes()
}

pub(crate) fn stream_head() -> Vec<u8> {
    chunked("text/event-stream; charset=utf-8")
}

pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

pub(crate) fn end() -> Vec<u8> {
    b"0\r\n\r\n".to_vec()
}

pub(crate) fn event_text(message: &Value) -> String {
    format!("data: {message}\n\n")
}

pub(crate) fn event(message: &Value) -> Vec<u8> {
    chunk(event_text(message).as_bytes())
}

/// An unmasked WebSocket frame.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut head = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..=125 => head.push(u8::try_from(short).unwrap()),
        medium @ 126..=0xffff => {
            head.push(126);
            head.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            head.push(127);
            head.extend((long as u64).to_be_bytes());
        }
    }
    [head, payload.to_vec()].concat()
}

pub(crate) fn text_frame(message: &Value) -> Vec<u8> {
    frame(1, message.to_string().as_bytes())
}

pub(crate) fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    frame(8, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}
