//! The layout of a notification, the same in every language: what happened first, what to do next,
//! where to look last. Pure, so that whole mails are compared in the tests.
//!
//! Each sentence says what the ones before it did not: the subject what is wrong, the first line since
//! when, the second what users see of it, the evidence the rest.

use std::time::Duration;

use domain::alert::{State, Subject};
use domain::alert_memory::News;
use domain::report::{Attempt, Report};
use jiff::Timestamp;

use crate::comparison::comparison;
use crate::layout::{line, moment, numbered, row, section};
use crate::links;
use crate::notification::{Item, Notification, Other, Zone};
use crate::plot::{measured, plot, plot_of, telling_attempt, telling_turn};
use crate::text::{brief, one_line, subject};
use crate::words::{Language, Measured, Past, Plot, Slow, Tally, Telling, Words};

/// A notification as SNS takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// ASCII, at most 99 characters.
    pub subject: String,
    /// Plain text, well below SNS's 256 KB.
    pub body: String,
}

/// The longest list of alarms in one mail; the rest is counted.
pub(crate) const LONGEST_LIST: usize = 50;
/// The most other alarms that are named.
const MOST_OTHERS: usize = 10;
/// Widest line of what a bot said.
const QUOTE: usize = 300;

/// Writes the mail for `notification`.
#[must_use]
pub fn write(notification: &Notification, language: Language) -> Mail {
    let writer = Writer { of: notification, words: language.words() };
    match notification.items.as_slice() {
        [item] => writer.single(item),
        items => writer.list(items),
    }
}

struct Writer<'a> {
    of: &'a Notification,
    words: &'static dyn Words,
}

