//! Evaluates the alarms of the probes of `vigie serve` as CloudWatch does. Pure: "now" is an argument.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alarm_model::{Alarm, Comparison, MissingData, StateValue, Statistic, StatisticSet, Time};
use domain::{AlarmKind, MOfN, Outcome, Probe, ProbeName, Report, Verdict};
use jiff::Timestamp;

/// The alarm of CloudWatch for a rule. See `render::alarm`, which writes the same settings.
pub(crate) fn model(kind: AlarmKind, rule: MOfN, every: Duration) -> Alarm {
    let (m, n) = (count(rule.m()), count(rule.n()));
    let (comparison, missing_data) = match kind {
        AlarmKind::Down => (Comparison::LessThan, MissingData::Missing),
        AlarmKind::Degraded => (Comparison::GreaterThanOrEqualTo, MissingData::Ignore),
    };
    let alarm = Alarm::m_of_n(m, n, every, comparison, 1.0);
    Alarm { statistic: Statistic::Maximum, missing_data, ..alarm }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The value of a run in the metric of an alarm; `None` for a run without a verdict.
pub(crate) fn value(kind: AlarmKind, outcome: Outcome) -> Option<f64> {
    let is_one = match kind {
        AlarmKind::Down => outcome.verdict()? != Verdict::Down,
        AlarmKind::Degraded => outcome.verdict()? == Verdict::Degraded,
    };
    Some(if is_one { 1.0 } else { 0.0 })
}

/// A change of an alarm's state.
#[derive(Clone, Debug)]
pub(crate) struct Transition {
    pub(crate) probe: ProbeName,
    pub(crate) kind: AlarmKind,
    pub(crate) from: StateValue,
    pub(crate) to: StateValue,
    pub(crate) at: Timestamp,
    /// A sentence with the wording of CloudWatch.
    pub(crate) reason: String,
    /// The first run that the alarm counted, or, when it ends, the first that it did not.
    pub(crate) first_run: Option<Timestamp>,
    /// The newest report that the alarm counted.
    pub(crate) report: Option<Arc<Report>>,
}

/// The alarms of all probes.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    alarms: BTreeMap<(ProbeName, AlarmKind), AlarmState>,
}

/// One alarm.
#[derive(Debug)]
pub(crate) struct AlarmState {
    model: Alarm,
    /// In the order of their due times.
    values: VecDeque<StatisticSet>,
    state: StateValue,
    /// The last evaluation, in Unix seconds.
    evaluated: i64,
    report: Option<Arc<Report>>,
}

pub(crate) const KINDS: [AlarmKind; 2] = [AlarmKind::Down, AlarmKind::Degraded];

impl Alarms {
    /// Uses the rules of these probes from now on. `restored` gives the state and the last runs of a new alarm.
    ///
    /// A new alarm is first evaluated after one interval, so that the time before the start does not count as missing
    /// data.
    pub(crate) fn configure<'a>(
        &mut self,
        probes: impl Iterator<Item = &'a Probe> + Clone,
        now: Timestamp,
        mut restored: impl FnMut(&ProbeName, AlarmKind) -> (StateValue, Vec<(Timestamp, Outcome)>),
    ) {
        let names: Vec<&ProbeName> = probes.clone().map(|probe| &probe.name).collect();
        self.alarms.retain(|(name, _), _| names.contains(&name));
        for probe in probes {
            for kind in KINDS {
                let rule = match kind {
                    AlarmKind::Down => probe.alarm.down,
                    AlarmKind::Degraded => probe.alarm.degraded,
                };
                let model = model(kind, rule, probe.every);
                let key = (probe.name.clone(), kind);
                let alarm = self.alarms.entry(key).or_insert_with(|| {
                    let (state, runs) = restored(&probe.name, kind);
                    let every = i64::try_from(probe.every.as_secs()).unwrap_or(i64::MAX);
                    let evaluated = now.as_second().saturating_add(every);
                    let mut alarm = AlarmState {
                        model,
                        values: VecDeque::new(),
                        state,
                        evaluated,
                        report: None,
                    };
                    for (due, outcome) in runs {
                        alarm.add(kind, due, outcome);
                    }
                    alarm
                });
                alarm.model = model;
            }
        }
    }

    /// Evaluates each alarm next after one interval: the time in which the machine was suspended is not missing data.
    pub(crate) fn resume(&mut self, now: Timestamp) {
        for alarm in self.alarms.values_mut() {
            let period = i64::try_from(alarm.model.period.as_secs()).unwrap_or(i64::MAX);
            alarm.evaluated = alarm.evaluated.max(now.as_second().saturating_add(period));
        }
    }

    /// Adds a run to the alarms of its probe.
    pub(crate) fn observe(&mut self, report: &Arc<Report>) {
        for kind in KINDS {
            let Some(alarm) = self.alarms.get_mut(&(report.probe.clone(), kind)) else { continue };
            alarm.add(kind, report.due, report.outcome);
            let value = value(kind, report.outcome);
            if value.is_some_and(|value| alarm.model.comparison.breaches(value, 1.0)) {
                alarm.report = Some(Arc::clone(report));
            }
        }
    }

    /// Evaluates every alarm up to now and returns the changes.
    pub(crate) fn evaluate(&mut self, now: Timestamp) -> Vec<Transition> {
        let mut changes = Vec::new();
        for ((probe, kind), alarm) in &mut self.alarms {
            while let Some(at) = alarm.next_evaluation(now.as_second()) {
                alarm.evaluated = at;
                changes.extend(alarm.evaluate(probe, *kind, at));
            }
        }
        changes
    }
}

