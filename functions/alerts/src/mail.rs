//! The layout of a notification, the same in every language: what happened first, what to do next,
//! where to look last. Pure, so that whole mails are compared in the tests.

use std::fmt::Write as _;
use std::time::Duration;

use domain::alert::{Alert, State, Subject};
use domain::alert_memory::News;
use domain::report::{Attempt, Objective, Report};
use domain::{Outcome, Severity};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::links;
use crate::notification::{Figures, Item, Notification, Other, Runs, Week, Zone};
use crate::text::{brief, one_line, padded, sparkline, subject, to_the_right};
use crate::words::{Language, Measured, Plot, Slow, Tally, Telling, Trouble, Words};

/// A notification as SNS takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// ASCII, at most 99 characters.
    pub subject: String,
    /// Plain text, well below SNS's 256 KB.
    pub body: String,
}

/// The longest list of alarms in one mail; the rest is counted.
const LONGEST_LIST: usize = 50;
/// Widest line of what a bot said.
const QUOTE: usize = 300;
/// Width of the first column of lists.
const COLUMN: usize = 11;

/// Writes the mail for `notification`.
#[must_use]
pub fn write(notification: &Notification, language: Language) -> Mail {
    let writer = Writer { of: notification, words: language.words() };
    match notification.items.as_slice() {
        [item] => writer.single(item),
        items => writer.list(items),
    }
}

/// Writes the mail of the week: one line a probe, the worst first.
#[must_use]
pub fn write_week(week: &Week, language: Language) -> Mail {
    let words = language.words();
    let labels = words.labels();
    let environment = week.environment.as_str();
    let mut body = String::new();
    line(&mut body, &words.week_headline(environment));
    let mut probes = week.probes.clone().unwrap_or_default();
    probes.sort_by(|a, b| a.runs.availability().total_cmp(&b.runs.availability()));
    let mut text = String::new();
    for probe in probes.iter().take(LONGEST_LIST) {
        let share = to_the_right(&words.percent(probe.runs.availability()), 8);
        let Runs { passed, total } = probe.runs;
        let name = padded(probe.probe.as_str(), 30);
        line(&mut text, &format!("{name} {share}   ({passed}/{total} {})", labels.runs));
    }
    if LONGEST_LIST < probes.len() {
        line(&mut text, &format!("{} (+{})", labels.and_more, probes.len() - LONGEST_LIST));
    }
    let text = if week.probes.is_none() { labels.no_figures } else { &text };
    section(&mut body, labels.week, text);
    let others = others(week.up.as_deref(), environment, words, &week.zone);
    section(&mut body, labels.others, &others);
    if let Some(dashboard) = &week.dashboard {
        let mut text = String::new();
        row(&mut text, labels.dashboard, dashboard);
        section(&mut body, labels.links, &text);
    }
    let counted = week.probes.as_ref().map(Vec::len);
    let up = week.up.as_ref().map(Vec::len);
    Mail { subject: subject(&words.week_subject(environment, counted, up)), body }
}

struct Writer<'a> {
    of: &'a Notification,
    words: &'static dyn Words,
}

