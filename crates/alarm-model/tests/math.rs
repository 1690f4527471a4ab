//! Metric math against the tables and sentences of the User Guide.

use alarm_model::{
    Alarm, Comparison, Expression, MathAlarm, MathMetric, StateValue, Statistic, StatisticSet,
    Time, WithNumber, seconds,
};

/// A value at one time, or none.
type Point = Option<f64>;

const NONE: Point = None;

#[expect(clippy::unnecessary_wraps, reason = "short name for the tables")]
fn some(number: f64) -> Point {
    Some(number)
}

/// The values of `a`, `b` and `c` at several times, and of the expression.
#[track_caller]
fn check(expression: &str, rows: &[([Point; 3], Point)]) {
    let Ok(parsed) = Expression::parse(expression) else { panic!("{expression} is not read") };
    for (values, expected) in rows {
        let [a, b, c] = *values;
        let metric = |id: &str| [("a", a), ("b", b), ("c", c)].iter().find(|one| one.0 == id)?.1;
        assert_eq!(
            parsed.value(&metric, WithNumber::Missing),
            *expected,
            "{expression} of {values:?}"
        );
    }
}

#[test]
fn if_follows_the_tables_of_the_guide() {
    let five = [
        [some(1.0), some(30.0), some(0.0)],
        [some(1.0), NONE, some(0.0)],
        [some(0.0), some(0.0), some(20.0)],
        [some(0.0), some(0.0), NONE],
        [NONE, some(30.0), some(20.0)],
    ];
    let cases = [
        ("IF(a, b, c)", [some(30.0), some(0.0), some(20.0), NONE, NONE]),
        ("IF(a, 5, c)", [some(5.0), some(5.0), some(20.0), NONE, NONE]),
        ("IF(a, b, 5)", [some(30.0), some(0.0), some(5.0), some(5.0), NONE]),
        ("IF(a, b)", [some(30.0), some(0.0), NONE, NONE, NONE]),
    ];
    for (expression, expected) in cases {
        check(expression, &five.into_iter().zip(expected).collect::<Vec<_>>());
    }
}

#[test]
fn comparison_follows_the_table_of_the_guide() {
    let times =
        [[some(30.0), some(20.0), NONE], [some(20.0), NONE, NONE], [some(0.0), some(20.0), NONE]];
    let cases = [
        ("a < b", [some(0.0), some(0.0), some(1.0)]),
        ("(a >= 30)", [some(1.0), some(0.0), some(0.0)]),
        ("(a > 15 AND b > 15)", [some(1.0), some(0.0), some(0.0)]),
    ];
    for (expression, expected) in cases {
        check(expression, &times.into_iter().zip(expected).collect::<Vec<_>>());
    }
    check("a < b", &[([NONE, NONE, NONE], NONE)]);
}

#[test]
fn arithmetic_drops_a_division_by_zero() {
    check("a + b - c", &[([some(1.0), NONE, some(3.0)], some(-2.0)), ([NONE, NONE, NONE], NONE)]);
    check("a / b", &[([some(1.0), some(0.0), NONE], NONE), ([some(1.0), NONE, NONE], NONE)]);
    check("2 * (a + 1) / 4", &[([some(1.0), NONE, NONE], some(1.0))]);
    check("FILL(a, -1)", &[([NONE, NONE, NONE], some(-1.0)), ([some(2.0), NONE, NONE], some(2.0))]);
}

#[test]
fn missing_value_and_a_number_is_an_assumption() {
    let expression = Expression::parse("a < 1").unwrap();
    assert_eq!(expression.value(&|_| None, WithNumber::Missing), None);
    assert_eq!(expression.value(&|_| None, WithNumber::Zero), Some(1.0));
}

#[test]
fn other_expression_is_refused() {
    for text in ["", "SUM(METRICS())", "a +", "(a", "a b", "IF(a)", "A", "1x", &"(".repeat(3_000)] {
        assert!(Expression::parse(text).is_err(), "{text:.40}");
    }
    let error = Expression::parse("a + SUM(b)").unwrap_err().to_string();
    assert_eq!(
        error,
        "`a + SUM(b)` is not an expression of the model; expected another form at byte 7"
    );
}

#[test]
fn alarm_on_an_expression_uses_each_statistic() {
    let metric = |id: &str, statistic| MathMetric { id: id.to_owned(), statistic };
    let alarm = MathAlarm {
        alarm: Alarm::m_of_n(2, 3, seconds(60), Comparison::GreaterThanOrEqualTo, 2.0),
        expression: Expression::parse("a - b").unwrap(),
        metrics: vec![metric("a", Statistic::SampleCount), metric("b", Statistic::Sum)],
        with_number: WithNumber::Missing,
    };
    let at = |minute: u64| Time::from_unix_seconds(1_800_000_000) + seconds(60 * minute);
    // Three runs a minute, of which so many succeed.
    let runs = |minute: u64, successes: u64| {
        (0..3).map(move |run| {
            let value = if run < successes { 1.0 } else { 0.0 };
            StatisticSet::of(at(minute) + seconds(run), value)
        })
    };
    let state = |successes: [u64; 3]| {
        let sets: Vec<StatisticSet> =
            (0..).zip(successes).flat_map(|(minute, count)| runs(minute, count)).collect();
        alarm.evaluate(at(3), &[sets.clone(), sets], StateValue::Ok).state
    };
    assert_eq!(state([3, 1, 1]), StateValue::Alarm);
    assert_eq!(state([3, 2, 1]), StateValue::Ok);
}
