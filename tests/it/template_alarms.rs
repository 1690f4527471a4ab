//! Evaluates the deployed alarms as CloudWatch documents it: at a first deployment, without data, with late
//! results and in an outage.

use std::collections::BTreeMap;
use std::time::Duration;

use alarm_model::{
    Alarm, Arrival, Comparison, MissingData, StateValue, Statistic, StatisticSet, Time, Transition,
    Window, simulate,
};
use serde_json::Value;
use testkit::template::{CloudFormation, Resource, target};

const START: i64 = 1_795_000_020;

fn at(seconds: u64) -> Time {
    Time::from_unix_seconds(START) + Duration::from_secs(seconds)
}

/// An alarm of the template, and for each state whether it has an action.
struct Deployed {
    id: String,
    rule: Alarm,
    metric: String,
    has_action: BTreeMap<&'static str, bool>,
}

fn deployed(file: &str) -> Vec<Deployed> {
    let template = CloudFormation::load(file);
    let alarms = template.of_type("AWS::CloudWatch::Alarm");
    alarms.filter(|alarm| alarm.get("/MetricName").is_string()).map(read).collect()
}

fn read(alarm: Resource<'_>) -> Deployed {
    let text = |pointer: &str| {
        alarm.get(pointer).as_str().unwrap_or_else(|| panic!("{pointer} of {}", alarm.id))
    };
    let number = |pointer: &str| alarm.get(pointer).as_u64().expect(alarm.id);
    let periods = usize::try_from(number("/EvaluationPeriods")).expect(alarm.id);
    let rule = Alarm {
        period: Duration::from_secs(number("/Period")),
        evaluation_periods: periods,
        datapoints_to_alarm: usize::try_from(number("/DatapointsToAlarm")).expect(alarm.id),
        statistic: Statistic::from_api(text("/Statistic")).expect(alarm.id),
        comparison: Comparison::from_api(text("/ComparisonOperator")).expect(alarm.id),
        threshold: alarm.get("/Threshold").as_f64().expect(alarm.id),
        missing_data: MissingData::from_api(alarm.get("/TreatMissingData").as_str())
            .expect(alarm.id),
        window: Window::Sliding,
        evaluation_range: periods + 2,
    };
    let acts = |list: &Value| {
        list.as_array().is_some_and(|actions| actions.iter().any(|one| target(one).is_some()))
    };
    let has_action = [
        ("ALARM", acts(alarm.get("/AlarmActions"))),
        ("OK", acts(alarm.get("/OKActions"))),
        ("INSUFFICIENT_DATA", acts(alarm.get("/InsufficientDataActions"))),
    ];
    Deployed {
        id: alarm.id.to_owned(),
        rule,
        metric: text("/MetricName").to_owned(),
        has_action: has_action.into_iter().collect(),
    }
}

impl Deployed {
    fn notifies(&self, state: StateValue) -> bool {
        let name = match state {
            StateValue::Alarm => "ALARM",
            StateValue::Ok => "OK",
            StateValue::InsufficientData => "INSUFFICIENT_DATA",
        };
        self.has_action[name]
    }

    /// The state changes of one hour that have an action.
    fn changes(&self, arrivals: &[Arrival]) -> Vec<Transition> {
        self.changes_in(3_600, arrivals)
    }

    fn changes_in(&self, seconds: u64, arrivals: &[Arrival]) -> Vec<Transition> {
        let mut changes = simulate(&self.rule, arrivals, at(0), at(seconds));
        changes.retain(|change| self.notifies(change.to));
        changes
    }

    /// One value in each period from `from` to `until`, visible `late` seconds after its due time.
    fn values(&self, value: f64, from: u64, until: u64, late: impl Fn(u64) -> u64) -> Vec<Arrival> {
        let period = self.rule.period.as_secs();
        // Any offset within the period: that of a probe is derived from its name.
        let due = (from..until)
            .step_by(usize::try_from(period).expect("a period is short"))
            .map(|start| start + 7);
        due.enumerate()
            .map(|(index, due)| Arrival {
                visible_from: at(due + late(index as u64)),
                set: StatisticSet::of(at(due), value),
            })
            .collect()
    }
}

fn of_metric(file: &str, metric: &str) -> Vec<Deployed> {
    let found: Vec<Deployed> =
        deployed(file).into_iter().filter(|one| one.metric == metric).collect();
    assert!(!found.is_empty(), "{metric} has no alarm in {file}");
    found
}

#[test]
fn every_alarm_is_valid_for_cloudwatch() {
    for alarm in deployed("self-monitoring.yaml").into_iter().chain(deployed("alarms.yaml")) {
        assert_eq!(alarm.rule.check(), Ok(()), "{}", alarm.id);
    }
}

#[test]
fn first_deployment_without_data_sends_no_notification() {
    for alarm in deployed("self-monitoring.yaml").into_iter().chain(deployed("alarms.yaml")) {
        assert_eq!(alarm.changes(&[]), [], "{}", alarm.id);
    }
}

