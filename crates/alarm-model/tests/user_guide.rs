//! The tables and worked examples of the CloudWatch User Guide.
//!
//! `0` is a datapoint within the threshold, `X` a breaching one, `-` a missing one; the newest is on
//! the right, as in the guide.

use alarm_model::StateValue::{Alarm as ALARM, InsufficientData as INSUFFICIENT, Ok as OK};
use alarm_model::{
    Alarm, Comparison, MissingData, StateValue, StatisticSet, Time, Window, seconds,
};

/// Every case is tested from each state, to distinguish "retain the current state" from a state that
/// was already set.
const STATES: [StateValue; 3] = [OK, ALARM, INSUFFICIENT];

const TREATMENTS: [MissingData; 4] =
    [MissingData::Missing, MissingData::Ignore, MissingData::Breaching, MissingData::NotBreaching];

fn now() -> Time {
    Time::from_unix_seconds(1_795_356_300)
}

/// `None` is the guide's "Retain current state".
type Expected = [Option<StateValue>; 4];

#[track_caller]
fn check(m: usize, shown: &str, filled: usize, expected: Expected) {
    let period = seconds(300);
    let marks: Vec<&str> = shown.split(' ').collect();
    assert_eq!(marks.len(), 5, "{shown}: the guide's evaluation range is 5");
    let age = |position: usize| period * u32::try_from(marks.len() - position).expect("five marks");
    let visible: Vec<StatisticSet> = marks
        .iter()
        .enumerate()
        .filter_map(|(position, mark)| {
            let value = match *mark {
                "0" => 0.0,
                "X" => 10.0,
                _ => return None,
            };
            Some(StatisticSet::of(now() - age(position), value))
        })
        .collect();

    for (treatment, expected) in TREATMENTS.into_iter().zip(expected) {
        let alarm = Alarm {
            missing_data: treatment,
            ..Alarm::m_of_n(m, 3, period, Comparison::GreaterThan, 5.0)
        };
        assert_eq!(alarm.evaluation_range, 5);
        for current in STATES {
            let evaluation = alarm.evaluate(now(), &visible, current);
            let case = format!("{m} of 3, `{shown}`, {treatment:?}, from {current}");
            assert_eq!(evaluation.state, expected.unwrap_or(current), "{case}");
            assert_eq!(evaluation.filled, filled, "{case}");
        }
    }
}

