//! A scripted Gradio 6 app on a loopback port: protocol `sse_v3`, answers from a closure.
//!
//! For tests of crates that use the Gradio client. It answers correctly, fails as an app does, or does not
//! answer. The tests of the client have servers with protocol errors.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use serde_json::{Value, json};

/// What the app does with a message.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Streams these pieces.
    Chunks(Vec<String>),
    /// Fails as `gr.Error` does.
    Error(String),
    /// Starts, and never sends a chunk.
    Silence,
    /// Rejects the request with status 401.
    Unauthorized,
}

impl Answer {
    /// A reply in one piece.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Chunks(vec![text.into()])
    }
}

/// A message as the app received it.
#[derive(Clone, Debug)]
pub struct Received {
    pub session: String,
    /// Counted from 0 within its session.
    pub turn: usize,
    pub message: String,
    pub headers: HeaderMap,
}

type Script = dyn Fn(&Received) -> Answer + Send + Sync;

/// The running app; it stops when its runtime does.
#[derive(Clone)]
pub struct GradioApp {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    state: Arc<App>,
}

struct App {
    script: Box<Script>,
    received: Mutex<Vec<Received>>,
    /// Answers that wait to be fetched, by session.
    waiting: Mutex<HashMap<String, (String, Answer)>>,
}

impl GradioApp {
    /// Starts an app that answers by `script`.
    pub async fn start(script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let state = Arc::new(App {
            script: Box::new(script),
            received: Mutex::default(),
            waiting: Mutex::default(),
        });
        let routes = Router::new()
            .route("/", get(async || "<script>window.gradio_config = {};</script>"))
            .route("/config", get(async || Json(config())))
            .route("/gradio_api/queue/join", post(join))
            .route("/gradio_api/queue/data", get(data))
            .route("/gradio_api/cancel", post(async || Json(json!({"success": true}))))
            .with_state(Arc::clone(&state));
        let listener =
            tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url: format!("http://{address}"), state }
    }

    /// Every message so far, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The part of `/config` of a `ChatInterface` of 6.31 that a client needs.
fn config() -> Value {
    json!({
        "version": "6.31.0", "api_prefix": "/gradio_api", "mode": "chat_interface", "protocol": "sse_v3",
        "components": [
            {"id": 1, "type": "textbox", "props": {"label": "Message"}},
            {"id": 2, "type": "state", "props": {}},
            {"id": 3, "type": "json", "props": {}},
        ],
        "dependencies": [{
            "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2], "outputs": [3, 2], "backend_fn": true,
            "queue": true, "api_name": "chat", "api_visibility": "public", "types": {"generator": true},
        }],
    })
}

async fn join(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let session = body["session_hash"].as_str().unwrap_or_default().to_owned();
    let message = body["data"][0].as_str().unwrap_or_default().to_owned();
    let mut all = app.received.lock().unwrap_or_else(PoisonError::into_inner);
    let turn = all.iter().filter(|earlier| earlier.session == session).count();
    let received = Received { session: session.clone(), turn, message, headers };
    let id = format!("{session}-{turn}");
    let answer = (app.script)(&received);
    all.push(received);
    if matches!(answer, Answer::Unauthorized) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    app.waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(session, (id.clone(), answer));
    Ok(Json(json!({"event_id": id})))
}

type Events = Sse<BoxStream<'static, Result<Event, Infallible>>>;

async fn data(State(app): State<Arc<App>>, Query(query): Query<HashMap<String, String>>) -> Events {
    let session = query.get("session_hash").cloned().unwrap_or_default();
    let waiting = app.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
    let (id, answer) =
        waiting.unwrap_or_else(|| (String::new(), Answer::Error("nothing joined".to_owned())));
    let starts = [
        json!({"msg": "estimation", "event_id": id, "rank": 0, "queue_size": 1, "rank_eta": null}),
        json!({"msg": "process_starts", "event_id": id, "eta": null}),
    ];
    let silent = matches!(answer, Answer::Silence);
    let messages = stream::iter(starts.into_iter().chain(reply(&id, answer)))
        .map(|message| Ok(Event::default().data(message.to_string())));
    if silent {
        Sse::new(messages.chain(stream::pending()).boxed())
    } else {
        Sse::new(messages.boxed())
    }
}

fn reply(id: &str, answer: Answer) -> Vec<Value> {
    let completed = |success: bool, output: Value| json!({"msg": "process_completed", "event_id": id, "success": success, "output": output, "title": "Error"});
    let end = json!({"msg": "close_stream", "event_id": null});
    match answer {
        Answer::Silence | Answer::Unauthorized => Vec::new(),
        Answer::Error(text) => vec![completed(false, json!({"error": text})), end],
        Answer::Chunks(chunks) => {
            let chunk = |(index, piece): (usize, &String)| {
                let value = if index == 0 {
                    json!([piece, null])
                } else {
                    json!([[["append", [], piece]], []])
                };
                let output = json!({"data": value, "is_generating": true, "duration": 0.001});
                json!({"msg": "process_generating", "event_id": id, "success": true, "output": output})
            };
            let mut messages: Vec<Value> = chunks.iter().enumerate().map(chunk).collect();
            let output =
                json!({"data": [chunks.concat(), null], "is_generating": false, "duration": 0.001});
            messages.extend([completed(true, output), end]);
            messages
        }
    }
}
