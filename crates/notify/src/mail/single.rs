//! The layout of a mail about one alarm. Each sentence adds to the ones before it: the subject says what is wrong,
//! the first line since when, the second what users notice, the evidence the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Severity;
use domain::report::{Report, TurnReport};
use jiff::Timestamp;

use crate::alert::{Source, State, Subject};
use crate::links;
use crate::mail::Mail;
use crate::mail::comparison::comparison;
use crate::mail::language::{Messages, PastIncident};
use crate::mail::layout::{line, moment, numbered, row, section};
use crate::mail::parts::{acknowledged_by, open_alarms};
use crate::mail::situation::{
    Attempts, Measurement, Situation, Slowness, attempts, decisive_attempt, decisive_turn,
    measurement, situation,
};
use crate::mail::text::{brief, capitalized, lines, name, one_line, padded, subject};
use crate::notification::{Item, Notification, SeenFrom};

/// The longest name in a subject, so that what is wrong has room beside it.
const LONGEST_IN_TITLE: usize = 50;
/// The longest line of text from a bot.
const QUOTE: usize = 300;
/// The most text of an alarm's description, in characters.
const DESCRIPTION: usize = 2_000;
/// The most labels that are shown, and the most characters of each.
const LABELS: usize = 30;
const LABEL: usize = 200;
/// The longest name of an alarm in CloudWatch.
const ALARM_NAME: usize = 255;

pub(crate) struct Writer<'a> {
    pub(crate) of: &'a Notification,
    pub(crate) messages: &'static dyn Messages,
}

/// What a report says about an incident.
pub(super) struct Observed {
    /// The turn and the run.
    pub(super) place: String,
    /// Label and value.
    pub(super) rows: Vec<(&'static str, String)>,
}

/// The links of a notification.
pub(super) struct Pages {
    /// The page of the report, and the command that shows it.
    pub(super) report: Option<(String, String)>,
    /// The probe's own runbook and the section of Vigie's.
    pub(super) runbooks: Vec<String>,
    pub(super) alarm: Option<String>,
}

pub(crate) fn write(of: &Notification, item: &Item, messages: &'static dyn Messages) -> Mail {
    let writer = Writer { of, messages };
    let situation = situation(item);
    Mail { subject: writer.subject(item, situation), body: writer.body(item, situation) }
}

/// Whether the description of the alarm says more than the mail: that of an alarm on a verdict does not.
fn is_foreign(subject: &Subject) -> bool {
    subject.probe().is_none() || matches!(subject, Subject::External { .. })
}

impl Writer<'_> {
    fn body(&self, item: &Item, situation: Situation) -> String {
        let alert = &item.alert;
        let labels = self.messages.labels();
        let mut body = String::new();
        if alert.test.is_some() {
            line(&mut body, self.messages.test_note());
            body.push('\n');
        }
        if let Some(kind) = self.messages.kind(item.kind) {
            line(&mut body, &kind);
        }
        line(&mut body, &self.headline(item, situation));
        line(&mut body, self.messages.impact(situation));
        if let Some(acknowledged) = &item.acknowledged {
            let by = acknowledged_by(acknowledged, self.messages, &self.of.zone);
            line(&mut body, &format!("{}.", capitalized(&by)));
        }

        if !self.of.seen_from.is_empty() {
            section(&mut body, labels.seen_from, &self.seen_from());
        }
        if situation == Situation::Unreadable {
            section(&mut body, labels.message, &lines(&alert.reason));
        } else if !alert.description.is_empty() && is_foreign(&alert.subject) {
            let description: String = alert.description.chars().take(DESCRIPTION).collect();
            section(&mut body, labels.description, &lines(&description));
        }
        if alert.source == Source::Alertmanager && !alert.labels.is_empty() {
            section(&mut body, labels.label_list, &self.pairs(&alert.labels));
        }
        if !alert.annotations.is_empty() {
            section(&mut body, labels.annotations, &self.pairs(&alert.annotations));
        }
        if let Situation::Down(_)
        | Situation::DownFrom(_)
        | Situation::Degraded(_)
        | Situation::NoData(_) = situation
        {
            self.evidence(&mut body, item, situation);
        }
        if let Some(metrics) = &item.metrics {
            comparison(&mut body, metrics, alert.state, self.messages);
        } else if alert.subject.probe().is_some() {
            section(&mut body, labels.comparison, labels.no_metrics);
        }
        if alert.state != State::Ok {
            section(&mut body, labels.others, &self.others());
        }
        section(&mut body, labels.next, &numbered(&self.steps(item, situation)));
        section(&mut body, labels.links, &self.links(item, situation));
        if let Some(acknowledge) = self.acknowledge_command(item) {
            let hint = self.messages.acknowledge_hint(self.of.status_page.is_some());
            section(&mut body, labels.acknowledge, &format!("{acknowledge}\n{hint}"));
        }
        if let Some(mute) = self.mute_command(item) {
            let hint = self.messages.mute_hint();
            section(&mut body, labels.mute, &format!("{mute}\n{hint}"));
        }
        body.push('\n');
        line(&mut body, &self.footer(item, situation));
        body
    }

