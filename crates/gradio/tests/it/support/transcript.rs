//! A server that replays a recorded conversation and checks the requests.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

use super::request::Request;
use super::wire;

/// Recorded requests, responses and turns of a conversation.
pub(crate) struct Transcript(pub(crate) Vec<Value>);

impl Transcript {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        Self(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    pub(crate) fn turns(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(|record| record["kind"] == "turn")
    }
}

/// A request or frame of the client.
enum Ask {
    Request(Request, UnboundedSender<Answer>),
    Frame(Value),
}

enum Answer {
    Bytes(Vec<u8>),
    Upgrade,
    Frame(Value),
    /// Reads the next request of the connection, or closes the WebSocket.
    Done,
}

/// Starts the server. The task panics when a request differs from the recorded one.
pub(crate) async fn replay(
    transcript: Arc<Transcript>,
) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (asks, mut asked) = unbounded_channel();
        let mut connections = JoinSet::new();
        tokio::select! {
            () = conduct(&transcript, &mut asked) => {}
            () = async {
                while let Ok((stream, _)) = listener.accept().await {
                    connections.spawn(connection(stream, asks.clone()));
                }
            } => {}
        }
        while let Some(answer) = connections.join_next().await {
            answer.unwrap();
        }
    });
    (address, task)
}

/// Goes through the records: waits for requests and sends responses.
async fn conduct(transcript: &Transcript, asked: &mut UnboundedReceiver<Ask>) {
    let mut session = None;
    let mut logged_in = false;
    // The last request, and the open stream or WebSocket.
    let (mut last, mut open): (Option<UnboundedSender<Answer>>, Option<UnboundedSender<Answer>>) =
        (None, None);
    let mut ended = false;
    for (at, record) in transcript.0.iter().enumerate() {
        match (record["kind"].as_str().unwrap(), &record["ws"], &record["sse"]) {
            (">", Value::Null, _) => {
                let Some(Ask::Request(request, answers)) = asked.recv().await else {
                    panic!("record {at} was not requested: {record}");
                };
                check_request(record, &request, &mut session);
                assert!(!logged_in || request.header("cookie").is_some(), "cookies are kept");
                logged_in |= request.path().ends_with("/login");
                last = Some(answers);
            }
            (">", Value::String(_), _) => {
                let Some(Ask::Request(request, answers)) = asked.recv().await else {
                    panic!("record {at} was not requested: {record}");
                };
                assert!(request.header("upgrade").is_some());
                answers.send(Answer::Upgrade).unwrap();
                open = Some(answers);
            }
            (">", frame, _) => {
                let Some(Ask::Frame(sent)) = asked.recv().await else {
                    panic!("record {at} was not sent: {record}");
                };
                check_body(frame, &sent, &mut session);
            }
            ("<", Value::Null, Value::Null) => {
                let answers = last.clone().unwrap();
                if record["content_type"]
                    .as_str()
                    .unwrap_or_default()
                    .starts_with("text/event-stream")
                {
                    answers.send(Answer::Bytes(wire::stream_head())).unwrap();
                    open = Some(answers);
                    ended = false;
                } else {
                    answers.send(Answer::Bytes(whole_answer(record))).unwrap();
                    answers.send(Answer::Done).unwrap();
                }
            }
            ("<", Value::Null, message) => {
                let stream = open.as_ref().unwrap();
                stream.send(Answer::Bytes(wire::event(message))).unwrap();
                ended |=
                    ["process_completed", "queue_full"].contains(&message["msg"].as_str().unwrap());
                if ended && transcript.0.get(at + 1).is_none_or(|next| next["sse"].is_null()) {
                    stream.send(Answer::Bytes(wire::end())).unwrap();
                    stream.send(Answer::Done).unwrap();
                }
            }
            ("<", frame, _) => {
                let socket = open.as_ref().unwrap();
                socket.send(Answer::Frame(frame.clone())).unwrap();
                if frame["msg"] == "process_completed" {
                    socket.send(Answer::Done).unwrap();
                }
            }
            _ => {}
        }
    }
}

fn check_request(record: &Value, request: &Request, session: &mut Option<String>) {
    assert_eq!(record["method"], request.method, "{record}");
    // The record lacks the path that the app is mounted at.
    let path = request.path();
    assert_eq!(record["url"], path.strip_prefix("/my/bot").unwrap_or(path), "{record}");
    if request.header("content-type") == Some("application/json") {
        check_body(&record["body"], &request.json(), session);
    }
    if let Some(parameters) = record["params"].as_object() {
        for (name, value) in parameters.iter().filter(|(name, _)| *name != "session_hash") {
            let pair = format!("{name}={value}");
            assert!(request.target.contains(&pair), "{pair} in {}", request.target);
        }
    }
}

/// Compares a body with the record, except for the session, which must not change.
fn check_body(recorded: &Value, sent: &Value, session: &mut Option<String>) {
    for name in ["fn_index", "data", "event_data", "event_id"] {
        assert_eq!(recorded[name], sent[name], "{name} of {recorded}");
    }
    let name = sent["session_hash"].as_str().unwrap();
    assert_eq!(session.get_or_insert_with(|| name.to_owned()), name);
}

fn whole_answer(record: &Value) -> Vec<u8> {
    let cookies = record["set_cookie"].as_array().into_iter().flatten();
    let mut headers: Vec<_> =
        cookies.map(|cookie| ("set-cookie", cookie.as_str().unwrap())).collect();
    headers.extend(record["content_type"].as_str().map(|kind| ("content-type", kind)));
    let body = match &record["body"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    wire::answer(&format!("{} Recorded", record["status"]), &headers, body.as_bytes())
}

async fn connection(mut stream: TcpStream, asks: UnboundedSender<Ask>) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::new();
    while let Ok(Some(request)) = Request::read(&mut stream, &mut buffer).await {
        if request.path().contains("/heartbeat/") {
            stream.write_all(&wire::stream_head()).await.unwrap();
            // Held until the client closes it.
            let _ = Request::read(&mut stream, &mut buffer).await;
            return;
        }
        let key = request.header("sec-websocket-key").map(str::to_owned);
        let (answers, mut to_send) = unbounded_channel();
        if asks.send(Ask::Request(request, answers)).is_err() {
            return;
        }
        loop {
            match to_send.recv().await {
                Some(Answer::Bytes(bytes)) => {
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Some(Answer::Upgrade) => {
                    let accept = derive_accept_key(key.unwrap().as_bytes());
                    let head = format!(
                        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
                         upgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n"
                    );
                    stream.write_all(head.as_bytes()).await.unwrap();
                    return socket(stream, to_send, asks).await;
                }
                Some(Answer::Frame(frame)) => panic!("a frame without a WebSocket: {frame}"),
                Some(Answer::Done) => break,
                None => return,
            }
        }
    }
}

async fn socket(
    stream: TcpStream,
    mut to_send: UnboundedReceiver<Answer>,
    asks: UnboundedSender<Ask>,
) {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    loop {
        tokio::select! {
            answer = to_send.recv() => {
                let Some(Answer::Frame(frame)) = answer else {
                    let _ = socket.close(None).await;
                    return;
                };
                socket.send(Message::text(frame.to_string())).await.unwrap();
            }
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let _ = asks.send(Ask::Frame(serde_json::from_str(&text).unwrap()));
                }
                _ => return,
            },
        }
    }
}
