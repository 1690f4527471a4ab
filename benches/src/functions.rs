//! Section `functions`: CPU and memory of the release binaries under a local runtime API, with all calls
//! over TLS.
//!
//! The servers (AWS, the chatbot) answer at once, so that the times are those of Vigie.

mod programs;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Deserialize;
use testkit::gradio_app::{Answer, GradioApp, Received};
use tokio::process::Command;

use crate::lambda::{Answered, Lambda, Program};
use crate::quota::{MEMORY_OF_A_VCPU, Quota};
use crate::scripted_aws;
use crate::table::{Bench, Table, median};
use crate::tls::Authority;
use programs::{BATCH, World};

/// Each with the most MiB that its archive may have.
pub(crate) const FUNCTIONS: [(&str, f64); 5] =
    [("dispatcher", 5.0), ("prober", 7.0), ("bridge", 5.0), ("ingest", 5.0), ("alerts", 5.0)];

/// Events in sequence, to measure the memory after many events.
const EVENTS: usize = 100;

/// Sizes of a Lambda that the prober is tried at, in MB.
const SIZES: [u32; 3] = [512, 256, 128];

/// The dispatcher's plan is to be made within this, for [`PROBES`].
const PLAN_MS: f64 = 1_000.0;
const PLAN_MIB: f64 = 128.0;
const PROBES: usize = 100_000;

/// Builds missing programs, and measures all functions.
pub(crate) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    bench.functions().await?;

    let folder = bench.root.join("target/bench");
    let authority = Authority::new(&folder)?;
    let aws = authority.before(scripted_aws::start().await?).await?;
    let app = GradioApp::start(remembering()).await;
    let behind = app.url.trim_start_matches("http://").parse()?;
    let world = World {
        root: bench.root,
        aws: format!("https://{aws}"),
        bot: format!("https://{}", authority.before(behind).await?),
        trusted: &authority.trusted,
    };
    Ok(vec![start_up(bench, &world).await?, by_size(bench, &world).await?, planning(bench).await?])
}

/// A bot that remembers the name of the user in its session, and answers with prose.
fn remembering() -> impl Fn(&Received) -> Answer + Send + Sync + 'static {
    let names: Mutex<HashMap<String, String>> = Mutex::default();
    move |received| {
        let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
        let said = received.message.trim_end_matches('.').rsplit(' ').next().unwrap_or_default();
        let name = match received.turn {
            0 => said.to_owned(),
            _ => names.remove(&received.session).unwrap_or_default(),
        };
        let reply = "I never have any trouble to remember what people tell me about themselves. ";
        let chunks = vec![reply.to_owned(), format!("Your name is {name}.")];
        names.insert(received.session.clone(), name);
        Answer::Chunks(chunks)
    }
}

/// Archive, start and memory of each function.
async fn start_up(bench: &Bench<'_>, world: &World<'_>) -> anyhow::Result<Table> {
    let mut rows = Vec::new();
    for (name, most) in FUNCTIONS {
        let program = world.program(name);
        let measured = async {
            let archive = archive_mib(&program.binary)?;
            let mut starts = Vec::new();
            for _ in 1..bench.runs {
                let lambda = Lambda::start(&program, None, bench.processes).await?;
                starts.push((lambda.start_up, lambda.at_start.cpu));
            }
            let mut lambda = Lambda::start(&program, None, bench.processes).await?;
            starts.push((lambda.start_up, lambda.at_start.cpu));
            let mut events = Vec::new();
            for _ in 0..EVENTS {
                events.push(invoke(&mut lambda, world, name).await?);
            }
            let warm = || events.iter().skip(1);
            Ok::<_, anyhow::Error>((
                vec![
                    name.to_owned(),
                    within(archive, most, 1),
                    milliseconds(starts.iter().map(|(wall, _)| *wall)),
                    milliseconds(starts.iter().map(|(_, cpu)| *cpu)),
                    milliseconds(events.iter().take(1).map(|event| event.took)),
                    milliseconds(warm().map(|event| event.took)),
                    milliseconds(warm().map(|event| event.cpu)),
                    format!("{:.0}", lambda.used()?.peak_mib),
                ],
                format!("{} starts, {EVENTS} events", starts.len()),
            ))
        };
        rows.push(bench.progress.step(&format!("run the {name}"), measured).await?);
    }
    Ok(Table {
        title: "Functions: archive, start, memory".to_owned(),
        notes: vec![
            "`make bench ONLY=functions`. Start: from exec to the first call of the runtime API. The \
             first event pays for its connections and the certificates of the system; the others are \
             medians. CPU is the scheduler's. Memory: the highest resident set after 100 events, of the \
             prober's ten conversations each."
                .to_owned(),
        ],
        header: header(&[
            "function",
            "zip MiB",
            "start ms",
            "its CPU ms",
            "first event ms",
            "further ms",
            "their CPU ms",
            "peak MiB",
        ]),
        rows,
    })
}

