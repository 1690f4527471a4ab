//! The weekly mail of `vigie serve`, from its history. Text and schedule are those of the function `alerts`.

use history::{HistoryError, RunSource as _};
use jiff::Timestamp;
use notify::notification::{ProbeWeek, WeeklyReport};
use notify::selection::other_alarms;
use notify::sent::Outcome;
use notify::weekly::{self, BUDGET_DAYS, Counted};
use run_record::time::{day_of, start_of_day};
use tokio::sync::oneshot;
use tracing::warn;

use super::{Memory, Notifier};
use crate::recorder::Message;

/// The name of the claim: the mail is sent once a week, also after a restart.
const CLAIM: &str = "weekly";

impl Notifier {
    /// Sends the weekly mail when it is due. A mail that the server rejects is sent again at the next check.
    pub(super) async fn send_weekly(&self, memory: &Memory, now: Timestamp) {
        if !self.weekly || !weekly::is_due(now, &self.zone) || !self.claim(now).await {
            return;
        }
        let facts = self.facts(memory, now);
        let report = WeeklyReport {
            environment: self.channels.environment.clone(),
            region: super::REGION.to_owned(),
            now,
            zone: self.zone.clone(),
            probes: self.probe_weeks(now),
            open: other_alarms(None, &memory.records, &facts),
            dashboard: Some(format!("{}/", self.address)),
        };
        if self.channels.send_weekly(&report).await == Outcome::Rejected {
            self.recorder.send(Message::Release(CLAIM));
        }
    }

    /// Whether the mail was not sent within its period. Without the history it is not sent at all.
    async fn claim(&self, now: Timestamp) -> bool {
        let (sender, claimed) = oneshot::channel();
        self.recorder.send(Message::Claim(CLAIM, now, weekly::PERIOD, sender));
        claimed.await.unwrap_or(false)
    }

    /// The week of each probe that ran; `None` if the history cannot be read.
    fn probe_weeks(&self, now: Timestamp) -> Option<Vec<ProbeWeek>> {
        let weeks = self.query_weeks(now);
        if let Err(failed) = &weeks {
            let cause = format!("{failed:#}");
            warn!(error = cause, "The history could not be read");
        }
        weeks.ok()
    }

