//! `vigie check`: reports all errors in probe files.

use std::path::PathBuf;

use clap::Args;
use domain::EnvironmentName;

use crate::files::{self, plural};
use crate::{Exit, Io};

/// Check probe files and report every error with its line, its column, and what was expected.
///
/// The exit code is 2 if there is an error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie check                          check every file in probes/
  vigie check probes/support-bot.yaml
  vigie check --environment prod       also check that each probe has its values for prod")]
pub struct Arguments {
    /// Probe files, or folders with probe files.
    #[arg(value_name = "FILE", default_value = "probes")]
    files: Vec<PathBuf>,
    /// Also resolve each probe that runs in this environment.
    #[arg(long, value_name = "ENV")]
    environment: Option<EnvironmentName>,
}

pub(crate) fn check(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let files = files::read(&arguments.files)?;
    let Some(probes) = files::probes(&files, io)? else { return Ok(Exit::Failed) };
    let mut exit = Exit::Success;
    if let Some(environment) = &arguments.environment {
        for probe in probes.iter().filter(|probe| probe.runs_in(environment)) {
            // Variables are known only where the probe runs, so every one counts as set.
            if let Err(missing) = probe.resolve(environment, &|_| Some(String::new())) {
                writeln!(io.err, "error: {missing}")?;
                exit = Exit::Failed;
            }
        }
    }
    if exit == Exit::Success {
        let off = probes.iter().filter(|probe| !probe.enabled).count();
        let note = if off > 0 { format!(", {off} disabled") } else { String::new() };
        writeln!(io.out, "{} checked{note}: no errors", plural(probes.len(), "probe"))?;
    }
    Ok(exit)
}
