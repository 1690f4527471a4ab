//! Prints the table in `docs/alerting.md`: false alarms, missed outages and time to alarm of each rule.
//!
//! Simulates weeks of one bot that is probed once per minute, with the default retry, and evaluates them with
//! the model of CloudWatch alarms. Every run prints the same values, because the random sequence is fixed.
//!
//! ```text
//! cargo run -p bench-programs --bin simulate_alarms
//! ```

use std::io::{self, Write};

use alarm_model::{Alarm, Comparison, StateValue, StatisticSet, Time, seconds};

/// Weeks that each row of a table is made of.
const WEEKS: i64 = 52;
const WEEK: i64 = 7 * 86_400;
const MONTH_DAYS: f64 = 30.0;
/// One run a minute, due at this second of it.
const DUE: i64 = 17;
/// Wait before the retry.
const RETRY_WAIT: i64 = 2;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let weeks = |failing: f64| -> Vec<Week> {
        (0..WEEKS).map(|number| Week::new(number, failing)).collect()
    };
    let chances = [0.001, 0.005, 0.01];
    let worlds: Vec<Vec<Week>> = chances.into_iter().map(weeks).collect();

    writeln!(out, "`down`, by the share of single attempts that fail by chance:\n")?;
    writeln!(
        out,
        "| rule | false alarms a month, 0.1 % | 0.5 % | 1 % | missed outages of 1 to 2 min | 2 to 5 min | over 5 min | time to alarm, median | p95 |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for (m, n) in [(1, 1), (2, 3), (3, 5)] {
        let tallies: Vec<Tally> = worlds
            .iter()
            .map(|weeks| tally(weeks, down(m, n), |run| run.down, Week::outages))
            .collect();
        row(&mut out, m, n, (m, n) == (2, 3), &[0, 1, 2], &tallies)?;
    }

    writeln!(out, "\n`degraded`, where the incident is a slow period of 10 min to 1 h:\n")?;
    writeln!(
        out,
        "| rule | false alarms a month, 0.1 % | 0.5 % | 1 % | missed slow periods | time to alarm, median | p95 |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
    for (m, n) in [(2, 3), (3, 5), (5, 10)] {
        let tallies: Vec<Tally> = worlds
            .iter()
            .map(|weeks| tally(weeks, degraded(m, n), |run| run.degraded, Week::slow_periods))
            .collect();
        row(&mut out, m, n, (m, n) == (3, 5), &[2], &tallies)?;
    }
    Ok(())
}

/// `classes`: the durations of incidents that have a column.
fn row(
    out: &mut impl Write,
    m: usize,
    n: usize,
    default: bool,
    classes: &[usize],
    tallies: &[Tally],
) -> io::Result<()> {
    let mark = if default { " (default)" } else { "" };
    write!(out, "| {m} of {n}{mark} |")?;
    for tally in tallies {
        write!(out, " {:.1} |", tally.false_alarms_a_month())?;
    }
    // Outages are the same for all three failure rates except for chance, so the middle one is shown.
    let middle = &tallies[1];
    for class in classes {
        write!(out, " {} of {} |", middle.missed[*class], middle.happened[*class])?;
    }
    writeln!(out, " {} | {} |", time(middle.time_to_alarm(50)), time(middle.time_to_alarm(95)))
}

