//! `vigie check`: every mistake in probe files, at once.

use std::path::PathBuf;

use clap::Args;
use domain::EnvironmentName;

use crate::files::{self, plural};
use crate::{Exit, Io};

/// Tell every mistake in probe files, with its place and what was expected.
///
/// Ends with 2 when there is any.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie check                          every file in probes/
  vigie check probes/support-bot.yaml
  vigie check --environment prod       also: does each probe have all its values for prod?")]
pub struct Arguments {
    /// Probe files, or folders of them.
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
            // Which variables are set is known only where the probe runs.
            if let Err(missing) = probe.resolve(environment, &|_| Some(String::new())) {
                writeln!(io.err, "error: {missing}")?;
                exit = Exit::Failed;
            }
        }
    }
    if exit == Exit::Success {
        let off = probes.iter().filter(|probe| !probe.enabled).count();
        let note = if off > 0 { format!(", {off} of them switched off") } else { String::new() };
        writeln!(io.out, "{} in order{note}", plural(probes.len(), "probe"))?;
    }
    Ok(exit)
}