    fn subject(&self, item: &Item, situation: Situation) -> String {
        subject(&self.title(item, situation))
    }

    /// The subject in full, with characters that SNS does not accept.
    pub(super) fn title(&self, item: &Item, situation: Situation) -> String {
        let alert = &item.alert;
        let state = self.messages.state(situation, item.kind);
        let test = match alert.test {
            Some(_) => format!("[{}] ", self.messages.test_mark()),
            None => String::new(),
        };
        let what = match &alert.subject {
            Subject::External { .. } if !alert.statement().is_empty() => {
                brief(alert.statement(), 60)
            }
            _ => self.summary(item, situation),
        };
        let title = brief(&alert.title(), LONGEST_IN_TITLE);
        let name = format!("{title} ({})", self.environment(item));
        format!("{test}{state} {name}{}{what}", self.messages.colon())
    }

    /// What is wrong in a few words, with the measurement that describes it best.
    pub(crate) fn summary(&self, item: &Item, situation: Situation) -> String {
        let measured = self.messages.measurement(&measurement(item, situation));
        let measured = measured.map(|measured| format!(", {measured}")).unwrap_or_default();
        format!("{}{measured}", self.messages.summary(situation))
    }

    pub(super) fn headline(&self, item: &Item, situation: Situation) -> String {
        let alert = &item.alert;
        // The subject has no room for the region.
        let title = name(&alert.title());
        let name = match alert.source {
            Source::CloudWatch | Source::EventBridge => {
                format!("{title} ({}, {})", self.environment(item), self.region(item))
            }
            // An Alertmanager has no region.
            Source::Alertmanager | Source::Unknown => {
                format!("{title} ({})", self.environment(item))
            }
        };
        if alert.state == State::Ok {
            return self.messages.ended(situation, &name, &self.past(item));
        }
        self.messages.headline(situation, &name, &self.moment(alert.changed), self.lasted(item))
    }

    /// The environment that the alert itself names, such as another one's that shares an Alertmanager.
    pub(super) fn environment(&self, item: &Item) -> String {
        let own = item.alert.labels.get("environment").map(|name| brief(name, 40));
        own.filter(|name| !name.is_empty()).unwrap_or_else(|| self.of.environment.to_string())
    }

    /// The region of the alarm, which may be another one than Vigie's.
    pub(super) fn region(&self, item: &Item) -> String {
        let own = links::region_of(&item.alert.key).map(str::to_owned);
        own.unwrap_or_else(|| self.of.region.clone())
    }

    /// The period of the incident, in a list, where name and summary precede it.
    pub(crate) fn period(&self, item: &Item) -> String {
        if item.alert.state == State::Ok {
            return self.messages.lasted(&self.past(item));
        }
        self.messages.since(&self.moment(item.alert.changed), self.lasted(item))
    }

    fn lasted(&self, item: &Item) -> Option<Duration> {
        Duration::try_from(self.of.now.duration_since(item.alert.changed)).ok()
    }

    fn past(&self, item: &Item) -> PastIncident {
        let ended = item.alert.changed;
        let runs = item.metrics.as_ref().and_then(|metrics| metrics.during.runs);
        PastIncident {
            began: item
                .incident
                .zip(item.lasted(ended))
                .map(|(incident, lasted)| (self.moment(incident.since), lasted)),
            until: self.moment(ended),
            failed: runs.filter(|runs| 0 < runs.failed()),
        }
    }

    fn moment(&self, at: Timestamp) -> String {
        moment(at, self.messages, &self.of.zone)
    }

    fn pairs(&self, all: &BTreeMap<String, String>) -> String {
        let mut text = String::new();
        for (name, value) in all.iter().take(LABELS) {
            line(&mut text, &format!("  {} = {}", brief(name, LABEL), brief(value, LABEL)));
        }
        if LABELS < all.len() {
            let more = all.len() - LABELS;
            line(&mut text, &format!("{} (+{more})", self.messages.labels().and_more));
        }
        text
    }

