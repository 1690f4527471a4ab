//! The mails in English.

mod reasons;
mod situations;

use std::time::Duration;

use super::{Labels, Messages, PastIncident, duration, floor_percent};
use crate::alert::State;
use crate::incident::NotificationKind;
use crate::mail::situation::{Attempts, Measurement, Problem, Situation, Slowness, StateCounts};
use crate::mail::text::brief;
use crate::notification::Runs;

pub(crate) struct English;

static LABELS: Labels = Labels {
    failed: "WHAT FAILED",
    late: "WHAT WAS LATE",
    said: "sent",
    answered: "received",
    expected: "expected",
    found: "received",
    no_answer: "(nothing)",
    took: "took",
    detail: "detail",
    no_report: "No report of this incident could be read. The links below show what is available.",
    comparison: "COMPARED WITH THE HOUR BEFORE",
    metrics: "METRICS",
    before: "before",
    during: "since then",
    during_incident: "incident",
    availability: "availability",
    first_chunk_p50: "first chunk, median",
    first_chunk_p95: "first chunk, p95",
    no_metrics: "CloudWatch returned no metrics in time.",
    seen_from: "SEEN FROM",
    others: "OTHER ALARMS",
    others_unknown: "The state of the other alarms could not be queried.",
    next: "WHAT TO DO",
    links: "LINKS",
    report: "report",
    runbook: "runbook",
    alarm: "alarm",
    dashboard: "dashboard",
    acknowledge: "ACKNOWLEDGE",
    mute: "MUTE",
    mute_reason: "fix in progress",
    message: "ORIGINAL MESSAGE",
    description: "DESCRIPTION OF THE ALARM",
    label_list: "LABELS",
    annotations: "ANNOTATIONS",
    and_more: "and more",
    week: "LAST WEEK",
    runs: "runs",
    budget_left: "error budget of 30 days left:",
};

