//! Realistic reports and alerts, one for each reason.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::report::{
    Attempt, Cause, CheckReport, Failure, Report, RunId, TurnReport, VERSION, judge,
};
use domain::{Objectives, OwnFault, Phases, Reason, Severity, Timing};
use notify::alert::{Alert, State, Subject};

use jiff::Timestamp;

/// A time of 2026-11-22, in UTC.
pub(crate) fn at(time: &str) -> Timestamp {
    format!("2026-11-22T{time}Z").parse().unwrap()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A turn that was answered correctly and in time.
fn turn(offset: Duration, said: &str, answered: &str) -> TurnReport {
    TurnReport {
        offset,
        said: said.to_owned(),
        answered: answered.to_owned(),
        characters: answered.chars().count() as u64,
        thinking: String::new(),
        blocks: Vec::new(),
        parts: Vec::new(),
        toasts: Vec::new(),
        cached: None,
        timing: Timing {
            first_chunk: Some(ms(800)),
            first_text: Some(ms(800)),
            reply: Some(ms(2_400)),
            chunks: 12,
            ..Timing::default()
        },
        checks: Vec::new(),
        objectives: Objectives {
            first_chunk: Some(seconds(3)),
            reply: Some(seconds(20)),
            ..Objectives::default()
        },
    }
}

fn hello() -> TurnReport {
    turn(ms(150), "Bonjour, je m'appelle ada7.", "Bonjour ada7, comment puis-je vous aider ?")
}

fn name(answered: &str) -> TurnReport {
    turn(ms(2_700), "Comment je m'appelle ?", answered)
}

/// A turn without an answer.
fn silent() -> TurnReport {
    let silence = Timing { queue: Some(ms(40)), ..Timing::default() };
    TurnReport { timing: silence, characters: 0, ..name("") }
}

fn attempt(turns: Vec<TurnReport>, duration: Duration, failure: Option<(Cause, &str)>) -> Attempt {
    Attempt {
        offset: Duration::ZERO,
        duration,
        phases: Phases::default(),
        certificate_expires: None,
        app: None,
        turns,
        failure: failure.map(|(cause, prose)| Failure { cause, prose: prose.to_owned() }),
        cut_short: false,
    }
}

fn report(attempts: Vec<Attempt>) -> Report {
    let environment = "prod".parse().unwrap();
    let probe = "support-bot".parse().unwrap();
    let due = at("14:04:30");
    let last = attempts.last().unwrap();
    let detail = match (&last.failure, last.failed_checks().next()) {
        (Some(failure), _) => failure.prose.clone(),
        (None, Some((turn, check))) => {
            format!("turn {}: expected {}", turn + 1, check.expected)
        }
        (None, None) => String::new(),
    };
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
        every: seconds(60),
        due,
        maintenance: false,
        objective: None,
        started: due,
        duration: attempts.iter().map(|attempt| attempt.duration).sum(),
        outcome: judge(&attempts),
        detail,
        attempts,
        turns: 2,
        stalled: None,
        trace: "0".repeat(32),
        vigie: "0.1.0".to_owned(),
    }
}

/// A run that failed for `reason`, its retry too.
pub(crate) fn down(reason: Reason) -> Report {
    let failed = |turns: Vec<TurnReport>, duration, prose: &str| {
        attempt(turns, duration, Some((Cause::Target(reason), prose)))
    };
    let quick = ms(120);
    let waited = ms(28_700);
    let one = match reason {
        Reason::Dns => failed(vec![], quick, "`chat.example.com` has no address"),
        Reason::Connect => failed(vec![], quick, "connection to chat.example.com:443 refused"),
        Reason::Tls => {
            failed(vec![], quick, "the certificate of chat.example.com expired on 2026-11-21")
        }
        Reason::HttpStatus => {
            failed(vec![], quick, "GET /config answered 503: `Service Unavailable`")
        }
        Reason::Page => failed(
            vec![],
            quick,
            "the message box (textbox `Message`) is disabled, so users cannot send messages",
        ),
        Reason::NotGradio => {
            failed(vec![], quick, "GET /config answered HTML: `<title>Maintenance</title>`")
        }
        Reason::Auth => failed(vec![], quick, "POST /login answered 400: `Incorrect credentials.`"),
        Reason::EndpointMissing => {
            failed(vec![], quick, "the app has no endpoint `/chat`; it has `/predict`")
        }
        Reason::QueueFull => {
            failed(vec![hello(), silent()], ms(2_800), "the queue is full: 20 of 20")
        }
        Reason::QueueTimeout => {
            failed(vec![hello(), silent()], waited, "still at position 14 of the queue")
        }
        Reason::FirstChunkTimeout => failed(vec![hello(), silent()], waited, "no text came"),
        Reason::Stalled => failed(
            vec![hello(), name("Vous vous app")],
            waited,
            "nothing but heartbeats since 4.1 s",
        ),
        Reason::Timeout => {
            failed(vec![hello(), name("Vous vous")], ms(30_000), "the run took over 30 s")
        }
        Reason::StreamBroken => failed(
            vec![hello(), name("Vous vous app")],
            ms(4_100),
            "the stream ended in the middle of an event",
        ),
        Reason::AppError => failed(
            vec![hello(), silent()],
            ms(3_200),
            "the app said: `RateLimitError: quota exceeded`",
        ),
        Reason::TooLarge => {
            failed(vec![hello(), name("aaaa")], ms(9_000), "the reply is over 1 MiB")
        }
        Reason::CheckFailed => {
            let mut wrong = name("Je suis désolé, je ne connais pas votre nom.");
            wrong.checks = vec![
                CheckReport {
                    expected: "contains \"ada7\"".to_owned(),
                    found: "\"Je suis désolé, je ne connais pas votre nom.\"".to_owned(),
                    passed: false,
                },
                CheckReport {
                    expected: "language fr".to_owned(),
                    found: String::new(),
                    passed: true,
                },
            ];
            attempt(vec![hello(), wrong], ms(5_100), None)
        }
    };
    report(vec![one.clone(), one])
}

