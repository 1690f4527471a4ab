//! `vigie bridge`: scrapes targets and sends their samples by remote write.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use domain::USER_AGENT;
use exposition::Format;
use probe_file::label;
use remote_write::{Auth, Client, Settings, SigV4};
use samples::{Protocol, Timestamp};
use scrape::{Histograms, Labels, Limits, Request};
use scrape_engine::dead_letters::Folder;
use scrape_engine::engine::{self, Batches};
use scrape_engine::scraping::{self, Target};
use scrape_engine::{Counts, Queue};
use secrecy::SecretString;
use tokio::task::JoinSet;
use url::Url;

use crate::prometheus_config::{self, Configuration};
use crate::signals::{Signal, Signals};
use crate::{Exit, Io};

/// Encoded requests that are kept: enough for 100,000 series over 1.0, or 400,000 over 2.0.
const CACHE_BYTES: usize = 24 << 20;

/// Options whose settings are in the file of `--config`.
const INSTEAD_OF_CONFIG: [&str; 22] = [
    "scrape",
    "remote_write",
    "job",
    "label",
    "interval",
    "timeout",
    "batch_deadline",
    "max_samples",
    "queue",
    "max_age",
    "protocol",
    "user",
    "header",
    "ca",
    "body_size_limit",
    "sample_limit",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "fallback_scrape_protocol",
    "bounds_as_written",
    "native_histograms",
];

/// Scrape targets at exact intervals and send their samples to Prometheus by remote write, like a small Prometheus agent.
///
/// After SIGINT or SIGTERM the command sends the queued samples within 10 s and exits with 0. It sends no stale markers, like
/// Prometheus.
#[derive(Debug, Args)]
#[command(after_help = "\
While the receiver is unavailable, samples are kept in memory. When the queue is full, the oldest are dropped.

Credentials: VIGIE_REMOTE_WRITE_PASSWORD with --user, or VIGIE_REMOTE_WRITE_TOKEN as bearer token.

Only --body-size-limit has a default. If a page exceeds a limit, the scrape fails: `up` is 0.

Examples:
  vigie bridge --scrape http://bot:7860/metrics --remote-write http://prometheus:9090/api/v1/write
  vigie bridge --scrape http://bot:7860/metrics --job bots --interval 1s \\
      --remote-write https://receiver/api/v1/push --header X-Scope-OrgID=tenant --protocol 2.0
  vigie bridge --config prometheus.yml")]
pub struct Arguments {
    /// URL of a metrics page. Can be repeated.
    #[arg(long, value_name = "URL", required_unless_present = "config", value_parser = page)]
    scrape: Vec<Url>,
    /// URL of the receiver, such as `http://prometheus:9090/api/v1/write`.
    #[arg(long, value_name = "URL", required_unless_present = "config")]
    remote_write: Option<String>,
    /// Configuration file of Prometheus, instead of the other options. Its `scrape_configs` with `static_configs` and
    /// its `remote_write` are used. Settings that are not supported are reported.
    #[arg(long, value_name = "FILE", conflicts_with_all = INSTEAD_OF_CONFIG)]
    config: Option<PathBuf>,
    /// The label `job` of all series.
    #[arg(long, value_name = "NAME", default_value = "gradio_chatbot", value_parser = label_value)]
    job: String,
    /// An additional label of all series. Can be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Time between two scrapes of a target.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    interval: Duration,
    /// Time limit of a scrape, at most the interval [default: the interval, at most 10s].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// Longest time that a sample waits for its request to become full.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    batch_deadline: Duration,
    /// Most samples in a request.
    #[arg(long, value_name = "COUNT", default_value = "2000", value_parser = positive)]
    max_samples: usize,
    /// Most samples in the queue. When it is full, the oldest are dropped.
    #[arg(long, value_name = "COUNT", default_value = "500000", value_parser = positive)]
    queue: usize,
    /// Samples older than this are not sent, because Prometheus would reject them.
    #[arg(long, value_name = "TIME", default_value = "50m", value_parser = duration)]
    max_age: Duration,
    /// Version of the remote-write protocol, 1.0 or 2.0. If the receiver does not support 2.0, 1.0 is used.
    #[arg(long, value_name = "VERSION", default_value_t = Protocol::V1)]
    protocol: Protocol,
    /// User name for basic authentication at the receiver.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// An additional header of requests, such as `X-Scope-OrgID=tenant`. Can be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    header: Vec<(String, String)>,
    /// PEM file of certificate authorities to trust in addition to those of the system.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Most bytes of a page after decompression.
    #[arg(long, value_name = "BYTES", default_value_t = 512 << 20)]
    body_size_limit: usize,
    /// Most samples on a page.
    #[arg(long, value_name = "COUNT")]
    sample_limit: Option<usize>,
    /// Most labels of a sample.
    #[arg(long, value_name = "COUNT")]
    label_limit: Option<usize>,
    /// Most bytes of a label name.
    #[arg(long, value_name = "BYTES")]
    label_name_length_limit: Option<usize>,
    /// Most bytes of a label value.
    #[arg(long, value_name = "BYTES")]
    label_value_length_limit: Option<usize>,
    /// Store samples that the receiver rejects in this folder; see `vigie dead-letters`.
    #[arg(long, value_name = "FOLDER")]
    dead_letters: Option<PathBuf>,
    /// The format of a page without a known content type, such as `PrometheusText0.0.4`. By default such a
    /// page fails, like in Prometheus 3.
    #[arg(long, value_name = "PROTOCOL", value_parser = fallback)]
    fallback_scrape_protocol: Option<Format>,
    /// Request the protobuf format first, and send its native histograms. A receiver of 1.0 must accept them.
    #[arg(long)]
    native_histograms: bool,
    /// Keep `le` and `quantile` as the target writes them, like Prometheus 2. By default `1` becomes `1.0`,
    /// like in Prometheus 3.
    #[arg(long)]
    bounds_as_written: bool,
}

