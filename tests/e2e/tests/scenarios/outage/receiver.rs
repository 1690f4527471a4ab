//! A remote-write receiver that follows a script, including resets of the connection.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, ensure};
use futures_util::future::BoxFuture;
use prost::Message;
use samples::wire::v1;
use samples::{Series, decode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Larger requests are not sent by the bridge.
const LIMIT: usize = 32 << 20;

/// One request.
pub(super) struct Request {
    /// From 0, over all connections.
    pub(super) number: usize,
    /// With names in lower case.
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// A sample by its series, its time in milliseconds and its value.
pub(super) type Sample = (String, i64, f64);

impl Request {
    pub(super) fn is_v2(&self) -> bool {
        self.headers.get("content-type").is_some_and(|kind| kind.contains("v2.Request"))
    }

    /// In the order of the request.
    pub(super) fn samples(&self) -> anyhow::Result<Vec<Sample>> {
        if self.is_v2() {
            let entries = decode(&self.body, LIMIT)?;
            let samples = entries.iter().filter_map(|entry| Some((entry, entry.sample()?)));
            return Ok(samples
                .map(|(entry, sample)| {
                    (entry.series.to_string(), sample.at.as_millis(), sample.value)
                })
                .collect());
        }
        let plain = snap::raw::Decoder::new().decompress_vec(&self.body)?;
        let mut samples = Vec::new();
        for series in v1::WriteRequest::decode(plain.as_slice())?.timeseries {
            let labels = series.labels.iter().map(|one| (one.name.as_str(), one.value.as_str()));
            let name = Series::from_labels(labels)?.to_string();
            samples
                .extend(series.samples.iter().map(|one| (name.clone(), one.timestamp, one.value)));
        }
        Ok(samples)
    }
}

/// The answer to a request.
pub(super) enum Reply {
    Answer {
        status: u16,
        /// Whole lines, each with its end.
        headers: String,
        body: String,
    },
    /// The connection is reset.
    Reset,
    /// No answer.
    Stall,
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::Answer { status, headers: String::new(), body: "scripted".to_owned() }
    }
}

pub(super) type Script = Arc<dyn Fn(Request) -> BoxFuture<'static, Reply> + Send + Sync>;

/// Forwards the request to the receiver and returns its answer with the counts.
pub(super) async fn pass_on(
    client: &reqwest::Client,
    url: &str,
    request: Request,
) -> anyhow::Result<Reply> {
    let mut on = client.post(url).body(request.body);
    for name in ["content-type", "content-encoding", "x-prometheus-remote-write-version"] {
        on = on.header(name, request.headers.get(name).context("a header is missing")?);
    }
    let answer = on.send().await?;
    let status = answer.status().as_u16();
    let mut headers = String::new();
    for (name, value) in answer.headers() {
        if name.as_str().starts_with("x-prometheus-remote-write-") {
            let _ = write!(headers, "{name}: {}\r\n", value.to_str()?);
        }
    }
    Ok(Reply::Answer { status, headers, body: answer.text().await? })
}

/// Answers until it is dropped.
pub(super) struct Receiver {
    pub(super) url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start(script: Script) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/api/v1/write", listener.local_addr()?);
        let numbers = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let task = tokio::spawn(async move {
            // Dropped with the task, and all connections with it.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (numbers, script) = (Arc::clone(&numbers), Arc::clone(&script));
                connections.spawn(async move {
                    let number = || numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    serve(stream, number, script).await
                });
            }
        });
        Ok(Self { url, task })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a connection until one of the sides closes it.
async fn serve(
    stream: TcpStream,
    number: impl Fn() -> usize,
    script: Script,
) -> anyhow::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (headers, body) = read(&mut stream).await?;
        match script(Request { number: number(), headers, body }).await {
            Reply::Answer { status, headers, body } => {
                let length = body.len();
                let head = format!("HTTP/1.1 {status} Scripted\r\n{headers}");
                let answer = format!("{head}Content-Length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await?;
            }
            Reply::Reset => {
                // Without lingering, closing sends a reset.
                stream.get_ref().set_zero_linger()?;
                return Ok(());
            }
            Reply::Stall => std::future::pending().await,
        }
    }
}

async fn read(
    stream: &mut BufReader<TcpStream>,
) -> anyhow::Result<(HashMap<String, String>, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        ensure!(head.len() < 64 << 10, "a request without an end of its head");
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head)?;
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let headers: HashMap<String, String> =
        headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    let length = headers.get("content-length").context("a request without a length")?;
    let mut body = vec![0; length.parse()?];
    stream.read_exact(&mut body).await?;
    Ok((headers, body))
}
