//! The fault matrix: what a server can do wrong, and what we say of it.
//!
//! Each fault is played to a real client and must come out as its own kind of failure, say so in
//! prose, and end within the limit that applies.

mod connecting;
mod describing;
mod joining;
mod replying;
mod sockets;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use gradio::{Client, ClientBuilder, Error, Failure, Limits, Proxy, Reply};
use serde_json::json;

use crate::support::app;
use crate::support::scripted::{Script, Server};
use crate::support::wire::{end, event, json_answer, stream_head};

/// The limit that a fault which takes time runs into.
const LIMIT: Duration = Duration::from_millis(300);
/// How far past its limit a conversation may end on a busy machine.
const SLACK: Duration = Duration::from_secs(2);
/// Limit of the conversation where another one is to be hit: far from it.
const AMPLE: Duration = Duration::from_secs(20);

type Adjust = fn(ClientBuilder) -> ClientBuilder;

/// Something that a server does wrong.
pub(crate) struct Fault {
    name: &'static str,
    script: Script,
    /// Limits apart from the ample ones.
    limits: Limits,
    adjust: Adjust,
    turns: usize,
    /// Part of the prose goes with the kind; for a reply that is in order its whole text.
    expected: Result<&'static str, (Failure, &'static str)>,
    /// The server must have been told that we stop.
    cancelled: bool,
    place: Place,
    /// Certificates to trust.
    ca_file: Option<PathBuf>,
}

/// Where to look for the server.
enum Place {
    Address,
    /// `localhost`, as the certificates say.
    Name,
    /// The same, with TLS whatever the server speaks.
    Secured,
    Elsewhere(String),
}

impl Fault {
    fn new(name: &'static str, script: Script, failure: Failure, prose: &'static str) -> Self {
        Self {
            name,
            script,
            limits: ample(),
            adjust: |builder| builder,
            turns: 1,
            expected: Err((failure, prose)),
            cancelled: false,
            place: Place::Address,
            ca_file: None,
        }
    }

    /// Odd, but a reply all the same.
    fn harmless(name: &'static str, script: Script, text: &'static str) -> Self {
        Self { expected: Ok(text), ..Self::new(name, script, Failure::Timeout, "") }
    }

    fn limited(self, change: fn(&mut Limits)) -> Self {
        let mut limits = self.limits;
        change(&mut limits);
        Self { limits, ..self }
    }

    fn with(self, adjust: Adjust) -> Self {
        Self { adjust, ..self }
    }

    fn turns(self, turns: usize) -> Self {
        Self { turns, ..self }
    }

    fn cancelled(self) -> Self {
        Self { cancelled: true, ..self }
    }
}

fn ample() -> Limits {
    Limits { connect: AMPLE, stall: AMPLE, conversation: AMPLE, ..Limits::default() }
}

/// A script whose app is in order up to the queue.
fn script() -> Script {
    described(&app::config(&json!("sse_v3")))
}

fn described(config: &serde_json::Value) -> Script {
    Script::default()
        .send("config", json_answer(config))
        .send("join", json_answer(&json!({ "event_id": app::EVENT })))
        .send("cancel", json_answer(&json!({ "success": true })))
        .send("reset", json_answer(&json!({ "success": true })))
}

/// An event stream with these messages, and its end.
fn streamed(messages: &[serde_json::Value]) -> Vec<u8> {
    [stream_head(), messages.iter().flat_map(event).collect(), end()].concat()
}

async fn play(fault: &Fault, url: &str) -> Result<Reply, Error> {
    let mut builder = Client::builder(url).proxy(Proxy::None).limits(fault.limits.clone());
    if let Some(path) = &fault.ca_file {
        builder = builder.ca_file(path);
    }
    let client = (fault.adjust)(builder).build()?;
    let mut session = client.connect().await?;
    for _ in 1..fault.turns {
        session.say("hello", &mut |_| {}).await?;
    }
    session.say("hello again", &mut |_| {}).await
}

