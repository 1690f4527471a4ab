//! A report as the prober stores it.

use std::time::Duration;

use domain::report::{Cause, CheckReport, Failure, Report, RunId, TurnReport};
use domain::{Reason, Timing};
use testkit::reports;

use crate::fake_aws::at;

/// A run that failed on its second turn for `reason`, twice.
pub(crate) fn down(reason: Reason) -> Report {
    let checks = match reason {
        Reason::CheckFailed => vec![CheckReport {
            expected: "contains \"ada7\"".to_owned(),
            found: "\"Je suis désolé, je ne connais pas votre nom.\"".to_owned(),
            passed: false,
        }],
        _ => Vec::new(),
    };
    let turn = |said: &str, checks| TurnReport {
        timing: Timing::default(),
        checks,
        ..reports::turn(150, said, "Bonjour")
    };
    let mut attempt =
        reports::attempt(vec![turn("Bonjour", Vec::new()), turn("Comment je m'appelle ?", checks)]);
    attempt.failure = (reason != Reason::CheckFailed).then(|| Failure {
        cause: Cause::Target(reason),
        prose: "the app said: `RateLimitError: quota exceeded`".to_owned(),
    });
    let report = reports::report(vec![attempt.clone(), attempt]);
    let due = at("14:04:30");
    Report {
        run: RunId::of(&report.environment, &report.probe, due),
        url: Some("https://chat.example.com/bot".to_owned()),
        due,
        started: due,
        duration: Duration::from_secs(10),
        ..report
    }
}
