//! The page as a whole; how it looks is for eyes, what may never be in it is tested here.

use std::time::Duration;

use domain::report::{
    App, Attempt, Cause, CheckReport, Failure, Report, RunId, TurnReport, VERSION, judge,
};
use domain::{Objectives, OwnFault, Phases, Reason, Spread, Timing};
use jiff::Timestamp;

use crate::render;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn turn(offset: u64, said: &str, answered: &str) -> TurnReport {
    TurnReport {
        offset: ms(offset),
        said: said.to_owned(),
        answered: answered.to_owned(),
        characters: u64::try_from(answered.chars().count()).unwrap(),
        thinking: String::new(),
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
        objectives: Objectives { first_chunk: Some(ms(3_000)), reply: Some(ms(20_000)) },
    }
}

fn attempt(turns: Vec<TurnReport>) -> Attempt {
    Attempt {
        offset: Duration::ZERO,
        duration: ms(6_400),
        phases: Phases {
            dns: Some(ms(4)),
            connect: Some(ms(21)),
            tls: Some(ms(48)),
            describe: Some(ms(310)),
        },
        certificate_expires: Some("2027-02-01T00:00:00Z".parse().unwrap()),
        app: Some(App {
            gradio: "6.31.0".to_owned(),
            protocol: "sse_v3".to_owned(),
            endpoint: "/chat".to_owned(),
            cold: Some(true),
        }),
        turns,
        failure: None,
    }
}

fn report(attempts: Vec<Attempt>) -> Report {
    let due: Timestamp = "2026-11-22T11:05:00Z".parse().unwrap();
    let (environment, probe) = ("prod".parse().unwrap(), "support-bot".parse().unwrap());
    Report {
        version: VERSION,
        run: RunId::of(&environment, &probe, due),
        probe,
        environment,
        location: "eu-west-1".to_owned(),
        instance: "chat.example.com:443".to_owned(),
        job: "gradio_chatbot".to_owned(),
        labels: [("team".to_owned(), "chat".to_owned())].into(),
        runbook: Some("https://wiki.example.com/support-bot".to_owned()),
        every: Duration::from_secs(60),
        due,
        started: "2026-11-22T11:05:00.312Z".parse().unwrap(),
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

/// Two attempts, a slow first chunk, a failed check: something of everything.
fn eventful() -> Report {
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
    slow.thinking = "The user asks for their name.\nIt is not in my context.".to_owned();
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
        detail: "turn 2: expected contains \"Ada\", found \"Désolé, je ne sais plus comment vous vous appelez\"".to_owned(),
        ..report(vec![first, second])
    }
}

fn hostile() -> Report {
    let evil = "<script>alert(document.cookie)</script><img src=x onerror=alert(1)>\u{202e}drow\u{202c} \u{1b}[31m \u{0} ]]> --> </style></main> &amp; \"'` javascript:alert(1)";
    let mut bad = turn(400, evil, evil);
    bad.thinking = evil.to_owned();
    bad.checks =
        vec![CheckReport { expected: evil.to_owned(), found: evil.to_owned(), passed: false }];
    let mut attempt = attempt(vec![bad]);
    attempt.app = Some(App {
        gradio: evil.to_owned(),
        protocol: evil.to_owned(),
        endpoint: evil.to_owned(),
        cold: None,
    });
    attempt.failure =
        Some(Failure { cause: Cause::Target(Reason::AppError), prose: evil.to_owned() });
    Report {
        location: evil.to_owned(),
        instance: evil.to_owned(),
        job: evil.to_owned(),
        detail: evil.to_owned(),
        labels: [(evil.to_owned(), evil.to_owned())].into(),
        runbook: Some("javascript:alert(1)//<u>".to_owned()),
        trace: evil.to_owned(),
        vigie: evil.to_owned(),
        ..report(vec![attempt.clone(), attempt])
    }
}

/// Tags of a page, as written: `</p`, `<i`. Only ours may be there.
fn tags(page: &str) -> Vec<String> {
    let name = |rest: &str| {
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '!')).collect()
    };
    page.match_indices('<').map(|(at, _)| name(&page[at + 1..])).collect()
}

#[test]
fn a_hostile_reply_shows_as_text() {
    let page = render(&hostile());
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<u>"));
    assert!(!page.contains("href=\"javascript"));
    assert!(page.contains("&lt;script&gt;alert(document.cookie)&lt;/script&gt;"));
    for hidden in ['\u{202e}', '\u{202c}', '\u{1b}', '\u{0}'] {
        assert!(!page.contains(hidden), "U+{:04X}", u32::from(hidden));
        assert!(page.contains(&format!("U+{:04X}", u32::from(hidden))));
    }
    let known = [
        "!doctype", "html", "head", "meta", "title", "style", "body", "main", "header", "section",
        "article", "div", "span", "p", "h1", "h2", "h3", "dl", "dt", "dd", "ul", "li", "i", "b",
        "bdi", "code", "a", "details", "summary",
    ];
    for tag in tags(&page) {
        assert!(known.contains(&tag.trim_start_matches('/')), "<{tag}");
    }
}

#[test]
fn every_tag_is_closed() {
    for report in [report(vec![attempt(vec![turn(400, "a", "b")])]), eventful(), hostile()] {
        let mut open: Vec<String> = Vec::new();
        for tag in tags(&render(&report)) {
            match tag.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed)),
                None if tag == "meta" || tag == "!doctype" => {}
                None => open.push(tag),
            }
        }
        assert_eq!(open, Vec::<String>::new());
    }
}

#[test]
fn a_page_needs_nothing_but_itself() {
    let page = render(&Report { runbook: None, ..eventful() });
    for outside in ["http://", "https://", "url(", "@import", "<link", "<script", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn all_that_was_seen_is_told() {
    let page = render(&eventful());
    for told in [
        "down · check_failed",
        "Attempt 1 of 2: <bdi>the stream ended before the reply was complete",
        "contains &quot;Ada&quot;",
        "found <bdi>Désolé",
        "first chunk 3.60 s, objective 3.00 s",
        "Gradio 6.31.0, first event since its start",
        "until 2027-02-01, 70 days left",
        "vigie report reports/support-bot/2026/11/22/110500Z-",
    ] {
        assert!(page.contains(told), "{told}");
    }
}

#[test]
fn a_run_that_could_not_be_made_has_a_page_too() {
    let failure = Failure {
        cause: Cause::Own(OwnFault::Secret),
        prose: "`secret:x` could not be read".to_owned(),
    };
    let ours = Attempt {
        phases: Phases::default(),
        certificate_expires: None,
        app: None,
        failure: Some(failure),
        duration: Duration::ZERO,
        ..attempt(Vec::new())
    };
    let page = render(&report(vec![ours]));
    assert!(page.contains("could not run · secret") && page.contains("2 turns were not reached"));
    assert!(render(&report(Vec::new())).contains("No attempt was made"));
}

/// For eyes: `PAGES=folder cargo test -p report-page` writes the pages to look at.
#[test]
fn the_pages_can_be_looked_at() {
    let pages = [
        (
            "up",
            report(vec![attempt(vec![
                turn(400, "My name is Ada.", "Hello Ada!"),
                turn(3_300, "What is my name?", "Your name is Ada."),
            ])]),
        ),
        ("eventful", eventful()),
        ("hostile", hostile()),
    ];
    for (name, report) in pages {
        let page = render(&report);
        assert!(page.ends_with("</html>\n"));
        if let Some(folder) = std::env::var_os("PAGES") {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.html")), page)
                .unwrap();
        }
    }
}
