//! `vigie completions`: for the shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{Exit, Io, arguments};

/// Print the completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie completions bash > ~/.local/share/bash-completion/completions/vigie
  vigie completions zsh > ~/.zfunc/_vigie
  vigie completions fish > ~/.config/fish/completions/vigie.fish")]
pub struct Arguments {
    shell: Shell,
}

pub(crate) fn completions(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    let mut command = arguments::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "vigie", &mut text);
    io.out.write_all(&text)?;
    Ok(Exit::Fine)
}
