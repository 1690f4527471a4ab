//! The status page of `vigie serve` in a real browser: axe finds nothing serious, light, dark and on a phone, in
//! English and French.
//!
//! The history has 90 invented days with outages. One bot answers, another one does not. The screenshots in
//! `target/status-page/` are for manual review.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use deploy::process::{Processes, Running};
use deploy::run;
use domain::{Outcome, ProbeName, Reason};
use harness::net::{free_port, wait_until_it_answers};
use harness::{command, packages};
use history::{History, IncidentKind, NewIncident, RunRecord};
use jiff::{SignedDuration, Timestamp};
use libtest_mimic::Completion;
use serde::Deserialize;
use testkit::gradio_app::{Answer, GradioApp};
use tokio::process::Command;

use super::skipped;

const HINT: &str =
    "hint: install Chromium so that `chromium` is on the PATH (Debian: apt-get install chromium)";
const TIMEOUT: Duration = Duration::from_secs(60);
const EVERY: SignedDuration = SignedDuration::from_mins(10);
const DAYS: i64 = 90;
/// Hours ago at which an invented outage began, its duration in runs, and its kind.
const OUTAGES: [(i64, usize, IncidentKind); 3] = [
    (30, 4, IncidentKind::Down),
    (200, 9, IncidentKind::Degraded),
    (1_100, 30, IncidentKind::Down),
];

/// What axe says about a page.
#[derive(Debug, Deserialize)]
struct Finding {
    page: String,
    look: String,
    rule: String,
    impact: Option<String>,
    nodes: Vec<String>,
}

pub(super) async fn check() -> anyhow::Result<Completion> {
    let root = run::root();
    let folder = root.join("target/status-page");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let (processes, _) = Processes::open(&folder.join("processes"), &folder.join("logs"))?;
    let chromium = match packages::install(&processes, "chromium", "chromium", HINT).await {
        Ok(path) => path,
        Err(error) => return skipped(&error),
    };
    let driver = root.join("tests/browser/driver");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&driver);
    processes.run("npm-ci", &mut npm).await.context("cannot install axe-core")?;

    let bots = [
        GradioApp::start(|_| Answer::text("Hello Ada, how can I help you?")).await,
        GradioApp::start(|_| Answer::text("<b>I do not know</b> who you are.")).await,
    ];
    let incident = prepare(&folder, &bots)?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let _serve = serve(&folder, &address, &processes).await?;
    let site = Site { address, http: reqwest::Client::builder().no_proxy().build()? };
    let runs = site.after_the_first_runs().await?;

    let paths = [
        ("overview", "/".to_owned()),
        ("probe", "/probes/support-bot".to_owned()),
        ("probe-90d", "/probes/sales-bot/90d".to_owned()),
        ("incidents", "/incidents".to_owned()),
        ("incident", format!("/incidents/{incident}")),
        ("incident-open", format!("/incidents/{}", incident + 1)),
        ("report", runs),
        ("overview-fr", "/".to_owned()),
        ("probe-fr", "/probes/sales-bot".to_owned()),
        ("incident-fr", format!("/incidents/{}", incident + 1)),
    ];
    let mut axe = Command::new("node");
    axe.arg("axe.mjs").arg(chromium).arg(&folder).current_dir(&driver).kill_on_drop(true);
    axe.args(paths.iter().map(|(name, path)| format!("{name}=http://{}{path}", site.address)));
    let output = axe.output().await.context("cannot start `node`")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "axe.mjs ended with {}: {said}", output.status);
    let findings: Vec<Finding> = serde_json::from_slice(&output.stdout)?;
    let mut serious = String::new();
    for Finding { page, look, rule, impact, nodes } in findings {
        let impact = impact.unwrap_or_default();
        let line = format!("{impact}: {rule} on {page}, {look}:\n  {}", nodes.join("\n  "));
        fs::write(folder.join(format!("{page}.{look}.{rule}.txt")), &line)?;
        if ["serious", "critical"].contains(&impact.as_str()) {
            writeln!(serious, "{line}")?;
        }
    }
    ensure!(serious.is_empty(), "{serious}");
    Ok(Completion::Completed)
}

