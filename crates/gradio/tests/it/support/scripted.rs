//! A server that runs a script: for each route, the actions for the first request, the second …

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::request::Request;

/// An action of the server.
#[derive(Clone, Debug)]
pub(crate) enum Do {
    Send(Vec<u8>),
    /// Sends the bytes repeatedly with a pause before each, until the client disconnects.
    Repeat(Vec<u8>, Duration),
    /// Sends single bytes with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Waits until the client disconnects.
    Wait,
    /// Closes the connection; see [`Script::resets`].
    Close,
    /// Accepts a WebSocket.
    Upgrade,
}

/// Actions by route: the last segment of the path, `page` for the root, `socket` for an upgrade.
#[derive(Clone, Default)]
pub(crate) struct Script {
    pub(crate) routes: HashMap<&'static str, Vec<Vec<Do>>>,
    /// Actions at the start of a connection, instead of reading a request.
    pub(crate) at_accept: Option<Vec<Do>>,
    /// Whether connections are reset instead of closed.
    pub(crate) resets: bool,
    pub(crate) tls: Option<TlsAcceptor>,
}

impl Script {
    /// Actions for the next request of this route, and for all later ones if it is the last.
    pub(crate) fn on(mut self, route: &'static str, acts: impl Into<Vec<Do>>) -> Self {
        self.routes.entry(route).or_default().push(acts.into());
        self
    }

    pub(crate) fn send(self, route: &'static str, answer: impl Into<Vec<u8>>) -> Self {
        self.on(route, [Do::Send(answer.into())])
    }
}

/// A running server; stops when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Vec<Request>>>,
    received: Arc<Notify>,
    closed: Arc<Mutex<usize>>,
    activity: Arc<AtomicUsize>,
    floods: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(script: Script) -> Self {
        Self::start_at("127.0.0.1:0", script).await
    }

    pub(crate) async fn start_at(address: &str, script: Script) -> Self {
        Self::start_with(address, |_| script).await
    }

    /// Starts a server whose script contains its address.
    pub(crate) async fn start_with(
        address: &str,
        script: impl FnOnce(SocketAddr) -> Script,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = script(address);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::new(Notify::new());
        let closed = Arc::new(Mutex::new(0));
        let activity = Arc::new(AtomicUsize::new(0));
        let floods = Arc::new(AtomicBool::new(false));
        let runner = Runner {
            script,
            counts: Mutex::default(),
            seen: seen.clone(),
            received: received.clone(),
            closed: closed.clone(),
            activity: activity.clone(),
            floods: floods.clone(),
        };
        let runner = Arc::new(runner);
        let scheme = if runner.script.tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(async move {
            // Connections are dropped with the server.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(runner.clone().accept(stream));
            }
        });
        Self { address, scheme, seen, received, closed, activity, floods, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Address with the name in the certificates.
    pub(crate) fn url_by_name(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.address.port())
    }

    /// Requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits for a request of this route.
    pub(crate) async fn wait_for(&self, route: &str) {
        while self.count(route) == 0 {
            self.received.notified().await;
        }
    }

    /// Connections that the client closed during [`Do::Wait`].
    pub(crate) fn closed(&self) -> usize {
        *self.closed.lock().unwrap()
    }

    pub(crate) async fn wait_until_closed(&self) {
        while self.closed() == 0 {
            self.received.notified().await;
        }
    }

    /// Counts connections, requests and actions, but not the repetitions of an action.
    pub(crate) fn activity(&self) -> usize {
        self.activity.load(Ordering::Relaxed)
    }

    /// Whether it sends without a pause.
    pub(crate) fn floods(&self) -> bool {
        self.floods.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, route: &str) -> usize {
        self.seen().iter().filter(|request| route_of(request) == route).count()
    }
}

struct Runner {
    script: Script,
    counts: Mutex<HashMap<String, usize>>,
    seen: Arc<Mutex<Vec<Request>>>,
    received: Arc<Notify>,
    closed: Arc<Mutex<usize>>,
    activity: Arc<AtomicUsize>,
    floods: Arc<AtomicBool>,
}

impl Runner {
    fn note(&self) {
        self.activity.fetch_add(1, Ordering::Relaxed);
    }

    async fn accept(self: Arc<Self>, stream: TcpStream) {
        self.note();
        stream.set_nodelay(true).unwrap();
        if self.script.resets {
            stream.set_zero_linger().unwrap();
        }
        // The client may disconnect at any time.
        let _ = match self.script.tls.clone() {
            None => self.serve(stream).await,
            Some(tls) => match tls.accept(stream).await {
                Ok(stream) => self.serve(stream).await,
                Err(error) => Err(error),
            },
        };
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
        if let Some(acts) = &self.script.at_accept {
            self.perform(acts, None, &mut stream).await?;
            return Ok(());
        }
        let mut buffer = Vec::new();
        while let Some(request) = Request::read(&mut stream, &mut buffer).await? {
            self.seen.lock().unwrap().push(request.clone());
            self.received.notify_one();
            let acts = self.acts(&request);
            if !self.perform(&acts, Some(&request), &mut stream).await? {
                *self.closed.lock().unwrap() += 1;
                self.received.notify_one();
                break;
            }
        }
        stream.shutdown().await
    }

    fn acts(&self, request: &Request) -> Vec<Do> {
        let route = route_of(request);
        let Some(actions) = self.script.routes.get(route) else {
            let page = "<script>window.gradio_config = {};</script>";
            return vec![Do::Send(match route {
                "page" => super::wire::page("200 OK", page),
                _ => super::wire::detail("404 Not Found", "Not Found"),
            })];
        };
        let mut counts = self.counts.lock().unwrap();
        let count = counts.entry(route.to_owned()).or_default();
        *count += 1;
        actions[(*count - 1).min(actions.len() - 1)].clone()
    }

    /// Whether the connection stays open.
    async fn perform(
        &self,
        acts: &[Do],
        request: Option<&Request>,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> std::io::Result<bool> {
        for act in acts {
            self.note();
            match act {
                Do::Send(bytes) => stream.write_all(bytes).await?,
                Do::Repeat(bytes, pause) => {
                    self.floods.fetch_or(pause.is_zero(), Ordering::Relaxed);
                    loop {
                        tokio::time::sleep(*pause).await;
                        stream.write_all(bytes).await?;
                    }
                }
                Do::Drip(bytes, pause) => {
                    for byte in bytes {
                        tokio::time::sleep(*pause).await;
                        stream.write_all(&[*byte]).await?;
                        stream.flush().await?;
                    }
                }
                Do::Wait => {
                    let mut rest = vec![0; 4096];
                    while stream.read(&mut rest).await? > 0 {}
                    return Ok(false);
                }
                Do::Close => return Ok(false),
                Do::Upgrade => {
                    let key =
                        request.and_then(|one| one.header("sec-websocket-key")).unwrap_or_default();
                    let accept = derive_accept_key(key.as_bytes());
                    let head = format!(
                        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                         sec-websocket-accept: {accept}\r\n\r\n"
                    );
                    stream.write_all(head.as_bytes()).await?;
                }
            }
            stream.flush().await?;
        }
        Ok(true)
    }
}

fn route_of(request: &Request) -> &str {
    if request.header("upgrade").is_some() {
        return "socket";
    }
    if request.path().contains("/heartbeat/") {
        return "heartbeat";
    }
    match request.path().rsplit('/').next() {
        None | Some("") => "page",
        Some(last) => last,
    }
}
