//! Fuzzes each target of `fuzz/` for `MINUTES` (10 by default) and fails when one of them breaks.
//!
//! The corpus grows in `target/fuzz-corpus`, which starts from the seeds in `fuzz/corpus` and is minimised
//! after each run. The sanitizer needs flags of a nightly compiler; `RUSTC_BOOTSTRAP` allows them in the
//! pinned one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;

use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::run;
use harness::python::CARGO_TOOLS;

/// The result of one target.
struct Fuzzed {
    target: String,
    executions: u64,
    /// Inputs of the corpus, before and after.
    inputs: (usize, usize),
    /// The input that broke it.
    broken: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let progress = Progress::default();
    run::until_done_or_interrupted(&progress, Box::pin(fuzz_all(run::root(), &progress))).await
}

/// Fuzzes all targets, one after the other.
async fn fuzz_all(root: &Path, progress: &Progress) -> anyhow::Result<()> {
    let minutes = match std::env::var("MINUTES") {
        Ok(text) => text
            .parse()
            .with_context(|| format!("`MINUTES` is `{text}`; expected a number, such as `10`"))?,
        Err(_) => 10,
    };
    let time = Duration::from_secs(60 * minutes);
    let state = root.join("target/fuzz");
    let (processes, _) = Processes::open(&state.join("processes"), &state.join("logs"))?;
    let processes = &processes;
    let install = async {
        let installed = CARGO_TOOLS.install(root, processes).await?;
        Ok::<_, anyhow::Error>((installed, "cargo-fuzz"))
    };
    progress.step("install the fuzzer", install).await?;
    let build = async {
        processes.run("fuzz-build", &mut cargo_fuzz(root, &["build"])).await?;
        Ok::<_, anyhow::Error>(((), "with the address sanitizer"))
    };
    progress.step("build the fuzzers", build).await?;
    let mut all = Vec::new();
    for target in targets(root)? {
        let fuzz = async {
            let fuzzed = fuzz(root, processes, &target, time).await?;
            let shown = format!("{} executions", fuzzed.executions);
            Ok::<_, anyhow::Error>((fuzzed, shown))
        };
        all.push(progress.step(&format!("fuzz {target}"), fuzz).await?);
    }
    progress.block("Fuzzed", &table(&all, time));
    let broken: Vec<String> = all
        .iter()
        .filter_map(|one| {
            Some(format!("`{}` broke on `{}`", one.target, one.broken.as_ref()?.display()))
        })
        .collect();
    if !broken.is_empty() {
        bail!("{}", broken.join("\n"));
    }
    Ok(())
}

async fn fuzz(
    root: &Path,
    processes: &Processes,
    target: &str,
    time: Duration,
) -> anyhow::Result<Fuzzed> {
    let log = format!("fuzz-{target}");
    let corpus = seeded_corpus(root, target)?;
    let before = inputs(&corpus)?;
    let folder = corpus.to_str().context("the path of the corpus is not UTF-8")?;
    let limit = format!("-max_total_time={}", time.as_secs());
    let run = ["run", target, folder, "--", &limit, "-print_final_stats=1", "-rss_limit_mb=4096"];
    let result = processes.run(&log, &mut cargo_fuzz(root, &run)).await;
    let output = fs::read_to_string(processes.log(&log))?;
    let broken = result.is_err().then(|| artifact(&output)).flatten();
    if broken.is_none() {
        result?;
        let minimise = ["cmin", target, folder];
        processes.run(&format!("{log}-cmin"), &mut cargo_fuzz(root, &minimise)).await?;
    }
    let executions =
        executions(&output).context("the fuzzer did not report the number of its runs")?;
    Ok(Fuzzed { target: target.to_owned(), executions, inputs: (before, inputs(&corpus)?), broken })
}

fn cargo_fuzz(root: &Path, arguments: &[&str]) -> Command {
    let tools = CARGO_TOOLS.folder(root).join("bin");
    let mut command = Command::new(tools.join("cargo-fuzz"));
    command.arg("fuzz").args(arguments).current_dir(root.join("fuzz")).env("RUSTC_BOOTSTRAP", "1");
    command
}

/// The names of the programs in `fuzz/Cargo.toml`.
fn targets(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The grown corpus of a target, with all seeds of git in it.
fn seeded_corpus(root: &Path, target: &str) -> anyhow::Result<PathBuf> {
    let corpus = root.join("target/fuzz-corpus").join(target);
    fs::create_dir_all(&corpus)?;
    for seed in fs::read_dir(root.join("fuzz/corpus").join(target))? {
        let seed = seed?;
        fs::copy(seed.path(), corpus.join(seed.file_name()))?;
    }
    Ok(corpus)
}

fn inputs(corpus: &Path) -> anyhow::Result<usize> {
    Ok(fs::read_dir(corpus).with_context(|| corpus.display().to_string())?.count())
}

/// From `stat::number_of_executed_units: 12345` at the end, else from the last `#12345 NEW …`.
fn executions(output: &str) -> Option<u64> {
    let total = output
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok());
    total.or_else(|| {
        output
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix('#')?.split_whitespace().next()?.parse().ok())
    })
}

/// The file with the input that broke the target.
fn artifact(output: &str) -> Option<PathBuf> {
    let line = output.lines().find(|line| line.contains("Test unit written to "))?;
    Some(PathBuf::from(line.rsplit_once("written to ")?.1.trim()))
}

fn table(all: &[Fuzzed], time: Duration) -> String {
    let mut rows = vec![
        format!("| target, {} s each | executions | corpus before | after |", time.as_secs()),
        "| --- | ---: | ---: | ---: |".to_owned(),
    ];
    rows.extend(all.iter().map(|one| {
        let Fuzzed { target, executions, inputs: (before, after), .. } = one;
        format!("| {target} | {executions} | {before} | {after} |")
    }));
    rows.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_read_from_the_last_line_that_has_them() {
        let whole = "#2\tINITED\n#900\tNEW\nDone 1000 runs\nstat::number_of_executed_units: 1000\n";
        assert_eq!(executions(whole), Some(1000));
        let broken = "#2\tINITED\n#900\tNEW cov: 7\n==1== ERROR: libFuzzer: deadly signal\n\
                      artifact_prefix='/x/'; Test unit written to /x/crash-1\n";
        assert_eq!(executions(broken), Some(900));
        assert_eq!(artifact(broken), Some(PathBuf::from("/x/crash-1")));
        assert_eq!((executions(""), artifact(whole)), (None, None));
    }
}
