//! The overview: every probe with its state, availability and latency.

use maud::{Markup, html};

use crate::bars::bars;
use crate::chart::spark;
use crate::format;
use crate::incident::entry;
use crate::layout::{Section, page, pill};
use crate::locale::Language;
use crate::model::{Overview, ProbeSummary, Runs, Site};
use report_page::Text;

/// The page `/`.
#[must_use]
pub fn overview(site: &Site, of: &Overview) -> String {
    let texts = site.language.texts();
    let worst = of.counts.worst();
    let headline = (texts.headline)(of.counts);
    let (open, past): (Vec<_>, Vec<_>) = of.incidents.iter().partition(|one| one.ended.is_none());
    let content = html! {
        section.banner.(worst.as_str()) {
            span.lamp aria-hidden="true" {}
            div role="status" { h1 { (headline) } }
        }
        @if !open.is_empty() {
            section.card {
                h2 { (texts.current_incidents) }
                ul.incidents { @for incident in open { (entry(site, incident)) } }
            }
        }
        section.probes aria-label=(texts.overview) {
            @if of.probes.is_empty() { p.empty { (texts.no_probes) } }
            @for probe in &of.probes { (card(site, probe)) }
        }
        @if of.pages > 1 {
            nav.pages aria-label=(texts.page) {
                @if of.page > 1 { a rel="prev" href={ "/page/" (of.page - 1) } { (texts.previous) } }
                span { (texts.page) " " (of.page) " / " (of.pages) }
                @if of.page < of.pages { a rel="next" href={ "/page/" (of.page + 1) } { (texts.next) } }
            }
        }
        section.card {
            h2 { (texts.past_incidents) }
            @if past.is_empty() { p.empty { (texts.no_incidents) } }
            ul.incidents { @for incident in past { (entry(site, incident)) } }
        }
    };
    let title = format!("{headline} · {}", site.title);
    page(site, &title, worst, Section::Overview, &content)
}

fn card(site: &Site, probe: &ProbeSummary) -> Markup {
    let texts = site.language.texts();
    let name = probe.name.as_str();
    html! {
        article.probe.(probe.state.as_str()) {
            div.head {
                h2 { a href={ "/probes/" (name) } { (Text(name)) } }
                (state(site, probe))
            }
            (history(site, probe))
            (numbers(site, probe))
            @if probe.first_chunk.p50.is_some() {
                div.speed {
                    span { (texts.first_chunk) ", " (texts.last_24_hours) }
                    (spark(&probe.first_chunk_hours))
                    (latency(probe, site.language))
                }
            }
        }
    }
}

/// The state and since when.
pub(crate) fn state(site: &Site, probe: &ProbeSummary) -> Markup {
    let texts = site.language.texts();
    html! {
        p.state {
            (pill(probe.state, texts))
            @if probe.in_maintenance { span.pill.maintenance { (texts.maintenance) } }
            @if let Some(since) = probe.since {
                span.since { (texts.since) " " (format::time(since, site.language)) }
            }
        }
    }
}

/// The bars of 90 days.
pub(crate) fn history(site: &Site, probe: &ProbeSummary) -> Markup {
    let (language, texts) = (site.language, site.language.texts());
    let share = |runs: Runs| availability(runs, language);
    let label = format!(
        "{}, {}: {}",
        texts.availability,
        (texts.range)(crate::model::Range::Quarter),
        share(probe.last_90_days)
    );
    html! {
        (bars(&probe.days, probe.objective, &label, language))
        div.bars-key aria-hidden="true" {
            span.long { (texts.days_ago) } span.short { (texts.thirty_days_ago) }
            span { (texts.today) }
        }
    }
}

/// Availability in four periods, objective and error budget.
pub(crate) fn numbers(site: &Site, probe: &ProbeSummary) -> Markup {
    use crate::model::Range;
    let (language, texts) = (site.language, site.language.texts());
    let periods = [
        (Range::Day, probe.last_24_hours),
        (Range::Week, probe.last_7_days),
        (Range::Month, probe.last_30_days),
        (Range::Quarter, probe.last_90_days),
    ];
    html! {
        dl.numbers {
            @for (range, runs) in periods {
                div.missed[is_missed(runs, probe.objective)] {
                    dt { ((texts.range)(range)) }
                    dd { (availability(runs, language)) }
                }
            }
            @if let Some(objective) = probe.objective {
                div { dt { (texts.objective) } dd { (format::percent(objective, language)) } }
            }
            @if let Some(left) = probe.error_budget_left() {
                div.missed[left <= 0.0] {
                    dt { (texts.budget_left) }
                    dd { (format::whole_percent(left, language)) }
                }
            }
        }
    }
}

fn is_missed(runs: Runs, objective: Option<f64>) -> bool {
    matches!((runs.availability(), objective), (Some(share), Some(objective)) if share < objective)
}

pub(crate) fn availability(runs: Runs, language: Language) -> String {
    runs.availability().map_or_else(|| "–".to_owned(), |share| format::percent(share, language))
}

fn latency(probe: &ProbeSummary, language: Language) -> Markup {
    let times = [("p50", probe.first_chunk.p50), ("p95", probe.first_chunk.p95)];
    html! {
        @for (name, time) in times {
            @if let Some(time) = time {
                span.value { (name) " " b { (format::latency(time, language)) } }
            }
        }
    }
}
