//! Incidents: the list, an entry of a list, and the page of one.

use maud::{Markup, html};

use crate::format;
use crate::layout::{Section, page, pill};
use crate::model::{IncidentPage, IncidentView, Site, State};
use crate::runs::run_table;
use report_page::Text;

/// The page `/incidents`.
#[must_use]
pub fn incidents(site: &Site, list: &[IncidentView]) -> String {
    let texts = site.language.texts();
    let open = list.iter().filter(|incident| incident.ended.is_none());
    let state = open.map(|incident| incident.state).min().unwrap_or(State::Up);
    let content = html! {
        section.card {
            h1 { (texts.incidents) }
            @if list.is_empty() { p.empty { (texts.no_incidents) } }
            ul.incidents { @for incident in list { (entry(site, incident)) } }
        }
    };
    let title = format!("{} · {}", texts.incidents, site.title);
    page(site, &title, state, Section::Incidents, &content)
}

/// One line of a list.
pub(crate) fn entry(site: &Site, incident: &IncidentView) -> Markup {
    let (language, texts) = (site.language, site.language.texts());
    let shown = site.shown(incident.public);
    let title =
        (texts.incident_title)(incident.probe.as_str(), incident.state, incident.ended.is_none());
    html! {
        li.(incident.state.as_str()).open[incident.ended.is_none()] {
            a href={ "/incidents/" (incident.number) } { (Text(&title)) }
            span.when {
                (format::time(incident.began, language)) " · "
                (format::length(incident.lasted(site.now), language)) ", "
                @if incident.ended.is_none() { (texts.ongoing) } @else { (texts.resolved) }
            }
            @if let Some(reason) = incident.reason.filter(|_| shown.reasons) {
                span.why { ((texts.why)(reason)) }
            }
        }
    }
}

/// The page `/incidents/NUMBER`.
#[must_use]
pub fn incident(site: &Site, of: &IncidentPage) -> String {
    let (language, texts) = (site.language, site.language.texts());
    let incident = &of.incident;
    let title =
        (texts.incident_title)(incident.probe.as_str(), incident.state, incident.ended.is_none());
    let name = incident.probe.as_str();
    let content = html! {
        section.card.incident.(incident.state.as_str()) {
            p.crumbs { a href={ "/probes/" (name) } { (Text(name)) } }
            h1 { (Text(&title)) }
            p.state {
                @if incident.ended.is_none() {
                    (pill(incident.state, texts)) span.since { (texts.ongoing) }
                } @else {
                    (pill(State::Up, texts)) span.since { (texts.resolved) }
                }
            }
            (facts(site, incident))
            h2 { (texts.what_users_see) }
            p { ((texts.impact)(incident.state)) }
            (cause(site, incident))
        }
        section.card {
            h2 { (texts.runs_around) }
            (run_table(site, incident.public, &of.runs))
        }
    };
    let state = if incident.ended.is_none() { incident.state } else { State::Up };
    let title = format!("{title}, {} · {}", format::date(incident.began, language), site.title);
    page(site, &title, state, Section::Other, &content)
}

fn facts(site: &Site, incident: &IncidentView) -> Markup {
    let (language, texts) = (site.language, site.language.texts());
    let judged = incident.runs.judged();
    html! {
        dl.facts {
            div { dt { (texts.began) } dd { (format::time(incident.began, language)) } }
            @if let Some(ended) = incident.ended {
                div { dt { (texts.ended) } dd { (format::time(ended, language)) } }
            }
            div { dt { (texts.lasted) } dd { (format::length(incident.lasted(site.now), language)) } }
            @if incident.state == State::Down && judged > 0 {
                div { dt { (texts.failed_runs) } dd { (incident.runs.down) " / " (judged) } }
            }
            @if let Some(turn) = incident.turn.filter(|_| site.shown(incident.public).conversation) {
                div { dt { (texts.turn) } dd { (turn) } }
            }
            @if site.audience == crate::Audience::Internal {
                div {
                    dt { (texts.acknowledged) }
                    dd {
                        @match (&incident.acknowledged_by, incident.acknowledged_at) {
                            (Some(by), Some(at)) => { (Text(by)) ", " (format::time(at, language)) }
                            _ => (texts.not_acknowledged),
                        }
                    }
                }
            }
        }
    }
}

fn cause(site: &Site, incident: &IncidentView) -> Markup {
    let texts = site.language.texts();
    let shown = site.shown(incident.public);
    let reason = incident.reason.filter(|_| shown.reasons);
    let detail =
        Some(incident.detail.as_str()).filter(|text| shown.conversation && !text.is_empty());
    let evidence = [(texts.expected, &incident.expected), (texts.found, &incident.found)];
    let evidence = evidence.map(|(name, text)| Some((name, text.as_ref()?)));
    let evidence: Vec<_> = evidence.into_iter().flatten().filter(|_| shown.conversation).collect();
    html! {
        @if reason.is_some() || detail.is_some() || !evidence.is_empty() {
            h2 { (texts.what_happened) }
        }
        @if let Some(reason) = reason {
            p { ((texts.why)(reason)) " " code { (reason.as_str()) } }
        }
        @if let Some(detail) = detail { p.detail { bdi { (Text(detail)) } } }
        @if !evidence.is_empty() {
            dl.evidence {
                @for (name, text) in evidence { div { dt { (name) } dd { bdi { (Text(text)) } } } }
            }
        }
        @if let Some(report) = incident.report.as_ref().filter(|_| shown.reports()) {
            p { a.button href=(report) { (texts.report) } }
        }
    }
}
