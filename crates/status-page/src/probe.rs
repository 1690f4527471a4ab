//! The page of a probe: results and latencies over time, the last runs, the configuration.

use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::chart::{Line, chart, timeline};
use crate::format;
use crate::incident::entry;
use crate::layout::{Section, page};
use crate::model::{Configuration, Disclosure, Point, ProbePage, Range, Site};
use crate::overview::{availability, history, numbers, state};
use crate::runs::run_table;
use report_page::Text;

/// The page `/probes/NAME`.
#[must_use]
pub fn probe(site: &Site, of: &ProbePage) -> String {
    let texts = site.language.texts();
    let (summary, name) = (&of.summary, of.summary.name.as_str());
    let shown = site.shown(summary.public);
    let content = html! {
        section.card.probe.(summary.state.as_str()) {
            div.head { h1 { (Text(name)) } (state(site, summary)) }
            (history(site, summary))
            (numbers(site, summary))
        }
        (locations(site, of))
        section.card #charts {
            nav.ranges aria-label=(texts.chart_period) {
                @for range in Range::ALL {
                    a href=(path(name, range)) aria-current=[(range == of.range).then_some("true")] {
                        ((texts.range)(range))
                    }
                }
            }
            (charts(site, of))
            (table(site, &of.points))
        }
        @if shown.reasons && !of.reasons.is_empty() {
            section.card {
                h2 { (texts.reasons) ", " ((texts.range)(of.range)) }
                ul.reasons {
                    @for (reason, count) in &of.reasons {
                        li { b { (count) } " " span { ((texts.why)(*reason)) " " code { (reason.as_str()) } } }
                    }
                }
            }
        }
        section.card {
            h2 { (texts.incidents) }
            @if of.incidents.is_empty() { p.empty { (texts.no_incidents) } }
            ul.incidents { @for incident in &of.incidents { (entry(site, incident)) } }
        }
        section.card {
            h2 { (texts.last_runs) }
            (run_table(site, summary.public, &of.runs))
        }
        (configuration(site, of, shown))
    };
    let title = format!("{name}: {} · {}", (texts.state)(summary.state), site.title);
    page(site, &title, summary.state, Section::Other, &content)
}

