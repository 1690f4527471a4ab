//! `vigie schema`: the JSON Schema of a probe file.

use clap::Args;

use crate::{Exit, Io};

/// Print the JSON Schema of a probe file, with which editors complete and check it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie schema > probes/.schema.json
  # and as the first line of a probe file, for editors with the YAML language server:
  # yaml-language-server: $schema=.schema.json")]
pub struct Arguments {}

pub(crate) fn schema(_arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    writeln!(io.out, "{:#}", probe_file::schema())?;
    Ok(Exit::Fine)
}
