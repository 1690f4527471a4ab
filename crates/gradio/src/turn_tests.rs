#![expect(
    clippy::needless_pass_by_value,
    clippy::result_large_err,
    reason = "arguments of test cases"
)]

use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::diff;
use crate::message::Message;
use crate::reply_track::ReplySource;
use crate::step::{Flow, Step};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Runs one step whose output has this type and previous value. The messages arrive at these
/// milliseconds after sending.
fn run(
    protocol: Protocol,
    before: (&str, Value),
    messages: &[(u64, Value)],
) -> Result<Reply, (Fault, Partial)> {
    run_outputs(&[1], protocol, before, messages)
}

/// The same with further outputs; the first one has the reply.
fn run_outputs(
    outputs: &[u64],
    protocol: Protocol,
    (kind, before): (&str, Value),
    messages: &[(u64, Value)],
) -> Result<Reply, (Fault, Partial)> {
    let limits = Limits::default();
    let mut seen = |_| {};
    let far = Instant::now() + MS(60_000);
    let kind = kind.to_owned();
    let track = ReplyTrack::new(ReplySource { id: 1, kind, before, ..ReplySource::default() });
    let turn = Turn::begin(&limits, protocol, None, far, vec![track], &mut seen);
    let sent = turn.sent;
    let turn = Mutex::new(turn);
    let outcome = {
        let mut step = Step::new(&turn, outputs, true);
        step.set_joined(sent);
        let receive = |(at, message): &(u64, Value)| {
            let json = message.to_string();
            let message = Message::parse(json.as_bytes()).unwrap();
            step.receive(message, json.len(), sent + MS(*at))
        };
        let outcome = messages.iter().map(receive).find(|flow| !matches!(flow, Ok(Flow::Wait)));
        step.save_partial();
        outcome
    };
    let turn = turn.into_inner().unwrap();
    match outcome.expect("the messages end the step") {
        Ok(_) => Ok(turn.into_reply()),
        Err(fault) => Err((fault, turn.into_partial())),
    }
}

fn generating(data: Value, seconds: f64) -> Value {
    json!({ "msg": "process_generating", "success": true, "output": { "data": data, "duration": seconds } })
}

fn completed(data: Value, seconds: f64) -> Value {
    json!({ "msg": "process_completed", "success": true, "output": { "data": data, "duration": seconds } })
}

fn starts() -> Value {
    json!({ "msg": "process_starts" })
}

fn estimation(rank: u64, eta: Value) -> Value {
    json!({ "msg": "estimation", "rank": rank, "queue_size": 3, "rank_eta": eta })
}

fn text_box() -> (&'static str, Value) {
    ("textbox", Value::Null)
}

#[test]
fn times_come_from_the_messages() {
    let reply = run(
        Protocol::SseV3,
        text_box(),
        &[
            (5, estimation(2, json!(null))),
            (20, estimation(0, json!(0.5))),
            (30, starts()),
            (50, generating(json!(["a"]), 0.02)),
            (70, generating(json!([[["append", [], "b"]]]), 0.03)),
            (75, completed(json!(["ab"]), 0.001)),
        ],
    )
    .unwrap();
    let expected = TurnTiming {
        queue: Some(MS(30)),
        queue_position: Some(2),
        first_output: Some(MS(50)),
        first_chunk: Some(MS(50)),
        first_text: Some(MS(50)),
        chunks: vec![MS(50), MS(70)],
        reply: Some(MS(75)),
        server_processing: Some(MS(51)),
        server_first_chunk: Some(MS(20)),
        cold: Some(true),
        grain: None,
    };
    assert_eq!((reply.text.as_str(), reply.timing), ("ab", expected));
}

#[test]
fn repeated_last_duration_is_counted_once() {
    for (protocol, expected) in [(Protocol::Ws, 50), (Protocol::Sse, 50), (Protocol::SseV1, 50)] {
        let messages = [
            (50, generating(json!(["a"]), 0.02)),
            (70, generating(json!(["ab"]), 0.03)),
            (75, completed(json!(["ab"]), 0.03)),
        ];
        let reply = run(protocol, text_box(), &messages).unwrap();
        assert_eq!(reply.timing.server_processing, Some(MS(expected)), "{protocol:?}");
    }
    // Without chunks, the last message has the only duration.
    let reply = run(Protocol::Ws, text_box(), &[(75, completed(json!(["ab"]), 0.03))]).unwrap();
    assert_eq!(reply.timing.server_processing, Some(MS(30)));
    assert_eq!(reply.timing.first_chunk, Some(MS(75)));
}

