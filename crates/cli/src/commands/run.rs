//! `vigie run`: runs probes once and shows the reports.

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

/// Run each probe once and show the result with its reason.
///
/// The exit code is 0 if all probes are up, 3 if one is degraded, 1 if one is down, and 2 if one could not
/// run; the worst counts. After an interrupt, the finished runs are printed and the exit code is 2.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie run https://chat.example.com
  vigie run probes/support-bot.yaml --environment prod
  vigie run probes/support-bot.yaml --target http://127.0.0.1:7860
  vigie run probes --environment staging --output junit > vigie.xml
  vigie run probes/support-bot.yaml --html report.html")]
pub struct Arguments {
    /// Probe files, folders, or the address of an app for a default probe. From a folder, only the probes of
    /// the environment are run.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Environment. Required if a value of the target differs by environment.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: Option<EnvironmentName>,
    /// Address of another app to use instead of the probe's target.
    #[arg(long, value_name = "URL")]
    target: Option<TargetUrl>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = Output::Pretty)]
    output: Output,
    /// Write the report as an HTML page; with several probes, the folder for their pages.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Do not show progress.
    #[arg(long, short)]
    quiet: bool,
}

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Text.
    Pretty,
    /// One report per line, in the form of `vigie schema --report`.
    Json,
    /// `JUnit` XML, for CI systems.
    Junit,
    /// Prometheus text format, for a textfile collector.
    Prometheus,
}

/// Number of concurrent runs.
const AT_ONCE: usize = 16;

pub(crate) async fn run(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let files = files::read(&arguments.files)?;
    let Some(specs) = files::probes(&files, io)? else { return Ok(Exit::Failed) };
    let environment = match &arguments.target {
        // The address no longer differs by environment.
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
    let Finished { reports, unfinished } = run_all(&probes, environment, arguments, io).await?;
    if arguments.output != Output::Pretty {
        print(arguments.output, &reports, io)?;
    }
    if let Some(path) = &arguments.html {
        write_pages(&reports, path)?;
    }
    if unfinished > 0 {
        let runs = files::plural(unfinished, "run");
        writeln!(io.err, "interrupted: {runs} not finished")?;
        return Ok(Exit::Failed);
    }
    Ok(reports.iter().map(|report| Exit::from(report.outcome)).max().unwrap_or(Exit::Success))
}

/// Results of all runs.
struct Finished {
    /// In the order of the probes.
    reports: Vec<Report>,
    /// Number of runs that a signal interrupted.
    unfinished: usize,
}

/// Runs all probes concurrently, until they end or a signal arrives.
async fn run_all(
    probes: &[Probe],
    environment: EnvironmentName,
    arguments: &Arguments,
    io: &mut Io<'_>,
) -> anyhow::Result<Finished> {
    let due = Timestamp::from_millisecond(Timestamp::now().as_millisecond())?;
    let prober = Arc::new(LocalProber::new(environment));
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut signals = Signals::new()?;
    let mut progress = Progress::new(probes, io.live, arguments.quiet);
    let (send, mut steps) = mpsc::unbounded_channel();
    let mut runs = JoinSet::new();
    for (index, probe) in probes.iter().cloned().enumerate() {
        let (prober, permits, send) = (Arc::clone(&prober), Arc::clone(&permits), send.clone());
        runs.spawn(async move {
            let permit = permits.acquire().await;
            let report = prober
                .run(&probe, due, &mut |event| {
                    // Sending fails only when the command has ended.
                    let _ = send.send((index, Step::of(&event)));
                })
                .await;
            drop(permit);
            (index, report)
        });
    }
    drop(send);
    let mut reports: Vec<Option<Report>> = vec![None; probes.len()];
    loop {
        tokio::select! {
            // Steps first, so that no step is shown after the end of its run.
            biased;
            Some((index, step)) = steps.recv() => progress.step(index, &step, io),
            Some(run) = runs.join_next() => {
                let Ok((index, report)) = run else { continue };
                progress.done(index, &report, io);
                if arguments.output == Output::Pretty {
                    progress.print(|| pretty::write(&report, io.out))?;
                }
                reports[index] = Some(report);
            }
            _ = signals.next(), if !runs.is_empty() => {
                progress.clear();
                let unfinished = runs.len();
                let reports = reports.into_iter().flatten().collect();
                return Ok(Finished { reports, unfinished });
            }
            else => break,
        }
    }
    let lost = |(index, report): (usize, Option<Report>)| {
        report.unwrap_or_else(|| prober.panicked(&probes[index], due))
    };
    Ok(Finished { reports: reports.into_iter().enumerate().map(lost).collect(), unfinished: 0 })
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
    let named = |path: &Path| format!("could not write `{}`", path.display());
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
