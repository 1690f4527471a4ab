//! `vigie completions`: shell completions.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::{Exit, Io};

/// Print the completion script of a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie completions bash > ~/.local/share/bash-completion/completions/vigie
  vigie completions zsh > ~/.zfunc/_vigie
  vigie completions fish > ~/.config/fish/completions/vigie.fish")]
pub struct Arguments {
    /// The shell.
    shell: Shell,
}

pub(crate) fn completions(
    arguments: &Arguments,
    mut command: Command,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "vigie", &mut text);
    io.out.write_all(&text)?;
    Ok(Exit::Success)
}
