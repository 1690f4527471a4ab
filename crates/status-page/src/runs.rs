//! The table of runs.

use maud::{Markup, html};

use crate::format;
use crate::model::{Disclosure, RunView, Site, State};

/// Runs, newest first.
pub(crate) fn run_table(site: &Site, public: Disclosure, runs: &[RunView]) -> Markup {
    let (language, texts) = (site.language, site.language.texts());
    let shown = site.shown(public);
    let latency = |time| format::known_latency(time, language);
    html! {
        @if runs.is_empty() {
            p.empty { (texts.no_runs) }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(texts.last_runs) {
                table.runs {
                    thead { tr {
                        th scope="col" { (texts.time) }
                        th scope="col" { (texts.result) }
                        th scope="col" { (texts.first_chunk) }
                        th scope="col" { (texts.reply) }
                        th scope="col" { (texts.duration) }
                        @if shown.reports() { th scope="col" { (texts.report) } }
                    } }
                    tbody {
                        @for run in runs {
                            tr {
                                th scope="row" { (format::second(run.due, language)) }
                                td {
                                    @match run.verdict {
                                        Some(verdict) => {
                                            @let state = State::from(verdict);
                                            span.word.(state.as_str()) { ((texts.state)(state)) }
                                        }
                                        None => span.word.no_data { (texts.run_error) },
                                    }
                                    @if let Some(reason) = run.reason.filter(|_| shown.reasons) { " " code { (reason) } }
                                    @if run.in_maintenance { " " span.note { (texts.maintenance) } }
                                    @if run.retries > 0 { " " span.note { (texts.retries) ": " (run.retries) } }
                                }
                                td { (latency(run.first_chunk)) }
                                td { (latency(run.reply)) }
                                td { (format::latency(run.duration, language)) }
                                @if shown.reports() {
                                    td { @if let Some(report) = &run.report { a href=(report) { (texts.report) } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
