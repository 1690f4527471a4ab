//! Messages of the queue: JSON objects with the key `msg`, the same over every transport.

use serde_json::{Map, Value};

use crate::reply::Toast;

/// One message of the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Event that the message is about; `None` means all events.
    pub event_id: Option<String>,
    /// Content.
    pub body: Body,
}

/// Content of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// WebSocket: the server asks for the session.
    SendHash,
    /// WebSocket and `sse`: the server asks for the data.
    SendData,
    /// Position in the queue.
    Estimation {
        /// 0 is next.
        rank: Option<u64>,
        /// Length of the queue.
        size: Option<u64>,
        /// Whether no run has finished since the app started; `None` when the message lacks it.
        cold: Option<bool>,
    },
    /// The app starts to process the event.
    Starts,
    /// A chunk.
    Generating(Output),
    /// The end.
    Completed(Output),
    /// The queue is full.
    QueueFull,
    /// The server failed.
    UnexpectedError {
        /// Error text.
        message: String,
        /// Whether the server does not know the session.
        session_lost: bool,
    },
    /// Keep-alive.
    Heartbeat,
    /// The stream ends.
    CloseStream,
    /// A message for the user (`gr.Info`, `gr.Warning`).
    Toast(Toast),
    /// Progress and unknown messages.
    Other,
}

/// Output of a function.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// False for an error.
    pub success: bool,
    /// Values or differences, one per output; `None` when there are none.
    pub data: Option<Vec<Value>>,
    /// Seconds that this step of the function took.
    pub duration: Option<f64>,
    /// Error text; `None` when the app hides it.
    pub error: Option<String>,
    /// Whether the page shows no toast for the error (`gr.Error(…, visible=False)`).
    pub hides_error: bool,
    /// `full` or `partial` when the app used its cache.
    pub used_cache: Option<String>,
    /// Ids of the states that the function changed.
    pub changed_states: Vec<u64>,
    /// Components and functions that a `gr.render` function returned.
    pub rendered: Option<Value>,
}

impl Message {
    /// Parses a message; `None` when it is not a JSON object with a `msg`.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        let Value::Object(mut map) = serde_json::from_slice(json).ok()? else { return None };
        let kind = map.get("msg")?.as_str()?.to_owned();
        let body = match kind.as_str() {
            "send_hash" => Body::SendHash,
            "send_data" => Body::SendData,
            "estimation" => Body::Estimation {
                rank: map.get("rank").and_then(Value::as_u64),
                size: map.get("queue_size").and_then(Value::as_u64),
                cold: map.get("rank_eta").map(Value::is_null),
            },
            "process_starts" => Body::Starts,
            "process_generating" | "process_streaming" => Body::Generating(output(&mut map)),
            "process_completed" => Body::Completed(output(&mut map)),
            "queue_full" => Body::QueueFull,
            "unexpected_error" => unexpected(&map),
            "heartbeat" => Body::Heartbeat,
            "close_stream" => Body::CloseStream,
            "log" => Body::Toast(toast(&map)),
            _ => Body::Other,
        };
        let event_id = map.get("event_id").and_then(Value::as_str).map(str::to_owned);
        Some(Self { event_id, body })
    }
}

fn output(message: &mut Map<String, Value>) -> Output {
    let success = message.get("success").and_then(Value::as_bool).unwrap_or(true);
    let Some(Value::Object(mut output)) = message.remove("output") else {
        return Output { success, ..Output::default() };
    };
    let used_cache = message.get("used_cache").and_then(Value::as_str).map(str::to_owned);
    Output { success, used_cache, ..Output::from_map(&mut output) }
}

fn toast(message: &Map<String, Value>) -> Toast {
    /// Longest text that is kept, in characters. A user cannot read more before the page removes it.
    const LONGEST: usize = 4_000;
    let text = |key: &str| -> String {
        let text = message.get(key).and_then(Value::as_str).unwrap_or_default();
        text.chars().take(LONGEST).collect()
    };
    Toast { level: text("level"), title: text("title"), text: text("log") }
}

