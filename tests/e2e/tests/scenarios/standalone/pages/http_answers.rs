//! Whole HTTP answers: compression, framing, status, content type.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

const BODY: &[u8] = b"a 1\nb{c=\"d\"} 2\n";

pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    let mut answers: Vec<(String, Vec<u8>)> = Vec::new();
    for (index, content_type) in CONTENT_TYPES.iter().enumerate() {
        let header = format!("Content-Type: {content_type}\r\n");
        answers.push((format!("http-type-{index:02}"), answer("200 OK", &header, BODY)));
    }
    answers.push(("http-no-type".to_owned(), answer("200 OK", "", BODY)));
    let typed = "Content-Type: text/plain\r\n";
    for status in
        ["201 Created", "204 No Content", "301 Moved", "404 Not Found", "500 Error", "503 Later"]
    {
        let name = format!("http-status-{}", &status[..3]);
        answers.push((name, answer(status, typed, BODY)));
    }
    let gzip_header = "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n";
    for (name, body) in compressed() {
        answers.push((format!("http-gzip-{name}"), answer("200 OK", gzip_header, &body)));
    }
    for (name, header) in
        [("deflate", "deflate"), ("br", "br"), ("identity", "identity"), ("upper", "GZIP")]
    {
        let header = format!("Content-Type: text/plain\r\nContent-Encoding: {header}\r\n");
        let body = if name == "upper" { gzip(BODY) } else { BODY.to_vec() };
        answers.push((format!("http-encoding-{name}"), answer("200 OK", &header, &body)));
    }
    for (name, raw) in framed() {
        answers.push((format!("http-{name}"), raw));
    }
    answers
}

const CONTENT_TYPES: &[&str] = &[
    "text/plain",
    "text/plain; version=0.0.4",
    "text/plain; version=0.0.3",
    "text/plain; version=1.0.0; escaping=allow-utf-8",
    "text/plain; charset=utf-8",
    "text/plain;",
    "text/plain; version",
    "text/plain; version=\"0.0.4\"",
    "TEXT/PLAIN",
    "text/html",
    "application/json",
    "application/octet-stream",
    "text",
    "",
    "application/openmetrics-text",
    "application/openmetrics-text; version=2.0.0",
    "text/plain, text/html",
    "text/plain; charset=utf-8; charset=\"utf-8\"",
    "text/plain; version = 0.0.4",
];

pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

fn compressed() -> Vec<(&'static str, Vec<u8>)> {
    let whole = gzip(BODY);
    let wrong_sum = {
        let mut bytes = whole.clone();
        let at = bytes.len() - 8;
        bytes[at] ^= 1;
        bytes
    };
    vec![
        ("whole", whole.clone()),
        ("two-members", [gzip(b"a 1\n"), gzip(b"b 2\n")].concat()),
        ("garbage-behind", [whole.as_slice(), b"garbage"].concat()),
        ("zeros-behind", [whole.as_slice(), &[0; 16]].concat()),
        ("empty", Vec::new()),
        ("cut-off", whole[..whole.len() / 2].to_vec()),
        ("without-sum", whole[..whole.len() - 8].to_vec()),
        ("wrong-sum", wrong_sum),
        ("twice", gzip(&whole)),
        ("not", BODY.to_vec()),
        ("three-members", [gzip(b"a 1\n"), gzip(b"b 2"), gzip(b"5\n")].concat()),
        ("empty-member-behind", [gzip(BODY), gzip(b"")].concat()),
        ("empty-member-first", [gzip(b""), gzip(BODY)].concat()),
        ("second-member-cut-off", [gzip(b"a 1\n"), whole[..whole.len() / 2].to_vec()].concat()),
        ("of-nothing", gzip(b"")),
        ("one-byte-behind", [whole.as_slice(), &[0x1f]].concat()),
        ("stored", with_level(Compression::none())),
        ("named", named()),
        ("zlib-instead", zlib()),
    ]
}

fn with_level(level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    let _ = encoder.write_all(BODY);
    encoder.finish().unwrap_or_default()
}

/// With the optional fields of a gzip header.
fn named() -> Vec<u8> {
    let builder = flate2::GzBuilder::new().filename("metrics").comment("text").extra("x").mtime(1);
    let mut encoder = builder.write(Vec::new(), Compression::fast());
    let _ = encoder.write_all(BODY);
    encoder.finish().unwrap_or_default()
}

fn zlib() -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let _ = encoder.write_all(BODY);
    encoder.finish().unwrap_or_default()
}

fn framed() -> Vec<(&'static str, Vec<u8>)> {
    let raw = |head: &str, body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n{head}\r\n{body}"
        )
        .into_bytes()
    };
    let chunked = "Transfer-Encoding: chunked\r\n";
    vec![
        ("chunked", raw(chunked, "4\r\na 1\n\r\n4\r\nb 2\n\r\n0\r\n\r\n")),
        ("chunked-cut-in-a-chunk", raw(chunked, "4\r\na 1\n\r\n8\r\nb 2\n")),
        ("chunked-cut-at-a-line", raw(chunked, "4\r\na 1\n\r\n")),
        ("chunked-without-end", raw(chunked, "4\r\na 1\n\r\n0\r\n")),
        ("length-too-long", raw("Content-Length: 100\r\n", "a 1\n")),
        ("length-too-short", raw("Content-Length: 4\r\n", "a 1\nb 2\n")),
        ("without-length", raw("", "a 1\nb 2\n")),
        ("http-1-0", b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\na 1\n".to_vec()),
        (
            "continue-first",
            [b"HTTP/1.1 100 Continue\r\n\r\n".as_slice(), &raw("", "a 1\n")].concat(),
        ),
        ("empty-answer", Vec::new()),
        ("half-a-status-line", b"HTTP/1.1 20".to_vec()),
        ("no-http", b"a 1\n".to_vec()),
    ]
}
