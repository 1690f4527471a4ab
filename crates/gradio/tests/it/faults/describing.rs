//! Faults while the description is read.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use gradio::Failure;
use serde_json::json;

use super::{Fault, LIMIT, described, script};
use crate::support::app::config;
use crate::support::scripted::{Do, Script};
use crate::support::wire::{answer, chunk, chunked, detail, json_answer, page};

pub(super) fn faults() -> Vec<Fault> {
    [statuses(), bodies(), log_ins(), chats()].into_iter().flatten().collect()
}

fn first(answer: impl Into<Vec<u8>>) -> Script {
    Script::default().send("config", answer)
}

fn statuses() -> Vec<Fault> {
    use Failure::{Auth, HttpStatus};
    let status = |name, status: &str, failure, prose| {
        Fault::new(name, first(page(status, "<html><title>Sorry</title>")), failure, prose)
    };
    let nothing = Script::default().send("page", detail("404 Not Found", "Not Found"));
    let moved = |to: &str| answer("301 Moved Permanently", &[("location", to)], b"");
    vec![
        Fault::new("endless redirects", first(moved("/config")), HttpStatus, "more than 5"),
        Fault::new(
            "moved away",
            first(moved("http://localhost:9/config")),
            HttpStatus,
            "to which credentials are not sent",
        )
        .with(|builder| builder.bearer("hush-hush")),
        Fault::new(
            "moved away, only traced",
            first(moved("http://localhost:9/config")),
            Failure::Connect,
            "the connection to",
        )
        .with(|builder| {
            builder.traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        }),
        Fault::new(
            "moved into TLS, where a token would be dropped",
            first(moved("https://127.0.0.1:9/config")),
            HttpStatus,
            "to which credentials are not sent",
        )
        .with(|builder| builder.bearer("hush-hush")),
        status("forbidden", "403 Forbidden", Auth, "403 Forbidden, a page titled `Sorry`"),
        status("internal error", "500 Internal Server Error", HttpStatus, "`/config` returned 500"),
        status("bad gateway", "502 Bad Gateway", HttpStatus, "a page titled `Sorry`"),
        status("no server behind", "503 Service Unavailable", HttpStatus, "503"),
        status("gateway timeout", "504 Gateway Timeout", HttpStatus, "504"),
        Fault::new("nothing there", nothing, HttpStatus, "404 Not Found, `Not Found`"),
        Fault::new(
            "too many requests",
            first(answer("429 Too Many Requests", &[("retry-after", "120")], b"slow down")),
            HttpStatus,
            "429 Too Many Requests, Retry-After `120`, `slow down`",
        ),
        Fault::new(
            "an error page with a traceback",
            first(answer(
                "500 Internal Server Error",
                &[],
                b"Traceback (most recent call last):\n  hush\nValueError: hush",
            )),
            HttpStatus,
            "(traceback removed)",
        ),
        Fault::new(
            "an error page with the token",
            first(answer("500 Internal Server Error", &[], b"no such token: hush-hush")),
            HttpStatus,
            "no such token: [secret]",
        )
        .with(|builder| builder.bearer("hush-hush")),
        Fault::new(
            "a Space that sleeps",
            first(page(
                "503 Service Unavailable",
                "<title>Hugging Face</title>This Space is sleeping",
            )),
            HttpStatus,
            "the Space is asleep",
        ),
        Fault::new(
            "an error page that never ends",
            first(
                [
                    b"HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
                    chunk(b"so sorry"),
                ]
                .concat(),
            ),
            HttpStatus,
            "so sorry",
        ),
    ]
}

