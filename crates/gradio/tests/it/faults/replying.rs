//! Faults in the reply.

use std::time::Duration;

use gradio::Failure;
use serde_json::{Value, json};

use super::{Fault, LIMIT, script, streamed};
use crate::support::app::{
    EVENT, appending, close_stream, completed, estimation, failed, generating, generating_data,
    heartbeat, starts,
};
use crate::support::scripted::{Do, Script};
use crate::support::wire::{chunk, end, event, event_text, page, stream_head};

pub(super) fn faults() -> Vec<Fault> {
    [silences(), endless(), broken(), odd(), errors(), between_turns()]
        .into_iter()
        .flatten()
        .collect()
}

/// A stream with these messages, followed by `then`.
fn begun(messages: &[Value], then: Do) -> Script {
    let begin: Vec<u8> = messages.iter().flat_map(event).collect();
    script().on("data", [Do::Send([stream_head(), begin].concat()), then])
}

fn whole(messages: &[Value]) -> Script {
    script().send("data", streamed(messages))
}

/// A stream with this body in these HTTP chunks.
fn raw(pieces: &[&[u8]]) -> Script {
    let body: Vec<u8> = pieces.iter().flat_map(|piece| chunk(piece)).collect();
    script().send("data", [stream_head(), body, end()].concat())
}

fn beats() -> Do {
    Do::Repeat(event(&heartbeat()), Duration::from_millis(50))
}

fn silences() -> Vec<Fault> {
    use Failure::{FirstChunkTimeout, QueueTimeout, Stalled};
    let stall = |name, script, failure, prose| {
        Fault::new(name, script, failure, prose).limited(|limits| limits.stall = LIMIT).cancelled()
    };
    vec![
        stall("silence after join", begun(&[], Do::Wait), QueueTimeout, "did not start"),
        stall(
            "no answer to the stream's request",
            script().on("data", [Do::Wait]),
            QueueTimeout,
            "did not start",
        ),
        stall(
            "silence in the queue",
            begun(&[estimation()], Do::Wait),
            QueueTimeout,
            "sent nothing for 300ms",
        ),
        stall(
            "heartbeats only",
            begun(&[estimation()], beats()),
            Stalled,
            "still sends heartbeats",
        ),
        stall(
            "silence once started",
            begun(&[starts()], Do::Wait),
            FirstChunkTimeout,
            "sent no chunk",
        ),
        stall("heartbeats once started", begun(&[starts()], beats()), Stalled, "sent no chunk"),
        stall(
            "silence in the reply",
            begun(&[starts(), generating("a")], Do::Wait),
            Stalled,
            "not complete",
        ),
        stall(
            "heartbeats in the reply",
            begun(&[starts(), generating("a")], beats()),
            Stalled,
            "not complete",
        ),
        stall(
            "one byte a second",
            script().on(
                "data",
                [Do::Send(stream_head()), Do::Drip(event(&estimation()), Duration::from_secs(1))],
            ),
            QueueTimeout,
            "did not start",
        ),
        Fault::new(
            "too long in the queue",
            begun(&[estimation()], beats()),
            QueueTimeout,
            "within 300ms of sending",
        )
        .limited(|limits| limits.queue = Some(LIMIT))
        .cancelled(),
        Fault::new(
            "too long until the first chunk",
            begun(&[starts()], beats()),
            FirstChunkTimeout,
            "within 300ms of sending",
        )
        .limited(|limits| limits.first_chunk = Some(LIMIT))
        .cancelled(),
    ]
}

