//! An Atom feed of the incidents (RFC 4287).

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use redact::is_hidden;

use crate::format;
use crate::model::{IncidentView, Site};

/// The feed of `incidents`.
#[must_use]
pub fn atom(site: &Site, incidents: &[IncidentView]) -> String {
    let texts = site.language.texts();
    let changed = |incident: &IncidentView| incident.ended.unwrap_or(incident.began);
    let updated = incidents.iter().map(changed).max().unwrap_or(Timestamp::UNIX_EPOCH);
    let feed = html! {
        feed xmlns="http://www.w3.org/2005/Atom" xml:lang=(site.language.code()) {
            title { (plain(&site.title)) }
            id { (site.address) "/" }
            link rel="self" type="application/atom+xml" href={ (site.address) "/feed.atom" } {}
            link rel="alternate" type="text/html" href={ (site.address) "/" } {}
            updated { (rfc3339(updated)) }
            author { name { "Vigie" } }
            @for incident in incidents {
                @let title = (texts.incident_title)(incident.probe.as_str(), incident.state, incident.ended.is_none());
                entry {
                    title {
                        (plain(&title)) " ("
                        @if incident.ended.is_some() { (texts.resolved) } @else { (texts.ongoing) }
                        ")"
                    }
                    id { (site.address) "/incidents/" (incident.number) }
                    link rel="alternate" type="text/html" href={ (site.address) "/incidents/" (incident.number) } {}
                    published { (rfc3339(incident.began)) }
                    updated { (rfc3339(changed(incident))) }
                    content type="text" { (summary(site, incident)) }
                }
            }
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}\n", feed.into_string())
}

fn summary(site: &Site, incident: &IncidentView) -> Markup {
    let (language, texts) = (site.language, site.language.texts());
    let reason = incident.reason.filter(|_| site.shown(incident.public).reasons);
    html! {
        ((texts.impact)(incident.state))
        @if let Some(reason) = reason { " " ((texts.why)(reason)) }
        " " (texts.began) ": " (format::moment(incident.began, language)) "."
        @if let Some(ended) = incident.ended { " " (texts.ended) ": " (format::moment(ended, language)) "." }
        " " (texts.lasted) ": " (format::length(incident.lasted(site.now), language)) "."
    }
}

/// Without control characters, which XML does not allow even when they are escaped.
fn plain(text: &str) -> Markup {
    let visible: String = text.chars().filter(|character| !is_hidden(*character)).collect();
    PreEscaped(html! { (visible) }.into_string())
}

fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
