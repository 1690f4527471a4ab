//! `vigie render`: writes the alarms of all probes as a nested stack.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use deploy::locations;

use crate::render::{self, ALARMS_FILE, DeployedLocations, Shards};
use crate::{Exit, Io, files, style};

/// Write the alarms of all probes to the nested stack `infra/alarms.yaml`.
///
/// Commit the file. With `--check`, the exit code is 1 if the file is out of date.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie render                 render probes/ to infra/alarms.yaml
  vigie render --check         fail if the file is out of date, for CI
  vigie render --shards 4      use four stacks, for more than about 240 probes")]
pub struct Arguments {
    /// Folder with the probe files.
    #[arg(long, value_name = "FOLDER", default_value = "probes")]
    probes: PathBuf,
    /// Folder with the template.
    #[arg(long, value_name = "FOLDER", default_value = "infra")]
    output: PathBuf,
    /// Write nothing, and exit with 1 if a file is out of date.
    #[arg(long)]
    check: bool,
    /// Number of stacks for the alarms: 1, 4, 8, 16 or 32. The default is the number in the existing file.
    #[arg(long, value_name = "N", value_parser = shards)]
    shards: Option<Shards>,
}

fn shards(text: &str) -> Result<Shards, &'static str> {
    text.parse().ok().and_then(Shards::new).ok_or("expected 1, 4, 8, 16 or 32")
}

/// Whether the rendered alarms match the probes; says what differs.
pub(crate) fn check(probes: &Path, output: &Path, io: &mut Io<'_>) -> anyhow::Result<bool> {
    let (probes, output) = (probes.to_owned(), output.to_owned());
    let arguments = Arguments { probes, output, check: true, shards: None };
    Ok(render(&arguments, io)? == Exit::Success)
}

pub(crate) fn render(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let files = files::read(std::slice::from_ref(&arguments.probes))?;
    let Some(probes) = files::probes(&files, io)? else { return Ok(Exit::Failed) };
    let before = fs::read_to_string(arguments.output.join(ALARMS_FILE)).unwrap_or_default();
    let shards = arguments.shards.or_else(|| Shards::of_rendered(&before)).unwrap_or(Shards::ONE);
    // samconfig.toml is beside the folder of the template.
    let root = arguments.output.parent().unwrap_or(Path::new(""));
    let deployed: DeployedLocations = locations::of_samconfig(root)?.into_iter().collect();
    let rendered = match render::render(&probes, &deployed, shards) {
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
        .with_context(|| format!("could not render to `{}`", arguments.output.display()))?;
    io.out.write_all(&lines)?;
    if current {
        writeln!(io.out, "{} is up to date", arguments.output.join(ALARMS_FILE).display())?;
    } else if arguments.check {
        writeln!(io.err, "hint: run `vigie render` and commit the changes")?;
        return Ok(Exit::Down);
    }
    Ok(Exit::Success)
}
