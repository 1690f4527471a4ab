//! A writer that is killed at any moment leaves a consistent file with everything that it had committed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use domain::Outcome;
use history::{History, Reader, RunSource as _, Summary};
use testkit::reports::eventful;

use crate::{at, run};

const FOLDER: &str = "VIGIE_TEST_HISTORY";

/// The process that is killed. Without the variable, which only the test below sets, it does nothing.
#[test]
fn writer_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut history = History::open(folder.as_ref(), &"local".parse().unwrap()).unwrap();
    let bot = "bot".parse().unwrap();
    let reader = Reader::open(history.path()).unwrap();
    let first = reader
        .last_runs(&bot, 1)
        .unwrap()
        .first()
        .map_or(0, |run| run.due.as_second() - at(0).as_second() + 60);
    for minute in 0.. {
        let second = first + minute * 60;
        history.record_runs(&bot, &[run(second, Outcome::Up)]).unwrap();
        let report = domain::Report { due: at(second), ..eventful() };
        history.record(&[crate::reported(&report)]).unwrap();
        println!("committed {second}");
    }
}

#[test]
fn killed_writer_loses_no_committed_run() {
    let folder = tempfile::tempdir().unwrap();
    let bot = "bot".parse().unwrap();
    let mut committed = Vec::new();
    for round in 0..8 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::writer_process", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let wanted = committed.len() + 20 + fastrand::usize(0..80);
        while committed.len() < wanted {
            let line = lines.next().expect("the writer ended").unwrap();
            // The first line also has the name of the test.
            if let Some((_, second)) = line.split_once("committed ") {
                committed.push(second.parse::<i64>().unwrap());
            }
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        // What the writer had printed before it was killed is committed too.
        let rest = lines.map_while(Result::ok);
        let rest = rest.filter_map(|line| line.strip_prefix("committed ")?.parse::<i64>().ok());
        committed.extend(rest);

        let history = History::open(folder.path(), &"local".parse().unwrap()).unwrap();
        let reader = Reader::open(history.path()).unwrap();
        let stored = reader.runs(&bot, at(0), at(10_000_000)).unwrap();
        let seconds = stored.iter().map(|run| run.due.as_second() - at(0).as_second());
        let seconds: Vec<i64> = seconds.collect();
        assert_eq!(seconds[..committed.len()], committed, "round {round}");
        assert!(seconds.len() <= committed.len() + 1, "round {round}");
        let mut days = Summary::default();
        for (_, day) in reader.days(&bot, at(0), at(10_000_000)).unwrap() {
            days.merge(&day);
        }
        assert_eq!(days, Summary::of(&stored), "round {round}");
        committed = seconds;
    }
}
