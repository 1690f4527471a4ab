//! The tables of `docs/alerting.md`: false alarms, missed outages and time to notify of each rule.
//!
//! Simulates weeks of one bot that is probed once per minute, and evaluates them with the model of CloudWatch alarms.
//! The random sequence is fixed. `UPDATE=1 cargo nextest run -p testkit default_rule` writes all rows; without it, only
//! those of the default rules are computed and compared.

mod week;

use std::fs;
use std::time::Duration;

use alarm_model::{
    Alarm, Comparison, MissingData, StateValue, Statistic, StatisticSet, Time, seconds,
};
use domain::probe::{Retry, default_timeout};
use domain::{AlarmRule, MOfN};
use testkit::dashboards::root;

use week::{Run, Span, WEEK, Week};

/// Weeks that each row of a table is made of: four years.
const WEEKS: i64 = 208;
const QUARTER_DAYS: f64 = 91.25;
const MINUTE: Duration = Duration::from_secs(60);
/// `GroupWindowSeconds`: a notification is sent this long after its alarm.
const GROUP_WINDOW: i64 = 20;

/// Failing attempts by chance, as a share.
const CHANCES: [f64; 3] = [0.001, 0.005, 0.01];

const DOWN: &str = "| rule | `retry.wait` | false pages a quarter, 0.1 % |";
const DEGRADED: &str = "| rule | false tickets a quarter, 0.1 % |";

/// What is simulated: `down` with a pause before the retry, or `degraded`.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    Down(MOfN, i64),
    Degraded(MOfN),
}

#[test]
fn default_rules_keep_their_promises() {
    let defaults = [default_down(), Rule::Degraded(AlarmRule::default().degraded)];
    let [down, degraded] = &results(&defaults)[..] else { panic!("two rules") };
    for tally in down {
        assert!(tally.false_alarms_a_quarter() <= 1.0, "{}", tally.false_alarms_a_quarter());
        assert_eq!(tally.missed[2], 0, "an outage of over four minutes was missed");
        assert!(tally.notified_after(50) <= 180, "{} s", tally.notified_after(50));
    }
    if std::env::var_os("UPDATE").is_some() {
        write_tables(&defaults);
    }
    check(DOWN, &row(defaults[0], true, down));
    check(DEGRADED, &row(defaults[1], true, degraded));
}

fn write_tables(defaults: &[Rule; 2]) {
    let rule = |m, n| MOfN::new(m, n).expect("M is at most N");
    let down = [(1, 1, 20), (2, 3, 2), (2, 3, 20), (3, 3, 2), (3, 5, 20)];
    let down = down.map(|(m, n, wait)| Rule::Down(rule(m, n), wait));
    let degraded = [(2, 3), (3, 5), (5, 10)].map(|(m, n)| Rule::Degraded(rule(m, n)));
    for (header, rules) in [(DOWN, &down[..]), (DEGRADED, &degraded[..])] {
        let results = rules.iter().flat_map(|rule| results(&[*rule]));
        let rows = rules.iter().zip(results);
        let rows = rows.map(|(rule, results)| row(*rule, defaults.contains(rule), &results));
        replace_rows(header, &rows.collect::<Vec<_>>());
    }
}

/// The rule and the retry of a probe with one run per minute.
fn default_down() -> Rule {
    let wait = Retry::within(default_timeout(MINUTE)).wait;
    Rule::Down(AlarmRule::default().down, i64::try_from(wait.as_secs()).expect("a short pause"))
}

fn page() -> String {
    fs::read_to_string(root().join("docs/alerting.md")).expect("the page")
}

/// Compares the row of a default rule.
#[track_caller]
fn check(header: &str, expected: &str) {
    let page = page();
    let rows = page.lines().skip_while(|line| !line.starts_with(header));
    let mut rows = rows.take_while(|line| line.starts_with('|'));
    let found = rows.find(|row| row.contains("(default)"));
    assert_eq!(found, Some(expected), "run: UPDATE=1 cargo nextest run -p testkit default_rule");
}

