//! English.

use domain::Reason;

use super::Texts;
use crate::model::{Range, State, StateCounts};

pub(super) const TEXTS: Texts = Texts {
    overview: "Overview",
    incidents: "Incidents",
    feed: "Feed",
    skip: "Skip to content",
    updated: "Updated",
    live: "This page updates automatically.",
    since: "since",
    availability: "Availability",
    objective: "Objective",
    budget_left: "Error budget left",
    first_chunk: "First chunk",
    reply: "Full reply",
    queue: "Time in queue",
    phases: "Connection phases",
    phase_names: ["DNS", "connect", "TLS", "description"],
    median: "median",
    last_24_hours: "last 24 hours",
    location: "Location",
    locations: "Locations",
    today: "today",
    days_ago: "90 days ago",
    thirty_days_ago: "30 days ago",
    no_runs: "No runs",
    no_incidents: "No incidents.",
    current_incidents: "Current incidents",
    past_incidents: "Past incidents",
    runs: "runs",
    last_runs: "Last runs",
    verdicts: "Results",
    reasons: "Reasons of failed runs",
    time: "Time",
    result: "Result",
    duration: "Duration",
    report: "Report",
    retries: "Retries",
    maintenance: "Maintenance",
    data_table: "Values as a table",
    chart_period: "Period",
    certificate: "Certificate",
    configuration: "Configuration",
    address: "Address",
    every: "Interval",
    timeout: "Timeout",
    rule_down: "Alarm when down",
    rule_degraded: "Alarm when degraded",
    runbook: "Runbook",
    app: "App",
    conversation: "Conversation",
    turn: "Turn",
    began: "Began",
    ended: "Ended",
    ongoing: "ongoing",
    resolved: "resolved",
    lasted: "Duration",
    expected: "Expected",
    found: "Received",
    acknowledged: "Acknowledged by",
    not_acknowledged: "Not acknowledged",
    failed_runs: "Failed runs",
    page: "Page",
    previous: "Previous",
    next: "Next",
    no_probes: "No probe has run yet.",
    run_error: "could not run",
    what_happened: "What happened",
    what_users_see: "What users see",
    runs_around: "Runs before, during and after",
    state,
    headline,
    incident_title,
    impact,
    why,
    range,
    day_runs,
    days_left,
};

fn state(state: State) -> &'static str {
    match state {
        State::Up => "up",
        State::Degraded => "degraded",
        State::Down => "down",
        State::NoData => "no data",
    }
}

fn headline(counts: StateCounts) -> String {
    let some = |count: usize, what: &str| match (count, counts.all()) {
        (1, 1) => format!("The chatbot {what}").replace(" are ", " is ").replace(" have ", " has "),
        (1, all) => format!("1 of {all} chatbots {what}")
            .replace(" are ", " is ")
            .replace(" have ", " has "),
        (count, all) if count == all => format!("All {all} chatbots {what}"),
        (count, all) => format!("{count} of {all} chatbots {what}"),
    };
    match counts.worst() {
        State::Down => some(counts.down, "are down"),
        State::Degraded => some(counts.degraded, "are degraded"),
        State::NoData if counts.all() == 0 => "No probe has run yet".to_owned(),
        State::NoData => some(counts.no_data, "have no data"),
        State::Up => some(counts.up, "are up"),
    }
}

fn incident_title(probe: &str, state: State, ongoing: bool) -> String {
    let verb = if ongoing { "is" } else { "was" };
    match state {
        State::Degraded => format!("{probe} {verb} degraded"),
        _ => format!("{probe} {verb} down"),
    }
}

fn impact(state: State) -> &'static str {
    match state {
        State::Degraded => "The chatbot answers, but slowly or only on the second try.",
        _ => "The chatbot does not answer, or its answers are wrong.",
    }
}

fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "The host name has no address.",
        Reason::Connect => "The server does not accept connections.",
        Reason::Tls => "The TLS connection or the certificate is not valid.",
        Reason::HttpStatus => "The server answered with an HTTP error.",
        Reason::Page => "The page that users open does not work.",
        Reason::NotGradio => "The server is not a Gradio app.",
        Reason::Auth => "The app rejected the login.",
        Reason::EndpointMissing => "The app has no chat endpoint.",
        Reason::QueueFull => "The app's queue is full.",
        Reason::QueueTimeout => "The message was still in the app's queue when the time was over.",
        Reason::FirstChunkTimeout => "The app sent no text in time.",
        Reason::Stalled => "The reply stopped before it was complete.",
        Reason::Timeout => "The conversation took too long.",
        Reason::StreamBroken => "The connection ended before the reply was complete.",
        Reason::AppError => "The app reported an error.",
        Reason::CheckFailed => "The reply did not pass a check.",
        Reason::TooLarge => "The app sent more data than the limit.",
    }
}

fn range(range: Range) -> &'static str {
    match range {
        Range::Day => "24 hours",
        Range::Week => "7 days",
        Range::Month => "30 days",
        Range::Quarter => "90 days",
    }
}

fn day_runs(failed: u64, all: u64) -> String {
    let runs = if all == 1 { "run" } else { "runs" };
    match failed {
        0 => format!("{all} {runs}, none failed"),
        _ => format!("{failed} of {all} {runs} failed"),
    }
}

fn days_left(days: i64) -> String {
    match days {
        ..=-1 => "expired".to_owned(),
        1 => "1 day left".to_owned(),
        _ => format!("{days} days left"),
    }
}
