//! A probe and a report for the tests of this crate.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::report::{
    App, Attempt, Cause, CheckReport, Failure, Report, RunId, TurnReport, VERSION, judge,
};
use crate::{
    AlarmRule, Objectives, Phases, Probe, ProbeName, Target, Template, Timing, Turn,
    probe::Retry,
    scrape::{Scrape, ScrapeOptions},
    scrape_http::ScrapeHttp,
};

pub(crate) fn probe(name: &str, every_seconds: u64) -> Probe {
    probe_of(name, every_seconds, Target::new(Template::literal("http://127.0.0.1:7860")))
}

/// A probe with the defaults, for one environment or, with a [`crate::TargetSpec`], for several.
pub(crate) fn probe_of<T>(name: &str, every_seconds: u64, target: T) -> Probe<T> {
    let every = Duration::from_secs(every_seconds);
    Probe {
        name: name.parse().unwrap(),
        every,
        environments: None,
        enabled: true,
        placement: crate::Placement::default(),
        timeout: crate::probe::default_timeout(every),
        target,
        retry: Retry::within(Duration::from_secs(30)),
        max_runs_per_day: None,
        objectives: Objectives::default(),
        objective: None,
        conversation: vec![Turn {
            say: Template::literal("hello"),
            expect: Vec::new(),
            objectives: Objectives::default(),
            files: Vec::new(),
            save: BTreeMap::new(),
        }],
        scrape: Vec::new(),
        alarm: AlarmRule::default(),
        maintenance: Vec::new(),
        public: crate::Disclosure::default(),
        labels: BTreeMap::new(),
        runbook: None,
    }
}

pub(crate) fn scraped(name: &str, every_seconds: u64, scrape_seconds: u64) -> Probe {
    let scrape = Scrape {
        path: "/metrics".to_owned(),
        job: "gradio_chatbot".to_owned(),
        every: Duration::from_secs(scrape_seconds),
        timeout: None,
        options: ScrapeOptions::default(),
        http: ScrapeHttp::default(),
    };
    Probe { scrape: vec![scrape], ..probe(name, every_seconds) }
}

pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// An attempt of one turn with `failed` failed checks.
pub(crate) fn attempt(
    first_chunk: Option<Duration>,
    failed: usize,
    failure: Option<Cause>,
) -> Attempt {
    let check =
        |passed| CheckReport { expected: "contains \"x\"".into(), found: String::new(), passed };
    let turn = TurnReport {
        offset: Duration::ZERO,
        said: "hi".into(),
        answered: "x".into(),
        characters: 1,
        thinking: String::new(),
        blocks: Vec::new(),
        parts: Vec::new(),
        toasts: Vec::new(),
        cached: None,
        timing: Timing { first_chunk, reply: first_chunk, ..Timing::default() },
        checks: std::iter::repeat_n(check(false), failed).chain([check(true)]).collect(),
        objectives: Objectives { first_chunk: Some(ms(2_000)), ..Objectives::default() },
    };
    Attempt {
        offset: Duration::ZERO,
        duration: ms(3_000),
        phases: Phases::default(),
        certificate_expires: None,
        app: None,
        turns: vec![turn],
        failure: failure.map(|cause| Failure { cause, prose: String::new() }),
        cut_short: false,
    }
}

/// A report of `turns` turns, of which `reached` took place.
pub(crate) fn report(turns: usize, reached: usize) -> Report {
    let probe: ProbeName = "bot".parse().unwrap();
    let environment = "prod".parse().unwrap();
    let due = Timestamp::from_second(1_795_000_000).unwrap();
    let turn = TurnReport {
        offset: ms(40),
        said: "hello".to_owned(),
        answered: "hi".to_owned(),
        characters: 2,
        thinking: String::new(),
        blocks: Vec::new(),
        parts: Vec::new(),
        toasts: Vec::new(),
        cached: None,
        timing: Timing {
            queue: Some(ms(10)),
            first_chunk: Some(ms(110)),
            first_text: Some(ms(110)),
            reply: Some(ms(510)),
            chunks: 8,
            ..Timing::default()
        },
        checks: Vec::new(),
        objectives: Objectives::default(),
    };
    let attempt = Attempt {
        offset: Duration::ZERO,
        duration: ms(600),
        phases: Phases { connect: Some(ms(1)), describe: Some(ms(20)), ..Phases::default() },
        certificate_expires: None,
        app: Some(App {
            gradio: "6.31.0".to_owned(),
            protocol: "sse_v3".to_owned(),
            endpoint: "/chat".to_owned(),
            cold: None,
            skipped_javascript: 0,
        }),
        turns: vec![turn; reached],
        failure: None,
        cut_short: false,
    };
    let attempts = vec![attempt];
    Report {
        version: VERSION,
        run: RunId::of(&environment, &probe, due),
        probe,
        environment,
        location: "eu-west-1".to_owned(),
        instance: "chat.example.com:443".to_owned(),
        url: Some("https://chat.example.com".to_owned()),
        job: "gradio_chatbot".to_owned(),
        labels: [("team".to_owned(), "chat".to_owned()), ("job".to_owned(), "mine".to_owned())]
            .into(),
        runbook: None,
        every: Duration::from_secs(60),
        due,
        maintenance: false,
        objective: None,
        started: due,
        duration: ms(600),
        outcome: judge(&attempts),
        detail: String::new(),
        attempts,
        turns,
        stalled: None,
        trace: "0".repeat(32),
        vigie: "0.0.0".to_owned(),
    }
}