/// Writes the rows below the header of a table.
fn replace_rows(header: &str, rows: &[String]) {
    let page = page();
    let start = page.find(header).expect("the table");
    let head: usize = page[start..].split_inclusive('\n').take(2).map(str::len).sum();
    let old = page[start + head..].split_inclusive('\n').take_while(|line| line.starts_with('|'));
    let end = start + head + old.map(str::len).sum::<usize>();
    let rows = rows.join("\n") + "\n";
    let page = [&page[..start + head], &rows, &page[end..]].concat();
    fs::write(root().join("docs/alerting.md"), page).expect("the page is written");
}

fn row(rule: Rule, is_default: bool, results: &[Tally; 3]) -> String {
    let mark = if is_default { " (default)" } else { "" };
    let (name, classes): (String, &[usize]) = match rule {
        Rule::Down(rule, wait) => {
            (format!("{} of {}{mark} | {wait} s", rule.m(), rule.n()), &[0, 1, 2])
        }
        Rule::Degraded(rule) => (format!("{} of {}{mark}", rule.m(), rule.n()), &[2]),
    };
    let mut cells = vec![name];
    cells.extend(results.iter().map(|one| format!("{:.2}", one.false_alarms_a_quarter())));
    // Outages are the same for all three failure rates except for chance, so the middle one is shown.
    let middle = &results[1];
    let missed =
        |class: &usize| format!("{} of {}", middle.missed[*class], middle.happened[*class]);
    cells.extend(classes.iter().map(missed));
    cells.extend([50, 95].map(|percent| time(middle.notified_after(percent))));
    format!("| {} |", cells.join(" | "))
}

