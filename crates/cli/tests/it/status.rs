//! The status page of `vigie serve`.

use std::time::Duration;

use cli::Exit;
use serde_json::Value;
use testkit::gradio_app::{Answer, GradioApp};
use tokio::process::Command;

use crate::serve::{Serve, bot, text};
use crate::{probe, vigie};

impl Serve {
    async fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Waits until the history has a run.
    async fn until_stored(&self) -> Value {
        let stored = async {
            loop {
                let status = self.json("/api/v1/status").await;
                if !status["probes"][0]["since"].is_null() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), stored).await.unwrap()
    }
}

#[tokio::test]
async fn history_survives_a_restart() {
    let bot = bot().await;
    let (_folder, file) = probe(&text("bot", &bot.url));
    let data = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(data.path(), &file, &[], &[]).await;
    let before = serve.until_stored().await;
    assert_eq!(before["state"], "up");
    serve.stop("TERM").await;

    let serve = Serve::start_in(data.path(), &file, &[], &[]).await;
    let (_, page) = serve.get("/probes/bot").await;
    assert!(page.contains("First chunk") && page.contains(&bot.url), "{page}");
    let after = serve.json("/api/v1/probes/bot").await;
    let runs = after["runs"].as_array().unwrap();
    assert_eq!(runs.last().unwrap()["verdict"], "up", "{after}");
    let days = after["days"].as_array().unwrap();
    assert_eq!(days.len(), 90);
    let up: u64 = days.iter().filter_map(|day| day["up"].as_u64()).sum();
    assert_eq!(up, u64::try_from(runs.len()).unwrap(), "{days:?}");
    assert_eq!(before["probes"][0]["since"], runs.last().unwrap()["due"]);
    serve.stop("TERM").await;
}

#[tokio::test]
async fn failed_run_is_shown_with_its_report() {
    let hostile = "<script>alert(1)</script>";
    let bot = GradioApp::start(move |_| Answer::text(hostile)).await;
    let (_folder, file) = probe(&text("bot", &bot.url));
    let serve = Serve::start(&file, &[]).await;
    let status = serve.until_stored().await;
    assert_eq!(status["state"], "down");
    let (code, page) = serve.get("/").await;
    assert!(code == 200 && page.contains("The chatbot is down"), "{page}");
    let (_, page) = serve.get("/probes/bot/7d").await;
    assert_eq!(serve.get("/probes/bot?range=7d").await.0, 200);
    assert_eq!(serve.get("/page/1").await.0, 200);
    assert!(page.contains("check_failed") && !page.contains(hostile), "{page}");
    let path =
        page.split("href=\"/probes/bot/runs/").nth(1).and_then(|rest| rest.split('"').next());
    let (code, report) = serve.get(&format!("/probes/bot/runs/{}", path.unwrap())).await;
    assert!(code == 200 && report.contains("&lt;script&gt;alert(1)"), "{report}");
    for (path, expected) in [
        ("/badge/bot/state.svg", "bot: down"),
        ("/badge/bot/availability-30d.svg", "0.00%"),
        ("/feed.atom", "<feed xmlns=\"http://www.w3.org/2005/Atom\""),
        ("/incidents", "No incidents"),
        ("/assets/status.css", "--down"),
        ("/assets/status.js", "EventSource"),
        ("/assets/icon-down.svg", "<svg"),
        ("/api/v1/incidents", "\"incidents\":[]"),
        ("/api/v1/schema.json", "$schema"),
    ] {
        let (code, body) = serve.get(path).await;
        assert!(code == 200 && body.contains(expected), "{path}: {body}");
    }
    for path in [
        "/probes/other",
        "/probes/Upper",
        "/probes/bot/8d",
        "/probes/bot/runs/1",
        "/incidents/1",
        "/badge/bot/x.svg",
        "/x",
    ] {
        assert_eq!(serve.get(path).await.0, 404, "{path}");
    }
    serve.stop("TERM").await;
}

#[tokio::test]
async fn public_page_needs_no_token_and_metrics_do() {
    let bot = GradioApp::start(|_| Answer::text("SECRET-REPLY")).await;
    let (_folder, file) = probe(&text("bot", &bot.url));
    let data = tempfile::tempdir().unwrap();
    let arguments = ["--public", "--listen", "0.0.0.0:0"];
    let mut serve =
        Serve::start_in(data.path(), &file, &arguments, &[("VIGIE_TOKEN", "canary-4711")]).await;
    serve.url = serve.url.replace("0.0.0.0", "127.0.0.1");
    serve.until_stored().await;
    for path in ["/", "/probes/bot", "/incidents", "/feed.atom", "/api/v1/probes/bot"] {
        let (code, page) = serve.get(path).await;
        assert_eq!(code, 200, "{path}");
        for private in ["SECRET-REPLY", "check_failed", &bot.url, "/runs/"] {
            assert!(!page.contains(private), "{path}: {private}");
        }
    }
    assert_eq!(serve.get("/-/healthy").await.0, 200);
    for path in ["/metrics", "/probe?probe=bot"] {
        assert_eq!(serve.get(path).await.0, 401, "{path}");
        let request = serve.http.get(format!("{}{path}", serve.url)).bearer_auth("canary-4711");
        assert_eq!(request.send().await.unwrap().status().as_u16(), 200, "{path}");
    }
    let request = serve.http.get(format!("{}/probes/bot", serve.url));
    let page = request.basic_auth("ana", Some("canary-4711")).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("check_failed") && page.contains("/runs/"), "{page}");
    serve.stop("TERM").await;
}

