//! Fills the history of `vigie serve` with invented runs: `fill_history FOLDER PROBES DAYS`. The probes are named
//! `bot-0`, `bot-1`, and so on, and run once a minute until now.
//!
//! Prints one line of JSON: runs, incidents, seconds.

#![expect(clippy::print_stdout, reason = "the output of the program")]

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::{Outcome, OwnFault, ProbeName, Reason};
use fastrand::Rng;
use history::{History, IncidentKind, NewIncident, RunRecord};
use jiff::Timestamp;
use serde_json::json;

const MINUTES_A_DAY: i64 = 1_440;

/// How an invented outage looks.
const FAILURES: [(Reason, &str); 6] = [
    (Reason::FirstChunkTimeout, "turn 1: no text within 30 s"),
    (Reason::CheckFailed, "turn 2: expected contains \"Ada\""),
    (Reason::Connect, "connection refused"),
    (Reason::HttpStatus, "status 502 instead of 200"),
    (Reason::QueueFull, "the queue of the app is full"),
    (Reason::AppError, "the app reported an error: CUDA out of memory"),
];

/// How a probe behaves. Half of all are always up, so that their state reaches back over all days.
struct Behaviour {
    /// Of 256 days, those with an outage.
    outages: u8,
    /// Of 65,536 runs, those that are degraded.
    degraded: u16,
    /// Whether the bot has HTTPS.
    tls: bool,
    /// Whether Sundays have an hour of maintenance.
    maintenance: bool,
}

impl Behaviour {
    fn of(probe: u64) -> Self {
        let (outages, degraded) = match probe % 10 {
            0..=4 => (0, 0),
            5..=7 => (13, 30),
            8 => (26, 300),
            _ => (90, 3_000),
        };
        let (tls, maintenance) = (!probe.is_multiple_of(5), probe.is_multiple_of(20));
        Self { outages, degraded, tls, maintenance }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, probes, days] = &arguments[..] else {
        panic!("usage: fill_history FOLDER PROBES DAYS");
    };
    let probes: u64 = probes.parse().expect("PROBES is a number");
    let days: i64 = days.parse().expect("DAYS is a number");
    let environment = "local".parse().expect("a valid name");
    let mut history = History::open(Path::new(folder), &environment).expect("the folder is usable");
    let now = Timestamp::now();
    let began = Instant::now();
    let (mut runs, mut incidents) = (0, 0);
    // Day by day, as the runs arrive, so that the rows of probes are interleaved in the file.
    for day in (0..=days).rev() {
        for probe in 0..probes {
            let day = Day { number: now.as_second().div_euclid(86_400) - day, now, days };
            let (new_runs, new_incidents) = day.fill(&mut history, probe);
            runs += new_runs;
            incidents += new_incidents;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{}", json!({ "runs": runs, "incidents": incidents, "seconds": seconds }));
}

/// A day since 1970, of `days` days until now.
struct Day {
    number: i64,
    now: Timestamp,
    days: i64,
}

impl Day {
    /// The numbers of new runs and incidents.
    fn fill(&self, history: &mut History, probe: u64) -> (usize, usize) {
        let name: ProbeName = format!("bot-{probe}").parse().expect("a valid name");
        let behaviour = Behaviour::of(probe);
        let day = u64::try_from(self.number).unwrap_or(0);
        let mut random = Rng::with_seed(probe.wrapping_mul(0x9e37_79b9).wrapping_add(day));
        let outage = (random.u8(..) < behaviour.outages).then(|| {
            let start = random.i64(0..MINUTES_A_DAY - 120);
            start..start + random.i64(4..120)
        });
        let failure = FAILURES[random.usize(..FAILURES.len())];
        let first = self.now.as_second() - self.days * 86_400;
        let is_wanted = |run: &RunRecord| first < run.due.as_second() && run.due <= self.now;
        let runs: Vec<RunRecord> = (0..MINUTES_A_DAY)
            .map(|minute| {
                let is_down = outage.as_ref().is_some_and(|outage| outage.contains(&minute));
                let down = is_down.then_some(failure.0);
                let run = run(&mut random, self.due(minute), minute, down, &behaviour);
                let is_sunday = self.number % 7 == 3;
                let in_window = behaviour.maintenance && is_sunday && (120..180).contains(&minute);
                RunRecord { in_maintenance: in_window, ..run }
            })
            .filter(is_wanted)
            .collect();
        history.record_runs(&name, &runs).expect("the runs are stored");
        let outage = outage.filter(|outage| {
            first < self.due(outage.start).as_second() && self.due(outage.start + 3) < self.now
        });
        let incidents = usize::from(outage.is_some());
        if let Some(outage) = outage {
            self.store(history, &name, &outage, failure);
        }
        (runs.len(), incidents)
    }

    fn due(&self, minute: i64) -> Timestamp {
        Timestamp::from_second(self.number * 86_400 + minute * 60 + 30).unwrap_or(self.now)
    }

    fn store(
        &self,
        history: &mut History,
        probe: &ProbeName,
        outage: &Range<i64>,
        (reason, detail): (Reason, &str),
    ) {
        let incident = NewIncident {
            probe: probe.clone(),
            kind: IncidentKind::Down,
            began: self.due(outage.start),
            opened: self.due(outage.start + 2),
            reason: Some(reason),
            detail: detail.to_owned(),
            turn: Some(1),
            expected: None,
            found: None,
            report_due: None,
        };
        history.open_incident(&incident).expect("the incident is stored");
        let ended = self.due(outage.end).min(self.now);
        let closed = history.close_incident(probe, IncidentKind::Down, ended);
        closed.expect("the incident is closed");
    }
}

fn run(
    random: &mut Rng,
    due: Timestamp,
    minute: i64,
    down: Option<Reason>,
    behaviour: &Behaviour,
) -> RunRecord {
    let ms = |time: u64| Some(Duration::from_millis(time));
    // Slower in the afternoon.
    let load = u64::try_from((minute - 360).clamp(0, 600)).unwrap_or(0);
    let first_chunk = 500 + load / 2 + random.u64(0..400);
    let reply = first_chunk + 1_500 + random.u64(0..2_500);
    let is_slow = random.u16(..) < behaviour.degraded;
    // Three runs a month have a fault of Vigie.
    let is_fault = random.u16(..) < 5;
    let outcome = match (down, is_slow) {
        (Some(reason), _) => Outcome::Down { reason },
        (None, _) if is_fault => Outcome::RunError { fault: OwnFault::Stalled },
        (None, true) => Outcome::Degraded,
        (None, false) => Outcome::Up,
    };
    let has_reply = matches!(outcome, Outcome::Up | Outcome::Degraded);
    let slower = if is_slow { 3_000 } else { 0 };
    let is_connected = outcome != Outcome::Down { reason: Reason::Connect };
    RunRecord {
        due,
        outcome,
        duration: Duration::from_millis(if has_reply { reply + slower + 300 } else { 30_000 }),
        retries: u64::from(down.is_some()),
        first_chunk: ms(first_chunk + slower).filter(|_| has_reply),
        reply: ms(reply + slower).filter(|_| has_reply),
        queue: ms(random.u64(5..60 + load)).filter(|_| has_reply),
        dns: ms(random.u64(1..6)),
        connect: ms(random.u64(8..20)).filter(|_| is_connected),
        tls: ms(random.u64(20..40)).filter(|_| is_connected && behaviour.tls),
        describe: ms(random.u64(90..200)).filter(|_| is_connected),
        has_report: false,
        in_maintenance: false,
    }
}
