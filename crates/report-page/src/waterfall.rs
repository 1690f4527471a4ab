//! Where the time went: every attempt's phases and turns on one time axis.

use std::fmt;
use std::time::Duration;

use domain::Report;
use domain::report::{Attempt, TurnReport};

use crate::times::Seconds;

/// A stretch of time in one row.
struct Span {
    class: &'static str,
    name: &'static str,
    from: Duration,
    time: Duration,
}

/// A row of the picture.
struct Row {
    label: String,
    spans: Vec<Span>,
    /// Objectives, as moments on the axis.
    marks: Vec<(&'static str, Duration)>,
}

/// Kinds of spans, in the order of the legend.
const LEGEND: &[(&str, &str)] = &[
    ("dns", "DNS"),
    ("connect", "connect"),
    ("tls", "TLS"),
    ("describe", "app's description"),
    ("queue", "in the queue"),
    ("wait", "until the first chunk"),
    ("stream", "reply arriving"),
    ("broken", "until it was given up"),
];

pub(crate) fn write(report: &Report, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    let rows: Vec<Row> = report
        .attempts
        .iter()
        .enumerate()
        .flat_map(|(index, attempt)| rows(report, index, attempt))
        .collect();
    if rows.iter().all(|row| row.spans.is_empty()) {
        return Ok(());
    }
    // Marks may lie beyond the end: an objective that was met easily would squeeze everything else.
    let end = rows
        .iter()
        .flat_map(|row| &row.spans)
        .map(|span| span.from + span.time)
        .max()
        .unwrap_or_default()
        .max(Duration::from_millis(1));
    let axis = Axis { end };
    to.write_str("<section>\n<h2>Where the time went</h2>\n<div class=\"waterfall\">\n")?;
    axis.write(to)?;
    for row in &rows {
        axis.row(row, to)?;
    }
    to.write_str("</div>\n<ul class=\"legend\">")?;
    for (class, name) in LEGEND {
        if rows.iter().flat_map(|row| &row.spans).any(|span| span.class == *class) {
            write!(to, "<li><i class=\"{class}\"></i>{name}</li>")?;
        }
    }
    let marked = rows.iter().any(|row| row.marks.iter().any(|(_, at)| *at <= end));
    if marked {
        to.write_str("<li><i class=\"mark\"></i>objective</li>")?;
    }
    to.write_str("</ul>\n</section>\n")
}

fn rows(report: &Report, index: usize, attempt: &Attempt) -> Vec<Row> {
    let several = report.attempts.len() > 1;
    let label = if several { format!("Attempt {}", index + 1) } else { "Connect".to_owned() };
    let mut rows = vec![Row { label, spans: opening(attempt), marks: Vec::new() }];
    for (number, turn) in attempt.turns.iter().enumerate() {
        let last = number + 1 == attempt.turns.len();
        let gave_up = (last && attempt.failure.is_some())
            .then(|| attempt.duration.saturating_sub(turn.offset));
        let from = attempt.offset + turn.offset;
        let objectives =
            [("first chunk", turn.objectives.first_chunk), ("reply", turn.objectives.reply)];
        let marks = objectives.into_iter().filter_map(|(name, time)| Some((name, from + time?)));
        rows.push(Row {
            label: format!("Turn {}", number + 1),
            spans: reply(from, turn, gave_up),
            marks: marks.collect(),
        });
    }
    rows
}

/// The phases before the first turn, one after the other.
fn opening(attempt: &Attempt) -> Vec<Span> {
    let phases = &attempt.phases;
    let mut spans = Vec::new();
    let mut from = attempt.offset;
    let parts = [
        ("dns", "DNS", phases.dns),
        ("connect", "connect", phases.connect),
        ("tls", "TLS", phases.tls),
        ("describe", "description", phases.describe),
    ];
    for (class, name, time) in parts {
        if let Some(time) = time {
            spans.push(Span { class, name, from, time });
            from += time;
        }
    }
    if attempt.turns.is_empty() && attempt.failure.is_some() {
        let time = (attempt.offset + attempt.duration).saturating_sub(from);
        spans.push(Span { class: "broken", name: "given up", from, time });
    }
    spans
}

/// A turn: in the queue, until the first chunk, the reply. Each time is counted from the prompt.
fn reply(from: Duration, turn: &TurnReport, gave_up: Option<Duration>) -> Vec<Span> {
    let timing = &turn.timing;
    let mut spans = Vec::new();
    let mut at = Duration::ZERO;
    let parts = [
        ("queue", "queue", timing.queue),
        ("wait", "wait", timing.first_chunk),
        ("stream", "stream", timing.reply),
    ];
    for (class, name, until) in parts {
        if let Some(until) = until.filter(|until| *until > at) {
            spans.push(Span { class, name, from: from + at, time: until.saturating_sub(at) });
            at = until;
        }
    }
    if let Some(end) = gave_up.filter(|end| *end > at) {
        spans.push(Span {
            class: "broken",
            name: "given up",
            from: from + at,
            time: end.saturating_sub(at),
        });
    }
    spans
}

struct Axis {
    end: Duration,
}

impl Axis {
    /// Share of the axis, in percent.
    fn percent(&self, time: Duration) -> f64 {
        100.0 * time.as_secs_f64() / self.end.as_secs_f64()
    }

