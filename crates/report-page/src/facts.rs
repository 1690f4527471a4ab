//! Further facts about the run.

use std::fmt::{self, Display};

use domain::Report;

use crate::escape::Text;
use crate::times::Seconds;

pub(crate) fn write(report: &Report, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut list = List { to };
    list.to.write_str("<section>\n<h2>The run</h2>\n<dl class=\"facts\">\n")?;
    list.one("Due", &report.due.strftime("%Y-%m-%d %H:%M:%S%.3f UTC"))?;
    if report.maintenance {
        list.one("Maintenance", &"in a maintenance window, not counted for availability")?;
    }
    list.one("Started", &report.started.strftime("%Y-%m-%d %H:%M:%S%.3f UTC"))?;
    list.one("Interval", &format_args!("{} s", report.every.as_secs()))?;
    list.one("Probed from", &Text(&report.location))?;
    if let Some(app) = report.last().and_then(|attempt| attempt.app.as_ref()) {
        let cold = if app.cold == Some(true) { ", first event since its start" } else { "" };
        list.one("App", &format_args!("Gradio {}{cold}", Text(&app.gradio)))?;
        if app.skipped_javascript > 0 {
            let functions = app.skipped_javascript;
            let s = if functions == 1 { "" } else { "s" };
            list.one("JavaScript", &format_args!("not run, of {functions} function{s}"))?;
        }
        list.one("Spoken", &format_args!("{} to {}", Text(&app.protocol), Text(&app.endpoint)))?;
    }
    if let Some(expires) = report.last().and_then(|attempt| attempt.certificate_expires) {
        let days = expires.duration_since(report.due).as_hours() / 24;
        let date = expires.strftime("%Y-%m-%d");
        list.one("Certificate", &format_args!("until {date}, {days} days left"))?;
    }
    if let Some(stalled) = report.stalled {
        list.one("Prober stalled", &Seconds(stalled))?;
    }
    for (name, value) in &report.labels {
        list.one_named(&Text(name), &Text(value))?;
    }
    if let Some(runbook) = &report.runbook {
        // Only what a probe file may name; anything else is text.
        if runbook.starts_with("https://") || runbook.starts_with("http://") {
            let url = Text(runbook);
            list.one("Runbook", &format_args!("<a rel=\"noreferrer\" href=\"{url}\">{url}</a>"))?;
        } else {
            list.one("Runbook", &Text(runbook))?;
        }
    }
    list.one("Run", &format_args!("<code>{}</code>", Text(report.run.as_str())))?;
    list.one("Trace", &format_args!("<code>{}</code>", Text(&report.trace)))?;
    list.one("Report", &format_args!("<code>vigie report {}.json</code>", Text(&report.key())))?;
    list.one("Vigie", &Text(&report.vigie))?;
    list.to.write_str("</dl>\n</section>\n")
}

struct List<'f, 'b> {
    to: &'f mut fmt::Formatter<'b>,
}

impl List<'_, '_> {
    fn one(&mut self, name: &'static str, value: &dyn Display) -> fmt::Result {
        self.one_named(&name, value)
    }

    /// Both are written as they are, so both must be escaped.
    fn one_named(&mut self, name: &dyn Display, value: &dyn Display) -> fmt::Result {
        writeln!(self.to, "<div><dt>{name}</dt><dd>{value}</dd></div>")
    }
}
