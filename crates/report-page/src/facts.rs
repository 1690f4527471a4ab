//! Further facts about the run.

use domain::Report;
use maud::{Markup, Render, html};

use crate::text::Text;
use crate::times::Seconds;

pub(crate) fn section(report: &Report) -> Markup {
    let last = report.last();
    let app = last.and_then(|attempt| attempt.app.as_ref());
    let time = |at: jiff::Timestamp| at.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string();
    html! {
        section {
            h2 { "The run" }
            dl.facts {
                (fact("Due", time(report.due)))
                @if report.maintenance {
                    (fact("Maintenance", "in a maintenance window, not counted for availability"))
                }
                (fact("Started", time(report.started)))
                (fact("Interval", format_args!("{} s", report.every.as_secs())))
                (fact("Probed from", Text(&report.location)))
                @if let Some(app) = app {
                    (fact("App", html! {
                        "Gradio " (Text(&app.gradio))
                        @if app.cold == Some(true) { ", first event since its start" }
                    }))
                    @if app.skipped_javascript > 0 {
                        (fact("JavaScript", html! {
                            "not run, of " (app.skipped_javascript) " function"
                            @if app.skipped_javascript > 1 { "s" }
                        }))
                    }
                    (fact("Protocol", html! { (Text(&app.protocol)) " to " (Text(&app.endpoint)) }))
                }
                @if let Some(expires) = last.and_then(|attempt| attempt.certificate_expires) {
                    @let days = expires.duration_since(report.due).as_hours() / 24;
                    (fact("Certificate", format_args!(
                        "until {}, {days} days left", expires.strftime("%Y-%m-%d")
                    )))
                }
                @if let Some(stalled) = report.stalled {
                    (fact("Prober stalled", Seconds(stalled)))
                }
                @for (name, value) in &report.labels {
                    div { dt { (Text(name)) } dd { (Text(value)) } }
                }
                @if let Some(runbook) = &report.runbook {
                    (fact("Runbook", link(runbook)))
                }
                (fact("Run", html! { code { (Text(report.run.as_str())) } }))
                (fact("Trace", html! { code { (Text(&report.trace)) } }))
                (fact("Report", html! { code { "vigie report " (Text(&report.key())) ".json" } }))
                (fact("Vigie", Text(&report.vigie)))
            }
        }
    }
}

fn fact(name: &'static str, value: impl Render) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// A link only for the addresses that a probe file may have.
fn link(runbook: &str) -> Markup {
    if runbook.starts_with("https://") || runbook.starts_with("http://") {
        html! { a rel="noreferrer" href=(runbook) { (Text(runbook)) } }
    } else {
        Text(runbook).render()
    }
}