    fn query_weeks(&self, now: Timestamp) -> Result<Vec<ProbeWeek>, HistoryError> {
        let today = day_of(now);
        let since = start_of_day(today - BUDGET_DAYS).unwrap_or(now);
        let mut weeks = Vec::new();
        for (name, probe) in self.evidence.exporter.probes() {
            let days = self.evidence.reader().day_counts(&name, since, now)?;
            let days =
                days.iter().map(|(day, counts)| (day_of(*day), counts.passed(), counts.judged()));
            weeks.extend(Counted::of_days(days, today).week_of(name, probe.objective));
        }
        Ok(weeks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::{Arc, Mutex};
    use std::thread::JoinHandle;
    use std::time::Duration;

    use domain::{Outcome as RunOutcome, Probe, Reason};
    use harness::smtp::MailServer;
    use history::{History, Reader, RunRecord};
    use notify::reconcile::Records;
    use notify::{Language, Routes, Zone};
    use tokio::sync::mpsc;

    use crate::exporter::Exporter;
    use crate::local_prober::LocalProber;
    use crate::mail::Mailer;
    use crate::notifier::{Channels, Evidence};
    use crate::receiver_client::ReceiverClient;
    use crate::recorder::Recorder;

    /// A Monday; 8 o'clock in the zone of the test is 7 o'clock UTC.
    const MONDAY: &str = "2026-11-23T07:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn probes() -> Vec<Probe> {
        let probe = |name: &str, objective: &str| {
            let text = format!(
                "probe: {name}\nevery: 1h\n{objective}target: {{ url: \"http://127.0.0.1:9\" }}\nconversation: [ {{ say: hi }} ]\n"
            );
            let spec = probe_file::parse(&text, "bot.yaml").unwrap();
            spec.resolve(&"local".parse().unwrap(), &|_| None).unwrap()
        };
        vec![probe("hr-bot", ""), probe("support-bot", "objective: 99.5\n"), probe("new-bot", "")]
    }

    /// Runs once an hour for 40 days before the Monday, and on it.
    fn fill(history: &mut History) {
        let monday = day_of(at(MONDAY));
        let of_day = |day: i64, is_down: fn(i64, i64) -> bool| {
            (0..24).map(move |hour| {
                let due = start_of_day(monday + day).unwrap() + Duration::from_secs(3_600) * hour;
                let down = RunOutcome::Down { reason: Reason::Connect };
                let outcome = if is_down(day, hour.into()) { down } else { RunOutcome::Up };
                RunRecord::new(due, outcome, Duration::from_secs(1))
            })
        };
        // One of 168 runs of the week, two of the error budget; those of today do not count.
        let is_down =
            |day: i64, hour: i64| day == 0 || day < -30 || (day == -7 || day == -20) && hour == 5;
        let runs = |is_down| -> Vec<RunRecord> {
            (-40..=0).flat_map(|day| of_day(day, is_down)).collect()
        };
        history.record_runs(&"support-bot".parse().unwrap(), &runs(is_down)).unwrap();
        history.record_runs(&"hr-bot".parse().unwrap(), &runs(|_, _| false)).unwrap();
    }

    /// What `vigie serve` starts.
    fn start(folder: &Path, server: &str) -> (Notifier, JoinHandle<()>) {
        let environment: domain::EnvironmentName = "local".parse().unwrap();
        let history = History::open(folder, &environment).unwrap();
        let path = history.path().to_owned();
        let (events, _) = mpsc::unbounded_channel();
        // The runs of the test are never deleted.
        let retention = Duration::from_secs(u32::MAX.into());
        let (recorder, thread) = Recorder::start(history, &probes(), retention, events).unwrap();
        let prober = LocalProber::new(environment.clone());
        let exporter = Exporter::new(prober, probes(), None, recorder.clone(), false);
        let mail = format!(
            "server = \"{server}\"\ntls = \"none\"\nfrom = \"vigie@example.com\"\nto = [\"oncall@example.com\"]\n\
             tickets_to = [\"team@example.com\"]\n"
        );
        let mailer = Mailer::new(&toml::from_str(&mail).unwrap(), None).unwrap();
        let channels = Channels {
            mailer: Some(mailer),
            routes: Routes::default(),
            receivers: Vec::new(),
            client: ReceiverClient::default(),
            environment,
            language: Language::English,
            remind_every: None,
            escalate_after: None,
        };
        let reader = Mutex::new(Reader::open(&path).unwrap());
        let evidence = Evidence { exporter: Arc::new(exporter), reader };
        let rules = jiff::tz::TimeZone::fixed(jiff::tz::offset(1));
        let zone = Zone { name: "Europe/Paris".to_owned(), rules };
        let address = "https://status.example.com".to_owned();
        (Notifier { channels, evidence, zone, address, weekly: true, recorder }, thread)
    }

    fn memory() -> Memory {
        Memory { records: Records::new(), states: BTreeMap::new() }
    }

    #[tokio::test]
    async fn weekly_mail_is_sent_once_a_week_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        fill(&mut History::open(folder.path(), &"local".parse().unwrap()).unwrap());
        let smtp = MailServer::open().await.unwrap();
        let server = smtp.address.to_string();
        let (first, thread) = start(folder.path(), &server);
        for time in ["2026-11-22T12:00:00Z", "2026-11-23T06:59:59Z"] {
            first.send_weekly(&memory(), at(time)).await;
            assert_eq!(smtp.mails().len(), 0, "{time}");
        }
        for time in [MONDAY, "2026-11-23T07:00:15Z"] {
            first.send_weekly(&memory(), at(time)).await;
            assert_eq!(smtp.mails().len(), 1, "{time}");
        }
        let mail = smtp.mails().remove(0);
        assert_eq!(mail.to, ["oncall@example.com"]);
        assert_eq!(mail.subject, "Weekly report (local), 2 probes, no active alarm");
        let budget = "(167/168 runs), error budget of 30 days left: 44.4%";
        for expected in
            ["local (vigie serve)", budget, "(168/168 runs)", "https://status.example.com/"]
        {
            assert!(mail.text.contains(expected), "{expected}: {}", mail.text);
        }
        drop(first);
        thread.join().unwrap();

        let (second, _) = start(folder.path(), &server);
        second.send_weekly(&memory(), at("2026-11-23T12:00:00Z")).await;
        assert_eq!(smtp.mails().len(), 1);
        second.send_weekly(&memory(), at("2026-11-30T07:00:00Z")).await;
        assert_eq!(smtp.mails().len(), 2);
        let off = Notifier { weekly: false, ..second };
        off.send_weekly(&memory(), at("2026-12-07T07:00:00Z")).await;
        assert_eq!(smtp.mails().len(), 2);
    }

    #[tokio::test]
    async fn rejected_weekly_mail_is_sent_again() {
        let folder = tempfile::tempdir().unwrap();
        // Nothing listens on this port.
        let (closed, thread) = start(folder.path(), "127.0.0.1:9");
        closed.send_weekly(&memory(), at(MONDAY)).await;
        drop(closed);
        thread.join().unwrap();
        let smtp = MailServer::open().await.unwrap();
        let (works, _) = start(folder.path(), &smtp.address.to_string());
        works.send_weekly(&memory(), at("2026-11-23T07:00:15Z")).await;
        assert_eq!(smtp.mails().len(), 1);
    }
}