impl Messages for English {
    fn labels(&self) -> &'static Labels {
        &LABELS
    }

    fn colon(&self) -> &'static str {
        ": "
    }

    fn date_format(&self) -> &'static str {
        "%Y-%m-%d %H:%M"
    }

    fn number(&self, value: f64, decimals: usize) -> String {
        format!("{value:.decimals$}")
    }

    fn percent(&self, share: f64) -> String {
        format!("{}%", self.number(floor_percent(share), 1))
    }

    fn duration(&self, time: Duration) -> String {
        duration(time, "d", " ")
    }

    fn state(&self, situation: Situation, kind: NotificationKind) -> String {
        let state = match situation {
            Situation::Down(_) => "DOWN",
            Situation::DownFrom(_) => "DOWN FROM ONE LOCATION",
            Situation::Degraded(Slowness::Retry) => "UNSTABLE",
            Situation::Degraded(_) => "SLOW",
            Situation::NoData(_) | Situation::NoDataFrom => "NO DATA",
            Situation::SelfMonitoring | Situation::ProbeAlarm | Situation::External => "ALARM",
            Situation::Recovered(_) | Situation::SelfMonitoringOver | Situation::ExternalOver => {
                "OK"
            }
            Situation::Closed(_) => "CLOSED",
            Situation::Unreadable => "UNKNOWN MESSAGE",
        };
        match kind {
            NotificationKind::Changed => state.to_owned(),
            NotificationKind::Reminder => format!("STILL {state}"),
            NotificationKind::Flapping { .. } => "FLAPPING".to_owned(),
            NotificationKind::Settled => format!("{state} AFTER FLAPPING"),
            NotificationKind::Escalation => format!("ESCALATED: {state}"),
            NotificationKind::Acknowledged => format!("ACKNOWLEDGED: {state}"),
        }
    }

    fn summary(&self, situation: Situation) -> &'static str {
        situations::summary(situation)
    }

    fn measurement(&self, measurement: &Measurement) -> Option<String> {
        Some(match measurement {
            Measurement::Check { turn, expected, found } => {
                let (expected, found) = (brief(expected, 40), brief(found, 40));
                format!("turn {turn}, expected {expected}, received {found}")
            }
            Measurement::Late { turn, measured, objective, .. } => {
                let (measured, objective) = self.compared(*measured, *objective);
                format!("{measured} on turn {turn}, objective {objective}")
            }
            Measurement::TimedOut { turn, after, objective } => {
                let after = self.seconds(after.as_secs_f64());
                match objective {
                    Some(objective) => format!(
                        "turn {turn} stopped after {after}, objective {}",
                        self.seconds(objective.as_secs_f64())
                    ),
                    None => format!("turn {turn} stopped after {after}"),
                }
            }
            Measurement::Retry => "first attempt failed".to_owned(),
            Measurement::Detail { detail, .. } => brief(detail, 60),
            Measurement::Runs(runs) => failed(*runs),
            Measurement::Ended { situation, lasted, runs } => {
                let was = match situation {
                    Situation::Recovered(Problem::Down) => "down for",
                    Situation::Recovered(Problem::Degraded) => "slow for",
                    Situation::Recovered(Problem::NoData) => "no data for",
                    _ => "lasted",
                };
                let lasted = lasted.map(|lasted| format!("{was} {}", self.duration(lasted)));
                let parts: Vec<String> = lasted.into_iter().chain(runs.map(failed)).collect();
                return (!parts.is_empty()).then(|| parts.join(", "));
            }
            Measurement::Nothing => return None,
        })
    }

    fn acknowledged(&self, by: &str, at: &str) -> String {
        format!("acknowledged by {by} at {at}")
    }

    fn test_mark(&self) -> &'static str {
        "TEST"
    }

    fn test_note(&self) -> &'static str {
        "This is a test sent by `vigie test-alert`. Nothing is wrong. Notifications are delivered."
    }

    fn kind(&self, kind: NotificationKind) -> Option<String> {
        Some(match kind {
            NotificationKind::Changed => return None,
            NotificationKind::Reminder => "Reminder: this is still unresolved.".to_owned(),
            NotificationKind::Flapping { changes } => format!(
                "The state changed {changes} times within an hour. Vigie sends no notification for each change; \
                 it sends one when the state is stable again. Current state:"
            ),
            NotificationKind::Settled => "The state is stable again. Current state:".to_owned(),
            NotificationKind::Escalation => {
                "Escalation: this was not resolved or acknowledged in time.".to_owned()
            }
            NotificationKind::Acknowledged => {
                "The incident is acknowledged. Reminders and escalation stop until it ends."
                    .to_owned()
            }
        })
    }

    fn headline(
        &self,
        situation: Situation,
        name: &str,
        at: &str,
        lasted: Option<Duration>,
    ) -> String {
        let since = format!("since {at}{}", self.for_duration(lasted));
        match situation {
            Situation::Down(_) => format!("{name} has been down {since}."),
            Situation::DownFrom(_) => {
                format!("{name} has been down {since}. Too few other locations agree for a page.")
            }
            Situation::Degraded(Slowness::Retry) => format!("{name} has been unstable {since}."),
            Situation::Degraded(_) => format!("{name} has been slow {since}."),
            Situation::NoData(_) | Situation::NoDataFrom => {
                format!("Vigie has had no results for {name} {since}.")
            }
            Situation::SelfMonitoring => {
                format!("The self-monitoring alarm {name} has been active {since}.")
            }
            Situation::Unreadable => {
                format!("Vigie received a message in an unknown format at {at}: {name}.")
            }
            _ => format!("The alarm {name} has been active {since}."),
        }
    }

    fn ended(&self, situation: Situation, name: &str, past: &PastIncident) -> String {
        let was = match situation {
            Situation::Recovered(Problem::Down) => format!("{name} was down"),
            Situation::Recovered(Problem::Location) => {
                format!("{name} was down or had no results")
            }
            Situation::Recovered(Problem::Degraded) => format!("{name} was slow"),
            Situation::Recovered(Problem::NoData) => format!("Vigie had no results for {name}"),
            _ => format!("The alarm {name} was active"),
        };
        format!("{was} {}", self.period(past))
    }

    fn impact(&self, situation: Situation) -> &'static str {
        situations::impact(situation)
    }

    fn since(&self, at: &str, lasted: Option<Duration>) -> String {
        format!("Since {at}{}.", self.for_duration(lasted))
    }

    fn lasted(&self, past: &PastIncident) -> String {
        format!("Lasted {}", self.period(past))
    }

    fn late(&self, what: Slowness, measured: Duration, objective: Duration) -> String {
        let (measured, objective) = self.compared(measured, objective);
        let what = if what == Slowness::Reply { "end of the reply" } else { "first chunk" };
        format!("{measured} to the {what}, objective {objective}")
    }

    fn timed_out(&self, after: Duration) -> String {
        format!("{}, then the prober stopped waiting", self.seconds(after.as_secs_f64()))
    }

    fn turn(&self, turn: usize, turns: usize, at: &str, attempts: &Attempts) -> String {
        format!("Turn {turn} of {turns}, run of {at}.{}", other_attempts(attempts))
    }

    fn before_first_turn(&self, at: &str, attempts: &Attempts) -> String {
        format!("Before the first turn, run of {at}.{}", other_attempts(attempts))
    }

    fn availability_line(&self, whole: Duration, step: Duration, bars: &str) -> String {
        format!(
            "availability, last {} (one bar = {}): {bars}",
            self.duration(whole),
            self.duration(step)
        )
    }

    fn seen(&self, state: State) -> &'static str {
        match state {
            State::Alarm => "down",
            State::Ok => "answers correctly",
            State::InsufficientData => "no results, no vote",
        }
    }

    fn no_other_alarm(&self, environment: &str) -> String {
        format!("No other alarm of {environment} is active.")
    }

    fn open_alarm(&self, situation: Situation, title: &str, at: &str) -> String {
        format!("{} {title}, since {at}", self.state(situation, NotificationKind::Changed))
    }

    fn steps(&self, situation: Situation) -> &'static [&'static str] {
        situations::steps(situation)
    }

    fn runbook(&self, situation: Situation) -> Option<&'static str> {
        situations::runbook(situation)
    }

    fn acknowledge_hint(&self, of_serve: bool) -> &'static str {
        if of_serve {
            "Reminders and escalation stop until the incident ends. If `vigie serve` has a token, set VIGIE_TOKEN to it."
        } else {
            "Reminders and escalation stop until the incident ends."
        }
    }

    fn mute_hint(&self) -> &'static str {
        "For a window that recurs, set `maintenance` in the probe file. To mute all probes, set the parameter MaintenanceSchedule."
    }

    fn footer(&self, severity: &str, team: Option<&str>, alarm: &str, reason: &str) -> String {
        let team = team.map(|team| format!(", team {team}")).unwrap_or_default();
        let reason =
            if reason.is_empty() { String::new() } else { format!(", state reason: {reason}") };
        format!("Severity {severity}{team}. Alarm {alarm}{reason}")
    }

    fn group_subject(&self, counts: StateCounts, environment: &str, names: &str) -> String {
        let parts = [
            (counts.down, "DOWN"),
            (counts.no_data, "NO DATA"),
            (counts.degraded, "SLOW"),
            (counts.other, "ALARM"),
            (counts.over, "OK"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| 0 < *count)
            .map(|(count, state)| format!("{count} {state}"))
            .collect();
        format!("{} ({environment}): {names}", parts.join(", "))
    }

    fn group_headline(&self, count: usize, environment: &str) -> String {
        format!(
            "{count} alarms of {environment}. First look for a common cause: a deployment, the network, a shared model."
        )
    }

    fn week_subject(
        &self,
        environment: &str,
        probes: Option<usize>,
        open: Option<usize>,
    ) -> String {
        let probes = probes.map(|probes| format!(", {probes} probes")).unwrap_or_default();
        let open = match open {
            None => String::new(),
            Some(0) => ", no active alarm".to_owned(),
            Some(open) => format!(", active alarms: {open}"),
        };
        format!("Weekly report ({environment}){probes}{open}")
    }

    fn week_headline(&self, environment: &str) -> String {
        format!(
            "Weekly report of Vigie for {environment}. It is sent once a week the same way as alarms. \
             If it does not arrive, notifications are broken."
        )
    }

    fn unconfirmed_subject(&self, environment: &str, addresses: usize) -> String {
        format!("Unconfirmed addresses ({environment}): {addresses}")
    }

    fn unconfirmed_headline(&self) -> String {
        "These addresses receive nothing from their topic. Their subscription is unconfirmed, disabled or deleted."
            .to_owned()
    }

    fn unconfirmed_advice(&self) -> String {
        "Confirm the mail \"AWS Notification - Subscription Confirmation\", or subscribe the address again in the SNS \
         console. This mail is repeated every hour."
            .to_owned()
    }
}

