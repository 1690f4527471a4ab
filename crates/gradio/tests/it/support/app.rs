//! Description and messages of a small chat app.

use serde_json::{Value, json};

/// Event id that every join returns.
pub(crate) const EVENT: &str = "e1";

/// A `ChatInterface` with the given protocol; `null` is a Gradio 3.
pub(crate) fn config(protocol: &Value) -> Value {
    json!({
        "version": "6.31.0", "mode": "chat_interface", "protocol": protocol, "enable_queue": true,
        "components": [
            { "id": 1, "type": "textbox", "props": { "label": "Message" } },
            { "id": 2, "type": "state" },
            { "id": 3, "type": "json" },
        ],
        "dependencies": [{
            "id": 0, "targets": [[9, "click"]], "inputs": [1, 2], "outputs": [3, 2], "queue": true,
            "api_name": "chat", "types": { "generator": true },
        }],
    })
}

/// The same app with an unqueued function.
pub(crate) fn unqueued() -> Value {
    let mut config = config(&json!("sse_v3"));
    config["dependencies"][0]["queue"] = json!(false);
    config
}

pub(crate) fn estimation() -> Value {
    json!({ "msg": "estimation", "event_id": EVENT, "rank": 0, "queue_size": 1, "rank_eta": null })
}

pub(crate) fn starts() -> Value {
    json!({ "msg": "process_starts", "event_id": EVENT, "eta": null })
}

/// The first chunk.
pub(crate) fn generating(text: &str) -> Value {
    generating_data(&json!([text, null]))
}

/// A chunk that appends to the previous one.
pub(crate) fn appending(text: &str) -> Value {
    generating_data(&json!([[["append", [], text]], []]))
}

pub(crate) fn generating_data(data: &Value) -> Value {
    json!({
        "msg": "process_generating", "event_id": EVENT, "success": true,
        "output": { "data": data, "is_generating": true, "duration": 0.01 },
    })
}

pub(crate) fn completed(text: &str) -> Value {
    json!({
        "msg": "process_completed", "event_id": EVENT, "success": true,
        "output": { "data": [text, null], "is_generating": false, "duration": 0.001 },
    })
}

pub(crate) fn failed(error: &Value) -> Value {
    json!({
        "msg": "process_completed", "event_id": EVENT, "success": false,
        "output": { "error": error, "visible": true },
    })
}

pub(crate) fn close_stream() -> Value {
    json!({ "msg": "close_stream", "event_id": null })
}

pub(crate) fn heartbeat() -> Value {
    json!({ "msg": "heartbeat" })
}
