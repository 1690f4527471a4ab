//! `vigie man`: the manual pages.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Command};
use clap_mangen::Man;

use crate::{Exit, Io};

/// Print the manual page, or write one page for each subcommand into a folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie man | man -l -
  vigie man --output ~/.local/share/man/man1")]
pub struct Arguments {
    /// Folder for the pages `vigie.1`, `vigie-run.1`, and so on.
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

pub(crate) fn man(
    arguments: &Arguments,
    mut command: Command,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let Some(folder) = &arguments.output else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        io.out.write_all(&page)?;
        return Ok(Exit::Success);
    };
    command.build();
    let mut pages = vec![("vigie".to_owned(), command.clone())];
    for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("vigie-{}", subcommand.get_name());
        let named: &'static str = Box::leak(name.clone().into_boxed_str());
        pages.push((name, subcommand.clone().name(named)));
    }
    fs::create_dir_all(folder)
        .with_context(|| format!("could not create `{}`", folder.display()))?;
    for (name, command) in pages {
        let path = folder.join(format!("{name}.1"));
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        fs::write(&path, page).with_context(|| format!("could not write `{}`", path.display()))?;
        writeln!(io.out, "wrote {}", path.display())?;
    }
    Ok(Exit::Success)
}