const fn all(state: StateValue) -> Expected {
    [Some(state); 4]
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>,
/// first table.
#[test]
fn three_of_three_matches_the_guide() {
    check(3, "0 - X - X", 0, all(OK));
    check(3, "0 - - - -", 2, all(OK));
    check(3, "- - - - -", 3, [Some(INSUFFICIENT), None, Some(ALARM), Some(OK)]);
    check(3, "0 X X - X", 0, all(ALARM));
    check(3, "- - X - -", 2, [Some(ALARM), None, Some(ALARM), Some(OK)]);
}

/// The same page, second table.
#[test]
fn two_of_three_matches_the_guide() {
    check(2, "0 - X - X", 0, all(ALARM));
    check(2, "0 0 X 0 X", 0, all(ALARM));
    check(2, "0 - X - -", 1, [Some(OK), Some(OK), Some(ALARM), Some(OK)]);
    check(2, "- - - - 0", 2, [Some(OK), Some(OK), Some(ALARM), Some(OK)]);
    check(2, "- - - X -", 2, [Some(ALARM), None, Some(ALARM), Some(OK)]);
}

/// "Avoiding premature transitions to alarm state" on the same page states that a single new breaching
/// datapoint does not raise the alarm. The resulting state and the row with the oldest datapoint are from the
/// tables of the 2018 edition of the page.
#[test]
fn single_new_breach_waits_for_the_next_datapoint() {
    let waits = [Some(INSUFFICIENT), None, Some(ALARM), Some(OK)];
    check(3, "- - - - X", 2, waits);
    check(3, "- - - X -", 2, waits);
    check(2, "- - - - X", 2, waits);
    check(3, "X - - - -", 2, [Some(ALARM), None, Some(ALARM), Some(OK)]);

    let comes_good = [Some(OK), Some(OK), Some(OK), Some(OK)];
    check(3, "- - - X 0", 1, comes_good);
    check(3, "- - X - 0", 1, comes_good);
}

/// "Alarm evaluation": a five-minute period is evaluated at the end of minute 5 on minutes 1 to 5,
/// and at the end of minute 6 on minutes 2 to 6.
#[test]
fn window_slides_by_the_minute() {
    let alarm = Alarm::m_of_n(1, 1, seconds(300), Comparison::GreaterThan, 5.0);
    let minute = |count: u32| Time::from_unix_seconds(1_800_000_000) + seconds(60) * count;

    for end in [5, 6] {
        let last = *alarm.slots(minute(end) + seconds(59)).last().unwrap();
        assert_eq!((last.start, last.end), (minute(end - 5), minute(end)));
    }
    assert_eq!(alarm.evaluated_every(), seconds(60));
}

/// The same page: an alarm with a period of 10 or 30 s is evaluated every 10 s.
#[test]
fn high_resolution_window_slides_by_ten_seconds() {
    let at = |second: i64| Time::from_unix_seconds(1_800_000_000 + second);
    for (period, now, start, end) in [(10, 39, 20, 30), (30, 39, 0, 30), (30, 40, 10, 40)] {
        let alarm = Alarm::m_of_n(1, 1, seconds(period), Comparison::GreaterThan, 5.0);
        let last = *alarm.slots(at(now)).last().unwrap();
        assert_eq!((last.start, last.end), (at(start), at(end)), "{period} s at {now}");
        assert_eq!(alarm.evaluated_every(), seconds(10));
    }
}

/// The diagram in "Alarm evaluation": threshold 3, 3 of 3. Periods three to five and nine are above the
/// threshold, period six is not.
#[test]
fn diagram_of_the_guide_is_reproduced() {
    let values = [2.0, 2.5, 4.0, 4.5, 5.0, 2.0, 1.0, 2.0, 4.0];
    let alarm = Alarm::m_of_n(3, 3, seconds(60), Comparison::GreaterThan, 3.0);
    let mut state = OK;
    let mut states = Vec::new();
    for end in 1..=values.len() {
        let at = |index: usize| now() + seconds(60 * u64::try_from(index).unwrap());
        let visible: Vec<StatisticSet> = values[..end]
            .iter()
            .enumerate()
            .map(|(index, value)| StatisticSet::of(at(index), *value))
            .collect();
        state = alarm.evaluate(at(end), &visible, state).state;
        states.push(state);
    }
    // The first two periods have fewer than three datapoints, none of them breaching.
    assert_eq!(states, [OK, OK, OK, OK, ALARM, OK, OK, OK, OK]);
}

/// "Alarm evaluation window": whole periods of the clock, in the alarm's own time zone, also for
/// periods of an hour or less.
#[test]
fn wall_clock_window_has_whole_periods() {
    let (hour, day): (i64, i64) = (3_600, 86_400);
    let midnight = 1_800_000_000 - 1_800_000_000 % day;
    let at = |second| Time::from_unix_seconds(midnight + second);
    // name, period, ahead of UTC, now, start and end of the last whole period
    let cases = [
        ("an hour under way", hour, 0, 5 * hour + 1_800, 4 * hour, 5 * hour),
        ("an hour just over", hour, 0, 5 * hour, 4 * hour, 5 * hour),
        ("a day in Paris", day, 3_600, 23 * hour, -hour, 23 * hour),
        ("a day in New York", day, -18_000, 5 * hour - 1, 5 * hour - 2 * day, 5 * hour - day),
        ("an hour in Kolkata", hour, 19_800, 5 * hour, 3 * hour + 1_800, 4 * hour + 1_800),
    ];
    for (name, period, utc_offset_seconds, now, start, end) in cases {
        let alarm = Alarm {
            window: Window::WallClock { utc_offset_seconds },
            ..Alarm::m_of_n(1, 1, seconds(period.unsigned_abs()), Comparison::GreaterThan, 5.0)
        };
        alarm.check().unwrap();
        let last = *alarm.slots(at(now)).last().unwrap();
        assert_eq!((last.start, last.end), (at(start), at(end)), "{name}");
    }
}
