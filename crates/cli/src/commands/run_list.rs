//! `vigie report --list`: the runs of a probe that were not up, from the run history of a deployed environment.

use std::time::Duration;

use domain::report::RunId;
use domain::{EnvironmentName, Outcome, ProbeName, Report, Verdict};
use jiff::Timestamp;
use run_record::{LocatedRun, Summary};
use run_table::RunTable;

use crate::{Exit, Io};

pub(crate) async fn list(
    probe: &ProbeName,
    environment: &EnvironmentName,
    since: Duration,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let client = aws_sdk_dynamodb::Client::new(&aws_config::load_from_env().await);
    let table = RunTable::new(client, format!("vigie-{environment}"));
    let now = Timestamp::now();
    let since = now.checked_sub(since).unwrap_or(Timestamp::UNIX_EPOCH);
    let runs = table.runs(probe, since, now).await?;
    for run in runs.iter().filter(|run| run.record.outcome != Outcome::Up) {
        writeln!(io.out, "{}", line(run, probe, environment))?;
    }
    writeln!(io.err, "{}", totals(&runs))?;
    Ok(Exit::Success)
}

/// Due time, outcome, reason, first chunk, and the key of the report.
fn line(run: &LocatedRun, probe: &ProbeName, environment: &EnvironmentName) -> String {
    let LocatedRun { location, record } = run;
    let reason = match record.outcome {
        Outcome::Down { reason } => reason.as_str(),
        Outcome::RunError { fault } => fault.as_str(),
        Outcome::Up | Outcome::Degraded => "",
    };
    let first_chunk = record
        .first_chunk
        .map_or_else(|| "-".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()));
    let id = RunId::at(environment, probe, record.due, location.as_ref());
    let key = format!("{}-{id}", Report::key_at(probe, record.due));
    format!(
        "{}  {:<9} {:<20} {:>8}  {key}",
        record.due.strftime("%Y-%m-%d %H:%M:%SZ"),
        record.outcome.as_str(),
        reason,
        first_chunk,
    )
}

fn totals(runs: &[LocatedRun]) -> String {
    let all = Summary::of(runs.iter().map(|run| &run.record));
    if runs.is_empty() {
        return "no runs\nhint: the parameter `RunHistory` of the stack turns the history on"
            .to_owned();
    }
    format!(
        "{} runs: {} up, {} degraded, {} down, {} without a verdict, {} in maintenance windows",
        runs.len(),
        all.counts.verdict(Verdict::Up),
        all.counts.verdict(Verdict::Degraded),
        all.counts.verdict(Verdict::Down),
        all.counts.run_errors(),
        all.counts.maintenance(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Reason;
    use run_record::RunRecord;

    #[test]
    fn line_has_the_key_of_the_report() {
        let mut report = testkit::reports::eventful();
        report.outcome = Outcome::Down { reason: Reason::CheckFailed };
        report.run = RunId::of(&report.environment, &report.probe, report.due);
        let run = LocatedRun { location: None, record: RunRecord::of(&report) };
        let line = line(&run, &report.probe, &report.environment);
        assert!(line.ends_with(&report.key()), "{line}");
        assert!(line.contains("down      check_failed"), "{line}");
        let said = totals(&[run]);
        assert!(said.starts_with("1 runs: 0 up, 0 degraded, 1 down"), "{said}");
        assert!(totals(&[]).contains("`RunHistory`"));
    }
}
