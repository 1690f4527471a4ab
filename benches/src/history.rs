//! Section `history`: `vigie serve` with 1,000 probes and 90 days at one run a minute: the size of its history, its
//! memory, the time of each kind of page while the probes run, and the time of `vigie backtest`.
//!
//! `PROBES=50` makes a smaller history. The limits are those of docs/status-page.md.

mod pages;
mod serve;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::process::Command;

use self::pages::Page;
use self::serve::{Chat, Serve};
use crate::table::{Bench, Table, median};

/// As people install the command; the tables quote it.
const PROFILE: &str = "dist";
const PROBES: usize = 1_000;
const DAYS: u32 = 90;
/// Minutes of 70 days.
const BACKTEST_RUNS: f64 = 100_800.0;
const GIGABYTE: f64 = 1e9;

const LARGEST_GIGABYTES: f64 = 4.0;
const SLOWEST_PAGE_MS: f64 = 100.0;
const SLOWEST_BACKTEST_SECONDS: f64 = 10.0;

/// The output of `fill_history`.
#[derive(Debug, Deserialize)]
struct Filled {
    runs: u64,
    incidents: u64,
    seconds: f64,
}

/// What was measured once.
struct Totals {
    filled: Filled,
    gigabytes: f64,
    start_seconds: f64,
    peak_mib: f64,
    backtest_seconds: Option<f64>,
}

pub(crate) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    let probes = match std::env::var("PROBES") {
        Ok(text) => {
            text.parse().with_context(|| format!("`PROBES` is `{text}`; expected a number"))?
        }
        Err(_) => PROBES,
    };
    bench.progress.step("build the command and the programs", build(bench)).await?;
    let folder = bench.root.join("target/bench/history");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let title = format!("fill a history with {probes} probes and {DAYS} days");
    let filled = bench.progress.step(&title, fill(bench, &folder, probes)).await?;
    let file = folder.join("local.db");

    let chat = Chat::start(&bench.program(PROFILE, "chat_server"), &folder).await?;
    serve::write_probes(&folder.join("probes"), probes, &chat.url)?;
    let started = bench.progress.step("start `vigie serve`", Serve::start(bench, &folder)).await?;
    let (serve, start_seconds) = started;
    let measured = async {
        let pages = pages::measure(&serve, probes, bench.runs).await?;
        let shown = format!("{} kinds", pages.len());
        anyhow::Ok((pages, shown))
    };
    let pages = bench.progress.step("request every kind of page", measured).await?;
    let peak_mib = serve.peak_mib()?;
    serve.stop().await?;
    // Read before the file, so that its log is merged into it.
    let floor = bench.progress.step("read the same rows", floor(bench, &file)).await?;
    let backtest = bench.progress.step("backtest", backtest(bench, &folder)).await?;
    #[expect(clippy::cast_precision_loss, reason = "a size far below 2^53")]
    let gigabytes = fs::metadata(&file)?.len() as f64 / GIGABYTE;
    let totals = Totals { filled, gigabytes, start_seconds, peak_mib, backtest_seconds: backtest };
    fs::remove_dir_all(&folder)?;

    let tables = vec![totals_table(probes, &totals), pages_table(probes, &pages, &floor)];
    let over = over_the_limit(&totals, &pages);
    if !over.is_empty() {
        let shown: String = tables.iter().map(Table::markdown).collect();
        bench.progress.block("Measured", &shown);
    }
    ensure!(over.is_empty(), "{}", over.join("\n"));
    Ok(tables)
}

async fn build(bench: &Bench<'_>) -> anyhow::Result<((), &'static str)> {
    let programs = ["vigie", "fill_history", "read_history", "chat_server"];
    let mut arguments = vec!["--package", "cli", "--package", "bench-programs"];
    arguments.extend(programs.iter().flat_map(|program| ["--bin", program]));
    bench.cargo(PROFILE, &arguments).await?;
    Ok(((), "crates/cli, benches/programs"))
}

async fn fill(bench: &Bench<'_>, folder: &Path, probes: usize) -> anyhow::Result<(Filled, String)> {
    let mut command = Command::new(bench.program(PROFILE, "fill_history"));
    command.arg(folder).args([probes.to_string(), DAYS.to_string()]);
    let filled: Filled = serde_json::from_str(&output(bench, "fill-history", command).await?)?;
    let shown = format!("{} runs", grouped(filled.runs));
    Ok((filled, shown))
}

/// The standard output of a program.
async fn output(bench: &Bench<'_>, name: &str, mut command: Command) -> anyhow::Result<String> {
    bench.processes.run(name, &mut command).await?;
    Ok(fs::read_to_string(bench.processes.log(name))?)
}

/// Milliseconds of raw reads of the rows of each page, by its name.
async fn floor(bench: &Bench<'_>, file: &Path) -> anyhow::Result<(Floor, &'static str)> {
    let mut command = Command::new(bench.program(PROFILE, "read_history"));
    command.arg(file).arg(pages::REQUESTS.to_string());
    let times = serde_json::from_str(&output(bench, "read-history", command).await?)?;
    Ok((times, "done"))
}

type Floor = std::collections::BTreeMap<String, Vec<f64>>;

