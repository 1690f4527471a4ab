//! The target that serves the pages and the receiver of the samples.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use deploy::process::Running;
use prost::Message as _;
use samples::wire::v1;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::sender::{ALL, Sender};
use super::set::{Answer, Script, Set};

/// A series of the page that a target shows when its script has ended.
pub(crate) const END: &str = "end_of_script";

/// Between the first sample that a sender sends and the first page, so that there are timestamps before all
/// scrapes that the sender sends.
const HEAD_START: Duration = Duration::from_secs(10);

/// How the names of pages begin whose target hangs instead of an empty answer, and for how long.
pub(crate) const HUNG: &str = "hung";
const HANGS: Duration = Duration::from_secs(3);

#[derive(Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) target: SocketAddr,
    pub(crate) receiver: SocketAddr,
}

pub(crate) struct Servers {
    set: Set,
    progress: Mutex<BTreeMap<Sender, Progress>>,
    pub(crate) target: std::sync::OnceLock<SocketAddr>,
}

/// What one sender did.
#[derive(Clone, Default)]
pub(crate) struct Progress {
    /// When its first sample arrived.
    pub(crate) base: Option<SystemTime>,
    /// Answers sent, by page.
    answered: HashMap<String, usize>,
    pub(crate) received: Vec<v1::TimeSeries>,
    pub(crate) metadata: Vec<v1::MetricMetadata>,
}

impl Servers {
    pub(crate) fn new(set: Set) -> Self {
        let progress = ALL.map(|sender| (sender, Progress::default())).into();
        Self { set, progress: Mutex::new(progress), target: std::sync::OnceLock::new() }
    }

    /// Names and further settings of the pages.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set.iter().map(|(name, script)| (name.as_str(), script.settings.as_str()))
    }

    pub(crate) fn set(&self) -> &Set {
        &self.set
    }

    fn progress(&self) -> MutexGuard<'_, BTreeMap<Sender, Progress>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn progress_of(&self, sender: Sender) -> Progress {
        self.progress().get(&sender).cloned().unwrap_or_default()
    }

    /// Waits until every sender has scraped every page to its end.
    pub(crate) async fn until_scraped(
        &self,
        running: &[Running],
        limit: Duration,
    ) -> anyhow::Result<()> {
        let all = tokio::time::timeout(limit, async {
            while !self.is_scraped() {
                if let Some(ended) = running.iter().find(|program| program.ended().is_some()) {
                    bail!("a sender ended; see `{}`", ended.log().display());
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Ok(())
        });
        all.await.with_context(|| format!("not all pages were scraped within {limit:?}"))?
    }

    fn is_scraped(&self) -> bool {
        let progress = self.progress();
        progress.values().all(|progress| {
            let ended = |(page, script): (&String, &Script)| {
                progress
                    .answered
                    .get(page)
                    .is_some_and(|answered| script.answers.len() + 1 < *answered)
            };
            self.set.iter().all(ended)
        })
    }

    /// The next answer of a page.
    fn answer(&self, sender: Sender, page: &str) -> Vec<u8> {
        let mut progress = self.progress();
        let progress = progress.entry(sender).or_default();
        let base = progress.base.filter(|base| base.elapsed().is_ok_and(|past| HEAD_START < past));
        // A target is down until remote write runs, because samples from before that are never sent.
        let (Some(base), Some(script)) = (base, self.set.get(page)) else {
            return Answer::status(503).to_bytes(0);
        };
        let answered = progress.answered.entry(page.to_owned()).or_default();
        let answer = script.answers.get(*answered).cloned();
        *answered += 1;
        answer.unwrap_or_else(|| Answer::text(&format!("{END} 1\n"))).to_bytes(milliseconds(base))
    }
}

pub(crate) fn milliseconds(time: SystemTime) -> i64 {
    samples::Timestamp::from(time).as_millis()
}

/// Starts the target and the receiver.
pub(crate) async fn serve(servers: &Arc<Servers>) -> anyhow::Result<Addresses> {
    let target = TcpListener::bind("127.0.0.1:0").await?;
    let receiver = TcpListener::bind("127.0.0.1:0").await?;
    let addresses = Addresses { target: target.local_addr()?, receiver: receiver.local_addr()? };
    let _ = servers.target.set(addresses.target);
    let app = Router::new()
        .route("/write/{sender}", post(receive))
        .layer(DefaultBodyLimit::max(64 << 20))
        .with_state(Arc::clone(servers));
    tokio::spawn(async move { axum::serve(receiver, app).await });
    let servers = Arc::clone(servers);
    tokio::spawn(async move {
        while let Ok((stream, _)) = target.accept().await {
            tokio::spawn(scraped(stream, Arc::clone(&servers)));
        }
    });
    Ok(addresses)
}

/// Answers one request with the bytes of the script, which need not be valid HTTP.
async fn scraped(mut stream: TcpStream, servers: Arc<Servers>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split_whitespace().nth(1).unwrap_or_default().trim_start_matches('/');
    let (sender, page) = path.split_once('/').unwrap_or_default();
    let answer = match Sender::of(sender) {
        Some(sender) => servers.answer(sender, page),
        None => Answer::status(404).to_bytes(0),
    };
    if answer.is_empty() && page.starts_with(HUNG) {
        tokio::time::sleep(HANGS).await;
    }
    stream.write_all(&answer).await?;
    stream.shutdown().await
}

async fn receive(
    State(servers): State<Arc<Servers>>,
    Path(sender): Path<String>,
    body: Bytes,
) -> StatusCode {
    let Some(sender) = Sender::of(&sender) else { return StatusCode::NOT_FOUND };
    let request = snap::raw::Decoder::new().decompress_vec(&body).ok();
    let request = request.and_then(|body| v1::WriteRequest::decode(body.as_slice()).ok());
    let Some(request) = request else { return StatusCode::BAD_REQUEST };
    let mut progress = servers.progress();
    let progress = progress.entry(sender).or_default();
    progress.base.get_or_insert_with(SystemTime::now);
    progress.received.extend(request.timeseries);
    progress.metadata.extend(request.metadata);
    StatusCode::NO_CONTENT
}
