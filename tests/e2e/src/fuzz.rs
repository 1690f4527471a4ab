//! Fuzzing: each target of `fuzz/` for a while, its corpus kept and made small again.
//!
//! The sanitizer needs flags that only a nightly compiler takes, or the pinned one when it is told that
//! it is bootstrapping; that way the machine needs no second toolchain.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::process::Processes;
use crate::progress::Progress;
use crate::python::CARGO_TOOLS;

/// What came of one target.
struct Fuzzed {
    target: String,
    executions: u64,
    /// Inputs of the corpus, before and after.
    inputs: (usize, usize),
    /// Where the input lies that broke it.
    broken: Option<PathBuf>,
}

/// Fuzzes every target, one after the other, for `time` each; fails when one of them breaks.
pub async fn play(
    root: &Path,
    processes: &Processes,
    progress: &Progress,
    time: Duration,
) -> anyhow::Result<()> {
    let install = async { Ok((CARGO_TOOLS.install(root, processes).await?, "cargo-fuzz")) };
    progress.step("install the fuzzer", install).await?;
    let build = async {
        processes.run("fuzz-build", &mut cargo_fuzz(root, &["build"])).await?;
        Ok(((), "with the address sanitizer"))
    };
    progress.step("build the fuzzers", build).await?;
    let mut all = Vec::new();
    for target in targets(root)? {
        let fuzz = async {
            let fuzzed = fuzz(root, processes, &target, time).await?;
            let shown = format!("{} executions", fuzzed.executions);
            Ok((fuzzed, shown))
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
    let before = inputs(root, target)?;
    let limit = format!("-max_total_time={}", time.as_secs());
    let run = ["run", target, "--", &limit, "-print_final_stats=1", "-rss_limit_mb=4096"];
    let result = processes.run(&log, &mut cargo_fuzz(root, &run)).await;
    let said = fs::read_to_string(processes.log(&log))?;
    let broken = result.is_err().then(|| artifact(&said)).flatten();
    if broken.is_none() {
        result?;
        // What covers nothing more than others do is let go of again.
        processes.run(&format!("{log}-cmin"), &mut cargo_fuzz(root, &["cmin", target])).await?;
    }
    let executions = executions(&said).context("the fuzzer did not say how often it ran")?;
    Ok(Fuzzed {
        target: target.to_owned(),
        executions,
        inputs: (before, inputs(root, target)?),
        broken,
    })
}

fn cargo_fuzz(root: &Path, arguments: &[&str]) -> Command {
    let tools = CARGO_TOOLS.folder(root).join("bin");
    let mut command = Command::new(tools.join("cargo-fuzz"));
    command.arg("fuzz").args(arguments).current_dir(root.join("fuzz")).env("RUSTC_BOOTSTRAP", "1");
    command
}

/// The names of the programs in `fuzz/Cargo.toml`, each with a corpus of its own.
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

fn inputs(root: &Path, target: &str) -> anyhow::Result<usize> {
    let folder = root.join("fuzz/corpus").join(target);
    Ok(fs::read_dir(&folder).with_context(|| folder.display().to_string())?.count())
}

/// `stat::number_of_executed_units: 12345`, said at the end; up to there `#12345 NEW …`.
fn executions(said: &str) -> Option<u64> {
    let total = said
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok());
    total.or_else(|| {
        said.lines()
            .rev()
            .find_map(|line| line.strip_prefix('#')?.split_whitespace().next()?.parse().ok())
    })
}

/// The file that libFuzzer leaves of an input that broke the target.
fn artifact(said: &str) -> Option<PathBuf> {
    let line = said.lines().find(|line| line.contains("Test unit written to "))?;
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
    fn executions_are_read_from_the_end_also_of_a_run_that_broke() {
        let whole = "#2\tINITED\n#900\tNEW\nDone 1000 runs\nstat::number_of_executed_units: 1000\n";
        assert_eq!(executions(whole), Some(1000));
        let broken = "#2\tINITED\n#900\tNEW cov: 7\n==1== ERROR: libFuzzer: deadly signal\n\
                      artifact_prefix='/x/'; Test unit written to /x/crash-1\n";
        assert_eq!(executions(broken), Some(900));
        assert_eq!(artifact(broken), Some(PathBuf::from("/x/crash-1")));
        assert_eq!((executions(""), artifact(whole)), (None, None));
    }
}
