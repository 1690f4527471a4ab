use cli::Exit;

use crate::vigie;

const COMMANDS: &[&str] = &[
    "run",
    "check",
    "discover",
    "init",
    "serve",
    "agent",
    "bridge",
    "render",
    "schema",
    "cost",
    "report",
    "mute",
    "unmute",
    "mutes",
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
