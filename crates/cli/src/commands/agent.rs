//! `vigie agent`: makes the runs of a location outside AWS.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use deploy::account::Account;
use domain::location::stack_name;
use domain::metrics::Detail;
use domain::{EnvironmentName, LocationName};
use run_executor::{Clients, Config, Executor, Poller, Stopped};
use tokio::sync::Notify;

use crate::signals::{Signal, Signals};
use crate::{Exit, Io};

/// Memory for pages of metrics, as in the function prober by default. An agent gets no scrapes.
const MEMORY_BYTES: usize = 256 << 20;

/// Execute the runs of a location on this machine, for chatbots that AWS cannot reach.
///
/// The agent receives run requests from the queue of the location and publishes the results to the home region.
/// It needs no open port, because it only connects to AWS and to the chatbots. Add the name of the location to the
/// parameter `Locations`; `vigie deploy` creates its queue and the role of the agent.
///
/// After SIGINT or SIGTERM the agent finishes the run requests in progress within `--grace` seconds and exits with 0. A
/// second signal ends it at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Credentials and region are those of the AWS CLI. The region is that of the home stack.

Examples:
  vigie agent --environment prod --location office
  AWS_PROFILE=vigie-agent AWS_REGION=eu-west-3 VIGIE_LOG=info vigie agent --environment prod --location office")]
pub struct Arguments {
    /// Environment of the home stack.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: EnvironmentName,
    /// Name of the location, such as `office`.
    #[arg(long, value_name = "NAME", env = "VIGIE_LOCATION")]
    location: LocationName,
    /// Most run requests that are executed at the same time. Each has up to ten runs.
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=100))]
    concurrency: u16,
    /// Seconds that run requests in progress may take after a signal.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(0..=900))]
    grace: u64,
}

pub(crate) async fn agent(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let config = config(arguments).await?;
    let clients = Clients::load(None).await;
    let (at_once, grace) = (arguments.concurrency.into(), Duration::from_secs(arguments.grace));
    let poller = Poller::new(Executor::new(config, clients), at_once, grace);
    let Arguments { environment, location, .. } = arguments;
    writeln!(io.err, "waiting for run requests of `{environment}` at `{location}`")?;
    io.err.flush()?;

    let stop = Notify::new();
    let second_signal = async {
        stopped(&mut signals).await;
        // No other place reports a write error.
        let _ =
            writeln!(io.err, "stopping; run requests in progress may take {} s", arguments.grace);
        let _ = io.err.flush();
        stop.notify_one();
        stopped(&mut signals).await;
    };
    let end = tokio::select! {
        end = poller.run(stop.notified()) => Some(end),
        () = second_signal => None,
    };
    writeln!(io.err, "{}", summary(end))?;
    Ok(Exit::Success)
}

async fn stopped(signals: &mut Signals) {
    while signals.next().await != Signal::Stop {}
}

fn summary(end: Option<Stopped>) -> String {
    let Some(Stopped { executed, abandoned }) = end else {
        return "stopped by a second signal; running requests were abandoned".to_owned();
    };
    match abandoned {
        0 => format!("stopped; executed {executed} run requests"),
        _ => format!(
            "stopped; executed {executed} run requests, abandoned {abandoned} after the time of `--grace`"
        ),
    }
}

/// The settings, from the stack of the location.
async fn config(arguments: &Arguments) -> anyhow::Result<Config> {
    let Arguments { environment, location, .. } = arguments;
    ensure!(
        !location.is_region(),
        "`--location` is `{location}`; expected a location outside AWS, such as `office`"
    );
    let account = Account::of(&aws_config::load_from_env().await).await?;
    let region = &account.region;
    let stack = stack_name(environment, region, location);
    let read = || format!("could not read the stack `{stack}`");
    let parameters = account.stack_parameters(&stack).await.with_context(read)?;
    let outputs = account.stack_outputs(&stack).await.with_context(read)?;
    if outputs.is_empty() {
        bail!(
            "there is no stack `{stack}` in region {region}\n\
             hint: add `{location}` to `Locations` in samconfig.toml and run `vigie deploy {environment}`"
        );
    }
    of_stack(arguments, &stack, &parameters, &outputs)
}

fn of_stack(
    arguments: &Arguments,
    stack: &str,
    parameters: &BTreeMap<String, String>,
    outputs: &BTreeMap<String, String>,
) -> anyhow::Result<Config> {
    let value = |of: &BTreeMap<String, String>, name: &str| {
        of.get(name).filter(|value| !value.is_empty()).cloned()
    };
    let required = |of, name| {
        value(of, name).with_context(|| {
            format!("stack `{stack}` has no `{name}`; expected a stack of this version")
        })
    };
    let detail: Option<Detail> = value(parameters, "Metrics").and_then(|text| text.parse().ok());
    Ok(Config {
        environment: arguments.environment.clone(),
        location: arguments.location.to_string(),
        runs_queue_url: required(outputs, "RunsQueueUrl")?,
        home_region: None,
        samples_queue_url: value(parameters, "SamplesQueueUrl"),
        report_bucket: required(parameters, "ReportBucket")?,
        table_name: format!("vigie-{}", arguments.environment),
        detail: detail.unwrap_or_default(),
        memory_bytes: MEMORY_BYTES,
    })
}
