//! `vigie serve`: runs probes on their schedule and serves a status page and metrics, without AWS.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use domain::{EnvironmentName, Probe, USER_AGENT};
use history::{History, HistoryError, Reader};
use receivers::Configuration;
use remote_write::{Auth, Client, Settings};
use samples::Timestamp;
use scrape_engine::Queue;
use scrape_engine::engine::{self, Batches};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::exporter::{self, Exporter};
use crate::local_prober::{self, LocalProber};
use crate::mail::Mailer;
use crate::notifier::{Channels, Evidence, Notifier};
use crate::receiver_client::ReceiverClient;
use crate::recorder::Recorder;
use crate::serve_config::{self, ServeConfig};
use crate::status::{self, Access, Readers, StatusPages};
use crate::style::ERROR;
use crate::{Exit, Io, error_text, files, signals};

/// Run probes on their schedule and serve a status page and metrics.
///
/// The results are stored in a file, so that the page shows 90 days. SIGHUP reloads the probe files. SIGINT and SIGTERM
/// stop the command with exit code 0.
#[derive(Debug, Args)]
#[command(after_help = "\
Serves the status page (/), badges (/badge/PROBE/availability-30d.svg), a feed (/feed.atom), JSON (/api/v1/status),
/metrics, /probe?probe=NAME&target=URL (&debug=true), /-/healthy and /-/ready.

Environment variables:
  VIGIE_TOKEN          token for all pages, as bearer token or as password of any user
  VIGIE_SMTP_PASSWORD  password of `mail.user` in the settings file
  NAME                 value of `${NAME}` of a receiver in the settings file

Examples:
  vigie serve https://chat.example.com
  vigie serve --environment prod --config vigie.toml
  vigie serve probes/support-bot.yaml --listen 0.0.0.0:9517 --public
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
    /// Settings file. Settings of the command line have priority.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for the history. [default: the state folder of the platform]
    #[arg(long, value_name = "FOLDER", env = "VIGIE_DATA")]
    data: Option<PathBuf>,
    /// Allow everyone to read the status page, without addresses, reasons, prompts and replies.
    #[arg(long)]
    public: bool,
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
    let service = Service::start(arguments, environment, probes, &stopped).await?;
    write!(io.err, "{}", service.summary)?;
    io.err.flush()?;
    let mut signals = signals::Signals::new()?;
    while signals.next().await == signals::Signal::Reload {
        reload(arguments, &service.exporter, io)?;
    }
    writeln!(io.err, "stopping")?;
    stop.send_replace(true);
    service.end(io).await?;
    Ok(Exit::Success)
}

/// Reads the probe files again. With an error in them, the previous probes stay active.
fn reload(arguments: &Arguments, exporter: &Exporter, io: &mut Io<'_>) -> std::io::Result<()> {
    let loaded = load(arguments, io);
    if let Err(error) = &loaded {
        writeln!(io.err, "{ERROR}error{ERROR:#}: {}", error_text::of(error))?;
    }
    let probes = loaded.ok().flatten().map(|(_, probes)| probes);
    match &probes {
        Some(probes) => writeln!(io.err, "reloaded {}", files::plural(probes.len(), "probe"))?,
        None => writeln!(io.err, "reload failed; the previous probes stay active")?,
    }
    exporter.reload(probes);
    io.err.flush()
}

/// The tasks of the running command. Each ends when `stopped` is true.
struct Service {
    /// What runs and where, one line each.
    summary: String,
    exporter: Arc<Exporter>,
    schedule: JoinHandle<()>,
    server: JoinHandle<std::io::Result<()>>,
    notifier: Option<JoinHandle<anyhow::Result<()>>>,
    /// Stores the runs.
    thread: std::thread::JoinHandle<()>,
    sender: Option<Sender>,
}

impl Service {
    async fn start(
        arguments: &Arguments,
        environment: EnvironmentName,
        probes: Vec<Probe>,
        stopped: &watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let sender = Sender::from_arguments(arguments, stopped)?;
        let config = ServeConfig::read(arguments.config.as_deref())?;
        let access = access(arguments.public || config.public);
        let listener = listener(&arguments.listen, &access).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let folder = arguments.data.as_deref().or(config.data.as_deref());
        let history = history(folder, &environment)?;
        let path = history.path().to_owned();
        let reader = Reader::open(&path)?;
        let latest = reader.latest_reports()?.into_iter();
        let previous = latest.map(|report| (report.probe.clone(), Arc::new(report))).collect();
        let (events, changes) = mpsc::unbounded_channel();
        let (recorder, thread) = Recorder::start(history, &probes, config.retention()?, events)?;
        let changed = recorder.changed();
        let count = files::plural(probes.len(), "probe");
        let exporter = Arc::new(Exporter::new(
            LocalProber::new(environment.clone()),
            probes,
            sender.as_ref().map(|sender| sender.queue.clone()),
            recorder.clone(),
            arguments.allow_any_target,
        ));
        let address = config.page().address.unwrap_or_else(|| url.clone());
        let notifier = notifier(&config, environment, address, &exporter, recorder, &path)?;
        let summary = summary(&url, &count, &path, notifier.as_ref());
        let notifier =
            notifier.map(|notifier| tokio::spawn(notifier.run(changes, stopped.clone())));
        let pages = StatusPages {
            settings: config.page(),
            access,
            exporter: Arc::clone(&exporter),
            readers: Readers::new(path, reader),
            previous,
            changed,
            stopped: stopped.clone(),
        };
        let schedule = tokio::spawn(exporter::schedule(Arc::clone(&exporter), stopped.clone()));
        let router = status::router(Arc::new(pages), exporter::router(Arc::clone(&exporter)));
        let server = axum::serve(listener, router).with_graceful_shutdown(until(stopped.clone()));
        let server = tokio::spawn(server.into_future());
        Ok(Self { summary, exporter, schedule, server, notifier, thread, sender })
    }

