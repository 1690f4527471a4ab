//! `vigie cost`: what the probes will cost a month.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use domain::probe::PerEnvironment;
use domain::{EnvironmentName, Probe, ProbeSpec, TargetSpec, Template};
use probe_file::written_duration;

use crate::cost::{Assumed, Line, Prices, bill, runs_a_month, synthetics, total};
use crate::style::{BOLD, DIM};
use crate::{Exit, Io, files};

/// Say what the probes cost a month on AWS, by line, and what 1, 10 and 100 of them would.
///
/// The chatbots' own costs, such as a paid model, are not in it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie cost --environment prod
  vigie cost probes/support-bot.yaml --visit 12 --metrics full --remote-write")]
pub struct Arguments {
    /// Probe files, or folders of them.
    #[arg(value_name = "FILE", default_value = "probes")]
    files: Vec<PathBuf>,
    /// Count the probes that run in this environment; all when left out.
    #[arg(long, value_name = "ENV")]
    environment: Option<EnvironmentName>,
    /// How long a visit takes, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    visit: u64,
    /// Memory of the prober, in MB.
    #[arg(long, value_name = "MB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: u32,
    /// The template's parameter `Metrics`.
    #[arg(long, value_parser = ["essential", "full"], default_value = "essential")]
    metrics: String,
    /// With results going to Prometheus too.
    #[arg(long)]
    remote_write: bool,
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
        visit: Duration::from_secs(arguments.visit),
        memory: arguments.memory,
        all_metrics: arguments.metrics == "full",
        remote_write: arguments.remote_write,
    };
    let prices = Prices::built_in();
    each(&probes, assumed, &prices, io)?;
    table(&probes, assumed, &prices, io)?;
    writeln!(
        io.out,
        "\n{DIM}Dollars a month in {}, prices of {}. {}\nVisits of {} s with {} MB are assumed. Sources:\n{}{DIM:#}",
        prices.region,
        prices.date,
        prices.note,
        arguments.visit,
        arguments.memory,
        prices.sources.join("\n"),
    )?;
    Ok(Exit::Success)
}

/// The probe as far as its cost goes: its address and its variables do not matter.
fn priced(mut spec: ProbeSpec) -> anyhow::Result<Probe> {
    let environment = match spec.environments.as_deref() {
        Some([first, ..]) => first.clone(),
        _ => "local".parse()?,
    };
    let url = Template::literal("https://chat.example.com");
    spec.target = TargetSpec::new(PerEnvironment::Same(url));
    Ok(spec.resolve(&environment, &|_| Some(String::new()))?)
}

/// What each probe adds, its scrape included, and the same as a canary.
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
        let off = if probe.enabled { "" } else { "  (switched off)" };
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

/// By line: the watch alone, these probes, and 1, 10 and 100 like the first of them.
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
            "\nThe watch with no probe, with these, and with 1, 10 and 100 like `{}`:",
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
    write!(io.out, "{BOLD}{:30}", "In all")?;
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
