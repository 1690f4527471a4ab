//! Faults while joining the queue, and of unqueued functions.

use gradio::Failure;
use serde_json::json;

use super::{Fault, LIMIT, described};
use crate::support::app::{self, config};
use crate::support::scripted::{Do, Script};
use crate::support::wire::{answer, detail, json_answer, page};

pub(super) fn faults() -> Vec<Fault> {
    use Failure::{
        AppError, Auth, FirstChunkTimeout, HttpStatus, QueueFull, QueueTimeout, StreamBroken,
        TooLarge,
    };
    let described_only =
        || Script::default().send("config", json_answer(&config(&json!("sse_v3"))));
    let joined = |answer: Vec<u8>| described_only().send("join", answer);
    let plain = |answer: Vec<u8>| described(&app::unqueued()).send("predict", answer);
    let resets = Script { resets: true, ..described_only().on("join", [Do::Close]) };
    vec![
        Fault::new(
            "queue full",
            joined(detail(
                "503 Service Unavailable",
                "Queue is full. Max size is 3 and size is 3.",
            )),
            QueueFull,
            "Queue is full. Max size is 3",
        ),
        Fault::new(
            "queue stopped",
            joined(detail("503 Service Unavailable", "Queue is stopped.")),
            HttpStatus,
            "Queue is stopped.",
        ),
        Fault::new(
            "join fails",
            joined(answer("500 Internal Server Error", &[], b"Internal Server Error")),
            HttpStatus,
            "`/queue/join` returned 500",
        ),
        Fault::new(
            "join fails with a traceback",
            joined(answer(
                "500 Internal Server Error",
                &[],
                b"Traceback (most recent call last):\n hush",
            )),
            HttpStatus,
            "(traceback removed)",
        ),
        Fault::new(
            "join rejects the body",
            joined(detail("422 Unprocessable Entity", "json_invalid")),
            HttpStatus,
            "`json_invalid`",
        ),
        Fault::new(
            "login expired",
            joined(detail("401 Unauthorized", "Not authenticated")),
            Auth,
            "Not authenticated",
        ),
        Fault::new(
            "joined expected an `event_id`",
            joined(json_answer(&json!({}))),
            StreamBroken,
            "expected an `event_id`",
        ),
        Fault::new(
            "joined with a page",
            joined(page("200 OK", "<title>Oops</title>")),
            StreamBroken,
            "a page titled `Oops`",
        ),
        Fault::new(
            "reset at join",
            resets,
            StreamBroken,
            "the response ended before it was complete",
        ),
        Fault::new(
            "silence at join",
            described_only().on("join", [Do::Wait]),
            QueueTimeout,
            "did not start",
        )
        .limited(|limits| limits.stall = LIMIT),
        Fault::new(
            "no stream",
            joined(json_answer(&json!({ "event_id": app::EVENT }))),
            HttpStatus,
            "`/queue/data` returned 404",
        ),
        Fault::new(
            "not queued: the app's error",
            plain(answer("500 Internal Server Error", &[], br#"{"error":"overloaded"}"#)),
            AppError,
            "the app reported `overloaded`",
        ),
        Fault::new(
            "not queued: a hidden error",
            plain(answer("500 Internal Server Error", &[], br#"{"error":null}"#)),
            AppError,
            "without a text",
        ),
        Fault::new(
            "not queued: the server's error",
            plain(answer("500 Internal Server Error", &[], b"Internal Server Error")),
            HttpStatus,
            "`Internal Server Error`",
        ),
        Fault::new(
            "not queued: no JSON",
            plain(page("200 OK", "<title>Oops</title>")),
            StreamBroken,
            "a page titled `Oops`",
        ),
        Fault::new(
            "not queued: silence",
            described(&app::unqueued()).on("predict", [Do::Wait]),
            FirstChunkTimeout,
            "sent no chunk",
        )
        .limited(|limits| limits.stall = LIMIT),
        Fault::new(
            "not queued: too large",
            plain(json_answer(&json!({ "data": ["x".repeat(2_000), null] }))),
            TooLarge,
            "the limit is 1000",
        )
        .limited(|limits| limits.decompressed_bytes = 1000),
        Fault::harmless(
            "not queued: a reply",
            plain(json_answer(&json!({ "data": ["hi", null] }))),
            "hi",
        ),
    ]
}