    /// Waits until what was running is stored and sent.
    async fn end(self, io: &mut Io<'_>) -> anyhow::Result<()> {
        self.schedule.await.context("the scheduler panicked")?;
        // A client may keep its connection open, so the wait is limited.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.server).await;
        if let Some(notifier) = self.notifier {
            notifier.await.context("the notifier panicked")??;
        }
        // The thread stores what is left and ends when nothing can send to it.
        drop(self.exporter);
        let stored = tokio::task::spawn_blocking(|| self.thread.join());
        let _ = tokio::time::timeout(STORE_TIMEOUT, stored).await;
        if let Some(sender) = self.sender {
            let left = sender.task.await.context("the remote write sender panicked")?;
            if left > 0 {
                writeln!(io.err, "samples not sent: {left}")?;
            }
        }
        Ok(())
    }
}

/// What a user needs to know after the start: address, probes, history, notifications.
fn summary(url: &str, probes: &str, history: &Path, notifier: Option<&Notifier>) -> String {
    let notifications = match notifier {
        Some(notifier) => notifier.channels.names().join(", "),
        None => "none; add `mail` or `receivers` to a settings file (`vigie init` writes one)"
            .to_owned(),
    };
    format!(
        "listening on {url}\n\
         probes         {probes}\n\
         history        {}\n\
         notifications  {notifications}\n",
        history.display()
    )
}

/// Ends when the command stops. An error means that the sender was dropped, which also ends the command.
async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Sends notifications; `None` if the settings name no mail server and no receiver of this environment.
fn notifier(
    config: &ServeConfig,
    environment: EnvironmentName,
    address: String,
    exporter: &Arc<Exporter>,
    recorder: Recorder,
    history: &Path,
) -> anyhow::Result<Option<Notifier>> {
    let variable = |name: &str| std::env::var(name).ok();
    let password = variable("VIGIE_SMTP_PASSWORD").map(SecretString::from);
    let Configuration { routes, mut receivers } = config.receivers(&environment, variable)?;
    receivers.retain(|receiver| receiver.is_in(&environment));
    let channels = Channels {
        mailer: config.mail.as_ref().map(|mail| Mailer::new(mail, password)).transpose()?,
        routes,
        receivers,
        client: ReceiverClient::default(),
        environment,
        language: config.notification_language(),
        remind_every: config.remind_every()?,
        escalate_after: config.escalate_after()?,
    };
    if channels.is_empty() {
        return Ok(None);
    }
    let reader = Mutex::new(Reader::open(history)?);
    let evidence = Evidence { exporter: Arc::clone(exporter), reader };
    let weekly = config.weekly_mail();
    Ok(Some(Notifier { channels, evidence, zone: config.zone()?, address, weekly, recorder }))
}

/// How long the last runs may take to be stored.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long open connections may delay the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

fn access(public: bool) -> Access {
    let token = std::env::var("VIGIE_TOKEN").ok().filter(|token| !token.is_empty());
    Access { public, token: token.map(SecretString::from) }
}

/// Listens on `address`, which other machines may reach only if the pages have access control.
async fn listener(address: &str, access: &Access) -> anyhow::Result<TcpListener> {
    let could_not_listen = || format!("could not listen on `{address}`");
    let listener = TcpListener::bind(address).await.with_context(could_not_listen)?;
    if !access.is_restricted() && !listener.local_addr()?.ip().is_loopback() {
        bail!(
            "`--listen` is `{address}`, which other machines can reach\n\
             hint: set `VIGIE_TOKEN`, or pass `--public` to show everyone the page without addresses, reasons and replies"
        );
    }
    Ok(listener)
}

/// Opens the history in `folder`, or in the state folder of the platform.
fn history(folder: Option<&Path>, environment: &EnvironmentName) -> anyhow::Result<History> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => serve_config::state_folder(|name| std::env::var_os(name))?,
    };
    History::open(&folder, environment).map_err(|error| match error {
        HistoryError::InUse { .. } => anyhow::Error::new(error).context(
            "another `vigie serve` uses the same history\nhint: pass another `--data FOLDER`",
        ),
        error => anyhow::Error::new(error)
            .context(format!("could not open the history in `{}`", folder.display())),
    })
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
    /// `None` without `--remote-write`.
    fn from_arguments(
        arguments: &Arguments,
        stopped: &watch::Receiver<bool>,
    ) -> anyhow::Result<Option<Self>> {
        let user = arguments.remote_write_user.as_deref();
        let url = arguments.remote_write.as_deref();
        url.map(|url| Self::start(url, user, stopped.clone())).transpose()
    }

    fn start(
        url: &str,
        user: Option<&str>,
        stopped: watch::Receiver<bool>,
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
            engine::run(client, &waiting, Batches::default(), now, until(stopped)).await
        });
        Ok(Self { queue, task })
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}