fn time(seconds: i64) -> String {
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

impl Rule {
    /// The alarm of `vigie render`.
    fn alarm(self) -> Alarm {
        let size = |number: u32| usize::try_from(number).expect("a small number");
        let of = |rule: MOfN, comparison| Alarm {
            statistic: Statistic::Maximum,
            ..Alarm::m_of_n(size(rule.m()), size(rule.n()), seconds(60), comparison, 1.0)
        };
        match self {
            Self::Down(rule, _) => of(rule, Comparison::LessThan),
            Self::Degraded(rule) => Alarm {
                missing_data: MissingData::Ignore,
                ..of(rule, Comparison::GreaterThanOrEqualTo)
            },
        }
    }

    fn wait(self) -> i64 {
        match self {
            Self::Down(_, wait) => wait,
            Self::Degraded(_) => 20,
        }
    }

    fn is_bad(self, run: &Run) -> bool {
        match self {
            Self::Down(..) => run.down,
            Self::Degraded(_) => run.degraded,
        }
    }

    /// The value of the metric: `Success` is 0 when down, `Degraded` is 1 when degraded.
    fn value(self, run: &Run) -> f64 {
        let is_one = self.is_bad(run) == matches!(self, Self::Degraded(_));
        if is_one { 1.0 } else { 0.0 }
    }

    fn incidents(self, week: &Week, reach: i64) -> Vec<Span> {
        match self {
            Self::Down(..) => separate(&week.outages, reach),
            Self::Degraded(_) => separate(&week.slow, reach),
        }
    }
}

/// Incidents that follow each other while the alarm is active are one.
fn separate(spans: &[Span], reach: i64) -> Vec<Span> {
    let mut sorted = spans.to_vec();
    sorted.sort_unstable_by_key(|span| span.from);
    let mut separate: Vec<Span> = Vec::new();
    for span in sorted {
        match separate.last_mut().filter(|last| span.from <= last.until + reach) {
            Some(last) => last.until = last.until.max(span.until),
            None => separate.push(span),
        }
    }
    separate
}

/// The results of a rule for all weeks.
#[derive(Default)]
struct Tally {
    false_alarms: u32,
    days: f64,
    /// By length: 1 to 2 min, 2 to 4 min, over 4 min.
    happened: [u32; 3],
    missed: [u32; 3],
    /// Seconds from the start of an incident to its alarm.
    times_to_alarm: Vec<i64>,
}

impl Tally {
    fn false_alarms_a_quarter(&self) -> f64 {
        f64::from(self.false_alarms) / self.days * QUARTER_DAYS
    }

    /// Seconds until so many percent of the notifications are sent.
    fn notified_after(&self, percent: usize) -> i64 {
        let rank = (self.times_to_alarm.len() * percent).div_ceil(100).max(1) - 1;
        self.times_to_alarm.get(rank).copied().unwrap_or_default() + GROUP_WINDOW
    }

    fn add(&mut self, incidents: &[Span], raised: &[i64], reach: i64) {
        self.days += 7.0;
        // An alarm shortly after the end of the incident still belongs to it.
        let about = |at: &i64, span: &Span| span.from <= *at && *at <= span.until + reach;
        for at in raised {
            let known = incidents.iter().any(|span| about(at, span));
            self.false_alarms += u32::from(!known);
        }
        // One that the start or the end of the week cuts is not counted.
        let whole = |span: &&Span| reach <= span.from && span.until + reach <= WEEK;
        for span in incidents.iter().filter(whole) {
            let class = match span.until - span.from {
                ..120 => 0,
                120..240 => 1,
                _ => 2,
            };
            self.happened[class] += 1;
            match raised.iter().find(|at| about(at, span)) {
                Some(at) => self.times_to_alarm.push(at - span.from),
                None => self.missed[class] += 1,
            }
        }
    }
}

/// The results of rules with the same pause before the retry, for each share of failing attempts.
fn results(rules: &[Rule]) -> Vec<[Tally; 3]> {
    let columns = CHANCES.map(|failing| tallies(rules, failing).into_iter());
    let [mut low, mut middle, mut high] = columns;
    std::iter::from_fn(|| Some([low.next()?, middle.next()?, high.next()?])).collect()
}

fn tallies(rules: &[Rule], failing: f64) -> Vec<Tally> {
    let mut tallies: Vec<Tally> = rules.iter().map(|_| Tally::default()).collect();
    for number in 0..WEEKS {
        let week = Week::new(number, failing, rules[0].wait());
        for (rule, tally) in rules.iter().zip(&mut tallies) {
            let alarm = rule.alarm();
            let reach = i64::try_from(alarm.evaluation_range + 2).unwrap_or(8) * 60;
            let raised = raised(&alarm, reach, &week.runs, *rule);
            tally.add(&rule.incidents(&week, reach), &raised, reach);
        }
    }
    for tally in &mut tallies {
        tally.times_to_alarm.sort_unstable();
    }
    tallies
}

/// When the alarm was raised, evaluated each minute with the data that was visible.
fn raised(alarm: &Alarm, reach: i64, runs: &[Run], rule: Rule) -> Vec<i64> {
    let mut state = StateValue::Ok;
    let mut raised = Vec::new();
    let (mut first, mut next_run, mut last_bad) = (0, 0, i64::MIN);
    for minute in 5..WEEK / 60 {
        let now = minute * 60;
        while first < runs.len() && runs[first].due < now - reach {
            first += 1;
        }
        while let Some(run) = runs.get(next_run).filter(|run| run.due <= now) {
            last_bad = if rule.is_bad(run) { run.due } else { last_bad };
            next_run += 1;
        }
        // Good runs alone leave the alarm in `OK`; evaluating them takes most of the time.
        if state == StateValue::Ok && last_bad < now - reach {
            continue;
        }
        let visible: Vec<StatisticSet> = runs[first..next_run]
            .iter()
            .filter(|run| run.visible_from <= now)
            .map(|run| StatisticSet::of(Time::from_unix_seconds(run.due), rule.value(run)))
            .collect();
        let next = alarm.evaluate(Time::from_unix_seconds(now), &visible, state).state;
        if next == StateValue::Alarm && state != StateValue::Alarm {
            raised.push(now);
        }
        state = next;
    }
    raised
}
