use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use testkit::gradio_app::{Answer, GradioApp};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::{line_with, probe};

/// `vigie serve` in a child process, since signals are sent to processes.
pub(crate) struct Serve {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    /// Deleted with this.
    data_folder: Option<tempfile::TempDir>,
}

impl Serve {
    pub(crate) async fn start(file: &str, more: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut serve = Self::start_in(data.path(), file, more, &[]).await;
        serve.data_folder = Some(data);
        serve
    }

    /// With the history in a folder that outlives the process.
    pub(crate) async fn start_in(
        data: &Path,
        file: &str,
        more: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vigie"))
            .args(["serve", file, "--data"])
            .arg(data)
            .args(if more.contains(&"--listen") { &[][..] } else { &["--listen", "127.0.0.1:0"] })
            .args(more)
            .envs(variables.iter().copied())
            .env("VIGIE_LOG", "info")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut serve = Self { child, lines, url: String::new(), http, data_folder: None };
        let line = serve.until("listening on ").await;
        serve.url = line.split("listening on ").nth(1).unwrap().to_owned();
        serve
    }

    /// Reads the log up to a line with `word`.
    pub(crate) async fn until(&mut self, word: &str) -> String {
        line_with(&mut self.lines, word).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().await.unwrap().success());
    }

    /// Stops the process with a signal; its exit code has to be 0.
    pub(crate) async fn stop(mut self, signal: &str) {
        self.signal(signal).await;
        let ended = tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await.unwrap();
        assert_eq!(ended.unwrap().code(), Some(0), "{signal}");
    }
}

/// An app that replies in enough chunks for inter-chunk times.
pub(crate) async fn bot() -> GradioApp {
    GradioApp::start(|received| {
        let pieces = ["You ", "said", ": ", &received.message];
        Answer::Chunks(pieces.map(str::to_owned).into())
    })
    .await
}

pub(crate) fn text(name: &str, url: &str) -> String {
    format!(
        "probe: {name}\nevery: 1h\ntimeout: 20s\nretry: {{ attempts: 0 }}\ntarget: {{ url: \"{url}\" }}\n\
         conversation: [ {{ say: \"Hello\", expect: [ {{ contains: \"Hello\" }} ] }} ]\n"
    )
}

#[tokio::test]
async fn metrics_page_has_results_and_own_series() {
    let bot = bot().await;
    let (_folder, file) = probe(&text("bot", &bot.url));
    let mut serve = Serve::start(&file, &[]).await;
    assert_eq!(serve.until("probes").await, "probes         1 probe");
    assert!(serve.until("notifications").await.starts_with("notifications  none; add `mail`"));
    assert_eq!(serve.get("/-/healthy").await, (200, "healthy\n".to_owned()));
    serve.until("Run finished").await;
    assert_eq!(serve.get("/-/ready").await.0, 200);
    let (status, page) = serve.get("/metrics").await;
    assert_eq!(status, 200);
    for expected in [
        "# HELP probe_success ",
        "# TYPE probe_success gauge\n",
        "probe_success{job=\"gradio_chatbot\",",
        "probe=\"bot\",environment=\"local\",location=\"local\"} 1 ",
        "# TYPE probe_inter_chunk_seconds summary\n",
        "up{job=\"gradio_chatbot\",",
        "vigie_runs_total{probe=\"bot\",outcome=\"up\"} 1\n",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    promtool(&page).await;
    let open = serve
        .http
        .get(format!("{}/metrics", serve.url))
        .header("accept", "application/openmetrics-text; version=1.0.0");
    let open = open.send().await.unwrap().text().await.unwrap();
    assert!(
        open.contains("# UNIT probe_duration_seconds seconds\n") && open.ends_with("# EOF\n"),
        "{open}"
    );
    serve.stop("TERM").await;
}

/// Prometheus drops what it has already, so however often it scrapes, a run counts once.
#[tokio::test]
async fn result_is_stamped_with_its_due_time() {
    let bot = bot().await;
    let (_folder, file) = probe(&text("bot", &bot.url));
    let mut serve = Serve::start(&file, &[]).await;
    serve.until("Run finished").await;
    let (_, page) = serve.get("/metrics").await;
    let value = |of: &str| {
        let line = page.lines().find(|line| line.starts_with(of)).unwrap();
        line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
    };
    let due = value("vigie_last_run_timestamp_seconds{");
    for series in ["up{", "probe_success{", "probe_failure{", "probe_turn_reply_seconds{"] {
        assert!((value(series) - 1_000.0 * due).abs() < 1.0, "{series} of {due}:\n{page}");
    }
    // A run on demand has the time of its request.
    let (_, page) = serve.get("/probe?probe=bot").await;
    assert!(page.contains("location=\"local\"} 1\n"), "{page}");
    serve.stop("TERM").await;
}

/// Debian's promtool, where it is installed.
#[expect(clippy::print_stderr, reason = "a skipped check must be seen")]
async fn promtool(page: &str) {
    use tokio::io::AsyncWriteExt;
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        let is_required = std::env::var_os("VIGIE_REQUIRE_TOOLS").is_some();
        assert!(!is_required, "promtool is not installed");
        eprintln!("SKIPPED: promtool is not installed, so /metrics was not checked by it");
        return;
    };
    child.stdin.take().unwrap().write_all(page.as_bytes()).await.unwrap();
    let done = child.wait_with_output().await.unwrap();
    let said =
        String::from_utf8_lossy(&done.stderr).into_owned() + &String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}");
}

