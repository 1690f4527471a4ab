//! Behaviour of the model that is not in the tables of the guide.

use alarm_model::{
    Alarm, Arrival, Comparison, MissingData, Refused, StateValue, Statistic, StatisticSet, Time,
    Window, seconds, simulate,
};

fn at(second: u64) -> Time {
    Time::from_unix_seconds(1_800_000_000) + seconds(second)
}

/// The `down` alarm of Vigie: the minimum of `Success` is below 1.
fn down(m: usize, n: usize, period: u64) -> Alarm {
    Alarm::m_of_n(m, n, seconds(period), Comparison::LessThan, 1.0)
}

#[test]
fn statistic_reduces_a_period_to_one_value() {
    let visible = [4.0, 1.0, 10.0].map(|value| StatisticSet::of(at(3), value));
    for (statistic, expected) in [
        (Statistic::SampleCount, 3.0),
        (Statistic::Average, 5.0),
        (Statistic::Sum, 15.0),
        (Statistic::Minimum, 1.0),
        (Statistic::Maximum, 10.0),
    ] {
        let alarm = Alarm { statistic, ..down(1, 1, 10) };
        let evaluation = alarm.evaluate(at(10), &visible, StateValue::Ok);
        let values: Vec<f64> =
            evaluation.datapoints.iter().map(|datapoint| datapoint.value).collect();
        assert_eq!(values, [expected], "{statistic:?}");
    }
}

#[test]
fn threshold_value_breaches_only_for_inclusive_operators() {
    for (comparison, below, equal, above) in [
        (Comparison::LessThan, true, false, false),
        (Comparison::LessThanOrEqualTo, true, true, false),
        (Comparison::GreaterThan, false, false, true),
        (Comparison::GreaterThanOrEqualTo, false, true, true),
    ] {
        let breaches = [0.5, 1.0, 1.5].map(|value| comparison.breaches(value, 1.0));
        assert_eq!(breaches, [below, equal, above], "{comparison:?}");
        assert!(!comparison.breaches(f64::NAN, 1.0), "{comparison:?}");
    }
}

/// Settings, visible values, previous state, reason.
type Case<'a> = (Alarm, &'a [(u64, f64)], StateValue, &'a str);

#[test]
fn reason_has_the_wording_of_cloudwatch() {
    let breaching = |missing_data| Alarm { missing_data, ..down(2, 3, 10) };
    let visible: &[(u64, f64)] = &[(0, 1.0), (10, 0.0), (20, 0.0)];
    let cases: &[Case] = &[
        (
            down(2, 3, 10),
            visible,
            StateValue::Ok,
            "Threshold Crossed: 2 out of the last 3 datapoints [0.0 (15/01/27 08:00:20), 0.0 (15/01/27 08:00:10)] \
             were less than the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition).",
        ),
        (
            down(3, 3, 10),
            visible,
            StateValue::Alarm,
            "Threshold Crossed: 1 out of the last 3 datapoints [1.0 (15/01/27 08:00:00)] was not less than \
             the threshold (1.0) (minimum 1 datapoint for ALARM -> OK transition).",
        ),
        (down(2, 3, 10), &[], StateValue::Ok, "Insufficient Data: 3 datapoints were unknown."),
        (down(1, 1, 10), &[], StateValue::Ok, "Insufficient Data: 1 datapoint was unknown."),
        (
            breaching(MissingData::Breaching),
            &[],
            StateValue::Ok,
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were \
             treated as [Breaching].",
        ),
        (
            breaching(MissingData::NotBreaching),
            &[(0, 1.0)],
            StateValue::Alarm,
            "Threshold Crossed: 1 out of the last 3 datapoints [1.0 (15/01/27 08:00:00)] was not less than \
             the threshold (1.0) and 2 missing datapoints were treated as [NonBreaching] (minimum 2 \
             datapoints for ALARM -> OK transition).",
        ),
    ];
    for (alarm, visible, current, expected) in cases {
        let visible: Vec<StatisticSet> =
            visible.iter().map(|(second, value)| StatisticSet::of(at(*second), *value)).collect();
        assert_eq!(alarm.evaluate(at(30), &visible, *current).reason, *expected);
    }
}

