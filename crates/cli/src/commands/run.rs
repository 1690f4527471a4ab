//! `vigie run`: one visit now, with the reasons.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use domain::{EnvironmentName, Probe, Report, TargetUrl};
use exposition::Format;
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::local_prober::{self, LocalProber};
use crate::output::{junit, pretty, prometheus};
use crate::progress::{Progress, Step};
use crate::signals::Signals;
use crate::{Exit, Io, files};

/// Hold each probe's conversation once, now, and say what came of it and why.
///
/// Ends with 0 when all are up, 3 when one is degraded, 1 when one is down, 2 when one could not
/// be run; the worst counts. An interrupt prints what is done by then, and ends with 2.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie run probes/support-bot.yaml --environment prod
  vigie run probes/support-bot.yaml --target http://127.0.0.1:7860
  vigie run probes --environment staging --output junit > vigie.xml
  vigie run probes/support-bot.yaml --html report.html")]
pub struct Arguments {
    /// Probe files, or folders of them; of a folder only the probes of the environment are run.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The environment; needed when a value of the target differs by environment.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: Option<EnvironmentName>,
    /// Talk to this app instead of the probe's own.
    #[arg(long, value_name = "URL")]
    target: Option<TargetUrl>,
    /// How the results are printed.
    #[arg(long, value_enum, default_value_t = Output::Pretty)]
    output: Output,
    /// Write the report as a page; with several probes, a folder for their pages.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For a person.
    Pretty,
    /// One report a line, as `vigie schema --report` describes it.
    Json,
    /// `JUnit` XML, for CI systems.
    Junit,
    /// The text format of Prometheus, for a textfile collector.
    Prometheus,
}

/// Conversations held at once.
const AT_ONCE: usize = 16;

pub(crate) async fn run(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let files = files::read(&arguments.files)?;
    let Some(specs) = files::probes(&files, io)? else { return Ok(Exit::Failed) };
    let environment = match &arguments.target {
        // Whatever differs, the address does not any more.
        Some(_) if arguments.environment.is_none() => local_prober::environment(None, &specs)
            .or_else(|_| "local".parse().map_err(anyhow::Error::from))?,
        _ => local_prober::environment(arguments.environment.as_ref(), &specs)?,
    };
    let mut probes: Vec<Probe> = Vec::new();
    for (spec, file) in specs.into_iter().zip(&files) {
        if file.named || spec.runs_in(&environment) {
            probes.push(local_prober::resolved(spec, &environment, arguments.target.as_ref())?);
        }
    }
    ensure!(!probes.is_empty(), "no probe of these files runs in environment `{environment}`");
    let Played { reports, unfinished } = play_all(&probes, environment, arguments, io).await?;
    if arguments.output != Output::Pretty {
        print(arguments.output, &reports, io)?;
    }
    if let Some(path) = &arguments.html {
        write_pages(&reports, path)?;
    }
    if unfinished > 0 {
        let visits = files::plural(unfinished, "visit");
        writeln!(io.err, "interrupted: {visits} not finished")?;
        return Ok(Exit::Failed);
    }
    Ok(reports.iter().map(|report| Exit::from(report.outcome)).max().unwrap_or(Exit::Success))
}

/// What came of all visits.
struct Played {
    /// In the order of the probes.
    reports: Vec<Report>,
    /// Visits that a signal cut short: they say nothing about their targets.
    unfinished: usize,
}

/// Plays all probes side by side, until they are done or a signal comes.
async fn play_all(
    probes: &[Probe],
    environment: EnvironmentName,
    arguments: &Arguments,
    io: &mut Io<'_>,
) -> anyhow::Result<Played> {
    let due = Timestamp::from_millisecond(Timestamp::now().as_millisecond())?;
    let prober = Arc::new(LocalProber::new(environment));
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut signals = Signals::new()?;
    let mut progress = Progress::new(probes, io.live, arguments.quiet);
    let (send, mut steps) = mpsc::unbounded_channel();
    let mut visits = JoinSet::new();
    for (index, probe) in probes.iter().cloned().enumerate() {
        let (prober, places, send) = (Arc::clone(&prober), Arc::clone(&places), send.clone());
        visits.spawn(async move {
            let place = places.acquire().await;
            let report = prober
                .run(&probe, due, &mut |event| {
                    // Fails only after the command has ended.
                    let _ = send.send((index, Step::of(&event)));
                })
                .await;
            drop(place);
            (index, report)
        });
    }
    drop(send);
    let mut reports: Vec<Option<Report>> = vec![None; probes.len()];
    loop {
        tokio::select! {
            // Steps first, so that none is shown after its visit is over.
            biased;
            Some((index, step)) = steps.recv() => progress.step(index, &step, io),
            Some(visit) = visits.join_next() => {
                let Ok((index, report)) = visit else { continue };
                progress.done(index, &report, io);
                if arguments.output == Output::Pretty {
                    progress.print(|| pretty::write(&report, io.out))?;
                }
                reports[index] = Some(report);
            }
            _ = signals.next(), if !visits.is_empty() => {
                progress.clear();
                let unfinished = visits.len();
                let reports = reports.into_iter().flatten().collect();
                return Ok(Played { reports, unfinished });
            }
            else => break,
        }
    }
    let lost = |(index, report): (usize, Option<Report>)| {
        report.unwrap_or_else(|| prober.panicked(&probes[index], due))
    };
    Ok(Played { reports: reports.into_iter().enumerate().map(lost).collect(), unfinished: 0 })
}

fn print(output: Output, reports: &[Report], io: &mut Io<'_>) -> anyhow::Result<()> {
    match output {
        Output::Pretty => {}
        Output::Json => {
            for report in reports {
                writeln!(io.out, "{}", serde_json::to_string(report)?)?;
            }
        }
        Output::Junit => io.out.write_all(junit::document(reports).as_bytes())?,
        Output::Prometheus => {
            let reports: Vec<&Report> = reports.iter().collect();
            io.out.write_all(prometheus::page(&reports, Format::Prometheus)?.as_bytes())?;
        }
    }
    Ok(())
}

fn write_pages(reports: &[Report], path: &Path) -> anyhow::Result<()> {
    let named = |path: &Path| format!("can't write `{}`", path.display());
    if let [report] = reports
        && !path.is_dir()
    {
        return fs::write(path, report_page::render(report)).with_context(|| named(path));
    }
    fs::create_dir_all(path).with_context(|| named(path))?;
    for report in reports {
        let path = path.join(format!("{}.html", report.probe));
        fs::write(&path, report_page::render(report)).with_context(|| named(&path))?;
    }
    Ok(())
}
