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

/// Weeks that each row of a table is made of: four years.
const WEEKS: i64 = 208;
const WEEK: i64 = 7 * 86_400;
const QUARTER_DAYS: f64 = 91.25;
/// The pause before the retry, in seconds.
const RETRY_WAIT: i64 = 20;
/// `GroupWindowSeconds`: a notification is sent this long after its alarm.
const GROUP_WINDOW: i64 = 20;

/// Failing attempts by chance, as a share.
const CHANCES: [f64; 3] = [0.001, 0.005, 0.01];

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let worlds = |wait: i64| {
        CHANCES.map(|failing| -> Vec<Week> {
            (0..WEEKS).map(|number| Week::new(number, failing, wait)).collect()
        })
    };
    let (standard, short) = (worlds(RETRY_WAIT), worlds(2));

    writeln!(out, "`down`, by the share of single attempts that fail by chance:\n")?;
    writeln!(
        out,
        "| rule | `retry.wait` | false pages a quarter, 0.1 % | 0.5 % | 1 % | missed outages of 1 to 2 min | 2 to 4 min | over 4 min | time to notify, median | p95 |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for (m, n, wait) in [(1, 1, 20), (2, 3, 2), (2, 3, 20), (3, 3, 2), (3, 5, 20)] {
        let weeks = if wait == RETRY_WAIT { &standard } else { &short };
        let tallies =
            weeks.each_ref().map(|weeks| tally(weeks, down(m, n), |run| run.down, &Week::outages));
        let mark = if (m, n, wait) == (2, 3, RETRY_WAIT) { " (default)" } else { "" };
        row(&mut out, &format!("{m} of {n}{mark} | {wait} s"), &[0, 1, 2], &tallies)?;
    }

    writeln!(out, "\n`degraded`, in a slow period of 10 min to 1 h:\n")?;
    writeln!(
        out,
        "| rule | false tickets a quarter, 0.1 % | 0.5 % | 1 % | missed slow periods | time to notify, median | p95 |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
    for (m, n) in [(2, 3), (3, 5), (5, 10)] {
        let tallies = standard
            .each_ref()
            .map(|weeks| tally(weeks, degraded(m, n), |run| run.degraded, &Week::slow_periods));
        let mark = if (m, n) == (3, 5) { " (default)" } else { "" };
        row(&mut out, &format!("{m} of {n}{mark}"), &[2], &tallies)?;
    }
    Ok(())
}

/// `classes`: the durations of incidents that have a column.
fn row(
    out: &mut impl Write,
    name: &str,
    classes: &[usize],
    tallies: &[Tally; 3],
) -> io::Result<()> {
    write!(out, "| {name} |")?;
    for tally in tallies {
        write!(out, " {:.2} |", tally.false_alarms_a_quarter())?;
    }
    // Outages are the same for all three failure rates except for chance, so the middle one is shown.
    let middle = &tallies[1];
    for class in classes {
        write!(out, " {} of {} |", middle.missed[*class], middle.happened[*class])?;
    }
    let notified = |percent| time(middle.time_to_alarm(percent) + GROUP_WINDOW);
    writeln!(out, " {} | {} |", notified(50), notified(95))
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

    fn time_to_alarm(&self, percent: usize) -> i64 {
        let rank = (self.times_to_alarm.len() * percent).div_ceil(100).max(1) - 1;
        self.times_to_alarm.get(rank).copied().unwrap_or_default()
    }
}

fn tally(
    weeks: &[Week],
    alarm: Alarm,
    value: impl Fn(&Run) -> bool,
    incidents: &impl Fn(&Week) -> Vec<Span>,
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
                120..240 => 1,
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
    /// `failing`: the share of single attempts that fail by chance. `wait`: the pause before a retry.
    fn new(number: i64, failing: f64, wait: i64) -> Self {
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
            // The second of the minute follows from the probe's name, so each week has another one.
            let due = minute * 60 + number * 17 % 60;
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
            let down = first_failed && attempt(due + wait + 1);
            let late = week.slow.iter().any(|span| span.holds(due)) && dice.share() < 0.6;
            let duration = if down { wait + 8 } else { 5 };
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
