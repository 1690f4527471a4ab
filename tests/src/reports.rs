//! Reports of the prober, for tests of code that shows reports.

use std::time::Duration;

use domain::report::{
    App, Attempt, Cause, CheckReport, Failure, ReplyPart, Report, RunId, TurnReport, VERSION, judge,
};
use domain::{Objectives, Phases, Reason, Spread, Timing};
use jiff::Timestamp;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// A successful turn that started this many milliseconds after its attempt.
#[must_use]
pub fn turn(offset: u64, said: &str, answered: &str) -> TurnReport {
    TurnReport {
        offset: ms(offset),
        said: said.to_owned(),
        answered: answered.to_owned(),
        characters: u64::try_from(answered.chars().count()).expect("a sample is short"),
        thinking: String::new(),
        blocks: Vec::new(),
        parts: Vec::new(),
        toasts: Vec::new(),
        cached: None,
        timing: Timing {
            queue: Some(ms(140)),
            first_chunk: Some(ms(900)),
            first_text: Some(ms(900)),
            reply: Some(ms(2_700)),
            processing: Some(ms(2_500)),
            chunks: 48,
            inter_chunk: Spread::of(vec![ms(20), ms(30)]),
            ..Timing::default()
        },
        checks: vec![CheckReport {
            expected: "contains \"Ada\"".to_owned(),
            found: String::new(),
            passed: true,
        }],
        objectives: Objectives {
            first_chunk: Some(ms(3_000)),
            reply: Some(ms(20_000)),
            ..Objectives::default()
        },
    }
}

/// An attempt that reached the end of these turns.
#[must_use]
pub fn attempt(turns: Vec<TurnReport>) -> Attempt {
    Attempt {
        offset: Duration::ZERO,
        duration: ms(6_400),
        phases: Phases {
            dns: Some(ms(4)),
            connect: Some(ms(21)),
            tls: Some(ms(48)),
            describe: Some(ms(310)),
        },
        certificate_expires: Some(time("2027-02-01T00:00:00Z")),
        app: Some(App {
            gradio: "6.31.0".to_owned(),
            protocol: "sse_v3".to_owned(),
            endpoint: "/chat".to_owned(),
            cold: Some(true),
            skipped_javascript: 0,
        }),
        turns,
        failure: None,
        cut_short: false,
    }
}

/// The report of these attempts with the resulting outcome.
#[must_use]
pub fn report(attempts: Vec<Attempt>) -> Report {
    let due = time("2026-11-22T11:05:00Z");
    let environment = "prod".parse().expect("a name");
    let probe = "support-bot".parse().expect("a name");
    Report {
        version: VERSION,
        run: RunId::of(&environment, &probe, due),
        probe,
        environment,
        location: "eu-west-1".to_owned(),
        instance: "chat.example.com:443".to_owned(),
        url: Some("https://chat.example.com".to_owned()),
        job: "gradio_chatbot".to_owned(),
        labels: [("team".to_owned(), "chat".to_owned())].into(),
        runbook: Some("https://wiki.example.com/support-bot".to_owned()),
        every: Duration::from_secs(60),
        due,
        maintenance: false,
        objective: None,
        started: time("2026-11-22T11:05:00.312Z"),
        duration: ms(6_420),
        outcome: judge(&attempts),
        detail: String::new(),
        attempts,
        turns: 2,
        stalled: Some(ms(3)),
        trace: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        vigie: "0.1.0".to_owned(),
    }
}

/// Two attempts, with a slow first chunk and a failed check.
#[must_use]
pub fn eventful() -> Report {
    let first = Attempt {
        duration: ms(3_200),
        turns: vec![TurnReport {
            timing: Timing { queue: Some(ms(140)), ..Timing::default() },
            checks: Vec::new(),
            ..turn(400, "Bonjour, je m'appelle Ada.", "")
        }],
        failure: Some(Failure {
            cause: Cause::Target(Reason::StreamBroken),
            prose: "the stream ended before the reply was complete".to_owned(),
        }),
        ..attempt(Vec::new())
    };
    let mut slow = turn(
        3_300,
        "Comment je m'appelle ? Et que vaut 3 × 4 ?",
        "Désolé, je ne sais plus comment vous vous appelez, mais 3 × 4 = **12**.\n\n- trois\n- quatre",
    );
    slow.thinking = String::from("The user asks for their name.\nIt is not in my context.");
    slow.blocks = vec!["Thinking".to_owned(), "Used the tool calculator".to_owned()];
    slow.parts = vec![
        ReplyPart { kind: "image".to_owned(), name: Some("table.png".to_owned()) },
        ReplyPart { kind: "html".to_owned(), name: None },
    ];
    slow.timing.first_chunk = Some(ms(3_600));
    slow.timing.reply = Some(ms(4_900));
    slow.checks = vec![
        CheckReport {
            expected: "contains \"Ada\"".to_owned(),
            found: "Désolé, je ne sais plus comment vous vous appelez, mais 3 × 4 = **12**."
                .to_owned(),
            passed: false,
        },
        CheckReport {
            expected: "not_matches \"(?i)error|traceback\"".to_owned(),
            found: String::new(),
            passed: true,
        },
        CheckReport { expected: "language fr".to_owned(), found: String::new(), passed: true },
    ];
    let second = Attempt {
        offset: ms(5_200),
        duration: ms(8_300),
        ..attempt(vec![
            turn(
                400,
                "Bonjour, je m'appelle Ada.",
                "Bonjour Ada ! Comment puis-je vous aider aujourd'hui ?",
            ),
            slow,
        ])
    };
    Report {
        duration: ms(13_500),
        detail: "turn 2: expected contains \"Ada\", received \"Désolé, je ne sais plus comment vous vous appelez\"".to_owned(),
        ..report(vec![first, second])
    }
}

/// A report in which every text from outside tries to break out of the page.
#[must_use]
pub fn hostile() -> Report {
    let evil = "<script>document.title='RAN'</script><img src=x onerror=\"document.title='RAN'\">\u{202e}drow\u{202c} \u{1b}[31m \u{0} ]]> --> </style></main> &amp; \"'` javascript:document.title='RAN'";
    let mut bad = turn(400, evil, evil);
    bad.thinking = String::from(evil);
    bad.blocks = vec![evil.to_owned()];
    bad.parts = vec![ReplyPart { kind: evil.to_owned(), name: Some(evil.to_owned()) }];
    bad.checks =
        vec![CheckReport { expected: evil.to_owned(), found: evil.to_owned(), passed: false }];
    let mut attempt = attempt(vec![bad]);
    attempt.app = Some(App {
        gradio: evil.to_owned(),
        protocol: evil.to_owned(),
        endpoint: evil.to_owned(),
        cold: None,
        skipped_javascript: 0,
    });
    attempt.failure =
        Some(Failure { cause: Cause::Target(Reason::AppError), prose: evil.to_owned() });
    Report {
        location: evil.to_owned(),
        instance: evil.to_owned(),
        job: evil.to_owned(),
        detail: evil.to_owned(),
        labels: [(evil.to_owned(), evil.to_owned())].into(),
        runbook: Some("javascript:document.title='RAN'//<u>".to_owned()),
        trace: evil.to_owned(),
        vigie: evil.to_owned(),
        ..report(vec![attempt.clone(), attempt])
    }
}