/// The shortest limit that can end the fault; the ample one where none was set.
fn limit(fault: &Fault) -> Duration {
    let Limits { connect, queue, first_chunk, stall, conversation, .. } = fault.limits;
    let optional = [queue, first_chunk].into_iter().flatten();
    [connect, stall, conversation].into_iter().chain(optional).min().unwrap_or(AMPLE)
}

/// What is wrong with the outcome; `None` when it is as it should be.
async fn judge(fault: Fault) -> Option<String> {
    let server = Server::start(fault.script.clone()).await;
    let url = match &fault.place {
        Place::Address => server.url(),
        Place::Name => server.url_by_name(),
        Place::Secured => server.url_by_name().replace("http:", "https:"),
        Place::Elsewhere(url) => url.clone(),
    };
    let began = Instant::now();
    let outcome = play(&fault, &url).await;
    let took = began.elapsed();
    note(&fault, took);
    let name = fault.name;
    let allowed = limit(&fault) * u32::try_from(fault.turns).unwrap() + SLACK;
    if took > allowed {
        return Some(format!("{name}: took {took:?} of {allowed:?}"));
    }
    let seen = outcome
        .map(|reply| reply.text)
        .map_err(|error| (error.failure(), error.prose().to_owned()));
    let fits = match (&seen, &fault.expected) {
        (Ok(text), Ok(expected)) => text == expected,
        (Err((failure, prose)), Err((expected, part))) => {
            failure == expected
                && prose.contains(part)
                && !prose.contains("hush")
                && prose.len() < 700
        }
        _ => false,
    };
    if !fits {
        return Some(format!("{name}: {seen:?}, expected {:?}", fault.expected));
    }
    let told = server.count("cancel") + server.count("reset");
    (fault.cancelled && told == 0).then(|| format!("{name}: the server was not told that we stop"))
}

/// Writes down how long a fault took, for `make bench`: how far past its limit it ended.
fn note(fault: &Fault, took: Duration) {
    let Some(path) = std::env::var_os("GRADIO_FAULT_TIMES") else { return };
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let limit = Some(limit(fault)).filter(|&limit| limit < AMPLE).map(ms);
    let line = json!({ "name": fault.name, "took_ms": ms(took), "limit_ms": limit });
    let mut file = File::options().create(true).append(true).open(path).unwrap();
    // In one piece, since the tests of other phases write to the same file.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

async fn judge_all(faults: Vec<Fault>) {
    assert!(!faults.is_empty());
    let wrong: Vec<String> = stream::iter(faults)
        .map(judge)
        .buffer_unordered(8)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn faults_while_connecting() {
    let folder = tempfile::tempdir().unwrap();
    let (faults, _kept) = connecting::faults(folder.path()).await;
    judge_all(faults).await;
}

#[tokio::test]
async fn faults_while_the_app_is_described() {
    judge_all(describing::faults()).await;
}

#[tokio::test]
async fn faults_while_joining_the_queue() {
    judge_all(joining::faults()).await;
}

#[tokio::test]
async fn faults_within_the_reply() {
    judge_all(replying::faults()).await;
}

#[tokio::test]
async fn faults_of_websockets() {
    judge_all(sockets::faults()).await;
}

#[tokio::test]
async fn there_are_fifty_faults_and_more() {
    let folder = tempfile::tempdir().unwrap();
    let (connecting, _kept) = connecting::faults(folder.path()).await;
    let phases = [
        connecting,
        describing::faults(),
        joining::faults(),
        replying::faults(),
        sockets::faults(),
    ];
    let mut count = 0;
    for faults in phases {
        let mut names: Vec<_> = faults.iter().map(|fault| fault.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), faults.len(), "a name stands for one fault of its phase");
        count += faults.iter().filter(|fault| fault.expected.is_err()).count();
    }
    assert!(count >= 50, "only {count}");
}