/// The prober's start and its batch of ten, as it would be on Lambdas of several sizes.
async fn by_size(bench: &Bench<'_>, world: &World<'_>) -> anyhow::Result<Table> {
    let mut rows = Vec::new();
    let mut skipped = None;
    for size in std::iter::once(None).chain(SIZES.map(Some)) {
        let quota = match size.map(Quota::of_memory).transpose() {
            Ok(quota) => quota,
            Err(error) => {
                let why = format!("NOT MEASURED: no quota of CPU can be set here: {error:#}");
                bench.progress.block("Skipped", &why);
                skipped = Some(why);
                break;
            }
        };
        let what = size.map_or("a whole CPU".to_owned(), |size| format!("{size} MB"));
        let measured = async {
            let mut batches = Batches::default();
            for _ in 0..bench.runs {
                batches.measure(world, quota.as_ref(), bench).await?;
            }
            Ok::<_, anyhow::Error>((
                batches.row(&what, size),
                format!("{} batches", bench.runs * 2),
            ))
        };
        rows.push(bench.progress.step(&format!("a batch of ten on {what}"), measured).await?);
    }
    let note = format!(
        "`make bench ONLY=functions`. Ten conversations of two turns in one event, with a bot that answers \
         at once. `run` is the measured duration of a run, and `stalled` the part of it that the prober \
         reports as CPU starvation. A control group limits the CPU as Lambda does for the memory size (one \
         vCPU per {MEMORY_OF_A_VCPU:.0} MB); the CPU of this machine differs from Lambda's."
    );
    Ok(Table {
        title: "Prober: a batch of ten conversations by size of the Lambda".to_owned(),
        notes: std::iter::once(note).chain(skipped).collect(),
        header: header(&[
            "memory",
            "vCPU",
            "start ms",
            "first batch ms",
            "next batch ms",
            "its CPU ms",
            "run ms, first batch",
            "stalled ms",
            "run ms, next batch",
            "stalled ms",
        ]),
        rows,
    })
}

/// Measurements of the prober by batch, for medians.
#[derive(Default)]
struct Batches {
    starts: Vec<Duration>,
    first: Vec<Answered>,
    next: Vec<Answered>,
    first_runs: Vec<Run>,
    next_runs: Vec<Run>,
}

impl Batches {
    async fn measure(
        &mut self,
        world: &World<'_>,
        quota: Option<&Quota>,
        bench: &Bench<'_>,
    ) -> anyhow::Result<()> {
        let program: Program = world.program("prober");
        let mut lambda = Lambda::start(&program, quota, bench.processes).await?;
        self.starts.push(lambda.start_up);
        self.first.push(invoke(&mut lambda, world, "prober").await?);
        self.next.push(invoke(&mut lambda, world, "prober").await?);
        let mut runs = runs(lambda.log())?;
        ensure!(runs.len() == 2 * BATCH, "{} of {} runs", runs.len(), 2 * BATCH);
        self.next_runs.extend(runs.split_off(BATCH));
        self.first_runs.extend(runs);
        Ok(())
    }

    fn row(&self, what: &str, size: Option<u32>) -> Vec<String> {
        let took = |answers: &[Answered]| milliseconds(answers.iter().map(|one| one.took));
        let run = |runs: &[Run]| {
            [
                milliseconds(runs.iter().map(|run| seconds(run.duration_seconds))),
                milliseconds(runs.iter().map(|run| seconds(run.stalled_seconds))),
            ]
        };
        let share = size.map_or(1.0, |size| f64::from(size) / MEMORY_OF_A_VCPU);
        let mut row = vec![
            what.to_owned(),
            format!("{share:.2}"),
            milliseconds(self.starts.iter().copied()),
            took(&self.first),
            took(&self.next),
            milliseconds(self.next.iter().map(|one| one.cpu)),
        ];
        row.extend(run(&self.first_runs));
        row.extend(run(&self.next_runs));
        row
    }
}

/// A line of the prober's log about one run.
#[derive(Debug, Deserialize)]
struct Run {
    message: String,
    verdict: String,
    duration_seconds: f64,
    stalled_seconds: f64,
}