/// The last 24 hours at each location.
fn locations(site: &Site, of: &ProbePage) -> Markup {
    let (language, texts) = (site.language, site.language.texts());
    let latency = |time| format::known_latency(time, language);
    html! {
        @if !of.locations.is_empty() {
            section.card {
                h2 { (texts.locations) ", " (texts.last_24_hours) }
                div.scroll tabindex="0" role="region" aria-label=(texts.locations) {
                    table.runs {
                        thead { tr {
                            th scope="col" { (texts.location) }
                            th scope="col" { (texts.result) }
                            th scope="col" { (texts.availability) }
                            th scope="col" { (texts.first_chunk) " p50" }
                            th scope="col" { (texts.first_chunk) " p95" }
                            th scope="col" { (texts.time) }
                        } }
                        tbody {
                            @for row in &of.locations {
                                tr {
                                    th scope="row" { (row.name) }
                                    td { span.word.(row.state.as_str()) { ((texts.state)(row.state)) } }
                                    td { (availability(row.runs, language)) }
                                    td { (latency(row.first_chunk.p50)) }
                                    td { (latency(row.first_chunk.p95)) }
                                    td { @if let Some(last) = row.last { (format::second(last, language)) } @else { "–" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn path(name: &str, range: Range) -> String {
    match range {
        Range::Day => format!("/probes/{name}"),
        _ => format!("/probes/{name}/{}", range.as_str()),
    }
}

fn charts(site: &Site, of: &ProbePage) -> Markup {
    let (language, texts) = (site.language, site.language.texts());
    let hours = Duration::from_secs(of.range.hours() * 3_600);
    let span = (site.now.checked_sub(hours).unwrap_or(site.now), site.now);
    let step = match of.range.step_hours() {
        0 => of.configuration.every,
        hours => Duration::from_secs(hours * 3_600),
    };
    let times: Vec<Timestamp> = of.points.iter().map(|point| point.at).collect();
    let line = |class, name: &str, value: &dyn Fn(&Point) -> Option<Duration>| Line {
        class,
        name: name.to_owned(),
        values: of.points.iter().map(value).collect(),
        objective: None,
    };
    let objective = |time: Option<Duration>| time.map(|time| (texts.objective, time));
    let each_run = of.range == Range::Day;
    let median = |name| if each_run { name } else { texts.median };
    let mut first_chunk =
        vec![line("first-chunk", median(texts.first_chunk), &|point| point.first_chunk.p50)];
    let mut reply = vec![line("reply", median(texts.reply), &|point| point.reply.p50)];
    if !each_run {
        first_chunk.push(line("high", "p95", &|point| point.first_chunk.p95));
        reply.push(line("high", "p95", &|point| point.reply.p95));
    }
    first_chunk[0].objective = objective(of.configuration.first_chunk_objective);
    reply[0].objective = objective(of.configuration.reply_objective);
    let queue = [line("queue", texts.queue, &|point| point.queue)];
    let phases: Vec<Line<'_>> = (0..4)
        .zip(["dns", "connect", "tls", "describe"])
        .map(|(index, class)| {
            line(class, texts.phase_names[index], &move |point| point.phases[index])
        })
        .filter(|line| line.values.iter().any(Option::is_some))
        .collect();
    html! {
        (timeline(texts.verdicts, &of.points, span, step, language))
        (chart(texts.first_chunk, &times, span, &first_chunk, language))
        (chart(texts.reply, &times, span, &reply, language))
        (chart(texts.queue, &times, span, &queue, language))
        (chart(texts.phases, &times, span, &phases, language))
    }
}

/// The most rows of the table of values.
const ROWS: usize = 120;

/// The values of the charts, for screen readers and everyone who prefers numbers.
fn table(site: &Site, points: &[Point]) -> Markup {
    let (language, texts) = (site.language, site.language.texts());
    let latency = |time| format::known_latency(time, language);
    html! {
        details.values {
            summary { (texts.data_table) }
            div.scroll tabindex="0" role="region" aria-label=(texts.data_table) {
                table {
                    thead { tr {
                        th scope="col" { (texts.time) }
                        th scope="col" { (texts.runs) }
                        th scope="col" { (texts.failed_runs) }
                        th scope="col" { (texts.first_chunk) }
                        th scope="col" { (texts.reply) }
                        th scope="col" { (texts.queue) }
                    } }
                    tbody {
                        @for point in points.iter().rev().take(ROWS) {
                            tr {
                                th scope="row" { (format::time(point.at, language)) }
                                td { (point.runs.judged()) }
                                td { (point.runs.down) }
                                td { (latency(point.first_chunk.p50)) }
                                td { (latency(point.reply.p50)) }
                                td { (latency(point.queue)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn configuration(site: &Site, of: &ProbePage, shown: Disclosure) -> Markup {
    let (language, texts) = (site.language, site.language.texts());
    let Configuration { address, runbook, .. } = &of.configuration;
    let has = &of.configuration;
    let address = address.as_ref().filter(|_| shown.address);
    let internal = site.audience == crate::Audience::Internal;
    let certificate = of.certificate_expires.map(|expires| {
        let days = expires.duration_since(site.now).as_hours().div_euclid(24);
        format!("{}, {}", format::date(expires, language), (texts.days_left)(days))
    });
    html! {
        section.card {
            h2 { (texts.configuration) }
            dl.facts {
                @if let Some(address) = address { (fact(texts.address, &Text(address))) }
                @if let Some(certificate) = &certificate { (fact(texts.certificate, certificate)) }
                (fact(texts.every, &format::length(has.every, language)))
                (fact(texts.timeout, &format::length(has.timeout, language)))
                @if internal {
                    (fact(texts.rule_down, &format::rule(&has.down_rule, language)))
                    (fact(texts.rule_degraded, &format::rule(&has.degraded_rule, language)))
                    (fact(texts.retries, &has.retries))
                    @for window in &has.maintenance { (fact(texts.maintenance, &Text(window))) }
                    @if let Some(app) = &has.app { (fact(texts.app, &Text(app))) }
                    @for (name, value) in &has.labels {
                        div { dt { (Text(name)) } dd { (Text(value)) } }
                    }
                    @if let Some(runbook) = runbook { (fact(texts.runbook, &link(runbook))) }
                }
            }
            @if shown.conversation && !has.conversation.is_empty() {
                h3 { (texts.conversation) }
                ol.conversation {
                    @for (prompt, checks) in &has.conversation {
                        li {
                            p { bdi { (Text(prompt)) } }
                            @if !checks.is_empty() {
                                ul { @for check in checks { li { code { (Text(check)) } } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn fact(name: &str, value: &dyn maud::Render) -> Markup {
    html! { div { dt { (name) } dd { (value.render()) } } }
}

/// A link only for addresses of pages; anything else is text.
fn link(address: &str) -> Markup {
    let is_page = address.starts_with("https://") || address.starts_with("http://");
    html! {
        @if is_page { a rel="noreferrer" href=(address) { (Text(address)) } } @else { (Text(address)) }
    }
}
