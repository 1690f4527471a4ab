//! Fills the history of `vigie serve` with invented runs: `fill_history FOLDER PROBES DAYS`. The probes are named
//! `bot-0`, `bot-1`, and so on, and run once a minute until now.

#![expect(clippy::print_stdout, reason = "the output of the program")]

use std::path::Path;
use std::time::{Duration, Instant};

use domain::{Outcome, ProbeName, Reason};
use fastrand::Rng;
use history::{History, IncidentKind, NewIncident, RunRecord};
use jiff::Timestamp;

const MINUTES_A_DAY: i64 = 1_440;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, probes, days] = &arguments[..] else {
        panic!("usage: fill_history FOLDER PROBES DAYS");
    };
    let probes: u64 = probes.parse().expect("PROBES is a number");
    let days: i64 = days.parse().expect("DAYS is a number");
    let environment = "local".parse().expect("a valid name");
    let mut history = History::open(Path::new(folder), &environment).expect("the folder is usable");
    let today = Timestamp::now().as_second().div_euclid(86_400);
    let began = Instant::now();
    // Day by day, as the runs arrive, so that the rows of probes are interleaved in the file.
    for day in (0..days).rev() {
        for probe in 0..probes {
            fill_day(&mut history, probe, today - day);
        }
    }
    let runs = probes * u64::try_from(days * MINUTES_A_DAY).unwrap_or(0);
    let bytes = std::fs::metadata(history.path()).map_or(0, |file| file.len());
    println!("{runs} runs, {bytes} bytes, {:.1} s", began.elapsed().as_secs_f64());
}

fn fill_day(history: &mut History, probe: u64, day: i64) {
    let name: ProbeName = format!("bot-{probe}").parse().expect("a valid name");
    let seed = probe.wrapping_mul(0x9e37_79b9).wrapping_add(u64::try_from(day).unwrap_or(0));
    let mut random = Rng::with_seed(seed);
    // A twentieth of the days has an outage.
    let outage = (random.u8(..) < 13).then(|| {
        let start = random.i64(0..MINUTES_A_DAY - 120);
        start..start + random.i64(4..120)
    });
    let now = Timestamp::now();
    let due = |minute: i64| Timestamp::from_second(day * 86_400 + minute * 60 + 30).unwrap_or(now);
    let runs: Vec<RunRecord> = (0..MINUTES_A_DAY)
        .map(|minute| {
            let is_down = outage.as_ref().is_some_and(|outage| outage.contains(&minute));
            run(&mut random, due(minute), minute, is_down)
        })
        .filter(|run| run.due <= now)
        .collect();
    history.record_runs(&name, &runs).expect("the runs are stored");
    if let Some(outage) = outage.filter(|outage| due(outage.start) < now) {
        let incident = NewIncident {
            probe: name.clone(),
            kind: IncidentKind::Down,
            began: due(outage.start),
            opened: due(outage.start + 2),
            reason: Some(Reason::FirstChunkTimeout),
            detail: "turn 1: no text within 30 s".to_owned(),
            turn: Some(1),
            expected: None,
            found: None,
            report_due: None,
        };
        history.open_incident(&incident).expect("the incident is stored");
        if due(outage.end) < now {
            let closed = history.close_incident(&name, IncidentKind::Down, due(outage.end));
            closed.expect("the incident is closed");
        }
    }
}

fn run(random: &mut Rng, due: Timestamp, minute: i64, is_down: bool) -> RunRecord {
    let ms = |time: u64| Some(Duration::from_millis(time));
    // Slower in the afternoon.
    let load = u64::try_from((minute - 360).clamp(0, 600)).unwrap_or(0);
    let first_chunk = 500 + load / 2 + random.u64(0..400);
    let reply = first_chunk + 1_500 + random.u64(0..2_500);
    let slow = random.u16(..) < 300;
    let outcome = match (is_down, slow) {
        (true, _) => Outcome::Down { reason: Reason::FirstChunkTimeout },
        (false, true) => Outcome::Degraded,
        (false, false) => Outcome::Up,
    };
    RunRecord {
        due,
        outcome,
        duration: Duration::from_millis(if is_down { 30_000 } else { reply + 300 }),
        retries: u64::from(is_down),
        first_chunk: ms(first_chunk + if slow { 3_000 } else { 0 }).filter(|_| !is_down),
        reply: ms(reply + if slow { 3_000 } else { 0 }).filter(|_| !is_down),
        queue: ms(random.u64(5..60 + load)),
        dns: ms(random.u64(1..6)),
        connect: ms(random.u64(8..20)),
        tls: ms(random.u64(20..40)),
        describe: ms(random.u64(90..200)),
        has_report: false,
        in_maintenance: false,
    }
}
