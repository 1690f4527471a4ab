//! Faults of the WebSockets of Gradio 3.

use std::time::Duration;

use gradio::Failure;
use serde_json::{Value, json};

use super::{Fault, LIMIT, described};
use crate::support::app::{completed, config, estimation, failed, generating, starts};
use crate::support::scripted::{Do, Script};
use crate::support::wire::{answer, close_frame, detail, frame, text_frame};

pub(super) fn faults() -> Vec<Fault> {
    use Failure::{
        AppError, Auth, HttpStatus, QueueFull, QueueTimeout, Stalled, StreamBroken, TooLarge,
    };
    let hello =
        [json!({ "msg": "send_hash" }), estimation(), json!({ "msg": "send_data" }), starts()];
    let open = |messages: &[Value], then: Do| {
        let frames: Vec<u8> = messages.iter().flat_map(text_frame).collect();
        described(&config(&json!(null))).on("socket", [Do::Upgrade, Do::Send(frames), then])
    };
    let begun = |then: Do| open(&[&hello[..], &[generating("a")]].concat(), then);
    let refused = |answer: Vec<u8>| described(&config(&json!(null))).send("socket", answer);
    let closing = |code, reason| begun(Do::Send(close_frame(code, reason)));
    let flood = Do::Repeat(frame(9, b"ping").repeat(100), Duration::ZERO);
    // Announces 64 MB; only the header is sent.
    let huge = [vec![0x81, 127], (64_u64 << 20).to_be_bytes().to_vec()].concat();
    let wrong_accept = answer(
        "101 Switching Protocols",
        &[("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", "bm8=")],
        b"",
    );
    let silent = |limits: &mut gradio::Limits| limits.stall = LIMIT;
    let reply = [&hello[..], &[generating("a"), generating("ab"), completed("ab")]].concat();
    vec![
        Fault::harmless("ws: a normal reply", open(&reply, Do::Wait), "ab"),
        Fault::new("ws: closed too early", closing(1000, ""), StreamBroken, "with code 1000"),
        Fault::new(
            "ws: closed with a reason",
            closing(1011, "out of memory"),
            StreamBroken,
            "with code 1011, `out of memory`",
        ),
        Fault::new("ws: going away", closing(1001, ""), StreamBroken, "1001"),
        Fault::new("ws: dropped", begun(Do::Close), StreamBroken, "WebSocket"),
        Fault::new(
            "ws: reset",
            Script { resets: true, ..begun(Do::Close) },
            StreamBroken,
            "WebSocket",
        ),
        Fault::new(
            "ws: dropped at once",
            described(&config(&json!(null))).on("socket", [Do::Upgrade, Do::Close]),
            StreamBroken,
            "WebSocket",
        ),
        Fault::new("ws: ping flood", open(&[], flood), QueueTimeout, "did not start")
            .limited(silent),
        Fault::new("ws: silence", open(&[], Do::Wait), QueueTimeout, "did not start")
            .limited(silent),
        Fault::new("ws: silence in the reply", begun(Do::Wait), Stalled, "not complete")
            .limited(silent),
        Fault::new(
            "ws: binary",
            begun(Do::Send(frame(2, &[0, 1, 2]))),
            StreamBroken,
            "binary data",
        ),
        Fault::new(
            "ws: a frame of 64 MB",
            begun(Do::Send(huge)),
            TooLarge,
            "more than 8388608 bytes",
        ),
        Fault::new(
            "ws: a message too large",
            begun(Do::Send(text_frame(&json!("x".repeat(5_000))))),
            TooLarge,
            "more than 4000 bytes",
        )
        .limited(|limits| limits.event_bytes = 4_000),
        Fault::new(
            "ws: no JSON",
            begun(Do::Send(frame(1, b"hello"))),
            StreamBroken,
            "a frame holds `hello`; expected a message",
        ),
        Fault::new(
            "ws: not UTF-8",
            begun(Do::Send(frame(1, &[0xff, 0xfe]))),
            StreamBroken,
            "WebSocket",
        ),
        Fault::new(
            "ws: an unknown opcode",
            begun(Do::Send(frame(0xb, b"?"))),
            StreamBroken,
            "WebSocket",
        ),
        Fault::new(
            "ws: queue full",
            open(&[json!({ "msg": "send_hash" }), json!({ "msg": "queue_full" })], Do::Wait),
            QueueFull,
            "queue is full",
        ),
        Fault::new(
            "ws: the app's error",
            open(&[&hello[..], &[failed(&json!("'overloaded'"))]].concat(), Do::Wait),
            AppError,
            "reported `overloaded`",
        ),
        Fault::new("ws: not logged in", refused(detail("403 Forbidden", "")), Auth, "403"),
        Fault::new(
            "ws: not found",
            refused(detail("404 Not Found", "Not Found")),
            HttpStatus,
            "404",
        ),
        Fault::new("ws: no upgrade", refused(answer("200 OK", &[], b"hi")), HttpStatus, "200 OK"),
        Fault::new(
            "ws: wrong accept key",
            refused(wrong_accept),
            StreamBroken,
            "Sec-WebSocket-Accept",
        ),
    ]
}
