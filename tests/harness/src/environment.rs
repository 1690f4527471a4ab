//! The whole system on this machine: chatbot, local AWS with Vigie deployed on it, Prometheus, inbox.
//!
//! The demo and the end-to-end scenarios use the same environment with other probes and bots.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use alarm_model::StateValue;
use anyhow::{Context, bail, ensure};
use aws_sdk_cloudwatch::primitives::DateTime;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::alarms::{Change, Evaluator};
use crate::bot::Bot;
use crate::command;
use crate::inbox::{Inbox, Mail};
use crate::local_aws::{LocalAws, aws_variables};
use crate::metrics::Metrics;
use crate::prometheus::{self, Prometheus};
use crate::python::{EMULATOR, GRADIO};
use crate::queues::QueueMetrics;
use deploy::build::Build;
use deploy::checkout::Checkout;
use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::python::SAM;
use deploy::run::root;

/// The bucket of the probe files on the local AWS.
pub const PROBES_BUCKET: &str = "vigie-local-probes";
/// File with the content of Secrets Manager and Parameter Store, beside the probe files.
const SECRETS: &str = "secrets.json";
pub const ON_CALL: &str = "on-call@example.com";
pub const WATCH: &str = "vigie-team@example.com";
const ALERTS_CONFIGURATION: &str = "/functions/vigie-local-alerts/configuration";

/// The settings that differ between the environments.
pub struct Options {
    /// Folder under `target/`.
    pub name: &'static str,
    /// Folder of probe files below `tests/e2e/probes/`; `None` for the probes of the repository, which
    /// are part of the build.
    pub probes: Option<&'static str>,
    /// Bots below `/NAME/`; one at `/` when empty.
    pub bots: &'static [&'static str],
    /// The variable of the probe files that is the bot's address.
    pub bot_variable: &'static str,
    /// Whether a proxy that can inject faults is put between the functions and AWS.
    pub faults: bool,
}

// Fields are dropped in this order: clients before the servers that they call.
pub struct LocalEnvironment {
    pub evaluator: Evaluator,
    _queue_metrics: QueueMetrics,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub s3: aws_sdk_s3::Client,
    pub bot: Bot,
    pub inbox: Inbox,
    pub aws: LocalAws,
    pub prometheus: Prometheus,
    pub processes: Processes,
    pub root: PathBuf,
    pub state: PathBuf,
}

impl LocalEnvironment {
    /// Installs, starts, builds and deploys everything; `progress` shows each step.
    pub async fn start(
        root: &Path,
        options: &Options,
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        let state = root.join("target").join(options.name);
        let (processes, ended) =
            Processes::open(&root.join("target/e2e-processes"), &state.join("logs"))?;
        if !ended.is_empty() {
            progress.note(format!("Stopped processes of an earlier run: {}", ended.join(", ")));
        }
        let checkout = Checkout { root, processes: &processes };

        // The chatbot and the emulator are installed and started while Cargo compiles.
        let functions = progress.step("build the functions", build(&checkout, progress));
        let rendered = async {
            match options.probes {
                None => Ok(None),
                Some(probes) => {
                    let (from, to) = (probe_folder(root, probes), state.join("alarms"));
                    let step = render(&checkout, &from, &to);
                    progress.step("render the alarms", step).await.map(Some)
                }
            }
        };
        let servers =
            progress.step("start the servers", servers(root, &state, options, &processes));
        let ((), alarms, (aws, bot, prometheus)) = tokio::try_join!(functions, rendered, servers)?;

        let s3 = aws_sdk_s3::Client::from_conf(
            aws_sdk_s3::config::Builder::from(&aws.config).force_path_style(true).build(),
        );
        let cloudwatch = aws_sdk_cloudwatch::Client::new(&aws.config);
        let inbox = Inbox::open(&state.join("inbox")).await?;
        let mut parameters = vec![
            ("ProbeVariables", format!("{}={}", options.bot_variable, bot.url())),
            ("AlertEmail", ON_CALL.to_owned()),
            ("SelfMonitoringEmail", WATCH.to_owned()),
            ("RemoteWriteUrl", prometheus.remote_write_url()),
            ("RemoteWriteAuth", "none".to_owned()),
            ("HeartbeatUrl", inbox.heartbeat_url()),
        ];
        if let Some(probes) = options.probes {
            s3.create_bucket().bucket(PROBES_BUCKET).send().await.context("the probes' bucket")?;
            put_probes(&s3, probes).await?;
            put_secrets(&aws, &probe_folder(root, probes).join(SECRETS)).await?;
            parameters.push(("Probes", format!("s3://{PROBES_BUCKET}/{probes}")));
            parameters.push(("MetricStreams", "on".to_owned()));
            parameters.push(("StatusPage", "internal".to_owned()));
        }
        let deployment = async {
            deploy(&checkout, &aws.endpoint, &state, alarms.as_deref(), &parameters).await?;
            let addresses = inbox.stand_in_for_mail(&aws_sdk_sns::Client::new(&aws.config)).await?;
            ensure!(!addresses.is_empty(), "the stack has no e-mail subscription");
            Ok(((), format!("stack vigie-local, mail for {}", addresses.join(" and "))))
        };
        progress.step("deploy with sam deploy --config-env local", deployment).await?;

        Ok(Self {
            evaluator: Evaluator::start(cloudwatch.clone()),
            _queue_metrics: QueueMetrics::start(
                aws_sdk_sqs::Client::new(&aws.config),
                cloudwatch.clone(),
            ),
            cloudwatch,
            s3,
            bot,
            inbox,
            aws,
            prometheus,
            processes,
            root: root.to_owned(),
            state,
        })
    }

