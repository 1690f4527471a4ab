//! `vigie backtest`: what an alarm rule would have done on the history of `vigie serve` or of a deployed environment.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use domain::{EnvironmentName, MOfN, Outcome, ProbeName};
use history::{Reader, RunRecord, RunSource as _};
use jiff::Timestamp;
use run_record::{LocatedRun, merged};
use run_table::RunTable;

use crate::backtest::{Backtest, backtest, interval};
use crate::{Exit, Io, serve_config};

/// Show what an alarm rule would have done on the stored runs.
///
/// An outage is a sequence of failed runs of at least the length of `--outage`. The alarm is evaluated as CloudWatch
/// does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie backtest --rule \"2 of 3\" --rule \"3 of 5\"
  vigie backtest support-bot --rule \"3 of 5\" --since 30d --outage 5m
  vigie backtest support-bot --rule \"3 of 5\" --aws --environment prod")]
pub struct Arguments {
    /// Probes; all of the history if left out. Required with `--aws`.
    #[arg(value_name = "PROBE", required_if_eq("aws", "true"))]
    probes: Vec<ProbeName>,
    /// Rule of the alarm `down`. Several rules are compared.
    #[arg(long, value_name = "M of N", required = true, value_parser = rule)]
    rule: Vec<MOfN>,
    /// How far back the runs are read.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = duration)]
    since: Duration,
    /// Length of the shortest outage that counts.
    #[arg(long, value_name = "DURATION", default_value = "4m", value_parser = duration)]
    outage: Duration,
    /// Read the history of a deployed environment, which needs the parameter `RunHistory`.
    #[arg(long, conflicts_with = "data")]
    aws: bool,
    /// Environment of `vigie serve`, or the deployed one.
    #[arg(long, value_name = "ENV", default_value = "local", env = "VIGIE_ENVIRONMENT")]
    environment: EnvironmentName,
    /// Folder of the history. [default: the state folder of the platform]
    #[arg(long, value_name = "FOLDER", env = "VIGIE_DATA")]
    data: Option<PathBuf>,
}

fn rule(text: &str) -> Result<MOfN, String> {
    text.parse().map_err(|()| "expected a rule such as `2 of 3`".to_owned())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    probe_file::parse_duration(text).ok_or_else(|| "expected a duration such as `30d`".to_owned())
}

pub(crate) async fn run(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let now = Timestamp::now();
    let since = now.checked_sub(arguments.since).unwrap_or(Timestamp::UNIX_EPOCH);
    if arguments.aws {
        let client = aws_sdk_dynamodb::Client::new(&aws_config::load_from_env().await);
        let table = RunTable::new(client, format!("vigie-{}", arguments.environment));
        writeln!(io.out, "{}", head())?;
        for probe in &arguments.probes {
            let runs = all_locations(&table.runs(probe, since, now).await?);
            compare(probe, runs, arguments, io)?;
        }
        return Ok(Exit::Success);
    }
    let folder = match &arguments.data {
        Some(folder) => folder.clone(),
        None => serve_config::state_folder(|name| std::env::var_os(name))?,
    };
    let path = folder.join(format!("{}.db", arguments.environment));
    let could_not_read = || format!("could not read the history `{}`", path.display());
    let reader = Reader::open(&path).with_context(could_not_read)?;
    let known = reader.probes().with_context(could_not_read)?;
    if let Some(unknown) = arguments.probes.iter().find(|name| !known.contains(name)) {
        bail!("the history has no probe `{unknown}`");
    }
    let probes = if arguments.probes.is_empty() { &known } else { &arguments.probes };
    writeln!(io.out, "{}", head())?;
    for probe in probes {
        let runs = reader.runs(probe, since, now).with_context(could_not_read)?;
        compare(probe, runs, arguments, io)?;
    }
    Ok(Exit::Success)
}

/// The runs as the alarm of the probe sees them, by a majority of its locations.
fn all_locations(runs: &[LocatedRun]) -> Vec<RunRecord> {
    let first = runs.first().map(|run| &run.location);
    let of_one = runs.iter().filter(|run| Some(&run.location) == first);
    let of_one: Vec<_> = of_one.map(|run| (run.record.due, run.record.outcome)).collect();
    merged(runs, interval(&of_one).unwrap_or_default(), None)
}

fn head() -> String {
    format!(
        "{:<30} {:<8} {:>9} {:>6} {:>8} {:>7} {:>12} {:>13} {:>14}",
        "probe",
        "rule",
        "runs",
        "pages",
        "outages",
        "missed",
        "false pages",
        "median delay",
        "longest delay"
    )
}

fn compare(
    probe: &ProbeName,
    runs: Vec<RunRecord>,
    arguments: &Arguments,
    io: &mut Io<'_>,
) -> anyhow::Result<()> {
    // No notification is sent in maintenance windows.
    let counted = runs.into_iter().filter(|run| !run.in_maintenance);
    let runs: Vec<(Timestamp, Outcome)> = counted.map(|run| (run.due, run.outcome)).collect();
    let Some(every) = interval(&runs) else {
        writeln!(io.err, "probe `{probe}` has too few runs")?;
        return Ok(());
    };
    for rule in &arguments.rule {
        let result = backtest(*rule, every, &runs, arguments.outage);
        writeln!(io.out, "{}", row(probe, *rule, &result))?;
    }
    Ok(())
}

fn row(probe: &ProbeName, rule: MOfN, result: &Backtest) -> String {
    let minutes = |delay: Option<&Duration>| {
        delay.map_or_else(
            || "-".to_owned(),
            |delay| format!("{:.1} min", delay.as_secs_f64() / 60.0),
        )
    };
    let delays = &result.delays;
    format!(
        "{:<30} {:<8} {:>9} {:>6} {:>8} {:>7} {:>12} {:>13} {:>14}",
        probe.as_str(),
        rule.to_string(),
        result.runs,
        result.pages.len(),
        result.outages,
        result.missed,
        result.false_pages,
        minutes(delays.get(delays.len().saturating_sub(1) / 2)),
        minutes(delays.last())
    )
}
