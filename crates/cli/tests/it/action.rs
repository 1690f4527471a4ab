//! The shell part of the GitHub Action.

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