/// The runs in the log, in order. Fails unless each is up.
fn runs(log: &Path) -> anyhow::Result<Vec<Run>> {
    let text = std::fs::read_to_string(log)?;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Run>(line).ok());
    let runs: Vec<Run> = lines.filter(|run| run.message == "Run finished").collect();
    let bad = runs.iter().find(|run| run.verdict != "up");
    ensure!(bad.is_none(), "a run was not up: {bad:?}, see {}", log.display());
    Ok(runs)
}

/// Invokes the function with one event; an error response fails.
async fn invoke(lambda: &mut Lambda, world: &World<'_>, name: &str) -> anyhow::Result<Answered> {
    let answered = lambda.invoke(world.event(name)?).await?;
    let answer: serde_json::Value = serde_json::from_str(&answered.body)?;
    let handed_back = answer["batchItemFailures"].as_array().is_some_and(|list| !list.is_empty());
    let refused = answer["statusCode"].as_u64().is_some_and(|status| status != 200);
    ensure!(!handed_back && !refused, "`{name}` answered {answer}, see {}", lambda.log().display());
    Ok(answered)
}

/// The planning of `domain` alone, by `plan` of benches/programs.
async fn planning(bench: &Bench<'_>) -> anyhow::Result<Table> {
    #[derive(Deserialize)]
    struct Plan {
        seconds: f64,
        probes_mib: f64,
        peak_mib: f64,
        orders: usize,
    }
    let measured = async {
        bench.cargo("release", &["--package", "bench-programs", "--bin", "plan"]).await?;
        let mut rows = Vec::new();
        for (what, argument, bounded) in
            [("runs", "runs", true), ("runs and scrapes", "scrapes", false)]
        {
            let value = |value: f64, most: f64| {
                if bounded { within(value, most, 0) } else { format!("{value:.0}") }
            };
            let mut plans: Vec<Plan> = Vec::new();
            for _ in 0..bench.runs {
                let mut plan = Command::new(bench.program("release", "plan"));
                let output = plan.arg(PROBES.to_string()).arg(argument).output().await?;
                let error = String::from_utf8_lossy(&output.stderr).into_owned();
                ensure!(output.status.success(), "`plan` ended with {}: {error}", output.status);
                plans.push(serde_json::from_slice(&output.stdout)?);
            }
            let seconds = median(plans.iter().map(|plan| plan.seconds).collect());
            let peak = median(plans.iter().map(|plan| plan.peak_mib).collect());
            let (seconds, peak) = (seconds.context("no runs")?, peak.context("no runs")?);
            let first = plans.first().context("no runs")?;
            rows.push(vec![
                what.to_owned(),
                first.orders.to_string(),
                value(seconds * 1e3, PLAN_MS),
                format!("{:.0}", first.probes_mib),
                value(peak, PLAN_MIB),
            ]);
        }
        Ok::<_, anyhow::Error>((rows, format!("{PROBES} probes")))
    };
    let rows = bench.progress.step("plan a minute", measured).await?;
    Ok(Table {
        title: format!("Dispatcher: planning a minute of {PROBES} probes"),
        notes: vec![format!(
            "`cargo run --release -p bench-programs --bin plan -- {PROBES} runs` (or `scrapes`). Every probe \
             once a minute, scrapes every 15 s. The first row is to take at most {PLAN_MS} ms and {PLAN_MIB} \
             MiB, the probes themselves included."
        )],
        header: header(&["plan", "orders", "ms", "probes MiB", "peak MiB"]),
        rows,
    })
}

/// The size of an archive with only this file, as `sam deploy` packs it.
pub(crate) fn archive_mib(binary: &Path) -> anyhow::Result<f64> {
    struct Counted(u64);
    impl Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += u64::try_from(bytes.len()).unwrap_or_default();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut file = File::open(binary).with_context(|| binary.display().to_string())?;
    let mut deflate = DeflateEncoder::new(Counted(0), Compression::default());
    io::copy(&mut file, &mut deflate)?;
    let bytes = deflate.finish()?.0;
    #[expect(clippy::cast_precision_loss, reason = "a few million")]
    Ok(bytes as f64 / f64::from(1 << 20))
}

/// A value with its limit; a value over the limit is marked.
fn within(value: f64, most: f64, decimals: usize) -> String {
    let over = if value <= most { "" } else { " **over**" };
    format!("{value:.decimals$} of {most:.0}{over}")
}

/// The median, in milliseconds as a person reads them.
fn milliseconds(times: impl Iterator<Item = Duration>) -> String {
    let median = median(times.map(|time| time.as_secs_f64() * 1e3).collect());
    median.map_or("–".to_owned(), |time| {
        if time < 10.0 { format!("{time:.1}") } else { format!("{time:.0}") }
    })
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