    fn evidence(&self, body: &mut String, item: &Item, situation: Situation) {
        let labels = self.messages.labels();
        let heading = match situation {
            Situation::Degraded(Slowness::FirstChunk | Slowness::Reply) => labels.late,
            _ => labels.failed,
        };
        match &item.report {
            Some(report) => section(body, heading, &self.run(item, report, situation)),
            // Without data there is no report.
            None if matches!(situation, Situation::NoData(_)) => {}
            None => section(body, heading, labels.no_report),
        }
    }

    /// What the report says: the turn, its prompt and answer, and how the run ended.
    fn run(&self, item: &Item, report: &Report, situation: Situation) -> String {
        let observed = self.observed(item, report, situation);
        let mut text = String::new();
        line(&mut text, &observed.place);
        for (label, value) in observed.rows {
            row(&mut text, label, &value);
        }
        text
    }

    pub(super) fn observed(&self, item: &Item, report: &Report, situation: Situation) -> Observed {
        let labels = self.messages.labels();
        let at = self.second(report.due);
        let others =
            if let Situation::Degraded(_) = situation { Attempts::One } else { attempts(report) };
        let attempt = decisive_attempt(report, situation);
        let turn = attempt.and_then(|attempt| Some((attempt, decisive_turn(report, attempt)?)));
        let (place, mut rows) = match turn {
            Some((attempt, turn)) => (
                self.messages.turn(turn + 1, report.turns, &at, &others),
                self.turn(&attempt.turns[turn]),
            ),
            None => (self.messages.before_first_turn(&at, &others), Vec::new()),
        };
        let took = match measurement(item, situation) {
            Measurement::Late { what, measured, objective, .. } => {
                Some(self.messages.late(what, measured, objective))
            }
            Measurement::TimedOut { after, .. } => Some(self.messages.timed_out(after)),
            _ => None,
        };
        rows.extend(took.map(|took| (labels.took, took)));
        let failure = attempt.and_then(|attempt| attempt.failure.as_ref());
        let detail = match (failure, attempt) {
            (Some(failure), _) => &*failure.prose,
            (None, Some(_)) => "",
            (None, None) => &*report.detail,
        };
        let detail = match situation {
            Situation::Down(Some(reason)) | Situation::DownFrom(Some(reason)) => {
                self.messages.detail(reason, detail)
            }
            _ => Some(detail.to_owned()),
        };
        let detail = detail.filter(|detail| !detail.is_empty());
        rows.extend(detail.map(|detail| (labels.detail, brief(&detail, QUOTE))));
        Observed { place, rows }
    }

    fn turn(&self, turn: &TurnReport) -> Vec<(&'static str, String)> {
        let labels = self.messages.labels();
        let quoted = |said: &str| {
            let said = brief(said, QUOTE);
            if said.is_empty() { labels.no_answer.to_owned() } else { said }
        };
        let mut rows = vec![(labels.said, brief(&turn.said, QUOTE))];
        let mut failed = turn.checks.iter().filter(|check| !check.passed).peekable();
        if failed.peek().is_none() {
            rows.push((labels.answered, quoted(&turn.answer())));
        }
        for check in failed {
            rows.push((labels.expected, brief(&self.messages.expected(&check.expected), QUOTE)));
            rows.push((labels.found, quoted(&self.messages.found(&check.found))));
        }
        rows
    }

    /// Day and second.
    fn second(&self, at: Timestamp) -> String {
        format!("{} UTC", at.strftime(&format!("{}:%S", self.messages.date_format())))
    }

    /// One line for each location of the bot.
    fn seen_from(&self) -> String {
        let all = &self.of.seen_from;
        let width = all.iter().map(|one| one.location.as_str().len()).max().unwrap_or(0) + 2;
        let mut text = String::new();
        for SeenFrom { location, state } in all {
            let location = padded(location.as_str(), width);
            line(&mut text, &format!("  {location}{}", self.messages.seen(*state)));
        }
        text
    }

    fn others(&self) -> String {
        let environment = self.of.environment.as_str();
        open_alarms(self.of.others.as_deref(), environment, self.messages, &self.of.zone)
    }