#[test]
fn invalid_rule_is_rejected_with_the_accepted_values() {
    let wall_clock = |period| Alarm {
        window: Window::WallClock { utc_offset_seconds: 0 },
        ..down(1, 1, period)
    };
    for (alarm, expected) in [
        (down(2, 3, 15), "period is `15s`; expected 10, 20 or 30 s, or whole minutes"),
        (down(4, 3, 60), "datapoints to alarm is `4 of 3`; expected 1 of N to N of N"),
        (down(0, 3, 60), "datapoints to alarm is `0 of 3`; expected 1 of N to N of N"),
        (down(1, 49, 1_800), "period × evaluation periods is over 24 h, the most CloudWatch takes"),
        (
            down(1, 8, 86_400),
            "period × evaluation periods is over 168 h, the most CloudWatch takes",
        ),
        (
            wall_clock(30),
            "period is `30s`; expected 1 min, 5 min, 1 h or 1 d with a wall-clock window",
        ),
    ] {
        assert_eq!(
            alarm.check().map_err(|refused: Refused| refused.to_string()),
            Err(expected.to_owned())
        );
    }
    for taken in [down(2, 3, 10), down(48, 48, 1_800), down(7, 7, 86_400), wall_clock(300)] {
        assert_eq!(taken.check(), Ok(()));
    }
}

/// Runs every ten seconds with their due time; each result is visible this many seconds later.
fn runs(values: &[(u64, f64, u64)]) -> Vec<Arrival> {
    let arrival = |&(due, value, late): &(u64, f64, u64)| Arrival {
        visible_from: at(due + late),
        set: StatisticSet::of(at(due), value),
    };
    values.iter().map(arrival).collect()
}

#[test]
fn jitter_of_a_ten_second_probe_changes_no_state() {
    // Up all the time, each result between 1 and 19 s late, so that the latest one or two periods are
    // often empty at an evaluation.
    let values: Vec<(u64, f64, u64)> =
        (0..360).map(|run| (run * 10, 1.0, 1 + run * 7 % 19)).collect();
    let transitions = simulate(&down(2, 3, 10), &runs(&values), at(0), at(3_600));

    let changes: Vec<_> = transitions.iter().map(|change| (change.from, change.to)).collect();
    assert_eq!(changes, [(StateValue::InsufficientData, StateValue::Ok)]);
}

#[test]
fn outage_raises_the_alarm_and_recovery_clears_it() {
    let broken = |run: u64| (30..60).contains(&run);
    let values: Vec<(u64, f64, u64)> =
        (0..90).map(|run| (run * 10, if broken(run) { 0.0 } else { 1.0 }, 2)).collect();
    let transitions = simulate(&down(2, 3, 10), &runs(&values), at(0), at(900));

    let changes: Vec<_> = transitions.iter().map(|change| (change.at, change.to)).collect();
    // The second bad run is due at 310 s, its period ends at 320 s.
    let expected =
        [(at(10), StateValue::Ok), (at(320), StateValue::Alarm), (at(620), StateValue::Ok)];
    assert_eq!(changes, expected);
}

#[test]
fn missing_data_is_insufficient_data_and_not_alarm() {
    for period in [10, 60, 300] {
        let values: Vec<(u64, f64, u64)> = (0..20).map(|run| (run * period, 1.0, 2)).collect();
        let silent_from = 20 * period;
        let transitions =
            simulate(&down(2, 3, period), &runs(&values), at(0), at(silent_from + 10 * period));

        let last = transitions.last().unwrap();
        assert_eq!((last.from, last.to), (StateValue::Ok, StateValue::InsufficientData));
        // Five periods after the last one that had a datapoint ended.
        assert!(last.at <= at(silent_from + 6 * period), "{period} s: {:?}", last.at);
    }
}