#[test]
fn late_results_of_passing_runs_raise_no_alarm() {
    for alarm in of_metric("alarms.yaml", "Success") {
        let late_results = alarm.values(1.0, 0, 3_600, |index| 1 + index * 7 % 9);
        let changes = alarm.changes(&late_results);
        let states: Vec<StateValue> = changes.iter().map(|change| change.to).collect();
        assert_eq!(
            states,
            [StateValue::Ok],
            "{}: only the first result changes the state",
            alarm.id
        );
    }
}

#[test]
fn down_bot_raises_its_alarm_within_its_periods() {
    for alarm in of_metric("alarms.yaml", "Success") {
        let period = alarm.rule.period.as_secs();
        let broke = 20 * period;
        let mut runs = alarm.values(1.0, 0, broke, |_| 2);
        runs.extend(alarm.values(0.0, broke, 3_600, |_| 2));
        let changes = alarm.changes(&runs);
        let raised = changes.iter().find(|change| change.to == StateValue::Alarm).expect(&alarm.id);
        let after = raised.at.unix_seconds() - at(broke).unix_seconds();
        let rule = u64::try_from(alarm.rule.datapoints_to_alarm).unwrap() * period;
        assert!(after <= i64::try_from(rule + period).unwrap(), "{}: {after} s", alarm.id);
    }
}

#[test]
fn one_failed_run_raises_no_alarm() {
    for alarm in of_metric("alarms.yaml", "Success") {
        let mut runs = alarm.values(1.0, 0, 3_600, |_| 2);
        runs[30].set = StatisticSet::of(runs[30].set.at, 0.0);
        assert!(
            alarm.changes(&runs).iter().all(|change| change.to == StateValue::Ok),
            "{}",
            alarm.id
        );
    }
}

#[test]
fn missing_data_is_reported_within_six_minutes() {
    let probes = of_metric("alarms.yaml", "Success");
    for alarm in probes.into_iter().chain(of_metric("self-monitoring.yaml", "RunsDispatched")) {
        let last_result = 600;
        let changes = alarm.changes(&alarm.values(1.0, 0, last_result, |_| 2));
        let no_data = changes.iter().find(|change| change.to == StateValue::InsufficientData);
        let no_data = no_data.unwrap_or_else(|| panic!("{} has no change", alarm.id));
        let after = no_data.at.unix_seconds() - at(last_result).unix_seconds();
        assert!(
            alarm.rule.period <= Duration::from_secs(60) && after <= 360,
            "{}: {after} s",
            alarm.id
        );
    }
}

#[test]
fn dead_letter_or_lost_run_is_reported_within_two_minutes() {
    for metric in ["ApproximateNumberOfMessagesVisible", "RunsLost"] {
        for alarm in of_metric("self-monitoring.yaml", metric) {
            let one = Arrival { visible_from: at(610), set: StatisticSet::of(at(600), 1.0) };
            let changes = alarm.changes(&[one]);
            let raised =
                changes.iter().find(|change| change.to == StateValue::Alarm).expect(&alarm.id);
            assert!(raised.at <= at(720), "{}: {}", alarm.id, raised.at);
        }
    }
}

/// A fault in every run of a probe, from second 607 until `until`.
fn faults(every: usize, until: u64) -> Vec<Arrival> {
    let seen = (607..until).step_by(every);
    let arrival = |due| Arrival { visible_from: at(due + 3), set: StatisticSet::of(at(due), 1.0) };
    seen.map(arrival).collect()
}

#[test]
fn repeated_run_error_raises_an_alarm_at_the_third_run() {
    for (metric, slowest) in [("RunErrors", 3_600), ("RunsLate", 300), ("RunsStalled", 300)] {
        for alarm in of_metric("self-monitoring.yaml", metric) {
            for every in [10, 60, 300, slowest] {
                let changes = alarm.changes_in(4 * 3_600, &faults(every, 4 * 3_600));
                let raised = changes.iter().find(|change| change.to == StateValue::Alarm);
                let raised = raised.unwrap_or_else(|| panic!("{}: never at {every} s", alarm.id));
                let runs = u64::try_from(2 * every).unwrap();
                assert!(raised.at <= at(607 + runs.max(120) + 120), "{}: {}", alarm.id, raised.at);
            }
        }
    }
}

#[test]
fn run_errors_in_one_minute_raise_no_alarm() {
    for metric in ["RunErrors", "RunsLate", "RunsStalled"] {
        for alarm in of_metric("self-monitoring.yaml", metric) {
            assert_eq!(alarm.changes(&faults(10, 667)), [], "{}", alarm.id);
        }
    }
}

#[test]
fn dispatcher_error_raises_an_alarm_only_if_retries_fail() {
    let dispatcher = of_metric("self-monitoring.yaml", "Errors");
    let dispatcher = dispatcher.iter().find(|alarm| alarm.id == "DispatcherErrors").unwrap();
    assert_eq!(dispatcher.changes(&faults(3_600, 660)), []);
    let changes = dispatcher.changes(&faults(60, 1_800));
    assert!(changes[0].to == StateValue::Alarm && changes[0].at <= at(607 + 180), "{changes:?}");
}
