//! A server that answers as the AWS services that an agent uses, with one message in its queue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use request_signing::{SignedRequest, SigningKey};
use serde_json::{Value, json};
use tokio::sync::watch;

const KEY_ID: &str = "0123456789abcdef";
const KEY: &[u8] = &[7; 32];

/// What the services were asked to do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) polls: usize,
    pub(super) delete_requests: usize,
    pub(super) deleted: usize,
    pub(super) released: usize,
    /// Runs in the metrics of Vigie itself.
    pub(super) reported: usize,
    pub(super) lost: usize,
    /// Messages for the bridge.
    pub(super) sampled: usize,
}

#[derive(Default)]
struct Stored {
    seen: Seen,
    body: Option<String>,
    is_visible: bool,
    first_received: Option<Timestamp>,
    /// Owners by key.
    claims: HashMap<String, String>,
    holds_deletes: bool,
    answers_polls: bool,
}

#[derive(Clone)]
pub(super) struct FakeAws {
    pub(super) url: String,
    state: Arc<Shared>,
}

struct Shared {
    stored: Mutex<Stored>,
    /// A new value after each change.
    changed: watch::Sender<u64>,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Stored) -> T) -> T {
        let result = change(&mut self.stored.lock().unwrap());
        self.changed.send_modify(|version| *version += 1);
        result
    }

    /// Waits until the state gives a value.
    async fn until<T>(&self, mut found: impl FnMut(&mut Stored) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if let Some(value) = found(&mut self.stored.lock().unwrap()) {
                return value;
            }
            changed.changed().await.unwrap();
        }
    }
}

impl FakeAws {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state =
            Arc::new(Shared { stored: Mutex::default(), changed: watch::Sender::default() });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, state }
    }

    pub(super) fn seen(&self) -> Seen {
        self.state.stored.lock().unwrap().seen
    }

    pub(super) async fn until(&self, reached: impl Fn(&Seen) -> bool) {
        let reached = self.state.until(|stored| reached(&stored.seen).then_some(()));
        tokio::time::timeout(Duration::from_secs(60), reached).await.unwrap();
    }

    pub(super) fn queue(&self, request: String) {
        self.put(&SigningKey::new(KEY_ID, KEY).unwrap().signed(request));
    }

    pub(super) fn queue_unsigned(&self, request: String) {
        self.put(&SignedRequest::new(request, None));
    }

    fn put(&self, message: &SignedRequest) {
        let body = serde_json::to_string(message).unwrap();
        self.state.change(|stored| (stored.body, stored.is_visible) = (Some(body), true));
    }

    /// The visibility timeout is over.
    pub(super) fn deliver_again(&self, since: Duration) {
        self.state.change(|stored| {
            stored.is_visible = true;
            stored.first_received = Some(Timestamp::now() - since);
        });
    }

    /// Answers each poll at once, as after the wait time.
    pub(super) fn answer_polls(&self) {
        self.state.change(|stored| stored.answers_polls = true);
    }

    /// Whether requests to delete a message get no answer.
    pub(super) fn hold_deletes(&self, held: bool) {
        self.state.change(|stored| stored.holds_deletes = held);
    }
}

async fn answer(
    State(state): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if headers.contains_key("smithy-protocol") {
        count_metrics(&state, &body);
        let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
        return (headers, [0xa0_u8].as_slice()).into_response();
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some((_, operation)) = target.and_then(|target| target.split_once('.')) {
        let input: Value = serde_json::from_slice(&body).unwrap();
        return operate(&state, operation, &input).await;
    }
    match method {
        Method::POST => query(&String::from_utf8_lossy(&body)),
        Method::GET if uri.path() == format!("/reports/signing/{KEY_ID}") => KEY.into_response(),
        _ => StatusCode::OK.into_response(),
    }
}

/// The names are readable in the bytes of CBOR.
fn count_metrics(state: &Shared, body: &[u8]) {
    let count =
        |name: &str| body.windows(name.len()).filter(|part| *part == name.as_bytes()).count();
    let (reported, lost) = (count("RunsReported"), count("RunsLost"));
    state.change(|stored| {
        stored.seen.reported += reported;
        stored.seen.lost += lost;
    });
}

async fn operate(state: &Shared, operation: &str, input: &Value) -> Response {
    let answer = match operation {
        "ReceiveMessage" => receive(state).await,
        "DeleteMessage" => {
            state.change(|stored| stored.seen.delete_requests += 1);
            state.until(|stored| (!stored.holds_deletes).then_some(())).await;
            state.change(|stored| {
                stored.body = None;
                stored.seen.deleted += 1;
            });
            json!({})
        }
        "ChangeMessageVisibility" => {
            assert_eq!(input["VisibilityTimeout"], 0);
            state.change(|stored| stored.seen.released += 1);
            json!({})
        }
        "SendMessageBatch" => {
            let count = input["Entries"].as_array().unwrap().len();
            state.change(|stored| stored.seen.sampled += count);
            json!({ "Successful": [], "Failed": [] })
        }
        "PutItem" if !claim(state, input) => {
            let code = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
            let body = json!({ "__type": code, "message": "The conditional request failed" });
            return (StatusCode::BAD_REQUEST, body.to_string()).into_response();
        }
        _ => json!({}),
    };
    answer.to_string().into_response()
}

/// Answers when there is a message.
async fn receive(state: &Shared) -> Value {
    state.change(|stored| stored.seen.polls += 1);
    let message = state.until(|stored| match &stored.body {
        Some(body) if stored.is_visible => {
            stored.is_visible = false;
            let first = stored.first_received.unwrap_or_else(Timestamp::now);
            let first = first.as_millisecond().to_string();
            Some(json!({ "Messages": [{
                "MessageId": "m-1", "ReceiptHandle": "receipt", "Body": body,
                "Attributes": { "ApproximateFirstReceiveTimestamp": first },
            }]}))
        }
        _ => stored.answers_polls.then(|| json!({})),
    });
    message.await
}

/// Whether the item is new or has the same owner.
fn claim(state: &Shared, input: &Value) -> bool {
    let text = |name: &str| input["Item"][name]["S"].as_str().unwrap_or_default().to_owned();
    let (key, owner) = (format!("{} {}", text("pk"), text("sk")), text("owner"));
    state.change(|stored| *stored.claims.entry(key).or_insert_with(|| owner.clone()) == owner)
}

/// STS and CloudFormation.
fn query(body: &str) -> Response {
    let pair = |of: &str, name: &str, value: &str| {
        let value = if value.is_empty() {
            format!("<{of}Value/>")
        } else {
            format!("<{of}Value>{value}</{of}Value>")
        };
        format!("<member><{of}Key>{name}</{of}Key>{value}</member>")
    };
    if body.contains("Action=GetCallerIdentity") {
        let arn = "arn:aws:sts::123456789012:assumed-role/agent/session";
        return format!("<R><Arn>{arn}</Arn><Account>123456789012</Account></R>").into_response();
    }
    if !body.contains("StackName=vigie-test-agent-office") {
        let error = "<E><Code>ValidationError</Code><Message>Stack does not exist</Message></E>";
        return (StatusCode::BAD_REQUEST, error).into_response();
    }
    let parameters = [
        pair("Parameter", "PermissionsBoundaryArn", ""),
        pair("Parameter", "ReportBucket", "reports"),
        pair("Parameter", "SamplesQueueUrl", "http://127.0.0.1/samples.fifo"),
    ];
    let queue = pair("Output", "RunsQueueUrl", "http://127.0.0.1/vigie-test-agent-office-runs");
    format!("<R>{}{queue}</R>", parameters.concat()).into_response()
}