pub(crate) async fn bridge(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let mut plan = plan(arguments, io).await?;
    plan.batches.dead_letters = arguments.dead_letters.clone().map(Folder::new);
    plan.receiver.cache_bytes = CACHE_BYTES;
    let client = Client::new(plan.receiver)?;
    let mut signals = Signals::new()?;

    let queue = Queue::new(plan.capacity);
    let mut scraping = JoinSet::new();
    let count = crate::files::plural(plan.targets.len(), "target");
    for target in plan.targets {
        let queue = queue.clone();
        scraping.spawn(async move { scraping::scrape_forever(&target, &queue, now).await });
    }
    let stop = async {
        while signals.next().await != Signal::Stop {}
        // No scrape starts any more; the queued samples are sent.
        scraping.abort_all();
    };
    match &arguments.config {
        Some(file) => writeln!(io.err, "scraping {count} of `{}`", file.display())?,
        None => writeln!(io.err, "scraping {count} every {:?}", arguments.interval)?,
    }
    io.err.flush()?;
    let left = engine::run(client, &queue, plan.batches, now, stop).await;
    writeln!(io.err, "{}", summary(&queue.counts(), left))?;
    Ok(Exit::Success)
}

/// What to scrape and where to send it.
struct Plan {
    targets: Vec<Target>,
    receiver: Settings,
    batches: Batches,
    capacity: usize,
}

