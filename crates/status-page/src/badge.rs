//! Badges: small SVG images for other pages.

use std::time::Duration;

use maud::{Render as _, html};

use crate::format;
use crate::locale::Language;
use crate::model::{ProbeSummary, State};

/// What a badge shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Badge {
    State,
    Availability24Hours,
    Availability7Days,
    Availability30Days,
    Availability90Days,
    FirstChunk,
}

impl Badge {
    pub const ALL: [Self; 6] = [
        Self::State,
        Self::Availability24Hours,
        Self::Availability7Days,
        Self::Availability30Days,
        Self::Availability90Days,
        Self::FirstChunk,
    ];

    /// The name of the file, without `.svg`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Availability24Hours => "availability-24h",
            Self::Availability7Days => "availability-7d",
            Self::Availability30Days => "availability-30d",
            Self::Availability90Days => "availability-90d",
            Self::FirstChunk => "first-chunk",
        }
    }

    /// `None` for another name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|badge| badge.as_str() == word)
    }
}

const GREEN: &str = "#18794e";
const AMBER: &str = "#8a5a00";
const RED: &str = "#b3261e";
const GREY: &str = "#5c6570";

/// The badge of a probe.
#[must_use]
pub fn badge(probe: &ProbeSummary, badge: Badge, language: Language) -> String {
    let texts = language.texts();
    let availability = |runs: crate::model::Runs| match runs.availability() {
        Some(share) => {
            let wanted = probe.objective.unwrap_or(99.5);
            let colour = if share >= wanted {
                GREEN
            } else if share >= 95.0 {
                AMBER
            } else {
                RED
            };
            (format::percent(share, language), colour)
        }
        None => ((texts.state)(State::NoData).to_owned(), GREY),
    };
    let (value, colour) = match badge {
        Badge::State => ((texts.state)(probe.state).to_owned(), state_colour(probe.state)),
        Badge::Availability24Hours => availability(probe.last_24_hours),
        Badge::Availability7Days => availability(probe.last_7_days),
        Badge::Availability30Days => availability(probe.last_30_days),
        Badge::Availability90Days => availability(probe.last_90_days),
        Badge::FirstChunk => first_chunk(probe.first_chunk.p50, language),
    };
    let label = match badge {
        Badge::State => probe.name.as_str(),
        Badge::FirstChunk => texts.first_chunk,
        _ => texts.availability,
    };
    draw(label, &value, colour)
}

/// The icon of the page for a state.
#[must_use]
pub fn icon(state: State) -> String {
    let colour = state_colour(state);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><circle cx=\"16\" cy=\"16\" r=\"13\" \
         fill=\"{colour}\"/></svg>"
    )
}

fn state_colour(state: State) -> &'static str {
    match state {
        State::Up => GREEN,
        State::Degraded => AMBER,
        State::Down => RED,
        State::NoData => GREY,
    }
}

fn first_chunk(time: Option<Duration>, language: Language) -> (String, &'static str) {
    match time {
        Some(time) => (format!("p50 {}", format::latency(time, language)), GREEN),
        None => ((language.texts().state)(State::NoData).to_owned(), GREY),
    }
}

fn draw(label: &str, value: &str, colour: &str) -> String {
    let (left, right) = (width(label), width(value));
    let all = left + right;
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(all) height="20" role="img" aria-label={ (label) ": " (value) } {
            title { (label) ": " (value) }
            clipPath id="r" { rect width=(all) height="20" rx="4" {} }
            g clip-path="url(#r)" {
                rect width=(left) height="20" fill="#3a424c" {}
                rect x=(left) width=(right) height="20" fill=(colour) {}
            }
            g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" {
                text x=(left / 2) y="14" { (label) }
                text x=(left + right / 2) y="14" { (value) }
            }
        }
    };
    svg.render().into_string()
}

/// An estimate of the width of a text at 11 px, with a margin on both sides.
fn width(text: &str) -> usize {
    let tenths: usize = text
        .chars()
        .map(|character| match character {
            'i' | 'j' | 'l' | 'I' | '.' | ',' | ' ' | '\'' => 36,
            'm' | 'w' | 'M' | 'W' | '%' => 108,
            character if character.is_ascii_uppercase() => 76,
            _ => 68,
        })
        .sum();
    tenths.div_ceil(10) + 12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn badge_escapes_its_texts() {
        let svg = draw("<b>", "a & b", GREEN);
        assert!(svg.contains("&lt;b&gt;") && svg.contains("a &amp; b") && !svg.contains("<b>"));
    }
}
