//! Runs the binary of a function as Lambda does: a local runtime API sends events to it, and measures the CPU
//! and memory of each.
//!
//! It uses only [the runtime API](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), so it works
//! with every function.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail, ensure};
use axum::Router;
use axum::extract::{Path as Parameters, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};

use crate::quota::Quota;
use deploy::process::{Processes, Running};

/// How long a function may take for its start or for one event.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A function to run.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) binary: PathBuf,
    /// In addition to the variables that Lambda sets.
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// CPU and memory used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) cpu: Duration,
    /// The highest resident set.
    pub(crate) peak_mib: f64,
}

/// A started function that waits for its next event.
pub(crate) struct Lambda {
    calls: mpsc::UnboundedReceiver<Call>,
    next: oneshot::Sender<String>,
    pid: i32,
    process: Running,
    /// Time and CPU from exec to the first call of the runtime API.
    pub(crate) start_up: Duration,
    pub(crate) at_start: Used,
}

/// One event, from being handed out to its answer.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) took: Duration,
    pub(crate) cpu: Duration,
    pub(crate) body: String,
}

/// A request of a function to the runtime API.
enum Call {
    /// It is ready for an event, to be sent this way.
    Next(Instant, oneshot::Sender<String>),
    Answer(Instant, String),
    Failed(String),
}

impl Lambda {
    /// Starts a function and waits until it asks for its first event.
    pub(crate) async fn start(
        program: &Program,
        quota: Option<&Quota>,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let (output, mut calls) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answer))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(failed))
            .with_state(output);
        tokio::spawn(async move { axum::serve(listener, routes).await });

        let _ = fs::remove_file(processes.log(program.name));
        // The shell stops itself, so that the clock and the quota begin with the exec.
        let mut command = Command::new("sh");
        command
            .args(["-c", "kill -STOP $$; exec \"$0\""])
            .arg(&program.binary)
            .env_clear()
            .envs(environment(program.name, &address))
            .envs(program.environment.iter().map(|(name, value)| (name, value)));
        let process = processes.start(program.name, &mut command)?;
        let pid = process.id();
        stopped(pid).await?;
        if let Some(quota) = quota {
            quota.hold(pid)?;
        }
        let began = Instant::now();
        signal(pid, Signal::CONT)?;
        match first(&mut calls, &process).await? {
            Call::Next(at, next) => {
                let start_up = at.saturating_duration_since(began);
                Ok(Self { at_start: used(pid)?, calls, next, pid, process, start_up })
            }
            Call::Answer(..) => bail!("`{}` answered before it was asked", program.name),
            Call::Failed(error) => bail!("`{}` did not start: {error}", program.name),
        }
    }

    /// Sends one event and waits until the function is ready for another.
    pub(crate) async fn invoke(&mut self, event: String) -> anyhow::Result<Answered> {
        let before = used(self.pid)?.cpu;
        let began = Instant::now();
        let (placeholder, _) = oneshot::channel();
        let waiting = std::mem::replace(&mut self.next, placeholder);
        ensure!(waiting.send(event).is_ok(), "the function no longer waits");
        let (took, body) = match first(&mut self.calls, &self.process).await? {
            Call::Answer(at, body) => (at.saturating_duration_since(began), body),
            Call::Failed(error) => bail!("an event failed: {error}\n{}", self.process.tail()),
            Call::Next(..) => bail!("the function asks for more before it has answered"),
        };
        match first(&mut self.calls, &self.process).await? {
            Call::Next(_, next) => self.next = next,
            Call::Answer(..) | Call::Failed(_) => bail!("the function answered twice"),
        }
        Ok(Answered { took, cpu: used(self.pid)?.cpu.saturating_sub(before), body })
    }

    pub(crate) fn used(&self) -> anyhow::Result<Used> {
        used(self.pid)
    }

    #[must_use]
    pub(crate) fn log(&self) -> &Path {
        self.process.log()
    }
}

async fn first(
    calls: &mut mpsc::UnboundedReceiver<Call>,
    process: &Running,
) -> anyhow::Result<Call> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match tokio::time::timeout(Duration::from_millis(200), calls.recv()).await {
            Ok(Some(call)) => return Ok(call),
            Ok(None) => bail!("the runtime API has ended"),
            Err(_) if Instant::now() < deadline => process.check()?,
            Err(_) => bail!("nothing for {} s\n{}", TIMEOUT.as_secs(), process.tail()),
        }
    }
}

/// Variables that Lambda sets; see "Defined runtime environment variables" of its guide.
fn environment(name: &str, address: &str) -> [(&'static str, String); 8] {
    [
        ("AWS_LAMBDA_RUNTIME_API", address.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", name.to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", name.to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "example".to_owned()),
    ]
}

async fn next(State(output): State<mpsc::UnboundedSender<Call>>) -> impl IntoResponse {
    let (send, receive) = oneshot::channel();
    let _ = output.send(Call::Next(Instant::now(), send));
    let Ok(event) = receive.await else { return StatusCode::GONE.into_response() };
    let deadline = (SystemTime::now() + Duration::from_secs(900))
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let header = |name: &'static str, value: &str| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).ok())
    };
    let headers: HeaderMap = [
        header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        header("lambda-runtime-deadline-ms", &deadline.as_millis().to_string()),
        header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-west-1:123456789012:function:bench",
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    (headers, event).into_response()
}

async fn answer(
    State(output): State<mpsc::UnboundedSender<Call>>,
    Parameters(_): Parameters<String>,
    body: String,
) -> StatusCode {
    let _ = output.send(Call::Answer(Instant::now(), body));
    StatusCode::ACCEPTED
}

async fn failed(State(output): State<mpsc::UnboundedSender<Call>>, body: String) -> StatusCode {
    let _ = output.send(Call::Failed(body));
    StatusCode::ACCEPTED
}

/// Waits until a process that stops itself has done so.
async fn stopped(pid: i32) -> anyhow::Result<()> {
    for _ in 0..2_000 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        if stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bail!("process {pid} did not stop before its exec")
}

fn signal(pid: i32, signal: Signal) -> anyhow::Result<()> {
    Ok(kill_process(Pid::from_raw(pid).context("no process id")?, signal)?)
}

/// From the scheduler, in nanoseconds, of all threads; the shell's few before the exec are in it.
fn used(pid: i32) -> anyhow::Result<Used> {
    let folder = format!("/proc/{pid}");
    let mut nanoseconds = 0;
    for task in fs::read_dir(format!("{folder}/task"))? {
        // A thread may end meanwhile; its time was small, since the functions run on one.
        let stat = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        let on_cpu = stat.split_ascii_whitespace().next().and_then(|text| text.parse().ok());
        nanoseconds += on_cpu.unwrap_or(0_u64);
    }
    let status = fs::read_to_string(format!("{folder}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = peak.context("no VmHWM")?.trim().trim_end_matches(" kB").parse()?;
    Ok(Used { cpu: Duration::from_nanos(nanoseconds), peak_mib: kib / 1024.0 })
}
