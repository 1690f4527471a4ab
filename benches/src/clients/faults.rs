//! How long after its limit each fault of the matrix of `crates/gradio` ends, measured by its tests.

use std::fs;

use anyhow::ensure;
use serde::Deserialize;
use tokio::process::Command;

use super::written;
use crate::table::{Bench, Table};

/// The tests, as a person runs them.
const COMMAND: [&str; 8] =
    ["test", "--quiet", "--locked", "--package", "gradio", "--test", "it", "faults"];
const VARIABLE: &str = "GRADIO_FAULT_TIMES";

/// One line of the tests' file.
#[derive(Debug, Deserialize, PartialEq)]
struct MeasuredFault {
    name: String,
    took_ms: f64,
    /// The shortest limit that applies; absent where none was set.
    limit_ms: Option<f64>,
}

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Table> {
    let work = async {
        let path = bench.root.join("target/bench/fault-times.jsonl");
        fs::write(&path, "")?;
        let mut cargo = Command::new("cargo");
        cargo.args(COMMAND).env(VARIABLE, &path).current_dir(bench.root);
        bench.processes.run("faults", &mut cargo).await?;
        let lines = fs::read_to_string(&path)?;
        let faults: Vec<MeasuredFault> =
            lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        ensure!(faults.len() >= 50, "only {} faults were run", faults.len());
        let shown = format!("{} faults, each as it should be", faults.len());
        Ok::<_, anyhow::Error>((faults, shown))
    };
    let faults = bench.progress.step("the fault matrix", work).await?;
    let (limited, seen): (Vec<_>, Vec<_>) =
        faults.iter().partition(|fault| fault.limit_that_ended_it().is_some());
    let header = ["faults", "how many", "past the limit, ms p50", "most", "which"];
    let notes = vec![
        "A fault that only a limit ends is measured from that limit, which is 300 ms in most cases. A \
         fault that is detected without a limit is measured from the start of the conversation. Debug \
         build; five tests run at a time, with their servers in the same process."
            .to_owned(),
        format!("`{VARIABLE}=FILE cargo {}`", COMMAND.join(" ")),
    ];
    Ok(Table {
        title: "Faults and their limits".to_owned(),
        notes,
        header: header.map(str::to_owned).to_vec(),
        rows: vec![row("ended by a limit", limited), row("seen at once", seen)],
    })
}

fn row(name: &str, mut faults: Vec<&MeasuredFault>) -> Vec<String> {
    faults.sort_by(|one, two| one.past().total_cmp(&two.past()));
    let (middle, last) = (faults.get(faults.len() / 2), faults.last());
    vec![
        name.to_owned(),
        faults.len().to_string(),
        written(middle.map(|fault| fault.past()), 0),
        written(last.map(|fault| fault.past()), 0),
        last.map_or_else(String::new, |fault| fault.name.clone()),
    ]
}

impl MeasuredFault {
    fn limit_that_ended_it(&self) -> Option<f64> {
        self.limit_ms.filter(|&limit| limit <= self.took_ms)
    }

    /// Milliseconds from the limit on, or from the beginning where it came to none.
    fn past(&self) -> f64 {
        self.took_ms - self.limit_that_ended_it().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_counts_from_the_limit_that_ended_it() {
        let past = |line: &str| serde_json::from_str::<MeasuredFault>(line).unwrap().past();
        let limited = r#"{"name":"silence","took_ms":302.5,"limit_ms":300}"#;
        assert!((past(limited) - 2.5).abs() < 1e-9);
        for limit in ["null", "300"] {
            let seen = format!(r#"{{"name":"no such name","took_ms":4.0,"limit_ms":{limit}}}"#);
            assert!((past(&seen) - 4.0).abs() < 1e-9, "{limit}");
        }
    }
}
