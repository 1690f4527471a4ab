//! `vigie render`: the alarms of all probes as a nested stack.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::render::{self, ALARMS_FILE, Shards};
use crate::{Exit, Io, files, style};

/// Write the alarms of all probes as the nested stack `infra/alarms.yaml`.
///
/// The file is committed like a lock file; `--check` ends with 1 when it is not up to date.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie render                 probes/ to infra/alarms.yaml
  vigie render --check         for a pipeline: is it up to date?
  vigie render --shards 4      for more than some 240 probes")]
pub struct Arguments {
    /// Folder of the probe files.
    #[arg(long, value_name = "FOLDER", default_value = "probes")]
    probes: PathBuf,
    /// Folder of the template.
    #[arg(long, value_name = "FOLDER", default_value = "infra")]
    output: PathBuf,
    /// Change nothing; end with 1 when something would be changed.
    #[arg(long)]
    check: bool,
    /// Into how many stacks the alarms are spread: 1, 4, 8 or 16. As before when left out.
    #[arg(long, value_name = "N", value_parser = shards)]
    shards: Option<Shards>,
}

fn shards(text: &str) -> Result<Shards, &'static str> {
    text.parse().ok().and_then(Shards::new).ok_or("expected 1, 4, 8 or 16")
}

pub(crate) fn render(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let files = files::read(std::slice::from_ref(&arguments.probes))?;
    let Some(probes) = files::probes(&files, io)? else { return Ok(Exit::Failed) };
    let before = fs::read_to_string(arguments.output.join(ALARMS_FILE)).unwrap_or_default();
    let shards = arguments.shards.or_else(|| Shards::of_rendered(&before)).unwrap_or(Shards::ONE);
    let rendered = match render::render(&probes, shards) {
        Ok(rendered) => rendered,
        Err(refused) => {
            for error in refused {
                writeln!(io.err, "{}error{:#}: {error}", style::ERROR, style::ERROR)?;
            }
            return Ok(Exit::Failed);
        }
    };
    let mut lines = Vec::new();
    let current = render::apply(&rendered, &arguments.output, arguments.check, &mut lines)
        .with_context(|| format!("can't render into `{}`", arguments.output.display()))?;
    io.out.write_all(&lines)?;
    if current {
        writeln!(io.out, "{} is up to date", arguments.output.join(ALARMS_FILE).display())?;
    } else if arguments.check {
        writeln!(io.err, "hint: run `vigie render` and commit what it wrote")?;
        return Ok(Exit::Down);
    }
    Ok(Exit::Success)
}