    /// Calls `look` twice per second until it returns a value. Fails after `timeout`, or when a server ends.
    pub async fn until<T>(
        &self,
        what: &str,
        timeout: Duration,
        mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + timeout;
        loop {
            self.aws.process.check()?;
            self.prometheus.process.check()?;
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!(
                    "no {what} within {} s\n{}\n{}",
                    timeout.as_secs(),
                    self.evaluator.problems().join("\n"),
                    self.aws.process.tail()
                );
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until `alarm` has changed to `state` after `since`.
    pub async fn changed(
        &self,
        alarm: &str,
        state: StateValue,
        since: SystemTime,
        timeout: Duration,
    ) -> anyhow::Result<Change> {
        let fits =
            |change: &Change| change.alarm == alarm && change.to == state && since <= change.at;
        self.until(&format!("change of `{alarm}` to {state}"), timeout, async || {
            Ok(self.evaluator.changes().into_iter().find(fits))
        })
        .await
    }

    /// Mails to the on-call address whose subject names `probe`, oldest first.
    #[must_use]
    pub fn mails_about(&self, probe: &str) -> Vec<Mail> {
        let about = |mail: &Mail| mail.to == ON_CALL && mail.subject.contains(probe);
        self.inbox.mails().into_iter().filter(about).collect()
    }

    /// Waits for mail number `count` about `probe`; fails on one that SNS would not have sent.
    pub async fn mail_about(&self, probe: &str, count: usize) -> anyhow::Result<Mail> {
        let what = format!("mail number {count} about `{probe}`");
        let mail = self
            .until(&what, Duration::from_secs(150), async || {
                Ok(self.mails_about(probe).into_iter().nth(count - 1))
            })
            .await?;
        if let Some(defect) = &mail.defect {
            bail!("SNS would not send the mail `{}`: {defect}", mail.subject);
        }
        Ok(mail)
    }

    /// Invokes the dispatcher for the current minute, as the schedule does at its start. Runs that were
    /// already planned are not made twice.
    pub async fn dispatch(&self) -> anyhow::Result<()> {
        let minute = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs() / 60 * 60;
        let minute = DateTime::from_secs(i64::try_from(minute)?);
        let event = json!({ "scheduled_time": minute.to_string() });
        let path = "/functions/vigie-local-dispatcher/invocations";
        let answer = self.aws.lambda(Method::POST, path, &event).await?;
        let failed = answer.headers.contains_key("x-amz-function-error");
        ensure!(!failed, "the dispatcher failed: {}", String::from_utf8_lossy(&answer.body));
        Ok(())
    }

    /// Changes variables of the function `alerts`, as a deploy with other parameters does.
    pub async fn set_alerts_variables(&self, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        let function = self.aws.lambda_get(ALERTS_CONFIGURATION).await?;
        let mut variables = function["Environment"]["Variables"].clone();
        for (name, value) in settings {
            variables[*name] = json!(value);
        }
        self.configure_alerts(&json!({ "Environment": { "Variables": variables } })).await
    }

    /// Changes the timeout of the function `alerts`, in seconds.
    pub async fn set_alerts_timeout(&self, seconds: u32) -> anyhow::Result<()> {
        self.configure_alerts(&json!({ "Timeout": seconds })).await
    }

    async fn configure_alerts(&self, changes: &Value) -> anyhow::Result<()> {
        self.aws.lambda(Method::PUT, ALERTS_CONFIGURATION, changes).await.map(drop)
    }

    /// The metrics of one probe.
    #[must_use]
    pub fn metrics<'a>(&'a self, probe: &'a str) -> Metrics<'a> {
        Metrics { client: &self.cloudwatch, probe }
    }
}

async fn build(checkout: &Checkout<'_>, progress: &Progress) -> anyhow::Result<((), &'static str)> {
    let install =
        async { Ok::<_, anyhow::Error>(SAM.install(checkout.root, checkout.processes).await?) };
    let compile = async { Ok(checkout.build_functions(Build::for_emulator(), progress).await?) };
    let (_, changed) = tokio::try_join!(install, compile)?;
    Ok(((), if changed { "built" } else { "unchanged" }))
}

/// Deploys what was built as the stack `vigie-local`, with `alarms` instead of the alarms of the
/// repository. `parameters` override those that samconfig.toml gives to the environment `local`.
async fn deploy(
    checkout: &Checkout<'_>,
    endpoint: &str,
    state: &Path,
    alarms: Option<&Path>,
    parameters: &[(&str, String)],
) -> anyhow::Result<()> {
    let owned = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
    let values = parameters.iter().map(owned).collect();
    let folder = state.join("deploy");
    let mut sam = checkout.sam_deploy("local", Build::for_emulator(), &folder, alarms, values)?;
    Ok(checkout.processes.run("sam-deploy", sam.envs(aws_variables(endpoint))).await?)
}

async fn servers(
    root: &Path,
    state: &Path,
    options: &Options,
    processes: &Processes,
) -> anyhow::Result<((LocalAws, Bot, Prometheus), String)> {
    let aws = async {
        EMULATOR.install(root, processes).await?;
        LocalAws::start(root, state, options.faults, processes).await
    };
    let bot = async {
        GRADIO.install(root, processes).await?;
        Bot::start(root, options.bots, processes).await
    };
    prometheus::install(processes).await?;
    let (aws, bot) = tokio::try_join!(aws, bot)?;
    let prometheus = Prometheus::start(state, &bot.address(), processes).await?;
    let shown =
        format!("chatbot {}, AWS {}, Prometheus {}", bot.url(), aws.endpoint, prometheus.url);
    Ok(((aws, bot, prometheus), shown))
}

fn probe_folder(root: &Path, name: &str) -> PathBuf {
    root.join("tests/e2e/probes").join(name)
}

/// The alarms of the probes in `from`, as `vigie render` writes them for a deployment.
async fn render(
    checkout: &Checkout<'_>,
    from: &Path,
    to: &Path,
) -> anyhow::Result<(PathBuf, String)> {
    std::fs::create_dir_all(to)?;
    let mut vigie = Command::new(command::build(checkout.root, checkout.processes).await?);
    vigie.args(["render", "--probes"]).arg(from).arg("--output").arg(to).current_dir(checkout.root);
    checkout.processes.run("render-alarms", &mut vigie).await?;
    Ok((to.join("alarms.yaml"), "vigie render".to_owned()))
}

/// Puts the files of `tests/e2e/probes/NAME/` below `NAME/` in the bucket for probes.
pub async fn put_probes(s3: &aws_sdk_s3::Client, name: &str) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(probe_folder(root(), name))? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if file == SECRETS {
            continue;
        }
        let body = std::fs::read(&path)?;
        let put = s3.put_object().bucket(PROBES_BUCKET).key(format!("{name}/{file}"));
        put.body(body.into()).send().await.with_context(|| file)?;
    }
    Ok(())
}

/// Stores the secrets of a file in Secrets Manager and Parameter Store, if the file exists.
async fn put_secrets(aws: &LocalAws, file: &Path) -> anyhow::Result<()> {
    if !file.exists() {
        return Ok(());
    }
    let stores: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    for (name, value) in stores["secrets"].as_object().into_iter().flatten() {
        let body = json!({ "Name": name, "SecretString": value.to_string() });
        aws.call("secretsmanager", "secretsmanager.CreateSecret", &body).await?;
    }
    for (name, value) in stores["parameters"].as_object().into_iter().flatten() {
        let body = json!({ "Name": name, "Value": value, "Type": "SecureString" });
        aws.call("ssm", "AmazonSSM.PutParameter", &body).await?;
    }
    Ok(())
}