impl Writer<'_> {
    fn single(&self, item: &Item) -> Mail {
        let alert = item.alert();
        let plot = plot(item);
        let how = telling(item.news);
        let labels = self.words.labels();

        let mut body = String::new();
        if alert.test.is_some() {
            line(&mut body, self.words.test_note());
            body.push('\n');
        }
        if let Some(again) = self.words.again(how) {
            line(&mut body, &again);
        }
        line(&mut body, &self.headline(item, plot));
        line(&mut body, self.words.users_see(plot));

        if plot == Plot::Unreadable {
            section(&mut body, labels.message, &alert.reason);
        } else if !alert.description.is_empty() && alert.subject.probe().is_none() {
            section(&mut body, labels.author, &alert.description);
        }
        if let Plot::Down(_) | Plot::Degraded(_) | Plot::Blind(_) = plot {
            self.evidence(&mut body, item, plot);
        }
        if let Some(figures) = &item.figures {
            comparison(&mut body, figures, alert.state, self.words);
        } else if alert.subject.probe().is_some() {
            section(&mut body, labels.comparison, labels.no_figures);
        }
        if alert.state != State::Ok {
            section(&mut body, labels.others, &self.others());
        }
        section(&mut body, labels.next, &self.recipe(item, plot));
        section(&mut body, labels.links, &self.links(item, plot));
        if let Some(probe) = alert.subject.probe().filter(|_| alert.state != State::Ok) {
            let why = labels.mute_why;
            let environment = &self.of.environment;
            let mute = format!(
                "vigie mute {probe} --environment {environment} --for 2h --why \"{why}\"\n{}",
                self.words.mute_whole()
            );
            section(&mut body, labels.mute, &mute);
        }
        body.push('\n');
        line(&mut body, &self.footer(item, plot));
        Mail { subject: self.subject(item, plot, how), body }
    }

    fn subject(&self, item: &Item, plot: Plot, telling: Telling) -> String {
        let alert = item.alert();
        let state = self.words.state(plot, telling);
        let test = match alert.test {
            Some(_) => format!("[{}] ", self.words.test_mark()),
            None => String::new(),
        };
        let what = match &alert.subject {
            Subject::Foreign { .. } if !alert.reason.is_empty() => brief(&alert.reason, 60),
            _ => self.what(item, plot),
        };
        let colon = self.words.colon();
        subject(&format!("{test}{state} {}{colon}{what}", self.name(item)))
    }

    /// What is wrong in a few words, with the measurement that says most.
    fn what(&self, item: &Item, plot: Plot) -> String {
        let said = self.words.measured(&measured(item, plot));
        let said = said.map(|measured| format!(", {measured}")).unwrap_or_default();
        format!("{}{said}", self.words.what(plot))
    }

    fn name(&self, item: &Item) -> String {
        format!("{} ({})", one_line(item.alert().title()), self.of.environment)
    }

    fn headline(&self, item: &Item, plot: Plot) -> String {
        let alert = item.alert();
        // A subject has no room for the region, and mostly one needs no telling.
        let title = one_line(alert.title());
        let name = format!("{title} ({}, {})", self.of.environment, self.of.region);
        if alert.state == State::Ok {
            return self.words.over(plot, &name, &self.past(item));
        }
        self.words.headline(plot, &name, &self.moment(alert.changed), self.lasted(item))
    }

    /// The same within a list, where the name and what is wrong stand before it.
    fn when(&self, item: &Item) -> String {
        let alert = item.alert();
        if alert.state == State::Ok {
            return self.words.lasted(&self.past(item));
        }
        self.words.since(&self.moment(alert.changed), self.lasted(item))
    }

    fn lasted(&self, item: &Item) -> Option<Duration> {
        Duration::try_from(self.of.now.duration_since(item.alert().changed)).ok()
    }

    fn past(&self, item: &Item) -> Past {
        let ended = item.alert().changed;
        let runs = item.figures.as_ref().and_then(|figures| figures.during.runs);
        Past {
            stretch: item
                .memory
                .trouble
                .zip(item.lasted(ended))
                .map(|(trouble, lasted)| (self.moment(trouble.since), lasted)),
            until: self.moment(ended),
            failed: runs.filter(|runs| 0 < runs.failed()),
        }
    }

    fn moment(&self, at: Timestamp) -> String {
        moment(at, self.words, &self.of.zone)
    }

    fn evidence(&self, body: &mut String, item: &Item, plot: Plot) {
        let labels = self.words.labels();
        let heading = match plot {
            Plot::Degraded(Slow::FirstChunk | Slow::Reply) => labels.late,
            _ => labels.failed,
        };
        match &item.report {
            Some(report) => section(body, heading, &self.seen(item, report, plot)),
            // Being blind is having no report.
            None if matches!(plot, Plot::Blind(_)) => {}
            None => section(body, heading, labels.no_report),
        }
    }

    /// What the report has on it: the turn, what was said and came, and how the visit ended.
    fn seen(&self, item: &Item, report: &Report, plot: Plot) -> String {
        let labels = self.words.labels();
        let mut text = String::new();
        let at = self.second(report.due);
        let retries = if let Plot::Degraded(_) = plot { 0 } else { report.retries() };
        let attempt = telling_attempt(report, plot);
        match attempt.and_then(|attempt| Some((attempt, telling_turn(report, attempt)?))) {
            Some((attempt, turn)) => {
                line(&mut text, &self.words.turn(turn + 1, report.turns, &at, retries));
                self.turn(&mut text, attempt, turn);
            }
            None => line(&mut text, &self.words.visit(&at, retries)),
        }
        let took = match measured(item, plot) {
            Measured::Late { what, measured, objective, .. } => {
                Some(self.words.late(what, measured, objective))
            }
            Measured::GivenUp { after, .. } => Some(self.words.gave_up(after)),
            _ => None,
        };
        if let Some(took) = took {
            row(&mut text, labels.took, &took);
        }
        let failure = attempt.and_then(|attempt| attempt.failure.as_ref());
        let detail = match (failure, attempt) {
            (Some(failure), _) => &*failure.prose,
            (None, Some(_)) => "",
            (None, None) => &*report.detail,
        };
        let detail = match plot {
            Plot::Down(Some(reason)) => self.words.prose(reason, detail),
            _ => Some(detail.to_owned()),
        };
        if let Some(detail) = detail.filter(|detail| !detail.is_empty()) {
            row(&mut text, labels.detail, &brief(&detail, QUOTE));
        }
        text
    }

    fn turn(&self, text: &mut String, attempt: &Attempt, turn: usize) {
        let labels = self.words.labels();
        let quoted = |said: &str| {
            let said = brief(said, QUOTE);
            if said.is_empty() { labels.no_answer.to_owned() } else { said }
        };
        let turn = &attempt.turns[turn];
        row(text, labels.said, &brief(&turn.said, QUOTE));
        let mut failed = turn.checks.iter().filter(|check| !check.passed).peekable();
        if failed.peek().is_none() {
            row(text, labels.answered, &quoted(&turn.answered));
        }
        for check in failed {
            row(text, labels.expected, &brief(&self.words.expected(&check.expected), QUOTE));
            row(text, labels.found, &quoted(&self.words.found(&check.found)));
        }
    }

    /// `14:04:30 UTC`, with its day.
    fn second(&self, at: Timestamp) -> String {
        format!("{} UTC", at.strftime(&format!("{}:%S", self.words.moment())))
    }

    fn others(&self) -> String {
        let environment = self.of.environment.as_str();
        others(self.of.others.as_deref(), environment, self.words, &self.of.zone)
    }

    /// What to do, with this alarm's own names in the commands.
    fn recipe(&self, item: &Item, plot: Plot) -> String {
        let probe = item.alert().subject.probe().map(ToString::to_string).unwrap_or_default();
        let instance = item.report.as_ref().map(|report| &*report.instance).unwrap_or_default();
        let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host);
        let url = item.report.as_ref().and_then(|report| report.url.clone());
        let url = url.unwrap_or_else(|| format!("https://{instance}"));
        let steps = self.words.recipe(plot).iter().map(|step| {
            step.replace("{probe}", &probe)
                .replace("{environment}", self.of.environment.as_str())
                .replace("{instance}", instance)
                .replace("{host}", host)
                .replace("{url}", &url)
        });
        numbered(&steps.collect::<Vec<String>>())
    }

    fn links(&self, item: &Item, plot: Plot) -> String {
        let labels = self.words.labels();
        let alert = item.alert();
        let mut text = String::new();
        if let Some(report) = &item.report {
            let key = report.key();
            let page = links::object(&self.of.bucket, &format!("{key}.html"), &self.of.region);
            row(&mut text, labels.report, &page);
            row(&mut text, "", &format!("vigie report {key}"));
        }
        let runbook =
            alert.runbook.as_ref().or(item.report.as_ref().and_then(|r| r.runbook.as_ref()));
        if let Some(runbook) = runbook {
            row(&mut text, labels.runbook, runbook);
        }
        // The probe's own comes first, and may be a page of Vigie's already.
        let page = self.words.runbook(plot).map(links::docs);
        let own = runbook.is_some_and(|own| own.starts_with(&links::docs("runbook")));
        if let Some(page) = page.filter(|_| !own) {
            row(&mut text, if runbook.is_some() { "" } else { labels.runbook }, &page);
        }
        if let Some(link) = &alert.link {
            row(&mut text, labels.alarm, link);
        }
        if let Some(dashboard) = &self.of.dashboard {
            row(&mut text, labels.dashboard, dashboard);
        }
        text
    }

    fn footer(&self, item: &Item, plot: Plot) -> String {
        let alert = item.alert();
        let team = alert.labels.get("team").map(String::as_str);
        let reason = if plot == Plot::Unreadable { "" } else { &*alert.reason };
        self.words.footer(item.memory.severity.as_str(), team, &alert.name, &brief(reason, 400))
    }

    fn list(&self, items: &[Item]) -> Mail {
        let environment = self.of.environment.as_str();
        let labels = self.words.labels();
        let mut tally = Tally::default();
        let mut body = String::new();
        let place = place(environment, &self.of.region);
        line(&mut body, &self.words.group_headline(items.len(), &place));
        body.push('\n');
        for (index, item) in items.iter().enumerate() {
            let plot = plot(item);
            tally.count(plot);
            if index < LONGEST_LIST {
                self.listed(&mut body, item, plot);
            }
        }
        if LONGEST_LIST < items.len() {
            line(&mut body, &format!("{} (+{})", labels.and_more, items.len() - LONGEST_LIST));
        }
        if items.iter().any(|item| item.alert().state != State::Ok) {
            section(&mut body, labels.others, &self.others());
        }
        dashboard(&mut body, self.of.dashboard.as_deref(), self.words);
        let names: Vec<&str> = items.iter().take(4).map(|item| item.alert().title()).collect();
        let more = items.len() - names.len();
        let more = if more == 0 { String::new() } else { format!(", +{more}") };
        let names = format!("{}{more}", names.join(", "));
        Mail { subject: subject(&self.words.group_subject(tally, environment, &names)), body }
    }

    fn listed(&self, body: &mut String, item: &Item, plot: Plot) {
        let alert = item.alert();
        let state = self.words.state(plot, telling(item.news));
        let what = match alert.subject {
            Subject::Foreign { .. } | Subject::Unreadable => brief(&alert.reason, 200),
            _ => self.what(item, plot),
        };
        let title = one_line(alert.title());
        line(body, &format!("{state}  {title}{}{what}", self.words.colon()));
        row(body, "", &self.when(item));
        if let Some(report) = &item.report {
            row(body, "", &format!("vigie report {}", report.key()));
        }
        let runbook = alert.runbook.as_ref();
        if let Some(link) = runbook.or(alert.link.as_ref()).filter(|_| alert.state != State::Ok) {
            row(body, "", link);
        }
    }
}

