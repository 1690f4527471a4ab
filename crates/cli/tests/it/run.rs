use cli::Exit;
use testkit::gradio_app::{Answer, GradioApp};

use crate::{Done, probe, vigie};

/// An app that repeats the message, or fails on request.
async fn bot() -> GradioApp {
    GradioApp::start(|received| match received.message.as_str() {
        message if message.contains("fail") => Answer::Error("the model is gone".to_owned()),
        message => Answer::Chunks(vec!["You said: ".to_owned(), message.to_owned()]),
    })
    .await
}

fn conversation(name: &str, url: &str, say: &str, expect: &str) -> String {
    format!(
        "probe: {name}\nevery: 1m\nretry: {{ attempts: 0 }}\ntarget: {{ url: \"{url}\" }}\n\
         conversation:\n  - say: \"{say}\"\n    expect: [ {expect} ]\n"
    )
}

async fn run(text: &str, more: &[&str]) -> Done {
    let (_folder, file) = probe(text);
    vigie(&[&["run", file.as_str()][..], more].concat()).await
}

#[tokio::test]
async fn passing_conversation_is_up() {
    let bot = bot().await;
    let text = conversation(
        "bot",
        &bot.url,
        "Hello ${nonce}",
        "{ contains: \"${nonce}\" }, { min_length: 3 }",
    );
    let done = run(&text, &[]).await;
    assert_eq!(done.exit, Exit::Success, "{}{}", done.out, done.err);
    for expected in [
        "● bot up after ",
        "Gradio 6.31.0 · sse_v3 · ",
        "‹ You said: Hello",
        "✓ min_length 3",
        "first chunk ",
    ] {
        assert!(done.out.contains(expected), "{expected}: {}", done.out);
    }
    for step in [
        "bot: connecting\n",
        "bot: turn 1 of 1: sent\n",
        "bot: turn 1 of 1: answered\n",
        "bot: up after ",
    ] {
        assert!(done.err.contains(step), "{step}: {}", done.err);
    }
}

#[tokio::test]
async fn failed_check_is_down_and_shows_what_was_found() {
    let bot = bot().await;
    let text =
        conversation("bot", &bot.url, "Hello", "{ contains: \"goodbye\" }, { language: fr }");
    let done = run(&text, &["--quiet"]).await;
    assert_eq!((done.exit, done.err.as_str()), (Exit::Down, ""));
    for expected in [
        "down (check_failed)",
        "✗ contains \"goodbye\", received",
        "why turn 1: expected contains \"goodbye\"",
    ] {
        assert!(done.out.contains(expected), "{expected}: {}", done.out);
    }
}

#[tokio::test]
async fn exit_code_is_the_worst_of_several_probes() {
    let bot = bot().await;
    let folder = tempfile::tempdir().unwrap();
    let slow = conversation("slow", &bot.url, "Hello", "") + "objectives: { first_chunk: 1ms }\n";
    let files = [("a", conversation("a", &bot.url, "Hello", "")), ("slow", slow)];
    for (name, text) in &files {
        std::fs::write(folder.path().join(format!("{name}.yaml")), text).unwrap();
    }
    let path = folder.path().to_string_lossy().into_owned();
    let done = vigie(&["run", &path]).await;
    assert_eq!(done.exit, Exit::Degraded, "{}", done.out);
    let dead = conversation("dead", &bot.url, "please fail", "");
    std::fs::write(folder.path().join("dead.yaml"), dead).unwrap();
    let done = vigie(&["run", &path]).await;
    assert_eq!(done.exit, Exit::Down, "{}", done.out);
    assert!(done.out.contains("● dead down (app_error)"), "{}", done.out);
}

#[tokio::test]
async fn unset_variable_exits_with_2() {
    let text = conversation("bot", "${VIGIE_TEST_NOT_SET}", "Hello", "");
    let done = run(&text, &[]).await;
    assert_eq!(done.exit, Exit::Failed);
    assert_eq!(
        done.err,
        "error: probe `bot`: `target.url` uses `${VIGIE_TEST_NOT_SET}`, which is not set\n"
    );
    let bot = bot().await;
    let done = run(&text, &["--target", &bot.url]).await;
    assert_eq!(done.exit, Exit::Success, "another target needs no variable: {}", done.err);
}

#[tokio::test]
async fn unreachable_target_is_down() {
    // Bound and closed again, so the port is unused.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = conversation("bot", &format!("http://127.0.0.1:{port}"), "Hello", "");
    let done = run(&text, &["--output", "json"]).await;
    assert_eq!(done.exit, Exit::Down);
    let report: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(report["outcome"]["reason"], "connect", "{report}");
}

#[tokio::test]
async fn results_are_printed_as_junit_and_prometheus() {
    let bot = bot().await;
    let text =
        conversation("bot", &bot.url, "<b>Hello</b>", "{ contains: \"<b>\" }, { equals: \"x\" }");
    let junit = run(&text, &["--output", "junit"]).await;
    assert_eq!(junit.exit, Exit::Down);
    for expected in [
        "<testsuite name=\"bot\" tests=\"3\" failures=\"1\" errors=\"0\"",
        "name=\"turn 1: contains &quot;&lt;b&gt;&quot;\" time=\"0\"/>",
        "<failure type=\"check_failed\" message=\"expected equals &quot;x&quot;\">received ",
    ] {
        assert!(junit.out.contains(expected), "{expected}: {}", junit.out);
    }
    let prometheus = run(&text, &["--output", "prometheus"]).await.out;
    for expected in
        ["# TYPE probe_success gauge\n", "probe_success{", "} 0\n", "reason=\"check_failed\"} 1\n"]
    {
        assert!(prometheus.contains(expected), "{expected}: {prometheus}");
    }
    let format = exposition::Format::Prometheus;
    assert!(exposition::Reader::new(prometheus.as_bytes(), format).all(|line| line.is_ok()));
}

