//! `vigie check`: reports all errors in probe files and in `infra/routes.json`.

use std::path::PathBuf;

use clap::Args;
use domain::EnvironmentName;

use crate::files::{self, plural};
use crate::{Exit, Io, routes};

/// Check probe files and report every error with its line, its column, and what was expected.
///
/// A file with the name routes.json is checked as routes and receivers. The exit code is 2 if there is an error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie check                          check every file in probes/
  vigie check probes/support-bot.yaml
  vigie check probes infra/routes.json check the routes and receivers too
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
    let (routed, probes): (Vec<PathBuf>, Vec<PathBuf>) =
        arguments.files.iter().cloned().partition(|path| routes::is_routes(path));
    for path in &routed {
        let Some(configuration) = routes::read(path, io)? else { return Ok(Exit::Failed) };
        let count = plural(configuration.receivers.len(), "receiver");
        writeln!(io.out, "{}: {count} checked: no errors", path.display())?;
    }
    if probes.is_empty() {
        return Ok(Exit::Success);
    }
    let files = files::read(&probes)?;
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
