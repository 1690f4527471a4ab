//! `vigie cost`: monthly cost of the probes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use domain::probe::PerEnvironment;
use domain::template::Part;
use domain::{EnvironmentName, Probe, ProbeSpec, TargetSpec, Template};
use probe_file::written_duration;
use serde_json::{Value, json};

use crate::cost::{
    Assumed, History, Line, MINUTES_A_MONTH, Network, Prices, bill, of_thousand_samples,
    runs_a_month, synthetics, total, usage,
};
use crate::style::{BOLD, DIM};
use crate::{Exit, Io, files};

/// Print the monthly cost of the probes on AWS, line by line, and of 1, 10 and 100 probes like the first one.
///
/// Costs of the chatbots, such as a paid model, are not included.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie cost --environment prod
  vigie cost probes/support-bot.yaml --duration 12 --metrics full --remote-write
  vigie cost --json | jq .usage.metric_requests
  vigie cost --prices prices/eu-west-3.json --prices prices/eu-central-1.json")]
pub struct Arguments {
    /// Probe files, or folders of them.
    #[arg(value_name = "FILE", default_value = "probes")]
    files: Vec<PathBuf>,
    /// Environment whose probes are counted [default: all].
    #[arg(long, value_name = "ENV")]
    environment: Option<EnvironmentName>,
    /// Duration of a run, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    duration: u64,
    /// Memory of the prober, in MB.
    #[arg(long, value_name = "MB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: u32,
    /// Parameter `Metrics` of the template.
    #[arg(long, value_parser = ["essential", "full"], default_value = "essential")]
    metrics: String,
    /// Include the bridge to Prometheus.
    #[arg(long)]
    remote_write: bool,
    /// Memory of the bridge, in MB: parameter `BridgeMemory`.
    #[arg(long, value_name = "MB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    bridge_memory: u32,
    /// Samples that a scrape reads.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    samples: u32,
    /// Include the requests for `HeartbeatUrl`.
    #[arg(long)]
    heartbeat: bool,
    /// Number of locations in the parameter `Locations`.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    locations: u8,
    /// How many of the locations are agents. Their runs use no Lambda.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=4))]
    agents: u8,
    /// Yearly rotations of the encryption key so far; AWS bills the first two.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    key_rotations: u8,
    /// Price list of a region, in the form of `crates/cli/prices.json`; once for each region with a stack [default: us-east-1].
    #[arg(long, value_name = "FILE")]
    prices: Vec<PathBuf>,
    /// Include the records of `RunHistory`, or also the status page.
    #[arg(long, value_parser = ["records", "status-page"])]
    history: Option<String>,
    /// Print the bill and the quantities of a month, such as requests and bytes, as JSON.
    #[arg(long)]
    json: bool,
    /// Include the network of a prober in a VPC.
    #[arg(long, value_parser = ["endpoints", "nat"])]
    vpc: Option<String>,
}

pub(crate) fn cost(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let files = files::read(&arguments.files)?;
    let Some(specs) = files::probes(&files, io)? else { return Ok(Exit::Failed) };
    let mut probes = Vec::new();
    for spec in specs {
        if arguments.environment.as_ref().is_none_or(|environment| spec.runs_in(environment)) {
            probes.push(priced(spec)?);
        }
    }
    let assumed = Assumed {
        run: Duration::from_secs(arguments.duration),
        memory: arguments.memory,
        all_metrics: arguments.metrics == "full",
        remote_write: arguments.remote_write,
        bridge_memory: arguments.bridge_memory,
        samples: arguments.samples,
        heartbeat: arguments.heartbeat,
        locations: usize::from(arguments.locations),
        agents: usize::from(arguments.agents),
        key_rotations: arguments.key_rotations,
        history: match arguments.history.as_deref() {
            Some("records") => History::Records,
            Some(_) => History::StatusPage,
            None => History::Off,
        },
        network: match arguments.vpc.as_deref() {
            Some("endpoints") => Network::Endpoints,
            Some(_) => Network::NatGateway,
            None => Network::Public,
        },
    };
    ensure!(
        arguments.agents < arguments.locations,
        "`--agents` is {}; expected less than `--locations`, which is {}: the home location has a function",
        arguments.agents,
        arguments.locations
    );
    let lists = price_lists(&arguments.prices)?;
    if arguments.json {
        let usage = usage(&probes, assumed);
        let bills: Vec<_> =
            lists.iter().map(|prices| json_bill(&probes, assumed, prices)).collect();
        let text = serde_json::to_string_pretty(&json!({ "usage": usage, "bills": bills }))?;
        writeln!(io.out, "{text}")?;
        return Ok(Exit::Success);
    }
    let mut sum = 0.0;
    for prices in &lists {
        each(&probes, assumed, prices, io)?;
        table(&probes, assumed, prices, io)?;
        if assumed.remote_write {
            let each = of_thousand_samples(prices);
            let a_month = each * MINUTES_A_MONTH;
            writeln!(
                io.out,
                "\n1,000 samples from an exporter to Prometheus: {each:.7}. Each minute for a month: {a_month:.3}."
            )?;
        }
        sum += total(&bill(&probes, assumed, prices));
        writeln!(
            io.out,
            "\n{DIM}Dollars a month in {}, prices of {}. {}\nRuns of {} s with {} MB are assumed. Sources:\n{}{DIM:#}",
            prices.region,
            prices.date,
            prices.note,
            arguments.duration,
            arguments.memory,
            prices.sources.join("\n"),
        )?;
    }
    if 1 < lists.len() {
        let regions: Vec<&str> = lists.iter().map(|prices| prices.region.as_str()).collect();
        writeln!(io.out, "\n{BOLD}Total of {}: {sum:.2}{BOLD:#}", regions.join(", "))?;
    }
    Ok(Exit::Success)
}