/// Seconds of `vigie backtest` with one rule.
async fn backtest(bench: &Bench<'_>, folder: &Path) -> anyhow::Result<(Option<f64>, String)> {
    let mut seconds = Vec::new();
    for _ in 0..bench.runs {
        let mut command = Command::new(bench.program(PROFILE, "vigie"));
        command.args(["backtest", "bot-9", "--rule", "3 of 5", "--since", "70d", "--data"]);
        command.arg(folder);
        let began = Instant::now();
        let text = output(bench, "backtest", command).await?;
        seconds.push(began.elapsed().as_secs_f64());
        let row = text.lines().last().unwrap_or_default();
        let runs: f64 = row.split_whitespace().nth(4).context("no runs")?.parse()?;
        // Runs of maintenance windows, and the minutes since the probes were stopped, are missing.
        ensure!((BACKTEST_RUNS * 0.99..=BACKTEST_RUNS).contains(&runs), "unexpected: `{row}`");
    }
    let middle = median(seconds);
    Ok((middle, format!("{:.2} s", middle.unwrap_or_default())))
}

fn over_the_limit(totals: &Totals, pages: &[Page]) -> Vec<String> {
    let mut over = Vec::new();
    if LARGEST_GIGABYTES < totals.gigabytes {
        over.push(format!(
            "the file has {:.2} GB; expected at most {LARGEST_GIGABYTES}",
            totals.gigabytes
        ));
    }
    let backtest = totals.backtest_seconds.unwrap_or_default();
    if SLOWEST_BACKTEST_SECONDS < backtest {
        over.push(format!("backtest took {backtest:.1} s; expected at most 10 s"));
    }
    for page in pages.iter().filter(|page| SLOWEST_PAGE_MS < page.p95()) {
        let (path, p95) = (&page.path, page.p95());
        over.push(format!("`{path}` took {p95:.0} ms at p95; expected at most 100 ms"));
    }
    over
}

/// Such as `129,600,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn totals_table(probes: usize, totals: &Totals) -> Table {
    let Totals { filled, gigabytes, start_seconds, peak_mib, backtest_seconds } = totals;
    #[expect(clippy::cast_precision_loss, reason = "figures for a table, far below 2^53")]
    let bytes = gigabytes * GIGABYTE / filled.runs as f64;
    let row = [
        grouped(filled.runs),
        grouped(filled.incidents),
        format!("{gigabytes:.2}"),
        format!("{bytes:.1}"),
        format!("{:.0}", filled.seconds),
        format!("{start_seconds:.1}"),
        format!("{peak_mib:.0}"),
        format!("{:.2}", backtest_seconds.unwrap_or_default()),
    ];
    let header = [
        "runs",
        "incidents",
        "file, GB",
        "bytes a run",
        "fill, s",
        "start → listening, s",
        "peak memory, MiB",
        "backtest of 100,800 runs, s",
    ];
    let notes = vec![
        format!(
            "`target/{PROFILE}/fill_history FOLDER {probes} {DAYS}` invents the runs; `target/{PROFILE}/vigie serve` \
             then runs the {probes} probes once a minute with a scripted chat on the same machine, while pages are \
             requested. Limits: {LARGEST_GIGABYTES} GB, 10 s for the backtest."
        ),
        format!("`target/{PROFILE}/vigie backtest bot-9 --rule \"3 of 5\" --since 70d`"),
    ];
    Table {
        title: format!("`vigie serve` with {probes} probes and {DAYS} days"),
        notes,
        header: header.map(str::to_owned).to_vec(),
        rows: vec![row.to_vec()],
    }
}

fn pages_table(probes: usize, pages: &[Page], floor: &Floor) -> Table {
    let row = |page: &Page| {
        let floor = page.floor.and_then(|name| median(floor.get(name)?.clone()));
        vec![
            format!("`{}`", page.path),
            format!("{:.1}", median(page.milliseconds.clone()).unwrap_or_default()),
            format!("{:.1}", page.p95()),
            floor.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}")),
            format!("{:.0}", page.kib),
        ]
    };
    let header = ["path", "median, ms", "p95, ms", "raw read of the same rows, median, ms", "KiB"];
    let notes = vec![
        format!(
            "{} requests for each path, one after another over one connection, each for another probe or incident, \
             from the request to the last byte. The limit is 100 ms at p95. `/-/healthy` reads nothing: it is the \
             time of HTTP and of the client.",
            pages::REQUESTS
        ),
        format!(
            "Raw read: `target/{PROFILE}/read_history` selects the same rows with SQLite and decodes nothing."
        ),
    ];
    Table {
        title: format!("Pages of `vigie serve` with {probes} probes and {DAYS} days"),
        notes,
        header: header.map(str::to_owned).to_vec(),
        rows: pages.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (129_600_000, "129,600,000")];
        for (number, expected) in cases {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn slow_page_and_large_file_are_over_the_limit() {
        let of = |gigabytes, backtest_seconds, milliseconds| {
            let filled = Filled { runs: 1, incidents: 0, seconds: 1.0 };
            let (start_seconds, peak_mib) = (1.0, 1.0);
            let backtest_seconds = Some(backtest_seconds);
            let totals = Totals { filled, gigabytes, start_seconds, peak_mib, backtest_seconds };
            let (path, floor, kib) = ("/".to_owned(), None, 1.0);
            over_the_limit(&totals, &[Page { path, floor, milliseconds, kib }]).len()
        };
        let mostly_fast = |slow: usize| [vec![50.0; 100 - slow], vec![500.0; slow]].concat();
        let cases = [
            (of(2.0, 1.0, mostly_fast(5)), 0),
            (of(4.1, 1.0, mostly_fast(0)), 1),
            (of(2.0, 11.0, mostly_fast(0)), 1),
            (of(2.0, 1.0, mostly_fast(6)), 1),
        ];
        for (over, expected) in cases {
            assert_eq!(over, expected);
        }
    }
}
