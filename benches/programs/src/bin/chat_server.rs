//! A chat app with the protocol of Gradio 6 (`sse_v3`) that logs when it sends the first chunk of each
//! reply, so that the times of a client can be compared with it.
//!
//! ```text
//! cargo run -p bench-programs --bin chat_server -- CHUNKS MILLISECONDS LOG
//! ```
//!
//! Prints its address, serves until standard input ends, then writes the log: one line for each turn
//! with the message and the Unix time of its first chunk in seconds.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use futures_util::stream;
use serde_json::{Value, json};

#[derive(Clone)]
struct App {
    chunks: usize,
    pause: Duration,
    /// Last message of each session.
    said: Arc<Mutex<HashMap<String, String>>>,
    log: Arc<Mutex<Vec<(String, f64)>>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: chat_server CHUNKS MILLISECONDS LOG");
    let (chunks, pause, path) = (next()?.parse()?, next()?.parse()?, next()?);
    let pause = Duration::from_millis(pause);
    let app = App { chunks, pause, said: Arc::default(), log: Arc::default() };
    let routes = Router::new()
        .route("/", get(|| async { "<script>window.gradio_config = {};</script>" }))
        .route("/config", get(|| async { Json(config()) }))
        .route("/gradio_api/queue/join", post(join))
        .route("/gradio_api/queue/data", get(data))
        .with_state(app.clone());
    let listener = tokio::net::TcpSocket::new_v4()?;
    listener.bind("127.0.0.1:0".parse()?)?;
    let listener = listener.listen(4096)?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    // Small writes must not wait for each other's acknowledgement.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let closed = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        served = axum::serve(listener, routes) => served?,
        _ = closed => {}
    }
    let mut lines = String::new();
    for (said, at) in app.log.lock().map_err(|_| "the log is broken")?.iter() {
        writeln!(lines, "{said} {at:.6}")?;
    }
    std::fs::write(path, lines)?;
    Ok(())
}

fn config() -> Value {
    json!({
        "version": "6.31.0", "mode": "chat_interface", "protocol": "sse_v3", "api_prefix": "/gradio_api",
        "components": [
            { "id": 1, "type": "textbox" }, { "id": 2, "type": "state" }, { "id": 3, "type": "json" },
        ],
        "dependencies": [{
            "id": 0, "targets": [[9, "click"]], "inputs": [1, 2], "outputs": [3, 2], "queue": true,
            "api_name": "chat", "types": { "generator": true },
        }],
    })
}

async fn join(State(app): State<App>, Json(body): Json<Value>) -> Json<Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Ok(mut said) = app.said.lock() {
        said.insert(text(&body["session_hash"]), text(&body["data"][0]));
    }
    Json(json!({ "event_id": body["session_hash"] }))
}

async fn data(State(app): State<App>, Query(query): Query<HashMap<String, String>>) -> Response {
    let session = query.get("session_hash").cloned().unwrap_or_default();
    let events = stream::unfold((0, app, session), |(step, app, session)| async move {
        let event = |message: Value| Bytes::from(format!("data: {message}\n\n"));
        let id = &session;
        let output =
            |data: Value| json!({ "data": data, "is_generating": true, "duration": 0.001 });
        let message = match step {
            0 => json!({ "msg": "process_starts", "event_id": id }),
            step if step <= app.chunks => {
                tokio::time::sleep(app.pause).await;
                let data = if step == 1 {
                    json!(["t0 ", null])
                } else {
                    json!([[["append", [], "t "]], []])
                };
                json!({ "msg": "process_generating", "event_id": id, "success": true, "output": output(data) })
            }
            step if step == app.chunks + 1 => {
                let text = format!("t0 {}", "t ".repeat(app.chunks - 1));
                json!({ "msg": "process_completed", "event_id": id, "success": true, "output": output(json!([text, null])) })
            }
            step if step == app.chunks + 2 => json!({ "msg": "close_stream", "event_id": null }),
            _ => return None,
        };
        if step == 1 {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            if let (Ok(said), Ok(mut log)) = (app.said.lock(), app.log.lock()) {
                log.push((said.get(&session).cloned().unwrap_or_default(), now.as_secs_f64()));
            }
        }
        Some((Ok::<_, Infallible>(event(message)), (step + 1, app, session)))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}
