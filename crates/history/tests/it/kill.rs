//! A writer that is killed at any moment leaves a consistent file with everything that it had committed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use domain::Outcome;
use history::{History, Reader, RunSource as _, Summary};
use testkit::reports::eventful;

use crate::{at, periods, run};

const FOLDER: &str = "VIGIE_TEST_HISTORY";

/// The process that fills a file of version 1 until it is killed. Without the variable it does nothing.
#[test]
fn filling_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut history = History::open(folder.as_ref(), &"local".parse().unwrap()).unwrap();
    while history.fill().unwrap() {
        println!("filled");
    }
    println!("complete");
}

#[test]
fn killed_fill_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let (runs, expected) = periods::file_of_version_1(&folder);
    let mut steps = 0;
    for round in 0.. {
        let mut process = child("kill::filling_process", &folder);
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let lines = lines.filter(|line| line.contains("filled") || line.contains("complete"));
        let done: Vec<String> = lines.take(1 + fastrand::usize(0..9)).collect();
        process.kill().unwrap();
        process.wait().unwrap();
        steps += done.len();
        let history = History::open(folder.path(), &"local".parse().unwrap()).unwrap();
        periods::check(&history, &runs, round);
        if done.iter().any(|line| line.contains("complete")) {
            assert_eq!(periods::rows(&history), expected);
            break;
        }
    }
    assert!(10 < steps, "{steps}");
}

fn child(test: &str, folder: &tempfile::TempDir) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

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
        let mut writer = child("kill::writer_process", &folder);
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
        periods::check(&history, &stored, round);
        committed = seconds;
    }
}
