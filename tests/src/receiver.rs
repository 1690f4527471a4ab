//! A remote-write receiver on a loopback port that answers by a script and stores samples as Prometheus does.

#![expect(clippy::unwrap_used, reason = "a test whose receiver can't go on fails")]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use prost::Message;
use samples::wire::{v1, v2};
use samples::{Protocol, decode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Series as text, time in milliseconds, value.
pub type Stored = (String, i64, f64);

/// A received request.
#[derive(Clone, Debug)]
pub struct Request {
    /// From 0, over all connections.
    pub number: usize,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    pub protocol: Protocol,
    pub samples: Vec<Stored>,
}

impl Request {
    /// Whether there is a sample of a series with this prefix.
    #[must_use]
    pub fn has(&self, series: &str) -> bool {
        self.samples.iter().any(|(name, ..)| name.starts_with(series))
    }
}

/// The answer of the script to one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// 204, or 400 without storing any sample if one is older than the last one of its series, or has another
    /// value at the same time. Answers to 2.0 have the counts.
    Store,
    /// Stores the valid samples, as Prometheus 3 does over 2.0: all except series with this prefix and samples
    /// that `Store` rejects. 400 with the counts if a sample is rejected.
    StoreBut(&'static str),
    /// 204 without counts and without storing, as a 1.0 receiver answers 2.0.
    Nod,
    Refuse(u16, &'static str),
    RetryAfter(u16, &'static str),
    /// A redirect with this `Location`.
    Redirect(u16, &'static str),
    /// Closes the connection with a reset.
    Reset,
    /// Reads the request and never answers.
    Stall,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    stored: Vec<Stored>,
    newest: HashMap<String, (i64, u64)>,
}

/// Answers until it is dropped.
pub struct Receiver {
    pub url: String,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

type Script = Arc<Mutex<dyn FnMut(&Request) -> Reply + Send>>;

impl Receiver {
    /// Listens, and answers each request by `script`.
    pub async fn start(script: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/v1/write", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let script: Script = Arc::new(Mutex::new(script));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared), Arc::clone(&script)));
            }
        });
        Self { url, state, task }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// In the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// In the order of arrival.
    #[must_use]
    pub fn stored(&self) -> Vec<Stored> {
        self.state().stored.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>, script: Script) {
    let mut stream = BufReader::new(stream);
    while let Some((headers, body)) = read(&mut stream).await {
        let (answer, reply) = {
            let mut state = state.lock().unwrap();
            let request = understand(state.requests.len(), headers, body);
            let reply = (script.lock().unwrap())(&request);
            let answer = state.answer(&request, &reply);
            state.requests.push(request);
            (answer, reply)
        };
        match reply {
            Reply::Stall => std::future::pending().await,
            Reply::Reset => {
                // Without lingering, closing sends a reset.
                let _ = stream.get_ref().set_zero_linger();
                return;
            }
            _ if stream.write_all(answer.as_bytes()).await.is_err() => return,
            _ => {}
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<(BTreeMap<String, String>, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("POST /api/v1/write HTTP/1.1"), "{head}");
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let headers: BTreeMap<String, String> =
        headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some((headers, body))
}

fn understand(number: usize, headers: BTreeMap<String, String>, body: Vec<u8>) -> Request {
    let is_v2 = headers["content-type"].ends_with("io.prometheus.write.v2.Request");
    let protocol = if is_v2 { Protocol::V2 } else { Protocol::V1 };
    let samples = if is_v2 {
        let entries = decode(&body, 32 << 20).unwrap();
        let samples = entries.iter().filter_map(|entry| Some((entry, entry.sample()?)));
        samples
            .map(|(entry, sample)| (entry.series.to_string(), sample.at.as_millis(), sample.value))
            .collect()
    } else {
        let plain = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
        let request = v1::WriteRequest::decode(plain.as_slice()).unwrap();
        request.timeseries.iter().flat_map(samples_of).collect()
    };
    Request { number, headers, body, protocol, samples }
}

fn samples_of(series: &v1::TimeSeries) -> Vec<Stored> {
    let labels = series.labels.iter().map(|label| (label.name.as_str(), label.value.as_str()));
    let name = samples::Series::from_labels(labels).unwrap().to_string();
    series.samples.iter().map(|sample| (name.clone(), sample.timestamp, sample.value)).collect()
}

impl State {
    fn answer(&mut self, request: &Request, reply: &Reply) -> String {
        match reply {
            Reply::Store if !self.store(request) => head(400, "", "out of order sample"),
            Reply::Store if request.protocol == Protocol::V2 => {
                head(204, &counts(request, request.samples.len()), "")
            }
            Reply::StoreBut(series) => {
                let good = request.samples.iter();
                let good = good.filter(|sample| !sample.0.starts_with(series) && self.take(sample));
                let good = good.count();
                let status = if good < request.samples.len() { 400 } else { 204 };
                head(status, &counts(request, good), "out of order sample")
            }
            Reply::Store | Reply::Nod => head(204, "", ""),
            Reply::Refuse(status, words) => head(*status, "", words),
            Reply::RetryAfter(status, value) => {
                head(*status, &format!("Retry-After: {value}\r\n"), "")
            }
            Reply::Redirect(status, location) => {
                head(*status, &format!("Location: {location}\r\n"), "moved")
            }
            Reply::Reset | Reply::Stall => String::new(),
        }
    }

    /// All or nothing, as Prometheus 2.42 does it.
    fn store(&mut self, request: &Request) -> bool {
        let before = (self.newest.clone(), self.stored.len());
        let all = request.samples.iter().all(|sample| self.take(sample));
        if !all {
            self.newest = before.0;
            self.stored.truncate(before.1);
        }
        all
    }

    /// Whether a sample is stored now, or was before.
    fn take(&mut self, sample: &Stored) -> bool {
        let (series, at, value) = sample;
        match self.newest.get(series) {
            Some((last, bits)) if at == last && value.to_bits() == *bits => return true,
            Some((last, _)) if at <= last => return false,
            _ => {}
        }
        self.newest.insert(series.clone(), (*at, value.to_bits()));
        self.stored.push(sample.clone());
        true
    }
}

fn counts(request: &Request, samples: usize) -> String {
    let histograms = v2_histograms(&request.body);
    format!(
        "X-Prometheus-Remote-Write-Samples-Written: {samples}\r\n\
         X-Prometheus-Remote-Write-Histograms-Written: {histograms}\r\n"
    )
}

fn v2_histograms(body: &[u8]) -> usize {
    let plain = snap::raw::Decoder::new().decompress_vec(body).unwrap();
    let request = v2::Request::decode(plain.as_slice()).unwrap();
    request.timeseries.iter().map(|series| series.histograms.len()).sum()
}

fn head(status: u16, headers: &str, words: &str) -> String {
    let length = words.len();
    format!("HTTP/1.1 {status} Scripted\r\n{headers}Content-Length: {length}\r\n\r\n{words}")
}