#[test]
fn thinking_is_a_chunk_without_text() {
    let thought =
        json!({ "role": "assistant", "content": "hm", "metadata": { "title": "Thinking" } });
    let answer = json!({ "role": "assistant", "content": "42" });
    let reply = run(
        Protocol::SseV3,
        ("json", Value::Null),
        &[
            (60, generating(json!([[thought]]), 0.01)),
            (155, generating(json!([[["add", [1], answer]]]), 0.01)),
            (160, completed(json!([[thought, answer]]), 0.0)),
        ],
    )
    .unwrap();
    assert_eq!(reply.text, "42");
    assert_eq!((reply.timing.first_chunk, reply.timing.first_text), (Some(MS(60)), Some(MS(155))));
}

#[test]
fn previous_answer_is_not_a_reply() {
    let before = json!([["a", "old"]]);
    let reply = run(
        Protocol::SseV1,
        ("chatbot", before.clone()),
        &[
            (10, generating(json!([before]), 0.01)),
            (20, generating(json!([[["a", "old"], ["b", null]]]), 0.01)),
            (30, generating(json!([[["a", "old"], ["b", "old"]]]), 0.01)),
            (40, completed(json!([[["a", "old"], ["b", "old"]]]), 0.0)),
        ],
    )
    .unwrap();
    assert_eq!((reply.text.as_str(), reply.timing.first_text), ("old", Some(MS(30))));
    assert_eq!(reply.timing.chunks, [MS(30)], "the user's message is not a chunk");
    let unchanged = [(40, completed(json!([before]), 0.0))];
    assert_eq!(run(Protocol::SseV1, ("chatbot", before.clone()), &unchanged).unwrap().text, "");
}

#[test]
fn partial_reply_survives_an_error() {
    let failed =
        json!({ "msg": "process_completed", "success": false, "output": { "error": "no" } });
    let messages = [(10, starts()), (20, generating(json!(["half"]), 0.01)), (30, failed)];
    let (fault, partial) = run(Protocol::SseV3, text_box(), &messages).unwrap_err();
    assert_eq!((fault.failure, partial.text.as_str()), (Failure::AppError, "half"));
    assert_eq!((partial.timing.first_chunk, partial.timing.reply), (Some(MS(20)), None));
}

#[test]
fn update_without_value_keeps_the_reply() {
    let update = json!({ "__type__": "update", "interactive": true });
    let messages = [(10, generating(json!(["said"]), 0.01)), (20, completed(json!([update]), 0.0))];
    assert_eq!(run(Protocol::SseV3, text_box(), &messages).unwrap().text, "said");
}

#[test]
fn differences_without_a_base_are_ignored() {
    let chat = json!([["hello", "Hi Ada"]]);
    for first in [json!([["replace", [0, 1], "Hi"]]), json!([])] {
        let messages = [
            (10, starts()),
            (20, generating(json!([first, []]), 0.1)),
            (30, generating(json!([[["append", [0, 1], " Ada"]], []]), 0.1)),
            (40, completed(json!([chat, null]), 0.0)),
        ];
        let reply = run(Protocol::SseV3, ("chatbot", json!([])), &messages).unwrap();
        assert_eq!(reply.text, "Hi Ada");
        assert_eq!(reply.timing.first_chunk, Some(MS(40)), "the chunks have no base");
    }
    // A chat of pairs whose texts are the names of actions.
    let shown = json!([["replace", ["a"]], ["add", "b"]]);
    assert!(!diff::is_difference(&shown) && !diff::is_difference(&json!([])));
}