impl AlarmState {
    /// A new alarm that is evaluated from `after` on, in Unix seconds.
    pub(crate) fn new(kind: AlarmKind, rule: MOfN, every: Duration, after: i64) -> Self {
        Self {
            model: model(kind, rule, every),
            values: VecDeque::new(),
            state: StateValue::InsufficientData,
            evaluated: after,
            report: None,
        }
    }

    /// The next evaluation up to `end`. None is skipped.
    pub(crate) fn following_evaluation(&mut self, end: i64) -> Option<i64> {
        let next = (self.evaluated.div_euclid(self.step_seconds()) + 1) * self.step_seconds();
        if end < next {
            return None;
        }
        self.evaluated = next;
        Some(next)
    }

    /// Evaluates; the new state if it changed.
    pub(crate) fn step(&mut self, at: i64) -> Option<StateValue> {
        let visible = self.values.make_contiguous();
        let state = self.model.evaluate(Time::from_unix_seconds(at), visible, self.state).state;
        (std::mem::replace(&mut self.state, state) != state).then_some(state)
    }

    fn step_seconds(&self) -> i64 {
        i64::try_from(self.model.evaluated_every().as_secs()).unwrap_or(60).max(1)
    }

    pub(crate) fn add(&mut self, kind: AlarmKind, due: Timestamp, outcome: Outcome) {
        let Some(value) = value(kind, outcome) else { return };
        let set = StatisticSet::of(Time::from_unix_seconds(due.as_second()), value);
        let at = self.values.partition_point(|other| other.at <= set.at);
        self.values.insert(at, set);
        // Each period has at most a few values.
        let most = 4 * (self.model.evaluation_range + 1);
        while self.values.len() > most {
            self.values.pop_front();
        }
    }

    /// The time of the next evaluation; `None` if it is later than `now`. Evaluations that were missed for a long
    /// time, such as while a laptop sleeps, are skipped.
    fn next_evaluation(&self, now: i64) -> Option<i64> {
        let step = self.step_seconds();
        let range = i64::try_from(self.model.evaluation_range).unwrap_or(i64::MAX);
        let period = i64::try_from(self.model.period.as_secs()).unwrap_or(i64::MAX);
        let oldest = now.saturating_sub(range.saturating_mul(period));
        let next = (self.evaluated.max(oldest).div_euclid(step) + 1) * step;
        (next <= now).then_some(next)
    }