async fn plan(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Plan> {
    let Some(file) = &arguments.config else {
        return Ok(Plan {
            targets: targets(arguments)?,
            receiver: settings(arguments, |name| std::env::var(name).ok())?,
            batches: Batches {
                most: arguments.max_samples,
                deadline: arguments.batch_deadline,
                ..Batches::default()
            },
            capacity: arguments.queue,
        });
    };
    let mut config = prometheus_config::read(file)?;
    if !config.ignored.is_empty() {
        writeln!(io.err, "ignored settings: {}", config.ignored.join(", "))?;
    }
    if let Some(region) = config.sigv4_region {
        let aws = aws_config::load_from_env().await;
        let credentials = aws.credentials_provider();
        let credentials = credentials.context("no AWS credentials found to sign requests")?;
        config.receiver.auth =
            Auth::SigV4(SigV4 { region, service: "aps".to_owned(), credentials });
    }
    let capacity = config.capacity.unwrap_or(arguments.queue);
    let Configuration { targets, receiver, batches, .. } = config;
    Ok(Plan { targets, receiver, batches, capacity })
}

fn settings(
    arguments: &Arguments,
    env: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Settings> {
    let mut settings = Settings::new(arguments.remote_write.as_deref().unwrap_or_default())?;
    USER_AGENT.clone_into(&mut settings.user_agent);
    settings.protocol = arguments.protocol;
    settings.max_samples = arguments.max_samples;
    settings.checks.max_age = Some(arguments.max_age);
    settings.checks.histograms_over_1_0 = arguments.native_histograms;
    let token = env("VIGIE_REMOTE_WRITE_TOKEN");
    settings.auth = match (&arguments.user, token) {
        (Some(_), Some(_)) => {
            bail!("both `--user` and VIGIE_REMOTE_WRITE_TOKEN are set; expected one of them")
        }
        (Some(user), None) => {
            let password = env("VIGIE_REMOTE_WRITE_PASSWORD")
                .context("`VIGIE_REMOTE_WRITE_PASSWORD` is not set; `--user` requires it")?;
            Auth::Basic { user: user.clone(), password: SecretString::from(password) }
        }
        (None, Some(token)) => Auth::Bearer(SecretString::from(token)),
        (None, None) => Auth::None,
    };
    let headers = arguments.header.iter();
    settings.headers = headers.map(|(name, value)| (name.clone(), value.clone().into())).collect();
    if let Some(file) = &arguments.ca {
        let pem = std::fs::read(file);
        settings.ca = Some(pem.with_context(|| format!("could not read `{}`", file.display()))?);
    }
    Ok(settings)
}

fn targets(arguments: &Arguments) -> anyhow::Result<Vec<Target>> {
    let interval = arguments.interval;
    let timeout = arguments.timeout.unwrap_or(interval.min(Duration::from_secs(10)));
    if timeout > interval {
        bail!("`--timeout` is {timeout:?}; expected at most the interval, {interval:?}");
    }
    let limits = Limits {
        body_bytes: arguments.body_size_limit,
        samples: arguments.sample_limit,
        labels: arguments.label_limit,
        label_name_bytes: arguments.label_name_length_limit,
        label_value_bytes: arguments.label_value_length_limit,
        ..Limits::default()
    };
    let client = scrape::client(USER_AGENT).context("could not set up the HTTP client")?;
    let target = |url: &Url| {
        let instance = scrape::instance_of(url).unwrap_or_default();
        let more = arguments.label.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Target {
            client: client.clone(),
            request: Request {
                url: url.clone(),
                headers: http::HeaderMap::default(),
                timeout,
                limits,
                server_name: None,
                fallback: arguments.fallback_scrape_protocol,
                histograms: if arguments.native_histograms {
                    Histograms::Native
                } else {
                    Histograms::Classic
                },
            },
            labels: if arguments.bounds_as_written {
                Labels::new(&arguments.job, &instance, more).with_bounds_as_written()
            } else {
                Labels::new(&arguments.job, &instance, more)
            },
            every: arguments.interval,
        }
    };
    Ok(arguments.scrape.iter().map(target).collect())
}

fn summary(counts: &Counts, left: usize) -> String {
    let refused: usize = counts.refused.values().sum();
    let Counts { sent, dropped, requests, .. } = counts;
    format!(
        "sent {sent} samples in {requests} requests; refused {refused}, dropped {dropped}, left {left}"
    )
}

fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

/// `500ms`, `15s`, `5m`, `1h`; more than 0.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "`{text}` is not a valid duration; expected a duration such as `500ms`, `15s` or `5m`"
        )
    };
    let digits = text.find(|each: char| !each.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        _ => return Err(wrong()),
    };
    if number == 0 { Err(wrong()) } else { Ok(unit * number) }
}

/// The URL of a metrics page.
fn positive(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| 0 < *number);
    number.ok_or_else(|| "expected a number of at least 1".to_owned())
}

fn page(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| "expected a URL such as `http://bot:7860/metrics`".to_owned())
}

/// As in a probe file.
fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = pair(text)?;
    if !label::is_name(&name) {
        return Err(format!("`{name}` is not the name of a label; {}", label::NAME));
    }
    Ok((name, label_value(&value)?))
}

fn label_value(text: &str) -> Result<String, String> {
    label::is_value(text).then(|| text.to_owned()).ok_or_else(|| label::VALUE.to_owned())
}

