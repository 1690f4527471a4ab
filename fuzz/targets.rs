//! What is fuzzed, and what must hold for any input: nothing panics, limits are kept, and where a
//! thing can be done in two ways both come to the same.
//!
//! The fuzzers and the test that replays their corpora share this file.

use gradio::config::{AppConfig, embedded};
use gradio::diff;
use gradio::event_stream::EventStream;
use gradio::message::{Message, Output};
use gradio::reply::Content;
use serde_json::Value;

/// However a stream is cut, it holds the same events. The first byte says where to cut.
pub(crate) fn event_stream(data: &[u8]) {
    const LIMIT: usize = 256;
    let Some((&cut, data)) = data.split_first() else { return };
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut stream = EventStream::new(LIMIT);
        let mut events = Vec::new();
        for piece in pieces {
            let outcome = stream.feed(piece);
            events.extend(std::iter::from_fn(|| stream.next_event()));
            if outcome.is_err() {
                return (events, true);
            }
        }
        (events, false)
    };
    let whole = read(&mut std::iter::once(data));
    assert!(whole.0.iter().all(|event| event.len() <= LIMIT));
    assert_eq!(whole, read(&mut data.chunks(usize::from(cut).max(1))));
    assert_eq!(whole, read(&mut data.chunks(1)));
}

/// Messages are read or refused.
pub(crate) fn message(data: &[u8]) {
    let read = Message::parse(data);
    if read.is_some() {
        assert!(serde_json::from_slice::<Value>(data).is_ok_and(|value| value["msg"].is_string()));
    }
    if let Some(output) = Output::parse(data) {
        assert!(output.success);
    }
}

/// One JSON value a line: the first is changed by the others.
pub(crate) fn diff(data: &[u8]) {
    let mut values = data.split(|&byte| byte == b'\n').map(serde_json::from_slice::<Value>);
    let Some(Ok(mut value)) = values.next() else { return };
    for differences in values.map_while(Result::ok) {
        let before = value.clone();
        let empty = differences.as_array().is_some_and(Vec::is_empty);
        let outcome = diff::apply(&mut value, differences);
        if empty {
            assert!(outcome.is_ok() && value == before);
        }
    }
    // What was built can be walked and dropped without running out of stack.
    let _ = value.to_string();
    let _ = Content::read("chatbot", &value);
}

/// A description is read, or not; the chat is found, or not.
pub(crate) fn config(data: &[u8]) {
    let embedded = embedded(data);
    // Cut out where the object ends; whether its text is text is for the next to say.
    assert!(embedded.is_none_or(|json| json.starts_with(b"{") && json.ends_with(b"}")));
    for json in [Some(data), embedded].into_iter().flatten() {
        let Some(config) = AppConfig::parse(json) else { continue };
        for way in gradio::ways_to_chat(&config) {
            assert!(!way.steps.is_empty());
            assert!(way.steps.contains(&way.endpoint_id));
        }
    }
}

/// A reply says something, or nothing; of every kind of component.
pub(crate) fn reply(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    for kind in ["chatbot", "json", "textbox", "markdown", "html", "label", ""] {
        let content = Content::read(kind, &value);
        assert_eq!(content.is_empty(), !content.has_answer() && content.thinking.is_empty());
        // Nothing is made up: every text was there, or is the whole as JSON.
        let length: usize =
            content.text.len() + content.thinking.iter().map(|one| one.text.len()).sum::<usize>();
        assert!(length <= 2 * value.to_string().len());
    }
}