    fn write(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(
            "<div class=\"row axis\" aria-hidden=\"true\"><span></span><div class=\"track\">",
        )?;
        let step = step(self.end);
        let mut at = Duration::ZERO;
        while at <= self.end {
            // The last number would hang over the edge.
            let left = self.percent(at);
            let class = if left > 92.0 { " class=\"edge\"" } else { "" };
            write!(to, "<span{class} style=\"left:{left:.2}%\">{}</span>", tick(at, step))?;
            at += step;
        }
        to.write_str("</div></div>\n")
    }

    fn row(&self, row: &Row, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nested = if row.label.starts_with("Turn") { " turn" } else { "" };
        let times: Vec<String> =
            row.spans.iter().map(|span| format!("{} {}", span.name, Seconds(span.time))).collect();
        let times = times.join(" · ");
        write!(to, "<div class=\"row{nested}\"><span>{}</span><div class=\"track\">", row.label)?;
        for span in &row.spans {
            write!(
                to,
                "<i class=\"{}\" style=\"left:{:.3}%;width:{:.3}%\" title=\"{} {}\"></i>",
                span.class,
                self.percent(span.from),
                self.percent(span.time),
                span.name,
                Seconds(span.time)
            )?;
        }
        for (name, at) in row.marks.iter().filter(|(_, at)| *at <= self.end) {
            let left = self.percent(*at);
            write!(
                to,
                "<b class=\"mark\" style=\"left:{left:.3}%\" title=\"objective for the {name}\"></b>"
            )?;
        }
        writeln!(to, "</div><p>{times}</p></div>")
    }
}

/// A round step that gives three to eight numbers.
fn step(end: Duration) -> Duration {
    let mut step = Duration::from_micros(100);
    for factor in [2, 5, 10].into_iter().cycle().take(30).scan(step, |unit, factor| {
        let value = *unit * factor;
        if factor == 10 {
            *unit = value;
        }
        Some(value)
    }) {
        if end.as_secs_f64() / step.as_secs_f64() <= 7.5 {
            break;
        }
        step = factor;
    }
    step
}

/// A number of the axis, all in the same unit.
fn tick(at: Duration, step: Duration) -> String {
    let milliseconds = at.as_secs_f64() * 1e3;
    if step < Duration::from_millis(1) {
        format!("{milliseconds:.1} ms")
    } else if step < Duration::from_millis(100) {
        format!("{milliseconds:.0} ms")
    } else if step < Duration::from_secs(1) {
        format!("{:.1} s", at.as_secs_f64())
    } else {
        format!("{} s", at.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_has_few_round_numbers() {
        for milliseconds in [1_u64, 3, 12, 99, 100, 640, 1_000, 4_321, 30_000, 59_999, 600_000] {
            let end = Duration::from_millis(milliseconds);
            let step = step(end);
            let numbers = end.as_nanos() / step.as_nanos() + 1;
            assert!((3..=8).contains(&numbers), "{milliseconds} ms: {numbers} of {step:?}");
        }
        assert_eq!(step(Duration::from_millis(640)), Duration::from_millis(100));
        assert_eq!(tick(Duration::from_millis(300), Duration::from_millis(100)), "0.3 s");
    }
}
