//! Canary secrets in every place of a probe file that may hold one, and an app that repeats everything it
//! receives in every way it can. No output of the command may contain a canary.

use std::collections::HashMap;
use std::process::Output;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};
use tokio::process::Command;

/// Part of every secret. No encoding changes it.
const MARK: &str = "58213470";

/// Ways in which the app repeats its input.
const WAYS: &[&str] = &[
    "reply",
    "long-reply",
    "app-error",
    "no-message",
    "broken-stream",
    "self",
    "page",
    "json",
    "text",
    "redirect",
    "loop",
    "busy",
    "refused",
    "not-gradio",
];

const AUTHS: &[(&str, &str)] = &[
    ("bearer", "bearer: \"${secret:vigie/bot#bearer}\""),
    ("headers", "headers: { X-Key: \"Key ${ssm:/vigie/header}\" }"),
    ("login", "username: probe, password: \"${VIGIE_TEST_PASSWORD}\""),
];

fn canary(place: &str) -> String {
    format!("canary-{place}-{MARK}-&<é>\"-mine")
}

/// Serves the app below `/WAY/`, and Secrets Manager and Parameter Store at `/`.
#[derive(Clone, Default)]
struct EchoApp {
    /// Input by session.
    joined: Arc<Mutex<HashMap<String, String>>>,
    /// Form of the last login.
    login: Arc<Mutex<String>>,
}

impl EchoApp {
    async fn start() -> String {
        let app_state = Self::default();
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
            app_state.answer(&method, &uri, &headers, &body)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
        let body = String::from_utf8_lossy(body);
        if let Some(target) = headers.get("x-amz-target") {
            return store(target.to_str().unwrap(), &body);
        }
        let way = uri.path().split('/').nth(1).unwrap_or_default();
        let value = |name| {
            headers.get(name).map(|value: &axum::http::HeaderValue| {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            })
        };
        if method == Method::POST && uri.path().ends_with("/login") && way != "refused" {
            body.as_ref().clone_into(&mut self.login.lock().unwrap());
            return ([(header::SET_COOKIE, "access-token=1")], Json(json!({"success": true})))
                .into_response();
        }
        let received = [
            value("authorization"),
            value("x-key"),
            Some(uri.path().to_owned()),
            value("cookie").map(|_| self.login.lock().unwrap().clone()),
            Some(body.to_string()),
        ];
        let received = received.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let needs_login =
            ["authorization", "x-key", "cookie"].iter().all(|name| !headers.contains_key(*name));
        if needs_login {
            return (StatusCode::UNAUTHORIZED, Json(json!({"detail": "Not authenticated"})))
                .into_response();
        }
        let escaped = received
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;");
        match way {
            "page" => (
                StatusCode::INTERNAL_SERVER_ERROR,
                Html(format!("<html><head><title>{escaped}</title>")),
            )
                .into_response(),
            "json" => (StatusCode::BAD_GATEWAY, Json(json!({"detail": received}))).into_response(),
            // The limit of the error text cuts within the secret.
            "text" => {
                (StatusCode::BAD_GATEWAY, format!("{} {received}", "x ".repeat(80))).into_response()
            }
            "redirect" => to(&format!("http://elsewhere.invalid{}", uri.path())),
            "loop" => to(&format!("{}/", uri.path().trim_end_matches('/'))),
            "busy" => {
                (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, in_header(&received))], "")
                    .into_response()
            }
            "refused" => (StatusCode::FORBIDDEN, received).into_response(),
            "not-gradio" => received.into_response(),
            _ => self.gradio(way, uri, &body, &received),
        }
    }

    fn gradio(&self, way: &str, uri: &Uri, body: &str, received: &str) -> Response {
        let session = |text: &str| {
            let at = text.find("session_hash").unwrap_or_default();
            text[at..]
                .chars()
                .skip(12)
                .filter(char::is_ascii_alphanumeric)
                .take(10)
                .collect::<String>()
        };
        if uri.path().ends_with("/config") {
            let version =
                if way == "self" { format!("6.31.0 {received}") } else { "6.31.0".to_owned() };
            let name = if way == "self" { format!("chat {received}") } else { "chat".to_owned() };
            return Json(config(&version, &name)).into_response();
        }
        if uri.path().ends_with("/queue/join") {
            self.joined.lock().unwrap().insert(session(body), received.to_owned());
            return Json(json!({"event_id": "e"})).into_response();
        }
        if uri.path().trim_matches('/').split('/').count() <= 2 {
            return "<script>window.gradio_config = {};</script>".into_response();
        }
        if !uri.path().ends_with("/queue/data") {
            return StatusCode::NOT_FOUND.into_response();
        }
        let received = self
            .joined
            .lock()
            .unwrap()
            .remove(&session(uri.query().unwrap_or_default()))
            .unwrap_or_default();
        let done = |success: bool, output: Value| {
            let message = json!({"msg": "process_completed", "event_id": "e", "success": success, "output": output});
            format!("data: {message}\n\ndata: {{\"msg\": \"close_stream\"}}\n\n")
        };
        let started = "data: {\"msg\": \"process_starts\", \"event_id\": \"e\"}\n\n";
        let events = match way {
            "app-error" => done(false, json!({"error": received})),
            "no-message" => format!("data: {received}\n\n"),
            "broken-stream" => {
                let half = &received[..received.find(MARK).unwrap_or_default() + MARK.len()];
                let message = json!({"msg": "process_generating", "event_id": "e", "success": true, "output": {"data": [half, null], "is_generating": true}});
                format!("data: {message}\n\n")
            }
            "long-reply" => {
                done(true, json!({"data": [format!("{}{received}", "y".repeat(150)), null]}))
            }
            _ => done(true, json!({"data": [received.to_uppercase() + &received, null]})),
        };
        ([(header::CONTENT_TYPE, "text/event-stream")], format!("{started}{events}"))
            .into_response()
    }
}