fn bodies() -> Vec<Fault> {
    use Failure::{HttpStatus, NotGradio, StreamBroken, Timeout, TooLarge};
    let endless = |piece: &[u8]| {
        Script::default().on(
            "config",
            [Do::Send(chunked("application/json")), Do::Repeat(chunk(piece), Duration::ZERO)],
        )
    };
    let described = config(&json!("sse_v3")).to_string();
    let announced = |length: &str, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    };
    let zipped = |body: &[u8]| answer("200 OK", &[("content-encoding", "gzip")], body);
    vec![
        Fault::new(
            "another page",
            first(page("200 OK", "<html><title>Welcome</title>")),
            NotGradio,
            "a page titled `Welcome`",
        ),
        Fault::new(
            "other data",
            first(json_answer(&json!({ "status": "ok" }))),
            NotGradio,
            r#"`{"status":"ok"}`"#,
        ),
        Fault::new("nothing in it", first(answer("200 OK", &[], b"")), NotGradio, "an empty body"),
        Fault::new(
            "cut JSON",
            first(answer("200 OK", &[], &described.as_bytes()[..200])),
            NotGradio,
            "expected the description of a Gradio app",
        ),
        Fault::new(
            "not HTTP",
            Script {
                at_accept: Some(vec![Do::Send(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), Do::Wait]),
                ..Script::default()
            },
            NotGradio,
            "does not speak HTTP",
        ),
        Fault::new(
            "100 MB announced",
            first(announced("104857600", b"{")),
            TooLarge,
            "104857600 bytes or more; the limit is 8388608",
        ),
        Fault::new("100 MB sent", endless(&b" ".repeat(65_536)), TooLarge, "the limit is 8388608"),
        Fault::new("gzip bomb", first(zipped(&bomb())), TooLarge, "the limit is 8388608"),
        Fault::new(
            "broken gzip",
            first(zipped(b"this is no gzip")),
            StreamBroken,
            "could not be decompressed",
        ),
        Fault::new(
            "reset instead of an answer",
            Script { resets: true, ..Script::default().on("config", [Do::Close]) },
            StreamBroken,
            "the response ended before it was complete",
        ),
        Fault::new(
            "cut at the end of the connection",
            Script::default().on("config", [Do::Send(announced("5000", b"{")), Do::Close]),
            StreamBroken,
            "the response ended before it was complete",
        ),
        Fault::new(
            "cut chunked body",
            Script::default().on(
                "config",
                [Do::Send([chunked("application/json"), chunk(b"{")].concat()), Do::Close],
            ),
            StreamBroken,
            "the response ended before it was complete",
        ),
        Fault::new(
            "chunks that are none",
            first([chunked("application/json"), b"hello\r\n".to_vec()].concat()),
            StreamBroken,
            "the response ended before it was complete",
        ),
        Fault::new(
            "headers without end",
            Script::default().on(
                "config",
                [
                    Do::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
                    Do::Repeat(b"x-more: and more\r\n".repeat(1_000), Duration::ZERO),
                ],
            ),
            NotGradio,
            "does not speak HTTP",
        ),
        Fault::new(
            "silence",
            Script::default().on("config", [Do::Wait]),
            Timeout,
            "description was not received",
        )
        .limited(|limits| limits.conversation = LIMIT),
        Fault::new(
            "one byte a second",
            Script::default().on(
                "config",
                [Do::Drip(json_answer(&config(&json!("sse_v3"))), Duration::from_secs(1))],
            ),
            Timeout,
            "description was not received",
        )
        .limited(|limits| limits.conversation = LIMIT),
        Fault::new(
            "a body one byte a second",
            Script::default().on(
                "config",
                [
                    Do::Send(chunked("application/json")),
                    Do::Drip(chunk(described.as_bytes()), Duration::from_secs(1)),
                ],
            ),
            Timeout,
            "description was not received",
        )
        .limited(|limits| limits.conversation = LIMIT),
        Fault::new(
            "page without an app",
            first(detail("404 Not Found", "Not Found"))
                .send("page", page("404 Not Found", "<title>Lost</title>")),
            HttpStatus,
            "`/` returned 404",
        ),
        Fault::new(
            "a page of something else",
            first(detail("404 Not Found", "Not Found"))
                .send("page", page("200 OK", "<title>Blog</title>")),
            NotGradio,
            "a page titled `Blog`",
        ),
    ]
}

fn log_ins() -> Vec<Fault> {
    use Failure::{Auth, HttpStatus};
    let wanted = || first(detail("401 Unauthorized", "Not authenticated"));
    let closed = json!({ "auth_required": true, "components": [], "dependencies": [] });
    let closed = format!("<script>window.gradio_config = {closed};</script>");
    let behind = first(detail("404 Not Found", "Not Found")).send("page", page("200 OK", &closed));
    vec![
        Fault::new(
            "login required, none configured",
            wanted(),
            Auth,
            "401 Unauthorized, `Not authenticated`",
        ),
        Fault::new(
            "login rejected",
            wanted().send("login", detail("400 Bad Request", "Incorrect credentials.")),
            Auth,
            "the login was rejected",
        )
        .with(|builder| builder.login("ada", "hush")),
        Fault::new(
            "login has no effect",
            wanted().send("login", json_answer(&json!({ "success": true }))),
            Auth,
            "still requires one",
        )
        .with(|builder| builder.login("ada", "hush")),
        Fault::new(
            "login fails",
            wanted().send("login", page("500 Internal Server Error", "<title>x</title>")),
            HttpStatus,
            "`/login` returned 500",
        )
        .with(|builder| builder.login("ada", "hush")),
        Fault::new("page requires login", behind, Auth, "requires a login and none is configured"),
    ]
}

fn chats() -> Vec<Fault> {
    use Failure::{EndpointMissing, HttpStatus, NotGradio, Settings, Timeout, Unsupported};
    let empty = json!({ "components": [], "dependencies": [], "version": "6.31.0" });
    let old = json!({ "components": [], "dependencies": [], "version": "3.0.26" });
    vec![
        Fault::new(
            "no chat",
            described(&empty),
            EndpointMissing,
            "no chat among the app's 0 functions",
        ),
        Fault::new("unknown endpoint", script(), EndpointMissing, "it has `/chat`")
            .with(|builder| builder.endpoint("/talk".parse().unwrap())),
        Fault::new("unknown input", script(), Settings, "has no input `tone`")
            .with(|builder| builder.input("tone", 1)),
        Fault::new(
            "/info fails",
            script().send("info", page("500 Internal Server Error", "<title>Sorry</title>")),
            HttpStatus,
            "`/info` returned 500",
        )
        .with(|builder| builder.input("tone", 1)),
        Fault::new(
            "/info sends nothing",
            script().on("info", [Do::Wait]),
            Timeout,
            "`/info` was not received",
        )
        .with(|builder| builder.input("tone", 1))
        .limited(|limits| limits.conversation = LIMIT),
        Fault::new(
            "/info is a page",
            script().send("info", page("200 OK", "<title>Welcome</title>")),
            NotGradio,
            "`/info` returned a page titled `Welcome`; expected JSON",
        )
        .with(|builder| builder.input("tone", 1)),
        Fault::new("Gradio 3.0", described(&old), Unsupported, "Gradio 3.0 is not supported"),
    ]
}

/// 64 MB of zeros in some 64 KB.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let block = vec![b' '; 1024 * 1024];
    for _ in 0..64 {
        encoder.write_all(&block).unwrap();
    }
    encoder.finish().unwrap()
}
