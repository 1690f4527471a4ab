//! A server that plays a script: for each route what to do with the first request, the second …

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::request::Request;

/// One thing that a server does.
#[derive(Clone, Debug)]
pub(crate) enum Do {
    Send(Vec<u8>),
    /// The same again and again, with a pause before each; until the client is gone.
    Repeat(Vec<u8>, Duration),
    /// The bytes one by one, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Nothing until the client is gone.
    Wait,
    /// End of the connection; see [`Script::resets`].
    Close,
    /// Answer a WebSocket's opening.
    Upgrade,
}

/// What to do, by route: the last part of the path, `page` for the root, `socket` for an upgrade.
#[derive(Clone, Default)]
pub(crate) struct Script {
    pub(crate) routes: HashMap<&'static str, Vec<Vec<Do>>>,
    /// Instead of reading a request.
    pub(crate) at_accept: Option<Vec<Do>>,
    /// Connections end with a reset instead of an end.
    pub(crate) resets: bool,
    pub(crate) tls: Option<TlsAcceptor>,
}

impl Script {
    /// The next request for this route, and all later ones until there is more, is met with this.
    pub(crate) fn on(mut self, route: &'static str, acts: impl Into<Vec<Do>>) -> Self {
        self.routes.entry(route).or_default().push(acts.into());
        self
    }

    pub(crate) fn send(self, route: &'static str, answer: impl Into<Vec<u8>>) -> Self {
        self.on(route, [Do::Send(answer.into())])
    }
}

/// A running server; it ends when this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Vec<Request>>>,
    news: Arc<Notify>,
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
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let news = Arc::new(Notify::new());
        let player =
            Player { script, played: Mutex::default(), seen: seen.clone(), news: news.clone() };
        let player = Arc::new(player);
        let scheme = if player.script.tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(async move {
            // Connections end with the server.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(player.clone().accept(stream));
            }
        });
        Self { address, scheme, seen, news, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Its address by name, as certificates have it.
    pub(crate) fn url_by_name(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.address.port())
    }

    /// What it was asked so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until it was asked for this route.
    pub(crate) async fn asked_for(&self, route: &str) {
        while self.count(route) == 0 {
            self.news.notified().await;
        }
    }

    pub(crate) fn count(&self, route: &str) -> usize {
        self.seen().iter().filter(|request| route_of(request) == route).count()
    }
}

struct Player {
    script: Script,
    played: Mutex<HashMap<String, usize>>,
    seen: Arc<Mutex<Vec<Request>>>,
    news: Arc<Notify>,
}

impl Player {
    async fn accept(self: Arc<Self>, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        if self.script.resets {
            stream.set_zero_linger().unwrap();
        }
        // A client that goes away in the middle is no concern of the server's.
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
            perform(acts, None, &mut stream).await?;
            return Ok(());
        }
        let mut buffer = Vec::new();
        while let Some(request) = Request::read(&mut stream, &mut buffer).await? {
            self.seen.lock().unwrap().push(request.clone());
            self.news.notify_one();
            let acts = self.acts(&request);
            if !perform(&acts, Some(&request), &mut stream).await? {
                break;
            }
        }
        stream.shutdown().await
    }

    fn acts(&self, request: &Request) -> Vec<Do> {
        let route = route_of(request);
        let Some(plays) = self.script.routes.get(route) else {
            return vec![Do::Send(super::wire::detail("404 Not Found", "Not Found"))];
        };
        let mut played = self.played.lock().unwrap();
        let count = played.entry(route.to_owned()).or_default();
        *count += 1;
        plays[(*count - 1).min(plays.len() - 1)].clone()
    }
}

fn route_of(request: &Request) -> &str {
    if request.header("upgrade").is_some() {
        return "socket";
    }
    match request.path().rsplit('/').next() {
        None | Some("") => "page",
        Some(last) => last,
    }
}

/// Whether the connection goes on afterwards.
async fn perform(
    acts: &[Do],
    request: Option<&Request>,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> std::io::Result<bool> {
    for act in acts {
        match act {
            Do::Send(bytes) => stream.write_all(bytes).await?,
            Do::Repeat(bytes, pause) => loop {
                tokio::time::sleep(*pause).await;
                stream.write_all(bytes).await?;
            },
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
