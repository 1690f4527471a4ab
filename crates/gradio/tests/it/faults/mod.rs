//! Faults of a server. Each must give the expected failure and error text within its time limit, on the
//! clock of the tests.

mod connecting;
mod describing;
mod joining;
mod replying;
mod sockets;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use gradio::{Client, ClientBuilder, Error, Failure, Limits, Proxy, Reply};
use serde_json::json;
use tokio::time::Instant;

use crate::support::app;
use crate::support::clock;
use crate::support::scripted::{Script, Server};
use crate::support::wire::{end, event, json_answer, stream_head};

/// Time limit of faults that wait.
const LIMIT: Duration = Duration::from_millis(300);
/// Accepted delay after the limit, such as that of cancelling the event.
const SLACK: Duration = Duration::from_secs(1);
/// Limit that no fault reaches.
const AMPLE: Duration = Duration::from_secs(600);

/// Names the file with the durations of the faults, for `make bench`.
const TIMES: &str = "GRADIO_FAULT_TIMES";

type Adjust = fn(ClientBuilder) -> ClientBuilder;

/// A fault of a server.
pub(crate) struct Fault {
    name: &'static str,
    script: Script,
    limits: Limits,
    adjust: Adjust,
    turns: usize,
    /// The whole text of a reply, or a failure with a part of its text.
    expected: Result<&'static str, (Failure, &'static str)>,
    /// Whether the client must cancel the event.
    cancelled: bool,
    place: Place,
    /// Trusted certificates.
    ca_file: Option<PathBuf>,
}

/// Address of the server.
enum Place {
    Address,
    /// `localhost`, the name in the certificates.
    Name,
    /// `localhost` with TLS, even if the server has none.
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

    /// Unusual, but a valid reply.
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
    Limits { connect: AMPLE, stall: AMPLE, conversation: AMPLE, cancel: AMPLE, ..Limits::default() }
}

/// An app that works up to the queue.
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

/// A complete event stream with these messages.
fn streamed(messages: &[serde_json::Value]) -> Vec<u8> {
    [stream_head(), messages.iter().flat_map(event).collect(), end()].concat()
}

async fn run(fault: &Fault, url: &str) -> Result<Reply, Error> {
    let mut builder =
        Client::builder(url).proxy(Proxy::None).check_page(false).limits(fault.limits.clone());
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

/// The shortest time limit of the fault.
fn limit(fault: &Fault) -> Duration {
    let Limits { connect, queue, first_chunk, stall, conversation, .. } = fault.limits;
    let optional = [queue, first_chunk].into_iter().flatten();
    [connect, stall, conversation].into_iter().chain(optional).min().unwrap_or(AMPLE)
}

/// The difference to the expected outcome.
async fn judge(fault: Fault) -> Option<String> {
    let server = Server::start(fault.script.clone()).await;
    let url = match &fault.place {
        Place::Address => server.url(),
        Place::Name => server.url_by_name(),
        Place::Secured => server.url_by_name().replace("http:", "https:"),
        Place::Elsewhere(url) => url.clone(),
    };
    let began = Instant::now();
    let client = run(&fault, &url);
    let outcome = if is_measured() {
        client.await
    } else if matches!(fault.place, Place::Elsewhere(_)) {
        clock::without_server(client).await
    } else {
        clock::with_server(&server, client).await
    };
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
    let cancelled = server.count("cancel") + server.count("reset");
    (fault.cancelled && cancelled == 0).then(|| format!("{name}: the event was not cancelled"))
}

/// Writes the duration of a fault for `make bench`.
fn note(fault: &Fault, took: Duration) {
    let Some(path) = std::env::var_os(TIMES) else { return };
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let limit = Some(limit(fault)).filter(|&limit| limit < AMPLE).map(ms);
    let line = json!({ "name": fault.name, "took_ms": ms(took), "limit_ms": limit });
    let mut file = File::options().create(true).append(true).open(path).unwrap();
    // One write, because other tests write to the same file.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Whether the durations are measured, with a clock that runs.
fn is_measured() -> bool {
    std::env::var_os(TIMES).is_some()
}

async fn judge_all(faults: Vec<Fault>) {
    assert!(!faults.is_empty());
    if is_measured() {
        tokio::time::resume();
    }
    let mut wrong = Vec::new();
    // One at a time: they share the clock.
    for fault in faults {
        wrong.extend(judge(fault).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn faults_while_connecting() {
    let folder = tempfile::tempdir().unwrap();
    let (faults, _kept) = connecting::faults(folder.path()).await;
    judge_all(faults).await;
}

#[tokio::test(start_paused = true)]
async fn faults_while_reading_the_description() {
    judge_all(describing::faults()).await;
}

#[tokio::test(start_paused = true)]
async fn faults_while_joining_the_queue() {
    judge_all(joining::faults()).await;
}

#[tokio::test(start_paused = true)]
async fn faults_in_the_reply() {
    judge_all(replying::faults()).await;
}

#[tokio::test(start_paused = true)]
async fn faults_of_websockets() {
    judge_all(sockets::faults()).await;
}

#[tokio::test(start_paused = true)]
async fn fault_names_are_unique() {
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
        assert_eq!(names.len(), faults.len(), "duplicate name");
        count += faults.iter().filter(|fault| fault.expected.is_err()).count();
    }
    assert!(count >= 50, "only {count}");
}
