//! The shell parts of the GitHub Action.

use std::path::Path;

use testkit::gradio_app::{Answer, GradioApp};
use tokio::process::Command;

use crate::probe;

#[tokio::test]
async fn action_has_the_exit_code_report_and_summary_of_the_run() {
    let bot = GradioApp::start(|_| Answer::text("hello")).await;
    let with = |settings: &str, expect: &str| {
        format!(
            "probe: bot\nretry: {{ attempts: 0 }}\ntarget: {{ url: \"{}\" }}\n{settings}\n\
             conversation: [ {{ say: hi, expect: [ {{ contains: \"{expect}\" }} ] }} ]\n",
            bot.url
        )
    };
    let text = |every: &str, expect: &str| with(&format!("every: {every}"), expect);
    let slow = with("every: 1m\nobjectives: { reply: 1ms }", "hello");
    let of_dev = "every: { dev: 1m }";
    let cases = [
        // probe file, exit code, result in the summary, tests in the JUnit report
        (text("1m", "hello"), 0, "### Vigie: up\n", Some("failures=\"0\"")),
        (text("1m", "goodbye"), 1, "### Vigie: down\n", Some("failures=\"1\"")),
        (slow, 3, "### Vigie: degraded\n", Some("failures=\"0\"")),
        (with(of_dev, "hello"), 2, "### Vigie: could not run\n", None),
        (text("45s", "hello"), 2, "### Vigie: could not run\n", None),
    ];
    for (text, code, result, report) in cases {
        let (folder, file) = probe(&text);
        let path = |name: &str| folder.path().join(name);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/action.sh");
        let done = Command::new(script)
            .envs([("INPUT_PROBES", file.as_str()), ("INPUT_VIGIE", env!("CARGO_BIN_EXE_vigie"))])
            .envs([("INPUT_ENVIRONMENT", ""), ("INPUT_TARGET", "")])
            .env("INPUT_JUNIT", path("vigie.xml"))
            .env("GITHUB_STEP_SUMMARY", path("summary"))
            .env("GITHUB_OUTPUT", path("output"))
            .output()
            .await
            .unwrap();
        let log = String::from_utf8_lossy(&done.stdout).into_owned();
        assert_eq!(done.status.code(), Some(code), "{log}");
        let read = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default();
        assert!(read("summary").starts_with(result), "{}", read("summary"));
        assert_eq!(read("output"), format!("exit-code={code}\n"));
        assert!(
            report.is_none_or(|part| read("vigie.xml").contains(part)),
            "{}",
            read("vigie.xml")
        );
    }
}

/// Writes a release with one archive whose program prints `installed`, and returns its checksum line.
async fn release(folder: &Path, name: &str) -> String {
    let program = folder.join(name).join("vigie");
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::fs::write(&program, "#!/bin/sh\necho installed\n").unwrap();
    let archive = format!("{name}.tar.gz");
    let commands =
        format!("chmod +x {name}/vigie && tar -czf {archive} {name} && sha256sum {archive}");
    let done = Command::new("sh").args(["-c", &commands]).current_dir(folder).output();
    String::from_utf8(done.await.unwrap().stdout).unwrap()
}

#[tokio::test]
async fn action_installs_the_command_of_its_release() {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    for (system, processor, archive, sums, checksum_is_right) in [
        ("Linux", "X64", "linux-x86_64", "SHA256SUMS", true),
        ("Linux", "ARM64", "linux-arm64", "SHA256SUMS", true),
        ("macOS", "ARM64", "macos-arm64", "SHA256SUMS-macos-arm64", true),
        ("Linux", "X64", "linux-x86_64", "SHA256SUMS", false),
        ("Windows", "X64", "windows-x86_64", "SHA256SUMS", true),
    ] {
        let server = tempfile::tempdir().unwrap();
        let files = server.path().join(format!("a/vigie/releases/download/v{VERSION}"));
        std::fs::create_dir_all(&files).unwrap();
        let mut line = release(&files, &format!("vigie-{VERSION}-{archive}")).await;
        if !checksum_is_right {
            line.replace_range(..1, if line.starts_with('0') { "1" } else { "0" });
        }
        std::fs::write(files.join(sums), &line).unwrap();
        let machine = tempfile::tempdir().unwrap();
        let output = machine.path().join("output");
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let done = Command::new(format!("{root}/packaging/action-install.sh"))
            .env("GITHUB_ACTION_PATH", root)
            .env("GITHUB_SERVER_URL", format!("file://{}", server.path().display()))
            .env("GITHUB_OUTPUT", &output)
            .envs([("INPUT_REPOSITORY", "a/vigie"), ("RUNNER_OS", system)])
            .env("RUNNER_ARCH", processor)
            .env("RUNNER_TEMP", machine.path())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let written = std::fs::read_to_string(&output).unwrap_or_default();
        let expected = checksum_is_right && system != "Windows";
        assert_eq!(done.status.success(), expected, "{archive}: {said}");
        assert_eq!(written.starts_with("vigie="), expected, "{archive}: {written}");
        if expected {
            let program = written.trim().trim_start_matches("vigie=");
            let done = Command::new(program).output().await.unwrap();
            assert_eq!(done.stdout, b"installed\n", "{archive}");
        }
    }
}
