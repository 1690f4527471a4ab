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

/// The results of each point, as a row of coloured blocks.
pub(crate) fn timeline(
    title: &str,
    points: &[Point],
    span: (Timestamp, Timestamp),
    language: Language,
) -> Markup {
    let texts = language.texts();
    let width = points.windows(2).map(|two| position(two[1].at, span) - position(two[0].at, span));
    let width = width.fold(WIDTH / 60.0, f64::min).max(0.5);
    html! {
        figure.chart.timeline {
            figcaption {
                span.title { (title) }
                span.key {
                    @for state in [State::Up, State::Degraded, State::Down, State::NoData] {
                        span { i.(state.as_str()) aria-hidden="true" {} ((texts.state)(state)) }
                    }
                }
            }
            div.plot {
                svg viewBox={ "0 0 " (WIDTH) " 20" } preserveAspectRatio="none" role="img" aria-label=(title) {
                    @for point in points {
                        @let state = point_state(point);
                        rect.(state.as_str()) x=(format!("{:.2}", position(point.at, span))) y="0"
                            width=(format!("{:.2}", width + 0.4)) height="20" {}
                    }
                }
            }
        }
    }
}

/// The worst result of a point.
pub(crate) fn point_state(point: &Point) -> State {
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
    fn scale_ends_at_a_round_value() {
        for (time, top) in [(0, 10), (11, 20), (850, 1_000), (1_001, 2_000), (2_000_000, 2_000_000)]
        {
            assert_eq!(round_up(Duration::from_millis(time)), Duration::from_millis(top));
        }
    }
}
