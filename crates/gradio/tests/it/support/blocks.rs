//! A `gr.Blocks` app whose functions a test chooses.

use gradio::{Client, ClientBuilder, Error, Proxy, Reply};
use serde_json::{Value, json};

use super::app::close_stream;
use super::request::Request;
use super::scripted::{Script, Server};
use super::wire::{end, event, json_answer, page, stream_head};

pub(crate) const PAGE: &str = "<script>window.gradio_config = {};</script>";

/// An app with a message box (1), a chatbot (2), a state (3), a button (4), a column (5) that contains
/// the box, and these functions.
pub(crate) fn blocks(functions: &Value) -> Value {
    json!({
        "version": "6.31.0", "mode": "blocks", "protocol": "sse_v3", "api_prefix": "/gradio_api",
        "components": [
            { "id": 1, "type": "textbox", "props": { "label": "Message" } },
            { "id": 2, "type": "chatbot", "props": { "label": "A", "value": [] } },
            { "id": 3, "type": "state" },
            { "id": 4, "type": "button" },
            { "id": 5, "type": "column", "props": {} },
            { "id": 6, "type": "json", "props": { "visible": false } },
            { "id": 7, "type": "dropdown", "props": { "label": "Model" } },
            { "id": 8, "type": "chatbot", "props": { "label": "B", "value": [] } },
        ],
        "layout": { "id": 0, "children": [{ "id": 5, "children": [{ "id": 1 }] }, { "id": 2 }] },
        "dependencies": functions,
    })
}

/// One function from the box to the chatbot.
pub(crate) fn plain() -> Value {
    blocks(&json!([{ "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [1, 2] }]))
}

pub(crate) fn said(text: &str) -> Value {
    json!([{ "role": "user", "content": "hi" }, { "role": "assistant", "content": text }])
}

/// The last message of an event.
pub(crate) fn done(event: &str, data: &Value) -> Value {
    json!({
        "msg": "process_completed", "event_id": event, "success": true,
        "output": { "data": data, "duration": 0.001 },
    })
}

pub(crate) fn stream(messages: &[Value]) -> Vec<u8> {
    [stream_head(), messages.iter().flat_map(event).collect(), end()].concat()
}

/// The events `e1`, `e2` … in the order of their joins, each with a stream that returns these outputs.
pub(crate) fn script(config: &Value, outputs: &[Value]) -> Script {
    let script =
        Script::default().send("config", json_answer(config)).send("page", page("200 OK", PAGE));
    let script = script.send("cancel", json_answer(&json!({ "success": true })));
    (1..).zip(outputs).fold(script, |script, (number, data)| {
        let id = format!("e{number}");
        let messages = [done(&id, data), close_stream()];
        script.send("join", json_answer(&json!({ "event_id": id }))).send("data", stream(&messages))
    })
}

pub(crate) fn client(server: &Server) -> ClientBuilder {
    Client::builder(server.url()).proxy(Proxy::None)
}

pub(crate) async fn say(builder: ClientBuilder) -> Result<Reply, Error> {
    let mut session = builder.build()?.connect().await?;
    session.say("hi", &mut |_| {}).await
}

pub(crate) fn joins(server: &Server) -> Vec<Request> {
    let joins = server.seen().into_iter().filter(|request| request.path().ends_with("/join"));
    joins.collect()
}