impl English {
    fn for_duration(&self, lasted: Option<Duration>) -> String {
        let lasted = lasted.filter(|lasted| 60 <= lasted.as_secs());
        lasted.map(|lasted| format!(", for {}", self.duration(lasted))).unwrap_or_default()
    }

    fn period(&self, past: &PastIncident) -> String {
        let until = &past.until;
        let runs = past.failed.map(|runs| format!(": {}", failed(runs))).unwrap_or_default();
        match &past.began {
            Some((from, lasted)) => {
                format!("for {}, from {from} to {until}{runs}.", self.duration(*lasted))
            }
            None => format!("until {until}{runs}."),
        }
    }
}

fn failed(runs: Runs) -> String {
    format!("{} of {} runs failed", runs.failed(), runs.total)
}

fn other_attempts(attempts: &Attempts) -> String {
    match attempts {
        Attempts::One => String::new(),
        Attempts::Same(2) => " Both attempts failed in the same way.".to_owned(),
        Attempts::Same(count) => format!(" All {count} attempts failed in the same way."),
        Attempts::Different { first: Some(reason) } => {
            format!(" The first attempt failed differently: {}.", reasons::summary(*reason))
        }
        Attempts::Different { first: None } => " The first attempt failed differently.".to_owned(),
    }
}
