//! A report as the prober stores it.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::report::{
    Attempt, Cause, CheckReport, Failure, Report, RunId, TurnReport, VERSION, judge,
};
use domain::{Objectives, Phases, Reason, Timing};

use crate::world::at;

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
        offset: Duration::from_millis(150),
        said: said.to_owned(),
        answered: "Bonjour".to_owned(),
        characters: 7,
        thinking: String::new(),
        toasts: Vec::new(),
        cached: None,
        timing: Timing::default(),
        checks,
        objectives: Objectives::default(),
    };
    let failure = (reason != Reason::CheckFailed).then(|| Failure {
        cause: Cause::Target(reason),
        prose: "the app said: `RateLimitError: quota exceeded`".to_owned(),
    });
    let attempt = Attempt {
        offset: Duration::ZERO,
        duration: Duration::from_secs(5),
        phases: Phases::default(),
        certificate_expires: None,
        app: None,
        turns: vec![turn("Bonjour", Vec::new()), turn("Comment je m'appelle ?", checks)],
        failure,
        cut_short: false,
    };
    let attempts = vec![attempt.clone(), attempt];
    let environment = "prod".parse().unwrap();
    let probe = "support-bot".parse().unwrap();
    let due = at("14:04:30");
    Report {
        version: VERSION,
        run: RunId::of(&environment, &probe, due),
        probe,
        environment,
        location: "eu-west-1".to_owned(),
        instance: "chat.example.com:443".to_owned(),
        url: Some("https://chat.example.com/bot".to_owned()),
        job: "gradio_chatbot".to_owned(),
        labels: BTreeMap::new(),
        runbook: None,
        every: Duration::from_secs(60),
        due,
        maintenance: false,
        objective: None,
        started: due,
        duration: Duration::from_secs(10),
        outcome: judge(&attempts),
        detail: String::new(),
        attempts,
        turns: 2,
        stalled: None,
        trace: "0".repeat(32),
        vigie: "0.1.0".to_owned(),
    }
}