fn time(seconds: i64) -> String {
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

/// The alarms of `vigie render`.
fn down(m: usize, n: usize) -> Alarm {
    Alarm {
        statistic: alarm_model::Statistic::Maximum,
        ..Alarm::m_of_n(m, n, seconds(60), Comparison::LessThan, 1.0)
    }
}

fn degraded(m: usize, n: usize) -> Alarm {
    Alarm {
        statistic: alarm_model::Statistic::Maximum,
        missing_data: alarm_model::MissingData::Ignore,
        ..Alarm::m_of_n(m, n, seconds(60), Comparison::GreaterThanOrEqualTo, 1.0)
    }
}

/// The results of a rule for some weeks.
#[derive(Default)]
struct Tally {
    false_alarms: u32,
    days: f64,
    /// By length: 1 to 2 min, 2 to 5 min, over 5 min.
    happened: [u32; 3],
    missed: [u32; 3],
    /// Seconds from the start of an incident to its alarm.
    times_to_alarm: Vec<i64>,
}

impl Tally {
    fn false_alarms_a_month(&self) -> f64 {
        f64::from(self.false_alarms) / self.days * MONTH_DAYS
    }

    fn time_to_alarm(&self, percent: usize) -> i64 {
        let rank = (self.times_to_alarm.len() * percent).div_ceil(100).max(1) - 1;
        self.times_to_alarm.get(rank).copied().unwrap_or_default()
    }
}

fn tally(
    weeks: &[Week],
    alarm: Alarm,
    value: impl Fn(&Run) -> bool,
    incidents: impl Fn(&Week) -> Vec<Span>,
) -> Tally {
    let mut tally = Tally::default();
    let reach = i64::try_from(alarm.evaluation_range + 2).unwrap_or(8) * 60;
    // `Success` is 0 when down, `Degraded` is 1 when degraded.
    let bad = if alarm.comparison == Comparison::LessThan { 0.0 } else { 1.0 };
    for week in weeks {
        tally.days += 7.0;
        let raised =
            raised(&alarm, reach, &week.runs, |run| if value(run) { bad } else { 1.0 - bad });
        let incidents = incidents(week);
        // An alarm shortly after the end of the incident still belongs to it.
        let about = |at: &i64, span: &Span| span.from <= *at && *at <= span.until + reach;
        for at in &raised {
            let known = incidents.iter().any(|span| about(at, span));
            tally.false_alarms += u32::from(!known);
        }
        for span in &incidents {
            let class = match span.until - span.from {
                ..120 => 0,
                120..300 => 1,
                _ => 2,
            };
            tally.happened[class] += 1;
            match raised.iter().find(|at| about(at, span)) {
                Some(at) => tally.times_to_alarm.push(at - span.from),
                None => tally.missed[class] += 1,
            }
        }
    }
    tally.times_to_alarm.sort_unstable();
    tally
}

/// When the alarm was raised, evaluated each minute with the data that was visible.
fn raised(alarm: &Alarm, reach: i64, runs: &[Run], value: impl Fn(&Run) -> f64) -> Vec<i64> {
    let mut state = StateValue::Ok;
    let mut raised = Vec::new();
    let mut first = 0;
    for minute in 5..WEEK / 60 {
        let now = minute * 60;
        while first < runs.len() && runs[first].due < now - reach {
            first += 1;
        }
        let seen = runs[first..].iter().take_while(|run| run.due <= now);
        let visible: Vec<StatisticSet> = seen
            .filter(|run| run.visible_from <= now)
            .map(|run| StatisticSet::of(Time::from_unix_seconds(run.due), value(run)))
            .collect();
        let next = alarm.evaluate(Time::from_unix_seconds(now), &visible, state).state;
        if next == StateValue::Alarm && state != StateValue::Alarm {
            raised.push(now);
        }
        state = next;
    }
    raised
}

/// A stretch of time in seconds of its week.
#[derive(Clone, Copy)]
struct Span {
    from: i64,
    until: i64,
}

impl Span {
    fn holds(&self, at: i64) -> bool {
        self.from <= at && at < self.until
    }
}

struct Run {
    due: i64,
    /// When CloudWatch shows its measurements.
    visible_from: i64,
    down: bool,
    degraded: bool,
}

/// One week of a bot.
struct Week {
    runs: Vec<Run>,
    outages: Vec<Span>,
    slow: Vec<Span>,
}

impl Week {
    /// `failing`: the share of single attempts that fail by chance.
    fn new(number: i64, failing: f64) -> Self {
        let mut dice = Dice(u64::try_from(number).unwrap_or(0) ^ failing.to_bits());
        // Network errors: four times a day, 5 to 45 s in which 7 of 10 attempts fail.
        let bursts = dice.spans(28, 5.0, 45.0);
        // A deploy on each working day: the bot is unavailable for 20 to 90 s. No mail is needed.
        let deploys = dice.spans(5, 20.0, 90.0);
        // Slow periods of 10 to 60 min: 6 of 10 runs miss an objective, 2 of 100 attempts time out.
        let slow = dice.spans(3, 600.0, 3_600.0);
        // Two real outages a week, 1 min to 1 h.
        let outages = dice.spans(2, 60.0, 3_600.0);
        let mut week = Self { runs: Vec::new(), outages, slow };
        for minute in 0..WEEK / 60 {
            let due = minute * 60 + DUE;
            let mut attempt = |at: i64| {
                let within = |spans: &[Span]| spans.iter().any(|span| span.holds(at));
                let chance = if within(&week.outages) || within(&deploys) {
                    1.0
                } else if within(&bursts) {
                    0.7
                } else if within(&week.slow) {
                    failing + 0.02
                } else {
                    failing
                };
                dice.share() < chance
            };
            let first_failed = attempt(due);
            let down = first_failed && attempt(due + RETRY_WAIT + 1);
            let late = week.slow.iter().any(|span| span.holds(due)) && dice.share() < 0.6;
            let duration = if down { 10 } else { 5 };
            let degraded = !down && (first_failed || late);
            week.runs.push(Run { due, visible_from: due + duration + 8, down, degraded });
        }
        week
    }

    fn outages(&self) -> Vec<Span> {
        self.outages.clone()
    }

    fn slow_periods(&self) -> Vec<Span> {
        self.slow.clone()
    }
}

/// `SplitMix64`: chance that is the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0, included, to 1, excluded.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or(0)) / 4_294_967_296.0
    }

    /// `count` stretches of the week; short ones are more frequent than long ones.
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a week")]
    fn spans(&mut self, count: usize, shortest: f64, longest: f64) -> Vec<Span> {
        let span = |_| {
            let length = shortest * (longest / shortest).powf(self.share());
            let from = (self.share() * 604_800.0) as i64;
            Span { from, until: from + length as i64 }
        };
        (0..count).map(span).collect()
    }
}
