//! `vigie serve`: runs probes on their schedule and serves the results to Prometheus, without AWS.

use std::path::PathBuf;
use std::sync::Arc;

use agent::Queue;
use agent::engine::{self, Batches};
use anyhow::{Context, bail};
use clap::Args;
use domain::{EnvironmentName, Probe, USER_AGENT};
use remote_write::{Auth, Client, Settings};
use samples::Timestamp;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::exporter::{self, Exporter};
use crate::local_prober::{self, LocalProber};
use crate::{Exit, Io, files, signals};

/// Run probes on their schedule and serve the results to Prometheus.
///
/// SIGHUP reloads the files. SIGINT and SIGTERM stop the command with exit code 0.
#[derive(Debug, Args)]
#[command(after_help = "\
Serves /metrics, /probe?probe=NAME&target=URL (&debug=true), /-/healthy and /-/ready.

Examples:
  vigie serve https://chat.example.com
  vigie serve --environment prod
  vigie serve probes/support-bot.yaml --listen 0.0.0.0:9517
  vigie serve --remote-write http://prometheus:9090/api/v1/write")]
pub struct Arguments {
    /// Probe files, folders, or the address of an app for a default probe.
    #[arg(value_name = "FILE", default_value = "probes")]
    files: Vec<PathBuf>,
    /// Environment. Required if a value of a target differs by environment.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: Option<EnvironmentName>,
    /// Address and port to listen on. Port 0 selects a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9517", value_parser = address)]
    listen: String,
    /// Allow `/probe` to use targets that no probe file names. Credentials are never sent to them.
    #[arg(long)]
    allow_any_target: bool,
    /// Also send each result to this Prometheus remote write receiver.
    #[arg(long, value_name = "URL")]
    remote_write: Option<String>,
    /// User name for basic authentication at the receiver. The password is read from
    /// `VIGIE_REMOTE_WRITE_PASSWORD`.
    #[arg(long, value_name = "NAME", requires = "remote_write")]
    remote_write_user: Option<String>,
}

/// Parses a host name or address with a port.
fn address(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
        Some(_) => Ok(text.to_owned()),
        None => Err("expected a host and a port, such as `127.0.0.1:9517`".to_owned()),
    }
}

/// Capacity of the remote write queue, in samples.
const QUEUE: usize = 200_000;

pub(crate) async fn serve(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let Some((environment, probes)) = load(arguments, io)? else { return Ok(Exit::Failed) };
    let (stop, stopped) = watch::channel(false);
    let sender = match &arguments.remote_write {
        Some(url) => {
            Some(Sender::start(url, arguments.remote_write_user.as_deref(), stopped.clone())?)
        }
        None => None,
    };
    let queue = sender.as_ref().map(|sender| sender.queue.clone());
    let exporter = Arc::new(Exporter::new(
        LocalProber::new(environment),
        probes,
        queue,
        arguments.allow_any_target,
    ));
    let listener = TcpListener::bind(&arguments.listen)
        .await
        .with_context(|| format!("could not listen on `{}`", arguments.listen))?;
    writeln!(io.err, "listening on http://{}", listener.local_addr()?)?;
    io.err.flush()?;
    let schedule = tokio::spawn(exporter::schedule(Arc::clone(&exporter), stopped.clone()));
    let mut closing = stopped.clone();
    let server = axum::serve(listener, exporter::router(Arc::clone(&exporter)))
        .with_graceful_shutdown(async move {
            // An error means that the sender was dropped, which also ends the server.
            let _ = closing.wait_for(|stop| *stop).await;
        });
    let server = tokio::spawn(server.into_future());
    let mut signals = signals::Signals::new()?;
    while signals.next().await == signals::Signal::Reload {
        match load(arguments, io) {
            Ok(Some((_, probes))) => {
                let count = files::plural(probes.len(), "probe");
                exporter.reload(Some(probes));
                writeln!(io.err, "reloaded {count}")?;
            }
            Ok(None) => {
                exporter.reload(None);
                writeln!(io.err, "reload failed; the previous probes stay active")?;
            }
            Err(error) => {
                exporter.reload(None);
                writeln!(
                    io.err,
                    "error: {error:#}\nreload failed; the previous probes stay active"
                )?;
            }
        }
        io.err.flush()?;
    }
    writeln!(io.err, "stopping")?;
    stop.send_replace(true);
    schedule.await.context("the scheduler panicked")?;
    // A client may keep its connection open, so the wait is limited.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), server).await;
    if let Some(sender) = sender {
        let left = sender.task.await.context("the remote write sender panicked")?;
        if left > 0 {
            writeln!(io.err, "samples not sent: {left}")?;
        }
    }
    Ok(Exit::Success)
}

/// The probes that run in the environment; `None` when a file has errors, which are printed.
fn load(
    arguments: &Arguments,
    io: &mut Io<'_>,
) -> anyhow::Result<Option<(EnvironmentName, Vec<Probe>)>> {
    let files = files::read(&arguments.files)?;
    let Some(specs) = files::probes(&files, io)? else { return Ok(None) };
    let environment = local_prober::environment(arguments.environment.as_ref(), &specs)?;
    let mut probes = Vec::new();
    for spec in specs {
        if spec.runs_in(&environment) {
            probes.push(local_prober::resolved(spec, &environment, None)?);
        }
    }
    if probes.is_empty() {
        bail!("no probe of these files runs in environment `{environment}`");
    }
    Ok(Some((environment, probes)))
}

/// Sends results to the remote write receiver.
struct Sender {
    queue: Queue,
    task: tokio::task::JoinHandle<usize>,
}

impl Sender {
    fn start(
        url: &str,
        user: Option<&str>,
        mut stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let mut settings = Settings::new(url)?;
        USER_AGENT.clone_into(&mut settings.user_agent);
        if let Some(user) = user {
            let password = std::env::var("VIGIE_REMOTE_WRITE_PASSWORD").context(
                "`--remote-write-user` needs the password in `VIGIE_REMOTE_WRITE_PASSWORD`",
            )?;
            settings.auth =
                Auth::Basic { user: user.to_owned(), password: SecretString::from(password) };
        }
        let client = Client::new(settings)?;
        let queue = Queue::new(QUEUE);
        let waiting = queue.clone();
        let task = tokio::spawn(async move {
            let stop = async {
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            engine::run(client, &waiting, Batches::default(), now, stop).await
        });
        Ok(Self { queue, task })
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}