fn telling(news: News) -> Telling {
    match news {
        News::Changed => Telling::First,
        News::Reminder => Telling::Still,
        News::Flapping { changes } => Telling::Flapping(changes),
        News::Settled => Telling::Settled,
        News::Escalation => Telling::Escalated,
    }
}

/// The environment, told from those of the same name in other regions.
pub(crate) fn place(environment: &str, region: &str) -> String {
    format!("{environment} ({region})")
}

/// The other alarms that are up, one a line.
pub(crate) fn others(
    up: Option<&[Other]>,
    environment: &str,
    words: &dyn Words,
    zone: &Zone,
) -> String {
    let labels = words.labels();
    match up {
        None => labels.others_unknown.to_owned(),
        Some([]) => words.all_well(environment),
        Some(others) => {
            let mut text = String::new();
            for other in others.iter().take(MOST_OTHERS) {
                let at = moment(other.since, words, zone);
                let title = one_line(other.alert.title());
                line(&mut text, &words.also(plot_of(&other.alert), &title, &at));
            }
            if MOST_OTHERS < others.len() {
                let more = others.len() - MOST_OTHERS;
                line(&mut text, &format!("{} (+{more})", labels.and_more));
            }
            text
        }
    }
}

pub(crate) fn dashboard(body: &mut String, link: Option<&str>, words: &dyn Words) {
    let labels = words.labels();
    if let Some(link) = link {
        let mut text = String::new();
        row(&mut text, labels.dashboard, link);
        section(body, labels.links, &text);
    }
}
