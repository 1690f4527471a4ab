//! The phases and turns of all attempts on one time axis.

use std::time::Duration;

use domain::Report;
use domain::report::{Attempt, TurnReport};
use maud::{Markup, html};

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

pub(crate) fn section(report: &Report) -> Markup {
    let rows: Vec<Row> = report
        .attempts
        .iter()
        .enumerate()
        .flat_map(|(index, attempt)| rows(report, index, attempt))
        .collect();
    let spans = || rows.iter().flat_map(|row| &row.spans);
    // Marks may lie beyond the end: an objective that was met easily would squeeze everything else.
    let Some(end) = spans().map(|span| span.from + span.time).max() else { return html! {} };
    let axis = Axis { end: end.max(Duration::from_millis(1)) };
    let marked = rows.iter().any(|row| row.marks.iter().any(|(_, at)| *at <= axis.end));
    html! {
        section {
            h2 { "Where the time went" }
            div.waterfall {
                (axis.scale())
                @for row in &rows { (axis.row(row)) }
            }
            ul.legend {
                @for (class, name) in LEGEND {
                    @if spans().any(|span| span.class == *class) {
                        li { i class=(class) {} (name) }
                    }
                }
                @if marked { li { i.mark {} "objective" } }
            }
        }
    }
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

    fn scale(&self) -> Markup {
        let step = step(self.end);
        let ticks = (0..).map(|number| step * number).take_while(|at| *at <= self.end);
        html! {
            div.row.axis aria-hidden="true" {
                span {}
                div.track {
                    @for at in ticks {
                        // The last number would hang over the edge.
                        @let left = self.percent(at);
                        span.edge[left > 92.0] style=(format_args!("left:{left:.2}%")) {
                            (tick(at, step))
                        }
                    }
                }
            }
        }
    }

    fn row(&self, row: &Row) -> Markup {
        let name = |span: &Span| format!("{} {}", span.name, Seconds(span.time));
        let times: Vec<String> = row.spans.iter().map(name).collect();
        html! {
            div.row.turn[row.label.starts_with("Turn")] {
                span { (row.label) }
                div.track {
                    @for span in &row.spans {
                        @let (left, width) = (self.percent(span.from), self.percent(span.time));
                        i class=(span.class) title=(name(span))
                            style=(format_args!("left:{left:.3}%;width:{width:.3}%")) {}
                    }
                    @for (name, at) in row.marks.iter().filter(|(_, at)| *at <= self.end) {
                        b.mark title=(format_args!("objective for the {name}"))
                            style=(format_args!("left:{:.3}%", self.percent(*at))) {}
                    }
                }
                p { (times.join(" · ")) }
            }
        }
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
