//! A mail shows the run that raised the alarm.

use std::time::Duration;

use domain::report::RunId;
use domain::{Outcome, Reason, Report};

use crate::fake_aws::{FakeAws, alarm, at, event};
use crate::samples::down;

/// A run that was due at `due` and failed for `reason`.
fn failed(due: &str, reason: Reason) -> Report {
    let report = down(reason);
    let due = at(due);
    let run = RunId::of(&report.environment, &report.probe, due);
    Report { run, due, started: due, ..report }
}

fn degraded(due: &str) -> Report {
    Report { outcome: Outcome::Degraded, ..failed(due, Reason::CheckFailed) }
}

fn slow(due: &str, reason: Reason) -> Report {
    Report { duration: Duration::from_secs(55), ..failed(due, reason) }
}

/// The due time of the run in the mail about the alarm of 14:05:11, and what was read for it.
async fn shown(reports: Vec<Report>) -> (Option<String>, usize) {
    let mut aws = FakeAws::new();
    aws.state().reports = reports;
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    let body = aws.published()[0].body.clone();
    let key = body.split("vigie report reports/support-bot/2026/11/22/").nth(1);
    (key.map(|key| key[..6].to_owned()), aws.state().read)
}

#[tokio::test]
async fn mail_shows_the_run_that_raised_the_alarm() {
    use Reason::{AppError, CheckFailed, Timeout};
    let rows = [
        ("no report", vec![], None),
        ("one run", vec![failed("14:04:30", AppError)], Some("140430")),
        (
            "the last one before the change",
            vec![failed("14:03:30", AppError), failed("14:04:30", CheckFailed)],
            Some("140430"),
        ),
        (
            "not the newest one",
            vec![failed("14:04:30", CheckFailed), failed("14:05:30", Timeout)],
            Some("140430"),
        ),
        (
            "not a run that was still going on",
            vec![failed("14:03:30", CheckFailed), slow("14:04:30", Timeout)],
            Some("140330"),
        ),
        (
            "not a run with another verdict",
            vec![failed("14:03:30", CheckFailed), degraded("14:04:30")],
            Some("140330"),
        ),
        (
            "a later one if there is no other",
            vec![degraded("14:04:30"), failed("14:05:20", Timeout), failed("14:05:30", Timeout)],
            Some("140520"),
        ),
        ("not one of an older incident", vec![failed("13:50:30", CheckFailed)], None),
        (
            "in the middle of an outage of many runs",
            (50..60)
                .map(|minute| failed(&format!("13:{minute}:30"), Timeout))
                .chain([failed("14:04:30", CheckFailed)])
                .chain((5..30).map(|minute| failed(&format!("14:{minute:02}:30"), Timeout)))
                .collect(),
            Some("140430"),
        ),
    ];
    for (name, reports, expected) in rows {
        let (found, read) = shown(reports).await;
        assert_eq!(found.as_deref(), expected, "{name}");
        assert!(read <= 8, "{name}: {read} reports were read");
    }
}

#[tokio::test]
async fn reminder_and_recovery_are_about_the_first_failure() {
    let mut aws = FakeAws::new();
    aws.state().reports =
        vec![failed("14:04:30", Reason::CheckFailed), failed("18:04:30", Reason::Timeout)];
    aws.message(&event("cloudwatch-down.json"), at("14:05:12")).await;
    aws.flush(at("14:05:42")).await;
    aws.tick(at("18:06:00")).await;
    let ok = alarm("cloudwatch-ok.json", "support-bot", at("18:17:11"));
    aws.message(&ok, at("18:17:12")).await;
    aws.flush(at("18:17:42")).await;
    let mails = aws.published();
    assert_eq!(mails.len(), 3, "{:?}", aws.subjects());
    for mail in mails {
        let report = "vigie report reports/support-bot/2026/11/22/140430Z-";
        assert!(mail.body.contains(report), "{}: {}", mail.subject, mail.body);
        assert!(!mail.body.contains("180430Z"), "{}", mail.subject);
    }
}

#[tokio::test]
async fn unreadable_report_gives_way_to_the_one_before() {
    let newer = Report { version: 99, ..failed("14:04:30", Reason::CheckFailed) };
    let (found, _) = shown(vec![failed("14:03:30", Reason::CheckFailed), newer]).await;
    assert_eq!(found.as_deref(), Some("140330"));
}