#[tokio::test]
async fn html_page_is_written_and_escaped() {
    let bot = bot().await;
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let text = conversation("bot", &bot.url, "<script>alert(1)</script>", "");
    let done = run(&text, &["--html", &page.to_string_lossy()]).await;
    assert_eq!(done.exit, Exit::Success, "{}", done.err);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("You said: &lt;script&gt;") && !page.contains("<script"));
}

#[tokio::test]
async fn credentials_are_in_no_output() {
    const CANARY: &str = "canary-4711-of-the-coal-mine";
    let app = GradioApp::start(|received| {
        let header = received.headers.get("authorization").and_then(|value| value.to_str().ok());
        Answer::text(format!("I received {}", header.unwrap_or("nothing")))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html").to_string_lossy().into_owned();
    let text = format!(
        "probe: bot\nevery: 1m\nretry: {{ attempts: 0 }}\n\
         target: {{ url: \"{}\", auth: {{ bearer: \"{CANARY}\" }} }}\n\
         conversation: [ {{ say: \"Hello\", expect: [ {{ contains: \"Bearer\" }}, {{ equals: \"x\" }} ] }} ]\n",
        app.url
    );
    for output in ["pretty", "json", "junit", "prometheus"] {
        let done = run(&text, &["--output", output, "--html", &page]).await;
        assert_eq!(done.exit, Exit::Down, "{}", done.err);
        let page = std::fs::read_to_string(&page).unwrap();
        assert!(page.contains("I received Bearer [secret]"), "the app received the token");
        for text in [done.out, done.err, page] {
            assert!(!text.contains(CANARY), "{output}: {text}");
        }
    }
}

#[tokio::test]
async fn discover_writes_a_probe_file_that_runs() {
    let bot = bot().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("probes/My Bot.yaml").to_string_lossy().into_owned();
    let done = vigie(&["discover", &bot.url, "--write", &file]).await;
    assert_eq!(done.exit, Exit::Success, "{}", done.err);
    for expected in [
        "Gradio 6.31.0 · sse_v3",
        "● /chat ChatInterface",
        "message box \"Message\"",
        "reply in chunks",
    ] {
        assert!(done.out.contains(expected), "{expected}: {}", done.out);
    }
    let run = vigie(&["run", &file]).await;
    assert_eq!(run.exit, Exit::Success, "{}{}", run.out, run.err);
    assert!(run.out.contains("● my-bot up"), "{}", run.out);
    let again = vigie(&["discover", &bot.url, "--write", &file]).await;
    assert!(again.exit == Exit::Failed && again.err.contains("File exists"), "{}", again.err);
    let json = vigie(&["discover", &bot.url, "--output", "json"]).await.out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["chats"][0]["endpoint"], &json["protocol"]),
        (&"/chat".into(), &"sse_v3".into())
    );
}

#[tokio::test]
async fn address_is_run_with_a_default_probe() {
    let bot = bot().await;
    let done = vigie(&["run", &bot.url]).await;
    assert_eq!(done.exit, Exit::Success, "{}{}", done.out, done.err);
    assert!(done.out.contains("● 127-0-0-1 up"), "{}", done.out);
    let done = vigie(&["run", "http://"]).await;
    assert_eq!(done.exit, Exit::Failed);
}

#[tokio::test]
async fn init_writes_probe_settings_and_unit_and_overwrites_none() {
    let bot = bot().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vigie").to_string_lossy().into_owned();
    let line = ["init", &bot.url, "--folder", &path];
    let done = vigie(&line).await;
    assert_eq!(done.exit, Exit::Success, "{}", done.err);
    let probe = format!("{path}/probes/127-0-0-1.yaml");
    assert_eq!(vigie(&["run", &probe]).await.exit, Exit::Success);
    let compose = std::fs::read_to_string(format!("{path}/compose.yaml")).unwrap();
    let compose: serde_json::Value = serde_saphyr::from_str(&compose).unwrap();
    let image = compose["services"]["vigie"]["image"].as_str().unwrap();
    assert_eq!(image, format!("${{VIGIE_IMAGE:-vigie:{}}}", env!("CARGO_PKG_VERSION")));
    let unit = std::fs::read_to_string(format!("{path}/vigie.service")).unwrap();
    assert!(unit.contains(" serve \"") && unit.contains("/probes\" --config \""), "{unit}");
    // Without it there is no folder for the history.
    assert!(unit.contains("\nStateDirectory=vigie\n"), "{unit}");
    assert!(unit.contains("\nProtectHome=read-only\n"), "{unit}");

    std::fs::write(&probe, "edited").unwrap();
    let again = vigie(&line).await;
    assert!(again.exit == Exit::Failed && again.err.contains("File exists"), "{}", again.err);
    assert_eq!(std::fs::read_to_string(&probe).unwrap(), "edited");
}