fn endless() -> Vec<Fault> {
    use Failure::{QueueTimeout, Timeout, TooLarge};
    let begin = [starts(), generating("a")];
    let forever = |message: &Value, pause| begun(&begin, Do::Repeat(event(message), pause));
    let second = Duration::from_millis(1);
    vec![
        Fault::new(
            "a reply that never ends",
            forever(&appending("a"), second),
            Timeout,
            "not complete",
        )
        .limited(|limits| limits.conversation = LIMIT * 3)
        .cancelled(),
        Fault::new(
            "a flood of comments",
            begun(&[], Do::Repeat(chunk(&b": hi\n".repeat(2_000)), Duration::ZERO)),
            QueueTimeout,
            "did not start",
        )
        .limited(|limits| limits.stall = LIMIT)
        .cancelled(),
        Fault::new(
            "too many chunks",
            forever(&appending("a"), Duration::ZERO),
            TooLarge,
            "more than 100 chunks",
        )
        .limited(|limits| limits.chunks = 100)
        .cancelled(),
        Fault::new(
            "too much text",
            forever(&appending(&"a".repeat(1_000)), Duration::ZERO),
            TooLarge,
            "more than 20000 characters",
        )
        .limited(|limits| limits.reply_chars = 20_000)
        .cancelled(),
        Fault::new(
            "too much text at the end",
            whole(&[completed(&"é".repeat(30))]),
            TooLarge,
            "more than 20 characters",
        )
        .limited(|limits| limits.reply_chars = 20),
        Fault::new(
            "an event too large",
            begun(&[starts(), generating(&"a".repeat(5_000))], Do::Wait),
            TooLarge,
            "an event has more than 4000 bytes",
        )
        .limited(|limits| limits.event_bytes = 4_000)
        .cancelled(),
        Fault::new(
            "an event without end",
            begun(&[], Do::Repeat(chunk(&b"x".repeat(65_536)), Duration::ZERO)),
            TooLarge,
            "an event has more than 8388608 bytes",
        )
        .cancelled(),
    ]
}

fn broken() -> Vec<Fault> {
    use Failure::{HttpStatus, StreamBroken};
    let fault = |name, script, prose| Fault::new(name, script, StreamBroken, prose);
    let message = event_text(&generating("é"));
    let cut = message.find('é').unwrap() + 1;
    let head = message.as_bytes()[..cut].to_vec();
    let reset = Script { resets: true, ..begun(&[starts(), generating("a")], Do::Close) };
    let invalid = b"data: {\"msg\":\"process_completed\xff\"}\n\n";
    vec![
        fault(
            "cut chunked body",
            begun(&[starts(), generating("a")], Do::Close),
            "broke before the reply was complete: the response ended before it was complete",
        ),
        fault(
            "cut in the middle of a character",
            raw(&[&head]),
            "ended before the reply was complete",
        ),
        fault(
            "cut connection in the middle of a character",
            script().on("data", [Do::Send([stream_head(), chunk(&head)].concat()), Do::Close]),
            "broke before",
        ),
        fault(
            "reset in the reply",
            reset,
            "broke before the reply was complete: the response ended before it was complete",
        ),
        fault(
            "ended too early",
            whole(&[starts(), generating("a")]),
            "ended before the reply was complete",
        ),
        fault(
            "closed too early",
            whole(&[starts(), generating("a"), close_stream()]),
            "closed the stream before",
        ),
        fault("no JSON", raw(&[b"data: hello\n\n"]), "an event holds `hello`; expected a message"),
        fault("JSON without a message", raw(&[b"data: {}\n\n"]), "expected a message"),
        fault("not UTF-8", raw(&[invalid]), "expected a message"),
        fault(
            "malformed HTTP chunks",
            script().send("data", [stream_head(), b"zzz\r\n".to_vec()].concat()),
            "broke before",
        ),
        fault(
            "a page instead of a stream",
            script().send("data", page("200 OK", "<title>x</title>")),
            "`text/html`",
        ),
        fault(
            "a difference outside the value",
            whole(&[generating("a"), generating_data(&json!([[["append", [7], "b"]], []]))]),
            "path does not exist",
        ),
        fault(
            "a malformed difference",
            whole(&[generating("a"), generating_data(&json!(["b", null]))]),
            "malformed difference",
        ),
        Fault::new(
            "stream returns 502",
            script().send("data", page("502 Bad Gateway", "<title>x</title>")),
            HttpStatus,
            "502",
        ),
    ]
}