    /// What to do, with the names of this alarm in the commands.
    pub(super) fn steps(&self, item: &Item, situation: Situation) -> Vec<String> {
        let probe = item.alert.subject.probe().map(ToString::to_string).unwrap_or_default();
        let instance = item.report.as_ref().map(|report| &*report.instance).unwrap_or_default();
        let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host);
        let url = item.report.as_ref().and_then(|report| report.url.clone());
        let url = url.unwrap_or_else(|| format!("https://{instance}"));
        let steps = self.messages.steps(situation).iter().map(|step| {
            step.replace("{probe}", &probe)
                .replace("{environment}", self.of.environment.as_str())
                .replace("{instance}", instance)
                .replace("{host}", host)
                .replace("{url}", &url)
        });
        steps.collect()
    }

    fn links(&self, item: &Item, situation: Situation) -> String {
        let labels = self.messages.labels();
        let pages = self.pages(item, situation);
        let mut text = String::new();
        if let Some((page, command)) = &pages.report {
            row(&mut text, labels.report, page);
            if !command.is_empty() {
                row(&mut text, "", command);
            }
        }
        for (index, runbook) in pages.runbooks.iter().enumerate() {
            row(&mut text, if index == 0 { labels.runbook } else { "" }, runbook);
        }
        if let Some(alarm) = &pages.alarm {
            row(&mut text, labels.alarm, alarm);
        }
        if let Some(dashboard) = &self.of.dashboard {
            row(&mut text, labels.dashboard, dashboard);
        }
        text
    }

    pub(super) fn pages(&self, item: &Item, situation: Situation) -> Pages {
        let alert = &item.alert;
        let report = item.report.as_ref().map(|report| {
            let key = report.key();
            if let Some(address) = &self.of.status_page {
                let due = report.due.as_millisecond();
                return (format!("{address}/probes/{}/runs/{due}", report.probe), String::new());
            }
            let page = links::object(&self.of.bucket, &format!("{key}.html"), &self.of.region);
            (page, format!("vigie report {key}"))
        });
        let runbook =
            alert.runbook.as_ref().or(item.report.as_ref().and_then(|r| r.runbook.as_ref()));
        // The probe's own runbook comes first, and may be a page of Vigie already.
        let own = runbook.is_some_and(|own| own.starts_with(&links::docs("runbook")));
        // Vigie's runbook is about the deployment on AWS.
        let is_elsewhere = own || self.of.status_page.is_some();
        let page = self.messages.runbook(situation).map(links::docs).filter(|_| !is_elsewhere);
        let runbooks = runbook.map(|own| one_line(own)).into_iter().chain(page).collect();
        Pages { report, runbooks, alarm: alert.link.as_ref().map(|link| one_line(link)) }
    }

    /// `None` when there are no reminders that an acknowledgement would stop. Alerts of Alertmanager may share a name.
    pub(super) fn acknowledge_command(&self, item: &Item) -> Option<String> {
        let alert = &item.alert;
        let reminded = item.severity == Severity::Page
            && item.acknowledged.is_none()
            && alert.state != State::Ok
            && alert.test.is_none();
        let name = match &self.of.status_page {
            _ if !reminded => return None,
            Some(_) => alert.subject.probe()?.as_str(),
            None if matches!(alert.source, Source::CloudWatch | Source::EventBridge) => &alert.name,
            None => return None,
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let place = match &self.of.status_page {
            Some(url) => format!("--url {url}"),
            None => format!("--environment {}", self.of.environment),
        };
        let pastes =
            name.len() <= ALARM_NAME && name.bytes().all(is_plain) && !name.starts_with('-');
        pastes.then(|| format!("vigie alerts ack {name} --by \"$USER\" {place}"))
    }

    /// `None` for alarms that `vigie mute` does not affect: those of an Alertmanager are silenced there, and those of
    /// `vigie serve` are not in CloudWatch.
    pub(super) fn mute_command(&self, item: &Item) -> Option<String> {
        let alert = &item.alert;
        let mutable = matches!(alert.source, Source::CloudWatch | Source::EventBridge)
            && alert.state != State::Ok
            && self.of.status_page.is_none();
        let probe = alert.subject.probe().filter(|_| mutable)?;
        let reason = self.messages.labels().mute_reason;
        let environment = &self.of.environment;
        Some(format!(
            "vigie mute {probe} --environment {environment} --for 2h --reason \"{reason}\""
        ))
    }

    fn footer(&self, item: &Item, situation: Situation) -> String {
        let alert = &item.alert;
        let team = alert.labels.get("team").map(|team| one_line(team));
        let team = team.as_deref().filter(|team| !team.is_empty());
        let reason = if situation == Situation::Unreadable { "" } else { &*alert.reason };
        let name = name(&alert.name);
        self.messages.footer(item.severity.as_str(), team, &name, &brief(reason, 400))
    }
}
