//! Which pages are due in a minute.

use std::time::Duration;

use domain::maintenance::is_maintenance;
use domain::report::stable_hash;
use domain::{Probe, Verdict};
use jiff::Timestamp;
use run_record::RunRecord;
use status_page::State;
use status_page::model::ProbeSummary;
use status_page::views::{is_fresh, last_judged};

/// Minutes between two updates of a page without a change of state.
const EVERY: u64 = 10;
/// Minutes between two updates of the pages of longer periods, and of most badges.
const PERIODS_EVERY: u64 = 60;
/// A page that missed its minute is updated after this time.
const OLDEST: Duration = Duration::from_secs(20 * 60);

/// What was written last of a probe.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) summary: ProbeSummary,
    pub(crate) last: Option<(Verdict, Timestamp)>,
    pub(crate) at: Timestamp,
}

/// Why and which pages of a probe are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Whether the state or an incident has changed.
    pub(crate) has_changed: bool,
    /// Whether the pages of longer periods are due too.
    pub(crate) periods: bool,
}

/// `recent`: the runs of the last minutes, oldest first. `None` when nothing is due.
pub(crate) fn due(
    probe: &Probe,
    recent: &[RunRecord],
    shown: Option<&Shown>,
    incident_changed: bool,
    now: Timestamp,
) -> Option<Due> {
    let Some(shown) = shown else { return Some(Due { has_changed: true, periods: true }) };
    let last = last_judged(recent.iter().rev()).or(shown.last);
    let fresh = last.filter(|(_, due)| is_fresh(probe, *due, now));
    let state = fresh.map_or(State::NoData, |(verdict, _)| verdict.into());
    let maintenance = is_maintenance(&probe.maintenance, now);
    let has_changed = state != shown.summary.state
        || maintenance != shown.summary.in_maintenance
        || incident_changed;
    let is_old = now.checked_sub(OLDEST).is_ok_and(|oldest| shown.at < oldest);
    let name = probe.name.as_str();
    let is_due = has_changed || is_old || is_slot(name, now);
    is_due.then(|| Due { has_changed, periods: is_slot_of(name, now, PERIODS_EVERY) })
}

/// Whether this minute is one of those in which the page `name` is updated.
pub(crate) fn is_slot(name: &str, now: Timestamp) -> bool {
    is_slot_of(name, now, EVERY)
}

fn is_slot_of(name: &str, now: Timestamp, every: u64) -> bool {
    let minute = u64::try_from(now.as_second() / 60).unwrap_or(0);
    (minute + stable_hash(name) % PERIODS_EVERY).is_multiple_of(every)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Outcome, Reason};
    use status_page::model::{Latency, Runs};

    fn now() -> Timestamp {
        // A minute without a slot of the probe.
        let start: Timestamp = "2026-11-30T10:00:30Z".parse().unwrap();
        let minutes = (0..60).map(|minute| start + Duration::from_secs(60 * minute));
        minutes.into_iter().find(|at| !is_slot("bot", *at)).unwrap()
    }

    fn probe() -> Probe {
        let text =
            "probe: bot\nevery: 1m\ntarget: { url: \"http://x\" }\nconversation: [ { say: hi } ]\n";
        let spec = probe_file::parse(text, "bot.yaml").unwrap();
        spec.resolve(&"prod".parse().unwrap(), &|_| None).unwrap()
    }

    fn shown(state: State, last: Option<(Verdict, Timestamp)>, at: Timestamp) -> Shown {
        let summary = ProbeSummary {
            name: "bot".parse().unwrap(),
            public: domain::Disclosure::default(),
            state,
            since: None,
            in_maintenance: false,
            last_24_hours: Runs::default(),
            last_7_days: Runs::default(),
            last_30_days: Runs::default(),
            last_90_days: Runs::default(),
            objective: None,
            days: Vec::new(),
            first_chunk: Latency::default(),
            first_chunk_hours: Vec::new(),
        };
        Shown { summary, last, at }
    }

    fn run(seconds_ago: u64, outcome: Outcome) -> RunRecord {
        let due = now() - Duration::from_secs(seconds_ago);
        RunRecord::new(due, outcome, Duration::from_secs(1))
    }

    #[test]
    fn page_is_due_when_the_state_changes_or_it_is_old() {
        const DOWN: Outcome = Outcome::Down { reason: Reason::Connect };
        const CHANGED: Option<bool> = Some(true);
        let ago = |seconds| now() - Duration::from_secs(seconds);
        let up = Some((Verdict::Up, ago(60)));
        let long_ago = Some((Verdict::Up, ago(600)));
        let cases = [
            ("same state", State::Up, up, vec![run(60, Outcome::Up)], false, 60, None),
            ("it fails", State::Up, up, vec![run(60, DOWN)], false, 60, CHANGED),
            (
                "newest run",
                State::Up,
                up,
                vec![run(120, DOWN), run(60, Outcome::Up)],
                false,
                60,
                None,
            ),
            ("no data", State::Up, long_ago, vec![], false, 60, CHANGED),
            ("still no data", State::NoData, long_ago, vec![], false, 60, None),
            ("longer interval", State::Up, up, vec![], false, 60, None),
            ("incident", State::Up, up, vec![], true, 60, CHANGED),
            ("old", State::Up, up, vec![], false, 1_500, Some(false)),
        ];
        for (name, state, last, recent, incident, age, expected) in cases {
            let shown = shown(state, last, ago(age));
            let due = due(&probe(), &recent, Some(&shown), incident, now());
            assert_eq!(due.map(|due| due.has_changed), expected, "{name}");
        }
        let first = due(&probe(), &[], None, false, now());
        assert_eq!(first, Some(Due { has_changed: true, periods: true }));
    }

    #[test]
    fn page_has_six_slots_in_an_hour() {
        let start: Timestamp = "2026-11-30T10:00:00Z".parse().unwrap();
        for name in ["bot", "support-bot", "/"] {
            let slots = |every| {
                let minutes = (0..60).map(|minute| start + Duration::from_secs(60 * minute));
                minutes.filter(|at| is_slot_of(name, *at, every)).count()
            };
            assert_eq!((slots(EVERY), slots(PERIODS_EVERY)), (6, 1), "{name}");
        }
    }
}