/// Writes the probe files and the history; returns the number of a closed incident, which an open one follows.
fn prepare(folder: &Path, bots: &[GradioApp; 2]) -> anyhow::Result<i64> {
    let probes = folder.join("probes");
    fs::create_dir_all(&probes)?;
    let names = ["support-bot", "sales-bot"];
    for (name, bot) in names.iter().zip(bots) {
        let probe = format!(
            "probe: {name}\nevery: 10m\nobjective: 99.5\nretry: {{ attempts: 0 }}\nalarm: {{ down: 1 of 1 }}\n\
             target: {{ url: \"{}\" }}\n\
             conversation:\n  - say: My name is Ada.\n    expect: [ {{ contains: Ada }} ]\n",
            bot.url
        );
        fs::write(probes.join(format!("{name}.yaml")), probe)?;
    }
    let mut history = History::open(&folder.join("data"), &"local".parse()?)?;
    let now = Timestamp::now();
    let mut closed = 0;
    for name in names {
        let probe: ProbeName = name.parse()?;
        history.record_runs(&probe, &invented(now)?)?;
        for (hours, runs, kind) in OUTAGES {
            let began = now - SignedDuration::from_hours(hours);
            let id = history.open_incident(&outage(&probe, began, kind))?;
            history.close_incident(&probe, kind, began + EVERY * i32::try_from(runs)?)?;
            closed = id.0;
        }
    }
    let began = now - SignedDuration::from_mins(25);
    history.open_incident(&outage(&names[1].parse()?, began, IncidentKind::Down))?;
    Ok(closed)
}

fn outage(probe: &ProbeName, began: Timestamp, kind: IncidentKind) -> NewIncident {
    let is_down = kind == IncidentKind::Down;
    NewIncident {
        probe: probe.clone(),
        kind,
        began,
        opened: began + EVERY,
        reason: is_down.then_some(Reason::CheckFailed),
        detail: if is_down { "expected contains \"Ada\"".to_owned() } else { String::new() },
        turn: is_down.then_some(1),
        expected: is_down.then(|| "contains \"Ada\"".to_owned()),
        found: is_down.then(|| "<b>I do not know</b> who you are.".to_owned()),
        report_due: None,
    }
}

/// Runs of 90 days, with the outages.
fn invented(now: Timestamp) -> anyhow::Result<Vec<RunRecord>> {
    let first = now - SignedDuration::from_hours(24 * DAYS);
    let count = DAYS * 24 * 6;
    (0..count)
        .map(|number| {
            let due = first + EVERY * i32::try_from(number)?;
            let ago = now.duration_since(due).as_hours();
            let of_outage = OUTAGES.iter().find(|(hours, runs, _)| {
                let began = now - SignedDuration::from_hours(*hours);
                let runs = i32::try_from(*runs).unwrap_or(0);
                (began..began + EVERY * runs).contains(&due)
            });
            // Slower in the afternoon of each day, and on some days.
            let wave = u64::try_from((ago % 24 - 12).abs() * 60 + (ago / 24 % 7) * 40)?;
            Ok(run(due, of_outage.map(|(_, _, kind)| *kind), 600 + wave))
        })
        .collect()
}

fn run(due: Timestamp, outage: Option<IncidentKind>, first_chunk: u64) -> RunRecord {
    let ms = |time: u64| Some(Duration::from_millis(time));
    let first_chunk = first_chunk + if outage.is_some() { 3_000 } else { 0 };
    RunRecord {
        due,
        outcome: match outage {
            Some(IncidentKind::Down) => Outcome::Down { reason: Reason::CheckFailed },
            Some(IncidentKind::Degraded) => Outcome::Degraded,
            None => Outcome::Up,
        },
        duration: Duration::from_millis(first_chunk + 2_000),
        retries: 0,
        first_chunk: ms(first_chunk),
        reply: ms(first_chunk + 1_500),
        queue: ms(20 + first_chunk / 50),
        dns: ms(3),
        connect: ms(12),
        tls: ms(30),
        describe: ms(120),
        has_report: false,
        in_maintenance: false,
    }
}

async fn serve(folder: &Path, address: &str, processes: &Processes) -> anyhow::Result<Running> {
    let mut command = Command::new(command::build(run::root(), processes).await?);
    command
        .arg("serve")
        .arg(folder.join("probes"))
        .args(["--listen", address, "--data"])
        .arg(folder.join("data"))
        .env_remove("VIGIE_TOKEN");
    let serve = processes.start("serve", &mut command)?;
    wait_until_it_answers(&format!("http://{address}/-/ready"), &serve, TIMEOUT).await?;
    Ok(serve)
}

struct Site {
    address: String,
    http: reqwest::Client,
}

impl Site {
    async fn get(&self, path: &str) -> anyhow::Result<String> {
        let response = self.http.get(format!("http://{}{path}", self.address)).send().await?;
        Ok(response.error_for_status()?.text().await?)
    }

    /// Waits until both bots were asked; returns the path of a report.
    async fn after_the_first_runs(&self) -> anyhow::Result<String> {
        let asked = async {
            loop {
                let page = self.get("/probes/sales-bot").await?;
                let report = page.split("href=\"/probes/sales-bot/runs/").nth(1);
                if let Some(id) = report.and_then(|rest| rest.split('"').next()) {
                    return anyhow::Ok(format!("/probes/sales-bot/runs/{id}"));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(TIMEOUT, asked).await {
            Ok(path) => path,
            Err(_) => bail!("no run with a report within {TIMEOUT:?}"),
        }
    }
}