fn json_bill(probes: &[Probe], assumed: Assumed, prices: &Prices) -> Value {
    let lines = bill(probes, assumed, prices);
    json!({
        "region": prices.region,
        "date": prices.date,
        "lines": lines,
        "total": total(&lines),
    })
}

fn price_lists(files: &[PathBuf]) -> anyhow::Result<Vec<Prices>> {
    if files.is_empty() {
        return Ok(vec![Prices::built_in()]);
    }
    files.iter().map(|file| Prices::read(file)).collect()
}

/// The probe with a placeholder address: the cost depends only on whether it uses TLS.
fn priced(mut spec: ProbeSpec) -> anyhow::Result<Probe> {
    let environment = match spec.environments.as_deref() {
        Some([first, ..]) => first.clone(),
        _ => "local".parse()?,
    };
    let written = spec.target.url.get(&environment).and_then(|url| url.parts().first());
    let is_plain = matches!(written, Some(Part::Literal(text)) if text.starts_with("http://"));
    let url = if is_plain { "http://chat.example.com" } else { "https://chat.example.com" };
    let url = Template::literal(url);
    spec.target = TargetSpec::new(PerEnvironment::Same(url));
    Ok(spec.resolve(&environment, &|_| Some(String::new()))?)
}

/// The cost of each probe with its scrape, and of the same runs as a canary.
fn each(
    probes: &[Probe],
    assumed: Assumed,
    prices: &Prices,
    io: &mut Io<'_>,
) -> anyhow::Result<()> {
    let base = total(&bill(&[], assumed, prices));
    let width = probes.iter().map(|probe| probe.name.as_str().len()).max().unwrap_or(0).max(5);
    writeln!(
        io.out,
        "{BOLD}{:width$}  {:>6}  {:>10}  {:>9}  {:>20}{BOLD:#}",
        "Probe", "every", "runs", "dollars", "CloudWatch Synthetics"
    )?;
    for probe in probes {
        let one = std::slice::from_ref(probe);
        let off = if probe.enabled { "" } else { "  (disabled)" };
        let runs = if probe.enabled { runs_a_month(probe) } else { 0.0 };
        writeln!(
            io.out,
            "{:width$}  {:>6}  {runs:>10.0}  {:>9.2}  {:>20.2}{off}",
            probe.name.as_str(),
            written_duration(probe.every),
            total(&bill(one, assumed, prices)) - base,
            synthetics(one, prices),
        )?;
    }
    Ok(())
}

/// By line: an empty environment, these probes, and 1, 10 and 100 like the first of them.
fn table(
    probes: &[Probe],
    assumed: Assumed,
    prices: &Prices,
    io: &mut Io<'_>,
) -> anyhow::Result<()> {
    let example = probes.iter().find(|probe| probe.enabled).or(probes.first()).cloned();
    let mut columns: Vec<(String, Vec<Probe>)> =
        vec![("none".to_owned(), Vec::new()), ("these".to_owned(), probes.to_vec())];
    if let Some(example) = example {
        for count in [1, 10, 100] {
            columns.push((format!("{count} like it"), copies(&example, count)?));
        }
        writeln!(
            io.out,
            "\nAn environment without probes, with these, and with 1, 10 and 100 like `{}`:",
            example.name
        )?;
    }
    let bills: Vec<Vec<Line>> =
        columns.iter().map(|(_, probes)| bill(probes, assumed, prices)).collect();
    write!(io.out, "{BOLD}{:30}", "")?;
    for (name, _) in &columns {
        write!(io.out, "{name:>12}")?;
    }
    writeln!(io.out, "{BOLD:#}")?;
    let lines = bills.first().map_or(0, Vec::len);
    for index in 0..lines {
        write!(io.out, "{:30}", bills[0][index].name)?;
        for bill in &bills {
            write!(io.out, "{:>12.2}", bill[index].dollars)?;
        }
        writeln!(io.out)?;
    }
    write!(io.out, "{BOLD}{:30}", "Total")?;
    for bill in &bills {
        write!(io.out, "{:>12.2}", total(bill))?;
    }
    writeln!(io.out, "{BOLD:#}")?;
    write!(io.out, "{:30}", "CloudWatch Synthetics")?;
    for (_, probes) in &columns {
        write!(io.out, "{:>12.2}", synthetics(probes, prices))?;
    }
    writeln!(io.out)?;
    Ok(())
}

fn copies(probe: &Probe, count: usize) -> anyhow::Result<Vec<Probe>> {
    (0..count)
        .map(|number| {
            let name = format!("copy-{number}").parse()?;
            Ok(Probe { name, enabled: true, ..probe.clone() })
        })
        .collect()
}