fn fallback(text: &str) -> Result<Format, String> {
    let format = prometheus_config::fallback_format(text);
    format.ok_or_else(|| format!("expected {}", prometheus_config::FALLBACK))
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not a valid pair; expected `NAME=VALUE`")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(more: &[&str]) -> Result<Arguments, String> {
        let line =
            ["bridge", "--scrape", "http://bot:7860/metrics", "--remote-write", "http://p/w"];
        let line = Line::try_parse_from(line.iter().chain(more));
        line.map(|line| line.arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_prometheus() {
        let arguments = parse(&[]).unwrap();
        let target = targets(&arguments).unwrap().remove(0);
        let expected = Labels::new("gradio_chatbot", "bot:7860", []);
        assert_eq!(format!("{:?}", target.labels), format!("{expected:?}"));
        assert_eq!((target.every.as_secs(), target.request.timeout.as_secs()), (15, 10));
        let settings = settings(&arguments, |_| None).unwrap();
        assert_eq!((settings.max_samples, settings.protocol), (2000, Protocol::V1));
        assert_eq!(settings.checks.max_age, Some(Duration::from_secs(3000)));
    }

    #[test]
    fn timeout_longer_than_the_interval_is_rejected() {
        let arguments = parse(&["--interval", "5s", "--timeout", "6s"]).unwrap();
        let error = targets(&arguments).err().unwrap().to_string();
        assert_eq!(error, "`--timeout` is 6s; expected at most the interval, 5s");
        assert!(targets(&parse(&["--interval", "5s", "--timeout", "5s"]).unwrap()).is_ok());
    }

    #[test]
    fn no_option_is_ignored_beside_a_config() {
        use clap::CommandFactory as _;
        for argument in Line::command().get_arguments() {
            let id = argument.get_id().as_str();
            let allowed = ["config", "dead_letters", "help"].contains(&id);
            assert_eq!(INSTEAD_OF_CONFIG.contains(&id), !allowed, "{id}");
        }
    }

    #[test]
    fn counts_are_positive() {
        for option in ["--max-samples", "--queue"] {
            for (count, right) in [("1", true), ("0", false), ("-1", false), ("x", false)] {
                let text = format!("{option}={count}");
                let parsed = parse(&[&text]);
                assert_eq!(parsed.is_ok(), right, "{text}: {parsed:?}");
            }
        }
    }

    #[test]
    fn durations_have_a_unit() {
        let cases = [
            ("500ms", Some(500)),
            ("15s", Some(15_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
        ];
        for (text, expected) in cases {
            assert_eq!(duration(text).ok(), expected.map(Duration::from_millis), "{text}");
        }
        for text in ["", "15", "s", "0s", "1.5s", "-1s", "5 m"] {
            assert_eq!(
                duration(text),
                Err(format!(
                    "`{text}` is not a valid duration; expected a duration such as `500ms`, `15s` or `5m`"
                ))
            );
        }
    }

    #[test]
    fn invalid_flag_values_are_rejected() {
        let cases: &[(&[&str], &str)] = &[
            (
                &["--scrape", "foo"],
                "invalid value 'foo' for '--scrape <URL>': expected a URL such as `http://bot:7860/metrics`",
            ),
            (
                &["--scrape", "ftp://bot/metrics"],
                "invalid value 'ftp://bot/metrics' for '--scrape <URL>': expected a URL such as `http://bot:7860/metrics`",
            ),
            (
                &["--label", "a-b=c"],
                "invalid value 'a-b=c' for '--label <NAME=VALUE>': `a-b` is not the name of a label; expected letters, digits and `_`, not beginning with a digit or `__`",
            ),
            (
                &["--label", "__name__=c"],
                "invalid value '__name__=c' for '--label <NAME=VALUE>': `__name__` is not the name of a label; expected letters, digits and `_`, not beginning with a digit or `__`",
            ),
            (
                &["--label", "team"],
                "invalid value 'team' for '--label <NAME=VALUE>': `team` is not a valid pair; expected `NAME=VALUE`",
            ),
            (
                &["--job", "a\nb"],
                "invalid value 'a\nb' for '--job <NAME>': expected 1 to 200 characters in one line",
            ),
        ];
        for (line, expected) in cases {
            let error = parse(line).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(parse(&["--label", &format!("a={}", "x".repeat(201))]).is_err());
        let labels = parse(&["--label", "team=chat", "--label", "_1=é"]).unwrap().label;
        assert_eq!(labels.len(), 2);
    }

    #[test]
    fn credentials_come_from_the_environment() {
        let with = |line: &[&str], name: &'static str| {
            let env = move |asked: &str| (asked == name).then(|| "secret".to_owned());
            match settings(&parse(line).unwrap(), env).map(|settings| settings.auth) {
                Ok(Auth::None) => "none".to_owned(),
                Ok(Auth::Basic { user, .. }) => user,
                Ok(Auth::Bearer(_)) => "bearer".to_owned(),
                Ok(Auth::SigV4(_)) => "sigv4".to_owned(),
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(with(&[], ""), "none");
        assert_eq!(with(&[], "VIGIE_REMOTE_WRITE_TOKEN"), "bearer");
        assert_eq!(with(&["--user", "me"], "VIGIE_REMOTE_WRITE_PASSWORD"), "me");
        assert_eq!(
            with(&["--user", "me"], ""),
            "`VIGIE_REMOTE_WRITE_PASSWORD` is not set; `--user` requires it"
        );
        assert_eq!(
            with(&["--user", "me"], "VIGIE_REMOTE_WRITE_TOKEN"),
            "both `--user` and VIGIE_REMOTE_WRITE_TOKEN are set; expected one of them"
        );
    }
}