/// A run that passed, but began to answer late.
pub(crate) fn late_to_begin() -> Report {
    let mut late = name("Vous vous appelez ada7.");
    late.timing.first_chunk = Some(ms(4_230));
    late.timing.reply = Some(ms(6_000));
    report(vec![attempt(vec![hello(), late], ms(9_000), None)])
}

/// A run that passed, but took long to answer.
pub(crate) fn late_to_end() -> Report {
    let mut late = name("Vous vous appelez ada7.");
    late.timing.reply = Some(ms(26_400));
    report(vec![attempt(vec![hello(), late], ms(29_100), None)])
}

/// A run that passed only on retry.
pub(crate) fn on_retry() -> Report {
    let mut report = down(Reason::AppError);
    report.attempts[1] = attempt(vec![hello(), name("Vous vous appelez ada7.")], ms(5_000), None);
    report.outcome = judge(&report.attempts);
    let detail = "passed on the second attempt; the first one: the app said: `RateLimitError: quota exceeded`";
    detail.clone_into(&mut report.detail);
    report
}

/// A run that was not made because of a Vigie fault.
pub(crate) fn own_fault(fault: OwnFault) -> Report {
    let prose = match fault {
        OwnFault::Settings => "`${CHAT_URL}` is not set",
        OwnFault::Secret => "secret `vigie/support-bot` could not be read: access denied",
        OwnFault::Deadline => "the Lambda deadline came before the run ended",
        OwnFault::Stalled => {
            "time ran out (no text came) while the prober was stalled for 20.1 of 28.7 s"
        }
        OwnFault::Internal => "the conversation panicked; see the log",
    };
    report(vec![attempt(vec![], ms(30), Some((Cause::Own(fault), prose)))])
}

/// The alarm `vigie-prod-support-bot-KIND` in `state`.
pub(crate) fn alert(subject: Subject, state: State) -> Alert {
    let name = match &subject {
        Subject::Down { probe } => format!("vigie-prod-{probe}-down"),
        Subject::Degraded { probe } => format!("vigie-prod-{probe}-degraded"),
        Subject::Location { probe, location } => format!("vigie-prod-{probe}-down.{location}"),
        Subject::SelfMonitoring => "vigie-prod-runs-dead".to_owned(),
        Subject::External { .. } => "DiskFull".to_owned(),
        Subject::Unreadable => "Alerts Firing".to_owned(),
    };
    let reason = match state {
        State::Alarm => {
            "Threshold Crossed: 2 out of the last 3 datapoints [0.0 (22/11/26 14:04:00), 0.0 (22/11/26 14:03:00)] were less than the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition)."
        }
        State::InsufficientData => "Insufficient Data: 3 datapoints were unknown.",
        State::Ok => {
            "Threshold Crossed: 2 out of the last 3 datapoints [1.0 (22/11/26 14:16:00), 1.0 (22/11/26 14:15:00)] were not less than the threshold (1.0) (minimum 2 datapoints for ALARM -> OK transition)."
        }
    };
    let changed = if state == State::Ok { at("14:17:11") } else { at("14:05:11") };
    Alert {
        previous: Some(if state == State::Ok { State::Alarm } else { State::Ok }),
        reported: at("14:17:11"),
        reason: reason.to_owned(),
        labels: [("team".to_owned(), "chat".to_owned())].into(),
        severity: Some(Severity::Page),
        runbook: Some("https://wiki.example.com/support-bot".to_owned()),
        link: Some(format!(
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/{name}"
        )),
        looks_back_seconds: Some(180),
        ..Alert::new(name, subject, state, changed)
    }
}

pub(crate) fn probe_down() -> Subject {
    Subject::Down { probe: "support-bot".parse().unwrap() }
}

pub(crate) fn probe_degraded() -> Subject {
    Subject::Degraded { probe: "support-bot".parse().unwrap() }
}
