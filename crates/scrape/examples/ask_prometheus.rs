//! Scrapes the scripts of `tests/fixtures/expositions` with a real Prometheus agent and records in
//! `prometheus.json` the samples that it sends by remote write. The tests of this crate compare Vigie with it.
//!
//! `cargo run -p scrape --example ask_prometheus` needs `prometheus` 2.42 on the PATH and about half a minute.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a development tool of this crate")]

#[path = "../tests/it/script.rs"]
mod script;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use exposition::Format;
use prost::Message;
use samples::Timestamp;
use samples::wire::v1;
use script::{Expected, Step, Stored, scripts, write_down};
use tokio::net::TcpListener;

/// A series of the page that a target shows when its script has ended.
const END: &str = "end_of_script";

const HEAD_START: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Servers {
    scripts: BTreeMap<String, Vec<Step>>,
    /// When the first sample was received. Steps start [`HEAD_START`] later, so that there are timestamps that
    /// remote write accepts and that are before all scrapes.
    base: OnceLock<SystemTime>,
    /// Steps answered, by script.
    answered: Mutex<HashMap<String, usize>>,
    received: Mutex<Vec<v1::TimeSeries>>,
}

#[tokio::main]
async fn main() {
    let servers = Arc::new(Servers { scripts: scripts(), ..Servers::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/target/{script}", get(target))
        .route("/write", post(receive))
        .layer(DefaultBodyLimit::max(64 << 20))
        .with_state(Arc::clone(&servers));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let mut config = format!(
        "global: {{scrape_interval: 2s, scrape_timeout: 2s}}\nremote_write: [{{url: \"http://{address}/write\", queue_config: {{batch_send_deadline: 1s}}}}]\nscrape_configs:\n"
    );
    for name in servers.scripts.keys() {
        let _ = writeln!(
            config,
            "- {{job_name: \"{name}\", metrics_path: \"/target/{name}\", static_configs: [{{targets: [\"{address}\"]}}]}}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    let spare = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut prometheus = tokio::process::Command::new("prometheus")
        .current_dir(folder.path())
        .args([
            "--enable-feature=agent",
            "--config.file=prometheus.yml",
            "--storage.agent.path=data",
        ])
        .arg(format!("--web.listen-address={spare}"))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    while !ended(&servers) {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // The last samples are sent within the batch deadline.
    tokio::time::sleep(Duration::from_secs(4)).await;
    prometheus.kill().await.unwrap();

    let received = std::mem::take(&mut *servers.received.lock().unwrap());
    let base_ms = milliseconds(*servers.base.get().unwrap());
    let scripts = servers
        .scripts
        .iter()
        .map(|(name, steps)| {
            let who = (name.as_str(), address.to_string());
            (name.clone(), stored(&received, (who.0, &who.1), steps.len(), base_ms))
        })
        .collect();
    let expected = Expected { prometheus: "2.42.0, agent mode".to_owned(), scripts };
    let text = serde_json::to_string_pretty(&expected).unwrap();
    std::fs::write(script::fixtures().join("prometheus.json"), text + "\n").unwrap();
    println!("{} scripts scraped, {} series received", expected.scripts.len(), received.len());
}

fn milliseconds(time: SystemTime) -> i64 {
    Timestamp::from(time).as_millis()
}

fn ended(servers: &Servers) -> bool {
    let answered = servers.answered.lock().unwrap();
    servers
        .scripts
        .iter()
        .all(|(name, steps)| answered.get(name).is_some_and(|n| steps.len() + 2 < *n))
}

/// Answers with the next step. A target is down until remote write runs, because samples from before that are
/// never sent.
async fn target(State(servers): State<Arc<Servers>>, Path(script): Path<String>) -> Response {
    let base = servers.base.get().filter(|base| HEAD_START < base.elapsed().unwrap());
    let Some(base) = base else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let mut answered = servers.answered.lock().unwrap();
    let answered = answered.entry(script.clone()).or_default();
    let step = servers.scripts[&script].get(*answered).map(|step| step.fill(milliseconds(*base)));
    *answered += 1;
    match step {
        Some(Step::Page { format, body }) => page(format, body),
        Some(Step::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        None => page(Format::Prometheus, format!("{END} 1\n").into_bytes()),
    }
}

fn page(format: Format, body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, format.content_type())], body).into_response()
}

async fn receive(State(servers): State<Arc<Servers>>, body: Bytes) -> StatusCode {
    let body = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let request = v1::WriteRequest::decode(body.as_slice()).unwrap();
    servers.base.get_or_init(SystemTime::now);
    servers.received.lock().unwrap().extend(request.timeseries);
    StatusCode::NO_CONTENT
}

/// The received samples of one script: the scrapes before the first one with its end.
fn stored(received: &[v1::TimeSeries], who: (&str, &str), steps: usize, base_ms: i64) -> Stored {
    let mut by_time: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let mut scrape_times = Vec::new();
    let mut end = i64::MAX;
    let labelled = |series: &v1::TimeSeries, name: &str, value: &str| {
        series.labels.iter().any(|label| label.name == name && label.value == value)
    };
    for series in received.iter().filter(|series| labelled(series, "job", who.0)) {
        let labels = || series.labels.iter().map(|label| (&*label.name, &*label.value));
        for sample in &series.samples {
            if labelled(series, "__name__", "scrape_duration_seconds") {
                scrape_times.push(sample.timestamp);
            }
            if labelled(series, "__name__", END) {
                end = end.min(sample.timestamp);
            }
            by_time.entry(sample.timestamp).or_default().push(write_down(
                labels(),
                sample.value,
                who,
            ));
        }
    }
    scrape_times.sort_unstable();
    scrape_times.retain(|at| *at < end);
    let of_script = scrape_times.split_off(scrape_times.len() - steps);
    let scrapes = of_script
        .iter()
        .map(|at| {
            let mut samples = by_time.remove(at).unwrap_or_default();
            samples.sort();
            samples
        })
        .collect();
    let after = end..;
    let mut own_times: Vec<String> = by_time
        .into_iter()
        .filter(|(at, _)| !scrape_times.contains(at) && !after.contains(at))
        .flat_map(|(at, samples)| {
            samples.into_iter().map(move |sample| format!("{sample} @{:+}", at - base_ms))
        })
        .collect();
    own_times.sort();
    Stored { scrapes, own_times }
}
