use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use cli::Exit;
use cli::arguments::Arguments;

use crate::vigie;

const COMMANDS: &[&str] = &[
    "run",
    "check",
    "discover",
    "init",
    "serve",
    "agent",
    "top",
    "backtest",
    "bridge",
    "dead-letters",
    "render",
    "schema",
    "cost",
    "report",
    "mute",
    "unmute",
    "mutes",
    "alerts",
    "deploy",
    "doctor",
    "remove",
    "smoke",
    "test-alert",
    "completions",
    "man",
];

#[tokio::test]
async fn help_of_every_command_has_examples() {
    for command in COMMANDS {
        let done = vigie(&[command, "--help"]).await;
        assert_eq!(done.exit, Exit::Success, "{command}");
        assert!(
            done.out.contains("Examples:") && done.out.contains("vigie "),
            "{command}: {}",
            done.out
        );
    }
    let all = vigie(&["--help"]).await.out;
    assert!(COMMANDS.iter().all(|command| all.contains(&format!("  {command} "))), "{all}");
}

#[tokio::test]
async fn invalid_command_line_exits_with_2() {
    for (line, expected) in [
        (&["frob"][..], "frob"),
        (&["run"], "<FILE>"),
        (&["run", "--output", "xml", "x.yaml"], "possible values: pretty"),
        (&["discover", "chat.example.com"], "`https://chat.example.com"),
        (&["serve", "--listen", "9517"], "such as `127.0.0.1:9517`"),
        (&["serve", "--listen", "localhost:http"], "such as `127.0.0.1:9517`"),
        // Refused before any AWS call.
        (&["report"], "`--last PROBE`"),
        (&["report", "x"], "`x` is not the key of a report"),
    ] {
        let done = vigie(line).await;
        assert_eq!((done.exit, done.out.as_str()), (Exit::Failed, ""), "{line:?}");
        assert!(done.err.starts_with("error: ") && done.err.contains(expected), "{}", done.err);
    }
}

#[tokio::test]
async fn completions_and_manual_pages_cover_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let done = vigie(&["completions", shell]).await;
        assert!(done.exit == Exit::Success && done.out.contains("discover"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let done = vigie(&["man", "--output", &folder.path().to_string_lossy()]).await;
    assert_eq!(done.exit, Exit::Success);
    for command in COMMANDS {
        let page =
            std::fs::read_to_string(folder.path().join(format!("vigie-{command}.1"))).unwrap();
        assert!(page.contains(".TH"), "{command}");
    }
}

#[test]
fn commands_in_the_documentation_have_these_options() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "Makefile"]
        .into_iter()
        .chain(["infra/template.yaml", "infra/self-monitoring.yaml", "examples/cdk/README.md"])
        .map(|page| root.join(page))
        .collect();
    for folder in ["docs", "docs/reference", "packaging/archive"] {
        let files = std::fs::read_dir(root.join(folder)).unwrap();
        pages.extend(files.map(|file| file.unwrap().path()).filter(|path| path.is_file()));
    }
    let vigie = Arguments::command();
    let (mut seen, mut wrong) = (0, Vec::new());
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for call in text.lines().flat_map(calls) {
            seen += 1;
            if let Err(word) = parsed(&vigie, call) {
                wrong.push(format!("{}: `vigie {call}`: there is no `{word}`", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(150 < seen, "only {seen} calls");
}

/// What follows `vigie` in each call of a line.
fn calls(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("vigie ").filter_map(|(at, name)| {
        let before = line[..at].chars().next_back();
        // `docker compose --profile vigie`.
        let is_value = line[..at].ends_with("--profile ");
        let begins =
            !is_value && before.is_none_or(|character| matches!(character, '`' | ' ' | '/' | '"'));
        let call = line[at + name.len()..].split(['`', '|', ';', '#', '&', '<', '>']).next()?;
        let is_command = call.starts_with(|character: char| character.is_ascii_lowercase());
        (begins && is_command).then_some(call)
    })
}

/// Fails with the first subcommand or option that does not exist.
fn parsed<'c>(command: &Command, call: &'c str) -> Result<(), &'c str> {
    let mut words = call.split_whitespace().map(|word| word.trim_end_matches([',', '.', ')', ':']));
    let mut command = command;
    while command.has_subcommands() {
        let Some(name) = words.next() else { return Ok(()) };
        command = command.find_subcommand(name).ok_or(name)?;
    }
    for word in words.filter(|word| word.starts_with("--") && 2 < word.len()) {
        let name = word[2..].split('=').next().unwrap_or_default();
        let is_known = command.get_arguments().any(|option| option.get_long() == Some(name));
        if !is_known && !["help", "version"].contains(&name) {
            return Err(word);
        }
    }
    Ok(())
}