/// Secrets Manager and Parameter Store.
fn store(operation: &str, asked: &str) -> Response {
    Json(if operation.starts_with("secretsmanager") {
        json!({"Name": "vigie/bot", "SecretString": json!({"bearer": canary("bearer"), "path": canary("path")}).to_string()})
    } else {
        // A parameter made from a file ends in a newline, which a header cannot contain.
        let end = if asked.contains("token") { "\n" } else { "" };
        json!({"Parameter": {"Name": "/vigie", "Type": "SecureString", "Value": canary("parameter") + end}})
    })
    .into_response()
}

fn to(location: &str) -> Response {
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
}

fn in_header(text: &str) -> axum::http::HeaderValue {
    axum::http::HeaderValue::from_bytes(text.replace('\n', " ").as_bytes()).unwrap()
}

fn config(version: &str, name: &str) -> Value {
    json!({
        "version": version, "api_prefix": "/gradio_api", "mode": "chat_interface", "protocol": "sse_v3",
        "components": [
            {"id": 1, "type": "textbox", "props": {"label": "Message"}},
            {"id": 2, "type": "state", "props": {}},
            {"id": 3, "type": "json", "props": {}},
            {"id": 4, "type": "textbox", "props": {"label": "Token"}},
        ],
        "dependencies": [{
            "id": 0, "targets": [[1, "submit"]], "inputs": [1, 2, 4], "outputs": [3, 2], "backend_fn": true,
            "queue": true, "api_name": name, "api_visibility": "public", "types": {"generator": true},
        }],
    })
}

async fn run(url: &str, way: &str, auth: &str, output: &str, page: &str) -> Output {
    let text = format!(
        "probe: bot\nevery: 1m\nretry: {{ attempts: 0 }}\ntarget:\n  url: \"{url}/{way}/${{secret:vigie/bot#path}}\"\n  \
         auth: {{ {auth} }}\n  inputs: {{ Token: \"${{ssm:/vigie/token}}\" }}\nconversation:\n  - say: Hello\n    \
         save: {{ heard: \"(?s)(.*)\" }}\n    expect: [ {{ min_length: 1 }} ]\n  - say: \"I heard ${{heard}}\"\n    \
         expect: [ {{ contains: \"heard\" }}, {{ equals: \"${{heard}}\" }}, {{ language: fr }} ]\n"
    );
    let (_folder, file) = crate::probe(&text);
    Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(["run", &file, "--output", output, "--html", page])
        .env("VIGIE_LOG", "trace")
        .env("VIGIE_TEST_PASSWORD", canary("password"))
        .envs([("AWS_ENDPOINT_URL", url), ("AWS_REGION", "us-east-1")])
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn secret_repeated_by_the_app_is_in_no_output() {
    let url = EchoApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html").to_string_lossy().into_owned();
    let outputs = ["pretty", "json", "junit", "prometheus"];
    for (number, way) in WAYS.iter().enumerate() {
        for (place, auth) in AUTHS {
            let output = outputs[(number + place.len()) % outputs.len()];
            let done = run(&url, way, auth, output, &page).await;
            let (out, err) =
                (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
            assert_eq!(done.status.code(), Some(1), "{way}, {place}: {out}{err}");
            let page = std::fs::read_to_string(&page).unwrap();
            let received = page.contains("[secret]");
            assert!(received || *way == "redirect", "{way}, {place}: nothing was repeated: {page}");
            for (name, text) in [("output", &*out), ("log", &*err), ("page", &*page)] {
                assert!(!text.contains(MARK), "{way}, {place}, {name} as {output}: {text}");
            }
        }
    }
}