    fn evaluate(&mut self, probe: &ProbeName, kind: AlarmKind, at: i64) -> Option<Transition> {
        let visible = self.values.make_contiguous();
        let evaluation = self.model.evaluate(Time::from_unix_seconds(at), visible, self.state);
        if evaluation.state == self.state {
            return None;
        }
        let from = std::mem::replace(&mut self.state, evaluation.state);
        let breaches = |set: &&StatisticSet| self.model.comparison.breaches(set.maximum, 1.0);
        let first_run = if self.state == StateValue::Alarm {
            let start = evaluation.datapoints.iter().rev().find(|point| point.breaching);
            start.and_then(|point| {
                self.values.iter().filter(breaches).find(|set| point.at <= set.at)
            })
        } else {
            let good = self.values.iter().rev().take_while(|set| !breaches(set));
            good.last()
        };
        let first_run = first_run.map(|set| set.at.unix_seconds());
        Some(Transition {
            probe: probe.clone(),
            kind,
            from,
            to: self.state,
            at: Timestamp::from_second(at).unwrap_or_default(),
            reason: evaluation.reason,
            first_run: first_run.and_then(|second| Timestamp::from_second(second).ok()),
            report: self.report.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Reason;
    use testkit::reports::{attempt, report, turn};

    const START: i64 = 1_795_564_800;
    const DOWN: Outcome = Outcome::Down { reason: Reason::Connect };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(START + second).unwrap()
    }

    fn probe() -> Probe {
        let text = "probe: bot\nevery: 1m\ntarget: { url: \"http://x\" }\nconversation: [ { say: hi } ]\n\
                    alarm: { down: 2 of 3, degraded: 2 of 2 }\n";
        let spec = probe_file::parse(text, "bot.yaml").unwrap();
        spec.resolve(&"local".parse().unwrap(), &|_| None).unwrap()
    }

    fn run(second: i64, outcome: Outcome) -> Arc<Report> {
        let base = report(vec![attempt(vec![turn(0, "a", "b")])]);
        Arc::new(Report { probe: "bot".parse().unwrap(), due: at(second), outcome, ..base })
    }

    /// The changes of the alarm `down`: second, new state, second of the first run.
    fn changes(
        alarms: &mut Alarms,
        runs: &[(i64, Outcome)],
        until: i64,
    ) -> Vec<(i64, StateValue, Option<i64>)> {
        let mut changes = Vec::new();
        let mut runs = runs.iter().peekable();
        for second in (0..=until).step_by(10) {
            while let Some((due, outcome)) = runs.next_if(|(due, _)| *due <= second) {
                alarms.observe(&run(*due, *outcome));
            }
            for change in alarms.evaluate(at(second)) {
                if change.kind == AlarmKind::Down {
                    let since = |at: Timestamp| at.as_second() - START;
                    changes.push((since(change.at), change.to, change.first_run.map(since)));
                }
            }
        }
        changes
    }

    fn unknown(_: &ProbeName, _: AlarmKind) -> (StateValue, Vec<(Timestamp, Outcome)>) {
        (StateValue::InsufficientData, Vec::new())
    }

    #[test]
    fn two_failed_runs_of_three_are_an_alarm() {
        let mut alarms = Alarms::default();
        alarms.configure([probe()].iter(), at(0), unknown);
        let up = |minute: i64| (minute * 60 + 30, Outcome::Up);
        let down = |minute: i64| (minute * 60 + 30, DOWN);
        let runs = [up(0), up(1), down(2), up(3), down(4), down(5), up(6), up(7), up(8)];
        let expected = [
            (120, StateValue::Ok, Some(30)),
            (300, StateValue::Alarm, Some(150)),
            (480, StateValue::Ok, Some(390)),
        ];
        assert_eq!(changes(&mut alarms, &runs, 600), expected);
    }

    #[test]
    fn missing_runs_are_no_data_and_not_an_outage() {
        let mut alarms = Alarms::default();
        alarms.configure([probe()].iter(), at(0), unknown);
        let runs = [(30, Outcome::Up), (90, Outcome::Up), (150, Outcome::Up)];
        let states: Vec<StateValue> =
            changes(&mut alarms, &runs, 1_200).iter().map(|change| change.1).collect();
        assert_eq!(states, [StateValue::Ok, StateValue::InsufficientData]);
    }

    #[test]
    fn restart_keeps_the_state_and_the_last_runs() {
        let mut alarms = Alarms::default();
        let before = vec![(at(-90), DOWN), (at(-30), DOWN)];
        alarms.configure([probe()].iter(), at(0), |_, kind| match kind {
            AlarmKind::Down => (StateValue::Alarm, before.clone()),
            AlarmKind::Degraded => (StateValue::Ok, Vec::new()),
        });
        let runs = [(30, DOWN), (90, Outcome::Up), (150, Outcome::Up)];
        assert_eq!(changes(&mut alarms, &runs, 200), [(180, StateValue::Ok, Some(90))]);
    }

    #[test]
    fn removed_probe_has_no_alarm_and_a_new_rule_is_used() {
        let mut alarms = Alarms::default();
        alarms.configure([probe()].iter(), at(0), unknown);
        let mut strict = probe();
        strict.alarm.down = "1 of 1".parse().unwrap();
        alarms.configure([strict].iter(), at(0), unknown);
        let runs = [(30, Outcome::Up), (90, DOWN)];
        let states: Vec<StateValue> =
            changes(&mut alarms, &runs, 120).iter().map(|change| change.1).collect();
        assert_eq!(states, [StateValue::Alarm]);
        alarms.configure([].iter(), at(0), unknown);
        assert!(alarms.alarms.is_empty());
    }
}
