//! The cells of the table, for a terminal and as plain text.

use std::fmt::Write as _;

use jiff::Timestamp;
use status_page::State;

use super::snapshot::{Row, Snapshot, Values};

/// The titles of the columns.
const HEADER: [&str; 7] = ["PROBE", "STATE", "SINCE", "24 H", "P50", "P95", "FIRST CHUNK, 24 H"];

/// Columns with numbers are aligned to the right.
const IS_NUMBER: [bool; 7] = [false, false, true, true, true, true, false];

/// Heights of a line of values.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The cells of a snapshot. Cells with numbers are padded to the width of their column.
pub(crate) struct Table {
    pub(crate) header: [String; 7],
    pub(crate) rows: Vec<(State, [String; 7])>,
    pub(crate) widths: [usize; 7],
}

impl Table {
    pub(crate) fn new(snapshot: &Snapshot, now: Timestamp) -> Self {
        let mut rows: Vec<(State, [String; 7])> =
            snapshot.rows.iter().flat_map(|row| lines(row, now)).collect();
        let mut header = HEADER.map(str::to_owned);
        let lines = || std::iter::once(&header).chain(rows.iter().map(|(_, cells)| cells));
        let widths: [usize; 7] = std::array::from_fn(|column| {
            lines().map(|cells| cells[column].chars().count()).max().unwrap_or(0)
        });
        let pad = |cells: &mut [String; 7]| {
            for (column, cell) in cells.iter_mut().enumerate().filter(|(at, _)| IS_NUMBER[*at]) {
                *cell = format!("{cell:>width$}", width = widths[column]);
            }
        };
        pad(&mut header);
        for (_, cells) in &mut rows {
            pad(cells);
        }
        Self { header, rows, widths }
    }

    /// The table as text.
    pub(crate) fn plain(&self) -> String {
        let mut text = String::new();
        let lines = std::iter::once(&self.header).chain(self.rows.iter().map(|(_, cells)| cells));
        for cells in lines {
            let _ = writeln!(text, "{}", self.line(cells));
        }
        text
    }

    /// One line of the table.
    pub(super) fn line(&self, cells: &[String; 7]) -> String {
        let padded = cells.iter().zip(self.widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }
}

/// How many probes are in each state: `12 probes: 1 down, 11 up`.
pub(crate) fn legend(snapshot: &Snapshot) -> String {
    let mut counts: Vec<(State, usize)> = Vec::new();
    for row in &snapshot.rows {
        match counts.last_mut() {
            Some((state, count)) if *state == row.values.state => *count += 1,
            _ => counts.push((row.values.state, 1)),
        }
    }
    let mut list: Vec<String> =
        counts.iter().map(|(state, count)| format!("{count} {}", word(*state))).collect();
    let rest = snapshot.probes.saturating_sub(snapshot.rows.len());
    if 0 < rest {
        list.push(format!("{rest} not shown"));
    }
    let probes = if snapshot.probes == 1 { "probe" } else { "probes" };
    format!("{} {probes}: {}", snapshot.probes, list.join(", "))
}

/// The line of a probe, and below it one for each of its locations.
fn lines(row: &Row, now: Timestamp) -> Vec<(State, [String; 7])> {
    let probe = (row.values.state, cells(row.name.to_string(), &row.values, now));
    let locations = row.locations.iter();
    let locations = locations
        .map(|(location, values)| (values.state, cells(format!("  {location}"), values, now)));
    std::iter::once(probe).chain(locations).collect()
}

fn cells(name: String, values: &Values, now: Timestamp) -> [String; 7] {
    let none = || "–".to_owned();
    [
        name,
        word(values.state).to_owned(),
        values.since.map_or_else(none, |since| age(now.duration_since(since).as_secs())),
        values.availability.map_or_else(none, |share| format!("{share:.2}%")),
        values.p50.map_or_else(none, latency),
        values.p95.map_or_else(none, latency),
        line(&values.hours),
    ]
}

fn word(state: State) -> &'static str {
    match state {
        State::Down => "down",
        State::NoData => "no data",
        State::Degraded => "degraded",
        State::Up => "up",
    }
}

