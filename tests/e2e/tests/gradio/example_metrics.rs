//! Runs examples/gradio-metrics with Gradio 4.44, 5 and 6: its own tests, then conversations whose metrics
//! Prometheus and `vigie bridge` scrape; both must store the same values.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures_util::future::try_join_all;
use tokio::process::Command;

use deploy::process::{Processes, Running};
use deploy::run;
use harness::command;
use harness::net::{free_port, wait_until_it_answers};
use harness::prometheus::{self, Prometheus};

use crate::apps::processes;
use harness::python::{Environment, gradio};

const VERSIONS: [Environment; 3] = [gradio!("4.44.1"), gradio!("5.50.0"), gradio!("6.31.0")];
/// The job of the series from the bridge.
const BRIDGED: &str = "bridged";
/// Prometheus scrapes every 15 s; the rest is reserve for a slow machine.
const TIMEOUT: Duration = Duration::from_secs(120);

struct Example {
    version: &'static str,
    address: String,
    _app: Running,
}

/// Tests the example app with all versions.
pub(super) async fn run() -> anyhow::Result<()> {
    let (root, processes) = (run::root(), processes()?);
    prometheus::install(processes).await?;
    for environment in VERSIONS {
        environment.install(root, processes).await?;
        run_its_tests(root, environment, processes).await?;
    }
    let examples = try_join_all(VERSIONS.map(|version| start(root, version, processes))).await?;
    let addresses: Vec<&str> = examples.iter().map(|example| example.address.as_str()).collect();
    let state = root.join("target/example-metrics");
    let prometheus = Prometheus::watching(&state, &addresses, processes).await?;
    let vigie = command::build(root, processes).await?;
    let _bridge = bridge(&vigie, &addresses, &prometheus, processes)?;
    for example in &examples {
        talk(root, &vigie, example).await.with_context(|| example.version.to_owned())?;
    }
    let deadline = Instant::now() + TIMEOUT;
    for example in &examples {
        for job in ["gradio_chatbot", BRIDGED] {
            compare(&prometheus, example, job, deadline).await?;
        }
    }
    Ok(())
}

/// The settings that a chatbot keeps after the change from `launch()`.
async fn run_its_tests(
    root: &Path,
    environment: Environment,
    processes: &Processes,
) -> anyhow::Result<()> {
    let mut python = Command::new(environment.program(root, "python"));
    python
        .args(["-W", "ignore", "-m", "unittest", "test_gradio_metrics"])
        .current_dir(root.join("examples/gradio-metrics"))
        .env("GRADIO_ANALYTICS_ENABLED", "False")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(processes.run(&format!("example-tests-{}", environment.name), &mut python).await?)
}

async fn start(
    root: &Path,
    environment: Environment,
    processes: &Processes,
) -> anyhow::Result<Example> {
    let port = free_port()?;
    let mut command = Command::new(environment.program(root, "python"));
    command
        .arg(root.join("examples/gradio-metrics/app.py"))
        .arg(port.to_string())
        .env("GRADIO_ANALYTICS_ENABLED", "False")
        .env("PYTHONUNBUFFERED", "1");
    let app = processes.start(&format!("example-{}", environment.name), &mut command)?;
    let address = format!("127.0.0.1:{port}");
    let metrics = format!("http://{address}/metrics");
    wait_until_it_answers(&metrics, &app, Duration::from_secs(120)).await?;
    Ok(Example { version: environment.name, address, _app: app })
}

fn bridge(
    vigie: &Path,
    addresses: &[&str],
    prometheus: &Prometheus,
    processes: &Processes,
) -> anyhow::Result<Running> {
    let mut vigie = Command::new(vigie);
    vigie.arg("bridge");
    vigie.args(addresses.iter().map(|address| format!("--scrape=http://{address}/metrics")));
    vigie.args(["--job", BRIDGED, "--interval", "1s", "--batch-deadline", "1s", "--remote-write"]);
    vigie.arg(prometheus.remote_write_url());
    Ok(processes.start("bridge", &mut vigie)?)
}

/// One turn that is answered, and one that fails.
async fn talk(root: &Path, vigie: &Path, example: &Example) -> anyhow::Result<()> {
    for (probe, expected) in [("answers", 0), ("fails", 1)] {
        let mut vigie = Command::new(vigie);
        vigie.arg("run").arg(root.join(format!("tests/e2e/probes/metrics/{probe}.yaml")));
        vigie.env("EXAMPLE_URL", format!("http://{}", example.address));
        let output = vigie.output().await.context("`vigie run` could not be started")?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        ensure!(
            output.status.code() == Some(expected),
            "`{probe}` ended with {}\n{said}",
            output.status
        );
    }
    Ok(())
}

/// Waits until the series of `job` include the conversation.
async fn compare(
    prometheus: &Prometheus,
    example: &Example,
    job: &str,
    deadline: Instant,
) -> anyhow::Result<()> {
    let of = format!(r#"job="{job}",instance="{}""#, example.address);
    for query in [
        format!(r"up{{{of}}} == 1"),
        format!(r#"chatbot_requests_total{{{of},outcome="ok"}} == 1"#),
        format!(r#"chatbot_requests_total{{{of},outcome="error"}} == 1"#),
        format!(r"chatbot_request_duration_seconds_count{{{of}}} == 2"),
        format!(r"chatbot_first_chunk_seconds_count{{{of}}} == 1"),
        format!(r"chatbot_requests_in_progress{{{of}}} == 0"),
        format!(r"chatbot_queue_size{{{of}}} == 0"),
    ] {
        while prometheus.query(&query).await?.is_empty() {
            if Instant::now() > deadline {
                let seen = prometheus.query(query.split(" == ").next().unwrap_or_default()).await?;
                bail!("{}: `{query}` does not hold; Prometheus has {seen:?}", example.version);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    Ok(())
}