#[test]
fn update_without_a_value_keeps_the_reply() {
    let skip = || json!({ "__type__": "update" });
    let chat = |text: &str| json!([{ "role": "assistant", "content": text }]);
    let appended = json!([["append", [0, "content"], "llo"]]);
    let replaced = json!([["replace", [], skip()]]);
    let whole = [
        (10, generating(json!([chat("he")]), 0.01)),
        (20, generating(json!([chat("hello")]), 0.01)),
        (30, generating(json!([skip()]), 0.01)),
        (40, completed(json!([skip()]), 0.01)),
    ];
    let diffs = [
        (10, generating(json!([chat("he")]), 0.01)),
        (20, generating(json!([appended]), 0.01)),
        (30, generating(json!([replaced]), 0.01)),
        (40, completed(json!([skip()]), 0.01)),
    ];
    let update = |text: &str| json!({ "__type__": "update", "value": chat(text) });
    let appended = json!([["append", ["value", 0, "content"], "llo"]]);
    let deleted = json!([["delete", ["value"], null]]);
    let updates = [
        (10, generating(json!([update("he")]), 0.01)),
        (20, generating(json!([appended]), 0.01)),
        (30, generating(json!([deleted]), 0.01)),
        (40, completed(json!([skip()]), 0.01)),
    ];
    let added = json!([["add", ["value"], chat("hello")]]);
    let between = [
        (10, generating(json!([update("he")]), 0.01)),
        (20, generating(json!([deleted]), 0.01)),
        (30, generating(json!([added]), 0.01)),
        (40, generating(json!([deleted]), 0.01)),
        (50, completed(json!([skip()]), 0.01)),
    ];
    for (protocol, messages) in [
        (Protocol::Sse, &whole[..]),
        (Protocol::SseV3, &diffs[..]),
        (Protocol::SseV3, &updates[..]),
        (Protocol::SseV3, &between[..]),
    ] {
        let reply = run(protocol, ("chatbot", json!([])), messages).unwrap();
        assert_eq!((reply.text.as_str(), reply.timing.first_text), ("hello", Some(MS(10))));
    }
}

#[test]
fn values_before_an_update_count_as_outputs() {
    let text = json!("x".repeat(3_000_000));
    let skip = json!({ "__type__": "update" });
    let nothing = json!([]);
    // Each output has a long value once, and then an update without a value. The first has the reply.
    for protocol in [Protocol::Sse, Protocol::SseV3] {
        let has_differences = protocol == Protocol::SseV3;
        let mut messages = vec![(5, generating(json!([null, null, null, null, null]), 0.01))];
        for at in 1..5_usize {
            for value in [&text, &skip] {
                let row = (0..5).map(|other| match (has_differences, other == at) {
                    (false, true) => value.clone(),
                    (false, false) => Value::Null,
                    (true, true) => json!([["replace", [], value]]),
                    (true, false) => nothing.clone(),
                });
                messages.push((10, generating(row.collect(), 0.01)));
            }
        }
        let outputs = [1, 2, 3, 4, 5];
        let (fault, _) = run_outputs(&outputs, protocol, ("json", Value::Null), &messages)
            .expect_err("the values are too large together");
        assert_eq!(fault.failure, Failure::TooLarge);
        assert!(fault.prose.starts_with("the outputs of the functions"), "{}", fault.prose);
    }
}

#[test]
fn values_beyond_the_outputs_are_ignored() {
    let long = json!("x".repeat(1_000_000));
    let skip = json!({ "__type__": "update" });
    for protocol in [Protocol::Sse, Protocol::SseV3] {
        let has_differences = protocol == Protocol::SseV3;
        let part = |value: &Value| {
            if has_differences { json!([["replace", [], value]]) } else { value.clone() }
        };
        let mut messages = vec![(5, generating(json!(["hi"]), 0.01))];
        for beyond in 1..20_usize {
            for last in [&long, &skip] {
                let mut row = vec![part(&json!("hi"))];
                row.resize(beyond, if has_differences { json!([]) } else { Value::Null });
                row.push(part(last));
                messages.push((10, generating(Value::from(row), 0.01)));
            }
        }
        messages.push((30, completed(json!(["hi", long]), 0.01)));
        let reply = run(protocol, text_box(), &messages).map_err(|(fault, _)| fault.prose);
        assert_eq!(reply.map(|reply| reply.text), Ok("hi".to_owned()), "{protocol:?}");
    }
}