/// The two largest units: `3d 4h`.
fn age(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m {}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

fn latency(seconds: f64) -> String {
    if seconds < 0.9995 {
        format!("{:.0} ms", seconds * 1_000.0)
    } else if seconds < 9.995 {
        format!("{seconds:.2} s")
    } else {
        format!("{seconds:.1} s")
    }
}

/// One bar for each value; the highest is the largest value, the lowest zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the product is between 0 and 7"
)]
fn line(values: &[Option<f64>]) -> String {
    let largest = values.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |value: &Option<f64>| match value {
        Some(value) if 0.0 < largest => BARS[(value.max(0.0) / largest * 7.0).round() as usize],
        Some(_) => BARS[0],
        None => ' ',
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, state: State, seconds: &[f64]) -> Row {
        let (name, values) = (name.parse().unwrap(), values(state, seconds));
        Row { name, values, locations: Vec::new() }
    }

    fn values(state: State, seconds: &[f64]) -> Values {
        Values {
            state,
            since: Some("2026-11-30T05:00:00Z".parse().unwrap()),
            availability: (state != State::NoData).then_some(99.934),
            p50: seconds.first().copied(),
            p95: seconds.last().copied(),
            hours: seconds.iter().copied().map(Some).chain([None]).collect(),
        }
    }

    #[test]
    fn table_lists_the_worst_probes_first() {
        let now: Timestamp = "2026-11-30T06:30:05Z".parse().unwrap();
        let rows = vec![
            row("shop", State::Up, &[0.25, 0.5, 2.0]),
            row("archive", State::Up, &[12.0, 0.0]),
            row("support-bot", State::Down, &[0.9999]),
            row("lab", State::NoData, &[]),
        ];
        let snapshot = Snapshot::new(rows, now);
        insta::assert_snapshot!(Table::new(&snapshot, now).plain(), @"
        PROBE        STATE     SINCE    24 H     P50     P95  FIRST CHUNK, 24 H
        support-bot  down     1h 30m  99.93%  1.00 s  1.00 s  █
        lab          no data  1h 30m       –       –       –
        archive      up       1h 30m  99.93%  12.0 s    0 ms  █▁
        shop         up       1h 30m  99.93%  250 ms  2.00 s  ▂▃█
        ");
        assert_eq!(legend(&snapshot), "4 probes: 1 down, 1 no data, 2 up");
        let more = Snapshot { probes: 60, ..snapshot };
        assert_eq!(legend(&more), "60 probes: 1 down, 1 no data, 2 up, 56 not shown");
    }

    #[test]
    fn locations_of_a_probe_are_below_it() {
        let now: Timestamp = "2026-11-30T06:30:05Z".parse().unwrap();
        let mut bot = row("support-bot", State::Up, &[0.25, 2.0]);
        bot.locations = vec![
            ("eu-west-3".parse().unwrap(), values(State::Up, &[0.25, 0.5])),
            ("office".parse().unwrap(), values(State::Down, &[])),
        ];
        let snapshot = Snapshot::new(vec![bot, row("zoo", State::Up, &[1.0])], now);
        insta::assert_snapshot!(Table::new(&snapshot, now).plain(), @"
        PROBE        STATE   SINCE    24 H     P50     P95  FIRST CHUNK, 24 H
        support-bot  up     1h 30m  99.93%  250 ms  2.00 s  ▂█
          eu-west-3  up     1h 30m  99.93%  250 ms  500 ms  ▅█
          office     down   1h 30m  99.93%       –       –
        zoo          up     1h 30m  99.93%  1.00 s  1.00 s  █
        ");
        assert_eq!((legend(&snapshot).as_str(), snapshot.lines()), ("2 probes: 2 up", 4));
    }

    #[test]
    fn age_has_its_two_largest_units() {
        let cases = [
            (-5, "0s"),
            (59, "59s"),
            (61, "1m 1s"),
            (3_600, "1h 0m"),
            (90_061, "1d 1h"),
            (86_400 * 90, "90d 0h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(age(seconds), expected);
        }
    }
}