#[tokio::test]
async fn probe_page_uses_only_configured_targets() {
    let (bot, other) = (bot().await, bot().await);
    let with_auth =
        text("bot", &bot.url).replacen("\" }", "\", auth: { bearer: \"canary-4711\" } }", 1);
    let (_folder, file) = probe(&with_auth);
    let serve = Serve::start(&file, &[]).await;
    let (status, page) = serve.get("/probe?probe=bot").await;
    assert!(status == 200 && page.contains("probe_success{"), "{page}");
    assert_eq!(serve.get(&format!("/probe?probe=bot&target={}", bot.url)).await.0, 200);
    let (status, said) = serve.get(&format!("/probe?probe=bot&target={}", other.url)).await;
    assert!(status == 403 && said.contains("--allow-any-target"), "{status} {said}");
    assert_eq!(serve.get("/probe?probe=unknown").await.0, 404);
    assert_eq!(other.received().len(), 0, "nothing reached the other target");
    let (_, debug) = serve.get("/probe?probe=bot&debug=true").await;
    assert!(debug.contains("● bot up after") && debug.contains("probe_success{"), "{debug}");
    assert!(!debug.contains('\u{1b}'));
    serve.stop("INT").await;

    let serve = Serve::start(&file, &["--allow-any-target"]).await;
    assert_eq!(serve.get(&format!("/probe?probe=bot&target={}", other.url)).await.0, 200);
    let received = other.received();
    assert_eq!(received.len(), 1);
    assert!(
        received[0].headers.get("authorization").is_none(),
        "credentials stay with their target"
    );
    assert_eq!(serve.get("/probe?probe=bot&target=ftp://x").await.0, 400);
    serve.stop("TERM").await;
}

#[tokio::test]
async fn hangup_reloads_files_and_keeps_probes_on_error() {
    let bot = bot().await;
    let (folder, file) = probe(&text("bot", &bot.url));
    let mut serve = Serve::start(&folder.path().to_string_lossy(), &[]).await;
    std::fs::write(folder.path().join("second.yaml"), text("second", &bot.url)).unwrap();
    serve.signal("HUP").await;
    serve.until("reloaded 2 probes").await;
    serve.until("probe=second").await;
    assert_eq!(serve.get("/probe?probe=second").await.0, 200);
    std::fs::write(&file, "probe: bot\nevery: 45s\n").unwrap();
    serve.signal("HUP").await;
    serve.until("the previous probes stay active").await;
    assert_eq!(serve.get("/probe?probe=bot").await.0, 200);
    assert!(serve.get("/metrics").await.1.contains("vigie_reload_success 0\n"));
    serve.stop("TERM").await;
}

#[tokio::test]
async fn remote_write_sends_queued_results_before_the_end() {
    use axum::body::Bytes;
    use axum::http::{HeaderMap, StatusCode};
    let (send, mut bodies) = tokio::sync::mpsc::unbounded_channel::<(HeaderMap, Bytes)>();
    let take = move |headers: HeaderMap, body: Bytes| async move {
        send.send((headers, body)).unwrap();
        StatusCode::NO_CONTENT
    };
    let receiver = axum::Router::new().route("/api/v1/write", axum::routing::post(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/v1/write", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, receiver).await });

    let bot = bot().await;
    let (_folder, file) = probe(&text("bot", &bot.url));
    let mut serve = Serve::start(&file, &["--remote-write", &url]).await;
    serve.until("Run finished").await;
    // Stopped at once: samples that wait for a full batch are sent too.
    serve.stop("TERM").await;
    let (headers, body) = bodies.recv().await.unwrap();
    assert_eq!(headers["content-encoding"], "snappy");
    // Snappy stores the first occurrence of a text uncompressed.
    let holds = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("gradio_chatbot") && holds("stream_broken"), "{body:?}");
}