#[tokio::test]
async fn page_of_other_machines_needs_public_or_a_token() {
    let (_folder, file) = probe(&text("bot", "http://127.0.0.1:9"));
    let data = tempfile::tempdir().unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(["serve", &file, "--listen", "0.0.0.0:0", "--data"])
        .arg(data.path())
        .env_remove("VIGIE_TOKEN")
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(2));
    assert!(said.contains("`--listen` is `0.0.0.0:0`") && said.contains("`--public`"), "{said}");
}

#[tokio::test]
async fn second_process_with_the_same_history_is_refused() {
    let bot = bot().await;
    let (_folder, file) = probe(&text("bot", &bot.url));
    let data = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(data.path(), &file, &[], &[]).await;
    let second = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(["serve", &file, "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(2));
    assert!(said.contains("hint: pass another `--data FOLDER`"), "{said}");
    serve.stop("TERM").await;
}

#[tokio::test]
async fn browser_is_notified_of_new_runs() {
    let bot = bot().await;
    let (_folder, file) =
        probe(&text("bot", &bot.url).replace("every: 1h", "every: 10s").replace("20s", "5s"));
    let serve = Serve::start(&file, &[]).await;
    let mut events = serve.http.get(format!("{}/events", serve.url)).send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let mut received = String::new();
    let changed = async {
        while !received.contains("event: changed") {
            let chunk = events.chunk().await.unwrap().expect("the stream ended");
            received.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    tokio::time::timeout(Duration::from_secs(60), changed).await.unwrap();
    // The open stream does not keep the command from ending.
    serve.stop("TERM").await;
}

#[tokio::test]
async fn top_prints_the_probes_once() {
    let bot = bot().await;
    let (folder, _file) = probe(&text("bot", &bot.url));
    std::fs::write(folder.path().join("b.yaml"), text("broken", "http://127.0.0.1:9")).unwrap();
    let probes = folder.path().to_string_lossy().into_owned();
    let mut serve = Serve::start(&probes, &[]).await;
    serve.until("probe=bot").await;
    let listed = async {
        loop {
            let done = vigie(&["top", &serve.url, "--once"]).await;
            assert_eq!((done.exit, done.err.as_str()), (Exit::Success, ""), "{}", done.out);
            if !done.out.contains("no data") {
                return done.out;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let out = tokio::time::timeout(Duration::from_secs(60), listed).await.unwrap();
    let lines: Vec<&str> = out.lines().collect();
    let [header, broken, bot] = &lines[..] else { panic!("{out}") };
    assert!(header.starts_with("PROBE   STATE") && header.ends_with("FIRST CHUNK, 24 H"), "{out}");
    assert!(broken.starts_with("broken  down ") && broken.contains("  0.00%"), "{out}");
    assert!(bot.starts_with("bot     up ") && bot.ends_with('█'), "{out}");
    serve.stop("TERM").await;
}

#[tokio::test]
async fn top_names_what_is_missing() {
    let (_folder, file) = probe(&text("bot", "http://127.0.0.1:9"));
    let data = tempfile::tempdir().unwrap();
    let token = [("VIGIE_TOKEN", "canary-4711")];
    let serve = Serve::start_in(data.path(), &file, &[], &token).await;
    for (url, expected) in [
        (serve.url.as_str(), "hint: set `VIGIE_TOKEN`"),
        ("http://127.0.0.1:9", "could not connect to `http://127.0.0.1:9`"),
        ("ftp://127.0.0.1", "`URL` is `ftp://127.0.0.1/`; expected an address"),
    ] {
        let done = vigie(&["top", url, "--once"]).await;
        assert_eq!(done.exit, Exit::Failed);
        assert!(done.err.contains(expected), "{}", done.err);
    }
    serve.stop("TERM").await;
}

#[tokio::test]
async fn runs_in_maintenance_do_not_count_and_open_no_incident() {
    let bot = GradioApp::start(|_| Answer::text("wrong")).await;
    let start = jiff::Timestamp::now() - Duration::from_secs(600);
    let start = start.strftime("%M %H ? * * *").to_string();
    let more = format!(
        "alarm: {{ down: 1 of 1 }}\nobjective: 99.5\nmaintenance: [ {{ cron: \"{start}\", for: 2h }} ]\n"
    );
    let text = text("bot", &bot.url).replace("every: 1h", "every: 10s").replace("20s", "5s");
    let (_folder, file) = probe(&(text + &more));
    let mut serve = Serve::start(&file, &[]).await;
    let changed = serve.until("Alarm changed").await;
    assert!(changed.contains("to=ALARM"), "{changed}");
    let detail = serve.json("/api/v1/probes/bot").await;
    assert_eq!(detail["in_maintenance"], true, "{detail}");
    assert_eq!(detail["availability_24h_percent"], Value::Null, "{detail}");
    assert_eq!(detail["objective_percent"], 99.5, "{detail}");
    assert_eq!(detail["runs"][0]["in_maintenance"], true, "{detail}");
    let days = detail["days"].as_array().unwrap();
    let counts = |name: &str| days.iter().filter_map(|day| day[name].as_u64()).sum::<u64>();
    assert!(0 < counts("maintenance") && counts("down") == 0, "{detail}");
    let (_, page) = serve.get("/incidents").await;
    assert!(page.contains("No incidents"), "{page}");
    let (_, page) = serve.get("/probes/bot").await;
    assert!(page.contains("pill maintenance") && page.contains("2h, UTC"), "{page}");
    serve.stop("TERM").await;
}