impl Output {
    /// Parses the response of an unqueued call.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        let Value::Object(mut map) = serde_json::from_slice(json).ok()? else { return None };
        Some(Self { success: true, ..Self::from_map(&mut map) })
    }

    fn from_map(map: &mut Map<String, Value>) -> Self {
        let data = match map.remove("data") {
            Some(Value::Array(data)) => Some(data),
            _ => None,
        };
        let error = map.get("error").and_then(Value::as_str);
        Self {
            success: false,
            data,
            duration: map.get("duration").and_then(Value::as_f64),
            // Up to 4.x the text is quoted by Python.
            error: error.map(|text| unquoted(text).to_owned()),
            hides_error: map.get("visible").and_then(Value::as_bool) == Some(false),
            used_cache: None,
            changed_states: match map.get("changed_state_ids") {
                Some(Value::Array(ids)) => ids.iter().filter_map(Value::as_u64).collect(),
                _ => Vec::new(),
            },
            rendered: map.remove("render_config").filter(Value::is_object),
        }
    }
}

fn unquoted(text: &str) -> &str {
    // Quotes that are also inside the text belong to it: `'NoneType' object has no attribute 'get'`.
    let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    let whole = |inner: &&str| !inner.contains('\'') || text.starts_with('"');
    inner('\'').or_else(|| inner('"')).filter(whole).unwrap_or(text)
}

fn unexpected(map: &Map<String, Value>) -> Body {
    let message = map.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    let flagged = map.get("session_not_found").and_then(Value::as_bool).unwrap_or(false);
    let session_lost = flagged || message.starts_with("404:");
    Body::UnexpectedError { message, session_lost }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(json: &str) -> Option<Body> {
        Message::parse(json.as_bytes()).map(|message| message.body)
    }

    #[test]
    fn json_without_msg_is_rejected() {
        for json in ["", "null", "[]", "{}", r#"{"msg":7}"#, "{\"msg\":\"heartbeat\"", "\u{fffd}"] {
            assert_eq!(body(json), None, "{json}");
        }
    }

    #[test]
    fn unknown_message_is_other() {
        assert_eq!(body(r#"{"msg":"progress","progress_data":[]}"#), Some(Body::Other));
        assert_eq!(body(r#"{"msg":"from the future"}"#), Some(Body::Other));
    }

    #[test]
    fn run_is_cold_without_an_estimate() {
        let cold = |json| match body(json) {
            Some(Body::Estimation { cold, .. }) => cold,
            other => panic!("{other:?}"),
        };
        assert_eq!(cold(r#"{"msg":"estimation","rank":0,"rank_eta":null}"#), Some(true));
        assert_eq!(cold(r#"{"msg":"estimation","rank":0,"rank_eta":0.2}"#), Some(false));
        assert_eq!(cold(r#"{"msg":"estimation","rank":0}"#), None);
    }

    #[test]
    fn error_text_is_unquoted() {
        let error = |json| match body(json) {
            Some(Body::Completed(output)) => (output.success, output.error),
            other => panic!("{other:?}"),
        };
        let message =
            r#"{"msg":"process_completed","success":false,"output":{"error":"'too much'"}}"#;
        assert_eq!(error(message), (false, Some("too much".to_owned())));
        let message = r#"{"msg":"process_completed","success":false,"output":{"error":null}}"#;
        assert_eq!(error(message), (false, None));
        assert_eq!(error(r#"{"msg":"process_completed","success":false}"#), (false, None));
    }

    #[test]
    fn chunk_has_data_and_duration() {
        let message = r#"{"msg":"process_generating","event_id":"e","success":true,"output":{"data":["a",null],"duration":0.5}}"#;
        let expected = Output {
            success: true,
            data: Some(vec![json!("a"), Value::Null]),
            duration: Some(0.5),
            ..Output::default()
        };
        let message = Message::parse(message.as_bytes()).unwrap();
        assert_eq!(
            message,
            Message { event_id: Some("e".to_owned()), body: Body::Generating(expected) }
        );
    }

    #[test]
    fn lost_session_is_detected_in_two_formats() {
        let lost = |json| match body(json) {
            Some(Body::UnexpectedError { session_lost, .. }) => session_lost,
            other => panic!("{other:?}"),
        };
        assert!(lost(r#"{"msg":"unexpected_error","message":"404: Session not found."}"#));
        assert!(lost(r#"{"msg":"unexpected_error","message":"?","session_not_found":true}"#));
        assert!(!lost(r#"{"msg":"unexpected_error","message":"Server stopped unexpectedly."}"#));
        assert!(!lost(r#"{"msg":"unexpected_error"}"#));
    }
}