fn odd() -> Vec<Fault> {
    let reply = [
        estimation(),
        starts(),
        generating("tu"),
        appending("rn ✓"),
        completed("turn ✓"),
        close_stream(),
    ];
    let text: String = reply.iter().map(event_text).collect();
    let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    let crlf = text.replace('\n', "\r\n");
    let cr = text.replace('\n', "\r");
    let commented = text.replace("data: ", ": hello\nid: 7\ndata: ");
    let lines = text.replace(",\"", "\ndata: ,\"");
    let anothers = |message: Value| {
        let mut message = message;
        message["event_id"] = json!("someone else's");
        message
    };
    let mixed = [
        starts(),
        anothers(generating("no")),
        generating("yes"),
        anothers(failed(&json!("no"))),
        anothers(completed("no")),
        completed("yes"),
    ];
    let unknown = [
        json!({ "msg": "log", "event_id": EVENT, "log": "half way", "level": "info" }),
        json!({ "msg": "progress", "event_id": EVENT, "progress_data": null }),
        json!({ "msg": "from the future" }),
        completed("turn ✓"),
    ];
    vec![
        Fault::harmless("a normal reply", whole(&reply), "turn ✓"),
        Fault::harmless("split at every byte", raw(&bytes), "turn ✓"),
        Fault::harmless("CRLF", raw(&[crlf.as_bytes()]), "turn ✓"),
        Fault::harmless("CR", raw(&[cr.as_bytes()]), "turn ✓"),
        Fault::harmless("comments and other fields", raw(&[commented.as_bytes()]), "turn ✓"),
        Fault::harmless("data over several lines", raw(&[lines.as_bytes()]), "turn ✓"),
        Fault::harmless("unknown messages", whole(&unknown), "turn ✓"),
        Fault::harmless("another session's events", whole(&mixed), "yes"),
        Fault::harmless("an empty reply", whole(&[starts(), completed("")]), ""),
        Fault::harmless("a reply whose stream stays open", begun(&reply[..5], Do::Wait), "turn ✓"),
    ]
}

fn errors() -> Vec<Fault> {
    use Failure::{AppError, QueueFull, StreamBroken};
    let unexpected =
        |text: &str| json!({ "msg": "unexpected_error", "message": text, "success": false });
    let overloaded = failed(&json!("The model is overloaded"));
    let cancelled =
        json!({ "msg": "process_completed", "event_id": EVENT, "success": true, "output": {} });
    let mut mid = generating("b");
    mid["success"] = json!(false);
    vec![
        Fault::new(
            "an error before any chunk",
            whole(&[starts(), overloaded.clone()]),
            AppError,
            "the app reported `The model is overloaded`",
        ),
        Fault::new("an error as a chunk", whole(&[generating("a"), mid]), AppError, "the app"),
        Fault::new(
            "an error after chunks",
            whole(&[generating("a"), appending("b"), overloaded]),
            AppError,
            "The model is overloaded",
        ),
        Fault::new(
            "an old error in quotes",
            whole(&[failed(&json!("'overloaded'"))]),
            AppError,
            "reported `overloaded`",
        ),
        Fault::new(
            "an error without text",
            whole(&[failed(&json!(null))]),
            AppError,
            "without a text",
        ),
        Fault::new(
            "an error with a traceback",
            whole(&[failed(&json!("x Traceback (most recent call last): hush"))]),
            AppError,
            "reported `x (traceback removed)`",
        ),
        Fault::new(
            "an error with a key",
            whole(&[failed(&json!("bad key sk-hushhushhushhushhush"))]),
            AppError,
            "bad key [secret]",
        ),
        Fault::new(
            "an unexpected error",
            whole(&[unexpected("database is gone")]),
            AppError,
            "the server reported `database is gone`",
        ),
        Fault::new(
            "the server stops",
            whole(&[starts(), unexpected("Server stopped unexpectedly.")]),
            StreamBroken,
            "Server stopped",
        ),
        Fault::new("a cancelled event", whole(&[starts(), cancelled]), AppError, "without a value"),
        Fault::new(
            "no room, said on the stream",
            whole(&[json!({ "msg": "queue_full" })]),
            QueueFull,
            "queue is full",
        ),
    ]
}

fn between_turns() -> Vec<Fault> {
    let fine = || streamed(&[starts(), generating("a"), completed("a"), close_stream()]);
    let lost = json!({ "msg": "unexpected_error", "message": "404: Session not found.", "success": false });
    let forgot = streamed(&[completed("I do not know your name.")]);
    let closing = [Do::Send(fine()), Do::Close];
    vec![
        Fault::new(
            "the session is lost between turns",
            script().send("data", fine()).send("data", streamed(&[lost])),
            Failure::StreamBroken,
            "does not know the session",
        )
        .turns(2),
        // Only a check of the reply can notice this: the server accepts the unknown session.
        Fault::harmless(
            "the server forgets between turns",
            script().on("data", closing.clone()).send("data", forgot),
            "I do not know your name.",
        )
        .turns(2),
        Fault::harmless("the connection ends between turns", script().on("data", closing), "a")
            .turns(2),
    ]
}