impl Writer<'_> {
    fn single(&self, item: &Item) -> Mail {
        let alert = item.alert();
        let plot = plot(item);
        let telling = self.telling(item);
        let labels = self.words.labels();
        let environment = self.of.environment.as_str();

        let mut body = String::new();
        if alert.test.is_some() {
            line(&mut body, self.words.test_note());
            body.push('\n');
        }
        line(&mut body, &self.words.headline(plot, telling, alert.title(), environment));
        line(&mut body, self.words.users_see(plot));
        body.push('\n');
        line(&mut body, &self.when(item));
        if let (Plot::Recovered(_), Some(runs)) =
            (plot, item.figures.as_ref().and_then(|f| f.during.runs))
        {
            line(&mut body, &self.words.share_failed(runs.failed(), runs.total));
        }

        if plot == Plot::Unreadable {
            section(&mut body, labels.message, &alert.reason);
        } else if !alert.description.is_empty() && alert.subject.probe().is_none() {
            section(&mut body, labels.author, &alert.description);
        }
        if let Plot::Down(_) | Plot::Degraded(_) | Plot::Blind = plot {
            self.evidence(&mut body, item, plot);
        }
        if let Some(figures) = &item.figures {
            section(&mut body, labels.comparison, &self.comparison(figures, alert.state));
        } else if alert.subject.probe().is_some() {
            section(&mut body, labels.comparison, labels.no_figures);
        }
        if alert.state != State::Ok {
            section(&mut body, labels.others, &self.others());
        }
        section(&mut body, labels.next, &numbered(self.words.recipe(plot)));
        section(&mut body, labels.links, &self.links(item));
        if let Some(probe) = alert.subject.probe().filter(|_| alert.state != State::Ok) {
            let why = labels.mute_why;
            let mute = format!(
                "vigie mute {probe} --environment {environment} --for 2h --why \"{why}\"\n{}",
                self.words.mute_whole()
            );
            section(&mut body, labels.mute, &mute);
        }
        body.push('\n');
        line(&mut body, &self.footer(item, plot));
        Mail { subject: self.subject(item, plot, telling), body }
    }

    fn subject(&self, item: &Item, plot: Plot, telling: Telling) -> String {
        let alert = item.alert();
        let state = self.words.state(plot, telling);
        let test = match alert.test {
            Some(_) => format!("[{}] ", self.words.test_mark()),
            None => String::new(),
        };
        let name = alert.title();
        let environment = &self.of.environment;
        let what = match &alert.subject {
            Subject::Foreign { .. } if !alert.reason.is_empty() => brief(&alert.reason, 60),
            _ => self.words.what(plot).to_owned(),
        };
        let said = self.words.measured(&measured(item, plot));
        let said = said.map(|measured| format!(", {measured}")).unwrap_or_default();
        let colon = self.words.colon();
        subject(&format!("{test}{state} {name} ({environment}){colon}{what}{said}"))
    }

    fn telling(&self, item: &Item) -> Telling {
        match item.news {
            News::Changed => Telling::First,
            News::Reminder => Telling::Still(item.lasted(self.of.now)),
            News::Flapping { changes } => Telling::Flapping(changes),
            News::Settled => Telling::Settled,
            News::Escalation => Telling::Escalated(item.lasted(self.of.now)),
        }
    }

    fn when(&self, item: &Item) -> String {
        let alert = item.alert();
        if alert.state == State::Ok {
            let to = self.moment(alert.changed);
            return match (item.memory.trouble, item.lasted(alert.changed)) {
                (Some(trouble), Some(lasted)) => {
                    self.words.over(lasted, &self.moment(trouble.since), &to)
                }
                _ => to,
            };
        }
        let lasted = Duration::try_from(self.of.now.duration_since(alert.changed)).ok();
        self.words.since(&self.moment(alert.changed), lasted)
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
        let Some(report) = &item.report else {
            // Being blind is having no report.
            if plot != Plot::Blind {
                section(body, heading, labels.no_report);
            }
            return;
        };
        let mut text = String::new();
        let at = self.second(report.due);
        let retries = if let Plot::Degraded(_) = plot { 0 } else { report.retries() };
        // What passed only on retry is told by the try that failed: users meet that one.
        let on_retry = plot == Plot::Degraded(Slow::Retry);
        let attempt = if on_retry { report.attempts.first() } else { report.last() };
        let turn = attempt.and_then(|attempt| telling_turn(report, attempt));
        let mut checked = false;
        match (turn, attempt) {
            (Some(index), Some(attempt)) => {
                line(&mut text, &self.words.turn(index + 1, report.turns, &at, retries));
                let turn = &attempt.turns[index];
                row(&mut text, labels.said, &brief(&turn.said, QUOTE));
                for check in turn.checks.iter().filter(|check| !check.passed) {
                    row(&mut text, labels.expected, &brief(&check.expected, QUOTE));
                    row(&mut text, labels.found, &quoted(&check.found, labels.no_answer));
                    checked = true;
                }
                if !checked {
                    row(&mut text, labels.answered, &quoted(&turn.answered, labels.no_answer));
                }
            }
            _ => line(&mut text, &self.words.visit(&at, retries)),
        }
        let measured = measured(item, plot);
        let told_anyway = checked || matches!(measured, Measured::Prose(_));
        if let Some(measured) = self.words.measured(&measured).filter(|_| !told_anyway) {
            row(&mut text, "→", &measured);
        }
        if !report.detail.is_empty() && !checked {
            row(&mut text, labels.detail, &brief(&report.detail, QUOTE));
        }
        section(body, heading, &text);
    }

    /// `14:04:30 UTC`, with its day.
    fn second(&self, at: Timestamp) -> String {
        format!("{} UTC", at.strftime(&format!("{}:%S", self.words.moment())))
    }

    fn comparison(&self, figures: &Figures, state: State) -> String {
        let labels = self.words.labels();
        let (before, during) = (figures.before, figures.during);
        let mut text = String::new();
        let mut columns = |label: &str, before: &str, during: &str, rest: &str| {
            let before = to_the_right(before, 10);
            let during = to_the_right(during, 12);
            line(&mut text, format!("{}{before}{during}{rest}", padded(label, 22)).trim_end());
        };
        let later = if state == State::Ok { labels.meanwhile } else { labels.during };
        columns("", labels.before, later, "");
        let share = |runs: Option<Runs>| {
            runs.map_or("-".to_owned(), |runs| self.words.percent(runs.availability()))
        };
        let counted = during.runs.map(|runs| format!("   ({}/{})", runs.passed, runs.total));
        columns(
            labels.availability,
            &share(before.runs),
            &share(during.runs),
            &counted.unwrap_or_default(),
        );
        let time = |seconds: Option<f64>| {
            seconds.map_or("-".to_owned(), |seconds| self.words.seconds(seconds))
        };
        let (p50, p95) = (labels.first_chunk_p50, labels.first_chunk_p95);
        columns(p50, &time(before.first_chunk_p50), &time(during.first_chunk_p50), "");
        columns(p95, &time(before.first_chunk_p95), &time(during.first_chunk_p95), "");
        if figures.line.iter().any(Option::is_some) {
            let whole = figures.step * u32::try_from(figures.line.len()).unwrap_or(u32::MAX);
            line(&mut text, &self.words.line(whole, figures.step, &sparkline(&figures.line)));
        }
        text
    }

    fn others(&self) -> String {
        let environment = self.of.environment.as_str();
        others(self.of.others.as_deref(), environment, self.words, &self.of.zone)
    }

    fn links(&self, item: &Item) -> String {
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
        line(&mut body, &self.words.group_headline(items.len(), environment));
        body.push('\n');
        for (index, item) in items.iter().enumerate() {
            let plot = plot(item);
            *match plot {
                Plot::Down(_) => &mut tally.down,
                Plot::Degraded(_) => &mut tally.degraded,
                Plot::Blind => &mut tally.blind,
                Plot::Recovered(_) | Plot::PipelineOver | Plot::ForeignOver => &mut tally.over,
                Plot::Pipeline | Plot::Foreign | Plot::Unreadable => &mut tally.other,
            } += 1;
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
        if let Some(dashboard) = &self.of.dashboard {
            let mut text = String::new();
            row(&mut text, labels.dashboard, dashboard);
            section(&mut body, labels.links, &text);
        }
        let names: Vec<&str> = items.iter().take(4).map(|item| item.alert().title()).collect();
        let more = items.len() - names.len();
        let more = if more == 0 { String::new() } else { format!(", +{more}") };
        let names = format!("{}{more}", names.join(", "));
        Mail { subject: subject(&self.words.group_subject(tally, environment, &names)), body }
    }

    fn listed(&self, body: &mut String, item: &Item, plot: Plot) {
        let alert = item.alert();
        let state = self.words.state(plot, self.telling(item));
        let said = self.words.measured(&measured(item, plot));
        let said = said.map(|measured| format!(", {measured}")).unwrap_or_default();
        let what = match alert.subject {
            Subject::Foreign { .. } | Subject::Unreadable => brief(&alert.reason, 200),
            _ => self.words.what(plot).to_owned(),
        };
        line(body, &format!("{state}  {}{}{what}{said}", alert.title(), self.words.colon()));
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

/// The measurement that says most about `item`.
fn measured(item: &Item, plot: Plot) -> Measured {
    let during = item.figures.as_ref().and_then(|figures| figures.during.runs);
    if let Plot::Recovered(_) = plot {
        return during.map_or(Measured::Nothing, |runs| Measured::Runs {
            failed: runs.failed(),
            total: runs.total,
        });
    }
    let report = item.report.as_ref();
    match (plot, report.and_then(|report| Some((report, report.last()?)))) {
        (Plot::Down(_), Some((report, attempt))) => down_measured(report, attempt),
        (Plot::Degraded(Slow::Retry), Some(_)) => Measured::Retry,
        (Plot::Degraded(slow), Some((_, attempt))) => late(attempt)
            .filter(|missed| missed.0 == slow)
            .map_or(Measured::Nothing, |(what, missed)| Measured::Late {
                turn: missed.turn + 1,
                what,
                measured: missed.measured,
                objective: missed.objective,
            }),
        (Plot::Down(_), None) => match (report, during) {
            (Some(report), _) => Measured::Prose(report.detail.clone()),
            (None, Some(runs)) => Measured::Runs { failed: runs.failed(), total: runs.total },
            (None, None) => Measured::Nothing,
        },
        _ => Measured::Nothing,
    }
}

/// `2026-11-22 14:05 UTC (15:05 Europe/Paris)`; the other day too where the zone has one.
fn moment(at: Timestamp, words: &dyn Words, zone: &Zone) -> String {
    let format = words.moment();
    let utc = at.strftime(format).to_string();
    if zone.name == "UTC" {
        return format!("{utc} UTC");
    }
    let there = at.to_zoned(zone.rules.clone());
    let same_day = there.date() == at.to_zoned(TimeZone::UTC).date();
    let there = there.strftime(if same_day { "%H:%M" } else { format });
    format!("{utc} UTC ({there} {})", zone.name)
}

fn others(up: Option<&[Other]>, environment: &str, words: &dyn Words, zone: &Zone) -> String {
    let labels = words.labels();
    match up {
        None => labels.others_unknown.to_owned(),
        Some([]) => words.all_well(environment),
        Some(others) => {
            let mut text = String::new();
            for other in others.iter().take(10) {
                let at = moment(other.since, words, zone);
                line(&mut text, &words.also(&one_line(other.alert.title()), &at));
            }
            if 10 < others.len() {
                line(&mut text, &format!("{} (+{})", labels.and_more, others.len() - 10));
            }
            text
        }
    }
}

/// What a mail about `item` is about.
fn plot(item: &Item) -> Plot {
    let alert = item.alert();
    let over = alert.state == State::Ok;
    let blind = alert.state == State::InsufficientData;
    match &alert.subject {
        Subject::Down { .. } | Subject::Degraded { .. } if over => {
            Plot::Recovered(match (&alert.subject, item.memory.trouble) {
                (_, Some(trouble)) if !trouble.rose => Trouble::Blind,
                (Subject::Degraded { .. }, _) => Trouble::Degraded,
                _ => Trouble::Down,
            })
        }
        Subject::Down { .. } | Subject::Degraded { .. } if blind => Plot::Blind,
        Subject::Down { .. } => {
            Plot::Down(item.report.as_ref().and_then(|report| report.outcome.reason()))
        }
        Subject::Degraded { .. } => Plot::Degraded(slow(item.report.as_ref())),
        Subject::Pipeline if over => Plot::PipelineOver,
        Subject::Pipeline => Plot::Pipeline,
        Subject::Foreign { .. } if over => Plot::ForeignOver,
        Subject::Foreign { .. } => Plot::Foreign,
        Subject::Unreadable => Plot::Unreadable,
    }
}

fn slow(report: Option<&Report>) -> Slow {
    let Some((report, attempt)) = report.and_then(|report| Some((report, report.last()?))) else {
        return Slow::Unknown;
    };
    match late(attempt) {
        _ if report.outcome != Outcome::Degraded => Slow::Unknown,
        Some((what, _)) => what,
        None if 0 < report.retries() => Slow::Retry,
        None => Slow::Unknown,
    }
}

/// The objective that was missed by most.
fn late(attempt: &Attempt) -> Option<(Slow, domain::report::Missed)> {
    let by = |missed: &domain::report::Missed| missed.measured.saturating_sub(missed.objective);
    let missed = attempt.missed().max_by_key(by)?;
    let what = match missed.what {
        Objective::FirstChunk => Slow::FirstChunk,
        Objective::Reply => Slow::Reply,
    };
    Some((what, missed))
}

fn down_measured(report: &Report, attempt: &Attempt) -> Measured {
    use domain::Reason::{CheckFailed, FirstChunkTimeout, QueueTimeout, Stalled, Timeout};
    if let Some((turn, check)) = attempt.failed_checks().next() {
        let (expected, found) = (one_line(&check.expected), one_line(&check.found));
        return Measured::Check { turn: turn + 1, expected, found };
    }
    match (report.outcome.reason(), attempt.turns.last()) {
        (Some(FirstChunkTimeout | QueueTimeout | Stalled | Timeout), Some(turn)) => {
            Measured::GivenUp {
                turn: attempt.turns.len(),
                after: attempt.duration.saturating_sub(turn.offset),
                objective: turn.objectives.first_chunk.or(turn.objectives.reply),
            }
        }
        (Some(CheckFailed) | None, _) => Measured::Nothing,
        _ => Measured::Prose(report.detail.clone()),
    }
}

/// The turn that says most about the outcome, from 0; `None` when no turn was begun.
fn telling_turn(report: &Report, attempt: &Attempt) -> Option<usize> {
    let failed = attempt.failed_checks().next().map(|(turn, _)| turn);
    let late = late(attempt).map(|(_, missed)| missed.turn);
    let last = attempt.turns.len().checked_sub(1);
    match report.outcome {
        Outcome::Degraded => late.or(failed).or(last),
        _ => failed.or(last),
    }
}

fn quoted(text: &str, nothing: &str) -> String {
    let text = brief(text, QUOTE);
    if text.is_empty() { nothing.to_owned() } else { text }
}

fn numbered(steps: &[&str]) -> String {
    match steps {
        [one] => (*one).to_owned(),
        steps => steps.iter().enumerate().fold(String::new(), |mut text, (index, step)| {
            let _ = writeln!(text, "{}. {step}", index + 1);
            text
        }),
    }
}

fn section(body: &mut String, heading: &str, text: &str) {
    let _ = write!(body, "\n{heading}\n{}\n", text.trim_end());
}

fn row(text: &mut String, label: &str, value: &str) {
    let _ = writeln!(text, "  {}{value}", padded(label, COLUMN));
}

fn line(text: &mut String, sentence: &str) {
    text.push_str(sentence);
    text.push('\n');
}

/// The gravest first: what is down before what we don't see, before what is slow, before what is over.
#[must_use]
pub(crate) fn gravity(alert: &Alert, severity: Severity) -> (Severity, State, u8, String) {
    let kind = match alert.subject {
        Subject::Down { .. } => 0,
        Subject::Pipeline => 1,
        Subject::Foreign { .. } => 2,
        Subject::Unreadable => 3,
        Subject::Degraded { .. } => 4,
    };
    (severity, alert.state, kind, alert.name.clone())
}
