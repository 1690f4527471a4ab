//! Line charts and timelines as SVG. The drawing is stretched to the width of the page; labels are text around it.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::format;
use crate::locale::Language;
use crate::model::{Point, State};

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 100.0;

/// One line of a chart. The class gives its colour.
pub(crate) struct Line<'a> {
    pub(crate) class: &'static str,
    pub(crate) name: String,
    pub(crate) values: Vec<Option<Duration>>,
    pub(crate) objective: Option<(&'a str, Duration)>,
}

/// A chart of `lines` over the same times.
pub(crate) fn chart(
    title: &str,
    times: &[Timestamp],
    span: (Timestamp, Timestamp),
    lines: &[Line<'_>],
    language: Language,
) -> Markup {
    let measured = lines.iter().flat_map(|line| line.values.iter().flatten());
    let objectives = lines.iter().filter_map(|line| line.objective);
    let largest = measured.copied().max();
    let shown = objectives.clone().map(|(_, time)| time).filter(|time| {
        // An objective far above the values would flatten them.
        largest.is_some_and(|largest| *time <= largest * 3)
    });
    let top = round_up(largest.into_iter().chain(shown).max().unwrap_or_default());
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    html! {
        figure.chart {
            figcaption {
                span.title { (title) }
                span.key {
                    @for line in lines {
                        span { i.(line.class) aria-hidden="true" {} (line.name) }
                    }
                }
            }
            @if largest.is_none() {
                p.empty { (language.texts().no_runs) }
            } @else {
                div.plot {
                    div.scale aria-hidden="true" {
                        span { (format::latency(top, language)) }
                        span { (format::latency(top / 2, language)) }
                        span { "0" }
                    }
                    svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                        aria-label={ (title) ": " (names.join(", ")) } {
                        @for y in [0.0, 50.0, 100.0] {
                            line.grid x1="0" x2=(WIDTH) y1=(y) y2=(y) {}
                        }
                        @for (_, objective) in objectives.filter(|(_, time)| *time <= top) {
                            @let y = height(objective, top);
                            line.objective x1="0" x2=(WIDTH) y1=(y) y2=(y) {}
                        }
                        @for line in lines {
                            path.(line.class) d=(path(times, &line.values, span, top)) {}
                        }
                    }
                    div.times aria-hidden="true" {
                        (format::time(span.0, language))
                        (format::time(span.1, language))
                    }
                }
            }
        }
    }
}

/// A small line without labels.
pub(crate) fn spark(values: &[Option<Duration>]) -> Markup {
    let top = values.iter().flatten().max().copied().unwrap_or_default();
    let start = Timestamp::UNIX_EPOCH;
    let at = |index: usize| {
        start
            .saturating_add(Duration::from_secs(u64::try_from(index).unwrap_or(0)))
            .unwrap_or(start)
    };
    let times: Vec<Timestamp> = (0..values.len()).map(at).collect();
    let span = (start, at(values.len().saturating_sub(1).max(1)));
    html! {
        @if top > Duration::ZERO {
            svg.spark viewBox={ "0 -4 " (WIDTH) " " (HEIGHT + 8.0) } preserveAspectRatio="none" aria-hidden="true" {
                path.first-chunk d=(path(&times, values, span, top)) {}
            }
        }
    }
}

/// The results of each point, as a row of coloured blocks. A point stands for the runs of `step`.
pub(crate) fn timeline(
    title: &str,
    points: &[Point],
    span: (Timestamp, Timestamp),
    step: Duration,
    language: Language,
) -> Markup {
    let texts = language.texts();
    let times: Vec<Timestamp> = points.iter().map(|point| point.at).collect();
    html! {
        figure.chart.timeline {
            figcaption {
                span.title { (title) }
                span.key {
                    @for state in [State::Up, State::Degraded, State::Down, State::NoData] {
                        span { i.(state.as_str()) aria-hidden="true" {} ((texts.state)(state)) }
                    }
                    @if points.iter().any(is_maintenance) {
                        span { i.maintenance aria-hidden="true" {} (texts.maintenance) }
                    }
                }
            }
            div.plot {
                svg viewBox={ "0 0 " (WIDTH) " 20" } preserveAspectRatio="none" role="img" aria-label=(title) {
                    @for (point, (x, width)) in points.iter().zip(blocks(&times, span, step)) {
                        @let class =
                            if is_maintenance(point) { "maintenance" } else { point_state(point).as_str() };
                        // The blocks overlap a little, so that no gap is visible between them.
                        rect.(class) x=(format!("{x:.2}")) y="0" width=(format!("{:.2}", width + 0.4)) height="20" {}
                    }
                }
            }
        }
    }
}

/// The position and width of each block: until the next one, but no longer than `step`, so that missing runs are a gap.
fn blocks(
    times: &[Timestamp],
    span: (Timestamp, Timestamp),
    step: Duration,
) -> impl Iterator<Item = (f64, f64)> {
    let next = times.iter().skip(1).copied().chain([span.1]);
    times.iter().zip(next).map(move |(at, next)| {
        let end = at.saturating_add(step).unwrap_or(next).min(next);
        let x = position(*at, span);
        (x, (position(end, span) - x).max(0.5))
    })
}

/// Whether all runs of a point were in maintenance windows.
fn is_maintenance(point: &Point) -> bool {
    point.runs.judged() == 0 && point.runs.maintenance > 0
}

/// The worst result of a point.
fn point_state(point: &Point) -> State {
    if point.runs.down > 0 {
        State::Down
    } else if point.runs.degraded > 0 {
        State::Degraded
    } else if point.runs.up > 0 {
        State::Up
    } else {
        State::NoData
    }
}

/// Connected values. A gap begins a new line; a single value is a short line.
fn path(
    times: &[Timestamp],
    values: &[Option<Duration>],
    span: (Timestamp, Timestamp),
    top: Duration,
) -> String {
    let mut path = String::new();
    let mut connected = false;
    for (index, (at, value)) in times.iter().zip(values).enumerate() {
        let Some(value) = value else {
            connected = false;
            continue;
        };
        let (x, y) = (position(*at, span), height(*value, top));
        let command = if connected { 'L' } else { 'M' };
        // Writing to a string cannot fail.
        let _ = write!(path, "{command}{x:.1} {y:.1}");
        let alone = !connected && values.get(index + 1).is_none_or(Option::is_none);
        if alone {
            let _ = write!(path, "h2");
        }
        connected = true;
    }
    path
}

fn position(at: Timestamp, span: (Timestamp, Timestamp)) -> f64 {
    let whole = span.1.duration_since(span.0).as_secs_f64().max(1.0);
    (WIDTH * at.duration_since(span.0).as_secs_f64() / whole).clamp(0.0, WIDTH)
}

fn height(value: Duration, top: Duration) -> f64 {
    HEIGHT - HEIGHT * value.as_secs_f64() / top.as_secs_f64().max(1e-6)
}

/// The next 1, 2 or 5 times a power of ten, at least 10 ms.
fn round_up(time: Duration) -> Duration {
    let steps = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];
    let steps = steps.into_iter().chain([200_000, 500_000, 1_000_000]).map(Duration::from_millis);
    steps.into_iter().find(|step| time <= *step).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gap_in_the_values_breaks_the_line() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let times: Vec<Timestamp> = (0..5).map(at).collect();
        let ms = |time| Some(Duration::from_millis(time));
        let values = [ms(100), ms(50), None, ms(0), None];
        let drawn = path(&times, &values, (at(0), at(4)), Duration::from_millis(100));
        assert_eq!(drawn, "M0.0 0.0L250.0 50.0M750.0 100.0h2");
    }

    #[test]
    fn block_lasts_until_the_next_one_but_no_longer_than_a_step() {
        // The hours of the points, the length of a step, the end; the first hour and the length of each block.
        type Case<'a> = (&'a str, &'a [i64], u64, i64, &'a [(i64, i64)]);
        let at = |hour: i64| Timestamp::from_second(hour * 3_600).unwrap();
        let hours = |hours| Duration::from_secs(hours * 3_600);
        let cases: [Case<'_>; 4] = [
            (
                "the first day is not whole",
                &[0, 6, 30, 54],
                24,
                60,
                &[(0, 6), (6, 24), (30, 24), (54, 6)],
            ),
            ("a day is missing", &[6, 54], 24, 78, &[(6, 24), (54, 24)]),
            ("one run", &[50], 1, 100, &[(50, 1)]),
            ("no run", &[], 1, 100, &[]),
        ];
        for (name, times, step, end, expected) in cases {
            let times: Vec<Timestamp> = times.iter().copied().map(at).collect();
            let span = (at(0), at(end));
            let rounded =
                |part: f64| (part * f64::from(i32::try_from(end).unwrap()) / WIDTH).round();
            let blocks = blocks(&times, span, hours(step));
            let blocks: Vec<_> = blocks.map(|(x, width)| (rounded(x), rounded(width))).collect();
            let float = |hour: i64| f64::from(i32::try_from(hour).unwrap());
            let expected: Vec<_> =
                expected.iter().map(|(x, width)| (float(*x), float(*width))).collect();
            assert_eq!(blocks, expected, "{name}");
        }
    }

    #[test]
    fn scale_ends_at_a_round_value() {
        for (time, top) in [(0, 10), (11, 20), (850, 1_000), (1_001, 2_000), (2_000_000, 2_000_000)]
        {
            assert_eq!(round_up(Duration::from_millis(time)), Duration::from_millis(top));
        }
    }
}
